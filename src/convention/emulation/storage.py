"""How an operator stores its sums: data types, rounding, and what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from convention.arithmetic import Arithmetic
from convention.arrays import Array, Library
from convention.catalogue.entry import Operator, dtype_name, promoted

__all__ = ["result_dtype", "stored", "summed_in", "whole"]


def stored(
    library: Library, sum_up: Callable[..., Array], dtype: str, summed: str, how: Arithmetic, bias: Any
) -> Array:
    """Return the sums as the operator stores them: wrapped, saturated, cut off, or rounded to its data type."""
    target = library.dtype_named(dtype)
    if not whole(dtype):
        with np.errstate(over="ignore", invalid="ignore"):
            sums = sum_up()
            return library.converted(sums if bias is None else sums + bias, target)
    overflow = "saturate" if dtype == "bool" or how.overflow == "saturate" else "wrap"
    if summed in "biu" and bias is None:  # of booleans: and, or
        return sum_up(dtype=target, overflow=overflow)
    sums = sum_up(**({"overflow": "wrap"} if summed in "iu" else {}))
    if bias is not None:
        sums = sums + bias
    integers = sums if library.kind(sums.dtype) in "biu" else _ROUNDINGS[how.rounding](library, sums)
    if dtype == "bool":  # stored as a byte
        return library.cast(integers, library.dtype_named("uint8"), "wrap") != 0
    return library.cast(integers, target, overflow)


def _truncated(library: Library, sums: Array) -> Array:
    return np.trunc(sums) if library.name == "numpy" else sums.trunc()


def _halves_to_even(library: Library, sums: Array) -> Array:
    return np.rint(sums) if library.name == "numpy" else sums.round()


def _halves_up(library: Library, sums: Array) -> Array:
    return np.floor(sums + 0.5) if library.name == "numpy" else (sums + 0.5).floor()


def _halves_away(library: Library, sums: Array) -> Array:
    # adding a half would be rounded itself, of 0.49999999999999994 and of large float32
    with np.errstate(invalid="ignore"):
        whole = _truncated(library, sums)
        return whole + (abs(sums - whole) >= 0.5) * (np.sign(sums) if library.name == "numpy" else sums.sign())


_ROUNDINGS: Mapping[str, Callable[[Library, Array], Array]] = {
    "exact": _truncated,
    "truncate": _truncated,
    "half-even": _halves_to_even,
    "half-up": _halves_up,
    "half-away": _halves_away,
}
"""How sums become integers, by the words of `Arithmetic.rounding`; sums that are whole stay as they are."""


def result_dtype(entry: Operator, library: Library, signal: Array, kernel: Array, options: Mapping[str, Any]) -> str:
    """Return the name of the result's data type, by the entry's rule."""
    names = dtype_name(signal), dtype_name(kernel)
    if entry.result_dtype is not None:
        return entry.result_dtype(*names, **options)
    rule = entry.arithmetic.result
    if rule == "promoted":
        return dtype_name(library.zeros((), library.promoted(signal.dtype, kernel.dtype), signal))
    return names[0] if rule == "signal" else rule


def summed_in(sums: str, dtype: str, signal: Array, kernel: Array) -> str:
    """Return the type that is summed in: complex where an operand is, and never one of 16 bits."""
    if sums == "result":
        return "float32" if dtype in ("float16", "bfloat16") else dtype
    return promoted(sums, "complex64") if "complex" in dtype_name(signal) + dtype_name(kernel) else sums


def whole(dtype: str) -> bool:
    """Tell whether results of this data type are stored as integers."""
    return "int" in dtype or dtype == "bool"
