"""OpenCV: ``cv2.filter2D`` and ``cv2.sepFilter2D``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue.entry import Operator, Shape
from convention.definition import Convention

__all__ = ["OPERATORS"]

_BORDERS = {
    "BORDER_DEFAULT": "whole-sample",
    "BORDER_CONSTANT": "zero",
    "BORDER_REPLICATE": "edge",
    "BORDER_REFLECT": "half-sample",
    "BORDER_REFLECT_101": "whole-sample",
    "BORDER_ISOLATED": "zero",
}
_REFUSED = ("BORDER_WRAP", "BORDER_TRANSPARENT")
_DEPTHS = (-1, "CV_64F")
_CENTRE = (-1, -1)

_ARITHMETIC = Arithmetic(result="signal", rounding="half-even", overflow="saturate")


def _filter2d_convention(
    signal_shape: Shape, kernel_shape: Shape, *, anchor: tuple[int, int], borderType: str, ddepth: int | str
) -> Convention:
    # measured: the anchor is the sample before which so many taps lie, column first; -1 is K//2
    before = [k // 2 if a == -1 else a for a, k in zip(anchor[::-1], kernel_shape)]
    size = tuple((b, k - 1 - b) for b, k in zip(before, kernel_shape))
    return Convention(
        reversed_axes="none", size="same" if anchor == _CENTRE else size, boundary=_BORDERS.get(borderType, "zero")
    )


def _filter2d_refuses(
    signal_shape: Shape, kernel_shape: Shape, *, anchor: tuple[int, int], borderType: str, ddepth: int | str
) -> str:
    if any(not -1 <= a < k for a, k in zip(anchor[::-1], kernel_shape)):
        return f"the anchor {anchor} is no tap of the kernel"
    return _refuses(signal_shape, kernel_shape, borderType)


def _refuses(signal_shape: Shape, kernel_shape: Shape, border: str) -> str:
    if 0 in signal_shape:
        return "an empty image"
    # measured: BORDER_TRANSPARENT is looked at only where a sample beyond the border is
    asked = border == "BORDER_WRAP" or (border == "BORDER_TRANSPARENT" and max(kernel_shape) > 1)
    return f"{border} is not supported" if asked else ""


def _filter2d(
    signal: NDArray[Any], kernel: NDArray[Any], *, anchor: tuple[int, int], borderType: str, ddepth: int | str
) -> NDArray[Any]:
    import cv2

    depth = getattr(cv2, ddepth) if isinstance(ddepth, str) else ddepth
    return np.asarray(cv2.filter2D(signal, depth, kernel, anchor=anchor, borderType=getattr(cv2, borderType)))


def _separable_convention(
    signal_shape: Shape, kernel_shape: Shape, *, along: str, anchor: int, borderType: str
) -> Convention:
    before = kernel_shape[0] // 2 if anchor == -1 else anchor
    size: Any = "same" if anchor == -1 else ((before, kernel_shape[0] - 1 - before),)
    return Convention(reversed_axes="none", size=size, boundary=_BORDERS.get(borderType, "zero"))


def _separable_refuses(signal_shape: Shape, kernel_shape: Shape, *, along: str, anchor: int, borderType: str) -> str:
    if not -1 <= anchor < kernel_shape[0]:
        return f"the anchor {anchor} is no tap of the kernel"
    return _refuses(signal_shape, kernel_shape, borderType)


def _separable(signal: NDArray[Any], kernel: NDArray[Any], *, along: str, anchor: int, borderType: str) -> NDArray[Any]:
    import cv2

    border, one = getattr(cv2, borderType), np.ones(1, kernel.dtype)
    if along == "kernelX":
        return np.asarray(cv2.sepFilter2D(signal[None], -1, kernel, one, anchor=(anchor, -1), borderType=border)[0])
    image = np.ascontiguousarray(signal[:, None])
    return np.asarray(cv2.sepFilter2D(image, -1, one, kernel, anchor=(-1, anchor), borderType=border)[:, 0])


_ADDRESS = "https://docs.opencv.org/4.x/d4/d86/group__imgproc__filter.html"

OPERATORS = (
    Operator(
        name="cv2.filter2D",
        library="cv2",
        named="convolution",
        ndims=(2,),
        options={
            "anchor": (_CENTRE, (0, 0), (1, 2)),
            "borderType": (*_BORDERS, *_REFUSED),
            "ddepth": _DEPTHS,
        },
        convention=_filter2d_convention,
        call=_filter2d,
        accepts=_filter2d_refuses,
        signature="(src, ddepth, kernel, dst=None, anchor=(-1, -1), delta=0, borderType=4)",
        arithmetic=_ARITHMETIC,
        source=f"{_ADDRESS}#ga27c049795ce870216ddfb366086b5a04",
        remarks=(
            "Its documentation begins 'Convolves an image with the kernel' and adds that it computes correlation. "
            "The anchor is (column, row). ddepth is the result's type, -1 the signal's. Taps of 0 are left out: a NaN "
            "under one does not spread. From about 11x11 taps on it uses a Fourier transform. BORDER_WRAP is refused."
        ),
    ),
    Operator(
        name="cv2.sepFilter2D",
        library="cv2",
        named="filter",
        ndims=(1,),
        options={
            "along": ("kernelX", "kernelY"),
            "anchor": (-1, 0, 2),
            "borderType": (*_BORDERS, *_REFUSED),
        },
        convention=_separable_convention,
        call=_separable,
        accepts=_separable_refuses,
        signature="(src, ddepth, kernelX, kernelY, dst=None, anchor=(-1, -1), delta=0, borderType=4)",
        arithmetic=_ARITHMETIC,
        source=f"{_ADDRESS}#ga910e29ff7d7b105057d1625a4bf6318d",
        remarks="One axis at a time: kernelX along every row of an image, kernelY along every column.",
    ),
)
