"""ONNX's own backend tests, on its reference evaluator with `Conv` and `ConvTranspose` of this module.

Both run onnxruntime; the plugin `replacing` puts `like` in their place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx.backend.test
import onnxruntime
from onnx.backend.base import Backend, BackendRep
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun


def _run(operator: str, *inputs: Any, **attributes: Any) -> Any:
    names = [name for name, one in zip("XWB", inputs) if one is not None]
    arrays = {name: one for name, one in zip("XWB", inputs) if one is not None}
    kinds = {name: onnx.helper.np_dtype_to_tensor_dtype(one.dtype) for name, one in arrays.items()}
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(operator, names, ["Y"], **attributes)],
        operator,
        [onnx.helper.make_tensor_value_info(name, kinds[name], one.shape) for name, one in arrays.items()],
        [onnx.helper.make_tensor_value_info("Y", kinds["X"], None)],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 22)], ir_version=10)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, arrays)[0]


def conv(x: Any, w: Any, b: Any = None, **attributes: Any) -> Any:
    return _run("Conv", x, w, b, **attributes)


def conv_transpose(x: Any, w: Any, b: Any = None, **attributes: Any) -> Any:
    return _run("ConvTranspose", x, w, b, **attributes)


def _given(**attributes: Any) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


class Conv(OpRun):
    op_domain = ""

    def _run(self, X, W, B=None, auto_pad=None, dilations=None, group=None, kernel_shape=None, pads=None, strides=None):
        given = _given(dilations=dilations, kernel_shape=kernel_shape, pads=pads, strides=strides)
        return (np.asarray(conv(X, W, B, auto_pad=auto_pad or "NOTSET", group=group or 1, **given)),)


class ConvTranspose(OpRun):
    op_domain = ""

    def _run(
        self,
        X,
        W,
        B=None,
        auto_pad=None,
        dilations=None,
        group=None,
        kernel_shape=None,
        output_padding=None,
        output_shape=None,
        pads=None,
        strides=None,
    ):
        given = _given(dilations=dilations, kernel_shape=kernel_shape, pads=pads, strides=strides)
        given |= _given(output_padding=output_padding, output_shape=output_shape)
        return (np.asarray(conv_transpose(X, W, B, auto_pad=auto_pad or "NOTSET", group=group or 1, **given)),)


class _Prepared(BackendRep):
    def __init__(self, model: Any) -> None:
        self._evaluator = ReferenceEvaluator(model, new_ops=[Conv, ConvTranspose])

    def run(self, inputs: Any, **kwargs: Any) -> Any:
        return tuple(self._evaluator.run(None, dict(zip(self._evaluator.input_names, inputs))))


class _OurBackend(Backend):
    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device == "CPU"

    @classmethod
    def prepare(cls, model: Any, device: str = "CPU", **kwargs: Any) -> Any:
        return _Prepared(model)


_suite = onnx.backend.test.BackendTest(_OurBackend, __name__)
_suite.include(
    r"_conv(transpose)?_.*_cpu|_basic_conv_|_[Cc]onv(_?[tT]ranspose)?\dd.*_cpu|_convtranspose_cpu|_operator_conv"
)
globals().update(_suite.enable_report().test_cases)
