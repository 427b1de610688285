"""Simple labelled charts: lines over a number, and bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from convention.errors import ConventionValueError
from convention.pictures.colours import INK, SERIES, WHITE
from convention.pictures.lettering import FONT_HEIGHT, font, line_height, number, plain, require_pillow, width_of

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

__all__ = ["bar_chart", "line_chart"]

_GRID = (228, 232, 236)
_MARKS = ("circle", "square", "triangle")
_SMALL = FONT_HEIGHT - 2


def line_chart(
    series: Mapping[str, Sequence[float]],
    *,
    x: Sequence[float] | None = None,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    size: tuple[int, int] = (640, 380),
) -> Image:
    """Return a chart of one line per series; lines differ in colour, in the shape of their points, and by name.

    Parameters
    ----------
    series : mapping of str to sequence of float
        What each line is called, and its heights. NaN and Inf leave a gap.
    x : sequence of float, optional
        Where the points stand, for all series; 0, 1, 2, ... by default.
    title, x_label, y_label : str
        Texts.
    size : (int, int)
        In pixels.

    Returns
    -------
    PIL image
        As wide as asked for, on white.

    Raises
    ------
    ConventionValueError
        If there is nothing to draw, or x is shorter than a series.
    MissingLibraryError
        If Pillow is not installed.
    """
    require_pillow()
    longest = max(map(len, series.values()), default=0)
    places = list(range(longest)) if x is None else list(x)
    heights = [y for line in series.values() for y in line if math.isfinite(y)]
    if not heights or len(places) < longest:
        raise ConventionValueError(
            f"a chart of {len(series)} series",
            "nothing to draw" if not heights else f"x has {len(places)} numbers, a series has {longest}",
            "at least one finite number, and an x for each",
            "give it numbers",
        )
    picture, draw = _canvas(size, title)
    y_ticks, x_ticks = _ticks(min(heights), max(heights)), _ticks(min(places), max(places))
    left = 24 + max(width_of(_tick(t, y_ticks), _SMALL) for t in y_ticks)
    right = size[0] - 24 - max(width_of(name, _SMALL) for name in series)
    top, bottom = 2 * line_height() + 16, size[1] - 2 * line_height() - 12
    draw.text((16, line_height() + 14), plain(y_label), INK, font(_SMALL))

    def at(value: float, height: float) -> tuple[float, float]:
        across = (value - x_ticks[0]) / (x_ticks[-1] - x_ticks[0])
        up = (height - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])
        return left + across * (right - left), bottom - up * (bottom - top)

    for tick in y_ticks:
        y = at(x_ticks[0], tick)[1]
        draw.line((left, y, right, y), _GRID)
        draw.text((left - 6, y), _tick(tick, y_ticks), INK, font(_SMALL), anchor="rm")
    for tick in x_ticks:
        column = at(tick, y_ticks[0])[0]
        draw.line((column, bottom, column, bottom + 4), INK)
        draw.text((column, bottom + 6), _tick(tick, x_ticks), INK, font(_SMALL), anchor="ma")
    draw.line((left, bottom, right, bottom), INK)
    draw.text(((left + right) / 2, size[1] - 8), plain(x_label), INK, font(_SMALL), anchor="md")
    for index, line in enumerate(series.values()):
        _line(draw, [at(a, b) if math.isfinite(b) else None for a, b in zip(places, line)], index)
    _names(draw, {name: at(0, _last(line))[1] for name, line in series.items()}, right + 10)
    return picture


def bar_chart(
    values: Mapping[str, float],
    *,
    title: str = "",
    x_label: str = "",
    limit: float | None = None,
    colours: Sequence[tuple[int, int, int]] = SERIES,
    width: int = 640,
) -> Image:
    """Return a chart of horizontal bars from zero, each with its name and its number.

    Parameters
    ----------
    values : mapping of str to float
        Finite, not negative.
    title, x_label : str
        Texts.
    limit : float, optional
        What the full width means; by default the greatest value.
    colours : sequence of (int, int, int)
        Of the bars, repeated.
    width : int
        In pixels.

    Returns
    -------
    PIL image
        As wide as asked for, on white.

    Raises
    ------
    ConventionValueError
        If there are no values, or one is negative or not finite.
    MissingLibraryError
        If Pillow is not installed.
    """
    require_pillow()
    if not values or not all(math.isfinite(v) and v >= 0 for v in values.values()):
        raise ConventionValueError(
            "a bar chart", f"values {dict(values)}", "at least one, finite and not negative", "use a line chart"
        )
    step = line_height() + 16
    picture, draw = _canvas((width, 2 * line_height() + 24 + step * len(values)), title)
    left = 28 + max(map(width_of, values))
    right = width - 28 - max(width_of(number(v)) for v in values.values())
    full = limit or max(values.values()) or 1
    for index, (name, value) in enumerate(values.items()):
        y = line_height() + 16 + index * step
        middle = y + step / 2 - 4
        end = left + min(value / full, 1) * (right - left)
        draw.text((left - 8, middle), plain(name), INK, font(), anchor="rm")
        draw.rectangle((left, y, max(end, left + 1), y + step - 9), fill=colours[index % len(colours)])
        draw.text((end + 6, middle), number(value), INK, font(), anchor="lm")
    draw.line((left, line_height() + 10, left, picture.height - line_height() - 8), INK)
    draw.text(((left + right) / 2, picture.height - 6), plain(x_label), INK, font(_SMALL), anchor="md")
    return picture


def _canvas(size: tuple[int, int], title: str) -> tuple[Image, ImageDraw]:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", size, WHITE)
    draw = ImageDraw.Draw(picture)
    draw.text((16, 8), plain(title), INK, font(), stroke_width=0.3)
    return picture, draw


def _line(draw: ImageDraw, points: Sequence[tuple[float, float] | None], index: int) -> None:
    colour = SERIES[index % len(SERIES)]
    for a, b in pairwise(points):
        if a and b:
            draw.line((*a, *b), colour, width=2)
    for point in points[:: max(1, len(points) // 25)]:
        if point:
            _point(draw, *point, colour, _MARKS[index % len(_MARKS)])


def _point(draw: ImageDraw, x: float, y: float, colour: tuple[int, int, int], shape: str) -> None:
    if shape == "circle":
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour)
    elif shape == "square":
        draw.rectangle((x - 4, y - 4, x + 4, y + 4), fill=colour)
    else:
        draw.polygon(((x, y - 5), (x - 5, y + 4), (x + 5, y + 4)), fill=colour)


def _names(draw: ImageDraw, heights: Mapping[str, float], left: float) -> None:
    """Write each line's name at its end, apart from the others."""
    lowest = -math.inf
    for name in sorted(heights, key=lambda one: heights[one]):
        y = max(heights[name], lowest + line_height(_SMALL))
        colour = SERIES[list(heights).index(name) % len(SERIES)]
        draw.text((left, y), plain(name), colour, font(_SMALL), anchor="lm")
        lowest = y


def _last(line: Sequence[float]) -> float:
    return next((y for y in reversed(line) if math.isfinite(y)), 0.0)


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers that enclose the range, about five of them."""
    span = high - low or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span / 5))
    step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, max(last, first + 1) + 1)]


def _tick(value: float, ticks: Sequence[float]) -> str:
    decimals = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    return f"{value:.{decimals}f}"
