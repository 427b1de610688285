"""`like` against PyTorch's functional convolutions: channels, groups, bias, complex and unbatched inputs."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from convention.catalogue import operators
from convention.emulation import like
from likes import absolute_bound, array, assert_random_calls, assert_same_answer, shape

torch = pytest.importorskip("torch", reason="compares with PyTorch")

NAMES = [name for name in operators() if name.startswith("torch.nn.functional.")]
DTYPES = ("float32", "float64", "complex64", "complex128", "float16", "int64", "int32", "uint8")


def ndim_of(name):
    return int(name[-2])


def caller(name):
    function = getattr(torch.nn.functional, name.rpartition(".")[2])

    def call(*arguments, **keywords):
        given = [torch.tensor(one) if isinstance(one, np.ndarray) else one for one in arguments]
        if keywords.get("bias") is not None:
            keywords = keywords | {"bias": torch.tensor(keywords["bias"])}
        result = function(*given, **keywords).numpy()
        if 0 in result.shape[-ndim_of(name) :]:  # its backends disagree about results without outputs
            raise ValueError("no outputs")
        return result

    return call


def numbers(random, ndim, low, high):
    if random.random() < 0.5:
        return random.randint(low, high)
    return tuple(random.randint(low, high) for _ in range(ndim))


def drawer(name):
    ndim, transposed = ndim_of(name), "transpose" in name

    def draw(random):
        dtype = random.choice(DTYPES)
        groups, inputs, outputs = random.choice([1, 1, 2, 3]), random.randint(1, 3), random.randint(1, 3)
        channels = groups * inputs
        batch = () if random.random() < 0.2 else (random.choice([1, 2]),)
        x = array(random, (*batch, channels, *shape(random, ndim, 8 if ndim < 3 else 5)), dtype, 30)
        between = (channels, outputs) if transposed else (groups * outputs, inputs)
        w = array(random, (*between, *shape(random, ndim, 4 if ndim < 3 else 3)), dtype, 30)
        keywords = {"groups": groups} if groups > 1 or random.random() < 0.3 else {}
        if random.random() < 0.5:
            keywords["stride"] = numbers(random, ndim, 1, 3)
        if random.random() < 0.4:
            keywords["dilation"] = numbers(random, ndim, 1, 2)
        if random.random() < 0.5:
            words = () if transposed else ("same", "valid")
            keywords["padding"] = random.choice([numbers(random, ndim, 0, 2), *words])
        if transposed and random.random() < 0.4:
            keywords["output_padding"] = numbers(random, ndim, 0, 1)
        if random.random() < 0.5:
            keywords["bias"] = array(random, (groups * outputs,), dtype, 30)
        return (x, w), keywords

    return draw


@pytest.mark.parametrize("name", NAMES)
def test_random_calls_give_what_the_original_gives(name):
    assert_random_calls(name, drawer(name), call=caller(name), bound=absolute_bound(name))


@pytest.mark.parametrize("name", NAMES)
def test_tensors_give_tensors(name):
    ndim = ndim_of(name)
    x, w = torch.arange(1.0, 2 * 4**ndim + 1).reshape(1, 2, *(4,) * ndim), torch.arange(1.0, 4 * 2**ndim + 1)
    w, bias = w.reshape(2, 2, *(2,) * ndim), torch.tensor([0.5, -1])
    function = getattr(torch.nn.functional, name.rpartition(".")[2])
    found = like(name)(x, w, bias, stride=2)
    assert isinstance(found, torch.Tensor)
    assert torch.equal(found, function(x, w, bias, stride=2))


@pytest.mark.parametrize("name", NAMES[1::3])
def test_an_empty_batch(name):
    x, w, bias = np.ones((0, 2, 4, 5)), np.ones((2, 2, 2, 3)), np.array([5.0, 7])
    assert_same_answer(name, like(name), (x, w), {"bias": bias}, call=caller(name))


def test_no_input_channels_are_refused_of_which_the_original_makes_no_output_channels():
    x, w = np.ones((3, 0, 4, 5)), np.ones((2, 0, 2, 3))
    assert caller("torch.nn.functional.conv2d")(x, w).shape == (3, 0, 3, 3)
    with pytest.raises(ValueError, match="no taps"):
        like("torch.nn.functional.conv2d")(x, w)


def test_bfloat16_is_summed_in_float32():
    x, w = torch.randn(2, 3, 9, dtype=torch.bfloat16), torch.randn(4, 3, 5, dtype=torch.bfloat16)
    found = like("torch.nn.functional.conv1d")(x, w)
    wide = torch.nn.functional.conv1d(x.double(), w.double())
    assert found.dtype == torch.bfloat16
    assert (found.double() - wide).abs().max() <= 2**-8 * wide.abs().max()


X, W = np.arange(40.0).reshape(1, 2, 4, 5), np.arange(12.0).reshape(3, 2, 1, 2)
REFUSED = [
    ((X, W.astype("f4")), {}),
    ((X, W), {"bias": np.ones(2)}),
    ((X, W), {"bias": np.ones(3, "f4")}),
    ((X[0, 0], W), {}),
    ((X[None], W), {}),
    ((X, W[0]), {}),
    ((X, W[:, :1]), {}),
    ((X, W[:, :, :0]), {}),
    ((X[:, :, :0], W), {}),
    *[((X, W), {"stride": stride}) for stride in (0, -1, 1.0, True, (1, 2, 3), "1", None)],
    *[((X, W), {"dilation": dilation}) for dilation in (0, (1, 0))],
    *[((X, W), {"groups": groups}) for groups in (0, 2, -1, 1.5)],
    *[((X, W), {"padding": padding}) for padding in (-1, "full", (1, 1, 1), 1.0)],
    ((X.astype(bool), W.astype(bool)), {}),
    ((X.astype("u2"), W.astype("u2")), {}),
    ((X.astype("i4"), W.astype("i4")), {"dilation": 2}),
]
REFUSALS = [("torch.nn.functional.conv2d", *one) for one in REFUSED]
REFUSALS += [("torch.nn.functional.conv_transpose2d", (X, W[:2]), {"output_padding": n}) for n in (1, -1, (0, 1), None)]
REFUSALS += [("torch.nn.functional.conv_transpose2d", (X, W[:2]), {"padding": n}) for n in ("same", 3, -1)]
REFUSALS += [("torch.nn.functional.conv2d", (X, W), {"padding": "same", "stride": 2})]


@pytest.mark.parametrize(("name", "arguments", "keywords"), REFUSALS)
def test_what_the_original_refuses_is_refused(name, arguments, keywords):
    with pytest.raises((RuntimeError, TypeError, ValueError)):
        caller(name)(*arguments, **keywords)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(name)(*arguments, **keywords)
    assert "\n  do: " in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("torch.nn.functional.conv2d", "torch.nn.functional.conv_transpose2d"),
        ("torch.nn.functional.conv_transpose2d", "torch.nn.functional.conv2d"),
    ],
)
def test_another_operator_is_told_apart(name, other):
    x, w = np.arange(18.0).reshape(1, 2, 3, 3), np.arange(4.0).reshape(2, 2, 1, 1)
    with pytest.raises(AssertionError):
        assert_same_answer(name, like(other), (x, w), {"padding": 0}, call=caller(name))


WITHOUT = """
import sys
sys.modules["torch"] = None  # importing it fails
import numpy as np
from convention.emulation import like
x, w = np.arange(40.0).reshape(1, 2, 4, 5), np.arange(24.0).reshape(2, 2, 2, 3)
print(like("torch.nn.functional.conv2d")(x, w, stride=2).tolist())
print(like("torch.nn.functional.conv_transpose2d")(x, w, stride=2).tolist())
"""


def test_the_original_is_not_imported():
    child = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    x, w = np.arange(40.0).reshape(1, 2, 4, 5), np.arange(24.0).reshape(2, 2, 2, 3)
    expected = [caller(f"torch.nn.functional.{name}2d")(x, w, stride=2).tolist() for name in ("conv", "conv_transpose")]
    assert child.stdout.splitlines() == [str(one) for one in expected]
