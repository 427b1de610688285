"""Which method computes a job, and why: a plan is an object that prints itself.

Small jobs are summed by NumPy as they are: that takes no longer than to think about them. For all others
the kernel is looked at once (is it a product of one vector per axis, are taps zero or all equal?), and the method
that is predicted to be the fastest is taken. The signal's values are looked at only where a transform would win.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isfinite, prod
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from convention.engine.costs import TRANSFORM, compiled_costs, numpy_cost, threads, unfit
from convention.engine.factors import Taps, analysed, separable_bound
from convention.engine.job import Form, Job
from convention.engine.remembered import Remembered
from convention.errors import ConventionTypeError, ConventionValueError, nearest

if TYPE_CHECKING:
    from convention.engine.compiled.overlap import Cut

__all__ = ["METHODS", "Choice", "Plan", "choose", "is_small", "plan_of", "refuse_transform"]

METHODS = ("auto", "direct", "separable", "fourier")
"""Words for ``method=``."""

_SMALL_OUTPUTS, _SMALL_PRODUCTS = 10_000, 100_000
"""Below both, NumPy's own loops sum: whether Numba has been loaded or not, so that results do not depend on it."""

_DIRECT = ("dense", "listed")

_WAYS = {
    "dense": "tiles of rows that share samples",
    "listed": "rows over the taps that are not zero, those a vector apart together",
    "separable": "one axis after the other",
    "box": "one axis after the other, equal taps as sums of sums",
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the engine does for one call, and why.

    Attributes
    ----------
    method : str
        ``"direct"``, ``"separable"`` or ``"fourier"``.
    loops : str
        Whose loops: ``"compiled"`` (by Numba), ``"numpy"``, ``"torch"`` or ``"scipy"``.
    reason : str
        Why this method.
    costs : dict of str to float
        Predicted microseconds in one thread, of every way that was possible.
    error_bound : str
        How far a result may be from the exact sum.
    outputs, taps : int
        Number of outputs of one signal, and of taps of one kernel.
    library, dtype : str
        The array library, and the data type that is summed in.
    threads : int
        The most that share the work.
    """

    method: str
    loops: str
    reason: str
    costs: Mapping[str, float]
    error_bound: str
    outputs: int
    taps: int
    library: str
    dtype: str
    threads: int = 1

    def __str__(self) -> str:
        costs = ", ".join(f"{name} {cost:,.0f} µs" for name, cost in self.costs.items())
        return (
            f"{self.loops} {self.method}: {self.reason}\n"
            f"  outputs {self.outputs:,}, taps {self.taps:,}, sums in {self.dtype}, threads {self.threads}\n"
            f"  predicted: {costs or 'no choice to make'}\n"
            f"  error: {self.error_bound}"
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Choice:
    """A plan, and what carrying it out needs to know besides."""

    plan: Plan
    way: str = ""
    """Of the compiled loops, or nothing."""
    work: np.dtype[Any] | None = None
    """What these sum in: float32 or float64; where sums are complex, each part."""
    factors: tuple[NDArray[Any], ...] | None = None
    cost: float = 0.0
    """Nanoseconds in one thread."""
    better: bool = False
    """Whether a transform is predicted to be faster, if the signal's values allow it."""
    cut: Cut | None = None
    """Of the compiled transforms."""
    instead: Choice | None = None
    """Of a transform: what to do where values do not allow it. The compiled ones find out by their outputs."""


def choose(job: Job, method: str) -> Choice:
    """Return what to do for a job.

    Raises
    ------
    ConventionValueError
        If the method is unknown, or cannot keep its promise for these arrays.
    """
    if method not in METHODS:
        refusal = ConventionValueError if isinstance(method, str) else ConventionTypeError
        raise refusal(f"method={method!r}", "there is no such method", ", ".join(METHODS), nearest(method, METHODS))
    settled = _settled(job.form, method)
    if settled is not None:
        return settled
    work = _work_dtype(job)
    if isinstance(work, str):
        return _uncompiled(job, method, work)
    kernel = job.kernel
    few = kernel.tobytes() if kernel.nbytes < 1 << 16 else None
    key = (job.form, method, job.workers, work.char, kernel.dtype.char, few)
    choice = _choices.get(key)
    if choice is None:
        choice = _compiled(job, method, work)
        if choice.better and method == "auto":
            choice = _transform(job, method, choice)
        if key[-1] is not None:
            _choices.put(key, choice, kernel.nbytes)
    if choice.cut is None and choice.instead is not None:  # SciPy's transforms do not look at what they compute
        return _unless_unsafe(job, choice)
    return _transform(job, method, choice) if choice.better else choice


_choices: Remembered[Choice] = Remembered(1024)


@lru_cache(maxsize=1024)
def _settled(form: Form, method: str) -> Choice | None:
    """Return the choice where the form alone decides, None where the arrays' elements do too."""
    if not form.outputs:
        return _plain(form, "there are no outputs")
    obstacle = _no_transform(form)
    if method == "fourier":
        if obstacle:
            refuse_transform(obstacle)
        return None
    if is_small(form) and method != "separable":
        return _plain(form, "asked for, and small" if method == "direct" else "small: done before thought about")
    return None


def is_small(form: Form) -> bool:
    """Tell whether NumPy's own loops sum jobs of this form."""
    return form.outputs < _SMALL_OUTPUTS and form.outputs * form.taps < _SMALL_PRODUCTS


def refuse_transform(found: str) -> NoReturn:
    """Refuse the method "fourier", which was asked for."""
    _refuse("fourier", found, "finite floating-point arrays")


def _refuse(method: str, found: str, allowed: str) -> NoReturn:
    raise ConventionValueError(f"method={method!r}", found, allowed, "use method='direct' or 'auto'")


def _no_transform(form: Form) -> str:
    """Return why the data types rule a transform out, or nothing."""
    if form.exact:
        return "sums of integers are exact, a transform would round"
    if not form.library.transforms(form.sum_dtype):
        return f"no Fourier transform in {form.sum_dtype}"
    return ""


def _unsafe_values(job: Job) -> str:
    """Return why these values rule a transform out, or nothing: one pass over each array."""
    sizes = [job.library.magnitude(job.signal), *(float(abs(value)) for value in job.values)]
    weight = float(job.library.absolute_sum(job.kernel, len(job.windows)))
    if not all(map(isfinite, [*sizes, weight])):
        return "a transform would spread NaN and Inf to every output"
    span = prod((w.outputs - 1) * w.stride + w.dilation * (w.kernel - 1) + 1 for w in job.windows)
    # a transform may be a little longer, and its own values are as large as sums of samples
    if not max(sizes) * max(weight, 1) * span * 8 < job.library.largest(job.sum_dtype):
        return "a transform of values this large could overflow"
    if 0 < weight < 32 * span / job.library.largest(job.sum_dtype) / job.library.epsilon(job.sum_dtype):
        return "a transform of taps this small would lose digits"
    return ""


def _work_dtype(job: Job) -> np.dtype[Any] | str:
    """Return what the compiled loops sum a job in, or why they cannot."""
    obstacle = unfit(job.form)
    if obstacle:
        return obstacle
    if not job.exact:
        return np.dtype(np.float32 if job.sum_dtype.char in "fF" else np.float64)
    # sums of integers are exact in a float that holds the greatest: so are their parts, in any order
    possible = max(job.largest_sample, job.largest_constant)
    if job.taps * job.largest_tap * possible < 2**24:
        return np.dtype(np.float32)
    weight = int(job.library.absolute_sum(job.kernel, len(job.windows)))
    if weight * possible >= 2**24 and job.signal.dtype.itemsize > 2:
        low, high = job.library.integer_range(job.signal)
        possible = max(-low, high, job.largest_constant)
    if weight * possible < 2**24:
        return np.dtype(np.float32)
    if weight * possible < 2**53:
        return np.dtype(np.float64)
    return "sums from 2**53 on are exact in 64-bit integers only"


def _uncompiled(job: Job, method: str, obstacle: str) -> Choice:
    if method == "separable":
        _refuse("separable", obstacle, "NumPy arrays and CPU tensors of common data types, with Numba installed")
    cost = numpy_cost(job.form)
    choice = _plain(job.form, obstacle, {job.library.name: cost})
    if method == "direct" or _no_transform(job.form):
        return choice
    from convention.engine.fourier import fourier_cost

    costs = {job.library.name: cost, "fourier": fourier_cost(job) * 1e3}
    if method == "auto" and cost <= costs["fourier"]:
        return _plain(job.form, f"{obstacle}; predicted to be faster than a transform", costs)
    choice = _transform(job, method, _plain(job.form, obstacle, costs))
    return choice if choice.cut is not None or method == "fourier" else _unless_unsafe(job, choice)


def _transform(job: Job, method: str, direct: Choice) -> Choice:
    """Return the choice of a transform, or of the direct method that is to be taken instead."""
    if method == "fourier":
        obstacle = _unsafe_values(job)
        if obstacle:
            refuse_transform(obstacle)
        return _of_transform(job, direct, "asked for")
    return _of_transform(job, direct, "predicted to be the fastest")


def _unless_unsafe(job: Job, choice: Choice) -> Choice:
    """Return a choice, or what is to be done instead of a transform that these values do not allow."""
    direct = choice.instead
    if direct is None or not (obstacle := _unsafe_values(job)):
        return choice
    return replace(direct, plan=replace(direct.plan, reason=f"{obstacle}; {direct.plan.reason}"))


def plan_of(job: Job, method: str) -> Plan:
    """Return what would be done for a job, having looked at its values."""
    return _unless_unsafe(job, choose(job, method)).plan


def _of_transform(job: Job, direct: Choice, reason: str) -> Choice:
    from convention.engine.fourier import compiled_cut

    epsilon = job.library.epsilon(job.sum_dtype)
    cut = compiled_cut(job)
    loops = job.library.name if job.library.name != "numpy" else "scipy" if cut is None else "compiled"
    plan = replace(
        direct.plan,
        method="fourier",
        loops=loops,
        threads=direct.plan.threads if cut is None else cut.threads,
        reason=reason,
        error_bound=f"at most 8 * {epsilon:.3g} * log2(N) * sum|kernel| * max|signal|, N points of a transform",
    )
    return Choice(plan=plan, cut=cut, instead=direct)


def _compiled(job: Job, method: str, work: np.dtype[Any]) -> Choice:
    """Return the fastest way of the compiled loops, and whether a transform would be faster still."""
    from convention.engine.compiled.intrinsics import VECTOR

    taps = _analysed(job)
    costs = compiled_costs(job, taps, work.itemsize, VECTOR)
    if method == "direct":
        costs = {way: cost for way, cost in costs.items() if way in _DIRECT}
    if method == "separable":
        costs = {way: cost for way, cost in costs.items() if way in ("separable", "box")}
        if not costs:
            found = "the kernel is no product of one vector per axis, within the rounding of a direct sum"
            _refuse("separable", found, "kernels of rank 1 with two axes or more; one kernel for all signals")
    way = min(costs, key=costs.__getitem__)
    cost, better = costs[way], False
    if method in ("auto", "fourier") and not _no_transform(job.form):
        from convention.engine.fourier import fourier_cost

        costs["fourier"] = fourier_cost(job) * 1e3
        better = method == "fourier" or costs["fourier"] < TRANSFORM * cost
    name = "direct" if way in _DIRECT else "separable"
    reason = f"{'asked for' if method == name else 'predicted to be the fastest'}: {_WAYS[way]}"
    bound = ""
    if name == "separable" and taps is not None and not job.exact:
        eps = job.library.epsilon(job.sum_dtype)
        bound = f"at most {separable_bound(taps):.3g} * {eps:.3g} * sum of |tap * sample|"
    plan = _plan(job.form, name, "compiled", reason, costs, bound, threads(cost, job.workers))
    factors = taps.factors if taps is not None and name == "separable" else None
    return Choice(plan=plan, way=way, work=work, factors=factors, cost=cost, better=better)


def _analysed(job: Job) -> Taps | None:
    """Return what the kernel allows, of one kernel in the data type to sum in."""
    d = len(job.windows)
    if prod(job.kernel.shape[:-d]) != 1:
        return None
    kernel = job.kernel.reshape(job.kernel.shape[-d:])
    if job.exact:
        return analysed(kernel)
    kernel = job.library.converted(kernel, job.sum_dtype)
    if kernel.dtype.kind != "c":
        return analysed(kernel)
    if kernel.imag.any():  # each product is four
        return analysed(kernel)._replace(factors=None, constant=None)
    return analysed(np.ascontiguousarray(kernel.real))  # the real and the imaginary parts are two signals


def _plain(form: Form, reason: str, costs: Mapping[str, float] | None = None) -> Choice:
    return Choice(plan=_plan(form, "direct", form.library.name, reason, costs or {}))


def _plan(
    form: Form,
    method: str,
    loops: str,
    reason: str,
    costs: Mapping[str, float],
    bound: str = "",
    shared: int = 1,
) -> Plan:
    if form.exact:
        bound = "none, sums of integers are exact"
    elif not bound:
        epsilon = form.library.epsilon(form.sum_dtype)
        rounded = form.taps + (form.library.kind(form.sum_dtype) == "c")  # a complex product rounds twice
        bound = f"at most {rounded} * {epsilon:.3g} * sum of |tap * sample|"
    return Plan(
        method=method,
        loops=loops,
        reason=reason,
        costs={name: cost / 1e3 for name, cost in costs.items()},
        error_bound=bound,
        outputs=prod(window.outputs for window in form.windows),
        taps=form.taps,
        library=form.library.name,
        dtype=str(form.sum_dtype),
        threads=shared,
    )
