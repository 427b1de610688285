"""The loops around the tiles: a block of outputs at a time is gathered, summed and stored.

A block's samples are gathered into a scratch area that stays in the second-level cache: converted to the data
type of the sums, continued past the border, split into the phases of a stride. So the tiles know nothing of
data types, strides or borders, and nothing of the signal's size is ever copied as a whole.

Positions count from the first one that the first window reaches. Steps are bytes unless a name says elements.
Arguments: `x`, `s` and `y` are numbers of the data type of the signal, the sums and the result, and stand for
it; `g` is a record of `GEOMETRY`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from convention.engine.compiled.cache import cached, compiled
from convention.engine.compiled.intrinsics import (
    ROWS,
    VECTOR,
    WIDE,
    as_type,
    copy,
    dense_narrow,
    dense_wide,
    folded_wide,
    listed_narrow,
    listed_wide,
    number,
    record,
    size_of,
    store,
    view,
)

__all__ = [
    "BOX",
    "BOX_ONES",
    "DENSE",
    "FOLDED",
    "GEOMETRY",
    "LISTED",
    "NOT_A_NUMBER",
    "NOWHERE",
    "OUT_OF_RANGE",
    "SEPARABLE",
    "run_of",
]

DENSE, LISTED, SEPARABLE, BOX, FOLDED = range(5)
"""Ways to sum a block: tiles of rows over all taps, rows over a list of taps, one axis after the other, the same where
all taps are equal with sums of sums, and one long row of taps over each row folded into tiles of rows."""

BOX_ONES = 64
"""More parts than a window is made of."""

NOWHERE = -(2**62)
"""In place of an offset: no sample there, a constant stands instead."""

OUT_OF_RANGE, NOT_A_NUMBER = 1, 2
"""What `run` may report of results that are integers."""

GEOMETRY = np.dtype(
    [
        (name, np.int64)
        for name in (
            "way",
            "planes",  # kernel planes: the taps of all axes but the last two
            "out_planes",
            "rows",  # outputs along the last axis but one
            "row_stride",
            "row_dilation",
            "kernel_rows",
            "columns",  # outputs along the last axis, times lanes
            "lanes",  # numbers that lie side by side at each position of the last axis: signals, or complex parts
            "turned",  # the first plane of samples that are gathered times i
            "column_stride",
            "kernel_columns",
            "column_extent",  # positions from the first to the last tap of a row
            "sample_step",  # elements from one position of a row to the next; not negative
            "inside",  # the first position along the last axis that is a sample in its own place
            "outside",  # the first position after these
            "first_sample",  # elements from a row's start to the sample at position `inside`
            "block_rows",
            "block_columns",
            "row_step",  # from one gathered row to the next
            "plane_step",
            "phase_step",
            "fold_step",  # from one part of a folded row to the next
            "sums_step",  # from one row of sums to the next, where they are not stored at once
            "out_row_step",
            "out_step",  # elements from one output of a row to the next
            "stored",  # whether sums are results: contiguous and of their data type
            "in_place",  # whether tiles can read the signal where it lies
            "signal_row_step",
            "check",  # whether zero taps are left out, which is right for finite samples only
            "low",  # the range that results keep to where they are integers
            "high",
            # addresses of int64 offsets, by index
            "signals",  # of each signal of the batch
            "kernels",  # which kernel it meets
            "results",
            "plane_of",  # (out_planes, planes): where the plane begins that an output plane meets with a kernel plane
            "out_plane",
            "row_of",  # by position along the last axis but one
            "left",  # elements from a row's start to the sample at each position before `inside`
            "right",  # the same from `outside` on
            # addresses of float64: what stands where no sample does, in even lanes and in odd ones
            "plane_fill",  # (out_planes, planes, 2)
            "row_fill",  # (planes, 2)
            "column_fill",
            # addresses of taps in the sums' data type, and of their offsets in the gathered samples (int64)
            "taps",  # (kernels, planes, kernel_rows, kernel_columns), in the order in which samples are met
            "offsets",
            "listed",  # the taps that are not zero, kernel by kernel
            "listed_offsets",
            "begins",  # (kernels + 1,): where a kernel's list begins
            # (kernels, planes + kernel_rows + kernel_columns), where each kernel is an outer product;
            # (kernels, planes + BOX_ONES), where its taps are equal: the tap, and ones
            "factors",
            "factor_offsets",
            "box_levels",  # sums over 4, 16, ... samples of a row
            "box_parts",  # how many of these sums a window is made of
            "box_offsets",
        )
    ]
)
"""What a job is to the compiled loops: counts, steps and addresses, all of them int64."""

_geometry = record(GEOMETRY)

_INTEGER, _REAL = np.int64(0), np.float64(0)


def _moved(x: Any, s: Any, to: Any, src: Any, count: Any) -> None:
    """Copy and convert numbers that lie side by side."""


@overload(_moved)
def _moved_by_type(x: Any, s: Any, to: Any, src: Any, count: Any) -> Any:
    def bytes_moved(x: Any, s: Any, to: Any, src: Any, count: Any) -> None:
        copy(to, src, count * size_of(s))

    def numbers_moved(x: Any, s: Any, to: Any, src: Any, count: Any) -> None:
        target, samples = view(to, count, s), view(src, count, x)
        for j in range(count):
            target[j] = samples[j]

    return bytes_moved if x == s else numbers_moved


@compiled
def _strided(x: Any, s: Any, to: Any, src: Any, count: Any, lanes: Any, apart: Any) -> None:
    """Copy and convert groups of numbers that lie some elements apart."""
    target, samples = view(to, count * lanes, s), view(src, count, x)
    if lanes == 1:
        for j in range(count):
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
    samples = view(row, count, s)
    rest = samples[0] * 0
    for j in range(count):
        rest += samples[j] * 0
    return rest == 0


@compiled(inline="always")
def _gather(
    x: Any, s: Any, g: Any, src: Any, scratch: Any, out_plane: Any, row: Any, rows: Any, column: Any, columns: Any
) -> Any:
    """Gather what a block of outputs reads; return whether it is finite, where that is to be checked."""
    lanes, stride = g.lanes, g.column_stride
    count = columns // lanes + (g.column_extent - 1) // stride
    extent = (rows - 1) * g.row_stride + g.row_dilation * (g.kernel_rows - 1) + 1
    width = lanes * size_of(s)
    finite = True
    for phase in range(stride):
        # along the row: the border, samples in their own places, the border
        position = column // lanes * stride + phase
        first = min(max(-((position - g.inside) // stride), 0), count)
        last = min(max(-((position - g.outside) // stride), first), count)
        begin = (g.first_sample + (position + first * stride - g.inside) * g.sample_step) * size_of(x)
        apart = stride * g.sample_step
        left = g.left + position * 8
        right = g.right + (position + last * stride - g.outside) * 8
        for plane in range(g.planes):
            start = number(g.plane_of, out_plane * g.planes + plane, _INTEGER)
            turned = plane >= g.turned
            for i in range(extent):
                line = number(g.row_of, row * g.row_stride + i, _INTEGER)
                to = scratch + plane * g.plane_step + i * g.row_step + phase * g.phase_step
                here = start != NOWHERE and line != NOWHERE
                at = src + start + line
                fills = g.row_fill + plane * 16
                if line != NOWHERE:
                    fills = g.plane_fill + (out_plane * g.planes + plane) * 16
                if not here:
                    _filled(s, to + first * width, (last - first) * lanes, fills)
                elif turned:
                    _turned(x, s, to + first * width, at + begin, last - first, apart)
                elif apart == lanes:
                    _moved(x, s, to + first * width, at + begin, (last - first) * lanes)
                else:
                    _strided(x, s, to + first * width, at + begin, last - first, lanes, apart)
                edges = g.column_fill + plane * 16
                _border(x, s, to, at, left, stride, first, lanes, turned, here, fills, edges)
                _border(x, s, to + last * width, at, right, stride, count - last, lanes, turned, here, fills, edges)
                if g.check:
                    finite &= _finite(s, to, count * lanes)
    return finite


@compiled
def _listed(
    s: Any,
    many: Any,
    offsets: Any,
    taps: Any,
    samples: Any,
    step: Any,
    out: Any,
    out_step: Any,
    rows: Any,
    columns: Any,
) -> None:
    """Sum rows of outputs over a list of taps."""
    lanes = VECTOR // size_of(s)
    for i in range(rows):
        j = 0
        while j < columns:
            a, o = samples + i * step + j * size_of(s), out + i * out_step + j * size_of(s)
            if columns - j > lanes:
                listed_wide(s, a, many, offsets, taps, o, columns - j)
                j += WIDE * lanes
            else:
                listed_narrow(s, a, many, offsets, taps, o, columns - j)
                j += lanes


@compiled
def _dense(
    s: Any,
    g: Any,
    planes: Any,
    kernel_columns: Any,
    offsets: Any,
    taps: Any,
    samples: Any,
    step: Any,
    out: Any,
    out_step: Any,
    rows: Any,
    columns: Any,
) -> None:
    """Sum rows of outputs over all taps, with tiles of rows that share their samples.

    Those are as far apart as the kernel's rows. Where the rows are no multiple of a tile's, some are summed twice.
    """
    lanes = VECTOR // size_of(s)
    apart = g.row_dilation
    for first in range(apart):
        several = (rows - first + apart - 1) // apart
        for group in range(0, several, ROWS):
            i = first + min(group, several - ROWS) * apart
            j = 0
            while j < columns:
                left = columns - j
                a, o = samples + i * step + j * size_of(s), out + i * out_step + j * size_of(s)
                if left > lanes:  # a narrow tile waits for its own sums: two take longer than a wide one
                    dense_wide(
                        s,
                        a,
                        step * apart,
                        planes,
                        g.plane_step,
                        g.kernel_rows,
                        kernel_columns,
                        offsets,
                        taps,
                        o,
                        out_step * apart,
                        left,
                    )
                    j += WIDE * lanes
                else:
                    dense_narrow(
                        s,
                        a,
                        step * apart,
                        planes,
                        g.plane_step,
                        g.kernel_rows,
                        kernel_columns,
                        offsets,
                        taps,
                        o,
                        out_step * apart,
                        left,
                    )
                    j += lanes


@compiled(inline="always")
def _tiled(rows: Any, g: Any) -> Any:
    """Tell whether tiles can sum a block: enough rows of outputs and of taps, and rows that share samples."""
    return g.row_stride == 1 and g.kernel_rows >= ROWS - 1 and rows >= ROWS * g.row_dilation


@compiled(inline="always")
def _separable(s: Any, g: Any, kernel: Any, scratch: Any, out: Any, out_step: Any, rows: Any, columns: Any) -> None:
    """Sum a block one axis after the other: planes, then columns, then rows."""
    extent = (rows - 1) * g.row_stride + g.row_dilation * (g.kernel_rows - 1) + 1
    taps = g.factors + kernel * (g.planes + g.kernel_rows + g.kernel_columns) * size_of(s)
    offsets = g.factor_offsets
    source, behind = scratch, scratch + g.planes * g.plane_step
    if g.planes > 1:
        _listed(s, g.planes, offsets, taps, source, g.row_step, behind, g.row_step, extent, g.row_step // size_of(s))
        source, behind = behind, scratch
    taps += g.planes * size_of(s)
    offsets += g.planes * 8
    across, places = taps + g.kernel_rows * size_of(s), offsets + g.kernel_rows * 8
    _listed(s, g.kernel_columns, places, across, source, g.row_step, behind, g.sums_step, extent, columns)
    if _tiled(rows, g):
        one = g.planes // g.planes
        _dense(s, g, one, one, offsets, taps, behind, g.sums_step, out, out_step, rows, columns)
    else:
        step = g.sums_step * g.row_stride
        _listed(s, g.kernel_rows, offsets, taps, behind, step, out, out_step, rows, columns)


@compiled
def _add(s: Any, pair: Any, ones: Any, out: Any, one: Any, other: Any, count: Any) -> None:
    """Add two rows; the result may take the place of one that does not begin behind it."""
    store(pair, 0, _INTEGER)
    store(pair, 1, other - one)
    _listed(s, 2, pair, ones, one, 0, out, 0, 1, count)


@compiled
def _box(s: Any, g: Any, kernel: Any, scratch: Any, out: Any, out_step: Any, rows: Any, columns: Any) -> None:
    """Sum a block where all taps are equal, adding up nothing but samples of the same window.

    Columns: sums over 1, 4, 16, ... samples, and of these the ones that the number of taps is made of. Rows: sums from
    each row to the end of its segment, and from the beginning of the segment to each row; a window is one of each
    (M. van Herk, A fast algorithm for local minimum and maximum filters on rectangular and octagonal kernels, 1992).
    """
    size, extent, step = size_of(s), rows + g.kernel_rows - 1, g.sums_step
    taps = g.factors + kernel * (g.planes + BOX_ONES) * size
    ones = taps + g.planes * size
    spare = scratch + g.planes * g.plane_step
    pair = scratch + (g.planes + 1) * g.plane_step + g.block_rows * step
    levels = pair + VECTOR
    length = columns + (g.column_extent - 1) * g.lanes
    for i in range(extent):
        row = scratch + i * g.row_step
        _listed(s, g.planes, g.factor_offsets, taps, row, 0, levels, 0, 1, length)
        for level in range(g.box_levels):
            to = levels + level * g.row_step
            _listed(s, 4, g.box_offsets + level * 32, ones, to, 0, to + g.row_step, 0, 1, length)
        # not over a row that is still to be read: sums take no more room than samples
        _listed(s, g.box_parts, g.box_offsets + g.box_levels * 32, ones, levels, 0, scratch + i * step, 0, 1, columns)
    for first in range(0, extent, g.kernel_rows):
        last = min(first + g.kernel_rows, extent) - 1
        copy(spare + first * step, scratch + first * step, columns * size)
        for i in range(first + 1, last + 1):
            _add(s, pair, ones, spare + i * step, spare + (i - 1) * step, scratch + i * step, columns)
        for i in range(last - 1, first - 1, -1):
            _add(s, pair, ones, scratch + i * step, scratch + i * step, scratch + (i + 1) * step, columns)
    for i in range(rows):
        if i % g.kernel_rows:
            end = spare + (i + g.kernel_rows - 1) * step
            _add(s, pair, ones, out + i * out_step, scratch + i * step, end, columns)
        else:
            copy(out + i * out_step, scratch + i * step, columns * size)


@compiled
def _folded(s: Any, g: Any, kernel: Any, scratch: Any, out: Any, out_step: Any, rows: Any, columns: Any) -> None:
    """Sum rows of outputs, each folded: every ROWS-th sample, so that neighbours share them in a tile of rows."""
    size = size_of(s)
    taps = g.taps + kernel * g.planes * g.kernel_columns * size
    # behind the sums: ROWS parts of each plane's row, and of the sums
    parts = scratch + (g.planes + 1) * g.plane_step + g.block_rows * g.sums_step
    step = g.fold_step
    sums = parts + g.planes * ROWS * step
    positions = columns + g.kernel_columns - 1
    for i in range(rows):
        for plane in range(g.planes):
            row = scratch + plane * g.plane_step + i * g.row_step
            _unwoven(s, row, parts + plane * ROWS * step, step, -(-positions // ROWS))
        each = -(-columns // ROWS)
        for j in range(0, each, WIDE * VECTOR // size):
            a, o, left = parts + j * size, sums + j * size, each - j
            folded_wide(s, a, step, g.planes, ROWS * step, g.kernel_columns, 1, g.offsets, taps, o, step, left)
        _woven(s, sums, step, out + i * out_step, columns)


@compiled
def _unwoven(s: Any, row: Any, parts: Any, step: Any, each: Any) -> None:
    """Deal the samples of a row out to ROWS parts in turn."""
    source = view(row, each * ROWS, s)
    a, b = view(parts, each, s), view(parts + step, each, s)
    c, d = view(parts + 2 * step, each, s), view(parts + 3 * step, each, s)
    for q in range(each):
        a[q] = source[4 * q]
        b[q] = source[4 * q + 1]
        c[q] = source[4 * q + 2]
        d[q] = source[4 * q + 3]


@compiled
def _woven(s: Any, parts: Any, step: Any, out: Any, count: Any) -> None:
    """Collect the sums of a row from ROWS parts in turn."""
    each = count // ROWS
    target = view(out, count, s)
    a, b = view(parts, each, s), view(parts + step, each, s)
    c, d = view(parts + 2 * step, each, s), view(parts + 3 * step, each, s)
    for q in range(each):
        target[4 * q] = a[q]
        target[4 * q + 1] = b[q]
        target[4 * q + 2] = c[q]
        target[4 * q + 3] = d[q]
    for r in range(count - each * ROWS):
        store(out, each * ROWS + r, number(parts + r * step, each, s))


@compiled
def _tiles(s: Any, g: Any, kernel: Any, scratch: Any, out: Any, out_step: Any, rows: Any, columns: Any) -> None:
    """Sum a block with tiles of rows over all taps, or over the taps that are not zero."""
    size = g.planes * g.kernel_rows * g.kernel_columns
    if g.way == DENSE and _tiled(rows, g):
        taps = g.taps + kernel * size * size_of(s)
        _dense(s, g, g.planes, g.kernel_columns, g.offsets, taps, scratch, g.row_step, out, out_step, rows, columns)
    elif g.way == LISTED:
        begin, end = number(g.begins, kernel, _INTEGER), number(g.begins, kernel + 1, _INTEGER)
        offsets, taps = g.listed_offsets + begin * 8, g.listed + begin * size_of(s)
        _listed(s, end - begin, offsets, taps, scratch, g.row_step * g.row_stride, out, out_step, rows, columns)
    else:
        _all_taps(s, g, kernel, scratch, out, out_step, rows, columns)


@compiled
def _all_taps(s: Any, g: Any, kernel: Any, scratch: Any, out: Any, out_step: Any, rows: Any, columns: Any) -> None:
    """Sum a block row by row over all taps, zero or not."""
    size = g.planes * g.kernel_rows * g.kernel_columns
    taps = g.taps + kernel * size * size_of(s)
    _listed(s, size, g.offsets, taps, scratch, g.row_step * g.row_stride, out, out_step, rows, columns)


def _convert(source: Any, target: Any, step: Any, low: Any, high: Any) -> Any:
    """Store sums as results, every so many elements; return whether one was out of range or no number."""


@overload(_convert)
def _convert_by_type(source: Any, target: Any, step: Any, low: Any, high: Any) -> Any:
    def to_float(source: Any, target: Any, step: Any, low: Any, high: Any) -> Any:
        if step == 1:
            for j in range(source.size):
                target[j] = source[j]
        else:
            for j in range(source.size):
                target[j * step] = source[j]
        return False

    def to_integer(source: Any, target: Any, step: Any, low: Any, high: Any) -> Any:
        # half to even; in comparisons that vectorise, and that are false for what is no number
        wrong = False
        if step == 1:
            for j in range(source.size):
                rounded = np.rint(source[j])
                inside = rounded if rounded > low else low
                inside = inside if inside < high else high
                wrong |= inside != rounded
                target[j] = inside
        else:
            for j in range(source.size):
                rounded = np.rint(source[j])
                inside = rounded if rounded > low else low
                inside = inside if inside < high else high
                wrong |= inside != rounded
                target[j * step] = inside
        return wrong

    return to_float if isinstance(target.dtype, types.Float) else to_integer


@compiled
def _store(s: Any, y: Any, g: Any, sums: Any, out: Any, rows: Any, columns: Any) -> Any:
    """Convert a block's sums to results; return what was wrong with them."""
    status = 0
    low, high = as_type(g.low, s), as_type(g.high, s)
    for i in range(rows):
        source = view(sums + i * g.sums_step, columns, s)
        if _convert(source, view(out + i * g.out_row_step, columns, y), g.out_step, low, high):
            status |= OUT_OF_RANGE
            for j in range(columns):
                if source[j] != source[j]:
                    status |= NOT_A_NUMBER
    return status


@compiled
def _in_place(
    s: Any,
    g: Any,
    src: Any,
    kernel: Any,
    plane: Any,
    out: Any,
    out_step: Any,
    row: Any,
    rows: Any,
    column: Any,
    columns: Any,
) -> Any:
    """Sum what can be summed where it lies, whole tiles away from the border; return its first column and its end."""
    extent = rows + g.row_dilation * (g.kernel_rows - 1)
    start = number(g.plane_of, plane, _INTEGER)
    top, bottom = number(g.row_of, row, _INTEGER), number(g.row_of, row + extent - 1, _INTEGER)
    vector = VECTOR // size_of(s)
    # the border fills a vector whose other places cost nothing; results are stored where vectors begin
    begin = max(column, -(-g.inside * g.lanes // (vector * g.lanes)) * vector * g.lanes)
    stop = min(column + columns, (g.outside - g.column_extent + 1) * g.lanes)
    width = WIDE * vector
    end = begin + (stop - begin) // width * width // g.lanes * g.lanes
    rows_follow = top != NOWHERE and bottom - top == (extent - 1) * g.signal_row_step
    if start == NOWHERE or not rows_follow or end <= begin or not _tiled(rows, g):
        return column, column
    samples = src + start + top + (g.first_sample + begin - g.inside * g.lanes) * size_of(s)
    taps = g.taps + kernel * g.kernel_rows * g.kernel_columns * size_of(s)
    place = out + (begin - column) * size_of(s)
    _dense(
        s,
        g,
        g.planes,
        g.kernel_columns,
        g.offsets,
        taps,
        samples,
        g.signal_row_step,
        place,
        out_step,
        rows,
        end - begin,
    )
    return begin, end


def _entry(sums: Any) -> Any:
    """Return the function that computes blocks by one of the ways to sum them."""

    def run(x: Any, s: Any, y: Any, geometry: Any, src: Any, out: Any, scratch: Any, first: Any, last: Any) -> Any:
        g = _geometry(geometry)
        down, across = -(-g.rows // g.block_rows), -(-g.columns // g.block_columns)
        status = 0
        for block in range(first, last):
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
            begin = end = column
            if g.in_place:
                begin, end = _in_place(s, g, at, kernel, plane, total, step, row, rows, column, columns)
            for left, right in ((column, begin), (end, column + columns)):
                if left < right:
                    finite = _gather(x, s, g, at, scratch, plane, row, rows, left, right - left)
                    place = total + (left - column) * size_of(s)
                    if finite:
                        sums(s, g, kernel, scratch, place, step, rows, right - left)
                    else:  # zero times infinity is no number
                        _all_taps(s, g, kernel, scratch, place, step, rows, right - left)
            if not g.stored:
                status |= _store(s, y, g, total, to, rows, columns)
        return status

    return cached(run, sums.py_func.__name__)


_ENTRIES = {DENSE: _entry(_tiles), SEPARABLE: _entry(_separable), BOX: _entry(_box), FOLDED: _entry(_folded)}
_ENTRIES[LISTED] = _ENTRIES[DENSE]


def run_of(way: int) -> Any:
    """Return the function that computes by a way.

    It is called with ``(x, s, y, geometry, src, out, scratch, first, last)``, computes the blocks from `first` to
    `last` - 1, and returns what was wrong with the results, or 0. Blocks are numbered by signal, output plane, rows,
    columns; the last counts fastest. `src` and `out` are the addresses of the signal and the result, `scratch` that of
    memory for one block, `geometry` that of the record. Each is compiled when it is first called.
    """
    return _ENTRIES[way]
