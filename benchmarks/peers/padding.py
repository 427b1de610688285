"""A padded copy of a signal in a buffer made once: the fastest form for peers that cannot continue a signal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.problems import Problem
from benchmarks.truth import index_map

__all__ = ["Padding", "framed", "planes"]


class Padding:
    """Copies the signal into the middle of a buffer, then border by border from what is there."""

    def __init__(self, problem: Problem, pad: int | None = None, dtype: Any = None) -> None:
        cell = problem.cell
        self.signal = problem.signal
        self.pad = problem.before if pad is None else pad
        shape = (*cell.batch, *(n + 2 * self.pad for n in cell.spatial))
        self.buffer: NDArray[Any] = np.zeros(shape, problem.signal.dtype if dtype is None else dtype)
        middle: Any = (..., *(slice(self.pad, self.pad + n) for n in cell.spatial))
        self._middle = self.buffer[middle]
        self._copies = [] if cell.boundary == "zero" else list(self._borders(problem))

    def _borders(self, problem: Problem) -> Any:
        ndim, done = self.signal.ndim, []
        for axis, n in zip(range(ndim - problem.cell.ndim, ndim), problem.cell.spatial):
            line = index_map(n, self.pad, problem.cell.boundary) + self.pad
            for part in (slice(0, self.pad), slice(self.pad + n, None)):
                # earlier axes are whole by now, later ones are not yet
                place: list[Any] = [slice(None)] * ndim
                for other, m in zip(range(ndim - problem.cell.ndim, ndim), problem.cell.spatial):
                    if other not in done and other != axis:
                        place[other] = slice(self.pad, self.pad + m)
                source = list(place)
                place[axis], source[axis] = part, line[part]
                yield self.buffer[tuple(place)], tuple(source)
            done.append(axis)

    def __call__(self) -> NDArray[Any]:
        """Return the buffer, filled anew."""
        self._middle[...] = self.signal
        for border, source in self._copies:
            border[...] = self.buffer[source]
        return self.buffer


def framed(problem: Problem) -> tuple[Any, Any]:
    """Return how a peer that only knows size "same" makes the cell's input and output.

    Returns
    -------
    source : callable
        Makes the input: the signal itself, or for size "full" a copy with zeros around.
    crop : tuple of slice
        Cuts the cell's result out of the "same" result of that input, strides included.
    """
    cell, half = problem.cell, (problem.extent - 1) // 2
    edge = half if cell.size == "valid" else 0
    crop = (..., *[slice(edge, -edge or None, cell.stride)] * cell.ndim)
    if cell.size == "full":
        return Padding(problem, pad=half), crop
    return (lambda: problem.signal), crop


def planes(array: NDArray[Any], ndim: int) -> list[NDArray[Any]]:
    """Return the views of an array over its last axes, one for each index of the others."""
    return [array[index] for index in np.ndindex(*array.shape[: array.ndim - ndim])]
