"""What a named kernel holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["NamedKernel", "of_factors", "of_taps"]


@dataclass(frozen=True, eq=False)
class NamedKernel:
    """A kernel with a name, where it is from, and what that source means by it.

    Attributes
    ----------
    name : str
        A text that `named_kernel` reads.
    taps : array, shape (rows, columns)
        int64 where the taps are integers, else float64. Read-only.
    definition : str
        Which definition the source applies these taps with: ``"convolution"``, ``"cross-correlation"``, or
        ``"either"`` where reversing the kernel along every axis changes no tap.
    source : str
        The address of the source's documentation, or a book and the place in it.
    factors : tuple of array, or None
        One array per axis whose outer product is exactly `taps`, for a separable kernel. Read-only.
    note : str
        What the kernel does under which definition, and how its taps are computed.
    """

    name: str
    taps: NDArray[Any]
    definition: str
    source: str
    factors: tuple[NDArray[Any], ...] | None
    note: str


def of_taps(name: str, taps: ArrayLike, definition: str, source: str, note: str) -> NamedKernel:
    """Return a kernel that is not separable, or not known to be."""
    kept = _kept(taps)
    return NamedKernel(name, kept, _assumed(kept, definition), source, None, note)


def of_factors(name: str, factors: tuple[ArrayLike, ArrayLike], definition: str, source: str, note: str) -> NamedKernel:
    """Return a separable kernel: the outer product of a column and a row."""
    column, row = map(_kept, factors)
    taps = _kept(np.outer(column, row))
    return NamedKernel(name, taps, _assumed(taps, definition), source, (column, row), note)


def _kept(values: ArrayLike) -> NDArray[Any]:
    array = np.asarray(values)
    array = array.astype(np.float64 if array.dtype.kind == "f" else np.int64, order="C")  # a copy of our own
    array.flags.writeable = False
    return array


def _assumed(taps: NDArray[Any], definition: str) -> str:
    return "either" if np.array_equal(taps, np.flip(taps)) else definition
