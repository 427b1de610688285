"""scipy.signal: convolve (direct and by transforms), oaconvolve, convolve2d, sepfir2d, upfirdn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.fft
import scipy.signal

from benchmarks.contest import Contender
from benchmarks.peers import THREADS
from benchmarks.peers.padding import Padding
from benchmarks.problems import Problem

__all__ = ["contenders"]

_CONVOLVE2D = {"zero": "fill", "half-sample": "symm", "periodic": "wrap"}


def contenders(problem: Problem) -> Iterator[Contender]:
    """Yield the forms; those who know no border get a padded copy and mode "valid"."""
    cell = problem.cell
    if cell.to:
        return
    kernel = problem.spread.astype(problem.dtype) if problem.exact else problem.spread
    signal: Any = problem.signal
    zero = cell.boundary == "zero" and cell.taps <= min(cell.spatial)
    source: Any = (lambda: signal) if zero else Padding(problem)
    mode = cell.size if zero else "valid"
    step = (..., *[slice(None, None, cell.stride)] * cell.ndim)
    if not cell.batch:
        yield Contender(
            "scipy.signal",
            "convolve direct",
            lambda: scipy.signal.convolve(source(), kernel, mode, "direct")[step],
            0.3 if cell.kind == "1-D" else 10,
        )
    if cell.kind == "2-D":
        boundary = _CONVOLVE2D.get(cell.boundary)
        if boundary is not None:
            form = lambda: scipy.signal.convolve2d(signal, kernel, cell.size, boundary)[step]  # noqa: E731
        else:
            form = lambda: scipy.signal.convolve2d(source(), kernel, "valid")[step]  # noqa: E731
        yield Contender("scipy.signal", "convolve2d", form, 1.5)
    if not problem.exact and problem.dtype.kind in "fc":
        yield from _transforms(problem, source, kernel, mode, step)
    if (
        problem.factors
        and cell.kind == "2-D"
        and cell.border == "half-sample"  # its documentation says "mirror symmetric"; measured
        and cell.kernel == "gaussian"
        and signal.dtype.kind == "f"
    ):
        down, along = problem.factors
        yield Contender("scipy.signal", "sepfir2d", lambda: scipy.signal.sepfir2d(signal, along, down))
    if cell.kind == "1-D" and zero and problem.dtype.kind in "fc":
        start = problem.extent - 1 - problem.before
        # upfirdn gives every stride-th output of "full", from its first one on
        if start % cell.stride == 0:
            cut = (..., slice(start // cell.stride, start // cell.stride + problem.output_shape[-1]))
            yield Contender(
                "scipy.signal", "upfirdn", lambda: scipy.signal.upfirdn(kernel, signal, down=cell.stride)[cut], 0.2
            )


def _transforms(problem: Problem, source: Any, kernel: Any, mode: str, step: Any) -> Iterator[Contender]:
    cell, axes = problem.cell, tuple(range(-problem.cell.ndim, 0))
    if kernel.ndim < problem.signal.ndim:
        kernel = kernel.reshape((1,) * (problem.signal.ndim - kernel.ndim) + kernel.shape)
    signals = problem.signal
    if signals.dtype.kind in "iu":  # otherwise the transforms are in float64, and so is the result
        inner = source
        source = lambda: inner().astype(problem.dtype)  # noqa: E731

    def threaded(function: Any) -> Any:
        def call() -> Any:
            with scipy.fft.set_workers(THREADS):
                return function(source(), kernel, mode=mode, axes=axes)[step]

        return call

    yield Contender("scipy.signal", "fftconvolve", threaded(scipy.signal.fftconvolve))
    yield Contender("scipy.signal", "oaconvolve", threaded(scipy.signal.oaconvolve))
    if cell.border == "periodic" and cell.stride == 1 and cell.kind != "depthwise":
        yield _circular(problem, axes)


def _circular(problem: Problem, axes: tuple[int, ...]) -> Contender:
    """Return the product of spectra, the kernel's made beforehand."""
    spatial = problem.cell.spatial
    wrapped = np.zeros(spatial, problem.spread.dtype)
    wrapped[tuple(slice(n) for n in problem.spread.shape)] = problem.spread
    wrapped = np.roll(wrapped, [-problem.before] * len(axes), axes)
    signal = problem.signal
    if problem.dtype.kind == "c":
        spectrum = scipy.fft.fftn(wrapped)
        return Contender(
            "scipy.fft",
            "circular",
            lambda: scipy.fft.ifftn(
                scipy.fft.fftn(signal, workers=THREADS) * spectrum, workers=THREADS, overwrite_x=True
            ),
        )
    half = scipy.fft.rfftn(wrapped)
    return Contender(
        "scipy.fft",
        "circular",
        lambda: scipy.fft.irfftn(
            scipy.fft.rfftn(signal, workers=THREADS) * half, spatial, workers=THREADS, overwrite_x=True
        ),
    )
