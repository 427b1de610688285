"""ImageMagick 6 with 16 bits per sample: ``-morphology Convolve``, ``-morphology Correlate`` and ``-convolve``.

The program is ``convert-im6.q16``, as Debian names it: a plain ``convert`` may be any version, or another program.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from shutil import which
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue.entry import Operator, Shape
from convention.definition import Convention
from convention.errors import ConventionTypeError, ConventionValueError, MissingLibraryError

__all__ = ["OPERATORS", "TIME_LIMIT", "ImageMagickError"]

_PROGRAM = "convert-im6.q16"
_INSTALL = "apt install imagemagick"
TIME_LIMIT = 20.0
"""Seconds that one call may take."""

_WHITE = 255
"""Of an image of 8 bits: the background, which is white unless ``-background`` says otherwise."""

_RULES: dict[str, tuple[str, str]] = {
    "Edge": ("edge", "edge"),
    "Mirror": ("half-sample", "half-sample"),
    "Tile": ("periodic", "periodic"),
    "Black": ("zero", "zero"),
    "White": ("constant", "constant"),
    "Background": ("constant", "constant"),
    "HorizontalTile": ("constant", "periodic"),
    "VerticalTile": ("periodic", "constant"),
    "HorizontalTileEdge": ("edge", "periodic"),
    "VerticalTileEdge": ("periodic", "edge"),
}
"""For each ``-virtual-pixel``, how columns and how rows continue; the first is the default."""

_ORIGINS = (None, (1, 2))


class ImageMagickError(RuntimeError):
    """ImageMagick refused, hung or wrote no image; the message is its own where it gave one."""


def _convention(reversed_axes: str) -> Callable[..., Convention]:
    def convention(
        signal_shape: Shape, kernel_shape: Shape, *, virtual_pixel: str, origin: tuple[int, int] | None
    ) -> Convention:
        size = []
        # measured: the origin, column first, is the stored tap that meets the output's own sample; (K-1)//2 without one
        for k, tap in zip(kernel_shape, origin[::-1] if origin else (None, None)):
            anchor = (k - 1) // 2 if tap is None else tap
            before = k - 1 - anchor if reversed_axes == "all" else anchor
            size.append((before, k - 1 - before))
        word = "same" if reversed_axes == "all" else "same-upper"
        rules = _RULES[virtual_pixel]
        return Convention(
            reversed_axes=reversed_axes,
            size=tuple(size) if origin else word,
            boundary=rules,
            value=tuple(_WHITE if rule == "constant" else 0 for rule in rules),
        )

    return convention


def _refuses(signal_shape: Shape, kernel_shape: Shape, *, virtual_pixel: str, origin: tuple[int, int] | None) -> str:
    if 0 in signal_shape or 0 in kernel_shape:
        return "an empty image or kernel"
    if origin and any(tap >= k for tap, k in zip(origin[::-1], kernel_shape)):
        return f"the origin {origin} is no tap of the kernel"
    return ""


def _call(*operation: str) -> Callable[..., NDArray[Any]]:
    def call(
        signal: NDArray[Any], kernel: NDArray[Any], *, virtual_pixel: str, origin: tuple[int, int] | None
    ) -> NDArray[Any]:
        if signal.dtype not in (np.uint8, np.uint16):
            raise ConventionTypeError(
                f"an image of {signal.dtype}",
                "this ImageMagick has no other samples than whole numbers of 8 or 16 bits",
                "uint8, uint16",
                "convert it",
            )
        height, width = signal.shape
        # the depth is named for what is read only: after the operation it would round results down
        options = ("-size", f"{width}x{height}", "-depth", str(8 * signal.itemsize), "-endian", "LSB", "gray:-")
        border = ("-virtual-pixel", virtual_pixel)
        little = signal.astype(signal.dtype.newbyteorder("<"), copy=False)
        found = _run((*options, *border, *operation, _spelled(kernel, origin), "gray:-"), little.tobytes())
        if len(found) != signal.nbytes:
            raise ImageMagickError(f"it wrote {len(found)} bytes, not the {signal.nbytes} of an image")
        return np.frombuffer(found, little.dtype).astype(signal.dtype).reshape(signal.shape)

    return call


def _spelled(kernel: NDArray[Any], origin: tuple[int, int] | None) -> str:
    """Return a kernel as ImageMagick reads one: ``2x1: 0.5,0.25``."""
    if kernel.dtype.kind not in "biuf":
        raise ConventionTypeError(
            f"a kernel of {kernel.dtype}", "ImageMagick's are real", "real numbers", "pass its real part"
        )
    if not np.isfinite(kernel).all():
        raise ConventionValueError(
            "a kernel with taps that are not finite", "ImageMagick reads nan as no tap", "finite numbers", "change them"
        )
    height, width = kernel.shape
    where = "+{}+{}".format(*origin) if origin else ""
    return f"{width}x{height}{where}: " + " ".join(",".join(map(repr, row)) for row in kernel.astype(float).tolist())


def _run(words: tuple[str, ...], image: bytes) -> bytes:
    if which(_PROGRAM) is None:
        raise MissingLibraryError(_PROGRAM, "there is no such program", "ImageMagick 6 with 16 bits", _INSTALL)
    # threads cost more than they bring to small images
    surroundings = os.environ | {"MAGICK_THREAD_LIMIT": "1", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            (_PROGRAM, *words), input=image, capture_output=True, timeout=TIME_LIMIT, env=surroundings, check=False
        )
    except subprocess.TimeoutExpired:
        raise ImageMagickError(f"it did not end within {TIME_LIMIT:g} s and was stopped") from None
    if done.returncode != 0 or done.stderr:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[:1]
        raise ImageMagickError(f"it ended with status {done.returncode}" + "".join(f": {line[:200]}" for line in said))
    return done.stdout


_KERNELS = (
    "A kernel is written WxH+X+Y: with rows of taps; X,Y is the stored tap that meets the output's own sample, column "
    "first, and ((W-1)/2, (H-1)/2) rounded down without one. "
)
_SAMPLES = (
    "Samples are whole numbers of 16 bits (of 8, each becomes 257 times itself), rounded half up and kept between "
    "black and white, so that sums below 0 are black. An explicit -depth 8 for the result, or a PNG file of 8 bits, "
    "cuts them off downwards instead. White and the background, which is white too, are 255 of 8-bit samples, 65535 "
    "of 16-bit ones. A tap nan or - is left out. Not enumerated: Transparent, which weighs samples by "
    "their opacity and so leaves out those beyond, and CheckerTile, Gray, Dither and Random, whose continuation is no "
    "rule along each axis, no whole sample or no rule at all. "
)
_SCALES = "Divides by nothing, or with -define convolve:scale=! by the absolute sum of the taps. "
_EXAMPLES = "https://usage.imagemagick.org/convolve/"


def _entry(
    name: str, operation: tuple[str, ...], reversed_axes: str, gain: str, named: str, source: str, about: str
) -> Operator:
    return Operator(
        name=f"imagemagick.{name}",
        library="imagemagick",
        program=_PROGRAM,
        install=_INSTALL,
        named=named,
        ndims=(2,),
        options={"virtual_pixel": tuple(_RULES), "origin": _ORIGINS},
        convention=_convention(reversed_axes),
        call=_call(*operation),
        accepts=_refuses,
        arithmetic=Arithmetic(
            result="signal",
            sums="float64",
            gain=gain,
            rounding="half-up" if gain == "1" else "nearest",
            overflow="saturate",
        ),
        source=source,
        remarks=about + _KERNELS + _SAMPLES,
    )


OPERATORS = (
    _entry(
        "morphology.Convolve",
        ("-morphology", "Convolve"),
        "all",
        "1",
        "convolution",
        f"{_EXAMPLES}#convolve",
        "Reverses the kernel along both axes. " + _SCALES,
    ),
    _entry(
        "morphology.Correlate",
        ("-morphology", "Correlate"),
        "none",
        "1",
        "cross-correlation",
        f"{_EXAMPLES}#correlate",
        _SCALES,
    ),
    _entry(
        "convolve",
        ("-convolve",),
        "none",
        "1/sum",
        "convolution",
        "https://imagemagick.org/script/command-line-options.php#convolve",
        "Takes the kernel as stored, where -morphology Convolve reverses it, and divides by the sum of its taps unless "
        "that is 0: a single tap of -1 changes nothing. -define convolve:scale=! divides by the sum a second time. A "
        "half that comes of the division may be rounded either way. ",
    ),
)
