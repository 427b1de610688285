"""Options of the test run."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

pytest_plugins = ["pytester"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require", default="", help="libraries that must be installed, so that no test is skipped for their lack"
    )


def pytest_configure(config: pytest.Config) -> None:
    missing = [name for name in config.getoption("--require").split(",") if name and find_spec(name) is None]
    if missing:
        raise pytest.UsageError(f"--require: not installed: {', '.join(missing)}")
