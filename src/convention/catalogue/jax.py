"""JAX: ``jax.numpy``, ``jax.scipy.signal`` and ``jax.lax``, called with 64-bit types enabled."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic, Layout
from convention.catalogue.entry import Operator, Shape
from convention.definition import Convention
from convention.geometry import dilated_extent

__all__ = ["OPERATORS"]

_MODES = ("full", "same", "valid")
_FLOATS = Arithmetic()
_AXES = "DHW"


def _longer(signal_shape: Shape, kernel_shape: Shape, *, mode: str, **options: Any) -> bool:
    return mode == "valid" and all(k >= n for n, k in zip(signal_shape, kernel_shape)) and signal_shape != kernel_shape


def _longer_in_numpy(signal_shape: Shape, kernel_shape: Shape, *, mode: str) -> bool:
    return kernel_shape[0] > signal_shape[0]


def _size(signal_shape: Shape, kernel_shape: Shape, mode: str) -> Any:
    """Return the size that a mode means: with a longer kernel, of the result that the swapped operands give."""
    if _longer(signal_shape, kernel_shape, mode=mode):
        # measured: the windows in which the signal lies inside the kernel
        return tuple((k - n, k - n) for n, k in zip(signal_shape, kernel_shape))
    return mode


def _size_in_numpy(signal_shape: Shape, kernel_shape: Shape, mode: str, definition: str) -> Any:
    n, k = signal_shape[0], kernel_shape[0]
    if mode == "same" and k > n:  # measured, as in numpy: k outputs, centred on the kernel
        before = k - n + n // 2 if definition == "all" else k - 1 - n // 2
        return ((before, 2 * k - n - 1 - before),)
    return _size(signal_shape, kernel_shape, mode)


def _convolution(signal_shape: Shape, kernel_shape: Shape, *, mode: str, **options: Any) -> Convention:
    return Convention(size=_size(signal_shape, kernel_shape, mode))


def _correlation(signal_shape: Shape, kernel_shape: Shape, *, mode: str, **options: Any) -> Convention:
    return Convention(reversed_axes="none", size=_size(signal_shape, kernel_shape, mode), conjugate=True)


def _convolution_in_numpy(signal_shape: Shape, kernel_shape: Shape, *, mode: str) -> Convention:
    return Convention(size=_size_in_numpy(signal_shape, kernel_shape, mode, "all"))


def _correlation_in_numpy(signal_shape: Shape, kernel_shape: Shape, *, mode: str) -> Convention:
    size = _size_in_numpy(signal_shape, kernel_shape, mode, "none")
    return Convention(reversed_axes="none", size=size, conjugate=True)


def _correlation_2d(signal_shape: Shape, kernel_shape: Shape, *, mode: str) -> Convention:
    if mode == "same":  # measured: before is floor((K-1)/2), where jax.scipy.signal.correlate takes the ceiling
        return Convention(reversed_axes="none", size="same-upper", conjugate=True)
    return _correlation(signal_shape, kernel_shape, mode=mode)


def _empty(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    return "an empty operand" if 0 in signal_shape + kernel_shape else ""


def _crossed(signal_shape: Shape, kernel_shape: Shape) -> bool:
    pairs = list(zip(signal_shape, kernel_shape))
    return any(n < k for n, k in pairs) and any(n > k for n, k in pairs)


def _refuses(signal_shape: Shape, kernel_shape: Shape, *, mode: str, method: str = "auto") -> str:
    if _crossed(signal_shape, kernel_shape) and (method != "fft" or mode == "valid"):
        return "a kernel longer than the signal along one axis and shorter along another"
    return _empty(signal_shape, kernel_shape)


def _transforms(signal_shape: Shape, kernel_shape: Shape, *, mode: str, method: str = "auto") -> bool:
    return method == "fft"


def _in(module: str, name: str) -> Any:
    def call(signal: NDArray[Any], kernel: NDArray[Any], **options: Any) -> NDArray[Any]:
        jax = import_module("jax")
        with jax.enable_x64(True):
            return np.asarray(getattr(import_module(module), name)(signal, kernel, **options))

    return call


def _general_convention(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    padding: Any,
    window_strides: int,
    lhs_dilation: int,
    rhs_dilation: int,
) -> Convention:
    words = {"SAME": "same-upper", "SAME_LOWER": "same-lower", "VALID": "valid"}
    size: Any = words[padding] if isinstance(padding, str) else (padding,) * len(kernel_shape)
    return Convention(
        reversed_axes="none", size=size, stride=window_strides, upsample=lhs_dilation, dilation=rhs_dilation
    )


def _general_refuses(
    signal_shape: Shape, kernel_shape: Shape, *, padding: Any, lhs_dilation: int, **options: Any
) -> str:
    return "a word for padding together with lhs_dilation" if isinstance(padding, str) and lhs_dilation != 1 else ""


def _general_faults(signal_shape: Shape, kernel_shape: Shape, *, lhs_dilation: int, **options: Any) -> str:
    # measured: (3, 5) samples, (5, 2) taps and lhs_dilation=2 fail a check in XLA's algebraic simplifier
    ends = lhs_dilation > 1 and _crossed(signal_shape, kernel_shape)
    return "XLA may end the process: a kernel longer along one axis, shorter along another" if ends else ""


def _general(
    signal: NDArray[Any],
    kernel: NDArray[Any],
    *,
    padding: Any,
    window_strides: int,
    lhs_dilation: int,
    rhs_dilation: int,
) -> NDArray[Any]:
    jax = import_module("jax")
    ndim = signal.ndim
    with jax.enable_x64(True):
        result = jax.lax.conv_general_dilated(
            signal[None, None],
            kernel[None, None],
            window_strides=(window_strides,) * ndim,
            padding=padding if isinstance(padding, str) else (padding,) * ndim,
            lhs_dilation=(lhs_dilation,) * ndim,
            rhs_dilation=(rhs_dilation,) * ndim,
        )
    return np.asarray(result[0, 0])


def _transpose_convention(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    padding: Any,
    strides: int,
    rhs_dilation: int,
    transpose_kernel: bool,
) -> Convention:
    size = []
    for k in kernel_shape:
        extent = dilated_extent(k, rhs_dilation)
        before, after = padding if not isinstance(padding, str) else (0, 0)
        if padding == "SAME":
            total = extent + strides - 2
            before = extent - 1 if strides > extent - 1 else (total + 1) // 2
            after = total - before
        elif padding == "VALID":
            before = extent - 1
            after = extent + strides - 2 + max(extent - strides, 0) - before
        size.append((before, after))
    reversed_axes = "all" if transpose_kernel else "none"
    return Convention(reversed_axes=reversed_axes, size=tuple(size), upsample=strides, dilation=rhs_dilation)


def _transpose(
    signal: NDArray[Any],
    kernel: NDArray[Any],
    *,
    padding: Any,
    strides: int,
    rhs_dilation: int,
    transpose_kernel: bool,
) -> NDArray[Any]:
    jax = import_module("jax")
    ndim = signal.ndim
    axes = _AXES[-ndim:]
    with jax.enable_x64(True):
        result = jax.lax.conv_transpose(
            signal[None, ..., None],
            kernel[..., None, None],
            strides=(strides,) * ndim,
            padding=padding if isinstance(padding, str) else (padding,) * ndim,
            rhs_dilation=(rhs_dilation,) * ndim,
            dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
            transpose_kernel=transpose_kernel,
        )
    return np.asarray(result[0, ..., 0])


_ADDRESS = "https://docs.jax.dev/en/latest/_autosummary/"


def _scipy(name: str, named: str, convention: Any, ndims: tuple[int, ...], **rest: Any) -> Operator:
    two = "2d" in name
    methods = {} if two else {"method": ("auto", "direct", "fft")}
    return Operator(
        name=f"jax.scipy.signal.{name}",
        library="jax",
        named=named,
        ndims=ndims,
        options={"mode": _MODES, **methods},
        convention=convention,
        call=_in("jax.scipy.signal", name),
        accepts=_refuses,
        transforms=_transforms,
        signature="(in1, in2, mode='full', boundary='fill', fillvalue=0, precision=None)"
        if two
        else "(in1, in2, mode='full', method='auto', precision=None)",
        arithmetic=_FLOATS,
        source=f"{_ADDRESS}jax.scipy.signal.{name}.html",
        **rest,
    )


def _numpy(name: str, named: str, modes: tuple[str, ...], convention: Any, **rest: Any) -> Operator:
    return Operator(
        name=f"jax.numpy.{name}",
        library="jax",
        named=named,
        ndims=(1,),
        options={"mode": modes},
        convention=convention,
        call=_in("jax.numpy", name),
        accepts=_empty,
        signature=f"(a, v, mode={modes[0]!r}, *, precision=None, preferred_element_type=None)",
        arithmetic=_FLOATS,
        source=f"{_ADDRESS}jax.numpy.{name}.html",
        **rest,
    )


OPERATORS = (
    _numpy("convolve", "convolution", _MODES, _convolution_in_numpy, swaps=_longer_in_numpy),
    _numpy(
        "correlate",
        "cross-correlation",
        ("valid", "full", "same"),
        _correlation_in_numpy,
        swaps=_longer_in_numpy,
        remarks="Conjugates its second argument.",
    ),
    _scipy("convolve", "convolution", _convolution, (1, 2), swaps=_longer),
    _scipy(
        "correlate",
        "cross-correlation",
        _correlation,
        (1, 2),
        swaps=_longer,
        remarks="Conjugates its second argument. Even kernels are centred otherwise than in correlate2d.",
    ),
    _scipy("convolve2d", "convolution", _convolution, (2,), swaps=_longer),
    _scipy(
        "correlate2d",
        "cross-correlation",
        _correlation_2d,
        (2,),
        swaps=_longer,
        remarks="Conjugates its second argument. Even kernels are centred otherwise than in correlate.",
    ),
    Operator(
        name="jax.lax.conv_general_dilated",
        library="jax",
        named="convolution",
        ndims=(2, 1, 3),
        options={
            "padding": ("SAME", "SAME_LOWER", "VALID", (0, 0), (2, 1)),
            "window_strides": (1, 2),
            "lhs_dilation": (1, 2),
            "rhs_dilation": (1, 2),
        },
        convention=_general_convention,
        call=_general,
        accepts=_general_refuses,
        faults=_general_faults,
        signature=(
            "(lhs, rhs, window_strides, padding, lhs_dilation=None, rhs_dilation=None, dimension_numbers=None, "
            "feature_group_count=1, batch_group_count=1, precision=None, preferred_element_type=None)"
        ),
        arithmetic=_FLOATS,
        layout=Layout(signal="NC...", kernel="OI...", result="NC..."),
        source=f"{_ADDRESS}jax.lax.conv_general_dilated.html",
        remarks="A complex kernel is not conjugated. padding has no default; the layouts are those of its default.",
    ),
    Operator(
        name="jax.lax.conv_transpose",
        library="jax",
        named="convolution",
        ndims=(2, 1, 3),
        options={
            "padding": ("SAME", "VALID", (2, 1)),
            "strides": (1, 2, 3),
            "rhs_dilation": (1, 2),
            "transpose_kernel": (False, True),
        },
        convention=_transpose_convention,
        call=_transpose,
        signature=(
            "(lhs, rhs, strides, padding, rhs_dilation=None, dimension_numbers=None, transpose_kernel=False, "
            "precision=None, preferred_element_type=None, use_consistent_padding=False)"
        ),
        arithmetic=_FLOATS,
        layout=Layout(signal="N...C", kernel="...IO", result="N...C"),
        source=f"{_ADDRESS}jax.lax.conv_transpose.html",
        remarks=(
            "By default it does not reverse the kernel, so that it is not the transpose of a convolution with that "
            "kernel; transpose_kernel=True is (and exchanges the kernel's I and O)."
        ),
    ),
)
