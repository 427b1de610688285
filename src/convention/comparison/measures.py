"""How two results relate: equal, opposite, or how far apart; exactly for integers, else up to rounding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["EXACT", "Measures", "Rounding", "difference_of", "measure", "together"]


_PIECE = 2**16
"""Outputs measured at a time, so that a dozen passes over them stay in the cache."""


class Rounding(NamedTuple):
    """How far apart rounding alone may move two results that are equal in exact arithmetic."""

    tolerance: float
    """Anywhere: the bound for the largest sample."""
    relative: float = 0.0
    """The same bound per unit of both results' magnitudes, where the method has a bound for each output."""
    local: Callable[[], NDArray[Any]] | None = None
    """Returns that bound for each output, of the magnitudes of all products in its own window."""


EXACT = Rounding(0.0)


class Measures(NamedTuple):
    """How two results relate."""

    outputs: int
    compared: int
    """Outputs whose difference is a finite number."""
    differing: int
    """Of these, how many differ by more than rounding."""
    largest: Any
    where: tuple[int, ...] | None
    """The index of the largest difference; None without outputs."""
    squares: float
    """The sum of the squared differences."""
    peak: Any
    """The largest finite magnitude in either result."""
    tolerance: float
    identical: bool
    negated: bool


def difference_of(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Return a - b without overflow: integers as int64, or as Python integers where that is too narrow."""
    a, b = _widened(a, b)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(a - b)


def measure(a: NDArray[Any], b: NDArray[Any], rounding: Rounding = EXACT) -> Measures:
    """Return how two results of one shape relate."""
    x, y = a.reshape(-1), b.reshape(-1)
    pieces = [slice(start, start + _PIECE) for start in range(0, max(x.size, 1), _PIECE)]
    whole = together([_measure_piece(x, y, piece, rounding) for piece in pieces])
    if whole.where is None:
        return whole
    return whole._replace(where=tuple(int(i) for i in np.unravel_index(whole.where[0], a.shape)))


def _measure_piece(a: NDArray[Any], b: NDArray[Any], piece: slice, rounding: Rounding) -> Measures:
    a, b = _widened(a[piece], b[piece])
    gap, finite = _gap(a, b)
    place = int(np.argmax(gap)) if gap.size else None
    largest = 0 if place is None else gap.item(place)

    def equal(b: NDArray[Any], gap: NDArray[Any], finite: NDArray[np.bool_] | None) -> bool:
        """Tell whether rounding explains the gap; where it is no finite number, both must be the same."""
        if finite is not None:
            x, y = a[~finite], b[~finite]
            if not ((x == y) | (np.isnan(x) & np.isnan(y))).all():
                return False
        most = gap.max(initial=0)
        if most == 0 or rounding.local is None or most > rounding.tolerance:
            return bool(most <= rounding.tolerance)
        # a sum is no larger than the sum of the magnitudes, and often as large: then no more need be computed
        if (gap <= rounding.relative * (abs(a) + abs(b))).all():
            return True
        return not (gap > rounding.local().reshape(-1)[piece]).any()

    identical = equal(b, gap, finite)
    return Measures(
        outputs=gap.size,
        compared=gap.size if finite is None else int(np.count_nonzero(finite)),
        differing=0 if identical else int(np.count_nonzero(gap > rounding.tolerance)),
        largest=largest,
        where=None if place is None else (piece.start + place,),
        squares=_squares(gap),
        peak=max(_peak(a), _peak(b)),
        tolerance=rounding.tolerance,
        identical=identical,
        negated=equal(-b, *_gap(a, -b)),
    )


def together(parts: Sequence[Measures]) -> Measures:
    """Return the measures of a whole from those of its parts, whose `where` are indices into the whole."""
    top = max(part.largest for part in parts)
    return Measures(
        outputs=sum(part.outputs for part in parts),
        compared=sum(part.compared for part in parts),
        differing=sum(part.differing for part in parts),
        largest=top,
        where=min((part.where for part in parts if part.where is not None and part.largest == top), default=None),
        squares=sum(part.squares for part in parts),
        peak=max(part.peak for part in parts),
        tolerance=max(part.tolerance for part in parts),
        identical=all(part.identical for part in parts),
        negated=all(part.negated for part in parts),
    )


def _widened(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both in a type where neither their difference nor their sum overflows, if they are integers."""
    if a.dtype.kind not in "biu":
        return a, b
    most = max((max(-int(x.min()), int(x.max())) for x in (a, b) if x.size), default=0)
    wide = np.dtype(np.int64 if most < 2**62 else object)
    return a.astype(wide, copy=False), b.astype(wide, copy=False)


def _gap(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return the distances, 0 where they are no finite number, and where they are: None for everywhere."""
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.asarray(abs(a - b))
    if gap.dtype.kind in "iO" or np.isfinite(gap).all():
        return gap, None
    finite = np.isfinite(gap)
    gap[~finite] = 0
    return gap, finite


def _squares(gap: NDArray[Any]) -> float:
    with np.errstate(over="ignore"):
        return float(np.square(gap, dtype=None if gap.dtype == object else float).sum())


def _peak(a: NDArray[Any]) -> Any:
    if a.dtype.kind in "iO":
        return max(-a.min(initial=0), a.max(initial=0))
    size = abs(a)
    most = size.max(initial=0)
    return most if np.isfinite(most) else size[np.isfinite(size)].max(initial=0)
