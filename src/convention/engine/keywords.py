"""What every public verb does with keywords it does not have, and with arguments given by place."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature as signature_of
from typing import Any, ParamSpec, TypeVar

from convention.errors import ConventionTypeError, nearest

__all__ = ["names_its_keywords"]

P = ParamSpec("P")
R = TypeVar("R")


def names_its_keywords(function: Callable[P, R]) -> Callable[P, R]:
    """Refuse unknown keywords with what they are called here, above all ``mode`` and ``padding``."""
    parameters = signature_of(function).parameters
    allowed = frozenset(parameters)
    places = sum(one.kind is one.POSITIONAL_OR_KEYWORD for one in parameters.values())

    @wraps(function)
    def door(*args: P.args, **kwargs: P.kwargs) -> R:
        if not allowed.issuperset(kwargs):
            _refuse_keyword(function.__name__, next(word for word in kwargs if word not in allowed), sorted(allowed))
        if len(args) > places:
            _refuse_place(function.__name__, list(parameters)[:places], args[places])
        return function(*args, **kwargs)

    return door


def _refuse_place(function: str, names: list[str], argument: Any) -> None:
    raise ConventionTypeError(
        f"{function}({', '.join(names)}, {argument!r})",
        "an argument without its name",
        f"{' and '.join(names)} by place, everything else by name",
        f"for how many outputs: {function}(..., size={argument!r}); for the border: boundary=",
    )


def _refuse_keyword(function: str, word: str, allowed: list[str]) -> None:
    fix = nearest(word, allowed)
    found = f"{function}() has no such keyword"
    if word in ("mode", "padding", "pad_mode", "padding_mode", "pad"):
        found = f"{word!r} means how many outputs in some libraries and what lies beyond the border in others"
        fix = "size= says how many outputs ('full', 'same', 'valid', or ((before, after), ...)),\n"
        fix += "boundary= says what lies beyond the border ('zero', 'edge', 'half-sample', ...)"
    elif word in ("reversed_axes", "conjugate"):
        found = f"{function}() has no such keyword: it is a field of a Convention"
        fix = f"apply(Convention({word}=..., ...), signal, kernel)"
        if function == "plan":
            fix += f"\nor plan(signal, kernel, convention=Convention({word}=..., ...))"
    raise ConventionTypeError(f"{function}({word}=...)", found, ", ".join(allowed), fix)
