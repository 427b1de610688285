"""Flax: ``flax.linen`` Conv and ConvTranspose, one sample with one channel, the kernel given as their parameter.

Called with 64-bit types enabled.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic, Layout
from convention.catalogue.entry import Operator, Shape
from convention.catalogue.jax_arguments import general_refusal, pairs, per_axis
from convention.catalogue.jax_lax import WORDS, faults, transposed_pairs
from convention.catalogue.jax_types import SEMANTICS
from convention.definition import Convention
from convention.geometry import dilated_extent

__all__ = ["OPERATORS"]

_EXTENDED = {"CIRCULAR": "periodic", "REFLECT": "whole-sample", "CAUSAL": "zero"}
"""Words for which Conv extends the signal before it calls jax.lax with VALID."""


def _convention(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    padding: Any,
    strides: Any,
    kernel_dilation: Any,
    input_dilation: Any,
) -> Convention:
    size: Any = WORDS.get(padding) if isinstance(padding, str) else pairs(padding, len(kernel_shape))
    boundary = _EXTENDED.get(padding, "zero") if isinstance(padding, str) else "zero"
    if padding == "CAUSAL":
        size = "causal"
    elif boundary != "zero":
        extents = [dilated_extent(k, d) for k, d in zip(kernel_shape, per_axis(kernel_dilation, len(kernel_shape)))]
        # measured: floor((D-1)/2) before whatever the stride, where SAME has less before with a stride
        size = tuple(((extent - 1) // 2, extent // 2) for extent in extents)
    return Convention(
        reversed_axes="none",
        size=size,
        boundary=boundary,
        stride=strides,
        dilation=kernel_dilation,
        upsample=input_dilation,
    )


def _refuses(
    signal_shape: Shape, kernel_shape: Shape, *, padding: Any, kernel_dilation: Any, input_dilation: Any, **rest: Any
) -> str:
    if padding == "CAUSAL" and len(kernel_shape) != 1:
        return "padding='CAUSAL' on more than one axis"
    # measured: the words that extend the signal end as VALID, which is refused with input_dilation like the others
    return general_refusal(signal_shape, kernel_shape, padding, input_dilation)


def _faults(signal_shape: Shape, kernel_shape: Shape, *, padding: Any, input_dilation: Any, **rest: Any) -> str:
    return "" if isinstance(padding, str) else faults(signal_shape, kernel_shape, lhs_dilation=input_dilation)


def _transposed_convention(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    padding: Any,
    strides: Any,
    kernel_dilation: Any,
    transpose_kernel: bool,
) -> Convention:
    ndim = len(kernel_shape)
    if padding == "CIRCULAR":
        size: Any = tuple(
            _wrapped(dilated_extent(k, d), s, transpose_kernel)
            for k, d, s in zip(kernel_shape, per_axis(kernel_dilation, ndim), per_axis(strides, ndim))
        )
    else:
        size = transposed_pairs(kernel_shape, padding, strides, kernel_dilation)
    return Convention(
        reversed_axes="all" if transpose_kernel else "none",
        size=size,
        boundary="periodic" if padding == "CIRCULAR" else "zero",
        upsample=strides,
        dilation=kernel_dilation,
    )


def _wrapped(extent: int, stride: int, transpose_kernel: bool) -> tuple[int, int]:
    """Return before and after of CIRCULAR: N*stride outputs, the surplus of VALID split between both ends."""
    surplus = max(extent - stride, 0)
    # measured: an odd surplus loses one more at the start with transpose_kernel, and one more at the end without
    before = extent - 1 - (surplus + transpose_kernel) // 2
    return before, extent + stride - 2 - before


def _transposed_refuses(signal_shape: Shape, kernel_shape: Shape, *, padding: Any, strides: Any, **rest: Any) -> str:
    return "" if isinstance(padding, str) else general_refusal(signal_shape, kernel_shape, padding, strides)


def _arguments(padding: Any, ndim: int, options: dict[str, Any]) -> dict[str, Any]:
    counts = {key: value if isinstance(value, bool) else per_axis(value, ndim) for key, value in options.items()}
    return {"padding": padding if isinstance(padding, str) else pairs(padding, ndim), "use_bias": False, **counts}


def _linen(name: str) -> Callable[..., NDArray[Any]]:
    def call(signal: NDArray[Any], kernel: NDArray[Any], *, padding: Any, **options: Any) -> NDArray[Any]:
        jax, linen = import_module("jax"), import_module("flax.linen")
        layer = getattr(linen, name)(1, kernel.shape, **_arguments(padding, signal.ndim, options))
        with jax.enable_x64(True):
            result = layer.apply({"params": {"kernel": kernel[..., None, None]}}, signal[None, ..., None])
        return np.asarray(result[0, ..., 0])

    return call


def _nnx(name: str) -> Callable[..., NDArray[Any]]:
    def call(signal: NDArray[Any], kernel: NDArray[Any], *, padding: Any, **options: Any) -> NDArray[Any]:
        jax, nnx = import_module("jax"), import_module("flax.nnx")
        arguments = _arguments(padding, signal.ndim, options)
        with jax.enable_x64(True):
            layer = getattr(nnx, name)(1, 1, kernel.shape, rngs=nnx.Rngs(0), **arguments)
            layer.kernel = nnx.Param(kernel[..., None, None])
            result = layer(signal[None, ..., None])
        return np.asarray(result[0, ..., 0])

    return call


_LINEN = "https://flax-linen.readthedocs.io/en/latest/api_reference/flax.linen/layers.html#flax.linen."
_NNX = "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/linear.html#flax.nnx."
_LAYOUT = Layout(signal="N...C", kernel="...IO", result="N...C")
_CONV = (
    "Its documentation names it a convolution and does not say that the kernel is not reversed. "
    "padding='REFLECT' does not repeat the end sample. CIRCULAR and REFLECT have floor((D-1)/2) samples before "
    "whatever the stride, where SAME has fewer with a stride. input_dilation is refused with every word for "
    "padding, the default too. A padding of integers is one per axis for both ends. "
)
_TRANSPOSE = (
    "By default it does not reverse the kernel, so that it is not the transpose of Conv with that kernel; "
    "transpose_kernel=True does (and exchanges the kernel's I and O). With padding='CIRCULAR' it is then the "
    "transpose of Conv's for stride 2, and for stride 1 with an odd kernel; otherwise the result may be "
    "shifted. A padding of pairs is that of the upsampled signal, not of the Conv. "
)


def _conv(name: str, call: Any, signature: str, source: str, dilations: tuple[int, ...]) -> Operator:
    return Operator(
        name=name,
        library="flax",
        named="convolution",
        ndims=(2, 1),
        options={
            "padding": ("SAME", "VALID", *_EXTENDED, (2, 1)),
            "strides": (1, 2),
            "kernel_dilation": dilations,
            "input_dilation": dilations,
        },
        convention=_convention,
        call=call,
        accepts=_refuses,
        faults=_faults,
        signature=signature,
        arithmetic=Arithmetic(overflow="none"),
        layout=_LAYOUT,
        source=source,
        remarks=f"{_CONV}{SEMANTICS}".rstrip(),
    )


def _conv_transpose(
    name: str, call: Any, signature: str, source: str, dilations: tuple[int, ...], remarks: str = ""
) -> Operator:
    return Operator(
        name=name,
        library="flax",
        named="convolution",
        ndims=(2, 1),
        options={
            "padding": ("SAME", "VALID", "CIRCULAR", (2, 1)),
            "strides": (1, 2, 3),
            "kernel_dilation": dilations,
            "transpose_kernel": (False, True),
        },
        convention=_transposed_convention,
        call=call,
        accepts=_transposed_refuses,
        signature=signature,
        arithmetic=Arithmetic(overflow="none"),
        layout=_LAYOUT,
        source=source,
        remarks=f"{_TRANSPOSE}{remarks}{SEMANTICS}".rstrip(),
    )


OPERATORS = (
    _conv(
        "flax.linen.Conv",
        _linen("Conv"),
        "(features, kernel_size, strides=1, padding='SAME', input_dilation=1, kernel_dilation=1, "
        "feature_group_count=1, use_bias=True, mask=None, dtype=None)",
        f"{_LINEN}Conv",
        (1, 2),
    ),
    _conv_transpose(
        "flax.linen.ConvTranspose",
        _linen("ConvTranspose"),
        "(features, kernel_size, strides=None, padding='SAME', kernel_dilation=None, use_bias=True, mask=None, "
        "dtype=None)",
        f"{_LINEN}ConvTranspose",
        (1, 2),
    ),
    _conv(
        "flax.nnx.Conv",
        _nnx("Conv"),
        "(in_features, out_features, kernel_size, strides=1, *, padding='SAME', input_dilation=1, kernel_dilation=1, "
        "feature_group_count=1, use_bias=True)",
        f"{_NNX}Conv",
        (1,),
    ),
    _conv_transpose(
        "flax.nnx.ConvTranspose",
        _nnx("ConvTranspose"),
        "(in_features, out_features, kernel_size, strides=1, *, padding='SAME', kernel_dilation=None, use_bias=True)",
        f"{_NNX}ConvTranspose",
        (1,),
        "Its documentation has padding='CAUSAL' too, which it refuses, and says that SAME has the input's shape: with "
        "a stride it is stride times as long. ",
    ),
)
