"""The sums as the definition writes them: one pass over the signal per tap, or one per output.

Whichever is fewer becomes the loop; the other side is one array operation. Small jobs are one product of
a matrix, whose rows are the windows, and the taps. Every output is the sum of its own window only, so a NaN
stays where it is, and integers are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arrays import Array
from convention.engine.extension import extend
from convention.engine.job import Job
from convention.geometry import Window

__all__ = ["direct"]

_BLOCK = 32_768
"""Outputs summed at a time by NumPy: their sums, and the products of one tap, stay in the second-level cache."""

_FEW = 2_000
"""Outputs along one axis, products along several, that one call sums before a pass per tap has begun."""

_MANY = 1_000_000
"""Positions above which the sums between the lines, which nobody keeps, would take too much memory."""


def direct(job: Job, signal: Array, kernel: Array) -> Array:
    """Return the sums of a job that has outputs.

    Parameters
    ----------
    job : Job
        What to compute.
    signal : array, shape (..., N1, N2, ...)
        As it came, in any data type.
    kernel : array, shape (..., K1, K2, ...)
        In the data type to sum in, conjugated where asked, reversed nowhere.

    Returns
    -------
    array, shape (..., M1, M2, ...)
        The outputs, in the data type to sum in.
    """
    signal = extend(job.library, job.library.converted(signal, job.sum_dtype), job.windows, job.rules, job.values)
    with np.errstate(over="ignore", invalid="ignore"):  # as IEEE 754 has it, by every method
        return _summed(job, signal, kernel)


def _summed(job: Job, signal: Array, kernel: Array) -> Array:
    batch = job.sums_shape[: -len(job.windows)]
    if job.library.name == "numpy" and kernel.size == job.taps and signal.shape[: -len(job.windows)] == batch:
        if (job.outputs if len(job.windows) == 1 else job.outputs * job.taps) <= _FEW:
            return _at_once(job, signal, kernel)
        if job.outputs >= job.taps and signal.size <= _MANY and all(window.stride == 1 for window in job.windows):
            return _in_line(job, signal, kernel)
    total = job.library.zeros(job.sums_shape, signal.dtype, signal)
    outputs = [window.outputs for window in job.windows]
    if prod(outputs) < prod(window.kernel for window in job.windows):
        _per_output(job, signal, kernel, total)
    else:
        for block in _blocks(job.sums_shape, _BLOCK if job.library.name == "numpy" else prod(job.sums_shape)):
            _per_tap(job, signal, kernel, total, block)
    return total


def _at_once(job: Job, signal: NDArray[Any], kernel: NDArray[Any]) -> NDArray[Any]:
    """Multiply the windows by the taps: along one axis they are a view, along several a copy."""
    ndim = len(job.windows)
    signal = np.ascontiguousarray(signal)
    shape, between, within = [*job.sums_shape], [*signal.strides[:-ndim]], []
    for window, step in zip(job.windows, signal.strides[-ndim:]):
        shape.append(window.kernel)
        between.append(window.stride * step)
        within.append(window.dilation * step)
    # numpy.lib.stride_tricks would take three times as long as the product
    windows: NDArray[Any] = np.ndarray(shape, signal.dtype, signal, 0, between + within)
    taps = _in_window_order(job, kernel).reshape(-1)
    if ndim > 1:
        windows = windows.reshape(*job.sums_shape, job.taps)
    sums: NDArray[Any] = windows @ taps
    return sums


def _in_line(job: Job, signal: NDArray[Any], kernel: NDArray[Any]) -> NDArray[Any]:
    """Add each tap times the samples that it meets, the signal laid out in one line.

    Windows that run over the end of a row give sums that are not kept: no output sees another's samples.
    """
    ndim = len(job.windows)
    shape, line = signal.shape, np.ascontiguousarray(signal).reshape(-1)
    offsets = _offsets(job.windows, job.reversed_axes, shape[-ndim:])
    taps = list(zip(offsets, kernel.reshape(-1)))  # in the order of `_per_tap`: the same bits
    count = line.size - max(offsets)
    total, product = np.empty(line.size, line.dtype), np.empty(min(count, _BLOCK), line.dtype)
    for start in range(0, count, _BLOCK):
        stop = min(start + _BLOCK, count)
        part = total[start:stop]
        for number, (offset, factor) in enumerate(taps):
            samples = line[start + offset : stop + offset]
            if number:
                part += np.multiply(samples, factor, out=product[: stop - start])
            else:
                np.multiply(samples, factor, out=part)
    place: Any = (..., *(slice(window.outputs) for window in job.windows))
    kept: NDArray[Any] = total.reshape(shape)[place]
    return kept


@lru_cache(maxsize=32)
def _offsets(windows: tuple[Window, ...], reversed_axes: tuple[int, ...], shape: tuple[int, ...]) -> list[int]:
    """Return how far along the line each tap's sample stands from the first of its window, in stored order."""
    offsets = [0]
    for axis, (window, n) in enumerate(zip(windows, shape)):
        steps = range(window.kernel)[:: -1 if axis in reversed_axes else 1]
        offsets = [offset * n + window.dilation * step for offset in offsets for step in steps]
    return offsets


def _in_window_order(job: Job, kernel: NDArray[Any]) -> NDArray[Any]:
    """Return one kernel as the windows meet it: reversed where the convention says so."""
    order: Any = tuple(
        slice(None, None, -1) if axis in job.reversed_axes else slice(None) for axis in range(len(job.windows))
    )
    kept: NDArray[Any] = kernel.reshape(kernel.shape[-len(order) :])[order]
    return kept


def _per_tap(job: Job, signal: Array, kernel: Array, total: Array, block: tuple[slice, ...]) -> None:
    """Add each tap times the samples that it meets, for a block of the outputs."""
    ndim = len(job.windows)
    part = total[block]
    signal, kernel = (_of_batch(array, block[:-ndim], ndim) for array in (signal, kernel))
    for tap in np.ndindex(*(window.kernel for window in job.windows)):
        place = []
        for axis, (t, w, outputs) in enumerate(zip(tap, job.windows, block[-ndim:])):
            step = w.kernel - 1 - t if axis in job.reversed_axes else t
            start = w.dilation * step + outputs.start * w.stride
            place.append(slice(start, start + (outputs.stop - outputs.start - 1) * w.stride + 1, w.stride))
        factor = kernel[(..., *tap, *(None,) * ndim)]
        job.library.add_product(part, factor, signal[(..., *place)])


def _per_output(job: Job, signal: Array, kernel: Array, total: Array) -> None:
    """Sum each output's window times the kernel."""
    ndim = len(job.windows)
    kernel = job.library.reversed_along(kernel, [axis - ndim for axis in job.reversed_axes])
    spatial = tuple(range(-ndim, 0))
    for output in np.ndindex(*(window.outputs for window in job.windows)):
        place = []
        for n, w in zip(output, job.windows):
            start = n * w.stride
            place.append(slice(start, start + w.dilation * (w.kernel - 1) + 1, w.dilation))
        total[(..., *output)] = (kernel * signal[(..., *place)]).sum(spatial)


def _of_batch(array: Array, batch: tuple[slice, ...], ndim: int) -> Array:
    """Return the part of an array for a block of the axes in front of the last ndim, where it has them."""
    own = batch[len(batch) - (array.ndim - ndim) :]
    return array[tuple(place if n > 1 else slice(None) for place, n in zip(own, array.shape))]


def _blocks(shape: tuple[int, ...], most: int) -> Iterator[tuple[slice, ...]]:
    """Cut a shape into blocks of at most so many elements, each as contiguous as can be."""
    axis = next(a for a in range(len(shape)) if prod(shape[a + 1 :]) <= most)
    step = max(1, most // prod(shape[axis + 1 :]))
    rest = tuple(slice(0, n) for n in shape[axis + 1 :])
    for lead in np.ndindex(*shape[:axis]):
        for start in range(0, shape[axis], step):
            yield (*(slice(i, i + 1) for i in lead), slice(start, min(start + step, shape[axis])), *rest)
