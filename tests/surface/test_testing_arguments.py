"""`assert_convention`: what it refuses, which shapes it tries, and answers that are no arrays of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convention import CONVOLUTION, Convention, apply
from convention.reference import compute
from convention.testing import assert_convention
from refusals import refusal

EDGE, VALID = Convention(boundary="edge"), Convention(size="valid")


def same(x: Any, w: Any) -> Any:
    return apply(CONVOLUTION, x, w, method="direct")


def must_not_run(x: Any, w: Any) -> Any:
    pytest.fail("the function was called before the refusal")


BAD: list[tuple[type[Exception], dict[str, Any], str]] = [
    (TypeError, {"function": None}, "a NoneType, which cannot be called"),
    (TypeError, {"function": "numpy.convolve"}, "a str, which cannot be called"),
    (ValueError, {"ndim": 0}, "ndim=0"),
    (ValueError, {"ndim": -1}, "ndim=-1"),
    (ValueError, {"ndim": 4}, "give shapes of other axes"),
    (TypeError, {"ndim": 2.0}, "ndim=2.0"),
    (TypeError, {"ndim": True}, "ndim=True"),
    (ValueError, {"ndim": 3, "convention": Convention(boundary=("edge", "zero"))}, "fields given per axis, 2 of them"),
    (ValueError, {"tolerance": -1e-9}, "tolerance=-1e-09"),
    (ValueError, {"tolerance": np.nan}, "tolerance=nan"),
    (ValueError, {"tolerance": np.inf}, "tolerance=inf"),
    (TypeError, {"tolerance": "0"}, "tolerance='0'"),
    (TypeError, {"tolerance": None}, "tolerance=None"),
    (TypeError, {"tolerance": True}, "tolerance=True"),
    (ValueError, {"seed": -1}, "seed=-1"),
    (TypeError, {"seed": "a"}, "seed='a'"),
    (TypeError, {"complex_numbers": 1}, "complex_numbers=1"),
    (TypeError, {"shapes": 7}, "no pairs"),
    (TypeError, {"shapes": [(7, 8, 9)]}, "no pairs"),
    (TypeError, {"shapes": [7]}, "no pairs"),
    (TypeError, {"shapes": [((7.0,), (3,))]}, "7.0"),
    (TypeError, {"shapes": [("7", (3,))]}, "'7'"),
    (ValueError, {"shapes": [((), ())]}, "no axis"),
    (ValueError, {"shapes": [((-7,), (3,))]}, "negative"),
    (ValueError, {"shapes": [((7, 8), (3,))]}, "2 and 1 axes"),
    (ValueError, {"shapes": [((7,), (0,))]}, "at least one tap"),
    (ValueError, {"shapes": [((9,), (3,)), ((0,), (3,))], "convention": EDGE}, "on an empty axis"),
    (ValueError, {"shapes": [((2,), (3,)), ((0,), (1,))], "convention": VALID}, "every result is empty"),
    (ValueError, {"shapes": []}, "no shapes"),
    (ValueError, {"convention": {"boundary": "reflect"}}, "ambiguous"),
    (ValueError, {"convention": {"flip": True}}, "unknown fields 'flip'"),
    (TypeError, {"convention": 3}, "convention=3"),
]  # fmt: skip


@pytest.mark.parametrize(("builtin", "wrong", "message"), BAD, ids=str)
def test_arguments_that_cannot_be_used_are_refused(
    builtin: type[Exception], wrong: dict[str, Any], message: str
) -> None:
    keywords = {"function": must_not_run, "convention": CONVOLUTION} | wrong
    assert message in str(refusal(builtin, assert_convention, **keywords))


def raises(x: Any, w: Any) -> Any:
    raise ZeroDivisionError("no mean of nothing")


class Unreadable:
    shape = (7, 9)

    def __array__(self, *arguments: Any, **keywords: Any) -> Any:
        raise RuntimeError("it is on another device")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (raises, "the function raised ZeroDivisionError: no mean of nothing"),
        (lambda x, w: same(x, w).tolist(), "returned a list, not an array"),
        (lambda x, w: (same(x, w), w), "returned a tuple, not an array"),
        (lambda x, w: {"out": same(x, w)}, "returned a dict, not an array"),
        (lambda x, w: same(x, w).astype(str), "which is no array of numbers: its elements are <U32"),
        (lambda x, w: same(x, w).astype(str).astype(object), "which is no array of numbers: its elements are object"),
        (lambda x, w: same(x, w).astype("M8[s]"), "no array of numbers"),
        (lambda x, w: Unreadable(), r"an? Unreadable of shape \(7, 9\).*it is on another device"),
        (lambda x, w: same(x, w) != 0, "outputs differ"),
        (lambda x, w: same(x, w) + 1j, "outputs differ"),
        (lambda x, w: np.where(same(x, w) > 0, np.inf, same(x, w)), "inf instead of"),
    ],
)
def test_answers_that_are_none_are_told(function: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message) as caught:
        assert_convention(function, CONVOLUTION)
    assert "signal (7, 9), kernel (3, 4)" in str(caught.value)


def test_what_the_function_raised_is_kept() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_convention(raises, CONVOLUTION)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("kind", ["float32", "int64", "complex64", object])
def test_right_numbers_of_any_type_are_accepted(kind: Any) -> None:
    assert_convention(lambda x, w: same(x, w).astype(kind), CONVOLUTION)


def test_tensors_that_want_gradients_are_read() -> None:
    torch = pytest.importorskip("torch", reason="about tensors")

    def function(x: Any, w: Any) -> Any:
        return torch.tensor(same(x, w), requires_grad=True)

    assert_convention(function, CONVOLUTION)


def test_a_convention_may_be_given_as_its_dictionary() -> None:
    convention = Convention(reversed_axes=(0,), size="causal", boundary=("edge", "periodic"))
    assert_convention(lambda x, w: compute(convention, x, w), convention.to_dict())
    with pytest.raises(AssertionError):
        assert_convention(same, convention.to_dict())


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_number_of_axes_follows_the_convention(axes: int) -> None:
    seen = set()
    convention = Convention(boundary=("zero", "edge", "periodic")[:axes])
    assert_convention(lambda x, w: (seen.add(x.ndim), apply(convention, x, w, method="direct"))[1], convention)
    assert seen == {axes}


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_even_and_odd_lengths_of_both_are_tried_and_longer_kernels(ndim: int) -> None:
    convention, pairs = Convention(size="same-upper"), []
    assert_convention(
        lambda x, w: (pairs.append((x.shape, w.shape)), apply(convention, x, w, method="direct"))[1],
        convention,
        ndim=ndim,
    )
    for axis in range(ndim):
        assert {(n[axis] % 2, k[axis] % 2) for n, k in pairs} == {(0, 0), (0, 1), (1, 0), (1, 1)}
        assert any(k[axis] > n[axis] for n, k in pairs)
    assert all(len(set(n)) == len(set(k)) == ndim for n, k in pairs)


@pytest.mark.parametrize("size", ["full", "same-lower", "same-upper", "causal", ((3, 4), (3, 4))])
def test_a_function_that_errs_with_longer_kernels_alone_is_seen(size: Any) -> None:
    convention = Convention(size=size, boundary="half-sample")

    def errs(x: Any, w: Any) -> Any:
        y = compute(convention, x, w)
        return -y if w.shape[0] > x.shape[0] else y

    with pytest.raises(AssertionError, match=r"signal \(3, 5\), kernel \(6, 8\)"):
        assert_convention(errs, convention)


def test_where_numpy_swaps_longer_kernels_are_tried_on_demand() -> None:
    for size in ("same", "valid"):
        convention = Convention(size=size)
        assert_convention(lambda x, w, size=size: np.convolve(x, w, size), convention, ndim=1)
        with pytest.raises(AssertionError, match="the result has shape"):
            assert_convention(
                lambda x, w, size=size: np.convolve(x, w, size), convention, shapes=[((5,), (3,)), ((3,), (6,))]
            )


def test_signals_are_long_enough_to_leave_outputs() -> None:
    for convention in (
        Convention(size="valid", dilation=5),
        Convention(size=((-9, -9), (-9, -9))),
        Convention(stride=20),
    ):
        outputs: list[int] = []

        def function(x: Any, w: Any, convention: Any = convention, outputs: Any = outputs) -> Any:
            y = compute(convention, x, w)
            outputs.extend(y.shape)
            return y

        assert_convention(function, convention)
        assert min(outputs) >= 2
    other = Convention(size="valid", dilation=4)
    with pytest.raises(AssertionError):
        assert_convention(lambda x, w: compute(other, x, w), Convention(size="valid", dilation=5))
    message = str(refusal(ValueError, assert_convention, must_not_run, Convention(size=((0, -999),), stride=9), ndim=1))
    assert "every result is empty" in message


def test_conjugation_is_seen_with_complex_numbers() -> None:
    conjugating = Convention(conjugate=True)

    def function(x: Any, w: Any) -> Any:
        return compute(conjugating, x, w)

    assert_convention(function, conjugating)
    assert_convention(function, CONVOLUTION)  # real numbers do not tell
    with pytest.raises(AssertionError, match="outputs differ"):
        assert_convention(function, CONVOLUTION, complex_numbers=True)
    with pytest.raises(AssertionError, match="outputs differ"):
        assert_convention(same, conjugating)
    assert_convention(same, CONVOLUTION, complex_numbers=True)


@pytest.mark.parametrize("value", [2 + 1j, np.nan, np.inf])
def test_values_beyond_the_border_may_be_any_number(value: Any) -> None:
    convention = Convention(boundary="constant", value=value)
    assert_convention(lambda x, w: compute(convention, x, w), convention)
    other = Convention(boundary="constant", value=3)
    with pytest.raises(AssertionError):
        assert_convention(lambda x, w: compute(other, x, w), convention)


def test_no_sample_is_zero() -> None:
    assert_convention(same, CONVOLUTION, shapes=[((1,), (1,))])
    for seed in range(50):
        with pytest.raises(AssertionError):
            assert_convention(lambda x, w: -same(x, w), CONVOLUTION, shapes=[((1,), (1,))], seed=seed)
