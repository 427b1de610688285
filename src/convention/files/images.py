"""Images in and out: PNG, JPEG and TIFF, with exactly the samples that are stored.

Samples come in the file's own data type: uint8 or uint16, in TIFF also float32 or float64. Palettes become
RGB, grey of fewer than 8 bits the same steps between 0 and 255 (1 bit: 0 and 255); alpha stands apart;
the picture is turned as EXIF says. Colours are not converted: an ICC profile is kept, not applied.

What is refused, with a reason: CMYK, several pictures in one file, premultiplied alpha, a name that says another format
than the content, and pictures so large that they may be a trap. Of several pictures in a JPEG file, as cameras
store them, the first is read, as every viewer does.

Written are the samples, the alpha, the ICC profile and the resolution. Other metadata is not: above all the
picture is stored upright, without an orientation to be applied again. JPEG is written with quality 95.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convention.errors import ConventionError, ConventionFileError, MissingLibraryError
from convention.files.depth import DEPTHS, in_depth
from convention.files.numerals import Origin, shape_text
from convention.files.pillow import read_jpeg, read_png, write_jpeg, write_png8
from convention.files.png import SIGNATURE, write_png
from convention.files.raster import Raster, upright
from convention.files.targets import checked_target, write_whole
from convention.files.tiff import read_tiff, write_tiff

__all__ = ["IMAGE_SUFFIXES", "MOST_PIXELS", "Image", "names_an_image", "read_image", "writable_image", "write_image"]

MOST_PIXELS = 178_956_970
"""Where Pillow, too, refuses: half a gigabyte of RGB. A larger picture may be made to exhaust memory."""


class _Format(NamedTuple):
    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...]
    read: Callable[[BinaryIO, Origin, Callable[[int, int], None]], Raster]
    depths: tuple[str, ...]
    alpha: bool
    longest: int
    """The most rows or columns: of PNG and TIFF in the specification, of JPEG in libjpeg."""


_FORMATS: dict[str, _Format] = {
    "PNG": _Format((".png",), (SIGNATURE,), read_png, ("uint8", "uint16"), True, 2**31 - 1),
    "JPEG": _Format((".jpg", ".jpeg"), (b"\xff\xd8\xff",), read_jpeg, ("uint8",), False, 65_500),
    "TIFF": _Format((".tif", ".tiff"), (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), read_tiff, DEPTHS, True, 2**32 - 1),
}
_BY_SUFFIX = {suffix: name for name, one in _FORMATS.items() for suffix in one.suffixes}

IMAGE_SUFFIXES = tuple(_BY_SUFFIX)
"""How the name of an image file ends."""

_OTHERS = {
    "a GIF": (0, b"GIF8"),
    "a BMP": (0, b"BM"),
    "a WebP": (8, b"WEBP"),
    "a HEIC or AVIF": (4, b"ftyp"),
    "a JPEG 2000": (4, b"jP  "),
    "a Photoshop file": (0, b"8BPS"),
    "a PDF": (0, b"%PDF"),
    "a .npy array": (0, b"\x93NUMPY"),
}
"""Contents that are only recognised: where in the file, and what stands there."""


@dataclass(frozen=True, eq=False)
class Image:
    """One image as it was read.

    Attributes
    ----------
    samples : array, shape (rows, columns) or (rows, columns, 3)
        uint8, uint16, float32 or float64, as in the file; without alpha.
    alpha : array, shape (rows, columns), or None
        In the samples' data type.
    mode : str
        What the file was: ``"palette, 8 bit"``.
    path : path
        Where it was read.
    icc_profile : bytes or None
        What its colours mean.
    dpi : pair of float, or None
        Samples per inch, across and down.
    """

    samples: NDArray[Any]
    alpha: NDArray[Any] | None
    mode: str
    path: Path
    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None


def names_an_image(source: object) -> bool:
    """Tell whether a source is a name that ends as an image file's does."""
    return isinstance(source, (str, os.PathLike)) and Path(source).suffix.lower() in IMAGE_SUFFIXES


def read_image(path: str | os.PathLike[str], *, most_pixels: int = MOST_PIXELS) -> Image:
    """Return the samples of a PNG, JPEG or TIFF file, exactly as they are stored.

    Parameters
    ----------
    path : str or path
        The suffix must say what the content is.
    most_pixels : int
        Rows times columns above which nothing is decoded.

    Returns
    -------
    Image
        Upright; alpha apart. `convention.files.images` has the rules.

    Raises
    ------
    ConventionFileError
        If the file is no such image, is damaged or cut short, or has no plain grey or RGB samples.
    MissingLibraryError
        If Pillow or tifffile is not installed.
    """
    file = Path(path)
    allowed = f"{', '.join(_FORMATS)}: one picture, grey or RGB, with alpha or without, {', '.join(DEPTHS)}"
    origin = Origin(f"read {str(file)!r}", ConventionFileError, allowed)
    try:
        with file.open("rb") as stream:
            read = _FORMATS[_content(stream, file, origin)].read
            raster = read(stream, origin, partial(_check_size, origin, most_pixels))
    except (ConventionError, MemoryError):
        raise
    except FileNotFoundError:
        origin.refuse("there is no such file", "check the name and the folder")
    except IsADirectoryError:
        origin.refuse("it is a folder", "name an image in it")
    except ImportError as missing:
        raise _missing(origin.asked, missing) from None
    except OSError as problem:
        if problem.errno is None:  # Pillow's
            _refuse_damage(origin, problem)
        origin.refuse(f"it cannot be read: {problem.strerror}", "name a file that can be read")
    except Exception as problem:  # damage shows as any kind of exception
        _refuse_damage(origin, problem)
    samples = np.ascontiguousarray(upright(raster.samples, raster.orientation))
    alpha = None
    if raster.alpha:
        samples, alpha = np.split(samples, [samples.shape[2] - 1], axis=2)
        samples, alpha = np.ascontiguousarray(samples), np.ascontiguousarray(alpha[:, :, 0])
    if samples.ndim == 3 and samples.shape[2] == 1:
        samples = samples[:, :, 0]
    dpi = raster.dpi if raster.dpi is not None and all(0 < number < inf for number in raster.dpi) else None
    if dpi is not None and raster.orientation in (5, 6, 7, 8):
        dpi = dpi[::-1]
    return Image(samples, alpha, raster.mode, file, raster.icc_profile or None, dpi)


def writable_image(path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Return the path that `write_image` would write, or refuse it before anything is computed.

    Parameters
    ----------
    path : str or path
        Where to; the suffix says how.
    force : bool
        Whether a file that is there may be replaced.

    Returns
    -------
    path
        Absolute, links followed.

    Raises
    ------
    ConventionFileError
        As `convention.files.writable_target`.
    """
    return checked_target(path, IMAGE_SUFFIXES, force=force)


def write_image(
    result: ArrayLike,
    path: str | os.PathLike[str],
    *,
    like: Image | None = None,
    view: str = "saturate",
    force: bool = False,
) -> int:
    """Write an array as an image, whole or not at all, and return how many samples were clipped.

    Parameters
    ----------
    result : array, shape (rows, columns) or (rows, columns, 3)
        Of real numbers. Integer samples are rounded half to even and saturate.
    path : str or path
        Where to. PNG holds uint8 and uint16, JPEG uint8 without alpha, TIFF any.
    like : Image, optional
        The image whose data type the samples get, and whose alpha, ICC profile and resolution are written. Without
        it the array's own data type must be one that images have.
    view : {"saturate", "offset", "absolute"}
        What is stored of results that may be negative; see `convention.files.depth.VIEWS`.
    force : bool
        Whether a file that is there may be replaced.

    Returns
    -------
    int
        How many samples were beyond the range after rounding.

    Raises
    ------
    ConventionFileError
        If the format cannot hold the image, or the file cannot be written. Then nothing has changed.
    ConventionTypeError, ConventionValueError
        If the result has no samples for an image, or NaN for integer samples.
    MissingLibraryError
        If Pillow or tifffile is not installed.
    """
    target = writable_image(path, force=force)
    asked = f"write {os.fspath(path)!r}"
    values = np.asarray(result)
    samples, clipped = in_depth(values, values.dtype if like is None else like.samples.dtype, view=view)
    name = _BY_SUFFIX[target.suffix.lower()]
    _check_fit(samples, None if like is None else like.alpha, name, Origin(asked, ConventionFileError))
    about: dict[str, Any] = {}
    if like is not None:
        if like.alpha is not None:
            planes = samples if samples.ndim == 3 else samples[:, :, None]
            samples = np.concatenate([planes, like.alpha[:, :, None]], axis=2)
        about = {"dpi": like.dpi} if like.dpi else {}
        if like.icc_profile and like.samples.ndim == values.ndim:  # a profile is for grey or for RGB
            about["icc_profile"] = like.icc_profile
    try:
        write_whole(target, asked, lambda stream: _encoder(name, samples)(stream, samples, **about))
    except ImportError as missing:
        raise _missing(asked, missing) from None
    return clipped


def _encoder(name: str, samples: NDArray[Any]) -> Callable[..., None]:
    if name == "PNG":
        return write_png if samples.dtype == np.uint16 else write_png8
    return write_jpeg if name == "JPEG" else write_tiff


def _content(stream: BinaryIO, file: Path, origin: Origin) -> str:
    """Return the name of the format that the content has; refuse a name that says another."""
    start = stream.read(16)
    stream.seek(0)
    if not start:
        origin.refuse("it is empty", "copy the file anew")
    found = next((name for name, one in _FORMATS.items() if start.startswith(one.magic)), "")
    if not found:
        other = (what for what, (place, mark) in _OTHERS.items() if start[place : place + len(mark)] == mark)
        what = next(other, "")
        fix = "convert it to PNG or TIFF" if what else "name an image, or save it anew in an image program"
        origin.refuse(f"its content is that of {what}" if what else "its content is no image that is read here", fix)
    suffix = file.suffix.lower()
    if _BY_SUFFIX.get(suffix) != found:
        says = f"its name says {_BY_SUFFIX.get(suffix, suffix)}" if suffix else "its name has no suffix"
        fix = f"rename it to {file.with_suffix(_FORMATS[found].suffixes[0]).name}"
        origin.refuse(f"{says}, its content is that of a {found}", fix)
    return found


def _check_size(origin: Origin, most: int, rows: int, columns: int) -> None:
    if rows * columns == 0:
        origin.refuse(f"it has {rows} rows and {columns} columns: no sample", "name an image with at least one")
    if rows * columns > most:
        origin._replace(allowed=f"at most {most} pixels").refuse(
            f"it has {rows} x {columns} = {rows * columns} pixels, perhaps a trap to exhaust memory",
            f"make it smaller, or allow as many: --most-pixels {rows * columns}, most_pixels={rows * columns}",
        )


def _check_fit(samples: NDArray[Any], alpha: NDArray[Any] | None, name: str, origin: Origin) -> None:
    """Refuse an image that a format cannot hold."""
    one = _FORMATS[name]
    if samples.ndim not in (2, 3) or samples.shape[2:] not in ((), (3,)) or samples.size == 0:
        allowed = "(rows, columns) or (rows, columns, 3), not empty"
        found = f"an array of shape {shape_text(samples.shape)}"
        origin._replace(allowed=allowed).refuse(found, "write a .npy file")
    allowed = f"{name}: {', '.join(one.depths)}, {'with alpha or without' if one.alpha else 'without alpha'}"
    fitting = origin._replace(allowed=allowed)
    if samples.dtype.name not in one.depths:
        better = next(other for other in _FORMATS.values() if samples.dtype.name in other.depths)
        fitting.refuse(f"the samples are {samples.dtype}", f"write a {better.suffixes[0]} file")
    if max(samples.shape) > one.longest:
        fitting.refuse(f"{shape_text(samples.shape[:2])} samples, more than {one.longest}", "write a .tif file")
    if alpha is not None and not one.alpha:
        fitting.refuse("the image has alpha", "write a .png or .tif file")
    if alpha is not None and alpha.shape != samples.shape[:2]:
        fitting.refuse(
            f"alpha is {shape_text(alpha.shape)}, the result {shape_text(samples.shape[:2])}",
            "keep the size (size same, stride 1), or save the image without alpha first",
        )


def _refuse_damage(origin: Origin, problem: Exception) -> NoReturn:
    why = next(iter(str(problem).strip().splitlines()), type(problem).__name__)
    origin.refuse(f"damaged, cut short, or not read here: {why}", "open it in an image program and save it anew")


def _missing(asked: str, missing: ImportError) -> MissingLibraryError:
    return MissingLibraryError(
        asked,
        f"{missing.name or missing} is not installed",
        "Pillow and tifffile, for images",
        "pip install '.[pictures]' in the project's folder",
    )
