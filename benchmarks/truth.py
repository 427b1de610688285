"""Some outputs of a problem, each summed by the definition in float64 (integers in int64).

Nothing here is shared with the engine: borders are NumPy's, of an index per axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.problems import Problem

__all__ = ["PAD_MODES", "Truth", "index_map", "truth_of"]

PAD_MODES = {"half-sample": "symmetric", "whole-sample": "reflect", "edge": "edge", "periodic": "wrap"}
"""numpy.pad's words for the boundary rules that copy."""

_POSITIONS = 2000
_CHUNK = 4_000_000


@dataclass(frozen=True, slots=True)
class Truth:
    """Where, and what."""

    positions: tuple[NDArray[np.intp], ...]
    values: NDArray[Any]


def index_map(length: int, pad: int, boundary: str) -> NDArray[np.intp]:
    """Return which sample stands at each position of an axis from -pad to length-1+pad; -1 for a zero."""
    line = np.arange(length)
    if boundary == "zero":
        return np.pad(line, pad, constant_values=-1)
    return np.pad(line, pad, mode=PAD_MODES[boundary])  # type: ignore[call-overload, no-any-return]


def truth_of(problem: Problem) -> Truth:
    """Return the sums at up to 2,000 outputs: the corners, others at the borders, and some anywhere."""
    cell, n = problem.cell, problem.cell.ndim
    wide = np.dtype(np.int64 if problem.exact else np.complex128 if problem.dtype.kind == "c" else np.float64)
    weights = problem.weights.astype(wide)
    positions = _positions(problem.output_shape, n)
    batch, outputs = positions[:-n], positions[-n:]
    steps = np.arange(cell.taps) * cell.dilation
    maps = [index_map(length, problem.before, cell.boundary) for length in cell.spatial]
    values = np.empty(len(outputs[0]), wide)
    chunk = max(1, _CHUNK // cell.taps**n)
    for start in range(0, len(values), chunk):
        part = slice(start, start + chunk)
        read = [line[(out[part] * cell.stride)[:, None] + steps] for line, out in zip(maps, outputs)]
        places = [_along(index, axis, n) for axis, index in enumerate(read)]
        outside = np.zeros((1,) * (n + 1), bool)
        for place in places:
            outside = outside | (place < 0)
        stack = [b[part].reshape(-1, *[1] * n) for b in batch]
        samples = np.where(outside, 0, problem.signal[(*stack, *places)]).astype(wide)
        # a kernel for each channel, or one for all
        used = weights[batch[0][part]] if weights.ndim > n else weights
        values[part] = (samples * used).sum(axis=tuple(range(1, n + 1)))
    return Truth(positions, values)


def _along(index: NDArray[np.intp], axis: int, n: int) -> NDArray[np.intp]:
    shape = [len(index), *[1] * n]
    shape[axis + 1] = -1
    return index.reshape(shape)


def _positions(shape: tuple[int, ...], n: int) -> tuple[NDArray[np.intp], ...]:
    rng = np.random.default_rng(3)
    points = np.stack([rng.integers(0, length, _POSITIONS) for length in shape])
    near = _POSITIONS // 2
    for axis in range(len(shape) - n, len(shape)):
        # half of all: each at the start or the end of each axis with probability 1/4, up to 4 outputs inside
        side, depth = rng.integers(0, 8, near), np.minimum(rng.integers(0, 4, near), shape[axis] - 1)
        points[axis, :near] = np.where(
            side == 0, depth, np.where(side == 1, shape[axis] - 1 - depth, points[axis, :near])
        )
    corners = np.array(np.meshgrid(*[[0, length - 1] for length in shape[-n:]])).reshape(n, -1)
    points[-n:, : corners.shape[1]] = corners
    return tuple(points)
