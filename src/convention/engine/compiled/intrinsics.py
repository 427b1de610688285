"""The innermost loops, as LLVM IR: sums of taps times samples that never leave the registers.

A tile is a few output rows by a few vectors of outputs. Its sums stay in registers while the taps go by;
each vector of samples is loaded once for all rows that it meets. LLVM's own vectoriser does not find this
(it gives up on the alias checks from 5x5 taps on), so the IR says it.

Addresses are bytes, as int64. What a tile reads past the last output's window is never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import llvmlite.binding as llvm
from llvmlite import ir
from numba import carray, from_dtype, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = [
    "NARROW",
    "ROWS",
    "VECTOR",
    "WIDE",
    "as_type",
    "collected",
    "copy",
    "dealt",
    "dense_narrow",
    "dense_wide",
    "expect",
    "folded_wide",
    "listed_narrow",
    "listed_wide",
    "number",
    "picked_of_2",
    "picked_of_4",
    "record",
    "rounded",
    "size_of",
    "store",
    "view",
]

_I64 = ir.IntType(64)
_I32 = ir.IntType(32)


class _Machine(NamedTuple):
    """How wide and how many the vector registers are: 12 or 16 sums, their samples and a tap must fit."""

    bits: int
    wide: int
    """Vectors of a wide tile."""


def _machine() -> _Machine:
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return _Machine(512, 4)
    if features.get("avx"):
        return _Machine(256, 3)
    return _Machine(128, 4 if features.get("neon") else 3)


_MACHINE = _machine()
ROWS = 4
"""Output rows of a tile; its kernel has at least ``ROWS - 1`` rows."""
WIDE, NARROW = _MACHINE.wide, 1
"""Vectors of outputs per row of a tile."""
VECTOR = _MACHINE.bits // 8
"""Bytes of a vector."""


@intrinsic
def _pointer(typingctx: Any, address: Any, like: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(like)(types.int64, like), codegen


@intrinsic
def size_of(typingctx: Any, like: Any) -> Any:
    """Return the bytes of a number like this one."""
    return types.int64(like), lambda context, builder, signature, args: ir.Constant(_I64, like.bitwidth // 8)


@njit(inline="always")
def view(address: Any, count: Any, like: Any) -> Any:
    """Return the array of so many numbers like this one that begins at an address."""
    return carray(_pointer(address, like), (count,))


@intrinsic
def number(typingctx: Any, address: Any, index: Any, like: Any) -> Any:
    """Return one number like this one, by the address of the first and an index."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first = builder.inttoptr(args[0], context.get_value_type(types.CPointer(like)))
        return builder.load(builder.gep(first, [args[1]]))

    return like(types.int64, types.int64, like), codegen


@intrinsic
def store(typingctx: Any, address: Any, index: Any, value: Any) -> Any:
    """Store a number, by the address of the first and an index."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first = builder.inttoptr(args[0], context.get_value_type(types.CPointer(value)))
        builder.store(args[2], builder.gep(first, [args[1]]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, value), codegen


@intrinsic
def as_type(typingctx: Any, value: Any, like: Any) -> Any:
    """Return a number converted to the type of another."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.cast(builder, args[0], value, like)

    return like(value, like), codegen


@intrinsic
def copy(typingctx: Any, to: Any, src: Any, size: Any) -> Any:
    """Copy bytes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        cgutils.raw_memcpy(builder, builder.inttoptr(args[0], byte), builder.inttoptr(args[1], byte), args[2], 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@intrinsic
def expect(typingctx: Any, address: Any) -> Any:
    """Have the memory at an address in the second-level cache soon, whether there is any or not."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, _I32, _I32, _I32])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        read, second_level, data = (ir.Constant(_I32, number) for number in (0, 2, 1))
        builder.call(prefetch, [builder.inttoptr(args[0], byte), read, second_level, data])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


def record(dtype: Any) -> Any:
    """Return a compiled function that returns the record at an address."""
    kind = from_dtype(dtype)

    @intrinsic
    def at(typingctx: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(kind))

        return kind(types.int64), codegen

    return at


class _Emitter:
    """What both tiles need of an IR builder."""

    def __init__(self, builder: Any, itemsize: int) -> None:
        self.builder, self.itemsize, self.lanes = builder, itemsize, VECTOR // itemsize
        self.element = ir.FloatType() if itemsize == 4 else ir.DoubleType()
        self.vector = ir.VectorType(self.element, self.lanes)
        self.bits = f"f{8 * itemsize}"
        self.numbered = ir.Constant(ir.VectorType(_I64, self.lanes), list(range(self.lanes)))

    def constant(self, number: int) -> Any:
        return ir.Constant(_I64, number)

    def at(self, address: Any, offset: int) -> Any:
        return self.builder.add(address, self.constant(offset)) if offset else address

    def loop(self, count: Any, body: Callable[[Any], None]) -> None:
        with cgutils.for_range(self.builder, count) as loop:
            body(loop.index)

    def accumulators(self, rows: int, vectors: int) -> list[list[Any]]:
        zero = ir.Constant(self.vector, [0.0] * self.lanes)
        sums = [[cgutils.alloca_once(self.builder, self.vector) for _ in range(vectors)] for _ in range(rows)]
        for row in sums:
            for place in row:
                self.builder.store(zero, place)
        return sums

    def samples(self, address: Any, vectors: int) -> list[Any]:
        loaded = []
        for v in range(vectors):
            place = self.at(address, v * self.lanes * self.itemsize)
            one = self.builder.load(self.builder.inttoptr(place, self.vector.as_pointer()))
            one.align = self.itemsize
            loaded.append(one)
        return loaded

    def number(self, address: Any, kind: Any) -> Any:
        return self.builder.load(self.builder.inttoptr(address, kind.as_pointer()))

    def everywhere(self, number: Any, kind: Any) -> Any:
        """Return a vector of one number."""
        nothing = ir.Constant(kind, ir.Undefined)
        one = self.builder.insert_element(nothing, number, ir.Constant(_I32, 0))
        return self.builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(_I32, self.lanes), [0] * self.lanes))

    def tap(self, address: Any) -> Any:
        return self.everywhere(self.number(address, self.element), self.vector)

    def add(self, sums: list[Any], tap: Any, samples: list[Any]) -> None:
        """Multiply and add, in one rounding where the machine can."""
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fmuladd.v{self.lanes}{self.bits}"
        fma = cgutils.get_or_insert_function(self.builder.module, kind, name)
        for place, sample in zip(sums, samples, strict=True):
            self.builder.store(self.builder.call(fma, [sample, tap, self.builder.load(place)]), place)

    def every_other(self, one: Any, other: Any, first: int) -> Any:
        """Return every second number of two vectors, from the first or the second on."""
        places = ir.Constant(ir.VectorType(_I32, self.lanes), [2 * i + first for i in range(self.lanes)])
        return self.builder.shuffle_vector(one, other, places)

    def alternating(self, one: Any, other: Any, half: int) -> Any:
        """Return half of what two vectors' numbers are in turn."""
        turns = [i // 2 + i % 2 * self.lanes for i in range(2 * self.lanes)]
        places = ir.Constant(ir.VectorType(_I32, self.lanes), turns[half * self.lanes :][: self.lanes])
        return self.builder.shuffle_vector(one, other, places)

    def store(self, vector: Any, address: Any) -> None:
        self.builder.store(vector, self.builder.inttoptr(address, vector.type.as_pointer())).align = 1

    def deliver(self, sums: list[list[Any]], out: Any, step: Any, count: Any) -> None:
        """Store the first so many outputs of each row."""
        builder, width = self.builder, self.lanes * self.itemsize
        vectors = len(sums[0])
        full = builder.icmp_signed(">=", count, self.constant(vectors * self.lanes))
        with builder.if_else(full) as (then, otherwise):
            with then:
                for r, row in enumerate(sums):
                    start = builder.add(out, builder.mul(step, self.constant(r)))
                    for v, place in enumerate(row):
                        target = builder.inttoptr(self.at(start, v * width), self.vector.as_pointer())
                        builder.store(builder.load(place), target).align = self.itemsize
            with otherwise:
                self._deliver_part(sums, out, step, count)

    def _deliver_part(self, sums: list[list[Any]], out: Any, step: Any, count: Any) -> None:
        builder = self.builder
        mask = ir.VectorType(ir.IntType(1), self.lanes)
        pointer = self.vector.as_pointer()
        store = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [self.vector, pointer, _I32, mask]),
            f"llvm.masked.store.v{self.lanes}{self.bits}.p0",
        )
        for v in range(len(sums[0])):
            left = builder.sub(count, self.constant(v * self.lanes))
            wanted = builder.icmp_signed("<", self.numbered, self.everywhere(left, self.numbered.type))
            for r, row in enumerate(sums):
                start = builder.add(out, builder.mul(step, self.constant(r)))
                target = builder.inttoptr(self.at(start, v * self.lanes * self.itemsize), pointer)
                builder.call(store, [builder.load(row[v]), target, ir.Constant(_I32, self.itemsize), wanted])


def _called(name: str, body: Callable[[Any, Any], None], count: int) -> Callable[..., Any]:
    """Return the code of a call: of a function that is compiled once, however often it is called."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_I64] * count)
        function = cgutils.get_or_insert_function(builder.module, kind, f"convention_{name}")
        if function.is_declaration:
            function.linkage = "internal"
            function.attributes.add("noinline")
            inner = ir.IRBuilder(function.append_basic_block("entry"))
            body(inner, function.args)
            inner.ret_void()
        builder.call(function, args[1:])
        return context.get_dummy_value()

    return codegen


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
            first, lines, line_step, planes, plane_step, rows, columns, offsets, taps, out, out_step, count = args
            emit = _Emitter(builder, itemsize)
            sums = emit.accumulators(ROWS, vectors)
            tap_row = builder.mul(columns, emit.constant(itemsize))

            def row(start: Any, first_tap: Any, p: Any, active: Iterable[int]) -> None:
                """Let input row p meet output rows r with its kernel row p - r."""
                if folded:
                    phase = builder.mul(builder.urem(p, emit.constant(ROWS)), line_step)
                    place = builder.mul(builder.udiv(p, emit.constant(ROWS)), emit.constant(itemsize))
                    place = builder.add(start, builder.add(place, phase))
                else:
                    place = builder.add(first, emit.number(builder.add(start, builder.mul(p, line_step)), _I64))
                active = list(active)
                lines = [builder.add(first_tap, builder.mul(builder.sub(p, emit.constant(r)), tap_row)) for r in active]

                def column(t: Any) -> None:
                    step = builder.mul(t, emit.constant(itemsize))
                    offset = emit.number(builder.add(offsets, builder.mul(t, emit.constant(8))), _I64)
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
            emit.deliver(sums, out, out_step, count)

        return types.void(like, *[types.int64] * 12), _called(f"{kind}_{vectors}_{itemsize}", body, 12)

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
            emit = _Emitter(builder, itemsize)
            sums = emit.accumulators(1, vectors)

            def one(t: Any) -> None:
                offset = emit.number(builder.add(offsets, builder.mul(t, emit.constant(8))), _I64)
                tap = emit.tap(builder.add(taps, builder.mul(t, emit.constant(itemsize))))
                emit.add(sums[0], tap, emit.samples(builder.add(samples, offset), vectors))

            emit.loop(number, one)
            emit.deliver(sums, out, emit.constant(0), count)

        return types.void(like, *[types.int64] * 6), _called(f"listed_{vectors}_{itemsize}", body, 6)

    return tile


dense_wide, dense_narrow = _dense(WIDE), _dense(NARROW)
folded_wide = _dense(WIDE, folded=True)
listed_wide, listed_narrow = _listed(WIDE), _listed(NARROW)


@intrinsic
def dealt(typingctx: Any, like: Any, samples: Any, parts: Any, step: Any, times: Any) -> Any:
    """Deal numbers out to 4 parts in turn, so many times a vector to each."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, samples, parts, step, times = args
        emit = _Emitter(builder, like.bitwidth // 8)

        def deal(time: Any) -> None:
            a, b, c, d = emit.samples(builder.add(samples, builder.mul(time, emit.constant(4 * VECTOR))), 4)
            for odd in range(2):
                one, other = emit.every_other(a, b, odd), emit.every_other(c, d, odd)
                for later in range(2):
                    part = builder.add(parts, builder.mul(step, emit.constant(odd + 2 * later)))
                    place = builder.add(part, builder.mul(time, emit.constant(VECTOR)))
                    emit.store(emit.every_other(one, other, later), place)

        emit.loop(times, deal)
        return context.get_dummy_value()

    return types.void(like, *[types.int64] * 4), codegen


@intrinsic
def collected(typingctx: Any, like: Any, parts: Any, step: Any, out: Any, times: Any) -> Any:
    """Collect numbers from 4 parts in turn, so many times a vector from each."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, parts, step, out, times = args
        emit = _Emitter(builder, like.bitwidth // 8)

        def collect(time: Any) -> None:
            place = builder.add(parts, builder.mul(time, emit.constant(VECTOR)))
            a, b, c, d = (
                emit.samples(builder.add(place, builder.mul(step, emit.constant(part))), 1)[0] for part in range(4)
            )
            target = builder.add(out, builder.mul(time, emit.constant(4 * VECTOR)))
            for half in range(2):
                even, odd = emit.alternating(a, c, half), emit.alternating(b, d, half)
                for quarter in range(2):
                    place = emit.at(target, (2 * half + quarter) * VECTOR)
                    emit.store(emit.alternating(even, odd, quarter), place)

        emit.loop(times, collect)
        return context.get_dummy_value()

    return types.void(like, *[types.int64] * 4), codegen


def _picked(apart: int) -> Any:
    @intrinsic
    def pick(typingctx: Any, like: Any, samples: Any, out: Any, times: Any) -> Any:
        """Copy numbers that lie some apart, so many times a vector of them."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _, samples, out, times = args
            emit = _Emitter(builder, like.bitwidth // 8)

            def once(time: Any) -> None:
                vectors = emit.samples(builder.add(samples, builder.mul(time, emit.constant(apart * VECTOR))), apart)
                while len(vectors) > 1:
                    vectors = [emit.every_other(*pair, 0) for pair in zip(vectors[::2], vectors[1::2])]
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
        emit = _Emitter(builder, like.bitwidth // 8)
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
            ir.FunctionType(ir.VoidType(), [target, target.as_pointer(), _I32, mask]),
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
                builder.call(store, [integers, place, ir.Constant(_I32, bits // 8), wanted])

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
