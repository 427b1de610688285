"""How experiments look as text: matrices side by side, verdicts, tables, at most 80 columns.

Everything is a `rich.text.Text` per line, so that one layout serves the terminal (with or without
colour) and the article. Colour is never the only sign: the word always stands there.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from rich.text import Text

from convention.experiment.evidence import Check, Matrix

__all__ = [
    "COLOURS",
    "MARK",
    "WIDTH",
    "grid",
    "paragraph",
    "row_of",
    "side_by_side",
    "table",
    "verdicts",
]

WIDTH = 80

MARK = "◤"
"""Shows where the kernel's k[0, 0] went."""

# Readable on white and on black (contrast 4.5 and more), and apart for colour-blind readers.
COLOURS = {"convolution": "#0f7cbd", "cross-correlation": "#c45200"}
"""The colour of each definition, wherever its word or its numbers stand."""


def paragraph(words: str, *, style: str = "", indent: int = 0) -> list[Text]:
    """Return text wrapped to the page, the definitions' words in their colours."""
    margin = " " * indent
    lines = textwrap.wrap(words, WIDTH, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False)
    return [_coloured(Text(line, style=style)) for line in lines]


def grid(matrix: Matrix, *, style: str = "", mark: tuple[int, int] | None = None) -> list[Text]:
    """Return a matrix as lines of equal length.

    Parameters
    ----------
    matrix : matrix
        The numbers.
    style : str
        How they are printed, for example ``COLOURS["convolution"]``.
    mark : (row, column), optional
        The entry that gets `MARK` at its outer side: k[0, 0], wherever it went.

    Examples
    --------
    >>> [line.plain for line in grid(((1, -2), (3, 4)), mark=(0, 0))]
    ['◤ 1 −2', '  3  4']
    """
    words = [[_number(value) for value in row] for row in matrix]
    widths = [max(map(len, column)) for column in zip(*words)]
    lines = []
    for index, row in enumerate(words):
        line = Text(" ".join(word.rjust(width) for word, width in zip(row, widths)), style=style)
        if mark is not None:
            sign = MARK if index == mark[0] else " "
            line = Text.assemble(f"{sign} ", line) if mark[1] == 0 else Text.assemble(line, f" {sign}")
        lines.append(line)
    return lines


def row_of(matrix: Matrix | None, *, width: int) -> str:
    """Return a matrix on one line, its rows apart by bars; a dash where there is none or no room."""
    rows = [] if matrix is None else [" ".join(map(_number, row)) for row in matrix]
    line = " | ".join(rows)
    return line if rows and len(line) <= width else "-"


def side_by_side(blocks: Sequence[tuple[str, Sequence[Text]]], *, gap: int = 3, indent: int = 2) -> list[Text]:
    """Return captioned blocks beside each other, captions (of one line or more) above them."""
    captions = [caption.split("\n") for caption, _ in blocks]
    tall = max(map(len, captions))
    columns = [
        [*(_coloured(Text(word)) for word in ([""] * (tall - len(caption)) + caption)), *lines]
        for caption, (_, lines) in zip(captions, blocks)
    ]
    return _rows(columns, gap=gap, indent=indent)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, gap: int = 2, indent: int = 2) -> list[Text]:
    """Return a table without rules, the definitions' words in their colours."""
    columns = list(zip(*rows))
    return side_by_side(
        [(caption, [_coloured(Text(cell)) for cell in column]) for caption, column in zip(header, columns)],
        gap=gap,
        indent=indent,
    )


def verdicts(checks: Iterable[Check]) -> list[Text]:
    """Return one line per check; for one that fails also what was computed and expected."""
    lines = []
    for check in checks:
        word, style = ("holds", "") if check.verdict else ("FAILS", "bold reverse")
        first, *rest = paragraph(check.name, indent=9)
        lines += [Text.assemble("  ", (word, style), "  ", first[9:]), *rest]
        if not check.verdict:
            found = f"computed {check.computed!r}, which had to be: {check.relation} {check.expected!r}"
            lines += paragraph(" ".join(found.split()), indent=9)
    return lines


def _rows(columns: Sequence[Sequence[Text]], *, gap: int, indent: int) -> list[Text]:
    widths = [max(len(cell) for cell in column) for column in columns]
    lines = []
    for index in range(max(map(len, columns))):
        line = Text(" " * indent)
        for column, width in zip(columns, widths):
            cell = column[index].copy() if index < len(column) else Text("")
            cell.pad_right(width - len(cell) + gap)
            line.append_text(cell)
        line.rstrip()
        lines.append(line)
    return lines


def _coloured(line: Text) -> Text:
    line.highlight_regex(r"(?<!cross-)\bconvolution\b", COLOURS["convolution"])
    line.highlight_regex(r"\bcross-correlation\b", COLOURS["cross-correlation"])
    return line


def _number(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")
