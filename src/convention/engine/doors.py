"""The public verbs that compute: `convolve`, `correlate`, `apply`, and `plan`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from convention.arrays import Array
from convention.definition import Convention, as_convention, remembered
from convention.engine.direct import direct
from convention.engine.fourier import fourier
from convention.engine.job import Job, in_memory, new_job
from convention.engine.keywords import names_its_keywords
from convention.engine.planner import Choice, Plan, choose, is_small, plan_of, refuse_transform
from convention.engine.results import place_of, repeated, stored, summed

__all__ = ["apply", "convolve", "correlate", "plan"]


@names_its_keywords
def convolve(
    signal: Array,
    kernel: Array,
    *,
    size: Any = "same",
    boundary: Any = "zero",
    value: Any = 0,
    stride: Any = 1,
    dilation: Any = 1,
    upsample: Any = 1,
    axes: Any = None,
    method: str = "auto",
    dtype: Any = None,
    overflow: str = "raise",
    out: Array | None = None,
    workers: int | None = None,
) -> Array:
    """Return the mathematical convolution: the kernel is reversed along every axis.

    ``y[n] = sum over t of kernel[t] * X[n*stride - before + dilation*(K-1-t)]`` along each axis, with X
    the signal continued by the boundary rule and spread by `upsample`; see `Convention`.

    Parameters
    ----------
    signal : array, shape (..., n)
        NumPy array, nested lists, or torch tensor; booleans, integers, floats or complex numbers.
    kernel : array, shape (..., k)
        Of the same library and device. As many axes as the signal, all spatial, unless `axes` is given.
    size, boundary, value, stride, dilation, upsample
        The fields of `Convention`, each one for all axes or one per axis.
    axes : int or tuple of int, optional
        The signal's spatial axes, in the order of the kernel's last ``len(axes)`` axes. Further kernel
        axes, in front, broadcast against the signal's other axes: one kernel per channel.
    method : {"auto", "direct", "separable", "fourier"}
        ``"auto"`` never rounds integers and never lets a NaN or Inf reach an output whose window does not
        contain it; see `plan`.
    dtype : data type, optional
        The result's. Values are cast at the end, to integers by rounding half to even.
    overflow : {"raise", "saturate", "wrap"}
        What happens to results that their data type cannot hold.
    out : array, optional
        Where to write the result: of its shape and dtype, sharing no memory with the inputs.
    workers : int, optional
        The most threads to use.

    Returns
    -------
    array
        In the library and on the device of the inputs. Floats have the library's promoted dtype; float16
        and bfloat16 are summed in float32. Integers and booleans are summed exactly, as int64 (uint64
        where an input is uint64 and none is signed).

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If an argument is refused; nothing is computed or written then.
    ConventionOverflowError
        If sums of integers could leave 64 bits, or the result does not fit into `dtype`.

    Notes
    -----
    Oppenheim and Schafer, Discrete-Time Signal Processing, section 2.3.

    Examples
    --------
    >>> convolve([1, 2, 3], [1, 0, 5])
    array([ 2,  8, 10])
    >>> convolve([1, 2, 3], [1, 0, 5], size="full")
    array([ 1,  2,  8, 10, 15])
    """
    convention = remembered("all", size, boundary, value, stride, dilation, upsample, False)
    return _compute(convention, signal, kernel, axes, method, dtype, overflow, out, workers)


@names_its_keywords
def correlate(
    signal: Array,
    kernel: Array,
    *,
    size: Any = "same",
    boundary: Any = "zero",
    value: Any = 0,
    stride: Any = 1,
    dilation: Any = 1,
    upsample: Any = 1,
    axes: Any = None,
    method: str = "auto",
    dtype: Any = None,
    overflow: str = "raise",
    out: Array | None = None,
    workers: int | None = None,
) -> Array:
    """Return the cross-correlation: the kernel as stored, conjugated where it is complex.

    ``y[n] = sum over t of conj(kernel[t]) * X[n*stride - before + dilation*t]`` along each axis. Without
    conjugation, as torch and JAX compute it, use ``apply(CROSS_CORRELATION, signal, kernel)``.

    Parameters
    ----------
    signal, kernel : array
        As in `convolve`.
    size, boundary, value, stride, dilation, upsample, axes, method, dtype, overflow, out, workers
        As in `convolve`.

    Returns
    -------
    array
        As in `convolve`.

    Raises
    ------
    ConventionTypeError, ConventionValueError, ConventionOverflowError
        As in `convolve`.

    Notes
    -----
    Conjugation of the second argument as in numpy.correlate:
    https://numpy.org/doc/stable/reference/generated/numpy.correlate.html

    Examples
    --------
    >>> correlate([1, 2, 3], [1, 0, 5])
    array([10, 16,  2])
    """
    convention = remembered("none", size, boundary, value, stride, dilation, upsample, True)
    return _compute(convention, signal, kernel, axes, method, dtype, overflow, out, workers)


@names_its_keywords
def apply(
    convention: Convention | str | Mapping[str, Any],
    signal: Array,
    kernel: Array,
    *,
    axes: Any = None,
    method: str = "auto",
    dtype: Any = None,
    overflow: str = "raise",
    out: Array | None = None,
    workers: int | None = None,
) -> Array:
    """Return what a convention computes.

    Parameters
    ----------
    convention : Convention, str or mapping
        The definition; also ``"convolution"``, ``"cross-correlation"``, or what `Convention.to_dict` wrote.
    signal, kernel : array
        As in `convolve`.
    axes, method, dtype, overflow, out, workers
        As in `convolve`.

    Returns
    -------
    array
        As in `convolve`.

    Raises
    ------
    ConventionTypeError, ConventionValueError, ConventionOverflowError
        As in `convolve`.

    Examples
    --------
    >>> apply(Convention(reversed_axes="none", size="valid"), [1, 2, 3, 4], [1, 0, 5])
    array([16, 22])
    """
    return _compute(as_convention(convention), signal, kernel, axes, method, dtype, overflow, out, workers)


@names_its_keywords
def plan(
    signal: Array,
    kernel: Array,
    *,
    convention: Convention | str | Mapping[str, Any] = "convolution",
    size: Any = None,
    boundary: Any = None,
    value: Any = None,
    stride: Any = None,
    dilation: Any = None,
    upsample: Any = None,
    axes: Any = None,
    method: str = "auto",
    dtype: Any = None,
    overflow: str = "raise",
    workers: int | None = None,
) -> Plan:
    """Return what the engine would do for a call, and why, without doing it.

    Parameters
    ----------
    signal, kernel : array
        As in `convolve`.
    convention : Convention, str or mapping
        As in `apply`; convolution where none is given.
    size, boundary, value, stride, dilation, upsample
        In place of the convention's own, where given.
    axes, method, dtype, overflow, workers
        As in `convolve`.

    Returns
    -------
    Plan
        Prints itself.

    Raises
    ------
    ConventionTypeError, ConventionValueError, ConventionOverflowError
        As in `convolve`.

    Examples
    --------
    >>> plan([1, 2, 3], [1, 0, 5]).method
    'direct'
    """
    given = {
        "size": size,
        "boundary": boundary,
        "value": value,
        "stride": stride,
        "dilation": dilation,
        "upsample": upsample,
    }
    chosen = replace(as_convention(convention), **{name: v for name, v in given.items() if v is not None})
    job = new_job(chosen, signal, kernel, axes=axes, dtype=dtype, overflow=overflow, workers=workers)
    found = plan_of(job if job.library.name == "numpy" else in_memory(job) or job, method)
    return replace(found, library=job.library.name, costs=dict(found.costs))  # the engine keeps its own


def _compute(
    convention: Convention,
    signal: Array,
    kernel: Array,
    axes: Any,
    method: str,
    dtype: Any,
    overflow: str,
    out: Array | None,
    workers: int | None,
) -> Array:
    job = new_job(convention, signal, kernel, axes=axes, dtype=dtype, overflow=overflow, out=out, workers=workers)
    if job.library.name == "numpy":
        result = None if is_small(job) else repeated(job, method, out)
        return _result(job, job, method, out) if result is None else result
    shared = in_memory(job)
    if shared is None and job.outputs * job.taps > _TRACED and job.library.tracked(job.signal, job.kernel):

        def fast(x: Array, w: Array) -> Array:
            return _compute(convention, x, w, axes, method, dtype, overflow, None, workers)

        def slow(x: Array, w: Array) -> Array:
            again = new_job(convention, x, w, axes=axes, dtype=dtype, overflow=overflow, workers=workers)
            return _result(again, again, method, None)

        return job.library.recomputed(fast, slow, signal, kernel)
    return _result(job, shared or job, method, out)


_TRACED = 100_000
"""Products above which a result with gradients is computed as one without, and again for them."""


def _result(job: Job, shared: Job, method: str, out: Array | None) -> Array:
    """Return a job's result, computed by another job with the same sums."""
    choice = choose(shared, method)
    if choice.plan.method == "fourier":
        result = _transformed(job, shared, choice, out)
        if result is not None:
            return result
        if method == "fourier":
            refuse_transform("its outputs are not all finite, or would lose digits")
        assert choice.instead is not None
        choice = choice.instead
    if choice.way:
        result = stored(job, shared, choice, method, out)
        if result is not None:
            return result
    return _delivered(job, shared, _sums(shared, choice), out)


def _transformed(job: Job, shared: Job, choice: Choice, out: Array | None) -> Array | None:
    """Return a job's result by a transform, or None if its outputs are not all finite."""
    place = place_of(job, out)
    sums = fourier(shared, shared.signal, _kernel(shared), place, choice.cut)
    if sums is None or place is not None:
        return None if sums is None else out
    return _delivered(job, shared, sums, out)


def _sums(job: Job, choice: Choice) -> Array:
    """Return the sums by the direct method, in the data type to sum in, with the spatial axes last."""
    if not job.outputs:
        return job.library.zeros(job.sums_shape, job.sum_dtype, job.signal)
    if choice.way:
        return summed(job, choice)
    return direct(job, job.signal, _kernel(job))


def _kernel(job: Job) -> Array:
    """Return the kernel in the data type to sum in, conjugated where asked."""
    kernel = job.library.converted(job.kernel, job.sum_dtype)
    return kernel.conj() if job.conjugate and job.library.kind(job.sum_dtype) == "c" else kernel


def _delivered(job: Job, shared: Job, sums: Array, out: Array | None) -> Array:
    """Return sums as the job's result."""
    result = _rounded(job, job.library.from_memory(sums) if shared is not job else sums)
    if job.moved_back:
        result = job.library.moved(result, range(-len(job.axes), 0), job.axes)
    return job.library.delivered(result, out)


def _rounded(job: Job, sums: Array) -> Array:
    library = job.library
    if job.dtype is not None:
        exact = library.converted(sums, job.natural_dtype) if job.exact else sums
        return library.cast(exact, job.dtype, job.overflow)
    # without a dtype asked for, floats follow IEEE 754: what float16 cannot hold is inf
    return library.converted(sums, job.natural_dtype)
