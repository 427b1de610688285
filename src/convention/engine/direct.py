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

_BAND = 32_768
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
        for band in _bands(job, total):
            _per_tap(job, signal, kernel, total, band)
    return total


def _per_tap(job: Job, signal: Array, kernel: Array, total: Array, band: slice) -> None:
    """Add each tap times the samples that it meets, for a band of outputs along the first spatial axis."""
    part = total[(..., band, *job.whole[1:])]
    count = band.stop - band.start
    for tap in np.ndindex(*(window.kernel for window in job.windows)):
        place = []
        for axis, (t, w) in enumerate(zip(tap, job.windows)):
            step = w.kernel - 1 - t if axis in job.reversed_axes else t
            start = w.dilation * step + (band.start * w.stride if axis == 0 else 0)
            outputs = count if axis == 0 else w.outputs
            place.append(slice(start, start + (outputs - 1) * w.stride + 1, w.stride))
        factor = kernel[(..., *tap, *(None,) * len(tap))]
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


def _bands(job: Job, total: Array) -> Iterator[slice]:
    rows = job.windows[0].outputs
    step = rows
    if job.library.name == "numpy":
        step = max(1, _BAND * rows // max(1, prod(total.shape)))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
