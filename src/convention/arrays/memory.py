"""Whether arrays share memory, for every library whose arrays have an address and strides."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["overlap", "overlaps_itself"]


def overlap(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Tell whether an element of one array shares a byte with one of another; True where that is too hard to say."""
    try:
        return np.shares_memory(one, other, max_work=10_000)  # type: ignore[arg-type]  # any integer
    except np.exceptions.TooHardError:
        return True


def overlaps_itself(array: NDArray[Any]) -> bool:
    """Tell whether two elements may share a byte: broadcast arrays, sliding windows."""
    if array.flags.c_contiguous:
        return False
    reach = array.itemsize
    for step, count in sorted((abs(step), count) for step, count in zip(array.strides, array.shape) if count > 1):
        if step < reach:
            return array.size > 0
        reach += step * (count - 1)
    return False
