"""Results of arithmetic, back in the data type that an image's samples have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from convention.errors import ConventionTypeError, ConventionValueError, nearest

__all__ = ["DEPTHS", "VIEWS", "in_depth"]

DEPTHS = ("uint8", "uint16", "float32", "float64")
"""Data types that the samples of an image have here."""

VIEWS: dict[str, str] = {
    "saturate": "the result itself: what lies below 0 becomes 0, what is too large the greatest sample",
    "offset": "the result plus half the range (128 for 8 bit, 32768 for 16 bit): mid-grey is zero",
    "absolute": "the absolute value of the result",
}
"""How results that may be negative are shown as an image."""


def in_depth(result: ArrayLike, depth: DTypeLike, *, view: str = "saturate") -> tuple[NDArray[Any], int]:
    """Return a result as samples of an image, and how many of them were clipped.

    Parameters
    ----------
    result : array
        Of real numbers.
    depth : data type
        One of `DEPTHS`.
    view : {"saturate", "offset", "absolute"}
        What is stored: `VIEWS`. ``"offset"`` is for integer samples only.

    Returns
    -------
    array
        Of that data type. Integers are rounded half to even and saturate; infinite floats stay as they are.
    int
        How many samples were beyond the range after rounding.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If the result is complex, has NaN for integer samples, or an argument is unknown.

    Examples
    --------
    >>> in_depth([-3, 0.5, 1.5, 300], "uint8")
    (array([  0,   0,   2, 255], dtype=uint8), 2)
    >>> in_depth([-3, 0, 3], "uint8", view="offset")
    (array([125, 128, 131], dtype=uint8), 0)
    """
    values, target = np.asarray(result), np.dtype(depth)
    asked = f"a result of dtype {values.dtype} as {target} samples"
    if view not in VIEWS:
        allowed = "\n".join(f"{name}: {meaning}" for name, meaning in VIEWS.items())
        raise ConventionValueError(f"view={view!r}", "there is no such view", allowed, nearest(view, VIEWS))
    if target.name not in DEPTHS:
        raise ConventionTypeError(asked, "images do not have such samples", ", ".join(DEPTHS), "name one of them")
    if values.dtype.kind not in "biuf":
        raise ConventionTypeError(asked, "it has no real numbers", "real numbers", "take .real or abs() of it yourself")
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    if values.dtype.kind == "i":
        values = values.astype(np.int64, copy=False)  # int8 has no absolute value of -128
    if view == "absolute":
        values = np.abs(values)
    if target.kind == "f":
        return _floats(values, target, view)
    return _integers(values, target, view, asked)


def _floats(values: NDArray[Any], target: np.dtype[Any], view: str) -> tuple[NDArray[Any], int]:
    if view == "offset":
        raise ConventionValueError(
            "view='offset' for an image of floats",
            "its range has no middle, and it can hold negative numbers as they are",
            "saturate, absolute",
            "leave view out",
        )
    with np.errstate(over="ignore"):
        samples = values.astype(target, copy=False)
    if values.dtype.kind != "f" or values.dtype.itemsize <= target.itemsize:
        return samples, 0
    most = np.finfo(target).max
    lost = np.isinf(samples) & np.isfinite(values)
    samples[lost] = np.clip(values[lost], -most, most)
    return samples, int(np.count_nonzero(lost))


def _integers(values: NDArray[Any], target: np.dtype[Any], view: str, asked: str) -> tuple[NDArray[Any], int]:
    most = int(np.iinfo(target).max)
    if values.dtype.kind == "f":
        if np.isnan(values).any():
            raise ConventionValueError(
                asked, "it has NaN, which no integer stands for", "numbers", "write a float .tif or a .npy file"
            )
        # even numbers: half the range can be added after rounding half to even
        values = np.rint(values.astype(np.float64, copy=False))
    elif view == "offset":
        values = values.astype(np.int64, copy=False)  # sums of uint8 and uint16 would wrap
    if view == "offset":
        values = values + (most + 1) // 2
    outside = np.count_nonzero(values < 0) + np.count_nonzero(values > most)
    if outside:
        values = np.clip(values, 0, most)
    return values.astype(target, copy=False), int(outside)
