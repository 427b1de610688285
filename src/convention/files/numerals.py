"""Numbers as text writes them, and arrays made of them: what is exact stays exact or is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convention.errors import ConventionError, ConventionValueError

__all__ = ["Number", "Origin", "array_of", "checked", "number_of", "parse_number", "shape_text", "shortened"]

Number: TypeAlias = int | float | complex

_INTEGER = re.compile(r"[+-]?[0-9]+")
_FRACTION = re.compile(r"[+-]?[0-9.]+/[0-9.]+")


class Origin(NamedTuple):
    """Where an array comes from: what was asked, and how to refuse it."""

    asked: str
    refusal: type[ConventionError]
    allowed: str = "numbers: booleans, integers, floats or complex, with at least one axis"

    def refuse(self, found: str, fix: str) -> NoReturn:
        """Raise this origin's refusal."""
        raise self.refusal(self.asked, found, self.allowed, fix) from None


def parse_number(text: str) -> Number:
    """Return one number: an int, a float where there is a point or exponent, or a complex one.

    Parameters
    ----------
    text : str
        As Python writes it; the true minus sign is read too.

    Returns
    -------
    int, float or complex
        Exact for integers; decimals are rounded to float64 as everywhere.

    Raises
    ------
    ConventionValueError
        If it is no number, or too large for 64 bits.

    Examples
    --------
    >>> parse_number("5"), parse_number("-.5"), parse_number("1+2j")
    (5, -0.5, (1+2j))
    """
    try:
        return number_of(text.strip())
    except ValueError as problem:
        raise ConventionValueError(
            f"the number {shortened(text)}", f"it {problem}", "5, -0.5, 1e-3, inf, nan, 1+2j", "write one number"
        ) from None


def number_of(token: str) -> Number:
    """Return the number, or raise a plain ValueError whose text goes on after "this token ..."."""
    plain = token.replace("−", "-")  # the true minus sign, as this project and others print it
    if not plain:
        raise ValueError("is an empty place")
    if _INTEGER.fullmatch(plain):
        # Python refuses to read thousands of digits; 64 bits never need more than 20.
        if len(plain.lstrip("+-").lstrip("0")) > 20 or not -(2**63) <= int(plain) < 2**64:
            raise ValueError("is an integer beyond 64 bits")
        return int(plain)
    if _FRACTION.fullmatch(plain):
        raise ValueError("is a fraction, which is not read because float64 would round it")
    value = _inexact(plain) if plain.isascii() and "_" not in plain else None
    if value is None:
        raise ValueError("is not a number")
    if "inf" not in plain.lower() and (math.isinf(value.real) or math.isinf(value.imag)):
        raise ValueError("is beyond the range of float64")
    return value


def array_of(numbers: Sequence[Number], shape: tuple[int, ...], origin: Origin) -> NDArray[Any]:
    """Return bool, int64, uint64, float64 or complex128, whichever holds all of these exactly.

    Without numbers it is float64.
    """
    kinds = {type(number) for number in numbers}
    if bool in kinds and len(kinds) > 1:
        origin.refuse("true or false among numbers", "write only true and false, or 1 and 0")
    integers = [number for number in numbers if type(number) is int]
    dtype: type[Any] = bool if bool in kinds else complex if complex in kinds else float
    if kinds == {int}:
        dtype = np.uint64 if max(integers) >= 2**63 else np.int64
        if dtype is np.uint64 and min(integers) < 0:
            origin.refuse(f"{min(integers)} and {max(integers)} fit into no one 64-bit type", "use smaller integers")
    elif rounded := [number for number in integers if int(float(number)) != number]:
        origin.refuse(
            f"{rounded[0]} would be rounded: one decimal or complex number makes all of them float64",
            "use integers only, or write this one with a decimal point",
        )
    return np.array(numbers, dtype=dtype).reshape(shape)


def checked(array: ArrayLike, origin: Origin) -> NDArray[Any]:
    """Return an array of numbers in this machine's byte order; refuse any other."""
    a = np.asarray(array)
    if a.dtype.kind not in "biufc":
        origin.refuse(f"its elements are {a.dtype}, no numbers", "convert it with array.astype(float)")
    if a.ndim == 0:
        origin.refuse("one number without an axis", "make it array.reshape(1)")
    return a.astype(a.dtype.newbyteorder("="), copy=False)


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as people write it: ``3x3``."""
    return "x".join(map(str, shape))


def shortened(text: str) -> str:
    """Return a text in quotes, its middle left out where it is long."""
    return repr(text if len(text) <= 60 else f"{text[:40]} … {text[-15:]}")


def _inexact(plain: str) -> float | complex | None:
    for kind in (float, complex):
        try:
            return kind(plain)
        except ValueError:
            continue
    return None
