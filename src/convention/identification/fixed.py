"""Functions whose kernel is fixed, and those that take only some kernels: probed with single samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.identification.answers import Findings, fields_of
from convention.identification.confirmation import KERNELS
from convention.identification.impulses import (
    Match,
    NotMovedError,
    Response,
    TooShortError,
    axes_of_responses,
    matches,
    respond,
)
from convention.identification.model import GAINS, Shape
from convention.identification.result import Field
from convention.identification.subject import (
    BlackBox,
    NotAConvolutionError,
    Presentation,
    RefusalError,
    Subject,
    UndeterminedError,
)

__all__ = ["by_single_samples"]

Pair = tuple[Shape, Shape]
Reading = tuple[Response, Match, NDArray[Any]]

_LENGTHS = {1: (33, 34, 37), 2: (21, 22, 25), 3: (15, 16, 17)}
"""Samples along the first axis for a kernel whose length is not ours to choose; every further axis has one more."""


_SHAPES: dict[int, tuple[Shape, ...]] = {
    1: ((3,), (5,), (4,), (2,)),
    2: ((3, 3), (5, 5), (3, 5), (5, 3), (4, 3), (2, 4)),
    3: ((3, 3, 3), (5, 5, 5), (3, 5, 3), (4, 3, 2)),
}
"""Shapes of kernels to try: those that most functions take first."""

_SHORT = 5
"""Taps for which signals of these lengths are long enough."""

_PATIENCE = 3
"""Refusals after which no other shapes are tried."""


def by_single_samples(
    subject: Subject, presentation: Presentation, ndim: int, sizes: Sequence[Pair], seed: int
) -> Findings:
    """Return what single samples find, with the first data types and kind of kernels that the function takes.

    Raises
    ------
    RefusalError
        If it takes none.
    NotAConvolutionError, UndeterminedError
        As `identify` says them.
    """
    pairs = subject.pairs if not subject.takes_kernel else [p for p in subject.pairs if p[1] != "int32"]
    for pair in pairs:
        box = subject.box(pair, presentation)
        kinds = KERNELS if subject.takes_kernel and not subject.kernels else ("",)
        for kind in kinds:
            for times in (1, 3):
                try:
                    return _found(box, ndim, kind, sizes, seed, times)
                except RefusalError as refusal:
                    last = refusal
                    break
                except (TooShortError, NotMovedError):
                    if times > 1:
                        raise
    raise last


def _found(box: BlackBox, ndim: int, kind: str, sizes: Sequence[Pair], seed: int, times: int) -> Findings:
    """Return what is found with this kind of kernels, and signals so many times longer than usual."""
    subject, rng = box.subject, np.random.default_rng(seed)
    ask = _asker(box)
    refused: list[tuple[Any, str]] = []
    readings: list[Reading] = []
    reversals: set[tuple[int, ...]] = set()
    unknown = not subject.takes_kernel and subject.kernel is None
    for signal_shape, kernel in _asked(subject, ndim, kind, sizes, rng, times):
        try:
            if not readings:
                _check_linear(ask(kernel), signal_shape, rng)
            noise = 64 * float(np.finfo(box.result_type if box.result_type.kind == "f" else "float64").eps)
            response = respond(ask(kernel), signal_shape, noise=noise)
        except RefusalError as refusal:
            refused.append(((signal_shape, (0,) * ndim if kernel is None else kernel.shape), str(refusal)))
            if not readings and len(refused) > _PATIENCE:
                break
            continue
        taps = response.taps if kernel is None else kernel
        found = list(matches(response, taps))[: 1 if unknown else None]
        if not found:
            raise UndeterminedError(
                f"its answers to single samples, {_listed(response.taps)}, are not made of the taps {_listed(taps)}"
            )
        turns = {match.reversed_axes for match in found}
        reversals = reversals & turns if reversals else turns
        readings.append((response, found[0], taps))
    if not readings:
        raise RefusalError(refused[-1][1] if refused else "no kernel to try")
    if not reversals:
        raise NotAConvolutionError("whether it reverses the kernel depends on the shapes")
    first, _, taps = readings[0]
    signs = {m.reversed_axes: m.scale for m in matches(first, taps) if m.reversed_axes in reversals}
    # of a kernel that is negated when it is reversed, the reading without a gain of -1 comes first
    turn = min(reversals, key=lambda one: (signs.get(one, 0.0) < 0, len(one) not in (0, ndim), len(one)))
    negated = {one for one, scale in signs.items() if scale * signs[turn] < 0}
    readings = [(r, next(m for m in matches(r, k) if m.reversed_axes == turn), k) for r, _, k in readings]
    findings = _findings(box, readings, ask, rng, refused, reversals, unknown=unknown)
    if negated and not unknown:
        findings.gain_open = "this kernel is negated when it is reversed, and a gain of -1 would do the same"
        for axis in findings.axes:
            axis.reversal = axis.reversal and findings.gain_open
        findings.fields = fields_of(findings.axes, refused)
    findings.kind = kind or KERNELS[0]
    findings.free = "nothing" if sizes else "shapes" if subject.takes_kernel and not subject.kernels else "signals"
    return findings


def _findings(
    box: BlackBox,
    readings: list[Reading],
    ask: Callable[[NDArray[Any] | None], Callable[[NDArray[Any]], NDArray[Any]]],
    rng: np.random.Generator,
    refused: list[tuple[Any, str]],
    reversals: set[tuple[int, ...]],
    *,
    unknown: bool,
) -> Findings:
    subject = box.subject
    alone = not subject.takes_kernel
    axes = axes_of_responses(lambda kernel: ask(None if unknown else kernel), readings, rng, fixed=alone)
    kernel = readings[0][2]
    for axis in axes:
        if unknown:
            axis.reversal = "the kernel is unknown: knowing it would tell"
            axis.dilation = "zeros between the taps of the recovered kernel may be a dilation"
        elif len({axis.number in turned for turned in reversals}) > 1:
            axis.reversal = "this kernel gives the same when it is reversed; another one would tell"
        if all(np.ptp(np.nonzero(k)[axis.number]) == 0 for _, _, k in readings):
            axis.dilation = "all taps but one are zero along this axis"
    fields = fields_of(axes, refused)
    if unknown:
        reason = "how the samples before depend on the kernel's length is unknown"
        fields["size"] = Field(value=fields["size"].value, state="open", reason=reason)
    gain, scale = _gain(readings)
    biases = [response.bias for response, _, _ in readings]
    if np.ptp(biases) > 1e-6 * max(1.0, abs(biases[0])):
        raise NotAConvolutionError(f"the bias changes from call to call: {biases[:4]}")
    return Findings(
        box=box,
        axes=axes,
        fields=fields,
        probed=[(response.signal_shape, k.shape) for response, _, k in readings],
        refused=refused,
        taps=[tuple(n // 2 for n in k.shape) for _, _, k in readings],
        evidence=[
            "the same call twice gives the same answer",
            f"single samples in {len(readings)} signals show the kernel's taps",
        ],
        rng=rng,
        bias=biases[0],
        scale=scale,
        gain=gain,
        kernel=kernel if alone else None,
        kernels=subject.kernels,
        recovered=unknown,
    )


def _gain(readings: Sequence[Reading]) -> tuple[str, float]:
    """Return the gain whose constant is the same for all kernels, if possible one whose constant is 1."""
    with np.errstate(all="ignore"):
        scales = {name: [match.scale / gain(k) for _, match, k in readings] for name, gain in GAINS.items()}
        steady = [name for name, found in scales.items() if max(found) - min(found) <= 1e-4 * abs(found[0])]
    if not steady:
        raise NotAConvolutionError(f"the gain changes with the kernel: {scales['1'][:3]}")
    gain = min(steady, key=lambda name: abs(scales[name][0] - 1) > 1e-4)
    return gain, 1.0 if abs(scales[gain][0] - 1) < 1e-4 else scales[gain][0]


def _asker(box: BlackBox) -> Callable[[NDArray[Any] | None], Callable[[NDArray[Any]], NDArray[Any]]]:
    """Return what gives, for a kernel, the function of the signal."""
    if not box.subject.takes_kernel:
        return lambda kernel: box
    return lambda kernel: lambda signal: box(signal, kernel)


def _asked(
    subject: Subject, ndim: int, kind: str, sizes: Sequence[Pair], rng: np.random.Generator, times: int
) -> Iterator[tuple[Shape, NDArray[Any] | None]]:
    """Yield signal shapes with the kernels to probe them with; None is the function's own."""
    known = [one.shape for one in (subject.kernel, *subject.kernels) if one is not None and one.ndim == ndim]
    longest = max((k for shape in (*known, subject.kernel_shape or ()) for k in np.atleast_1d(shape)), default=0)
    more = 4 * max(0, int(longest) - _SHORT)
    signals = [tuple(times * n + more + axis for axis in range(ndim)) for n in _LENGTHS[ndim]]
    if not subject.takes_kernel:
        for signal in [x for x, _ in sizes] or signals:
            yield signal, subject.kernel
    elif subject.kernels:
        for kernel in subject.kernels:
            if kernel.ndim == ndim:
                for signal in [x for x, w in sizes if w == kernel.shape] or signals[:2]:
                    yield signal, kernel
    else:
        shapes = [subject.kernel_shape] if subject.kernel_shape is not None else list(_SHAPES[ndim])
        pairs = sizes or [(signals[number % 2], w) for number, w in enumerate(shapes)]
        for signal, shape in pairs:
            yield signal, _kernel(kind, shape, rng)


def _kernel(kind: str, shape: Shape, rng: np.random.Generator) -> NDArray[Any]:
    """Return a kernel of this kind whose taps all differ, as far as the kind lets them."""
    size = int(np.prod(shape))
    taps = rng.permutation(np.arange(1.0, size + 1)).reshape(shape)
    if "positive" not in kind and kind != "symmetric":
        taps *= rng.choice([-1.0, 1.0], shape)
        if abs(taps.sum()) < 1:
            taps.flat[0] += size + 1
    if kind == "symmetric":
        taps = taps + np.flip(taps)
    return np.asarray(taps / taps.sum() if "sum-one" in kind else taps)


def _check_linear(ask: Callable[[NDArray[Any]], NDArray[Any]], shape: Shape, rng: np.random.Generator) -> None:
    """Make the same call twice, and see that answers to sums are sums of answers."""
    one, other = (rng.integers(0, 50, shape).astype(float) for _ in range(2))
    first, second = ask(one), ask(one)
    if not np.array_equal(first, second, equal_nan=True):
        index = tuple(int(i) for i in np.argwhere(first != second)[0])
        raise UndeterminedError(
            f"two equal calls give different answers: {first[index]!s} and {second[index]!s} at {list(index)}"
        )
    if not first.size or not np.isfinite(first).all():
        raise UndeterminedError("its answers are empty, or hold NaN or infinity")
    _check_sum(ask, one, other)
    with suppress(RefusalError):  # whether it takes samples below zero, and is linear there too
        _check_sum(ask, -one, other)


def _check_sum(ask: Callable[[NDArray[Any]], NDArray[Any]], one: NDArray[Any], other: NDArray[Any]) -> None:
    apart = ask(one) + ask(other) - ask(np.zeros(one.shape))
    together = ask(one + other)
    # rounded results may be off by one; whatever else is not linear shows in fresh data
    wrong = np.argwhere(np.abs(together - apart) > 2.5 + 1e-3 * np.abs(apart).max())
    if wrong.size:
        index = tuple(int(i) for i in wrong[0])
        raise NotAConvolutionError(
            f"it is not linear: the answer to the sum of two signals is {together[index]:.8g} at {list(index)}, "
            f"the sum of the answers {apart[index]:.8g}"
        )


def _listed(taps: NDArray[Any]) -> str:
    shown = ", ".join(f"{tap:.4g}" for tap in taps.ravel()[:6])
    return f"[{shown}{', …' if taps.size > 6 else ''}]"
