"""`like` against Octave: the same arguments give the same result, class and refusal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from random import Random

import numpy as np
import pytest

from convention.catalogue import lookup
from convention.catalogue.octave_process import OctaveError, call_octave
from convention.emulation import like
from likes import FLOATS, INTEGERS, array, assert_random_calls, assert_same_answer, pick, shape

NAMES = ("octave.conv", "octave.conv2", "octave.filter2", "octave.imfilter")
OCTAVE = pytest.mark.skipif(not lookup(NAMES[0]).installed, reason="compares with Octave (octave-cli)")
DTYPES = INTEGERS + FLOATS
SHAPES = ("full", "same", "valid")


def original(name):
    """Return the real function, of NumPy arrays; where no operand has two axes, its result has one."""

    def call(first, second, *options):
        operands = [np.asarray(one) for one in (first, second)]
        others = [one if isinstance(one, str) else np.asarray(one) for one in options]
        package = "image" if name == "octave.imfilter" else ""
        result = call_octave(name.removeprefix("octave."), *operands, *others, package=package)
        return result.reshape(-1) if all(one.ndim < 2 for one in operands) else result

    return call


def bound(arguments, keywords, result):
    """Return how far floating-point sums may lie apart, of the coarsest type."""
    operands = [one for one in arguments if isinstance(one, np.ndarray)]
    kinds = [one.dtype for one in (*operands, result) if one.dtype.kind in "fc"] or [np.dtype(float)]
    epsilon = max(float(np.finfo(kind).eps) for kind in kinds)
    first, last = (np.abs(one.astype(complex)) for one in operands[:2])
    beyond = max((abs(one) for one in arguments[2:] if isinstance(one, (int, float, complex))), default=0)
    most = [max(one.max(initial=0), beyond) for one in (first, last)]
    return 16 * epsilon * max(first.sum() * most[1], last.sum() * most[0])


def vector(random, most, dtype):
    form = random.choice([lambda n: (n,), lambda n: (n, 1), lambda n: (1, n)])
    return array(random, form(random.randint(0 if random.random() < 0.1 else 1, most)), dtype)


def draw_conv(random):
    a, b = (vector(random, 9, random.choice(DTYPES)) for _ in "ab")
    return (a, b, *(([random.choice(SHAPES)]) if random.random() < 0.8 else [])), {}


def matrix(random, most):
    ndim = random.choice([1, 2, 2, 2, 2])
    size = shape(random, ndim, most)
    return array(random, tuple(0 if random.random() < 0.02 else n for n in size), random.choice(DTYPES))


def draw_planar(random):
    return (matrix(random, 7), matrix(random, 5), *pick(random, shape=SHAPES).values()), {}


def quarters(random, size, dtype):
    """Draw taps whose sums are exact, so that both sides see the same halves."""
    if dtype in INTEGERS:
        return array(random, size, dtype, 5)
    values = np.random.default_rng(random.getrandbits(32)).integers(-12, 13, size) / 4
    return (values + 1j * values[::-1] if "complex" in dtype else values).astype(dtype)


def draw_imfilter(random):
    size = shape(random, random.choice([1, 2, 2]), 7)
    if len(size) == 2 and random.random() < 0.2:
        size += (3,)
    dtype = random.choice((*INTEGERS, *INTEGERS, "float32", "float64"))
    image = array(random, size, dtype, 200)
    kernel = quarters(random, shape(random, 2, 5), random.choice((*DTYPES, "float64", "float32")))
    options = [
        *[random.choice(["symmetric", "replicate", "circular", "Symmetric", 3, -2.5, 300, 0, True]) for _ in "p"],
        *[random.choice(["same", "full", "FULL"]) for _ in "s"],
        *[random.choice(["corr", "conv"]) for _ in "d"],
        *[random.choice(["reflect", [1, 2], 2 + 1j]) for _ in "x" if random.random() < 0.15],
    ]
    options = [one for one in options if random.random() < 0.6]
    random.shuffle(options)
    return (image, kernel, *options), {}


DRAWS = dict(zip(NAMES, (draw_conv, draw_planar, draw_planar, draw_imfilter)))


@OCTAVE
@pytest.mark.parametrize("name", NAMES)
def test_random_calls_give_what_octave_gives(name):
    assert_random_calls(name, DRAWS[name], calls=300, call=original(name), bound=bound)


X, W = np.arange(1.0, 13).reshape(3, 4), np.arange(1.0, 5).reshape(2, 2)
GRAY = np.array([[100, 200, 7], [3, 50, 255]], np.uint8)


@OCTAVE
@pytest.mark.parametrize(
    ("name", "other", "arguments"),
    [
        ("octave.conv2", "octave.filter2", (X, X)),
        ("octave.filter2", "octave.conv2", (W, X, "same")),
        ("octave.imfilter", "octave.conv2", (X, W, "full")),
    ],
)
def test_another_operator_is_told_apart(name, other, arguments):
    with pytest.raises(AssertionError):
        assert_same_answer(name, like(other), arguments, {}, call=original(name), bound=bound)


SPECIAL = [
    ("octave.conv", (3, [1, 2])),
    ("octave.conv", (np.ones((3, 1)), [1, 2, 3])),
    ("octave.conv", (np.ones((3, 1)), np.ones((1, 2)), "valid")),
    ("octave.conv", (5.0, np.ones((2, 1)))),
    ("octave.conv", (np.zeros((0, 1)), [1.0, 2])),
    ("octave.conv", (np.zeros((3, 1, 1)), [1.0, 2])),
    ("octave.conv", (np.float32([]), [1.0, 2])),
    ("octave.conv2", (np.ones((0, 3)), W)),
    ("octave.conv2", (X + 0j, W)),
    ("octave.conv2", (X + 0j, W + 0j)),
    ("octave.conv2", (np.ones((0, 3), "F"), W)),
    ("octave.conv2", (X * 1j, W * 1j)),
    ("octave.conv2", (X[:2], np.ones((3, 2)), "valid")),
    ("octave.conv2", (X[:2] * 1j, np.ones((3, 2)), "valid")),
    ("octave.conv2", (np.array([[1, np.nan, 3, 4]]), np.array([[1.0, 0, 1]]))),
    ("octave.conv2", (np.array([[1, np.inf, 3, -np.inf, 5]]), np.array([[1.0, 0, 1]]), "same")),
    ("octave.conv2", (np.array([[0.0, 1, 0]]), np.array([[1, np.nan, 1]]), "valid")),
    ("octave.conv2", (np.array([[2**53 + 1, 1]]), np.array([[1]]))),
    ("octave.conv2", (np.array([[2**24 + 1, 1.0]]), np.array([[1]], np.float32))),
    ("octave.filter2", (W * 1j, X)),
    ("octave.filter2", (np.array([[0.0, 1]]), np.array([[1, np.nan, 3]]))),
    ("octave.imfilter", (GRAY, [[0.5]])),
    ("octave.imfilter", (GRAY.astype(np.int8), [[-0.5]])),
    ("octave.imfilter", (GRAY, [[0.49999999999999994]])),
    ("octave.imfilter", (np.array([[2**24 + 1, 1]]), np.array([[1]], np.float32))),
    ("octave.imfilter", (np.array([[2**23 + 1, 1]]), np.array([[1]], np.float32))),
    ("octave.imfilter", (np.array([[2**24 + 1, 1.0]]), np.array([[1]], np.float32))),
    ("octave.imfilter", (np.array([[2**62, 2]]), [[2.0]])),
    ("octave.imfilter", (np.array([[2**63, 2]], np.uint64), [[2.0]])),
    ("octave.imfilter", (GRAY > 60, [[0.3, 0, -0.3]])),
    ("octave.imfilter", (GRAY > 60, [[1j, 2]])),
    ("octave.imfilter", (GRAY > 60, [[1.0, 2]], 0.5)),
    ("octave.imfilter", (GRAY > 60, [[1.0, 2]], 1j)),
    ("octave.imfilter", (GRAY, [[2 + 0j, 1]])),
    ("octave.imfilter", (X, [[2 + 0j, 1]])),
    ("octave.imfilter", (X, [[2j, 1]], "circular")),
    ("octave.imfilter", (X, W, 1j)),
    ("octave.imfilter", (X, W, 1 + 0j)),
    ("octave.imfilter", (X.astype(np.float32), W, 2 + 1j, "full")),
    ("octave.imfilter", (X, W, np.nan)),
    ("octave.imfilter", (X, [[1.0, 0, 2]], np.inf)),
    ("octave.imfilter", (X, [[1.0, 0, 2, 0]], -np.inf, "full", "conv")),
    ("octave.imfilter", (GRAY, [[1.0, 2, 1]], np.nan)),
    ("octave.imfilter", (GRAY, [[1.0, 2, 1]], -2.5)),
    ("octave.imfilter", (X, W, "symmetric", "full")),
    ("octave.imfilter", (X, np.ones((8, 9)), "symmetric")),
    ("octave.imfilter", (X, np.arange(72.0).reshape(8, 9), 3, "full", "conv")),
    ("octave.imfilter", (X, W, "a", 5)),
    ("octave.imfilter", (X, [[2.0]], "a")),
    ("octave.imfilter", (X, W, "")),
    ("octave.imfilter", (X, np.zeros((0, 0)))),
    ("octave.imfilter", (GRAY, np.zeros((0, 2)), "full")),
    ("octave.imfilter", (np.ones((2, 2, 3), np.int16), np.zeros((0, 2)))),
    ("octave.imfilter", (np.ones((2, 2, 1)), W)),
    ("octave.imfilter", (np.array([[1, np.nan, 3]]), [[1.0, 0, 1]])),
]


@OCTAVE
@pytest.mark.parametrize(("name", "arguments"), SPECIAL)
def test_special_calls_give_what_octave_gives(name, arguments):
    assert assert_same_answer(name, like(name), arguments, {}, call=original(name), bound=lambda *_: 1e-6)


REFUSED = [
    *[(name, (X, W, shape)) for name in NAMES[:3] for shape in ("Same", "middle", "")],
    ("octave.conv", ([1, 2], [1], "SAME")),
    ("octave.conv", (X, [1])),
    ("octave.conv", ([1], X)),
    ("octave.conv", (np.ones((0, 0)), [1])),
    ("octave.conv", (np.ones((1, 1, 3)), [1])),
    ("octave.conv", (np.ones(3, np.float16), [1])),
    ("octave.conv2", (np.ones((2, 2, 2)), W)),
    ("octave.conv2", (X, np.ones((2, 2, 2)))),
    ("octave.conv2", (X.astype("g"), W)),
    ("octave.imfilter", (X * 1j, W)),
    ("octave.imfilter", (X + 0j, W)),
    ("octave.imfilter", (np.ones((0, 2)), W)),
    ("octave.imfilter", (np.ones((2, 2, 2)), W)),
    ("octave.imfilter", (X, np.ones((2, 2, 2)))),
    ("octave.imfilter", (X, W > 2)),
    ("octave.imfilter", (X, W, "a")),
    ("octave.imfilter", (GRAY, W * 1j)),
    ("octave.imfilter", (GRAY, W, 1j)),
    ("octave.imfilter", (GRAY, W, 1 + 0j)),
    ("octave.imfilter", (GRAY > 9, W, np.nan)),
    ("octave.imfilter", (GRAY > 9, [[np.nan]])),
]


@OCTAVE
@pytest.mark.parametrize(("name", "arguments"), REFUSED)
def test_what_octave_refuses_is_refused(name, arguments):
    with pytest.raises((OctaveError, TypeError)):
        original(name)(*arguments)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(name)(*arguments)
    assert "\n  do: " in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("octave.conv2", ([1, 2], [1, 2, 3], X)),  # the separable form
        ("octave.filter2", (np.ones((2, 2, 2)), X)),  # Octave lays the columns side by side
        ("octave.imfilter", (X, W, None)),
        ("octave.conv", ([1, 2],)),
        ("octave.conv", ("ab", [1, 2])),
    ],
)
def test_what_like_leaves_out_is_refused(name, arguments):
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(name)(*arguments)
    assert "\n  do: " in str(refusal.value)


def test_an_option_that_imfilter_ignores_is_ignored_with_a_warning():
    with pytest.warns(UserWarning, match="cannot handle input argument number 3"):
        found = like("octave.imfilter")(X, W, "reflect", "conv")
    assert found.tolist() == like("octave.imfilter")(X, W, "conv").tolist()


@pytest.mark.parametrize("name", NAMES)
def test_torch_tensors_give_the_numbers_of_numpy_arrays(name):
    torch = pytest.importorskip("torch", reason="passes torch tensors")
    random, compared = Random(name), 0
    while compared < 40:
        arguments, _ = DRAWS[name](random)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = like(name)(*arguments)
            except (TypeError, ValueError):
                continue
            tensors = [torch.as_tensor(one.copy()) if isinstance(one, np.ndarray) else one for one in arguments]
            found = like(name)(*tensors)
        assert str(found.dtype) == f"torch.{expected.dtype}"
        assert tuple(found.shape) == expected.shape
        if expected.dtype.kind in "fc":
            assert (np.abs(found.numpy() - expected) <= bound(arguments, {}, expected)).all()
        else:
            assert found.numpy().tolist() == expected.tolist()
        compared += 1


WITHOUT = """
import json, shutil, sys
assert shutil.which("octave-cli") is None
from convention.emulation import like
for name, arguments in json.load(sys.stdin):
    print(json.dumps(like(name)(*arguments).tolist()))
"""


def test_no_program_is_needed():
    calls = [(name, [X.tolist(), W.tolist(), "same"]) for name in NAMES[1:]]
    calls += [("octave.conv", [[1, 2, 3], [4, 5]])]
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        input=json.dumps(calls),
        env={**os.environ, "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    found = [json.loads(line) for line in child.stdout.splitlines()]
    assert found == [like(name)(*arguments).tolist() for name, arguments in calls]
    assert found[-1] == [4, 13, 22, 15]


def test_a_row_keeps_its_one_axis():
    assert like("octave.conv")([1, 2, 3], [1, 0, 5], "same").tolist() == [2, 8, 10]
    assert like("octave.conv")([[1], [2], [3]], [1, 0], "same").shape == (3, 1)
    assert like("octave.imfilter")(np.array([1, 2, 3], np.uint8), [0.5]).tolist() == [1, 1, 2]
