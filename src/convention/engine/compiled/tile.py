"""The innermost loops, as LLVM IR: sums of taps times samples that never leave the registers.

A tile is a few output rows by a few vectors of outputs. Its sums stay in registers while the taps go by;
each vector of samples is loaded once for all rows that it meets. LLVM's own vectoriser does not find this
(it gives up on the alias checks from 5x5 taps on), so the IR says it.

What a tile reads past the last output's window is never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from numba import types
from numba.extending import intrinsic

from convention.engine.compiled.intrinsics import I64, NARROW, ROWS, VECTOR, WIDE, Emitter, called

__all__ = ["dense_tiles", "folded_tiles", "listed_tiles"]


def _tiles(
    emit: Emitter, count: Any, tile: Callable[[int, Any, Any], None], *, narrow: bool, twice: Any = None
) -> None:
    """Cover a row of so many outputs with tiles, each with the bytes before it and the outputs left.

    The last one begins early enough to end with the row, if this is long enough: some outputs are summed twice, but
    nothing behind the last one's window is read. Not so where `twice` is 0, for sums that take the place of samples.
    A narrow tile waits for its own sums: two take longer than a wide one.
    """
    builder, width = emit.builder, WIDE * emit.lanes

    def wide(t: Any) -> None:
        start, last = builder.mul(t, emit.constant(width)), builder.sub(count, emit.constant(width))
        if twice is not None:
            last = builder.select(builder.icmp_signed("!=", twice, emit.constant(0)), last, count)
        start = builder.select(builder.icmp_signed("<", last, start), last, start)
        start = builder.select(builder.icmp_signed("<", start, emit.constant(0)), emit.constant(0), start)
        tile(WIDE, builder.mul(start, emit.constant(emit.itemsize)), builder.sub(count, start))

    def all_wide() -> None:
        emit.loop(builder.sdiv(builder.add(count, emit.constant(width - 1)), emit.constant(width)), wide)

    if not narrow:
        all_wide()
        return
    with builder.if_else(builder.icmp_signed(">", count, emit.constant(NARROW * emit.lanes))) as (long, short):
        with long:
            all_wide()
        with short:
            tile(NARROW, emit.constant(0), count)


def _dense(*, folded: bool = False) -> Any:
    """Return the tiles of some rows of outputs, over all taps.

    Folded, the rows are the first, second, ... of every ROWS samples of one row, and so are the output rows: then
    input row p begins one sample later than input row p - ROWS, and there is one kernel column.
    """
    name = "folded" if folded else "dense"

    @intrinsic
    def rows_of_tiles(
        typingctx: Any,
        like: Any,
        lines: Any,
        line_step: Any,
        planes: Any,
        plane_step: Any,
        kernel_rows: Any,
        kernel_columns: Any,
        offsets: Any,
        taps: Any,
        out: Any,
        out_step: Any,
        count: Any,
    ) -> Any:
        """Sum ROWS output rows; taps of shape (planes, kernel_rows, kernel_columns), kernel_rows >= ROWS - 1.

        At `lines` are the addresses of the input rows; folded, the first row itself.
        """
        itemsize = like.bitwidth // 8

        def body(builder: Any, args: Any) -> None:
            lines, line_step, planes, plane_step, rows, columns, offsets, taps, out, out_step, count = args
            emit = Emitter(builder, itemsize)
            tap_row = builder.mul(columns, emit.constant(itemsize))

            def tile(vectors: int, before: Any, left: Any) -> None:
                sums = emit.accumulators(ROWS, vectors)
                to = builder.add(out, before)
                if not folded:  # the rows of results that come next
                    for r in range(ROWS, 2 * ROWS):
                        place = builder.add(to, builder.mul(out_step, emit.constant(r)))
                        for v in range(vectors):
                            emit.expect(emit.at(place, v * VECTOR))

                def row(start: Any, first_tap: Any, p: Any, active: Iterable[int]) -> None:
                    """Let input row p meet output rows r with its kernel row p - r."""
                    if folded:
                        phase = builder.mul(builder.urem(p, emit.constant(ROWS)), line_step)
                        place = builder.mul(builder.udiv(p, emit.constant(ROWS)), emit.constant(itemsize))
                        place = builder.add(builder.add(start, before), builder.add(place, phase))
                    else:
                        place = builder.add(before, emit.number(builder.add(start, builder.mul(p, line_step)), I64))
                    active = list(active)
                    kernel_row = [builder.mul(builder.sub(p, emit.constant(r)), tap_row) for r in active]
                    meets = [(sums[r], builder.add(first_tap, step)) for r, step in zip(active, kernel_row)]

                    def column(t: Any) -> None:
                        step = builder.mul(t, emit.constant(itemsize))
                        offset = emit.number(builder.add(offsets, builder.mul(t, emit.constant(8))), I64)
                        x = emit.samples(builder.add(place, offset), vectors)
                        for row_sums, line in meets:
                            emit.add(row_sums, emit.tap(builder.add(line, step)), x)

                    if folded:
                        x = emit.samples(place, vectors)
                        for row_sums, line in meets:
                            emit.add(row_sums, emit.tap(line), x)
                    else:
                        emit.loop(columns, column)

                def plane(q: Any) -> None:
                    start = builder.add(lines, builder.mul(q, plane_step))
                    first_tap = builder.add(taps, builder.mul(q, builder.mul(rows, tap_row)))
                    for p in range(ROWS - 1):  # not all output rows have begun
                        row(start, first_tap, emit.constant(p), range(p + 1))
                    every = builder.sub(rows, emit.constant(ROWS - 1))
                    emit.loop(every, lambda i: row(start, first_tap, emit.at(i, ROWS - 1), range(ROWS)))
                    for i in range(ROWS - 1):  # the first output rows have ended
                        row(start, first_tap, emit.at(rows, i), range(i + 1, ROWS))

                emit.loop(planes, plane)
                emit.deliver(sums, to, out_step, left)

            _tiles(emit, count, tile, narrow=not folded)

        return types.void(like, *[types.int64] * 11), called(f"{name}_{itemsize}", body, 11)

    return rows_of_tiles


dense_tiles, folded_tiles = _dense(), _dense(folded=True)


@intrinsic
def listed_tiles(
    typingctx: Any, like: Any, samples: Any, number: Any, offsets: Any, taps: Any, out: Any, count: Any, twice: Any
) -> Any:
    """Sum one row of outputs over a list of taps, each with the offset of the samples that it meets.

    Some outputs may be summed twice if `twice` is not 0. If it is, samples behind the last one's window are read.
    """
    itemsize = like.bitwidth // 8

    def body(builder: Any, args: Any) -> None:
        samples, number, offsets, taps, out, count, twice = args
        emit = Emitter(builder, itemsize)

        def tile(vectors: int, before: Any, left: Any) -> None:
            sums = emit.accumulators(1, vectors)
            start = builder.add(samples, before)

            def one(t: Any) -> None:
                offset = emit.number(builder.add(offsets, builder.mul(t, emit.constant(8))), I64)
                tap = emit.tap(builder.add(taps, builder.mul(t, emit.constant(itemsize))))
                emit.add(sums[0], tap, emit.samples(builder.add(start, offset), vectors))

            emit.loop(number, one)
            emit.deliver(sums, builder.add(out, before), emit.constant(0), left)

        _tiles(emit, count, tile, narrow=True, twice=twice)

    return types.void(like, *[types.int64] * 7), called(f"listed_{itemsize}", body, 7)
