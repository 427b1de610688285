"""What a plan says: the method, whose loops, why, at what cost, and how exact; and that it is what happens."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from convention import convolve, plan
from convention.engine import planner
from convention.errors import ConventionError


def numbers(*shape: int, dtype: str = "float32") -> Any:
    return np.random.default_rng(shape[-1]).standard_normal(shape).astype(dtype)


IMAGE, KERNEL = numbers(300, 400), numbers(9, 11)
PRODUCT = np.outer(KERNEL[0], KERNEL[1])
LINE = numbers(50_000, dtype="float64")

CASES: dict[str, tuple[tuple[Any, Any], dict[str, Any], str, str]] = {
    "small": ((IMAGE[:20, :20], KERNEL), {}, "numpy direct", "small"),
    "nothing": ((IMAGE[:0], KERNEL), {}, "numpy direct", "no outputs"),
    "dense": ((IMAGE, KERNEL), {}, "compiled direct", "tiles of rows"),
    "line": ((LINE, LINE[:9]), {}, "compiled direct", "row"),
    "sparse": ((IMAGE, KERNEL * (KERNEL > 1.5)), {}, "compiled direct", "not zero"),
    "product": ((IMAGE, PRODUCT), {}, "compiled separable", "one axis after the other"),
    "equal taps": ((IMAGE, np.full((61, 63), 0.5, "float32")), {}, "compiled separable", "sums of sums"),
    "long": ((LINE, LINE[:20_000]), {}, "compiled fourier", "fastest"),
    "NaN": ((np.where(LINE > 4, np.nan, LINE), LINE[:20_000]), {}, "compiled direct", "NaN and Inf"),
    "integers": ((np.arange(50_000), np.arange(4_000) % 7), {}, "compiled direct", "row"),
    "large integers": ((np.arange(50_000), np.array([2**46, 3])), {}, "numpy direct", "2**53"),
    "extended": ((LINE.astype("longdouble"), LINE[:9]), {}, "numpy direct", "know no"),
    "direct": ((IMAGE, PRODUCT), {"method": "direct"}, "compiled direct", "asked for"),
    "separable": ((IMAGE[:20, :20], PRODUCT), {"method": "separable"}, "compiled separable", "asked for"),
    "fourier": ((IMAGE[:20, :20], KERNEL), {"method": "fourier"}, "compiled fourier", "asked for"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_chosen_and_why(case: str) -> None:
    arrays, keywords, name, reason = CASES[case]
    found = plan(*arrays, **keywords)
    assert f"{found.loops} {found.method}" == name
    assert reason in found.reason
    assert str(found).startswith(f"{name}: {found.reason}\n")


@pytest.mark.parametrize("case", CASES)
def test_what_is_printed(case: str) -> None:
    arrays, keywords, _, _ = CASES[case]
    found = plan(*arrays, **keywords)
    first, counts, costs, error = str(found).splitlines()
    assert re.fullmatch(r"\w+ \w+: \S.*", first)
    assert counts == (
        f"  outputs {found.outputs:,}, taps {found.taps:,}, sums in {found.dtype}, threads {found.threads}"
    )
    assert error == f"  error: {found.error_bound}"
    exact = arrays[0].dtype.kind in "iu"
    assert ("exact" in error) == exact
    if found.costs:
        for way, cost in found.costs.items():
            assert f"{way} {cost:,.0f} µs" in costs
        assert all(cost > 0 for cost in found.costs.values())
    else:
        assert costs == "  predicted: no choice to make"


def test_the_cheapest_is_taken() -> None:
    for kernel in (KERNEL, PRODUCT, np.ones((51, 51), "float32"), numbers(101, 103), KERNEL * (KERNEL > 2)):
        found = plan(IMAGE, kernel)
        cheapest = min(found.costs, key=found.costs.__getitem__)
        expected = {"dense": "direct", "listed": "direct", "box": "separable"}.get(cheapest, cheapest)
        assert found.method == expected or (cheapest == "fourier" and found.costs["fourier"] > 0.8 * min(
            cost for way, cost in found.costs.items() if way != "fourier"))  # fmt: skip


def test_costs_are_the_callers_own() -> None:
    found = plan(IMAGE, KERNEL)
    found.costs["dense"] = 0.0  # type: ignore[index]
    assert plan(IMAGE, KERNEL).costs["dense"] > 0


@pytest.mark.parametrize(
    ("signal", "kernel", "method", "words"),
    [
        (IMAGE, KERNEL, "separable", ["no product of one vector per axis", "direct"]),
        (IMAGE[:9, :9], KERNEL, "separable", ["no product of one vector per axis"]),
        (LINE, LINE[:9], "separable", ["no product"]),
        (IMAGE.astype("longdouble"), PRODUCT.astype("longdouble"), "separable", ["know no"]),
        (IMAGE.astype(int), np.ones((3, 3), int), "fourier", ["integers are exact"]),
        (np.where(IMAGE > 3, np.inf, IMAGE), KERNEL, "fourier", ["NaN and Inf"]),
        (IMAGE, KERNEL, "seperable", ["no such method", "separable"]),
        (IMAGE, KERNEL, None, ["no such method"]),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_by_both_doors(signal: Any, kernel: Any, method: Any, words: list[str]) -> None:
    out = np.full(signal.shape, 7, np.result_type(signal, kernel))
    for call in (lambda: plan(signal, kernel, method=method), lambda: convolve(signal, kernel, method=method, out=out)):
        with pytest.raises(ConventionError) as caught:
            call()
        assert all(word in str(caught.value) for word in words), str(caught.value)
    assert (out == 7).all()


@pytest.mark.parametrize("method", ["direct", "separable", "fourier"])
def test_each_method_is_forced(method: str) -> None:
    exact = convolve(IMAGE.astype("float64"), PRODUCT.astype("float64"), method="direct")
    found = convolve(IMAGE, PRODUCT, method=method)
    assert plan(IMAGE, PRODUCT, method=method).method == method
    np.testing.assert_allclose(found, exact, atol=1e-3)
    others = [m for m in ("direct", "separable", "fourier") if m != method]
    assert all(not np.array_equal(found, convolve(IMAGE, PRODUCT, method=other)) for other in others), "not forced"


def test_a_tensor_is_named_by_its_library() -> None:
    torch = pytest.importorskip("torch", reason="the engine's torch side needs torch")
    found = plan(torch.from_numpy(IMAGE), torch.from_numpy(KERNEL))
    assert (found.library, found.loops) == ("torch", "compiled")
    assert found.costs == plan(IMAGE, KERNEL).costs
    graph = torch.from_numpy(IMAGE.copy()).requires_grad_()
    assert plan(graph, torch.from_numpy(KERNEL), method="direct").loops == "torch"


def test_every_method_is_in_a_plan_or_means_a_choice() -> None:
    assert {CASES[case][2].split()[1] for case in CASES} == set(planner.METHODS) - {"auto"}


SCRIPT = """
import json, sys
{before}
import numpy as np
import convention
x = np.arange(120_000.0).reshape(300, 400) % 11
k = np.outer([1.0, 2, 3], [1, 0, -1, 2])
x, k = {arrays}
said = {{"plan": str(convention.plan(x, k)), "sum": float(convention.convolve(x, k).sum())}}
said["loaded"] = [name for name in ("numba", "llvmlite", "scipy", "torch") if name in sys.modules]
try:
    said["separable"] = str(convention.plan(x, k, method="separable"))
except convention.ConventionError as refusal:
    said["separable"] = str(refusal)
print(json.dumps(said))
"""
MISSING = """
import importlib.abc
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numba", "llvmlite"):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Missing())
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "numba" else real(name, *rest)
"""


def said(before: str = "", arrays: str = "x, k") -> dict[str, Any]:
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT.format(before=before, arrays=arrays)],
        env=os.environ.copy(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert child.returncode == 0, child.stderr
    found: dict[str, Any] = json.loads(child.stdout)
    return found


def test_without_numba_the_plan_says_so_and_results_agree() -> None:
    without, with_it = said(MISSING), said()
    assert without["plan"].startswith("numpy direct: Numba is not installed")
    assert "numba" not in without["loaded"]
    assert "Numba is not installed" in without["separable"]
    assert "with Numba installed" in without["separable"]
    if with_it["plan"].startswith("numpy"):
        pytest.skip("Numba is not installed here")
    assert with_it["plan"].startswith("compiled")
    assert without["sum"] == with_it["sum"]


@pytest.mark.parametrize(
    ("arrays", "loads"),
    [
        ("x[:50, :50], k", False),
        ("x[:99, :100], k[:1]", False),
        ("x[:50, :50].astype(int), k.astype(int)", False),
        ("x[:0], k", False),
        ("x, k", True),
        ("x[:, :40], k", True),
    ],
)
def test_small_jobs_load_no_numba(arrays: str, loads: bool) -> None:
    pytest.importorskip("numba", reason="nothing to load")
    found = said(arrays=arrays)
    assert ("numba" in found["loaded"]) == loads
    assert "torch" not in found["loaded"]
    if not loads:
        assert "scipy" not in found["loaded"]
