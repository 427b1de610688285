"""SimpleITK: ``SimpleITK.Convolution`` and ``SimpleITK.FFTConvolution``.

They take images and return one, not arrays: `convention.like` has nothing to put in their place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue.entry import Operator, Shape
from convention.definition import Convention

__all__ = ["OPERATORS"]

_BOUNDARIES = {"ZERO_FLUX_NEUMANN_PAD": "edge", "ZERO_PAD": "zero", "PERIODIC_PAD": "periodic"}
_ADDRESS = "https://simpleitk.org/doxygen/latest/html/classitk_1_1simple_1_1"


def _convention(
    signal_shape: Shape, kernel_shape: Shape, *, boundaryCondition: str, outputRegionMode: str, normalize: bool
) -> Convention:
    # measured: SAME of an even kernel has the longer half after
    size = "same-upper" if outputRegionMode == "SAME" else "valid"
    return Convention(size=size, boundary=_BOUNDARIES[boundaryCondition])


def _refuses(
    signal_shape: Shape, kernel_shape: Shape, *, boundaryCondition: str, outputRegionMode: str, normalize: bool
) -> str:
    if 0 in signal_shape + kernel_shape:
        return "an empty image"
    longer = any(k > n for n, k in zip(signal_shape, kernel_shape))
    return "VALID and a kernel that is longer than the image" if longer and outputRegionMode == "VALID" else ""


def _reads_outside(
    signal_shape: Shape, kernel_shape: Shape, *, boundaryCondition: str, outputRegionMode: str, normalize: bool
) -> str:
    # measured: FFTConvolution wraps around as often as it must, Convolution once
    if boundaryCondition == "PERIODIC_PAD" and any(k // 2 > n for n, k in zip(signal_shape, kernel_shape)):
        return "a position more than N samples away from the image's end is read from memory that is not the image's"
    return ""


def _call(name: str) -> Callable[..., NDArray[Any]]:
    def call(
        signal: NDArray[Any], kernel: NDArray[Any], *, boundaryCondition: str, outputRegionMode: str, normalize: bool
    ) -> NDArray[Any]:
        import SimpleITK

        words = getattr(SimpleITK, f"{name}ImageFilter")
        result = getattr(SimpleITK, name)(
            SimpleITK.GetImageFromArray(signal),
            SimpleITK.GetImageFromArray(kernel),
            normalize=normalize,
            boundaryCondition=getattr(words, boundaryCondition),
            outputRegionMode=getattr(words, outputRegionMode),
        )
        return np.asarray(SimpleITK.GetArrayFromImage(result))

    return call


def _storage(nan: str) -> Callable[..., tuple[Arithmetic, None]]:
    def storage(*, normalize: bool, **options: Any) -> tuple[Arithmetic, None]:
        how = Arithmetic(
            result="signal",
            sums="float64",
            gain="1/sum" if normalize else "1",
            rounding="truncate",
            overflow="wrap",
            nan=nan,
        )
        return how, None

    return storage


_REMARKS = (
    "Image and kernel must have the same pixel type, which the result has too: an image of integers has no fractional "
    "taps. Sums are cut off towards zero; 8 to 32 bits wrap (500 is 244 in uint8), of a negative sum uint64 makes 0. "
    "normalize=True divides by the kernel's sum, of any sign, and refuses a sum of 0. Spacing, origin and direction of "
    "the kernel's image are not looked at. An array's last axis is an image's first. "
)


def _entry(name: str, remarks: str, **fields: Any) -> Operator:
    storage = _storage("everywhere" if "transforms" in fields else "window")
    return Operator(
        name=f"SimpleITK.{name}",
        library="SimpleITK",
        named="convolution",
        ndims=(2, 3),
        options={
            "boundaryCondition": tuple(_BOUNDARIES),
            "outputRegionMode": ("SAME", "VALID"),
            "normalize": (False, True),
        },
        convention=_convention,
        call=_call(name),
        accepts=_refuses,
        arithmetic=storage(normalize=False)[0],
        storage=storage,
        source=f"{_ADDRESS}{name}ImageFilter.html",
        remarks=_REMARKS + remarks,
        **fields,
    )


OPERATORS = (
    _entry(
        "Convolution",
        "PERIODIC_PAD wraps around once: with more than 2N+1 taps for N samples it reads foreign memory.",
        faults=_reads_outside,
    ),
    _entry(
        "FFTConvolution",
        "The noise of its transform is cut off like any fraction: in an image of integers an exact 2 may become 1.",
        transforms=lambda signal_shape, kernel_shape, **options: True,
    ),
)
