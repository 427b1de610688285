"""What `check` says of real kernels, held against what `convolve` and `correlate` then compute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from itertools import product
from typing import Any

import numpy as np
import pytest

from convention import CROSS_CORRELATION, Convention, apply, check, convolve, correlate
from convention.reference import compute

SOBEL = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
PREWITT = [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]
SCHARR = [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]
LAPLACIAN = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
SHARPEN = [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
EMBOSS = [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]
BINOMIAL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])
BEHIND = [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 1, 1, 1]]
"""Motion blur off the centre: its part that is not zero is symmetric."""

KERNELS = [
    # name, kernel, relation, moved, changed, even axes
    ("delta", [0, 0, 1, 0, 0], "identical", None, 0, 0),
    ("delta of one tap", [7], "identical", None, 0, 0),
    ("shifted delta", [0, 0, 0, 1, 0], "moved", (2,), 2, 0),
    ("delta at the start", [[1, 0, 0], [0, 0, 0]], "moved", (-1, -2), 2, 1),
    ("delta of even length", [0, 1], "moved", (1,), 2, 1),
    ("nothing", [[0, 0], [0, 0]], "identical", None, 0, 2),
    ("box", np.ones((3, 5), int), "identical", None, 0, 0),
    ("even box", np.ones((2, 2), int), "identical", None, 0, 2),
    ("box on one side", [1, 1, 0, 0], "moved", (-2,), 4, 1),
    ("binomial", BINOMIAL, "identical", None, 0, 0),
    ("cross", [[1, 0, 1], [0, 1, 0], [1, 0, 1]], "identical", None, 0, 0),
    ("symmetric on each diagonal only", [[1, 2], [2, 1]], "identical", None, 0, 2),
    ("laplacian", LAPLACIAN, "identical", None, 0, 0),
    ("sharpen", SHARPEN, "identical", None, 0, 0),
    ("sobel", SOBEL, "negated", None, 6, 0),
    ("prewitt", PREWITT, "negated", None, 6, 0),
    ("scharr", SCHARR, "negated", None, 6, 0),
    ("difference", [-1, 1], "negated", None, 2, 1),
    ("central difference", [-1, 0, 1], "negated", None, 2, 0),
    ("roberts", [[1, 0], [0, -1]], "negated", None, 2, 2),
    ("padded difference", [-1, 1, 0], "different", None, 2, 0),
    ("emboss", EMBOSS, "different", None, 6, 0),
    ("motion", BEHIND, "moved", (2, 2), 6, 0),
    ("motion to the other side", np.flip(BEHIND), "moved", (-2, -2), 6, 0),
    ("comet", [0, 0, 4, 2, 1], "different", None, 4, 0),
    ("one to nine", np.arange(1, 10).reshape(3, 3), "different", None, 8, 0),
    ("3-D", np.arange(8).reshape(2, 2, 2), "different", None, 8, 3),
    ("3-D box in a corner", np.pad(np.ones((1, 2, 3), int), ((0, 2), (1, 0), (0, 0))), "moved", (-2, 1, 0), 12, 0),
    ("3-D symmetric", np.ones((3, 1, 2), int), "identical", None, 0, 1),
    ("bool", [True, False, False], "moved", (-2,), 2, 0),
    ("unsigned that would wrap", np.array([1, 0, 255], np.uint8), "different", None, 2, 0),
    ("unsigned 64 bits", np.array([2**64 - 1, 0, 2**64 - 2], np.uint64), "different", None, 2, 0),
    ("int64's least, whose negative is itself in 64 bits", np.array([-(2**63)] * 2), "identical", None, 0, 1),
]


@pytest.mark.parametrize(
    ("kernel", "relation", "moved", "changed", "even"), [k[1:] for k in KERNELS], ids=[k[0] for k in KERNELS]
)
def test_the_verdict(kernel: Any, relation: str, moved: Any, changed: int, even: int) -> None:
    found = check(kernel)
    assert (found.relation, found.moved, found.changed, found.taps) == (relation, moved, changed, np.size(kernel))
    assert found.reversal_matters is (relation != "identical")
    assert found.anchor_matters is (even > 0)
    assert str(found) == found.reason
    assert found.reason.startswith("the word matters" if found.reversal_matters else "the word does not matter")
    assert (f"by {moved}" in found.reason) is (moved is not None)
    assert (f"{changed} of its {found.taps} taps" in found.reason) is (relation == "different")
    assert found.reason.count("axis ") == even
    assert ("no middle tap" in found.reason) is found.anchor_matters


@pytest.mark.parametrize("kernel", [k[1] for k in KERNELS], ids=[k[0] for k in KERNELS])
def test_the_verdict_is_what_the_two_definitions_do(kernel: Any) -> None:
    verdict = check(kernel)
    taps = np.asarray(kernel)
    signal = np.random.default_rng(4).integers(-99, 100, [n + 1 for n in taps.shape])
    size = tuple((2 * n, 2 * n) for n in taps.shape)  # so that nothing leaves when it moves
    convolution = compute(Convention(size=size), signal, taps)
    correlation = compute(Convention(size=size, reversed_axes="none"), signal, taps)
    axes = range(taps.ndim)
    assert (convolution != correlation).any() == verdict.reversal_matters
    if verdict.relation == "negated":
        assert (convolution == -correlation).all()
    if verdict.moved is not None:
        assert (np.roll(correlation, verdict.moved, axes) == convolution).all()
        assert (np.roll(correlation, [-steps for steps in verdict.moved], axes) != convolution).any()


def test_random_small_kernels_and_what_they_do() -> None:
    rng = np.random.default_rng(8)
    relations = set()
    for _ in range(400):
        shape = tuple(rng.integers(1, 4, rng.integers(1, 4)))
        kernel = rng.integers(-1, 2, shape) * (rng.random(shape) < 0.6)
        if rng.random() < 0.6:
            kernel = kernel + rng.choice([-1, 1]) * np.flip(kernel)
        if rng.random() < 0.4:
            kernel = np.pad(kernel, [tuple(rng.integers(0, 3, 2)) for _ in shape])
        signal = rng.integers(-(2**30), 2**30, [4] * len(shape))
        full = [apply(Convention(size="full", reversed_axes=r), signal, kernel) for r in ("all", "none")]
        assert (full[0] == convolve(signal, kernel, size="full")).all()
        assert (full[1] == correlate(signal, kernel, size="full")).all()
        found = check(kernel)
        relations.add(found.relation)
        assert found.reversal_matters == (full[0] != full[1]).any()
        assert (found.relation == "negated") == (found.reversal_matters and (full[0] == -full[1]).all())
        shifted = any((np.roll(pad(full[1]), s, range(len(shape))) == pad(full[0])).all() for s in shifts(kernel.shape))
        assert (found.relation == "moved") == (shifted and found.relation not in ("identical", "negated"))
        if found.moved is not None:
            assert (np.roll(pad(full[1]), found.moved, range(len(shape))) == pad(full[0])).all()
    assert relations == {"identical", "negated", "moved", "different"}


def pad(array: Any) -> Any:
    return np.pad(array, 8)


def shifts(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return product(*(range(1 - k, k) for k in shape))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
def test_floats_that_are_symmetric_up_to_rounding(dtype: str) -> None:
    eps = np.finfo(dtype).eps
    kernel = np.array([0.25, 1, 0.25], dtype)
    assert check(kernel).relation == "identical"
    kernel[0] += 3 * eps
    assert check(kernel).relation == "identical"  # below 4 units of rounding of the largest tap
    kernel[0] += 3 * eps
    assert check(kernel).relation == "different"
    slope = np.array([-1, 0, 1 - eps], dtype)
    assert check(slope).relation == "negated"
    assert check(np.array([0, 0, 1, 1 - eps], dtype)).moved == (2,)


def test_a_gaussian_computed_from_both_ends() -> None:
    for n in (5, 6, 21):
        points = np.linspace(-3, 3, n)
        kernel = np.exp(-0.5 * points**2)
        kernel /= kernel.sum()
        for dtype in (np.float32, np.float64):
            assert check(kernel.astype(dtype)).relation == "identical"
            assert check(np.outer(kernel, kernel).astype(dtype)).relation == "identical"
        assert check(-points * kernel).relation == "negated"
        assert check(np.pad(kernel, (0, 4))).moved == (-4,)


def test_integers_have_no_rounding() -> None:
    big = 2**53
    assert check([big, 0, big + 1]).relation == "different"
    assert check([float(big), 0, float(big + 2)]).relation == "identical"


def test_large_and_small_floats_do_not_overflow() -> None:
    assert check(np.array([60000, 0, -60000], np.float16)).relation == "negated"
    assert check(np.array([60000, 1, -59000], np.float16)).relation == "different"
    assert check(np.array([1.5e308 * (1 + 1j), 0, 1e308])).relation == "different"
    assert check(np.array([5e-324, 0, 0])).moved == (-2,)


def test_complex_kernels() -> None:
    assert check([1j, 2, 1j]).relation == "identical"
    assert check([1j, 0, -1j]).relation == "negated"
    assert check([0, 0, 1j]).moved == (2,)
    assert check([1 + 1j, 2, 1 - 1j]).relation == "different"
    signal, kernel = np.array([1, 2j, 3, -1 + 1j, 5]), np.array([1j, 2, 1j])
    both = convolve(signal, kernel), apply(CROSS_CORRELATION, signal, kernel)  # `correlate` conjugates besides
    assert both[0].tolist() == both[1].tolist()


def test_taps_that_are_no_numbers() -> None:
    nan, inf = np.nan, np.inf
    assert check([nan, 1, nan]).relation == "identical"
    assert check([nan, 1, 0]).relation == "different"
    assert check([inf, 1, inf]).relation == "identical"
    assert check([inf, 0, -inf]).relation == "negated"
    assert check([0, 0, nan]).moved == (2,)
    assert check([inf, 1, 2]).changed == 2


def test_tensors_and_lists_have_the_same_verdict() -> None:
    torch = pytest.importorskip("torch", reason="about torch's tensors")
    for dtype in (torch.float32, torch.bfloat16, torch.int16, torch.uint16, torch.uint64):
        assert check(torch.tensor(BEHIND).to(dtype)) == check(BEHIND)
    assert check(torch.tensor(SOBEL, dtype=torch.float32, requires_grad=True)) == check(SOBEL)
    assert check(torch.tensor([1j, 2, 3j]).conj()).relation == "different"


def test_a_verdict_cannot_be_changed_and_the_kernel_is_not() -> None:
    kernel = np.array(BEHIND)
    found = check(kernel)
    with pytest.raises(FrozenInstanceError):
        found.changed = 0  # type: ignore[misc]
    assert kernel.tolist() == BEHIND


def test_the_direction_of_a_move_by_hand() -> None:
    assert convolve([1, 2, 3], [0, 0, 1], size="full").tolist() == [0, 0, 1, 2, 3]
    assert correlate([1, 2, 3], [0, 0, 1], size="full").tolist() == [1, 2, 3, 0, 0]
    assert check([0, 0, 1]).moved == (2,)


def test_only_the_spatial_axes_of_a_weight_are_reversed():
    weight = np.arange(36).reshape(2, 2, 3, 3)
    symmetric = np.stack([[[1, 2, 1], [3, 5, 3], [1, 2, 1]], [[7, 0, 7], [2, 4, 2], [7, 0, 7]]])
    assert check(weight, axes=(-2, -1)).anchor_matters is False
    assert check(weight).anchor_matters is True
    assert check(symmetric, axes=(1, 2)).relation == "identical"
    assert check(symmetric).relation == "different"
    assert check([[0, 0, 1], [0, 0, 2]], axes=(-1,)).moved == (2,)
    for axes in ((0, 0), (4,), (), ("x",), (1.5,)):
        with pytest.raises(ValueError, match="name its spatial axes"):
            check(weight, axes=axes)
