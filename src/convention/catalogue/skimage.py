"""The one function of scikit-image that takes any kernel: ``skimage.filters.correlate_sparse``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue.entry import Operator, Shape
from convention.definition import Convention

__all__ = ["OPERATORS"]

_MODES = {
    "reflect": "half-sample",
    "mirror": "whole-sample",
    "nearest": "edge",
    "wrap": "periodic",
    "constant": "zero",
    "valid": "zero",
}


def _convention(signal_shape: Shape, kernel_shape: Shape, *, mode: str) -> Convention:
    return Convention(reversed_axes="none", size="valid" if mode == "valid" else "same", boundary=_MODES[mode])


def _refuses(signal_shape: Shape, kernel_shape: Shape, *, mode: str) -> str:
    if mode == "valid":  # measured: elsewhere a longer kernel gives an empty result
        fails = any(n + 1 < k <= 2 * n for n, k in zip(signal_shape, kernel_shape))
        return "mode='valid' and a kernel of N+2 to 2N taps for N samples" if fails else ""
    return "an even number of taps, unless mode='valid'" if any(k % 2 == 0 for k in kernel_shape) else ""


def _correlate_sparse(signal: NDArray[Any], kernel: NDArray[Any], *, mode: str) -> NDArray[Any]:
    filters = import_module("skimage.filters")  # it has no types
    return np.asarray(filters.correlate_sparse(signal, kernel, mode=mode))


OPERATORS = (
    Operator(
        name="skimage.filters.correlate_sparse",
        library="skimage",
        named="cross-correlation",
        ndims=(2, 1, 3),
        options={"mode": tuple(_MODES)},
        convention=_convention,
        call=_correlate_sparse,
        accepts=_refuses,
        signature="(image, kernel, mode='reflect')",
        bind=lambda image, kernel, mode: (image, kernel, {"mode": mode}, {}),
        arithmetic=Arithmetic(result="float64", overflow="none"),
        source="https://scikit-image.org/docs/stable/api/skimage.filters.html#skimage.filters.correlate_sparse",
        remarks="float32 stays float32. The message about even kernels names threshold_sauvola, which is not involved.",
    ),
)
