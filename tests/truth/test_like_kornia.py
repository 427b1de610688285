"""`like` for kornia's filters against kornia: the same arguments give the same result, data type and refusal."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import warnings

import numpy as np
import pytest

from convention.catalogue import lookup
from convention.emulation import like
from convention.identification import identify
from likes import absolute_bound, array, assert_random_calls, assert_same_answer, original, pick, shape

pytest.importorskip("kornia", reason="compares with kornia")
torch = pytest.importorskip("torch", reason="compares with kornia")

INTEGERS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float32", "float64", "complex64", "complex128")
NAMES = [f"kornia.filters.{name}" for name in ("filter2d", "filter2d_separable", "filter3d")]
BORDERS = ("reflect", "constant", "replicate", "circular", "Reflect", "CIRCULAR")
IMAGE, KERNEL = np.arange(1.0, 13).reshape(1, 1, 3, 4), np.array([[[1.0, 2, 4], [-3, 0, 7]]])


def called(name):
    """Return kornia's function, on NumPy arrays."""
    function = original(name)

    def call(*arguments, **keywords):
        tensors = [torch.tensor(one) if isinstance(one, np.ndarray) else one for one in arguments]
        return function(*tensors, **keywords).numpy()

    return call


def draw(name):
    ndim = 3 if name.endswith("3d") else 2

    def of_random(random):
        batch, channels = random.choice([1, 1, 2, 3]), random.choice([1, 2, 3])
        image = array(random, (batch, channels, *shape(random, ndim, 7)), random.choice(INTEGERS + FLOATS), 1000)
        taps = shape(random, ndim, 5)
        shapes = [taps[:1], taps[1:]] if name.endswith("separable") else [taps]
        kernels = [
            array(random, (random.choice([1, batch]), *one), random.choice(INTEGERS + FLOATS), 1000) for one in shapes
        ]
        keywords = pick(random, border_type=BORDERS, normalized=(False, False, True))
        if ndim == 2:
            keywords |= pick(random, padding=("same", "valid", "Same"))
        if not name.endswith("separable"):
            keywords |= pick(random, behaviour=("corr", "conv", "CONV"))
        return (image, *kernels), keywords

    return of_random


def bound(name):
    """Return a bound in the type that kornia sums in; the kernel is cast to it first."""
    of_absolute = absolute_bound(name)

    def of_call(arguments, keywords, result):
        image = arguments[0]
        kind = image.dtype if image.dtype.kind in "fc" else np.dtype(np.float32)
        real = np.empty(0, kind).real.dtype
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            kernels = [np.abs(one.astype(kind)) for one in arguments[1:]]
        positive = np.abs(image.astype(kind)), *kernels
        return of_absolute(positive, keywords, result.astype(real) if real.kind == kind.kind else result)

    return of_call


@pytest.mark.parametrize("name", NAMES)
def test_random_calls_give_what_kornia_gives(name):
    assert_random_calls(name, draw(name), call=called(name), bound=bound(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_kornia_s(name):
    ours, theirs = inspect.signature(like(name)), inspect.signature(original(name))
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in theirs.parameters.values()]
    assert str(ours) == str(theirs.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def test_another_behaviour_is_told_apart():
    def other(*arguments, **keywords):
        return like(NAMES[0])(*arguments, behaviour="conv", **keywords)

    with pytest.raises(AssertionError):
        assert_same_answer(NAMES[0], other, (IMAGE, KERNEL), {}, call=called(NAMES[0]), bound=bound(NAMES[0]))


@pytest.mark.parametrize("size", [(2, 4), (4, 2), (3, 2)])
def test_reversing_an_even_kernel_leaves_the_window_and_moves_the_anchor(size):
    """A kernel of one tap, which names the sample that it meets for output 2."""
    filter2d = original(NAMES[0])
    image = torch.arange(36.0).reshape(1, 1, 6, 6)
    found = {}
    for behaviour in ("corr", "conv"):
        for tap in np.ndindex(size):
            kernel = torch.zeros((1, *size))
            kernel[(0, *tap)] = 1
            if filter2d(image, kernel, behaviour=behaviour)[0, 0, 2, 2] == image[0, 0, 2, 2]:
                found[behaviour] = tap
    # its documentation: "flips the kernel on both axes and keeps the anchor"
    assert found == {"corr": tuple((k - 1) // 2 for k in size), "conv": tuple(k // 2 for k in size)}
    entry = lookup(NAMES[0])
    for behaviour, tap in found.items():
        options = next(entry.cases()) | {"behaviour": behaviour}
        assert entry.convention((6, 6), size, **options).anchor((6, 6), size) == tap


@pytest.mark.parametrize("name", NAMES)
def test_normalized_divides_by_the_sum_of_absolute_values(name):
    entry = lookup(name)
    options = next(entry.cases()) | {"normalized": True}
    found = identify(lambda x, w: entry.call(x, w, **options), ndim=entry.ndims[0])
    assert found.arithmetic.gain == "1/abs sum"
    assert entry.stored(options)[0].gain == "1/abs sum"


REFUSED = [
    *[(IMAGE[0], KERNEL), (IMAGE, KERNEL[0]), (IMAGE, KERNEL[None]), (IMAGE, np.ones((2, 2, 2)))],
    *[(IMAGE, KERNEL, "zero"), (IMAGE, KERNEL, None), (IMAGE, KERNEL, "reflect", False, "full")],
    *[(IMAGE, KERNEL, "reflect", False, "same", "x"), (IMAGE, np.ones((1, 6, 1))), (IMAGE, np.ones((1, 1, 8)))],
    *[(IMAGE, np.ones((1, 8, 1)), "circular"), (IMAGE, np.ones((1, 4, 1)), "reflect", False, "valid")],
    *[(IMAGE[:, :0], KERNEL), (IMAGE[:, :, :0], KERNEL[:, :1], "constant"), (IMAGE, KERNEL[:, :0])],
    *[(IMAGE, KERNEL[:0]), (IMAGE, KERNEL.astype("u2"), "reflect", False, "same", "conv"), (IMAGE,)],
]


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_kornia_refuses_is_refused(arguments):
    with pytest.raises(Exception):  # noqa: B017, PT011  # kornia has its own, PyTorch RuntimeError
        called(NAMES[0])(*arguments)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(NAMES[0])(*arguments)
    assert "\n  do: " in str(refusal.value)


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [
        ((IMAGE[:0], KERNEL), {}),
        ((IMAGE[:0], KERNEL[:0]), {"padding": "valid"}),
        ((IMAGE, 0 * KERNEL), {"normalized": True}),
        ((IMAGE, np.ones((1, 9, 9))), {"border_type": "replicate"}),
        ((IMAGE, KERNEL), {"normalized": "yes"}),
        ((np.array([[[[1, np.nan, 2, 3, 4, 5]]]]), np.array([[[1.0, 0, 1]]])), {}),
        ((IMAGE.astype(np.float16), KERNEL), {"behaviour": "conv"}),
    ],
)
def test_special_calls_give_what_kornia_gives(arguments, keywords):
    assert assert_same_answer(
        NAMES[0], like(NAMES[0]), arguments, keywords, call=called(NAMES[0]), bound=bound(NAMES[0])
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64", "complex64", "uint8", "bool"])
def test_torch_tensors_come_back_as_tensors(name, dtype):
    ndim = 3 if name.endswith("3d") else 2
    image = torch.arange(-30, 30).reshape((2, 1, 5, 6) if ndim == 2 else (1, 1, 2, 5, 6)).to(getattr(torch, dtype))
    kernel = torch.tensor([[[1, -2, 4], [3, 0, 7]]] if ndim == 2 else [[[[1, -2, 4], [3, 0, 7]]]])
    kernels = (kernel[0, :1], kernel[0, 1:, :2]) if name.endswith("separable") else (kernel,)
    found, expected = like(name)(image, *kernels), original(name)(image, *kernels)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if dtype == "bfloat16":  # two passes round twice
        assert ((found - expected).abs() <= 2**-6 * expected.abs() + 4).all()
    else:
        assert torch.equal(found, expected)


WITHOUT = """
import json, sys
for module in ("kornia", "torch"):
    sys.modules[module] = None  # importing it fails
import numpy
from convention.emulation import like
calls = json.load(sys.stdin)
print(json.dumps([like(name)(*map(numpy.array, arguments)).tolist() for name, arguments in calls]))
"""


def test_kornia_is_neither_imported_nor_called():
    image, kernel = IMAGE.astype(int).tolist(), KERNEL.astype(int).tolist()
    calls = [(NAMES[0], (image, kernel)), (NAMES[1], (image, kernel[0][:1], kernel[0][1:]))]
    calls += [(NAMES[2], ([image], [kernel]))]
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT], input=json.dumps(calls), capture_output=True, text=True, check=True
    )
    expected = [original(name)(*map(torch.tensor, arguments)).tolist() for name, arguments in calls]
    assert json.loads(child.stdout) == expected
