"""Arrays as text: rows of numbers, ranges and nested lists, in both directions."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convention.errors import ConventionTypeError
from convention.files.numerals import Number, Origin, array_of, checked, number_of, shape_text

__all__ = ["TEXT_FORMS", "format_array", "from_csv", "from_json", "from_text", "squared_range", "to_nested_lists"]

TEXT_FORMS = (
    "rows of numbers, ended by ; or a new line: 1 2; 3 4\n"
    "a range of integers, with a shape or without: 1..9 or 1..6@2x3\n"
    "nested lists: [[1, 2], [3, 4]]"
)
"""What `from_text` reads, for refusals."""

_LARGEST_RANGE = 2**24
_MOST_AXES = 64  # numpy's own limit

_ROW_END = re.compile(r";[ \t]*\n?|\n")
_BETWEEN = re.compile(r"[ \t]*,[ \t]*|[ \t]+")
_RANGE = re.compile(r"([+-−]?[0-9]+)\.\.([+-−]?[0-9]+)(?:@([0-9]+(?:x[0-9]+)*))?")


def format_array(array: ArrayLike) -> str:
    """Return an array as aligned text, which `read_array` reads back up to two axes.

    Integers are exact; floats have the fewest digits that give the same number again *in their data
    type*. Booleans are 1 and 0. A matrix of one row ends with ``;``. From three axes on every matrix has its
    index above it, and an empty array is only described: neither is read back.

    Parameters
    ----------
    array : array, at least one axis
        Of numbers.

    Returns
    -------
    str
        One line per row, no new line at the end.

    Raises
    ------
    ConventionTypeError
        If it does not hold numbers, or has no axis.

    Examples
    --------
    >>> print(format_array([[1, -20], [300, 4]]))
      1 -20
    300   4
    """
    a = checked(array, Origin("format an array", ConventionTypeError))
    if a.size == 0:
        return f"(empty, shape {shape_text(a.shape)})"
    if a.ndim == 1:
        return " ".join(map(_cell, a))
    if a.ndim == 2:
        return _aligned(a) + ";" * (len(a) == 1)
    parts = [f"[{', '.join(map(str, index))}, :, :]\n{_aligned(a[index])}" for index in np.ndindex(a.shape[:-2])]
    return "\n\n".join(parts)


def to_nested_lists(array: NDArray[Any]) -> list[Any]:
    """Return an array as nested lists that JSON can hold; complex numbers are text, such as ``"1+2j"``.

    Parameters
    ----------
    array : array, at least one axis
        Of numbers.

    Returns
    -------
    list
        Nested as deep as the array has axes; every number exact.

    Examples
    --------
    >>> to_nested_lists(np.array([[1, 2], [3, 4]]))
    [[1, 2], [3, 4]]
    """
    if array.dtype.kind != "c":
        return list(array.tolist())
    texts = np.array([str(z).strip("()") for z in array.ravel().tolist()], dtype=object)
    return list(texts.reshape(array.shape).tolist())


def from_text(text: str, origin: Origin) -> NDArray[Any]:
    """Return the array of a text: rows of numbers, a range, or JSON where it begins with a bracket."""
    text = text.strip()
    if text[:1] in ("[", "{"):
        return from_json(text, origin)
    if ".." in text:
        return _from_range(text, origin)
    lines = _ROW_END.split(text)
    matrix = len(lines) > 1
    if matrix and not lines[-1]:
        lines.pop()
    rows = [_BETWEEN.split(line.strip(" \t")) if line.strip(" \t") else [] for line in lines]
    return _from_rows(rows, origin, "write a number there", matrix=matrix)


def from_csv(text: str, origin: Origin) -> NDArray[Any]:
    """Return the array of a CSV file's text: one axis where it has one row."""
    origin = origin._replace(allowed="numbers with commas between, as many in every row; no header")
    lines = text.strip("\n").split("\n")
    rows = [[cell.strip() for cell in line.split(",")] if line.strip() else [] for line in lines]
    return _from_rows(rows, origin, "write a number there, or remove the line if it is a header", matrix=len(rows) > 1)


def from_json(text: str, origin: Origin) -> NDArray[Any]:
    """Return the array of nested JSON lists; NaN and Infinity as Python writes them."""
    origin = origin._replace(allowed='nested lists of numbers: [[1, 2], [3, 4]]; a complex one is text: "1+2j"')
    try:
        data = json.loads(text, parse_int=number_of, parse_float=number_of)
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno}, column {problem.colno}"
        origin.refuse(f"it is not JSON: {problem.msg} at {where}", "correct it there")
    except ValueError as problem:
        origin.refuse(f"a number in it {problem}", "write numbers that 64 bits can hold")
    except RecursionError:
        origin.refuse("its lists are nested too deep", f"use at most {_MOST_AXES} axes")
    if not isinstance(data, list):
        origin.refuse(
            f"its outermost value is a {type(data).__name__}, no list", "write a list, also around one number"
        )
    leaves, shape = _flattened(data, origin)
    numbers: list[Number] = []
    for position, leaf in enumerate(leaves):
        try:
            numbers.append(_json_number(leaf))
        except ValueError as problem:
            origin.refuse(f"{json.dumps(leaf)[:40]} at {_place(position, shape)} {problem}", "write a number there")
    return array_of(numbers, shape, origin)


def squared_range(text: str) -> str:
    """Return what to know of a range that was made a square matrix, and nothing of any other text."""
    match = _RANGE.fullmatch(text.strip())
    if match is None or match[3]:
        return ""
    first, last = (int(number_of(end).real) for end in match.group(1, 2))
    count = abs(last - first) + 1
    side = math.isqrt(count)
    if side < 2 or side * side != count:
        return ""
    return f"{match[0]} was read as {side}x{side}; write {match[0]}@{count} for one axis"


def _from_rows(rows: list[list[str]], origin: Origin, fix: str, *, matrix: bool) -> NDArray[Any]:
    """Return the array of these tokens; rows and columns are counted from 1 in refusals."""
    if not any(rows):
        origin.refuse("it is empty", "write at least one number")
    numbers: list[Number] = []
    for r, row in enumerate(rows, start=1):
        for c, token in enumerate(row, start=1):
            try:
                numbers.append(number_of(token))
            except ValueError as problem:
                origin.refuse(f"{token!r} in row {r}, column {c} {problem}", fix)
        if len(row) != len(rows[0]):
            found = f"rows of different length: {len(row)} in row {r}, {len(rows[0])} in row 1"
            origin.refuse(found, "give every row as many numbers")
    return array_of(numbers, (len(rows), len(rows[0])) if matrix else (len(rows[0]),), origin)


def _from_range(text: str, origin: Origin) -> NDArray[Any]:
    match = _RANGE.fullmatch(text)
    if match is None:
        origin.refuse("'..' stands only between two integers, alone", "write 1..9, 9..1, -4..4 or 1..6@2x3")
    try:
        first, last = (int(number_of(end).real) for end in match.group(1, 2))
    except ValueError as problem:
        origin.refuse(f"an end {problem}", "write smaller integers")
    step = 1 if last >= first else -1
    count = abs(last - first) + 1
    if count > _LARGEST_RANGE:
        origin.refuse(f"{count} numbers, more than {_LARGEST_RANGE}", "write a .npy file with numpy.save")
    side = math.isqrt(count)
    shape: tuple[int, ...] = (side, side) if side > 1 and side * side == count else (count,)
    if match[3]:
        shape = tuple(int(n) for n in match[3].split("x"))
        if math.prod(shape) != count or len(shape) > _MOST_AXES:
            origin.refuse(f"{count} numbers do not fill the shape {match[3]}", f"write {match[1]}..{match[2]}@{count}")
    return array_of(range(first, last + step, step), shape, origin)


def _flattened(data: list[Any], origin: Origin) -> tuple[list[Any], tuple[int, ...]]:
    """Return the innermost values of nested lists, and the shape these lists have."""
    nodes: list[Any] = [data]
    shape: tuple[int, ...] = ()
    while nodes and all(isinstance(node, list) for node in nodes):
        length = len(nodes[0])
        for position, node in enumerate(nodes):
            if len(node) != length:
                found = f"{_place(position, shape)} has {len(node)} entries, {_place(0, shape)} has {length}"
                origin.refuse(found, "give all lists of one depth equally many entries")
        shape += (length,)
        nodes = [child for node in nodes for child in node]
    if len(shape) > _MOST_AXES:
        origin.refuse(f"its lists are {len(shape)} deep", f"use at most {_MOST_AXES} axes")
    return nodes, shape


def _json_number(leaf: Any) -> Number:
    if isinstance(leaf, (bool, int, float)):
        return leaf
    if isinstance(leaf, str) and "j" in leaf:
        return number_of(leaf.strip())
    raise ValueError("is a list, where others are numbers" if isinstance(leaf, list) else "is not a number")


def _place(position: int, shape: tuple[int, ...]) -> str:
    """Return the index of a list or number, counted from 0 as JSON is indexed."""
    return "[" + ", ".join(map(str, np.unravel_index(position, shape))) + "]" if shape else "the outermost list"


def _cell(x: Any) -> str:
    return str(int(x)) if isinstance(x, np.bool_) else str(x).strip("()")


def _aligned(matrix: NDArray[Any]) -> str:
    columns = [[_cell(x) for x in column] for column in matrix.T]
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(" ".join(cell.rjust(w) for cell, w in zip(row, widths)) for row in zip(*columns))
