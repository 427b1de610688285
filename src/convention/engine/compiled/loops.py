"""The loops around the tiles: a block of outputs at a time is found or gathered, summed and stored.

Arguments: `x`, `s` and `y` are numbers of the data type of the signal, the sums and the result, and stand for
it; `g` is a record of `GEOMETRY`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from convention.engine.compiled.cache import cached, compiled
from convention.engine.compiled.gathering import emptied, found, gathered, interior
from convention.engine.compiled.geometry import BOX, DENSE, GEOMETRY, LISTED, SEPARABLE
from convention.engine.compiled.intrinsics import VECTOR, as_type, in_order, number, record, size_of, view
from convention.engine.compiled.rows import clamped, rounded
from convention.engine.compiled.sharing import begun, taken
from convention.engine.compiled.summing import all_taps, box, separable, tiles

__all__ = ["BOX", "DENSE", "LISTED", "NOT_A_NUMBER", "OUT_OF_RANGE", "SEPARABLE", "run_of"]

OUT_OF_RANGE, NOT_A_NUMBER = 1, 2
"""What `run` may report of results that are integers."""

_geometry = record(GEOMETRY)

_INTEGER = np.int64(0)


@compiled
def _integers(s: Any, y: Any, sums: Any, out: Any, step: Any, count: Any, low: Any, high: Any) -> Any:
    """Store sums as integers, every so many elements; return what was wrong with them."""
    if step == 1:
        return rounded(s, y, sums, out, low, high, count)
    source, target, status = view(sums, count, s), view(out, count, y), 0
    for j in range(count):
        nearest = np.rint(source[j])
        inside = nearest if nearest > low else low
        inside = inside if inside < high else high
        if inside != nearest:  # so is no number
            status |= OUT_OF_RANGE if nearest == nearest else OUT_OF_RANGE | NOT_A_NUMBER
        target[j * step] = inside
    return status


def _convert(s: Any, y: Any, g: Any, sums: Any, out: Any, count: Any, low: Any, high: Any) -> Any:
    """Store sums as results; return what was wrong with them."""


@overload(_convert)
def _convert_by_type(s: Any, y: Any, g: Any, sums: Any, out: Any, count: Any, low: Any, high: Any) -> Any:
    def to_float(s: Any, y: Any, g: Any, sums: Any, out: Any, count: Any, low: Any, high: Any) -> Any:
        source, target = view(sums, count, s), view(out, count, y)
        for j in range(count):
            target[j * g.out_step] = source[j]
        return 0

    def to_few_bits(s: Any, y: Any, g: Any, sums: Any, out: Any, count: Any, low: Any, high: Any) -> Any:
        if g.sure and g.out_step == 1 and count * size_of(s) >= VECTOR:
            clamped(s, y, sums, out, low, high, count)
            return 0
        return _integers(s, y, sums, out, g.out_step, count, low, high)

    def to_integer(s: Any, y: Any, g: Any, sums: Any, out: Any, count: Any, low: Any, high: Any) -> Any:
        return _integers(s, y, sums, out, g.out_step, count, low, high)

    if isinstance(y, types.Float):
        return to_float
    return to_few_bits if y.bitwidth <= 16 else to_integer


@compiled
def _store(s: Any, y: Any, g: Any, sums: Any, out: Any, rows: Any, columns: Any) -> Any:
    """Convert a block's sums to results; return what was wrong with them."""
    status = 0
    low, high = as_type(g.low, s), as_type(g.high, s)
    for i in range(rows):
        status |= _convert(s, y, g, sums + i * g.sums_step, out + i * g.out_row_step, columns, low, high)
    return status


def _entry(sums: Any, plain: bool, ring: bool) -> Any:
    """Return the function that computes blocks by one of the ways to sum them."""
    gather = gathered[plain, ring]

    def run(x: Any, s: Any, y: Any, geometry: Any, src: Any, out: Any, scratch: Any, pieces: Any, bell: Any) -> Any:
        g = _geometry(geometry)
        down, across = -(-g.rows // g.block_rows), -(-g.columns // g.block_columns)
        status, before = 0, -1
        for _ in range(begun(pieces, bell)):
            first, last = taken(pieces)
            if first == last:
                break
            for block in range(first, last):
                if ring:  # planes of the same rows and columns follow each other
                    rest, plane = divmod(block, g.out_planes)
                    rest, j = divmod(rest, across)
                    item, i = divmod(rest, down)
                    if plane == 0 or block != before + 1:
                        emptied(g, scratch)
                else:
                    rest, j = divmod(block, across)
                    rest, i = divmod(rest, down)
                    item, plane = divmod(rest, g.out_planes)
                row, column = i * g.block_rows, j * g.block_columns
                rows, columns = min(g.block_rows, g.rows - row), min(g.block_columns, g.columns - column)
                at = src + number(g.signals, item, _INTEGER)
                to = out + number(g.results, item, _INTEGER) + number(g.out_plane, plane, _INTEGER)
                to += row * g.out_row_step + column * g.out_step * size_of(y)
                kernel = number(g.kernels, item, _INTEGER)
                total = to if g.stored else scratch + (g.planes + 1) * g.plane_step
                step = g.out_row_step if g.stored else g.sums_step
                begin, end = interior(s, g, column, columns)
                for part, (left, right) in enumerate(((begin, end), (column, begin), (end, column + columns))):
                    if left == right:
                        continue
                    if not ring and part == 0:  # samples are met where they lie
                        finite = found(s, g, at, scratch, plane, row, rows, left, right - left)
                    else:
                        finite = gather(x, s, g, at, scratch, plane, row, rows, left, right - left)
                    place = total + (left - column) * size_of(s)
                    if finite:
                        sums(s, g, kernel, scratch, place, step, rows, right - left)
                    else:  # zero times infinity is no number
                        all_taps(s, g, kernel, scratch, place, step, rows, right - left)
                if not g.stored:
                    status |= _store(s, y, g, total, to, rows, columns)
                before = block
        if g.around:
            in_order()
        return status

    return cached(run, sums.py_func.__name__ + "_plain" * plain + "_ring" * ring)


_SUMS = {DENSE: tiles, LISTED: tiles, SEPARABLE: separable, BOX: box}
_ENTRIES = {(sums, *kind): _entry(sums, *kind) for sums in set(_SUMS.values()) for kind in gathered}


def run_of(way: int, plain: bool, ring: bool) -> Any:
    """Return the function that computes by a way, samples of all kinds or plain ones, with a ring of planes or none.

    It is called with ``(x, s, y, geometry, src, out, scratch, pieces, bell)``, computes the blocks that
    `sharing.taken` gives it, and returns what was wrong with the results, or 0. Blocks are numbered by signal, output
    plane, rows, columns, or, where planes are kept in a ring, by signal, rows, columns, output plane; the last counts
    fastest. `src` and `out` are the addresses of the signal and the result, `scratch` that of memory for one block,
    `geometry` that of the record. Each is compiled when it is first called.
    """
    return _ENTRIES[_SUMS[way], plain, ring]
