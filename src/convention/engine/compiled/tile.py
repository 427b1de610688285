"""The innermost loops, as LLVM IR: sums of taps times samples that never leave the registers.

A tile is a few output rows by a few vectors of outputs. Its sums stay in registers while the taps go by;
each vector of samples is loaded once for all rows that it meets. LLVM's own vectoriser does not find this
(it gives up on the alias checks from 5x5 taps on), so the IR says it.

What a tile reads past the last output's window is never stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from numba import types
from numba.extending import intrinsic

from convention.engine.compiled.intrinsics import I64, NARROW, ROWS, WIDE, Emitter, called

__all__ = ["dense_narrow", "dense_wide", "folded_wide", "listed_narrow", "listed_wide"]


def _dense(vectors: int, *, folded: bool = False) -> Any:
    """Return a tile over all taps.

    Folded, its rows are the first, second, ... of every ROWS samples of one row, and so are its output rows: then
    input row p begins one sample later than input row p - ROWS, and there is one kernel column.
    """
    kind = "folded" if folded else "dense"

    @intrinsic
    def tile(
        typingctx: Any,
        like: Any,
        first: Any,
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

        At `lines` are the addresses of the input rows; `first` counts from there to the first sample.
        """
        itemsize = like.bitwidth // 8

        def body(builder: Any, args: Any) -> None:
            first, lines, line_step, planes, plane_step, rows, columns, offsets, taps, *delivery = args
            emit = Emitter(builder, itemsize)
            sums = emit.accumulators(ROWS, vectors)
            tap_row = builder.mul(columns, emit.constant(itemsize))

            def row(start: Any, first_tap: Any, p: Any, active: Iterable[int]) -> None:
                """Let input row p meet output rows r with its kernel row p - r."""
                if folded:
                    phase = builder.mul(builder.urem(p, emit.constant(ROWS)), line_step)
                    place = builder.mul(builder.udiv(p, emit.constant(ROWS)), emit.constant(itemsize))
                    place = builder.add(start, builder.add(place, phase))
                else:
                    place = builder.add(first, emit.number(builder.add(start, builder.mul(p, line_step)), I64))
                active = list(active)
                lines = [builder.add(first_tap, builder.mul(builder.sub(p, emit.constant(r)), tap_row)) for r in active]

                def column(t: Any) -> None:
                    step = builder.mul(t, emit.constant(itemsize))
                    offset = emit.number(builder.add(offsets, builder.mul(t, emit.constant(8))), I64)
                    x = emit.samples(builder.add(place, offset), vectors)
                    for r, line in zip(active, lines):
                        emit.add(sums[r], emit.tap(builder.add(line, step)), x)

                if folded:
                    x = emit.samples(place, vectors)
                    for r, line in zip(active, lines):
                        emit.add(sums[r], emit.tap(line), x)
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
            emit.deliver(sums, *delivery)

        return types.void(like, *[types.int64] * 12), called(f"{kind}_{vectors}_{itemsize}", body, 12)

    return tile


def _listed(vectors: int) -> Any:
    @intrinsic
    def tile(
        typingctx: Any, like: Any, samples: Any, number: Any, offsets: Any, taps: Any, out: Any, count: Any
    ) -> Any:
        """Sum one row of outputs over a list of taps, each with the offset of the samples that it meets."""
        itemsize = like.bitwidth // 8

        def body(builder: Any, args: Any) -> None:
            samples, number, offsets, taps, out, count = args
            emit = Emitter(builder, itemsize)
            sums = emit.accumulators(1, vectors)

            def one(t: Any) -> None:
                offset = emit.number(builder.add(offsets, builder.mul(t, emit.constant(8))), I64)
                tap = emit.tap(builder.add(taps, builder.mul(t, emit.constant(itemsize))))
                emit.add(sums[0], tap, emit.samples(builder.add(samples, offset), vectors))

            emit.loop(number, one)
            emit.deliver(sums, out, emit.constant(0), count)

        return types.void(like, *[types.int64] * 6), called(f"listed_{vectors}_{itemsize}", body, 6)

    return tile


dense_wide, dense_narrow = _dense(WIDE), _dense(NARROW)
folded_wide = _dense(WIDE, folded=True)
listed_wide, listed_narrow = _listed(WIDE), _listed(NARROW)
