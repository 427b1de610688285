"""scipy.ndimage: convolve, convolve1d per axis, gaussian_filter, uniform_filter; all with output=."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import ndimage

from benchmarks.contest import Contender
from benchmarks.peers.padding import framed, planes
from benchmarks.problems import Problem

__all__ = ["contenders"]

_MODES = {"zero": "constant", "half-sample": "reflect", "whole-sample": "mirror", "edge": "nearest", "periodic": "wrap"}


def contenders(problem: Problem) -> Iterator[Contender]:
    """Yield the forms: its result is always of size "same", so others are padded or cropped."""
    cell = problem.cell
    if cell.to and not problem.exact:
        return  # it truncates
    source, crop = framed(problem)
    mode: Any = _MODES[cell.boundary]
    kernel = problem.spread
    out: Any = np.empty(source().shape, np.int64 if cell.to else problem.dtype)

    def delivered() -> Any:
        return np.clip(out[crop], 0, 255).astype(problem.dtype) if cell.to else out[crop]

    if cell.kind == "1-D":

        def line() -> Any:
            ndimage.convolve1d(source(), kernel, axis=-1, output=out, mode=mode)
            return delivered()

        yield Contender("scipy.ndimage", "convolve1d", line, 0.5)
        if cell.kernel == "box" and not problem.exact:

            def mean() -> Any:
                ndimage.uniform_filter1d(source(), cell.taps, output=out, mode=mode)
                return delivered()

            yield Contender("scipy.ndimage", "uniform_filter1d", mean)
        return

    def whole() -> Any:
        stack = source()
        kernels = (
            planes(kernel, cell.ndim) if kernel.ndim > cell.ndim else [kernel] * max(1, len(planes(stack, cell.ndim)))
        )
        for image, taps, place in zip(planes(stack, cell.ndim), kernels, planes(out, cell.ndim)):
            ndimage.convolve(image, taps, output=place, mode=mode)
        return delivered()

    yield Contender("scipy.ndimage", "convolve", whole, 0.9)
    if problem.factors and not cell.batch:
        yield Contender(
            "scipy.ndimage", "convolve1d per axis", lambda: _separable(problem, source(), out, mode, delivered)
        )
        if cell.kernel == "box" and not problem.exact:

            def means() -> Any:
                ndimage.uniform_filter(source(), cell.taps, output=out, mode=mode)
                return delivered()

            yield Contender("scipy.ndimage", "uniform_filter", means)
        if cell.kernel == "gaussian":

            def gauss() -> Any:
                ndimage.gaussian_filter(source(), cell.taps / 6, output=out, mode=mode, radius=cell.taps // 2)
                return delivered()

            yield Contender("scipy.ndimage", "gaussian_filter", gauss)


def _separable(problem: Problem, image: Any, out: Any, mode: Any, delivered: Any) -> Any:
    for axis, factor in enumerate(problem.factors or ()):
        ndimage.convolve1d(image, factor, axis=axis, output=out, mode=mode)
        image = out
    return delivered()
