"""Machine code on disk: found again, never half, never another machine's, and not needed.

Each run is a process of its own, for what is compiled once stays in memory.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import convention

pytest.importorskip("numba", reason="without Numba nothing is compiled")

SLOW = pytest.mark.slow
"""Each of these compiles, for some seconds."""

SCRIPT = """
import errno, json, sys, warnings
from pathlib import Path

{before}

import numpy as np
import convention
from convention.engine.compiled import cache, loops
from numba.core import event

class Compiled(event.Listener):
    seen = []
    def on_start(self, found):
        self.seen.append(found.data["dispatcher"].__name__)
    def on_end(self, found):
        pass

event.register("numba:compile", Compiled())

{after}

signal = (np.arange(120_000) % 7).astype(np.float32).reshape(300, 400)
kernel = (np.arange(35) % 3 + 1).astype(np.float32).reshape(5, 7)
assert convention.plan(signal, kernel, method="direct").loops == "compiled"
found = convention.convolve(signal, kernel, boundary="periodic", method="direct")
expected = sum(
    kernel[i, j] * np.roll(signal, (i - 2, j - 3), (0, 1)) for i in range(5) for j in range(7)
)
print(json.dumps({{"right": bool((found == expected).all()), "compiled": Compiled.seen}}))
"""


def start(folder: Path, before: str = "", after: str = "", **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT.format(before=before, after=after)],
        env=os.environ | {"CONVENTION_CACHE_DIR": str(folder)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> bool:
    """Return whether a process compiled the loops; its result has to be right."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err == ""
    said: dict[str, Any] = json.loads(out)
    assert said["right"]
    return "run" in said["compiled"]


def run(folder: Path, before: str = "", after: str = "", **environment: str) -> bool:
    return end(start(folder, before, after, **environment))


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.iterdir()}


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    assert path.suffix == ".bin"
    return path


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What a first process leaves behind."""
    folder = tmp_path_factory.mktemp("cache") / "made" / "when needed"
    assert run(folder)
    return only_file(folder).read_bytes()


@pytest.fixture
def folder(filled: bytes, tmp_path: Path) -> Path:
    """A folder with that file, under the name that this machine gives it."""
    assert not tmp_path.joinpath("cache").exists()
    made = tmp_path / "cache"
    made.mkdir()
    made.joinpath(name_here()).write_bytes(filled)
    return made


def name_here() -> str:
    from numba import float32, int64
    from numba.core.registry import cpu_target

    from convention.engine.compiled.loops import DENSE, run_of

    sig = (float32, float32, float32, int64, int64, int64, int64, int64, int64)
    return str(run_of(DENSE, True, False)._cache._path(sig, cpu_target.target_context).name)


def test_the_second_process_compiles_nothing_and_leaves_the_files_alone(folder: Path) -> None:
    before = contents(folder)
    assert not run(folder)
    assert contents(folder) == before


@pytest.mark.parametrize(
    "damage", ["half", *(pytest.param(each, marks=SLOW) for each in ("nothing", "one bit", "the hash alone", "a text"))]
)
def test_a_damaged_file_counts_as_none_and_is_replaced(folder: Path, filled: bytes, damage: str) -> None:
    path = only_file(folder)
    middle = len(filled) // 2
    path.write_bytes(
        {
            "nothing": b"",
            "half": filled[:middle],
            "one bit": filled[:middle] + bytes([filled[middle] ^ 1]) + filled[middle + 1 :],
            "the hash alone": filled[:32],
            "a text": b"not a pickle" * 100,
        }[damage]
    )
    damaged = path.read_bytes()
    assert run(folder)
    assert only_file(folder) == path
    assert path.read_bytes() != damaged
    assert not run(folder)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    assert run(file / "cache")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert file.read_text() == "in the way"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="this user may write anywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o500)
    assert run(folder)
    assert list(folder.iterdir()) == []


FULL = """
real = cache.NamedTemporaryFile
class Full:
    def __init__(self, *args, **kwargs):
        self.file = real(*args, **kwargs)
        self.name = self.file.name
    def __enter__(self):
        return self
    def __exit__(self, *error):
        self.file.close()
    def write(self, data):
        self.file.write(data[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")
cache.NamedTemporaryFile = Full
"""


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    assert run(tmp_path, after=FULL)
    assert list(tmp_path.iterdir()) == []


@SLOW
def test_no_home_to_look_in(tmp_path: Path) -> None:
    before = "Path.home = classmethod(lambda cls: (_ for _ in ()).throw(RuntimeError('no home')))"
    assert run(tmp_path, before=before, CONVENTION_CACHE_DIR="", XDG_CACHE_HOME="")


def test_without_a_name_the_folder_is_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from convention.engine.compiled.cache import cache_folder

    monkeypatch.delenv("CONVENTION_CACHE_DIR", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "convention"
    monkeypatch.setenv("CONVENTION_CACHE_DIR", str(tmp_path / "named"))
    assert cache_folder() == tmp_path / "named"


OTHER_MACHINE = """
from numba.core.codegen import CPUCodegen
here = CPUCodegen.magic_tuple
def elsewhere(self):
    triple, cpu, features = here(self)
    return triple, "another", features
CPUCodegen.magic_tuple = elsewhere
"""
OTHER_SOURCES = "cache._SOURCES = 'as they will be in the next version'"
OTHER_NUMBA = "cache.numba.__version__ = '0.0'"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(OTHER_MACHINE, id="machine"),
        pytest.param(OTHER_SOURCES, id="sources", marks=SLOW),
        pytest.param(OTHER_NUMBA, id="numba", marks=SLOW),
    ],
)
def test_what_was_made_elsewhere_is_not_used(folder: Path, change: str) -> None:
    before = contents(folder)
    assert run(folder, after=change)
    after = contents(folder)
    assert len(after) == 2
    assert before.items() <= after.items()
    assert not run(folder, after=change)
    assert not run(folder)


@pytest.mark.parametrize("count", [2, pytest.param(6, marks=SLOW)])
def test_processes_that_start_at_once(tmp_path: Path, filled: bytes, count: int) -> None:
    processes = [start(tmp_path) for _ in range(count)]
    for process in processes:
        end(process)
    only_file(tmp_path)
    assert not run(tmp_path)


CHANGED = """
path = Path(loops.__file__)
path.write_text(path.read_text() + "# as in the next version")
"""


@SLOW
def test_sources_that_change_while_a_process_runs(tmp_path: Path) -> None:
    """What it has loaded is the old version: its code must not pass for the new one's."""
    package = Path(convention.__file__).parent
    shutil.copytree(package, tmp_path / "source" / "convention")
    environment = {"PYTHONPATH": str(tmp_path / "source")}
    assert run(tmp_path / "cache", after=CHANGED, **environment)
    assert run(tmp_path / "cache", **environment)


KILLED = """
import os
Path.replace = lambda *path: os._exit(9)
"""


@SLOW
def test_a_process_that_ends_in_between_does_no_harm(tmp_path: Path, filled: bytes) -> None:
    process = start(tmp_path, after=KILLED)
    process.communicate(timeout=300)
    assert process.returncode == 9
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    assert run(tmp_path)
    assert not run(tmp_path)
