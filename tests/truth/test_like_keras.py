"""`like` against ``keras.ops`` with its TensorFlow backend: channels, groups, layouts, types, and what it refuses."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest

from convention.catalogue import lookup, operators
from convention.emulation import like
from likes import absolute_bound, array, assert_random_calls, assert_same_answer, shape

pytestmark = pytest.mark.skipif(
    find_spec("keras") is None or find_spec("tensorflow") is None, reason="compares with Keras on TensorFlow"
)

NAMES = [name for name in operators() if name.startswith("keras.ops.")]
DTYPES = ("float32", "float64", "float16", "int32")
ORDERS = ("channels_last", "channels_first")


def operations():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    keras = import_module("keras")
    if keras.backend.backend() != "tensorflow":
        pytest.skip(f"compares with Keras on TensorFlow, not on {keras.backend.backend()}")
    return keras.ops


def caller(name):
    def call(*arguments, **keywords):
        return np.asarray(getattr(operations(), name.rpartition(".")[2])(*arguments, **keywords))

    return call


def numbers(random, ndim, low, high):
    return random.choice([random.randint(low, high), tuple(random.randint(low, high) for _ in range(ndim))])


def each(value, ndim):
    return value if isinstance(value, tuple) else (value,) * ndim


def options(random, ndim, *, both=False):
    """Draw keywords; a stride and a dilation together seldom, where they are refused."""
    keywords = {}
    if random.random() < 0.7:
        keywords["padding"] = random.choice(["valid", "same", "SAME"])
    if random.random() < 0.5:
        keywords["strides"] = numbers(random, ndim, 1, 4)
    if random.random() < (0.4 if both or "strides" not in keywords else 0.05):
        keywords["dilation_rate"] = numbers(random, ndim, 1, 3)
    return keywords


def ordered(random, dtype, batch, channels, lengths):
    """Draw an order of axes, and a signal in it."""
    # channels first of int32 is refused here: compiled for groups, it saturates
    if dtype != "int32" and random.random() < (0.3 if dtype in ("float32", "float16") else 0.1):
        return array(random, (batch, channels, *lengths), dtype), {"data_format": random.choice(ORDERS[1:])}
    return array(random, (batch, *lengths, channels), dtype), random.choice([{}, {"data_format": None}])


def filled(random, ndim, keywords, taps):
    """Draw lengths from which a kernel leaves outputs: of none, each implementation thinks otherwise."""
    lengths = list(shape(random, ndim, 9 if ndim < 3 else 5))
    for axis, d in enumerate(each(keywords.get("dilation_rate", 1), ndim)):
        if keywords.get("padding", "valid") == "valid":
            lengths[axis] = max(lengths[axis], d * (taps[axis] - 1) + 1)
    return lengths


def draw_conv(random):
    ndim, dtype = random.choice([1, 2, 2, 3]), random.choice(DTYPES)
    groups, reads, outputs = random.choice([1, 1, 1, 2, 3]), random.randint(1, 3), random.randint(1, 3)
    keywords, taps = options(random, ndim), shape(random, ndim, 4 if ndim < 3 else 3)
    lengths = filled(random, ndim, keywords, taps)
    x, order = ordered(random, dtype, random.choice([1, 2]), groups * reads, lengths)
    w = array(random, (*taps, reads, groups * outputs if random.random() < 0.95 else outputs), dtype)
    return (x, w), keywords | order


def draw_depthwise(random):
    ndim, dtype, channels = random.choice([1, 2, 2]), random.choice(DTYPES[:3]), random.randint(1, 4)
    keywords, taps = options(random, ndim, both=True), shape(random, ndim, 4)
    x, order = ordered(random, dtype, random.choice([1, 2]), channels, filled(random, ndim, keywords, taps))
    w = array(random, (*taps, channels if random.random() < 0.95 else 1, random.randint(1, 3)), dtype)
    return (x, w), keywords | order


def draw_transposed(random):
    ndim, dtype = random.choice([1, 2, 2, 3]), random.choice(DTYPES)
    channels, keywords = random.randint(1, 3), options(random, ndim, both=True)
    if dtype in ("float64", "int32") and random.random() < 0.9:
        keywords.pop("dilation_rate", None)
    if random.random() < 0.4:
        keywords["output_padding"] = numbers(random, ndim, 0, 2)
    x, order = ordered(random, dtype, random.choice([1, 2]), channels, shape(random, ndim, 7 if ndim < 3 else 4))
    w = array(random, (*shape(random, ndim, 4 if ndim < 3 else 3), random.randint(1, 3), channels), dtype)
    return (x, w), keywords | order


DRAWS = {"conv": draw_conv, "depthwise_conv": draw_depthwise, "conv_transpose": draw_transposed}


def sound(name):
    """Draw until the original neither ends the process nor reads memory that is not its own."""
    entry = lookup(name)

    def drawn(random):
        while True:
            arguments, keywords = DRAWS[name.rpartition(".")[2]](random)
            bound = inspect.signature(like(name)).bind(*arguments, **keywords)
            bound.apply_defaults()
            try:
                x, w, given, extras = entry.bind(**bound.arguments)
            except (TypeError, ValueError):
                return arguments, keywords
            spatial = tuple(n for n, letter in zip(x.shape, extras["layout"].signal) if letter in "DHW")
            if not entry.faults(spatial, w.shape[:-2], **given):
                return arguments, keywords

    return drawn


@pytest.mark.parametrize("name", NAMES)
def test_random_calls_give_what_the_original_gives(name):
    assert_random_calls(name, sound(name), call=caller(name), bound=absolute_bound(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_the_original_s(name):
    original = getattr(operations(), name.rpartition(".")[2])
    assert str(inspect.signature(like(name))) == str(inspect.signature(original))


def same(name, *arguments, **keywords):
    return assert_same_answer(name, like(name), arguments, keywords, call=caller(name), bound=absolute_bound(name))


X, W = np.arange(40.0).reshape(1, 4, 5, 2), np.arange(24.0).reshape(2, 3, 2, 2)


def test_another_operator_is_told_apart():
    name, other = "keras.ops.conv", like("keras.ops.depthwise_conv")
    with pytest.raises(AssertionError):
        assert_same_answer(name, other, (X, W), {}, call=caller(name), bound=absolute_bound(name))


def test_lists_are_read_as_tensorflow_reads_them():
    assert like("keras.ops.conv_transpose")([[[1], [2], [3]]], [[[2]]]).dtype == np.int32
    assert same("keras.ops.conv_transpose", [[[1], [2], [3]]], [[[2]]])
    assert same("keras.ops.depthwise_conv", [[[1.5], [2], [3]]], [[[2.0]]])


@pytest.mark.parametrize("changes", [{"strides": None}, {"dilation_rate": None}, {"strides": [2]}, {"strides": [1, 2]}])
def test_other_spellings(changes):
    assert same("keras.ops.conv", X, W, **changes)


def test_of_float64_depthwise_leaves_an_empty_result():
    assert same("keras.ops.depthwise_conv", np.ones((1, 2, 2)), np.ones((3, 2, 3)))


def test_a_depthwise_stride_with_a_dilation_is_a_cross_correlation():
    x, w = np.arange(16.0).reshape(1, 16, 1), np.array([1.0, 100]).reshape(2, 1, 1)
    assert same("keras.ops.depthwise_conv", x, w, strides=2, dilation_rate=3, padding="same")
    assert same("keras.ops.depthwise_conv", X, W, strides=[2, 1], dilation_rate=(1, 2))


def test_groups_change_the_phase_in_three_dimensions_of_float64():
    x = np.arange(8.0)
    two = np.stack([x, x], -1).reshape(1, 8, 1, 1, 2)
    alone = caller("conv")(x.reshape(1, 8, 1, 1, 1), np.ones((1, 1, 1, 1, 1)), 4, "same").ravel()
    grouped = caller("conv")(two, np.ones((1, 1, 1, 1, 2)), 4, "same")[..., 0].ravel()
    assert (alone.tolist(), grouped.tolist()) == ([1, 5], [0, 4])
    assert same("keras.ops.conv", x.reshape(1, 8, 1, 1, 1), np.ones((1, 1, 1, 1, 1)), 4, "same")
    assert same("keras.ops.conv", two, np.ones((1, 1, 1, 1, 2)), 4, "same")


def test_compiled_channels_first_of_int32_saturates_and_is_refused():
    rng = np.random.default_rng(0)
    x, w = (rng.integers(2**29, 2**30, one).astype("i4") for one in ((2, 8, 9, 4), (3, 3, 2, 4)))
    assert same("keras.ops.conv", x, w)  # wraps
    first = caller("conv")(np.moveaxis(x, -1, 1), w, data_format="channels_first")
    assert np.isin(first, (-(2**31), 2**31 - 1)).all()
    with pytest.raises(TypeError, match="another arithmetic"):
        like("keras.ops.conv")(np.moveaxis(x, -1, 1), w, data_format="channels_first")


def test_tensors_give_tensors():
    torch = pytest.importorskip("torch", reason="passes torch tensors")
    x, w = torch.arange(40.0).reshape(1, 4, 5, 2), torch.arange(24.0).reshape(2, 3, 2, 2)
    found = like("keras.ops.conv_transpose")(x, w, strides=2, padding="same")
    assert isinstance(found, torch.Tensor)
    assert found.tolist() == caller("conv_transpose")(X, W, strides=2, padding="same").tolist()


EVERYWHERE = [
    *[{"padding": padding} for padding in ("causal", "", None, 0, [[0, 0]] * 4)],
    *[{"data_format": order} for order in ("NHWC", "", 1)],
    *[{"strides": strides} for strides in (0, (0, 1), (1, 1, 1), "1")],
    *[{"dilation_rate": rate} for rate in (0, -1, (2, 0))],
    *[{"inputs": X[0, 0]}, {"inputs": X[..., :1]}, {"inputs": X.astype("f4")}],
    *[{"inputs": X.astype(kind), "kernel": W.astype(kind)} for kind in ("i8", "u1", "bool", "c8")],
]
CONV = [
    *[{"strides": 2, "dilation_rate": 2}, {"strides": (1, 2), "dilation_rate": (2, 1)}, {"inputs": X.tolist()}],
    *[{"data_format": "channels_first", "inputs": np.moveaxis(X, -1, 1)}, {"kernel": np.ones((5, 1, 2, 2))}],
    {"inputs": np.concatenate([X, X], -1), "kernel": W[..., :1]},
]
DEPTHWISE = [
    *[{"strides": strides} for strides in ((1, 2), [1, 1], None, (2,))],
    *[{"inputs": np.ones((1, 3, 3, 3, 2)), "kernel": np.ones((1, 1, 1, 2, 1))}],
    *[{"inputs": X.astype("i4"), "kernel": W.astype("i4")}],
]
TRANSPOSED = [
    *[{"output_padding": more} for more in (1, -1, (0, 1), 1.5)],
    *[
        {"strides": 3, "padding": "same", "output_padding": 0},
        {"dilation_rate": 2},
        {"strides": None},
        {"strides": (2,)},
    ],
    *[{"data_format": "channels_first", "inputs": np.moveaxis(X, -1, 1)}, {"inputs": np.concatenate([X, X], -1)}],
]
CALLS = {"conv": EVERYWHERE + CONV, "depthwise_conv": EVERYWHERE + DEPTHWISE, "conv_transpose": EVERYWHERE + TRANSPOSED}


@pytest.mark.parametrize(("name", "changes"), [(name, change) for name, group in CALLS.items() for change in group])
def test_what_the_original_refuses_is_refused(name, changes):
    keywords = {"inputs": X, "kernel": W} | changes
    with pytest.raises(Exception):  # noqa: B017, PT011  # it has its own
        caller(name)(**keywords)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(f"keras.ops.{name}")(**keywords)
    assert "\n  do: " in str(refusal.value)


WITHOUT = """
import sys
sys.modules["tensorflow"] = sys.modules["keras"] = None  # importing them fails
import numpy as np
from convention.emulation import like
x, w = np.arange(40.0).reshape(1, 4, 5, 2), np.arange(24.0).reshape(2, 3, 2, 2)
for name in ("conv", "depthwise_conv", "conv_transpose"):
    print(like(f"keras.ops.{name}")(x, w, strides=2, padding="same").tolist())
"""


def test_the_original_is_not_imported():
    child = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    expected = [caller(name)(X, W, strides=2, padding="same") for name in ("conv", "depthwise_conv", "conv_transpose")]
    assert child.stdout.splitlines() == [str(one.tolist()) for one in expected]
