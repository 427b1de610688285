"""What compiled code is made of that Python cannot say: numbers at addresses, and vectors of them, as LLVM IR.

Addresses are bytes, as int64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import llvmlite.binding as llvm
from llvmlite import ir
from numba import carray, from_dtype, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = [
    "CHAIN",
    "I32",
    "I64",
    "LONG",
    "NARROW",
    "ROWS",
    "VECTOR",
    "WIDE",
    "Emitter",
    "alike",
    "as_type",
    "called",
    "copy",
    "in_order",
    "number",
    "record",
    "size_of",
    "store",
    "view",
]

I64 = ir.IntType(64)
I32 = ir.IntType(32)


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
LONG, WIDE, NARROW = 8, _MACHINE.wide, 1
"""Vectors of outputs per row of a tile, a long one of one row."""
CHAIN = 4
"""The most taps of a chain; summing.py writes out a number for each length."""
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
    return types.int64(like), lambda context, builder, signature, args: ir.Constant(I64, like.bitwidth // 8)


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
def alike(typingctx: Any, one: Any, other: Any) -> Any:
    """Tell whether two numbers are of one type."""
    same = ir.Constant(ir.IntType(1), one == other)
    return types.boolean(one, other), lambda context, builder, signature, args: same


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
def in_order(typingctx: Any) -> Any:
    """Have all that was stored seen by other threads before what is stored later, around the caches or not."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


def record(dtype: Any) -> Any:
    """Return a compiled function that returns the record at an address."""
    kind = from_dtype(dtype)

    @intrinsic
    def at(typingctx: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(kind))

        return kind(types.int64), codegen

    return at


class Emitter:
    """What both tiles need of an IR builder."""

    def __init__(self, builder: Any, itemsize: int) -> None:
        self.builder, self.itemsize, self.lanes = builder, itemsize, VECTOR // itemsize
        self.element = ir.FloatType() if itemsize == 4 else ir.DoubleType()
        self.vector = ir.VectorType(self.element, self.lanes)
        self.bits = f"f{8 * itemsize}"
        self.numbered = ir.Constant(ir.VectorType(I64, self.lanes), list(range(self.lanes)))

    def constant(self, number: int) -> Any:
        return ir.Constant(I64, number)

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

    def expect(self, address: Any) -> None:
        """Have the memory at an address in the second-level cache soon, whether there is any or not."""
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, I32, I32, I32])
        prefetch = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        read, second_level, data = (ir.Constant(I32, number) for number in (0, 2, 1))
        self.builder.call(prefetch, [self.builder.inttoptr(address, byte), read, second_level, data])

    def number(self, address: Any, kind: Any) -> Any:
        return self.builder.load(self.builder.inttoptr(address, kind.as_pointer()))

    def everywhere(self, number: Any, kind: Any) -> Any:
        """Return a vector of one number."""
        nothing = ir.Constant(kind, ir.Undefined)
        one = self.builder.insert_element(nothing, number, ir.Constant(I32, 0))
        return self.builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(I32, self.lanes), [0] * self.lanes))

    def tap(self, address: Any) -> Any:
        return self.everywhere(self.number(address, self.element), self.vector)

    def add(self, sums: list[Any], tap: Any, samples: list[Any]) -> None:
        """Multiply and add, in one rounding where the machine can."""
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fmuladd.v{self.lanes}{self.bits}"
        fma = cgutils.get_or_insert_function(self.builder.module, kind, name)
        for place, sample in zip(sums, samples, strict=True):
            self.builder.store(self.builder.call(fma, [sample, tap, self.builder.load(place)]), place)

    def every_other(self, one: Any, other: Any) -> Any:
        """Return every second number of two vectors, from the first on."""
        places = ir.Constant(ir.VectorType(I32, self.lanes), [2 * i for i in range(self.lanes)])
        return self.builder.shuffle_vector(one, other, places)

    def store(self, vector: Any, address: Any, *, around: bool = False) -> None:
        """Store a vector; around the caches only where it fills a line, or part of one, in its place."""
        stored = self.builder.store(vector, self.builder.inttoptr(address, vector.type.as_pointer()))
        stored.align = 1
        if around:
            stored.align = VECTOR
            stored.set_metadata("nontemporal", self.builder.module.add_metadata([ir.Constant(I32, 1)]))

    def deliver(self, sums: list[list[Any]], out: Any, step: Any, count: Any, around: Any = None) -> None:
        """Store the first so many outputs of each row; those of whole tiles around the caches if `around` is not 0."""
        builder = self.builder
        vectors = len(sums[0])
        full = builder.icmp_signed(">=", count, self.constant(vectors * self.lanes))
        with builder.if_else(full) as (then, otherwise):
            with then:
                if around is None:
                    self._deliver_whole(sums, out, step)
                else:
                    with builder.if_else(builder.icmp_signed("!=", around, self.constant(0))) as (past, through):
                        with past:
                            self._deliver_whole(sums, out, step, around=True)
                        with through:
                            self._deliver_whole(sums, out, step)
            with otherwise:
                self._deliver_part(sums, out, step, count)

    def _deliver_whole(self, sums: list[list[Any]], out: Any, step: Any, *, around: bool = False) -> None:
        for r, row in enumerate(sums):
            start = self.builder.add(out, self.builder.mul(step, self.constant(r)))
            for v, place in enumerate(row):
                self.store(self.builder.load(place), self.at(start, v * VECTOR), around=around)

    def _deliver_part(self, sums: list[list[Any]], out: Any, step: Any, count: Any) -> None:
        builder = self.builder
        for v in range(len(sums[0])):
            left = builder.sub(count, self.constant(v * self.lanes))
            for r, row in enumerate(sums):
                start = builder.add(out, builder.mul(step, self.constant(r)))
                self.store_some(builder.load(row[v]), self.at(start, v * self.lanes * self.itemsize), left)

    def store_some(self, vector: Any, address: Any, count: Any) -> None:
        """Store the first numbers of a vector."""
        builder, pointer = self.builder, self.vector.as_pointer()
        mask = ir.VectorType(ir.IntType(1), self.lanes)
        store = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [self.vector, pointer, I32, mask]),
            f"llvm.masked.store.v{self.lanes}{self.bits}.p0",
        )
        wanted = builder.icmp_signed("<", self.numbered, self.everywhere(count, self.numbered.type))
        target = builder.inttoptr(address, pointer)
        builder.call(store, [vector, target, ir.Constant(I32, self.itemsize), wanted])


def called(name: str, body: Callable[[Any, Any], None], count: int) -> Callable[..., Any]:
    """Return the code of a call: of a function that is compiled once, however often it is called."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [I64] * count)
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
