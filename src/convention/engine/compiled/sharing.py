"""Work that threads share without the interpreter: pieces are taken by counting up one number, and a thread that has
nothing to do looks for a while at another.

To wake a sleeping thread takes as long as a small image takes to be filtered, and so does a lock that two threads want.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from convention.engine.compiled.cache import cached, compiled
from convention.engine.compiled.intrinsics import number

__all__ = ["begun", "taken", "watch"]

_INTEGER = np.int64(0)

_I64 = ir.IntType(64)


@intrinsic
def counted(typingctx: Any, address: Any, more: Any) -> Any:
    """Add to the number at an address, which other threads count up as well; return what it was."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", builder.inttoptr(args[0], _I64.as_pointer()), args[1], "seq_cst")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def _now(typingctx: Any, address: Any) -> Any:
    """Return the number at an address, which other threads change."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(args[0], _I64.as_pointer()), "acquire", 8)

    return types.int64(types.int64), codegen


@intrinsic
def _rest(typingctx: Any) -> Any:
    """Leave the processor to its other thread for a moment, where it has an instruction for that."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if llvm.get_process_triple().startswith(("x86_64", "i686")):
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), codegen


@compiled
def begun(pieces: Any, bell: Any) -> Any:
    """Ring a bell, if there is one: the interpreter's lock is free. Return how many pieces a thread may take in a row.

    `pieces` is the address of four numbers: the first block that nobody has taken, the number of blocks, the blocks of
    a piece, and how many pieces a thread takes between two looks at whether to stop.
    """
    if bell:
        counted(bell, 1)
    return number(pieces, 3, _INTEGER)


@compiled
def taken(pieces: Any) -> Any:
    """Take a piece; return its first block and the one after its last."""
    total, each = number(pieces, 1, _INTEGER), number(pieces, 2, _INTEGER)
    first = min(counted(pieces, each), total)
    return first, min(first + each, total)


def _watch(done: Any, address: Any, seen: Any, times: Any) -> Any:
    """Count up the number at `done`, if there is one; then tell whether another changes while one looks at it."""
    if done:
        counted(done, 1)
    for _ in range(times):
        if _now(address) != seen:
            return True
        _rest()
    return False


watch = cached(_watch, "watch")
