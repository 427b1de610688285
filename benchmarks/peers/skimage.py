"""scikit-image: filters.gaussian, the one of its filters that computes exactly a cell's sums."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from skimage import filters

from benchmarks.contest import Contender
from benchmarks.problems import Problem

__all__ = ["contenders"]

_MODES = {"zero": "constant", "half-sample": "reflect", "whole-sample": "mirror", "edge": "nearest", "periodic": "wrap"}


def contenders(problem: Problem) -> Iterator[Contender]:
    """Yield the Gaussian, at size "same"."""
    cell = problem.cell
    if cell.kernel != "gaussian" or cell.size != "same" or cell.kind == "1-D" or problem.signal.dtype.kind != "f":
        return
    sigma, out = cell.taps / 6, np.empty(problem.output_shape, problem.dtype)
    # its radius is round(truncate * sigma)
    truncate = (cell.taps // 2) / sigma
    yield Contender(
        "skimage",
        "gaussian",
        lambda: filters.gaussian(  # type: ignore[no-untyped-call]
            problem.signal, sigma, mode=_MODES[cell.boundary], truncate=truncate, preserve_range=True, out=out
        ),
    )
