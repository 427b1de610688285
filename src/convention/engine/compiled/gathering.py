"""What the tiles read: the address of each row of samples that a block of outputs reaches, its line.

A line is either the signal's own row, or a row of a scratch area that stays in the second-level cache, to which samples
are gathered: converted to the data type of the sums, continued past the border, split into the phases of a stride. So
the tiles know nothing of data types, strides or borders, and nothing of the signal's size is ever copied as a whole.

`x` and `s` are numbers of the data type of the signal and of the sums, and stand for it; `g` is a record of `GEOMETRY`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from convention.engine.compiled.cache import compiled
from convention.engine.compiled.geometry import NOWHERE
from convention.engine.compiled.intrinsics import VECTOR, WIDE, alike, as_type, number, size_of, store, view
from convention.engine.compiled.rows import between, picked_of_2, picked_of_4, widened

__all__ = ["PLACES", "RING", "emptied", "found", "gathered", "interior", "ring_table"]

PLACES, _SLOTS, _FRESH, _HELD, _MET, _FINITE = range(6)
RING = 6
"""Tables of a ring: by plane, where it lies in bytes, in which slot, and whether it has to be gathered; by slot, what
lies there, whether this output plane meets it, and whether it is finite."""

_INTEGER, _REAL = np.int64(0), np.float64(0)


def _moved(x: Any, s: Any, to: Any, src: Any, first: Any, last: Any, count: Any) -> None:
    """Copy and convert numbers that lie side by side: of so many, those from `first` to `last` - 1.

    `to` and `src` are addresses of what would be number 0. Where nothing is converted, the others become zeros.
    """


@overload(_moved)
def _moved_by_type(x: Any, s: Any, to: Any, src: Any, first: Any, last: Any, count: Any) -> Any:
    def vectors_moved(x: Any, s: Any, to: Any, src: Any, first: Any, last: Any, count: Any) -> None:
        between(s, to, src, -(-count * size_of(s) // VECTOR), first, last)

    def integers_moved(x: Any, s: Any, to: Any, src: Any, first: Any, last: Any, count: Any) -> None:
        to, src, many = to + first * size_of(s), src + first * size_of(x), last - first
        if many * size_of(s) >= VECTOR:
            widened(s, x, to, src, many)
        else:
            for j in range(many):
                store(to, j, as_type(number(src, j, x), s))

    def numbers_moved(x: Any, s: Any, to: Any, src: Any, first: Any, last: Any, count: Any) -> None:
        target, samples = view(to, last, s), view(src, last, x)
        for j in range(first, last):
            target[j] = samples[j]

    if x == s:
        return vectors_moved
    return integers_moved if isinstance(x, types.Integer) else numbers_moved


def _picked(x: Any, s: Any, to: Any, src: Any, count: Any, apart: Any) -> Any:
    """Copy the first numbers of some that lie apart, by vectors; return how many."""


@overload(_picked)
def _picked_by_type(x: Any, s: Any, to: Any, src: Any, count: Any, apart: Any) -> Any:
    def by_vectors(x: Any, s: Any, to: Any, src: Any, count: Any, apart: Any) -> Any:
        vector = VECTOR // size_of(s)
        times = max(count - 1, 0) // vector  # vectors end behind their last number
        if apart == 2:
            picked_of_2(s, src, to, times)
        elif apart == 4:
            picked_of_4(s, src, to, times)
        else:
            times = 0
        return times * vector

    def none(x: Any, s: Any, to: Any, src: Any, count: Any, apart: Any) -> Any:
        return 0

    return by_vectors if x == s else none


@compiled
def _strided(x: Any, s: Any, to: Any, src: Any, count: Any, lanes: Any, apart: Any) -> None:
    """Copy and convert groups of numbers that lie some elements apart."""
    target, samples = view(to, count * lanes, s), view(src, count, x)
    if lanes == 1:
        for j in range(_picked(x, s, to, src, count, apart), count):
            target[j] = samples[j * apart]
    else:
        for j in range(count):
            for lane in range(lanes):
                target[j * lanes + lane] = samples[j * apart + lane]


@compiled
def _turned(x: Any, s: Any, to: Any, src: Any, count: Any, apart: Any) -> None:
    """Copy and convert complex numbers, times i."""
    target, samples = view(to, 2 * count, s), view(src, count, x)
    if apart == 2:
        for j in range(count):
            target[2 * j] = -as_type(samples[2 * j + 1], s)
            target[2 * j + 1] = samples[2 * j]
    else:
        for j in range(count):
            target[2 * j] = -as_type(samples[j * apart + 1], s)
            target[2 * j + 1] = samples[j * apart]


@compiled
def _filled(s: Any, to: Any, count: Any, fills: Any) -> None:
    """Write two numbers in turn."""
    target = view(to, count, s)
    even, odd = number(fills, 0, _REAL), number(fills, 1, _REAL)
    for j in range(count):
        target[j] = odd if j & 1 else even


@compiled
def _border(
    x: Any,
    s: Any,
    to: Any,
    src: Any,
    offsets: Any,
    stride: Any,
    count: Any,
    lanes: Any,
    turned: Any,
    here: Any,
    fills: Any,
    edges: Any,
) -> None:
    """Gather positions beyond the border, by their offsets."""
    for j in range(count):
        offset = number(offsets, j * stride, _INTEGER)
        for lane in range(lanes):
            value = as_type(number(fills, lane & 1, _REAL), s)
            if offset == NOWHERE:
                value = as_type(number(edges, lane & 1, _REAL), s)
            elif here and turned:
                value = as_type(number(src, offset + 1 - lane, x), s)
                value = value if lane else -value
            elif here:
                value = as_type(number(src, offset + lane, x), s)
            store(to, j * lanes + lane, value)


@compiled(fastmath={"reassoc"})
def _finite(s: Any, row: Any, count: Any) -> Any:
    """Tell whether all of a row's samples are finite: zero times any other number is not zero."""
    samples, zero = view(row, count, s), as_type(0, s)
    rest = zero
    for j in range(count):
        rest += samples[j] * zero
    return rest == 0


@compiled
def ring_table(g: Any, scratch: Any, table: Any) -> Any:
    """Return the address of one of the tables of a ring."""
    return scratch + g.ring + table * g.planes * 8


@compiled
def emptied(g: Any, scratch: Any) -> None:
    """Forget what lies in the ring: other rows and columns are met."""
    for slot in range(g.planes):
        store(ring_table(g, scratch, _HELD), slot, _INTEGER + NOWHERE)


@compiled
def _slot_of(g: Any, scratch: Any, start: Any) -> Any:
    """Return the slot of the plane that begins there, or -1."""
    held = ring_table(g, scratch, _HELD)
    for slot in range(g.planes):
        if number(held, slot, _INTEGER) == start and start != NOWHERE:
            return slot
    return _INTEGER - 1


@compiled
def _free_slot(g: Any, scratch: Any) -> Any:
    """Return a slot whose plane is not met any more: there are as many slots as planes that are."""
    slot = _INTEGER
    for other in range(g.planes):
        if not number(ring_table(g, scratch, _MET), other, _INTEGER):
            slot = _INTEGER + other
    return slot


@compiled
def _placed(g: Any, scratch: Any, out_plane: Any) -> None:
    """Find the planes that lie in the ring, and slots for those that do not."""
    slots, fresh = ring_table(g, scratch, _SLOTS), ring_table(g, scratch, _FRESH)
    held, met = ring_table(g, scratch, _HELD), ring_table(g, scratch, _MET)
    for slot in range(g.planes):
        store(met, slot, _INTEGER)
    for plane in range(g.planes):
        slot = _slot_of(g, scratch, number(g.plane_of, out_plane * g.planes + plane, _INTEGER))
        store(slots, plane, slot)
        store(fresh, plane, _INTEGER)
        if slot >= 0:
            store(met, slot, _INTEGER + 1)
    for plane in range(g.planes):
        slot = number(slots, plane, _INTEGER)
        if slot < 0:
            start = number(g.plane_of, out_plane * g.planes + plane, _INTEGER)
            slot = _slot_of(g, scratch, start)  # what stands at two places is gathered once
            if slot < 0:
                slot = _free_slot(g, scratch)
                store(fresh, plane, _INTEGER + 1)
                store(held, slot, start)
                store(met, slot, _INTEGER + 1)
            store(slots, plane, slot)
        store(ring_table(g, scratch, PLACES), plane, slot * g.plane_step)


@compiled
def _all_finite(g: Any, scratch: Any) -> Any:
    """Tell whether all planes that are met are finite."""
    for plane in range(g.planes):
        slot = number(ring_table(g, scratch, _SLOTS), plane, _INTEGER)
        if not number(ring_table(g, scratch, _FINITE), slot, _INTEGER):
            return False
    return True


@compiled(inline="always")
def _fills(g: Any, out_plane: Any, plane: Any, line: Any) -> Any:
    """Return the address of what stands in a row where there is none."""
    return g.row_fill + plane * 16 if line == NOWHERE else g.plane_fill + (out_plane * g.planes + plane) * 16


def _gathered(plain: bool, ring: bool) -> Any:
    """Return the function that gathers; plain, it knows no strides along the columns and no samples times i.

    Most jobs need no more, nor a ring of planes, and it is compiled in half the time.
    """

    @compiled
    def gathered(
        x: Any, s: Any, g: Any, src: Any, scratch: Any, out_plane: Any, row: Any, rows: Any, column: Any, columns: Any
    ) -> Any:
        """Gather what a block of outputs reads; return whether it is finite, where that is to be checked."""
        lanes, stride = g.lanes, g.column_stride
        count = columns // lanes + (g.column_extent - 1) // stride
        extent = (rows - 1) * g.row_stride + g.row_dilation * (g.kernel_rows - 1) + 1
        width = lanes * size_of(s)
        row_of, row_step, check = g.row_of + row * g.row_stride * 8, g.row_step, g.check
        finite = True
        if ring:
            _placed(g, scratch, out_plane)
        for phase in range(1 if plain else min(stride, g.column_extent)):
            # along the row: the border, samples in their own places, the border
            position = column // lanes * stride + phase
            first = min(max(-((position - g.inside) // stride), 0), count)
            last = min(max(-((position - g.outside) // stride), first), count)
            begin = (g.first_sample + (position + first * stride - g.inside) * g.sample_step) * size_of(x)
            apart = stride * g.sample_step
            side_by_side = apart == lanes
            beginning = begin - first * width // size_of(s) * size_of(x)
            # zeros beyond the border come with the samples
            zeros = alike(x, s) and side_by_side and g.zeros == 1
            left = g.left + position * 8
            right = g.right + (position + last * stride - g.outside) * 8
            for plane in range(g.planes):
                start = number(g.plane_of, out_plane * g.planes + plane, _INTEGER)
                turned = plane >= g.turned
                lines = scratch + g.lines + plane * g.plane_lines
                edges = g.column_fill + plane * 16
                place: Any = plane * g.plane_step
                fresh, whole = True, True
                if ring:
                    place = number(ring_table(g, scratch, PLACES), plane, _INTEGER)
                    fresh = number(ring_table(g, scratch, _FRESH), plane, _INTEGER) == 1
                place += scratch
                for i in range(extent):
                    store(lines, i, place + i * row_step)
                if not fresh:
                    continue
                place += phase * g.phase_step
                for i in range(extent):
                    to, line = place + i * row_step, number(row_of, i, _INTEGER)
                    here = start != NOWHERE and line != NOWHERE
                    at = src + start + line
                    fills = _fills(g, out_plane, plane, line)
                    if not here:
                        _filled(s, to + first * width, (last - first) * lanes, fills)
                    elif not plain and turned:
                        _turned(x, s, to + first * width, at + begin, last - first, apart)
                    elif plain or side_by_side:
                        _moved(x, s, to, at + beginning, first * lanes, last * lanes, count * lanes)
                    else:
                        _strided(x, s, to + first * width, at + begin, last - first, lanes, apart)
                    continued = not zeros or turned or not here
                    if first and continued:
                        _border(x, s, to, at, left, stride, first, lanes, turned, here, fills, edges)
                    if last < count and continued:
                        to += last * width
                        _border(x, s, to, at, right, stride, count - last, lanes, turned, here, fills, edges)
                        to -= last * width
                    if check:
                        whole &= _finite(s, to, count * lanes)
                finite &= whole
                if ring:
                    slot = number(ring_table(g, scratch, _SLOTS), plane, _INTEGER)
                    before = phase == 0 or number(ring_table(g, scratch, _FINITE), slot, _INTEGER) == 1
                    store(ring_table(g, scratch, _FINITE), slot, _INTEGER + (whole and before))
        if ring and g.check:
            return _all_finite(g, scratch)
        return finite

    return gathered


gathered = {(plain, ring): _gathered(plain, ring) for plain in (True, False) for ring in (True, False)}


@compiled(inline="always")
def interior(s: Any, g: Any, column: Any, columns: Any) -> Any:
    """Return the first of a block's columns whose samples tiles can read where they lie, and the end of these."""
    width = WIDE * VECTOR // size_of(s)
    strip = max(width // g.lanes, 1) * g.lanes  # a tile's: narrower ones take about as long
    first, last = g.inside * g.lanes, (g.outside - g.column_extent + 1) * g.lanes
    begin, end = column, column + columns
    if begin < first:
        begin = max(begin + strip, first)
    if end > last:
        end = min(end - strip, last)
    if not g.in_place or end - begin < 2 * width:  # a tile reads no more than its outputs' windows
        return column, column
    return begin, end


@compiled
def found(
    s: Any, g: Any, src: Any, scratch: Any, out_plane: Any, row: Any, rows: Any, column: Any, columns: Any
) -> Any:
    """Find the lines where the signal lies; return whether they are finite, where that is to be checked."""
    count = columns + (g.column_extent - 1) * g.lanes
    extent = (rows - 1) * g.row_stride + g.row_dilation * (g.kernel_rows - 1) + 1
    begin = (g.first_sample + column - g.inside * g.lanes) * size_of(s)
    finite = True
    for plane in range(g.planes):
        start = number(g.plane_of, out_plane * g.planes + plane, _INTEGER)
        lines = scratch + g.lines + plane * g.plane_lines
        for i in range(extent):
            line = number(g.row_of, row * g.row_stride + i, _INTEGER)
            at = src + start + line + begin
            if start == NOWHERE or line == NOWHERE:
                at = scratch + plane * g.plane_step + i * g.row_step
                _filled(s, at, count, _fills(g, out_plane, plane, line))
            store(lines, i, at)
            if g.check:
                finite &= _finite(s, at, count)
    return finite
