"""Panels on a sheet: in rows of equal columns, with a heading, a caption and the index order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from convention.errors import ConventionValueError
from convention.pictures.colours import INK, WHITE
from convention.pictures.lettering import FONT_HEIGHT, font, line_height, require_pillow, width_of, wrapped
from convention.pictures.panels import Colour, Panel, body, scale_bar

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["INDEX_ORDER", "sheet"]

INDEX_ORDER = "Indices are [row, column], counted from [0, 0] at the top left."
"""Written on every sheet."""

_MARGIN, _GAP, _SMALL, _HEADING = 20, 22, 13, 20
_NOTE = (70, 78, 86)


class _Drawn(NamedTuple):
    """A panel, drawn in parts, before its row is high enough for all its neighbours."""

    title: list[str]
    colour: Colour
    body: Image
    bar: Image | None
    note: list[str]


def sheet(
    panels: Sequence[Panel],
    *,
    columns: int | None = None,
    title: str = "",
    caption: str = "",
    panel_size: tuple[int, int] = (320, 260),
) -> Image:
    """Return one labelled picture of several panels.

    Parameters
    ----------
    panels : sequence of Panel
        In reading order.
    columns : int, optional
        How many stand side by side; at most three unless it is given.
    title, caption : str
        Above and below all panels. The index order is always stated after the caption.
    panel_size : (int, int)
        The greatest width and height of a panel's picture, in pixels.

    Returns
    -------
    PIL image
        In true colour.

    Raises
    ------
    ConventionValueError
        If there are no panels, or no columns.
    MissingLibraryError
        If Pillow is not installed.
    """
    require_pillow()
    from PIL import Image, ImageDraw

    count = min(3, len(panels)) if columns is None else columns
    if not panels or count < 1:
        raise ConventionValueError(
            f"a sheet of {len(panels)} panels in {count} columns", "nothing to draw", "at least one of each", "add one"
        )
    width = 2 * _MARGIN + count * panel_size[0] + (count - 1) * _GAP
    rows = [_row(panels[i : i + count], panel_size) for i in range(0, len(panels), count)]
    heading = wrapped(title, width - 2 * _MARGIN, _HEADING)
    footer = wrapped(f"{caption}\n{INDEX_ORDER}".lstrip("\n"), width - 2 * _MARGIN, FONT_HEIGHT)
    height = 2 * _MARGIN + len(heading) * line_height(_HEADING) + (8 if heading else 0)
    height += sum(row.height + _GAP for row in rows) + len(footer) * line_height()
    picture = Image.new("RGB", (width, height), WHITE)
    draw = ImageDraw.Draw(picture)
    top = _MARGIN
    for line in heading:
        draw.text((_MARGIN, top), line, INK, font(_HEADING))
        top += line_height(_HEADING)
    top += 8 if heading else 0
    for row in rows:
        picture.paste(row, (_MARGIN, top))
        top += row.height + _GAP
    for line in footer:
        draw.text((_MARGIN, top), line, _NOTE, font())
        top += line_height()
    return picture


def _row(panels: Sequence[Panel], size: tuple[int, int]) -> Image:
    """Return panels side by side: titles, pictures, scales and notes each start at the same height."""
    from PIL import Image, ImageDraw

    drawn = [_drawn(panel, size) for panel in panels]
    title = max(len(one.title) for one in drawn) * line_height() + 4
    picture = max(one.body.height for one in drawn) + 6
    bar = max(one.bar.height if one.bar else 0 for one in drawn)
    note = max(len(one.note) for one in drawn) * line_height(_SMALL)
    width = len(panels) * size[0] + (len(panels) - 1) * _GAP
    row = Image.new("RGB", (width, title + picture + bar + note), WHITE)
    draw = ImageDraw.Draw(row)
    for place, one in enumerate(drawn):
        left = place * (size[0] + _GAP)
        for index, line in enumerate(one.title):
            draw.text((left, index * line_height()), line, one.colour, font(), stroke_width=0.3)
        row.paste(one.body, (left, title))
        if one.bar is not None:
            row.paste(one.bar, (left, title + picture))
        for index, line in enumerate(one.note):
            draw.text((left, title + picture + bar + index * line_height(_SMALL)), line, _NOTE, font(_SMALL))
    return row


def _drawn(panel: Panel, size: tuple[int, int]) -> _Drawn:
    picture = body(panel, *size)
    room = sum(width_of(end, _SMALL) for end in panel.ends) + 16
    bar = scale_bar(panel, min(max(picture.width, 200, room), size[0])) if panel.has_bar(*size) else None
    title = wrapped(panel.title, size[0])
    return _Drawn(title, panel.colour, picture, bar, wrapped(panel.note, size[0], _SMALL))
