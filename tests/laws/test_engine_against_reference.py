"""Every engine against the oracle: integers exactly, floats within the bound that the plan states."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from math import inf, isinf, isnan, log2, nan, prod
from random import Random
from typing import Any

import numpy as np
import pytest

from convention import Convention, apply
from convention.engine.planner import Plan
from convention.reference import compute
from draws import COMPLEX, INTEGERS, REALS, Case, draw_array, draw_case, draw_convention
from engines import ENGINES, TRANSFORMS, WAYS, Taken, forced

QUICK = 40
FULL = 700
"""Draws per test below; 42 slow sets of them, so `make test-all` holds over 20,000 conventions and shapes."""

FEW_INTEGERS = ("uint8", "int64")
FEW_FLOATS = (("float32", "float32"), ("float64", "float64"), ("complex64", "complex64"), ("complex64", "float32"))
"""Each combination of data types is compiled by itself: quick tests keep to few."""
PRODUCTS = (("float32", "float32"), ("float64", "float64"), ("complex64", "float32"))
"""A product of vectors rounded to one data type is none in a wider one, and parts of complex sums none of either."""


def to_library(array: Any, library: str) -> Any:
    if library == "numpy":
        return array
    torch = pytest.importorskip("torch", reason="the engine's torch side needs torch")
    return torch.from_numpy(np.array(array))


def to_numpy(array: Any) -> Any:
    return array if isinstance(array, (np.ndarray, np.generic)) else array.detach().numpy()


def small_integers(random: Random, shape: tuple[int, ...], dtype: str) -> Any:
    """Draw integers whose sums of products a float holds now and then: the compiled loops sum in floats."""
    info = np.iinfo(dtype) if dtype != "bool" else None
    most = random.choice([1, 3, 127, 2**12])
    low, high = (0, 1) if info is None else (max(info.min, -most), min(info.max, most))
    return np.random.default_rng(random.getrandbits(32)).integers(low, high, shape, endpoint=True).astype(dtype)


def product_kernel(random: Random, shape: tuple[int, ...], dtype: str, engine: str) -> Any:
    """Draw a kernel of rank 1 or, for sums of sums, one whose taps are equal."""
    if engine == "box":
        return np.full(shape, 1 if dtype == "bool" else draw_tap(random, dtype), dtype)
    vectors = []
    for n in shape:
        values = [draw_tap(random, dtype) for _ in range(n)]
        vectors.append(np.array(values, dtype) if dtype in INTEGERS else np.array(values).astype(dtype))
    return reduce(np.multiply.outer, vectors).astype(dtype)


def draw_tap(random: Random, dtype: str) -> Any:
    if dtype in INTEGERS:
        return random.randint(0 if dtype.startswith(("u", "b")) else -2, 1 if dtype == "bool" else 3)
    tap = random.choice([random.gauss(0, 1), random.randint(-16, 16) / 8])
    return complex(tap, random.gauss(0, 1)) if dtype in COMPLEX else tap


def draw_for(random: Random, engine: str, dtypes: tuple[str, str], work: int) -> Case:
    """Draw what an engine is for: small integers, kernels that are products, windows side by side."""
    integers = dtypes[0] in INTEGERS
    compiled = engine in (*WAYS, "auto")
    long = engine == "listed" and random.random() < 0.4  # rows of taps that are chained
    if engine not in ("separable", "box") and not long:
        case = draw_case(random, dtypes, work)
        signal, kernel = case.signal, case.kernel
        if integers and compiled and random.random() < 0.9:
            signal, kernel = (small_integers(random, a.shape, dtype) for a, dtype in zip((signal, kernel), dtypes))
        if engine in ("listed", "dense", "auto") and random.random() < 0.6:
            kernel = with_zeros(random, kernel)
        return Case(case.convention, signal, kernel.astype(dtypes[1]))
    while True:
        ndim = random.choice([1, 1, 2, 3] if long else [2, 2, 3])
        shape = tuple(random.randint(1, 9) for _ in range(ndim))
        taps = tuple(random.randint(1, 7) for _ in range(ndim))
        if engine == "box":
            taps = (1,) * (ndim - 2) + taps[-2:]
        if long:
            taps = (*taps[:-2], *taps[-2:-1], random.randint(3, 90))
            shape = (*shape[:-1], random.choice([shape[-1], random.randint(1, 90)]))
        several = sum(n > 1 for n in taps) > 1 or long
        if several and prod(n + 2 for n in shape) * prod(taps) <= work:
            break
    convention = draw_convention(random, ndim, value=random.randint(0, 5))
    if engine == "box" or (long and random.random() < 0.5):
        convention = Convention.from_dict(convention.to_dict() | {"stride": 1, "dilation": 1})
    signal = small_integers(random, shape, dtypes[0]) if integers else draw_array(random, shape, dtypes[0])
    if not long:
        return Case(convention, signal, product_kernel(random, taps, dtypes[1], engine))
    kernel = small_integers(random, taps, dtypes[1]) if integers else draw_array(random, taps, dtypes[1])
    return Case(convention, signal, with_zeros(random, kernel) if random.random() < 0.3 else kernel)


def with_zeros(random: Random, kernel: Any) -> Any:
    return (kernel * (np.random.default_rng(random.getrandbits(32)).random(kernel.shape) < 0.5)).astype(kernel.dtype)


def check_integers(count: int, library: str, engine: str, seed: int, *, few: bool, workers: int = 1) -> None:
    random = Random(seed)
    method = "auto"
    with forced(engine, workers=workers, small_blocks=workers > 1) as taken:
        for _ in range(count):
            names = FEW_INTEGERS if few else INTEGERS
            dtypes = random.choice(names), random.choice(names)
            case = draw_for(random, engine, dtypes, 60_000)
            x, w = to_library(case.signal, library), to_library(case.kernel, library)
            found = to_numpy(apply(case.convention, x, w, method=method))
            expected = compute(case.convention, case.signal, case.kernel)
            unsigned = "uint64" in dtypes and not any(name.startswith("int") for name in dtypes)
            assert found.dtype == ("uint64" if unsigned else "int64")
            assert found.shape == expected.shape, case
            assert found.tolist() == expected.tolist(), (case, taken.last.plan)
            again = to_numpy(apply(case.convention, x, w, method=method))  # what was remembered is right
            assert again.tolist() == expected.tolist(), (case, taken.last.plan)
    check_taken(taken, engine)


def check_taken(taken: Taken, engine: str) -> None:
    if engine != "auto":
        most = {"box": 0.5, "fourier": 0.3, "preferred": 0.3}  # not where zeros are inserted
        assert taken.share(engine) > most.get(engine, 0.6), taken.count


def fractions(array: Any) -> Any:
    exact = np.empty(array.shape, dtype=object)
    for index in np.ndindex(array.shape):
        exact[index] = Fraction(*array[index].as_integer_ratio())
    return exact


def exact_sums(case: Case, convention: Convention) -> tuple[Any, Any]:
    """Return real and imaginary parts of the exact result."""
    if not np.iscomplexobj(case.signal) and not np.iscomplexobj(case.kernel):
        return compute(convention, fractions(case.signal), fractions(case.kernel)), 0
    x, w = case.signal.astype(np.clongdouble), case.kernel.astype(np.clongdouble)
    sign = -1 if convention.conjugate else 1
    linear = with_value(convention, 0)  # the constant is real: it belongs to the real part of the signal
    parts = {
        (a, b): compute(convention if a == "real" else linear, fractions(getattr(x, a)), fractions(getattr(w, b)))
        for a in ("real", "imag")
        for b in ("real", "imag")
    }
    real = parts["real", "real"] - sign * parts["imag", "imag"]
    return real, sign * parts["real", "imag"] + parts["imag", "real"]


def with_value(convention: Convention, value: float) -> Convention:
    fields = convention.to_dict() | {"value": value}
    if value == 0:
        words = fields["boundary"]
        fields["boundary"] = (
            ["zero" if w == "constant" else w for w in words]
            if isinstance(words, list)
            else ("zero" if words == "constant" else words)
        )
    return Convention.from_dict(fields)


def stated_bound(plan: Plan, case: Case, eps: float) -> Any:
    """Return the bound of a plan, as it is printed: a number of eps times a size."""
    if plan.method == "fourier":
        assert plan.error_bound.startswith("at most 8 * ")
        windows = case.convention.windows(case.signal.shape, case.kernel.shape)
        n = prod(window.reach[1] - window.reach[0] + 1 for window in windows)
        largest = max(np.abs(case.signal).max(initial=0), abs(np.max(case.convention.value)))
        return 8 * eps * log2(2 * n) * float(np.abs(case.kernel).sum()) * float(largest)
    words = plan.error_bound.split()
    assert words[:2] == ["at", "most"]
    assert words[3:] == ["*", f"{eps:.3g}", "*", "sum", "of", "|tap", "*", "sample|"], plan.error_bound
    size = compute(case.convention, np.abs(case.signal).astype(float), np.abs(case.kernel).astype(float))
    # a product of complex parts is summed as it is; |tap| * |sample| of complex numbers bounds both parts together
    return float(words[2]) * eps * size


def check_floats(
    count: int, library: str, engine: str, seed: int, *, few: bool, workers: int = 1, wrong_by: float = 0.0
) -> None:
    random = Random(seed)
    method = "fourier" if engine in TRANSFORMS else "auto"
    names = ("float32", "float64", *COMPLEX)
    if engine not in TRANSFORMS:
        names = ("float16", *names) if library == "torch" else (*REALS, *COMPLEX)
    with forced(engine, workers=workers, small_blocks=workers > 1) as taken:
        for _ in range(count):
            dtypes = random.choice(FEW_FLOATS) if few else (random.choice(names), random.choice(names))
            if engine in ("separable", "box") and random.random() < 0.8:  # what these are for
                dtypes = random.choice(PRODUCTS)
            case = draw_for(random, engine, dtypes, 12_000)
            x, w = to_library(case.signal, library), to_library(case.kernel, library)
            found = to_numpy(apply(case.convention, x, w, method=method))
            if found.size == 0:
                continue
            again = to_numpy(apply(case.convention, x, w, method=method))  # what was remembered is right
            assert np.array_equal(found, again), (case, taken.last.plan)
            real, imag = exact_sums(case, case.convention)
            assert found.shape == real.shape, case
            sums = np.result_type(found.dtype, np.float32)  # float16 is summed in float32
            bound = stated_bound(taken.last.plan, case, float(np.finfo(sums).eps))
            last = np.finfo(found.dtype)  # the last rounding; float16 has few numbers near zero
            bound = bound + float(last.eps) * np.abs(found).astype(float) + float(last.smallest_subnormal)
            error = distance(found, real, imag) + wrong_by * bound
            assert (error <= bound).all(), (case, taken.last.plan)
    check_taken(taken, engine)


def distance(found: Any, real: Any, imag: Any) -> Any:
    parts = np.broadcast_arrays(found.real, found.imag, real, np.asarray(imag, dtype=object))
    out = np.empty(found.shape)
    for index in np.ndindex(found.shape):
        a, b, p, q = (Fraction(*part[index].as_integer_ratio()) for part in parts)
        out[index] = float(abs(a - p)) if b == q == 0 else abs(complex(float(a - p), float(b - q)))
    return out


def kind(number: float) -> str:
    return "nan" if isnan(number) else f"{number:+}" if isinf(number) else "finite"


def check_infinities(count: int, engine: str, seed: int) -> None:
    """Hold what is NaN and Inf against the formula: every tap times every sample of the window, Inf times 0 too."""
    random = Random(seed)
    with forced(engine) as taken:
        for _ in range(count):
            dtype = random.choice(["float32", "float64"])
            case = draw_for(random, engine, (dtype, dtype), 12_000)
            convention, signal, kernel = case.convention, case.signal, case.kernel
            where = random.random()
            if where < 0.1:
                scatter(random, kernel)
            elif where < 0.3:  # beyond the border, of integers as well
                value = random.choice([nan, inf, -inf])
                convention = Convention.from_dict(convention.to_dict() | {"boundary": "constant", "value": value})
                signal = np.abs(signal).clip(0, 255).astype("uint8") if random.random() < 0.7 else signal
            else:
                scatter(random, signal)
            with np.errstate(invalid="ignore", over="ignore"):  # NumPy warns of Inf minus Inf
                found = apply(convention, signal, kernel)
            expected = compute(convention, signal, kernel)
            kinds = [[kind(number) for number in result.ravel().tolist()] for result in (found, expected)]
            assert kinds[0] == kinds[1], (convention, signal, kernel, taken.last.plan)
            if where >= 0.3:
                touched = compute(with_value(convention, 0), ~np.isfinite(signal), np.ones(kernel.shape, int))
                assert (np.isfinite(found) == (touched == 0)).all(), (case, taken.last.plan)
    check_taken(taken, engine)


def scatter(random: Random, array: Any) -> None:
    """Put some NaN and Inf into an array."""
    for place in np.argwhere(np.random.default_rng(random.getrandbits(32)).random(array.shape) < 0.06):
        array[tuple(place)] = random.choice([nan, inf, -inf])


DIRECT = [engine for engine in ENGINES if engine not in TRANSFORMS]


class TestQuick:
    @pytest.mark.parametrize("engine", DIRECT)
    def test_integers_are_exact(self, engine: str) -> None:
        check_integers(QUICK, "numpy", engine, seed=1, few=True)

    @pytest.mark.parametrize("engine", ENGINES)
    def test_floats_keep_the_bound(self, engine: str) -> None:
        check_floats(QUICK, "numpy", engine, seed=2, few=True)

    @pytest.mark.parametrize("engine", WAYS)
    def test_two_threads_and_small_blocks(self, engine: str) -> None:
        check_integers(QUICK // 2, "numpy", engine, seed=3, few=True, workers=2)
        check_floats(QUICK // 2, "numpy", engine, seed=4, few=True, workers=2)

    @pytest.mark.parametrize("engine", ["dense", "separable", "auto"])
    def test_tensors(self, engine: str) -> None:
        check_integers(QUICK // 2, "torch", engine, seed=5, few=True)
        check_floats(QUICK // 2, "torch", engine, seed=6, few=True)

    @pytest.mark.parametrize("engine", [*DIRECT, "preferred"])
    def test_nan_and_inf_stay_where_they_are(self, engine: str) -> None:
        check_infinities(2 * QUICK, engine, seed=7)


@pytest.mark.slow
class TestFull:
    @pytest.mark.parametrize("library", ["numpy", "torch"])
    @pytest.mark.parametrize("engine", DIRECT)
    def test_integers_are_exact(self, library: str, engine: str) -> None:
        check_integers(FULL, library, engine, seed=11, few=False)

    @pytest.mark.parametrize("library", ["numpy", "torch"])
    @pytest.mark.parametrize("engine", ENGINES)
    def test_floats_keep_the_bound(self, library: str, engine: str) -> None:
        check_floats(FULL, library, engine, seed=12, few=False)

    @pytest.mark.parametrize("engine", WAYS)
    def test_two_threads_and_small_blocks(self, engine: str) -> None:
        check_integers(FULL // 2, "numpy", engine, seed=13, few=False, workers=2)
        check_floats(FULL // 2, "numpy", engine, seed=14, few=False, workers=2)

    @pytest.mark.parametrize("engine", [*DIRECT, "preferred"])
    def test_nan_and_inf_stay_where_they_are(self, engine: str) -> None:
        check_infinities(FULL, engine, seed=15)


@pytest.mark.parametrize("engine", ["numpy", "dense", "separable"])
def test_the_bound_is_refused_when_it_is_exceeded(engine: str) -> None:
    with pytest.raises(AssertionError, match="at most"):
        check_floats(20, "numpy", engine, seed=2, few=True, wrong_by=1.01)
