"""A picture as PNG bytes of a bounded size, and as a file: whole or not at all."""

from __future__ import annotations

import io
import os
from functools import cache
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from convention.files.targets import checked_target, write_whole
from convention.pictures.colours import diverging
from convention.pictures.lettering import require_pillow

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["MOST_BYTES", "PNG_SUFFIXES", "png_bytes", "write_png"]

MOST_BYTES = 300_000
"""What a picture may weigh, so that a page holds several and a repository keeps them."""

PNG_SUFFIXES = (".png",)
"""How the name of such a file ends."""


def png_bytes(image: Image, *, most: int = MOST_BYTES) -> bytes:
    """Return a picture as PNG: in true colour where that is small enough, else in few colours, else smaller.

    Parameters
    ----------
    image : PIL image
        What to encode.
    most : int
        The most bytes, where that can be reached without going below a quarter of the picture's width.

    Returns
    -------
    bytes
        The same for the same picture. White stays exactly white.
    """
    require_pillow()
    from PIL.Image import Resampling

    image = image.convert("RGB")
    data = _encoded(image)
    for colours in (256, 128, 64):
        if len(data) <= most:
            return data
        data = _encoded(_in_few_colours(image, colours))
    for share in (0.85, 0.7, 0.55, 0.4, 0.25):
        if len(data) <= most:
            return data
        size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
        data = _encoded(_in_few_colours(image.resize(size, Resampling.BOX), 128))
    return data


def write_png(image: Image, path: str | os.PathLike[str], *, force: bool = False, most: int = MOST_BYTES) -> int:
    """Write a picture to a ``.png`` file, whole or not at all, and return its size in bytes.

    Parameters
    ----------
    image : PIL image
        What to write.
    path : str or path
        Where to; must end in ``.png``.
    force : bool
        Whether a file that is there may be replaced.
    most : int
        As in `png_bytes`.

    Returns
    -------
    int
        The number of bytes.

    Raises
    ------
    ConventionFileError
        If the file cannot be written. Then nothing has changed.
    """
    target = checked_target(path, PNG_SUFFIXES, force=force)
    data = png_bytes(image, most=most)

    def write(stream: BinaryIO) -> None:
        stream.write(data)

    write_whole(target, f"write {os.fspath(path)!r}", write)
    return len(data)


def _encoded(image: Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")  # optimize=True saves 2 % and takes four times as long
    return stream.getvalue()


def _in_few_colours(image: Image, count: int) -> Image:
    """Return a palette picture. The map of signed numbers has its own entries, and only zero is white.

    Left to a quantiser, blue and orange of neighbouring pixels become one olive, and faint colours white.
    """
    from PIL.Image import Dither, Quantize, fromarray

    pixels = np.asarray(image).reshape(-1, 3)
    entries, kept = _map_entries(count // 8)
    index = kept[_codes(pixels)]
    others = np.flatnonzero(index == len(entries))
    palette = entries
    if others.size:
        strip = fromarray(pixels[others][None])
        few = strip.quantize(count - len(entries), method=Quantize.MEDIANCUT, dither=Dither.NONE)
        chosen = np.reshape(few.getpalette() or [], (-1, 3))[: count - len(entries)]
        palette = np.concatenate([entries, np.where((chosen == 255).all(axis=1, keepdims=True), 254, chosen)])
        index[others] = np.asarray(few)[0] + len(entries)
    indexed = fromarray(index.reshape(image.height, image.width), mode="P")
    indexed.putpalette(palette.ravel().tolist())
    return indexed


@cache
def _map_entries(steps: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return colours of the signed map, so many per sign, and which of them stands for each of its colours.

    The second has an entry per 24-bit colour: the index of a colour, or their number for what is not on the map.
    """
    entries = diverging(np.linspace(-1, 1, 2 * steps + 1)[None], 1)[0]
    places = np.linspace(-1, 1, 20_001)
    nearest = np.rint((places + 1) * steps).astype(np.uint8)
    nearest[(nearest == steps) & (places < 0)] -= 1
    nearest[(nearest == steps) & (places > 0)] += 1
    kept = np.full(2**24, len(entries), np.uint8)
    kept[_codes(diverging(places[None], 1)[0])] = nearest
    kept[_codes(entries[steps : steps + 1])] = steps
    return entries, kept


def _codes(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return each colour as one number."""
    wide = pixels.astype(np.uint32)
    return np.asarray(wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2], dtype=np.uint32)
