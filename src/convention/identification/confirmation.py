"""Fresh data against a model: what passes every probe may still be no convolution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convention.geometry import dilated_extent
from convention.identification.model import GAINS, Model, Shape
from convention.identification.subject import BlackBox, MismatchError, RefusalError, UndeterminedError

__all__ = ["KERNELS", "Draw", "Draws", "confirm", "probe_short_signals", "shortened"]

_LARGE = 64
"""Taps above which signals are shorter than the kernel's ends would need."""

_LEAST = 6
"""Fresh draws that a function has to accept."""

_SCALES = ((1.0, 1.0), (1e-6, 1.0), (1e9, 1.0), (1.0, 1e-3), (1e-3, 7.0), (1.0, 1e3))
"""Of signal and kernel."""

KERNELS = ("signed", "positive", "sum-one", "positive sum-one", "symmetric")
"""Kinds of kernels to try, until one is accepted."""


class Draw(NamedTuple):
    """Shapes, and the scales of signal and kernel."""

    signal: Shape
    kernel: Shape
    signal_scale: float = 1.0
    kernel_scale: float = 1.0


@dataclass
class Draws:
    """Random signals and kernels that a function takes.

    Attributes
    ----------
    box : BlackBox
        Its types decide what is drawn: integers, samples of 8 bits, or fractions.
    rng : numpy.random.Generator
    kernel : array or None
        The kernel of a function of the signal alone.
    kernels : tuple of array
        The only kernels that may be tried; empty where any may.
    whole : bool
        Whether taps must be integers.
    kind : str
        The kind of kernels that it takes, one of `KERNELS`.
    """

    box: BlackBox
    rng: np.random.Generator
    kernel: NDArray[Any] | None = None
    kernels: tuple[NDArray[Any], ...] = ()
    whole: bool = False
    kind: str = KERNELS[0]
    accepted: set[str] = field(default_factory=set)

    @property
    def fixed(self) -> bool:
        """Whether taps cannot be chosen."""
        return self.kernel is not None or bool(self.kernels)

    def signal(self, shape: Shape, scale: float = 1.0) -> NDArray[np.float64]:
        """Draw signed samples, or those of 8 bits."""
        if self.box.narrow:
            return self.rng.integers(0, 256 if self.box.signal_type.kind != "i" else 128, shape).astype(float)
        if not self.box.fractions:
            most = min(scale * 100, 1e12 if self.box.signal_type.itemsize == 8 else 1e4)
            low = 0 if self.box.signal_type.kind == "u" else -int(max(most, 9))
            return self.rng.integers(low, int(max(most, 9)) + 1, shape).astype(float)
        return self.rng.standard_normal(shape) * scale

    def taps(self, shape: Shape, scale: float = 1.0) -> NDArray[np.float64]:
        """Draw taps of this kind."""
        if self.kernel is not None:
            return self.kernel
        if self.kernels:
            fitting = [kernel for kernel in self.kernels if kernel.shape == shape]
            return fitting[int(self.rng.integers(len(fitting)))]
        whole = self.whole or self.box.kernel_type.kind not in "fc"
        taps = self.rng.integers(1, 6, shape) + (0 if whole else self.rng.random(shape))
        if "positive" not in self.kind and self.box.kernel_type.kind != "u":
            taps = taps * self.rng.choice([-1.0, 1.0], shape)
            if abs(taps.sum()) < 0.2 * np.abs(taps).sum():
                taps.flat[int(self.rng.integers(taps.size))] += np.ceil(np.abs(taps).sum())
        if "symmetric" in self.kind:
            taps = taps + np.flip(taps)
        if "sum-one" in self.kind:
            return np.asarray(taps / taps.sum())
        if self.box.narrow:  # so that not every result saturates
            return (
                np.where(self.rng.permutation(taps.size).reshape(shape) < 3, np.sign(taps), 0)
                if whole
                else (taps * 1.3 / np.abs(taps).sum())
            )
        return np.asarray(taps if whole else taps * scale, dtype=float)

    def ask(self, signal: NDArray[Any], kernel: NDArray[Any]) -> NDArray[Any]:
        """Return the function's answer."""
        return self.box(signal) if self.kernel is not None else self.box(signal, kernel)

    def answer(self, draw: Draw) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return a signal, a kernel and the answer; on refusal, with the first kind of kernel that it takes."""
        signal = self.signal(draw.signal, draw.signal_scale)
        kinds = [self.kind] if self.accepted or self.kernel is not None else KERNELS
        for kind in kinds:
            self.kind = kind
            kernel = self.taps(draw.kernel, draw.kernel_scale)
            try:
                found = self.ask(signal, kernel)
            except RefusalError as refusal:
                last = refusal
                continue
            self.accepted.add(kind)
            return signal, kernel, found
        self.kind = kinds[0]
        raise last


def confirm(
    draws: Draws, model: Model, probed: Sequence[tuple[Shape, Shape]], refused: list[tuple[Any, str]], *, free: str
) -> str:
    """Hold the model against fresh draws and return what was done.

    Parameters
    ----------
    draws : Draws
        Where signals, kernels and answers come from.
    model : Model
        What is claimed.
    probed : sequence of (signal shape, kernel shape)
        Shapes that the function takes.
    refused : list
        To which shapes that it does not take are added.
    free : str
        What may be chosen: ``"shapes"``, ``"signals"`` (their shapes, but no kernel's), or ``"nothing"``.

    Raises
    ------
    MismatchError
        With the first difference.
    UndeterminedError
        If too few draws were accepted.
    """
    box, count = draws.box, 0
    largest = 0
    for draw in _draws(probed, model, free):
        try:
            signal, kernel, found = draws.answer(draw)
        except RefusalError as refusal:
            refused.append(((draw.signal, draw.kernel), str(refusal)))
            continue
        if difference := _difference(draws, model, signal, kernel, found):
            claimed = str(model.at(draw.signal, draw.kernel)).partition(" (")[0]
            raise MismatchError(
                f"it answers probes like a {claimed}, but for fresh arrays of shapes {draw.signal} and {draw.kernel} "
                f"{difference}",
                draw.signal,
                draw.kernel,
            )
        if not found.size or np.ptp(found.real) == 0:  # which says nothing
            continue
        count += 1
        largest = max(largest, *draw.kernel)
    if count < _LEAST:
        last = f": {refused[-1][1]}" if refused else ""
        raise UndeterminedError(f"it accepted only {count} of the fresh draws that tell something{last}")
    box.subject.check_steady()
    kinds = f"{draws.kind} kernels" if draws.kernel is None else "the kernel"
    taps = f" of up to {largest} taps" if largest and draws.kernel is None else ""
    return f"{count} fresh draws as predicted by the reference, with {kinds}{taps}, {_bound_text(model, box)}"


def _difference(draws: Draws, model: Model, signal: Any, kernel: Any, found: Any) -> str:
    """Return the difference; sums of less precision than the result's type are noted in the model."""
    box = draws.box
    signal, kernel = signal.astype(box.signal_type).astype(float), kernel.astype(box.kernel_type).astype(float)
    noted, model.precision = model.precision, ""
    difference = model.difference(found, signal, kernel, box.result_type)
    if difference and box.result_type in ("float64", "complex128"):
        model.precision = "float32"
        if not model.difference(found, signal, kernel, box.result_type) and _in_float32(model, signal, kernel, found):
            return ""
    model.precision = noted
    return difference


def _in_float32(model: Model, signal: Any, kernel: Any, found: Any) -> bool:
    """Tell whether an answer is made of float32 numbers: sums of that type, or exact sums of arguments cast to it.

    An answer that is merely no better than float32 may be another function's.
    """
    with np.errstate(all="ignore"):
        factor = model.scale * GAINS[model.gain](kernel)
        sums = (found - model.bias) / factor
        single = sums.astype(np.complex64 if found.dtype.kind == "c" else np.float32)
        bound = 64 * float(np.finfo(float).eps)
        if (np.abs(single - sums) <= bound * (np.abs(sums) + abs(model.bias / factor))).all():
            return True
    cast = [array.astype(np.float32).astype(float) for array in (signal, kernel)]
    exact = Model(**{**vars(model), "precision": ""})
    return any(not exact.difference(found, x, w, found.dtype) for x in (signal, cast[0]) for w in (kernel, cast[1]))


def _bound_text(model: Model, box: BlackBox) -> str:
    if box.result_type.kind not in "fc":
        return "integer for integer"
    kind = model.precision or str(box.result_type)
    return f"within 64 units of rounding of Σ|k|·max|x| in {kind}"


def _draws(probed: Sequence[tuple[Shape, Shape]], model: Model, free: str) -> Iterator[Draw]:
    """Yield draws: three on probed shapes, the others on new ones; long signals and kernels along one axis each."""
    ndim = len(probed[0][0])
    if ndim == 3:  # the reference is slow
        probed = sorted(probed, key=lambda pair: int(np.prod(pair[1])))[:2]
    if free == "nothing":
        for number, scales in enumerate(_SCALES):
            yield Draw(*probed[number % len(probed)], *scales)
        return
    for number, scales in enumerate(_SCALES):
        signal, kernel = probed[number % len(probed)]
        longer = tuple(n + number // 3 for n in signal)
        yield Draw(shortened(longer, kernel, model), kernel, *scales)
    kernels = [kernel for _, kernel in probed]
    for axis in range(ndim):
        kernel = min(kernels, key=lambda one: (int(np.prod(one)), one))
        if free == "shapes":
            kernel = tuple(min(column) for column in zip(*kernels))
        signal = tuple(35 if a == axis else n for a, n in enumerate(_least(kernel, model)))
        yield Draw(signal, kernel)
        if free == "shapes":
            long = tuple(11 if a == axis else k for a, k in enumerate(kernel))
            yield Draw(_least(long, model), long)


def _least(kernel: Shape, model: Model) -> Shape:
    """Return short signals, through which the kernel still fits; half of a large one, whose sums are many."""
    long = tuple(4 * k + 40 for k in kernel)
    axes = zip(model.at(long, kernel).axes(len(kernel)), model.at(long, kernel).windows(long, kernel))
    least = []
    for number, (axis, w) in enumerate(axes):
        extent = dilated_extent(w.kernel, axis.dilation) - 1
        if int(np.prod(kernel)) > _LARGE:
            extent = max(extent // 2, extent - w.before - w.after)
        extent += max(0, -w.before) + max(0, -w.after)  # samples that no window reads
        least.append(extent // axis.upsample + (4 if len(kernel) < 3 else 2) + axis.stride + number)
    return tuple(least)


def shortened(signal: Shape, kernel: Shape, model: Model) -> Shape:
    """Return a shape of at most this size: the reference is slow, and of several axes none need be long."""
    if len(signal) == 1:
        return signal
    return tuple(min(n, least + (2 if len(signal) < 3 else 0)) for n, least in zip(signal, _least(kernel, model)))


def probe_short_signals(draws: Draws, model: Model, ndim: int, domain: dict[str, Any]) -> None:
    """Try signals of 1 to 3 samples and kernels longer than the signal; note what is refused or differs."""
    for samples, taps in ((1, 1), (1, 3), (2, 2), (2, 5), (3, 4))[: 5 if ndim < 3 else 3]:
        signal, kernel = tuple(samples + axis % 2 for axis in range(ndim)), (taps,) * ndim
        try:
            drawn, weights, found = draws.answer(Draw(signal, kernel))
        except RefusalError as refusal:
            domain["refused"].append(((signal, kernel), str(refusal)))
            continue
        if np.isnan(found).all() and found.size:
            domain["refused"].append(((signal, kernel), "all its answers are NaN"))
        elif difference := _difference(draws, model, drawn, weights, found):
            if not model.difference(found, weights, drawn, draws.box.result_type):
                difference += ", as if signal and kernel were exchanged"
            domain["differs"].append(((signal, kernel), difference))
