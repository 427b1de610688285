"""The numbers that kernels are made from: each checked, or refused with what is allowed."""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import Any

import numpy as np

from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["LONGEST", "cosine_and_sine", "length_of_axis", "one_of", "real", "spelled", "whole"]

LONGEST = 4095
"""The most taps along an axis: a square kernel of this length takes 128 MiB."""


def whole(kernel: str, name: str, value: Any, *, least: int, most: int) -> int:
    """Return an integer between two bounds."""
    asked, allowed = f"{kernel} with {name}={value!r}", f"an integer from {least} to {most}"
    if isinstance(value, (bool, np.bool_)):
        raise ConventionTypeError(asked, "a truth value", allowed, f"write {name}={least}")
    try:
        number = operator.index(value)
    except TypeError:
        raise ConventionTypeError(asked, f"a {type(value).__name__}, no integer", allowed, "use an integer") from None
    if not least <= number <= most:
        raise ConventionValueError(
            asked, f"{number} is too {'small' if number < least else 'large'}", allowed, _within(least, most)
        )
    return number


def length_of_axis(kernel: str, name: str, value: Any, *, least: int = 1, most: int = LONGEST) -> int:
    """Return a number of taps along an axis that has one in the middle."""
    length = whole(kernel, name, value, least=least, most=most)
    if length % 2 == 0:
        raise ConventionValueError(
            f"{kernel} with {name}={length}",
            f"an axis of {length} taps has none in the middle, where this kernel is centred",
            f"an odd integer from {least} to {most}",
            f"use {length - 1} or {length + 1}",
        )
    return length


def real(kernel: str, name: str, value: Any, *, least: float, most: float) -> float:
    """Return a finite real number between two bounds."""
    asked, allowed = f"{kernel} with {name}={value!r}", f"a number from {spelled(least)} to {spelled(most)}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise ConventionTypeError(asked, f"a {type(value).__name__}, no real number", allowed, "use a float")
    number = float(value)
    if not math.isfinite(number):
        raise ConventionValueError(asked, "it is not finite", allowed, _within(least, most))
    if not least <= number <= most:
        word = "small" if number < least else "large"
        raise ConventionValueError(asked, f"{spelled(number)} is too {word}", allowed, _within(least, most))
    return number


def one_of(kernel: str, name: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    """Return a value that must be one of a few."""
    if type(value) is type(allowed[0]) and value in allowed:
        return value
    refusal = ConventionValueError if type(value) is type(allowed[0]) else ConventionTypeError
    words = " or ".join(map(repr, allowed))
    raise refusal(f"{kernel} with {name}={value!r}", "there is no such kernel", words, f"write {name}={allowed[0]!r}")


def cosine_and_sine(degrees: float) -> tuple[float, float]:
    """Return an angle's cosine and sine, exact at the right angles."""
    turned = math.fmod(degrees, 360.0)
    quarter, rest = divmod(turned, 90.0)
    if rest == 0:
        return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarter) % 4]
    return math.cos(math.radians(turned)), math.sin(math.radians(turned))


def spelled(number: float) -> str:
    """Return a number with the fewest digits that give it again, without an exponent."""
    return np.format_float_positional(number, trim="-")


def _within(least: float, most: float) -> str:
    return f"use a number from {spelled(least)} to {spelled(most)}"
