"""`convention check`: does the word matter for this kernel?"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import Any, TypeVar

import click
import numpy as np
from numpy.typing import NDArray

from convention.commands import MINUS_SIGNS, not_an_option

__all__ = ["check"]

T = TypeVar("T")

_WIDTH = 80
_GAP = " " * 6
_ROOM = (_WIDTH - len(_GAP)) // 2 - len("◤ ")
_MARK = "◤"
_MOST_ROWS = 15
_MOST_MATRICES = 4
_AS_GIVEN, _REVERSED = "kernel as given", "reversed along every axis"


@click.command(context_settings=MINUS_SIGNS)
@click.argument("kernel", callback=not_an_option)
@click.option("--axes", help="The spatial axes, where the kernel has more: -2,-1 for a layer's weight.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer for programs.")
def check(kernel: str, axes: str | None, as_json: bool) -> None:
    """Say whether convolution and cross-correlation differ for this KERNEL.

    KERNEL is a name (sobel-x, gaussian-5, motion-9-45; an unknown name lists them all), text ("1 2; 3 4"), a range
    (1..9), JSON ("[[1, 2], [3, 4]]"), a file (.npy, .csv, .json), or - for standard input. A range whose count is
    a square is that square matrix: 1..9 is 3x3; 1..9@9 is not.
    It may begin with a minus sign: "-1 0 1"; to be sure that it is not taken for an option, write it last, after --.

    The mark ◤ shows where the first tap, k[0, 0], goes.
    """
    from convention.comparison import check as check_kernel
    from convention.comparison.reversal import spatial_axes
    from convention.files import read_kernel, to_nested_lists

    taps, named = read_kernel(kernel)
    spatial = spatial_axes(taps.ndim, None if axes is None else [_integer(axis) for axis in axes.split(",")])
    answer = check_kernel(taps, axes=None if axes is None else spatial)
    turned = np.flip(taps, spatial)
    if as_json:
        words = ("reversal_matters", "anchor_matters", "relation", "moved", "changed", "taps", "reason")
        record: dict[str, Any] = {word: getattr(answer, word) for word in words}
        record |= {"kernel": to_nested_lists(taps), "reversed": to_nested_lists(turned)}
        record["named"] = named and {word: getattr(named, word) for word in ("name", "definition", "source", "note")}
        print(json.dumps(record))
        return
    print(_wrapped(answer.reason))
    print()
    print(_side_by_side(taps, turned))
    if named is not None:
        meant = "either definition" if named.definition == "either" else named.definition
        about = f"{named.name}, as its source defines it, is meant for {meant}: {named.note}"
        print(f"\n{_wrapped(about)}\n{_wrapped(f'source: {named.source}')}")


def _integer(entry: str) -> int | str:
    """Return an integer, or the text as it is, to be refused."""
    try:
        return int(entry)
    except ValueError:
        return entry


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_on_hyphens=False, break_long_words=False)


def _side_by_side(taps: NDArray[Any], turned: NDArray[Any]) -> str:
    """Return both arrays as text, matrix by matrix, the mark at the first tap of one and the last of the other."""
    matrices = list(np.ndindex(taps.shape[:-2]))
    parts = []
    for index in _ends(matrices, _MOST_MATRICES):
        if index is None:
            parts.append("…")
            continue
        left, right = _rows(np.atleast_2d(taps[index])), _rows(np.atleast_2d(turned[index]))
        left = [f"  {row}" for row in left]
        if index == matrices[0]:
            left[0] = f"{_MARK}{left[0][1:]}"
        if index == matrices[-1]:
            right[-1] += f" {_MARK}"
        width = max(map(len, [_AS_GIVEN, *left]))
        lines = [f"{a:<{width}}{_GAP}{b}" for a, b in zip([_AS_GIVEN, *left], [_REVERSED, *right])]
        parts.append("\n".join([f"[{', '.join(map(str, index))}, :, :]"] * bool(index) + lines))
    return "\n\n".join(parts)


def _rows(matrix: NDArray[Any]) -> list[str]:
    """Return aligned rows of equal length; … stands for rows and columns that do not fit."""
    rows = _ends(range(matrix.shape[0]), _MOST_ROWS)
    for most in range(min(matrix.shape[1], _ROOM), 0, -1):
        columns = _ends(range(matrix.shape[1]), most)
        cells = [["…" if r is None or c is None else _cell(matrix[r, c]) for c in columns] for r in rows]
        widths = [max(map(len, column)) for column in zip(*cells)]
        if sum(widths) + len(widths) - 1 <= _ROOM:
            break
    return [" ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in cells]


def _ends(items: Sequence[T], most: int) -> list[T | None]:
    """Return at most so many items: all, or the first and the last with None between, or the first and None."""
    if len(items) <= most:
        return list(items)
    half = (most - 1) // 2
    return [*items[:half], None, *items[-half:]] if half else [items[0], None]


def _cell(tap: Any) -> str:
    shown = f"{tap:.6g}" if isinstance(tap, np.inexact) else str(int(tap))
    return shown.replace("-", "−")
