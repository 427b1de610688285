"""Sums of a block: tiles over all taps or over a list of them, one axis after the other.

Samples are those of a block's lines, or what was gathered of them. Nothing here knows of borders, strides along the
rows or data types but that of the sums.

`s` is a number of the data type of the sums, and stands for it; `g` is a record of `GEOMETRY`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from convention.engine.compiled.cache import compiled
from convention.engine.compiled.gathering import PLACES, ring_table
from convention.engine.compiled.geometry import BOX_ONES, DENSE, LISTED
from convention.engine.compiled.intrinsics import CHAIN, ROWS, VECTOR, copy, number, size_of, store
from convention.engine.compiled.tile import dense_tiles, listed_tiles

__all__ = ["all_taps", "box", "separable", "tiles"]

_INTEGER = np.int64(0)


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
    """Sum rows of outputs over a list of taps; the sums may take the samples' place."""
    for i in range(rows):
        listed_tiles(s, samples + i * step, (0, 0, 0, many), offsets, taps, out + i * out_step, columns, 0, 0)


@compiled
def _met(
    s: Any,
    g: Any,
    chains: Any,
    places: Any,
    offsets: Any,
    taps: Any,
    scratch: Any,
    out: Any,
    out_step: Any,
    rows: Any,
    columns: Any,
) -> None:
    """Sum rows of outputs over a list of chains of taps, each of which meets a line from an offset on."""
    lines, addresses = scratch + g.lines, scratch + g.addresses
    many = chains[0] + chains[1] + chains[2] + chains[3]
    for i in range(rows):
        for t in range(many):
            line = lines + i * g.row_stride * 8 + number(places, t, _INTEGER)
            store(addresses, t, number(line, 0, _INTEGER) + number(offsets, t, _INTEGER))
        to, head = out + i * out_step, _INTEGER
        if g.around and columns * size_of(s) > VECTOR:
            head = -to % VECTOR // size_of(s)
            listed_tiles(s, 0, chains, addresses, taps, to, head, 1, 0)
        before, left = head * size_of(s), columns - head
        listed_tiles(s, before, chains, addresses, taps, to + before, left, 1, g.around)


@compiled
def _dense(
    s: Any,
    g: Any,
    planes: Any,
    kernel_columns: Any,
    offsets: Any,
    taps: Any,
    scratch: Any,
    out: Any,
    out_step: Any,
    rows: Any,
    columns: Any,
) -> None:
    """Sum rows of outputs over all taps, with tiles of rows that share their samples.

    Those are as far apart as the kernel's rows. Where outputs are no multiple of a tile's, some are summed twice.
    """
    apart, lines = g.row_dilation, scratch + g.lines
    for first in range(apart):
        several = (rows - first + apart - 1) // apart
        for group in range(0, several, ROWS):
            i = first + min(group, several - ROWS) * apart
            dense_tiles(
                s,
                lines + i * 8,
                8 * apart,
                planes,
                g.plane_lines,
                g.kernel_rows,
                kernel_columns,
                offsets,
                taps,
                out + i * out_step,
                out_step * apart,
                columns,
            )


@compiled(inline="always")
def _chains(table: Any, kernel: Any) -> Any:
    """Return a kernel's numbers of chains."""
    first = table + kernel * 8 * CHAIN
    return (
        number(first, 0, _INTEGER),
        number(first, 1, _INTEGER),
        number(first, 2, _INTEGER),
        number(first, 3, _INTEGER),
    )


@compiled(inline="always")
def _tiled(rows: Any, g: Any) -> Any:
    """Tell whether tiles can sum a block: enough rows of outputs and of taps, and rows that share samples."""
    return g.row_stride == 1 and g.kernel_rows >= ROWS - 1 and rows >= ROWS * g.row_dilation


@compiled
def _across(
    s: Any,
    g: Any,
    lines: Any,
    behind: Any,
    taps: Any,
    offsets: Any,
    first: Any,
    last: Any,
    columns: Any,
) -> None:
    """Sum some of the lines along the columns; the sums are the lines then."""
    chains = _chains(g.across_chains, 0)
    for i in range(first, last):
        row = behind + i * g.sums_step
        listed_tiles(s, number(lines, i, _INTEGER), chains, offsets, taps, row, columns, 1, 0)
        store(lines, i, row)


@compiled
def separable(s: Any, g: Any, kernel: Any, scratch: Any, out: Any, out_step: Any, rows: Any, columns: Any) -> None:
    """Sum a block one axis after the other: planes, then columns, then rows."""
    extent = (rows - 1) * g.row_stride + g.row_dilation * (g.kernel_rows - 1) + 1
    taps = g.factors + kernel * (g.planes + g.kernel_rows + g.kernel_columns) * size_of(s)
    offsets = g.factor_offsets
    lines, behind = scratch + g.lines, scratch + g.across
    if g.planes > 1:
        places = ring_table(g, scratch, PLACES) if g.ring else offsets
        source, width = scratch + g.planes * g.plane_step, g.row_step // size_of(s)
        _listed(s, g.planes, places, taps, scratch, g.row_step, source, g.row_step, extent, width)
        for i in range(extent):
            store(lines, i, source + i * g.row_step)
    taps += g.planes * size_of(s)
    offsets += g.planes * 8
    across, places = taps + g.kernel_rows * size_of(s), offsets + g.kernel_rows * 8
    if _tiled(rows, g) and g.row_dilation == 1:
        done, one = _INTEGER, g.planes // g.planes
        for group in range(0, rows, ROWS):  # a row's sums are met while they are in the first-level cache
            i = min(group, rows - ROWS)
            end = i + ROWS + g.kernel_rows - 1
            _across(s, g, lines, behind, across, places, done, end, columns)
            to, done = out + i * out_step, end
            dense_tiles(s, lines + i * 8, 8, one, 0, g.kernel_rows, one, offsets, taps, to, out_step, columns)
        return
    _across(s, g, lines, behind, across, places, 0, extent, columns)
    if _tiled(rows, g):
        one = g.planes // g.planes
        _dense(s, g, one, one, offsets, taps, scratch, out, out_step, rows, columns)
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
def box(s: Any, g: Any, kernel: Any, scratch: Any, out: Any, out_step: Any, rows: Any, columns: Any) -> None:
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
        last = g.box_offsets + g.box_levels * 32
        _listed(s, g.box_parts, last, ones, levels, 0, scratch + i * step, 0, 1, columns)
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
def _met_listed(
    s: Any, g: Any, kernel: Any, zeros: Any, scratch: Any, out: Any, out_step: Any, rows: Any, columns: Any
) -> None:
    """Sum rows of outputs over the taps that are not zero, and then over so many that are."""
    first = number(g.chains_begin, kernel, _INTEGER) * 8
    taps = g.listed + kernel * g.planes * g.kernel_rows * g.kernel_columns * size_of(s)
    a, b, c, d = _chains(g.chains, kernel)
    places, offsets = g.listed_places + first, g.listed_offsets + first
    _met(s, g, (a, b, c, d + zeros), places, offsets, taps, scratch, out, out_step, rows, columns)


@compiled
def tiles(s: Any, g: Any, kernel: Any, scratch: Any, out: Any, out_step: Any, rows: Any, columns: Any) -> None:
    """Sum a block with tiles of rows over all taps, or over the taps that are not zero."""
    size = g.planes * g.kernel_rows * g.kernel_columns
    if g.way == DENSE and _tiled(rows, g):
        taps = g.taps + kernel * size * size_of(s)
        _dense(s, g, g.planes, g.kernel_columns, g.offsets, taps, scratch, out, out_step, rows, columns)
    elif g.way == LISTED:
        _met_listed(s, g, kernel, _INTEGER, scratch, out, out_step, rows, columns)
    else:
        all_taps(s, g, kernel, scratch, out, out_step, rows, columns)


@compiled
def all_taps(s: Any, g: Any, kernel: Any, scratch: Any, out: Any, out_step: Any, rows: Any, columns: Any) -> None:
    """Sum a block row by row over all taps, zero or not."""
    size = g.planes * g.kernel_rows * g.kernel_columns
    if g.way == LISTED:
        _met_listed(s, g, kernel, number(g.zeros_last, kernel, _INTEGER), scratch, out, out_step, rows, columns)
        return
    taps = g.taps + kernel * size * size_of(s)
    _met(s, g, (0, 0, 0, size), g.places, g.offsets, taps, scratch, out, out_step, rows, columns)
