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
from numba.core import cgutils
from numba.extending import intrinsic

from convention.engine.compiled.intrinsics import CHAIN, I64, LONG, NARROW, ROWS, VECTOR, WIDE, Emitter, called

__all__ = ["dense_tiles", "listed_tiles"]


def _tiles(
    emit: Emitter, count: Any, tile: Callable[[int, Any, Any], None], *, twice: Any = None, long: bool = False
) -> None:
    """Cover a row of so many outputs with tiles, each with the bytes before it and the outputs left.

    Long tiles come first, then wide ones. The last of these begins early enough to end with the row, if this is long
    enough: some outputs are summed twice, but nothing behind the last one's window is read. Not so where `twice` is 0,
    for sums that take the place of samples. A narrow tile waits for its own sums: two take longer than a wide one.
    """
    builder, width = emit.builder, WIDE * emit.lanes

    def bytes_of(start: Any) -> Any:
        return builder.mul(start, emit.constant(emit.itemsize))

    with builder.if_else(builder.icmp_signed(">", count, emit.constant(NARROW * emit.lanes))) as (many, few):
        with many:
            done = emit.constant(0)
            if long:
                outputs = emit.constant(LONG * emit.lanes)
                times = builder.sdiv(count, outputs)
                done = builder.mul(times, outputs)
                emit.loop(times, lambda t: tile(LONG, bytes_of(builder.mul(t, outputs)), outputs))
            last = builder.sub(count, emit.constant(width))
            if twice is not None:
                last = builder.select(builder.icmp_signed("!=", twice, emit.constant(0)), last, count)

            def wide(t: Any) -> None:
                start = builder.add(done, builder.mul(t, emit.constant(width)))
                start = builder.select(builder.icmp_signed("<", last, start), last, start)
                start = builder.select(builder.icmp_signed("<", start, emit.constant(0)), emit.constant(0), start)
                tile(WIDE, bytes_of(start), builder.sub(count, start))

            left = builder.add(builder.sub(count, done), emit.constant(width - 1))
            emit.loop(builder.sdiv(left, emit.constant(width)), wide)
        with few:
            tile(NARROW, emit.constant(0), count)


@intrinsic
def dense_tiles(
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

    At `lines` are the addresses of the input rows.
    """
    itemsize = like.bitwidth // 8

    def body(builder: Any, args: Any) -> None:
        lines, line_step, planes, plane_step, rows, columns, offsets, taps, out, out_step, count = args
        emit = Emitter(builder, itemsize)
        tap_row = builder.mul(columns, emit.constant(itemsize))

        def tile(vectors: int, before: Any, left: Any) -> None:
            sums = emit.accumulators(ROWS, vectors)
            to = builder.add(out, before)
            for r in range(ROWS, 2 * ROWS):  # the rows of results that come next
                place = builder.add(to, builder.mul(out_step, emit.constant(r)))
                for v in range(vectors):
                    emit.expect(emit.at(place, v * VECTOR))

            def row(start: Any, first_tap: Any, p: Any, active: Iterable[int]) -> None:
                """Let input row p meet output rows r with its kernel row p - r."""
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

        _tiles(emit, count, tile)

    return types.void(like, *[types.int64] * 11), called(f"dense_{itemsize}", body, 11)


@intrinsic
def listed_tiles(
    typingctx: Any,
    like: Any,
    samples: Any,
    chains: Any,
    offsets: Any,
    taps: Any,
    out: Any,
    count: Any,
    twice: Any,
    around: Any,
) -> Any:
    """Sum one row of outputs over a list of chains of taps, each with the offset of the samples of its first.

    Every further tap of a chain meets samples one vector later, so most of those that are loaded meet all of them.
    `chains` are the numbers of chains of CHAIN taps, of one less, ... and of one tap; in this order they are listed.
    Some outputs may be summed twice if `twice` is not 0. If it is, samples behind the last one's window are read.
    If `around` is not 0, `out` is a multiple of a vector's size, and most outputs are stored around the caches.
    """
    itemsize = like.bitwidth // 8

    def body(builder: Any, args: Any) -> None:
        samples, *chains, offsets, taps, out, count, twice, around = args
        emit = Emitter(builder, itemsize)

        def tile(vectors: int, before: Any, left: Any) -> None:
            sums = emit.accumulators(1, vectors)
            start = builder.add(samples, before)
            offset_at, tap_at = offsets, taps
            for length, many in zip(range(CHAIN, 0, -1), chains):

                def chain(t: Any, length: int = length, offset_at: Any = offset_at, tap_at: Any = tap_at) -> None:
                    offset = emit.number(builder.add(offset_at, builder.mul(t, emit.constant(8))), I64)
                    place = builder.add(start, offset)
                    first = builder.add(tap_at, builder.mul(t, emit.constant(length * itemsize)))
                    weights = [emit.tap(emit.at(first, j * itemsize)) for j in range(length)]
                    for i, x in enumerate(emit.samples(place, vectors + length - 1)):
                        for j, weight in enumerate(weights):
                            if 0 <= i - j < vectors:
                                emit.add(sums[0][i - j : i - j + 1], weight, [x])

                emit.loop(many, chain)
                offset_at = builder.add(offset_at, builder.mul(many, emit.constant(8)))
                tap_at = builder.add(tap_at, builder.mul(many, emit.constant(length * itemsize)))
            emit.deliver(sums, builder.add(out, before), emit.constant(0), left, around if vectors == LONG else None)

        _tiles(emit, count, tile, twice=twice, long=True)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        like, samples, chains, *others = args
        args = [like, samples, *cgutils.unpack_tuple(builder, chains, CHAIN), *others]
        return called(f"listed_{itemsize}", body, 7 + CHAIN)(context, builder, signature, args)

    return types.void(like, types.int64, chains, *[types.int64] * 6), codegen
