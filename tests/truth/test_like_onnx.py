"""`like` against ONNX Runtime: the operators Conv and ConvTranspose with all their attributes."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from convention.emulation import like
from likes import absolute_bound, array, assert_random_calls, assert_same_answer, shape

onnxruntime = pytest.importorskip("onnxruntime", reason="compares with ONNX Runtime")
helper = pytest.importorskip("onnx.helper", reason="makes models with onnx")

NAMES = ["onnx.Conv", "onnx.ConvTranspose"]


@cache
def session(operator, count, kind, attributes):
    node = helper.make_node(operator, list("xwb")[:count], ["y"], **dict(attributes))
    element = helper.np_dtype_to_tensor_dtype(kind)
    ends = [helper.make_tensor_value_info(name, element, None) for name in "xwby"]
    graph = helper.make_graph([node], operator, ends[:count], ends[3:])
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 4
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
    return onnxruntime.InferenceSession(model.SerializeToString(), quiet, providers=["CPUExecutionProvider"])


def caller(name):
    def call(*arguments, B=None, **attributes):
        arrays = [*arguments] + ([] if B is None else [B])
        given = tuple((key, tuple(v) if isinstance(v, list) else v) for key, v in attributes.items())
        run = session(name.removeprefix("onnx."), len(arrays), arrays[0].dtype, given)
        return run.run(None, dict(zip("xwb", arrays)))[0]

    return call


def drawer(name):
    transposed = name.endswith("Transpose")

    def draw(random):
        ndim = random.choice([1, 2, 2, 3])
        dtype = random.choice(["float32", "float32", "float16"])
        groups, inputs, outputs = random.choice([1, 1, 2]), random.randint(1, 3), random.randint(1, 3)
        x = array(random, (random.choice([1, 2]), groups * inputs, *shape(random, ndim, 7)), dtype)
        between = (groups * inputs, outputs) if transposed else (groups * outputs, inputs)
        w = array(random, (*between, *shape(random, ndim, 4 if ndim < 3 else 3)), dtype)
        keywords = {"group": groups} if groups > 1 else {}
        if random.random() < 0.6:
            keywords["strides"] = [random.randint(1, 3) for _ in range(ndim)]
        if random.random() < 0.3:
            keywords["dilations"] = [random.randint(1, 2) for _ in range(ndim)]
        if random.random() < 0.5:
            keywords["auto_pad"] = random.choice(["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"])
        if keywords.get("auto_pad", "NOTSET") == "NOTSET" and random.random() < 0.6:
            keywords["pads"] = [random.randint(-1 if transposed else 0, 2) for _ in range(2 * ndim)]
        if transposed and random.random() < 0.4:
            keywords["output_padding"] = [random.randint(0, 2) for _ in range(ndim)]
        if transposed and random.random() < 0.3:
            keywords["output_shape"] = [random.randint(1, 12) for _ in range(ndim)]
        if random.random() < 0.3:
            keywords["kernel_shape"] = list(w.shape[2:])
        if random.random() < 0.5:
            keywords["B"] = array(random, (groups * outputs,), dtype)
        return (x, w), keywords

    return draw


@pytest.mark.parametrize("name", NAMES)
def test_random_calls_give_what_the_original_gives(name):
    assert_random_calls(name, drawer(name), call=caller(name), bound=absolute_bound(name))


X, W = np.arange(40, dtype="f4").reshape(1, 2, 4, 5), np.arange(16, dtype="f4").reshape(2, 2, 2, 2)
REFUSED = [
    ((X[0], W), {}),
    ((X, W[0]), {}),
    ((X, W[:, :1]), {}),
    ((X.astype("i4"), W.astype("i4")), {}),
    ((X, W), {"B": np.ones(1, "f4")}),
    ((X, W), {"kernel_shape": [3, 3]}),
    ((X, W), {"auto_pad": "same"}),
    ((X, W), {"auto_pad": "VALID", "pads": [0, 0, 0, 0]}),
    ((X, W), {"group": 0}),
    ((X, np.ones((3, 1, 2, 2), "f4")), {"group": 2}),
    *[((X, W), {"strides": strides}) for strides in ([2], [0, 1])],
    ((X, W), {"pads": [1, 1]}),
    ((X, W), {"dilations": [0, 1]}),
    ((X, W), {"dilations": [2, 1], "auto_pad": "SAME_LOWER"}),
    ((X[:, :, :1], W), {}),
]
REFUSALS = [("onnx.Conv", *one) for one in REFUSED]
REFUSALS += [
    ("onnx.ConvTranspose", (X, W), {"strides": [2, 2], **one})
    for one in ({"output_shape": [11, 13]}, {"output_padding": [2, 0]}, {"output_padding": [-1, 0]}, {"pads": [9] * 4})
]


@pytest.mark.parametrize(("name", "arguments", "keywords"), REFUSALS)
def test_what_the_original_refuses_is_refused(name, arguments, keywords):
    with pytest.raises(Exception):  # noqa: B017, PT011  # each of its errors is a class of its own
        caller(name)(*arguments, **keywords)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(name)(*arguments, **keywords)
    assert "\n  do: " in str(refusal.value)


def test_the_other_split_of_same_is_told_apart():
    def swapped(*arguments, auto_pad, **attributes):
        other = {"SAME_UPPER": "SAME_LOWER", "SAME_LOWER": "SAME_UPPER"}[auto_pad]
        return like("onnx.Conv")(*arguments, auto_pad=other, **attributes)

    with pytest.raises(AssertionError):
        assert_same_answer("onnx.Conv", swapped, (X, W), {"auto_pad": "SAME_UPPER"}, call=caller("onnx.Conv"))


def test_float64_is_what_the_reference_implementation_computes():
    from onnx.reference import ReferenceEvaluator

    node = helper.make_node("Conv", ["x", "w"], ["y"], strides=[2, 1], pads=[1, 0, 0, 1])
    ends = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(float)), None) for name in "xwy"
    ]
    graph = helper.make_graph([node], "conv", ends[:2], ends[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    x, w = X.astype(float), W.astype(float)
    (expected,) = ReferenceEvaluator(model).run(None, {"x": x, "w": w})
    found = like("onnx.Conv")(x, w, strides=[2, 1], pads=[1, 0, 0, 1])
    assert found.dtype == expected.dtype == float
    assert found.tolist() == expected.tolist()


WITHOUT = """
import sys
for module in ("onnx", "onnxruntime"):
    sys.modules[module] = None  # importing it fails
import numpy as np
from convention.emulation import like
x, w = np.arange(40, dtype="f4").reshape(1, 2, 4, 5), np.arange(16, dtype="f4").reshape(2, 2, 2, 2)
for name in ("onnx.Conv", "onnx.ConvTranspose"):
    print(like(name)(x, w, strides=[2, 1], auto_pad="SAME_LOWER").tolist())
"""


def test_the_original_is_not_imported():
    child = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    expected = [caller(name)(X, W, strides=[2, 1], auto_pad="SAME_LOWER").tolist() for name in NAMES]
    assert child.stdout.splitlines() == [str(one) for one in expected]
