"""What an operator must return for given arrays, if it does what its catalogue entry says."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue import Operator
from convention.reference import compute

__all__ = ["PROBES", "expected", "witness"]

Shape = tuple[int, ...]

PROBES: dict[int, tuple[tuple[Shape, Shape], ...]] = {
    1: (((9,), (3,)), ((8,), (4,)), ((7,), (4,)), ((10,), (5,)), ((3,), (5,)), ((4,), (7,)), ((5,), (1,))),
    2: (((9, 8), (3, 3)), ((7, 8), (3, 4)), ((8, 6), (4, 3)), ((9, 7), (5, 5)), ((3, 4), (4, 6))),
    3: (((4, 5, 3), (2, 3, 2)), ((3, 4, 4), (3, 2, 3)), ((4, 5, 9), (2, 3, 2))),
}
"""Shapes of signal and kernel, by the number of axes: odd and even, axes of different length, a longer kernel."""

_TOLERANCE = 0.01
"""Probes hold integers: two different sums differ by 1, and a rounding error is far smaller than this."""

_ROUNDING_ERROR = 1e-9
"""Of sums that were divided, in float64."""


def expected(
    operator: Operator, signal: NDArray[Any], kernel: NDArray[Any], options: dict[str, Any], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Return what the entry's convention, frame and arithmetic give, as float64 or complex128.

    Parameters
    ----------
    operator : Operator
        The entry.
    signal, kernel : array
        With spatial axes only.
    options : dict
        The operator's options.
    dtype : data type
        What the operator returned; integers are rounded and made to fit as the entry says.
    """
    x, w = signal, kernel
    convention = operator.convention(x.shape, w.shape, **options)
    kind = np.complex128 if np.iscomplexobj(x) or np.iscomplexobj(w) else np.float64
    sums = compute(convention, x, w).astype(kind)
    arithmetic, frame = operator.stored(options)
    added = 0.0 if operator.bias is None else operator.bias(**options)
    stored = _stored(arithmetic, sums * _gain(arithmetic, w) + added, dtype)
    if frame is None:
        return stored
    inside = np.zeros(signal.shape, dtype=bool)
    inside[tuple(slice(v.before, max(v.before, v.signal - v.after)) for v in convention.windows(x.shape, w.shape))] = (
        True
    )
    ring = signal.astype(kind) if frame.kind == "copied" else np.full(signal.shape, frame.value)
    return np.where(inside, stored, ring)


def _gain(arithmetic: Arithmetic, kernel: NDArray[Any]) -> float:
    if "sum" not in arithmetic.gain:
        return float(Fraction(arithmetic.gain))
    total = kernel.sum() if arithmetic.gain == "1/sum" else np.abs(kernel).sum()
    return 1.0 / float(total) if total else 1.0


def _stored(arithmetic: Arithmetic, sums: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind not in "iu":
        return sums
    whole: NDArray[Any] = np.rint(sums)  # half to even
    if arithmetic.rounding == "half-up":
        whole = np.floor(sums + 0.5)
    elif arithmetic.rounding == "truncate":
        whole = np.trunc(sums)
    elif arithmetic.rounding == "half-away":
        whole = np.trunc(sums + np.copysign(0.5, sums))
    elif arithmetic.rounding == "nearest":
        whole = np.where(_halves(sums), sums, whole)  # `witness` takes both neighbours
    if arithmetic.overflow != "saturate":
        return whole
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(whole, limits.min, limits.max))


def _halves(sums: NDArray[Any]) -> NDArray[np.bool_]:
    return np.abs(sums % 1 - 0.5) < _ROUNDING_ERROR


def witness(found: NDArray[Any], wanted: NDArray[Any]) -> str:
    """Return where a result is not the one expected, in words; empty where it is."""
    if found.shape != wanted.shape:
        return f"its result has shape {found.shape}, not {wanted.shape}"
    tolerance = np.where(_halves(wanted), 0.5 + _TOLERANCE, _TOLERANCE) if found.dtype.kind in "iu" else _TOLERANCE
    wrong = ~(np.abs(found - wanted) <= tolerance)
    if not wrong.any():
        return ""
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"output {list(index)} is {found[index]:.6g}, not {wanted[index]:.6g}"
