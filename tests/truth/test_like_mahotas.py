"""`like` for mahotas against mahotas: the same arguments give the same result, data type and refusal."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import numpy as np
import pytest

from convention.emulation import like
from likes import array, assert_random_calls, assert_same_answer, original, pick, shape

mahotas = pytest.importorskip("mahotas", reason="compares with mahotas")

CONVOLVE, CONVOLVE1D = "mahotas.convolve", "mahotas.convolve1d"
SMALL = ("bool", "int8", "int16", "uint8", "uint16")
# sums that an integer result holds without overflow, which is undefined from 32 bits on, or below zero, where unsigned
LARGE = {"int32": 2**10, "int64": 2**20, "uint32": 2**12, "uint64": 2**20}
IMAGES = (*SMALL, *LARGE, "float32", "float64", "float64", "longdouble")
WEIGHTS = (*SMALL, *LARGE, "float32", "float64", "longdouble", "complex128")
MODES = ("reflect", "nearest", "wrap", "mirror", "constant", "ignore")
X, W = np.arange(1.0, 13).reshape(3, 4), np.arange(1.0, 5).reshape(2, 2)


def weights(random, size, dtype, image):
    values = array(random, size, dtype if dtype in (*SMALL, *LARGE) else "float64", 20)
    if dtype not in (*SMALL, *LARGE):
        values = np.random.default_rng(random.getrandbits(32)).integers(-20, 21, size) / 4
    if image.startswith("u"):  # a cast below zero is undefined, and so are large sums of it
        values = abs(values)
    return (values + (1j * values if "complex" in dtype else 0)).astype(dtype)


def image(random, size, dtype):
    found = array(random, size, "float64" if dtype == "longdouble" else dtype, LARGE.get(dtype)).astype(dtype)
    if random.random() < 0.1 and found.dtype.kind == "f":
        found.flat[random.randrange(found.size)] = random.choice([np.nan, np.inf, -np.inf])
    return random.choice([found, found, np.asfortranarray(found), np.repeat(found, 2, 0)[::2]])


def draw_nd(random):
    ndim, dtype = random.choice([1, 2, 2, 3]), random.choice(IMAGES)
    w = weights(random, shape(random, ndim, 5), random.choice(WEIGHTS), dtype)
    w[np.random.default_rng(random.getrandbits(32)).random(w.shape) < 0.2] = 0
    return (image(random, shape(random, ndim, 7), dtype), w), pick(random, mode=MODES, cval=(0, 0, 0.0, 3))


def draw_1d(random):
    ndim, dtype = random.choice([1, 2, 2, 3]), random.choice(IMAGES)
    w = weights(random, (random.randint(2, 8),), random.choice(WEIGHTS), dtype)
    return (image(random, shape(random, ndim, 9), dtype), w, random.randint(-ndim, ndim - 1)), pick(
        random, mode=MODES, cval=(0, 0, 0.0, 3)
    )


def bound(arguments, keywords, result):
    """Return some roundings of the largest sum, in the result's type and not finer than float64."""
    signal, kernel = arguments[0], arguments[1].real
    epsilon = max(np.finfo(result.dtype).eps, np.finfo(np.float64).eps)
    return 16 * epsilon * np.abs(kernel).sum() * np.abs(signal[np.isfinite(signal)]).max(initial=1)


@pytest.mark.parametrize(("name", "draw"), [(CONVOLVE, draw_nd), (CONVOLVE1D, draw_1d)])
def test_random_calls_give_what_mahotas_gives(name, draw):
    assert_random_calls(name, draw, bound=bound)


@pytest.mark.parametrize("name", [CONVOLVE, CONVOLVE1D])
def test_the_signature_is_mahotas_s(name):
    assert str(inspect.signature(like(name))) == str(inspect.signature(original(name)))


def test_a_convolution_is_told_apart():
    with pytest.raises(AssertionError):
        assert_same_answer(CONVOLVE, like("scipy.ndimage.convolve"), (X, W), {}, bound=bound)
    assert assert_same_answer(CONVOLVE, like("scipy.ndimage.correlate"), (X, W), {}, bound=bound)


REFUSED = [
    (CONVOLVE, (X, W[0]), {}),
    (CONVOLVE, (X, W, "foo"), {}),
    (CONVOLVE, (X, W, None), {}),
    (CONVOLVE, (X, W, "constant", 7.0), {}),
    (CONVOLVE, (X.astype("f2"), W), {}),
    (CONVOLVE, (X + 0j, W), {}),
    (CONVOLVE, (X, W), {"out": np.zeros((3, 4), int)}),
    (CONVOLVE, (X, W), {"out": np.zeros((4, 3))}),
    (CONVOLVE, (X, W), {"out": np.zeros((3, 8))[:, ::2]}),
    (CONVOLVE, (X,), {}),
    (CONVOLVE1D, (X, W, 0), {}),
    (CONVOLVE1D, (X, np.ones(1), 0), {}),
    (CONVOLVE1D, (X, W[0], 2), {}),
    (CONVOLVE1D, (X, W[0], -3), {}),
    (CONVOLVE1D, (X, W[0], 0.0), {}),
    (CONVOLVE1D, (X, W[0]), {}),
    (CONVOLVE1D, (X, W[0], 0, "constant", 7.0), {}),
    (CONVOLVE1D, (X, W[0], 0), {"out": np.zeros((3, 4), int)}),
    (CONVOLVE1D, (X.astype("f2"), W[0], 1), {}),
]


@pytest.mark.parametrize(("name", "arguments", "keywords"), REFUSED)
def test_what_mahotas_refuses_is_refused(name, arguments, keywords):
    with pytest.raises(Exception):  # noqa: B017, PT011  # mahotas has RuntimeError and NotImplementedError too
        original(name)(*arguments, **keywords)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(name)(*arguments, **keywords)
    assert "\n  do: " in str(refusal.value)


NAN = np.array([1, np.nan, 1, 1, 2, 3])


@pytest.mark.parametrize(
    ("name", "arguments", "keywords"),
    [
        (CONVOLVE, (np.array(3.0), np.array(2.0)), {}),
        (CONVOLVE, (np.zeros(0), np.ones(3)), {}),
        (CONVOLVE, (np.ones(3), np.zeros(0)), {"mode": "wrap"}),
        (CONVOLVE, (np.ones((3, 3)), np.zeros((0, 2))), {}),
        (CONVOLVE, (NAN, np.array([1.0, 0, 1])), {}),
        (CONVOLVE1D, (NAN, np.array([1.0, 0, 1]), 0), {}),
        (CONVOLVE1D, (NAN[:3], np.array([1.0, 0, 1]), 0), {}),
        (CONVOLVE1D, (X, [[[1, 2]]], 0), {}),
        (CONVOLVE, (X, W), {"mode": "reflect", "cval": "unused"}),
        (CONVOLVE, (np.array([True, False, True]), np.array([0.5, 0, -0.5])), {}),
        (CONVOLVE1D, (np.array([True, False, True, False]), np.array([0.5, 0, -0.5]), 0), {}),
        (CONVOLVE, (np.ones(300, bool), np.ones(256, bool)), {"mode": "wrap"}),
    ],
)
def test_special_calls_give_what_mahotas_gives(name, arguments, keywords):
    assert assert_same_answer(name, like(name), arguments, keywords, bound=lambda *given: 0)


def test_the_documentation_says_convolution_and_it_correlates():
    assert "Convolution of `f` and `weights`" in mahotas.convolve.__doc__
    impulse = np.array([0, 0, 1, 0, 0])
    assert mahotas.convolve(impulse, np.array([1, 2, 3])).tolist() == [0, 3, 2, 1, 0]
    assert mahotas.convolve1d(impulse, np.array([1, 2, 3]), 0).tolist() == [0, 3, 2, 1, 0]


def test_what_becomes_of_the_weights_depends_on_the_length_and_layout_of_the_image():
    half, plane = np.array([0.5, 1.5, 0.5]), np.array([[1, 0, 2, 3], [4, 5, 6, 7], [8, 9, 1, 2]])
    assert mahotas.convolve1d(np.array([1, 0, 2, 3]), half, 0).tolist() == [2, 1, 4, 7]
    assert mahotas.convolve1d(np.array([1, 0, 2]), half, 0).tolist() == [1, 0, 2]  # as for [0, 1, 0]
    assert mahotas.convolve1d(plane, half, 1)[0].tolist() == [2, 1, 4, 7]
    assert mahotas.convolve1d(np.asfortranarray(plane), half, 1)[0].tolist() == [1, 0, 2, 3]


@pytest.mark.parametrize(("name", "rest"), [(CONVOLVE, (W,)), (CONVOLVE1D, (W[0], 0)), (CONVOLVE1D, (W[0], 1))])
@pytest.mark.parametrize("dtype", ["float64", "bool", "uint8"])
def test_out_arrays_are_written_and_returned(name, rest, dtype):
    image, ours, theirs = X.astype(dtype), np.zeros((3, 4), dtype), np.zeros((3, 4), dtype)
    assert like(name)(image, *rest, out=ours) is ours
    original(name)(image, *rest, out=theirs)
    assert ours.tolist() == theirs.tolist()
    if name == CONVOLVE:
        assert like(name)(image, *rest, output=ours) is ours


def test_the_image_as_out_is_refused_where_mahotas_reads_what_it_wrote():
    image = np.array([1, 2, 3, 4])
    right = mahotas.convolve(image, np.array([2, 1, 5])).tolist()
    with pytest.raises(ValueError, match="replaced already"):
        like(CONVOLVE)(image, np.array([2, 1, 5]), out=image)
    assert mahotas.convolve(image, np.array([2, 1, 5]), out=image).tolist() != right
    plane = X.copy()
    expected = mahotas.convolve1d(plane, W[0], 0).tolist()
    assert like(CONVOLVE1D)(plane, W[0], 0, out=plane).tolist() == expected


@pytest.mark.parametrize(("name", "rest"), [(CONVOLVE, (W,)), (CONVOLVE1D, (W[0] / 2, 0)), (CONVOLVE1D, (W[0], 1))])
@pytest.mark.parametrize("dtype", ["float64", "float32", "bool", "uint8", "int64"])
def test_torch_tensors_give_the_numbers_of_numpy_arrays(name, rest, dtype):
    torch = pytest.importorskip("torch", reason="passes torch tensors")
    image = X.astype(dtype)
    found = like(name)(
        torch.tensor(image), *(torch.tensor(one) if isinstance(one, np.ndarray) else one for one in rest)
    )
    expected = original(name)(image, *rest)
    assert str(found.dtype) == f"torch.{expected.dtype}"
    assert found.tolist() == expected.tolist()


WITHOUT = """
import json, sys
sys.modules["mahotas"] = None  # importing it fails
import numpy
from convention.emulation import like
calls = json.load(sys.stdin)
print(json.dumps([like(name)(numpy.array(f), numpy.array(w), *rest).tolist() for name, f, w, *rest in calls]))
"""


def test_mahotas_is_neither_imported_nor_called():
    image, kernel = X.astype(int).tolist(), W.astype(int).tolist()
    calls = [(CONVOLVE, image, kernel, "mirror"), (CONVOLVE1D, image, kernel[1], 1, "nearest")]
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT], input=json.dumps(calls), capture_output=True, text=True, check=True
    )
    expected = [original(name)(np.array(f), np.array(w), *rest).tolist() for name, f, w, *rest in calls]
    assert json.loads(child.stdout) == expected
