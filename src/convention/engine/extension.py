"""The signal as the windows see it: continued past its ends, then spread by inserted zeros."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convention.arrays import Array, Library
from convention.boundary import index_map
from convention.fields import Number
from convention.geometry import Window

__all__ = ["extend"]

_SHORT = 1024
"""Positions of a border whose index map is remembered."""


def extend(
    library: Library, signal: Array, windows: Sequence[Window], rules: Sequence[str], values: Sequence[Number]
) -> Array:
    """Return exactly the positions that the windows reach, along the signal's last axes.

    Parameters
    ----------
    library : Library
        The signal's library.
    signal : array, shape (..., N1, N2, ...)
        In the data type to sum in.
    windows : sequence of Window
        One per spatial axis, each with at least one output.
    rules : sequence of str
        Boundary names, one per spatial axis.
    values : sequence of number
        What stands beyond a constant boundary, one per spatial axis.

    Returns
    -------
    array, shape (..., L1, L2, ...)
        With L = (outputs-1)*stride + D along each axis: the first window starts at index 0.
    """
    first = signal.ndim - len(windows)
    frame = _zero_frame(tuple(windows), tuple(rules))
    if frame is not None:
        part = signal[(..., *frame.inside)] if frame.cuts else signal
        if not frame.adds:
            return part
        extended = library.zeros((*signal.shape[:first], *frame.shape), signal.dtype, signal)
        extended[(..., *frame.place)] = part
        return extended
    for axis, (window, rule, value) in enumerate(zip(windows, rules, values, strict=True), first):
        start, stop = _samples(window)
        n = window.signal
        inside = _inside(start, stop, n)
        if inside.start == inside.stop:
            left, right = _index_map(rule, start, stop, n), _index_map(rule, 0, 0, n)
        else:
            left, right = _index_map(rule, start, inside.start, n), _index_map(rule, inside.stop, stop, n)
        signal = library.extended(signal, axis, left, inside, right, value)
    # only now, since zeros are inserted into the continued signal and not continued themselves
    for axis, window in enumerate(windows, first):
        if window.upsample > 1:
            low, high = window.reach
            shape = (*signal.shape[:axis], high - low + 1, *signal.shape[axis + 1 :])
            spread = library.zeros(shape, signal.dtype, signal)
            offset = _samples(window)[0] * window.upsample - low
            spread[(slice(None),) * axis + (slice(offset, None, window.upsample),)] = signal
            signal = spread
    return signal


def _samples(window: Window) -> tuple[int, int]:
    """Return the samples start...stop-1 that lie within reach: low <= i*upsample <= high."""
    low, high = window.reach
    return -(-low // window.upsample), high // window.upsample + 1


def _inside(start: int, stop: int, n: int) -> slice:
    """Return which of the samples start...stop-1 a signal of length n has."""
    first, last = min(max(start, 0), n), min(max(stop, 0), n)
    return slice(first, last) if first < last else slice(0, 0)


class _Frame(NamedTuple):
    """Where a signal's samples stand among zeros."""

    shape: tuple[int, ...]
    inside: tuple[slice, ...]
    place: tuple[slice, ...]
    cuts: bool
    """Whether samples are left out."""
    adds: bool
    """Whether there are zeros."""


@lru_cache(maxsize=1024)
def _zero_frame(windows: tuple[Window, ...], rules: tuple[str, ...]) -> _Frame | None:
    if any(rule != "zero" for rule in rules):
        return None
    shape, inside, place = [], [], []
    for window in windows:
        low, high = window.reach
        samples = _inside(*_samples(window), window.signal)
        offset = samples.start * window.upsample - low if samples.stop else 0
        count = samples.stop - samples.start
        shape.append(high - low + 1)
        inside.append(samples)
        place.append(slice(offset, offset + (count - 1) * window.upsample + 1 if count else offset, window.upsample))
    lengths = [samples.stop - samples.start for samples in inside]
    cuts = lengths != [window.signal for window in windows]
    return _Frame(tuple(shape), tuple(inside), tuple(place), cuts, lengths != shape)


def _index_map(rule: str, start: int, stop: int, n: int) -> NDArray[np.int64]:
    return (_short_index_map if stop - start <= _SHORT else _any_index_map)(rule, start, stop, n)


def _any_index_map(rule: str, start: int, stop: int, n: int) -> NDArray[np.int64]:
    return index_map(rule, np.arange(start, stop), n)


_short_index_map = lru_cache(maxsize=512)(_any_index_map)
