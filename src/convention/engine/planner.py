"""Which method computes a job, and why: a plan is an object that prints itself."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log2, prod

from convention.engine.job import Job
from convention.errors import ConventionTypeError, ConventionValueError, nearest

__all__ = ["METHODS", "Plan", "choose"]

METHODS = ("auto", "direct", "fourier")
"""Words for ``method=``."""

_SHORT = 1000.0
"""Microseconds below which a transform, which rounds more, is not worth its gain."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the engine does for one call, and why.

    Attributes
    ----------
    method : str
        ``"direct"`` or ``"fourier"``.
    reason : str
        Why this method.
    costs : dict of str to float
        Predicted microseconds per method, where both were possible.
    error_bound : str
        How far a result may be from the exact sum.
    outputs, taps : int
        Number of outputs of one signal, and of taps of one kernel.
    library, dtype : str
        The array library, and the data type that is summed in.
    """

    method: str
    reason: str
    costs: dict[str, float]
    error_bound: str
    outputs: int
    taps: int
    library: str
    dtype: str

    def __str__(self) -> str:
        costs = ", ".join(f"{name} {cost:,.0f} µs" for name, cost in self.costs.items())
        return (
            f"{self.library} {self.method}: {self.reason}\n"
            f"  outputs {self.outputs:,}, taps {self.taps:,}, sums in {self.dtype}\n"
            f"  predicted: {costs or 'no choice to make'}\n"
            f"  error: {self.error_bound}"
        )


def choose(job: Job, method: str) -> Plan:
    """Return the plan for a job.

    Raises
    ------
    ConventionValueError
        If the method is unknown, or cannot keep its promise for these arrays.
    """
    if method not in METHODS:
        refusal = ConventionValueError if isinstance(method, str) else ConventionTypeError
        raise refusal(f"method={method!r}", "there is no such method", ", ".join(METHODS), nearest(method, METHODS))
    costs: dict[str, float] = {}
    if method == "direct" or not prod(job.sums_shape):
        return _plan(job, "direct", "asked for" if method == "direct" else "there are no outputs", costs)
    obstacle = _no_transform(job)
    if not obstacle:
        costs = _costs(job)
        if method == "auto" and costs["direct"] <= max(costs["fourier"], _SHORT):
            return _plan(job, "direct", "predicted to be the faster, or fast enough", costs)
        obstacle = _unsafe_values(job)
    if method == "fourier":
        if obstacle:
            raise ConventionValueError(
                "method='fourier'", obstacle, "finite floating-point arrays", "use method='direct' or 'auto'"
            )
        return _plan(job, "fourier", "asked for", costs)
    if obstacle:
        return _plan(job, "direct", obstacle, costs)
    return _plan(job, "fourier", "predicted to be the faster", costs)


def _no_transform(job: Job) -> str:
    """Return why the data types rule a transform out, or nothing."""
    if job.exact:
        return "sums of integers are exact, a transform would round"
    if not job.library.transforms(job.sum_dtype):
        return f"no Fourier transform in {job.sum_dtype}"
    return ""


def _unsafe_values(job: Job) -> str:
    """Return why these values rule a transform out, or nothing: one pass over each array."""
    sizes = [job.library.magnitude(job.signal), *(float(abs(value)) for value in job.values)]
    weight = float(job.library.absolute_sum(job.kernel, len(job.windows)))
    if not all(map(isfinite, [*sizes, weight])):
        return "a transform would spread NaN and Inf to every output"
    span = prod((w.outputs - 1) * w.stride + w.dilation * (w.kernel - 1) + 1 for w in job.windows)
    if not max(sizes) * weight * span < job.library.largest(job.sum_dtype):
        return "a transform of values this large could overflow"
    return ""


def _costs(job: Job) -> dict[str, float]:
    cost = job.library.cost
    outputs, taps = prod(job.sums_shape), prod(window.kernel for window in job.windows)
    each = prod(window.outputs for window in job.windows)
    span = prod((w.outputs - 1) * w.stride + w.dilation * (w.kernel - 1) + 1 for w in job.windows)
    points = span * (outputs // each)
    return {
        "direct": (outputs * taps * cost["product"] + min(each, taps) * cost["call"]) / 1e3,
        "fourier": (2 * points * (log2(span) + 1) * cost["transform"] + 20 * cost["call"]) / 1e3,
    }


def _plan(job: Job, method: str, reason: str, costs: dict[str, float]) -> Plan:
    taps = prod(window.kernel for window in job.windows)
    if job.exact:
        bound = "none, sums of integers are exact"
    else:
        epsilon = job.library.epsilon(job.sum_dtype)
        rounded = taps + (job.library.kind(job.sum_dtype) == "c")  # a complex product rounds twice
        direct = f"at most {rounded} * {epsilon:.3g} * sum of |tap * sample|"
        transform = f"at most 8 * {epsilon:.3g} * log2(N) * sum|kernel| * max|signal|"
        bound = direct if method == "direct" else transform
    return Plan(
        method=method,
        reason=reason,
        costs=costs,
        error_bound=bound,
        outputs=prod(window.outputs for window in job.windows),
        taps=taps,
        library=job.library.name,
        dtype=str(job.sum_dtype),
    )
