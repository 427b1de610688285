"""`like` against the operators themselves: the same arguments give the same result, data type and refusal."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from random import Random

import numpy as np
import pytest

from convention.emulation import like
from likes import FLOATS, INTEGERS, array, assert_random_calls, assert_same_answer, bound, original, pick, shape

NAMES = [
    *("numpy.convolve", "numpy.correlate"),
    *(f"scipy.signal.{name}" for name in ("convolve", "correlate", "fftconvolve", "oaconvolve")),
    *(f"scipy.signal.{name}" for name in ("convolve2d", "correlate2d", "lfilter", "upfirdn")),
    *(f"scipy.ndimage.{name}" for name in ("convolve", "correlate", "convolve1d", "correlate1d")),
]


MODES = ("full", "same", "valid")
BORDERS = ("reflect", "mirror", "nearest", "wrap", "constant", "grid-mirror", "grid-wrap", "grid-constant")


def draw_numpy(random):
    a, v = (array(random, shape(random, 1, 9), random.choice(INTEGERS + FLOATS)) for _ in "av")
    return (a, v), pick(random, mode=MODES)


def draw_general(random):
    ndim = random.choice([1, 1, 2, 3])
    keywords = pick(random, mode=MODES, method=("auto", "direct", "fft"))
    method = keywords.get("method", "auto")
    # through a transform, what overflows is undefined, and a boolean is noise; "auto" takes none of short lines
    direct = method == "direct" or (method == "auto" and ndim == 1)
    dtypes, largest = (INTEGERS, None) if direct else (("int32", "int64", "uint32"), 1000)
    return tuple(array(random, shape(random, ndim, 7), random.choice(dtypes + FLOATS), largest) for _ in "av"), keywords


def draw_transform(random):
    ndim = random.choice([1, 1, 2, 3])
    n, k = shape(random, ndim, 40 if ndim == 1 else 7), shape(random, ndim, 7)
    keywords = pick(random, mode=MODES)
    if random.random() < 0.4:
        keywords["axes"] = random.choice([ndim - 1, 0, (0,), tuple(range(ndim))])
        named = keywords["axes"] if isinstance(keywords["axes"], tuple) else (keywords["axes"],)
        k = tuple(size if i in named or random.random() < 0.3 else random.choice([1, n[i]]) for i, size in enumerate(k))
    dtypes = INTEGERS[1:] + FLOATS
    return (array(random, n, random.choice(dtypes), 1000), array(random, k, random.choice(dtypes), 1000)), keywords


def draw_planar(random):
    boundaries = ("fill", "pad", "wrap", "circular", "symm", "symmetric")
    keywords = pick(random, mode=MODES, boundary=boundaries, fillvalue=(0, 3, 2.5, -1))
    return tuple(array(random, shape(random, 2, 7), random.choice(INTEGERS + FLOATS)) for _ in "av"), keywords


def draw_lfilter(random):
    x = array(random, shape(random, random.choice([1, 2, 3]), 7), random.choice(INTEGERS + FLOATS), 1000)
    b = array(random, shape(random, 1, 7), random.choice(INTEGERS + FLOATS), 1000)
    a = random.choice([[1.0], [2.0], [1], np.float32([1]), 4.0])
    return (b, a, x), pick(random, axis=(-1, 0, x.ndim - 1, 1))


def draw_upfirdn(random):
    x = array(random, shape(random, random.choice([1, 1, 2]), 7), random.choice(INTEGERS + FLOATS), 1000)
    h = array(random, shape(random, 1, 7), random.choice(INTEGERS + FLOATS), 1000)
    modes = ("constant", "symmetric", "edge", "wrap", "Wrap")
    axis = random.choice([0, -1])
    if x.shape[axis] > 1:
        modes += ("reflect",)  # of one sample it ends the process
    keywords = pick(random, up=(1, 2, 3), down=(1, 2, 5), cval=(0, 2.5, -1))
    return (h, x), {"mode": random.choice(modes), "axis": axis, **keywords}


# sums that an integer result holds without overflow, which is undefined from 32 bits on
SMALL = {"int32": 2**10, "int64": 2**20, "uint32": 2**12, "uint64": 2**20}


def draw_weights(random, size, dtype):
    if dtype in INTEGERS:
        return array(random, size, dtype, 40)
    values = np.random.default_rng(random.getrandbits(32)).integers(-20, 21, size) / 4
    return (values + 1j * values[::-1] if "complex" in dtype else values).astype(dtype)


def draw_ndimage(random):
    ndim = random.choice([1, 2, 2, 3])
    dtype = random.choice(INTEGERS + FLOATS)
    x = array(random, shape(random, ndim, 7), dtype, SMALL.get(dtype))
    k = shape(random, ndim, 4)
    keywords = pick(random, mode=BORDERS, cval=(0, 1.5, -3), output=(None, None, "float64", np.float32, "complex64"))
    if random.random() < 0.6:
        keywords["origin"] = random.choice([0, -1, 1, tuple(random.randint(-1, 1) for _ in range(ndim))])
    if random.random() < 0.3:
        axes = tuple(random.sample(range(ndim), random.randint(1, ndim)))
        keywords["axes"] = axes
        k = k[: len(axes)]
        if isinstance(keywords.get("origin"), tuple):
            keywords["origin"] = keywords["origin"][: len(axes)]
    return (x, draw_weights(random, k, random.choice(INTEGERS + FLOATS))), keywords


def draw_ndimage_1d(random):
    (x, _), keywords = draw_ndimage(random)
    keywords.pop("axes", None)
    if isinstance(keywords.get("origin"), tuple):
        keywords["origin"] = keywords["origin"][0]
    keywords["axis"] = random.choice([-1, 0, x.ndim - 1])
    return (x, draw_weights(random, shape(random, 1, 6), random.choice(INTEGERS + FLOATS))), keywords


DRAWS = {
    **dict.fromkeys(NAMES[:2], draw_numpy),
    **dict.fromkeys(NAMES[2:4], draw_general),
    **dict.fromkeys(NAMES[4:6], draw_transform),
    **dict.fromkeys(NAMES[6:8], draw_planar),
    "scipy.signal.lfilter": draw_lfilter,
    "scipy.signal.upfirdn": draw_upfirdn,
    **dict.fromkeys(NAMES[10:12], draw_ndimage),
    **dict.fromkeys(NAMES[12:], draw_ndimage_1d),
}


@pytest.mark.parametrize("name", NAMES)
def test_random_calls_give_what_the_original_gives(name):
    original(name)
    assert_random_calls(name, DRAWS[name])


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_the_original_s(name):
    assert str(inspect.signature(like(name))) == str(inspect.signature(original(name)))


X, W = np.arange(1.0, 13).reshape(3, 4), np.arange(1.0, 5).reshape(2, 2)
COMPLEX = X[0] * (1 + 2j)


@pytest.mark.parametrize(
    ("name", "other", "arguments"),
    [
        ("numpy.convolve", "numpy.correlate", (X[0], W[0], "full")),
        ("scipy.signal.correlate2d", "scipy.signal.convolve2d", (X, W)),
        ("scipy.ndimage.convolve", "scipy.ndimage.correlate", (X, W)),
        ("scipy.signal.correlate2d", "scipy.signal.correlate", (X, W, "same")),
    ],
)
def test_another_operator_is_told_apart(name, other, arguments):
    original(name)
    with pytest.raises(AssertionError):
        assert_same_answer(name, like(other), arguments, {})


NDIMAGE = ("scipy.ndimage.convolve", "scipy.ndimage.correlate", "scipy.ndimage.convolve1d", "scipy.ndimage.correlate1d")
# (operators, calls): every one of the operators refuses every one of the calls
REFUSED = [
    (
        NAMES[:2],
        [
            *[([1, 2], [1], mode) for mode in ("v", "", 3, None, 1.0)],
            *[([], [1]), ([1], []), (X, [1]), ([1],), ([1], [1], "full", 1), ([[1], [1, 2]], [1])],
        ],
    ),
    (NAMES[1:2], [(3, [1, 2])]),
    (
        NAMES[2:4],
        [
            *[([1, 2], W), (X, W, "foo"), (X, W, 0), (X, W, "full", "foo"), (X[:2], np.ones((3, 2)), "valid")],
            *[([], [1]), (X > 2, W > 2), (X.astype("f2"), W.astype("f2"), "full", "direct"), (3, [1])],
        ],
    ),
    (
        NAMES[4:6],
        [
            *[(X, W, "full", axes) for axes in (5, (), (0, 0), 1.5)],
            *[(X, [1, 2]), (X, W, "sme"), (X, W, "full", 1), (X[:2], np.ones((3, 2)), "valid")],
        ],
    ),
    (
        NAMES[6:8],
        [
            *[([1], [1]), (X, W, "foo"), (X, W, "same", "foo"), (X, W, "same", "reflect"), (X > 2, W > 2)],
            *[(X, W, "same", "fill", [1, 2]), (X, W, "same", "fill", "a"), (X[:2], np.ones((3, 2)), "valid")],
            (X.astype("u1"), W.astype("u1"), "same", "fill", 300),
        ],
    ),
    (
        ["scipy.signal.lfilter"],
        [
            *[(W, [1.0], [1, 2]), ([1], [1.0], 3), ([], [1.0], [1]), ([1], [1.0], []), ([1], [1.0], [1], 3)],
            *[([1], [], [1]), ([1], [1.0], [1], 0.5), ([1], [1], [1])],
        ],
    ),
    (
        ["scipy.signal.upfirdn"],
        [
            *[(W, [1]), ([], [1]), ([1], [1], 0), ([1], [1], 1, -1), ([1], [1], "a"), ([1], 3), ([1], X, 1, 1, 2)],
            *[([1], X, 1, 1, -1, "foo"), ([1], X, 1, 1, 0, "constant", 1j), ([1], X, 1, 1, 0, "constant", None)],
            (np.ones(2, "g"), X),
        ],
    ),
    (NDIMAGE[:2], [(X, W[0]), (X.astype("f2"), W), (X, np.ones((0, 2)))]),
    (NDIMAGE[2:], [(X, W), (X, []), (X, [1], 5), (X, [1], 0.5), (3, [1]), (X.astype("f2"), [1]), (X.astype("g"), [1])]),
]
REFUSED_KEYWORDS = [
    (
        NDIMAGE,
        (X[0], W[0]),
        [
            *[{"mode": mode} for mode in ("foo", None)],
            *[{"origin": origin} for origin in (-2, 2, 0.5, None)],
            *[{"cval": cval} for cval in (1j, "a", None)],
            *[{"output": output} for output in ("foo", "bool", "float16", complex, np.zeros(3))],
            {"weight": [1]},
        ],
    ),
    (NDIMAGE, (COMPLEX, W[0]), [{"output": output} for output in ("float64", np.zeros(4))]),
    (NDIMAGE, (X[0], W[0] * 1j), [{"cval": 1j}]),
    (
        NDIMAGE[:2],
        (X, W),
        [
            *[{"axes": axes} for axes in ((1, 1), (1, 5), (1,), 1.5)],
            *[{"origin": (1, 1, 1)}, {"origin": (0, 2)}, {"mode": ["reflect"]}],
        ],
    ),
]
REFUSALS = [(name, call, {}) for names, calls in REFUSED for name in names for call in calls]
REFUSALS += [(name, call, one) for names, call, group in REFUSED_KEYWORDS for name in names for one in group]


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize(("name", "arguments", "keywords"), REFUSALS)
def test_what_the_original_refuses_is_refused(name, arguments, keywords):
    with pytest.raises(Exception):  # noqa: B017, PT011  # ndimage has RuntimeError too
        original(name)(*arguments, **keywords)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(name)(*arguments, **keywords)
    assert "\n  do: " in str(refusal.value)


SPECIAL = [
    ("numpy.convolve", (3, [1, 2]), {}),
    ("numpy.convolve", ([1, 2, 3], [1, 2], 1), {}),
    ("numpy.correlate", ([1, 2, 3], [1, 2], 0), {}),
    ("numpy.convolve", (np.array([1, 2], ">i4"), np.array([1, 1], ">i4")), {}),
    ("numpy.convolve", (np.array([1, 2], "f2"), np.array([1, 1], "f2")), {}),
    ("numpy.convolve", (np.array([1, 2], "g"), np.array([1, 1], "F")), {}),
    ("scipy.signal.convolve", (3, 4), {}),
    ("scipy.signal.correlate", (3 + 1j, 4j), {}),
    ("scipy.signal.fftconvolve", (3, 4), {}),
    ("scipy.signal.fftconvolve", ([], [4]), {}),
    ("scipy.signal.oaconvolve", (np.ones((0, 3), int), np.ones((2, 2), int)), {}),
    ("scipy.signal.fftconvolve", ([1, 2, 3], [2]), {}),
    ("scipy.signal.oaconvolve", (np.ones((1, 6)), np.ones((5, 3)), "valid"), {}),
    ("scipy.signal.fftconvolve", (X[:1], np.arange(6).reshape(3, 2), "same", 1), {}),
    ("scipy.signal.convolve2d", (np.ones((0, 3)), np.ones((2, 2))), {}),
    ("scipy.signal.convolve2d", (X + 0j, W), {"mode": "same", "fillvalue": 1j}),
    ("scipy.signal.correlate2d", (W * (1 + 1j), X * (1 - 2j), "valid"), {}),
    ("scipy.signal.lfilter", (2, 1.0, [1, 2]), {}),
    ("scipy.signal.upfirdn", ([1, 2, 3], [], 2), {}),
    ("scipy.signal.upfirdn", ([1, 2, 3], X, 1.7, "2"), {}),
    ("scipy.signal.upfirdn", (np.array([1j, 2]), X, 2), {"cval": 7j}),
    ("scipy.ndimage.convolve", ([], [1, 2]), {}),
    ("scipy.ndimage.convolve", (3, 5), {}),
    ("scipy.ndimage.correlate", (COMPLEX, W[0] * 1j), {"cval": 2 + 3j, "mode": "constant"}),
    ("scipy.ndimage.correlate", (X, W), {"output": bool}),
    ("scipy.ndimage.convolve1d", (X.astype(">i4"), [1, 2]), {}),
    ("scipy.ndimage.convolve1d", (X, [1.5, 2]), {"output": "uint8"}),
    ("scipy.ndimage.correlate", (X, W), {"output": np.dtype("float32")}),
    ("scipy.ndimage.correlate1d", (COMPLEX, W[0]), {"output": np.dtype("float32")}),
    ("numpy.convolve", (np.poly1d([1, 2, 3]), np.poly1d([1, 2])), {}),
    # through a transform, of a kernel that is longer along an axis that is not transformed
    ("scipy.signal.fftconvolve", (np.ones((1, 500)), np.arange(600.0).reshape(3, 200)), {"axes": 1}),
    ("scipy.signal.oaconvolve", (np.ones((1, 500)), np.arange(1200.0).reshape(6, 200)), {"axes": 1}),
]


@pytest.mark.parametrize("mode", ["smooth", "line", "antisymmetric", "antireflect"])
def test_upfirdn_continues_a_signal_with_sums_and_differences_of_its_samples(mode):
    name, random = "scipy.signal.upfirdn", Random(mode)
    for _ in range(200):
        axis = random.choice([0, -1])
        size = [2, 2]
        size[axis] = random.randint(1 if mode == "antisymmetric" else 2, 6)
        x, h = array(random, size, random.choice(FLOATS)), array(random, [random.randint(1, 20)], "float64")
        keywords = {"mode": mode, "axis": axis, "up": random.randint(1, 4), "down": random.randint(1, 4)}
        # what lies beyond grows with its distance: at most twice the largest sample for each step
        assert assert_same_answer(
            name, like(name), (h, x), keywords, bound=lambda *call: 2 * 22 * bound(call[0], {}, call[2])
        )
    for signal in ([], [1.0]) if mode != "antisymmetric" else ([],):  # there the original divides by zero or reads on
        with pytest.raises(ValueError, match="no slope"):
            like(name)([1.0, 2.0], signal, mode=mode)


@pytest.mark.parametrize(
    ("name", "arguments", "keywords", "builtin"),
    [
        ("scipy.ndimage.correlate", (X, W[0]), {}, RuntimeError),
        ("scipy.ndimage.convolve", (X, W), {"mode": ["reflect", "wrap"]}, RuntimeError),
        ("scipy.ndimage.convolve", (X, W), {"origin": (0, 0, 0)}, RuntimeError),
        ("scipy.ndimage.convolve1d", (X.astype("f2"), W[0]), {}, RuntimeError),
        ("scipy.signal.lfilter", ([1], [1], [1, 2]), {}, NotImplementedError),
    ],
)
def test_refusals_are_also_the_exception_that_the_original_raises(name, arguments, keywords, builtin):
    for function in (original(name), like(name)):
        with pytest.raises(builtin):
            function(*arguments, **keywords)


@pytest.mark.parametrize(
    ("name", "arguments", "keywords", "message"),
    [
        ("scipy.signal.convolve", ([np.nan, 1], [1, 2], "full", "fft"), {}, "Use of fft convolution"),
        ("scipy.ndimage.correlate", (COMPLEX, W[0]), {"output": np.float32}, "promoting specified output dtype"),
    ],
)
def test_it_warns_where_the_original_does(name, arguments, keywords, message):
    for function in (original(name), like(name)):
        with pytest.warns((RuntimeWarning, UserWarning), match=message):
            function(*arguments, **keywords)


@pytest.mark.parametrize(("name", "arguments", "keywords"), SPECIAL)
def test_special_calls_give_what_the_original_gives(name, arguments, keywords):
    assert assert_same_answer(name, like(name), arguments, keywords)


@pytest.mark.parametrize("name", ["scipy.ndimage.convolve", "scipy.ndimage.correlate1d"])
def test_output_arrays_are_written_and_returned(name):
    weights = W if name.endswith("convolve") else W[0]
    ours, theirs = np.zeros((3, 4), np.float32), np.zeros((3, 4), np.float32)
    assert like(name)(X, weights, output=ours) is ours
    original(name)(X, weights, output=theirs)
    assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("name", ["scipy.signal.fftconvolve", "scipy.ndimage.correlate1d", "numpy.convolve"])
def test_nan_goes_where_the_original_has_it(name):
    signal, kernel = np.array([1, np.nan, 3, 4, 5, 6]), np.array([1.0, 2, 3])
    assert np.isnan(like(name)(signal, kernel)).tolist() == np.isnan(original(name)(signal, kernel)).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_torch_tensors_give_the_numbers_of_numpy_arrays(name):
    torch = pytest.importorskip("torch", reason="passes torch tensors")
    random, compared = Random(name), 0
    while compared < 20:
        arguments, keywords = DRAWS[name](random)
        keywords.pop("output", None)
        try:
            expected = like(name)(*arguments, **keywords)
        except (TypeError, ValueError):
            continue
        tensors = [torch.as_tensor(one.copy()) if isinstance(one, np.ndarray) else one for one in arguments]
        found = like(name)(*tensors, **keywords)
        assert isinstance(found, torch.Tensor)
        assert str(found.dtype) == f"torch.{expected.dtype}"
        assert found.shape == expected.shape
        if expected.dtype.kind in "fc":
            assert np.abs(found.numpy() - expected).max(initial=0) <= bound(arguments, keywords, expected)
        else:
            assert found.numpy().tolist() == expected.tolist()
        compared += 1


def test_two_array_libraries_in_one_call_are_refused():
    torch = pytest.importorskip("torch", reason="passes torch tensors")
    with pytest.raises(TypeError, match="two array libraries"):
        like("numpy.convolve")(torch.ones(3), np.ones(2))


WITHOUT = """
import json, sys
for module in ("scipy.signal", "scipy.ndimage"):
    sys.modules[module] = None  # importing it fails
import numpy
numpy.convolve = numpy.correlate = None
from convention.emulation import like
calls = json.load(sys.stdin)
print(json.dumps([like(name)(*arguments, **keywords).tolist() for name, arguments, keywords in calls]))
"""


def test_the_originals_are_neither_imported_nor_called():
    x, w, plane, window = [3, 1, 4, 1, 5, 9], [2, 7, 1], X.astype(int).tolist(), W.astype(int).tolist()
    calls = [(name, (x, w), {"mode": "same"}) for name in NAMES[:4]]
    calls += [(name, (x, w), {"mode": "same"}) for name in NAMES[4:6]]
    calls += [(name, (plane, window), {"boundary": "wrap"}) for name in NAMES[6:8]]
    calls += [("scipy.signal.lfilter", (w, [1.0], x), {}), ("scipy.signal.upfirdn", (w, x), {"up": 2, "mode": "edge"})]
    calls += [(name, (plane, window), {"mode": "mirror"}) for name in NAMES[10:12]]
    calls += [(name, (x, w), {"origin": 1}) for name in NAMES[12:]]
    assert [name for name, *_ in calls] == NAMES
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT], input=json.dumps(calls), capture_output=True, text=True, check=True
    )
    for (name, arguments, keywords), found in zip(calls, json.loads(child.stdout)):
        expected = original(name)(*arguments, **keywords)
        assert np.allclose(found, expected, rtol=1e-12, atol=1e-9), name
    for module in ("scipy.signal", "scipy.ndimage"):
        assert importlib.util.find_spec(module), "the child would have failed for another reason"


def test_an_operator_that_only_the_catalogue_knows_is_refused(monkeypatch):
    from dataclasses import replace

    from convention.catalogue import lookup
    from convention.emulation import functions

    monkeypatch.setattr(functions, "lookup", lambda name: replace(lookup("numpy.convolve"), bind=None))
    with pytest.raises(ValueError, match="no signature"):
        like("something.else")
