"""Both definitions on one signal, computed and measured band by band: results are large, temporaries are not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import ceil, isfinite, log2, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convention.arrays import Array
from convention.boundary import boundary_of, index_map
from convention.comparison.measures import EXACT, Measures, Rounding, measure, together
from convention.definition import Convention
from convention.engine import apply, plan
from convention.engine.job import Job, new_job
from convention.geometry import dilated_extent, upsampled_extent

__all__ = ["Call", "new_call", "run"]

_BAND = 2**20
"""Outputs in a band: the sums of both definitions, and what a transform needs, stay below 100 MB."""

# Where a float type sums integers exactly, and faster than int64; break-even points measured on two x86 cores.
_MOST_FOR_FLOAT32, _FEW_TAPS = 2**24, 30


@dataclass(frozen=True)
class Call:
    """What both definitions are asked to do; they differ in `Convention.reversed_axes` only."""

    definitions: tuple[Convention, Convention]
    """Convolution and cross-correlation."""
    signal: Array
    kernel: Array
    axes: Any
    method: str
    dtype: Any
    overflow: str
    workers: int | None
    job: Job
    """The convolution's, checked; the cross-correlation's has the same shapes and data types."""


class _Band(NamedTuple):
    """Rows of the result along the first spatial axis, the samples that give them, and how they are framed."""

    start: int
    stop: int
    samples: Array
    before_after: tuple[tuple[int, int], ...]


def new_call(
    convolution: Convention,
    signal: Array,
    kernel: Array,
    *,
    axes: Any,
    method: str,
    dtype: Any,
    overflow: str,
    workers: int | None,
) -> Call:
    """Check the arguments of both definitions, or refuse them as `convention.convolve` does."""
    job = new_job(convolution, signal, kernel, axes=axes, dtype=dtype, overflow=overflow, workers=workers)
    library = job.library
    return Call(
        definitions=(convolution, replace(convolution, reversed_axes="none")),
        signal=library.array("signal", signal),
        kernel=library.array("kernel", kernel),
        axes=axes,
        method=method,
        dtype=dtype,
        overflow=overflow,
        workers=workers,
        job=job,
    )


def run(call: Call) -> tuple[Array, Array, Measures]:
    """Return the convolution, the cross-correlation, and how they relate."""
    job = call.job
    bands = list(_bands(call))
    if len(bands) == 1:
        convolved, correlated = _both(call, bands[0])
        return convolved, correlated, _measured(call, bands[0], convolved, correlated)
    from concurrent.futures import ThreadPoolExecutor  # 20 ms that only large arrays need

    dtype = job.natural_dtype if job.dtype is None else job.dtype
    results = [job.library.zeros(job.shape, dtype, call.signal) for _ in range(2)]

    def one(band: _Band) -> Measures:
        both = _both(call, band)
        for result, part in zip(results, both):
            result[(slice(None),) * job.axes[0] + (slice(band.start, band.stop),)] = part
        return _measured(call, band, *both)

    # NumPy and SciPy release the interpreter's lock in the passes that take the time.
    with ThreadPoolExecutor(call.workers or min(4, os.cpu_count() or 1)) as pool:
        measures = list(pool.map(one, bands))
    return results[0], results[1], together(measures)


def _bands(call: Call) -> Iterator[_Band]:
    """Yield bands that give the same numbers as the whole; one, for other libraries than NumPy."""
    job = call.job
    rows = job.windows[0]
    others = tuple((w.before, w.after) for w in job.windows[1:])
    total = prod(job.shape)
    if total <= 2 * _BAND or job.library.name != "numpy":
        yield _Band(0, rows.outputs, call.signal, ((rows.before, rows.after), *others))
        return
    axis = job.axes[0] - len(job.shape) + call.signal.ndim
    extent = dilated_extent(rows.kernel, rows.dilation)
    step = max(ceil(_BAND * rows.outputs / total), 4 * extent // rows.stride, 1)
    for start in range(0, rows.outputs, step):
        stop = min(start + step, rows.outputs)
        low, high = start * rows.stride - rows.before, (stop - 1) * rows.stride - rows.before + extent
        first, last = -(-low // rows.upsample), max((high - 1) // rows.upsample, -(-low // rows.upsample))
        if boundary_of(job.rules[0]).copies and (first < 0 or last >= rows.signal):
            part = call.signal.take(index_map(job.rules[0], np.arange(first, last + 1), rows.signal), axis)
        else:  # constants beyond the ends are left to the engine
            first, last = (min(max(position, 0), rows.signal - 1) for position in (first, last))
            part = call.signal[(slice(None),) * axis + (slice(first, last + 1),)]
        before = rows.upsample * first - low
        after = high - low - upsampled_extent(last + 1 - first, rows.upsample) - before
        yield _Band(start, stop, part, ((before, after), *others))


def _both(call: Call, band: _Band) -> tuple[Array, Array]:
    """Return both definitions' results of a band, through the engine."""
    job = call.job
    dtype, method = _exact_sums(call)
    convolution, correlation = (replace(one, size=band.before_after) for one in call.definitions)
    samples, kernel = band.samples, call.kernel
    if dtype is not None:
        samples, kernel = samples.astype(dtype), kernel.astype(dtype)

    def results(definition: Convention) -> Array:
        if dtype is None:
            return apply(
                definition,
                samples,
                kernel,
                axes=call.axes,
                method=method,
                dtype=call.dtype,
                overflow=call.overflow,
                workers=call.workers,
            )
        sums = apply(definition, samples, kernel, axes=call.axes, method=method, workers=call.workers)
        exact = np.rint(sums, out=sums).astype(job.natural_dtype)
        return exact if job.dtype is None else job.library.cast(exact, job.dtype, call.overflow)

    return results(convolution), results(correlation)


def _exact_sums(call: Call) -> tuple[Any, str]:
    """Return a float type and a method that give exact sums of integers; None for the engine's own way."""
    job = call.job
    if not job.exact or call.method != "auto" or job.library.name != "numpy" or 0 in job.shape:
        return None, call.method
    low, high = job.library.integer_range(job.signal)
    largest = max(-low, high, *(abs(int(value.real)) for value in job.values))
    bound = int(job.library.absolute_sum(job.kernel, len(job.windows))) * largest
    taps = prod(window.kernel for window in job.windows)
    if bound <= _MOST_FOR_FLOAT32 and taps <= _FEW_TAPS:
        return np.float32, "direct"
    # a quarter: rounding to the nearest integer then gives the exact sum, whatever it is
    if taps > _FEW_TAPS and _transform_error(job, np.float64) * bound < 0.25:
        return np.float64, "fourier"
    return None, call.method


def _transform_error(job: Job, dtype: Any) -> float:
    """Return the engine's bound of a transform, per unit of sum|kernel| * max|signal|; see `convention.plan`."""
    span = prod((w.outputs - 1) * w.stride + dilated_extent(w.kernel, w.dilation) for w in job.windows)
    return 8 * job.library.epsilon(dtype) * log2(2 * max(span, 1))


def _measured(call: Call, band: _Band, convolved: Array, correlated: Array) -> Measures:
    library = call.job.library
    a, b = library.to_numpy(convolved), library.to_numpy(correlated)
    measures = measure(a, b, _rounding(call, band, a, b))
    if measures.where is None:
        return measures
    where = list(measures.where)
    where[call.job.axes[0]] += band.start
    return measures._replace(where=tuple(where))


def _rounding(call: Call, band: _Band, a: NDArray[Any], b: NDArray[Any]) -> Rounding:
    """Return how far the engine's two results may be apart where the exact ones are equal: twice its bound."""
    job, library = call.job, call.job.library
    if job.exact:
        return EXACT
    samples, kernel = library.to_numpy(band.samples), library.to_numpy(call.kernel)
    largest = max(_largest(samples), *(abs(value) for value in job.values))
    weight = library.absolute_sum(job.kernel, len(job.windows)) * largest
    stored = 0.0 if job.dtype is None or library.kind(job.dtype) in "fc" else 1.0  # two roundings to an integer
    last = library.epsilon(job.natural_dtype if job.dtype is None or stored else job.dtype)
    chosen = plan(
        band.samples,
        call.kernel,
        convention=replace(call.definitions[0], size=band.before_after),
        axes=call.axes,
        method=call.method,
        dtype=call.dtype,
        overflow=call.overflow,
    )
    if chosen.method == "fourier":
        tolerance = 2 * (_transform_error(job, job.sum_dtype) + last) * weight + stored
        return Rounding(tolerance if isfinite(tolerance) else np.inf)
    epsilon = (chosen.taps + (library.kind(job.sum_dtype) == "c")) * library.epsilon(job.sum_dtype)
    tolerance = 2 * (epsilon + last) * weight + stored

    @cache
    def local() -> NDArray[Any]:
        """Return the bound of a direct sum, from the samples in each output's own window."""
        total = np.zeros(a.shape)
        for definition in call.definitions:
            one = replace(definition, size=band.before_after, value=_absolute(definition.value))
            with np.errstate(invalid="ignore", over="ignore"):
                total += apply(one, _magnitudes(samples), _magnitudes(kernel), axes=call.axes, method="direct")
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray(epsilon * total + last * (abs(a) + abs(b)) + stored)

    return Rounding(tolerance if isfinite(tolerance) else np.inf, epsilon, local)


def _largest(samples: NDArray[Any]) -> float:
    """Return the largest finite magnitude."""
    if samples.dtype.kind in "biu":
        return float(max(int(samples.max(initial=0)), -int(samples.min(initial=0))))
    sizes = np.abs(samples)
    most = sizes.max(initial=0)
    return float(most if np.isfinite(most) else sizes[np.isfinite(sizes)].max(initial=0))


def _magnitudes(a: NDArray[Any]) -> NDArray[np.float64]:
    wide = a if a.dtype.kind == "c" else a.astype(np.float64, copy=False)  # the least integer has no opposite
    return np.asarray(np.abs(wide), dtype=np.float64)


def _absolute(value: Any) -> Any:
    return tuple(map(abs, value)) if isinstance(value, tuple) else abs(value)
