"""The image library libvips, through pyvips: ``pyvips.Image.conv``.

It takes images and returns one, not arrays: `convention.like` has nothing to put in its place.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue.entry import Operator, Shape
from convention.definition import Convention
from convention.errors import ConventionTypeError

__all__ = ["OPERATORS"]

_STORAGE = {
    "float": Arithmetic(result="float32", overflow="none"),
    "integer": Arithmetic(result="signal", kernel="int32", overflow="saturate"),
}
"""How sums are stored, by ``precision=``."""


def _convention(signal_shape: Shape, kernel_shape: Shape, *, precision: str) -> Convention:
    # measured: the mask is not reversed, and an even one has its longer half before
    return Convention(reversed_axes="none", size="same", boundary="edge")


def _refuses(signal_shape: Shape, kernel_shape: Shape, *, precision: str) -> str:
    return "an empty image" if 0 in signal_shape + kernel_shape else ""


def _conv(signal: NDArray[Any], kernel: NDArray[Any], *, precision: str) -> NDArray[Any]:
    if signal.dtype.kind == "c" or kernel.dtype.kind == "c":
        raise ConventionTypeError(
            f"an image of {signal.dtype} and a mask of {kernel.dtype}",
            "libvips puts the taps on real and imaginary parts in turn, which is no convolution of complex numbers",
            "real images and masks",
            "convolve the real and the imaginary part, each as its own image",
        )
    image = import_module("pyvips").Image.new_from_array  # it has no types
    return np.asarray(image(signal).conv(image(kernel), precision=precision).numpy()).reshape(signal.shape)


OPERATORS = (
    Operator(
        name="pyvips.Image.conv",
        library="pyvips",
        install="pip install 'pyvips[binary]'",
        named="convolution",
        ndims=(2,),
        options={"precision": tuple(_STORAGE)},
        convention=_convention,
        call=_conv,
        accepts=_refuses,
        arithmetic=_STORAGE["float"],
        storage=lambda *, precision: (_STORAGE[precision], None),
        source="https://www.libvips.org/API/current/method.Image.conv.html",
        remarks=(
            "precision='float' gives float32, of doubles doubles. precision='integer' keeps the image's type, rounds "
            "taps to integers (2.5 is 2), and clips 8 and 16 bits; 32 bits wrap. A mask made from a list may have a "
            "scale and an offset: with 'integer' half the scale is added to the sum and the quotient cut off towards "
            "zero, before the offset is added; a mask made from an array ignores both. Images of bytes take a path of "
            "its own there, in half precision: the mean of 128, 128 and 128 is 129. precision='approximate' is no "
            "convolution with the mask: it sums boxes that resemble it, and a black image does not stay black. Images "
            "of complex numbers are summed as if their parts were neighbours. convsep reverses a mask of one column "
            "along rows, and nothing of a mask of one row."
        ),
    ),
)
