"""A call, checked: whose arrays, which axes, which data types. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, prod
from numbers import Integral
from typing import Any

import numpy as np

from convention.arrays import Array, Library, library_of
from convention.definition import Convention
from convention.errors import ConventionOverflowError, ConventionTypeError, ConventionValueError, nearest
from convention.fields import Number
from convention.geometry import Window

__all__ = ["OVERFLOWS", "Job", "new_job"]

OVERFLOWS = ("raise", "saturate", "wrap")
"""What happens to results that their data type cannot hold."""

_MOST = 2**40
"""Positions, several terabytes of them: more is a mistake, and NumPy's index arithmetic ends at 2**63."""


@dataclass(frozen=True, slots=True)
class Job:
    """One call after its checks, with the spatial axes last."""

    library: Library
    signal: Array
    """Shape (..., N1, N2, ...), in its own data type."""
    kernel: Array
    """Shape (..., K1, K2, ...), its leading axes broadcasting against the signal's; in its own data type."""
    axes: tuple[int, ...]
    """The spatial axes in the result, in the kernel's order."""
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
    overflow: str
    workers: int | None
    sums_shape: tuple[int, ...]
    """The result's shape with the spatial axes last."""
    shape: tuple[int, ...]

    @property
    def exact(self) -> bool:
        """Whether the sums are sums of integers."""
        return self.library.kind(self.natural_dtype) in "iu"


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
    _check_workers(workers)
    library = library_of(signal=signal, kernel=kernel, out=out)
    x, w = library.array("signal", signal), library.array("kernel", kernel)
    library.same_device(x, w)
    spatial = _spatial_axes(x.ndim, w.ndim, axes)
    count = len(spatial)
    if spatial != tuple(range(x.ndim - count, x.ndim)):
        x = library.moved(x, spatial, range(-count, 0))
    windows = convention.windows(x.shape[-count:], w.shape[-count:])
    fields = convention.axes(count)
    rules = tuple(axis.boundary for axis in fields)
    _check_empty(windows, rules)
    _check_extent(windows)
    batch = _broadcast(x.shape[:-count], w.shape[:-count])
    added = len(batch) + count - x.ndim
    places = tuple(axis + added for axis in spatial)
    outputs = tuple(window.outputs for window in windows)
    shape = list(batch)
    for place, n in sorted(zip(places, outputs)):
        shape.insert(place, n)

    natural = _natural_dtype(library, x.dtype, w.dtype)
    wanted = None if dtype is None else library.dtype(dtype)
    _check_complex(library, natural, wanted)
    values = tuple(_checked_value(library, axis.value, natural) for axis in fields)
    sums = library.sum_dtype(natural)
    if wanted is not None and library.kind(natural) in "fc" and library.kind(wanted) in "fc":
        sums = library.sum_dtype(library.promoted(natural, wanted))
    job = Job(
        library=library,
        signal=x,
        kernel=w,
        axes=places,
        windows=windows,
        reversed_axes=tuple(axis.number for axis in fields if axis.reversed),
        rules=rules,
        values=values,
        conjugate=convention.conjugate,
        sum_dtype=sums,
        natural_dtype=natural,
        dtype=wanted,
        overflow=overflow,
        workers=workers,
        sums_shape=(*batch, *outputs),
        shape=tuple(shape),
    )
    if out is not None:
        library.check_out(out, job.shape, natural if wanted is None else wanted, (signal, kernel))
    if job.exact and overflow != "wrap":
        _check_sums(job)
    return job


def _check_workers(workers: int | None) -> None:
    number = isinstance(workers, Integral) and not isinstance(workers, bool)
    if workers is not None and (not number or workers < 1):
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
    if not all(isinstance(axis, Integral) and not isinstance(axis, bool) for axis in given):
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
    """Refuse integers whose greatest possible sum leaves 64 bits."""
    low, high = job.library.integer_range(job.signal)
    largest = max(-low, high, *(abs(int(value.real)) for value in job.values))
    weight = int(job.library.absolute_sum(job.kernel, len(job.windows)))
    unsigned = job.library.kind(job.natural_dtype) == "u"
    limit = 2**64 - 1 if unsigned else 2**63 - 1
    if weight * largest > limit:
        raise ConventionOverflowError(
            f"an exact sum of integers in {job.natural_dtype}",
            f"the kernel's absolute sum {weight} times the largest sample {largest} is {weight * largest}",
            f"at most {limit}",
            "convert the signal to float64, scale it down, or say overflow='wrap' for sums modulo 2**64",
        )
