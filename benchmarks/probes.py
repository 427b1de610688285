"""What a cell cannot show: the cost of a call, of memory, and of a process's first call.

``python -m benchmarks.probes memory NAME`` and ``... first`` measure one thing in this process, for a parent.
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

__all__ = ["MEMORY", "call_overhead", "first_calls", "peak_memory"]

MEMORY: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "4096² with 7 x 7": ((4096, 4096), (7, 7), {}),
    "4096² with 7 x 7, periodic": ((4096, 4096), (7, 7), {"boundary": "periodic"}),
    "4096² with 63 x 63": ((4096, 4096), (63, 63), {}),
    "4096² with 63 x 63, periodic": ((4096, 4096), (63, 63), {"boundary": "periodic"}),
    "256³ with 5 x 5 x 5": ((256, 256, 256), (5, 5, 5), {}),
    "1e7 with 1023": ((10**7,), (1023,), {}),
}
"""Signal, kernel (float32) and keywords of the calls whose memory is measured."""


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


def first_calls(root: Path) -> dict[str, float]:
    """Return seconds of a process's first call, with an empty cache folder and with a filled one (median of 3)."""
    with tempfile.TemporaryDirectory() as folder:
        runs = []
        for _ in range(4):
            started = time.perf_counter()
            call = _child(root, ["first"], {"CONVENTION_CACHE_DIR": folder})["seconds"]
            runs.append((call, time.perf_counter() - started))
    cold, warm = runs[0], runs[1:]
    return {
        "cold": cold[0],
        "cold_process": cold[1],
        "warm": median(call for call, _ in warm),
        "warm_process": median(process for _, process in warm),
    }


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


def _first() -> dict[str, float]:
    import convention

    rng = np.random.default_rng(0)
    signal, kernel = rng.standard_normal((1024, 1024), np.float32), rng.standard_normal((7, 7), np.float32)
    started = time.perf_counter()
    convention.convolve(signal, kernel)
    return {"seconds": time.perf_counter() - started}


if __name__ == "__main__":
    print(json.dumps(_memory(sys.argv[2]) if sys.argv[1] == "memory" else _first()))
