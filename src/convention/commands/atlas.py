"""`convention atlas`: the measured table of conventions, one of its rows, a new measurement, a comparison."""

from __future__ import annotations

import json
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

__all__ = ["atlas"]

_WIDTH = 80
_LONGEST = 20
"""Letters of a function's name in the table's first column."""


class _Atlas(click.Group):
    """A group in which every word that is no command is an operator's name."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or _row_of(cmd_name)


@click.group(cls=_Atlas, invoke_without_command=True, subcommand_metavar="[NAME | measure | diff]")
@click.option("--library", metavar="NAME", help="Only functions of this library.")
@click.option("--computes", metavar="WORD", help="Only those that compute convolution, cross-correlation or mixed.")
@click.option("--mismatch", is_flag=True, help="Only those whose documentation says one and that compute the other.")
@click.option("--boundary", metavar="WORD", help="Only those that can continue the signal like this.")
@click.option("--same-as", metavar="NAME", help="Only those that can compute what this function does by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows for programs, one object per line.")
@click.pass_context
def atlas(context: click.Context, /, as_json: bool, **conditions: Any) -> None:
    """Show what the functions of many libraries were measured to compute.

    Without a NAME the table: each function with its default options, or with the first options that meet the
    conditions. With a NAME, all about that function. The versions and the date of the measurement stand below.
    """
    from convention.atlas import load, select

    if context.invoked_subcommand is not None:
        return
    known = load()
    rows = select(known, **conditions)
    if as_json:
        for row in rows:
            print(json.dumps(asdict(row)))
        return
    from convention.atlas.tables import LEGEND
    from convention.experiment.typesetting import paragraph

    if not rows:
        _print(paragraph("No function of the atlas meets these conditions."))
        return
    _print([*_table(rows), "", *paragraph(LEGEND), "", *paragraph(_measured(known))])


@atlas.command()
@click.argument("names", nargs=-1)
@click.option("-o", "--output", required=True, help="The file to write, in JSON Lines.")
@click.pass_context
def measure(context: click.Context, names: tuple[str, ...], output: str) -> None:
    """Measure the functions NAMES, all if none are given, as they are installed here.

    Exit code: 0, or 1 if a library no longer does what its row in the atlas says.
    """
    from convention.atlas import failures, load, write
    from convention.atlas import measure as measure_atlas

    previous = load()
    found = measure_atlas(names, previous=previous, progress=_progress if sys.stderr.isatty() else None)
    write(found, output)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    broken = failures(found, previous)
    for row in broken:
        print(f"{row.call}: {row.state}: {row.reason}", file=sys.stderr)
    rows = [row for row in found.rows if not names or row.operator in names]
    states = Counter(row.state for row in rows)
    kept = f"; {len(found.rows) - len(rows)} rows of other functions kept" * bool(names)
    told = ", ".join(f"{count} {state}" for state, count in states.items())
    print(f"wrote {output}: {told}{kept}", file=sys.stderr)
    missing = [row for row in found.rows if row.state == "could not install here"]
    for reason in dict.fromkeys(row.reason for row in missing):
        older = [row.version is not None for row in missing if row.reason == reason]
        print(f"  {reason}: {sum(older)} of {len(older)} sets of options have an older measurement", file=sys.stderr)
    context.exit(1 if broken else 0)


@atlas.command()
@click.argument("before")
@click.argument("after")
@click.pass_context
def diff(context: click.Context, before: str, after: str) -> None:
    """Show what differs in the atlas AFTER from the atlas BEFORE, other than when and where it was measured.

    Exit code: 0 if nothing does, else 1.
    """
    from convention.atlas import compare_atlases, read

    changes = compare_atlases(read(before), read(after))
    if not changes:
        print("no difference", file=sys.stderr)
    for change in changes:
        column = f" {change.column}" * bool(change.column)
        print(f"{change.row}{column}: {_plain(change.before)} -> {_plain(change.after)}")
    context.exit(1 if changes else 0)


def _row_of(name: str) -> click.Command:
    @click.command(name, help="Show all that the atlas has of this function.")
    @click.option("--json", "as_json", is_flag=True, help="Print its rows for programs, one object per line.")
    def show(as_json: bool) -> None:
        from convention.atlas import load
        from convention.catalogue import lookup

        lookup(name)  # refuses an unknown name, with the nearest one
        rows = load().of(name)
        if as_json:
            for row in rows:
                print(json.dumps(asdict(row)))
        else:
            _print(_in_full(rows))

    return show


def _in_full(rows: Sequence[Any]) -> list[Any]:
    from convention.atlas.pictures import anchor_picture, border_picture
    from convention.atlas.tables import options_in_words, values_in_words
    from convention.experiment.typesetting import paragraph

    if not rows:
        return [*paragraph("The atlas has no row of this function yet: convention atlas measure NAME -o FILE")]
    row = rows[0]
    computes = "neither definition" if row.computes == "mixed" else f"a {row.computes}"
    lines: list[Any] = list(paragraph(f"{row.operator} computes {computes}{_reversal(row)}."))
    lines.append("")

    def tell(name: str, words: str) -> None:
        indent = 12
        first, *rest = paragraph(words, indent=indent)
        lines.extend([f"{name:<{indent}}" + str(first)[indent:], *rest])

    tell("says", row.says)
    lines.append(f"{'':12}{row.source}")
    tell("call", row.call)
    tell("border", border_picture(row.boundary))
    picture = anchor_picture(row.operator, dict(row.options))
    tell("4 taps", picture[0] if picture else "refused: it takes odd kernels only")
    for line in picture[1:]:
        lines.append(" " * 12 + line)
    tell("size", str(row.size))
    steps = {name: getattr(row, name) for name in ("stride", "dilation", "upsample") if getattr(row, name) != 1}
    if steps:
        tell("steps", ", ".join(f"{name} {_plain(step)}" for name, step in steps.items()))
    tell("values", values_in_words(row))
    if row.layout:
        tell("layout", ", ".join(f"{name} {axes}" for name, axes in row.layout.items()))
    when = f"{row.library} {row.version}, {row.date}, {row.platform}" if row.version else "never"
    tell("measured", f"{when}: {row.probes} pairs of arrays as predicted, {row.refused} refused as predicted")
    if row.state != "measured":
        tell("state", f"{row.state}: {row.reason}")
    if row.identified:
        tell("identify", row.identified)
    if row.remarks:
        tell("remarks", row.remarks)
    if len(rows) > 1:
        lines += ["", *paragraph(f"With other options ({len(rows)} sets in all; - is as above, x is refused):")]
        lines += _variants(rows, options_in_words)
    return lines


def _variants(rows: Sequence[Any], in_words: Any) -> list[str]:
    """Return one line per option value, with what it changes: alone, or else together with one other option."""
    by_change = {json.dumps(_changed(row, rows[0])): row for row in rows}
    lines = []
    for row in rows[1:]:
        changed = _changed(row, rows[0])
        if len(changed) != 1:
            continue
        effect, given = _effect(row, rows[0]), ""
        for other in rows if not effect else ():
            rest = {name: value for name, value in _changed(other, rows[0]).items() if name not in changed}
            both = by_change.get(json.dumps(_changed(other, rows[0]) | changed))
            if len(rest) == 1 and both is other and (effect := _effect(other, by_change[json.dumps(rest)])):
                given = f" (with {in_words(rest)})"
                break
        head = f"  {in_words(changed):<30} "
        lines += textwrap.wrap(f"{head}{effect or '-'}{given}", _WIDTH, subsequent_indent=" " * 33)
    return lines


def _changed(row: Any, first: Any) -> dict[str, Any]:
    return {name: value for name, value in row.options.items() if value != first.options[name]}


def _effect(row: Any, first: Any) -> str:
    if row.computes in ("refused", "undetermined"):
        return {"refused": "x", "undetermined": f"no convention: {row.reason}"}[row.computes]
    names = ["computes", "reversed_axes", "boundary", "value", "size", "stride", "dilation", "upsample"]
    if row.boundary != "constant":
        names.remove("value")
    words = {"computes": "", "reversed_axes": "reversed axes "}
    differing = [name for name in names if getattr(row, name) != getattr(first, name)]
    texts = [words.get(name, f"{name} ") + _plain(getattr(row, name)) for name in differing]
    return ", ".join(texts + _values_that_differ(row, first))


def _values_that_differ(row: Any, first: Any) -> list[str]:
    """Return what these options change of how sums are stored."""
    from convention.atlas.tables import values_in_words
    from convention.catalogue import lookup

    words = [] if row.values == first.values and row.frame == first.frame else [values_in_words(row)]
    bias = lookup(row.operator).bias
    added = 0.0 if bias is None else bias(**row.options)
    return words + ([f"plus {added:g}"] if added else [])


def _reversal(row: Any) -> str:
    words = {"all": "kernel reversed along every axis", "none": "kernel not reversed"}
    if row.reversed_axes is None:
        return ""
    if isinstance(row.reversed_axes, str):
        return f" ({words[row.reversed_axes]})"
    return f" (kernel reversed along axis {', '.join(map(str, row.reversed_axes))} only)"


def _table(rows: Sequence[Any]) -> list[Any]:
    """Return the rows under headings: one for each module, whose name the rows then leave out."""
    from convention.atlas.tables import HEADER, cells, options_in_words
    from convention.experiment.typesetting import paragraph, table

    texts = [cells(row) for row in rows]
    # a long name has a line of its own, so that its cells fit into the width
    short = [("" if len(name) > _LONGEST else name, *rest) for name, *rest in texts]
    header, *lines = table(HEADER, short, gap=1, indent=1)
    found: list[Any] = [header]
    module, default = "", _defaults()
    for row, (function, *_), line in zip(rows, texts, lines):
        name = row.operator.rpartition(".")[0]
        if name != module:
            found.append(name)
            module = name
        if len(function) > _LONGEST:
            found.append(f" {function}")
        found.append(line)
        changed = {key: value for key, value in row.options.items() if value != default[row.operator][key]}
        if changed:
            found += paragraph(f"with {options_in_words(changed)}", indent=3)
        if row.state != "measured":
            found += paragraph(f"{row.state}: {row.reason}", indent=3)
    return found


def _defaults() -> dict[str, Any]:
    from convention.atlas import load

    return {row.operator: row.options for row in load().defaults()}


def _measured(known: Any) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in known.versions.items())
    counts = Counter(row.state for row in known.rows)
    states = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{len(known.defaults())} functions, {len(known.rows)} sets of options, {states}; {known.date}, {versions}"


def _progress(name: str) -> None:
    print(f"\r\x1b[Kmeasuring {name}", end="", file=sys.stderr, flush=True)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value)


def _print(lines: Sequence[Any]) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    for line in lines:
        console.print(line, soft_wrap=True)
