"""JAX: ``jax.lax`` conv_general_dilated, conv, conv_with_general_padding and conv_transpose.

Called with 64-bit types enabled, on one sample with one channel.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic, Layout
from convention.catalogue.entry import Operator, Shape
from convention.catalogue.jax_arguments import (
    bind_conv,
    bind_general,
    bind_transpose,
    bind_with_general_padding,
    general_refusal,
    pairs,
    per_axis,
)
from convention.catalogue.jax_types import SEMANTICS
from convention.definition import Convention
from convention.geometry import dilated_extent

__all__ = ["OPERATORS", "WORDS", "faults", "transposed_pairs"]

WORDS = {"SAME": "same-upper", "SAME_LOWER": "same-lower", "VALID": "valid"}
"""What conv_general_dilated means by its words for padding, which it takes in any case of letters."""
_AXES = "DHW"


def _convention(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    padding: Any,
    window_strides: Any,
    lhs_dilation: Any = 1,
    rhs_dilation: Any = 1,
) -> Convention:
    size: Any = WORDS[padding.upper()] if isinstance(padding, str) else pairs(padding, len(kernel_shape))
    return Convention(
        reversed_axes="none", size=size, stride=window_strides, upsample=lhs_dilation, dilation=rhs_dilation
    )


def _refuses(
    signal_shape: Shape, kernel_shape: Shape, *, padding: Any, lhs_dilation: Any = 1, rhs_dilation: Any = 1, **rest: Any
) -> str:
    return general_refusal(signal_shape, kernel_shape, padding, lhs_dilation)


def faults(signal_shape: Shape, kernel_shape: Shape, *, lhs_dilation: Any, **options: Any) -> str:
    """Return what goes wrong instead of a result, or an empty string."""
    # measured: (3, 5) samples, (5, 2) taps and lhs_dilation=2 fail a check in XLA's algebraic simplifier
    pairs_of_lengths = list(zip(signal_shape, kernel_shape))
    crossed = any(n < k for n, k in pairs_of_lengths) and any(n > k for n, k in pairs_of_lengths)
    ends = crossed and max(per_axis(lhs_dilation, len(kernel_shape))) > 1
    return "XLA may end the process: a kernel longer along one axis, shorter along another" if ends else ""


def _call(name: str) -> Callable[..., NDArray[Any]]:
    def call(signal: NDArray[Any], kernel: NDArray[Any], *, padding: Any, **options: Any) -> NDArray[Any]:
        jax = import_module("jax")
        ndim = signal.ndim
        counts = {key: per_axis(value, ndim) for key, value in options.items()}
        wanted = padding if isinstance(padding, str) else pairs(padding, ndim)
        with jax.enable_x64(True):
            result = getattr(jax.lax, name)(signal[None, None], kernel[None, None], padding=wanted, **counts)
        return np.asarray(result[0, 0])

    return call


def transposed_pairs(
    kernel_shape: Shape, padding: Any, strides: Any, dilation: Any, consistent: bool = False
) -> tuple[tuple[int, int], ...]:
    """Return the samples before and after that conv_transpose's padding means, one pair per axis.

    Parameters
    ----------
    kernel_shape : tuple of int
        The spatial one.
    padding : str, or pairs of int
        ``"SAME"`` or ``"VALID"``, or one pair, or one per axis.
    strides, dilation : int or tuple of int
        One for all axes, or one per axis.
    consistent : bool
        Whether pairs are those of the convolution that this is the transpose of.
    """
    ndim = len(kernel_shape)
    extents = [dilated_extent(k, d) for k, d in zip(kernel_shape, per_axis(dilation, ndim))]
    if not isinstance(padding, str):
        given = pairs(padding, ndim)
        if not consistent:
            return given
        return tuple((extent - 1 - before, extent - 1 - after) for extent, (before, after) in zip(extents, given))
    size = []
    for extent, stride in zip(extents, per_axis(strides, ndim)):
        if padding == "SAME":
            # measured: the odd sample before, where conv_general_dilated's SAME has it after
            total = extent + stride - 2
            before = extent - 1 if stride > extent - 1 else (total + 1) // 2
        else:
            total = extent + stride - 2 + max(extent - stride, 0)
            before = extent - 1
        size.append((before, total - before))
    return tuple(size)


def _transpose_convention(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    padding: Any,
    strides: Any,
    rhs_dilation: Any,
    transpose_kernel: bool,
    use_consistent_padding: bool = False,
) -> Convention:
    size: Any
    if isinstance(padding, str) and padding not in ("SAME", "VALID"):
        size = WORDS[padding.upper()]  # measured: "valid" is another size than "VALID"
    else:
        size = transposed_pairs(kernel_shape, padding, strides, rhs_dilation, use_consistent_padding)
    reversed_axes = "all" if transpose_kernel else "none"
    return Convention(reversed_axes=reversed_axes, size=size, upsample=strides, dilation=rhs_dilation)


def _transpose_refuses(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    padding: Any,
    strides: Any,
    rhs_dilation: Any,
    use_consistent_padding: bool = False,
    **rest: Any,
) -> str:
    wanted = padding
    if not isinstance(padding, str) or padding in ("SAME", "VALID"):
        wanted = transposed_pairs(kernel_shape, padding, strides, rhs_dilation, use_consistent_padding)
    return general_refusal(signal_shape, kernel_shape, wanted, strides)


def _transpose(
    signal: NDArray[Any],
    kernel: NDArray[Any],
    *,
    padding: Any,
    strides: Any,
    rhs_dilation: Any,
    transpose_kernel: bool,
) -> NDArray[Any]:
    jax = import_module("jax")
    ndim = signal.ndim
    axes = _AXES[-ndim:]
    with jax.enable_x64(True):
        result = jax.lax.conv_transpose(
            signal[None, ..., None],
            kernel[..., None, None],
            strides=per_axis(strides, ndim),
            padding=padding if isinstance(padding, str) else pairs(padding, ndim),
            rhs_dilation=per_axis(rhs_dilation, ndim),
            dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
            transpose_kernel=transpose_kernel,
        )
    return np.asarray(result[0, ..., 0])


_TYPES = "Both operands must have the same data type; integers are summed in theirs and wrap. "
_ACCUMULATED = "preferred_element_type is the type of the sums and of the result. precision changes nothing on a CPU. "


def _entry(name: str, options: dict[str, tuple[Any, ...]], parameters: str, bind: Any, remarks: str) -> Operator:
    transposed = name == "conv_transpose"
    return Operator(
        name=f"jax.lax.{name}",
        library="jax",
        named="convolution",
        ndims=(2, 1, 3),
        options=options,
        convention=_transpose_convention if transposed else _convention,
        call=_transpose if transposed else _call(name),
        accepts=_transpose_refuses if transposed else _refuses,
        faults=faults if "lhs_dilation" in options else _never,
        signature=f"(lhs, rhs, {parameters})",
        bind=bind,
        arithmetic=Arithmetic(),
        layout=Layout(signal="N...C", kernel="...IO", result="N...C")
        if transposed
        else Layout(signal="NC...", kernel="OI...", result="NC..."),
        source=f"https://docs.jax.dev/en/latest/_autosummary/jax.lax.{name}.html",
        remarks=f"{remarks}A complex kernel is not conjugated. {_TYPES}{_ACCUMULATED}{SEMANTICS}".rstrip(),
    )


def _never(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    return ""


_PAD = (0, 0), (2, 1)
_STRIDES = (1, 2)

OPERATORS = (
    _entry(
        "conv_general_dilated",
        {
            "padding": (*WORDS, *_PAD),
            "window_strides": _STRIDES,
            "lhs_dilation": (1, 2),
            "rhs_dilation": (1, 2),
        },
        "window_strides, padding, lhs_dilation=None, rhs_dilation=None, dimension_numbers=None, "
        "feature_group_count=1, batch_group_count=1, precision=None, preferred_element_type=None, out_sharding=None",
        bind_general,
        "padding has no default, and its words are taken in any case; they are refused together with lhs_dilation. "
        "batch_group_count=G splits the batch, and the kernel's outputs, into G groups. The layouts are those of its "
        "default; strides and dilations are in the order of the kernel's spatial letters. ",
    ),
    _entry(
        "conv",
        {"padding": tuple(WORDS), "window_strides": _STRIDES},
        "window_strides, padding, precision=None, preferred_element_type=None",
        bind_conv,
        "conv_general_dilated without dilations, in the layout NCHW, OIHW. Its documentation has SAME and VALID; "
        "SAME_LOWER and pairs are taken too. ",
    ),
    _entry(
        "conv_with_general_padding",
        {
            "padding": ("SAME", "VALID", _PAD[1]),
            "window_strides": _STRIDES,
            "lhs_dilation": (1, 2),
            "rhs_dilation": (1, 2),
        },
        "window_strides, padding, lhs_dilation, rhs_dilation, precision=None, preferred_element_type=None",
        bind_with_general_padding,
        "conv_general_dilated in the layout NCHW, OIHW; both dilations must be given, None for 1. ",
    ),
    _entry(
        "conv_transpose",
        {
            "padding": ("SAME", "VALID", _PAD[1]),
            "strides": (1, 2, 3),
            "rhs_dilation": (1, 2),
            "transpose_kernel": (False, True),
        },
        "strides, padding, rhs_dilation=None, dimension_numbers=None, transpose_kernel=False, precision=None, "
        "preferred_element_type=None, use_consistent_padding=False",
        bind_transpose,
        "By default it does not reverse the kernel, so that it is not the transpose of a convolution with that "
        "kernel; transpose_kernel=True is (and exchanges the kernel's I and O). Words in other letters than capitals "
        "mean what conv_general_dilated means by them, and are refused with a stride: 'valid' has N-D+1 outputs, "
        "'VALID' N+D-1. ",
    ),
)
