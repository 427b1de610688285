"""Cost 4: weights carried to the other definition. The network no longer reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convention.engine import convolve
from convention.experiment.consequences.cost import Cost, Figure
from convention.experiment.consequences.data import digits, library
from convention.experiment.evidence import Check

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["reverse_kernels", "train", "weights"]

_SEED, _EPOCHS, _BATCH, _HELD_OUT = 0, 15, 32, 599


def weights() -> Cost:
    """Train a small network on handwritten digits and use its kernels under the other definition."""
    torch = library("torch")
    images, labels = digits()
    with _reproducible(torch):
        order = torch.randperm(len(images)).numpy()
        held_out, trained_on = order[:_HELD_OUT], order[_HELD_OUT:]
        network = train(torch, images[trained_on], labels[trained_on])
        read = [_read(torch, network, images[held_out])]
        stored = network[0].weight[:, 0].detach().numpy().copy()
        reverse_kernels(torch, network)
        read.append(_read(torch, network, images[held_out]))
        deviation, bound = _deviation(torch, network[0], stored, images[held_out[0]])
        reverse_kernels(torch, network)
        read.append(_read(torch, network, images[held_out]))
    before, ported, back = (100 * float((one == labels[held_out]).mean()) for one in read)
    checks = (
        Check("the network reads at least 95 % of the held-out digits", "is at most", before, 95.0),
        Check(
            "a layer with reversed kernels computes what the other definition computes, up to float rounding",
            "is at most",
            bound,
            deviation,
        ),
        Check("under the other definition it reads fewer than half as many", "is at most", before / 2, ported),
        Check("reversing its kernels back restores every single answer", "equals", 0, int((read[0] != read[2]).sum())),
    )
    return Cost(
        number=4,
        name="weights",
        title="Ported weights: the network no longer reads",
        sentence=f"A network that reads {before:.1f} % of handwritten digits reads {ported:.1f} % once its kernels "
        "are used under the other definition.",
        figures=(
            Figure("held-out digits", _HELD_OUT, str(_HELD_OUT)),
            Figure("read correctly, as trained", before, f"{before:.1f} %"),
            Figure("under the other definition", ported, f"{ported:.1f} %"),
            Figure("after the kernels are reversed", back, f"{back:.1f} %"),
        ),
        checks=checks,
        paragraph="A network of two convolutional layers was trained on two thirds of scikit-learn's "
        "handwritten digits; all figures are for the other third, which it never saw. Then each of its kernels was "
        "used under the other definition, as happens when weights move to a library that really convolves. Nothing "
        "warns: every shape fits, every number is finite, and the answers are wrong. It is true that a learned kernel "
        "does not care for the definition, but only as long as it stays with the one it was learned under.",
        avoid="When weights change libraries, reverse each kernel along its spatial axes (never along channels) if, "
        "and only if, the two definitions differ; then every answer comes back. Measure both definitions first, "
        "and compare one layer's output before comparing accuracies.",
        alt="Three bars: accuracy as trained, under the other definition, and with the kernels reversed back. Below, "
        "held-out digits with what the network read before and after.",
        draw=lambda: _draw(images[held_out], labels[held_out], read, (before, ported, back)),
    )


def train(torch: Any, images: NDArray[np.float64], labels: NDArray[np.int64]) -> Any:
    """Return a network of two convolutional layers, trained on digits of shape (count, 8, 8)."""
    nn = torch.nn
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 10),
    ).double()  # rounding differences between processors stay too small to change an answer
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    signal, wanted = torch.from_numpy(images)[:, None], torch.from_numpy(labels)
    for _ in range(_EPOCHS):
        for batch in torch.randperm(len(signal)).split(_BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(signal[batch]), wanted[batch]).backward()
            optimiser.step()
    return network


def reverse_kernels(torch: Any, network: Any) -> None:
    """Reverse every kernel of a network along both spatial axes, in place."""
    with torch.no_grad():
        for layer in network:
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.copy_(layer.weight.flip(-2, -1))


def _read(torch: Any, network: Any, images: NDArray[np.float64]) -> NDArray[np.int64]:
    with torch.no_grad():
        answers: NDArray[np.int64] = network(torch.from_numpy(images)[:, None]).argmax(dim=1).numpy()
    return answers


def _deviation(torch: Any, layer: Any, stored: NDArray[np.float64], image: NDArray[np.float64]) -> tuple[float, float]:
    """Return how far a layer's result is from our convolution with the stored kernels, and what rounding explains."""
    with torch.no_grad():
        result = layer(torch.from_numpy(image)[None, None])[0] - layer.bias[:, None, None]
    wanted = np.array([convolve(image, kernel, method="direct") for kernel in stored])
    # Each side rounds once per product and addition, each by a relative 2**-53, sums of |tap * sample| and a bias.
    largest = float(np.abs(stored).sum(axis=(1, 2)).max() * np.abs(image).max() + layer.bias.detach().abs().max())
    return float(np.abs(result.numpy() - wanted).max()), 4 * (stored[0].size + 2) * 2.0**-53 * largest


@contextmanager
def _reproducible(torch: Any) -> Iterator[None]:
    """Fix the seed, one thread and deterministic algorithms; leave the caller's settings as they were."""
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    with torch.random.fork_rng(devices=[]):
        try:
            torch.default_generator.manual_seed(_SEED)
            torch.set_num_threads(1)
            torch.use_deterministic_algorithms(True)
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)


def _draw(
    images: NDArray[np.float64],
    labels: NDArray[np.int64],
    read: list[NDArray[np.int64]],
    accuracies: tuple[float, float, float],
) -> Image:
    from convention.experiment.consequences.drawing import with_answers
    from convention.pictures import Panel, bar_chart, sheet
    from convention.pictures.colours import BLUE, ORANGE

    names = ("as trained", "under the other definition", "reversed back")
    first = np.array([int(np.flatnonzero(labels == digit)[0]) for digit in range(10)])
    chart = bar_chart(
        dict(zip(names, (round(accuracy, 1) for accuracy in accuracies))),
        title=f"Held-out digits read correctly, in % of {len(labels)} (guessing: 10 %)",
        limit=100,
        colours=(BLUE, ORANGE, BLUE),
        width=900,
    )
    answers = with_answers(
        images[first], [(name, one[first].tolist()) for name, one in zip(names, read)], labels[first]
    )
    return sheet(
        [
            Panel("", chart, kind="drawing"),
            Panel(
                "What it reads: the first held-out example of each digit; wrong answers are boxed",
                answers,
                kind="drawing",
            ),
        ],
        columns=1,
        title="4. One trained network, its kernels used under the other definition",
        panel_size=(940, 400),
    )
