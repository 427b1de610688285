"""What a job is predicted to cost by each method, and which ways the compiled loops have of summing it.

Nanoseconds in one thread. The constants were fitted to `make bench` (two cores of an Intel Xeon with AVX-512,
vectors of 64 bytes); narrower vectors take longer in proportion.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from math import log2, prod

from convention.engine.factors import Taps
from convention.engine.job import Form, Job
from convention.geometry import Window

__all__ = ["ALONE", "TOGETHER", "TRANSFORM", "compiled_costs", "numpy_cost", "threads", "unfit"]

ALONE = 250_000.0
"""Nanoseconds of work below which it costs more to wake a second thread than that brings."""
TOGETHER = 130_000.0
"""The same for a thread that is awake."""

_SUMS = {4: 1.0, 8: 2.0}
"""Cost of data types to sum in, by bytes, relative to float32."""

_CALL = 6_000.0
_OUTPUT = 0.3
"""An output's sample to gather and its sum to store."""
_TILED = 0.0148
"""A product in a tile of rows that share samples."""
_TILED_PLANES = 0.019
"""The same where the rows of several planes of taps do not stay in the first-level cache."""
_LISTED, _LOADED, _CHAIN = 0.033, 0.85, 4
"""A product of one row with one tap, how much of it is the samples to load, and the most taps that share these."""
_GATHERED = 0.25
"""A sample that windows step over, gathered all the same."""
_LOOKED = 0.06
"""An output whose samples are looked at for NaN and Inf, as zero taps may be left out of finite ones only."""
_ACROSS = 0.12
"""An output of one pass to write and read again."""
_BOX = 0.5
"""An output of a constant kernel, but for the sums along its row: four or so for every factor of four."""

TRANSFORM = 0.8
"""The share of a direct method's cost that a transform may take: its error is the whole signal's, not a window's."""

_TABLE = 2**22
"""The most planes of outputs times planes of taps that a table is made for."""


@lru_cache(maxsize=1)
def has_numba() -> bool:
    """Tell whether Numba is installed, without loading it."""
    return find_spec("numba") is not None


@lru_cache(maxsize=1024)
def unfit(form: Form) -> str:
    """Return why the compiled loops cannot sum jobs of this form, or nothing."""
    if form.library.name != "numpy":
        return f"{form.library.name} sums where the tensors are, with gradients"
    if not has_numba():
        return "Numba is not installed"
    if not form.exact and form.sum_dtype.char not in "fdFD":
        return f"the compiled loops know no {form.sum_dtype}"
    lead = form.windows[:-2]
    if prod(w.outputs for w in lead) * prod(w.kernel for w in lead) > _TABLE:
        return "too many planes for a table of them"
    return ""


def threads(cost: float, workers: int | None) -> int:
    """Return how many threads share work of so many nanoseconds."""
    from convention.engine.threads import usable_cpus

    return 1 if cost < TOGETHER else min(usable_cpus(), workers or usable_cpus())


def numpy_cost(form: Form) -> float:
    """Return the cost of one NumPy or torch pass per tap, or per output if those are fewer."""
    cost = form.library.cost
    each = prod(window.outputs for window in form.windows)
    return form.outputs * form.taps * cost["product"] + min(each, form.taps) * cost["call"]


def compiled_costs(job: Job, taps: Taps | None, itemsize: int, vector: int) -> dict[str, float]:
    """Return the cost of each way that the compiled loops have of summing a job.

    Parameters
    ----------
    job : Job
        Without upsampling.
    taps : Taps or None
        What its kernel allows, where there is one kernel.
    itemsize : int
        Bytes of the data type to sum in.
    vector : int
        Bytes of a vector register.
    """
    windows = job.windows
    complex_ = 1 if job.exact or job.sum_dtype.kind != "c" else 2
    parts = complex_ * (complex_ if job.kernel.dtype.kind == "c" else 1)
    scale = _SUMS[itemsize] * 64 / vector * job.outputs
    stepped = prod(window.stride for window in windows[-2:]) - 1
    output = _CALL + (_OUTPUT + _GATHERED * stepped) * scale * complex_
    rows = windows[-2] if len(windows) > 1 else windows[-1]._replace(kernel=1, signal=1, before=0, after=0, stride=1)
    columns, planes = windows[-1].kernel, prod(w.kernel for w in windows[:-2])
    nonzero = job.taps if taps is None else taps.nonzero
    tiled = rows.stride == 1 and rows.kernel >= 3 and rows.outputs >= 4 * rows.dilation
    shared = (rows.kernel + 1) / rows.kernel  # tiles begin and end with rows that share less
    looked = 0.0 if nonzero == job.taps or job.exact else _LOOKED * complex_
    row = _listed(windows[-1], itemsize * complex_, vector)
    listed = row if nonzero == job.taps else _LISTED  # the others may be anywhere
    costs = {"listed": output + scale * (looked + parts * nonzero * listed)}
    if tiled:
        costs["dense"] = output + scale * parts * job.taps * shared * (_TILED if planes == 1 else _TILED_PLANES)
    if taps is not None and taps.factors is not None and taps.finite:
        down = rows.kernel * (_TILED if tiled else _LISTED)
        over = planes * _LISTED + _ACROSS if planes > 1 else 0.0
        costs["separable"] = output + scale * complex_ * (1.3 * (columns * row + over) + _ACROSS + down)
        plain = rows.stride == rows.dilation == windows[-1].stride == 1
        if taps.constant is not None and plain and planes == 1:
            costs["box"] = output + scale * complex_ * (_BOX + 1.3 * 3 * log2(columns) * _LISTED)
    return costs


def _listed(window: Window, step: int, vector: int) -> float:
    """Return the cost of a product of one row with one of the taps along it, which meet samples so many bytes apart."""
    step *= window.dilation
    chain = window.kernel * step / vector if window.stride == 1 and vector % step == 0 else 1
    return max(_TILED, _LISTED * (1 - _LOADED + _LOADED / min(max(chain, 1), _CHAIN)))
