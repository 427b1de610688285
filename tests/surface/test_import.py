"""What importing loads, which names and signatures are public, and that every example in a docstring runs."""

from __future__ import annotations

import doctest
import importlib.util
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import convention

SOURCE = Path(convention.__file__).parent
MODULES = sorted(
    ".".join((SOURCE.name, *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
    for path in SOURCE.rglob("*.py")
)
HEAVY = ("torch", "scipy", "numba", "jax", "click", "rich", "cv2", "PIL", "tifffile", "onnx", "onnxruntime")
OPTIONAL = {"convention.layers.torch": "torch", "convention.arrays.torch": "torch"}
"""Modules that load a library when they are imported, and may: nothing else imports them before it is needed."""


def run(code: str) -> str:
    """Return what a fresh interpreter prints."""
    environment = os.environ | {"PYTHONPATH": str(SOURCE.parent), "PYTHONWARNINGS": "error"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


LOADED = f"import sys; print(*(name for name in {HEAVY} if name in sys.modules))"


@pytest.mark.parametrize(
    "code",
    [
        "import convention",
        "import convention.testing, convention.reference, convention.layers",
        "from convention import *; convolve([1, 2], [3]); check([1, 2]); print(end=str(plan([1], [1]))[:0])",
    ],
)
def test_importing_and_small_work_load_nothing_heavy(code: str) -> None:
    assert run(f"{code}\n{LOADED}").split() == []


def test_the_test_of_what_is_loaded_sees_a_library() -> None:
    pytest.importorskip("scipy", reason="loads it")
    assert "scipy" in run(f"import convention, scipy\n{LOADED}").split()


def test_convention_loads_no_library_that_it_does_not_name() -> None:
    code = "import sys, numpy; before = set(sys.modules); import convention; print(*(set(sys.modules) - before))"
    roots = {name.partition(".")[0] for name in run(code).split()}
    assert roots - set(sys.stdlib_module_names) - {"convention", "numpy"} == set()


BLOCK = """
import sys, importlib.abc
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Missing())
"""


def test_without_torch_everything_that_does_not_need_it_works() -> None:
    code = """
import numpy as np
from convention import *
from convention.errors import MissingLibraryError
from convention.testing import assert_convention
x, w = [1, 2, 3], [1, 0, 5]
assert convolve(x, w).tolist() == [2, 8, 10]
assert correlate(np.array(x), np.array(w)).tolist() == [10, 16, 2]
assert apply("cross-correlation", x, w).tolist() == [10, 16, 2]
assert convolve(np.array(x, float), w, method="fourier").round().tolist() == [2, 8, 10]
assert plan(x, w).library == "numpy"
assert (linear_operator("convolution", w, (3,)).H @ x).tolist() == [10, 16, 2]
assert check(w).reversal_matters
assert_convention(lambda a, b: np.convolve(a, b, "same"), CONVOLUTION, ndim=1)
try:
    convolve(object(), w)
except TypeError as error:
    assert "numpy or torch" in str(error)
try:
    import convention.layers.torch
except MissingLibraryError as error:
    assert isinstance(error, ImportError)
    print(error)
assert "torch" not in sys.modules
"""
    message = run(BLOCK + code)
    assert "torch is not installed" in message
    assert "pip install torch" in message


def test_the_blocking_of_torch_blocks() -> None:
    pytest.importorskip("torch", reason="is to be blocked")
    code = "try:\n    import torch.nn\nexcept ModuleNotFoundError as error:\n    print(error.name)\nelse:\n    print(1)"
    assert run(BLOCK + code).split() == ["torch"]
    assert run(code).split() == ["1"]


FIELDS = 'size="same", boundary="zero", value=0, stride=1, dilation=1, upsample=1'
ENGINE = 'axes=None, method="auto", dtype=None, overflow="raise", out=None, workers=None'
SIGNATURES = {
    "convolve": f"signal, kernel, *, {FIELDS}, {ENGINE}",
    "correlate": f"signal, kernel, *, {FIELDS}, {ENGINE}",
    "apply": f"convention, signal, kernel, *, {ENGINE}",
    "check": "kernel, *, axes=None",
    "linear_operator": "convention, kernel, signal_shape",
    "Convention": f'*, reversed_axes="all", {FIELDS}, conjugate=False',
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_signatures_are_the_fixed_ones(name: str) -> None:
    scope: dict[str, Any] = {}
    exec(f"def expected({SIGNATURES[name]}): ...", scope)

    def plain(function: Any) -> list[tuple[Any, ...]]:
        return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]

    assert plain(getattr(convention, name)) == plain(scope["expected"])


def test_plan_takes_the_fields_the_keywords_and_a_convention() -> None:
    parameters = inspect.signature(convention.plan).parameters
    expected = {name for name in re.findall(r"(\w+)=", f"{FIELDS}, {ENGINE}") if name != "out"} | {"convention"}
    assert {name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY} == expected
    assert list(parameters)[:2] == ["signal", "kernel"]


def test_the_public_names() -> None:
    assert set(SIGNATURES) | {"plan", "CONVOLUTION", "CROSS_CORRELATION", "ConventionError"} <= set(convention.__all__)
    assert sorted(convention.__all__) == sorted(set(convention.__all__))
    for name in convention.__all__:
        assert inspect.getdoc(getattr(convention, name)), name
    assert sorted(dir(convention)) == sorted(convention.__all__)


@pytest.mark.parametrize("name", [n for n in convention.__all__ if callable(getattr(convention, n))])
def test_a_public_name_has_an_example(name: str) -> None:
    examples = doctest.DocTestParser().get_examples(inspect.getdoc(getattr(convention, name)) or "")
    assert [example for example in examples if example.want], f"{name} has no example that shows a result"


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name], reason=f"{name} is made of it")
    text = Path(importlib.util.find_spec(name).origin or "").read_text(encoding="utf-8")
    for library in HEAVY:
        if re.search(rf">>> (import|from) {library}\b", text):
            pytest.importorskip(library, reason=f"an example of {name} uses it")
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def test_a_wrong_example_is_seen() -> None:
    module = type(sys)("wrong")
    module.__doc__ = ">>> 1 + 1\n3\n"
    runner = doctest.DocTestRunner(verbose=False)
    for found in doctest.DocTestFinder().find(module, "wrong"):
        runner.run(found, out=lambda text: None)
    assert runner.failures == 1


@pytest.mark.parametrize("name", MODULES)
def test_a_modules_public_names_exist_and_are_documented(name: str) -> None:
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name], reason=f"{name} is made of it")
    module = importlib.import_module(name)
    assert (module.__doc__ or "").strip()
    for public in getattr(module, "__all__", ()):
        value = getattr(module, public)
        assert not callable(value) or inspect.getdoc(value), f"{name}.{public}"
