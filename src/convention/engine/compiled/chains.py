"""Taps that meet samples a vector apart: in one row of outputs they share most of the vectors that are loaded.

Vector v of the outputs needs vector v + j of the samples for tap j of a chain, so that most vectors of samples meet
every tap of it. In a long row of taps, each one meets the samples a vector behind those of the tap that is as many
places before it as a vector has numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convention.engine.compiled.intrinsics import CHAIN, VECTOR

__all__ = ["Chains", "chained"]


class Chains(NamedTuple):
    """Taps in the order in which `tile.listed_tiles` takes them."""

    order: NDArray[np.int64]
    """Of the taps."""
    places: NDArray[np.int64]
    """Of the first tap of each chain."""
    offsets: NDArray[np.int64]
    numbers: NDArray[np.int64]
    """(kernels, CHAIN): of chains of CHAIN taps, of one less, ..."""


def chained(
    kernels: NDArray[np.int64] | int,
    places: NDArray[np.int64] | int,
    offsets: NDArray[np.int64],
    many: int = 1,
    last: NDArray[np.bool_] | bool = False,
) -> Chains:
    """Put taps that meet the same line, each a vector after the one before, into chains.

    Parameters
    ----------
    kernels, places, offsets : array, shape (taps,)
        The kernel of each tap, the place of the line that it meets, and the offset of the samples in it, in bytes.
    many : int
        How many kernels there are.
    last : array, shape (taps,)
        Whether a tap is to stand alone, behind all others of its kernel.
    """
    kernels, places, last = (np.broadcast_to(each, offsets.shape) for each in (kernels, places, last))
    order = np.lexsort((offsets, offsets % VECTOR, places, last, kernels))
    kernel, place, offset = kernels[order], places[order], offsets[order]
    apart = np.ones(len(order), bool)
    apart[1:] = (np.diff(kernel) != 0) | (np.diff(place) != 0) | (np.diff(offset) != VECTOR) | last[order][1:]
    index = np.arange(len(order))
    first = (index - np.maximum.accumulate(np.where(apart, index, 0))) % CHAIN == 0
    lengths = np.diff(np.append(index[first], len(order)))
    numbers = np.zeros((many, CHAIN), np.int64)
    np.add.at(numbers, (kernel[first], CHAIN - lengths), 1)
    by_length = np.lexsort((index, -lengths[np.cumsum(first) - 1], kernel))
    order, first = order[by_length], first[by_length]
    return Chains(order, places[order][first], offsets[order][first], numbers)
