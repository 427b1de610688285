"""The code blocks of the README and of the documentation run, and print what stands there."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "docs/experiment.md", "docs/testing.md"]
BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, kind: str) -> list[str]:
    return [m["text"] for m in BLOCK.finditer((ROOT / page).read_text(encoding="utf-8")) if m["kind"] == kind]


def run_python(name: str, texts: list[str]) -> int:
    """Run a page's blocks one after the other, in one namespace; return how many examples did not hold."""
    namespace: dict[str, object] = {}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False)
    for text in texts:
        if ">>>" in text:
            example = doctest.DocTestParser().get_doctest(text, namespace, name, name, 0)
            runner.run(example, clear_globs=False)
            namespace = example.globs  # a copy of what it was given, with what the block defined
        else:
            exec(compile(text, name, "exec"), namespace)
    return runner.failures


def matches(expected: str, printed: str) -> bool:
    """Tell whether a text is as expected, where a line ``...`` stands for any lines."""
    parts = [re.escape(part) for part in re.split(r"^\.\.\.\n", expected, flags=re.MULTILINE)]
    return re.fullmatch("(?:.*\n)*?".join(parts), printed) is not None


def run_console(command: str) -> str:
    words = shlex.split(command)
    assert words[0] == "convention", "a console block shows the project's own command"
    environment = {**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT / "src")}
    found = subprocess.run(
        [sys.executable, "-m", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env=environment,
        check=True,
    )
    return found.stdout


@pytest.mark.parametrize("page", PAGES)
def test_the_python_blocks_hold(page: str) -> None:
    for library in ("torch", "cv2", "PIL", "scipy"):
        pytest.importorskip(library, reason="the pages compare libraries")
    texts = blocks(page, "python")
    assert texts
    assert run_python(page, texts) == 0


def test_the_commands_print_what_the_readme_shows() -> None:
    pytest.importorskip("torch", reason="the README shows the demo")
    count = 0
    for text in blocks("README.md", "console"):
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, expected = part.split("\n", 1)
            printed = run_console(command)
            assert matches(expected, printed), f"$ {command}\n{printed}"
            count += 1
    assert count >= 4


STEP = re.compile(r"^```(?:python (?P<file>[\w.]+)|console)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_on_testing_shows_real_runs(tmp_path: Path) -> None:
    pytest.importorskip("scipy", reason="the page tests a function of SciPy")
    runs = 0
    for step in STEP.finditer((ROOT / "docs/testing.md").read_text(encoding="utf-8")):
        if step["file"]:
            (tmp_path / step["file"]).write_text(step["text"], encoding="utf-8")
            continue
        for part in re.split(r"^\$ ", step["text"], flags=re.MULTILINE)[1:]:
            command, expected = part.split("\n", 1)
            words = shlex.split(command)
            assert words[0] == "pytest"
            found = subprocess.run(
                [sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False,
                env={**os.environ, "COLUMNS": "80", "PYTHONDONTWRITEBYTECODE": "1"},
            )  # fmt: skip
            assert matches(expected, found.stdout), f"$ {command}\n{found.stdout}{found.stderr}"
            assert found.returncode == ("--pin-conventions" not in words)
            runs += 1
    assert runs == 3


def test_the_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"demo", "test", "test-all"} <= named
    assert named <= targets


def test_links_inside_the_project_lead_somewhere() -> None:
    for page in [*PAGES, "ARCHITECTURE.md"]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8")):
            assert ((ROOT / page).parent / link).exists(), f"{page}: {link}"


def test_a_wrong_document_is_refused() -> None:
    assert run_python("wrong", [">>> 1 + 1\n3\n"]) == 1
    assert not matches("a\n...\nc\n", "a\nb\nd\n")
    assert not matches("a\n", "a\nb\n")
    assert matches("a\n...\nc\n", "a\nb\nb\nc\n")
