"""Every engine method against the oracle: integers exactly, floats within the method's stated bound."""

from __future__ import annotations

from fractions import Fraction
from math import log2, prod
from random import Random
from typing import Any

import numpy as np
import pytest

from convention import Convention, apply
from convention.engine.planner import METHODS
from convention.reference import compute
from draws import COMPLEX, INTEGERS, REALS, Case, draw_case

QUICK = 150
FULL = 2_200
"""Draws per test below; ten tests take part, so `make test-all` holds over 20,000 conventions and shapes."""


def to_library(array: Any, library: str) -> Any:
    if library == "numpy":
        return array
    torch = pytest.importorskip("torch", reason="the engine's torch side needs torch")
    return torch.from_numpy(np.array(array))


def to_numpy(array: Any) -> Any:
    return array if isinstance(array, (np.ndarray, np.generic)) else array.detach().numpy()


def check_integers(count: int, library: str, seed: int) -> None:
    random = Random(seed)
    for _ in range(count):
        dtypes = random.choice(INTEGERS), random.choice(INTEGERS)
        case = draw_case(random, dtypes)
        found = apply(case.convention, to_library(case.signal, library), to_library(case.kernel, library))
        expected = compute(case.convention, case.signal, case.kernel)
        unsigned = "uint64" in dtypes and not any(name.startswith("int") for name in dtypes)
        assert to_numpy(found).dtype == ("uint64" if unsigned else "int64")
        assert found.shape == expected.shape, case
        assert to_numpy(found).tolist() == expected.tolist(), case


def fractions(array: Any) -> Any:
    exact = np.empty(array.shape, dtype=object)
    for index in np.ndindex(array.shape):
        exact[index] = Fraction(*array[index].as_integer_ratio())
    return exact


def exact_sums(case: Case, convention: Convention) -> tuple[Any, Any]:
    """Return real and imaginary parts of the exact result."""
    if not np.iscomplexobj(case.signal) and not np.iscomplexobj(case.kernel):
        return compute(convention, fractions(case.signal), fractions(case.kernel)), 0
    x, w = case.signal.astype(np.complex128), case.kernel.astype(np.complex128)
    sign = -1 if convention.conjugate else 1
    linear = with_value(convention, 0)  # the constant is real: it belongs to the real part of the signal
    parts = {
        (a, b): compute(convention if a == "real" else linear, fractions(getattr(x, a)), fractions(getattr(w, b)))
        for a in ("real", "imag")
        for b in ("real", "imag")
    }
    real = parts["real", "real"] - sign * parts["imag", "imag"]
    return real, sign * parts["real", "imag"] + parts["imag", "real"]


def with_value(convention: Convention, value: int) -> Convention:
    fields = convention.to_dict() | {"value": value}
    if value == 0:
        words = fields["boundary"]
        fields["boundary"] = (
            ["zero" if w == "constant" else w for w in words]
            if isinstance(words, list)
            else ("zero" if words == "constant" else words)
        )
    return Convention.from_dict(fields)


def check_floats(count: int, library: str, method: str, seed: int, *, wrong_by: float = 0.0) -> None:
    random = Random(seed)
    for _ in range(count):
        names = (*REALS, *COMPLEX) if library == "numpy" and method == "direct" else ("float32", "float64", *COMPLEX)
        if library == "torch" and method == "direct":
            names = ("float16", "float32", "float64", *COMPLEX)
        case = draw_case(random, (random.choice(names), random.choice(names)), work=12_000)
        x, w = to_library(case.signal, library), to_library(case.kernel, library)
        found = to_numpy(apply(case.convention, x, w, method=method))
        if found.size == 0:
            continue
        real, imag = exact_sums(case, case.convention)
        assert found.shape == real.shape, case
        sums = np.result_type(found.dtype, np.float32)  # float16 is summed in float32
        eps = float(np.finfo(sums).eps)
        size = compute(case.convention, np.abs(case.signal).astype(float), np.abs(case.kernel).astype(float))
        taps = case.kernel.size
        if method == "direct":
            bound = (taps + np.iscomplexobj(found)) * eps * size
        else:
            windows = case.convention.windows(case.signal.shape, case.kernel.shape)
            n = prod(window.reach[1] - window.reach[0] + 1 for window in windows)
            largest = max(np.abs(case.signal).max(initial=0), abs(np.max(case.convention.value)))
            bound = 8 * eps * log2(2 * n) * float(np.abs(case.kernel).sum()) * float(largest)
        bound = bound + float(np.finfo(found.dtype).eps) * np.abs(found).astype(float)  # the last rounding
        error = distance(found, real, imag) + wrong_by * bound
        assert (error <= bound).all(), (case, method)


def distance(found: Any, real: Any, imag: Any) -> Any:
    parts = np.broadcast_arrays(found.real, found.imag, real, np.asarray(imag, dtype=object))
    out = np.empty(found.shape)
    for index in np.ndindex(found.shape):
        a, b, p, q = (Fraction(*part[index].as_integer_ratio()) for part in parts)
        out[index] = float(abs(a - p)) if b == q == 0 else abs(complex(float(a - p), float(b - q)))
    return out


@pytest.mark.parametrize("library", ["numpy", "torch"])
class TestQuick:
    def test_integers_are_exact(self, library: str) -> None:
        check_integers(QUICK, library, seed=1)

    @pytest.mark.parametrize("method", METHODS)
    def test_floats_keep_the_bound(self, library: str, method: str) -> None:
        check_floats(QUICK // 4, library, method, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("library", ["numpy", "torch"])
class TestFull:
    @pytest.mark.parametrize("seed", [11, 12])
    def test_integers_are_exact(self, library: str, seed: int) -> None:
        check_integers(FULL, library, seed)

    @pytest.mark.parametrize("method", METHODS)
    def test_floats_keep_the_bound(self, library: str, method: str) -> None:
        check_floats(FULL, library, method, seed=13)


def test_the_bound_is_refused_when_it_is_exceeded() -> None:
    with pytest.raises(AssertionError):
        check_floats(20, "numpy", "direct", seed=2, wrong_by=1.01)
