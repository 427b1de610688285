"""Cost 6: associativity. Two filters combine into one under convolution, not under cross-correlation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from convention.engine import convolve, correlate
from convention.experiment.consequences.cost import Cost, Figure
from convention.experiment.consequences.data import Photograph
from convention.experiment.evidence import Check

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["FIRST", "SECOND", "associativity"]

FIRST = np.array([[1, 2, 1], [0, 3, 2], [0, 0, 1]])
SECOND = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
"""A soft blur to one side, and an emboss filter; the taps of both add up to a gain, 10 and 1."""


def associativity(photo: Photograph) -> Cost:
    """Return how far filtering twice is from filtering once with the combined kernel."""
    results: dict[str, NDArray[np.int64]] = {}
    differences: dict[str, int] = {}
    for name, operation in (("convolution", convolve), ("cross-correlation", correlate)):
        results[f"{name}, twice"] = operation(operation(photo.samples, FIRST, size="valid"), SECOND, size="valid")
        results[f"{name}, once"] = operation(photo.samples, operation(FIRST, SECOND, size="full"), size="valid")
        differences[name] = _largest(results[f"{name}, twice"], results[f"{name}, once"])
    repaired = correlate(photo.samples, convolve(FIRST, SECOND, size="full"), size="valid")
    left = _largest(results["cross-correlation, twice"], repaired)
    spread = int(np.ptp(results["cross-correlation, twice"]))
    checks = (
        Check("convolution: twice equals once, exactly", "equals", 0, differences["convolution"]),
        Check("cross-correlation: twice is not once", "differs from", 0, differences["cross-correlation"]),
        Check("cross-correlation with kernels combined by convolution: twice equals once", "equals", 0, left),
    )
    return Cost(
        number=6,
        name="associativity",
        title="Combining filters: twice is not once",
        sentence="Two filters in a row equal their combined kernel exactly under convolution (largest difference "
        f"{differences['convolution']}); under cross-correlation they are off by up to "
        f"{differences['cross-correlation']:,}, where the whole result spans {spread:,}.",
        figures=(
            Figure("largest difference, convolution", differences["convolution"], str(differences["convolution"])),
            Figure(
                "largest difference, cross-correlation",
                differences["cross-correlation"],
                f"{differences['cross-correlation']:,} where the result spans {spread:,}",
            ),
            Figure("with the kernels combined by convolution", left, str(left)),
        ),
        checks=checks,
        paragraph="It saves time to combine two small kernels once and filter every image only once. Convolution is "
        "associative, (x ∗ a) ∗ b = x ∗ (a ∗ b), so this changes nothing. Cross-correlation is not: "
        "combining the kernels by cross-correlation reverses one of them, and that one acts the wrong way round. "
        "Nor is it commutative: which of the two is reversed depends on their order.",
        avoid="Combine kernels by convolution, whichever definition filters the image: also two cross-correlations "
        "in a row equal one cross-correlation with the kernels' convolution. For folding layers, composing blurs and "
        'making scale spaces, compute the combined kernel with convolve(a, b, size="full").',
        alt="The photograph filtered twice, filtered once with the combined kernel, and their difference. Upper row, "
        "convolution: no difference. Lower row, cross-correlation: the difference is full of edges.",
        draw=lambda: _draw(photo, results),
    )


def _largest(a: NDArray[np.int64], b: NDArray[np.int64]) -> int:
    return int(np.abs(a - b).max())


def _draw(photo: Photograph, results: dict[str, NDArray[np.int64]]) -> Image:
    from convention.experiment.consequences.drawing import COLOURS
    from convention.pictures import Panel, sheet

    inside = tuple(slice(one.start - 2, one.stop - 2) for one in photo.detail)  # two kernels of three taps, "valid"
    panels = [
        Panel("The photograph (detail)", photo.samples[photo.detail], scale=(0, 255)),
        Panel("Kernel a, a blur to one side", FIRST, kind="kernel", mark="first"),
        Panel("Kernel b, an emboss filter", SECOND, kind="kernel", mark="first"),
    ]
    scale = (-255.0 * FIRST.sum(), 510.0 * FIRST.sum())
    limit = float(np.abs(results["cross-correlation, twice"] - results["cross-correlation, once"]).max())
    for definition in ("convolution", "cross-correlation"):
        twice, once = (results[f"{definition}, {how}"] for how in ("twice", "once"))
        largest = int(np.abs(twice - once).max())
        panels += [
            Panel(f"Twice: a, then b ({definition})", twice[inside], scale=scale, colour=COLOURS[definition]),
            Panel(f"Once: a and b combined ({definition})", once[inside], scale=scale, colour=COLOURS[definition]),
            Panel(
                f"Twice minus once ({definition})",
                (twice - once)[inside],
                kind="signed",
                scale=(-limit, limit),
                note=f"Largest: {largest:,}." if largest else "None: every sample is equal.",
                colour=COLOURS[definition],
            ),
        ]
    return sheet(
        panels,
        title="6. Two filters combined into one: right under convolution, wrong under cross-correlation",
        panel_size=(320, 320),
    )
