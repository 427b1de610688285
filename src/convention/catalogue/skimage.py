"""The one function of scikit-image that takes any kernel: ``skimage.filters.correlate_sparse``.

``skimage.filters.filter_forward`` and `LPIFilter2D` take an impulse response too, but return the absolute
value of the convolution: of a negative signal the same as of the positive one, which is no convolution.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue.entry import Operator, Shape, chosen, dtype_name
from convention.definition import Convention
from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["OPERATORS"]

_MODES = {
    "reflect": "half-sample",
    "mirror": "whole-sample",
    "nearest": "edge",
    "wrap": "periodic",
    "constant": "zero",
    "valid": "zero",
}
_SYNONYMS = {"symmetric": "reflect", "edge": "nearest"}
"""Words of ``numpy.pad`` that it passes on."""


def _convention(signal_shape: Shape, kernel_shape: Shape, *, mode: str) -> Convention:
    return Convention(reversed_axes="none", size="valid" if mode == "valid" else "same", boundary=_MODES[mode])


def _refuses(signal_shape: Shape, kernel_shape: Shape, *, mode: str) -> str:
    if 0 in kernel_shape:
        return "an empty kernel"
    if mode == "valid":  # measured: elsewhere a longer kernel gives an empty result
        fails = any(n + 1 < k <= 2 * n for n, k in zip(signal_shape, kernel_shape))
        return "mode='valid' and a kernel of N+2 to 2N taps for N samples" if fails else ""
    if any(k % 2 == 0 for k in kernel_shape):
        return "an even number of taps, unless mode='valid'"
    empty = mode != "constant" and any(n == 0 and k > 1 for n, k in zip(signal_shape, kernel_shape))
    return "an empty image, of which nothing can be copied" if empty else ""


def _result(signal: str, kernel: str, **options: Any) -> str:
    if "complex" in signal:
        raise ConventionValueError(
            f"an image of {signal}",
            "complex numbers are refused, though not in the kernel, whose imaginary part is left out",
            "real images",
            "filter the real and the imaginary part, each by itself",
        )
    return "float32" if signal in ("float16", "float32") else "float64"


def _correlate_sparse(signal: NDArray[Any], kernel: NDArray[Any], *, mode: str) -> NDArray[Any]:
    filters = import_module("skimage.filters")  # it has no types
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Casting complex values to real", np.exceptions.ComplexWarning)
        return np.asarray(filters.correlate_sparse(signal, kernel, mode=mode))


def _bind(image: Any, kernel: Any, mode: Any) -> Any:
    if not hasattr(image, "dtype"):
        raise ConventionTypeError(
            f"image of type {type(image).__name__}", "it has no data type", "an array", "pass numpy.asarray(image)"
        )
    if image.ndim == 0 or image.ndim != kernel.ndim:
        raise ConventionValueError(
            f"an image of {image.ndim} axes and a kernel of {kernel.ndim}",
            "their numbers differ, or are 0",
            "as many axes of the kernel as of the image",
            "reshape one of them",
        )
    word = mode if mode == "valid" else chosen("mode", mode, (*_MODES, *_SYNONYMS))
    real = kernel.real if "complex" in dtype_name(kernel) else kernel
    return image, real, {"mode": _SYNONYMS.get(word, word)}, {"skips_zeros": True}


OPERATORS = (
    Operator(
        name="skimage.filters.correlate_sparse",
        library="skimage",
        install="pip install scikit-image",
        named="cross-correlation",
        ndims=(2, 1, 3),
        options={"mode": tuple(_MODES)},
        convention=_convention,
        call=_correlate_sparse,
        accepts=_refuses,
        result_dtype=_result,
        signature="(image, kernel, mode='reflect')",
        arrays=("kernel",),
        bind=_bind,
        arithmetic=Arithmetic(result="float64", overflow="none"),
        source="https://scikit-image.org/docs/stable/api/skimage.filters.html#skimage.filters.correlate_sparse",
        remarks=(
            "float16 and float32 give float32. Taps of 0 are left out, but for the first: a NaN under another does not "
            "spread. A kernel of N+2 to 2N taps in 'valid' ends in an error about shapes, or, if only its first tap is "
            "not 0, in samples that are no sums. The message about even kernels names threshold_sauvola, which is not "
            "involved."
        ),
    ),
)
