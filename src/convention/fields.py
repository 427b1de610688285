"""The fields of a convention: each checked and brought into its one stored form.

Arguments that say a convention (`Convention`, `convention.convolve`, the command line) pass here
once; nothing after this reads a raw one again.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from math import nan
from numbers import Complex, Integral, Rational, Real
from typing import Any, TypeAlias

from convention.boundary import boundary_of
from convention.errors import ConventionTypeError, ConventionValueError, nearest
from convention.geometry import SIZES

__all__ = [
    "AxisSize",
    "Number",
    "boundary_field",
    "count_field",
    "exact_literal",
    "flag_field",
    "number_from_text",
    "number_to_text",
    "reversed_axes_field",
    "shape_field",
    "size_field",
]

Number: TypeAlias = int | float | complex
AxisSize: TypeAlias = str | tuple[int, int]


def reversed_axes_field(axes: Any) -> str | tuple[int, ...]:
    """Return ``"all"``, ``"none"``, or the axis numbers in ascending order."""
    allowed = "'all' (convolution), 'none' (cross-correlation), or a tuple of axis numbers, 0 the first kernel axis"
    asked = f"reversed_axes={axes!r}"
    if isinstance(axes, str):
        if axes not in ("all", "none"):
            raise ConventionValueError(asked, "there is no such word", allowed, nearest(axes, ("all", "none")))
        return axes
    if not isinstance(axes, Sequence):
        raise ConventionTypeError(asked, f"a {type(axes).__name__}", allowed, "write it as a tuple, for example (0,)")
    numbers = tuple(sorted(_integer("reversed_axes", axis, allowed) for axis in axes))
    if numbers and (numbers[0] < 0 or len(set(numbers)) < len(numbers)):
        raise ConventionValueError(asked, "a negative or repeated axis", allowed, "name each axis once, counted from 0")
    return numbers


def size_field(size: Any) -> str | tuple[AxisSize, ...]:
    """Return a word of `SIZES`, or one word or (before, after) pair per axis."""
    if isinstance(size, str):
        return _size_word(size, size)
    allowed = f"{', '.join(SIZES)}; or ((before, after), ...), one word or pair of integers per axis"
    asked = f"size={size!r}"
    if not isinstance(size, Sequence) or not size:
        raise ConventionTypeError(asked, f"a {type(size).__name__}", allowed, "use a word, or ((before, after),)")
    sizes: list[AxisSize] = []
    for one in size:
        if isinstance(one, str):
            sizes.append(_size_word(one, size))
            continue
        if not isinstance(one, Sequence) or len(one) != 2:
            raise ConventionTypeError(
                asked,
                f"{one!r} is neither a word nor a pair",
                allowed,
                "write one pair per axis: size=((before, after),) for one axis",
            )
        sizes.append((_integer("size", one[0], allowed), _integer("size", one[1], allowed)))
    return tuple(sizes)


def boundary_field(boundary: Any, value: Any) -> tuple[str | tuple[str, ...], Number | tuple[Number, ...]]:
    """Return the boundary and its value together; a constant of zero becomes ``"zero"``."""
    words = _tuple_or_one("boundary", boundary)
    values = _tuple_or_one("value", value)
    for word in words if isinstance(words, tuple) else (words,):
        boundary_of(word)
    numbers = tuple(map(_number, values)) if isinstance(values, tuple) else _number(values)
    if isinstance(words, str) and not isinstance(numbers, tuple):
        if numbers != 0 and words != "constant":
            _refuse_value(value, boundary)
        return ("zero" if words == "constant" and numbers == 0 else words), numbers
    count = max(len(one) for one in (words, numbers) if isinstance(one, tuple))
    words = (words,) * count if isinstance(words, str) else words
    each = numbers if isinstance(numbers, tuple) else (numbers,) * count
    if len(each) == len(words) == count:  # otherwise Convention refuses the disagreement
        unused = [v for v, word in zip(each, words, strict=True) if v != 0 and word != "constant"]
        if len(unused) == count or (unused and isinstance(numbers, tuple)):
            _refuse_value(value, boundary)
        words = tuple("zero" if w == "constant" and v == 0 else w for v, w in zip(each, words, strict=True))
    return words, numbers


def count_field(name: str, count: Any) -> int | tuple[int, ...]:
    """Return a stride, dilation or upsample: an integer of at least 1, or one per axis."""
    allowed = "an integer of at least 1, or one per axis"
    counts = _tuple_or_one(name, count)
    numbers = tuple(_integer(name, one, allowed) for one in (counts if isinstance(counts, tuple) else (counts,)))
    if min(numbers) < 1:
        raise ConventionValueError(
            f"{name}={count!r}",
            "less than 1",
            allowed,
            "use 1 for none; reverse the signal for a negative step",
        )
    return numbers if isinstance(counts, tuple) else numbers[0]


def flag_field(name: str, flag: Any) -> bool:
    """Return a true or false field; numbers and arrays are refused."""
    if type(flag) is not bool:
        raise ConventionTypeError(f"{name}={flag!r}", f"a {type(flag).__name__}", "True or False", "say which")
    return flag


def shape_field(name: str, shape: Any) -> tuple[int, ...]:
    """Return a shape as a tuple of integers, none negative; one integer is a shape of one axis."""
    allowed = "one integer of at least 0 per axis, at least one axis"
    axes = tuple(shape) if isinstance(shape, Sequence) and not isinstance(shape, str) else (shape,)
    numbers = tuple(_integer(name, one, allowed) for one in axes)
    if not numbers or min(numbers) < 0:
        raise ConventionValueError(f"{name}={shape!r}", "no axis, or a negative length", allowed, "pass array.shape")
    return numbers


def number_to_text(value: Number) -> Number | str:
    """Return a number as JSON can hold it: complex and not finite ones as text."""
    return value if not isinstance(value, complex) and abs(value) < float("inf") else str(value)


def number_from_text(value: Any) -> Any:
    """Return the number that `number_to_text` wrote; anything else as it is, to be refused by its field."""
    if not isinstance(value, str):
        return value
    try:
        number = complex(value)
    except ValueError:
        return value
    return number if "j" in value else number.real


def exact_literal(value: Any) -> str:
    """Return Python source that evaluates to this field's value, also where it is nan or inf."""
    if isinstance(value, tuple):
        return "(" + ", ".join(map(exact_literal, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, complex):
        return f"complex({exact_literal(value.real)}, {exact_literal(value.imag)})"
    if isinstance(value, float) and not abs(value) < float("inf"):
        return f"float('{value}')"
    return repr(value)


def _size_word(word: str, size: Any) -> str:
    if word not in SIZES:
        table = "\n".join(f"{name:<10} {meaning}" for name, meaning in SIZES.items())
        raise ConventionValueError(
            f"size={size!r}",
            f"there is no size {word!r}",
            f"{table}\nor ((before, after), ...), one pair per axis",
            nearest(word, SIZES),
        )
    return word


def _tuple_or_one(name: str, value: Any) -> Any:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        return value
    if not value:
        raise ConventionValueError(f"{name}={value!r}", "it is empty", "one entry per axis", "give one for all axes")
    return tuple(value)


def _integer(name: str, value: Any, allowed: str) -> int:
    if not isinstance(value, bool):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise ConventionTypeError(f"{name}={value!r}", f"a {type(value).__name__}, no integer", allowed, "use an integer")


def _number(value: Any) -> Number:
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real) and not isinstance(value, Rational):
        return float(value) if value == value else nan  # one NaN, so that equal conventions compare equal
    if isinstance(value, Complex) and not isinstance(value, Real):
        number = complex(value)
        # conventions that compare equal must be the same: 3+0j is 3
        return number if number.imag != 0 else _number(number.real)
    raise ConventionTypeError(
        f"value={value!r}",
        f"a {type(value).__name__}",
        "an integer, float or complex number, or one per axis",
        "convert it, for example float(value)",
    )


def _refuse_value(value: Any, boundary: Any) -> None:
    raise ConventionValueError(
        f"value={value!r} with boundary={boundary!r}",
        "this boundary does not use a value",
        "a value other than 0 only with boundary='constant'",
        f"write boundary='constant', value={value!r}, or leave the value out",
    )
