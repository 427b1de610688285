"""How a signal is cut into tiles for the Fourier method: lengths, counts, and what it is predicted to cost.

The constants were fitted to tiles of random numbers that were copied, transformed, multiplied, transformed back and
copied, one thread at a time (least of seven, processor time; two Xeon cores of 2 MiB second-level cache each, SciPy
1.17, NumPy 2.4). Nanoseconds per point of a tile:

    1-D, in stacks    4096   16384   32768     2-D   128²   256²   512²   1024²     3-D   32³   64³
    float32            6.2     6.7     7.5           7.1    7.1    8.6     9.8            9.0   8.9
    float64           10.3    11.7    12.7          10.5   11.2   12.6    17             12.9  14.5

A single one-dimensional transform takes 1.7 times as long per point as those that are transformed side by side.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import log2, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convention.boundary import index_map
from convention.engine.threads import usable_cpus
from convention.geometry import Window, dilated_extent

__all__ = ["AxisTiling", "Piece", "Tile", "Tiling", "pieces", "tiling_of"]

_STACK = 2**19
"""Bytes of tiles transformed together: they, their spectra and their outputs stay in the second-level cache."""

_WORK = 30 * 2**20
"""Bytes that all threads' tiles, spectra and outputs may take together."""

_SPECTRA = 16 * 2**20
"""Bytes of kernel spectra that one call may hold."""

_WIDEST = 32.0
"""The longest tile tried, in extents of the kernel."""

_POINT = {1: (2.4, 0.3, 0.6), 2: (6.0, 0.1, 0.35), 3: (6.5, 0.1, 0.6)}
"""By the number of axes, nanoseconds per point of a float32 tile: a + b*log2(points) + c*log2(bytes / near)."""

_SCALE = {"f": 1.0, "d": 1.55, "F": 1.9, "D": 3.0}
"""What other data types take, by comparison."""

_NEAR = 3 * 2**17
"""Bytes of a tile that stays in the second-level cache, with its spectrum."""

_ODD = 0.01
"""What the part of a length without its factors 2 adds, per log2: radix 3 and 5 are slower."""

_INNER = 0.8
"""What each further thread within one transform adds."""

_KEPT = 0.25
"""How much of its spectra a tiling is judged by, since a kernel that comes again finds them kept."""

_LANES = {"f": 4, "d": 2, "F": 4, "D": 2}
"""Transforms along one axis that SciPy takes at a time; alone each takes 1.7 times as long."""

_ITEM, _CALL = 12.0, 80.0
"""Microseconds that each tile and each call takes beside."""

_SHORT = 200.0
"""Microseconds below which one thread does it all."""


class Tile(NamedTuple):
    """A stretch along one axis: its outputs, and the positions that their windows read."""

    first: int
    """Its first output."""
    outputs: int
    start: int
    """Its first position in the continued, spread signal."""
    samples: int


class AxisTiling(NamedTuple):
    """How one axis is cut."""

    length: int
    """L, the length of a tile's transform."""
    outputs: int
    """Outputs of each tile but the last."""
    tiles: int
    circular: bool
    """Whether the one tile is the periodic signal itself."""

    def tile(self, window: Window, number: int) -> Tile:
        """Return one of the tiles."""
        if self.circular:
            return Tile(0, window.outputs, 0, window.signal)
        first = number * self.outputs
        count = min(self.outputs, window.outputs - first)
        start = first * window.stride - window.before
        return Tile(first, count, start, (count - 1) * window.stride + dilated_extent(window.kernel, window.dilation))


class Tiling(NamedTuple):
    """How a call is cut."""

    axes: tuple[AxisTiling, ...]
    items: int
    """Tiles of all signals of the batch."""
    stack: int
    """Tiles transformed together."""
    threads: int
    """Threads that take stacks."""
    inner: int
    """Threads within one transform."""
    keeps_spectra: bool
    """Whether all kernels' spectra are held during the call."""
    cost: float
    """Microseconds, predicted."""


class Piece(NamedTuple):
    """A part of a tile along one axis, and where it is copied from: None where a constant stands."""

    into: slice
    source: slice | None


def pieces(window: Window, rule: str, tile: Tile, circular: bool) -> list[Piece]:
    """Return what a tile is filled with along one axis."""
    n, upsample = window.signal, window.upsample
    if circular:
        return [Piece(slice(0, n), slice(0, n))]
    # samples first...stop-1 stand at the positions i*upsample of the tile
    first = -(-tile.start // upsample)
    stop = (tile.start + tile.samples - 1) // upsample + 1

    def place(low: int, high: int) -> slice:
        return slice(low * upsample - tile.start, (high - 1) * upsample - tile.start + 1, upsample)

    low, high = min(max(first, 0), stop), max(min(stop, n), first)
    inside = [Piece(place(low, high), slice(low, high))] if low < high else []
    if not inside:
        low = high = stop  # all of it lies beyond
    if rule in ("zero", "constant"):
        for a, b in ((first, low), (high, stop)):
            inside += [Piece(place(a, b), None)] * (a < b)
        return inside
    for a, b in ((first, low), (high, stop)):
        inside += [Piece(place(a + i, a + j), source) for i, j, source in _runs(index_map(rule, np.arange(a, b), n))]
    return inside


def _runs(index: NDArray[np.int64]) -> list[tuple[int, int, slice]]:
    """Cut an index map into slices that rise, fall or stay, as (from, to, source)."""
    steps = np.diff(index, append=index[-1:])
    found, at = [], 0
    for end in [*(np.flatnonzero(steps[1:] != steps[:-1]) + 1).tolist(), len(index) - 1]:
        while at <= end:  # from here to the end the index takes the same step
            step = int(steps[at])
            last = end if step in (-1, 0, 1) else at
            a, b = int(index[at]), int(index[last])
            source = slice(a, b + step if b + step >= 0 else None, step) if step and last > at else slice(a, a + 1)
            found.append((at, last + 1, source))
            at = last + 1
    return found


@lru_cache(512)
def tiling_of(
    windows: tuple[Window, ...], rules: tuple[str, ...], dtype: str, batch: int, kernels: int, workers: int | None
) -> Tiling:
    """Return the tiling that is predicted to cost least.

    Parameters
    ----------
    windows : tuple of Window
        One per spatial axis, each with outputs.
    rules : tuple of str
        Boundary names, one per spatial axis.
    dtype : str
        f, d, F or D: the data type to sum in.
    batch, kernels : int
        Number of signals (after broadcasting), and of different kernels.
    workers : int or None
        The most threads to use.
    """
    cpus = usable_cpus() if workers is None else min(workers, usable_cpus())
    few = {1: 24, 2: 12, 3: 7}.get(len(windows), 3)
    axes = [_candidates(w, rule, few) for w, rule in zip(windows, rules)]
    found = (_tiling(cut, dtype, batch, kernels, cpus) for cut in product(*axes))
    return min(found, key=lambda one: one[0])[1]


def _candidates(window: Window, rule: str, few: int) -> list[AxisTiling]:
    """Return ways to cut an axis: tiles of fast lengths from the window's extent to the whole, and the period."""
    extent = dilated_extent(window.kernel, window.dilation)
    low, high = window.reach
    reach = high - low + 1
    factors = [1.125 * _WIDEST ** (i / few) for i in range(few + 1)]
    powers = [2**i for i in range(8, 16, 1 + 8 // few)]
    found = {}
    for wanted in (
        {min(reach, int(extent * factor) + 8) for factor in factors} | {min(reach, n) for n in powers} | {reach}
    ):
        if wanted < extent:
            continue
        outputs = (_fast_length(wanted) - extent) // window.stride + 1
        even = -(-window.outputs // -(-window.outputs // outputs))
        length = _fast_length(max(2, (even - 1) * window.stride + extent))
        outputs = min(window.outputs, (length - extent) // window.stride + 1)
        found[length] = AxisTiling(length, outputs, -(-window.outputs // outputs), False)
    ways = list(found.values())
    n = window.signal
    plain = window.upsample == 1 and (window.outputs - 1) * window.stride < n
    if rule == "periodic" and plain and n > 1 and _fast_length(n) == n:
        ways.append(AxisTiling(n, window.outputs, 1, True))
    return ways


def _fast_length(least: int) -> int:
    """Return the next length without prime factors above 5, found without loading SciPy for a plan."""
    lengths = _fast_lengths(1 << max(least - 1, 1).bit_length())
    return lengths[bisect_left(lengths, least)]


@lru_cache
def _fast_lengths(most: int) -> list[int]:
    found = {1}
    for factor in (2, 3, 5):
        for n in list(found):
            while (n := n * factor) <= most:
                found.add(n)
    return sorted(found)


def _tiling(cut: Sequence[AxisTiling], dtype: str, batch: int, kernels: int, cpus: int) -> tuple[float, Tiling]:
    """Return a tiling after what it is judged by: its cost, and more where it needs too much memory."""
    points = prod(axis.length for axis in cut)
    size = points * {"f": 4, "d": 8, "F": 8, "D": 16}[dtype]
    items = batch * prod(axis.tiles for axis in cut)
    odd = sum(log2(axis.length // (axis.length & -axis.length)) for axis in cut)
    each = points * _point(points, size, dtype, len(cut)) * (1 + _ODD * odd) / 1e3 + _ITEM
    short = items * each < _SHORT
    threads = 1 if short else max(1, min(cpus, items, _WORK // (3 * size)))
    stack = max(1, min(_STACK // size, -(-items // threads)))
    lanes = _LANES[dtype]
    if len(cut) == 1:
        if stack > lanes:
            stack -= stack % lanes
        each *= 1 + 0.7 * (-stack % lanes) / lanes
    inner = cpus if threads == 1 and len(cut) > 1 and not short else 1
    rounds = -(-items // (stack * threads)) * stack
    faster = 1 + _INNER * (inner - 1)
    spectra = 0.6 * each * kernels / faster
    cost = min(rounds, items) * each / faster + spectra + _CALL
    keeps = kernels == 1 or kernels * size <= _SPECTRA
    over = max(0, 3 * size * threads - _WORK)
    return cost - (1 - _KEPT) * spectra + over, Tiling(tuple(cut), items, stack, threads, inner, keeps, cost)


def _point(points: int, size: int, dtype: str, ndim: int) -> float:
    """Return the nanoseconds of a tile per point: copied, transformed, multiplied, transformed back, copied."""
    base, slope, far = _POINT[min(ndim, 3)]
    outside = min(max(log2(size / _NEAR), 0.0), 5.0)
    return _SCALE[dtype] * (base + slope * log2(points) + far * outside)
