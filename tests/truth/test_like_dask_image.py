"""`like` for dask-image against dask-image on arrays of several chunks: the same result, data type and refusal."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from random import Random

import numpy as np
import pytest

from convention.catalogue import lookup
from convention.emulation import like
from likes import array, assert_random_calls, assert_same_answer, original, pick, shape

pytest.importorskip("dask_image", reason="compares with dask-image")
da = pytest.importorskip("dask.array", reason="compares with dask-image")

NAMES = ["dask_image.ndfilters.convolve", "dask_image.ndfilters.correlate"]
# sums that an integer result holds without overflow, which is undefined from 32 bits on
LARGEST = {"int32": 2**10, "int64": 2**20, "uint32": 2**12, "uint64": 2**20}
DTYPES = ("bool", "int8", "int16", "uint8", "uint16", *LARGEST, "float32", "float64", "complex64", "complex128")
MODES = ("reflect", "grid-mirror", "constant", "grid-constant", "nearest", "mirror", "wrap")
X, W = np.arange(1.0, 13).reshape(3, 4), np.arange(1.0, 5).reshape(2, 2)


def called(name, random=None):
    """Return dask-image's function on NumPy arrays, divided at random into one to three chunks along every axis."""

    def call(image, weights, *rest, **keywords):
        one = keywords.get("mode") == "grid-wrap" or random is None or 0 in image.shape
        chunks = image.shape if one else tuple(max(1, -(-n // random.randint(1, 3))) for n in image.shape)
        result = original(name)(da.from_array(image, chunks=chunks), weights, *rest, **keywords)
        return np.asarray(result.compute(scheduler="synchronous"))

    return call


def draw(random):
    ndim = random.choice([1, 2, 2, 3])
    kind, other = random.choice(DTYPES), random.choice(DTYPES)
    image = array(random, shape(random, ndim, 7), kind, LARGEST.get(kind))
    weights = array(random, shape(random, ndim, 4), other if "float" not in other else "int8", 40).astype(other)
    if weights.dtype.kind in "fc":
        weights = (np.rint(weights.real.clip(-40, 40)) / 4).astype(other)
    keywords = pick(random, mode=(*MODES, "grid-wrap"), cval=(0, 1.5, -3))
    if random.random() < 0.5:
        keywords["origin"] = random.choice([0, -1, 1, tuple(random.randint(-1, 1) for _ in range(ndim))])
    return (image, weights), keywords


def bound(arguments, keywords, result):
    signal, kernel = (np.abs(one.astype(complex)) for one in arguments)
    epsilon = np.finfo(result.dtype).eps
    return 16 * epsilon * kernel.sum() * signal.max(initial=abs(keywords.get("cval", 0)))


@pytest.mark.parametrize("name", NAMES)
def test_random_calls_give_what_dask_image_gives(name):
    assert_random_calls(name, draw, call=called(name, Random(1)), bound=bound)


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_dask_image_s(name):
    assert str(inspect.signature(like(name))) == str(inspect.signature(original(name)))


def test_the_other_operator_is_told_apart():
    with pytest.raises(AssertionError):
        assert_same_answer(NAMES[0], like(NAMES[1]), (X, W), {}, call=called(NAMES[0]), bound=bound)


REFUSED = [
    *[((X, W[0]), {}), ((X, W[None]), {}), ((X,), {}), ((X.astype("f2"), W), {}), ((X, np.ones((0, 2))), {})],
    *[((X, np.ones((8, 1))), {}), ((X, np.ones((1, 9))), {"origin": (0, 1)}), ((np.array(3.0), np.array(2.0)), {})],
    *[((X, W), {"mode": mode}) for mode in ("foo", None)],
    *[((X, W), {"origin": origin}) for origin in (1, -2, 0.5, None, True, (0,), (0, 0, 0), (0, 0.5))],
    *[((X, W), {"mode": "constant", "cval": cval}) for cval in ("a", 1j, None)],
    ((X, W), {"output": float}),
]


@pytest.mark.parametrize(("arguments", "keywords"), REFUSED)
def test_what_dask_image_refuses_is_refused(arguments, keywords):
    with pytest.raises(Exception):  # noqa: B017, PT011  # it has RuntimeError too
        called(NAMES[0])(*arguments, **keywords)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(NAMES[0])(*arguments, **keywords)
    assert "\n  do: " in str(refusal.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", MODES)
def test_the_result_does_not_depend_on_the_chunks(name, mode):
    image, kernel = np.random.default_rng(0).integers(0, 99, (11, 13)), np.arange(20).reshape(4, 5)
    results = [
        original(name)(da.from_array(image, chunks=chunks), kernel, mode=mode, cval=7, origin=(1, -1)).compute()
        for chunks in ((11, 13), (6, 7), (4, 4), (2, 1), ((1, 9, 1), (3, 3, 3, 4)))
    ]
    for result in results[1:]:
        assert result.tolist() == results[0].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_grid_wrap_is_no_synonym_of_wrap_where_there_are_chunks(name):
    assert "This is a synonym for 'wrap'" in original(name).__doc__
    image, kernel = np.arange(1, 9), np.array([1, 10, 100])

    def run(mode, chunks):
        return original(name)(da.from_array(image, chunks=chunks), kernel, mode=mode).compute(scheduler="synchronous")

    assert run("wrap", 4).tolist() == run("wrap", 8).tolist() == run("grid-wrap", 8).tolist()
    assert (run("grid-wrap", 4) != run("wrap", 4)).tolist() == [True, False, False, False, False, False, False, True]
    entry = lookup(name)
    assert entry.faults((8,), (3,), mode="grid-wrap")
    assert not entry.faults((8,), (3,), mode="wrap")


def test_a_complex_kernel_makes_a_complex_result_of_an_array_that_says_float():
    result = original(NAMES[0])(da.from_array(X), W * 1j)
    assert (result.dtype, result.compute().dtype) == (np.float64, np.complex128)
    assert like(NAMES[0])(X, W * 1j).dtype == np.complex128


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float64", "float32", "complex64", "uint8", "int64"])
def test_torch_tensors_give_the_numbers_of_numpy_arrays(name, dtype):
    torch = pytest.importorskip("torch", reason="passes torch tensors")
    image = X.astype(dtype)
    found = like(name)(torch.tensor(image), torch.tensor(W), mode="mirror")
    expected = called(name)(image, W, mode="mirror")
    assert str(found.dtype) == f"torch.{expected.dtype}"
    assert found.tolist() == expected.tolist()


WITHOUT = """
import json, sys
for module in ("dask", "dask_image", "scipy.ndimage"):
    sys.modules[module] = None  # importing it fails
import numpy
from convention.emulation import like
calls = json.load(sys.stdin)
print(json.dumps([like(name)(numpy.array(x), numpy.array(w), **rest).tolist() for name, x, w, rest in calls]))
"""


def test_dask_image_is_neither_imported_nor_called():
    image, kernel = X.astype(int).tolist(), W.astype(int).tolist()
    calls = [(NAMES[0], image, kernel, {"mode": "wrap"}), (NAMES[1], image, kernel, {"origin": -1})]
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT], input=json.dumps(calls), capture_output=True, text=True, check=True
    )
    expected = [called(name)(np.array(x), np.array(w), **rest).tolist() for name, x, w, rest in calls]
    assert json.loads(child.stdout) == expected
