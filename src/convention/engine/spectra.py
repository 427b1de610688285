"""Kernel spectra, kept between calls: the same kernel at the same transform lengths is transformed once.

A product of spectra is a circular convolution. The taps are placed so that output q of a tile stands at its index q:
the tap that meets the sample s positions into the window goes to index -s. Where they wrap around, they add up.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from hashlib import blake2b
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Spectra", "kernel_spectrum", "spectra", "spread_over"]

_LIMIT = 24 * 2**20
"""Bytes that are kept."""


class Spectra:
    """The spectra used last, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.lock = Lock()
        self.kept: OrderedDict[tuple[Any, ...], NDArray[Any]] = OrderedDict()

    def get(self, kernel: NDArray[Any], how: Hashable, compute: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return a kernel's spectrum, made in some way, computed or kept; not to be written to."""
        kernel = np.ascontiguousarray(kernel)
        digest = blake2b(kernel.data, digest_size=16).digest()
        key = (digest, kernel.shape, kernel.dtype.char, how)
        with self.lock:
            found = self.kept.get(key)
            if found is not None:
                self.kept.move_to_end(key)
                return found
        spectrum = compute()
        spectrum.flags.writeable = False
        if spectrum.nbytes <= self.limit:
            with self.lock:
                if key not in self.kept:
                    self.kept[key] = spectrum
                    self.size += spectrum.nbytes
                while self.size > self.limit:
                    self.size -= self.kept.popitem(last=False)[1].nbytes
        return spectrum


spectra = Spectra(_LIMIT)


def _forget() -> None:
    """Begin anew: another thread may have held the lock when this process was forked off."""
    spectra.__init__(_LIMIT)  # type: ignore[misc]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def spread_over(kernel: NDArray[Any], lengths: Sequence[int], places: Sequence[tuple[int, int]]) -> NDArray[Any]:
    """Return the kernels, each spread over a period; where taps fall together they are added.

    Parameters
    ----------
    kernel : array, shape (..., K1, K2, ...)
        In float32, float64, complex64 or complex128.
    lengths : sequence of int
        The period along each spatial axis.
    places : sequence of (int, int)
        Where tap 0 goes along each spatial axis, and the step from one tap to the next.

    Returns
    -------
    array, shape (..., L1, L2, ...)
        In the kernel's data type.
    """
    ndim = len(lengths)
    periods = np.zeros((*kernel.shape[:-ndim], *lengths), kernel.dtype)
    along = [
        (first + step * np.arange(taps)) % length
        for (first, step), taps, length in zip(places, kernel.shape[-ndim:], lengths)
    ]
    index: Any = (..., *np.ix_(*along))
    if all(1 + abs(step) * (taps - 1) <= n for (_, step), taps, n in zip(places, kernel.shape[-ndim:], lengths)):
        periods[index] = kernel
    else:  # the kernel is longer than a period
        np.add.at(periods, index, kernel)
    return periods


def kernel_spectrum(
    kernel: NDArray[Any], lengths: Sequence[int], places: Sequence[tuple[int, int]], workers: int
) -> NDArray[Any]:
    """Return the spectrum of the kernels, each spread over a period, by SciPy in `workers` threads.

    Of real kernels only the half that the last axis needs, as `scipy.fft.rfftn` has it.
    """
    from scipy import fft

    transform = fft.fftn if kernel.dtype.kind == "c" else fft.rfftn
    periods = spread_over(kernel, lengths, places)
    axes = tuple(range(-len(lengths), 0))
    spectrum: NDArray[Any] = transform(periods, axes=axes, overwrite_x=True, workers=workers)
    return spectrum
