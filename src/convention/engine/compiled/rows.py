"""Rows of numbers on their way to the tiles and from them, by vectors, as LLVM IR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from convention.engine.compiled.intrinsics import I32, VECTOR, Emitter

__all__ = ["between", "clamped", "picked_of_2", "picked_of_4", "rounded", "widened"]


def _overlapping(emit: Emitter, count: Any, vector: Callable[[Any], None]) -> None:
    """Do a row of so many numbers, at least a vector, by vectors: the last one begins early enough to end with it."""
    builder, lanes = emit.builder, emit.constant(emit.lanes)
    last = builder.sub(count, lanes)

    def at(time: Any) -> None:
        first = builder.mul(time, lanes)
        vector(builder.select(builder.icmp_signed("<", last, first), last, first))

    emit.loop(builder.sdiv(builder.add(count, emit.constant(emit.lanes - 1)), lanes), at)


@intrinsic
def widened(typingctx: Any, like: Any, source_like: Any, to: Any, src: Any, count: Any) -> Any:
    """Convert integers to floats, at least a vector of them."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, _, to, src, count = args
        emit = Emitter(builder, like.bitwidth // 8)
        source = ir.VectorType(ir.IntType(source_like.bitwidth), emit.lanes)

        def vector(first: Any) -> None:
            place = builder.add(src, builder.mul(first, emit.constant(source_like.bitwidth // 8)))
            found = builder.load(builder.inttoptr(place, source.as_pointer()))
            found.align = 1
            number = (builder.sitofp if source_like.signed else builder.uitofp)(found, emit.vector)
            emit.store(number, builder.add(to, builder.mul(first, emit.constant(emit.itemsize))))

        _overlapping(emit, count, vector)
        return context.get_dummy_value()

    return types.void(like, source_like, *[types.int64] * 3), codegen


@intrinsic
def clamped(typingctx: Any, like: Any, target_like: Any, sums: Any, out: Any, low: Any, high: Any, count: Any) -> Any:
    """Store finite numbers as integers of 8 or 16 bits, kept to a range and rounded half to even.

    At least a vector of them. Added to 1.5 * 2**23 (or 2**52), which has no room for a fraction, a number is rounded
    by the addition and stands in the last bits.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, _, sums, out, low, high, count = args
        emit = Emitter(builder, like.bitwidth // 8)
        target = ir.VectorType(ir.IntType(target_like.bitwidth), emit.lanes)
        integers = ir.VectorType(ir.IntType(like.bitwidth), emit.lanes)
        room = ir.Constant(emit.vector, [1.5 * 2.0 ** (23 if like.bitwidth == 32 else 52)] * emit.lanes)
        low, high = emit.everywhere(low, emit.vector), emit.everywhere(high, emit.vector)

        def vector(first: Any) -> None:
            number = emit.samples(builder.add(sums, builder.mul(first, emit.constant(emit.itemsize))), 1)[0]
            number = builder.select(builder.fcmp_ordered(">", number, low), number, low)
            number = builder.select(builder.fcmp_ordered("<", number, high), number, high)
            found = builder.trunc(builder.bitcast(builder.fadd(number, room), integers), target)
            emit.store(found, builder.add(out, builder.mul(first, emit.constant(target_like.bitwidth // 8))))

        _overlapping(emit, count, vector)
        return context.get_dummy_value()

    return types.void(like, target_like, types.int64, types.int64, like, like, types.int64), codegen


@intrinsic
def between(typingctx: Any, like: Any, to: Any, samples: Any, vectors: Any, first: Any, last: Any) -> Any:
    """Copy so many vectors of numbers, with zeros before the first and from the last on; no others are read."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, to, samples, vectors, first, last = args
        emit = Emitter(builder, like.bitwidth // 8)
        mask = ir.VectorType(ir.IntType(1), emit.lanes)
        kind = ir.FunctionType(emit.vector, [emit.vector.as_pointer(), I32, mask, emit.vector])
        name = f"llvm.masked.load.v{emit.lanes}{emit.bits}.p0"
        masked = cgutils.get_or_insert_function(builder.module, kind, name)

        places = ir.Constant(ir.VectorType(I32, emit.lanes), list(range(emit.lanes)))
        first, last = (builder.trunc(place, I32) for place in (first, last))

        def vector(v: Any) -> None:
            start = builder.mul(builder.trunc(v, I32), ir.Constant(I32, emit.lanes))
            begun, ended = (emit.everywhere(builder.sub(place, start), places.type) for place in (first, last))
            begun, ended = builder.icmp_signed(">=", places, begun), builder.icmp_signed("<", places, ended)
            step = builder.mul(v, emit.constant(VECTOR))
            place = builder.inttoptr(builder.add(samples, step), emit.vector.as_pointer())
            zeros = ir.Constant(emit.vector, [0.0] * emit.lanes)
            found = builder.call(masked, [place, ir.Constant(I32, emit.itemsize), builder.and_(begun, ended), zeros])
            emit.store(found, builder.add(to, step))

        emit.loop(vectors, vector)
        return context.get_dummy_value()

    return types.void(like, *[types.int64] * 5), codegen


def _picked(apart: int) -> Any:
    @intrinsic
    def pick(typingctx: Any, like: Any, samples: Any, out: Any, times: Any) -> Any:
        """Copy numbers that lie some apart, so many times a vector of them."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _, samples, out, times = args
            emit = Emitter(builder, like.bitwidth // 8)

            def once(time: Any) -> None:
                vectors = emit.samples(builder.add(samples, builder.mul(time, emit.constant(apart * VECTOR))), apart)
                while len(vectors) > 1:
                    vectors = [emit.every_other(*pair) for pair in zip(vectors[::2], vectors[1::2])]
                emit.store(vectors[0], builder.add(out, builder.mul(time, emit.constant(VECTOR))))

            emit.loop(times, once)
            return context.get_dummy_value()

        return types.void(like, *[types.int64] * 3), codegen

    return pick


picked_of_2, picked_of_4 = _picked(2), _picked(4)


@intrinsic
def rounded(typingctx: Any, like: Any, target_like: Any, sums: Any, out: Any, low: Any, high: Any, count: Any) -> Any:
    """Store numbers as integers, rounded half to even and kept to a range.

    Return 0, plus 1 if one was out of range and 2 if one was no number. Whole vectors of numbers are read.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, _, sums, out, low, high, count = args
        emit = Emitter(builder, like.bitwidth // 8)
        bits = target_like.bitwidth
        # exact sums in float32 are below 2**24, others go into 16 bits at most
        wide = 32 if like.bitwidth == 32 or bits < 32 else 64
        target = ir.VectorType(ir.IntType(bits), emit.lanes)
        mask = ir.VectorType(ir.IntType(1), emit.lanes)
        rint = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(emit.vector, [emit.vector]), f"llvm.rint.v{emit.lanes}{emit.bits}"
        )
        store = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [target, target.as_pointer(), I32, mask]),
            f"llvm.masked.store.v{emit.lanes}i{bits}.p0",
        )
        none = ir.Constant(mask, [0] * emit.lanes)
        outside, strange = cgutils.alloca_once_value(builder, none), cgutils.alloca_once_value(builder, none)
        low, high = emit.everywhere(low, emit.vector), emit.everywhere(high, emit.vector)

        def convert(time: Any, wanted: Any = None) -> None:
            number = emit.samples(builder.add(sums, builder.mul(time, emit.constant(VECTOR))), 1)[0]
            nearest = builder.call(rint, [number])
            inside = builder.select(builder.fcmp_ordered(">", nearest, low), nearest, low)
            inside = builder.select(builder.fcmp_ordered("<", inside, high), inside, high)
            for place, found in (
                (outside, builder.fcmp_unordered("!=", inside, nearest)),
                (strange, builder.fcmp_unordered("uno", number, number)),
            ):
                found = found if wanted is None else builder.and_(found, wanted)
                builder.store(builder.or_(builder.load(place), found), place)
            integers = builder.fptosi(inside, ir.VectorType(ir.IntType(wide), emit.lanes))
            if bits != wide:
                integers = (builder.trunc if bits < wide else builder.sext)(integers, target)
            place = builder.add(out, builder.mul(time, emit.constant(emit.lanes * bits // 8)))
            if wanted is None:
                emit.store(integers, place)
            else:
                place = builder.inttoptr(place, target.as_pointer())
                builder.call(store, [integers, place, ir.Constant(I32, bits // 8), wanted])

        times = builder.sdiv(count, emit.constant(emit.lanes))
        emit.loop(times, convert)
        left = builder.srem(count, emit.constant(emit.lanes))
        with builder.if_then(builder.icmp_signed(">", left, emit.constant(0))):
            convert(times, builder.icmp_signed("<", emit.numbered, emit.everywhere(left, emit.numbered.type)))
        status = emit.constant(0)
        for place, value in ((outside, 1), (strange, 2)):
            word = builder.bitcast(builder.load(place), ir.IntType(emit.lanes))
            some = builder.icmp_unsigned("!=", word, ir.Constant(word.type, 0))
            status = builder.or_(status, builder.select(some, emit.constant(value), emit.constant(0)))
        return status

    return types.int64(like, target_like, types.int64, types.int64, like, like, types.int64), codegen
