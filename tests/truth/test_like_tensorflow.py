"""`like` against TensorFlow's functions: channels, groups, batches, layouts, types, and what it refuses."""

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
from convention.definition import Convention
from convention.emulation import like
from convention.reference import compute
from likes import absolute_bound, array, assert_random_calls, assert_same_answer, shape

pytestmark = pytest.mark.skipif(find_spec("tensorflow") is None, reason="compares with TensorFlow")

NAMES = [name for name in operators() if name.startswith("tensorflow.nn.")]
DTYPES = ("float32", "float64", "float64", "float32", "float16", "int32")
AXES = "DHW"


def functions():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return import_module("tensorflow").nn


def caller(name):
    def call(*arguments, **keywords):
        return getattr(functions(), name.rpartition(".")[2])(*arguments, **keywords).numpy()

    return call


def ndim_of(name):
    return int(next(letter for letter in name if letter.isdigit()))


def steps(random, order, most, *, always=False):
    """Draw strides or dilations in any of the spellings: a number, one, one per axis, or one for every axis."""
    ndim = len(order) - 2
    spatial = [random.randint(1, most) for _ in range(ndim)]
    everywhere = [dict(zip([letter for letter in order if letter in AXES], spatial)).get(one, 1) for one in order]
    if always:
        return everywhere
    return random.choice([random.randint(1, most), [random.randint(1, most)], spatial, tuple(everywhere)])


def ordered(lengths, order):
    return tuple(lengths[letter] for letter in order)


def drawn(random, ndim, dtype, channels, batches=(1, 2)):
    """Draw an order of axes, and a signal in it."""
    axes = AXES[-ndim:]
    order = f"NC{axes}" if random.random() < (0.3 if dtype in ("float32", "float16") else 0.05) else f"N{axes}C"
    lengths = dict(zip(axes, shape(random, ndim, 9 if ndim < 3 else 5)), N=random.choice(batches), C=channels)
    return order, lengths


def filled(lengths, order, taps, dilations, padding):
    """Return lengths from which a kernel leaves outputs: of none, each implementation thinks otherwise."""
    ndim = len(taps)
    for axis, letter in enumerate(AXES[-ndim:]):
        extent = along(dilations, order, axis) * (taps[axis] - 1) + 1
        pad = 0 if isinstance(padding, str) else sum(padding[order.index(letter)])
        if padding != "SAME":
            lengths[letter] = max(lengths[letter], extent - pad, 1)
    return lengths


def pairs(random, order):
    return [[random.randint(0, 3), random.randint(0, 3)] if letter in AXES else [0, 0] for letter in order]


def draw_convolution(name):
    ndim = ndim_of(name)

    def draw(random):
        dtype = random.choice(DTYPES if ndim < 3 or random.random() < 0.1 else DTYPES[:-1])
        groups, inputs, outputs = (
            random.choice([1, 1, 2, 3] if ndim < 3 or random.random() < 0.1 else [1]),
            random.randint(1, 3),
            random.randint(1, 3),
        )
        order, lengths = drawn(random, ndim, dtype, groups * inputs)
        taps = shape(random, ndim, 4 if ndim < 3 else 3)
        padding = pairs(random, order) if ndim == 2 and random.random() < 0.3 else random.choice(["SAME", "VALID"])
        keywords = {} if order.endswith("C") and random.random() < 0.7 else {"data_format": order}
        if random.random() < (0.4 if ndim < 3 or dtype != "float64" else 0.05):
            keywords["dilations"] = steps(random, order, 3, always=ndim == 3)
        lengths = filled(lengths, order, taps, keywords.get("dilations", 1), padding)
        batch = shape(random, random.choice([0, 0, 0, 1, 2]), 2)
        x = array(random, (*batch, *ordered(lengths, order)), dtype)
        w = array(random, (*taps, inputs, groups * outputs if random.random() < 0.9 else outputs), dtype)
        return (x, w, steps(random, order, 4, always=ndim == 3), padding), keywords

    return draw


def draw_depthwise(random):
    dtype = random.choice(DTYPES)
    channels = random.randint(1, 4)
    order, lengths = drawn(random, 2, dtype, channels)
    taps = shape(random, 2, 4)
    w = array(random, (*taps, channels if random.random() < 0.9 else 2, random.randint(1, 3)), dtype)
    padding = pairs(random, order) if random.random() < 0.3 else random.choice(["SAME", "VALID"])
    keywords = {} if order.endswith("C") and random.random() < 0.7 else {"data_format": order}
    strides = [[1, 1, 1, 1], steps(random, order, 3, always=True), [1, 2, 2, 1]][random.choice([0, 1, 1, 2])]
    if random.random() < 0.5:
        steps_along = [one for one, letter in zip(strides, order) if letter in AXES]
        keywords["dilations"] = [1 if step > 1 else random.randint(1, 3) for step in steps_along]
    lengths = filled(lengths, order, taps, keywords.get("dilations", 1), padding)
    return (array(random, ordered(lengths, order), dtype), w, strides, padding), keywords


def draw_transposed(name):
    ndim = ndim_of(name)

    def draw(random):
        dtype = random.choice(DTYPES)
        groups, inputs, outputs = random.choice([1, 1, 1, 2, 3]), random.randint(1, 3), random.randint(1, 3)
        order, lengths = drawn(random, ndim, dtype, groups * inputs)
        x = array(random, ordered(lengths, order), dtype)
        taps = shape(random, ndim, 4 if ndim < 3 else 3)
        w = array(random, (*taps, outputs, groups * inputs), dtype)
        explicit = ndim == 2 and random.random() < 0.2
        padding = pairs(random, order) if explicit else random.choice(["SAME", "VALID"])
        strides, dilations = steps(random, order, 3), 1 if random.random() < 0.6 else steps(random, order, 2)
        out = dict(lengths, C=groups * outputs)
        for axis, letter in enumerate(AXES[-ndim:]):
            s, d = (along(one, order, axis) for one in (strides, dilations))
            pad = sum(padding[order.index(letter)]) if explicit else 0
            least = (lengths[letter] - 1) * s + (1 if padding == "SAME" else d * (taps[axis] - 1) + 1 - pad)
            out[letter] = max(least + random.randint(0, s - 1) + (random.random() < 0.03), 1)
        wanted = ordered(out, order)
        keywords = {} if order.endswith("C") and random.random() < 0.7 else {"data_format": order}
        if dilations != 1:
            keywords["dilations"] = dilations
        if padding != "SAME" or random.random() < 0.5:
            keywords["padding"] = padding
        return (x, w, random.choice([wanted, list(wanted), np.array(wanted)]), strides), keywords

    return draw


def along(value, order, axis):
    given = value if isinstance(value, (list, tuple)) else [value]
    if len(given) == len(order):
        given = [one for one, letter in zip(given, order) if letter in AXES]
    return given[0] if len(given) == 1 else given[axis]


def sound(name, draw):
    """Draw until the original neither ends the process nor reads memory that is not its own."""
    entry = lookup(name)

    def drawn(random):
        while True:
            arguments, keywords = draw(random)
            bound = inspect.signature(like(name)).bind(*arguments, **keywords)
            bound.apply_defaults()
            try:
                x, w, options, extras = entry.bind(**bound.arguments)
            except (TypeError, ValueError):
                return arguments, keywords
            spatial = tuple(n for n, letter in zip(x.shape, extras["layout"].signal) if letter in AXES)
            if not entry.faults(spatial, w.shape[: len(spatial)], **options):
                return arguments, keywords

    return drawn


def drawer(name):
    if "depthwise" in name:
        return sound(name, draw_depthwise)
    return sound(name, (draw_transposed if "transpose" in name else draw_convolution)(name))


@pytest.mark.parametrize("name", NAMES)
def test_random_calls_give_what_the_original_gives(name):
    assert_random_calls(name, drawer(name), call=caller(name), bound=absolute_bound(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_the_original_s(name):
    original = getattr(functions(), name.rpartition(".")[2])
    assert str(inspect.signature(like(name))) == str(inspect.signature(original))


def same(name, *arguments, **keywords):
    return assert_same_answer(name, like(name), arguments, keywords, call=caller(name), bound=absolute_bound(name))


X, W = np.arange(40.0).reshape(1, 4, 5, 2), np.arange(24.0).reshape(2, 3, 2, 2)
ONES = [1, 1, 1, 1]


def test_another_operator_is_told_apart():
    name = "tensorflow.nn.conv2d"
    other, own = like("tensorflow.nn.depthwise_conv2d"), {"call": caller(name), "bound": absolute_bound(name)}
    with pytest.raises(AssertionError):
        assert_same_answer(name, other, (X, W, ONES, "SAME"), {}, **own)


def test_lists_are_read_as_tensorflow_reads_them():
    assert like("tensorflow.nn.conv1d")([[[1], [2], [3]]], [[[2]]], 1, "SAME").dtype == np.int32
    assert same("tensorflow.nn.conv1d", [[[1], [2], [3]]], [[[2]]], 1, "SAME")
    assert same("tensorflow.nn.conv1d", [[[1.5], [2], [3]]], [[[2]], [[0.5]]][:1], 1, "SAME") is False  # two types
    assert same("tensorflow.nn.conv1d", [[[1.5], [2], [3]]], [[[2.0]], [[0.5]]], 1, "SAME")


@pytest.mark.parametrize("outputs", [(1, 2, 3, 2), (2, 3)])
def test_an_output_shape_of_the_spatial_axes_alone(outputs):
    x, w = np.arange(4.0).reshape(1, 1, 2, 2), np.arange(16.0).reshape(2, 2, 2, 2)
    assert same("tensorflow.nn.conv2d_transpose", x, w, outputs, (2, 2))


@pytest.mark.parametrize("lengths", [(1, 3, 6, 2), (0, 5, 6, 2)])
def test_of_float64_nothing_left_is_an_empty_result(lengths):
    assert same("tensorflow.nn.conv2d", np.ones(lengths), np.ones((4, 2, 2, 3)), 2, "VALID")


def test_tensors_give_tensors():
    torch = pytest.importorskip("torch", reason="passes torch tensors")
    x, w = torch.arange(40.0).reshape(1, 4, 5, 2), torch.arange(24.0).reshape(2, 3, 2, 2)
    found = like("tensorflow.nn.conv2d")(x, w, 2, "SAME")
    assert isinstance(found, torch.Tensor)
    assert found.tolist() == caller("tensorflow.nn.conv2d")(X, W, 2, "SAME").tolist()
    found = like("tensorflow.nn.conv2d")(x.bfloat16() / 8, w.bfloat16() / 8, 1, "VALID")
    wide = like("tensorflow.nn.conv2d")(x.bfloat16().double() / 8, w.bfloat16().double() / 8, 1, "VALID")
    assert found.dtype == torch.bfloat16
    assert (found.double() - wide).abs().max() <= 2**-8 * wide.abs().max()


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("kinds", ["ff", "fd", "df", "if", "id", "di", "fi", "il", "dB", "fD", "ei", "de"])
def test_numpy_arrays_of_two_types_take_that_of_the_first(kinds):
    x, w = X.astype(kinds[0]), (W / 4).astype(kinds[1])
    assert same("tensorflow.nn.conv2d", x, w, 1, "VALID")
    if kinds[1] not in "lBD":  # here the kernel is the first
        assert same("tensorflow.nn.conv2d_transpose", x, w, (1, 5, 7, 2), 1, "VALID")
    assert same("tensorflow.nn.conv1d", x[0], w[0], 1, "VALID") is (kinds == "ff")


def outside(*pads):
    return [[0, 0], *map(list, pads), [0, 0]]


EVERYWHERE = [
    *[{"padding": padding} for padding in ("same", "EXPLICIT", "", None, 0, 1.0)],
    *[{"data_format": order} for order in ("nhwc", "NWC", "NCHW", "", 1)],
]
PLANE = [
    *[{"strides": strides} for strides in (0, -1, [1, 2, 3], [2, 1, 1, 1], [1, 1, 1, 2], "1", [])],
    *[{"dilations": dilations} for dilations in (0, -1, [1, 2, 2, 2], [1, 2, 3])],
    *[{"padding": padding} for padding in ([], [[0, 0]] * 3, [[0, 0, 0]] * 4, [0, 0, 0, 0], outside((-1, 0), (0, 0)))],
    *[{"padding": [[1, 0], [0, 0], [0, 0], [0, 0]]}, {"padding": [[0, 0], [0, 0], [0, 0], [0, 1]]}],
    *[{"input": X[0]}, {"input": X[..., :1]}, {"input": X.tolist()}, {"filters": W[0]}, {"filters": W[:0]}],
    *[{"input": X.astype(kind), "filters": W.astype(kind)} for kind in ("i8", "u1", "bool", "c8", "g")],
]
SPACE = [{"strides": 1}, {"strides": [1, 1, 1]}, {"strides": None}, {"dilations": 2}, {"dilations": [1, 2, 1, 1, 1]}]
SPACE += [{"padding": [[0, 0]] * 5}, {"data_format": "NCDHW"}, {"input": np.ones((1, 3, 3, 3, 4))}]
DEPTHWISE = [{"strides": 1}, {"strides": [1, 1]}, {"strides": [1, 1, 2, 1]}, {"strides": None}, {"dilations": 2}]
DEPTHWISE += [{"dilations": ONES}, {"dilations": [0, 1]}, {"dilations": [2.0, 1]}, {"input": X[..., :1]}]
TRANSPOSED = [
    *[
        {"output_shape": one}
        for one in ((1, 8, 11, 2), (1, 6, 10, 2), (1, 8, 10, 3), (2, 8, 10, 2), None, (1, 8.0, 10, 2))
    ],
    *[{"output_shape": (8, 10, 2)}, {"output_shape": (1, 8, 10, 4)}, {"dilations": 2}, {"strides": 3}],
    *[{"filters": W[..., :1]}, {"input": X[0]}, {"input": X[None]}, {"data_format": "NCHW"}],
    *[{"padding": padding} for padding in (outside((3, 0), (0, 0)), [[1, 0]] + [[0, 0]] * 3)],
]
CUBE = {"input": np.ones((1, 3, 3, 3, 2)), "filters": np.ones((2, 2, 2, 2, 1)), "strides": [1] * 5, "padding": "SAME"}
CALLS = {
    "conv2d": ({"input": X, "filters": W, "strides": 1, "padding": "SAME"}, EVERYWHERE + PLANE),
    "conv3d": (CUBE, EVERYWHERE[:6] + SPACE),
    "depthwise_conv2d": ({"input": X, "filter": W, "strides": ONES, "padding": "SAME"}, EVERYWHERE + DEPTHWISE),
    "conv2d_transpose": (
        {"input": X, "filters": W, "output_shape": (1, 8, 10, 2), "strides": 2},
        EVERYWHERE + TRANSPOSED,
    ),
    "conv1d": ({"input": X[0], "filters": W[0], "stride": 1, "padding": "SAME"}, [{"padding": [[0, 0]] * 3}]),
}
REFUSALS = [(name, {**given, **change}) for name, (given, changes) in CALLS.items() for change in changes]


@pytest.mark.parametrize(("name", "keywords"), REFUSALS)
def test_what_the_original_refuses_is_refused(name, keywords):
    with pytest.raises(Exception):  # noqa: B017, PT011  # it has its own
        caller(name)(**keywords)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(f"tensorflow.nn.{name}")(**keywords)
    assert "\n  do: " in str(refusal.value)


@pytest.mark.parametrize("name", CALLS)
def test_the_calls_that_are_changed_are_taken(name):
    given, _ = CALLS[name]
    assert caller(name)(**given).tolist() == like(f"tensorflow.nn.{name}")(**given).tolist()


@pytest.mark.filterwarnings("ignore:When dilation rate is greater than 1:UserWarning")
def test_a_depthwise_stride_with_a_dilation_is_no_convolution():
    x, w = np.arange(16.0).reshape(1, 16, 1, 1), np.array([1.0, 100]).reshape(2, 1, 1, 1)
    result = caller("depthwise_conv2d")(x, w, [1, 2, 2, 1], "VALID", dilations=[2, 1])
    starts = [4 * (n // 2) + n % 2 for n in range(8)][: result.size]
    assert result.ravel().tolist() == [start + 100 * (start + 2) for start in starts]
    assert starts[:4] == [0, 1, 4, 5]
    with pytest.raises(ValueError, match="no convolution"):
        like("tensorflow.nn.depthwise_conv2d")(x, w, [1, 2, 2, 1], "VALID", dilations=[2, 1])


def test_three_dimensions_of_float64_have_another_phase_than_two():
    x, w = np.arange(8.0), np.ones(1)
    plane = caller("conv2d")(x.reshape(1, 8, 1, 1), w.reshape(1, 1, 1, 1), [4, 1], "SAME")
    space = caller("conv3d")(x.reshape(1, 8, 1, 1, 1), w.reshape(1, 1, 1, 1, 1), [1, 4, 1, 1, 1], "SAME")
    assert (plane.ravel().tolist(), space.ravel().tolist()) == ([0, 4], [1, 5])
    size = lookup("tensorflow.nn.conv3d").convention((8, 1, 1), (1, 1, 1), padding="SAME", strides=4, dilations=1)
    assert compute(size, x.reshape(8, 1, 1), w.reshape(1, 1, 1)).ravel().tolist() == [1, 5]
    assert compute(Convention(size="same-upper", stride=4), x, w).tolist() == [0, 4]


WITHOUT = """
import sys
sys.modules["tensorflow"] = None  # importing it fails
import numpy as np
from convention.emulation import like
x, w = np.arange(40.0).reshape(1, 4, 5, 2), np.arange(24.0).reshape(2, 3, 2, 2)
print(like("tensorflow.nn.conv2d")(x, w, 2, "SAME").tolist())
print(like("tensorflow.nn.depthwise_conv2d")(x, w, [1, 2, 2, 1], "VALID").tolist())
print(like("tensorflow.nn.conv2d_transpose")(x, w, (1, 8, 10, 2), 2).tolist())
"""


def test_the_original_is_not_imported():
    child = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    expected = [
        caller("conv2d")(X, W, 2, "SAME"),
        caller("depthwise_conv2d")(X, W, [1, 2, 2, 1], "VALID"),
        caller("conv2d_transpose")(X, W, (1, 8, 10, 2), 2),
    ]
    assert child.stdout.splitlines() == [str(one.tolist()) for one in expected]
