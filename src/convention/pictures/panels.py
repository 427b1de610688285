"""One panel: an array, or a drawing, with its title, its scale and a note."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from convention.errors import ConventionTypeError, ConventionValueError, nearest
from convention.pictures.colours import BLUE, INK, PALE, WHITE, diverging, greys, reduced
from convention.pictures.lettering import FONT_HEIGHT, font, number, plain, width_of

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

__all__ = ["KINDS", "Frame", "Panel", "body", "scale_bar", "scale_of"]

Frame: TypeAlias = tuple[int, int, int, int]
Colour: TypeAlias = tuple[int, int, int]

KINDS = ("image", "signed", "kernel", "drawing")
MARKS = ("first", "last")

_CELL, _LEAST_CELL, _LARGEST_CELL = 24, 6, 64
_BAR_HEIGHT = 12


@dataclass(frozen=True, eq=False)
class Panel:
    """What one panel of a sheet shows.

    Attributes
    ----------
    title : str
        Above it.
    samples : array or PIL image
        Shape (rows, columns) or (n,), real; for ``"image"`` also (rows, columns, 3) or (rows, columns, 1). For
        ``"drawing"`` a PIL image, such as a chart.
    kind : {"image", "signed", "kernel", "drawing"}
        Greys or colours from black to white; blue above and orange below zero; numbers in cells.
    note : str
        Below it.
    scale : (float, float) or None
        The numbers that are black and white; for ``"signed"`` and ``"kernel"`` (-limit, limit). By default
        from the samples. Two panels that are to be compared need the same.
    ends : (str, str)
        What the low and the high end of the scale mean, written under the colour bar.
    bar : bool or None
        Whether to draw the scale; by default for ``"signed"``, and for a kernel without numbers in its cells.
    frame : (int, int, int, int) or None
        First row, first column, rows and columns of a part to put a frame around.
    mark : {"first", "last"} or None
        For ``"kernel"``: in which cell the corner mark of k[0, 0] stands.
    colour : (int, int, int)
        Of the title.
    """

    title: str
    samples: Any
    kind: str = "image"
    note: str = ""
    scale: tuple[float, float] | None = None
    ends: tuple[str, str] = ("", "")
    bar: bool | None = None
    frame: Frame | None = None
    mark: str | None = None
    colour: Colour = INK

    def __post_init__(self) -> None:
        for name, value, allowed in (("kind", self.kind, KINDS), ("mark", self.mark, (None, *MARKS))):
            if value not in allowed:
                words = [word for word in allowed if word]
                raise ConventionValueError(
                    f"Panel({name}={value!r})", "there is no such word", ", ".join(words), nearest(value, words)
                )
        if self.kind == "drawing":
            return
        array = np.asarray(self.samples)
        fits = array.ndim in (1, 2) or (self.kind == "image" and array.ndim == 3 and array.shape[2] in (1, 3))
        if array.dtype.kind not in "biuf" or not fits or not array.size:
            raise ConventionTypeError(
                f"a panel of kind {self.kind!r}",
                f"an array of shape {array.shape} and dtype {array.dtype}",
                "real numbers, not empty, of shape (n,) or (rows, columns), for an image also (rows, columns, 3)",
                "choose a part of the array, or its real part or magnitude",
            )
        object.__setattr__(self, "samples", array[None] if array.ndim == 1 else array)

    def has_bar(self, width: int, height: int) -> bool:
        """Tell whether a scale is drawn, at this size of the picture."""
        if self.bar is not None or self.kind in ("image", "drawing"):
            return bool(self.bar)
        return self.kind == "signed" or not _number_height(self, _cell(self, width, height))


def scale_of(panel: Panel) -> tuple[float, float]:
    """Return the numbers at the two ends of a panel's scale."""
    if panel.scale is not None:
        return panel.scale
    values = np.asarray(panel.samples, float)
    values = values[np.isfinite(values)]
    if panel.kind in ("signed", "kernel"):
        limit = float(np.abs(values).max(initial=0.0))
        return -limit, limit
    if panel.samples.dtype in (np.uint8, np.uint16):
        return 0.0, float(np.iinfo(panel.samples.dtype).max)
    return (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)


def body(panel: Panel, width: int, height: int) -> Image:
    """Return a panel's picture without its texts, at most so large."""
    from PIL import Image

    if panel.kind == "drawing":
        drawing: Image.Image = panel.samples.convert("RGB")
        share = min(width / drawing.width, height / drawing.height)
        size = (max(1, int(drawing.width * share)), max(1, int(drawing.height * share)))
        return drawing if share >= 1 else drawing.resize(size, Image.Resampling.LANCZOS)
    rows, columns = panel.samples.shape[:2]
    cell = _cell(panel, width, height)
    if cell < 1:
        share = min(width / columns, height / rows)
        shown = (max(1, round(rows * share)), max(1, round(columns * share)))
        picture = Image.fromarray(_colours(panel, reduced(panel.samples, *shown, _reduction(panel)), cell))
    else:
        colours = _colours(panel, panel.samples, cell)
        picture = Image.fromarray(np.repeat(np.repeat(colours, cell, axis=0), cell, axis=1))
    _decorate(picture, panel, cell)
    return picture


def scale_bar(panel: Panel, width: int) -> Image:
    """Return a panel's scale: the colours, the numbers at its ends and at zero, and what the ends mean."""
    from PIL import Image, ImageDraw

    low, high = scale_of(panel)
    ramp = np.linspace(low, high, width)[None]
    ramp[0, width // 2] = (low + high) / 2  # so that the middle is exactly zero where it should be
    colours = greys(ramp, low, high) if panel.kind == "image" else diverging(ramp, high)
    small = FONT_HEIGHT - 2
    lines = 2 if any(panel.ends) else 1
    bar = Image.new("RGB", (width, _BAR_HEIGHT + 4 + lines * (small + 5)), WHITE)
    bar.paste(Image.fromarray(np.repeat(colours, _BAR_HEIGHT, axis=0)), (0, 0))
    draw = ImageDraw.Draw(bar)
    draw.rectangle((0, 0, width - 1, _BAR_HEIGHT - 1), outline=PALE)
    values, top = np.asarray(panel.samples), _BAR_HEIGHT + 3
    beyond = (bool((values < low).any()), bool((values > high).any()))
    words = [("<= " if beyond[0] else "") + number(low, 3), (">= " if beyond[1] else "") + number(high, 3)]
    _ends(draw, words, width, top, small)
    if low < 0 < high:
        place = round((width - 1) * -low / (high - low))
        draw.text((place, top), "0", INK, font(small), anchor="ma")
        draw.line((place, _BAR_HEIGHT - 1, place, _BAR_HEIGHT + 2), INK)
    if lines == 2:
        _ends(draw, panel.ends, width, top + small + 3, small)
    return bar


def _ends(draw: ImageDraw, words: Any, width: int, top: int, height: int) -> None:
    draw.text((0, top), plain(words[0]), INK, font(height), anchor="la")
    draw.text((width - 1, top), plain(words[1]), INK, font(height), anchor="ra")


def _cell(panel: Panel, width: int, height: int) -> int:
    """Return how many pixels wide and high one sample is, 0 where it is less than one."""
    rows, columns = panel.samples.shape[:2]
    return int(min(width // columns, height // rows, _LARGEST_CELL))


def _reduction(panel: Panel) -> str:
    return "mean" if panel.kind == "image" else "extreme"


def _colours(panel: Panel, samples: NDArray[Any], cell: int) -> NDArray[np.uint8]:
    low, high = scale_of(panel)
    if panel.kind == "image":
        return greys(samples, low, high)
    colours = diverging(samples, high)
    if panel.kind == "kernel" and _number_height(panel, cell):  # tints, so that the numbers can be read
        return np.asarray(255 - (255 - colours.astype(np.uint16)) * 45 // 100, dtype=np.uint8)
    return colours


def _decorate(picture: Image, panel: Panel, cell: int) -> None:
    """Draw what stands on the samples: lines between cells, numbers, the corner mark, a frame, an outline."""
    from PIL import ImageDraw

    draw = ImageDraw.Draw(picture)
    rows, columns = panel.samples.shape[:2]
    if cell >= _LEAST_CELL and (panel.kind == "kernel" or cell >= _CELL):
        for row in range(1, rows):
            draw.line((0, row * cell, picture.width, row * cell), PALE)
        for column in range(1, columns):
            draw.line((column * cell, 0, column * cell, picture.height), PALE)
    _numbers(draw, panel, cell)
    if panel.mark is not None and cell >= 2:
        size = max(3, round(cell * 0.3))
        corners = [(0, 0), (size, 0), (0, size)]
        if panel.mark == "last":
            corners = [(picture.width - 1 - x, picture.height - 1 - y) for x, y in corners]
        draw.polygon(corners, fill=INK)
    if panel.frame is not None:
        _frame(draw, panel.frame, picture.width / columns, picture.height / rows)
    draw.rectangle((0, 0, picture.width - 1, picture.height - 1), outline=PALE)


def _numbers(draw: ImageDraw, panel: Panel, cell: int) -> None:
    """Write the samples into their cells, all equally large, where all fit."""
    height = _number_height(panel, cell)
    if not height:
        return
    brightness = _colours(panel, panel.samples, cell) @ (0.21, 0.72, 0.07)
    for (row, column), value in np.ndenumerate(panel.samples):
        place = (column * cell + cell / 2, row * cell + cell / 2)
        ink = INK if brightness[row, column] > 118 else WHITE  # whichever has the greater contrast
        draw.text(place, number(value, 3), ink, font(height), anchor="mm")


def _number_height(panel: Panel, cell: int) -> int:
    """Return how high the numbers in the cells are, 0 where they do not fit."""
    if cell < _CELL or panel.samples.ndim > 2:
        return 0
    widest = max((number(value, 3) for value in panel.samples.ravel()), key=width_of)
    return next((height for height in (18, 15, 13, 11, 9) if width_of(widest, height) <= cell - 4), 0)


def _frame(draw: ImageDraw, frame: Frame, wide: float, high: float) -> None:
    top, left, rows, columns = frame
    box = [round(left * wide), round(top * high), round((left + columns) * wide), round((top + rows) * high)]
    for out, colour in ((2, WHITE), (1, BLUE), (0, BLUE), (-1, WHITE)):
        draw.rectangle((box[0] - out, box[1] - out, box[2] - 1 + out, box[3] - 1 + out), outline=colour)
