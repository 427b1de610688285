"""A run of the benchmark: the cells one after the other, printed as they come, and written as JSON."""

from __future__ import annotations

import argparse
import json
import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import environment, probes
from benchmarks.cells import CELLS, Cell, missing_values
from benchmarks.contest import Entry, Record, contest
from benchmarks.limits import Limits, limit_of, measured_limits
from benchmarks.ours import method_of, our_contender
from benchmarks.peers import peers_of
from benchmarks.problems import new_problem
from benchmarks.targets import geometric_mean, targets_of

__all__ = ["chosen", "read", "run", "run_cell"]


def chosen(only: str, quick: bool) -> list[Cell]:
    """Return the cells of a run: those whose name, panel or row the expression finds."""
    return [c for c in CELLS if (c.quick or not quick) and re.search(only, f"{c.name} {c.panel} {c.row}")]


def run_cell(cell: Cell, reps: int, limits: Limits | None = None) -> Record:
    """Judge and time one cell."""
    problem = new_problem(cell)
    record = contest(problem, our_contender(problem), peers_of(problem), reps)
    record.method = method_of(problem)
    if limits is not None:
        record.limit = limit_of(problem, record.method, limits)
    return record


def run(options: argparse.Namespace, root: Path) -> int:
    """Run what the command line asks for; return the exit status."""
    cells = chosen(options.only, options.quick)
    missing = missing_values(CELLS)
    if missing or not cells:
        print("\n".join(missing) or f"no cell matches {options.only!r}; --list prints their names")
        return 2
    if options.list:
        print("\n".join(cell.name for cell in cells))
        return 0
    whole = not options.only
    output = options.output or (root / "build" / f"bench{'-quick' * options.quick}.json" if whole else None)
    report: dict[str, Any] = {"environment": environment.described(root), "quick": options.quick, "probes": {}}
    report["reps"] = reps = options.reps or (3 if options.quick else 7)
    report["load"] = [environment.load(), None]
    if (report["load"][0] or 0) > environment.BUSY:
        print(f"The machine is busy (load {report['load'][0]}): times of this run are not to be trusted.", flush=True)
    limits = measured_limits()
    report["limits"] = asdict(limits)
    print(f"copies {limits.copied / 1e9:.1f} GB/s ({limits.copied_by}), sums {limits.products / 1e9:.0f} GFLOP/s")
    print(f"{'ratio':>7} {'least':>7}  {'ours':>10}  {'peer':>10}  cell, method, best peer", flush=True)
    records: list[Record] = []
    started = time.perf_counter()
    for cell in cells:
        records.append(run_cell(cell, reps, limits))
        print(_line(records[-1]), flush=True)
        if options.all_times:
            print("\n".join(map(_entry_line, records[-1].entries)), flush=True)
        _write(output, report, records, started)
    if whole and not options.no_probes:
        for name, probe in _PROBES.items():
            report["probes"][name] = probe(root)
            print(f"{name}: {json.dumps(report['probes'][name])}", flush=True)
    report["load"][1] = environment.load()
    _write(output, report, records, started)
    print(f"geometric mean {geometric_mean(r.ratio for r in records if r.ratio is not None):.2f}", end="")
    print(f", {len(records)} cells in {time.perf_counter() - started:.0f} s", flush=True)
    for target in targets_of(records, report["probes"]) if whole else ():
        print({True: "yes", False: "NO ", None: "-  "}[target.met], f"{target.goal}: {target.measured}")
    return 0


_PROBES: dict[str, Any] = {
    "overhead": lambda root: probes.call_overhead(),
    "memory": probes.peak_memory,
    "first": probes.first_calls,
}


def read(path: Path) -> tuple[dict[str, Any], list[Record]]:
    """Return a run and its records from its file."""
    report = json.loads(path.read_text(encoding="utf-8"))
    records = [
        Record(row["cell"], [Entry(**entry) for entry in row["entries"]], row["method"], row["limit"])
        for row in report.pop("cells")
    ]
    return report, records


def _write(output: Path | None, report: dict[str, Any], records: list[Record], started: float) -> None:
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        whole = report | {"seconds": round(time.perf_counter() - started), "cells": [asdict(r) for r in records]}
        output.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def _line(record: Record) -> str:
    ours, best = record.ours, record.best
    if not ours.counts:
        return f"{'REFUSED':>15}  {ours.refusal}  {record.cell}"
    mine = f"{ours.median * 1e3:8.3f}ms"
    if best is None:
        return f"{'':15}  {mine}  {'':>10}  {record.cell}, {record.method}, no peer"
    part = "" if record.fraction is None else f", {record.fraction:.0%} of limit"
    return (
        f"{record.ratio:7.2f} {record.least_ratio:7.2f}  {mine}  {best.median * 1e3:8.3f}ms  "
        f"{record.cell}, {record.method}, {best.name}{part}"
    )


def _entry_line(entry: Entry) -> str:
    time_ = f"{entry.median * 1e3:10.3f}ms least {entry.least * 1e3:10.3f}ms x{len(entry.times)}" if entry.times else ""
    error = "" if entry.error is None else f" error {entry.error:.1e}"
    return f"      {entry.name:45}{time_}{error} {entry.refusal}"
