"""TIFF: described by tifffile, decoded by it or by Pillow's libtiff, written uncompressed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from convention.files.depth import DEPTHS
from convention.files.numerals import Origin
from convention.files.raster import Raster

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import TiffImageFile
    from tifffile import TiffPage

__all__ = ["read_tiff", "write_tiff"]

# What it logs about a damaged file would reach standard error beside the refusal, which says it too.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

# PhotometricInterpretation, and PREMULTIPLIED of ExtraSamples: TIFF 6.0, sections 4, 5, 6, 16 and 18
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_COLOURS = {_WHITE_IS_ZERO: "grey", _BLACK_IS_ZERO: "grey", _RGB: "RGB", _PALETTE: "palette", _YCBCR: "RGB"}
_PREMULTIPLIED = 1
_ORIENTATION = 274


def read_tiff(stream: BinaryIO, origin: Origin, checked_size: Callable[[int, int], None]) -> Raster:
    """Return the picture of a TIFF file; `checked_size` refuses before anything is decoded."""
    from tifffile import TIFF, TiffFile

    with TiffFile(stream) as file:
        pages = [page.aspage() for page in file.pages]
        full = [page for page in pages if not page.is_reduced]  # a preview is no page of its own
        if not full:
            origin.refuse("damaged or cut short: it has no page", "copy the file anew")
        if len(full) > 1:
            origin.refuse(f"it has {len(full)} pages", "save the page that you mean as a file of its own")
        page = full[0]
        checked_size(page.imagelength, page.imagewidth)
        _check(page, origin)
        alpha = page.samplesperpixel in (2, 4)
        kind = f"float{page.bitspersample}" if page.sampleformat == 3 else f"{page.bitspersample} bit"
        mode = _COLOURS[page.photometric] + " with alpha" * alpha + f", {kind}"
        plain = page.photometric in (_BLACK_IS_ZERO, _RGB) and str(page.dtype) in DEPTHS
        orientation, icc_profile, dpi = 1, page.iccprofile, _dpi(page)
        if plain and page.compression in TIFF.DECOMPRESSORS and page.predictor in TIFF.UNPREDICTORS:
            samples = page.asarray()
            if page.planarconfig == 2 and page.samplesperpixel > 1:
                samples = np.moveaxis(samples, 0, -1)
            orientation = int(page.tags[_ORIENTATION].value) if _ORIENTATION in page.tags else 1
        else:
            samples = _through_libtiff(stream, page, origin)  # which turns the picture itself
            alpha = samples.ndim == 3 and samples.shape[2] == 4
            mode += " (read as 0 and 255)" if page.bitspersample == 1 else ""
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    return Raster(samples, alpha, mode, orientation, icc_profile, dpi)


def write_tiff(
    stream: BinaryIO,
    samples: NDArray[Any],
    *,
    icc_profile: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> None:
    """Write samples of any depth, shape (rows, columns) or (rows, columns, 2 to 4)."""
    from tifffile import imwrite

    channels = samples.shape[2] if samples.ndim == 3 else 1
    about: dict[str, Any] = {"extrasamples": ["unassalpha"]} if channels in (2, 4) else {}
    if dpi:
        about |= {"resolution": dpi, "resolutionunit": "inch"}
    colours = "rgb" if channels > 2 else "minisblack"
    if channels > 1:
        about["planarconfig"] = "contig"
    imwrite(stream, samples, photometric=colours, iccprofile=icc_profile, metadata=None, **about)


def _check(page: TiffPage, origin: Origin) -> None:
    """Refuse what is no picture of samples that can be summed."""
    if page.photometric not in _COLOURS:
        name = getattr(page.photometric, "name", page.photometric)
        what = "CMYK (inks)" if name == "SEPARATED" else name
        origin.refuse(f"its colours are {what}", "convert it to RGB: they need their own profile")
    if page.imagedepth > 1:
        origin.refuse(f"it is a volume of {page.imagedepth} slices", "save one slice, or read it as a .npy array")
    colours = 3 if _COLOURS[page.photometric] == "RGB" else 1
    if page.samplesperpixel not in (colours, colours + 1):
        origin.refuse(f"it has {page.samplesperpixel} samples per pixel", "save grey or RGB, with alpha or without")
    if _PREMULTIPLIED in page.extrasamples:
        origin.refuse("its colours are multiplied by its alpha", "save it with unassociated (straight) alpha")
    if str(page.dtype) not in DEPTHS and not (page.sampleformat == 1 and page.bitspersample < 8):
        found = f"its samples are {page.dtype or f'of {page.bitspersample} bit'}"
        origin.refuse(found, "convert them to one of " + ", ".join(DEPTHS))


def _dpi(page: TiffPage) -> tuple[float, float] | None:
    if "XResolution" not in page.tags or "YResolution" not in page.tags or page.resolutionunit not in (2, 3):
        return None
    across, down = page.get_resolution(unit="INCH")
    return float(across), float(down)


def _through_libtiff(stream: BinaryIO, page: TiffPage, origin: Origin) -> NDArray[Any]:
    """Return the samples of a file whose compression or colours tifffile alone does not read."""
    from PIL.TiffImagePlugin import TiffImageFile

    from convention.files.pillow import pixels

    def opened() -> TiffImageFile:
        stream.seek(0)
        return TiffImageFile(stream)

    compression = getattr(page.compression, "name", page.compression)
    try:
        image = opened()
        if image.mode == "CMYK":
            raise SyntaxError
        samples = pixels(image, opened)
    except (SyntaxError, KeyError):  # what Pillow raises for layouts that it does not know
        samples = np.zeros(0)
    expected = np.dtype(np.uint8) if page.bitspersample < 8 else page.dtype
    inverted = page.photometric == _WHITE_IS_ZERO and page.bitspersample > 8
    if samples.dtype != expected or samples.size % (page.imagelength * page.imagewidth) or not samples.size or inverted:
        origin.refuse(
            f"{page.samplesperpixel} x {page.bitspersample} bit with compression {compression} are not read",
            "save it without compression",
        )
    return samples
