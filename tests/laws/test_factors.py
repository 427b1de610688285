"""What the numbers of a kernel allow: factors only where both guards hold, and then the promised error."""

from __future__ import annotations

import threading
from fractions import Fraction
from functools import reduce
from itertools import product as every
from math import comb, gcd, inf, isnan, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convention.engine import factors as module
from convention.engine.factors import analyse, analysed, separable_bound

SEEDS = st.integers(0, 2**32 - 1)
law = settings(max_examples=100, deadline=None)
FLOATS = ("float32", "float64")
EPS = {name: float(np.finfo(name).eps) for name in FLOATS}


def outer(*vectors: Any) -> Any:
    return reduce(np.multiply.outer, [np.asarray(vector) for vector in vectors])


def exact(array: Any) -> Any:
    """Return the same values as Fractions: products and sums of them round nothing."""
    return np.array([Fraction(value) for value in array.ravel().tolist()], object).reshape(array.shape)


def gaussian(length: int, sigma: float) -> Any:
    offsets = np.arange(length) - length // 2
    return np.exp(-(offsets**2) / (2 * sigma**2))


def held_to_both_guards(kernel: Any) -> Any:
    """Return the factors, after holding them against the guards in exact arithmetic."""
    taps = analyse(kernel)
    assert taps.factors is not None
    assert all(f.dtype == kernel.dtype and f.shape == (k,) for f, k in zip(taps.factors, kernel.shape))
    eps = Fraction(float(np.finfo(kernel.dtype).eps))
    errors = abs(exact(kernel) - outer(*map(exact, taps.factors)))
    sizes = abs(exact(kernel))
    assert errors.sum() <= 4 * eps * sizes.sum()
    smallest = Fraction(float(np.finfo(kernel.dtype).smallest_subnormal))
    assert (errors <= Fraction(taps.tap_error) * eps * sizes + smallest).all()
    assert separable_bound(taps) <= kernel.size
    return taps.factors


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("length", [3, 5, 7, 15, 31])
def test_gaussians_of_every_width_factor(dtype: str, length: int) -> None:
    for sigma in np.geomspace(0.3, 30, 12):
        vector = gaussian(length, sigma)
        separate = outer(vector, vector / vector.sum())
        offsets = np.arange(length) - length // 2
        together = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * sigma**2))
        for kernel in (separate, together / together.sum()):
            held_to_both_guards(kernel.astype(dtype))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "kernel",
    [
        outer([1, 2, 1], [-1, 0, 1]),
        outer([1, 2, 1], [-1, 0, 1]) / 8,
        outer([3, 10, 3], [-1, 0, 1]) / 32,
        outer([1, 1, 1], [-1, 0, 1]) / 6,
        np.ones((5, 5)) / 25,
        np.ones((3, 7)) / 21,
        outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]),
        outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256,
        outer(*[[comb(12, k) for k in range(13)]] * 2) / 4**12,
        outer([0, 1, 0, -3], [2, 0, 0, 5, 1]),
    ],
)
def test_whole_multiples_of_one_number_factor_without_any_error(kernel: Any, dtype: str) -> None:
    kernel = kernel.astype(dtype)
    factors = held_to_both_guards(kernel)
    assert (outer(*map(exact, factors)) == exact(kernel)).all()
    assert analyse(kernel).same_zeros


@law
@given(SEEDS, st.sampled_from(FLOATS), st.integers(3, 9), st.integers(3, 9))
def test_every_product_rounded_to_its_type_factors(seed: int, dtype: str, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    u, v = (rng.standard_normal(n) * 2.0 ** rng.integers(-8, 8, n) for n in (rows, columns))
    held_to_both_guards(outer(u, v).astype(dtype))


@law
@given(SEEDS, st.sampled_from(FLOATS), st.integers(2, 4))
def test_products_of_several_vectors_factor(seed: int, dtype: str, ndim: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, 6, ndim)
    held_to_both_guards(outer(*(rng.standard_normal(n) for n in lengths)).astype(dtype))


@law
@given(SEEDS, st.sampled_from(FLOATS), st.sampled_from([0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 12.0, 100.0]))
def test_a_disturbed_product_factors_only_within_the_guards(seed: int, dtype: str, multiple: float) -> None:
    rng = np.random.default_rng(seed)
    kernel = outer(rng.standard_normal(7), rng.standard_normal(5))
    kernel = (kernel * (1 + multiple * EPS[dtype] * rng.choice([-1, 1], kernel.shape))).astype(dtype)
    if analyse(kernel).factors is not None:
        held_to_both_guards(kernel)
    assert multiple > 2 or analyse(kernel).factors is not None
    assert multiple < 100 or analyse(kernel).factors is None


@pytest.mark.parametrize("dtype", FLOATS)
def test_where_one_reading_of_each_vector_is_too_far_off_a_mean_is_found(dtype: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        kernel = outer(rng.standard_normal(7), rng.standard_normal(7))
        held_to_both_guards((kernel * (1 + 3.5 * EPS[dtype] * rng.choice([-1, 1], (7, 7)))).astype(dtype))


@pytest.mark.parametrize("dtype", FLOATS)
def test_one_tap_off_by_a_few_units_in_the_last_place(dtype: str) -> None:
    vector = np.array([1.0, 3, 7, 5, 2])
    kernel = outer(vector, vector[::-1]).astype(dtype)  # sums to 324, and the tap of 1 * 2 is small
    tap = kernel[0, 0]
    for units, allowed in ((1, True), (8, True), (2000, False)):
        kernel[0, 0] = tap + units * np.spacing(tap)
        assert (analyse(kernel).factors is not None) is allowed, units
        if allowed:
            held_to_both_guards(kernel)


@pytest.mark.parametrize("dtype", [*FLOATS, "complex64", "complex128", "int64", "uint8", "object"])
@pytest.mark.parametrize(
    "kernel",
    [
        [[2, 4, 6], [3, 7, 9], [1, 2, 3]],
        [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
        [[0, 1, 0], [1, 4, 1], [0, 1, 0]],
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[5, 0, 0], [0, 0, 0], [0, 0, 1]],
    ],
)
def test_kernels_of_higher_rank_have_no_factors(kernel: list[list[int]], dtype: str) -> None:
    assert analyse(np.array(kernel, dtype)).factors is None


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(3, 3), (7, 7), (3, 4, 5), (9, 2)])
def test_random_kernels_have_no_factors(dtype: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        assert analyse(rng.standard_normal(shape).astype(dtype)).factors is None


def test_a_small_tap_is_not_lost_within_the_sum_of_the_large_ones() -> None:
    kernel = np.array([[1, 0, 0], [0, 0, 0], [0, 0, 1e-9]], np.float32)
    assert float(kernel[2, 2]) < 4 * EPS["float32"] * analyse(kernel).absolute_sum
    assert analyse(kernel).factors is None
    kernel = outer([1, 1e-6, 1], [1, 1e-6, 1]).astype(np.float32)
    for changed in (kernel[1, 1] * np.float32(1.01), 0):
        kernel[1, 1] = changed
        assert analyse(kernel).factors is None


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_products_factor(dtype: str) -> None:
    rng = np.random.default_rng(3)
    u, v = (rng.standard_normal(n) + 1j * rng.standard_normal(n) for n in (5, 7))
    kernel = outer(u, v).astype(dtype)
    taps = analyse(kernel)
    assert taps.factors is not None
    eps = np.finfo(dtype).eps
    assert abs(outer(*taps.factors) - kernel).sum() <= 6 * eps * abs(kernel).sum()
    kernel[0, 0] *= 1 + 1000 * eps
    assert analyse(kernel).factors is None
    found = analyse(outer([1, 4, 6, 4, 1], [1, 3, 3, 1]).astype(dtype)).factors
    assert found is not None
    assert found[0].dtype == dtype
    assert (outer(*found) == outer([1, 4, 6, 4, 1], [1, 3, 3, 1])).all()


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ([[2, 4, 6], [3, 6, 9], [1, 2, 3]], ([2, 3, 1], [1, 2, 3])),
        ([[-2, 4, 6], [-3, 6, 9]], ([-2, -3], [1, -2, -3])),
        ([[0, 0, 0], [6, 0, -9], [4, 0, -6]], ([0, 3, 2], [2, 0, -3])),
        ([[10, 10, 10], [10, 10, 10]], ([10, 10], [1, 1, 1])),
    ],
)
def test_integers_factor_exactly(kernel: Any, expected: Any) -> None:
    for dtype in (np.int8, np.int64, object):
        taps = analyse(np.array(kernel, dtype))
        assert taps.factors is not None
        assert taps.factors[0].dtype == (object if dtype is object else np.int64)
        assert (outer(*taps.factors) == np.array(kernel)).all()
        sign = 1 if tuple(taps.factors[1].tolist()) == tuple(expected[1]) else -1
        assert [(sign * factor).tolist() for factor in taps.factors] == list(expected)
        assert separable_bound(taps) == 0


def test_integer_factors_of_two_by_two_save_nothing() -> None:
    # the vectors exist, ([2, 3], [1, 2]), but four products stay four
    assert analyse(np.array([[2, 4], [3, 6]])).factors is None
    found = analyse(np.array([[2, 4, 2], [3, 6, 3]])).factors
    assert found is not None
    assert [factor.tolist() for factor in found] == [[2, 3], [1, 2, 1]]
    assert analyse(np.array([[2, 4, 2], [3, 7, 3]])).factors is None


@law
@given(SEEDS, st.integers(2, 3))
def test_products_of_integers_factor_into_primitive_vectors(seed: int, ndim: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = [rng.integers(-9, 10, n) for n in rng.integers(3, 6, ndim)]
    kernel = outer(*vectors)
    taps = analyse(kernel)
    assert (taps.factors is None) == (not kernel.any())
    if taps.factors is not None:
        assert (outer(*(factor.astype(object) for factor in taps.factors)) == kernel).all()
        assert all(gcd(*factor.tolist()) == 1 for factor in taps.factors[1:])
        # no pass, in any order, leaves more than the direct sum may: what fits 64 bits there fits here
        assert all(abs(factor).sum() >= 1 for factor in taps.factors)
        kernel = kernel.copy()
        kernel[(0,) * ndim] += 1
        others = np.delete(kernel, 0, axis=0)
        if np.count_nonzero(others) > others.size // 2 and all(v[0] for v in vectors):
            assert analyse(kernel).factors is None


def test_huge_integers_factor_exactly_or_not_at_all() -> None:
    big = 2**31 - 1
    kernel = outer([big, 1, -big], [big, -1, 2])
    taps = analyse(kernel)
    assert taps.factors is not None
    assert (outer(*(f.astype(object) for f in taps.factors)) == kernel.astype(object)).all()
    # equal only modulo 2**64: a comparison in int64 would not see it
    wrapping = np.array([2**40, 3, 1], object)
    true = np.multiply.outer(wrapping, wrapping)
    wrapped = np.array([[(int(v) + 2**63) % 2**64 - 2**63 for v in row] for row in true], np.int64)
    assert analyse(wrapped).factors is None
    assert analyse(np.array([[1, 1, 2**40], [1, 1, 2**40], [2**40, 2**40, 0]])).factors is None
    found = analyse(true).factors
    assert found is not None
    assert found[0].dtype == object
    assert (outer(*found) == true).all()
    lowest = np.full((3, 3), -(2**63))
    assert analyse(lowest).factors is None  # 2**63 has no place in int64
    assert analyse(lowest).constant == -(2**63)
    top = np.full((3, 3), 2**64 - 1, np.uint64)
    found = analyse(top).factors
    assert found is not None
    assert found[0].dtype == np.uint64
    assert found[0].tolist() == [2**64 - 1] * 3
    assert analyse(np.full((2, 2), 10**400, object)).absolute_sum == inf


def test_booleans_are_integers() -> None:
    taps = analyse(np.ones((3, 4), bool))
    assert taps.factors is not None
    assert [factor.tolist() for factor in taps.factors] == [[1] * 3, [1] * 4]


@pytest.mark.parametrize("dtype", [*FLOATS, "int32", "complex64"])
def test_one_axis_or_axes_of_one_tap_save_nothing(dtype: str) -> None:
    for shape in ((9,), (1,), (1, 9), (9, 1, 1), (1, 1), (2, 2)):
        assert analyse(np.ones(shape, dtype)).factors is None, shape
    taps = analyse(np.arange(1, 8).astype(dtype))
    assert (taps.nonzero, taps.absolute_sum, taps.constant, taps.factors) == (7, 28.0, None, None)
    assert separable_bound(taps) == inf


@pytest.mark.parametrize("dtype", [*FLOATS, "int32", "complex64"])
@pytest.mark.parametrize("shape", [(1, 3, 5), (3, 1, 5), (3, 5, 1)])
def test_an_axis_of_one_tap_has_the_factor_one(dtype: str, shape: tuple[int, ...]) -> None:
    kernel = outer([3, -6, 9], [-2, 5, 7, 1, 4]).astype(dtype).reshape(shape)
    taps = analyse(kernel)
    assert taps.factors is not None
    assert (outer(*taps.factors) == kernel).all()
    assert taps.factors[shape.index(1)].tolist() == [1]


@pytest.mark.parametrize("dtype", [*FLOATS, "float16", "complex64", "int16", "object"])
def test_zero_taps_and_constants_are_seen(dtype: str) -> None:
    kernel = np.zeros((3, 3), dtype)
    taps = analyse(kernel)
    assert (taps.nonzero, taps.finite, taps.absolute_sum, taps.constant, taps.factors) == (0, True, 0.0, 0, None)
    kernel[1, 2] = -3
    taps = analyse(kernel)
    assert (taps.nonzero, taps.absolute_sum, taps.constant) == (1, 3.0, None)
    kernel[...] = -3
    assert analyse(kernel).constant == -3
    kernel[0, 1] = 3
    assert analyse(kernel).constant is None
    assert analyse(np.zeros((0, 3), dtype)) == (0, True, 0.0, None, None, 0.0, True)


@pytest.mark.parametrize("dtype", [*FLOATS, "complex64", "complex128", "float16"])
@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_kernels_that_are_not_finite_have_no_factors(dtype: str, bad: float) -> None:
    kernel = np.ones((3, 3), dtype)
    for place in every(range(3), range(3)):
        spoilt = kernel.copy()
        spoilt[place] = bad
        taps = analyse(spoilt)
        assert (taps.finite, taps.factors, taps.constant, taps.nonzero) == (False, None, None, 9)
        assert isnan(taps.absolute_sum) if isnan(bad) else taps.absolute_sum == inf
    assert analyse(np.full((3, 3), bad, dtype)).constant is None


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1.0, 1e18, 1e30])
def test_factors_are_balanced(dtype: str, scale: float) -> None:
    for vectors in (([1, 7, 3], [5, 2, 9]), ([1, 7, 3], [5, 2, 9, 4], [1, 3, 8])):
        sizes = [abs(f).max() for f in held_to_both_guards((outer(*vectors) * scale).astype(dtype))]
        assert max(sizes) <= 4 * min(sizes)


def test_extreme_kernels_are_left_to_the_direct_sum() -> None:
    for scale in (1e300, 1e-300):
        assert analyse(outer([1.0, 2, 3], [1.0, 5, 2]) * scale).factors is None
    taps = analyse(np.full((3, 3), 1e308))
    assert (taps.finite, taps.absolute_sum, taps.constant) == (True, inf, 1e308)
    large = np.full((3, 3), 2e38 + 2e38j, np.complex64)
    assert analyse(large).finite
    held_to_both_guards((outer([1, 2, 3], [1, 5, 2]) * 2e37).astype(np.float32))  # next to the largest
    # subnormal taps have lost the digits that would say so
    assert analyse((outer([1, 2, 3], [1, 5, 2]) * 1e-40).astype(np.float32)).factors is None


def test_lost_corners_are_told() -> None:
    vector = gaussian(31, 1.2)
    assert not analyse(outer(vector, vector).astype(np.float32)).same_zeros
    assert analyse(outer(vector, vector)).same_zeros


@pytest.mark.parametrize("dtype", [*FLOATS, "int32"])
def test_memory_order_and_byte_order_change_nothing(dtype: str) -> None:
    kernel = outer([1, 5, 2], [3, -1, 4, 7]).astype(dtype)
    expected = analyse(kernel).factors
    assert expected is not None
    swapped = kernel.astype(kernel.dtype.newbyteorder())
    negative = np.ascontiguousarray(kernel[::-1, ::-1])[::-1, ::-1]
    strided = np.repeat(kernel, 2, axis=1)[:, ::2]
    for same in (swapped, np.asfortranarray(kernel), negative, strided):
        found = analysed(same).factors
        assert found is not None
        assert [f.tolist() for f in found] == [f.tolist() for f in expected]
        assert all(f.dtype.isnative for f in found)


def passes(signal: Any, factors: Any) -> Any:
    """Return one output: along the last axis first, one rounded product and one rounded addition per tap."""
    for factor in reversed(factors):
        total = signal[..., 0] * factor[0]
        for tap in range(1, len(factor)):
            total = total + signal[..., tap] * factor[tap]
        signal = total
    return signal


@settings(max_examples=200, deadline=None)
@given(SEEDS, st.sampled_from(FLOATS), st.sampled_from([(3, 3), (5, 7), (3, 4, 3)]), st.booleans())
def test_the_bound_holds_for_signals_that_cancel(seed: int, dtype: str, shape: tuple[int, ...], smooth: bool) -> None:
    rng = np.random.default_rng(seed)
    vectors = [gaussian(n, rng.uniform(0.6, 3)) if smooth else rng.standard_normal(n) for n in shape]
    kernel = outer(*vectors).astype(dtype)
    # each product as large as any other, whatever the tap, and of a sign that makes the sum cancel
    signal = (rng.uniform(0.9, 1.1, shape) * rng.choice([-1, 1], shape) / kernel).astype(dtype)
    signal *= np.float32(2.0) ** rng.integers(-6, 7, shape).astype(np.float32)
    taps = analyse(kernel)
    assert taps.factors is not None
    result = passes(signal, taps.factors)
    assert result.dtype == dtype
    terms = exact(kernel) * exact(signal)
    allowed = Fraction(separable_bound(taps)) * Fraction(EPS[dtype]) * abs(terms).sum()
    assert abs(Fraction(float(result)) - terms.sum()) <= allowed
    assert allowed <= kernel.size * Fraction(EPS[dtype]) * abs(terms).sum()


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_bound_is_nearly_reached(dtype: str) -> None:
    # every addition loses all of what it adds: a little less than half a unit in the last place
    lost = EPS[dtype] / 2 * 0.99
    signal = np.full((9, 7), lost * lost).astype(dtype)
    signal[:, 0] = lost
    signal[0] = lost
    signal[0, 0] = 1
    taps = analyse(np.ones((9, 7), dtype))
    assert taps.factors is not None
    error = abs(exact(signal).sum() - Fraction(float(passes(signal, taps.factors))))
    allowed = Fraction(separable_bound(taps) * EPS[dtype]) * exact(signal).sum()
    assert Fraction(4, 5) * allowed < error <= allowed


@pytest.mark.parametrize("bad", [nan, inf, -inf])
@pytest.mark.parametrize(
    "kernel", [outer([1, 2, 1], [-1, 0, 1]), outer([0, 2, 5, 0], [3, 0, -1]), outer([1, 3, -2], [4, 5, 1])]
)
def test_what_is_not_finite_meets_the_same_taps_as_in_the_direct_sum(kernel: Any, bad: float) -> None:
    kernel = kernel.astype(float)
    taps = analyse(kernel)
    assert taps.factors is not None
    assert taps.same_zeros
    places = list(every(*map(range, kernel.shape)))
    for first, second in every(places, places):
        signal = np.ones(kernel.shape)
        signal[first], signal[second] = bad, -bad
        with np.errstate(invalid="ignore"):
            np.testing.assert_equal(passes(signal, taps.factors), (signal * kernel).sum())
            # and with zero taps skipped, in each pass and in the direct sum
            row, column = (np.flatnonzero(factor) for factor in taps.factors)
            kept = [factor[factor != 0] for factor in taps.factors]
            skipped = passes(signal[np.ix_(row, column)], kept)
            expected = (signal * kernel)[kernel != 0].sum()
        assert np.isnan(skipped) == np.isnan(expected)
        assert np.isinf(skipped) == np.isinf(expected)
        assert not np.isinf(expected) or skipped == expected


def test_kernels_are_remembered_by_value_shape_and_type() -> None:
    kernel = outer([1.0, 2, 3], [4.0, 5, 6, 7])
    assert analysed(kernel) is analysed(kernel.copy())
    different = [kernel.reshape(4, 3), kernel.view(np.int64), -kernel, kernel.astype(kernel.dtype.newbyteorder())]
    different.append(kernel.view(kernel.dtype.newbyteorder()))  # the same bytes
    assert all(analysed(other) is not analysed(kernel) for other in different)
    found = analysed(kernel).factors
    assert found is not None
    with pytest.raises(ValueError, match="read-only"):
        found[0][0] = 9
    kernel[0, 0] = 99
    assert analysed(kernel).factors is None


def test_the_memory_is_bounded_also_from_several_threads() -> None:
    def fill(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(400):
            kernel = rng.standard_normal((64, 64))
            assert analysed(kernel).nonzero == 4096

    threads = [threading.Thread(target=fill, args=(seed % 3,)) for seed in range(6)]  # each kernel from two threads
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = module._memory.values
    held = sum(module._weight(key, taps) for key, taps in kept.items())
    assert 0 < held <= module._REMEMBERED + len(threads) * module._REMEMBERED_EACH  # one each that was not yet counted
    before = len(kept)
    analysed(np.zeros((200, 200)))  # too large to be remembered
    assert len(kept) == before
