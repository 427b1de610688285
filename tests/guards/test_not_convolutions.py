"""Functions that are no convolution, or that cannot be measured: `identify` accepts none of them.

The list was written before the method was tuned.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convention.identification import identify

Function = Callable[[Any, Any], Any]
FUNCTIONS: dict[str, Function] = {}
MADE: dict[str, Callable[[], Function]] = {}


def good(x: Any, k: Any) -> Any:
    """A convolution, which everything below spoils."""
    return np.convolve(x, k, "same") if len(k) <= len(x) else np.convolve(x, k, "full")[: len(x)]


def inner(padded: Any, k: Any) -> Any:
    """The convolution of a signal that was continued by as many samples as there are taps."""
    return np.convolve(padded, k, "same")[len(k) : -len(k)]


def windows(x: Any, k: Any) -> Any:
    before = len(k) // 2
    padded = np.pad(x, (before, len(k) - 1 - before), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, len(k))


def case(function: Function) -> Function:
    FUNCTIONS[function.__name__] = function
    return function


def made(maker: Callable[[], Function]) -> Callable[[], Function]:
    """A function with a memory: a fresh one per test."""
    MADE[maker.__name__] = maker
    return maker


SIMPLE: dict[str, Function] = {
    # not linear in the signal
    "median": lambda x, k: np.median(windows(x, k), axis=1),
    "maximum": lambda x, k: windows(x, k).max(axis=1),
    "minimum where the kernel is not zero": lambda x, k: np.where(k != 0, windows(x, k), np.inf).min(axis=1),
    "morphological dilation": lambda x, k: (windows(x, k) + k).max(axis=1),
    "sum of absolute differences": lambda x, k: np.abs(windows(x, k) - k).sum(axis=1),
    "normalised cross-correlation": lambda x, k: windows(x, k) @ k / (1e-9 + np.linalg.norm(windows(x, k), axis=1)),
    "abs of the result": lambda x, k: np.abs(good(x, k)),
    "relu of the result": lambda x, k: np.maximum(good(x, k), 0),
    "leaky relu": lambda x, k: np.where((y := good(x, k)) > 0, y, 0.01 * y),
    "tanh of the result": lambda x, k: np.tanh(good(x, k)),
    "square of the signal": lambda x, k: good(x**2, k),
    "a little of the square": lambda x, k: (y := good(x, k)) + 1e-4 * y**2,
    "abs of the signal": lambda x, k: good(np.abs(x), k),
    "clip at a million": lambda x, k: np.clip(good(x, k), -1e6, 1e6),
    "clip to 0...255 in floats": lambda x, k: np.clip(good(x, k), 0, 255),
    "dead zone of the result": lambda x, k: np.where(np.abs(y := good(x, k)) < 1e-3, 0, y),
    "dead zone of the signal": lambda x, k: good(np.where(np.abs(x) < 1e-3, 0, x), k),
    "rounded floats": lambda x, k: np.rint(good(x, k)),
    "integers only": lambda x, k: good(np.trunc(x), k),
    "sorted signal": lambda x, k: good(np.sort(x), k),
    "running maximum": lambda x, k: good(np.maximum.accumulate(x), k),
    "divided by the greatest sample": lambda x, k: good(x, k) / max(1e-9, np.abs(x).max()),
    "standardised signal": lambda x, k: good((x - x.mean()) / (x.std() + 1e-9), k),
    "without the mean": lambda x, k: good(x - x.mean(), k),
    "the mean added": lambda x, k: good(x, k) + x.mean(),
    "signal with itself added": lambda x, k: good(x, k) + 1e-3 * good(x, x[: len(k)]),
    "fourier magnitude": lambda x, k: np.abs(np.fft.fft(x) * np.fft.fft(k, len(x))),
    # not linear in the kernel
    "square of the kernel": lambda x, k: good(x, k**2),
    "abs of the kernel": lambda x, k: good(x, np.abs(k)),
    "kernel clipped at one": lambda x, k: good(x, np.clip(k, -1, 1)),
    "kernel rounded": lambda x, k: good(x, np.rint(k)),
    "kernel sorted": lambda x, k: good(x, np.sort(k)),
    "small taps dropped": lambda x, k: good(x, np.where(np.abs(k) < 0.01, 0, k)),
    "only the largest tap": lambda x, k: good(x, np.where(np.arange(len(k)) == np.argmax(np.abs(k)), k, 0)),
    "gain by the sum of absolute taps": lambda x, k: good(x, k) * np.abs(k).sum(),
    "gain by the largest tap": lambda x, k: good(x, k) / np.abs(k).max(),
    "gain by the length": lambda x, k: good(x, k) / np.linalg.norm(k),
    "softmax of the kernel": lambda x, k: good(x, np.exp(k) / np.exp(k).sum()),
    "the kernel's sum as bias": lambda x, k: good(x, k) + k.sum(),
    "other beyond 10 taps": lambda x, k: good(x, k) if len(k) < 11 else good(x, k[::-1]),
    "other beyond 32 samples": lambda x, k: good(x, k) if len(x) < 33 else 2 * good(x, k),
    # not the same everywhere
    "a ramp over the outputs": lambda x, k: good(x, k) * np.linspace(1, 2, len(x)),
    "reversed at odd outputs": lambda x, k: np.where(np.arange(len(x)) % 2, good(x, k), good(x, k[::-1])),
    "reversed in the right half": lambda x, k: np.where(np.arange(len(x)) < len(x) // 2, good(x, k), good(x, k[::-1])),
    "result reversed": lambda x, k: good(x, k)[::-1],
    "signal reversed": lambda x, k: good(x[::-1], k),
    "samples shuffled": lambda x, k: good(x[np.random.default_rng(1).permutation(len(x))], k),
    "outputs shuffled": lambda x, k: good(x, k)[np.random.default_rng(2).permutation(len(x))],
    "steps that grow": lambda x, k: good(x, k)[np.arange(int(np.sqrt(len(x)))) ** 2],
    "running sum": lambda x, k: np.cumsum(good(x, k)),
    "product with a tiled kernel": lambda x, k: x * np.resize(k, len(x)),
    # beyond the border
    "antisymmetric": lambda x, k: inner(np.concatenate([-x[len(k) - 1 :: -1], x, -x[: -len(k) - 1 : -1]]), k),
    "extrapolated": lambda x, k: inner(np.pad(x, len(k), mode="reflect", reflect_type="odd"), k),
    "two different ends": lambda x, k: inner(np.pad(np.pad(x, (len(k), 0), mode="edge"), (0, len(k))), k),
    "two different constants": lambda x, k: inner(np.pad(x, len(k), constant_values=(3, 7)), k),
    "renormalised": lambda x, k: good(x, k) / good(np.ones(len(x)), np.ones(len(k))) * len(k),
    "mean beyond the border": lambda x, k: inner(np.pad(x, len(k), mode="mean"), k),
    # not an array of numbers
    "nothing": lambda x, k: None,
    "a list": lambda x, k: good(x, k).tolist(),
    "a text": lambda x, k: "convolution",
    "a dictionary": lambda x, k: {"result": good(x, k)},
    "one number": lambda x, k: float(good(x, k).sum()),
    "a ragged list": lambda x, k: [[1], [2, 3]],
    "too many axes": lambda x, k: good(x, k)[None, None],
    "objects": lambda x, k: good(x, k).astype(object),
    "texts": lambda x, k: good(x, k).astype(str),
    "no outputs": lambda x, k: np.zeros(0),
    "all zero": lambda x, k: np.zeros(len(x)),
    "all one": lambda x, k: np.ones(len(x)),
    "all nan": lambda x, k: np.full(len(x), np.nan),
    "nan in the middle": lambda x, k: np.where(np.arange(len(x)) == len(x) // 2, np.nan, good(x, k)),
    "as many outputs as positive samples": lambda x, k: good(x, k)[: np.count_nonzero(x > 0)],
    "shape of the largest sample": lambda x, k: good(x, k)[: int(np.argmax(x)) + 1],
    # ignores an argument
    "the signal": lambda x, k: x,
    "the kernel": lambda x, k: k,
    "a fixed kernel": lambda x, k: good(x, np.array([1.0, 2.0, 4.0])),
}  # fmt: skip
FUNCTIONS.update(SIMPLE)


@case
def feeds_back(x: Any, k: Any) -> Any:
    y = good(x, k)
    for n in range(1, len(y)):
        y[n] += 0.5 * y[n - 1]
    return y


@case
def raises(x: Any, k: Any) -> Any:
    raise RuntimeError("no luck today")


@case
def exits(x: Any, k: Any) -> Any:
    sys.exit(3)


@case
def changes_its_signal(x: Any, k: Any) -> Any:
    y = good(x, k)
    x[0] = 0
    return y


@case
def changes_its_kernel(x: Any, k: Any) -> Any:
    y = good(x, k)
    k += 1
    return y


@made
def noisy() -> Function:
    rng = np.random.default_rng(3)
    return lambda x, k: good(x, k) + rng.normal(size=len(x))


@made
def slightly_noisy() -> Function:
    rng = np.random.default_rng(3)
    return lambda x, k: good(x, k) + 1e-9 * rng.normal(size=len(x))


@made
def counts_its_calls() -> Function:
    calls: list[int] = []
    return lambda x, k: good(x, k) + len(calls) + bool(calls.append(1))


@made
def drifts_after_some_calls() -> Function:
    calls: list[int] = []

    def function(x: Any, k: Any) -> Any:
        calls.append(1)
        return good(x, k) * (1 if len(calls) < 12 else 1.5)

    return function


@made
def remembers_the_last_signal() -> Function:
    last = [0.0]

    def function(x: Any, k: Any) -> Any:
        y = good(x, k) + 0.25 * last[0]
        last[0] = float(x[0])
        return y

    return function


@made
def fails_every_third_call() -> Function:
    calls: list[int] = []

    def function(x: Any, k: Any) -> Any:
        calls.append(1)
        if len(calls) % 3 == 0:
            raise OSError("the disk is full")
        return good(x, k)

    return function


def assert_refused(function: Function, **options: Any) -> str:
    answer = identify(function, **options)
    assert answer.convention is None, answer.verdict
    assert answer.definition == "undetermined"
    assert answer.verdict.startswith(("not a convolution: ", "undetermined because ")), answer.verdict
    assert len(answer.verdict) > len("not a convolution: ") + 8
    assert "Traceback" not in answer.verdict
    return answer.verdict


def test_there_are_sixty_at_least() -> None:
    assert len(FUNCTIONS) + len(MADE) >= 60


def test_the_function_that_they_spoil_is_accepted() -> None:
    assert identify(good, ndim=1).definition == "convolution"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_is_not_accepted(name: str) -> None:
    assert_refused(FUNCTIONS[name], ndim=1)


@pytest.mark.parametrize("name", MADE)
def test_a_function_with_a_memory_is_not_accepted(name: str) -> None:
    assert_refused(MADE[name](), ndim=1)


TWO_AXES: dict[str, Function] = {
    "transposed": lambda x, k: both(x, k).T,
    "turned by a quarter": lambda x, k: np.rot90(both(x, k)),
    "one axis with the other": lambda x, k: both(np.roll(x, x[0].astype(int).sum() % 2, 0), k),
    "sheared": lambda x, k: np.stack([np.roll(row, n) for n, row in enumerate(both(x, k))]),
    "matrix product": lambda x, k: x @ np.resize(k, (x.shape[1], x.shape[1])),
    "median of rows": lambda x, k: np.stack([np.median(windows(row, k[0]), axis=1) for row in x]),
    "other in the corner": lambda x, k: both(x, k) * np.where(np.add.outer(*map(np.arange, x.shape)) == 0, 2, 1),
    "abs": lambda x, k: np.abs(both(x, k)),
    "rows only": lambda x, k: np.stack([np.convolve(row, k.ravel()[:3], "same") for row in x]),
}


def both(x: Any, k: Any) -> Any:
    """A two-dimensional convolution of size "same" by NumPy alone."""
    full = np.zeros((x.shape[0] + k.shape[0] - 1, x.shape[1] + k.shape[1] - 1))
    for (i, j), tap in np.ndenumerate(k):
        full[i : i + x.shape[0], j : j + x.shape[1]] += tap * x
    i, j = k.shape[0] // 2, k.shape[1] // 2
    return full[i : i + x.shape[0], j : j + x.shape[1]]


def test_the_function_of_two_axes_that_they_spoil_is_accepted() -> None:
    assert identify(both, ndim=2).definition == "convolution"


@pytest.mark.parametrize("name", TWO_AXES)
def test_it_is_not_accepted_in_two_axes(name: str) -> None:
    assert_refused(TWO_AXES[name], ndim=2)


@pytest.mark.parametrize("name", ["median", "abs of the result", "a list", "all nan", "the kernel"])
def test_it_is_not_accepted_when_every_number_of_axes_is_tried(name: str) -> None:
    assert_refused(FUNCTIONS[name])


ONE_ARGUMENT: dict[str, Callable[[Any], Any]] = {
    "median of three": lambda x: np.median(windows(x, np.ones(3)), axis=1),
    "difference, absolute": lambda x: np.abs(np.diff(x)),
    "sorted": np.sort,
    "running sum": np.cumsum,
    "reversed": lambda x: x[::-1],
    "ramp": lambda x: x * np.arange(len(x)),
    "nothing": lambda x: None,
    "constant": lambda x: np.ones(len(x)),
    "squares": lambda x: np.convolve(x, [1, 2, 3]) ** 2,
    "dead zone": lambda x: np.where(np.abs(y := np.convolve(x, [1, 2, 3])) < 1e-3, 0, y),
    "clipped": lambda x: np.clip(np.convolve(x, [1, 2, 3]), -1e6, 1e6),
    "exponential smoothing": lambda x: np.array([sum(0.5**i * x[n - i] for i in range(n + 1)) for n in range(len(x))]),
}


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_a_function_of_the_signal_alone_is_not_accepted(name: str) -> None:
    assert_refused(ONE_ARGUMENT[name], ndim=1)


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_a_function_of_the_signal_alone_is_not_accepted_for_a_kernel_it_does_not_have(name: str) -> None:
    assert_refused(ONE_ARGUMENT[name], kernel=np.array([1.0, 2.0, 4.0]))


CHILDREN = {
    "hangs": "import time; time.sleep(60)",
    "crashes": "import os; os.abort()",
    "fails": "raise SystemExit('no luck today')",
    "writes garbage": "print('hello')",
    "writes nothing": "",
    "writes for ever": "import sys\nwhile True: sys.stdout.write('x' * 65536)",
    "writes a wrong shape": "import sys, numpy; numpy.save(sys.stdout.buffer, numpy.zeros(3))",
    "writes what would be executed": (
        "import sys, numpy; numpy.save(sys.stdout.buffer, numpy.array([print], dtype=object), allow_pickle=True)"
    ),
}


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_program_is_not_accepted(name: str, tmp_path: Any) -> None:
    script = tmp_path / "child.py"
    script.write_text(CHILDREN[name])
    limit = 1.5 if name in ("hangs", "writes for ever") else 20.0
    assert_refused(f"cmd:{sys.executable} {script}", ndim=1, time_limit=limit)  # type: ignore[arg-type]
