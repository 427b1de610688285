"""`like` of Astropy's convolutions against Astropy: numbers, types, refusals, and what becomes of NaNs."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from random import Random

import numpy as np
import pytest

from convention.emulation import like
from likes import INTEGERS, array, assert_random_calls, assert_same_answer, original, pick, shape

CONVOLVE, FFT = "astropy.convolution.convolve", "astropy.convolution.convolve_fft"
TYPES = (*INTEGERS, "float16", "float32", "float64", "longdouble", "complex64")


def draw_operands(random, types, most, odd):
    """Draw an array, of floats sometimes with gaps, and a kernel, which has a sum of either sign only without gaps."""
    ndim = random.choice([1, 1, 2, 3])
    x = array(random, shape(random, ndim, 9 if ndim == 1 else 5), random.choice(types), 1000)
    gaps = x.dtype.kind == "f" and random.random() < 0.5
    if gaps:
        x[np.random.default_rng(random.getrandbits(32)).random(x.shape) < random.choice([0.1, 0.5, 0.9])] = np.nan
    size = tuple(n + (odd and n % 2 == 0 and random.random() < 0.95) for n in shape(random, ndim, most))
    taps = np.random.default_rng(random.getrandbits(32)).integers(0 if gaps else -4, 13, size) / random.choice([1, 4])
    return x, taps.astype(random.choice(("float32", "float64", "int64", "bool")) if taps.sum() % 1 == 0 else "float64")


def draw_convolve(random):
    x, w = draw_operands(random, TYPES, 6, odd=True)
    keywords = pick(
        random,
        boundary=("fill", "wrap", "extend", None),
        fill_value=(0, 2.5, -1, np.nan if w.min() >= 0 else 3),
        nan_treatment=("interpolate", "interpolate", "fill"),
        normalize_kernel=(True, False, 1),
        preserve_nan=(True, False),
        normalization_zero_tol=(1e-8, 1e-8, 20.0),
    )
    return (x, w), keywords


def draw_convolve_fft(random):
    x, w = draw_operands(random, TYPES[:-1], 9, odd=False)
    if x.dtype.kind == "f" and random.random() < 0.2 and w.min() >= 0:
        x.flat[0] = np.inf
    keywords = pick(
        random,
        boundary=("fill", "fill", "wrap", None, "extend", "unknown"),
        fill_value=(0, 2.5, -1, np.nan if w.min() >= 0 else 3),
        nan_treatment=("interpolate", "interpolate", "fill"),
        normalize_kernel=(True, False, lambda kernel: 3.5),
        preserve_nan=(True, False),
        crop=(True, False),
        fft_pad=(None, None, True, False),
        psf_pad=(None, None, True, False),
        min_wt=(0.0, 0.0, 0.3),
        dealias=(False, False, True),
        normalization_zero_tol=(1e-8, 1e-8, 20.0),
    )
    return (x, w), keywords


DRAWS = {CONVOLVE: draw_convolve, FFT: draw_convolve_fft}


def bound(arguments, keywords, result):
    """Return how far results may lie apart: roundings of the largest sum, over the least weight it is divided by."""
    x, w = (np.abs(np.asarray(one).real.astype(float)) for one in arguments)
    epsilon = max(np.finfo(result.dtype).eps, np.finfo(float).eps)
    largest = max(x[np.isfinite(x)].max(initial=0), np.nan_to_num(abs(keywords.get("fill_value", 0))), 1)
    least = w[w > 0].min(initial=1) if np.isnan(x).any() or "fill_value" in keywords else 1
    total = abs(float(np.sum(arguments[1])))
    gain = max(1 / total if total else 1, 1 / min(least, 1), 1)
    return float(64 * epsilon * w.sum() * largest * gain)


@pytest.mark.parametrize("name", DRAWS)
def test_random_calls_give_what_the_original_gives(name):
    original(name)
    assert_random_calls(name, DRAWS[name], calls=400, bound=bound)


def test_the_signatures_are_the_originals():
    assert str(inspect.signature(like(CONVOLVE))) == str(inspect.signature(original(CONVOLVE)))
    ours, theirs = (inspect.signature(one).parameters for one in (like(FFT), original(FFT)))
    assert list(ours) == list(theirs)
    # their defaults are functions and a type of NumPy; None stands for them
    others = {"fftn", "ifftn", "complex_dtype"}
    assert all(ours[name].default == theirs[name].default for name in theirs if name not in others)
    assert all(ours[name].default is None for name in others)


X, W = np.arange(1.0, 8), np.array([1.0, 2, 4])
GAP = np.array([1, 2, np.nan, 4, np.nan, np.nan, np.nan, 8, 9])


@pytest.mark.parametrize(
    ("name", "arguments", "keywords"),
    [
        (CONVOLVE, (X, [1, 0, 1, 0]), {}),
        (CONVOLVE, (X, [1, 0, -1]), {}),
        (CONVOLVE, (X, [1, 0, -3]), {}),
        (CONVOLVE, (X, [0.001, 0.002, 0.003]), {}),
        (CONVOLVE, (GAP, [1, 0, -1]), {"normalize_kernel": False}),
        (CONVOLVE, (X, W), {"boundary": "reflect"}),
        (CONVOLVE, (X, W), {"boundary": "None"}),
        (CONVOLVE, (X[:2], W), {"boundary": None}),
        (CONVOLVE, (X, W), {"nan_treatment": "drop"}),
        (CONVOLVE, (X, W), {"fill_value": "a"}),
        (CONVOLVE, (X, W), {"fill_value": None}),
        (CONVOLVE, (X, W, "fill", 0.0, "interpolate", True, None, False, 1e-8, 1), {}),
        (CONVOLVE, (X, [[1, 2, 4]]), {}),
        (CONVOLVE, ([], [1]), {}),
        (CONVOLVE, (X, []), {}),
        (CONVOLVE, (3, 1), {}),
        (CONVOLVE, (np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 1))), {}),
        (FFT, (X, [1, 0, -1]), {}),
        (FFT, (X, [1, 0, -3]), {}),
        (FFT, (X, [1, 0, -1]), {"normalize_kernel": False}),
        (FFT, (X, W), {"normalize_kernel": 1}),
        (FFT, (X, W), {"boundary": "extend"}),
        (FFT, (X, W), {"boundary": "wrap", "psf_pad": True}),
        (FFT, (X, W), {"boundary": "wrap", "fft_pad": True}),
        (FFT, (X, W), {"boundary": "wrap", "dealias": True}),
        (FFT, (X, W), {"nan_treatment": None}),
        (FFT, (X, W), {"fill_value": "a"}),
        (FFT, (GAP, W), {"nan_treatment": "fill", "fill_value": np.nan}),
        (FFT, (X, [[1, 2, 4]]), {}),
        (FFT, (X, []), {}),
        (FFT, (3, 1), {}),
        (FFT, (np.ones((8000, 1)), np.ones((1, 8000))), {}),
    ],
)
def test_what_the_original_refuses_is_refused(name, arguments, keywords):
    with pytest.raises(Exception):  # noqa: B017, PT011  # convolve has KernelSizeError, convolve_fft Exception itself
        original(name)(*arguments, **keywords)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(name)(*arguments, **keywords)
    assert "\n  do: " in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        (CONVOLVE, {"mask": np.zeros(7)}),
        (FFT, {"mask": np.zeros(7)}),
        (FFT, {"return_fft": True}),
        (FFT, {"complex_dtype": np.complex64}),
        (FFT, {"fftn": lambda array: np.fft.fftn(array)}),
        (FFT, {"array": X + 1j}),
    ],
)
def test_what_only_the_original_does_is_refused_and_named(name, keywords):
    original(name)(**{"array": X, "kernel": W, **keywords})
    with pytest.raises(TypeError) as refusal:
        like(name)(**{"array": X, "kernel": W, **keywords})
    assert "\n  do: " in str(refusal.value)


def test_a_kernel_of_its_own_and_foreign_byte_order_are_taken():
    convolution = pytest.importorskip("astropy.convolution", reason="makes a kernel")
    for name in DRAWS:
        kernel = convolution.Gaussian1DKernel(1)
        assert np.allclose(like(name)(X, kernel), original(name)(X, kernel), rtol=1e-12)
    for dtype in (">f4", ">f8", "<f4"):
        assert like(CONVOLVE)(X.astype(dtype), W).dtype == original(CONVOLVE)(X.astype(dtype), W).dtype == dtype


def test_units_and_masked_arrays_are_refused():
    units = pytest.importorskip("astropy.units", reason="makes a quantity")
    masked = np.ma.masked_equal(X, 3)
    for arguments in ((masked, W), (X * units.m, W)):
        original(CONVOLVE)(*arguments)
        with pytest.raises(TypeError):
            like(CONVOLVE)(*arguments)


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"preserve_nan": True},
        {"nan_treatment": "fill", "fill_value": 100},
        {"normalize_kernel": False},
        {"boundary": "wrap"},
        {"fill_value": np.nan},
    ],
)
def test_gaps_are_filled_as_by_the_original(name, keywords):
    for kernel in (W, [0.0, 1, 0], [1.0, 2, 3, 4, 5]):
        assert assert_same_answer(name, like(name), (GAP, kernel), keywords, bound=bound)


def test_where_nothing_is_left_the_two_differ():
    original(CONVOLVE)
    for function in (original, like):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("warnings.warn", lambda *arguments, **keywords: None)
            assert np.isnan(function(CONVOLVE)([1, np.nan, 3], [0, 1, 0])).tolist() == [False, True, False]
        assert np.allclose(function(FFT)([1, np.nan, 3], [0, 1, 0]), [1, 0, 3], atol=1e-12)


def test_a_boundary_that_convolve_fft_does_not_know_wraps_around():
    x, w = np.array([1.0, 2, 3, 10]), [0, 0, 1.0]
    for function in (original, like):
        assert np.allclose(function(FFT)(x, w, boundary="reflect"), [10, 1, 2, 3], atol=1e-12)
        assert np.allclose(function(FFT)(x, w), [0, 1, 2, 3], atol=1e-12)


def test_another_operator_is_told_apart():
    original(CONVOLVE)
    for arguments, keywords in [((X, W), {"boundary": "wrap"}), ((GAP, [0.0, 1, 0]), {})]:
        with pytest.raises(AssertionError):
            assert_same_answer(CONVOLVE, lambda *a, **k: like(FFT)(*a), arguments, keywords, bound=bound)

    def reversed_kernel(x, w):
        return like(CONVOLVE)(x, w[::-1])

    with pytest.raises(AssertionError):
        assert_same_answer(CONVOLVE, reversed_kernel, (X, W), {}, bound=bound)


@pytest.mark.parametrize("name", DRAWS)
def test_torch_tensors_give_the_numbers_of_numpy_arrays(name):
    torch = pytest.importorskip("torch", reason="passes torch tensors")
    random, compared = Random(name), 0
    while compared < 30:
        arguments, keywords = DRAWS[name](random)
        if arguments[0].dtype == np.longdouble:
            continue
        try:
            expected = like(name)(*arguments, **keywords)
        except (TypeError, ValueError):
            continue
        found = like(name)(*(torch.as_tensor(one.copy()) for one in arguments), **keywords)
        assert isinstance(found, torch.Tensor)
        assert str(found.dtype) == f"torch.{expected.dtype}"
        within = np.abs(found.numpy() - expected) <= bound(arguments, keywords, expected)
        assert (within | (np.isnan(found.numpy()) & np.isnan(expected))).all()
        compared += 1


@pytest.mark.parametrize("name", DRAWS)
def test_operands_are_not_changed(name):
    x, w = GAP.copy(), W.copy()
    for keywords in ({}, {"nan_treatment": "fill"}, {"preserve_nan": True}, {"boundary": "wrap"}):
        like(name)(x, w, **keywords)
    assert np.array_equal(x, GAP, equal_nan=True)
    assert w.tolist() == W.tolist()


WITHOUT = """
import json, sys
sys.modules["astropy"] = None  # importing it fails
from convention.emulation import like
calls = json.load(sys.stdin)
print(json.dumps([like(name)(*arguments, **keywords).tolist() for name, arguments, keywords in calls]))
"""


def test_the_originals_are_neither_imported_nor_called():
    x, w = [3, 1, 4, 1, 5, 9, 2, 6], [2, 7, 1]
    calls = [(name, (x, w), {"boundary": boundary}) for name in DRAWS for boundary in ("fill", "wrap")]
    calls += [(CONVOLVE, (x, w), {"boundary": None}), (FFT, (x, w), {"crop": False, "fill_value": 3})]
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT], input=json.dumps(calls), capture_output=True, text=True, check=True
    )
    for (name, arguments, keywords), found in zip(calls, json.loads(child.stdout)):
        assert np.allclose(found, original(name)(*arguments, **keywords), rtol=1e-12, atol=1e-12), (name, keywords)
