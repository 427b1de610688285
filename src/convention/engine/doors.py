"""The public verbs that compute: `convolve`, `correlate`, `apply`, and `plan`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from convention.arrays import Array
from convention.definition import Convention, as_convention
from convention.engine.direct import direct
from convention.engine.extension import extend
from convention.engine.fourier import fourier
from convention.engine.job import Job, new_job
from convention.engine.keywords import names_its_keywords
from convention.engine.planner import Plan, choose

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
    method : {"auto", "direct", "fourier"}
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
    convention = Convention(
        size=size, boundary=boundary, value=value, stride=stride, dilation=dilation, upsample=upsample
    )
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
    convention = Convention(
        reversed_axes="none",
        size=size,
        boundary=boundary,
        value=value,
        stride=stride,
        dilation=dilation,
        upsample=upsample,
        conjugate=True,
    )
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
    return choose(new_job(chosen, signal, kernel, axes=axes, dtype=dtype, overflow=overflow, workers=workers), method)


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
    chosen = choose(job, method)
    result = _rounded(job, _sums(job, chosen.method))
    count, ndim = len(job.axes), len(job.shape)
    if job.axes != tuple(range(ndim - count, ndim)):
        result = job.library.moved(result, range(-count, 0), job.axes)
    return job.library.delivered(result, out)


def _sums(job: Job, method: str) -> Array:
    library = job.library
    signal, kernel = library.converted(job.signal, job.sum_dtype), library.converted(job.kernel, job.sum_dtype)
    if 0 in job.sums_shape:
        return library.zeros(job.sums_shape, job.sum_dtype, signal)
    if job.conjugate and library.kind(job.sum_dtype) == "c":
        kernel = kernel.conj()
    extended = extend(library, signal, job.windows, job.rules, job.values)
    return (fourier if method == "fourier" else direct)(job, extended, kernel)


def _rounded(job: Job, sums: Array) -> Array:
    library = job.library
    if job.dtype is not None:
        exact = library.converted(sums, job.natural_dtype) if job.exact else sums
        return library.cast(exact, job.dtype, job.overflow)
    # without a dtype asked for, floats follow IEEE 754: what float16 cannot hold is inf
    return library.converted(sums, job.natural_dtype)
