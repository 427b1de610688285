"""A pytest plugin that puts `like` in the place of other libraries' functions, before their own tests are imported.

Load it with ``-p replacing`` where this folder is on the path, and say in the environment:

``PRELOADED``
    Modules to import first, separated by commas: where a replaced function is searched for.
``REPLACED``
    ``name=operator`` for each function, separated by commas; ``name=`` leaves the function and only counts its calls.
``UNWARNED``
    Warning classes that `like` does not have, as they are the library's own: tests need not see them.
``REPORT``
    A file for the outcome of each test: its result, the end of its message, its calls of replaced functions.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convention.emulation import like

_calls = 0
_outcomes: dict[str, dict[str, Any]] = {}


def _names(variable: str) -> list[str]:
    return [name for name in os.environ.get(variable, "").split(",") if name]


def _found(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


def _is_no_convolution(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Tell whether a call asks for something else, which stays the original's."""
    if name == "scipy.signal.lfilter":  # with feedback, or in pieces
        denominator = args[1] if len(args) > 1 else kwargs.get("a")
        zi = args[4] if len(args) > 4 else kwargs.get("zi")
        return zi is not None or np.size(denominator) != 1
    return any(type(one).__name__ == "KerasTensor" for one in args)  # only its shape is asked for


def _counted(name: str, original: Callable[..., Any], replacement: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def counted(*args: Any, **kwargs: Any) -> Any:
        global _calls
        if _is_no_convolution(name, args, kwargs):
            return original(*args, **kwargs)
        _calls += 1
        return replacement(*args, **kwargs)

    return counted


def _versions(function: Any) -> Iterator[Any]:
    """Yield the function and what it wraps: SciPy's inner modules hold it without its dispatch."""
    while function is not None:
        yield function
        function = getattr(function, "__wrapped__", None)


def _replace(name: str, replacement: Callable[..., Any]) -> None:
    library, versions = name.partition(".")[0], list(_versions(_found(name)))
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] == library:
            for attribute, value in list(vars(module).items()):
                if any(value is version for version in versions):
                    setattr(module, attribute, replacement)
    if library == "scipy":  # its tests look up there which array libraries a function takes
        table = import_module("scipy._lib._array_api").xp_capabilities_table
        for version in versions:
            if version in table:
                table[replacement] = table[version]


def _warns_of_none(unwarned: list[Any]) -> None:
    original = pytest.warns

    def warns(expected: Any = Warning, *args: Any, **kwargs: Any) -> Any:
        if expected in unwarned:
            return warnings.catch_warnings(record=True)
        return original(expected, *args, **kwargs)

    pytest.warns = warns  # type: ignore[assignment]


def pytest_configure(config: pytest.Config) -> None:
    for module in _names("PRELOADED"):
        import_module(module)
    for item in _names("REPLACED"):
        name, _, operator = item.partition("=")
        original = _found(name)
        _replace(name, _counted(name, original, like(operator) if operator else original))
    unwarned = [_found(name) for name in _names("UNWARNED")]
    if unwarned:
        _warns_of_none(unwarned)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    before = _calls
    result = yield
    _outcomes[item.nodeid]["calls"] = _calls - before
    return result  # type: ignore[return-value]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "setup" or report.outcome != "passed":
        text = [line for line in str(report.longrepr).splitlines() if line.startswith("E ")]
        _outcomes[report.nodeid] = {"outcome": report.outcome, "text": "\n".join(text)}


def pytest_sessionfinish() -> None:
    Path(os.environ["REPORT"]).write_text(json.dumps(_outcomes), encoding="utf-8")
