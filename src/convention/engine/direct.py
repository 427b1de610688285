"""The sums as the definition writes them: one pass over the signal per tap, or one per output.

Whichever is fewer becomes the loop; the other side is one array operation. Every output is the sum
of its own window only, so a NaN stays where it is, and integers are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from convention.arrays import Array
from convention.engine.job import Job

__all__ = ["direct"]

_BLOCK = 32_768
"""Outputs summed at a time by NumPy: their sums, and the products of one tap, stay in the second-level cache."""


def direct(job: Job, signal: Array, kernel: Array) -> Array:
    """Return the sums over the extended signal.

    Parameters
    ----------
    job : Job
        What to compute.
    signal : array, shape (..., L1, L2, ...)
        From `extension.extend`.
    kernel : array, shape (..., K1, K2, ...)
        In the same data type, conjugated where asked, reversed nowhere.

    Returns
    -------
    array, shape (..., M1, M2, ...)
        The outputs, in the data type of the arguments.
    """
    total = job.library.zeros(job.sums_shape, signal.dtype, signal)
    outputs = [window.outputs for window in job.windows]
    if prod(outputs) < prod(window.kernel for window in job.windows):
        _per_output(job, signal, kernel, total)
    else:
        for block in _blocks(job.sums_shape, _BLOCK if job.library.name == "numpy" else prod(job.sums_shape)):
            _per_tap(job, signal, kernel, total, block)
    return total


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
