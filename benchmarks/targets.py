"""The goals, each computed from a run: what was measured, and whether it is met."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.cells import CELLS, Cell
from benchmarks.contest import Record

__all__ = ["Target", "geometric_mean", "targets_of"]

Pair = tuple[Cell, Record]


@dataclass(frozen=True, slots=True)
class Target:
    """One goal."""

    goal: str
    measured: str
    met: bool | None
    """None where the run measured nothing for it."""


def geometric_mean(numbers: Iterable[float]) -> float:
    """Return the geometric mean, NaN of nothing."""
    logs = [math.log(number) for number in numbers]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


def targets_of(records: Sequence[Record], probes: Mapping[str, Any]) -> list[Target]:
    """Return all goals with their outcome."""
    cells = {cell.name: cell for cell in CELLS}
    pairs = [(cells[record.cell], record) for record in records]
    return [*_ratios(pairs), _limit(pairs), *_probed(probes)]


def _ratios(pairs: list[Pair]) -> list[Target]:
    def ratio(record: Record) -> float | None:
        return record.ratio

    def against(*names: str) -> Callable[[Record], float | None]:
        return lambda record: record.times_faster(record.of(*names))

    large = [(c, r) for c, r in pairs if c.samples >= 10_000]
    plain = [
        (c, r)
        for c, r in pairs
        if (c.kind, c.dtype, c.kernel, c.border, c.stride, c.dilation) == ("2-D", "f32", "random", "zero", 1, 1)
        and c.samples >= 256**2
        and min(c.shape) > 1
    ]
    practice = [
        (c, r)
        for c, r in pairs
        if c.kind == "2-D" and c.dtype == "f32" and c.kernel in ("gaussian", "box", "motion", "sobel")
    ]
    ratios = [r.ratio for _, r in pairs if r.ratio is not None]
    mean = geometric_mean(ratios)
    return [
        _least("every cell of at least 10,000 samples, against the best peer", 1.0, large, ratio),
        Target(
            "geometric mean of all cells, against the best peer: at least 3",
            f"{mean:.2f} over {len(ratios)} cells",
            mean >= 3 if ratios else None,
        ),
        _least(
            "2-D float32, 7 x 7 to 11 x 11, against OpenCV",
            2.0,
            [p for p in plain if 7 <= p[0].taps <= 11],
            against("cv2"),
        ),
        _least("2-D float32, 15 x 15, against OpenCV", 3.5, [p for p in plain if p[0].taps == 15], against("cv2")),
        _least("3-D, against scipy.ndimage", 20, [p for p in pairs if p[0].kind == "3-D"], against("scipy.ndimage")),
        _least("periodic borders, against the best peer", 3.5, [p for p in pairs if p[0].border == "periodic"], ratio),
        _least(
            "kernels of practice (Gaussian, box, motion, Sobel), against filter2D",
            2.0,
            practice,
            against("cv2 filter2D", "cv2 copyMakeBorder, filter2D"),
        ),
    ]


def _least(goal: str, least: float, pairs: list[Pair], measure: Callable[[Record], float | None]) -> Target:
    """Return the goal that every cell's figure is at least a number; a cell without one of ours misses it."""
    goal = f"{goal}: at least {least:g}"
    # a wrong result of ours is no missing figure
    found = {c.name: measure(r) if r.ours.counts else 0.0 for c, r in pairs}
    figures = {name: figure for name, figure in found.items() if figure is not None}
    if not figures:
        return Target(goal, "not measured", None)
    worst = min(figures, key=lambda name: figures[name])
    below = sum(figure < least for figure in figures.values())
    text = f"least {figures[worst]:.2f} (`{worst}`), {below} of {len(figures)} below"
    if all(figures.values()):
        text += f"; geometric mean {geometric_mean(figures.values()):.2f}"
    return Target(goal, text, below == 0)


def _limit(pairs: list[Pair]) -> Target:
    goal = "fraction of the limit, geometric mean over dense direct cells of at least 0.2 ms: at least 0.5"
    fractions = [r.fraction for _, r in pairs if r.fraction is not None and r.ours.median >= 2e-4]
    if not fractions:
        return Target(goal, "not measured", None)
    mean = geometric_mean(fractions)
    return Target(goal, f"{mean:.2f} over {len(fractions)} cells, least {min(fractions):.2f}", mean >= 0.5)


def _probed(probes: Mapping[str, Any]) -> list[Target]:
    found = []
    goal = "call on 64 samples: at most 25 µs above numpy.convolve"
    rows = probes.get("overhead")
    if rows:
        above = [(row["convention"] - row["numpy"], row) for row in rows]
        text = "; ".join(
            f"{row['taps']} taps: {more:+.1f} µs (ours {row['convention']:.1f}, numpy {row['numpy']:.1f}"
            + (f", cv2 {row['cv2']:.1f}" if "cv2" in row else "")
            + ")"
            for more, row in above
        )
        found.append(Target(goal, text, all(more <= 25 for more, _ in above)))
    else:
        found.append(Target(goal, "not measured", None))
    goal = "peak memory: at most input + output + 64 MB"
    rows = probes.get("memory")
    if rows:
        text = "; ".join(f"{row['call']}: {row['beyond_mb']:+.0f} MB" for row in rows)
        found.append(Target(goal, text, all(row["beyond_mb"] <= 64 for row in rows)))
    else:
        found.append(Target(goal, "not measured", None))
    rows = probes.get("first")
    for name, most in (("warm", 1.5), ("cold", 6.0)):
        goal = f"first call of a process, {name} cache: at most {most:g} s"
        if rows:
            each = "; ".join(f"`{row['call']}`: {row[name]:.2f} s" for row in rows)
            process = max(row[f"{name}_process"] for row in rows)
            text = f"{each} (whole process at most {process:.2f} s)"
            found.append(Target(goal, text, all(row[name] <= most for row in rows)))
        else:
            found.append(Target(goal, "not measured", None))
    return found
