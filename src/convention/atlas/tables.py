"""The atlas as tables: for the terminal, and as Markdown for the README and ``docs/catalogue.md``.

``python -m convention.atlas.tables docs/catalogue.md`` writes the tables of a page anew, between
``<!-- atlas:NAME -->`` and ``<!-- /atlas -->``; NAME is one of `BLOCKS`.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from convention.atlas.pictures import small_anchor
from convention.atlas.rows import STATES, Atlas, Row, load
from convention.errors import ConventionValueError, nearest

__all__ = ["BLOCKS", "HEADER", "LEGEND", "cells", "markdown_table", "options_in_words", "refresh", "values_in_words"]

HEADER = ("function", "says", "computes", "rev.", "boundary", "even", "size")
LEGEND = (
    "says: the documentation's word (conv, corr or filter), with ! where the function does the other. "
    "rev.: the axes along which the kernel is reversed. boundary: - if nothing outside is read. even: of four "
    "stored taps, # is the one at the output's own sample; odd: refuses four. size: full-1:-1 is one sample less "
    "than full before and after; 2:1 is two before and one after; by shape: no word says it."
)
_SHORT = {"convolution": "conv", "cross-correlation": "corr", "filter": "filter"}


def cells(row: Row) -> tuple[str, ...]:
    """Return the columns `HEADER` of one row as short texts; the function without its module."""
    return (
        row.operator.rpartition(".")[2],
        _SHORT[row.says] + "!" * row.differs,
        row.computes,
        _text(row.reversed_axes),
        _text(row.boundary),
        small_anchor(row.anchor),
        _text(row.size),
    )


def values_in_words(row: Row) -> str:
    """Return what becomes of the sums: type, gain, rounding, overflow, frame, conjugation."""
    values = row.values
    types = {"promoted": "promoted type", "signal": "the signal's type"}
    words = [types.get(values["result"], values["result"])]
    if values["sums"] != "result":
        words.append(f"summed in {values['sums']}")
    if values["kernel"] != "none":
        words.append(f"kernel cast to {types.get(values['kernel'], values['kernel'])}")
    if values["gain"] != "1":
        words.append(f"times {values['gain']}" + " of the kernel" * ("sum" in values["gain"]))
    if values["rounding"] != "exact":
        words.append(f"rounded {values['rounding']}")
    if values["overflow"] != "none":
        words.append({"wrap": "integers wrap", "saturate": "saturates"}.get(values["overflow"], "overflow undefined"))
    if row.frame:
        words.append(f"outputs at the border {row.frame['kind']}")
    return ", ".join(words + ["kernel conjugated"] * row.conjugates)


def markdown_table(rows: Sequence[Row]) -> str:
    """Return a Markdown table with one line per row, for the README and the documentation."""
    header = ("function", "documentation says", "computes", "kernel reversed", "beyond the border", "4 taps", "size")
    lines = ["| " + " | ".join((*header, "measured")) + " |", "|" + "---|" * (len(header) + 1)]
    for row in rows:
        when = row.state if row.state != "measured" else f"{row.library} {row.version}, {row.date}"
        line = (f"[`{row.operator}`]({row.source})", *_markdown_cells(row), when)
        lines.append("| " + " | ".join(line) + " |")
    return "\n".join(lines)


def _markdown_cells(row: Row) -> tuple[str, ...]:
    _, _, _, axes, boundary, anchor, size = cells(row)
    return (
        row.says,
        f"**{row.computes} ≠**" if row.differs else row.computes,
        {"all": "all axes", "none": "no axis", "-": "-"}.get(axes, f"axis {axes}"),
        "nothing read" if boundary == "-" else boundary,
        f"`{anchor}`" if set(anchor) <= set("#. ") else anchor,
        size,
    )


def _summary(atlas: Atlas) -> str:
    """Return the table in short: operators of one module that differ in nothing shown share a line."""
    header = ("function", "documentation says", "computes", "kernel reversed", "beyond the border", "4 taps", "size")
    shared: dict[tuple[str, ...], list[str]] = {}
    for row in atlas.defaults():
        cells_of_row = _markdown_cells(row)
        module, _, name = row.operator.rpartition(".")
        shared.setdefault((module, *cells_of_row), []).append(name)
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for (module, *texts), names in shared.items():
        functions = ", ".join([f"`{module}.{names[0]}`", *(f"`{name}`" for name in names[1:])])
        lines.append("| " + " | ".join((functions, *texts)) + " |")
    return "\n".join(lines)


def _overview(atlas: Atlas) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in atlas.versions.items())
    return (
        f"Measured {atlas.date} on {atlas.platform}: {len(atlas.defaults())} functions, {len(atlas.rows)} sets of "
        f"options, {_states_in_words(atlas)} ({versions})."
    )


def _states_in_words(atlas: Atlas) -> str:
    counts = Counter(row.state for row in atlas.rows)
    return ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])


def _states(atlas: Atlas) -> str:
    count = {state: sum(row.state == state for row in atlas.rows) for state in STATES}
    lines = [f"| {state} | {meaning} | {count[state]} |" for state, meaning in STATES.items()]
    return "\n".join(["| state | meaning | rows |", "|---|---|---|", *lines])


def _mismatches(atlas: Atlas) -> str:
    return "\n".join(
        f"* [`{row.operator}`]({row.source}): says {row.says}, computes {row.computes} "
        f"({row.probes} probes, {row.library} {row.version})"
        for row in atlas.defaults()
        if row.differs
    )


def _remarks(atlas: Atlas) -> str:
    return "\n".join(f"* `{row.operator}`: {values_in_words(row)}. {row.remarks}".rstrip() for row in atlas.defaults())


BLOCKS: Mapping[str, Callable[[Atlas], str]] = {
    "overview": _overview,
    "summary": _summary,
    "table": lambda atlas: markdown_table(atlas.defaults()),
    "states": _states,
    "mismatches": _mismatches,
    "remarks": _remarks,
}
"""What can be written into a page."""

_BLOCK = re.compile(r"(<!-- atlas:(?P<name>[^ ]*) -->\n)(?:(?!<!-- atlas:).)*?(<!-- /atlas -->)", re.DOTALL)


def refresh(text: str, atlas: Atlas) -> str:
    """Return a page with every block written anew from the atlas.

    Raises
    ------
    ConventionValueError
        If a block has a name that nothing writes.
    """

    def written(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in BLOCKS:
            raise ConventionValueError(f"atlas:{name}", "nothing writes it", ", ".join(BLOCKS), nearest(name, BLOCKS))
        return f"{match[1]}\n{BLOCKS[name](atlas)}\n\n{match[3]}"

    return _BLOCK.sub(written, text)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else ",".join(map(str, value))


def options_in_words(options: Mapping[str, Any]) -> str:
    """Return options as they are written in a call."""
    return ", ".join(
        f"{name}={tuple(value) if isinstance(value, list) else value!r}" for name, value in options.items()
    )


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        page = Path(argument)
        page.write_text(refresh(page.read_text(encoding="utf-8"), load()), encoding="utf-8")
