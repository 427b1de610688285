"""Hold a refusal to its four parts, its builtin base and its promise: nothing computed, nothing changed."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import convention.engine.doors
from convention.errors import ConventionError

LIBRARIES = ["numpy", "torch"]


def forbid_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test fail where anything is computed."""

    def worked(*arguments: Any) -> None:
        raise AssertionError("sums were computed before the refusal")

    monkeypatch.setattr(convention.engine.doors, "_sums", worked)


def make(library: str, values: Any, dtype: str | None = None) -> Any:
    if library == "numpy":
        return np.array(values, dtype=dtype)
    torch = pytest.importorskip("torch", reason="the engine's torch side needs torch")
    return torch.tensor(values, dtype=None if dtype is None else getattr(torch, dtype))


def refusal(builtin: type[Exception], call: Callable[..., Any], *arguments: Any, **keywords: Any) -> ConventionError:
    """Return the refusal, after checking its bases, its four parts, and that no argument changed."""
    kept = str((arguments, keywords))
    with pytest.raises(ConventionError) as caught:
        call(*arguments, **keywords)
    error = caught.value
    assert isinstance(error, builtin), type(error)
    assert all(part.strip() for part in (error.asked, error.found, error.allowed, error.fix))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str((arguments, keywords)) == kept
    return error
