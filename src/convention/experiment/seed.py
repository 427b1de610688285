"""The seed experiment: a kernel given by hand to `torch.nn.Conv2d`, run by run, as data and checks.

Nothing here prints, and no number is believed: the layer is run, both definitions are computed by
`convention.engine`, and the published digits are only ever compared with.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention import __version__
from convention.experiment.evidence import Check, Matrix, all_true, matrix_of, plain
from convention.experiment.operators import OPERATORS, Measured, checks_of, measure
from convention.experiment.runs import HANDMADE, HANDMADE_PRINTED, NINE_TAPS, READINGS, RUNS, Run

__all__ = [
    "Bias",
    "Experiment",
    "Handmade",
    "Performed",
    "Reading",
    "Readings",
    "hand_layer",
    "layer_result",
    "perform",
]

TEXT = RUNS[1]
"""Run 2 has the mathematical text's own kernel."""


@dataclass(frozen=True, kw_only=True)
class Handmade:
    """Run 0: what the weight of a layer with a kernel given by hand looks like."""

    kernel: Matrix
    shape: tuple[int, ...]
    trainable: bool
    printed: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, kw_only=True)
class Performed:
    """One run with an input: the layer's result beside both definitions."""

    run: Run
    reversed_kernel: Matrix
    layer: Matrix
    correlation: Matrix
    convolution: Matrix
    wanted: Matrix
    """The convolution the run was after; in run 3 that of run 2's kernel."""
    constants: tuple[Decimal, ...]
    """The distinct values of published - layer; a bias is one value for all cells."""
    checks: tuple[Check, ...]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One thing someone might do to the kernel first, and whether that gives the convolution."""

    name: str
    sign_only: Matrix
    """The layer's result with run 2's kernel, which a reversal only negates."""
    nine_taps: Matrix
    """The layer's result with the kernel 1..9."""
    convolves_sign_only: bool
    convolves_nine_taps: bool


@dataclass(frozen=True, kw_only=True)
class Readings:
    """Every reading, on a kernel that cannot tell them apart and on one that can."""

    signal: Matrix
    rows: tuple[Reading, ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True, kw_only=True)
class Bias:
    """A layer that was asked for a bias: what is left when its own bias is subtracted."""

    bias: float
    deviation: float
    """The largest absolute difference between result - bias and the exact result."""
    bound: float
    """What float32 rounding can explain."""
    checks: tuple[Check, ...]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Everything the experiment left behind."""

    handmade: Handmade
    runs: tuple[Performed, ...]
    readings: Readings
    bias: Bias
    operators: tuple[Measured, ...]
    operator_checks: tuple[Check, ...]

    def parts(self) -> dict[str, tuple[Check, ...]]:
        """Return the checks of each part, in the order in which they are told."""
        return {
            "run 0": self.handmade.checks,
            **{f"run {one.run.number}": one.checks for one in self.runs},
            "readings": self.readings.checks,
            "bias": self.bias.checks,
            "operators": self.operator_checks,
        }

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check."""
        return tuple(check for checks in self.parts().values() for check in checks)

    @property
    def all_true(self) -> bool:
        """Whether every verdict is true."""
        return all_true(self.checks)

    @property
    def versions(self) -> dict[str, str]:
        """The versions that were at work: this library, Python, NumPy and every library that could be imported."""
        measured = {one.library.partition(".")[0]: one.version for one in self.operators if one.version is not None}
        return {
            "convention": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            **measured,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the experiment as data that JSON can hold."""
        handmade, *runs = (
            {key: value for key, value in plain(part).items() if key != "checks"}
            for part in (self.handmade, *self.runs)
        )
        return {
            "all_true": self.all_true,
            "versions": self.versions,
            "runs": [{"number": 0, **handmade}, *({**one.pop("run"), **one} for one in runs)],
            "readings": plain(self.readings.rows),
            "bias": {name: plain(getattr(self.bias, name)) for name in ("bias", "deviation", "bound")},
            "operators": [one.to_dict() for one in self.operators],
            "checks": [{"part": part, **check.to_dict()} for part, checks in self.parts().items() for check in checks],
        }


def perform() -> Experiment:
    """Run the whole experiment and return what it left behind.

    Raises
    ------
    MissingLibraryError
        If torch is not installed. Any other library is reported as missing, not refused.
    """
    torch = _torch()
    with torch.random.fork_rng(devices=[]):  # layers draw weights; the caller's random numbers stay as they were
        torch.default_generator.manual_seed(0)
        operators = tuple(measure(operator) for operator in OPERATORS)
        runs = tuple(_performed(run) for run in RUNS)
        return Experiment(
            handmade=_handmade(),
            runs=runs,
            readings=_readings(TEXT),
            bias=_bias(TEXT, runs),
            operators=operators,
            operator_checks=checks_of(operators),
        )


def hand_layer(kernel: Sequence[Sequence[float]], **arguments: Any) -> Any:
    """Return the layer under test: `new_conv2d_with_kernel` of the kernel in float32.

    Parameters
    ----------
    kernel : sequence of sequences of numbers, shape (kh, kw)
        The kernel given by hand.
    **arguments
        Passed on: ``padding``, ``bias``, ``definition`` and so on.

    Raises
    ------
    MissingLibraryError
        If torch is not installed.
    """
    torch = _torch()
    from convention.layers.torch import new_conv2d_with_kernel

    return new_conv2d_with_kernel(torch.tensor(kernel, dtype=torch.float32), **arguments)


def layer_result(signal: Matrix, kernel: Matrix, **arguments: Any) -> Matrix:
    """Return what the layer computes for one single-channel matrix.

    Parameters
    ----------
    signal, kernel : matrices
        In whole numbers small enough for float32 to be exact.
    **arguments
        As for `hand_layer`.
    """
    return matrix_of(_forward(hand_layer(kernel, **arguments), signal))


def _torch() -> Any:
    import_module("convention.layers.torch")  # refuses, with the install line, where torch is missing
    return import_module("torch")


def _forward(layer: Any, signal: Matrix) -> NDArray[np.float32]:
    torch = _torch()
    with torch.no_grad():
        result: NDArray[np.float32] = layer(torch.tensor(signal, dtype=torch.float32)[None, None])[0, 0].numpy()
    return result


def _computed(definition: str, run: Run, kernel: Matrix | None = None) -> Matrix:
    """Return a definition's result for a run, exactly, by the library's own engine."""
    from convention.engine import convolve, correlate

    padding = run.arguments.get("padding", 0)
    function = convolve if definition == "convolution" else correlate
    taps = np.array(run.kernel if kernel is None else kernel)
    return matrix_of(function(np.array(run.signal), taps, size=((padding, padding),) * 2))


def _handmade() -> Handmade:
    weight = hand_layer(HANDMADE).weight
    shape, trainable, printed = tuple(weight.shape), bool(weight.requires_grad), repr(weight)
    checks = (
        Check("the weight has the shape (1, 1, 2, 2)", "equals", (1, 1, 2, 2), shape),
        Check("it can be trained (requires_grad)", "equals", True, trainable),
        Check("it prints as it was published", "equals", HANDMADE_PRINTED, printed),
    )
    return Handmade(kernel=HANDMADE, shape=shape, trainable=trainable, printed=printed, checks=checks)


def _performed(run: Run) -> Performed:
    layer = layer_result(run.signal, run.kernel, **run.arguments)
    correlation, convolution = _computed("cross-correlation", run), _computed("convolution", run)
    wanted = _computed("convolution", TEXT) if run.number == 3 else convolution
    reversed_kernel = matrix_of(np.flip(np.array(run.kernel)))
    checks = (
        Check("torch's result is the cross-correlation", "equals", correlation, layer),
        Check(
            "this and the convolution are the numbers known by hand",
            "equals",
            (run.exact, run.mathematical),
            (layer, convolution),
        ),
        *_lesson(run, reversed_kernel, layer, correlation, convolution, wanted),
    )
    return Performed(
        run=run,
        reversed_kernel=reversed_kernel,
        layer=layer,
        correlation=correlation,
        convolution=convolution,
        wanted=wanted,
        constants=_constants(run, layer),
        checks=checks,
    )


def _lesson(
    run: Run, reversed_kernel: Matrix, layer: Matrix, correlation: Matrix, convolution: Matrix, wanted: Matrix
) -> tuple[Check, ...]:
    """Return the checks that say what this run can and cannot show."""
    if run.number == 1:
        return (
            Check("a turn by 180 degrees leaves this kernel as it is", "equals", run.kernel, reversed_kernel),
            Check("so both definitions agree: this run cannot tell them apart", "equals", correlation, convolution),
        )
    if run.number == 2:
        return (Check("torch's result is not the convolution that the text has", "differs from", wanted, layer),)
    return (
        Check("the kernel is the text's, reversed along both axes", "equals", TEXT.kernel, reversed_kernel),
        Check("torch's result is now the convolution that the text has", "equals", wanted, layer),
    )


def _constants(run: Run, layer: Matrix) -> tuple[Decimal, ...]:
    cells = (cell for published, computed in zip(run.published, layer) for cell in zip(published, computed))
    return tuple(sorted({Decimal(digits) - Decimal(value) for digits, value in cells}, key=str))  # NaN has no order


def _readings(run: Run) -> Readings:
    def results(kernel: Matrix) -> dict[str, Matrix]:
        treated = {
            name: matrix_of(factor * np.flip(np.array(kernel), axes)) for name, (axes, factor) in READINGS.items()
        }
        return {name: layer_result(run.signal, taps, **run.arguments) for name, taps in treated.items()}

    sign_only, nine_taps = results(run.kernel), results(NINE_TAPS)
    wanted, wanted_nine = _computed("convolution", run), _computed("convolution", run, NINE_TAPS)
    rows = tuple(
        Reading(
            name=name,
            sign_only=sign_only[name],
            nine_taps=nine_taps[name],
            convolves_sign_only=sign_only[name] == wanted,
            convolves_nine_taps=nine_taps[name] == wanted_nine,
        )
        for name in READINGS
    )
    right = "reversed along both axes"
    layer = layer_result(run.signal, NINE_TAPS, definition="convolution", **run.arguments)
    checks = (
        Check(
            "run 2's kernel cannot tell: three of the five give its convolution",
            "equals",
            ["reversed along axis 0", right, "negated"],
            [row.name for row in rows if row.convolves_sign_only],
        ),
        Check("the kernel 1..9 can tell: five different results", "equals", 5, len(set(nine_taps.values()))),
        Check(
            "and only reversing along both axes gives its convolution",
            "equals",
            [right],
            [row.name for row in rows if row.convolves_nine_taps],
        ),
        Check('definition="convolution" makes the layer do just that', "equals", wanted_nine, layer),
    )
    return Readings(signal=run.signal, rows=rows, checks=checks)


def _bias(run: Run, performed: Sequence[Performed]) -> Bias:
    taps = sum(len(row) for row in run.kernel)
    silent = hand_layer(run.kernel, **run.arguments)
    layer = hand_layer(run.kernel, bias=True, **run.arguments)
    bias = float(layer.bias.detach()[0]) if layer.bias is not None else 0.0
    without = _forward(layer, run.signal).astype(np.float64) - bias
    exact = np.array(run.exact)
    deviation = float(np.abs(without - exact).max()) if without.shape == exact.shape else float("inf")
    # Products of these whole numbers are exact, so only the `taps` additions round (the bias is one
    # of them), each by a relative 2**-24: N. J. Higham, Accuracy and Stability, 2nd ed., section 3.1.
    unit = taps * 2.0**-24
    largest = float(np.array(_absolute_sums(run)).max())
    bound = unit / (1 - unit) * (largest + abs(bias))
    # https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html: U(-sqrt(k), sqrt(k)), k = 1/taps here
    limit = taps**-0.5
    found = [one.constants[0] for one in performed]
    published_exact = [
        tuple(tuple(Decimal(digits) - constant for digits in row) for row in one.run.published)
        for one, constant in zip(performed, found)
    ]
    checks = (
        Check(
            "published minus torch's result is one constant per run, the same in all cells",
            "equals",
            [(Decimal(one.run.constant),) for one in performed],
            [one.constants for one in performed],
        ),
        Check(
            "published minus that constant is torch's exact result, cell by cell",
            "equals",
            [one.layer for one in performed],
            published_exact,
        ),
        Check(
            "each constant is one that torch may draw as a bias (at most 1/3 for 9 taps)",
            "is at most",
            limit,
            float(np.max(np.abs(np.array(found, dtype=np.float64)))),
        ),
        Check("our layer has no bias unless asked", "equals", True, silent.bias is None),
        Check("bias=True gives it a bias of torch's own", "differs from", 0.0, bias),
        Check("and its result minus its bias is exact, up to float32 rounding", "is at most", bound, deviation),
    )
    return Bias(bias=bias, deviation=deviation, bound=bound, checks=checks)


def _absolute_sums(run: Run) -> Matrix:
    """Return the sum of absolute products in each cell, which float32 rounding is relative to."""
    return _computed("cross-correlation", run, matrix_of(np.abs(np.array(run.kernel))))
