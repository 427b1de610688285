"""The loops around the butterflies: tiles of the continued signal, two real ones at a time, are gathered,
transformed, multiplied with the kernel's spectrum, transformed back and written to the result.

A tile has planes, rows and columns. It lies in blocks of as many columns as a vector has numbers, so that
transforms down the rows and across the planes need nothing but whole vectors; for the transforms along the rows
a block of rows is turned into one column in the first-level cache, and back. One long axis is folded into rows and
columns, with factors between its two transforms (W. M. Gentleman and G. Sande, 1966). Two real tiles are the real and
the imaginary part of one complex tile: a product with the spectrum of a real kernel keeps them apart.

Steps are bytes unless a name says elements. `x` and `s` are numbers of the data type of the signal (or its parts) and
of the sums, and stand for it; `g` is a record of `TILES`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from convention.engine.compiled.butterflies import (
    PLAIN,
    backward,
    collect,
    forward,
    plain,
    product,
    spread,
    spread_between,
    transpose,
    twist,
)
from convention.engine.compiled.cache import cached, compiled
from convention.engine.compiled.intrinsics import VECTOR, alike, as_type, number, record, size_of, store, view
from convention.engine.compiled.sharing import begun, taken

__all__ = ["BEYOND", "TILES", "transforms"]

_EACH_AXIS = (
    "tiles",
    "outputs",  # of each tile but the last
    "total",  # outputs
    "stride",
    "before",
    "samples",
    "length",  # of a tile
    "left",  # the address of what stands at positions -left_count to -1: a sample's index, or -1 for a constant
    "left_count",
    "right",  # the same from the signal's end on
    "right_count",
    "signal_step",  # along the columns: elements
    "out_step",  # along the columns: elements
    "passes",  # the address of the number of passes with factors, and radix, blocks, butterflies, factors of each
)

TILES = np.dtype(
    [(f"{axis}_{name}", np.int64) for axis in "zyx" for name in _EACH_AXIS]
    + [
        (name, np.int64)
        for name in (
            "folded",  # whether the columns' axis is the only one, and rows are parts of it
            "rows",  # of a tile
            "columns",
            "block_step",
            "plane_step",
            "column_place",  # in the scratch area
            "row_place",
            "plain",  # whether zeros stand beyond the border of the columns
            "twist",  # the address of the factors between the transforms of a folded axis
            "lanes",  # 2 where sums are complex
            "per_group",  # tiles of one signal
            "units",  # pairs of tiles, or complex tiles, of one signal
            "kernels",  # the address of the number of each signal's kernel
            "spectrum_step",
            "signals",  # addresses of the offsets of each signal of the batch, and result
            "results",
            "fills",  # the address of six float64: the two parts of what stands beyond the border of each axis
        )
    ]
)
"""What a job is to the compiled transforms: counts, steps and addresses."""

BEYOND = -2
"""In place of a sample's index: a position that no window reaches."""

_geometry = record(TILES)

_INTEGER, _REAL = np.int64(0), np.float64(0)


@compiled
def _forward(s: Any, column: Any, step: Any, passes: Any) -> None:
    """Transform a column but for its last pass."""
    for k in range(number(passes, 0, _INTEGER)):
        radix, blocks = number(passes, 4 * k + 1, _INTEGER), number(passes, 4 * k + 2, _INTEGER)
        inner, factors = number(passes, 4 * k + 3, _INTEGER), number(passes, 4 * k + 4, _INTEGER)
        if radix == 8:
            _forward_8(s, (column, step, blocks, inner, factors))
        elif radix == 4:
            _forward_4(s, (column, step, blocks, inner, factors))
        elif radix == 2:
            _forward_2(s, (column, step, blocks, inner, factors))
        elif radix == 3:
            _forward_3(s, (column, step, blocks, inner, factors))
        else:
            _forward_5(s, (column, step, blocks, inner, factors))


@compiled
def _backward(s: Any, column: Any, step: Any, passes: Any) -> None:
    """Transform a column back but for the first pass."""
    for k in range(number(passes, 0, _INTEGER) - 1, -1, -1):
        radix, blocks = number(passes, 4 * k + 1, _INTEGER), number(passes, 4 * k + 2, _INTEGER)
        inner, factors = number(passes, 4 * k + 3, _INTEGER), number(passes, 4 * k + 4, _INTEGER)
        if radix == 8:
            _backward_8(s, (column, step, blocks, inner, factors))
        elif radix == 4:
            _backward_4(s, (column, step, blocks, inner, factors))
        elif radix == 2:
            _backward_2(s, (column, step, blocks, inner, factors))
        elif radix == 3:
            _backward_3(s, (column, step, blocks, inner, factors))
        else:
            _backward_5(s, (column, step, blocks, inner, factors))


_forward_8, _forward_5, _forward_4, _forward_3, _forward_2 = (forward[radix] for radix in (8, 5, 4, 3, 2))
_backward_8, _backward_5, _backward_4, _backward_3, _backward_2 = (backward[radix] for radix in (8, 5, 4, 3, 2))
_plain_forward, _plain_backward = plain[False], plain[True]
_twist_forward, _twist_conjugate = twist[False], twist[True]


@compiled
def _down(s: Any, g: Any, tile: Any) -> None:
    """Transform a tile along rows and planes."""
    lanes, each = VECTOR // size_of(s), 2 * VECTOR
    for z in range(g.z_length):
        for b in range(g.columns // lanes):
            column = tile + z * g.plane_step + b * g.block_step
            _forward(s, column, each, g.y_passes)
            _plain_forward(s, (column, each, g.rows // PLAIN))
    if g.z_length > 1:
        for b in range(g.columns // lanes):
            for y in range(g.rows):
                column = tile + b * g.block_step + y * each
                _forward(s, column, g.plane_step, g.z_passes)
                _plain_forward(s, (column, g.plane_step, g.z_length // PLAIN))


@compiled
def _across(s: Any, g: Any, at: Any, column: Any, z: Any, y: Any) -> None:
    """Turn a block of rows into a column and transform it but for the last pass."""
    lanes = VECTOR // size_of(s)
    for b in range(g.columns // lanes):
        transpose(s, (at + b * g.block_step, column + b * VECTOR * 2 * lanes))
    if g.folded:
        _twist_forward(s, (column, g.twist + y * g.columns * 2 * VECTOR, g.columns))
    _forward(s, column, 2 * VECTOR, g.x_passes)


@compiled
def _filtered(s: Any, g: Any, tile: Any, column: Any, spectrum: Any, z_wanted: Any, x_wanted: Any) -> None:
    """Convolve a tile with the kernel of a spectrum; some first planes and columns are wanted of the result."""
    lanes, each = VECTOR // size_of(s), 2 * VECTOR
    wanted = -(-x_wanted // lanes)
    _down(s, g, tile)
    for z in range(g.z_length):
        for y in range(g.rows // lanes):
            at = tile + z * g.plane_step + y * lanes * each
            _across(s, g, at, column, z, y)
            product(s, (column, spectrum + (z * (g.rows // lanes) + y) * g.columns * each, g.columns // PLAIN))
            _backward(s, column, each, g.x_passes)
            if g.folded:
                _twist_conjugate(s, (column, g.twist + y * g.columns * each, g.columns))
            for b in range(wanted):
                transpose(s, (column + b * each * lanes, at + b * g.block_step))
    if g.z_length > 1:
        for b in range(wanted):
            for y in range(g.rows):
                start = tile + b * g.block_step + y * each
                _plain_backward(s, (start, g.plane_step, g.z_length // PLAIN))
                _backward(s, start, g.plane_step, g.z_passes)
    for z in range(z_wanted):
        for b in range(wanted):
            start = tile + z * g.plane_step + b * g.block_step
            _plain_backward(s, (start, each, g.rows // PLAIN))
            _backward(s, start, each, g.y_passes)


@compiled
def _sample(position: Any, samples: Any, left: Any, left_count: Any, right: Any, right_count: Any) -> Any:
    """Return the index of the sample at a position, -1 for a constant, or BEYOND."""
    if position < 0:
        return number(left, position + left_count, _INTEGER)
    if position < samples:
        return position
    if position < samples + right_count:
        return number(right, position - samples, _INTEGER)
    return _INTEGER + BEYOND


@compiled
def _converted(x: Any, s: Any, to: Any, src: Any, count: Any, apart: Any) -> None:
    """Copy and convert numbers that lie some elements apart."""
    target, samples = view(to, count, s), view(src, count, x)
    if apart == 1:
        for j in range(count):
            target[j] = samples[j]
    elif apart == 2:
        for j in range(count):
            target[j] = samples[2 * j]
    else:
        for j in range(count):
            target[j] = samples[j * apart]


@compiled
def _read(x: Any, s: Any, g: Any, line: Any, position: Any, count: Any, lane: Any, fill: Any, to: Any) -> None:
    """Gather positions of a row: the border, samples, the border, zeros beyond."""
    n, target = g.x_samples, view(to, count, s)
    first = min(max(-position, 0), count)
    last = min(max(n - position, first), count)
    stop = min(max(n + g.x_right_count - position, last), count)
    if line:
        src = line + ((position + first) * g.x_signal_step + lane) * size_of(x)
        _converted(x, s, to + first * size_of(s), src, last - first, g.x_signal_step)
    else:
        for j in range(first, last):
            target[j] = fill
    edge = number(g.fills, 4 + lane, _REAL)
    for begin, end in ((_INTEGER, first), (last, stop)):
        for j in range(begin, end):
            index = _sample(position + j, n, g.x_left, g.x_left_count, g.x_right, g.x_right_count)
            if index < 0:
                target[j] = edge
            elif line:
                target[j] = number(line, index * g.x_signal_step + lane, x)
            else:
                target[j] = fill
    for j in range(stop, count):
        target[j] = 0


@compiled
def _gather(x: Any, s: Any, g: Any, src: Any, item: Any, lane: Any, part: Any, tile: Any, row: Any) -> None:
    """Fill one part of a tile with what its positions hold."""
    rest, tx = divmod(item, g.x_tiles)
    rest, ty = divmod(rest, g.y_tiles)
    batch, tz = divmod(rest, g.z_tiles)
    start = src + number(g.signals, batch, _INTEGER)
    px = tx * g.x_outputs * g.x_stride - g.x_before
    py = ty * g.y_outputs * g.y_stride - g.y_before
    pz = tz * g.z_outputs * g.z_stride - g.z_before
    lanes = VECTOR // size_of(s)
    step, apart, blocks = g.y_signal_step, g.columns * 0, g.columns // lanes
    above, below = min(max(-py, 0), g.rows), max(min(g.y_samples - py, g.rows), 0)  # rows that are samples' own
    if g.folded:
        above, below, step, apart = 0, g.rows, g.columns * size_of(x), g.columns
    # columns that are samples in their own places, and blocks that are copied as they are
    left = min(max(-px, 0), g.columns)
    right = max(min(g.x_samples - px, g.columns), left)
    copied, plain = alike(x, s) and g.x_signal_step == 1, False
    if g.folded:
        copied = copied and px >= 0 and px + g.rows * g.columns <= g.x_samples
        left, right = 0, g.columns
    elif copied:
        plain = g.plain == 1
    first, last = -(-left // lanes), right // lanes
    if plain:
        first, last = 0, blocks
    elif not copied or last < first:
        last = first
    for z in range(g.z_length):
        iz = _sample(pz + z, g.z_samples, g.z_left, g.z_left_count, g.z_right, g.z_right_count)
        to = tile + z * g.plane_step + part * VECTOR
        whole = iz >= 0 and first < last and above < below
        if whole:
            source = start + iz * g.z_signal_step + px * size_of(x)
            source += 0 if g.folded else (py + above) * step
            place = to + above * 2 * VECTOR
            if plain and (left > 0 or right < g.columns):
                spread_between(s, (source, step, below - above, place, g.block_step, blocks, left, right))
            else:
                source, place = source + first * VECTOR, place + first * g.block_step
                spread(s, (source, step, below - above, place, g.block_step, last - first))
            if last - first == blocks and below - above == g.rows:
                continue
        for y in range(g.rows):
            iy = _INTEGER
            if not g.folded:
                iy = _sample(py + y, g.y_samples, g.y_left, g.y_left_count, g.y_right, g.y_right_count)
            line, fill = _INTEGER, 0.0
            if iz >= 0 and iy >= 0:
                line = start + iz * g.z_signal_step + iy * g.y_signal_step
            elif iz != BEYOND and iy != BEYOND:
                fill = number(g.fills, (2 if iy < 0 else 0) + lane, _REAL)
            done = whole and above <= y < below
            begin, end = (first, last) if done else (blocks, blocks)
            if plain and not done and fill == 0:
                place, stop = to + y * 2 * VECTOR, right
                if line:
                    line += px * size_of(x)
                else:  # nothing is read, but that is slow where there is no memory
                    line, stop = tile, left
                spread_between(s, (line, step, 1, place, g.block_step, blocks, left, stop))
                continue
            for low, high in ((_INTEGER, begin), (end, blocks)):
                if low < high:
                    _read(x, s, g, line, px + y * apart + low * lanes, (high - low) * lanes, lane, fill, row)
                    place = to + y * 2 * VECTOR + low * g.block_step
                    spread(s, (row, 0, 1, place, g.block_step, high - low))


@compiled
def _cleared(s: Any, g: Any, tile: Any) -> None:
    """Fill the imaginary part of a tile with zeros."""
    lanes = VECTOR // size_of(s)
    for z in range(g.z_length):
        for b in range(g.columns // lanes):
            for y in range(g.rows):
                place = tile + z * g.plane_step + b * g.block_step + y * 2 * VECTOR + VECTOR
                target = view(place, lanes, s)
                for j in range(lanes):
                    target[j] = 0


@compiled
def _woven(s: Any, real: Any, imaginary: Any, out: Any, count: Any) -> None:
    """Write complex numbers from their parts."""
    target = view(out, 2 * count, s)
    a, b = view(real, count, s), view(imaginary, count, s)
    for j in range(count):
        target[2 * j] = a[j]
        target[2 * j + 1] = b[j]


@compiled
def _deliver(s: Any, g: Any, item: Any, lane: Any, part: Any, tile: Any, out: Any, row: Any, check: Any) -> None:
    """Write one part of a tile to the result."""
    rest, tx = divmod(item, g.x_tiles)
    rest, ty = divmod(rest, g.y_tiles)
    batch, tz = divmod(rest, g.z_tiles)
    x, y, z = tx * g.x_outputs, ty * g.y_outputs, tz * g.z_outputs
    start = out + number(g.results, batch, _INTEGER) + (x * g.x_out_step + lane) * size_of(s)
    start += y * g.y_out_step + z * g.z_out_step
    across, down = min(g.x_outputs, g.x_total - x), min(g.y_outputs, g.y_total - y)
    deep = min(g.z_outputs, g.z_total - z)
    stride, apart = g.x_stride, g.x_out_step
    reach = (across - 1) * stride + 1
    if g.folded:
        down = -(-reach // g.columns)
    for k in range(deep):
        source = tile + part * VECTOR + k * g.z_stride * g.plane_step
        to = start + k * g.z_out_step
        if stride == 1 and apart == 1:
            if g.folded:
                step, whole = g.columns * size_of(s), across // g.columns
                collect(s, (source, 2 * VECTOR, g.block_step, to, step, whole, g.columns, check))
                source, to = source + whole * 2 * VECTOR, to + whole * step
                collect(s, (source, 0, g.block_step, to, step, down - whole, across - whole * g.columns, check))
            else:
                collect(s, (source, g.y_stride * 2 * VECTOR, g.block_step, to, g.y_out_step, down, across, check))
            continue
        done, other = _INTEGER, row + g.columns * size_of(s)
        for i in range(down):
            at, count = source + i * g.y_stride * 2 * VECTOR, reach
            if g.folded:
                count = min(reach - i * g.columns, g.columns)
            collect(s, (at, 0, g.block_step, row, 0, 1, count, check))
            if g.lanes == 2 and stride == 1:
                collect(s, (at + VECTOR, 0, g.block_step, other, 0, 1, count, check))
                _woven(s, row, other, to, count)
                to += count * 2 * size_of(s) if g.folded else g.y_out_step
            elif g.folded:
                first = done * stride - i * g.columns
                while first < count:
                    store(to, done * apart, number(row, first, s))
                    done, first = done + 1, first + stride
            else:
                for j in range(across):
                    store(to + i * g.y_out_step, j * apart, number(row, j * stride, s))


@compiled
def _kernel_spectrum(s: Any, g: Any, real: Any, imaginary: Any, target: Any, scratch: Any) -> None:
    """Write the spectrum of a kernel that is spread over a tile, divided by its points."""
    tile, column = scratch + VECTOR, scratch + g.column_place
    lanes, each = VECTOR // size_of(s), 2 * VECTOR
    scale = as_type(1 / (g.z_length * g.rows * g.columns), s)
    for z in range(g.z_length):
        step, to = g.columns * size_of(s), tile + z * g.plane_step
        spread(s, (real + z * g.rows * step, step, g.rows, to, g.block_step, g.columns // lanes))
        if imaginary:
            spread(s, (imaginary + z * g.rows * step, step, g.rows, to + VECTOR, g.block_step, g.columns // lanes))
    if not imaginary:
        _cleared(s, g, tile)
    _down(s, g, tile)
    for z in range(g.z_length):
        for y in range(g.rows // lanes):
            _across(s, g, tile + z * g.plane_step + y * lanes * each, column, z, y)
            _plain_forward(s, (column, each, g.columns // PLAIN))
            count = 2 * lanes * g.columns
            values = view(column, count, s)
            found = view(target + (z * (g.rows // lanes) + y) * g.columns * each, count, s)
            for j in range(count):
                found[j] = values[j] * scale


def _transforms(
    x: Any, s: Any, geometry: Any, spectra: Any, src: Any, out: Any, scratch: Any, pieces: Any, bell: Any
) -> Any:
    """Compute the units that `sharing.taken` gives; return 0 if all their outputs are finite.

    An output of a tile is a sum of multiples of all its samples: one that is not finite shows in all outputs.

    Where there are no pieces, write to `spectra` the spectrum of a kernel that is spread over a tile: its real part is
    at `src`, its imaginary one at `out` if that is not 0. One function for both compiles faster than two.
    """
    g = _geometry(geometry)
    if not pieces:
        _kernel_spectrum(s, g, src, out, spectra, scratch)
        return 0
    check = scratch
    tile, column, row = scratch + VECTOR, scratch + g.column_place, scratch + g.row_place
    for j in range(VECTOR // size_of(s)):
        store(check, j, s * 0)
    z_wanted = (min(g.z_outputs, g.z_total) - 1) * g.z_stride + 1
    x_wanted = g.columns if g.folded else (min(g.x_outputs, g.x_total) - 1) * g.x_stride + 1
    for _ in range(begun(pieces, bell)):
        first, last = taken(pieces)
        if first == last:
            break
        for unit in range(first, last):
            group, k = divmod(unit, g.units)
            # complex tiles have two parts, of real ones there are two but for the last where their number is odd
            item = group * g.per_group + k * (3 - g.lanes)
            parts = 2 if g.lanes == 2 or 2 * k + 1 < g.per_group else 1
            for part in range(parts):
                _gather(x, s, g, src, item + part * (2 - g.lanes), part * (g.lanes - 1), part, tile, row)
            if parts == 1:
                _cleared(s, g, tile)
            spectrum = spectra + number(g.kernels, group, _INTEGER) * g.spectrum_step
            _filtered(s, g, tile, column, spectrum, z_wanted, x_wanted)
            if g.lanes == 2 and g.x_stride == 1:  # both parts at once
                parts = 1
            for part in range(parts):
                _deliver(s, g, item + part * (2 - g.lanes), part * (g.lanes - 1), part, tile, out, row, check)
    status = 0
    for j in range(VECTOR // size_of(s)):
        if number(check, j, s) != 0:
            status = 1
    return status


transforms = cached(_transforms, "transforms")
