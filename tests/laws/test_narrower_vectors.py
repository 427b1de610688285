"""Machines with narrower vectors than this one: the loops are compiled for them in another process, and run here."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="x86 names are used")

MACHINES = {"haswell": ("+sse4.2,+avx,+avx2,+fma", 32), "nehalem": ("+sse4.2", 16)}
SCRIPT = """
import sys
sys.path[:0] = {paths!r}
import llvmlite.binding
llvmlite.binding.get_host_cpu_features = lambda: dict.fromkeys({features!r}, True)
from convention.engine.compiled.intrinsics import VECTOR
assert VECTOR == {vector}
import test_engine_against_reference as laws
for engine in {engines!r}:
    if engine != "fourier":
        laws.check_integers({count}, "numpy", engine, seed=21, few=True)
    laws.check_floats({count}, "numpy", engine, seed=22, few=True)
"""


def run(machine: str, engines: list[str], count: int, folder: Path) -> None:
    features, vector = MACHINES[machine]
    names = [name.removeprefix("+") for name in features.split(",")]
    here = Path(__file__).parent
    script = SCRIPT.format(
        paths=[str(here), str(here.parent)], features=names, vector=vector, engines=engines, count=count
    )
    environment = os.environ | {
        "NUMBA_CPU_NAME": machine,
        "NUMBA_CPU_FEATURES": features,
        "CONVENTION_CACHE_DIR": str(folder),
    }
    child = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=1_200
    )
    assert child.returncode == 0, child.stderr[-3_000:]


def test_half_as_wide(tmp_path: Path) -> None:
    run("haswell", ["dense", "fourier"], 25, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_every_way(machine: str, tmp_path: Path) -> None:
    run(machine, ["dense", "listed", "separable", "box", "fourier"], 300, tmp_path)
