"""OpenCV: ``cv2.filter2D`` and ``cv2.sepFilter2D``."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue.entry import Operator, Shape
from convention.catalogue.opencv_arguments import (
    DEPTHS,
    anchor_of,
    delta_of,
    depth_of,
    given,
    image_of,
    kernel_of,
    place_of,
    source_of,
)
from convention.catalogue.opencv_sums import Call, block_length, directly_filtered, separately_filtered, transformed
from convention.definition import Convention
from convention.errors import ConventionTypeError, ConventionValueError

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
_CODES = {0: "zero", 1: "edge", 2: "half-sample", 3: "periodic", 4: "whole-sample"}
"""Boundaries by the numbers of OpenCV's constants."""
_ISOLATED = 16
_WRAP = 3

_INTEGERS = ("uint8", "uint16", "int16")
_DIRECT = {
    "uint8": (*_INTEGERS, "float32", "float64"),
    "uint16": ("uint16", "float32", "float64"),
    "int16": ("int16", "float32", "float64"),
    "float32": ("float32",),
    "float64": ("float64",),
}
"""measured: the results' data types that filter2D offers by the images', for few taps."""
_TRANSFORMED = dict.fromkeys(DEPTHS.values(), tuple(DEPTHS.values()))
"""measured: from 50 or 130 taps on it offers all of them."""
_SEPARATE = {
    **dict.fromkeys((*_INTEGERS, "float32"), (*_INTEGERS, "float32", "float64")),
    "float64": (*_INTEGERS, "float64"),
}
"""measured: the results' data types that sepFilter2D offers by the images'."""
_DEPTHS = (-1, "CV_64F")
_CENTRE = (-1, -1)

_ARITHMETIC = Arithmetic(result="signal", rounding="half-even", overflow="saturate")


def _filter2d_storage(*, ddepth: Any, **options: Any) -> tuple[Arithmetic, None]:
    if ddepth == "CV_64F":
        return Arithmetic(result="float64", overflow="none"), None
    return _ARITHMETIC, None


def _filter2d_convention(
    signal_shape: Shape, kernel_shape: Shape, *, anchor: tuple[int, int], borderType: str, ddepth: int | str
) -> Convention:
    # measured: the anchor is the sample before which so many taps lie, column first; -1 is K//2
    before = [k // 2 if a == -1 else a for a, k in zip(anchor[::-1], kernel_shape)]
    size = tuple((b, k - 1 - b) for b, k in zip(before, kernel_shape))
    return Convention(
        reversed_axes="none",
        size="same" if anchor == _CENTRE else size,
        boundary="periodic" if borderType == "BORDER_WRAP" else _BORDERS.get(borderType, "zero"),
    )


def _filter2d_refuses(
    signal_shape: Shape, kernel_shape: Shape, *, anchor: tuple[int, int], borderType: str, ddepth: int | str
) -> str:
    if any(not -1 <= a < k for a, k in zip(anchor[::-1], kernel_shape)):
        return f"the anchor {anchor} is no tap of the kernel"
    if borderType == "BORDER_WRAP" and 0 not in signal_shape and _transforms(signal_shape, kernel_shape):
        return ""
    return _refuses(signal_shape, kernel_shape, borderType)


def _transforms(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> bool:
    # measured: 50 taps for float64, which the catalogue measures; `_many` has the other types
    return prod(kernel_shape) >= _many("float64", "float64")


def _many(source: str, target: str) -> int:
    """Return from how many taps on filter2D goes through a Fourier transform."""
    # measured, tap by tap: the documentation says 11x11, which is 121
    quick = (source == "uint8" and target in ("uint8", "int16")) or source == target == "float32"
    return 130 if quick else 50


def _loses_border(signal_shape: Shape, kernel_shape: Shape, *, borderType: str, **options: Any) -> str:
    if borderType == "BORDER_WRAP" and _transforms(signal_shape, kernel_shape):
        return _wrapped_blocks(signal_shape, kernel_shape)
    return ""


def _wrapped_blocks(signal_shape: Shape, kernel_shape: Shape) -> str:
    if any(block_length(n, k) < n for n, k in zip(signal_shape, kernel_shape)):
        return "BORDER_WRAP continues each block of the transform by itself, not the image"
    return ""


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


def _bind_filter2d(src: Any, ddepth: Any, kernel: Any, dst: Any, anchor: Any, delta: Any, borderType: Any) -> Any:
    image, taps = image_of(src), kernel_of("kernel", kernel)
    source = source_of(image)
    target = depth_of(ddepth, source)
    shape, counts = tuple(image.shape[:2]), tuple(taps.shape)
    many = prod(counts) >= _many(source, target)
    _check_depths(source, target, _TRANSFORMED if many else _DIRECT)
    x, y = anchor_of(anchor)
    for one, k in ((x, counts[1]), (y, counts[0])):
        if not -1 <= one < k:
            _refuse_anchor((x, y), counts)
    before = counts[0] // 2 if y == -1 else y, counts[1] // 2 if x == -1 else x
    boundary = _boundary(borderType, counts, wrap=many)
    lost = _wrapped_blocks(shape, counts) if many and boundary == "periodic" else ""
    if lost:
        raise ConventionValueError(
            f"borderType={borderType} for an image of {shape}", lost, "images of one block", "pad the image yourself"
        )
    call = _call(image, counts, before, boundary, delta, source, target)

    def computed(apply: Any, library: Any) -> Any:
        own = _narrowed(library, image), _narrowed(library, taps)
        way = transformed if many else directly_filtered
        return way(replace(call, image=own[0]), own[1], apply, library)

    return image, taps, {}, {"computed": computed, **_result(src, image, dst, target)}


def _bind_separable(
    src: Any, ddepth: Any, kernelX: Any, kernelY: Any, dst: Any, anchor: Any, delta: Any, borderType: Any
) -> Any:
    image, kernels = image_of(src), (kernel_of("kernelX", kernelX), kernel_of("kernelY", kernelY))
    source = source_of(image)
    target = depth_of(ddepth, source)
    _check_depths(source, target, _SEPARATE)
    depths = [source_of(taps) for taps in kernels]
    if depths[0] != depths[1] or any(1 not in taps.shape for taps in kernels):
        raise ConventionValueError(
            f"kernels of {depths[0]}, shape {tuple(kernels[0].shape)}, and {depths[1]}, {tuple(kernels[1].shape)}",
            "not two lines of one data type",
            "kernels of one axis and of the same data type",
            "convert them",
        )
    counts = prod(kernels[1].shape), prod(kernels[0].shape)
    x, y = anchor_of(anchor)
    if x >= counts[1] or y >= counts[0]:
        _refuse_anchor((x, y), counts)
    # measured: any negative number is the middle
    before = counts[0] // 2 if y < 0 else y, counts[1] // 2 if x < 0 else x
    call = _call(image, counts, before, _boundary(borderType, counts), delta, source, target)

    def computed(apply: Any, library: Any) -> Any:
        real = library.dtype_named(call.sums)
        along_row, along_column = (
            library.converted(_narrowed(library, taps), real).reshape((-1,)).tolist() for taps in kernels
        )
        return separately_filtered(call, (along_row, along_column), apply, library)

    return image, kernels[0], {}, {"computed": computed, **_result(src, image, dst, target)}


def _call(
    image: Any, counts: Shape, before: tuple[int, int], boundary: str, delta: Any, source: str, target: str
) -> Call:
    after = counts[0] - 1 - before[0], counts[1] - 1 - before[1]
    return Call(
        image=image, before=before, after=after, boundary=boundary, delta=delta_of(delta), source=source, target=target
    )


def _narrowed(library: Any, array: Any) -> Any:
    """Return an array of 64-bit integers as OpenCV takes it: their lowest 32 bits."""
    return library.cast(array, library.dtype_named("int32"), "wrap") if "int64" in str(array.dtype) else array


def _result(src: Any, image: Any, dst: Any, target: str) -> dict[str, Any]:
    """Return the result's data type and shape, and where it is written."""
    shape = tuple(image.shape) if image.shape[2] > 1 else tuple(image.shape[:2])
    place = place_of(dst, shape, target, image)
    where = {"shape": shape} if place is None else {"shape": tuple(place.shape), "out": place}
    return {"dtype": target, **where}


def _check_depths(source: str, target: str, offered: dict[str, tuple[str, ...]]) -> None:
    if target not in offered.get(source, ()):
        pairs = "; ".join(f"{one} to {', '.join(others)}" for one, others in offered.items())
        raise ConventionTypeError(
            f"an image of {source} and a result of {target}", "not offered for this kernel", pairs, "convert the image"
        )


def _refuse_anchor(anchor: tuple[int, int], counts: Shape) -> None:
    raise ConventionValueError(
        f"anchor={anchor}",
        "it is no tap of the kernel",
        f"(x, y) with x below {counts[1]} and y below {counts[0]}, or -1 for the middle",
        "name a tap, column first",
    )


def _boundary(border: Any, counts: Shape, wrap: bool = False) -> str:
    """Return what lies beyond the border; OpenCV looks at an unknown number only where something does."""
    code = given("borderType", border, default=4) & ~_ISOLATED
    if code in _CODES and (code != _WRAP or wrap):
        return _CODES[code]
    if code == _WRAP or max(counts) > 1:
        raise ConventionValueError(
            f"borderType={border}",
            "not supported",
            ", ".join(f"{number} ({name})" for number, name in _CODES.items() if number != _WRAP or wrap),
            "pass one of them",
        )
    return "zero"


_ADDRESS = "https://docs.opencv.org/4.x/d4/d86/group__imgproc__filter.html"

OPERATORS = (
    Operator(
        name="cv2.filter2D",
        library="cv2",
        install="pip install opencv-python-headless",
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
        faults=_loses_border,
        transforms=_transforms,
        bind=_bind_filter2d,
        signature="(src, ddepth, kernel, dst=None, anchor=(-1, -1), delta=0, borderType=4)",
        arithmetic=_ARITHMETIC,
        storage=_filter2d_storage,
        source=f"{_ADDRESS}#ga27c049795ce870216ddfb366086b5a04",
        remarks=(
            "Its documentation begins 'Convolves an image with the kernel' and adds that it computes correlation. "
            "The anchor is (column, row). ddepth is the result's type, -1 the signal's. Taps of 0 are left out: a NaN "
            "under one does not spread. From 50 taps on (130 for uint8 to uint8 or int16, and for float32; the "
            "documentation says about 11x11) it uses a Fourier transform, takes data types that it refuses otherwise "
            "and BORDER_WRAP, which is right only where one block holds the image, and a NaN fills its block. "
            "Below, sums are taken in float32 (float64 for float64) and rounded after every tap, so integers depend "
            "on the processor where a sum is next to a half: with AVX2 the numbers of a row behind whole vectors of 4 "
            "are rounded otherwise. Sums beyond 2**31 become the least integer. Big-endian arrays are misread."
        ),
    ),
    Operator(
        name="cv2.sepFilter2D",
        library="cv2",
        install="pip install opencv-python-headless",
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
        bind=_bind_separable,
        signature="(src, ddepth, kernelX, kernelY, dst=None, anchor=(-1, -1), delta=0, borderType=4)",
        arithmetic=_ARITHMETIC,
        source=f"{_ADDRESS}#ga910e29ff7d7b105057d1625a4bf6318d",
        remarks=(
            "One axis at a time: kernelX along every row of an image, kernelY along every column. From uint8 to uint8 "
            "with symmetric positive kernels of sum one on a grid of 1/256, halves go to even in whole vectors of 16 "
            "numbers and upwards in the rest of each row, so that cropping an image changes its last columns. From "
            "uint8 to int16 with symmetric kernels of integers, delta is rounded first. The middle tap of an "
            "antisymmetric kernel is not read. It narrows types (float32 to uint8), which filter2D refuses."
        ),
    ),
)
