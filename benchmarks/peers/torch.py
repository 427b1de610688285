"""PyTorch on the CPU: conv1d, conv2d and conv3d in every form that may be the fastest, avg_pool, and torch.fft."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.fft
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from benchmarks.contest import Contender
from benchmarks.peers import THREADS
from benchmarks.peers.padding import Padding
from benchmarks.problems import Problem

__all__ = ["contenders"]

torch.set_num_threads(THREADS)
torch.set_grad_enabled(False)

_F_PAD = {"whole-sample": "reflect", "edge": "replicate", "periodic": "circular"}


def contenders(problem: Problem) -> Iterator[Contender]:
    """Yield the forms; sums of integers are made in floats that hold them exactly, and cast."""
    if problem.cell.to:
        return
    inner = problem.dtype
    if problem.exact:
        inner = np.dtype(np.float32 if problem.scale < 2**24 else np.float64)
    layout = _Layout(problem, inner)
    yield from _dense(problem, layout)
    if problem.dtype.kind in "fc" and problem.cell.stride == 1:
        yield from _spectral(problem, layout)


class _Layout:
    """Where torch wants batch, channels and kernel, and how its result becomes the cell's."""

    def __init__(self, problem: Problem, inner: np.dtype[Any]) -> None:
        cell = problem.cell
        self.inner: Any = torch.from_numpy(np.empty(0, inner)).dtype
        self.groups = cell.batch[0] if cell.kind == "depthwise" else 1
        self.lead = (1, self.groups) if cell.kind == "depthwise" else (*(cell.batch or (1,)), 1)
        weights = problem.weights.astype(inner)
        self.weights = torch.from_numpy(weights).reshape(self.groups, 1, *weights.shape[-cell.ndim :])
        self.conv: Any = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[cell.ndim]
        self._shape, self._cast = problem.output_shape, problem.exact

    def image(self, array: Any, spatial: tuple[int, ...]) -> Tensor:
        """Return an array as torch wants it, cast where the sums need it."""
        return torch.from_numpy(array).reshape(*self.lead, *spatial).to(self.inner)

    def delivered(self, result: Tensor) -> Tensor:
        """Return a result as the cell wants it."""
        return (result.to(torch.int64) if self._cast else result).reshape(self._shape)


def _dense(problem: Problem, layout: _Layout) -> Iterator[Contender]:
    cell, weights, conv = problem.cell, layout.weights, layout.conv
    steps = {"stride": cell.stride, "dilation": cell.dilation, "groups": layout.groups}
    signal = problem.signal
    # only float32 has fast kernels; long lines have them only without padding=
    slow = 0.1 if layout.inner == torch.float32 else 2.5

    if cell.boundary == "zero":
        yield Contender(
            "torch",
            "conv, padding=",
            lambda: layout.delivered(
                conv(layout.image(signal, cell.spatial), weights, padding=problem.before, **steps)
            ),
            4 if cell.kind == "1-D" and cell.taps > 64 else slow,
        )
    if problem.before:
        pad = Padding(problem)
        spatial = tuple(n + 2 * problem.before for n in cell.spatial)
        yield Contender(
            "torch",
            "conv, padded",
            lambda: layout.delivered(conv(layout.image(pad(), spatial), weights, **steps)),
            slow,
        )
        if cell.boundary in _F_PAD and problem.before < min(cell.spatial) and signal.dtype.kind in "fc":
            sides, mode = [problem.before] * (2 * cell.ndim), _F_PAD[cell.boundary]
            yield Contender(
                "torch",
                "F.pad, conv",
                lambda: layout.delivered(
                    conv(F.pad(layout.image(signal, cell.spatial), sides, mode), weights, **steps)
                ),
                slow,
            )
        if cell.kind in ("2-D", "depthwise"):
            last: Any = torch.channels_last
            heavy = weights.to(memory_format=last)

            def channels_last() -> Any:
                image = layout.image(pad(), spatial).to(memory_format=last)
                return layout.delivered(conv(image, heavy, **steps).contiguous())

            yield Contender("torch", "conv, padded, channels_last", channels_last, slow)
    if cell.kernel == "box" and cell.border == "zero" and not problem.exact and cell.stride == 1:
        pool: Any = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[cell.ndim]
        yield Contender(
            "torch",
            "avg_pool",
            lambda: layout.delivered(pool(layout.image(signal, cell.spatial), cell.taps, 1, cell.taps // 2)),
            0.1,
        )
    if problem.factors and cell.kind != "1-D":
        yield _separable(problem, layout)


def _separable(problem: Problem, layout: _Layout) -> Contender:
    cell, conv = problem.cell, layout.conv
    factors = []
    for axis, factor in enumerate(problem.factors or ()):
        shape = [1] * cell.ndim
        shape[axis] = -1
        factors.append(torch.from_numpy(factor[::-1].copy()).to(layout.inner).reshape(1, 1, *shape))
    own = cell.boundary == "zero"
    pad = Padding(problem)
    spatial = tuple(n + 2 * problem.before for n in cell.spatial)

    def call() -> Any:
        image = layout.image(problem.signal, cell.spatial) if own else layout.image(pad(), spatial)
        for axis, factor in enumerate(factors):
            sides = [problem.before if own and other == axis else 0 for other in range(cell.ndim)]
            image = conv(image, factor, padding=sides)
        return layout.delivered(image)

    return Contender("torch", "conv per axis", call)


def _spectral(problem: Problem, layout: _Layout) -> Iterator[Contender]:
    """Yield the product of spectra at a fast length; the kernel's is made beforehand."""
    cell, axes = problem.cell, tuple(range(-problem.cell.ndim, 0))
    if cell.taps**cell.ndim < 25:
        return
    real = problem.dtype.kind == "f"
    kernel = torch.from_numpy(np.ascontiguousarray(problem.spread)).to(layout.inner)
    signal = torch.from_numpy(problem.signal)
    forward: Callable[..., Tensor] = torch.fft.rfftn if real else torch.fft.fftn
    backward: Callable[..., Tensor] = torch.fft.irfftn if real else torch.fft.ifftn

    def product(lengths: list[int], image: Callable[[], Tensor], starts: int, roll: int) -> Callable[[], Tensor]:
        wrapped = torch.zeros([*kernel.shape[: -cell.ndim], *lengths], dtype=layout.inner)
        corner: Any = (..., *(slice(n) for n in kernel.shape[-cell.ndim :]))
        wrapped[corner] = kernel
        spectrum = forward(wrapped.roll([-roll] * cell.ndim, axes), dim=axes)
        crop: Any = (..., *(slice(starts, starts + n) for n in problem.output_shape[-cell.ndim :]))

        def call() -> Tensor:
            return backward(forward(image(), s=lengths, dim=axes).mul_(spectrum), s=lengths, dim=axes)[crop]

        return call

    def fast(n: int) -> int:
        return int(scipy.fft.next_fast_len(n, real))

    if cell.boundary == "zero":
        full = [fast(n + problem.extent - 1) for n in cell.spatial]
        start = problem.extent - 1 - problem.before
        yield Contender("torch.fft", "", product(full, lambda: signal.to(layout.inner), start, 0))
    elif cell.boundary == "periodic":
        yield Contender("torch.fft", "circular", product(list(cell.spatial), lambda: signal, 0, problem.before))
    if cell.boundary != "zero":
        pad = Padding(problem)
        lengths = [fast(n + 2 * problem.before) for n in cell.spatial]
        yield Contender(
            "torch.fft",
            "padded",
            product(lengths, lambda: torch.from_numpy(pad()).to(layout.inner), problem.extent - 1, 0),
        )
