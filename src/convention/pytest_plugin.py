"""The pytest plugin: a fixture that pins a function's measured convention in a file beside the test.

Every pytest run loads this file where the package is installed. So it imports nothing but pytest, and the
rest of the package only once a test uses the fixture.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import pytest

if TYPE_CHECKING:
    from convention.identification import Identification
    from convention.pins import Difference

__all__ = ["PinnedConvention", "pinned_convention"]

FILE = "conventions.json"
"""The file, one per folder of test modules."""

_OPTION = "--pin-conventions"
_WIDTH = 80


class _Record(NamedTuple):
    """What became of one pin."""

    path: Path
    name: str
    news: str


class _Run:
    """What happened in this run: who pinned which name, and what was written."""

    def __init__(self) -> None:
        self.owners: dict[tuple[Path, str], str] = {}
        self.records: list[_Record] = []


_RUN = pytest.StashKey[_Run]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that lets pins be written."""
    parser.getgroup("convention").addoption(
        _OPTION,
        action="store_true",
        help=f"write the conventions that pinned_convention measures to {FILE} beside the test, "
        "instead of comparing them with it",
    )


@pytest.fixture
def pinned_convention(request: pytest.FixtureRequest) -> PinnedConvention:
    """Return a function that holds another function to the convention pinned for it in a file."""
    return PinnedConvention(request)


class PinnedConvention:
    """Measure a function's convention and compare it with what is pinned: what the fixture returns.

    Parameters
    ----------
    request : pytest.FixtureRequest
        Of the test.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._config, self._test = request.config, request.node.nodeid
        self._module = request.path
        self._path = request.path.with_name(FILE)
        self._used: set[str] = set()

    def __call__(
        self, function: Callable[..., Any] | str, *, name: str | None = None, **keywords: Any
    ) -> Identification:
        """Fail the test unless the function's measured convention is the pinned one.

        Parameters
        ----------
        function : callable or str
            As in `convention.identification.identify`.
        name : str, optional
            The name to pin it under, one per folder; by default the function's own.
        **keywords
            ``ndim``, ``kernel``, ``kernels``, ``sizes``, ``time_limit`` and ``seed`` of `identify`.

        Returns
        -------
        Identification
            What was measured.

        Raises
        ------
        ConventionTypeError, ConventionValueError
            If the function has no name, another test has pinned this one, or `identify` refuses the arguments.
        ConventionFileError
            If the file is damaged or cannot be written.
        """
        __tracebackhide__ = True
        from convention.errors import ConventionError

        try:
            return self._pinned(function, name, keywords)
        except ConventionError as refusal:
            raise refusal.with_traceback(None) from None

    def _pinned(self, function: Any, name: str | None, keywords: dict[str, Any]) -> Identification:
        __tracebackhide__ = True
        from convention.identification import identify
        from convention.pins import differences, pin_of, read_pins, write_pin

        name = _name_of(function) if name is None else _checked(name)
        title = repr(name) if " " in name else name
        self._claim(name)
        pinned = read_pins(self._path).get(name)
        found = identify(function, **keywords)
        if found.convention is None:
            self._fail(f"{title} has no convention that could be pinned", found.verdict)
        pin = pin_of(found, recovered=keywords.get("kernel") is None)
        changed = [] if pinned is None else differences(pinned, pin)
        if self._config.getoption(_OPTION):
            if pinned is None or changed:
                write_pin(self._path, name, pin)
            news = (
                "new"
                if pinned is None
                else f"changed: {', '.join(d.name for d in changed)}"
                if changed
                else "as it was"
            )
            self._config.stash.setdefault(_RUN, _Run()).records.append(_Record(self._path, name, news))
        elif pinned is None:
            self._fail(f"{title} is not pinned in {self._shown(self._path)}", found.verdict, self._how("record this"))
        elif changed:
            self._fail(
                f"{title} no longer follows the convention that {self._shown(self._path)} pins",
                _table(changed),
                f"pinned: {pinned['verdict']}",
                f"measured: {found.verdict}",
                *(f"{d.name} is open: {_reason(found, d.name)}" for d in changed if _reason(found, d.name)),
                self._how("accept this"),
            )
        return found

    def _claim(self, name: str) -> None:
        """Refuse a name that another test of this run has pinned, or this one before."""
        from convention.errors import ConventionValueError

        owner = self._config.stash.setdefault(_RUN, _Run()).owners.setdefault((self._path, name), self._test)
        if owner != self._test or name in self._used:
            raise ConventionValueError(
                f"pin {name!r} from {self._test}",
                f"{owner} has pinned it" if owner != self._test else "this test has pinned it already",
                f"one test per name, of all tests that share {self._shown(self._path)}",
                "give one of them another: pinned_convention(function, name=...)",
            )
        self._used.add(name)

    def _shown(self, path: Path) -> str:
        invoked = self._config.invocation_params.dir
        return str(path.relative_to(invoked)) if path.is_relative_to(invoked) else str(path)

    def _how(self, what: str) -> str:
        test = "::".join([self._shown(self._module), *self._test.split("::")[1:]])
        return f"To {what}: pytest {_OPTION} {shlex.quote(test)}"

    def _fail(self, *paragraphs: str) -> NoReturn:
        __tracebackhide__ = True
        pytest.fail("\n\n".join(map(_wrapped, paragraphs)), pytrace=False)


def _name_of(function: Any) -> str:
    """Return the name to pin a function under, or refuse one that has none of its own."""
    from convention.errors import ConventionValueError

    name = function if isinstance(function, str) else getattr(function, "__name__", "<>")
    if "<" in name:
        raise ConventionValueError(
            f"pin {function!r}",
            "it has no name of its own",
            "a function with a name, or name=",
            "pinned_convention(function, name='blur')",
        )
    return _checked(name)


def _checked(name: Any) -> str:
    from convention.errors import ConventionTypeError, ConventionValueError

    allowed, fix = "text that can be printed on one line", "name='blur'"
    if not isinstance(name, str):
        raise ConventionTypeError(f"name={name!r}", f"a {type(name).__name__}", allowed, fix)
    if not name.strip() or not name.isprintable():
        raise ConventionValueError(f"name={name!r}", "nobody could read it in the file", allowed, fix)
    return name


def _reason(found: Identification, name: str) -> str:
    """Return why a field is open now."""
    group, _, own = name.rpartition(".")
    field = (found.numbers if group else found.fields).get(own)
    return "" if field is None or field.state == "settled" else field.reason


def _table(changed: list[Difference]) -> str:
    """Return one line per difference, in columns where they fit."""
    rows = [("", "pinned", "measured"), *changed]
    first, second = (max(len(row[i]) for row in rows) + 2 for i in (0, 1))
    if first + second + max(len(row[2]) for row in rows) + 2 <= _WIDTH:
        return "\n".join(f"  {a:<{first}}{b:<{second}}{c}" for a, b, c in rows)
    return "\n".join(f"  {a}\n{_filled('    pinned    ', b)}\n{_filled('    measured  ', c)}" for a, b, c in changed)


def _wrapped(paragraph: str) -> str:
    """Return a paragraph in lines that fit a terminal; a table, and a command to copy, stay as they are."""
    if "\n" in paragraph or _OPTION in paragraph:
        return paragraph
    return _filled("", paragraph, "  ")


def _filled(first: str, text: str, other: str = "") -> str:
    """Return text in lines, the first after a label and the others as far in, or as is said."""
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=other or " " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what became of the pins of a run that writes them, and which others the files have."""
    run = config.stash.get(_RUN, None)
    if run is None or not run.records:
        return
    from convention.errors import ConventionError
    from convention.pins import read_pins

    terminalreporter.section("pinned conventions")
    for path in dict.fromkeys(record.path for record in run.records):
        terminalreporter.line(str(path))
        own = {record.name: record.news for record in run.records if record.path == path}
        for name, news in own.items():
            terminalreporter.line(f"  {name}: {news}")
        try:
            others = sorted(set(read_pins(path)) - set(own))
        except ConventionError:  # damaged since: the next run says so
            continue
        if others:
            terminalreporter.line(f"  kept, not measured in this run: {', '.join(others)}")
