"""PNG and JPEG, and the compressed TIFF that tifffile alone cannot read, through Pillow.

Pillow gives 16-bit colour as 8 bit: it keeps the first byte of every sample. Its decoders can be told the
byte order, though, and told the wrong one they keep the other byte. Both readings together are exact;
tests/surface/test_images.py holds that against other writers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from convention.files.numerals import Origin
from convention.files.raster import Raster

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

__all__ = ["pixels", "read_jpeg", "read_png", "write_jpeg", "write_png8"]

_PNG_MODES = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if np.little_endian else "L"}
"""The byte order that makes a decoder keep the byte it would drop."""

_ORIENTATION = 0x0112


def read_png(stream: BinaryIO, origin: Origin, checked_size: Callable[[int, int], None]) -> Raster:
    """Return the picture of a PNG file; `checked_size` refuses before anything is decoded."""
    from PIL.PngImagePlugin import PngImageFile

    header = stream.read(26)
    columns, rows, depth, colour = struct.unpack(">IIBB", header[16:26])
    checked_size(rows, columns)

    def opened() -> PngImageFile:
        stream.seek(0)
        return PngImageFile(stream)

    image = opened()
    if getattr(image, "n_frames", 1) > 1:
        origin.refuse(
            f"it is animated: {image.n_frames} pictures", "save the picture that you mean as a file of its own"
        )
    alpha = colour in (4, 6)
    if (depth, colour) == (16, 4):
        # four bytes per sample pair, as in RGBA of 8 bit: these bytes are the stored ones
        image.tile = [tile._replace(args="RGBA") for tile in image.tile]
        samples = np.asarray(image).view(">u2").astype(np.uint16)
    else:
        samples = pixels(image, opened)
    mode = f"{_PNG_MODES[colour]}, {depth} bit" + (" (read as 0 to 255)" if depth < 8 and colour == 0 else "")
    if colour == 3:
        alpha = samples.shape[2] == 4
    elif (key := image.info.get("transparency")) is not None:
        scale = 255 // (2**depth - 1) if depth < 8 and image.mode != "1" else 1
        samples, alpha, mode = _with_alpha(samples, np.multiply(key, scale)), True, f"{mode}, one colour transparent"
    return _raster(image, samples, alpha, mode)


def read_jpeg(stream: BinaryIO, origin: Origin, checked_size: Callable[[int, int], None]) -> Raster:
    """Return the picture of a JPEG file, the first one where a camera stored several."""
    from PIL.JpegImagePlugin import JpegImageFile

    image = JpegImageFile(stream)
    checked_size(image.height, image.width)
    if image.mode not in ("L", "RGB"):
        origin.refuse(f"its colours are {image.mode}", "convert it to RGB: they need its ink profile")
    mode = "grey, 8 bit" if image.mode == "L" else "RGB, 8 bit"
    return _raster(image, np.asarray(image), False, mode)


def pixels(image: ImageFile, opened: Callable[[], ImageFile]) -> NDArray[Any]:
    """Return the samples of an opened file; one that Pillow would give as 8 of 16 bit is read twice.

    Parameters
    ----------
    image : ImageFile
        Not yet loaded.
    opened : callable
        Opens the same file again.

    Returns
    -------
    array, shape (rows, columns) or (rows, columns, channels)
        Palettes are RGB, with alpha where they have it; 1 bit is 0 and 255.
    """
    order = _raw_mode(image)[-4:]
    if image.mode in ("RGB", "RGBA") and order in (";16B", ";16L", ";16N"):
        first = np.asarray(image).astype(np.uint16)
        first <<= 8
        again = opened()
        again.tile = [tile._replace(args=_other_order(tile.args)) for tile in again.tile]
        first |= np.asarray(again)
        return first
    if image.mode in ("P", "PA"):
        return np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    samples = np.asarray(image)
    # older Pillow: 16-bit grey in 32-bit integers; big-endian files keep their byte order
    return samples.astype(np.uint16) if image.mode.startswith("I") else samples


def write_png8(stream: BinaryIO, samples: NDArray[Any], **about: Any) -> None:
    """Write samples of 8 bit; `about` are Pillow's ``icc_profile`` and ``dpi``."""
    from PIL import Image

    Image.fromarray(samples).save(stream, "PNG", compress_level=4, **about)


def write_jpeg(stream: BinaryIO, samples: NDArray[Any], **about: Any) -> None:
    """Write grey or RGB samples of 8 bit, every colour at full resolution."""
    from PIL import Image

    Image.fromarray(samples).save(stream, "JPEG", quality=95, subsampling=0, **about)


def _raster(image: ImageFile, samples: NDArray[Any], alpha: bool, mode: str) -> Raster:
    # after the samples: in a PNG file, EXIF may follow them
    orientation = image.getexif().get(_ORIENTATION, 1)
    return Raster(samples, alpha, mode, orientation, image.info.get("icc_profile"), image.info.get("dpi"))


def _with_alpha(samples: NDArray[Any], key: NDArray[Any]) -> NDArray[Any]:
    """Return the samples with an alpha channel that is 0 where they have the transparent colour."""
    planes = samples.reshape(*samples.shape[:2], -1)
    opaque = (planes != key).any(axis=2, keepdims=True)
    return np.concatenate([planes, opaque * planes.dtype.type(np.iinfo(planes.dtype).max)], axis=2)


def _raw_mode(image: ImageFile) -> str:
    args = image.tile[0].args if image.tile else ""
    return args if isinstance(args, str) else str((args or ("",))[0])


def _other_order(args: tuple[Any, ...] | str | None) -> tuple[Any, ...] | str:
    raw, rest = (args, None) if isinstance(args, str) else ((args or ("",))[0], (args or ("",))[1:])
    other = raw[:-1] + _OTHER_BYTE[raw[-1]]
    return other if rest is None else (other, *rest)
