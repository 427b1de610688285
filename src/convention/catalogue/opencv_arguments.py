"""The arguments of OpenCV's filters, as its Python functions take and refuse them (measured with OpenCV 5.0)."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from convention.catalogue.entry import dtype_name
from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["DEPTHS", "anchor_of", "delta_of", "depth_of", "given", "image_of", "kernel_of", "place_of", "source_of"]

DEPTHS = {0: "uint8", 1: "int8", 2: "uint16", 3: "int16", 4: "int32", 5: "float32", 6: "float64"}
"""Data types by the numbers of CV_8U, CV_8S, CV_16U, CV_16S, CV_32S, CV_32F and CV_64F."""

_ACCEPTED = (*DEPTHS.values(), "bool", "uint32", "float16", "int64", "uint64")
_NARROWED = ("int64", "uint64")
_MOST_CHANNELS = 128
_INT = 2**31


def given(name: str, value: Any, *, default: int) -> int:
    """Return a number that OpenCV reads into a C int; None is the default."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, Integral) or not -_INT <= int(value) < _INT:
        raise ConventionTypeError(
            f"{name}={value!r}", f"a {type(value).__name__}", "an integer of 32 bits", "pass one of OpenCV's constants"
        )
    return int(value)


def delta_of(value: Any) -> float:
    """Return what is added, a float; None is 0."""
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ConventionTypeError(
            f"delta={value!r}", f"a {type(value).__name__}", "a real number", "pass an int or a float"
        )
    return float(value)


def anchor_of(value: Any) -> tuple[int, int]:
    """Return the anchor (x, y); None is (-1, -1)."""
    if value is None:
        return (-1, -1)
    if isinstance(value, str) or not hasattr(value, "__getitem__") or not hasattr(value, "__len__"):
        raise ConventionTypeError(
            f"anchor={value!r}", f"a {type(value).__name__}", "two integers (x, y)", "write for example anchor=(0, 0)"
        )
    if len(value) != 2:
        raise ConventionValueError(
            f"anchor={value!r}", f"{len(value)} numbers", "two integers (x, y)", "write for example anchor=(0, 0)"
        )
    x, y = (given("anchor", one, default=0) if one is not None else _no_number(value) for one in value)
    return x, y


def _no_number(value: Any) -> int:
    raise ConventionTypeError(f"anchor={value!r}", "None among them", "two integers (x, y)", "pass numbers")


def depth_of(ddepth: Any, source: str) -> str:
    """Return the result's data type: a negative number means the image's."""
    number = given("ddepth", ddepth, default=0)  # measured: None means CV_8U
    if number < 0:
        return source
    # measured: OpenCV 5 looks at the lowest five digits only, so CV_8UC3 is CV_8U
    depth = DEPTHS.get(number & 31)
    if depth is None:
        raise ConventionValueError(
            f"ddepth={ddepth!r}", "no depth of this table", f"-1, {', '.join(map(str, DEPTHS))}", "pass -1"
        )
    return depth


def image_of(value: Any) -> Any:
    """Return an image of shape (rows, columns, channels)."""
    array = _array("src", value)
    if 0 in array.shape:
        raise ConventionValueError(
            f"src of shape {tuple(array.shape)}", "an empty image", "at least one sample", "do not filter it"
        )
    if array.ndim > 3 or (array.ndim == 3 and array.shape[2] > _MOST_CHANNELS):
        raise ConventionValueError(
            f"src of shape {tuple(array.shape)}",
            "no image",
            f"rows x columns, or rows x columns x channels with at most {_MOST_CHANNELS} channels",
            "filter its parts one by one",
        )
    # measured: one axis is one row
    array = array.reshape((1,) * (2 - array.ndim) + tuple(array.shape)) if array.ndim < 2 else array
    return array if array.ndim == 3 else array[:, :, None]


def kernel_of(name: str, value: Any) -> Any:
    """Return a kernel of shape (k1, k2)."""
    array = _array(name, value)
    if 0 in array.shape or array.ndim > 3 or (array.ndim == 3 and array.shape[2] != 1):
        raise ConventionValueError(
            f"{name} of shape {tuple(array.shape)}", "no kernel", "rows x columns", "filter channel by channel"
        )
    shape = tuple(array.shape[:2])
    return array.reshape((1,) * (2 - len(shape)) + shape)


def _array(name: str, value: Any) -> Any:
    if isinstance(value, tuple) and all(isinstance(one, (int, float)) for one in value):
        value = np.array(value, float)[:, None]  # measured: a tuple is a column of float64
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        value = np.array([[value], [0.0], [0.0], [0.0]])  # measured: a number is a cv::Scalar of four
    if not all(hasattr(value, part) for part in ("dtype", "shape", "ndim", "reshape")) or isinstance(value, np.generic):
        raise ConventionTypeError(
            f"{name} of type {type(value).__name__}", "no array", "an array", f"{name}=numpy.asarray({name})"
        )
    if dtype_name(value) not in _ACCEPTED:
        raise ConventionTypeError(
            f"{name} of {dtype_name(value)}", "OpenCV has no such depth", ", ".join(_ACCEPTED), "convert it"
        )
    if not getattr(value.dtype, "isnative", True):
        raise ConventionTypeError(
            f"{name} of {value.dtype.str}",
            "OpenCV reads its bytes in this machine's order, and other numbers come out",
            "this machine's order of bytes",
            f"{name}={name}.astype({name}.dtype.newbyteorder('='))",
        )
    return value


def source_of(array: Any) -> str:
    """Return the depth that OpenCV gives an array: 64-bit integers become 32-bit ones."""
    name = dtype_name(array)
    return "int32" if name in _NARROWED else name


def place_of(dst: Any, shape: Sequence[int], target: str, like: Any) -> Any:
    """Return the array that the result is written into, or None where OpenCV makes a new one."""
    if dst is None or isinstance(dst, (int, float, tuple)):
        return None
    found = ""
    if not hasattr(dst, "dtype") or not hasattr(dst, "shape"):
        found = "no array"
    elif dtype_name(dst) not in _ACCEPTED or dtype_name(dst) in _NARROWED:
        found = f"OpenCV has no depth {dtype_name(dst)}"
    elif type(dst).__module__.partition(".")[0] != type(like).__module__.partition(".")[0]:
        found = f"an array of another library than the image's, {type(dst).__name__}"
    elif not _laid_out(dst):
        found = "rows that are not contiguous in memory, or read-only"
    if found:
        raise ConventionTypeError("dst=", found, "a writable array, its rows contiguous", "leave it out")
    # measured: an array of another shape or data type is left as it is
    own = tuple(dst.shape)
    own = (1,) * (2 - len(own)) + own
    own = own if len(own) != 3 or own[2] != 1 else own[:2]
    wanted = tuple(shape) if len(shape) != 3 or shape[2] != 1 else tuple(shape[:2])
    return dst if own == wanted and dtype_name(dst) == target else None


def _laid_out(dst: Any) -> bool:
    """Whether OpenCV can write into an array: rows and channels contiguous, nothing backwards."""
    if isinstance(dst, np.ndarray):
        strides, writable = [s // dst.itemsize for s in dst.strides], dst.flags.writeable
    else:
        strides, writable = list(dst.stride()), True
    for axis in range(dst.ndim - 1, -1, -1):
        if dst.shape[axis] > 1:
            if axis == dst.ndim - 1 and strides[axis] != 1:
                return False
            if axis < dst.ndim - 1 and strides[axis] < strides[axis + 1]:
                return False
    return writable and (dst.ndim != 3 or strides[1] == dst.shape[2])
