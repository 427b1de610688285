"""Astropy: ``astropy.convolution.convolve`` and ``astropy.convolution.convolve_fft``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic, Frame
from convention.catalogue.astropy_arguments import bind_convolve, bind_convolve_fft, fast_length, is_floating
from convention.catalogue.entry import Operator, Shape
from convention.definition import Convention

__all__ = ["OPERATORS"]

_BOUNDARIES = {"fill": "constant", None: "zero", "wrap": "periodic", "extend": "edge"}
_FFT_BOUNDARIES = {"fill": "constant", "wrap": "periodic", None: "constant"}
_ZERO_FRAME = Frame(kind="filled", value=0.0)


def _convention(
    signal_shape: Shape, kernel_shape: Shape, *, boundary: str | None, fill_value: float, normalize_kernel: bool
) -> Convention:
    rule = _BOUNDARIES[boundary]
    return Convention(boundary=rule, value=fill_value if rule == "constant" else 0)


def _refuses(
    signal_shape: Shape, kernel_shape: Shape, *, boundary: str | None, fill_value: float, normalize_kernel: bool
) -> str:
    if 0 in signal_shape:
        return "an empty array"
    if any(k % 2 == 0 for k in kernel_shape):
        return "an even number of taps"
    longer = boundary is None and any(n <= k // 2 * 2 for n, k in zip(signal_shape, kernel_shape))
    return "a kernel that is longer than the array, with boundary=None" if longer else ""


def _storage(*, normalize_kernel: bool, boundary: str | None, **options: Any) -> tuple[Arithmetic, Frame | None]:
    # measured: boundary=None leaves zeros where the window leaves the array
    return _arithmetic(normalize_kernel), _ZERO_FRAME if boundary is None else None


def _arithmetic(normalized: bool) -> Arithmetic:
    return Arithmetic(
        result="float64",
        sums="float64",
        kernel="float64",
        gain="1/sum" if normalized else "1",
        overflow="none",
        nan="interpolated",
    )


def _fft_convention(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    boundary: str | None,
    fill_value: float,
    normalize_kernel: bool,
    crop: bool,
) -> Convention:
    rule = _FFT_BOUNDARIES.get(boundary, "zero")
    size: Any = "same-upper"  # measured: an even kernel has its longer half after
    if not crop and rule == "constant":
        # measured: all of what was transformed, the array in its middle
        size = []
        for n, k in zip(signal_shape, kernel_shape):
            length = fast_length(n + k)
            before = (k - 1) // 2 + length // 2 - n // 2
            size.append((before, length - n + k - 1 - before))
    return Convention(
        size=size if isinstance(size, str) else tuple(size),
        boundary=rule,
        value=fill_value if rule == "constant" else 0,
    )


def _fft_refuses(signal_shape: Shape, kernel_shape: Shape, *, boundary: str | None, **options: Any) -> str:
    if 0 in kernel_shape:
        return "an empty kernel"
    return "boundary='extend'" if boundary == "extend" else ""


def _fft_faults(signal_shape: Shape, kernel_shape: Shape, *, boundary: str | None, **options: Any) -> str:
    if boundary == "wrap" and any(k > n for n, k in zip(signal_shape, kernel_shape)):
        return "the array gets zeros around it until it is as long as the kernel, and is then wrapped around"
    return ""


def _convolve(signal: NDArray[Any], kernel: NDArray[Any], **options: Any) -> NDArray[Any]:
    convolution = import_module("astropy.convolution")  # it has no types
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Casting complex values to real", np.exceptions.ComplexWarning)
        return np.asarray(convolution.convolve(signal, kernel, **options))


def _convolve_fft(signal: NDArray[Any], kernel: NDArray[Any], **options: Any) -> NDArray[Any]:
    convolution = import_module("astropy.convolution")
    category = import_module("astropy.utils.exceptions").AstropyUserWarning
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The convolve_fft version of boundary=None", category)
        return np.asarray(convolution.convolve_fft(signal, kernel, **options))


def _always(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> bool:
    return True


def _as_the_signal(signal: str, kernel: str, **options: Any) -> str:
    return signal if is_floating(signal) else "float64"


_ADDRESS = "https://docs.astropy.org/en/stable/api/astropy.convolution."
_NORMALIZED = (
    "Divided by the kernel's sum unless normalize_kernel=False; a sum below 0.01 is refused, so every negative one is "
    "('close to zero', the message says). "
)


def _entry(
    name: str, convention: Callable[..., Convention], call: Callable[..., NDArray[Any]], **fields: Any
) -> Operator:
    return Operator(
        name=f"astropy.convolution.{name}",
        library="astropy",
        named="convolution",
        ndims=(2, 1, 3),
        convention=convention,
        call=call,
        arrays=("array", "kernel"),
        arithmetic=_arithmetic(normalized=True),
        source=f"{_ADDRESS}{name}.html",
        **fields,
    )


OPERATORS = (
    _entry(
        "convolve",
        _convention,
        _convolve,
        options={"boundary": tuple(_BOUNDARIES), "fill_value": (0.0, 7.0), "normalize_kernel": (True, False)},
        accepts=_refuses,
        storage=_storage,
        result_dtype=_as_the_signal,
        signature=(
            "(array, kernel, boundary='fill', fill_value=0.0, nan_treatment='interpolate', normalize_kernel=True, "
            "mask=None, preserve_nan=False, normalization_zero_tol=1e-08)"
        ),
        bind=bind_convolve,
        remarks=(
            _NORMALIZED + "Floats keep their type, all else gives float64; the imaginary part of complex numbers is "
            "left out. boundary=None fills outputs whose window leaves the array with 0. A NaN is left out, and the "
            "other taps of its window weighted up; with nothing left it stays NaN. nan_treatment='fill' puts "
            "fill_value in its place."
        ),
    ),
    _entry(
        "convolve_fft",
        _fft_convention,
        _convolve_fft,
        options={
            "boundary": (*_FFT_BOUNDARIES, "extend"),
            "fill_value": (0.0, 7.0),
            "normalize_kernel": (True, False),
            "crop": (True, False),
        },
        accepts=_fft_refuses,
        faults=_fft_faults,
        transforms=_always,
        storage=lambda *, normalize_kernel, **options: (_arithmetic(normalize_kernel), None),
        signature=(
            "(array, kernel, boundary='fill', fill_value=0.0, nan_treatment='interpolate', normalize_kernel=True, "
            "normalization_zero_tol=1e-08, preserve_nan=False, mask=None, crop=True, return_fft=False, fft_pad=None, "
            "psf_pad=None, min_wt=0.0, allow_huge=False, fftn=None, ifftn=None, complex_dtype=None, dealias=False)"
        ),
        bind=bind_convolve_fft,
        remarks=(
            _NORMALIZED + "Takes even kernels, which convolve refuses. boundary=None warns and is 'fill'; a word that "
            "it does not know wraps around without a message. A NaN or Inf is left out as a NaN is by convolve, but "
            "where nothing is left the result is 0; in the kernel both become 0. crop=False returns all that was "
            "transformed, in 'fill' N+K samples or the next length with prime factors up to 11. Its documentation says "
            "that an array of [100, 3] with a kernel of [6, 6] gives [100, 6]; it gives [100, 3]. The result is the "
            "real part, in float64."
        ),
    ),
)
