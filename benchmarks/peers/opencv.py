"""OpenCV: filter2D with its own border or after copyMakeBorder, and the filters for known factors; all with dst=.

It has two dimensions (a line is an image of one row), no periodic border, and no int64: sums of integers are made in
the narrowest type that holds them and then cast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.contest import Contender
from benchmarks.peers import THREADS
from benchmarks.peers.padding import framed, planes
from benchmarks.problems import Problem

__all__ = ["contenders"]

cv2.setNumThreads(THREADS)

_BORDERS = {
    "zero": cv2.BORDER_CONSTANT,
    "half-sample": cv2.BORDER_REFLECT,
    "whole-sample": cv2.BORDER_REFLECT_101,
    "edge": cv2.BORDER_REPLICATE,
    "periodic": cv2.BORDER_WRAP,
}
_DEPTHS = {"u1": cv2.CV_8U, "i2": cv2.CV_16S, "f4": cv2.CV_32F, "f8": cv2.CV_64F}

Filter = Callable[[NDArray[Any], NDArray[Any], NDArray[Any], int], None]
"""Filters an image with weights into an image, with a border."""


def contenders(problem: Problem) -> Iterator[Contender]:
    """Yield the forms for one and two dimensions."""
    cell = problem.cell
    if cell.kind == "3-D":
        return
    if cell.dtype == "c64":
        yield from _complex(problem)
        return
    for dtype in _sum_dtypes(problem):
        depth, note = _DEPTHS[dtype.str[1:]], "" if dtype == problem.dtype else f", {dtype} then cast"

        def dense(image: Any, weights: Any, out: Any, border: int, depth: int = depth) -> None:
            cv2.filter2D(image, depth, weights, dst=out, borderType=border)

        weights = problem.spread_weights
        # its integer kernels become the same integers in float32
        weights = weights.astype(np.float32) if weights.dtype.kind in "iu" else weights
        yield from _bordered(problem, f"filter2D{note}", dense, weights, dtype)
        yield from _known(problem, dtype, depth, note)


def _sum_dtypes(problem: Problem) -> list[np.dtype[Any]]:
    if not problem.exact or problem.cell.to:
        return [problem.dtype]
    wide = [np.dtype(t) for t in (np.float32, np.float64)]
    return [np.dtype(np.int16), *wide] if problem.scale < 2**15 else wide


def _bordered(problem: Problem, form: str, function: Filter, weights: Any, dtype: Any) -> Iterator[Contender]:
    """Yield a filter with OpenCV's own border, where it has it, and after copyMakeBorder."""
    cell = problem.cell
    if cell.boundary != "periodic":
        yield Contender("cv2", form, _own_border(problem, function, weights, dtype), 0.02)
    if cell.size == "same" and cell.kind != "depthwise":
        yield Contender("cv2", f"copyMakeBorder, {form}", _copied_border(problem, function, weights, dtype), 0.02)


def _own_border(problem: Problem, function: Filter, weights: Any, dtype: Any) -> Callable[[], Any]:
    border = _BORDERS[problem.cell.boundary]
    source, crop = framed(problem)
    out = np.empty(source().shape, dtype)
    images, kernels, delivered = _images(problem, out), _weights(problem, weights), _delivery(problem, dtype)

    def call() -> Any:
        for image, taps, place in zip(_images(problem, source()), kernels, images):
            function(image, taps, place, border)
        return delivered(out[crop])

    return call


def _copied_border(problem: Problem, function: Filter, weights: Any, dtype: Any) -> Callable[[], Any]:
    cell, border = problem.cell, _BORDERS[problem.cell.boundary]
    half = (problem.extent - 1) // 2
    rows = half if cell.kind == "2-D" else 0
    image, taps = _images(problem, problem.signal)[0], _weights(problem, weights)[0]
    shape = (image.shape[0] + 2 * rows, image.shape[1] + 2 * half)
    padded, out, delivered = np.empty(shape, image.dtype), np.empty(shape, dtype), _delivery(problem, dtype)
    inside: Any = (slice(rows, -rows or None, cell.stride), slice(half, -half, cell.stride))
    if cell.kind == "1-D":
        inside = (slice(None) if cell.batch else 0, inside[1])

    def call() -> Any:
        cv2.copyMakeBorder(image, rows, rows, half, half, border, dst=padded)
        function(padded, taps, out, cv2.BORDER_CONSTANT)
        return delivered(out[inside])

    return call


def _delivery(problem: Problem, dtype: Any) -> Callable[[Any], Any]:
    """Return the cast to the cell's data type, into an array made once."""
    if dtype == problem.dtype:
        return lambda result: result
    final = np.empty(problem.output_shape, problem.dtype)

    def cast(result: Any) -> Any:
        np.copyto(final, result, casting="unsafe")
        return final

    return cast


def _images(problem: Problem, array: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the images of one call each: a line has one row, a stack of lines is one image."""
    if problem.cell.kind == "1-D":
        return [array.reshape(-1, array.shape[-1])]
    return planes(array, 2)


def _weights(problem: Problem, weights: NDArray[Any]) -> list[NDArray[Any]]:
    return [weights[None, :]] if problem.cell.kind == "1-D" else planes(weights, 2)


def _known(problem: Problem, dtype: Any, depth: int, note: str) -> Iterator[Contender]:
    """Yield the filters for kernels whose factors the caller knows."""
    cell = problem.cell
    if cell.kind != "2-D":
        return
    k = cell.taps
    if problem.factors:
        down, along = (
            np.ascontiguousarray(f[::-1]).astype(np.float32 if f.dtype.kind in "iu" else f.dtype)
            for f in problem.factors
        )

        def separable(image: Any, weights: Any, out: Any, border: int) -> None:
            cv2.sepFilter2D(image, depth, along, down, dst=out, borderType=border)

        yield from _bordered(problem, f"sepFilter2D{note}", separable, problem.kernel, dtype)
    if cell.kernel == "box":

        def box(image: Any, weights: Any, out: Any, border: int) -> None:
            cv2.boxFilter(image, depth, (k, k), dst=out, normalize=not problem.exact, borderType=border)

        yield from _bordered(problem, f"boxFilter{note}", box, problem.kernel, dtype)
    if cell.kernel == "gaussian" and problem.signal.dtype == problem.dtype:

        def gaussian(image: Any, weights: Any, out: Any, border: int) -> None:
            cv2.GaussianBlur(image, (k, k), k / 6, dst=out, sigmaY=k / 6, borderType=border)

        yield from _bordered(problem, "GaussianBlur", gaussian, problem.kernel, dtype)
    if cell.kernel == "laplacian" and k == 3:

        def laplacian(image: Any, weights: Any, out: Any, border: int) -> None:
            cv2.Laplacian(image, depth, dst=out, ksize=1, borderType=border)

        yield from _bordered(problem, f"Laplacian{note}", laplacian, problem.kernel, dtype)


def _complex(problem: Problem) -> Iterator[Contender]:
    """Yield filters of real and imaginary parts as two channels of one image, where the border is zero."""
    cell = problem.cell
    if cell.border != "zero" or cell.stride > 1 or cell.batch:
        return
    rows = cell.spatial if cell.kind == "2-D" else (1, *cell.spatial)
    pairs = problem.signal.view(np.float32).reshape(*rows, 2)
    weights = problem.spread_weights if cell.kind == "2-D" else problem.spread_weights[None, :]
    parts = [np.ascontiguousarray(weights.real)]
    if weights.dtype.kind == "c":
        parts.append(np.ascontiguousarray(weights.imag))
    sums = [np.empty_like(pairs) for _ in parts]

    def call() -> Any:
        for part, out in zip(parts, sums):
            cv2.filter2D(pairs, cv2.CV_32F, part, dst=out, borderType=cv2.BORDER_CONSTANT)
        if len(sums) == 2:
            sums[0][..., 0] -= sums[1][..., 1]
            sums[0][..., 1] += sums[1][..., 0]
        return sums[0].view(np.complex64).reshape(problem.output_shape)

    yield Contender("cv2", "filter2D of real and imaginary parts", call, 0.02)
    if problem.factors and cell.kind == "2-D" and weights.dtype.kind == "f":
        down, along = (np.ascontiguousarray(f[::-1]) for f in problem.factors)

        def separable() -> Any:
            cv2.sepFilter2D(pairs, cv2.CV_32F, along, down, dst=sums[0], borderType=cv2.BORDER_CONSTANT)
            return sums[0].view(np.complex64).reshape(problem.output_shape)

        yield Contender("cv2", "sepFilter2D of real and imaginary parts", separable)
