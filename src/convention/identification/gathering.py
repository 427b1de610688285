"""Functions of a signal and a kernel that take kernels with one tap: gather probes, and which ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from convention.arithmetic import Frame
from convention.identification.answers import Findings, fields_of
from convention.identification.axes import AxisFindings, axes_of
from convention.identification.model import Shape
from convention.identification.probes import Gather, common_gain, gather, one_tap
from convention.identification.result import Field
from convention.identification.subject import (
    BlackBox,
    NotAConvolutionError,
    Presentation,
    RefusalError,
    Subject,
    UndeterminedError,
)

__all__ = ["by_gathering", "stages"]

Pair = tuple[Shape, Shape]

_MORE = 6
"""Further probes per axis, each for lengths that tell two candidates apart."""

_SIGNALS = {1: (19, 22, 25, 20), 2: (15, 18, 17, 16), 3: (11, 12, 13, 12)}
_NARROW_SIGNALS = {1: (19, 22, 25, 20), 2: (13, 14, 15, 12), 3: (5, 6, 5, 6)}
"""Samples along the first axis; as many as 8 bits can tell apart. Every further axis has one more."""

_SHORT = 5
"""Taps for which signals of these lengths are long enough."""

_KERNELS = {
    "any": (3, 4, 5, 2),
    "odd": (3, 5, 3, 7),
    "square": (3, 5, 4, 2),
}
"""Taps along the first axis. Kernels that are not square take the next number along the next axis."""


def stages(ndim: int, *, narrow: bool) -> list[list[Pair]]:
    """Return pairs of shapes to probe, in groups: the next one is for functions that refuse the one before."""
    found = []
    signals = (_NARROW_SIGNALS if narrow else _SIGNALS)[ndim]
    shapes = [tuple(n + axis for axis in range(ndim)) for n in signals]
    for kind, taps in _KERNELS.items():
        if kind == "square" and ndim == 1:
            continue
        turn = 0 if kind == "square" else 1
        found.append(
            [
                (signal, tuple(taps[(number + turn * axis) % len(taps)] for axis in range(ndim)))
                for number, signal in enumerate(shapes)
            ]
        )
    for long in reversed(range(ndim if ndim > 1 else 0)):  # kernels along one axis only
        flat = [tuple(k if axis == long else 1 for axis in range(ndim)) for k in _KERNELS["any"]]
        found.append(list(zip(shapes, flat)))
    return found


def by_gathering(
    subject: Subject, presentation: Presentation, ndim: int, sizes: Sequence[Pair], seed: int, *, single: bool = False
) -> Findings:
    """Return what gather probes find, with the first data types that the function takes.

    Parameters
    ----------
    subject, presentation, ndim, sizes, seed
        As in `identify`.
    single : bool
        Whether to try kernels that have a single tap, and no other.

    Raises
    ------
    RefusalError
        If it takes none.
    NotAConvolutionError, UndeterminedError
        As `identify` says them.
    """
    for pair in subject.pairs:
        try:
            return _gathered(subject.box(pair, presentation), ndim, sizes, seed, (1,) * ndim if single else None)
        except RefusalError as refusal:
            last = refusal
    raise last


def _gathered(box: BlackBox, ndim: int, sizes: Sequence[Pair], seed: int, only: Shape | None) -> Findings:
    refused: list[tuple[Any, str]] = []
    probing = _Probing(box, ndim, seed, refused, only=only or box.subject.kernel_shape, given=list(sizes))
    return _explained(probing, probing.first(), sizes)


def _explained(probing: _Probing, probes: list[Gather], sizes: Sequence[Pair]) -> Findings:
    """Return what explains the probes, with a ring of outputs that is not computed where nothing else does."""
    box, refused, rng = probing.box, probing.refused, np.random.default_rng(probing.seed)
    problem: NotAConvolutionError | UndeterminedError | None = None
    for ring in ("", "copied", "filled"):
        if ring and not any(probe.ring(ring).any() for probe in probes):
            continue
        try:
            axes, fields = probing.settled(probes, rng, ring)
            break
        except (NotAConvolutionError, UndeterminedError) as found:
            problem = problem or found
    else:
        assert problem is not None
        strange = next((probe.strange for probe in probes if probe.strange), "")
        if strange and (isinstance(problem, NotAConvolutionError) or "size" in problem.fields):
            raise NotAConvolutionError(strange)
        raise problem
    live = [probe for probe in probes if probe.alive]
    bias = live[0].bias
    if any(abs(probe.bias - bias) > 1e-6 * max(1.0, abs(bias)) for probe in live):
        raise NotAConvolutionError(f"the bias changes with the shapes: {bias}, {[probe.bias for probe in live[1:4]]}")

    fill = live[0].fill() if ring == "filled" else 0.0
    constants = {probing.gain * value for axis in axes for value in axis.constants}
    _check_dead(probes, bias, constants | ({fill - bias} if ring == "filled" else set()))

    def again(signal: Shape, kernel: Shape) -> Findings:
        more = probing.probe(signal, kernel)
        return _explained(probing, [*probes, *([more] if more else [])], sizes)

    return Findings(
        box=box,
        axes=axes,
        fields=fields,
        probed=[(probe.signal_shape, probe.kernel_shape) for probe in live],
        refused=refused,
        taps=[probe.base for probe in live],
        evidence=[
            "the same call twice gives the same answer",
            f"{len(probes)} gather probes: each output names the sample it reads through each tap",
        ],
        rng=rng,
        bias=bias,
        scale=probing.gain,
        doubt=problem,
        frame=Frame(kind=ring, value=fill) if ring else None,
        free="nothing" if sizes else "shapes" if probing.only is None else "signals",
        again=again,
    )


def _check_dead(probes: Sequence[Gather], bias: float, constants: set[float]) -> None:
    """Raise `NotAConvolutionError` where outputs that read no sample are neither the bias nor a constant beyond it."""
    for probe in probes:
        beyond = probe.bias - bias
        if probe.alive or not probe.searched or not np.prod(probe.output_shape) or abs(beyond) < 1e-6:
            continue
        if not any(np.isnan(one) or abs(beyond - one) < 1e-6 * max(1.0, abs(one)) for one in constants):
            raise NotAConvolutionError(
                f"for shapes {probe.signal_shape} and {probe.kernel_shape} the outputs do not depend on the samples, "
                f"and yet are {probe.bias:.8g}"
            )


class _Probing:
    """The gather probes of one function: which were made, and which follow."""

    def __init__(
        self,
        box: BlackBox,
        ndim: int,
        seed: int,
        refused: list[tuple[Any, str]],
        *,
        only: Shape | None,
        given: list[Pair],
    ) -> None:
        self.box, self.ndim, self.seed, self.refused, self.only, self.given = box, ndim, seed, refused, only, given
        self.gain = 1.0
        self.count = 0

    def first(self) -> list[Gather]:
        """Return the first probes through which samples are read."""
        probes: list[Gather] = []
        for number in range(len(_KERNELS) + self.ndim):
            for signal, kernel in self._stage(number):
                probe = self.probe(signal, kernel)
                probes += [probe] if probe else []
            if any(probe.alive for probe in probes):
                return probes
        if not probes:
            raise RefusalError(self.refused[-1][1] if self.refused else "there are no shapes to try")
        if strange := next((probe.strange for probe in probes if probe.strange), ""):
            raise NotAConvolutionError(strange)
        if all(np.isnan(probe.values[0]).all() for probe in probes):
            raise UndeterminedError("all its answers are NaN, or empty")
        raise UndeterminedError("no output changed with the signal in any probe")

    def _stage(self, number: int) -> list[Pair]:
        if self.given:
            return self.given if number == 0 else []
        # the first call shows whether results have 8 bits
        found = stages(self.ndim, narrow=self.box.narrow)
        if self.box.presentation.signal != "*" and self.ndim > 1:
            found = found[: -self.ndim]  # where there are axes for channels, flat kernels may have them anywhere
        if number >= len(found):
            return []
        if self.only is None:
            return found[number]
        more = 2 * max(0, max(self.only) - _SHORT)
        return [(tuple(n + more for n in signal), self.only) for signal, _ in found[0]] if number == 0 else []

    def probe(self, signal: Shape, kernel: Shape) -> Gather | None:
        """Return a probe of these shapes, or None and a note of the refusal."""
        self.count += 1
        try:
            if self.count == 1 or not self.gain_known:
                self._begin(signal, kernel)
            return gather(self.box, signal, kernel, self.seed + self.count, self.gain)
        except RefusalError as refusal:
            self.refused.append(((signal, kernel), str(refusal)))
            return None

    gain_known = False

    def _begin(self, signal: Shape, kernel: Shape) -> None:
        """Make the same call twice, and see what samples are multiplied with."""
        rng = np.random.default_rng(self.seed)
        # the first tap: a kernel that looks the same when it is reversed would hide one that alternates
        x, w = rng.integers(0, 200, signal).astype(float), one_tap(kernel, (0,) * len(kernel))
        first, second = self.box(x, w), self.box(x, w)
        if not np.array_equal(first, second, equal_nan=True):
            index = tuple(int(i) for i in np.argwhere(first != second)[0])
            raise UndeterminedError(
                f"two equal calls give different answers: {first[index]!s} and {second[index]!s} at {list(index)}"
            )
        self.gain, self.gain_known = common_gain(self.box, signal, kernel), True

    def settled(
        self, probes: list[Gather], rng: np.random.Generator, ring: str
    ) -> tuple[list[AxisFindings], dict[str, Field]]:
        """Probe lengths that tell more until nothing is left to tell; return what was found."""
        fixed = self.only is not None
        axes = axes_of(probes, rng, ring, fixed=fixed)
        for number in range(_MORE * self.ndim if not self.given else 0):
            asked = [(axis.number, lengths) for axis in axes if (lengths := self._wanted(axis, probes))]
            if not asked:
                break
            probe = self.probe(*self._shapes(probes, *asked[number % len(asked)]))
            if probe is not None:
                probes.append(probe)
                axes = axes_of(probes, rng, ring, fixed=fixed)
        return axes, fields_of(axes, self.refused)

    def _wanted(self, axis: AxisFindings, probes: Sequence[Gather]) -> tuple[int, int] | None:
        number = axis.number
        refused = {(x[number], w[number]) for (x, w), _ in self.refused}
        tried = {(p.signal_shape[number], p.kernel_shape[number]) for p in probes}
        return axis.wants(refused, tried, None if self.only is None else self.only[number])

    def _shapes(self, probes: Sequence[Gather], axis: int, lengths: tuple[int, int]) -> Pair:
        """Return shapes with these lengths along an axis; along the others, ones through which samples were read."""
        seen = next((p for p in probes if p.alive), probes[0])
        signal, kernel = list(seen.signal_shape), list(seen.kernel_shape)
        signal[axis], kernel[axis] = lengths
        while self.box.narrow and self.ndim > 1 and np.prod(signal) > 240:
            longest = max((a for a in range(self.ndim) if a != axis), key=lambda a: signal[a])
            if signal[longest] <= kernel[longest]:
                break
            signal[longest] -= 1
        return tuple(signal), tuple(kernel)
