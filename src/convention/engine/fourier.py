"""The sums as a product of spectra: the whole extended signal in one circular convolution.

The transform is as long as the extended signal; what wraps around lands on the first D-1 positions,
which no output uses.
"""

from __future__ import annotations

from convention.arrays import Array
from convention.engine.job import Job

__all__ = ["fourier"]


def fourier(job: Job, signal: Array, kernel: Array) -> Array:
    """Return the sums over the extended signal; arguments and result as `direct.direct`."""
    ndim = len(job.windows)
    # a product of spectra is a convolution: what is not to be reversed is reversed here
    kept = [axis - ndim for axis in range(ndim) if axis not in job.reversed_axes]
    kernel = job.library.reversed_along(kernel, kept)
    if any(window.dilation > 1 for window in job.windows):
        extents = [window.dilation * (window.kernel - 1) + 1 for window in job.windows]
        spread = job.library.zeros((*kernel.shape[:-ndim], *extents), kernel.dtype, kernel)
        spread[(..., *(slice(None, None, window.dilation) for window in job.windows))] = kernel
        kernel = spread
    result = job.library.circular(signal, kernel, signal.shape[-ndim:], job.workers)
    place = []
    for window, extent in zip(job.windows, kernel.shape[-ndim:]):
        start = extent - 1
        place.append(slice(start, start + (window.outputs - 1) * window.stride + 1, window.stride))
    return result[(..., *place)]
