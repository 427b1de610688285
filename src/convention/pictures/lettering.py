"""Text in pictures: Pillow's own font, its characters, its widths, and how numbers are written."""

from __future__ import annotations

import math
import textwrap
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from convention.errors import MissingLibraryError

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

__all__ = ["FONT_HEIGHT", "font", "line_height", "number", "plain", "require_pillow", "width_of", "wrapped"]

FONT_HEIGHT = 15
"""Of ordinary text, in pixels."""

# The font that Pillow brings (Aileron, its basic set) lacks these; measured in tests/surface/test_pictures.py.
_ASCII = {"−": "-", "×": "x", "≤": "<=", "≥": ">=", "–": "-", "—": "-", "→": "->", "…": "...", "²": "^2", "ß": "ss"}
_BEYOND_ASCII = "°·±"


def require_pillow() -> None:
    """Refuse to draw where Pillow, or the font library it needs, is missing."""
    fix = "pip install '.[pictures]' in the project's folder"
    try:
        from PIL import features
    except ImportError:
        raise MissingLibraryError("a picture", "Pillow is not installed", "Pillow 10.3 or later", fix) from None
    if not features.check("freetype2"):
        raise MissingLibraryError(
            "a picture", "this Pillow was built without FreeType, so it has no text", "Pillow with FreeType", fix
        )


@cache
def font(height: int = FONT_HEIGHT) -> FreeTypeFont:
    """Return Pillow's own font in a height."""
    from PIL import ImageFont

    found: Any = ImageFont.load_default(height)
    return found  # type: ignore[no-any-return]  # with FreeType it is no bitmap font


def plain(text: str) -> str:
    """Return a text in characters that the font has; accents are lost, anything unknown is a question mark."""
    spelled = unicodedata.normalize("NFKD", "".join(_ASCII.get(c, c) for c in text))
    kept = (c for c in spelled if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" or c in _BEYOND_ASCII else "?" for c in kept)


def width_of(text: str, height: int = FONT_HEIGHT) -> int:
    """Return how many pixels wide a line of text is."""
    return math.ceil(font(height).getlength(plain(text)))


def line_height(height: int = FONT_HEIGHT) -> int:
    """Return the distance between two lines of text."""
    return round(height * 1.35)


def wrapped(text: str, width: int, height: int = FONT_HEIGHT) -> list[str]:
    """Return the text in lines of at most so many pixels."""
    lines: list[str] = []
    for paragraph in map(plain, text.splitlines()):
        for count in range(len(paragraph), 0, -1):
            broken = textwrap.wrap(paragraph, count)
            if max(width_of(line, height) for line in broken or [""]) <= width:
                lines += broken
                break
    return lines


def number(value: Any, digits: int = 4) -> str:
    """Return a number as people read it: integers whole, others to some significant digits."""
    if isinstance(value, (complex, np.complexfloating)):
        return f"{complex(value):.{digits}g}"
    real = float(value)
    if math.isfinite(real) and real == int(real) and abs(real) < 10**7:
        return str(int(real))
    rounded = f"{real:.{digits}g}"
    return f"{float(rounded):.10g}" if 1 <= abs(real) < 10**7 else rounded
