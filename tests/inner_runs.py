"""Runs of pytest inside a test, on a module that pins one function's convention."""

from __future__ import annotations

import json
from typing import Any

import pytest

# inner runs forget what they import, and these cannot be imported twice
import convention.comparison
import convention.engine
import convention.identification
import convention.pins  # noqa: F401

MODULE = """
import numpy as np
import convention

FIELDS = {fields}

def sums(x, w):
    return np.asarray(convention.apply(convention.Convention(**FIELDS), x, w, method="direct"))

def blur(x, w):
    return {body}

def test_blur(pinned_convention):
    found = pinned_convention(blur, {keywords})
    assert found.convention is not None
"""
EIGHT_BITS = "np.clip(np.rint(sums(x.astype(float), w.astype(float))), 0, 255).astype(np.uint8)"


def module(body: str = "sums(x, w)", keywords: str = "", **fields: Any) -> str:
    return MODULE.format(fields=fields, body=body, keywords=keywords)


def run(pytester: pytest.Pytester, *arguments: str, source: str = "") -> pytest.RunResult:
    if source:
        pytester.makepyfile(test_blur=source)
    with pytest.MonkeyPatch.context() as patch:  # other plugins would be imported anew in each run
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "convention", *arguments)


def pins(pytester: pytest.Pytester) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((pytester.path / "conventions.json").read_text(encoding="utf-8"))["pins"]
    return found


def differing(result: pytest.RunResult) -> set[str]:
    """Return the names in the table of a failure that reports a change."""
    lines = result.outlines
    start = next(i for i, line in enumerate(lines) if "no longer follows" in line)
    table = lines[lines.index("", start) + 1 : lines.index("", lines.index("", start) + 1)]
    return {line.split()[0] for line in table if line.startswith("  ") and not line.startswith("   ")}
