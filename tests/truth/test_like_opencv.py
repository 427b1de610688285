"""`like` of OpenCV's filters against OpenCV: every integer the same, rounded where its vectors round."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from random import Random

import numpy as np
import pytest
from tests.likes import assert_random_calls, assert_same_answer, original, pick

from convention.emulation import like

cv2 = pytest.importorskip("cv2", reason="compares with OpenCV")

NAMES = ("cv2.filter2D", "cv2.sepFilter2D")
DEPTHS = {"uint8": 0, "int8": 1, "uint16": 2, "int16": 3, "int32": 4, "float32": 5, "float64": 6}
SOURCES = ("uint8", "uint8", "uint16", "int16", "float32", "float64", "int8", "int32", "bool", "complex64")
VECTORS = cv2.checkHardwareSupport(cv2.CPU_AVX2) if hasattr(cv2, "CPU_AVX2") else cv2.checkHardwareSupport(11)
"""Without AVX2 the parts that are rounded once are others, so that halves are."""
BORDERS = (0, 1, 2, 4, 4, 16, 17, 18, 20, 3, 5, 19, -1, 32)


def image(random, dtype, shape):
    rng = np.random.default_rng(random.getrandbits(32))
    if dtype in ("float32", "float64") and random.random() < 0.5:
        array = rng.standard_normal(shape) * 10.0 ** rng.integers(-2, 4)
    elif dtype in ("float32", "float64", "bool", "complex64"):
        array = rng.integers(-99, 100, shape)
    else:
        info = np.iinfo(dtype)
        array = rng.integers(max(info.min, -40000), min(info.max, 70000), shape, endpoint=True)
    array = array.astype(dtype)
    return random.choice([array, array, np.asfortranarray(array), array[::-1], array[:, ::2]])


def size(random, most=9):
    rows, columns = random.randint(1, most), random.choice([1, 2, 3, 7, 8, 16, 17, 33, 50, 69])
    return (rows, columns, *random.choice([(), (), (), (1,), (2,), (3,), (4,), (5,)]))


def taps(random, shape, whole=False):
    """Draw a kernel whose sums float32 holds, or one whose sums it rounds, often next to a half."""
    rng = np.random.default_rng(random.getrandbits(32))
    kinds = [rng.integers(-9, 10, shape).astype(float), rng.integers(-9, 10, shape) / 4]
    if VECTORS and not whole:
        kinds += [rng.integers(-9, 10, shape) / 10, rng.integers(0, 9, shape) / 20, rng.standard_normal(shape)]
    return random.choice(kinds)


def line(random, whole):
    """Draw a kernel of one axis, often a symmetric one."""
    known = [[1, 2, 1], [-1, 0, 1], [1, -2, 1], [1, 0, -1], [1, 2, 0, -2, -1], [3, 10, 3], [1], [0, 1, 0]]
    if VECTORS:
        known += [[0.25, 0.5, 0.25], [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16], [0.125, 0.75, 0.125]]
    if VECTORS and not whole:
        known += [[0.1, 0.8, 0.1], [0.2, 0.6, 0.2], [-0.1, 0, 0.1], [0.1, 0.2, 0.4, 0.2, 0.1]]
    if random.random() < 0.7:
        return np.array(random.choice(known), float)
    return taps(random, random.randint(1, 7), whole)


def options(random, counts):
    keywords = pick(random, delta=(0, 0.5, -0.3, 7, 2.25, 1e5, -200, np.float32(1.5)), borderType=BORDERS)
    if random.random() < 0.5:
        keywords["anchor"] = tuple(random.choice([-1, 0, k - 1, random.randrange(k)]) for k in counts[::-1])
    return keywords


def depth(random, source):
    near = {"uint8": (0, 2, 3, 5, 6), "uint16": (2, 5, 6), "int16": (3, 5, 6), "float32": (5,), "float64": (6,)}
    return random.choice([-1, -1, *near.get(source, ()), random.choice([0, 1, 2, 3, 4, 5, 6, 64, 67])])


def draw_filter2d(random):
    source = random.choice(SOURCES)
    counts = random.randint(1, 6), random.randint(1, 6)
    kind = random.choice(["float32", "float64", "float32", "float64", "int32", "int64", "uint8", "int8"])
    kernel = taps(random, counts)
    kernel = np.abs(kernel).astype(kind) if kind == "uint8" else kernel.astype(kind)
    return (image(random, source, size(random)), depth(random, source), kernel), options(random, counts)


def draw_separable(random):
    source = random.choice(SOURCES)
    target = depth(random, source)
    # what a short symmetric row of a float32 image rounds is not known to the last digit
    whole = source in ("float32", "float64") and 0 <= target & 31 < 5
    lines = [line(random, whole) for _ in "xy"]
    kinds = random.choice([("float32",) * 2, ("float64",) * 2, ("float32",) * 2, ("int32", "int64"), ("int8",) * 2])
    x, y = (one.astype(kind) for one, kind in zip(lines, kinds))
    array = image(random, source, size(random))
    if whole and source == "float32":
        array = np.rint(array)
    if random.random() < 0.3:
        x, y = x[None], y[:, None]
    return (array, target, x, y), options(random, (y.size, x.size))


def draw_transformed(random):
    source = random.choice(["uint8", "uint16", "int16", "float32", "float64", "int8", "int32", "int64"])
    counts = random.choice([(8, 8), (13, 13), (1, 140), (12, 5), (7, 7), (11, 12)])
    rng = np.random.default_rng(random.getrandbits(32))
    kernel = rng.integers(-3, 4, counts).astype(random.choice(["float32", "float64", "int16"]))
    array = rng.integers(0, 100, size(random, 40)).astype(source)
    keywords = options(random, counts)
    keywords["borderType"] = random.choice([0, 1, 2, 3, 4, 5, 16, 19, 20])
    keywords["delta"] = random.choice([0, 0, 7, -20])
    return (array, random.choice([-1, -1, 0, 1, 2, 3, 4, 5, 6]), kernel), keywords


def bound(arguments, keywords, result):
    """Return how far sums of floats may lie apart: a few roundings of the type summed in, for the largest sum."""
    array, _, *kernels = (np.abs(np.asarray(one, float)) for one in arguments)
    types = {np.asarray(arguments[0]).dtype.name, result.dtype.name}
    epsilon = 2.0**-52 if "float64" in types and "float32" not in types else 2.0**-23
    weight = np.prod([one.sum() for one in kernels])
    # a kernel is float32 but for sums in float64
    return 32 * epsilon * (weight * np.nanmax(array) + abs(keywords.get("delta", 0)))


DRAWS = {"cv2.filter2D": draw_filter2d, "cv2.sepFilter2D": draw_separable}


@pytest.mark.parametrize("name", NAMES)
def test_random_calls_give_what_opencv_gives(name):
    assert_random_calls(name, DRAWS[name], calls=600, bound=bound)


def test_random_calls_with_many_taps_give_what_opencv_gives():
    assert_random_calls("cv2.filter2D", draw_transformed, bound=bound)


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_that_of_the_documentation(name):
    documented = re.match(r"\w+\(([^)]*)\)", original(name).__doc__)[1]
    assert list(inspect.signature(like(name)).parameters) == re.findall(r"\w+", documented)


X = np.random.default_rng(1).integers(0, 256, (6, 7)).astype("u1")
W = np.array([[1, 2, 0], [3, -1, 1.0]], "f4")
LINES = np.array([1, 2, 0], "f4"), np.array([3, -1], "f4")
CALLS = {"cv2.filter2D": (X, 5, W), "cv2.sepFilter2D": (X, 5, *LINES)}


@pytest.mark.parametrize(
    ("name", "arguments", "keywords"),
    [
        ("cv2.filter2D", (X, 5, W[::-1, ::-1]), {}),
        ("cv2.filter2D", (X, 5, W), {"anchor": (1, 0)}),
        ("cv2.filter2D", (X, 5, W), {"borderType": 2}),
        ("cv2.filter2D", (X, 5, W), {"delta": 1}),
        ("cv2.filter2D", (X, 0, W), {}),
        ("cv2.sepFilter2D", (X, 5, LINES[1], LINES[0]), {}),
        ("cv2.sepFilter2D", (X, 5, *LINES), {"borderType": 0}),
    ],
)
def test_another_call_is_told_apart(name, arguments, keywords):
    def another(*_, **__):
        return like(name)(*arguments, **keywords)

    assert assert_same_answer(name, like(name), CALLS[name], {}, bound=bound)
    with pytest.raises(AssertionError):
        assert_same_answer(name, another, CALLS[name], {}, bound=bound)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "keywords",
    [
        *[{"borderType": one} for one in (3, 5, 19, -1, 4.0, True, "4", 2**33)],
        *[{"anchor": one} for one in ((3, 0), (0, 2), (1,), (1, 1, 1), 1, (1.0, 1), (True, 0), "ab", (2**33, 0))],
        *[{"delta": one} for one in (True, "1", 1j, np.array(2.5), [2.5])],
        *[{"dst": one} for one in ([1, 2], np.zeros((6, 7), complex), np.zeros((6, 7), "i8"), "a")],
        *[{"dst": one} for one in (np.zeros((6, 7), "f4", "F"), np.zeros((6, 14), "f4")[:, ::2])],
        *[{"dst": one} for one in (np.zeros((6, 7), "f4")[::-1], np.broadcast_to(np.float32(0), (6, 7)))],
        {"border": 4},
    ],
)
def test_keywords_that_opencv_refuses_are_refused(name, keywords):
    with pytest.raises((cv2.error, TypeError)):
        original(name)(*CALLS[name], **keywords)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(name)(*CALLS[name], **keywords)
    assert "\n  do: " in str(refusal.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "first",
    [
        *[(X, one) for one in (True, 1.0, "5", 2**40, np.array(5), 1, 4, 7, 9)],
        *[(X.astype(one), -1) for one in ("i1", "i4", "i8", "u4", "f2", "?", "c8", "g")],
        *[(X.astype("f8"), 5), (X.tolist(), -1), ([[1]], -1), (None, -1), ("a", -1), (((1, 2), (3, 4)), -1)],
        *[(np.zeros(shape, "u1"), -1) for shape in ((0, 7), (6, 0), (0,), (6, 7, 0), (6, 7, 129), (2, 6, 7, 3))],
        (np.float32(3), -1),
    ],
)
def test_images_that_opencv_refuses_are_refused(name, first):
    arguments = (*first, *CALLS[name][2:])
    with pytest.raises((cv2.error, TypeError)):
        original(name)(*arguments)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(name)(*arguments)
    assert "\n  do: " in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "kernels"),
    [
        *[("cv2.filter2D", (one,)) for one in (W.tolist(), None, "a", (), ((1, 2), (3, 4)), W.astype("c8"))],
        *[("cv2.filter2D", (np.ones(shape, "f4"),)) for shape in ((3, 0), (3, 2, 2), (2, 3, 4, 1))],
        *[("cv2.sepFilter2D", (LINES[0], one)) for one in (LINES[1].astype("f8"), W, None, [1.0], LINES[1][:0])],
        ("cv2.sepFilter2D", (np.array([1], "u4"), np.array([1], "i4"))),
    ],
)
def test_kernels_that_opencv_refuses_are_refused(name, kernels):
    with pytest.raises((cv2.error, TypeError)):
        original(name)(X, -1, *kernels)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(name)(X, -1, *kernels)
    assert "\n  do: " in str(refusal.value)


F = X.astype("f4")
NAN = np.where(np.arange(42).reshape(6, 7) == 24, np.nan, F).astype("f4")
SPECIAL = [
    *[("cv2.filter2D", (one, 5, W), {}) for one in (X[0], X[..., None], np.uint8(7)[None, None], np.array(7, "u1"))],
    *[("cv2.filter2D", (X, 5, one), {}) for one in (W[0], W[..., None], np.array(3.0), (1, 2, 5), 3, 2.5)],
    *[("cv2.filter2D", (one, -1, W), {}) for one in ((1, 2, 3), 5, 5.0)],
    *[("cv2.filter2D", (X, one, W), {}) for one in (None, np.int64(5), 64, 69, -7)],
    ("cv2.filter2D", (X, 5, W), {"anchor": None, "delta": None, "borderType": None, "dst": None}),
    ("cv2.filter2D", (X, 5, W), {"anchor": [1, 1]}),
    ("cv2.filter2D", (X, 5, W), {"anchor": np.array([1, 1])}),
    *[("cv2.filter2D", (X, 0, W), {"delta": one}) for one in (1e10, -1e10, 2**70, float("nan"), float("inf"))],
    *[("cv2.filter2D", (X, 3, W), {"delta": one}) for one in (1e10, 2.0**31, 2.0**31 - 200)],
    *[("cv2.filter2D", (X, -1, np.ones((1, 1))), {"borderType": one}) for one in (5, -2, 1000)],
    ("cv2.filter2D", (X.astype("f8"), -1, np.array([[2**33 + 5, 1]])), {}),
    ("cv2.filter2D", (NAN, -1, W), {}),
    ("cv2.filter2D", (NAN, -1, np.zeros((3, 3))), {"delta": 2}),
    ("cv2.filter2D", (NAN, -1, np.ones((13, 13), "f4")), {}),
    ("cv2.filter2D", (X, -1, W * np.nan), {}),
    *[("cv2.sepFilter2D", (X, 5, *LINES), {"anchor": one}) for one in ((-2, 0), (2, -7), None)],
    *[("cv2.sepFilter2D", (NAN, -1, *LINES), {}), ("cv2.sepFilter2D", (NAN, 0, *LINES), {})],
    *[
        ("cv2.sepFilter2D", (one, -1, *(np.array(line, one.dtype) for line in lines)), {})
        for one in (NAN, NAN.T.copy(), NAN.astype("f8"))
        for lines in (([-1, 0, 1], [1, 2]), ([1, 2], [-1, 0, 1]), ([0, 2, 0], [-1, 0, 0, 0, 1]), ([1, 0, -1], [1]))
    ],
    *[
        ("cv2.sepFilter2D", (X, 3, np.array(x, "f4"), np.array(y, "f4")), {"delta": delta})
        for x, y in (([1, 2, 1], [-1, 0, 1]), ([1], [1, 2, 3, 2, 1]), ([1, 2, 1], [-1, 2, -1]))
        for delta in (0.5, 1.5, -2.5, 40000, -1e9)
    ],
]


@pytest.mark.parametrize(("name", "arguments", "keywords"), SPECIAL)
def test_special_calls_give_what_opencv_gives(name, arguments, keywords):
    assert assert_same_answer(name, like(name), arguments, keywords, bound=lambda *_: 1e-3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("shape", "dtype", "part", "written"),
    [
        ((6, 7), "f4", ..., True),
        ((6, 7, 1), "f4", ..., True),
        ((12, 7), "f4", np.s_[::2], True),
        ((6, 14), "f4", np.s_[:, :7], True),
        ((5, 7), "f4", ..., False),
        ((7, 6), "f4", ..., False),
        ((42,), "f4", ..., False),
        ((6, 7), "f8", ..., False),
        ((6, 7, 3), "f4", ..., False),
    ],
)
def test_dst_is_written_and_returned_where_it_fits(name, shape, dtype, part, written):
    for function in (original(name), like(name)):
        memory = np.full(shape, -99, dtype)
        dst = memory[part]
        result = function(*CALLS[name], dst=dst)
        assert (result is dst) is written
        assert (dst != -99).all() if written else (memory == -99).all()
        assert result.ravel().tolist() == original(name)(*CALLS[name]).ravel().tolist()


@pytest.mark.parametrize("name", NAMES)
def test_the_image_may_be_its_own_destination(name):
    arguments = CALLS[name][2:]
    for function in (original(name), like(name)):
        own = X.copy()
        assert function(own, -1, *arguments, dst=own) is own
        assert own.tolist() == original(name)(X, -1, *arguments).tolist()


def test_the_other_order_of_bytes_is_refused_as_opencv_misreads_it():
    one, other = np.array([[1]], "<u2"), np.array([[1]], ">u2")
    kernel = np.ones((1, 1))
    values = sorted(int(cv2.filter2D(array, 6, kernel)[0, 0]) for array in (one, other))
    assert values == [1, 256]
    refused = other if sys.byteorder == "little" else one
    with pytest.raises(TypeError, match="order"):
        like("cv2.filter2D")(refused, 6, kernel)


@pytest.mark.parametrize("name", NAMES)
def test_torch_tensors_give_the_numbers_of_numpy_arrays(name):
    torch = pytest.importorskip("torch", reason="passes torch tensors")
    random, compared = Random(name), 0
    while compared < 30:
        arguments, keywords = DRAWS[name](random)
        if arguments[0].dtype.name in ("uint16", "complex64"):
            continue
        try:
            expected = like(name)(*arguments, **keywords)
        except (TypeError, ValueError):
            continue
        if expected.dtype == np.uint16:
            continue
        found = like(name)(
            *(torch.as_tensor(a.copy()) if isinstance(a, np.ndarray) else a for a in arguments), **keywords
        )
        assert isinstance(found, torch.Tensor)
        assert str(found.dtype) == f"torch.{expected.dtype}"
        if expected.dtype.kind == "f":
            assert np.abs(found.numpy() - expected).max() <= bound(arguments, keywords, expected)
        else:
            assert found.numpy().tolist() == expected.tolist()
        compared += 1
    dst = torch.zeros((6, 7))
    tensors = [torch.as_tensor(one.copy()) if isinstance(one, np.ndarray) else one for one in CALLS[name]]
    assert like(name)(*tensors, dst=dst) is dst
    assert dst.numpy().tolist() == original(name)(*CALLS[name]).tolist()
    with pytest.raises(TypeError, match="another library"):
        like(name)(*tensors, dst=np.zeros((6, 7), "f4"))


WITHOUT = """
import json, sys
sys.modules["cv2"] = None  # importing it fails
import numpy as np
from convention.emulation import like
for name, (array, *kernels) in json.load(sys.stdin):
    kernels = [np.array(one, "f4") for one in kernels]
    print(json.dumps(like(name)(np.array(array, "u1"), -1, *kernels, delta=3).tolist()))
"""


def test_opencv_is_neither_imported_nor_called():
    many = np.arange(169).reshape(13, 13) - 80
    calls = [(name, (X.tolist(), *(one.tolist() for one in CALLS[name][2:]))) for name in NAMES]
    calls.append((NAMES[0], (X.tolist(), many.tolist())))
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT], input=json.dumps(calls), capture_output=True, text=True, check=True
    )
    for (name, (_, *kernels)), found in zip(calls, child.stdout.splitlines(), strict=True):
        expected = original(name)(X, -1, *(np.array(one, "f4") for one in kernels), delta=3)
        assert json.loads(found) == expected.tolist()
