"""The six costs as text: for the terminal, and as Markdown for ``docs/experiment.md``."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from convention.experiment.consequences.cost import Cost
from convention.experiment.consequences.performance import Consequences
from convention.experiment.typesetting import WIDTH, paragraph, side_by_side, verdicts

__all__ = ["figures", "headline", "lines", "markdown", "tell", "where"]

_MARKDOWN_WIDTH = 110


def lines(consequences: Consequences, files: Sequence[Path]) -> list[Text]:
    """Return the whole report: what was found, the six costs, and where the files are."""
    parts = (headline(consequences), *(tell(cost) for cost in consequences.costs), where(files))
    return [line for part in parts for line in (*part, Text(""))][:-1]


def headline(consequences: Consequences) -> list[Text]:
    """Return the verdict over all costs, and what they were measured on."""
    failed = sum(not check.verdict for cost in consequences.costs for check in cost.checks)
    if failed:
        claim = f"NOT all shown: {failed} of {consequences.checks} checks fail (marked FAILS below)."
    else:
        claim = f"What the wrong definition costs, measured just now: all {consequences.checks} checks hold."
    versions = ", ".join(f"{name} {version}" for name, version in consequences.versions.items())
    return [
        *paragraph(claim, style="bold"),
        *paragraph(f"On the photograph {consequences.photo} and sklearn.datasets.load_digits(), with {versions}."),
    ]


def tell(cost: Cost) -> list[Text]:
    """Return one cost: the verdict, its figures, the checks that fail, and how to avoid it."""
    return [
        *paragraph(f"{cost.number}. {cost.title}", style="bold underline"),
        *paragraph(cost.verdict),
        *figures(cost),
        *verdicts(check for check in cost.checks if not check.verdict),
        *paragraph(f"Avoid it: {cost.avoid}"),
    ]


def figures(cost: Cost) -> list[Text]:
    """Return one line per figure, names and numbers below each other; where that is too wide, as sentences."""
    names, values = ([Text(getattr(one, field)) for one in cost.figures] for field in ("name", "shown"))
    table = side_by_side([("", names), ("", values)], gap=2)[1:]
    if max(map(len, table)) <= WIDTH:
        return table
    return [line for one in cost.figures for line in paragraph(f"{one.name}: {one.shown}", indent=2)]


def where(files: Sequence[Path]) -> list[Text]:
    """Return where the pictures and the page were written: a line each, so that paths can be copied."""
    return [*paragraph("Written, six pictures and a page that holds them all:"), *(Text(f"  {file}") for file in files)]


def markdown(consequences: Consequences, pictures: str) -> str:
    """Return the six costs as Markdown sections.

    Parameters
    ----------
    consequences : Consequences
        What was measured.
    pictures : str
        The folder of the pictures, as seen from the document.
    """
    sections = []
    for cost in consequences.costs:
        table = "\n".join(line.plain.rstrip() for line in figures(cost))
        sections.append(
            f"### {cost.number}. {cost.title}\n\n"
            f"{_wrapped(f'**{cost.verdict}**')}\n\n"
            f"![{cost.alt}]({pictures}/{cost.picture})\n\n"
            f"```text\n{table}\n```\n\n"
            f"{_wrapped(f'*What happened.* {cost.paragraph}')}\n\n"
            f"{_wrapped(f'*How to avoid it.* {cost.avoid}')}"
        )
    return "\n\n".join(sections)


def _wrapped(words: str) -> str:
    return textwrap.fill(words, _MARKDOWN_WIDTH, break_long_words=False, break_on_hyphens=False)
