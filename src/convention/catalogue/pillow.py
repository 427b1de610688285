"""Pillow: ``PIL.ImageFilter.Kernel``, given to ``Image.filter``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic, Frame
from convention.catalogue.entry import Operator, Shape
from convention.definition import Convention

__all__ = ["OPERATORS"]


def _convention(signal_shape: Shape, kernel_shape: Shape) -> Convention:
    # measured: rows are reversed, columns are not; nothing beyond the border is ever read
    return Convention(reversed_axes=(0,))


def _refuses(signal_shape: Shape, kernel_shape: Shape) -> str:
    # measured: an image smaller than the kernel is copied before the kernel is looked at
    smaller = any(n < k for n, k in zip(signal_shape, kernel_shape))
    return "" if smaller or kernel_shape in ((3, 3), (5, 5)) else "a kernel of neither 3x3 nor 5x5 taps"


def _filter(signal: NDArray[Any], kernel: NDArray[Any]) -> NDArray[Any]:
    from PIL import Image, ImageFilter

    height, width = kernel.shape
    return np.asarray(Image.fromarray(signal).filter(ImageFilter.Kernel((width, height), kernel.ravel().tolist())))


OPERATORS = (
    Operator(
        name="PIL.ImageFilter.Kernel",
        library="PIL",
        named="convolution",
        ndims=(2,),
        convention=_convention,
        call=_filter,
        accepts=_refuses,
        signature="(size, kernel, scale=None, offset=0)",
        arithmetic=Arithmetic(result="signal", sums="float32", gain="1/sum", rounding="half-up", overflow="saturate"),
        frame=Frame(kind="copied"),
        source="https://pillow.readthedocs.io/en/stable/reference/ImageFilter.html#PIL.ImageFilter.Kernel",
        remarks=(
            "Reversed along the rows' axis only ('flipped vertically', its documentation says), which is neither "
            "definition. Divided by scale, by default the kernel's sum (by nothing where that is 0); offset is added. "
            "Outputs whose window leaves the image are copied from it, without scale and offset. Floats are refused."
        ),
    ),
)
