"""Runs of other libraries' own tests, with their functions and with `like` in their place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Functions of a library, and the modules of its own tests that call them.

    Attributes
    ----------
    library : str
        What must be installed.
    functions : mapping of str to str
        Where each is imported from, and the operator of the catalogue.
    modules : tuple of str
        Modules with tests.
    chosen : str
        Which tests of them, as pytest's ``-k`` has it.
    unwarned : str
        Warning classes of the library, which tests need not see.
    environment : mapping of str to str
        Of the process.
    excused : mapping of str to str
        Patterns of tests that pass with the library's function only, each with the reason.
    """

    library: str
    functions: Mapping[str, str]
    modules: tuple[str, ...]
    chosen: str = ""
    unwarned: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    excused: Mapping[str, str] = field(default_factory=dict)


def run(suite: Suite, folder: Path, *, replaced: bool, chosen: str = "") -> dict[str, dict[str, Any]]:
    """Return the outcome of every test, by its name: ``outcome``, ``text`` and ``calls``."""
    report = folder / f"{'replaced' if replaced else 'original'}.json"
    environment = {
        **os.environ,
        **suite.environment,
        "PYTHONPATH": os.pathsep.join(str(place) for place in (TESTS, TESTS.parent / "src")),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PRELOADED": ",".join(name.rpartition(".")[0] for name in suite.functions),
        "REPLACED": ",".join(f"{name}={operator if replaced else ''}" for name, operator in suite.functions.items()),
        "UNWARNED": suite.unwarned if replaced else "",
        "REPORT": str(report),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "replacing", "-p", "no:cacheprovider", "-c", os.devnull]
    command += ["--rootdir", folder.anchor, "--tb=short", "--pyargs", *suite.modules]
    selected = chosen or suite.chosen
    ended = subprocess.run(
        [*command, *(["-k", selected] if selected else [])],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert ended.returncode in (0, 1), ended.stdout + ended.stderr
    outcomes = json.loads(report.read_text(encoding="utf-8"))
    # from the module's file on; in front of it is the place where the library is installed, up to the test's name
    short = {name: name.partition("::")[0].rpartition("/")[2] + "::" + name.partition("::")[2] for name in outcomes}
    return {short[name]: outcome for name, outcome in outcomes.items() if "calls" in outcome}


def lost(original: dict[str, dict[str, Any]], replaced: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return the tests that pass with the original only, and what they say."""
    return {
        name: replaced[name]["text"] if name in replaced else "it is not there"
        for name, one in original.items()
        if one["outcome"] == "passed" and replaced.get(name, {}).get("outcome") != "passed"
    }


def used(outcomes: dict[str, dict[str, Any]]) -> int:
    """Return how many tests that passed called a replaced function."""
    return sum(one["outcome"] == "passed" and one["calls"] > 0 for one in outcomes.values())
