"""JAX: how its functions promote data types, and the arguments that all of them check, with 64-bit types enabled."""

from __future__ import annotations

from typing import Any

import numpy as np

from convention.catalogue.entry import dtype_name
from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["SEMANTICS", "array_of", "check_precision", "element_type", "inexact", "promoted_by_jax"]

SEMANTICS = (
    "Data types are those of a process with 64-bit types enabled (jax_enable_x64), as it is called here: JAX's own "
    "default turns 64-bit arguments into 32-bit ones first. "
)

_ABOVE = {
    "bool": ("int*",),
    "int*": ("uint8", "int8"),
    "uint8": ("uint16", "int16"),
    "uint16": ("uint32", "int32"),
    "uint32": ("uint64", "int64"),
    "uint64": ("float*",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float*",),
    "float*": ("complex*", "float16", "bfloat16"),
    "float16": ("float32",),
    "bfloat16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex*": ("complex64",),
    "complex64": ("complex128",),
    "complex128": (),
}
"""JAX's lattice, https://docs.jax.dev/en/latest/type_promotion.html; a star marks Python's own numbers."""
_WEAK = {"int*": "int64", "float*": "float64", "complex*": "complex128"}
_NUMBERS = {bool: "bool", int: "int*", float: "float*", complex: "complex*"}
_PRECISIONS = ("highest", "float32", "high", "bfloat16_3x", "tensorfloat32", "default", "bfloat16", "fastest")
_PRESETS = (
    *("DEFAULT", "ANY_F8_ANY_F8_F32", "ANY_F8_ANY_F8_F32_FAST_ACCUM", "ANY_F8_ANY_F8_ANY"),
    *("ANY_F8_ANY_F8_ANY_FAST_ACCUM", "F16_F16_F16", "F16_F16_F32", "BF16_BF16_BF16", "BF16_BF16_F32"),
    *("BF16_BF16_F32_X3", "BF16_BF16_F32_X6", "BF16_BF16_F32_X9", "TF32_TF32_F32", "TF32_TF32_F32_X3"),
    *("F32_F32_F32", "F64_F64_F64"),
)


def promoted_by_jax(*names: str) -> str:
    """Return the data type that JAX promotes these to, where NumPy has another: int32 with float32 is float32.

    Raises
    ------
    ConventionTypeError
        If JAX has no such data type.
    """
    common = set(_ABOVE)
    for name in names:
        common &= _reachable(name)
    lowest = next(name for name in common if _reachable(name) == common)
    return _WEAK.get(lowest, lowest)


def _reachable(name: str) -> set[str]:
    if name not in _ABOVE:
        raise ConventionTypeError(
            f"an array of {name}", "JAX has no such data type", ", ".join(set(_ABOVE) - set(_WEAK)), "convert it"
        )
    return {name}.union(*map(_reachable, _ABOVE[name]))


def inexact(name: str) -> str:
    """Return the floating data type that JAX makes of this one: float64 of 64-bit integers, float32 of shorter ones."""
    if "float" in name or "complex" in name:
        return name
    return "float64" if name.endswith("64") else "float32"


def array_of(name: str, value: Any, scalars: bool = False) -> str:
    """Return the name of an array's data type, or refuse what JAX's functions take for no array: lists, above all."""
    if scalars and type(value) in _NUMBERS:
        return _NUMBERS[type(value)]
    if not hasattr(value, "dtype") or not hasattr(value, "ndim"):
        raise ConventionTypeError(
            f"{name} of type {type(value).__name__}", "JAX takes arrays only", "arrays", f"numpy.asarray({name})"
        )
    if isinstance(value, (np.ndarray, np.generic)) and not value.dtype.isnative:
        raise ConventionTypeError(
            f"{name} of {value.dtype!r}", "not in this machine's byte order", "native arrays", "convert it"
        )
    _reachable(dtype_name(value))
    return dtype_name(value)


def check_precision(value: Any) -> None:
    """Refuse a ``precision=`` that JAX refuses; on a CPU none of those that it takes changes a number."""
    pair = isinstance(value, (tuple, list)) and len(value) == 2
    if value is None or type(value).__name__ in ("Precision", "DotAlgorithmPreset"):
        return
    if isinstance(value, str) and value in _PRECISIONS + _PRESETS:
        return
    if pair and all(isinstance(one, str) and one in _PRECISIONS for one in value):
        return
    if pair and all(type(one).__name__ == "Precision" for one in value):
        return
    raise ConventionValueError(
        f"precision={value!r}",
        "no such precision",
        f"None, {', '.join(_PRECISIONS + _PRESETS)}, or a pair of the first {len(_PRECISIONS)}",
        "leave it out: it does not change the definition",
    )


def element_type(given: str, preferred: Any, operand: Any) -> str:
    """Return the result's data type under ``preferred_element_type=``, or refuse what JAX refuses.

    Parameters
    ----------
    given : str
        The operands' data type.
    preferred : object
        None, or what names a data type.
    operand : array
        One of the operands: the result belongs to its library.
    """
    if preferred is None:
        return given
    try:
        wanted = str(np.dtype(preferred).name)
    except TypeError:  # NumPy alone has no bfloat16
        wanted = str(preferred).removeprefix("torch.")
    allowed = "a type of the same kind (for integers of the same sign, or floats), no narrower"
    if wanted not in _ABOVE:
        raise ConventionTypeError(
            f"preferred_element_type={preferred!r}", "no data type of JAX", allowed, "leave it out"
        )
    if given != "bool":
        narrower = _bytes(wanted) < _bytes(given)
        if narrower or not _compatible(_kind(given), _kind(wanted)):
            raise ConventionTypeError(
                f"preferred_element_type={preferred!r} for {given}",
                "narrower" if narrower else "another kind",
                allowed,
                "convert the operands",
            )
    if wanted == "bfloat16" and isinstance(operand, (np.ndarray, np.generic)):
        raise ConventionTypeError("a result of bfloat16", "NumPy has no such type", "NumPy's types", "pass tensors")
    return wanted


def _kind(name: str) -> str:
    return name.rstrip("0123456789")


def _compatible(given: str, wanted: str) -> bool:
    floats = ("float", "bfloat")
    if given in floats or wanted in floats:
        return wanted in floats and given != "complex"
    return given == wanted or (given, wanted) == ("uint", "int")


def _bytes(name: str) -> int:
    return 1 if name == "bool" else int(name.lstrip("abcdefilmnoptux")) // 8
