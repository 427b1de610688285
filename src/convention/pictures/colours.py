"""From numbers to colours: a diverging map, greys, and large arrays reduced to what a panel can show."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.errors import ConventionValueError

__all__ = [
    "BLUE",
    "INK",
    "ORANGE",
    "PALE",
    "REDUCTIONS",
    "SERIES",
    "WHITE",
    "diverging",
    "greys",
    "reduced",
]

# Okabe and Ito, Color Universal Design, https://jfly.uni-koeln.de/color/ (the darker orange has a contrast of 5
# to 1 with white).
BLUE, ORANGE, INK, PALE, WHITE = (0, 114, 178), (179, 71, 0), (17, 24, 32), (170, 178, 186), (255, 255, 255)
SERIES = (BLUE, ORANGE, (0, 130, 96), (120, 60, 150), (80, 80, 80))
"""Colours of lines and bars, in order."""

_STOPS = np.array([ORANGE, (230, 159, 0), WHITE, (86, 180, 233), BLUE], float)
_NO_NUMBER = (128, 128, 128)

REDUCTIONS = ("mean", "extreme")
"""What one pixel shows of the samples that it stands for: their mean, or the one farthest from zero."""


def diverging(samples: NDArray[Any], limit: float) -> NDArray[np.uint8]:
    """Return the colours of signed numbers: orange below zero, exactly white at zero, blue above.

    Parameters
    ----------
    samples : array, shape (rows, columns)
        Real numbers; NaN is grey.
    limit : float
        The magnitude that has the full colour; what is beyond has it too.

    Returns
    -------
    array of uint8, shape (rows, columns, 3)
        Red, green and blue.
        Any number that is not zero differs from white.

    Examples
    --------
    >>> diverging(np.array([[-2, 0, 2]]), 2).tolist()
    [[[179, 71, 0], [255, 255, 255], [0, 114, 178]]]
    """
    values = np.asarray(samples, float)
    # Half of the map per sign. The weakest colour is one that a screen still shows against white.
    share = np.clip(np.nan_to_num(values / limit if limit > 0 else np.sign(values)), -1, 1)
    share = np.sign(values) * np.maximum(np.abs(share), 0.02)
    place = np.nan_to_num(share) * 2 + 2
    shades = [np.interp(place, range(len(_STOPS)), _STOPS[:, channel]) for channel in range(3)]
    colours: NDArray[np.uint8] = np.rint(np.stack(shades, axis=-1)).astype(np.uint8)
    colours[np.isnan(values)] = _NO_NUMBER
    return colours


def greys(samples: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return samples, grey or with three channels, between black (`low`) and white (`high`); NaN is blue.

    Returns
    -------
    array of uint8, shape (rows, columns, 3)
        Red, green and blue.
    """
    values = np.asarray(samples, float)
    if values.ndim == 2:
        values = values[:, :, None]
    shade = (np.clip(values, low, high) - low) * (255 / (high - low) if high > low else 0)
    unknown = np.isnan(values).any(axis=2)
    colours: NDArray[np.uint8] = np.broadcast_to(np.rint(np.nan_to_num(shade)), (*values.shape[:2], 3)).astype(np.uint8)
    colours[unknown] = BLUE
    return colours


def reduced(samples: NDArray[Any], rows: int, columns: int, how: str = "mean") -> NDArray[Any]:
    """Return an array with at most so many rows and columns, each sample standing for a block of the original.

    Parameters
    ----------
    samples : array, shape (n, m, ...)
        Real numbers.
    rows, columns : int
        The most rows and columns of the result.
    how : {"mean", "extreme"}
        ``"extreme"`` keeps, of each block, the sample farthest from zero: nothing is averaged away.

    Returns
    -------
    array, shape (min(n, rows), min(m, columns), ...)
        float64 for means, the input's dtype for extremes.

    Raises
    ------
    ConventionValueError
        If `how` is no such word.

    Examples
    --------
    >>> reduced(np.array([[1, -5], [3, 5]]), 1, 1).tolist()
    [[1.0]]
    >>> reduced(np.array([[1, -7], [3, 5]]), 1, 1, "extreme").tolist()
    [[-7]]
    """
    if how not in REDUCTIONS:
        raise ConventionValueError(f"how={how!r}", "there is no such word", ", ".join(REDUCTIONS), "use one of them")
    starts = [_starts(n, most) for n, most in zip(samples.shape, (rows, columns))]
    # row by row of the result: numpy.add.reduceat along the first axis is ten times slower
    blocks = [samples[start:stop] for start, stop in zip(starts[0], [*starts[0][1:], samples.shape[0]])]
    if how == "mean":
        wide = np.float64 if samples.dtype.kind == "f" else None
        totals = np.stack([block.sum(axis=0, dtype=wide) for block in blocks]).astype(np.float64)
        sizes = [np.diff([*start, n]) for start, n in zip(starts, samples.shape)]
        counts = np.outer(*sizes).reshape(len(starts[0]), len(starts[1]), *(1,) * (samples.ndim - 2))
        return np.asarray(np.add.reduceat(totals, starts[1], axis=1) / counts)
    low = np.minimum.reduceat(np.stack([block.min(axis=0) for block in blocks]), starts[1], axis=1)
    high = np.maximum.reduceat(np.stack([block.max(axis=0) for block in blocks]), starts[1], axis=1)
    return np.where(np.abs(low.astype(float)) > np.abs(high.astype(float)), low, high)


def _starts(count: int, most: int) -> NDArray[np.int64]:
    parts = min(count, max(most, 1))
    return np.arange(parts) * count // parts
