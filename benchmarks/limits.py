"""What the machine can do: how fast it copies and how many products it sums, measured in the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.problems import Problem

__all__ = ["Limits", "limit_of", "measured_limits"]

_COPIED = 256 * 2**20
_MATRIX = 3072


@dataclass(frozen=True, slots=True)
class Limits:
    """Per second."""

    copied: float
    """Bytes read plus bytes written by copies of 256 MB, the faster of one thread and two."""
    copied_by: str
    products: float
    """Floating-point operations of float32: two per product that is summed."""
    products_by: str


def measured_limits() -> Limits:
    """Measure for about two seconds."""
    one, two = _copy_speed(1), _copy_speed(2)
    candidates = {
        "float32 matrix product, 2 threads": _matrix_speed(),
        "loop of fused multiply-adds, 2 threads": _loop_speed(),
    }
    how = max(candidates, key=lambda name: candidates[name])
    return Limits(max(one, two), "1 thread" if one > two else "2 threads", candidates[how], how)


def limit_of(problem: Problem, method: str, limits: Limits) -> float | None:
    """Return the least seconds that a cell can take, or None where that is not defined.

    It is defined for direct sums with dense kernels of float32 and float64: the greater of the time to read the
    signal and write the result at copy speed, and of the time to sum all products. No sum is saved there; a
    separable, sparse or constant kernel, or a Fourier transform, needs fewer.
    """
    cell = problem.cell
    if cell.kernel != "random" or cell.dtype not in ("f32", "f64") or cell.to or "fourier" in method or "fft" in method:
        return None
    moved = problem.signal.nbytes + problem.outputs * problem.dtype.itemsize
    speed = limits.products * (4 / problem.dtype.itemsize)
    return max(moved / limits.copied, 2 * problem.nonzero * problem.outputs / speed)


def _best(task: Callable[[], Any], seconds: float = 0.5) -> float:
    """Return the least time of a task, called for half a second."""
    task()
    least, started = float("inf"), time.perf_counter()
    while time.perf_counter() - started < seconds:
        before = time.perf_counter()
        task()
        least = min(least, time.perf_counter() - before)
    return least


def _copy_speed(threads: int) -> float:
    source, target = np.ones(_COPIED // 4, np.float32), np.zeros(_COPIED // 4, np.float32)
    parts = list(zip(np.array_split(source, threads), np.array_split(target, threads)))
    with ThreadPoolExecutor(threads) as pool:
        return 2 * _COPIED / _best(lambda: list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), parts)))


def _matrix_speed() -> float:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((_MATRIX, _MATRIX), np.float32) for _ in range(2))
    out = np.empty_like(a)
    return 2 * _MATRIX**3 / _best(lambda: np.matmul(a, b, out=out), 1.0)


def _loop_speed() -> float:
    """Return the speed of a loop that does nothing but fused multiply-adds, in two threads; 0 without Numba."""
    try:
        import numba
        from llvmlite import ir  # type: ignore[import-untyped]
        from numba.core import cgutils
        from numba.extending import intrinsic
    except ImportError:
        return 0.0
    steps, sums = 2_000_000, 12  # twelve independent sums hide the latency of the two units and fit the registers

    def speed(lanes: int) -> float:
        @intrinsic
        def loop(_: Any, start: Any) -> Any:
            def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                vector = ir.VectorType(ir.FloatType(), lanes)
                of_three = ir.FunctionType(vector, [vector] * 3)
                declare: Any = cgutils.get_or_insert_function
                fma = declare(builder.module, of_three, f"llvm.fma.v{lanes}f32")
                factor, term = (ir.Constant(vector, [number] * lanes) for number in (0.5, 0.25))
                entry, body, end = builder.block, builder.append_basic_block(), builder.append_basic_block()
                builder.branch(body)
                builder.position_at_end(body)
                count = builder.phi(ir.IntType(64))
                kept = [builder.phi(vector) for _ in range(sums)]
                following = [builder.call(fma, [sum_, factor, term]) for sum_ in kept]
                count.add_incoming(ir.Constant(ir.IntType(64), 0), entry)
                for number, (sum_, after) in enumerate(zip(kept, following)):
                    sum_.add_incoming(ir.Constant(vector, [float(number)] * lanes), entry)
                    sum_.add_incoming(after, body)
                more = builder.add(count, ir.Constant(ir.IntType(64), 1))
                count.add_incoming(more, body)
                builder.cbranch(builder.icmp_signed("<", more, arguments[0]), body, end)
                builder.position_at_end(end)
                total = following[0]
                for after in following[1:]:
                    total = builder.fadd(total, after)
                return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

            return numba.float32(numba.int64), emit

        fused: Any = loop

        @numba.njit(numba.float32(numba.int64), nogil=True)
        def run(count: int) -> Any:
            return fused(count)

        with ThreadPoolExecutor(2) as pool:
            return 2 * 2 * steps * sums * lanes / _best(lambda: list(pool.map(run, [steps] * 2)))

    return max(speed(lanes) for lanes in (8, 16))
