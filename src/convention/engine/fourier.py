"""The sums as products of spectra: overlap-save tiles, or one circular transform of a periodic signal.

A tile is a stretch of the continued signal, at least as long as a window. Its circular convolution with the kernel
wraps around at its end only, so all outputs whose windows lie inside the tile are right; the next tile begins where
the first window after them begins (Oppenheim and Schafer, Discrete-Time Signal Processing, section 8.7.3). Tiles are
cut out of the signal as it is stored; what lies beyond its ends is filled in by slices, so no extended copy is made.

Each output is within ``8 * eps * log2(N) * sum|kernel| * max|signal|`` of the exact sum, with N the points of a tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convention.arrays import Array
from convention.engine.costs import has_numba
from convention.engine.extension import extend
from convention.engine.job import Job
from convention.engine.spectra import kernel_spectrum, spectra
from convention.engine.threads import in_parallel
from convention.engine.tiles import Tiling, pieces, tiling_of

if TYPE_CHECKING:
    from convention.engine.compiled.overlap import Cut

__all__ = ["compiled_cut", "fourier", "fourier_cost"]


_MANY = 20
"""How often a signal may be repeated along an axis before it is extended as a whole."""


def fourier(job: Job, signal: Array, kernel: Array, total: Array | None = None, cut: Cut | None = None) -> Array | None:
    """Return the sums of a job that has outputs, or None if they turned out not to be finite.

    Only the compiled transforms look; before the others are called, somebody else must have.

    Parameters
    ----------
    job : Job
        What to compute.
    signal : array, shape (..., N1, N2, ...)
        As it came, in any data type.
    kernel : array, shape (..., K1, K2, ...)
        In the data type to sum in, conjugated where asked, reversed nowhere.
    total : array, shape (..., M1, M2, ...), optional
        A NumPy array to write the sums into.
    cut : Cut, optional
        What `compiled_cut` returns for this job, where that is known.

    Returns
    -------
    array, shape (..., M1, M2, ...)
        The outputs, in the data type to sum in, or `total`.
    """
    if job.library.name != "numpy":
        return _whole(job, signal, kernel)
    cut = cut or compiled_cut(job)
    if cut is not None:
        from convention.engine.compiled.overlap import filtered

        fits = total is not None and total.dtype == job.sum_dtype and _whole_steps(total)
        sums: NDArray[Any] = total if fits else np.empty(job.sums_shape, job.sum_dtype)  # type: ignore[assignment]
        if not filtered(job, kernel, cut, sums):
            return None
        if total is None or fits:
            return sums
        total[...] = sums
        return total
    copies = [_MANY * w.upsample * w.signal for w in job.windows]
    if any(high - low > most for (low, high), most in zip((w.reach for w in job.windows), copies)):
        # a short signal that is repeated over and over: as slices it would be too many
        signal = extend(job.library, job.library.converted(signal, job.sum_dtype), job.windows, job.rules, job.values)
        windows = tuple(
            w._replace(signal=n, before=0, after=0, upsample=1)
            for w, n in zip(job.windows, signal.shape[-len(job.windows) :])
        )
        job = replace(job, signal=signal, windows=windows, rules=("zero",) * len(windows))
    return _Call(job, signal, kernel).sums(total)


def _whole_steps(array: NDArray[Any]) -> bool:
    """Tell whether the last axis runs forward, by whole elements; complex numbers side by side."""
    step, size = array.strides[-1], array.itemsize
    return step == size if array.dtype.kind == "c" else step >= 0 and step % size == 0


def compiled_cut(job: Job) -> Cut | None:
    """Return how the compiled transforms cut a job, or None where it is not for them."""
    plain = all(window.upsample == 1 for window in job.windows)
    if job.library.name != "numpy" or not plain or len(job.windows) > 3 or not has_numba():
        return None
    if job.sum_dtype.char not in "fdFD":
        return None
    from convention.engine.compiled.overlap import cut_of

    ndim = len(job.windows)
    kernels = prod(job.kernel.shape[:-ndim])
    return cut_of(job.windows, job.rules, job.sum_dtype.char, prod(job.sums_shape[:-ndim]), kernels, job.workers)


def fourier_cost(job: Job) -> float:
    """Return the predicted microseconds of `fourier` in one thread, with a kernel not seen before."""
    cut = compiled_cut(job)
    if cut is not None:
        return cut.cost / 1e3
    if job.library.name == "numpy":
        tiling = _tiling(job)
        return tiling.cost * max(tiling.threads, tiling.inner)
    points = prod(high - low + 1 for low, high in (window.reach for window in job.windows))
    batch = prod(job.sums_shape[: -len(job.windows)])
    each = job.library.cost
    return (2 * points * batch * (points.bit_length() + 1) * each["transform"] + 20 * each["call"]) / 1e3


def _tiling(job: Job) -> Tiling:
    ndim = len(job.windows)
    kernels = prod(job.kernel.shape[:-ndim])
    return tiling_of(job.windows, job.rules, job.sum_dtype.char, prod(job.sums_shape[:-ndim]), kernels, job.workers)


class _Call:
    """One call on NumPy arrays: its tiling, its kernel spectra, and one tile after the other."""

    def __init__(self, job: Job, signal: NDArray[Any], kernel: NDArray[Any]) -> None:
        from scipy import fft

        self.fft = fft
        self.job = job
        self.tiling = plan = _tiling(job)
        self.ndim = ndim = len(job.windows)
        # a tile that is the signal itself is not copied
        self.whole = signal.dtype == job.sum_dtype and all(axis.circular for axis in plan.axes)
        self.real = job.sum_dtype.kind != "c"
        self.batch = job.sums_shape[:-ndim]
        self.signal = np.broadcast_to(signal, (*self.batch, *signal.shape[-ndim:]))
        self.kernel = np.broadcast_to(kernel, (*self.batch, *kernel.shape[-ndim:]))
        self.lengths = [axis.length for axis in plan.axes]
        self.places = []
        for number, (window, axis) in enumerate(zip(job.windows, plan.axes)):
            far = window.dilation * (window.kernel - 1) if number in job.reversed_axes else 0
            step = window.dilation if number in job.reversed_axes else -window.dilation
            self.places.append(((window.before if axis.circular else 0) - far, step))
        self.spectrum: NDArray[Any] | None = None
        if plan.keeps_spectra:
            how = ("scipy", *self.lengths, *self.places)
            kept = spectra.get(kernel, how, lambda: kernel_spectrum(kernel, self.lengths, self.places, plan.inner))
            self.spectrum = np.broadcast_to(kept, (*self.batch, *kept.shape[-ndim:]))
        self.tiles = [
            [axis.tile(window, number) for number in range(axis.tiles)] for window, axis in zip(job.windows, plan.axes)
        ]
        self.pieces = [
            [pieces(window, rule, tile, axis.circular) for tile in row]
            for window, rule, axis, row in zip(job.windows, job.rules, plan.axes, self.tiles)
        ]

    def sums(self, total: NDArray[Any] | None) -> NDArray[Any]:
        plan = self.tiling
        if plan.items == 1:  # one tile: where it is cut to the outputs it is the result
            outputs = self._filtered(0, 1)[0].reshape(self.job.sums_shape)
            if total is None:
                return np.ascontiguousarray(outputs)
            total[...] = outputs
            return total
        if total is None:
            total = np.empty(self.job.sums_shape, self.job.sum_dtype)
        result = total

        def task(number: int) -> None:
            first = number * plan.stack
            last = min(first + plan.stack, plan.items)
            for item, outputs in enumerate(self._filtered(first, last), first):
                batch, place = self._item(item)
                cut = [row[n] for row, n in zip(self.tiles, place)]
                into: tuple[int | slice, ...] = (*batch, *(slice(t.first, t.first + t.outputs) for t in cut))
                result[into] = outputs[tuple(slice(0, t.outputs) for t in cut)]

        in_parallel(task, -(-plan.items // plan.stack), plan.threads)
        return result

    def _item(self, item: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the batch entry and the tile's place; items run over tiles first."""
        place = []
        for axis in reversed(self.tiling.axes):
            item, number = divmod(item, axis.tiles)
            place.append(number)
        entry = []
        for n in reversed(self.batch):
            item, number = divmod(item, n)
            entry.append(number)
        return tuple(reversed(entry)), tuple(reversed(place))

    def _filtered(self, first: int, last: int) -> NDArray[Any]:
        """Return the outputs of some tiles, shape (tiles, T1, T2, ...)."""
        spectrum: NDArray[Any]
        fft, plan, axes = self.fft, self.tiling, tuple(range(1, self.ndim + 1))
        items = [self._item(item) for item in range(first, last)]
        if len(items) == 1 and self.whole:
            spectrum = self._transform(self.signal[items[0][0]][None], axes, own=False)
        else:
            spectrum = self._transform(self._gathered(items), axes, own=True)
        self._multiply(spectrum, [batch for batch, _ in items])
        # axis by axis, so that an axis is transformed only where outputs are wanted
        for axis, cut, window in zip(axes, plan.axes, self.job.windows):
            if axis == self.ndim and self.real:
                spectrum = fft.irfft(spectrum, cut.length, axis, overwrite_x=True, workers=plan.inner)
            else:
                spectrum = fft.ifft(spectrum, axis=axis, overwrite_x=True, workers=plan.inner)
            wanted = slice(0, (cut.outputs - 1) * window.stride + 1, window.stride)
            spectrum = spectrum[(slice(None),) * axis + (wanted,)]
        return spectrum

    def _transform(self, stack: NDArray[Any], axes: tuple[int, ...], *, own: bool) -> NDArray[Any]:
        transform = self.fft.rfftn if self.real else self.fft.fftn
        spectrum: NDArray[Any] = transform(stack, axes=axes, overwrite_x=own, workers=self.tiling.inner)
        return spectrum

    def _multiply(self, spectrum: NDArray[Any], entries: Sequence[tuple[int, ...]]) -> None:
        if self.spectrum is not None and all(entry == entries[0] for entry in entries):
            spectrum *= self.spectrum[entries[0]]
            return
        known, factor = None, None
        for number, entry in enumerate(entries):
            if entry != known:
                known = entry
                if self.spectrum is not None:
                    factor = self.spectrum[entry]
                else:
                    factor = kernel_spectrum(self.kernel[entry], self.lengths, self.places, 1)
            spectrum[number] *= factor

    def _gathered(self, items: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> NDArray[Any]:
        """Return tiles of the continued signal, shape (tiles, L1, L2, ...), zero where a tile is not filled."""
        job = self.job
        full = all(len(row) == 1 and row[0].samples == axis.length for row, axis in zip(self.tiles, self.tiling.axes))
        stack = np.empty((len(items), *self.lengths), job.sum_dtype)
        spread = any(window.upsample > 1 for window in job.windows)
        for tile, (batch, place) in zip(stack, items):
            if spread:
                tile[...] = 0
            elif not full:
                for axis, (row, n, length) in enumerate(zip(self.tiles, place, self.lengths)):
                    if row[n].samples < length:
                        tile[(slice(None),) * axis + (slice(row[n].samples, None),)] = 0
            signal = self.signal[batch]
            for block in product(*(row[n] for row, n in zip(self.pieces, place))):
                into = tuple(piece.into for piece in block)
                source = tuple(piece.source for piece in block if piece.source is not None)
                if len(source) == self.ndim:
                    tile[into] = signal[source]
                else:  # the rules continue the signal axis by axis: the last one prevails
                    tile[into] = job.values[max(axis for axis, piece in enumerate(block) if piece.source is None)]
        return stack


def _whole(job: Job, signal: Array, kernel: Array) -> Array:
    """Return the sums by one transform of the extended signal, on any device and differentiable."""
    ndim, library = len(job.windows), job.library
    signal = extend(library, library.converted(signal, job.sum_dtype), job.windows, job.rules, job.values)
    # a product of spectra is a convolution: what is not to be reversed is reversed here
    kernel = library.reversed_along(kernel, [axis - ndim for axis in range(ndim) if axis not in job.reversed_axes])
    extents = [window.dilation * (window.kernel - 1) + 1 for window in job.windows]
    if any(window.dilation > 1 for window in job.windows):
        spread = library.zeros((*kernel.shape[:-ndim], *extents), kernel.dtype, kernel)
        spread[(..., *(slice(None, None, window.dilation) for window in job.windows))] = kernel
        kernel = spread
    result = library.circular(signal, kernel, signal.shape[-ndim:], job.workers)
    # what wraps around lands on the first D-1 positions, which no output uses
    starts = [extent - 1 for extent in extents]
    return result[(..., *(slice(n, n + (w.outputs - 1) * w.stride + 1, w.stride) for n, w in zip(starts, job.windows)))]
