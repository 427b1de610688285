"""`like` of scikit-image's one function that takes any kernel, against scikit-image."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from random import Random

import numpy as np
import pytest

from convention.emulation import like
from likes import INTEGERS, absolute_bound, array, assert_random_calls, assert_same_answer, original, pick, shape

NAME = "skimage.filters.correlate_sparse"
MODES = ("reflect", "constant", "nearest", "mirror", "wrap", "valid", "symmetric", "edge")
TYPES = (*INTEGERS, "float16", "float32", "float64", "longdouble")


def draw(random):
    ndim = random.choice([1, 2, 2, 3])
    x = array(random, shape(random, ndim, 6), random.choice(TYPES), 1000)
    keywords = pick(random, mode=MODES)
    valid = keywords.get("mode") == "valid"
    size = tuple(n if valid or random.random() < 0.05 else n + (n % 2 == 0) for n in shape(random, ndim, 5))
    w = array(random, size, random.choice((*INTEGERS, "float32", "float64", "complex64")), 100)
    w[np.random.default_rng(random.getrandbits(32)).random(size) < 0.4] = 0  # what it is made for
    return (x, w), keywords


def bound(arguments, keywords, result):
    """Return a few roundings of each sum's terms, in the type that is summed in."""
    x, w = arguments
    inner = absolute_bound(NAME)((x, w.real.astype(result.dtype)), keywords, result)
    return np.maximum(inner, 32 * np.finfo(result.dtype).eps * inner)


def test_random_calls_give_what_the_original_gives():
    original(NAME)
    assert_random_calls(NAME, draw, calls=400, bound=bound)


def test_the_signature_is_the_original_s():
    assert str(inspect.signature(like(NAME))) == str(inspect.signature(original(NAME)))


X, W = np.arange(12.0).reshape(3, 4) ** 2, np.arange(1.0, 10).reshape(3, 3)


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [
        (([[1, 2], [3, 4]], [[1]]), {}),
        ((X, [1, 2, 3]), {}),
        ((X, [1, 2, 3]), {"mode": "valid"}),
        ((X, W[:2]), {}),
        ((X, np.ones((0, 3))), {}),
        ((X + 0j, W), {}),
        ((X, W), {"mode": "grid-wrap"}),
        ((X, W), {"mode": None}),
        ((X, W), {"mode": 3}),
        ((X, np.ones((5, 5))), {"mode": "valid"}),
        ((np.ones((0, 3)), W), {}),
        ((np.float64(3), np.float64(2)), {}),
        ((X,), {}),
        ((X, W, "reflect", 0), {}),
        ((X, W), {"cval": 3}),
    ],
)
def test_what_the_original_refuses_is_refused(arguments, keywords):
    with pytest.raises(Exception):  # noqa: B017, PT011  # a list has no dtype; RuntimeError for the number of axes
        original(NAME)(*arguments, **keywords)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(NAME)(*arguments, **keywords)
    assert "\n  do: " in str(refusal.value)


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [
        ((np.ones((0, 3)), [[1]]), {}),
        ((np.ones((0, 3)), W), {"mode": "constant"}),
        ((np.ones((0, 3)), [[1]]), {"mode": "valid"}),
        ((X, np.ones((9, 9))), {"mode": "valid"}),
        ((X, np.ones((4, 1))), {"mode": "valid"}),
        ((X, np.zeros((3, 3))), {}),
        ((X, W * (1 + 1j)), {}),
        ((X, W.astype(int).tolist()), {"mode": "wrap"}),
    ],
)
def test_special_calls_give_what_the_original_gives(arguments, keywords):
    original(NAME)
    assert assert_same_answer(NAME, like(NAME), arguments, keywords, bound=lambda *_: 1e-9)


def test_a_nan_under_a_tap_of_zero_does_not_spread():
    original(NAME)
    x, w = X.copy(), W * (W % 2)
    x[1, 2] = np.nan
    assert assert_same_answer(NAME, like(NAME), (x, w), {}, bound=bound)
    # all outputs but those of four taps see it
    assert np.isnan(like(NAME)(x, w)).sum() == 5


def test_another_operator_is_told_apart():
    original(NAME)
    with pytest.raises(AssertionError):
        assert_same_answer(NAME, lambda x, w: like(NAME)(x, w[::-1, ::-1]), (X, W), {}, bound=bound)
    with pytest.raises(AssertionError):
        assert_same_answer(NAME, like("scipy.ndimage.correlate"), (X.astype(int), W), {}, bound=bound)


def test_torch_tensors_give_the_numbers_of_numpy_arrays():
    torch = pytest.importorskip("torch", reason="passes torch tensors")
    random, compared = Random(NAME), 0
    while compared < 30:
        (x, w), keywords = draw(random)
        if x.dtype == np.longdouble:
            continue
        try:
            expected = like(NAME)(x, w, **keywords)
        except (TypeError, ValueError):
            continue
        found = like(NAME)(torch.as_tensor(x.copy()), torch.as_tensor(w.copy()), **keywords)
        assert str(found.dtype) == f"torch.{expected.dtype}"
        assert found.shape == expected.shape
        assert (np.abs(found.numpy() - expected) <= bound((x, w), keywords, expected)).all()
        compared += 1


WITHOUT = """
import json, sys
sys.modules["skimage"] = None  # importing it fails
import numpy as np
from convention.emulation import like
x, w, modes = json.load(sys.stdin)
function = like("skimage.filters.correlate_sparse")
print(json.dumps([function(np.array(x), w, mode).tolist() for mode in modes]))
"""


def test_the_original_is_neither_imported_nor_called():
    given = json.dumps([X.tolist(), W.tolist(), MODES])
    child = subprocess.run([sys.executable, "-c", WITHOUT], input=given, capture_output=True, text=True, check=True)
    for mode, found in zip(MODES, json.loads(child.stdout)):
        assert np.allclose(found, original(NAME)(X, W, mode), rtol=1e-12), mode
