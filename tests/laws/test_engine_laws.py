"""What convolution must satisfy whatever the numbers: random conventions, exact integers."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convention import CROSS_CORRELATION, Convention, apply, convolve, correlate, linear_operator
from convention.reference import compute
from draws import draw_array, draw_case, draw_convention, draw_shapes

SEEDS = st.integers(0, 2**32 - 1)
law = settings(max_examples=150, deadline=None)


def integers(random: Random, shape: tuple[int, ...]) -> Any:
    return draw_array(random, shape, "int8").astype(np.int64)


@law
@given(SEEDS)
def test_it_is_linear_in_the_signal_and_in_the_kernel(seed: int) -> None:
    random = Random(seed)
    case = draw_case(random, ("int8", "int8"))
    c = Convention.from_dict(case.convention.to_dict() | {"boundary": "zero", "value": 0})
    x, w = case.signal.astype(np.int64), case.kernel.astype(np.int64)
    x2, w2 = integers(random, x.shape), integers(random, w.shape)
    assert (apply(c, 3 * x + x2, w) == 3 * apply(c, x, w) + apply(c, x2, w)).all()
    assert (apply(c, x, 3 * w + w2) == 3 * apply(c, x, w) + apply(c, x, w2)).all()


@law
@given(SEEDS)
def test_a_shifted_periodic_signal_gives_a_shifted_result(seed: int) -> None:
    random = Random(seed)
    (n, *_), (k, *_) = draw_shapes(random)
    x, w = integers(random, (n + 1,)), integers(random, (k,))
    shift = random.randint(-9, 9)
    moved = convolve(np.roll(x, shift), w, boundary="periodic")
    assert (moved == np.roll(convolve(x, w, boundary="periodic"), shift)).all()


@law
@given(SEEDS)
def test_convolution_is_correlation_with_the_kernel_reversed_at_the_same_before_and_after(seed: int) -> None:
    random = Random(seed)
    case = draw_case(random, ("int16", "int16"))
    every = replace(case.convention, reversed_axes="all")
    none = replace(case.convention, reversed_axes="none")
    assert (apply(every, case.signal, case.kernel) == apply(none, case.signal, np.flip(case.kernel))).all()


@law
@given(SEEDS)
def test_full_convolution_commutes_and_associates(seed: int) -> None:
    random = Random(seed)
    ndim = random.choice([1, 2, 3])
    a, b, c = (integers(random, tuple(random.randint(1, 4) for _ in range(ndim))) for _ in range(3))

    def full(x: Any, w: Any) -> Any:
        return convolve(x, w, size="full")

    assert (full(a, b) == full(b, a)).all()
    assert (full(full(a, b), c) == full(a, full(b, c))).all()


def test_full_correlation_does_not_commute() -> None:
    a, b = [1, 2, 3], [1, 0, 5]
    assert correlate(a, b, size="full").tolist() == [5, 10, 16, 2, 3]
    assert correlate(b, a, size="full").tolist() == [3, 2, 16, 10, 5]


@law
@given(SEEDS)
def test_the_operator_and_its_adjoint_agree_for_every_linear_boundary(seed: int) -> None:
    random = Random(seed)
    case = draw_case(random, ("int8", "int8"))
    if 0 in case.signal.shape:
        return
    c = draw_convention(random, case.ndim, value=0)
    x, w = case.signal.astype(np.int64), case.kernel.astype(np.int64)
    operator = linear_operator(c, w, x.shape)
    z = integers(random, operator.output_shape)
    assert (operator @ x == compute(c, x, w)).all()
    assert int((operator.matvec(x) * z).sum()) == int((x * operator.rmatvec(z)).sum())
    assert operator.T.shape == operator.shape[::-1]


def test_the_adjoint_of_a_complex_kernel_conjugates() -> None:
    w, x, z = np.array([1 + 2j, 3, 5j]), np.array([1j, 2, 3 - 1j, 4]), np.array([2, 1j, 1, 3 + 3j])
    for c in (Convention(boundary="edge"), Convention(boundary="periodic", conjugate=True)):
        operator = linear_operator(c, w, (4,))
        assert np.vdot(z, operator @ x) == np.vdot(operator.H @ z, x)
        assert (z * (operator @ x)).sum() == ((operator.T @ z) * x).sum()


def test_scipy_solves_with_the_operator() -> None:
    linalg = pytest.importorskip("scipy.sparse.linalg", reason="the solver is SciPy's")
    operator = linear_operator(Convention(boundary="half-sample"), np.array([1.0, 5.0, 2.0]), (6,))
    x = np.arange(1.0, 7.0)
    wrapped = linalg.aslinearoperator(operator)
    found = linalg.lsqr(wrapped, operator @ x, atol=1e-14, btol=1e-14)[0]
    np.testing.assert_allclose(found, x, rtol=1e-9)  # lsqr's own stopping tolerance


@law
@given(SEEDS)
def test_one_kernel_per_channel_is_one_call_per_channel(seed: int) -> None:
    random = Random(seed)
    case = draw_case(random, ("int8", "int8"))
    channels = random.randint(1, 3)
    x = integers(random, (2, channels, *case.signal.shape))
    kernels = integers(random, (random.choice([1, channels]), *case.kernel.shape))
    order = list(range(2, x.ndim))
    random.shuffle(order)
    target = order if random.random() < 0.5 else [axis - x.ndim for axis in order]
    moved = np.moveaxis(x, range(2, x.ndim), order)
    found = np.moveaxis(apply(case.convention, moved, kernels, axes=target), order, range(2, x.ndim))
    for b in range(2):
        for ch in range(channels):
            expected = apply(case.convention, x[b, ch], kernels[min(ch, len(kernels) - 1)])
            assert (found[b, ch] == expected).all()


@pytest.mark.parametrize("method", ["direct", "fourier"])
def test_several_kernels_of_one_signal_are_one_call_per_kernel(method: str) -> None:
    signal, kernels = np.arange(40.0).reshape(1, 40), np.arange(1.0, 31).reshape(3, 10)
    together = convolve(signal, kernels, axes=(1,), method=method)
    alone = [convolve(signal[0], kernel, method="direct") for kernel in kernels]
    assert np.allclose(together, alone, rtol=1e-12, atol=1e-9)


@law
@given(SEEDS)
def test_inputs_of_any_memory_layout_give_the_same_result_and_stay_untouched(seed: int) -> None:
    random = Random(seed)
    case = draw_case(random, ("int16", "int32"))
    x, w = case.signal, case.kernel
    kept = x.copy(), w.copy()
    expected = apply(case.convention, x, w)
    strange = np.repeat(x, 2, axis=-1)[..., ::2], np.flip(np.flip(w).copy())
    swapped = x.astype(x.dtype.newbyteorder()), np.asfortranarray(w)
    for a, b in (strange, swapped):
        a.flags.writeable = False
        assert (apply(case.convention, a, b) == expected).all()
    assert (x == kept[0]).all()
    assert (w == kept[1]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("shape", [(40, 30), (300, 300)])
def test_a_nan_reaches_only_the_outputs_whose_window_contains_it(bad: float, shape: tuple[int, int]) -> None:
    x = np.ones(shape, np.float32)
    x[11, 17] = bad
    w = np.arange(1.0, 25 * 23 + 1).reshape(25, 23).astype(np.float32)
    found = convolve(x, w)
    rows, columns = np.nonzero(~np.isfinite(found))
    inside = np.zeros(shape, bool)
    inside[max(0, 11 - 12) : 11 + 13, max(0, 17 - 11) : 17 + 12] = True
    assert (~np.isfinite(found) == inside).all()
    assert len(rows) == len(columns) == np.count_nonzero(inside)


def test_the_two_definitions_of_complex_correlation() -> None:
    x, w = np.array([1, 2j, 3]), np.array([1j, 2])
    assert correlate(x, w, size="valid").tolist() == [3j, 8]
    assert apply(replace(CROSS_CORRELATION, size="valid"), x, w).tolist() == [5j, 4]
