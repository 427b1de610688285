"""ONNX: the operators ``Conv`` and ``ConvTranspose``, run by ONNX Runtime on one sample with one channel."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic, Layout
from convention.catalogue.entry import Operator, Shape
from convention.catalogue.onnx_arguments import bind_conv, bind_conv_transpose
from convention.definition import Convention
from convention.geometry import dilated_extent

__all__ = ["OPERATORS"]

_AUTO_PADS = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
_WORDS = {"VALID": "valid", "SAME_UPPER": "same-upper", "SAME_LOWER": "same-lower"}
_OPSET, _IR = 13, 8


def _each(value: Any, ndim: int) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,) * ndim


def _pairs(pads: Any, ndim: int) -> tuple[tuple[int, int], ...]:
    """Return (start, end) per axis: as they are, or one pair for all axes."""
    return pads if pads and isinstance(pads[0], tuple) else (pads,) * ndim


def _convention(
    signal_shape: Shape, kernel_shape: Shape, *, auto_pad: str, strides: Any, dilations: Any, pads: Any
) -> Convention:
    size: Any = _WORDS.get(auto_pad, _pairs(pads, len(kernel_shape)))
    return Convention(reversed_axes="none", size=size, stride=strides, dilation=dilations)


def _refuses(
    signal_shape: Shape, kernel_shape: Shape, *, auto_pad: str, strides: Any, dilations: Any, pads: Any
) -> str:
    ndim = len(kernel_shape)
    steps = _each(dilations, ndim)
    if auto_pad.startswith("SAME"):
        return "a dilation together with SAME" if any(step != 1 for step in steps) else ""
    pairs = _pairs(pads if auto_pad == "NOTSET" else (0, 0), ndim)
    extents = [dilated_extent(k, step) for k, step in zip(kernel_shape, steps)]
    short = any(n + sum(pair) < extent for n, pair, extent in zip(signal_shape, pairs, extents))
    return "the dilated kernel is longer than the padded signal" if short else ""


def _transposed_convention(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    auto_pad: str,
    strides: Any,
    dilations: Any,
    output_padding: Any,
    pads: Any,
    output_shape: Any = None,
) -> Convention:
    ndim = len(kernel_shape)
    size = []
    steps = zip(_each(strides, ndim), _each(dilations, ndim), _each(output_padding, ndim), _pairs(pads, ndim))
    for axis, (n, k, (stride, dilation, more, pair)) in enumerate(zip(signal_shape, kernel_shape, steps)):
        extent = dilated_extent(k, dilation)
        start, end = pair if auto_pad == "NOTSET" else (0, 0)
        if output_shape is not None or auto_pad.startswith("SAME"):
            wanted = n * stride if output_shape is None else output_shape[axis]
            # measured: never negative, so that there are fewer than n*strides outputs where extent < strides
            total = max(stride * (n - 1) + more + extent - wanted, 0)
            half = total // 2
            # measured, and in the text: the odd sample is taken away at the start, unless it says SAME_UPPER
            start, end = (half, total - half) if auto_pad == "SAME_UPPER" else (total - half, half)
        after = extent - 1 - end + more
        if output_shape is not None:  # measured: up to stride-1 outputs more, of zeros
            after += max(output_shape[axis] - (stride * (n - 1) + more + extent), 0)
        size.append((extent - 1 - start, after))
    return Convention(size=tuple(size), upsample=strides, dilation=dilations)


def _transposed_refuses(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    ndim = len(kernel_shape)
    strides, more = (_each(options[name], ndim) for name in ("strides", "output_padding"))
    if any(padding and padding >= stride for padding, stride in zip(more, strides)):
        return "output_padding that is not smaller than the stride"
    outputs = _transposed_convention(signal_shape, kernel_shape, **options).output_shape(signal_shape, kernel_shape)
    wanted = options.get("output_shape") or ()
    for n, k, stride, dilation, count in zip(
        signal_shape, kernel_shape, strides, _each(options["dilations"], ndim), wanted
    ):
        if count - dilated_extent(k, dilation) >= n * stride:  # measured: as many samples would have to come back
            return f"an output_shape of {count}, which belongs to more than {n} samples"
    return "a result without outputs" if 0 in outputs else ""


@cache
def _session(operator: str, attributes: tuple[tuple[str, Any], ...], kind: np.dtype[Any]) -> Any:
    from onnx import helper

    onnxruntime = import_module("onnxruntime")  # it has no types

    node = helper.make_node(operator, ["x", "w"], ["y"], **dict(attributes))
    element = helper.np_dtype_to_tensor_dtype(kind)
    ends = [helper.make_tensor_value_info(name, element, None) for name in "xwy"]
    graph = helper.make_graph([node], operator, ends[:2], ends[2:])
    model = helper.make_model(graph, ir_version=_IR, opset_imports=[helper.make_opsetid("", _OPSET)])
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 4  # a refusal comes as an exception; it need not be printed too
    return onnxruntime.InferenceSession(model.SerializeToString(), quiet, providers=["CPUExecutionProvider"])


def _run(operator: str) -> Any:
    def call(signal: NDArray[Any], kernel: NDArray[Any], *, auto_pad: str, **options: Any) -> NDArray[Any]:
        ndim = signal.ndim
        pads = options.pop("pads")
        attributes = {name: (value,) * ndim for name, value in options.items()}
        if auto_pad == "NOTSET":
            attributes["pads"] = (pads[0],) * ndim + (pads[1],) * ndim
        session = _session(operator, (("auto_pad", auto_pad), *attributes.items()), signal.dtype)
        return np.asarray(session.run(None, {"x": signal[None, None], "w": kernel[None, None]})[0][0, 0])

    return call


_ADDRESS = "https://onnx.ai/onnx/operators/onnx__"
_SIGNAL = "NC..."

OPERATORS = (
    Operator(
        name="onnx.Conv",
        library="onnxruntime",
        install="pip install onnx onnxruntime",
        needs=("onnx",),
        named="convolution",
        ndims=(2, 1, 3),
        options={"auto_pad": _AUTO_PADS, "strides": (1, 2, 3), "dilations": (1, 2), "pads": ((0, 0), (2, 1))},
        convention=_convention,
        call=_run("Conv"),
        accepts=_refuses,
        signature=(
            "(X, W, B=None, auto_pad='NOTSET', dilations=None, group=1, kernel_shape=None, pads=None, strides=None)"
        ),
        arrays=("X", "W", "B"),
        bind=bind_conv,
        arithmetic=Arithmetic(result="signal", overflow="none"),
        layout=Layout(signal=_SIGNAL, kernel="OI...", result=_SIGNAL),
        source=f"{_ADDRESS}Conv.html",
        remarks=(
            "The text does not say whether the kernel is reversed. pads count only with NOTSET, and are "
            "all starts, then all ends. ONNX Runtime refuses SAME with a dilation, which the text allows, and "
            "has no loop for float64, which the text allows too: like takes it."
        ),
    ),
    Operator(
        name="onnx.ConvTranspose",
        library="onnxruntime",
        install="pip install onnx onnxruntime",
        needs=("onnx",),
        named="convolution",
        ndims=(2, 1, 3),
        options={
            "auto_pad": _AUTO_PADS,
            "strides": (1, 2, 3),
            "dilations": (1, 2),
            "output_padding": (0, 1),
            "pads": ((0, 0), (1, 0)),
        },
        convention=_transposed_convention,
        call=_run("ConvTranspose"),
        accepts=_transposed_refuses,
        signature=(
            "(X, W, B=None, auto_pad='NOTSET', dilations=None, group=1, kernel_shape=None, output_padding=None, "
            "output_shape=None, pads=None, strides=None)"
        ),
        arrays=("X", "W", "B"),
        bind=bind_conv_transpose,
        arithmetic=Arithmetic(result="signal", overflow="none"),
        layout=Layout(signal=_SIGNAL, kernel="IO...", result=_SIGNAL),
        source=f"{_ADDRESS}ConvTranspose.html",
        remarks=(
            "The text says that SAME gives N*strides outputs. Where the dilated kernel is shorter than the stride, "
            "ONNX Runtime gives fewer: strides*(N-1) + extent + output_padding."
        ),
    ),
)
