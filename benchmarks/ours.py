"""Convention's own contender: the plain public call."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.contest import OURS, Contender
from benchmarks.problems import Problem
from convention import convolve, plan

__all__ = ["method_of", "our_contender"]


def _keywords(problem: Problem) -> dict[str, Any]:
    cell = problem.cell
    given: dict[str, Any] = {"size": cell.size, "boundary": cell.boundary}
    if cell.stride > 1:
        given["stride"] = cell.stride
    if cell.dilation > 1:
        given["dilation"] = cell.dilation
    if cell.batch:
        given["axes"] = tuple(range(-cell.ndim, 0))
    if cell.to:
        given |= {"dtype": problem.dtype, "overflow": "saturate"}
    return given


def our_contender(problem: Problem) -> Contender:
    """Return `convolve` with the cell's keywords and `out=`, as the peers that have it."""
    signal, kernel, given = problem.signal, problem.kernel, _keywords(problem)
    out = np.empty(problem.output_shape, problem.dtype)
    return Contender(OURS, "", lambda: convolve(signal, kernel, **given, out=out), compiles=True)


def method_of(problem: Problem) -> str:
    """Return the method that `plan` names for the call."""
    return str(plan(problem.signal, problem.kernel, **_keywords(problem)).method)
