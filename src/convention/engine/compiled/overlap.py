"""The Fourier method in compiled loops: how a job is cut into overlap-save tiles, and the call that computes them.

A tile is a stretch of the continued signal, at least as long as a window. Its circular convolution with the kernel
wraps around at its end only, so all outputs whose windows lie inside the tile are right; the next tile begins where
the first window after them begins (Oppenheim and Schafer, Discrete-Time Signal Processing, section 8.7.3).

The constants were fitted to one thread of two Xeon cores with AVX-512. What is cut, and the tables that this takes, are
remembered by the form of a job; spectra by the kernel's bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import isqrt, log2, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convention.boundary import index_map
from convention.engine.compiled.arrangement import _offsets as offsets_of
from convention.engine.compiled.butterflies import PLAIN, RADICES
from convention.engine.compiled.intrinsics import VECTOR
from convention.engine.compiled.method import _NUMBERS as NUMBERS
from convention.engine.compiled.method import _address as address
from convention.engine.compiled.method import _parts as parts_of
from convention.engine.compiled.method import _readable as readable
from convention.engine.compiled.method import _scratch as scratch
from convention.engine.compiled.transforms import TILES, transforms
from convention.engine.costs import ALONE, TOGETHER
from convention.engine.job import Job
from convention.engine.remembered import Remembered
from convention.engine.spectra import spectra, spread_over
from convention.engine.threads import in_parallel, in_pieces, usable_cpus
from convention.engine.tiles import AxisTiling
from convention.geometry import Window, dilated_extent

__all__ = ["Cut", "cut_of", "filtered"]

_MOST = 2**20
"""Points of a float32 tile."""
_SPECTRA = 16 * 2**20
"""Bytes of kernel spectra that one call holds."""
_POINTS = 2**22
"""Points that a thread transforms between two looks at whether to stop: about ten milliseconds."""

_POINT = {1: 2.35, 2: 2.0, 3: 2.6}
"""By the number of axes, nanoseconds per point of a float32 tile in the first-level cache, for both of its parts."""
_LEVEL, _FAR = 0.33, 0.5
"""What each doubling of a tile adds from `_NEAR` on, and what it adds to that from `_OUTSIDE` on."""
_NEAR, _OUTSIDE = 2**15, 2**20
"""Bytes of a tile that stays in the first-level cache, and of one that stays in the second with its spectrum."""
_SCALE = {"f": 1.0, "d": 2.25, "F": 1.55, "D": 3.5}
"""What other data types take, by comparison."""
_UNIT, _CALL, _SPECTRUM = 500.0, 12_000.0, 60_000.0
"""Nanoseconds of a tile, of a call, and of a spectrum not seen before beside its transform."""
_SHARED = 2
"""Threads that a cut is chosen for."""
_KEPT = 0.25
"""How much of its spectra a cut is judged by, since a kernel that comes again finds them kept."""


class Cut(NamedTuple):
    """How a job is cut."""

    axes: tuple[AxisTiling, ...]
    folds: int
    """Rows that one long axis is folded into, or 0."""
    items: int
    """Tiles of all signals of the batch."""
    units: int
    """What is transformed at a time: pairs of real tiles, or complex tiles."""
    threads: int
    cost: float
    """Nanoseconds in one thread, predicted, with a kernel not seen before."""

    @property
    def points(self) -> int:
        """The number of complex numbers of a tile."""
        return prod(axis.length for axis in self.axes)


@lru_cache(512)
def cut_of(
    windows: tuple[Window, ...], rules: tuple[str, ...], dtype: str, batch: int, kernels: int, workers: int | None
) -> Cut | None:
    """Return the cut that is predicted to cost least, or None where a tile would be too large.

    Parameters
    ----------
    windows : tuple of Window
        One per spatial axis, one to three, each with outputs and without upsampling.
    rules : tuple of str
        Boundary names, one per spatial axis.
    dtype : str
        f, d, F or D: the data type to sum in.
    batch, kernels : int
        Number of signals (after broadcasting), and of different kernels.
    workers : int or None
        The most threads to use.
    """
    cpus = min(usable_cpus(), workers or usable_cpus())
    size = 4 if dtype in "fF" else 8
    lanes = VECTOR // size
    axes = [_candidates(*each) for each in zip(windows, rules, _steps(len(windows), lanes))]
    found = []
    for chosen in product(*axes):
        points = prod(axis.length for axis in chosen)
        if points > _MOST * 4 // size:
            continue
        tiles = prod(axis.tiles for axis in chosen)
        # two tiles of one signal: another's rounding, were it much larger, would drown the smaller
        units = batch * (tiles if dtype in "FD" else -(-tiles // 2))
        per_unit = points * _nanoseconds(2 * points * size, dtype, len(windows)) + _UNIT
        spectrum = kernels * (per_unit * 0.6 + _SPECTRUM)
        total = units * per_unit + _CALL
        shared = 1 if total < TOGETHER else units
        rounds = -(-units // min(shared, _SHARED)) * per_unit  # of any number of threads: results do not depend on it
        folds = _folds(chosen[0].length, lanes) if len(windows) == 1 else 0
        cut = Cut(tuple(chosen), folds, batch * tiles, units, min(cpus, shared), total + spectrum)
        found.append((rounds + _KEPT * spectrum, cut))
    return min(found, key=lambda one: one[0])[1] if found else None


def _nanoseconds(size: int, dtype: str, ndim: int) -> float:
    """Return the nanoseconds per point of a tile of so many bytes."""
    levels, outside = (max(0.0, log2(size / near)) for near in (_NEAR, _OUTSIDE))
    return _SCALE[dtype] * (_POINT[ndim] + _LEVEL * levels + _FAR * outside)


def _steps(ndim: int, lanes: int) -> list[int]:
    """Return what the length of a tile is a multiple of, along each axis."""
    return [max(lanes, PLAIN) ** 2] if ndim == 1 else [1, lanes, lanes][-ndim:]


@lru_cache
def _lengths(step: int) -> list[int]:
    """Return lengths of tiles, in rising order: multiples of 8 and of a step without other factors than 2, 3 and 5."""
    found = {PLAIN}
    for factor in (2, 3, 5):
        for n in list(found):
            while (n := n * factor) <= _MOST:
                found.add(n)
    return sorted(n for n in found if n % step == 0)


def _candidates(window: Window, rule: str, step: int) -> list[AxisTiling]:
    """Return ways to cut an axis."""
    extent = dilated_extent(window.kernel, window.dilation)
    lengths = _lengths(step)
    total, stride = window.outputs, window.stride
    found: dict[int, AxisTiling] = {}

    def add(tiles: int) -> None:
        even = -(-total // tiles)
        needed = (even - 1) * stride + extent
        length = next((n for n in lengths if n >= needed), None)
        if length is not None:
            outputs = min(total, (length - extent) // stride + 1)
            found.setdefault(length, AxisTiling(length, outputs, -(-total // outputs), False))

    for length in lengths:
        if extent <= length <= 40 * extent + 256:
            add(-(-total // ((length - extent) // stride + 1)))
    for tiles in (1, 2, 3, 4):
        add(tiles)
    ways = sorted(found.values())
    most = 9
    if len(ways) > most:  # spread over all of them
        ways = [ways[i * (len(ways) - 1) // (most - 1)] for i in range(most)]
    n = window.signal
    if rule == "periodic" and n in lengths and (total - 1) * stride < n:
        ways.append(AxisTiling(n, total, 1, True))
    return ways


def _folds(length: int, lanes: int) -> int:
    """Return how many rows an axis is folded into: about as many as they are long."""
    smooth = [n for n in _lengths(lanes) if length % n == 0 and (length // n) % max(lanes, PLAIN) == 0]
    return min(smooth, key=lambda n: abs(log2(n) - log2(isqrt(length))))


class _Column(NamedTuple):
    """The passes of a transform."""

    radices: tuple[int, ...]
    table: NDArray[np.int64]
    factors: tuple[NDArray[Any], ...]


@lru_cache
def _column(length: int, dtype: str) -> _Column:
    """Return the passes of a length, without the last one forward."""
    radices: list[int] = []
    rest = length // PLAIN
    while rest > 1:
        radix = next(radix for radix in RADICES if rest % radix == 0 and not (radix == 8 and rest == 16))
        radices.append(radix)
        rest //= radix
    table, factors, block = [len(radices)], [], length
    for radix in radices:
        inner = block // radix
        angle = -2 * np.pi / block * (np.arange(inner)[:, None] * np.arange(1, radix))
        factors.append(np.stack([np.cos(angle), np.sin(angle)], -1).astype(dtype))
        table += [radix, length // block, inner, address(factors[-1])]
        block = inner
    return _Column(tuple(radices), np.array(table, np.int64), tuple(factors))


def _frequencies(length: int, radices: Sequence[int]) -> NDArray[np.int64]:
    """Return the frequency at each place of a transformed column."""
    order, done = np.zeros(1, np.int64), 1
    for radix in (*radices, PLAIN):
        order = (order[:, None] + done * np.arange(radix)).ravel()
        done *= radix
    return order


@lru_cache(4)
def _twist(rows: int, columns: int, dtype: str) -> NDArray[Any]:
    """Return the factors between the transforms of a folded axis, as vectors: (blocks, columns, 2, lanes)."""
    lanes = VECTOR // np.dtype(dtype).itemsize
    order = _frequencies(rows, _column(rows, dtype).radices)
    angle = -2 * np.pi / (rows * columns) * (order.reshape(-1, 1, lanes) * np.arange(columns)[:, None])
    found = _aligned(2 * angle.size, np.dtype(dtype))
    found[:] = np.stack([np.cos(angle), np.sin(angle)], 2).ravel()
    return found


class _Prepared(NamedTuple):
    """A cut job, ready to run on arrays of its kind."""

    geometry: int
    """The address of a record of `TILES`."""
    kept: tuple[Any, ...]
    """The record, and what it points to."""
    scratch: int
    """Bytes."""
    spectrum: int
    """Numbers of a spectrum."""
    kernels: NDArray[np.int64]
    """Of each group."""
    lengths: tuple[int, ...]
    places: tuple[tuple[int, int], ...]
    """Where tap 0 goes along each axis, and the step to the next."""


_prepared: Remembered[_Prepared] = Remembered(128)


def filtered(job: Job, kernel: NDArray[Any], cut: Cut, result: NDArray[Any]) -> bool:
    """Write the sums of a job into an array; tell whether all of them are finite.

    If not they may be wrong: a transform spreads NaN and infinity to all outputs of a tile.

    Parameters
    ----------
    job : Job
        Of NumPy arrays.
    kernel : array, shape (..., K1, K2, ...)
        In the data type to sum in, conjugated where asked, reversed nowhere.
    cut : Cut
        From `cut_of`.
    result : array, shape `job.sums_shape`
        Where to write, in the data type to sum in; its last axis does not run backwards.
    """
    work = np.dtype(job.sum_dtype.char.lower())
    paired = job.sum_dtype.kind == "c"
    signal = job.signal
    if paired and signal.dtype.kind != "c":
        signal = signal.astype(job.sum_dtype)
    signal = readable(signal, work, paired)
    if paired:
        signal, result = parts_of(signal), parts_of(result)
    key = (job.form, job.windows, cut, signal.strides, signal.itemsize, result.strides, kernel.shape)
    ready = _prepared.get(key)
    if ready is None:
        ready = _prepare(job, cut, signal, result, kernel.shape[: -len(job.windows)], work, paired)
        _prepared.put(key, ready, sum(array.nbytes for array in ready.kept))
    x, s = NUMBERS[signal.dtype.char], NUMBERS[work.char]
    src, out = address(signal), address(result)
    size = ready.scratch

    def spectra_of(kernels: NDArray[Any]) -> NDArray[Any]:
        many = kernels.reshape(-1, *kernels.shape[-len(job.windows) :])
        found = _aligned(len(many) * ready.spectrum, work)

        limit = np.finfo(work).tiny / np.finfo(work).eps * cut.points

        def one(number: int) -> None:
            weight = np.abs(many[number]).sum()
            if 0 < weight < limit:  # divided by the points, it would lose digits: all outputs will tell
                found[number * ready.spectrum : (number + 1) * ready.spectrum] = np.nan
                return
            spread = spread_over(many[number], ready.lengths, ready.places)
            real = np.ascontiguousarray(spread.real)
            imaginary = np.ascontiguousarray(spread.imag) if spread.dtype.kind == "c" else None
            target = address(found) + number * ready.spectrum * work.itemsize
            imag = 0 if imaginary is None else address(imaginary)
            transforms(x, s, ready.geometry, target, address(real), imag, scratch.of(size), 0, 0)

        in_parallel(one, len(many), cut.threads)
        return found

    wrong = 0

    def run(first: int, last: int, held: NDArray[Any], shift: int) -> int:
        # neighbouring tiles share samples: a thread takes some in a row
        shared = last - first if cut.threads == 1 else -(-(last - first) // (4 * cut.threads))
        each = max(1, min(shared, _POINTS // cut.points))
        at = address(held) - shift * ready.spectrum * work.itemsize

        def task(pieces: int, bell: int) -> int:
            return int(transforms(x, s, ready.geometry, at, src, out, scratch.of(size), pieces, bell))

        several = max(1, _POINTS // (cut.points * each))
        return in_pieces(task, last, each, several, cut.threads, cut.cost >= ALONE, first)

    many = prod(kernel.shape[: -len(job.windows)])
    if many * ready.spectrum * work.itemsize <= _SPECTRA:
        held = spectra.get(kernel, (cut.axes, cut.folds, ready.places), lambda: spectra_of(kernel))
        return not run(0, cut.units, held, 0)
    # as many groups at a time as spectra may be held
    groups = len(ready.kernels)
    per = cut.units // groups
    kernels = kernel.reshape(many, *kernel.shape[-len(job.windows) :])
    several = max(1, _SPECTRA // (ready.spectrum * work.itemsize))
    first = 0
    while first < groups and not wrong:
        low = int(ready.kernels[first])
        last = first + 1
        while last < groups and low <= ready.kernels[last] < low + several:
            last += 1
        high = int(ready.kernels[first:last].max()) + 1
        wrong |= run(first * per, last * per, spectra_of(kernels[low:high]), low)
        first = last
    return not wrong


def _aligned(count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    memory = np.empty(count * dtype.itemsize + VECTOR, np.uint8)
    start = -address(memory) % VECTOR
    return memory[start : start + count * dtype.itemsize].view(dtype)


def _prepare(
    job: Job,
    cut: Cut,
    signal: NDArray[Any],
    result: NDArray[Any],
    kernel_batch: Sequence[int],
    work: np.dtype[Any],
    paired: bool,
) -> _Prepared:
    d, size = len(job.windows), work.itemsize
    lanes = VECTOR // size
    strides = signal.strides[:-1] if paired else signal.strides
    out_strides = result.strides[:-1] if paired else result.strides
    batch = job.sums_shape[:-d]
    own = [0] * (len(batch) - (len(strides) - d)) + [
        step if n > 1 else 0 for step, n in zip(strides[: len(strides) - d], signal.shape)
    ]
    per_kernel = [1] * (len(batch) - len(kernel_batch)) + list(kernel_batch)
    steps = [prod(per_kernel[i + 1 :]) if n > 1 else 0 for i, n in enumerate(per_kernel)]
    which = offsets_of(batch, steps)
    rows, columns = _shape(cut)
    planes = cut.axes[0].length if d == 3 else 1
    pad = 2 * VECTOR  # columns and planes must not share their places in the first-level cache
    block_step = rows * 2 * VECTOR + pad
    plane_step = columns // lanes * block_step
    plane_step += pad * (plane_step // pad % 2 == 0)
    column_place = VECTOR + planes * plane_step
    row_place = column_place + columns * 2 * VECTOR
    record = np.zeros(1, TILES)
    fills = np.array([complex(v if rule == "constant" else 0) for rule, v in zip(job.rules, job.values)], complex)
    numbers: dict[str, int] = {
        "folded": d == 1,
        "rows": rows,
        "columns": columns,
        "block_step": block_step,
        "plane_step": plane_step,
        "column_place": column_place,
        "row_place": row_place,
        "plain": job.rules[-1] in ("zero", "constant") and not fills[-1],
        "lanes": 2 if paired else 1,
        "per_group": cut.items // len(which),
        "units": cut.units // len(which),
        "spectrum_step": planes * rows * columns * 2 * size,
    }
    passes = {"x": _column(columns, work.char), "y": _column(rows, work.char), "z": _column(max(planes, 8), work.char)}
    tables: dict[str, NDArray[Any]] = {
        "kernels": which,
        "signals": offsets_of(batch, own),
        "results": offsets_of(batch, out_strides[: len(batch)]),
        "fills": np.concatenate([np.zeros(3 - d, complex), fills]).view(np.float64),
        **{f"{axis}_passes": column.table for axis, column in passes.items()},
    }
    if d == 1:
        tables["twist"] = _twist(rows, columns, work.char)
    for axis in "zyx":
        numbers |= {f"{axis}_{name}": 1 for name in ("tiles", "outputs", "total", "stride", "samples", "length")}
    places = []
    for number, (window, rule, tiling) in enumerate(zip(job.windows, job.rules, cut.axes)):
        axis = "zyx"[3 - d + number]
        left, right = _borders(window, rule, tiling)
        tables |= {f"{axis}_left": left, f"{axis}_right": right}
        step, out_step = strides[len(strides) - d + number], out_strides[len(out_strides) - d + number]
        if axis == "x":
            step, out_step = step // signal.itemsize, out_step // size
        numbers |= {
            f"{axis}_tiles": tiling.tiles,
            f"{axis}_outputs": tiling.outputs,
            f"{axis}_total": window.outputs,
            f"{axis}_stride": window.stride,
            f"{axis}_before": 0 if tiling.circular else window.before,
            f"{axis}_samples": window.signal,
            f"{axis}_length": tiling.length,
            f"{axis}_left_count": len(left),
            f"{axis}_right_count": len(right),
            f"{axis}_signal_step": step,
            f"{axis}_out_step": out_step,
        }
        far = window.dilation * (window.kernel - 1) if number in job.reversed_axes else 0
        towards = window.dilation if number in job.reversed_axes else -window.dilation
        places.append(((window.before if tiling.circular else 0) - far, towards))
    tables = {name: np.ascontiguousarray(table) for name, table in tables.items()}
    for name, value in numbers.items():
        record[name] = value
    for name, table in tables.items():
        record[name] = address(table)
    return _Prepared(
        geometry=address(record),
        kept=(record, *tables.values(), *(f for column in passes.values() for f in column.factors)),
        scratch=row_place + 2 * columns * size + 4 * VECTOR,
        spectrum=planes * rows * columns * 2,
        kernels=which,
        lengths=tuple(axis.length for axis in cut.axes),
        places=tuple(places),
    )


def _shape(cut: Cut) -> tuple[int, int]:
    """Return the rows and columns of a tile."""
    if cut.folds:
        return cut.folds, cut.axes[0].length // cut.folds
    return cut.axes[-2].length, cut.axes[-1].length


def _borders(window: Window, rule: str, tiling: AxisTiling) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the sample at each position before the signal, and behind it, that a window reaches."""
    if tiling.circular:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    low, high = window.reach
    n = window.signal
    before, behind = np.arange(min(low, 0), 0), np.arange(n, max(high + 1, n))
    left, right = (index_map(rule, positions, n) for positions in (before, behind))
    return left.astype(np.int64), right.astype(np.int64)
