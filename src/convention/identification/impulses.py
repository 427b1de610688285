"""Functions whose kernel is not ours to choose: their taps, as their answers to single samples show them.

A function of the signal alone, or one that takes no kernel with a single tap, is asked with signals
that are zero but for one sample. Where it is a convolution, its answers are all cut from one sequence
h: output n reads sample m with the weight ``h[upsample*m - stride*n]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.boundary import BOUNDARIES, OUTSIDE, index_map
from convention.identification.axes import AxisFindings, fit_sizes
from convention.identification.inference import AxisProbe, Plane
from convention.identification.subject import NotAConvolutionError, UndeterminedError

__all__ = ["Match", "NotMovedError", "Response", "TooShortError", "axes_of_responses", "matches", "respond"]

Shape = tuple[int, ...]
Numbers = NDArray[np.float64]
Ask = Callable[[Numbers], NDArray[Any]]

_STEPS = 4
"""The greatest stride and upsampling that is looked for."""


class TooShortError(UndeterminedError):
    """The signal is too short for the kernel."""


class NotMovedError(NotAConvolutionError):
    """Answers to neighbouring samples are no moved copies; those of a long kernel are none in a short signal."""


@dataclass(frozen=True)
class Response:
    """What single samples told of one signal shape."""

    signal_shape: Shape
    output_shape: Shape
    steps: tuple[tuple[int, int], ...]
    """Stride and upsampling per axis, without a common factor."""
    taps: Numbers
    """The part of h that is not zero."""
    first: Shape
    """The index in h of the first of these taps, per axis."""
    bias: float
    silent: Numbers
    """The answer to zeros."""


@dataclass(frozen=True)
class Match:
    """How a response is made of a kernel."""

    reversed_axes: tuple[int, ...]
    dilation: Shape
    before: Shape
    scale: float


def respond(ask: Ask, signal_shape: Shape, amplitude: float = 1.0, noise: float = 1e-14) -> Response:
    """Return the taps that the function's answers to single samples show.

    Parameters
    ----------
    ask : callable
        The function of the signal.
    signal_shape : tuple of int
        Long enough that the kernel's ends are seen around the middle.
    amplitude : float
        The single sample.
    noise : float
        Answers below this part of the greatest one count as zero.

    Raises
    ------
    NotMovedError
        If answers to neighbouring samples are not moved copies of each other.
    UndeterminedError
        If there is no answer, or it reaches the border.
    """
    silent = ask(np.zeros(signal_shape)).real
    middle = tuple(n // 2 for n in signal_shape)
    known: dict[Shape, Numbers] = {}

    def answer(at: Shape) -> Numbers:
        if at not in known:
            signal = np.zeros(signal_shape)
            signal[at] = amplitude
            known[at] = (ask(signal).real - silent) / amplitude
        return known[at]

    ndim = len(signal_shape)
    steps = tuple(_steps(answer, middle, axis) for axis in range(ndim))
    values: dict[Shape, float] = {}
    least = noise * max(float(np.abs(found).max(initial=0)) for found in known.values())
    for at in product(*(range(m, m + s) for m, (s, _) in zip(middle, steps))):
        found = answer(at)
        for n in np.argwhere(np.abs(found) > least).tolist():
            index = tuple(u * m - s * i for m, i, (s, u) in zip(at, n, steps))
            values[index] = float(found[tuple(n)])
    if not values:
        raise UndeterminedError("single samples change nothing")
    first = tuple(min(index[axis] for index in values) for axis in range(ndim))
    last = tuple(max(index[axis] for index in values) for axis in range(ndim))
    taps = np.zeros([b - a + 1 for a, b in zip(first, last)])
    for index, value in values.items():
        taps[tuple(i - a for i, a in zip(index, first))] = value
    _check_inside(taps, signal_shape, steps)
    bias = _bias(silent)
    return Response(signal_shape, silent.shape, steps, taps, first, bias, silent)


def _steps(answer: Callable[[Shape], Numbers], middle: Shape, axis: int) -> tuple[int, int]:
    """Return the smallest (stride, upsample) by which moving a sample moves the answer."""
    room = range(_STEPS + 1)
    along = [answer((*middle[:axis], middle[axis] + more, *middle[axis + 1 :])) for more in room]
    scale = max(float(np.abs(found).max(initial=0)) for found in along)
    if not 0 < scale < np.inf:
        raise UndeterminedError("single samples change nothing, or to what is no number")
    for stride, upsample in sorted(product(room[1:], room[1:]), key=sum):
        if gcd(stride, upsample) > 1 or stride >= len(along):
            continue
        pairs = [(along[i], along[i + stride]) for i in range(len(along) - stride)]
        if all(_moved(a, b, upsample, axis, 1e-5 * scale) for a, b in pairs) and any(a.any() for a, _ in pairs):
            return stride, upsample
    raise NotMovedError(f"along axis {axis}, moving a single sample does not move the answer")


def _moved(a: Numbers, b: Numbers, by: int, axis: int, bound: float) -> bool:
    gone = np.take(a, range(max(0, a.shape[axis] - by), a.shape[axis]), axis=axis)
    return bool((np.abs(gone) <= bound).all() and (np.abs(np.roll(a, by, axis=axis) - b) <= bound).all())


def _check_inside(taps: Numbers, signal_shape: Shape, steps: Sequence[tuple[int, int]]) -> None:
    for axis, (k, n, (_, upsample)) in enumerate(zip(taps.shape, signal_shape, steps)):
        if k > upsample * (n // 2 - _STEPS):
            raise TooShortError(
                f"along axis {axis} a single sample changes outputs over {k} positions of {n} samples: "
                "the kernel's ends cannot be seen"
            )


def _bias(silent: Numbers) -> float:
    values, counts = np.unique(silent, return_counts=True)
    middle = silent[tuple(n // 2 for n in silent.shape)]
    return float(middle) if np.isin(middle, values[counts == counts.max()]) else float(values[np.argmax(counts)])


def matches(response: Response, kernel: NDArray[Any]) -> Iterator[Match]:
    """Yield every reversal and dilation of a kernel that gives these taps, up to a factor."""
    ndim = kernel.ndim
    used = np.argwhere(kernel != 0)
    if not used.size:
        return
    low, high = used.min(axis=0), used.max(axis=0)
    for count in range(2**ndim):
        axes = tuple(axis for axis in range(ndim) if count >> axis & 1)
        turned = np.flip(kernel, axes) if axes else kernel
        inner = np.flip(kernel[tuple(slice(a, b + 1) for a, b in zip(low, high))], axes)
        dilation = tuple(
            (d - 1) // (k - 1) if k > 1 and d > 1 and (d - 1) % (k - 1) == 0 else int(k == d)
            for d, k in zip(response.taps.shape, inner.shape)
        )
        if 0 in dilation:
            continue
        spread = np.zeros(response.taps.shape)
        spread[tuple(slice(None, None, d) for d in dilation)] = inner
        scale = float((response.taps * spread).sum() / (spread * spread).sum())
        if not (np.abs(response.taps - scale * spread) <= 1e-4 * np.abs(response.taps).max()).all():
            continue
        lead = np.argwhere(turned != 0).min(axis=0)
        before = tuple(int(d * at - first) for d, at, first in zip(dilation, lead, response.first))
        yield Match(axes, dilation, before, scale)


def axes_of_responses(
    ask: Callable[[NDArray[Any]], Ask],
    readings: Sequence[tuple[Response, Match, NDArray[Any]]],
    rng: np.random.Generator,
    *,
    fixed: bool,
) -> list[AxisFindings]:
    """Return what responses, each matched to a kernel, say about every axis.

    Parameters
    ----------
    ask : callable
        Returns, for a kernel, the function of the signal.
    readings : sequence of (Response, Match, kernel)
        All with the same reversed axes.
    rng : numpy.random.Generator
        For the signals that show the boundary.
    fixed : bool
        Whether the kernel's shape cannot be chosen.
    """
    ndim = len(readings[0][0].signal_shape)
    axes = []
    for axis in range(ndim):
        response, match, _ = readings[0]
        stride, upsample = response.steps[axis]
        reverse = -1 if axis in match.reversed_axes else 1
        plane = Plane(stride, reverse * match.dilation[axis], upsample)
        found = AxisFindings(axis, plane)
        for reading, matched, kernel in readings:
            if reading.steps[axis] != (stride, upsample):
                raise NotAConvolutionError(f"along axis {axis} the steps change with the shapes")
            probe = AxisProbe(
                reading.signal_shape[axis], kernel.shape[axis], reading.output_shape[axis], np.zeros((0, 0), np.int64)
            )
            found.live.append((probe, matched.before[axis]))
            value = _constant(reading, matched, kernel, axis)
            found.constants |= frozenset() if value is None else {value}
        found.rules = [rule for rule in BOUNDARIES if rule != "constant" or found.constants]
        axes.append(found)
    for response, match, kernel in readings:
        signal = rng.integers(0, 20, response.signal_shape).astype(float)
        answer = ask(kernel)(signal).real - response.bias
        for axis, found in enumerate(axes):
            found.rules = [
                rule for rule in found.rules if _fits(response, match, kernel, axis, rule, found.value, signal, answer)
            ]
    for found in axes:
        # where zeros show no constant, a rule "constant" is left if nothing beyond the border was read
        found.rules += ["constant"] if not found.constants and len(found.rules) == 5 else []
        found.witness = "the outputs whose windows leave the signal differ from all of them"
        fit_sizes(found)
        found.fixed = fixed
        found.prefer()
    return axes


def _maps(response: Response, match: Match, kernel: Shape, rules: Sequence[str]) -> list[NDArray[np.int64]]:
    """Return per axis, for each (output, tap), the sample's index, `OUTSIDE`, or -2 for an inserted zero."""
    maps = []
    for axis, rule in enumerate(rules):
        n, t = np.indices((response.output_shape[axis], kernel[axis]))
        stride, upsample = response.steps[axis]
        step = kernel[axis] - 1 - t if axis in match.reversed_axes else t
        j = stride * n - match.before[axis] + match.dilation[axis] * step
        i = index_map(rule, (j // upsample).ravel(), response.signal_shape[axis]).reshape(j.shape)
        maps.append(np.where(j % upsample, -2, i))
    return maps


def _inside(response: Response, match: Match, kernel: Shape, axis: int) -> NDArray[np.bool_]:
    """Return which outputs read no position beyond the border along the other axes."""
    maps = _maps(response, match, kernel, ["zero"] * len(kernel))
    return _outer([(reads != OUTSIDE).all(axis=1) | (other == axis) for other, reads in enumerate(maps)])


def _constant(response: Response, match: Match, kernel: NDArray[Any], axis: int) -> float | None:
    """Return what stands beyond the border, from the answer to zeros; None where it is zero."""
    change = response.silent - response.bias
    if not change.any():
        return None
    maps = _maps(response, match, kernel.shape, ["zero"] * kernel.ndim)
    outside = [np.asarray(reads == OUTSIDE if a == axis else reads != -2, dtype=float) for a, reads in enumerate(maps)]
    weight = match.scale * _combined(outside, kernel)
    at = _inside(response, match, kernel.shape, axis) & (np.abs(weight) > 1e-9)
    values = change[at] / weight[at]
    return float(np.median(values)) if values.size and np.abs(values).max() > 1e-9 else None


def _fits(
    response: Response,
    match: Match,
    kernel: NDArray[Any],
    axis: int,
    rule: str,
    value: float,
    signal: Numbers,
    answer: Numbers,
) -> bool:
    """Tell whether a boundary rule along one axis explains an answer, where the other axes stay inside."""
    rules = [rule if a == axis else "zero" for a in range(kernel.ndim)]
    maps = _maps(response, match, kernel.shape, rules)
    total = np.zeros(response.output_shape)
    for t in np.argwhere(kernel != 0).tolist():
        reads = [column[:, tap] for column, tap in zip(maps, t)]
        found = signal[np.ix_(*(np.maximum(index, 0) for index in reads))]
        inside = _outer([index >= 0 for index in reads])
        beyond = _outer([index == OUTSIDE if a == axis else index >= 0 for a, index in enumerate(reads)])
        total += kernel[tuple(t)] * (found * inside + (value if rule == "constant" else 0) * beyond)
    at = _inside(response, match, kernel.shape, axis)
    bound = 1e-4 * float(np.abs(kernel).sum() * np.abs(signal).max(initial=1))
    return bool((np.abs(match.scale * total - answer)[at] <= abs(match.scale) * bound).all())


def _outer(masks: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Return where all masks hold, each along its own axis."""
    result = np.ones((1,) * len(masks), dtype=bool)
    for axis, mask in enumerate(masks):
        result = result & mask.reshape([-1 if a == axis else 1 for a in range(len(masks))])
    return result


def _combined(masks: Sequence[Numbers], kernel: NDArray[Any]) -> Numbers:
    """Return, per output, the sum of the taps that every axis' mask has."""
    result: NDArray[Any] = np.asarray(kernel, dtype=float)
    for mask in masks:  # the kernel's first axis is summed, the outputs' axis becomes the last
        result = np.tensordot(result, mask, axes=(0, 1))
    return result
