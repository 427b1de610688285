"""Peak memory: the input, the output and at most 64 MB; a result in a memory-mapped file takes no more.

Each call is measured in a process of its own, after small ones have loaded and compiled what it needs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LINUX = Path("/proc/self/clear_refs").exists() and Path("/proc/self/status").exists()
pytestmark = pytest.mark.skipif(not LINUX, reason="the peak is read from /proc")

LIMIT = 64 * 2**20

SCRIPT = """
import json, re, sys
from pathlib import Path
import numpy as np
import convention

def memory(word):
    return int(re.search(word + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

def numbers(shape, dtype):
    x = np.empty(shape, dtype)
    flat, period = x.reshape(-1), np.arange(1009) * 7919 % 251
    for start in range(0, flat.size, 1009 * 1000):
        part = flat[start : start + 1009 * 1000]
        part[:] = np.resize(period, part.size)
    return x

def gaussian(n):
    line = np.exp(-((np.arange(n) - n // 2 + 0.25) ** 2) / n)
    return np.outer(line, line)

kernel = {kernel}
kernel = np.asarray(kernel, "{taps}")
shape, dtype = {shape}, "{dtype}"
# load and compile all that is needed, but no tile, spectrum or block of the size to come
small = {{1: (20_000,), 2: (120, 130), 3: (9, 40, 50)}}[kernel.ndim]
taps = np.outer([1, 2, 3], [1, -1]).astype(kernel.dtype)
for method in ("direct", "fourier") if taps.dtype.kind == "f" else ("direct",):
    few = taps if kernel.ndim == 2 else np.resize(taps, (2,) * kernel.ndim)
    convention.convolve(numbers(small, dtype), few, method=method, workers=1)
del few, taps
before = memory("VmRSS")
x = numbers(shape, dtype)
plan = convention.plan(x, kernel, boundary="{boundary}")
out = {out}
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
{planted}
y = convention.convolve(x, kernel, boundary="{boundary}", out=out)
peak = memory("VmHWM")
print(json.dumps(dict(plan=f"{{plan.loops}} {{plan.method}}", above=peak - before - x.nbytes - y.nbytes, out=y.nbytes,
                      loaded=x.nbytes)))
"""


def measured(shape: tuple[int, ...], kernel: str, **settings: Any) -> dict[str, Any]:
    settings = {
        "taps": "float32", "dtype": "float32", "boundary": "whole-sample", "out": "None", "planted": "",
    } | settings  # fmt: skip
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT.format(shape=shape, kernel=kernel, **settings)],
        env=os.environ.copy(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert child.returncode == 0, child.stderr
    found: dict[str, Any] = json.loads(child.stdout)
    return found


RANDOM = "np.random.default_rng(0).standard_normal(({0}, {0}))"
CASES: dict[str, tuple[tuple[int, ...], str, str, dict[str, Any]]] = {
    "3x3": ((4096, 4096), RANDOM.format(3), "compiled direct", {}),
    "gaussian": ((4096, 4096), "gaussian(31)", "compiled separable", {}),
    "box": ((4096, 4096), "np.full((101, 103), 0.5)", "compiled separable", {}),
    "63x63": ((4096, 4096), RANDOM.format(63), "compiled fourier", {}),
    "63x63 periodic": ((4096, 4096), RANDOM.format(63), "compiled fourier", {"boundary": "periodic"}),
    "a line": ((10_000_000,), "np.sin(np.arange(1023.0) ** 1.5)", "compiled fourier", {}),
    "a short kernel": ((10_000_000,), "np.sin(np.arange(15.0))", "compiled direct", {}),
    "bytes": ((4096, 4096), RANDOM.format(5), "compiled direct", {"dtype": "uint8"}),
    "bytes to integers": ((4096, 4096), "np.arange(9).reshape(3, 3)", "compiled direct",
                          {"dtype": "uint8", "taps": "int16"}),
    "a volume": ((256, 256, 256), "np.random.default_rng(0).standard_normal((5, 5, 5))", "compiled direct", {}),
}  # fmt: skip
QUICK = ("3x3", "63x63")


@pytest.mark.parametrize(
    "case", [case if case in QUICK else pytest.param(case, marks=pytest.mark.slow) for case in CASES]
)
def test_peak_memory(case: str) -> None:
    shape, kernel, method, settings = CASES[case]
    found = measured(shape, kernel, **settings)
    assert found["plan"] == method
    assert found["above"] <= LIMIT, f"{found['above'] / 2**20:.0f} MB"


@pytest.mark.slow
@pytest.mark.parametrize("size", [3, 63])
def test_a_result_in_a_mapped_file(tmp_path: Path, size: int) -> None:
    out = f"np.lib.format.open_memmap({str(tmp_path / 'out.npy')!r}, 'w+', 'float32', shape)"
    found = measured((4096, 4096), RANDOM.format(size), out=out)
    assert found["above"] <= LIMIT, f"{found['above'] / 2**20:.0f} MB"


def test_a_copy_of_the_signal_would_be_seen() -> None:
    found = measured((4096, 4096), RANDOM.format(3), planted="copies = [x + 1, x + 2]")
    assert found["above"] > LIMIT
