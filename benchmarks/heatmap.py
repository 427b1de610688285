"""The heat map of a run: a tile per cell with its ratio, orange where a peer is faster and blue where we are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from benchmarks.cells import Cell
from benchmarks.contest import Record
from convention.pictures.colours import diverging

__all__ = ["heat_map"]

_TILE, _HEIGHT, _LABEL, _GAP, _COLUMN = 46, 24, 190, 30, 640
_FULL = math.log(10)
"""A factor of ten, either way, has the full colour."""


def heat_map(cells: Sequence[Cell], records: Mapping[str, Record], title: str) -> str:
    """Return an SVG picture: a panel per group of cells, with rows as they are named and a column per kernel length."""
    panels: dict[str, list[Cell]] = {}
    for cell in cells:
        panels.setdefault(cell.panel, []).append(cell)
    heights = [0, 0]
    drawn: list[str] = []
    for name, members in panels.items():
        side = int(heights[1] < heights[0])
        svg, height = _panel(name, members, records)
        drawn.append(f'<g transform="translate({20 + side * _COLUMN},{60 + heights[side]})">{svg}</g>')
        heights[side] += height + _GAP
    width, height = 2 * _COLUMN + 20, 60 + max(heights)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="20" y="24" font-size="17" font-weight="bold">{escape(title)}</text>'
        f'<text x="20" y="44" fill="#444">How many times faster than the best peer (its time / ours). Columns: taps '
        f"along an axis. Blue: faster, orange: slower, grey: our result was refused.</text>"
        f"{''.join(drawn)}</svg>\n"
    )


def _panel(name: str, members: list[Cell], records: Mapping[str, Record]) -> tuple[str, int]:
    columns = sorted({cell.taps for cell in members})
    rows = list(dict.fromkeys(cell.row for cell in members))
    parts = [f'<text y="14" font-weight="bold">{escape(name)}</text>']
    for number, taps in enumerate(columns):
        x = _LABEL + (number + 0.5) * _TILE
        parts.append(f'<text x="{x}" y="34" text-anchor="middle" fill="#444">{taps}</text>')
    for number, row in enumerate(rows):
        y = 40 + number * _HEIGHT
        parts.append(f'<text x="{_LABEL - 8}" y="{y + 16}" text-anchor="end">{escape(row)}</text>')
        parts += [
            _tile(records[cell.name], _LABEL + columns.index(cell.taps) * _TILE, y)
            for cell in members
            if cell.row == row and cell.name in records
        ]
    return "".join(parts), 40 + len(rows) * _HEIGHT


def _tile(record: Record, x: int, y: int) -> str:
    ratio = record.ratio
    red, green, blue = diverging(np.array([[math.log(ratio) if ratio else math.nan]]), _FULL)[0, 0].tolist()
    ink = "#fff" if 0.3 * red + 0.6 * green + 0.1 * blue < 130 else "#111"
    best = record.best
    told = f"{record.cell}: {best.name if best else 'no peer'}" if record.ours.counts else record.ours.refusal
    return (
        f'<g><title>{escape(told)}</title><rect x="{x}" y="{y}" width="{_TILE - 2}" height="{_HEIGHT - 2}" '
        f'fill="rgb({red},{green},{blue})" stroke="#aab2ba"/><text x="{x + _TILE / 2 - 1}" y="{y + 15}" '
        f'text-anchor="middle" fill="{ink}">{_short(ratio)}</text></g>'
    )


def _short(ratio: float | None) -> str:
    """Return a ratio in at most four characters, never rounded up to 1."""
    if ratio is None:
        return "–"
    if ratio >= 100:
        return f"{ratio:.0f}"
    digits = 1 if ratio >= 10 else 2
    return f"{math.floor(ratio * 10**digits) / 10**digits:.{digits}f}"
