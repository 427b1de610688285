"""A job as the compiled loops see it: which samples each output meets, as tables of offsets.

Any number of axes becomes three: the last (columns), the last but one (rows), and all before them (planes).
Complex numbers are pairs that lie side by side. A complex tap a + ib is two real ones: a meets the samples, b meets
the samples times i, which are planes of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convention.boundary import OUTSIDE, index_map
from convention.engine.compiled.chains import chained
from convention.engine.compiled.gathering import RING
from convention.engine.compiled.geometry import BOX, DENSE, GEOMETRY, LISTED, NOWHERE, SEPARABLE
from convention.engine.compiled.intrinsics import LONG, ROWS, VECTOR, WIDE
from convention.fields import Number

__all__ = ["Arrangement", "Limits", "Line", "arrange", "kernel_taps"]

_CACHE = 384 * 1024
"""Bytes of a block's samples: they stay in the second-level cache, with the results and the taps."""

_RING = 32
"""The most planes that are looked for among those that lie there."""

_PARTS = 4
"""Blocks for each thread, at least: one that is slower leaves more of them to others."""

_AROUND = 32 * 2**20
"""Bytes of results from which on single rows are stored around the caches, which would not hold them for long."""

_WIDE_PLANES = 1024
"""Outputs of a row from which on it pays to read planes where they lie: near the border a tile's width is gathered."""

_LONG = 16 * 1024
"""The most outputs of a block along the last axis where there is one row; where there are more, a part of it."""


class Limits(NamedTuple):
    """The range of results that are integers."""

    low: int = 0
    high: int = 0
    sure: bool = False
    """Whether all sums are numbers, and nobody asks whether some were out of range."""


class Line(NamedTuple):
    """One spatial axis of a job, without taps that meet nothing but zeros."""

    samples: int
    outputs: int
    taps: int
    first_tap: int
    """How many taps were left out in front, in the order in which samples are met."""
    before: int
    stride: int
    dilation: int
    rule: str
    value: Number

    @property
    def extent(self) -> int:
        """The number of positions from the first to the last tap."""
        return self.dilation * (self.taps - 1) + 1

    def positions(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the sample at each position from start to stop - 1, counted from the first that a window reaches."""
        found: NDArray[np.int64] = index_map(self.rule, np.arange(start, stop) - self.before, self.samples)
        return found


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A record for `loops.run_of`, lacking taps, and the arrays that it points to."""

    record: NDArray[Any]
    """One record of `loops.GEOMETRY`."""
    tables: tuple[NDArray[Any], ...]
    lines: tuple[Line, ...]
    blocks: int
    scratch: int
    """Bytes."""
    offsets: NDArray[np.int64]
    """Of all taps in the lines that they meet: (planes * rows * columns,)"""
    places: NDArray[np.int64]
    """Of these lines in the table of them."""
    kernels: int
    column_order: NDArray[np.int64]
    """Of the taps along the columns, in chains: (columns,)"""
    plain: bool
    """Whether the plain loops can gather its samples."""
    ring: bool
    """Whether planes are kept for the outputs that meet them next."""
    turned: bool
    """Whether taps are complex."""


def meeting(line: Line) -> Line:
    """Leave out the taps that meet nothing but zeros beyond the border."""
    if line.rule != "zero" or not line.samples or not line.outputs:
        return line
    last = (line.outputs - 1) * line.stride - line.before  # the position of the last window, from the first sample
    first = max(0, -(last // line.dilation))  # the first tap that the last window has at sample 0 or later
    final = min(line.taps - 1, (line.samples - 1 + line.before) // line.dilation)
    if first > final:
        return line
    return line._replace(
        taps=final - first + 1, first_tap=line.first_tap + first, before=line.before - first * line.dilation
    )


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _table(values: Any, kind: Any = np.int64) -> NDArray[Any]:
    return np.ascontiguousarray(values, dtype=kind)


def arrange(
    lines: Sequence[Line],
    way: int,
    signal: NDArray[Any],
    result: NDArray[Any],
    kernel_batch: Sequence[int],
    work: np.dtype[Any],
    paired: bool,
    turned: bool,
    workers: int,
    limits: Limits,
) -> Arrangement:
    """Return the arrangement of arrays with these shapes and strides.

    Parameters
    ----------
    lines : sequence of Line
        The spatial axes, the last ones of the arrays.
    way : int
        One of `loops`: DENSE, LISTED, SEPARABLE or BOX.
    signal, result : array
        Of real numbers; where sums are complex, of their parts, along one more axis of length 2.
    kernel_batch : sequence of int
        The kernel's axes in front of its spatial ones.
    work : data type
        Of the sums: float32 or float64.
    paired : bool
        Whether sums are complex.
    turned : bool
        Whether taps are.
    workers : int
        Threads that share the blocks.
    limits : Limits
        Of integer results.
    """
    d = len(lines)
    strides, out_strides = list(signal.strides), list(result.strides)
    if paired:
        strides.pop()
        out_strides.pop()
    size, out_size = signal.itemsize, result.itemsize
    batch = tuple(result.shape[: len(out_strides) - d])
    row, column = (lines[-2] if d > 1 else _ONE), lines[-1]
    row_stride, row_out = (strides[-2], out_strides[-2]) if d > 1 else (0, 0)
    lead = lines[: max(d - 2, 0)]

    # the batch: signals, results and kernels by item
    own = [0] * (len(batch) - (len(strides) - d)) + [
        step if n > 1 else 0 for step, n in zip(strides[: len(strides) - d], signal.shape)
    ]
    per_kernel = [1] * (len(batch) - len(kernel_batch)) + list(kernel_batch)
    kernel_strides, kernels = [], 1
    for n in reversed(per_kernel):
        kernel_strides.append(kernels if n > 1 else 0)
        kernels *= n
    kernel_strides.reverse()
    lanes = 2 if paired else 1
    if (
        batch
        and batch[-1] > 1
        and not paired
        and kernel_strides[-1] == 0
        and own[-1] == size
        and out_strides[len(batch) - 1] == out_size
        and out_strides[-1] == out_size * batch[-1]
    ):  # signals side by side, as the colours of an image
        lanes, batch, own, kernel_strides = batch[-1], batch[:-1], own[:-1], kernel_strides[:-1]
    signals = _offsets(batch, own)
    results = _offsets(batch, out_strides[: len(batch)])
    which = _offsets(batch, kernel_strides)

    # the planes: one per combination of taps of the leading axes, and per part
    plane_of, plane_fill = _planes(lead, strides[len(strides) - d : len(strides) - len(lines[-2:])])
    out_plane = _offsets([line.outputs for line in lead], out_strides[len(out_strides) - d : len(out_strides) - 2])
    fills = [plane_fill, np.full(plane_of.shape[1], row.value), np.full(plane_of.shape[1], column.value)]
    each = plane_of.shape[1]
    pairs = [np.stack([fill.real, fill.imag if paired else fill.real], -1) for fill in fills]
    if turned:
        plane_of = np.concatenate([plane_of, plane_of], axis=1)
        # times i, part by part: a complex product would make NaN of an infinite one
        pairs = [np.concatenate([pair, pair[..., ::-1] * [-1, 1]], axis=-2) for pair in pairs]
    planes = plane_of.shape[1]
    plane_fill, row_fill, column_fill = pairs
    row_at = row.positions(0, (row.outputs - 1) * row.stride + row.extent)
    row_of = np.where(row_at == OUTSIDE, NOWHERE, row_at * row_stride)

    # the columns: a border, samples in their own places, a border
    sample_step = strides[-1] // size
    reach = (column.outputs - 1) * column.stride + column.extent + column.stride
    inside = min(max(column.before, 0), reach)
    outside = min(max(column.before + column.samples, inside), reach)
    border = [column.positions(0, inside), column.positions(outside, reach)]
    left, right = (_table(np.where(index == OUTSIDE, NOWHERE, index * sample_step)) for index in border)

    lanes_of = VECTOR // work.itemsize
    block = _block(way, row, column, planes, lanes, lanes_of, work.itemsize, len(signals) * plane_of.shape[0], workers)
    rows, columns = block
    count = -(-columns // lanes) + (column.extent - 1) // column.stride
    phase = _padded(count * lanes * work.itemsize)
    row_step = phase * column.stride
    row_step += VECTOR * (row_step % 4096 == 0)  # rows a page apart would share their places in the first-level cache
    extent = (rows - 1) * row.stride + row.extent
    plane_step = extent * row_step
    sums_step = min(_padded(columns * work.itemsize), row_step)

    s = np.arange(column.taps) * column.dilation
    column_offsets = s % column.stride * phase + s // column.stride * lanes * work.itemsize
    row_lines = np.arange(row.taps) * row.dilation
    lines_of_taps = np.add.outer(np.arange(planes) * extent, row_lines)[..., None]
    places, offsets = np.broadcast_arrays(lines_of_taps * 8, column_offsets)
    met = places if way in (DENSE, LISTED) else places[:0]  # others meet no list of taps
    column_chains = chained(0, 0, column_offsets)
    factor_offsets = np.concatenate([np.arange(planes) * plane_step, row_lines * sums_step, column_chains.offsets])

    levels, box_offsets = _box_parts(column.taps, column.dilation * lanes * work.itemsize, row_step)

    more = {
        BOX: (levels + 1) * row_step,
        SEPARABLE: extent * sums_step + (LONG + 2) * VECTOR,
    }.get(way, 0)
    across_place = (planes + 1) * plane_step + rows * sums_step + (LONG + 2) * VECTOR
    scratch = across_place + more
    # the next output plane meets most of the planes that this one met
    ring = way in (DENSE, LISTED, SEPARABLE) and 1 < planes <= _RING and plane_of.shape[0] > 1 and not turned
    plain = signal.dtype == work and sample_step == lanes and column.stride == 1 and not turned
    lies = way in (DENSE, LISTED) or (way == SEPARABLE and planes == 1)
    in_place = lies and plain and not (ring and column.outputs * lanes < _WIDE_PLANES)

    record = np.zeros(1, GEOMETRY)
    numbers = {
        "way": way,
        "planes": planes,
        "out_planes": plane_of.shape[0],
        "rows": row.outputs,
        "row_stride": row.stride,
        "row_dilation": row.dilation,
        "kernel_rows": row.taps,
        "columns": column.outputs * lanes,
        "lanes": lanes,
        "turned": each,
        "column_stride": column.stride,
        "kernel_columns": column.taps,
        "column_extent": column.extent,
        "sample_step": sample_step,
        "inside": inside,
        "outside": outside,
        "first_sample": (inside - column.before) * sample_step,
        "block_rows": rows,
        "block_columns": columns,
        "row_step": row_step,
        "plane_step": plane_step,
        "phase_step": phase,
        "sums_step": sums_step,
        "out_row_step": row_out,
        "out_step": 1 if lanes > 1 else out_strides[-1] // out_size,  # several lanes are stored side by side
        "lines": scratch,
        "plane_lines": extent * 8,
        "addresses": scratch + planes * extent * 8,
        "box_levels": levels,
        "box_parts": len(box_offsets) - 4 * levels,
        "sure": limits.sure,
        "low": limits.low,
        "high": limits.high,
    }
    numbers["stored"] = result.dtype == work and numbers["out_step"] == 1
    numbers["in_place"] = in_place
    numbers["around"] = way == LISTED and row.outputs == 1 and result.nbytes >= _AROUND and numbers["stored"]
    numbers["zeros"] = column.rule in ("zero", "constant") and not column_fill.any()
    numbers["ring"] = numbers["addresses"] + met.size * 8 if ring and not in_place else 0
    numbers["across"] = across_place
    tables = {
        "signals": _table(signals),
        "kernels": _table(which),
        "results": _table(results),
        "plane_of": _table(plane_of),
        "out_plane": _table(out_plane),
        "row_of": _table(row_of),
        "left": left,
        "right": right,
        "plane_fill": _table(plane_fill, np.float64),
        "row_fill": _table(row_fill, np.float64),
        "column_fill": _table(column_fill, np.float64),
        "places": _table(met.ravel()),
        "offsets": _table(offsets.ravel()),
        "factor_offsets": _table(factor_offsets),
        "across_chains": _table(column_chains.numbers),
        "box_offsets": _table(box_offsets),
    }
    for name, value in numbers.items():
        record[name] = value
    for name, table in tables.items():
        record[name] = _address(table)
    across, down = -(-numbers["columns"] // columns), -(-row.outputs // rows)
    return Arrangement(
        record=record,
        tables=tuple(tables.values()),
        lines=tuple(lines),
        blocks=len(signals) * plane_of.shape[0] * across * down,
        scratch=numbers["addresses"] + met.size * 8 + RING * planes * 8,
        offsets=tables["offsets"],
        places=tables["places"],
        kernels=kernels,
        column_order=column_chains.order,
        plain=column.stride == 1 and sample_step == lanes and not turned,
        ring=numbers["ring"] != 0,
        turned=turned,
    )


_ONE = Line(samples=1, outputs=1, taps=1, first_tap=0, before=0, stride=1, dilation=1, rule="zero", value=0)
"""A row axis where there is none."""


def _box_parts(taps: int, apart: int, step: int) -> tuple[int, list[int]]:
    """Return how often sums of four are taken of a row, the offsets of each four, and those of a window's parts."""
    levels = 0
    while 4 ** (levels + 1) <= taps:
        levels += 1
    offsets = [i * 4**level * apart for level in range(levels) for i in range(4)]
    covered = 0
    for level in range(levels, -1, -1):
        for _ in range((taps - covered) // 4**level):
            offsets.append(level * step + covered * apart)
            covered += 4**level
    return levels, offsets


def _padded(size: int) -> int:
    return -(-size // VECTOR) * VECTOR


def _offsets(counts: Sequence[int], strides: Sequence[int]) -> NDArray[np.int64]:
    """Return the offset of every index, the last counting fastest."""
    total = np.zeros(1, np.int64)
    for n, step in zip(counts, strides):
        total = (total[:, None] + np.arange(n) * step).ravel()
    return total


def _planes(lead: Sequence[Line], strides: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return where the plane begins that an output plane meets with a kernel plane, and what stands there if none."""
    starts, fills = np.zeros((1, 1), np.int64), np.zeros((1, 1), complex)
    for line, stride in zip(lead, strides):
        n, t = np.arange(line.outputs)[:, None], np.arange(line.taps)
        index = index_map(line.rule, n * line.stride + t * line.dilation - line.before, line.samples)
        missing = (index == OUTSIDE)[None, :, None, :]
        value = line.value if line.rule == "constant" else 0
        fills = np.where(missing, value, fills[:, None, :, None])
        gone = missing | (starts == NOWHERE)[:, None, :, None]
        shape = (len(starts) * line.outputs, starts.shape[1] * line.taps)
        fills = np.broadcast_to(fills, gone.shape).reshape(shape)
        found = np.where(gone, NOWHERE, starts[:, None, :, None] + (index * stride)[None, :, None, :])
        starts = found.reshape(shape)
    return starts, fills


def _block(
    way: int, row: Line, column: Line, planes: int, lanes: int, vector: int, size: int, others: int, workers: int
) -> tuple[int, int]:
    """Choose how many outputs are computed at a time: rows, columns."""
    tile = WIDE * vector
    several = row.outputs >= ROWS
    columns = column.outputs * lanes
    width = max(tile, _LONG // (16 if several else 1))
    width = -(-width // (tile * lanes)) * tile * lanes
    columns = min(columns, width)
    while columns > tile * lanes and planes * row.extent * columns * column.stride * size > 8 * _CACHE:
        columns = -(-columns // (2 * tile * lanes)) * tile * lanes  # many planes: channels, for example
    gathered = planes * (columns + (column.extent - 1) * lanes + vector) * column.stride * size
    rows = (_CACHE // gathered - row.extent) // row.stride
    least = ROWS * row.dilation
    rows = max(rows, 2 * row.extent // row.stride, least)
    if workers > 1:
        parts = -(-_PARTS * workers // others)
        rows = min(rows, max(least, -(-row.outputs // parts)))
    rows = -(-rows // least) * least
    return min(rows, row.outputs), columns


def kernel_taps(arrangement: Arrangement, kernel: NDArray[Any], work: np.dtype[Any]) -> NDArray[Any]:
    """Return kernels as tiles read them: (kernels, planes, rows, columns), of real numbers.

    Parameters
    ----------
    arrangement : Arrangement
        For its lines: which taps are left out.
    kernel : array, shape (..., K1, K2, ...)
        In the order in which samples are met; complex where the sums are.
    work : data type
        Of the sums.
    """
    d = len(arrangement.lines)
    place: Any = tuple(slice(line.first_tap, line.first_tap + line.taps) for line in arrangement.lines)
    kernel = kernel[(..., *place)]
    rows = arrangement.lines[-2].taps if d > 1 else 1
    kernel = kernel.reshape(arrangement.kernels, -1, rows, arrangement.lines[-1].taps)
    if arrangement.turned:
        kernel = np.concatenate([kernel.real, kernel.imag], axis=1)
    return np.ascontiguousarray(kernel, dtype=work)
