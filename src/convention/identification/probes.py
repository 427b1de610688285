"""Ask a black box which sample each output reads.

A *gather probe* gives it a signal whose samples are all different and a kernel with a single tap of 1.
Each output then names the sample it read, which a table look-up decodes: saturation, rounding and a
division by the kernel's sum change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convention.identification.subject import BlackBox, NotAConvolutionError, RefusalError

__all__ = ["OTHER", "UNSEEN", "ZERO", "Gather", "common_gain", "gather", "one_tap"]

Shape = tuple[int, ...]
Numbers = NDArray[np.float64]
Indices = NDArray[np.int64]

ZERO, OTHER, UNSEEN = -1, -2, -3
"""Entries of a gather table where no sample was read: a zero, another constant, or nothing that was looked at."""

_BASES = 125
"""Taps tried before the search for one through which samples are read is given up."""

_NARROW = (5, 245)
"""The samples of an 8-bit signal: away from saturation at both ends."""


@dataclass(frozen=True)
class Gather:
    """What one pair of shapes told: which sample each output read, for each kernel with one tap."""

    signal_shape: Shape
    kernel_shape: Shape
    output_shape: Shape
    base: Shape
    """The tap that the kernels of all axes have in common."""
    reads: tuple[Indices, ...]
    """Per axis, shape (taps, *outputs): the sample's flat index, `ZERO` or `OTHER`."""
    values: tuple[Numbers, ...]
    """Per axis, the same shape: what the outputs were, without bias and gain."""
    bias: float
    uneven: NDArray[np.bool_]
    """Outputs that read samples and have another bias than most."""
    searched: bool
    """Whether every tap was tried, where no output reads a sample."""
    strange: str
    """An output that is neither a sample nor what zeros give; empty if there is none."""

    @property
    def alive(self) -> bool:
        """Whether any output read a sample."""
        return all(bool((reads >= 0).any()) for reads in self.reads)

    def ring(self, kind: str) -> NDArray[np.bool_]:
        """Return which outputs had their own sample (``"copied"``) or one constant (``"filled"``) for every kernel."""
        everything = np.concatenate(self.reads)
        if kind == "copied":
            if self.output_shape != self.signal_shape:
                return np.zeros(self.output_shape, dtype=bool)
            own = np.arange(everything[0].size).reshape(self.output_shape)
            return np.asarray((everything == own).all(axis=0))
        constant = (everything < 0).all(axis=0)
        values = np.concatenate(self.values)
        same = (values == values[0]) | (np.isnan(values) & np.isnan(values[0]))
        return np.asarray(constant & same.all(axis=0))

    def fill(self) -> float:
        """Return the constant of the ring that is ``"filled"``."""
        values = self.values[0][0][self.ring("filled")]
        return float(values.flat[0]) + self.bias if values.size else 0.0

    def table(self, axis: int, hidden: NDArray[np.bool_]) -> tuple[Indices, frozenset[float]]:
        """Return what the outputs along one axis read, looked at where the other axes read samples.

        Parameters
        ----------
        axis : int
            Its number.
        hidden : array of bool
            Outputs to leave out.

        Returns
        -------
        array of int, shape (outputs, taps)
            The sample's index along this axis, `ZERO`, `OTHER` or `UNSEEN`.
        frozenset of float
            The values that stood for `OTHER`.

        Raises
        ------
        NotAConvolutionError
            If the sample depends on another axis.
        """
        seen = ~hidden
        ndim = len(self.output_shape)
        looked = seen.copy()
        for other in range(ndim):
            if other != axis:
                live = (self.reads[other][self.base[other]] >= 0) & seen
                rest = tuple(a for a in range(ndim) if a != other)
                looked &= live.any(axis=rest, keepdims=True)
        rest = tuple(a + 1 for a in range(ndim) if a != axis)
        reads, most = self.reads[axis], np.iinfo(np.int64).max
        place = np.unravel_index(np.maximum(reads, 0), self.signal_shape)[axis].astype(np.int64)
        live = (reads >= 0) & seen
        low = np.where(live, place, most).min(axis=rest, initial=most)
        high = np.where(live, place, -1).max(axis=rest, initial=-1)
        varying = np.argwhere((high >= 0) & (low != high))
        if varying.size:
            t, n = varying[0]
            raise NotAConvolutionError(
                f"along axis {axis}, output {n} reads sample {low[t, n]} or {high[t, n]}, depending on another axis"
            )
        other_value = ((reads == OTHER) & looked).any(axis=rest)
        unseen = ~np.broadcast_to(looked, reads.shape).any(axis=rest)
        found = np.where(high >= 0, high, np.where(other_value, OTHER, np.where(unseen, UNSEEN, ZERO)))
        at = (reads == OTHER) & looked & np.expand_dims(found == OTHER, rest)
        return found.T.copy(), frozenset(np.unique(self.values[axis][at]).tolist())


def one_tap(shape: Shape, tap: Shape, weight: float = 1.0) -> Numbers:
    """Return a kernel of zeros but for one tap."""
    kernel = np.zeros(shape)
    kernel[tap] = weight
    return kernel


def common_gain(box: BlackBox, signal_shape: Shape, kernel_shape: Shape) -> float:
    """Return what a sample is multiplied with on its way through a tap of 1; 1.0 where nothing comes through."""
    middle = tuple(k // 2 for k in kernel_shape)
    kernel = one_tap(kernel_shape, middle)
    change = box(np.full(signal_shape, 100.0), kernel).real - box(np.zeros(signal_shape), kernel).real
    change = change[np.isfinite(change) & (np.abs(change) > 1e-9)]
    if not change.size:
        return 1.0
    rounded = np.round(change, 4)
    values, counts = np.unique(rounded, return_counts=True)
    gain = float(np.mean(change[rounded == values[np.argmax(counts)]])) / 100
    return 1.0 if abs(gain - 1) < 1e-5 else gain


def gather(box: BlackBox, signal_shape: Sequence[int], kernel_shape: Sequence[int], seed: int, gain: float) -> Gather:
    """Return which sample each output reads through each tap, one axis at a time.

    Raises
    ------
    RefusalError
        If the function does not take these shapes.
    """
    signal_shape, kernel_shape = tuple(signal_shape), tuple(kernel_shape)
    weight = 1.0
    if box.narrow and box.kernel_type.kind == "f":  # a result of 8 bits has no room for a gain
        weight, gain = 1 / gain, 1.0
    silence = _Silence(box, signal_shape, kernel_shape, weight)
    size = int(np.prod(signal_shape))
    if box.narrow and size > _NARROW[1] - _NARROW[0]:
        raise RefusalError(f"{size} samples are more than 8 bits can tell apart")
    alphabet = _alphabet(size, silence.constants, seed, narrow=box.narrow)
    signal = alphabet.reshape(signal_shape)
    base, found, searched = _base(box, signal, kernel_shape, silence)
    raw: list[list[Numbers]] = []
    quiet: list[list[Numbers]] = []
    for axis, count in enumerate(kernel_shape):
        taps = [(*base[:axis], t, *base[axis + 1 :]) for t in range(count)]
        raw.append([found if tap == base else box(signal, one_tap(kernel_shape, tap, weight)).real for tap in taps])
        quiet.append([silence(tap) for tap in taps])
    if found.size and all(np.isnan(y).all() for ys in raw for y in ys):
        raise RefusalError("all its answers are NaN")
    bias, uneven = _bias(found, silence(base), gain)
    reads = tuple(_decoded(np.stack(ys), np.stack(zs), alphabet, bias, gain) for ys, zs in zip(raw, quiet))
    values = tuple((np.stack(ys) - bias) / gain for ys in raw)
    odd = _strange(np.stack(raw[0]), np.stack(quiet[0]), reads[0], bias)
    return Gather(signal_shape, kernel_shape, found.shape, base, reads, values, bias, uneven, searched, odd)


class _Silence:
    """What a signal of zeros gives: the bias, and the constant beyond the border."""

    def __init__(self, box: BlackBox, signal_shape: Shape, kernel_shape: Shape, weight: float) -> None:
        self.box, self.zeros, self.kernel_shape, self.weight = box, np.zeros(signal_shape), kernel_shape, weight
        self.known: dict[Shape, Numbers] = {}
        self.even: Numbers | None = None
        """What every kernel gives, where zeros give the same everywhere: then one call tells all."""
        first = self(tuple(k // 2 for k in kernel_shape))
        try:
            dense = box(self.zeros, np.arange(1.0, 1 + np.prod(kernel_shape)).reshape(kernel_shape)).real
            values = np.unique(np.concatenate([first.ravel(), dense.ravel()]))
        except RefusalError:
            values = np.zeros(2)
        self.even = first if len(values) < 2 else None
        self.constants = frozenset(np.unique(first).tolist())

    def __call__(self, tap: Shape) -> Numbers:
        """Return what zeros give with this tap; one call, unless all taps give the same."""
        if self.even is not None:
            return self.even
        if tap not in self.known:
            self.known[tap] = self.box(self.zeros, one_tap(self.kernel_shape, tap, self.weight)).real
        return self.known[tap]


def _alphabet(size: int, avoid: frozenset[float], seed: int, *, narrow: bool) -> Numbers:
    """Return samples that are all different, and different from the constants beyond the border."""
    low, high = _NARROW if narrow else (1009, 1009 + 2 * size + 2)
    letters = [value for value in range(low, high) if not any(abs(value - constant) < 1 for constant in avoid)]
    return np.random.default_rng(seed).permutation(np.asarray(letters[:size], dtype=float))


def _base(box: BlackBox, signal: Numbers, kernel_shape: Shape, silence: _Silence) -> tuple[Shape, Numbers, bool]:
    """Return a tap through which samples are read, what it gives, and whether all were tried.

    With a stride and upsampling only one tap in so many reads samples, along each axis: those around the middle
    come first. Where none does, it is the middle one.
    """
    middle = tuple(k // 2 for k in kernel_shape)
    results: dict[Shape, Numbers] = {}
    taps = sorted(np.ndindex(*kernel_shape), key=lambda tap: max(abs(t - m) for t, m in zip(tap, middle)))
    for tap in taps[:_BASES]:
        y = results[tap] = box(signal, one_tap(kernel_shape, tap, silence.weight)).real
        if len(np.unique(y[np.abs(y - silence(tap)) > 0.5])) > 2:
            return tap, y, True
    return middle, results[middle], len(taps) <= _BASES


def _bias(found: Numbers, silent: Numbers, gain: float) -> tuple[float, NDArray[np.bool_]]:
    """Return what most outputs that read samples are for zeros, and which of them are something else."""
    reading = np.abs(found - silent) > 0.5 * abs(gain)
    if not reading.any():
        return (float(silent.flat[0]) if silent.size else 0.0), reading
    values, counts = np.unique(silent[reading], return_counts=True)
    bias = float(values[np.argmax(counts)])
    return bias, reading & (np.abs(silent - bias) > 1e-6 * max(1.0, abs(bias)))


def _strange(y: Numbers, silent: Numbers, reads: Indices, bias: float) -> str:
    """Return an output, of the first axis' kernels, that changes with the signal without being a sample."""
    at = np.argwhere((reads < 0) & (np.abs(y - silent) > 1e-3) & (np.abs(y - bias) > 1e-3))
    if not at.size:
        return ""
    tap, *index = (int(i) for i in at[0])
    value = y[tuple(at[0])]
    return f"with a single tap of 1, tap {tap} along axis 0, output {index} is {value:.8g}, which no sample is"


def _decoded(y: Numbers, silent: Numbers, alphabet: Numbers, bias: float, gain: float) -> Indices:
    """Return per output the flat index of the sample it equals, `ZERO` or `OTHER`."""
    # outputs in a ring that is copied have no bias: each has its own answer to zeros
    sample = (y - np.where(np.isfinite(silent) & (np.abs(y - silent) > 1e-3), silent, bias)) / gain
    low = int(alphabet.min(initial=0))
    owner = np.full(int(alphabet.max(initial=0)) - low + 2, OTHER, dtype=np.int64)
    owner[alphabet.astype(int) - low] = np.arange(alphabet.size)
    number = np.rint(np.where(np.isfinite(sample), sample, low - 9)).astype(np.int64) - low
    valid = (number >= 0) & (number < len(owner)) & (np.abs(sample - number - low) < 0.25)
    # samples differ from the constants by at least 1; a Fourier transform leaves the last digits wrong
    constant = (np.abs(y - silent) < 1e-3) | (np.isnan(y) & np.isnan(silent))
    zero = np.abs(y - bias) <= np.where(constant, 1e-6 * max(1.0, abs(bias)), 0.25 * abs(gain))
    found = np.where(valid, owner[np.clip(number, 0, len(owner) - 1)], OTHER)
    return np.asarray(np.where(constant | (found < 0), np.where(zero, ZERO, OTHER), found))
