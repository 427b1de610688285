"""The catalogue: what convolution operators of many libraries were measured to compute."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from convention.catalogue.entry import Operator
from convention.errors import ConventionValueError, nearest

__all__ = ["Operator", "lookup", "operators"]

_FILES = (
    "numpy",
    "scipy_signal",
    "scipy_filters",
    "scipy_ndimage",
    "opencv",
    "pillow",
    "skimage",
    "torch",
    "jax",
    "onnx",
)


@cache
def _entries() -> dict[str, Operator]:
    found = (import_module(f"convention.catalogue.{file}").OPERATORS for file in _FILES)
    return {operator.name: operator for group in found for operator in group}


def operators() -> tuple[str, ...]:
    """Return the names of all operators in the catalogue, library by library."""
    return tuple(_entries())


def lookup(name: str) -> Operator:
    """Return the catalogue's entry of an operator.

    Raises
    ------
    ConventionValueError
        If no entry has this name; the message has the nearest one.
    """
    entries = _entries()
    if name not in entries:
        raise ConventionValueError(
            f"the operator {name!r}", "the catalogue has no such entry", ", ".join(entries), nearest(name, entries)
        )
    return entries[name]
