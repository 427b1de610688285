"""The signal as the windows see it: continued past its ends, then spread by inserted zeros."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convention.arrays import Array, Library
from convention.boundary import index_map
from convention.fields import Number
from convention.geometry import Window

__all__ = ["extend"]


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
    for axis, (window, rule, value) in enumerate(zip(windows, rules, values, strict=True), first):
        start, stop = _samples(window)
        n = window.signal
        inside = slice(min(max(start, 0), n), min(max(stop, 0), n))
        if inside.start >= inside.stop:
            inside, left, right = slice(0, 0), np.arange(start, stop), np.arange(0)
        else:
            left, right = np.arange(start, inside.start), np.arange(inside.stop, stop)
        signal = library.extended(signal, axis, index_map(rule, left, n), inside, index_map(rule, right, n), value)
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
