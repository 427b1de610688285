"""Sums by the compiled loops: written into the result at once where its data type allows, or on their own."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convention.arrays import Array
from convention.engine import costs
from convention.engine.extension import extend
from convention.engine.job import Job
from convention.engine.planner import Choice
from convention.engine.remembered import Remembered

if TYPE_CHECKING:
    from convention.engine.compiled.method import Task

__all__ = ["place_of", "repeated", "stored", "summed"]

_EXACT = 2**53
"""Integers below it are exact in float64."""

_done: Remembered[tuple[Task, np.dtype[Any]]] = Remembered(256)
"""What stored results at once, by everything that it depends on but the elements of the signal."""


def repeated(job: Job, method: str, out: NDArray[Any] | None) -> NDArray[Any] | None:
    """Return the result of a job whose like was stored before, or None."""
    found = _done.get(_key(job, method, out))
    if found is None:
        return None
    task, dtype = found
    place = np.empty(job.shape, dtype) if out is None else out
    task.run(job.signal, np.moveaxis(place, job.axes, range(-len(job.axes), 0)) if job.moved_back else place)
    return place


def _key(job: Job, method: str, out: NDArray[Any] | None) -> Any:
    signal, kernel = job.signal, job.kernel
    if kernel.nbytes > 4096 or not signal.flags.aligned or type(method) is not str:
        return None
    if out is not None and not out.flags.aligned:
        return None
    strides = None if out is None else out.strides
    return job.form, method, signal.strides, kernel.dtype, kernel.tobytes(), strides, job.workers, job.overflow


def summed(job: Job, choice: Choice) -> NDArray[Any]:
    """Return a job's sums, in the data type to sum in, with the spatial axes last."""
    sums = np.empty(job.sums_shape, job.sum_dtype)
    _compute(job, choice, sums, _limits(job, sums.dtype), False)
    return sums


def stored(job: Job, shared: Job, choice: Choice, method: str, out: Array | None) -> Array | None:
    """Return a job's result, or None where its data type needs more than rounding.

    Parameters
    ----------
    job : Job
        As it was asked for.
    shared : Job
        The same on NumPy arrays.
    choice : Choice
        One of the compiled loops.
    method : str
        As it was asked for.
    out : array or None
        Where to write.
    """
    dtype = _stored_dtype(job, choice)
    if dtype is None:
        return None
    place = None if out is None else job.library.memory(out)
    narrow = dtype.kind in "iu" and dtype.itemsize < 8
    always = narrow and _always_stored(job, shared)
    checked = narrow and not always
    if place is None or checked or place.dtype != dtype or not place.flags.aligned:
        place = np.empty(job.shape, dtype)
        own = True
    else:
        own = False
    result = np.moveaxis(place, job.axes, range(-len(job.axes), 0)) if job.moved_back else place
    step, size = result.strides[-1], result.itemsize
    if step < 0 or step % size or (dtype.kind == "c" and step != size):
        return None
    wrong, task = _compute(shared, choice, result, _limits(job, dtype), always)
    if wrong if job.overflow == "raise" else wrong > 1:
        return None
    # of wider integers, samples decide what sums are computed in
    settled = dtype.kind not in "iu" or ((always or dtype.itemsize == 8) and job.signal.dtype.itemsize <= 2)
    if task is not None and settled and not choice.better and job is shared and (out is None or not own):
        key = _key(job, method, out)
        if key is not None:
            _done.put(key, (task, dtype))
    if not own:
        return out
    return job.library.delivered(job.library.from_memory(place), out)


def _always_stored(job: Job, shared: Job) -> bool:
    """Tell whether all sums can be stored as integers of some bits: nothing is refused, and each one is a number."""
    if job.overflow == "raise":
        return False
    if job.exact:
        return True
    if shared.signal.dtype.kind not in "biu" or shared.signal.itemsize > 2:
        return False
    if not all(isfinite(abs(value)) for value in job.values):
        return False
    weight = float(shared.library.absolute_sum(shared.kernel, len(shared.windows)))
    return weight * max(2**16, *(abs(value) for value in job.values)) < shared.library.largest(shared.sum_dtype)


def place_of(job: Job, out: Array | None) -> NDArray[Any] | None:
    """Return where the sums themselves are the result: a view of `out`, its spatial axes last, or None."""
    if out is None or job.exact or (job.natural_dtype if job.dtype is None else job.dtype) != job.sum_dtype:
        return None
    place = job.library.memory(out)
    if place is None or not place.dtype.isnative or not place.flags.aligned:
        return None
    return np.moveaxis(place, job.axes, range(-len(job.axes), 0)) if job.moved_back else place


def _stored_dtype(job: Job, choice: Choice) -> np.dtype[Any] | None:
    """Return the result's data type, if sums are converted to it as they are stored."""
    wanted = job.natural_dtype if job.dtype is None else job.dtype
    kind = job.library.kind(wanted)
    if kind in "fc":
        if job.exact or wanted != job.sum_dtype:
            return None
        return job.library.memory_dtype(wanted)
    if kind == "b" or (wanted != job.natural_dtype and job.overflow == "wrap"):
        return None
    dtype = job.library.memory_dtype(wanted)
    assert choice.work is not None
    if job.exact:
        return dtype if dtype.itemsize < 8 or wanted == job.natural_dtype else None
    # a float of the sums' own data type must hold the range
    return dtype if dtype.itemsize < choice.work.itemsize else None


def _limits(job: Job, dtype: np.dtype[Any]) -> tuple[int, int]:
    if dtype.kind not in "iu":
        return 0, 0
    if dtype.itemsize == 8:
        return (0 if dtype.kind == "u" else -_EXACT), _EXACT
    info = np.iinfo(dtype)
    return info.min, info.max


def _compute(
    job: Job, choice: Choice, result: NDArray[Any], limits: tuple[int, int], sure: bool
) -> tuple[int, Task | None]:
    from convention.engine.compiled import loops
    from convention.engine.compiled.arrangement import Limits
    from convention.engine.compiled.method import compute

    kernel = job.library.converted(job.kernel, job.sum_dtype)
    if job.conjugate and kernel.dtype.kind == "c":
        kernel = kernel.conj()
    extended = any(window.upsample > 1 for window in job.windows)
    if extended:
        job = _extended(job)
    way = getattr(loops, choice.way.upper())
    assert choice.work is not None
    shared = choice.plan.threads
    wake = choice.cost >= costs.ALONE
    wrong, task = compute(job, way, kernel, choice.factors, choice.work, shared, wake, result, Limits(*limits, sure))
    return wrong, None if extended else task


def _extended(job: Job) -> Job:
    """Return the same sums over the signal as the windows see it, with the zeros between its samples."""
    signal = job.library.converted(job.signal, job.sum_dtype)
    signal = extend(job.library, signal, job.windows, job.rules, job.values)
    n = len(job.windows)
    windows = tuple(
        window._replace(signal=length, before=0, after=0, upsample=1)
        for window, length in zip(job.windows, signal.shape[-n:])
    )
    return replace(job, signal=signal, windows=windows, rules=("zero",) * n, values=(0,) * n)
