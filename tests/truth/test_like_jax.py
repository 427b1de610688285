"""`like` against JAX's functions, called with 64-bit types enabled: promotion, layouts, groups, dilations."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from functools import partial
from random import Random

import numpy as np
import pytest

from convention.catalogue import lookup
from convention.catalogue.jax_types import array_of, element_type, inexact, promoted_by_jax
from convention.emulation import like
from jax_calls import BATCH, FFT, KERNELS, LAX, NAMES, NUMPY, PLANAR, PLANE, ROWS, SCIPY, WINDOW, W, X, caller
from likes import (
    FLOATS,
    INTEGERS,
    array,
    assert_random_calls,
    assert_same_answer,
    bound,
    original,
    pick,
)

jax = pytest.importorskip("jax", reason="compares with JAX")

DTYPES = (*INTEGERS, *FLOATS, "float16")
MODES = ("full", "same", "valid")
PRECISIONS = (None, "highest", "F32_F32_F32", ("high", "default"), "HIGH")
# few shapes, as each compiles: (samples, taps), odd and even of both, one sample, longer kernels, crossed ones
SHAPES = {
    1: [((n,), (k,)) for n, k in [(7, 4), (8, 3), (1, 5), (4, 4), (2, 5)]],
    2: [((5, 4), (3, 2)), ((2, 3), (4, 5)), ((1, 4), (3, 1)), ((3, 5), (5, 2)), ((6, 6), (4, 1))],
    3: [((3, 2, 4), (2, 1, 3)), ((1, 2, 2), (2, 2, 3))],
}


def sums_bound(name):
    """Return 16 roundings of each sum's terms; of a transform, of the largest sum."""

    def of_call(arguments, keywords, result):
        if name in FFT or keywords.get("method") == "fft":
            return bound(arguments, keywords, result)
        arrays = [one for one in arguments if isinstance(one, np.ndarray)]
        epsilon = max(float(np.finfo(one.dtype).eps) for one in (*arrays, result) if one.dtype.kind in "fc")
        positive = [np.abs(one.astype(complex)) if isinstance(one, np.ndarray) else one for one in arguments]
        rest = {key: value for key, value in keywords.items() if key != "preferred_element_type"}
        return 16 * epsilon * np.abs(like(name)(*positive, **rest)) + 1e-30

    return of_call


def operands(random, ndim, dtypes=DTYPES):
    n, k = random.choice(SHAPES[ndim])
    names = [random.choice(dtypes) for _ in "xw"]
    largest = 30 if "float16" in names else None
    return tuple(array(random, size, dtype, largest) for size, dtype in zip((n, k), names))


def draw_numpy(random):
    types = (None, "float32", np.float64, "complex128", "int32", np.int64, "uint8", "int16", "float16", bool, "foo")
    return operands(random, 1), pick(random, mode=MODES, precision=PRECISIONS, preferred_element_type=types)


def draw_scipy(random):
    keywords = pick(random, mode=MODES, precision=PRECISIONS, method=("auto", "direct", "fft"))
    return operands(random, random.choice([1, 2, 2, 3])), keywords


def draw_planar(random):
    return operands(random, 2), pick(random, mode=MODES, precision=PRECISIONS, fillvalue=(0, 0.0, False))


def draw_fft(random):
    ndim = random.choice([1, 2, 3])
    x, w = operands(random, ndim)
    keywords = pick(random, mode=MODES)
    if random.random() < 0.5:
        keywords["axes"] = random.choice([0, -1, ndim - 1, (0,), [ndim - 1, 0], (0, 0), (), None, 5])
        named = keywords["axes"] if isinstance(keywords["axes"], (tuple, list)) else (keywords["axes"],)
        if keywords["axes"] is not None and random.random() < 0.9:  # the others must be of one length
            inside = {axis % ndim for axis in named}
            w = array(random, [w.shape[i] if i in inside else n for i, n in enumerate(x.shape)], w.dtype.name, 30)
    return (x, w), keywords


def counts(random, ndim, most=2):
    return tuple(random.randint(1, most) for _ in range(ndim))


def crossed(n, k):
    return any(a < b for a, b in zip(n, k)) and any(a > b for a, b in zip(n, k))


def draw_lax(random, *, groups=True, plain=False):
    """Draw operands of jax.lax, in the default layout or in another, and the arguments that it has in common."""
    ndim = random.choice([1, 2, 2, 3])
    n, k = random.choice(SHAPES[ndim])
    dtype = random.choice(DTYPES)
    several = random.choice([1, 2]) if groups else 1
    inputs, outputs, batch = random.randint(1, 2), random.randint(1, 2), random.choice([0, 1, 2, 2])
    kind = random.choice(["feature", "batch"]) if several > 1 else "none"
    channels = inputs * (several if kind == "feature" else 1)
    x = array(random, (batch * (several if kind == "batch" else 1), channels, *n), dtype, 30)
    w = array(random, (outputs * several, inputs, *k), dtype, 30)
    keywords = {f"{kind}_group_count": several} if several > 1 else {}
    keywords |= pick(random, precision=PRECISIONS[:-1])
    if random.random() < 0.3:
        keywords["preferred_element_type"] = random.choice(["float32", "float64", "int32", np.int64, complex])
    return ndim, x, w, keywords


def rearranged(random, ndim, x, w):
    """Return the operands in a layout drawn by chance, and its ``dimension_numbers``."""
    spatial = "DHW"[-ndim:]
    numbers = ["".join(random.sample(letters + spatial, ndim + 2)) for letters in ("NC", "OI", "NC")]
    # the lengths stay with the axes of the default order, so the kernel's order of letters is that of the signal
    order = "".join(letter for letter in numbers[1] if letter in spatial)
    x = x.transpose([f"NC{order}".index(letter) for letter in numbers[0]])
    w = w.transpose([f"OI{order}".index(letter) for letter in numbers[1]])
    return x, w, tuple(numbers)


def padded(random, ndim, words):
    pairs = tuple((random.randint(-1, 3), random.randint(-1, 3)) for _ in range(ndim))
    return random.choice([*words, pairs, list(pairs)])


WORDS = ("SAME", "SAME_LOWER", "VALID", "same", "valid")


def draw_general(random):
    ndim, x, w, keywords = draw_lax(random)
    n, k = x.shape[2:], w.shape[2:]
    if random.random() < 0.5:
        x, w, keywords["dimension_numbers"] = rearranged(random, ndim, x, w)
    if random.random() < 0.4:
        keywords["rhs_dilation"] = counts(random, ndim)
    padding = padded(random, ndim, WORDS)
    if random.random() < 0.5 and not crossed(n, k):  # XLA ends the process on some that are crossed
        keywords["lhs_dilation"] = counts(random, ndim)
    return (x, w, counts(random, ndim), padding), keywords


def draw_conv(random):
    ndim, x, w, keywords = draw_lax(random, groups=False)
    return (x, w, counts(random, ndim, 3), padded(random, ndim, WORDS)), keywords


def draw_with_general_padding(random):
    ndim, x, w, keywords = draw_lax(random, groups=False)
    dilations = [random.choice([None, counts(random, ndim)]) for _ in "lr"]
    if crossed(x.shape[2:], w.shape[2:]):
        dilations[0] = None
    return (x, w, counts(random, ndim), padded(random, ndim, WORDS), *dilations), keywords


def draw_transpose(random):
    ndim, x, w, keywords = draw_lax(random, groups=False)
    transposed = random.random() < 0.5
    if transposed:
        w, keywords["transpose_kernel"] = w.swapaxes(0, 1), True
    last = [0, *range(2, ndim + 2), 1]
    crossing = crossed(x.shape[2:], w.shape[2:])
    if random.random() < 0.5:
        x, w, keywords["dimension_numbers"] = rearranged(random, ndim, x, w)
    else:
        x, w = x.transpose(last), w.transpose([*range(2, ndim + 2), 1, 0])
    strides = (1,) * ndim if crossing or random.random() < 0.3 else counts(random, ndim, 3)
    keywords |= {"rhs_dilation": counts(random, ndim)} if random.random() < 0.4 else {}
    padding = padded(random, ndim, WORDS)
    if random.random() < 0.3:
        keywords["use_consistent_padding"] = True
    return (x, w, strides, padding), keywords


DRAWS = {
    **dict.fromkeys(NUMPY, draw_numpy),
    **dict.fromkeys(SCIPY, draw_scipy),
    **dict.fromkeys(PLANAR, draw_planar),
    **dict.fromkeys(FFT, draw_fft),
    **dict(zip(LAX, (draw_general, draw_conv, draw_with_general_padding, draw_transpose))),
}


@pytest.mark.parametrize("name", NAMES)
def test_random_calls_give_what_the_original_gives(name):
    assert_random_calls(name, DRAWS[name], calls=200, call=caller(name), bound=sums_bound(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_the_original_s(name):
    theirs = inspect.signature(original(name))
    plain = [one.replace(annotation=inspect.Parameter.empty) for one in theirs.parameters.values()]
    assert str(inspect.signature(like(name))) == str(inspect.Signature(plain))


@pytest.mark.parametrize(
    ("name", "other", "arguments"),
    [
        ("jax.numpy.convolve", "jax.numpy.correlate", (X, W, "full")),
        ("jax.scipy.signal.correlate2d", "jax.scipy.signal.correlate", (PLANE, WINDOW, "same")),
        ("jax.scipy.signal.fftconvolve", "jax.scipy.signal.correlate", (X, W)),
        ("jax.lax.conv", "jax.lax.conv_transpose", (BATCH, KERNELS[:2], (1, 1), "SAME")),
        ("jax.numpy.convolve", "numpy.convolve", (np.arange(3), np.arange(3))),
    ],
)
def test_another_operator_is_told_apart(name, other, arguments):
    with pytest.raises(AssertionError):
        assert_same_answer(name, like(other), arguments, {}, call=caller(name), bound=sums_bound(name))


SPECIAL = [
    ("jax.scipy.signal.fftconvolve", (3, 4), {}),
    ("jax.scipy.signal.fftconvolve", (3.0, np.float32(4)), {}),
    ("jax.scipy.signal.fftconvolve", (3j, np.float32(4)), {}),
    ("jax.scipy.signal.fftconvolve", (True, np.int8(4)), {}),
    ("jax.scipy.signal.fftconvolve", (np.ones(4, "f2"), np.ones(1, "f2")), {}),
    ("jax.scipy.signal.fftconvolve", (PLANE, PLANE + 1), {"axes": ()}),
    ("jax.scipy.signal.convolve", (np.float32(3), np.array(4, "i8")), {}),
    ("jax.scipy.signal.correlate", (np.array(3j), np.array(4 + 1j)), {}),
    ("jax.scipy.signal.convolve", (X, W), {"method": "fft", "precision": "foo"}),
    ("jax.scipy.signal.correlate2d", (WINDOW * (1 + 2j), PLANE[:, :3] * (2 - 1j), "valid"), {}),
    ("jax.scipy.signal.correlate2d", (WINDOW * (1 + 2j), PLANE[:, :3] * (2 - 1j), "same"), {}),
    ("jax.lax.conv_general_dilated", (BATCH[:, :, 0, 0], KERNELS[:, :, 0, 0], (), "SAME"), {}),
    ("jax.lax.conv_transpose", (BATCH[:, :, 0, 0], KERNELS[:2, :, 0, 0], (), "SAME"), {}),
    (
        "jax.lax.conv_general_dilated",
        (BATCH[:, :, 0, 0], KERNELS[:, :, 0, 0], (), ()),
        {"dimension_numbers": ("NC", "OI", "CN")},
    ),
    ("jax.lax.conv", (BATCH[..., :0], KERNELS, (1, 1), "SAME"), {}),
    ("jax.lax.conv", (BATCH[..., :0], KERNELS, (1, 1), ((1, 1), (3, 2))), {}),
    ("jax.lax.conv", (BATCH[:, :0], KERNELS[:, :0], (1, 1), "SAME"), {}),
    ("jax.lax.conv", (BATCH, KERNELS[:0], (1, 1), "SAME"), {}),
    ("jax.lax.conv", (ROWS, np.arange(16.0).reshape(2, 4, 2), [2], [[1, 0]]), {}),
    ("jax.lax.conv", (BATCH.astype("u1"), (KERNELS * 9).astype("u1"), np.array([1, 2]), "VALID"), {}),
    ("jax.lax.conv", (BATCH > 3, KERNELS > 2, (1, 1), "VALID"), {}),
    ("jax.lax.conv", (BATCH > 3, KERNELS > 2, (1, 1), "VALID"), {"preferred_element_type": "int8"}),
    ("jax.lax.conv", (BATCH, KERNELS, (1, 1), ((-1, -1), (9, -8))), {}),
    ("jax.lax.conv_general_dilated", (ROWS, ROWS, (1,), "SAME"), {"dimension_numbers": ["NC0", "OI0", "NC0"]}),
]


@pytest.mark.parametrize(("name", "arguments", "keywords"), SPECIAL)
def test_special_calls_give_what_the_original_gives(name, arguments, keywords):
    given = [np.asarray(one) if isinstance(one, np.generic) else one for one in arguments]
    assert assert_same_answer(
        name, like(name), tuple(given), keywords, call=caller(name), bound=lambda *call: 1e-5 * np.abs(call[2]) + 1e-9
    )


def test_dimension_numbers_may_be_an_object():
    numbers = jax.lax.ConvDimensionNumbers((3, 0, 2, 1), (1, 3, 0, 2), (0, 2, 3, 1))
    x, w = BATCH.transpose(1, 3, 2, 0), KERNELS.transpose(2, 0, 3, 1)
    name = "jax.lax.conv_general_dilated"
    assert assert_same_answer(
        name, like(name), (x, w, (2, 1), "SAME"), {"dimension_numbers": numbers}, call=caller(name), bound=lambda *c: 0
    )


@pytest.mark.parametrize("name", NAMES)
def test_torch_tensors_give_the_numbers_of_numpy_arrays(name):
    torch = pytest.importorskip("torch", reason="passes torch tensors")
    random, compared = Random(name), 0
    while compared < 20:
        arguments, keywords = DRAWS[name](random)
        if keywords.pop("preferred_element_type", "") in ("uint8", bool):
            continue
        try:
            expected = like(name)(*arguments, **keywords)
        except (TypeError, ValueError):
            continue
        tensors = [torch.as_tensor(one.copy()) if isinstance(one, np.ndarray) else one for one in arguments]
        found = like(name)(*tensors, **keywords)
        assert (str(found.dtype), tuple(found.shape)) == (f"torch.{expected.dtype}", expected.shape)
        if expected.dtype.kind in "fc":
            distance = np.abs(found.numpy() - expected)
            assert (distance <= sums_bound(name)(arguments, keywords, expected)).all()
        else:
            assert found.numpy().tolist() == expected.tolist()
        compared += 1


def test_bfloat16_is_promoted_as_jax_does():
    torch = pytest.importorskip("torch", reason="passes torch tensors")
    x, w = torch.arange(5.0), torch.arange(3.0)
    assert like("jax.numpy.convolve")(x.bfloat16(), w.half()).dtype == torch.float32
    assert like("jax.numpy.convolve")(x.bfloat16(), w.int()).dtype == torch.bfloat16
    assert like("jax.numpy.convolve")(x.half(), w.half(), preferred_element_type="bfloat16").dtype == torch.bfloat16
    with pytest.raises(TypeError, match="pass tensors"):
        like("jax.numpy.convolve")(x.half().numpy(), w.half().numpy(), preferred_element_type="bfloat16")


def test_promotion_of_all_pairs_of_types():
    names = (*INTEGERS, *FLOATS, "float16", "bfloat16")
    lax, numpy = jax.lax, jax.numpy
    with jax.enable_x64(True):
        for one in names:
            line, batch = (jax.ShapeDtypeStruct(size, numpy.dtype(one)) for size in ((4,), (1, 1, 4)))
            assert inexact(one) == jax.eval_shape(numpy.convolve, line, line).dtype.name
            for number in (True, 1, 1.0, 1j):
                weak = promoted_by_jax(one, array_of("x", number, scalars=True))
                assert weak == numpy.result_type(numpy.dtype(one), number).name, (one, number)
            for other in names:
                assert promoted_by_jax(one, other) == numpy.promote_types(one, other).name, (one, other)
                call = partial(lax.conv, window_strides=(1,), padding="SAME", preferred_element_type=numpy.dtype(other))
                try:
                    result = jax.eval_shape(call, batch, batch).dtype.name
                except TypeError:
                    with pytest.raises(TypeError):
                        element_type(one, other, None)
                else:
                    assert element_type(one, other, None) == result == other


WITHOUT = """
import json, sys
for module in ("jax", "jaxlib", "flax", "ml_dtypes"):
    sys.modules[module] = None  # importing it fails
import numpy
from convention.emulation import like
for name, arguments, keywords in json.load(sys.stdin):
    arrays = [numpy.array(one, "f8") for one in arguments[:2]]
    print(json.dumps(like(name)(*arrays, *arguments[2:], **keywords).tolist()))
"""


def test_the_originals_are_neither_imported_nor_called():
    planes, kernels = BATCH.tolist(), KERNELS[:2].tolist()
    calls = [(name, (X.tolist(), W.tolist()), {"mode": "same"}) for name in NUMPY + SCIPY + FFT]
    calls += [(name, (PLANE.tolist(), WINDOW.tolist()), {"mode": "same"}) for name in PLANAR]
    layout = {"dimension_numbers": ("NCHW", "OIHW", "NHWC")}
    calls += [(name, (planes, kernels, [2, 1], "SAME"), layout) for name in (LAX[0], LAX[3])]
    calls += [
        (LAX[1], (planes, kernels, [2, 1], "SAME"), {}),
        (LAX[2], (planes, kernels, [2, 1], "SAME", None, None), {}),
    ]
    assert sorted(name for name, *_ in calls) == sorted(NAMES)
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT], input=json.dumps(calls), capture_output=True, text=True, check=True
    )
    for (name, arguments, keywords), found in zip(calls, child.stdout.splitlines(), strict=True):
        arrays = [np.array(one, "f8") for one in arguments[:2]]
        expected = caller(name)(*arrays, *arguments[2:], **keywords)
        assert np.allclose(json.loads(found), expected, rtol=1e-12, atol=1e-9), name


@pytest.mark.parametrize("name", NAMES)
def test_the_remark_says_which_types_are_meant(name):
    assert "jax_enable_x64" in lookup(name).remarks
