"""One cell: wrong results are refused, then the contenders are timed side by side.

The order of a run: every contender computes once (its first call, which may compile), is judged, and computes again.
Those within `FIELD` times the best peer form the field. The field runs in rounds; each round starts with another
contender. A time is the median over the rounds. Short calls are repeated within a round until they take a
millisecond. Before each measurement there is a pause, for threads of OpenMP look out for work for some 10 ms after a
call and would share a processor with the next contender; then the contender runs for some milliseconds, so that the
processor is at its full speed, its own threads are awake and its data are in the caches. Contenders outside of the
field keep their few times; they decide nothing.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.judging import Verdict, agreement, judge, tolerance
from benchmarks.problems import Problem
from benchmarks.truth import Truth, truth_of

__all__ = ["OURS", "Contender", "Entry", "Record", "contest"]

OURS = "convention"
FIELD = 2.5
SKIP_ABOVE, ONCE_ABOVE, THRICE_ABOVE = 10.0, 10.0, 3.0
"""Seconds: not run at all if predicted, timed by the first call, timed by three calls."""
_HOPELESS = 10.0
"""Nor is one run that is predicted to take so many times the best peer's time, and more than half a second; nor is
one called again whose first call took so long."""
_BUDGET = 3.5
_MOST_ROUNDS = 31
_CALL = 1e-3
_PAUSE = 15e-3
_WARM = 3e-3

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to compute a cell."""

    library: str
    form: str
    call: Callable[[], Any]
    """Everything that a user's program would do again for the next signal; returns what becomes the result."""
    nanoseconds: float = 0.0
    """A low guess per product of a tap and an output, for those slow enough to be skipped; 0: never skip."""
    compiles: bool = False
    """Whether the first call says nothing about the others."""

    @property
    def name(self) -> str:
        """Library and form."""
        return f"{self.library} {self.form}".strip()


@dataclass(slots=True)
class Entry:
    """What became of a contender."""

    library: str
    form: str
    error: float | None = None
    refusal: str = ""
    """Why it does not count: a wrong result, an exception, or too slow to run."""
    first: float | None = None
    """Seconds of the first call."""
    times: list[float] = field(default_factory=list)
    in_field: bool = False

    @property
    def name(self) -> str:
        """Library and form."""
        return f"{self.library} {self.form}".strip()

    @property
    def counts(self) -> bool:
        """Whether it was accepted and timed."""
        return not self.refusal and bool(self.times)

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.times)

    @property
    def least(self) -> float:
        """Seconds."""
        return min(self.times)


@dataclass(slots=True)
class Record:
    """A cell's outcome."""

    cell: str
    entries: list[Entry]
    """Ours first."""
    method: str = ""
    """The method that our plan names."""
    limit: float | None = None
    """Seconds that the machine's memory and arithmetic allow, for dense direct cells."""

    @property
    def ours(self) -> Entry:
        """Our entry."""
        return self.entries[0]

    @property
    def best(self) -> Entry | None:
        """The peer of the field with the least median."""
        return min(self._field, key=lambda e: e.median, default=None)

    @property
    def _field(self) -> list[Entry]:
        """The peers that count and ran in rounds; all that count where none did."""
        right = [entry for entry in self.entries[1:] if entry.counts]
        return [entry for entry in right if entry.in_field] or right

    def of(self, *libraries: str) -> Entry | None:
        """Return the fastest peer whose name starts with one of these, also outside of the field."""
        found = [e for e in self.entries[1:] if e.counts and e.name.startswith(libraries)]
        return min(found, key=lambda e: e.median, default=None)

    @property
    def ratio(self) -> float | None:
        """How many times faster than the best peer, of medians; None where either is missing."""
        return self.times_faster(self.best)

    @property
    def least_ratio(self) -> float | None:
        """The same of the least times: ours against the least of any peer."""
        peers = [e.least for e in self._field]
        return min(peers) / self.ours.least if peers and self.ours.counts else None

    def times_faster(self, peer: Entry | None) -> float | None:
        """Return the ratio of a peer's median and ours."""
        return peer.median / self.ours.median if peer is not None and self.ours.counts else None

    @property
    def fraction(self) -> float | None:
        """The part of the limit that we reach, at most 1."""
        return None if self.limit is None or not self.ours.counts else min(1.0, self.limit / self.ours.median)


def contest(
    problem: Problem,
    ours: Contender,
    peers: Iterable[Contender],
    reps: int = 7,
    clock: Clock = time.perf_counter,
) -> Record:
    """Judge and time the contenders of a cell."""
    truth = truth_of(problem)
    candidates: list[tuple[Contender, Entry]] = []
    compared: NDArray[Any] | None = None
    work = problem.outputs * problem.cell.taps**problem.cell.ndim
    for contender in [ours, *_cheap_first(peers)]:
        entry = Entry(contender.library, contender.form)
        candidates.append((contender, entry))
        predicted = contender.nanoseconds * 1e-9 * work
        best = min((e.times[0] for _, e in candidates[1:] if e.counts), default=float("inf"))
        if best < predicted > min(SKIP_ABOVE, max(0.5, _HOPELESS * best)):
            entry.refusal = f"not run: predicted to take over {predicted:.1f} s"
            continue
        result = _first_call(problem, truth, contender, entry, clock, best)
        if entry.refusal:
            continue
        if contender is ours:
            compared = result.copy()
        elif compared is not None:
            # the sampled outputs were right; the first peer to be accepted vouches for all the others
            difference = agreement(problem, compared, result)
            if not difference <= 2 * tolerance(problem):
                candidates[0][1].refusal = f"differs from {entry.name} by {difference:.2g}"
            compared = None
    _run(candidates, reps, clock)
    return Record(problem.cell.name, [entry for _, entry in candidates])


def _cheap_first(peers: Iterable[Contender]) -> list[Contender]:
    return sorted(peers, key=lambda peer: peer.nanoseconds)


def _first_call(
    problem: Problem, truth: Truth, contender: Contender, entry: Entry, clock: Clock, best: float
) -> NDArray[Any]:
    """Call a contender to judge it, and again for a time without compilation."""
    try:
        start = clock()
        result = as_numpy(contender.call())
        entry.first = clock() - start
    except Exception as error:  # a peer may refuse a data type or a size in any way
        entry.refusal = f"{type(error).__name__}: {str(error).splitlines()[0][:100] if str(error) else ''}"
        return np.empty(0)
    verdict: Verdict = judge(problem, truth, result)
    entry.error, entry.refusal = verdict.error, verdict.refusal
    if entry.refusal:
        return result
    if not contender.compiles and entry.first > min(ONCE_ABOVE, max(0.5, _HOPELESS * best)):
        entry.times = [entry.first]
    else:
        entry.times = [_settled(contender.call, clock)]
    return result


def as_numpy(result: Any) -> NDArray[Any]:
    """Return a contender's result as a NumPy array; torch, JAX and NumPy share the memory."""
    return np.asarray(result)


def _timed(call: Callable[[], Any], count: int, clock: Clock) -> float:
    start = clock()
    for _ in range(count):
        result = call()
    taken = (clock() - start) / count
    del result
    return taken


def _settled(call: Callable[[], Any], clock: Clock) -> float:
    """Return the least of up to five calls, as many as a tenth of a second has room for."""
    least = spent = _timed(call, 1, clock)
    for _ in range(4):
        if spent > 0.1:
            break
        taken = _timed(call, 1, clock)
        least, spent = min(least, taken), spent + taken
    return least


def _run(candidates: list[tuple[Contender, Entry]], reps: int, clock: Clock) -> None:
    peers = [entry for _, entry in candidates[1:] if entry.counts]
    best = min((entry.times[0] for entry in peers), default=0.0)
    field: list[tuple[Contender, Entry]] = []
    for contender, entry in candidates:
        if not entry.counts:
            continue
        second = entry.times[0]
        if second > THRICE_ABOVE:
            if (
                entry.first is not None
                and entry.first <= ONCE_ABOVE
                and (entry is candidates[0][1] or second <= FIELD * best)
            ):
                entry.times += [_timed(contender.call, 1, clock) for _ in range(2)]
            entry.in_field = second <= FIELD * best
        elif entry is candidates[0][1] or second <= FIELD * best:
            entry.in_field = True
            entry.times = []
            field.append((contender, entry))
    if field:
        _rounds(field, reps, clock)


def _rounds(field: list[tuple[Contender, Entry]], reps: int, clock: Clock) -> None:
    counts = []
    for contender, _ in field:
        once = min(_timed(contender.call, 1, clock) for _ in range(2))
        counts.append(max(1, int(_CALL / max(once, 1e-7))))
    collecting = gc.isenabled()
    gc.disable()
    try:
        started, number = time.perf_counter(), 0
        while number < reps or (number < _MOST_ROUNDS and time.perf_counter() - started < _BUDGET * reps / 7):
            for step in range(len(field)):
                place = (number + step) % len(field)
                contender, entry = field[place]
                time.sleep(_PAUSE)
                awake = clock() + _WARM
                _timed(contender.call, 1, clock)
                while clock() < awake:
                    _timed(contender.call, 1, clock)
                entry.times.append(_timed(contender.call, counts[place], clock))
            number += 1
    finally:
        if collecting:
            gc.enable()
