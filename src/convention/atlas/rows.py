"""The atlas as data, in JSON Lines: a header; per operator a line of what its rows share, then its rows; a footer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from convention.errors import ConventionFileError

__all__ = ["STATES", "Atlas", "Row", "load", "read", "schema", "write"]

STATES = {
    "measured": "the installed library did what the row says, on every probe",
    "documented only": "taken from its documentation, not run",
    "could not install here": "the library was not there; an older measurement keeps its date",
    "harness error": "this project's call of the operator failed",
    "undetermined": "the probes could not decide; the reason says why",
    "stale since": "the library no longer does what the row says, since that version",
}
"""The states of a row, and what each means. None is a pass or a failure of the library."""


_SHARED = (
    *("library", "says", "values", "layout", "frame", "source", "remarks", "ndims", "state", "reason", "since"),
    *("version", "date", "platform", "stride", "dilation", "upsample", "conjugates", "computes", "differs"),
    "reversed_axes",
)
"""Columns that an operator's line holds for all its rows; a row that differs has its own."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One operator with one set of options. ``None`` in a column: not seen, or nothing to say.

    Attributes
    ----------
    operator, library, call : str
        Its name in the catalogue, the module, and a one-line call.
    options : dict
        Its options with their values.
    state, reason : str
        One of `STATES`, and why, where it is not ``"measured"`` or the operator refuses the options.
    since : str or None
        The library's version in which it stopped to do what the row says.
    says, computes : str
        What its documentation calls it, and what it computes; ``"refused"`` if it refuses these options.
    differs : bool
        Whether these are two different definitions.
    reversed_axes : "all", "none" or list of int
    boundary, value : str or list of str
        The rule beyond the border and its constant, per axis where they differ; None where nothing is read there.
    size : str or list of str
        A word; ``full-1:-1``: one sample less than that before and after; ``2:1``: so many before and after.
    anchor : list of (int or None), or "refused"
        Of a kernel with four taps: the stored tap that meets the output's own sample, per axis where they differ.
    stride, dilation, upsample : int or list of int
    conjugates : bool
        Whether it conjugates the kernel.
    values, frame, layout : dict
        The entry's `Arithmetic`, `Frame` and `Layout`.
    version, date, platform : str or None
        When, where and with which version it was measured last.
    probes, refused : int
        How many pairs of arrays gave the predicted result, and how many were refused as the entry says.
    identified : str
        What `convention.identify` says of the default options.
    """

    operator: str
    library: str
    call: str
    options: dict[str, Any]
    ndims: list[int]
    state: str
    reason: str = ""
    since: str | None = None
    says: str
    computes: str
    differs: bool
    reversed_axes: Any
    boundary: Any
    value: Any
    size: Any
    anchor: Any
    stride: Any
    dilation: Any
    upsample: Any
    conjugates: bool
    values: dict[str, Any]
    frame: dict[str, Any] | None
    layout: dict[str, Any] | None
    version: str | None = None
    date: str | None = None
    platform: str | None = None
    probes: int = 0
    refused: int = 0
    identified: str = ""
    source: str
    remarks: str

    @property
    def key(self) -> str:
        """The operator and its options, as a text that names the row."""
        return f"{self.operator} {json.dumps(self.options, sort_keys=True)}"


@dataclass(frozen=True, kw_only=True)
class Atlas:
    """Rows, with the versions, the date and the platform of the last measurement."""

    date: str
    platform: str
    versions: Mapping[str, str]
    rows: tuple[Row, ...] = field(repr=False)

    def of(self, operator: str) -> tuple[Row, ...]:
        """Return the rows of one operator, the default options first."""
        return tuple(row for row in self.rows if row.operator == operator)

    def defaults(self) -> tuple[Row, ...]:
        """Return the first row of each operator: its default options."""
        first: dict[str, Row] = {}
        for row in self.rows:
            first.setdefault(row.operator, row)
        return tuple(first.values())


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a line of the atlas."""
    text = files("convention.catalogue").joinpath("data", "atlas.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def load() -> Atlas:
    """Return the atlas that comes with this package."""
    return _parsed(files("convention.catalogue").joinpath("data", "atlas.jsonl").read_text(encoding="utf-8"), "atlas")


def read(path: str | Path) -> Atlas:
    """Return the atlas in a file.

    Raises
    ------
    ConventionFileError
        If it cannot be read, is no atlas, or is incomplete.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as problem:
        raise ConventionFileError(
            f"the atlas {str(path)!r}",
            f"it cannot be read: {problem}",
            "an atlas in JSON Lines",
            "convention atlas measure -o FILE",
        ) from None
    return _parsed(text, str(path))


def write(atlas: Atlas, path: str | Path) -> None:
    """Write an atlas as JSON Lines: header, rows, footer."""
    states = Counter(row.state for row in atlas.rows)
    lines: list[dict[str, Any]] = [
        {
            "kind": "header",
            "format": 1,
            "date": atlas.date,
            "platform": atlas.platform,
            "versions": dict(atlas.versions),
        },
        *_lines(atlas.rows),
        {
            "kind": "footer",
            "rows": len(atlas.rows),
            "operators": len(atlas.defaults()),
            "states": {state: states[state] for state in STATES},
        },
    ]
    try:
        Path(path).write_text(
            "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines), encoding="utf-8"
        )
    except OSError as problem:
        raise ConventionFileError(
            f"writing the atlas {str(path)!r}",
            f"it cannot be written: {problem}",
            "a file that can be written",
            "choose another path",
        ) from None


def _lines(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    shared: dict[str, Any] = {}
    for row in rows:
        if shared.get("operator") != row.operator:
            shared = {"operator": row.operator, **{name: getattr(row, name) for name in _SHARED}}
            yield {"kind": "operator", **shared}
        own = asdict(row)
        yield {"kind": "row", **{k: v for k, v in own.items() if k == "operator" or k not in shared or v != shared[k]}}


def _whole(lines: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the rows with what their operator's line says for all of them."""
    shared: dict[str, dict[str, Any]] = {}
    rows = []
    for kind, line in lines:
        if kind == "operator":
            shared[str(line.get("operator"))] = line
        else:
            rows.append({**shared.get(str(line.get("operator")), {}), **line})
    return rows


def _parsed(text: str, name: str) -> Atlas:
    def refuse(found: str) -> None:
        raise ConventionFileError(
            f"the atlas {name!r}",
            found,
            "a header, one row per operator and set of options, a footer that counts them",
            "measure it anew: convention atlas measure -o FILE",
        )

    lines: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            lines.append(dict(json.loads(line)))
        except (ValueError, TypeError) as problem:
            refuse(f"line {number} is no JSON object: {problem}")
    kinds = [line.pop("kind", None) for line in lines]
    if len(lines) < 2 or (kinds[0], kinds[-1]) != ("header", "footer") or {*kinds[1:-1]} - {"operator", "row"}:
        refuse("its lines are not a header, operators with their rows, and a footer")
    header, footer = lines[0], lines[-1]
    rows = _whole(list(zip(kinds, lines))[1:-1])
    if footer.get("rows") != len(rows):
        refuse(f"its footer counts {footer.get('rows')} rows, there are {len(rows)}")
    names = {one.name for one in fields(Row)}
    for number, row in enumerate(rows, start=1):
        if set(row) != names:
            refuse(f"row {number} lacks or has too much: {', '.join(sorted(set(row) ^ names))}")
    if not {"date", "platform", "versions"} <= set(header):
        refuse("its header has no date, platform and versions")
    return Atlas(
        date=header["date"],
        platform=header["platform"],
        versions=header["versions"],
        rows=tuple(Row(**row) for row in rows),
    )
