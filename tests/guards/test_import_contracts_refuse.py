"""Each import contract, fed a violation, refuses it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

VIOLATIONS = {
    "a lower room imports a higher one": ("geometry.py", "import convention.definition", "Lower rooms"),
    "a file nobody placed": ("unplaced.py", "", "Lower rooms"),
    "the engine uses the oracle": ("engine/direct.py", "import convention.reference", "The engine does not"),
    "the oracle uses the engine": ("reference.py", "import convention.engine", "The oracle does not"),
    "the core needs scipy": ("boundary.py", "import scipy", "The core runs"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    # the copy stands before the installed package on the path
    script = (
        f"import sys; sys.path.insert(0, {str(folder / 'src')!r}); from importlinter.cli import lint_imports_command"
    )
    return subprocess.run(
        [sys.executable, "-c", f"{script}; lint_imports_command(['--no-cache'])"],
        cwd=folder,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    pytest.importorskip("importlinter", reason="import-linter is what is tested")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_house_as_it_is_keeps_them(house: Path) -> None:
    found = lint(house)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_a_planted_violation_is_refused(house: Path, violation: str) -> None:
    file, line, contract = VIOLATIONS[violation]
    path = house / "src" / "convention" / file
    path.write_text((path.read_text() if path.exists() else "") + f"\n{line}\n")
    found = lint(house)
    assert found.returncode != 0
    kept = [row for row in found.stdout.splitlines() if row.startswith(contract) and "KEPT" in row]
    assert "BROKEN" in found.stdout or "not listed" in found.stdout + found.stderr, found.stdout + found.stderr
    assert not kept, found.stdout
