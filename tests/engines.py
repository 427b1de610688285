"""Engines forced on a job: whose loops sum it, in which way, in how many threads and in how small blocks.

"preferred" is a transform wherever the data types allow one, with nobody having looked at the signal's values.

Left to itself the planner sums small jobs with NumPy's loops, and takes the fastest of several ways for others. What
a test meant to exercise is counted, for a planner that does something else must not pass unseen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from convention.engine import costs as engine_costs
from convention.engine import fourier, planner, results, threads
from convention.engine.compiled import arrangement, method
from convention.engine.planner import Choice

WAYS = ("dense", "listed", "separable", "box")
TRANSFORMS = ("fourier", "scipy")
"""The compiled transforms, and SciPy's for what these do not do; asked for with method="fourier"."""
ENGINES = ("numpy", *WAYS, *TRANSFORMS, "auto")


class Taken:
    """What was taken: of the compiled loops by way, of others by method."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.last = Choice(plan=None)  # type: ignore[arg-type]

    def note(self, choice: Choice) -> Choice:
        self.last = choice
        name = choice.way or ("numpy" if choice.plan.method == "direct" else choice.plan.method)
        if choice.plan.loops == "scipy":
            name = "scipy"
        elif choice.instead is not None and choice.plan.reason != "asked for":
            name = "preferred"
        self.count[name if choice.plan.outputs else "nothing to do"] += 1
        return choice

    def share(self, name: str) -> float:
        """Return how often it was this one, of the jobs that have outputs."""
        return self.count[name] / max(1, self.count.total() - self.count["nothing to do"])


def forget() -> None:
    """Forget what was chosen and prepared under other settings."""
    planner._settled.cache_clear()
    for memory in (planner._choices, method._tasks, results._done):
        memory.values.clear()


@contextmanager
def forced(engine: str, *, workers: int = 1, small_blocks: bool = False) -> Iterator[Taken]:
    """Have the doors compute with one engine wherever it can; what they took is counted."""
    taken = Taken()
    small = 2**62 if engine == "numpy" else 0
    costs, choose, pool = planner.compiled_costs, planner.choose, threads._Pool()
    pool.cpus = max(workers, threads.usable_cpus())

    def only(*arguments: Any) -> dict[str, float]:
        found = costs(*arguments)
        found.setdefault("dense", found["listed"])  # right for every job, if it pays or not
        return {engine: 0.0} if engine in found else found

    with (
        patch.object(planner, "_SMALL_OUTPUTS", small),
        patch.object(planner, "_SMALL_PRODUCTS", small),
        patch.object(planner, "compiled_costs", only if engine in WAYS else costs),
        patch.object(planner, "_no_transform", (lambda form: "not now") if engine in WAYS else planner._no_transform),
        patch.object(planner, "threads", lambda cost, most: workers),
        patch.object(engine_costs, "ALONE", 0.0),
        patch.object(planner, "TRANSFORM", 1e9 if engine == "preferred" else planner.TRANSFORM),
        patch.object(fourier, "compiled_cut", (lambda job: None) if engine == "scipy" else fourier.compiled_cut),
        patch.object(threads, "_pool", pool),
        patch.object(arrangement, "_CACHE", 0 if small_blocks else arrangement._CACHE),
        patch.object(arrangement, "_LONG", 16 if small_blocks else arrangement._LONG),
        patch("convention.engine.doors.choose", lambda *a: taken.note(choose(*a))),
    ):
        forget()
        try:
            yield taken
        finally:
            forget()
            pool.close()
