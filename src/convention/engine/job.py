"""A call, checked: whose arrays, which axes, which data types. Nothing is computed here.

What depends on the definition, the shapes and the data types alone is a `Form`. Forms are remembered,
so that a second call of the same form costs no more than looking at its arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isfinite, prod
from numbers import Integral
from typing import Any

import numpy as np

from convention.arrays import Array, Library, library_of
from convention.definition import Convention
from convention.errors import ConventionOverflowError, ConventionTypeError, ConventionValueError, nearest
from convention.fields import Number
from convention.geometry import Window

__all__ = ["OVERFLOWS", "Form", "Job", "in_memory", "new_job"]

OVERFLOWS = ("raise", "saturate", "wrap")
"""What happens to results that their data type cannot hold."""

_MOST = 2**40
"""Positions, several terabytes of them: more is a mistake, and NumPy's index arithmetic ends at 2**63."""


@dataclass(frozen=True, eq=False)
class Form:
    """What is known of a call without its arrays, after every check that needs none of their elements."""

    library: Library
    spatial: tuple[int, ...]
    """The signal's spatial axes, in the kernel's order."""
    moved: bool
    """Whether the spatial axes have to be moved to the end."""
    axes: tuple[int, ...]
    """The spatial axes in the result, in the kernel's order."""
    moved_back: bool
    """Whether the result's have to be moved to their places."""
    windows: tuple[Window, ...]
    reversed_axes: tuple[int, ...]
    rules: tuple[str, ...]
    values: tuple[Number, ...]
    conjugate: bool
    sum_dtype: Any
    natural_dtype: Any
    """The result's data type where none was asked for."""
    dtype: Any
    """The one that was asked for, or None."""
    exact: bool
    """Whether the sums are sums of integers."""
    sums_shape: tuple[int, ...]
    """The result's shape with the spatial axes last."""
    shape: tuple[int, ...]
    outputs: int
    """The number of outputs, of all signals together."""
    taps: int
    """The number of taps of one kernel."""
    most: int
    """The greatest sum of integers that is exact."""
    largest_constant: int
    """The greatest absolute value of an integer beyond the border."""
    largest_sample: int
    """The same of all that the signal's integer type can hold."""
    largest_tap: int
    """The same of the kernel's."""


@dataclass(frozen=True, eq=False)
class Job(Form):
    """One call after its checks, with the spatial axes last: its form, filled with arrays."""

    form: Form
    signal: Array
    """Shape (..., N1, N2, ...), in its own data type."""
    kernel: Array
    """Shape (..., K1, K2, ...), its leading axes broadcasting against the signal's; in its own data type."""
    overflow: str
    workers: int | None


def new_job(
    convention: Convention,
    signal: Any,
    kernel: Any,
    *,
    axes: Any = None,
    dtype: Any = None,
    overflow: str = "raise",
    out: Any = None,
    workers: int | None = None,
) -> Job:
    """Check a call's arguments and return what is to be computed, or refuse it."""
    if overflow not in OVERFLOWS:
        raise ConventionValueError(
            f"overflow={overflow!r}", "there is no such word", ", ".join(OVERFLOWS), nearest(overflow, OVERFLOWS)
        )
    if workers is not None:
        _check_workers(workers)
    library = library_of(signal=signal, kernel=kernel, out=out)
    x, w = library.array("signal", signal), library.array("kernel", kernel)
    library.same_device(x, w)
    spatial = _spatial_axes(x.ndim, w.ndim, axes)
    form = _form_of(library, convention, x.shape, x.dtype, w.shape, w.dtype, spatial, dtype)
    if form.moved:
        x = library.moved(x, spatial, range(-len(spatial), 0))
    job = _filled(form, x, w, overflow, workers)
    if out is not None:
        library.check_out(out, form.shape, form.natural_dtype if form.dtype is None else form.dtype, (signal, kernel))
    if form.exact and overflow != "wrap":
        _check_sums(job)
    return job


def _filled(form: Form, signal: Array, kernel: Array, overflow: str, workers: int | None) -> Job:
    """Return the job of a form for these arrays."""
    job = object.__new__(Job)
    # a frozen dataclass would set some twenty fields one by one, for longer than a short sum takes
    fields = vars(form).copy()
    fields["form"], fields["signal"], fields["kernel"] = form, signal, kernel
    fields["overflow"], fields["workers"] = overflow, workers
    object.__setattr__(job, "__dict__", fields)
    return job


def in_memory(job: Job) -> Job | None:
    """Return the same sums as a job of NumPy's on the same memory, or None where that cannot be."""
    signal, kernel = job.library.memory(job.signal), job.library.memory(job.kernel)
    if signal is None or kernel is None:
        return None
    return _filled(_numpy_form(job.form), signal, kernel, job.overflow, job.workers)


@lru_cache(maxsize=1024)
def _numpy_form(form: Form) -> Form:
    dtype = form.library.memory_dtype(form.sum_dtype)
    return replace(form, library=library_of(array=np.empty(0)), sum_dtype=dtype, natural_dtype=dtype, dtype=None)


def _form_of(library: Library, convention: Convention, *rest: Any) -> Form:
    try:
        hash(rest)
    except TypeError:  # a data type given as a list, for example
        return _new_form(library, convention, *rest)
    return _remembered_form(library, convention, *rest)


def _new_form(
    library: Library,
    convention: Convention,
    signal_shape: tuple[int, ...],
    signal_dtype: Any,
    kernel_shape: tuple[int, ...],
    kernel_dtype: Any,
    spatial: tuple[int, ...],
    dtype: Any,
) -> Form:
    """Check everything that can be checked without the arrays' elements."""
    count, ndim = len(spatial), len(signal_shape)
    windows = convention.windows([signal_shape[axis] for axis in spatial], kernel_shape[-count:])
    fields = convention.axes(count)
    rules = tuple(axis.boundary for axis in fields)
    _check_empty(windows, rules)
    _check_extent(windows)
    others = [n for axis, n in enumerate(signal_shape) if axis not in spatial]
    batch = _broadcast(others, kernel_shape[:-count])
    added = len(batch) + count - ndim
    places = tuple(axis + added for axis in spatial)
    outputs = tuple(window.outputs for window in windows)
    shape = list(batch)
    for place, n in sorted(zip(places, outputs)):
        shape.insert(place, n)

    natural = _natural_dtype(library, signal_dtype, kernel_dtype)
    wanted = None if dtype is None else library.dtype(dtype)
    _check_complex(library, natural, wanted)
    values = tuple(_checked_value(library, axis.value, natural) for axis in fields)
    sums = library.sum_dtype(natural)
    if wanted is not None and library.kind(natural) in "fc" and library.kind(wanted) in "fc":
        sums = library.sum_dtype(library.promoted(natural, wanted))
    exact = library.kind(natural) in "iu"
    return Form(
        library=library,
        spatial=spatial,
        moved=spatial != tuple(range(ndim - count, ndim)),
        axes=places,
        moved_back=places != tuple(range(len(shape) - count, len(shape))),
        windows=windows,
        reversed_axes=tuple(axis.number for axis in fields if axis.reversed),
        rules=rules,
        values=values,
        conjugate=convention.conjugate,
        sum_dtype=sums,
        natural_dtype=natural,
        dtype=wanted,
        exact=exact,
        sums_shape=(*batch, *outputs),
        shape=tuple(shape),
        outputs=prod(shape),
        taps=prod(window.kernel for window in windows),
        most=2**64 - 1 if library.kind(natural) == "u" else 2**63 - 1,
        largest_constant=max(abs(int(value.real)) for value in values) if exact else 0,
        largest_sample=_largest(library, signal_dtype) if exact else 0,
        largest_tap=_largest(library, kernel_dtype) if exact else 0,
    )


_remembered_form: Callable[..., Form] = lru_cache(maxsize=1024)(_new_form)


def _check_workers(workers: int) -> None:
    number = isinstance(workers, Integral) and not isinstance(workers, bool)
    if not number or workers < 1:
        refusal = ConventionValueError if number else ConventionTypeError
        raise refusal(
            f"workers={workers!r}", "no number of threads", "an integer of at least 1, or None", "leave it out"
        )


def _spatial_axes(signal_ndim: int, kernel_ndim: int, axes: Any) -> tuple[int, ...]:
    if 0 in (signal_ndim, kernel_ndim):
        raise ConventionValueError(
            f"a signal of {signal_ndim} axes and a kernel of {kernel_ndim}",
            "a single number has no axis to convolve along",
            "at least one axis each",
            "multiply instead, or give it an axis: [number]",
        )
    if axes is None:
        if signal_ndim == kernel_ndim:
            return tuple(range(signal_ndim))
        last, first = tuple(range(-kernel_ndim, 0)), tuple(range(kernel_ndim))
        raise ConventionValueError(
            f"a signal of {signal_ndim} axes and a kernel of {kernel_ndim} without axes=",
            "which axes of the signal are spatial cannot be told from their number",
            "the same number of axes (at least one), or axes= with one signal axis per spatial kernel axis",
            f"axes={last} for a stack (..., rows, columns), axes={first} for an image (rows, columns, channels)",
        )
    asked = f"axes={axes!r}"
    allowed = f"different axes of the signal, {-signal_ndim} to {signal_ndim - 1}, at most {kernel_ndim} (the kernel's)"
    given = axes if isinstance(axes, (list, tuple)) else (axes,)
    if not all(type(axis) is int or (isinstance(axis, Integral) and not isinstance(axis, bool)) for axis in given):
        raise ConventionTypeError(asked, "not integers", allowed, "write for example axes=(-2, -1)")
    listed = [int(axis) for axis in given]
    found = None
    if not 1 <= len(listed) <= kernel_ndim:
        found = f"{len(listed)} axes for a kernel of {kernel_ndim}"
    elif any(not -signal_ndim <= axis < signal_ndim for axis in listed):
        found = f"the signal has {signal_ndim} axes"
    elif len({axis % signal_ndim for axis in listed}) < len(listed):
        found = "an axis is named twice"
    if found:
        raise ConventionValueError(asked, found, allowed, "name one signal axis per spatial kernel axis, in its order")
    return tuple(axis % signal_ndim for axis in listed)


def _broadcast(signal: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(tuple(signal), tuple(kernel))
    except ValueError:
        raise ConventionValueError(
            f"a kernel with leading axes {tuple(kernel)} on a signal with other axes {tuple(signal)}",
            "they do not broadcast",
            "leading kernel axes of length 1 or of the signal's length, matched from the last",
            "give one kernel per channel, or name more axes in axes=",
        ) from None


def _check_empty(windows: Sequence[Window], rules: Sequence[str]) -> None:
    for axis, (window, rule) in enumerate(zip(windows, rules)):
        if window.signal == 0 and rule not in ("zero", "constant"):
            raise ConventionValueError(
                f"boundary={rule!r} on spatial axis {axis}",
                "the signal is empty there: no sample to copy",
                "'zero' and 'constant' on an empty axis",
                "choose one of them, or give the signal samples",
            )


def _check_extent(windows: Sequence[Window]) -> None:
    spans = [high - low + 1 for low, high in (window.reach for window in windows)]
    if prod(spans) > _MOST:
        fields = ", ".join(
            f"(before, after)=({w.before}, {w.after}), dilation={w.dilation}, upsample={w.upsample}" for w in windows
        )
        raise ConventionValueError(
            fields,
            f"the windows reach over {' x '.join(map(str, spans))} positions",
            f"at most {_MOST} positions",
            "make them smaller",
        )


def _natural_dtype(library: Library, signal: Any, kernel: Any) -> Any:
    kinds = library.kind(signal) + library.kind(kernel)
    if not set(kinds) <= set("biu"):
        return library.promoted(signal, kernel)
    unsigned = library.dtype_named("uint64")
    if unsigned in (signal, kernel) and "i" not in kinds:
        return unsigned
    return library.dtype_named("int64")


def _check_complex(library: Library, natural: Any, wanted: Any) -> None:
    if wanted is not None and library.kind(natural) == "c" and library.kind(wanted) != "c":
        raise ConventionTypeError(
            f"dtype={wanted} for a complex result",
            "the imaginary part would be lost",
            "complex data types",
            "take .real or abs() of the result yourself",
        )


def _checked_value(library: Library, value: Number, natural: Any) -> Number:
    kind = library.kind(natural)
    if kind == "c" or (kind == "f" and not isinstance(value, complex)):
        # an integer may be too large to become a float: compared, not converted
        if abs(value) <= library.largest(natural) or (not isinstance(value, int) and not isfinite(abs(value))):
            return value
    elif kind in "iu":
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and (0 if kind == "u" else -(2**63)) <= value < (2**64 if kind == "u" else 2**63):
            return value
    raise ConventionTypeError(
        f"value={value!r} beyond the border",
        f"the result's data type, {natural}, cannot hold it",
        "complex numbers for complex, real ones for float, integers in range for integer arrays",
        "convert the signal, for example to float",
    )


def _check_sums(job: Job) -> None:
    """Refuse integers whose greatest possible sum leaves 64 bits; the data types often rule that out by themselves."""
    possible = max(job.largest_sample, job.largest_constant)
    if possible * job.largest_tap * job.taps <= job.most:
        return
    weight = int(job.library.absolute_sum(job.kernel, len(job.windows)))
    if weight * possible <= job.most:
        return
    low, high = job.library.integer_range(job.signal)
    largest = max(-low, high, job.largest_constant)
    if weight * largest > job.most:
        raise ConventionOverflowError(
            f"an exact sum of integers in {job.natural_dtype}",
            f"the kernel's absolute sum {weight} times the largest sample {largest} is {weight * largest}",
            f"at most {job.most}",
            "convert the signal to float64, scale it down, or say overflow='wrap' for sums modulo 2**64",
        )


def _largest(library: Library, dtype: Any) -> int:
    low, high = library.dtype_range(dtype)
    return max(-low, high)
