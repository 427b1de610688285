"""What a cell cannot show: the cost of a call, of memory, and of a process's first call.

``python -m benchmarks.probes memory NAME`` and ``... first CELL`` measure one thing in this process, for a parent.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

__all__ = ["FIRST", "MEMORY", "call_overhead", "first_calls", "peak_memory"]

MEMORY: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "4096² with 7 x 7": ((4096, 4096), (7, 7), {}),
    "4096² with 7 x 7, periodic": ((4096, 4096), (7, 7), {"boundary": "periodic"}),
    "4096² with 63 x 63": ((4096, 4096), (63, 63), {}),
    "4096² with 63 x 63, periodic": ((4096, 4096), (63, 63), {"boundary": "periodic"}),
    "256³ with 5 x 5 x 5": ((256, 256, 256), (5, 5, 5), {}),
    "1e7 with 1023": ((10**7,), (1023,), {}),
}
"""Signal, kernel (float32) and keywords of the calls whose memory is measured."""
FIRST = (
    "2-D/1024x1024/f32/random/7x7/zero",
    "2-D/1024x1024/f32/random/63x63/zero",
    "2-D/1024x1024/u8*f32>u8/gaussian/5x5/whole-sample",
    "3-D/64x64x64/f32/gaussian/7x7x7/half-sample",
)
"""Cells whose first call is timed: each compiles other functions."""


def call_overhead() -> list[dict[str, Any]]:
    """Return microseconds per call on 64 samples: ours, numpy.convolve's and cv2.filter2D's."""
    from convention import convolve

    rng = np.random.default_rng(0)
    rows = []
    for taps in (3, 31):
        signal, kernel = rng.standard_normal(64), rng.standard_normal(taps)
        calls: dict[str, Callable[[], Any]] = {
            "convention": lambda x=signal, k=kernel: convolve(x, k),  # type: ignore[misc]
            "numpy": lambda x=signal, k=kernel: np.convolve(x, k, "same"),  # type: ignore[misc]
        }
        try:
            import cv2
        except ImportError:
            pass
        else:
            image, mask = signal[None, :], kernel[None, ::-1].copy()
            calls["cv2"] = lambda x=image, k=mask: cv2.filter2D(x, cv2.CV_64F, k, borderType=cv2.BORDER_CONSTANT)  # type: ignore[misc]
        if not np.allclose(calls["convention"](), calls["numpy"]()):
            raise AssertionError("convention and numpy.convolve differ on 64 samples")
        timers = {name: timeit.Timer(call) for name, call in calls.items()}
        for timer in timers.values():
            timer.timeit(200)
        taken: dict[str, list[float]] = {name: [] for name in timers}
        for _ in range(15):
            for name, timer in timers.items():
                taken[name].append(timer.timeit(300) / 300 * 1e6)
        rows.append({"taps": taps, **{name: median(times) for name, times in taken.items()}})
    return rows


def peak_memory(root: Path) -> list[dict[str, Any]]:
    """Return, for each of `MEMORY`, megabytes beyond input and output, each measured in a process of its own."""
    rows = []
    for name in MEMORY:
        answer = _child(root, ["memory", name], {})
        rows.append({"call": name, **answer})
    return rows


def first_calls(root: Path) -> list[dict[str, Any]]:
    """Return seconds of a process's first call, with an empty cache folder and with a filled one (median of 3)."""
    rows = []
    for cell in FIRST:
        with tempfile.TemporaryDirectory() as folder:
            runs = []
            for _ in range(4):
                started = time.perf_counter()
                call = _child(root, ["first", cell], {"CONVENTION_CACHE_DIR": folder})["seconds"]
                runs.append((call, time.perf_counter() - started))
        cold, warm = runs[0], runs[1:]
        rows.append(
            {
                "call": cell,
                "cold": cold[0],
                "cold_process": cold[1],
                "warm": median(call for call, _ in warm),
                "warm_process": median(process for _, process in warm),
            }
        )
    return rows


def _child(root: Path, arguments: list[str], variables: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.probes", *arguments],
        cwd=root,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError(f"the probe {' '.join(arguments)} failed: {done.stderr.strip().splitlines()[-1:]}")
    return dict(json.loads(done.stdout))


def _memory(name: str) -> dict[str, float]:
    from convention import convolve

    shape, taps, keywords = MEMORY[name]
    rng = np.random.default_rng(0)
    signal, kernel = rng.standard_normal(shape, np.float32), rng.standard_normal(taps, np.float32)
    # a call on a small part loads the libraries and compiles, which is no memory of the call
    side = round(20_000 ** (1 / len(taps))) + 1  # no smaller: small jobs load nothing
    convolve(signal[tuple(slice(max(4 * k, side)) for k in taps)].copy(), kernel, **keywords)
    before = _resident(reset=True)
    result = convolve(signal, kernel, **keywords)
    beyond = _resident() - before - result.nbytes
    return {"beyond_mb": beyond / 2**20, "input_mb": signal.nbytes / 2**20, "output_mb": result.nbytes / 2**20}


def _resident(reset: bool = False) -> float:
    """Return the most memory held so far, in bytes; with `reset`, what is held now, and count from there."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024.0
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def _first(name: str) -> dict[str, float]:
    from benchmarks.cells import CELLS
    from benchmarks.ours import our_contender
    from benchmarks.problems import new_problem

    call = our_contender(new_problem(next(cell for cell in CELLS if cell.name == name))).call
    if "numba" in sys.modules:
        raise AssertionError("what the first call loads is loaded already")
    started = time.perf_counter()
    call()
    return {"seconds": time.perf_counter() - started}


if __name__ == "__main__":
    print(json.dumps({"memory": _memory, "first": _first}[sys.argv[1]](sys.argv[2])))
