"""What only these pictures need: arrows and cross-hairs on enlarged photographs, digits with what was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import atan2, cos, pi, sin
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convention.pictures.colours import BLUE, INK, ORANGE, WHITE
from convention.pictures.lettering import font, plain, require_pillow

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

__all__ = ["COLOURS", "middle_of", "with_answers", "with_arrows", "with_crosshair"]

COLOURS = {"convolution": BLUE, "cross-correlation": ORANGE}
"""The colour of each definition's titles."""

Point = tuple[float, float]

_BRIGHT = (255, 200, 40)


def middle_of(detail: tuple[slice, slice]) -> tuple[slice, slice]:
    """Return the part of half the length in the middle of a part of a photograph."""
    quarters = [(part.stop - part.start) // 4 for part in detail]
    rows, columns = (slice(part.start + quarter, part.stop - quarter) for part, quarter in zip(detail, quarters))
    return rows, columns


def with_arrows(samples: NDArray[Any], arrows: Iterable[tuple[Point, Point]], cell: int, length: int = 30) -> Image:
    """Return grey levels enlarged, with an arrow from each (row, column) in the direction (rows, columns)."""
    picture, draw = _enlarged(samples, cell)
    for (row, column), (down, along) in arrows:
        share = length / max(float(np.hypot(down, along)), 1e-9)
        start = ((column + 0.5) * cell, (row + 0.5) * cell)
        _arrow(draw, start, (start[0] + along * share, start[1] + down * share))
    return picture


def with_crosshair(samples: NDArray[Any], at: tuple[int, int], moved: tuple[int, int] | None, cell: int) -> Image:
    """Return grey levels enlarged, with a cross-hair at a sample and an arrow to where it has moved."""
    picture, draw = _enlarged(samples, cell)
    x, y = (at[1] + 0.5) * cell, (at[0] + 0.5) * cell
    for colour, width in ((INK, 3), (WHITE, 1)):
        draw.line((0, y, picture.width, y), colour, width)
        draw.line((x, 0, x, picture.height), colour, width)
    if moved and any(moved):
        _arrow(draw, (x, y), (x + moved[1] * cell, y + moved[0] * cell))
    return picture


def with_answers(
    images: NDArray[np.float64], rows: Sequence[tuple[str, Sequence[int]]], labels: NDArray[np.int64], cell: int = 8
) -> Image:
    """Return digits side by side, and below each what was read; wrong answers are boxed and struck out."""
    require_pillow()
    from PIL import Image, ImageDraw

    side, gap, left, line = images.shape[1] * cell, 10, 190, 32
    height = side + 12 + line * len(rows)
    picture = Image.new("RGB", (left + len(images) * (side + gap), height), WHITE)
    draw = ImageDraw.Draw(picture)
    draw.text((0, side / 2), "handwritten digit", INK, font(), anchor="lm")
    for index, image in enumerate(images):
        shade = np.repeat(np.repeat(np.rint(255 * (1 - image)).astype(np.uint8), cell, 0), cell, 1)
        place = left + index * (side + gap)
        picture.paste(Image.fromarray(shade), (place, 0))
        draw.rectangle((place, 0, place + side - 1, side - 1), outline=(170, 178, 186))
    for row, (name, answers) in enumerate(rows):
        y = side + 12 + row * line + line / 2
        draw.text((0, y), plain(name), INK, font(), anchor="lm")
        for index, answer in enumerate(answers):
            x = left + index * (side + gap) + side / 2
            wrong = answer != labels[index]
            if wrong:
                draw.rectangle((x - 15, y - 13, x + 15, y + 13), outline=ORANGE, width=2)
            draw.text((x, y), str(answer), ORANGE if wrong else INK, font(20), anchor="mm")
    return picture


def _enlarged(samples: NDArray[Any], cell: int) -> tuple[Image, ImageDraw]:
    require_pillow()
    from PIL import Image, ImageDraw

    grey = np.clip(np.rint(samples), 0, 255).astype(np.uint8)
    picture = Image.fromarray(np.repeat(np.repeat(grey, cell, axis=0), cell, axis=1)).convert("RGB")
    return picture, ImageDraw.Draw(picture)


def _arrow(draw: ImageDraw, start: Point, end: Point) -> None:
    """Draw an arrow that can be seen on dark and on bright ground: a bright one with a dark rim."""
    angle = atan2(end[1] - start[1], end[0] - start[0])
    head = [(end[0] - 12 * cos(angle + turn), end[1] - 12 * sin(angle + turn)) for turn in (pi / 6, -pi / 6)]
    neck = ((head[0][0] + head[1][0]) / 2, (head[0][1] + head[1][1]) / 2)
    draw.line((*start, *neck), INK, 7)
    draw.polygon([end, *head], fill=INK, outline=INK, width=3)
    draw.line((*start, *neck), _BRIGHT, 3)
    draw.polygon([end, *head], fill=_BRIGHT)
