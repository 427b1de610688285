"""Is a contender's result the cell's result? Judged before anything is timed."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.problems import Problem
from benchmarks.truth import Truth

__all__ = ["TOLERANCES", "Verdict", "agreement", "judge"]

TOLERANCES = {"f4": 1e-5, "f8": 1e-12, "c8": 1e-5, "c16": 1e-12}
"""The most that a sum may differ from the definition's, in units of max|x| * sum|k|."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Accepted, or why not; and the error."""

    error: float | None
    """The largest of the sampled outputs, in units of max|x| * sum|k|; None where shape or dtype are wrong."""
    refusal: str = ""


def judge(problem: Problem, truth: Truth, result: NDArray[Any]) -> Verdict:
    """Compare shape, dtype and sampled outputs with what the cell asks for."""
    if result.dtype != problem.dtype:
        return Verdict(None, f"dtype {result.dtype} instead of {problem.dtype}")
    if result.shape != problem.output_shape:
        return Verdict(None, f"shape {result.shape} instead of {problem.output_shape}")
    error = _error(problem, result[truth.positions], truth.values)
    limit = tolerance(problem)
    if not error <= limit:  # also refuses NaN
        return Verdict(error if isfinite(error) else None, f"error {error:.2g}, allowed {limit:.0g}")
    return Verdict(error)


def tolerance(problem: Problem) -> float:
    """Return the most that an error may be: nothing for sums of integers."""
    if problem.exact:
        return 0.0
    # sums of a float kernel that are rounded to integers are sums in the kernel's precision
    dtype = problem.dtype if problem.dtype.kind in "fc" else problem.kernel.dtype
    return TOLERANCES[dtype.str[1:]]


def agreement(problem: Problem, result: NDArray[Any], other: NDArray[Any]) -> float:
    """Return the largest difference of two whole results, in units of max|x| * sum|k|."""
    worst = 0.0
    for a, b in zip(_bands(result), _bands(other)):
        wide = np.int64 if problem.dtype.kind in "iu" else np.result_type(problem.dtype, np.float64)
        difference = np.abs(a.astype(wide) - b.astype(wide)).max(initial=0)
        if np.isnan(difference):
            return float("nan")
        worst = max(worst, float(difference))
    # two right roundings to an integer may differ by one
    slack = 1.0 if problem.dtype.kind in "iu" and not problem.exact else 0.0
    return max(0.0, worst - slack) / problem.scale


def _bands(array: NDArray[Any]) -> list[NDArray[Any]]:
    return np.array_split(array, min(len(array), 1 + array.size // 1_000_000))


def _error(problem: Problem, found: NDArray[Any], sums: NDArray[Any]) -> float:
    if problem.dtype.kind not in "iu":
        return float(np.abs(found - sums).max() / problem.scale)
    bounds = np.iinfo(problem.dtype)
    fitting = np.clip(sums, bounds.min, bounds.max) if problem.cell.to else sums
    if problem.exact:
        return float(np.abs(found.astype(np.int64) - fitting).max() / problem.scale)
    # rounding to the nearest is right; what goes beyond half is an error of the sum
    return float(max(0.0, np.abs(found - fitting).max() - 0.5) / problem.scale)
