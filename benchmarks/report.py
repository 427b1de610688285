"""The page of a run: ``docs/performance.md`` between its markers, and the heat map beside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.cells import CELLS
from benchmarks.contest import Entry, Record
from benchmarks.environment import BUSY
from benchmarks.heatmap import heat_map
from benchmarks.session import read
from benchmarks.targets import geometric_mean, targets_of

__all__ = ["main", "markdown"]

PAGE, PICTURE = Path("docs/performance.md"), Path("docs/pictures/performance.svg")
_BLOCK = re.compile(r"(<!-- benchmark -->\n).*?(<!-- /benchmark -->)", re.DOTALL)


def main(arguments: Sequence[str], root: Path) -> int:
    """Write the page and the picture of one run."""
    if len(arguments) != 1:
        print("usage: python -m benchmarks report build/bench.json")
        return 2
    run, records = read(Path(arguments[0]))
    page = root / PAGE
    text = page.read_text(encoding="utf-8")
    if len(_BLOCK.findall(text)) != 1:
        print(f"{PAGE} needs one pair of markers, <!-- benchmark --> and <!-- /benchmark -->")
        return 1
    (root / PICTURE).write_text(
        heat_map(CELLS, {r.cell: r for r in records}, f"convention.convolve, {run['environment']['date']}"),
        encoding="utf-8",
    )
    page.write_text(_BLOCK.sub(lambda m: m[1] + markdown(run, records) + m[2], text), encoding="utf-8")
    print(f"wrote {PAGE} and {PICTURE}")
    return 0


def markdown(run: dict[str, Any], records: Sequence[Record]) -> str:
    """Return the generated part of the page."""
    parts = [_surroundings(run, len(records)), _goals(run, records), _means(records)]
    parts.append(f"![Ratios of all cells as a heat map]({PICTURE.relative_to(PAGE.parent).as_posix()})\n")
    parts += [_below(records), _tables(records), _refused(records)]
    return "\n".join(part for part in parts if part)


def _surroundings(run: dict[str, Any], count: int) -> str:
    where, limits, (before, after) = run["environment"], run["limits"], run["load"]
    versions = ", ".join(f"{name} {version}" for name, version in where["versions"].items() if version)
    text = (
        f"Measured {where['date']} at commit {where['commit']}: {count} cells, at least {run['reps']} rounds each, "
        f"in {run['seconds'] / 60:.0f} minutes.\n{where['cpu']}, {where['cores']} cores, {where['memory_gb']} GB; "
        f"{where['system']}; {where['threads']} threads for everyone.\n{versions}.\n"
        f"The machine's limits, measured in the same run: copies {limits['copied'] / 1e9:.1f} GB/s read and written "
        f"({limits['copied_by']}), {limits['products'] / 1e9:.0f} GFLOP/s of float32 ({limits['products_by']}). "
        f"Load average {before} at the start, {after} at the end (the run itself keeps two threads busy).\n"
    )
    if before is not None and before > BUSY:
        text += f"\n**The machine was busy when the run began (load {before}): do not trust these times.**\n"
    return text


def _goals(run: dict[str, Any], records: Sequence[Record]) -> str:
    rows = [
        (target.goal, target.measured, {True: "yes", False: "**no**", None: "–"}[target.met])
        for target in targets_of(records, run["probes"])
    ]
    return "### Goals\n\n" + _table(("goal", "measured", "met"), rows)


def _means(records: Sequence[Record]) -> str:
    by_name = {cell.name: cell for cell in CELLS}
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record.ratio is not None:
            groups.setdefault(by_name[record.cell].panel, []).append(record)
    groups["all"] = [r for r in records if r.ratio is not None]
    rows = [
        (
            name,
            str(len(group)),
            f"{geometric_mean(r.ratio for r in group if r.ratio):.2f}",
            f"{geometric_mean(r.least_ratio for r in group if r.least_ratio):.2f}",
            str(sum(r.ratio < 1 for r in group if r.ratio)),
        )
        for name, group in groups.items()
    ]
    header = ("cells", "number", "geometric mean of ratios", "of least times", "below 1")
    return "### How many times faster than the best peer\n\n" + _table(header, rows)


def _below(records: Sequence[Record]) -> str:
    below = sorted((r for r in records if r.ratio is not None and r.ratio < 1), key=lambda r: r.ratio or 0)
    if not below:
        return ""
    rows = [
        (f"`{r.cell}`", _factor(r.ratio), _time(r.ours), r.method, r.best.name if r.best else "", _time(r.best))
        for r in below
    ]
    return "### Cells below 1\n\n" + _table(("cell", "ratio", "ours", "method", "best peer", "its time"), rows)


def _tables(records: Sequence[Record]) -> str:
    found = {record.cell: record for record in records}
    parts = [
        "### All cells\n",
        "Ratio: the best peer's median over ours; *least*: the same of the least times. Errors are in units of "
        "max|x|·Σ|k|, against sums by the definition in float64. *Limit*: the part reached of what memory and "
        "arithmetic allow, for dense direct cells.\n",
    ]
    for panel in dict.fromkeys(cell.panel for cell in CELLS):
        rows = [_row(found[cell.name]) for cell in CELLS if cell.panel == panel and cell.name in found]
        if rows:
            header = (
                "cell",
                "ratio",
                "least",
                "ours",
                "error",
                "method",
                "limit",
                "best peer",
                "its time",
                "its error",
            )
            parts.append(f"<details><summary>{panel}</summary>\n\n{_table(header, rows)}\n</details>\n")
    return "\n".join(parts)


def _row(record: Record) -> tuple[str, ...]:
    ours, best = record.ours, record.best
    if not ours.counts:
        return (f"`{record.cell}`", "refused", "", "", ours.refusal, record.method, "", *_peer(best))
    part = "" if record.fraction is None else f"{record.fraction:.0%}"
    return (
        f"`{record.cell}`",
        _factor(record.ratio),
        _factor(record.least_ratio),
        _time(ours),
        _error(ours),
        record.method,
        part,
        *_peer(best),
    )


def _peer(best: Entry | None) -> tuple[str, str, str]:
    return (best.name, _time(best), _error(best)) if best is not None else ("none", "", "")


def _refused(records: Sequence[Record]) -> str:
    """Return who was not compared with, and why."""
    counts: Counter[tuple[str, str]] = Counter()
    for record in records:
        for entry in record.entries[1:]:
            if entry.refusal:
                counts[entry.name, _kind_of(entry.refusal)] += 1
    if not counts:
        return ""
    rows = [(name, why, str(count)) for (name, why), count in sorted(counts.items())]
    return "### Peers that were not compared with\n\n" + _table(("peer", "why", "cells"), rows)


def _kind_of(refusal: str) -> str:
    kinds = {
        "error": "its error exceeds what is allowed",
        "not run": "not run: far too slow",
        "dtype": refusal,
        "shape": "another shape",
    }
    return next((kind for start, kind in kinds.items() if refusal.startswith(start)), f"raised {refusal.split(':')[0]}")


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _factor(ratio: float | None) -> str:
    # cut, not rounded: 0.997 is no 1.00
    return "" if ratio is None else f"{int(ratio * 100) / 100:.2f}"


def _time(entry: Entry | None) -> str:
    if entry is None:
        return ""
    seconds = entry.median
    number, unit = (seconds * 1e6, "µs") if seconds < 1e-3 else (seconds * 1e3, "ms") if seconds < 1 else (seconds, "s")
    note = "" if len(entry.times) >= 3 else f" (×{len(entry.times)})"
    return f"{number:.3g} {unit}{note}" if number < 1000 else f"{number:.0f} {unit}{note}"


def _error(entry: Entry) -> str:
    return "" if entry.error is None else "0" if entry.error == 0 else f"{entry.error:.0e}"
