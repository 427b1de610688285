"""Pillow: ``PIL.ImageFilter.Kernel``, given to ``Image.filter``."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic, Frame
from convention.catalogue.entry import Operator, Shape
from convention.definition import Convention

__all__ = ["OPERATORS"]


_SCALES = (None, 8, -8)
_OFFSETS = (0, 200, -5)
_FRAME = Frame(kind="copied")


def _arithmetic(scale: int | None) -> Arithmetic:
    gain = "1/sum" if scale is None else str(Fraction(1, scale))
    return Arithmetic(result="signal", sums="float32", gain=gain, rounding="half-up", overflow="saturate")


def _storage(*, scale: int | None, offset: int) -> tuple[Arithmetic, Frame]:
    # measured: the ring around the computed outputs is a copy, not scaled and without offset
    return _arithmetic(scale), _FRAME


def _bias(*, scale: int | None, offset: int) -> float:
    # measured: added after the division
    return offset


def _convention(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> Convention:
    # measured: rows are reversed, columns are not; nothing beyond the border is ever read
    return Convention(reversed_axes=(0,))


def _refuses(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    # measured: an image smaller than the kernel is copied before the kernel is looked at
    smaller = any(n < k for n, k in zip(signal_shape, kernel_shape))
    return "" if smaller or kernel_shape in ((3, 3), (5, 5)) else "a kernel of neither 3x3 nor 5x5 taps"


def _filter(signal: NDArray[Any], kernel: NDArray[Any], *, scale: int | None, offset: int) -> NDArray[Any]:
    from PIL import Image, ImageFilter

    height, width = kernel.shape
    operator = ImageFilter.Kernel((width, height), kernel.ravel().tolist(), scale, offset)
    return np.asarray(Image.fromarray(signal).filter(operator))


OPERATORS = (
    Operator(
        name="PIL.ImageFilter.Kernel",
        library="PIL",
        install="pip install pillow",
        named="convolution",
        ndims=(2,),
        options={"scale": _SCALES, "offset": _OFFSETS},
        convention=_convention,
        call=_filter,
        accepts=_refuses,
        storage=_storage,
        bias=_bias,
        signature="(size, kernel, scale=None, offset=0)",
        arithmetic=_arithmetic(None),
        frame=_FRAME,
        source="https://pillow.readthedocs.io/en/stable/reference/ImageFilter.html#PIL.ImageFilter.Kernel",
        remarks=(
            "Reversed along the rows' axis only ('flipped vertically', its documentation says), which is neither "
            "definition. Divided by scale, by default the kernel's sum: with a sum of 0, as edge filters have, by "
            "zero, and all outputs are 0, so scale=1 must be given. Then offset is added. "
            "Outputs whose window leaves the image are copied from it, without scale and offset, and an image smaller "
            "than the kernel is copied whole. Sums are taken in float32 and halves go up. Every band is filtered, "
            "alpha too; modes P and F are refused; in mode I (int32) negative results become 0."
        ),
    ),
)
