"""PyTorch: the functional convolutions, their transposes, and ``torch.nn.Conv*d`` with every padding mode.

All entries are the spatial view of one sample with one channel.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

from numpy.typing import NDArray

from convention.arithmetic import Arithmetic, Layout
from convention.catalogue.entry import Operator, Shape
from convention.catalogue.torch_arguments import bind_convolution, bind_transposed
from convention.definition import Convention
from convention.geometry import dilated_extent

__all__ = ["OPERATORS"]

_MODES = {"zeros": "zero", "reflect": "whole-sample", "replicate": "edge", "circular": "periodic"}
_SPATIAL = "DHW"
_ARITHMETIC = Arithmetic(result="signal")


def _each(value: Any, ndim: int) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,) * ndim


def _convention(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    padding: Any,
    stride: Any,
    dilation: Any,
    padding_mode: str = "zeros",
) -> Convention:
    # measured: "same" puts the odd padding sample after, so it is same-upper
    words = {"same": "same-upper", "valid": "valid"}
    size: Any = words.get(padding) if isinstance(padding, str) else None
    if size is None:
        size = tuple((pad, pad) for pad in _each(padding, len(kernel_shape)))
    return Convention(reversed_axes="none", size=size, stride=stride, dilation=dilation, boundary=_MODES[padding_mode])


def _refuses(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    padding: Any,
    stride: Any,
    dilation: Any,
    padding_mode: str = "zeros",
) -> str:
    ndim = len(kernel_shape)
    if padding == "same" and any(step != 1 for step in _each(stride, ndim)):
        return "padding='same' with a stride"
    for n, k, d, given in zip(signal_shape, kernel_shape, _each(dilation, ndim), _each(padding, ndim)):
        extent = dilated_extent(k, d)
        pad = {"same": extent // 2, "valid": 0}[given] if isinstance(given, str) else given
        if n == 0:
            return "an empty signal"
        if padding_mode == "reflect" and pad >= n:
            return "padding of as many samples as the signal has, with padding_mode='reflect'"
        if padding_mode == "circular" and pad > n:
            return "padding of more samples than the signal has, with padding_mode='circular'"
        if padding != "same" and n + 2 * pad < extent:
            return "the dilated kernel is longer than the padded signal"
    return ""


def _transposed_convention(
    signal_shape: Shape, kernel_shape: Shape, *, stride: Any, padding: Any, output_padding: Any, dilation: Any
) -> Convention:
    ndim = len(kernel_shape)
    size = []
    for k, pad, more, d in zip(kernel_shape, _each(padding, ndim), _each(output_padding, ndim), _each(dilation, ndim)):
        before = dilated_extent(k, d) - 1 - pad
        size.append((before, before + more))
    return Convention(size=tuple(size), upsample=stride, dilation=dilation)


def _transposed_refuses(
    signal_shape: Shape, kernel_shape: Shape, *, stride: Any, padding: Any, output_padding: Any, dilation: Any
) -> str:
    ndim = len(kernel_shape)
    for more, step, d in zip(_each(output_padding, ndim), _each(stride, ndim), _each(dilation, ndim)):
        if more >= max(step, d):
            return "output_padding that is smaller neither than the stride nor than the dilation"
    if 0 in signal_shape:
        return "an empty signal"
    options = {"stride": stride, "padding": padding, "output_padding": output_padding, "dilation": dilation}
    outputs = _transposed_convention(signal_shape, kernel_shape, **options).output_shape(signal_shape, kernel_shape)
    return "a result without outputs" if 0 in outputs else ""


def _functional(name: str) -> Any:
    def call(signal: NDArray[Any], kernel: NDArray[Any], **options: Any) -> NDArray[Any]:
        import torch

        function = getattr(torch.nn.functional, name)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Using padding='same' with even kernel", UserWarning)
            result = function(torch.tensor(signal)[None, None], torch.tensor(kernel)[None, None], **options)
        return result[0, 0].numpy()  # type: ignore[no-any-return]

    return call


def _module(name: str) -> Any:
    def call(signal: NDArray[Any], kernel: NDArray[Any], **options: Any) -> NDArray[Any]:
        import torch

        weight = torch.tensor(kernel)
        layer = getattr(torch.nn, name)(1, 1, kernel.shape, bias=False, dtype=weight.dtype, **options)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Using padding='same' with even kernel", UserWarning)
            layer.weight.copy_(weight[None, None])
            return layer(torch.tensor(signal)[None, None])[0, 0].numpy()  # type: ignore[no-any-return]

    return call


def _layout(ndim: int, kernel: str) -> Layout:
    axes = _SPATIAL[-ndim:]
    return Layout(signal=f"NC{axes}", kernel=f"{kernel}{axes}", result=f"NC{axes}")


_ADDRESS = "https://docs.pytorch.org/docs/stable/generated/"


def _conv(ndim: int) -> Operator:
    name = f"torch.nn.functional.conv{ndim}d"
    return Operator(
        name=name,
        library="torch",
        named="convolution",
        ndims=(ndim,),
        options={"padding": (0, 1, 2, "same", "valid"), "stride": (1, 2, 3), "dilation": (1, 2)},
        convention=_convention,
        call=_functional(f"conv{ndim}d"),
        accepts=_refuses,
        signature="(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1)",
        arrays=("input", "weight", "bias"),
        bind=partial(bind_convolution, ndim),
        arithmetic=_ARITHMETIC,
        layout=_layout(ndim, "OI"),
        source=f"{_ADDRESS}{name}.html",
        remarks="A complex kernel is not conjugated. Integers are summed in their own type and wrap.",
    )


def _conv_transpose(ndim: int) -> Operator:
    name = f"torch.nn.functional.conv_transpose{ndim}d"
    return Operator(
        name=name,
        library="torch",
        named="convolution",
        ndims=(ndim,),
        options={"stride": (1, 2, 3), "padding": (0, 1, 2), "output_padding": (0, 1), "dilation": (1, 2)},
        convention=_transposed_convention,
        call=_functional(f"conv_transpose{ndim}d"),
        accepts=_transposed_refuses,
        signature="(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1)",
        arrays=("input", "weight", "bias"),
        bind=partial(bind_transposed, ndim),
        arithmetic=_ARITHMETIC,
        layout=_layout(ndim, "IO"),
        source=f"{_ADDRESS}{name}.html",
        remarks="A true convolution, of the signal with stride-1 zeros after each sample; padding takes outputs away.",
    )


def _layer(ndim: int) -> Operator:
    name = f"torch.nn.Conv{ndim}d"
    return Operator(
        name=name,
        library="torch",
        named="convolution",
        ndims=(ndim,),
        options={
            "padding": (0, 1, 2, "same", "valid"),
            "padding_mode": tuple(_MODES),
            "stride": (1, 2),
            "dilation": (1, 2),
        },
        convention=_convention,
        call=_module(f"Conv{ndim}d"),
        accepts=_refuses,
        signature=(
            "(in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True, "
            "padding_mode='zeros')"
        ),
        arithmetic=_ARITHMETIC,
        layout=_layout(ndim, "OI"),
        source=f"{_ADDRESS}{name}.html",
        remarks="Its documentation names it a convolution and gives the formula of a cross-correlation.",
    )


OPERATORS = tuple(make(ndim) for make in (_conv, _conv_transpose, _layer) for ndim in (1, 2, 3))
