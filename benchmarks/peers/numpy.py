"""numpy.convolve and numpy.correlate: one dimension, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.contest import Contender
from benchmarks.peers.padding import Padding, planes
from benchmarks.problems import Problem

__all__ = ["contenders"]


def contenders(problem: Problem) -> Iterator[Contender]:
    """Yield the forms for one dimension."""
    cell = problem.cell
    if cell.kind != "1-D":
        return
    # one cast beforehand keeps the sums of integers in the result's type
    kernel = problem.spread.astype(problem.dtype) if problem.exact else problem.spread
    weights = np.ascontiguousarray(kernel[::-1].conj())
    step = slice(None, None, cell.stride)
    zero, swaps = cell.boundary == "zero", len(kernel) > cell.spatial[0]
    padding = Padding(problem)

    def rows(call: Any, source: Any) -> Any:
        if not cell.batch:
            return lambda: call(source())[step]
        out = np.empty(problem.output_shape, problem.dtype)

        def each() -> Any:
            for row, place in zip(planes(source(), 1), planes(out, 1)):
                place[...] = call(row)[step]
            return out

        return each

    mode: Any = cell.size
    if zero and not swaps:
        yield Contender(
            "numpy", "convolve", rows(lambda row: np.convolve(row, kernel, mode), lambda: problem.signal), 0.05
        )
        yield Contender(
            "numpy", "correlate", rows(lambda row: np.correlate(row, weights, mode), lambda: problem.signal), 0.05
        )
    if not zero or swaps:
        yield Contender("numpy", "convolve, padded", rows(lambda row: np.convolve(row, kernel, "valid"), padding), 0.05)
