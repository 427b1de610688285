"""The direct method in compiled loops: from a job to its result, without a copy of the signal.

What a form and a kernel settle (tables of offsets, taps in the order in which samples are met) is remembered by
the kernel's bytes, so that a second call costs no more than finding it again.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convention.engine.compiled.arrangement import Arrangement, Limits, Line, arrange, kernel_taps, meeting
from convention.engine.compiled.chains import chained
from convention.engine.compiled.geometry import BOX, BOX_ONES, LISTED, SEPARABLE
from convention.engine.compiled.loops import run_of
from convention.engine.job import Job
from convention.engine.remembered import Remembered
from convention.engine.threads import in_pieces

__all__ = ["compute"]

_KEPT = 1 << 20
"""Bytes of the tables and taps of one job that are worth remembering."""

_PRODUCTS = 10**9
"""Products after which a thread looks whether it is to stop: about ten milliseconds."""


class Task(NamedTuple):
    """A job ready to run on arrays of its kind."""

    arrangement: Arrangement
    geometry: int
    """The address of a record of `loops.GEOMETRY`."""
    kept: tuple[NDArray[Any], ...]
    """The record, and what it points to besides the arrangement's tables."""
    blocks_each: int
    """Blocks that a thread takes at a time."""
    pieces: int
    """How often it does so between two looks at whether to stop."""
    workers: int
    wake: bool
    """Whether they are to be woken."""
    loops: Any
    """From `loops.run_of`."""
    numbers: tuple[Any, Any, Any]
    """Of the data types of the signal, the sums and the result."""

    def run(self, signal: NDArray[Any], result: NDArray[Any]) -> int:
        """Sum; return what was wrong with the results."""
        x, s, y = self.numbers
        loops, geometry, size = self.loops, self.geometry, self.arrangement.scratch
        src, out = _address(signal), _address(result)

        def work(pieces: int, bell: int) -> int:
            return int(loops(x, s, y, geometry, src, out, _scratch.of(size), pieces, bell))

        return in_pieces(work, self.arrangement.blocks, self.blocks_each, self.pieces, self.workers, self.wake)


class _Scratch(threading.local):
    """Memory for one block per thread, kept from call to call: to touch it anew takes longer than a small sum."""

    size = -1

    def of(self, size: int) -> int:
        """Return the address of so many bytes, the same ones in every call of a thread."""
        if self.size < size:
            self.memory, self.size = np.zeros(size + 64, np.uint8), size
            self.address = -(-_address(self.memory) // 64) * 64
        return self.address


def _address(array: NDArray[Any]) -> int:
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array.data))
    except (TypeError, ValueError, BufferError):  # read-only, not contiguous, or empty: three times as slow
        address: int = array.__array_interface__["data"][0]
        return address


_scratch = _Scratch()
_tasks: Remembered[Task] = Remembered(256)


def compute(
    job: Job,
    way: int,
    kernel: NDArray[Any],
    factors: tuple[NDArray[Any], ...] | None,
    work: np.dtype[Any],
    workers: int,
    wake: bool,
    result: NDArray[Any],
    limits: Limits = Limits(),  # noqa: B008
) -> tuple[int, Task | None]:
    """Write a job's sums into an array.

    Returns what was wrong with the results (`loops.OUT_OF_RANGE`, `loops.NOT_A_NUMBER`), and a task that does the same
    for other arrays of the same shapes, data types and strides, if there is one.

    Parameters
    ----------
    job : Job
        Of NumPy arrays, without upsampling.
    way : int
        One of `loops`: DENSE, LISTED, SEPARABLE or BOX.
    kernel : array
        The job's, conjugated where asked.
    factors : tuple of array or None
        One per axis, for `loops.SEPARABLE`.
    work : data type
        Of the sums: float32 or float64; where sums are complex, of their parts.
    workers : int
        How many threads share the work.
    wake : bool
        Whether threads that sleep are woken for it.
    result : array, shape `job.sums_shape`
        Where to write; its last axis does not run backwards.
    limits : Limits
        Of results that are integers.
    """
    paired, turned = result.dtype.kind == "c", False
    signal = _readable(job.signal, work, paired)
    if paired:
        signal, result, turned = _parts(signal), _parts(result), bool(kernel.imag.any())
        kernel = kernel if turned else kernel.real
    key = (
        job.form,
        job.windows,
        way,
        signal.strides,
        signal.dtype.char,
        result.strides,
        result.dtype.char,
        workers,
        wake,
        limits,
        paired,
        work.char,
        kernel.dtype.char,
        kernel.tobytes() if kernel.nbytes < _KEPT else None,
    )
    task = _tasks.get(key)
    if task is None:
        task = _prepared(job, way, signal, kernel, factors, work, result, limits, paired, workers, wake)
        weight = sum(array.nbytes for array in (*task.arrangement.tables, *task.kept))
        if key[-1] is not None and weight < _KEPT:
            _tasks.put(key, task, weight)
    return task.run(signal, result), task if signal is job.signal else None


_NUMBERS = {char: np.dtype(char).type(0) for char in "bBhHiIlLfd"} | {"q": np.int64(0), "Q": np.uint64(0)}
"""What stands for a data type, by its letter."""


def _readable(signal: NDArray[Any], work: np.dtype[Any], complex_: bool) -> NDArray[Any]:
    """Return the signal as the loops can read it: where it lies, if they know its data type and its strides."""
    kind = signal.dtype.kind
    if signal.dtype.char == "?":
        signal = signal.view(np.uint8)
    known = signal.dtype.char in (_COMPLEX if complex_ else _NUMBERS) and signal.dtype.isnative
    size = signal.itemsize
    if known and signal.flags.aligned and signal.strides[-1] >= 0 and signal.strides[-1] % size == 0:
        return signal
    wanted = np.dtype(work.char.upper()) if complex_ else work if kind in "fc" or not known else signal.dtype
    return np.ascontiguousarray(signal, dtype=wanted.newbyteorder("="))


_COMPLEX = "FD"


def _parts(array: NDArray[Any]) -> NDArray[Any]:
    """Return the real and the imaginary parts along one more axis, in the same memory."""
    real = array.real
    return np.lib.stride_tricks.as_strided(real, (*real.shape, 2), (*real.strides, real.itemsize))


def _prepared(
    job: Job,
    way: int,
    signal: NDArray[Any],
    kernel: NDArray[Any],
    factors: tuple[NDArray[Any], ...] | None,
    work: np.dtype[Any],
    result: NDArray[Any],
    limits: Limits,
    paired: bool,
    workers: int,
    wake: bool,
) -> Task:
    constants = [value if rule == "constant" else 0 for rule, value in zip(job.rules, job.values)]
    lines = [
        Line(
            samples=window.signal,
            outputs=window.outputs,
            taps=window.kernel,
            first_tap=0,
            before=window.before,
            stride=window.stride,
            dilation=window.dilation,
            rule=rule,
            value=value,
        )
        for window, rule, value in zip(job.windows, job.rules, constants)
    ]
    if np.isfinite(kernel).all():  # in a corner, the constant of a later axis stands instead of a zero
        lines = [line if any(constants[axis + 1 :]) else meeting(line) for axis, line in enumerate(lines)]
    d = len(lines)

    arrangement = arrange(
        lines, way, signal, result, kernel.shape[:-d], work, paired, kernel.dtype.kind == "c", workers, limits
    )
    backwards: Any = tuple(slice(None, None, -1 if axis in job.reversed_axes else 1) for axis in range(d))
    taps = kernel_taps(arrangement, kernel[(..., *backwards)], work)
    taps = taps.reshape(-1, arrangement.offsets.size)
    kept = {"taps": taps}
    record = arrangement.record.copy()
    if way == LISTED:
        zero = taps == 0
        # taps that are left out of finite samples come last: the others are always summed in the same order
        which, tap = np.divmod(np.arange(taps.size), taps.shape[1])
        chains = chained(which, arrangement.places[tap], arrangement.offsets[tap], len(taps), zero.ravel())
        kept["listed"] = taps.ravel()[chains.order]
        kept["listed_places"], kept["listed_offsets"] = chains.places, chains.offsets
        kept["chains_begin"] = _begins(chains.numbers.sum(axis=1))
        kept["zeros_last"] = zero.sum(axis=1)
        kept["chains"] = chains.numbers
        kept["chains"][:, -1] -= kept["zeros_last"]
        finite = signal.dtype.kind != "f" and np.isfinite(np.array(constants)).all()
        record["check"] = not finite and bool(zero.any())
    if way == SEPARABLE:
        assert factors is not None
        kept["factors"] = _factors(arrangement, factors, job.reversed_axes, work)
    if way == BOX:
        ones = np.ones((len(taps), BOX_ONES), work)
        kept["factors"] = np.concatenate([np.repeat(taps[:, :1], record["planes"][0], axis=1), ones], axis=1)
    for name, array in kept.items():
        record[name] = _address(array)
    each, pieces = _pieces(arrangement, taps.shape[1], workers)
    return Task(
        arrangement=arrangement,
        geometry=_address(record),
        kept=(record, *kept.values()),
        blocks_each=each,
        pieces=pieces,
        workers=min(workers, arrangement.blocks),
        wake=wake,
        loops=run_of(way, arrangement.plain, arrangement.ring),
        numbers=(_NUMBERS[signal.dtype.char], _NUMBERS[work.char], _NUMBERS[result.dtype.char]),
    )


def _begins(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return where each of some lists begins that lie one after the other."""
    return np.cumsum(np.append(0, counts))[:-1].astype(np.int64)


def _pieces(arrangement: Arrangement, taps: int, workers: int) -> tuple[int, int]:
    """Return how many blocks a thread takes at a time, and how often between two looks at whether to stop."""
    record = arrangement.record
    products = int(record["block_rows"][0]) * int(record["block_columns"][0]) * taps
    parts = 2 if record["ring"][0] else 8  # each part begins with an empty ring
    shared = arrangement.blocks if workers == 1 else arrangement.blocks // (parts * workers)
    each = max(1, min(shared, _PRODUCTS // products))
    return each, max(1, _PRODUCTS // (products * each))


def _factors(
    arrangement: Arrangement, factors: tuple[NDArray[Any], ...], backwards: tuple[int, ...], work: np.dtype[Any]
) -> NDArray[Any]:
    """Return one vector for the planes, one for the rows, one for the columns, end to end."""
    vectors = []
    for axis, (factor, line) in enumerate(zip(factors, arrangement.lines)):
        vector = factor[::-1] if axis in backwards else factor
        vectors.append(vector[line.first_tap : line.first_tap + line.taps])
    planes = np.ones(1)
    for vector in vectors[:-2]:
        planes = np.multiply.outer(planes, vector).ravel()
    rows, columns = [np.ones(1), *vectors][-2:]
    if len(planes) == 1:  # no pass over one plane: there may have been more, which meet nothing but zeros
        rows, planes = rows * planes, np.ones(1)
    return np.concatenate([planes, rows, columns[arrangement.column_order]]).astype(work)
