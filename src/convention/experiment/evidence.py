"""What an experiment leaves behind: checks, each with a verdict that follows from its own numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from math import isfinite
from typing import Any, TypeAlias

import numpy as np

from convention.errors import ConventionValueError, nearest

__all__ = ["RELATIONS", "Check", "Matrix", "all_true", "matrix_of", "plain"]

Matrix: TypeAlias = tuple[tuple[int | float, ...], ...]
"""A matrix as plain data, indexed [row][column]; whole numbers are ``int``."""

RELATIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "equals": operator.eq,
    "differs from": operator.ne,
    "is at most": operator.le,
}
"""How what was computed must stand to what was expected."""


@dataclass(frozen=True)
class Check:
    """One claim: what was computed, how it must stand to what was expected, and whether it does.

    Raises
    ------
    ConventionValueError
        If there is no such relation.

    Examples
    --------
    >>> Check("two and two", "equals", expected=4, computed=2 + 2).verdict
    True
    """

    name: str
    """The claim, as one line that a reader can judge."""
    relation: str
    """One of `RELATIONS`, read as "computed *relation* expected"."""
    expected: Any
    computed: Any

    def __post_init__(self) -> None:
        if self.relation not in RELATIONS:
            raise ConventionValueError(
                f"relation={self.relation!r}",
                "there is no such relation",
                ", ".join(map(repr, RELATIONS)),
                nearest(self.relation, RELATIONS),
            )

    @property
    def verdict(self) -> bool:
        """Whether the claim holds for these numbers."""
        return bool(RELATIONS[self.relation](self.computed, self.expected))

    def to_dict(self) -> dict[str, Any]:
        """Return the check with its verdict as data that JSON can hold."""
        return {**{f.name: plain(getattr(self, f.name)) for f in fields(self)}, "verdict": self.verdict}


def all_true(checks: Iterable[Check]) -> bool:
    """Tell whether there are checks and every verdict is true."""
    verdicts = [check.verdict for check in checks]
    return bool(verdicts) and all(verdicts)


def matrix_of(array: Any) -> Matrix:
    """Return a two-dimensional array as plain data; whole numbers as ``int``, others as they are.

    Parameters
    ----------
    array : array, shape (rows, columns)
        Of numbers; a NumPy array or anything that NumPy reads without a copy.

    Examples
    --------
    >>> matrix_of([[1.0, 2.5]])
    ((1, 2.5),)
    """
    return tuple(tuple(_number(value) for value in row) for row in np.asarray(array).tolist())


def plain(value: Any) -> Any:
    """Return data that JSON can hold: dataclasses as dictionaries, tuples as lists, decimals, NaN and Inf as text."""
    if isinstance(value, Check):
        return value.to_dict()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return str(value) if isinstance(value, Decimal) or (isinstance(value, float) and not isfinite(value)) else value


def _number(value: Any) -> int | float:
    return int(value) if isfinite(value) and value == int(value) else float(value)
