"""NumPy's primitives for the engine; see `convention.arrays.Library` for what each does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from convention.arrays.integers import bits_of, refuse_cast, wrapped_to_int64
from convention.arrays.memory import overlap, overlaps_itself
from convention.errors import ConventionTypeError, ConventionValueError

name = "numpy"
types = (np.ndarray,)
cost = {"product": 0.7, "transform": 0.6, "call": 4000.0}

_FEW = 100
"""Elements that Python's own integers add up before NumPy's first pass would end."""

_KINDS = "biufc"
_ALLOWED = "booleans, integers, floats and complex numbers"


def array(name: str, value: Any) -> NDArray[Any]:
    try:
        numbers = np.asarray(value)
    except ValueError:
        raise ConventionValueError(
            f"{name}={value!r}",
            "rows of different lengths",
            "nested lists of equal lengths",
            "make all rows equally long",
        ) from None
    except (TypeError, RuntimeError) as error:  # lists of other libraries' arrays
        raise ConventionTypeError(
            f"{name} of type {type(value).__name__}",
            f"NumPy makes no array of it: {error}",
            f"nested lists of {_ALLOWED}",
            "convert it to one array or tensor first",
        ) from None
    if numbers.dtype.kind not in _KINDS:
        _refuse_dtype(f"{name} with dtype {numbers.dtype}", numbers.dtype)
    return _exact_integers(name, value, numbers) if isinstance(value, (list, tuple)) else numbers


def _exact_integers(name: str, value: Any, numbers: NDArray[Any]) -> NDArray[Any]:
    """Undo NumPy's rounding of lists with integers from 2**63 on: it makes floats of them unless all are so large."""
    if numbers.dtype.kind != "f" or not magnitude(numbers) >= 2.0**63:
        return numbers
    elements = list(np.asarray(value, dtype=object).flat)
    if not all(isinstance(element, (int, np.integer)) for element in elements):
        return numbers
    if min(elements) >= 0 and max(elements) < 2**64:
        return np.asarray(value, dtype=np.uint64)
    raise ConventionValueError(
        f"{name} with integers from {min(elements)} to {max(elements)}",
        "no integer type of 64 bits holds them all",
        f"integers from {-(2**63)} to {2**63 - 1}, or from 0 to {2**64 - 1}",
        f"round them yourself: numpy.asarray({name}, dtype=float)",
    )


def same_device(signal: NDArray[Any], kernel: NDArray[Any]) -> None:
    pass


def dtype(value: Any) -> np.dtype[Any]:
    try:
        found: np.dtype[Any] = np.dtype(value)
    except (TypeError, ValueError, SyntaxError):
        raise ConventionTypeError(
            f"dtype={value!r}",
            "NumPy knows no such data type",
            f"a NumPy data type of {_ALLOWED}",
            "write for example dtype=numpy.float32",
        ) from None
    if found.kind not in _KINDS:
        _refuse_dtype(f"dtype={value!r}", found)
    return found


def _refuse_dtype(asked: str, found: np.dtype[Any]) -> NoReturn:
    raise ConventionTypeError(
        asked,
        f"elements of kind {found.kind!r} ({found.name}) have no sum of products here",
        _ALLOWED,
        "convert it, for example numpy.asarray(values, dtype=float)",
    )


def dtype_named(name: str) -> np.dtype[Any]:
    return np.dtype(name)


def kind(dtype: np.dtype[Any]) -> str:
    return dtype.kind


def promoted(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    found: np.dtype[Any] = np.result_type(*dtypes).newbyteorder("=")
    return found


def sum_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def epsilon(dtype: np.dtype[Any]) -> float:
    return float(np.finfo(dtype).eps)


def largest(dtype: np.dtype[Any]) -> float:
    return float(np.finfo(dtype).max)


def transforms(dtype: np.dtype[Any]) -> bool:
    return dtype.char in "fdFD"


def dtype_range(dtype: np.dtype[Any]) -> tuple[int, int]:
    return (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)


def integer_range(array: NDArray[Any]) -> tuple[int, int]:
    if not array.size:
        return 0, 0
    return int(np.minimum.reduce(array, None)), int(np.maximum.reduce(array, None))


def magnitude(array: NDArray[Any]) -> float:
    with np.errstate(over="ignore"):
        return float(np.abs(array).max()) if array.size else 0.0


def absolute_sum(array: NDArray[Any], axes: int) -> int | float:
    last = tuple(range(-axes, 0))
    if array.size == 0:
        return 0
    if array.dtype.kind not in "biu":
        with np.errstate(over="ignore"):
            return float(np.abs(array).sum(axis=last, dtype=np.float64).max())
    if array.size <= _FEW:
        rows = array.reshape(-1, prod(array.shape[-axes:])).tolist()
        return int(max(sum(map(abs, row)) for row in rows))
    low, high = integer_range(array)
    if max(-low, high) * array.size < 2**63:
        return int(np.abs(array.astype(np.int64)).sum(axis=last).max())
    return int(np.abs(array.astype(object)).sum(axis=last).max())  # Python integers do not overflow


def converted(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    return array.astype(dtype, copy=False)


def cast(array: NDArray[Any], dtype: np.dtype[Any], overflow: str) -> NDArray[Any]:
    if dtype.kind in "fc":
        return _cast_float(array, dtype, overflow)
    low, high = dtype_range(dtype)
    if array.dtype.kind == "f":
        array = _rounded(array, dtype, overflow, low, high)
    least, greatest = integer_range(array)
    if least < low or greatest > high:
        if overflow == "raise":
            refuse_cast(dtype.name, least, greatest, low, high)
        if overflow == "saturate":
            own = np.iinfo(array.dtype)  # numpy.clip takes no bound beyond the array's own type
            array = np.clip(array, max(low, own.min), min(high, own.max))
        elif dtype.kind == "b":
            array = array & 1  # the other integer types wrap in astype
    return array.astype(dtype, copy=False)


def _rounded(array: NDArray[Any], dtype: np.dtype[Any], overflow: str, low: int, high: int) -> NDArray[Any]:
    """Round half to even, to 64-bit integers: in the target's range, or to be wrapped into it."""
    array = np.rint(array if array.dtype == np.longdouble else array.astype(np.float64))
    unknown = np.isnan(array) if overflow == "saturate" else ~np.isfinite(array)
    if unknown.any():
        refuse_cast(dtype.name, array[unknown][0], array[unknown][0], low, high)
    if overflow == "wrap":
        return wrapped_to_int64(array)
    below, above = array < low, array >= 2.0 ** bits_of(high)
    outside = below | above
    wide = np.uint64 if dtype == np.uint64 else np.int64
    if outside.any():
        if overflow == "raise":
            refuse_cast(dtype.name, array.min(), array.max(), low, high)
        array = np.where(outside, 0, array)
    result = array.astype(wide)
    result[below], result[above] = low, high
    return result


def _cast_float(array: NDArray[Any], dtype: np.dtype[Any], overflow: str) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        result = array.astype(dtype, copy=False)
    if result is array or not (lost := np.isinf(result) & np.isfinite(array)).any():
        return result
    most = np.finfo(dtype).max
    if overflow != "saturate":
        refuse_cast(dtype.name, array[lost][0], array[lost][0], -most, most)
    for part in (result.real, result.imag) if dtype.kind == "c" else (result,):
        part[lost] = np.clip(part[lost], -most, most)
    return result


def zeros(shape: Sequence[int], dtype: np.dtype[Any], like: NDArray[Any]) -> NDArray[Any]:
    return np.zeros(shape, dtype)


def extended(
    array: NDArray[Any], axis: int, left: NDArray[np.int64], inside: slice, right: NDArray[np.int64], fill: Any
) -> NDArray[Any]:
    middle = array[(slice(None),) * axis + (inside,)]
    if not len(left) + len(right):
        return middle
    count = middle.shape[axis]
    shape = (*array.shape[:axis], len(left) + count + len(right), *array.shape[axis + 1 :])
    result = np.empty(shape, array.dtype)
    before = (slice(None),) * axis
    result[(*before, slice(len(left), len(left) + count))] = middle
    for index, start in ((left, 0), (right, len(left) + count)):
        if len(index):
            part = (*before, slice(start, start + len(index)))
            result[part] = fill if index[0] < 0 else array.take(index, axis)
    return result


def folded(array: NDArray[Any], axis: int, index: NDArray[np.int64], length: int) -> NDArray[Any]:
    result = np.zeros((*array.shape[:axis], length, *array.shape[axis + 1 :]), array.dtype)
    samples = index >= 0
    np.add.at(np.moveaxis(result, axis, 0), index[samples], np.moveaxis(array, axis, 0)[samples])
    return result


def memory(array: NDArray[Any]) -> NDArray[Any] | None:
    return array


def tracked(*arrays: NDArray[Any]) -> bool:
    return False


def recomputed(fast: Callable[..., Any], slow: Callable[..., Any], signal: NDArray[Any], kernel: NDArray[Any]) -> Any:
    return fast(signal, kernel)


def memory_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype


def from_memory(array: NDArray[Any]) -> NDArray[Any]:
    return array


def to_numpy(array: NDArray[Any]) -> NDArray[Any]:
    return array


def add_product(total: NDArray[Any], factor: NDArray[Any], array: NDArray[Any]) -> None:
    total += factor * array


def reversed_along(array: NDArray[Any], axes: Sequence[int]) -> NDArray[Any]:
    return np.flip(array, tuple(axes))


def moved(array: NDArray[Any], source: Sequence[int], target: Sequence[int]) -> NDArray[Any]:
    return np.moveaxis(array, tuple(source), tuple(target))


def check_out(out: Any, shape: Sequence[int], dtype: np.dtype[Any], inputs: Sequence[NDArray[Any]]) -> None:
    found = None
    if not isinstance(out, np.ndarray):
        raise ConventionTypeError(
            f"out of type {type(out).__name__}", "no array to write into", "a NumPy array", "pass one, or no out="
        )
    if out.shape != tuple(shape) or out.dtype != dtype:
        found = f"it has shape {out.shape} and dtype {out.dtype}"
    elif not out.flags.writeable:
        found = "it is read-only"
    elif overlaps_itself(out):
        found = "several of its elements share one place in memory"
    elif any(overlap(out, one) for one in inputs if isinstance(one, np.ndarray)):
        found = "it overlaps an input, which would change while it is read"
    if found:
        raise ConventionValueError(
            "out=",
            found,
            f"a writable array of shape {tuple(shape)} and dtype {dtype} that shares no memory with the inputs",
            f"out = numpy.empty({tuple(shape)}, numpy.{dtype.name})",
        )


def delivered(result: NDArray[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    if out is None:
        return np.ascontiguousarray(result)
    out[...] = result
    return out
