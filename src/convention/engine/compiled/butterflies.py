"""The innermost loops of the transforms, as LLVM IR: butterflies on vectors of complex numbers.

A column is a sequence of complex vectors, each a vector of real parts and then one of imaginary parts: as many
transforms side by side as a vector has numbers, so nothing is shuffled within a transform. Forward, decimation
in frequency leaves the spectrum in the order of reversed digits; backward, decimation in time takes it in that
order. A product of spectra needs no other, so nothing is ever put in order (Gentleman and Sande, Fast Fourier
transforms for fun and profit, 1966). Factors: exp(-2 pi i jp / M) for leg p of butterfly j of a block of M.

Addresses and steps are bytes, as int64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import cos, pi, sin, sqrt
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from convention.engine.compiled.intrinsics import VECTOR

__all__ = [
    "PLAIN",
    "RADICES",
    "backward",
    "collect",
    "forward",
    "plain",
    "product",
    "spread",
    "spread_between",
    "transpose",
    "twist",
]

RADICES = (8, 5, 4, 3, 2)
"""Of passes with factors."""
PLAIN = 8
"""Of the pass that needs none: the last one forward, the first one backward."""

_I64, _I32 = ir.IntType(64), ir.IntType(32)

_Complex = tuple[Any, Any]


class _Emitter:
    """Arithmetic on complex vectors."""

    def __init__(self, builder: Any, itemsize: int) -> None:
        self.builder, self.itemsize, self.lanes = builder, itemsize, VECTOR // itemsize
        self.element = ir.FloatType() if itemsize == 4 else ir.DoubleType()
        self.vector = ir.VectorType(self.element, self.lanes)
        self.mask = ir.VectorType(ir.IntType(1), self.lanes)

    def integer(self, number: int) -> Any:
        return ir.Constant(_I64, number)

    def plus(self, address: Any, *offsets: Any) -> Any:
        for offset in offsets:
            address = self.builder.add(address, self.integer(offset) if isinstance(offset, int) else offset)
        return address

    def times(self, *factors: Any) -> Any:
        first, *others = (self.integer(f) if isinstance(f, int) else f for f in factors)
        for other in others:
            first = self.builder.mul(first, other)
        return first

    def splat(self, number: float) -> Any:
        return ir.Constant(self.vector, [number] * self.lanes)

    def place(self, address: Any) -> Any:
        return self.builder.inttoptr(address, self.vector.as_pointer())

    def load(self, address: Any, *, aligned: bool = True) -> Any:
        one = self.builder.load(self.place(address))
        one.align = VECTOR if aligned else self.itemsize
        return one

    def store(self, value: Any, address: Any, *, aligned: bool = True) -> None:
        self.builder.store(value, self.place(address)).align = VECTOR if aligned else self.itemsize

    def pair(self, address: Any) -> _Complex:
        return self.load(address), self.load(self.plus(address, VECTOR))

    def put(self, z: _Complex, address: Any) -> None:
        self.store(z[0], address)
        self.store(z[1], self.plus(address, VECTOR))

    def factor(self, address: Any) -> _Complex:
        """Return one complex number in all lanes."""
        return self._everywhere(address), self._everywhere(self.plus(address, self.itemsize))

    def _everywhere(self, address: Any) -> Any:
        undefined = ir.Constant(self.vector, ir.Undefined)
        one = self.builder.load(self.builder.inttoptr(address, self.element.as_pointer()))
        one = self.builder.insert_element(undefined, one, ir.Constant(_I32, 0))
        zeros = ir.Constant(ir.VectorType(_I32, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(one, undefined, zeros)

    def shuffled(self, a: Any, b: Any, order: Sequence[int]) -> Any:
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(order)), list(order)))

    def below(self, count: Any) -> Any:
        """Return which lanes have a number less than an int64."""
        indices = ir.VectorType(_I64, self.lanes)
        undefined = ir.Constant(indices, ir.Undefined)
        splat = self.builder.insert_element(undefined, count, ir.Constant(_I32, 0))
        zeros = ir.Constant(ir.VectorType(_I32, self.lanes), [0] * self.lanes)
        splat = self.builder.shuffle_vector(splat, undefined, zeros)
        return self.builder.icmp_signed("<", ir.Constant(indices, list(range(self.lanes))), splat)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """Return a * b + c, in one rounding where the machine can."""
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fmuladd.v{self.lanes}f{8 * self.itemsize}"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [a, b, c])

    def add(self, a: _Complex, b: _Complex) -> _Complex:
        return self.builder.fadd(a[0], b[0]), self.builder.fadd(a[1], b[1])

    def sub(self, a: _Complex, b: _Complex) -> _Complex:
        return self.builder.fsub(a[0], b[0]), self.builder.fsub(a[1], b[1])

    def add_i(self, a: _Complex, b: _Complex) -> _Complex:
        """Return a + i b."""
        return self.builder.fsub(a[0], b[1]), self.builder.fadd(a[1], b[0])

    def sub_i(self, a: _Complex, b: _Complex) -> _Complex:
        """Return a - i b."""
        return self.builder.fadd(a[0], b[1]), self.builder.fsub(a[1], b[0])

    def scaled(self, a: _Complex, number: float, more: _Complex | None = None) -> _Complex:
        """Return a * number + more."""
        if more is None:
            return self.builder.fmul(a[0], self.splat(number)), self.builder.fmul(a[1], self.splat(number))
        return self.fma(a[0], self.splat(number), more[0]), self.fma(a[1], self.splat(number), more[1])

    def mul(self, a: _Complex, b: _Complex) -> _Complex:
        minus = self.builder.fneg(a[1])
        return (
            self.fma(minus, b[1], self.builder.fmul(a[0], b[0])),
            self.fma(a[1], b[0], self.builder.fmul(a[0], b[1])),
        )

    def mul_conjugate(self, a: _Complex, b: _Complex) -> _Complex:
        """Return a times the conjugate of b."""
        minus = self.builder.fneg(a[0])
        return (
            self.fma(a[1], b[1], self.builder.fmul(a[0], b[0])),
            self.fma(minus, b[1], self.builder.fmul(a[1], b[0])),
        )

    def loop(self, count: Any, body: Callable[[Any], None]) -> None:
        with cgutils.for_range(self.builder, count) as loop:
            body(loop.index)

    def transform(self, x: list[_Complex], *, inverse: bool) -> list[_Complex]:
        """Return the discrete Fourier transform of 2, 3, 4, 5 or 8 numbers, unscaled."""
        minus_i, plus_i = (self.add_i, self.sub_i) if inverse else (self.sub_i, self.add_i)
        n = len(x)
        if n == 2:
            return [self.add(*x), self.sub(*x)]
        if n == 4:
            a, b = self.add(x[0], x[2]), self.sub(x[0], x[2])
            c, d = self.add(x[1], x[3]), self.sub(x[1], x[3])
            return [self.add(a, c), minus_i(b, d), self.sub(a, c), plus_i(b, d)]
        if n == 8:
            even, odd = self.transform(x[::2], inverse=inverse), self.transform(x[1::2], inverse=inverse)
            half = sqrt(0.5)
            # times (1 - i) and (1 + i), the root of one half still missing
            one, three = minus_i(odd[1], odd[1]), plus_i(odd[3], odd[3])
            return [
                self.add(even[0], odd[0]),
                self.scaled(one, half, even[1]),
                minus_i(even[2], odd[2]),
                self.scaled(three, -half, even[3]),
                self.sub(even[0], odd[0]),
                self.scaled(one, -half, even[1]),
                plus_i(even[2], odd[2]),
                self.scaled(three, half, even[3]),
            ]
        # odd: sums and differences of numbers that lie opposite
        sums = [self.add(x[k], x[n - k]) for k in range(1, n // 2 + 1)]
        differences = [self.sub(x[k], x[n - k]) for k in range(1, n // 2 + 1)]
        first = x[0]
        for one in sums:
            first = self.add(first, one)
        result = [first] + [first] * (n - 1)
        for p in range(1, n // 2 + 1):
            near, far = x[0], None
            for k, (one, other) in enumerate(zip(sums, differences), 1):
                near = self.scaled(one, cos(2 * pi * k * p / n), near)
                far = self.scaled(other, sin(2 * pi * k * p / n), far)
            assert far is not None
            result[p], result[n - p] = minus_i(near, far), plus_i(near, far)
        return result


def _function(name: str, count: int, body: Callable[[_Emitter, Any], None], what: str) -> Any:
    """Return a compiled function of a number like those of the columns and of a tuple of so many int64."""

    @intrinsic
    def call(typingctx: Any, like: Any, arguments: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            function = cgutils.get_or_insert_function(
                builder.module,
                ir.FunctionType(ir.VoidType(), [_I64] * count),
                f"convention_{name}_{like.bitwidth}",
            )
            if function.is_declaration:
                function.linkage = "internal"
                function.attributes.add("noinline")
                inner = ir.IRBuilder(function.append_basic_block("entry"))
                body(_Emitter(inner, like.bitwidth // 8), function.args)
                inner.ret_void()
            builder.call(function, cgutils.unpack_tuple(builder, args[1], count))
            return context.get_dummy_value()

        return types.void(like, types.UniTuple(types.int64, count)), codegen

    call.__doc__ = what
    return call


def _pass(radix: int, *, inverse: bool) -> Any:
    def body(emit: _Emitter, args: Any) -> None:
        column, step, blocks, inner, factors = args
        leg = emit.times(inner, step)

        def butterfly(block: Any, j: Any) -> None:
            start = emit.plus(column, emit.times(block, leg, radix), emit.times(j, step))
            places = [emit.plus(start, emit.times(leg, p)) for p in range(radix)]
            table = emit.plus(factors, emit.times(j, 2 * emit.itemsize * (radix - 1)))
            x = [emit.pair(place) for place in places]
            turn = emit.mul_conjugate if inverse else emit.mul

            def turned(z: list[_Complex]) -> list[_Complex]:
                others = [
                    turn(one, emit.factor(emit.plus(table, 2 * emit.itemsize * p))) for p, one in enumerate(z[1:])
                ]
                return [z[0], *others]

            x = emit.transform(turned(x), inverse=True) if inverse else turned(emit.transform(x, inverse=False))
            for z, place in zip(x, places):
                emit.put(z, place)

        emit.loop(blocks, lambda block: emit.loop(inner, lambda j: butterfly(block, j)))

    what = "Do one pass: (like, column, step, blocks, butterflies of a block, factors)."
    return _function(f"{'backward' if inverse else 'forward'}_{radix}", 5, body, what)


forward = {radix: _pass(radix, inverse=False) for radix in RADICES}
backward = {radix: _pass(radix, inverse=True) for radix in RADICES}


def _plain(*, inverse: bool) -> Any:
    def body(emit: _Emitter, args: Any) -> None:
        column, step, blocks = args

        def butterfly(block: Any) -> None:
            start = emit.plus(column, emit.times(block, step, PLAIN))
            places = [emit.plus(start, emit.times(step, p)) for p in range(PLAIN)]
            for z, place in zip(emit.transform([emit.pair(place) for place in places], inverse=inverse), places):
                emit.put(z, place)

        emit.loop(blocks, butterfly)

    what = "Do the pass without factors: (like, column, step, blocks)."
    return _function(f"plain_{'backward' if inverse else 'forward'}", 3, body, what)


plain = {inverse: _plain(inverse=inverse) for inverse in (False, True)}


def _product(emit: _Emitter, args: Any) -> None:
    column, spectrum, blocks = args

    def butterfly(block: Any) -> None:
        offsets = [emit.plus(emit.times(block, 2 * VECTOR * PLAIN), 2 * VECTOR * p) for p in range(PLAIN)]
        x = emit.transform([emit.pair(emit.plus(column, offset)) for offset in offsets], inverse=False)
        x = [emit.mul(z, emit.pair(emit.plus(spectrum, offset))) for z, offset in zip(x, offsets)]
        for z, offset in zip(emit.transform(x, inverse=True), offsets):
            emit.put(z, emit.plus(column, offset))

    emit.loop(blocks, butterfly)


product = _function(
    "product",
    3,
    _product,
    "Do the last pass forward, multiply, and do the first pass backward: (like, column, spectrum, blocks).",
)


def _twist(*, conjugate: bool) -> Any:
    def body(emit: _Emitter, args: Any) -> None:
        column, factors, count = args
        turn = emit.mul_conjugate if conjugate else emit.mul

        def one(i: Any) -> None:
            offset = emit.times(i, 2 * VECTOR)
            place = emit.plus(column, offset)
            emit.put(turn(emit.pair(place), emit.pair(emit.plus(factors, offset))), place)

        emit.loop(count, one)

    what = "Multiply a column by factors, or by their conjugates: (like, column, factors, vectors)."
    return _function(f"twist_{'conjugate' if conjugate else 'forward'}", 3, body, what)


twist = {conjugate: _twist(conjugate=conjugate) for conjugate in (False, True)}


def _transpose(emit: _Emitter, args: Any) -> None:
    source, target = args
    n = emit.lanes
    for part in (0, VECTOR):
        rows = [emit.load(emit.plus(source, 2 * VECTOR * i + part)) for i in range(n)]
        apart = n // 2
        while apart:  # exchange the off-diagonal quarters of ever smaller squares
            for i in range(n):
                if not i & apart:
                    a, b = rows[i], rows[i + apart]
                    rows[i] = emit.shuffled(a, b, [n + j - apart if j & apart else j for j in range(n)])
                    rows[i + apart] = emit.shuffled(a, b, [n + j if j & apart else j + apart for j in range(n)])
            apart //= 2
        for i, row in enumerate(rows):
            emit.store(row, emit.plus(target, 2 * VECTOR * i + part))


transpose = _function(
    "transpose",
    2,
    _transpose,
    "Exchange rows and lanes of as many complex vectors as there are lanes: (like, from, to).",
)


def _spread(emit: _Emitter, args: Any) -> None:
    source, source_step, rows, tile, block_step, blocks = args

    def row(y: Any) -> None:
        line, to = emit.plus(source, emit.times(y, source_step)), emit.plus(tile, emit.times(y, 2 * VECTOR))

        def block(b: Any) -> None:
            value = emit.load(emit.plus(line, emit.times(b, VECTOR)), aligned=False)
            emit.store(value, emit.plus(to, emit.times(b, block_step)))

        emit.loop(blocks, block)

    emit.loop(rows, row)


spread = _function(
    "spread",
    6,
    _spread,
    "Copy rows into the blocks of a tile: (like, source, its step, rows, tile, block step, blocks).",
)


def _spread_between(emit: _Emitter, args: Any) -> None:
    source, source_step, rows, tile, block_step, blocks, first, last = args
    masked = cgutils.get_or_insert_function(
        emit.builder.module,
        ir.FunctionType(emit.vector, [emit.vector.as_pointer(), _I32, emit.mask, emit.vector]),
        f"llvm.masked.load.v{emit.lanes}f{8 * emit.itemsize}.p0",
    )

    def block(b: Any) -> None:
        start = emit.times(b, emit.lanes)
        behind = emit.builder.not_(emit.below(emit.builder.sub(first, start)))
        wanted = emit.builder.and_(behind, emit.below(emit.builder.sub(last, start)))

        def row(y: Any) -> None:
            place = emit.place(emit.plus(source, emit.times(y, source_step), emit.times(b, VECTOR)))
            value = emit.builder.call(masked, [place, ir.Constant(_I32, emit.itemsize), wanted, emit.splat(0.0)])
            emit.store(value, emit.plus(tile, emit.times(b, block_step), emit.times(y, 2 * VECTOR)))

        emit.loop(rows, row)

    emit.loop(blocks, block)


spread_between = _function(
    "spread_between",
    8,
    _spread_between,
    "As `spread`, with zeros before the first and from the last number of a row on: (..., blocks, first, last).",
)


def _collect(emit: _Emitter, args: Any) -> None:
    tile, row_step, block_step, out, out_step, rows, count, check = args
    builder, lanes = emit.builder, emit.integer(emit.lanes)
    blocks, rest = builder.sdiv(count, lanes), builder.srem(count, lanes)
    wanted = emit.below(rest)
    masked = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(ir.VoidType(), [emit.vector, emit.vector.as_pointer(), _I32, emit.mask]),
        f"llvm.masked.store.v{emit.lanes}f{8 * emit.itemsize}.p0",
    )

    checked = cgutils.alloca_once_value(builder, emit.load(check))

    def looked_at(place: Any) -> Any:
        value = emit.load(place)
        builder.store(emit.fma(value, emit.splat(0.0), builder.load(checked)), checked)
        return value

    def row(y: Any) -> None:
        line, to = emit.plus(tile, emit.times(y, row_step)), emit.plus(out, emit.times(y, out_step))

        def block(b: Any) -> None:
            value = looked_at(emit.plus(line, emit.times(b, block_step)))
            emit.store(value, emit.plus(to, emit.times(b, VECTOR)), aligned=False)

        emit.loop(blocks, block)
        with builder.if_then(builder.icmp_signed(">", rest, emit.integer(0))):
            value = looked_at(emit.plus(line, emit.times(blocks, block_step)))
            place = emit.place(emit.plus(to, emit.times(blocks, VECTOR)))
            builder.call(masked, [value, place, ir.Constant(_I32, emit.itemsize), wanted])

    emit.loop(rows, row)
    emit.store(builder.load(checked), check)


collect = _function(
    "collect",
    8,
    _collect,
    """Copy rows out of the blocks of a tile: (like, tile, row step, block step, out, its step, rows, numbers, check).

    To the vector at `check` zero times all that is copied is added: of finite numbers it stays zero.
    """,
)
