"""ONNX: the operators ``Conv`` and ``ConvTranspose``, run by ONNX Runtime on one sample with one channel."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic, Layout
from convention.catalogue.entry import Operator, Shape
from convention.definition import Convention
from convention.geometry import dilated_extent

__all__ = ["OPERATORS"]

_AUTO_PADS = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
_WORDS = {"VALID": "valid", "SAME_UPPER": "same-upper", "SAME_LOWER": "same-lower"}
_OPSET, _IR = 13, 8


def _convention(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    auto_pad: str,
    strides: int,
    dilations: int,
    pads: tuple[int, int],
) -> Convention:
    size: Any = _WORDS.get(auto_pad, (pads,) * len(kernel_shape))
    return Convention(reversed_axes="none", size=size, stride=strides, dilation=dilations)


def _refuses(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    auto_pad: str,
    strides: int,
    dilations: int,
    pads: tuple[int, int],
) -> str:
    if auto_pad.startswith("SAME"):
        return "a dilation together with SAME" if dilations != 1 else ""
    pad = sum(pads) if auto_pad == "NOTSET" else 0
    short = any(n + pad < dilated_extent(k, dilations) for n, k in zip(signal_shape, kernel_shape))
    return "the dilated kernel is longer than the padded signal" if short else ""


def _transposed_convention(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    auto_pad: str,
    strides: int,
    dilations: int,
    output_padding: int,
    pads: tuple[int, int],
) -> Convention:
    size = []
    for n, k in zip(signal_shape, kernel_shape):
        extent = dilated_extent(k, dilations)
        start, end = pads if auto_pad == "NOTSET" else (0, 0)
        if auto_pad.startswith("SAME"):
            # measured: never negative, so that there are fewer than n*strides outputs where extent < strides
            total = max(strides * (n - 1) + output_padding + extent - n * strides, 0)
            half = total // 2
            start, end = (half, total - half) if auto_pad == "SAME_UPPER" else (total - half, half)
        size.append((extent - 1 - start, extent - 1 - end + output_padding))
    return Convention(size=tuple(size), upsample=strides, dilation=dilations)


def _transposed_refuses(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    auto_pad: str,
    strides: int,
    dilations: int,
    output_padding: int,
    pads: tuple[int, int],
) -> str:
    if output_padding and output_padding >= strides:
        return "output_padding that is not smaller than the stride"
    options = {"strides": strides, "dilations": dilations, "output_padding": output_padding}
    convention = _transposed_convention(signal_shape, kernel_shape, auto_pad=auto_pad, pads=pads, **options)
    return "a result without outputs" if 0 in convention.output_shape(signal_shape, kernel_shape) else ""


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
        named="convolution",
        ndims=(2, 1, 3),
        options={"auto_pad": _AUTO_PADS, "strides": (1, 2, 3), "dilations": (1, 2), "pads": ((0, 0), (2, 1))},
        convention=_convention,
        call=_run("Conv"),
        accepts=_refuses,
        signature=(
            "(X, W, B=None, auto_pad='NOTSET', dilations=None, group=1, kernel_shape=None, pads=None, strides=None)"
        ),
        arithmetic=Arithmetic(result="signal", overflow="none"),
        layout=Layout(signal=_SIGNAL, kernel="OI...", result=_SIGNAL),
        source=f"{_ADDRESS}Conv.html",
        remarks=(
            "The text does not say whether the kernel is reversed. pads count only with NOTSET, and are "
            "all starts, then all ends. ONNX Runtime refuses SAME with a dilation, which the text allows."
        ),
    ),
    Operator(
        name="onnx.ConvTranspose",
        library="onnxruntime",
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
        arithmetic=Arithmetic(result="signal", overflow="none"),
        layout=Layout(signal=_SIGNAL, kernel="IO...", result=_SIGNAL),
        source=f"{_ADDRESS}ConvTranspose.html",
        remarks=(
            "The text says that SAME gives N*strides outputs. Where the dilated kernel is shorter than the stride, "
            "ONNX Runtime gives fewer: strides*(N-1) + extent + output_padding."
        ),
    ),
)
