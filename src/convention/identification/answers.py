"""From what the probes found to the answer: convention, arithmetic, confirmation and words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Frame, Layout
from convention.definition import Convention
from convention.identification.axes import AxisFindings, fields_of_axis
from convention.identification.confirmation import KERNELS, Draws, confirm, probe_short_signals, shortened
from convention.identification.inference import Moved
from convention.identification.layouts import channels_of
from convention.identification.model import Model, Shape
from convention.identification.numbers import arithmetic_of, conjugation, fit_gain, fit_storage, measure_numbers
from convention.identification.result import Field, Identification
from convention.identification.sentences import sentence
from convention.identification.subject import BlackBox, NotAConvolutionError, Subject, UndeterminedError

__all__ = ["Findings", "concluded", "fields_of", "not_a_convolution", "undetermined"]


@dataclass
class Findings:
    """What the probes found, whichever way they asked."""

    box: BlackBox
    axes: list[AxisFindings]
    fields: dict[str, Field]
    probed: list[tuple[Shape, Shape]]
    refused: list[tuple[Any, str]]
    taps: list[Shape]
    """For each of them, a tap through which samples are read."""
    evidence: list[str]
    rng: np.random.Generator
    bias: float = 0.0
    scale: float = 1.0
    gain: str = ""
    """The gain, where it is known already."""
    gain_open: str = ""
    """Why its sign is open."""
    frame: Frame | None = None
    doubt: NotAConvolutionError | UndeterminedError | None = None
    """What spoke against the function before a frame explained it."""
    kernel: NDArray[Any] | None = None
    """The kernel of a function of the signal alone."""
    kernels: tuple[NDArray[Any], ...] = ()
    recovered: bool = False
    free: str = "shapes"
    """What may be chosen in fresh draws: ``"shapes"``, ``"signals"`` (not kernels) or ``"nothing"``."""
    kind: str = KERNELS[0]
    again: Callable[[Shape, Shape], Findings] | None = None
    """Probe these shapes too, and return what is found then."""


def fields_of(axes: Sequence[AxisFindings], refused: Sequence[tuple[Any, str]]) -> dict[str, Field]:
    """Return the fields of all axes together, as `fields_of_axis` has them."""
    each = []
    for axis in axes:
        lengths = {(x[axis.number], w[axis.number]) for (x, w), _ in refused}
        each.append(fields_of_axis(axis, lengths))
    fields = {}
    for name in each[0]:
        own = [one[name] for one in each]
        state = next((f.state for f in own if f.state != "settled"), "settled")
        reason = _reason([f.reason if f.state != "settled" else f"settled, {_named(f.value)}" for f in own], state)
        candidates = tuple(dict.fromkeys(word for f in own for word in f.candidates))
        fields[name] = Field(value=tuple(f.value for f in own), state=state, reason=reason, candidates=candidates)
    turned = tuple(number for number, value in enumerate(fields["reversed_axes"].value) if value)
    fields["reversed_axes"] = replace(fields["reversed_axes"], value=turned)
    return fields


def _named(value: Any) -> str:
    if isinstance(value, bool):
        return "reversed" if value else "not reversed"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _reason(reasons: Sequence[str], state: str) -> str:
    """Return why a field is open, once if all axes have the same reason."""
    if state == "settled":
        return ""
    if len(set(reasons)) == 1:
        return reasons[0]
    return "; ".join(f"along axis {number}: {reason}" for number, reason in enumerate(reasons))


def concluded(findings: Findings) -> Identification:
    """Measure the arithmetic, hold the model against fresh data, and return the answer."""
    box, ndim = findings.box, len(findings.axes)
    at = _resized(findings.axes)
    model = Model(at, bias=findings.bias, scale=findings.scale, frame=findings.frame)
    draws = Draws(box, findings.rng, kernel=findings.kernel, kernels=findings.kernels, kind=findings.kind)
    # the reference is slow: of the kernels that were probed, a small one
    small = min(range(len(findings.probed)), key=lambda i: abs(int(np.prod(findings.probed[i][1])) - 4))
    signal, kernel = findings.probed[small]
    if findings.free != "nothing":
        signal = shortened(signal, kernel, model)
    shapes, tap = (signal, kernel), findings.taps[small]
    if findings.gain:
        model.gain = findings.gain
    else:
        fit_gain(draws, model, shapes)
    whole = box.result_type.kind in "iu"
    storage = fit_storage(draws, model, shapes, tap) if whole else {}
    refused = list(findings.refused)
    domain: dict[str, Any] = {"ndim": ndim, "probed": findings.probed, "refused": refused, "differs": []}
    try:
        confirmed = confirm(draws, model, findings.probed, refused, free=findings.free)
    except NotAConvolutionError:
        if findings.doubt is not None:
            raise findings.doubt from None
        raise
    if findings.free == "shapes":
        probe_short_signals(draws, model, ndim, domain)
    layout, groups = _channels(findings, model, shapes)
    fields = findings.fields | {"conjugate": conjugation(draws, model, shapes)} | groups
    numbers = measure_numbers(draws, model, shapes, tap, storage)
    if findings.gain_open:
        numbers["gain"] = replace(numbers["gain"], state="open", reason=findings.gain_open)
    convention = at(*shapes)
    if fields["conjugate"].value:
        convention = replace(convention, conjugate=True)
        at = _resized(findings.axes, conjugate=True)
    settled = fields["reversed_axes"].state == "settled"
    subject = box.subject
    domain |= {
        "types": (str(box.signal_type), str(box.kernel_type)),
        "kernels": "one" if findings.kernel is not None else draws.kind,
    }
    evidence = [*findings.evidence, confirmed, *subject.notes, f"{subject.calls} calls in all"]
    if subject.printed:
        evidence.append(f"it printed {subject.printed} characters, which were kept back")
    moved = any(isinstance(axis.sizes[0], Moved) for axis in findings.axes)
    return Identification(
        verdict=sentence(
            subject.name, convention, fields, model, recovered=findings.recovered, channels=layout is not None
        ),
        definition=convention.definition if settled else "undetermined",
        convention=convention,
        fields=fields,
        arithmetic=arithmetic_of(numbers),
        numbers=numbers,
        layout=layout,
        frame=findings.frame,
        bias=findings.bias,
        kernel=findings.kernel,
        domain=domain,
        evidence=tuple(evidence),
        resized=at if moved else None,
    )


def _channels(findings: Findings, model: Model, shapes: tuple[Shape, Shape]) -> tuple[Layout | None, dict[str, Field]]:
    """Return the layout and the field of the groups, as they are known or seen; nothing without further axes."""
    subject = findings.box.subject
    layout, groups = subject.layout, subject.groups
    if layout is None and findings.kernel is None:
        layout, groups = channels_of(findings.box, model, shapes, findings.rng)
    return layout, {} if groups is None else {"groups": groups}


def _resized(
    axes: Sequence[AxisFindings], *, conjugate: bool = False
) -> Callable[[Sequence[int], Sequence[int]], Convention]:
    """Return the convention as a function of shapes."""
    turned = tuple(axis.number for axis in axes if axis.plane is not None and axis.plane.tap < 0)
    boundaries = [axis.boundary for axis in axes]
    planes = [axis.plane for axis in axes if axis.plane is not None]

    def at(signal_shape: Sequence[int], kernel_shape: Sequence[int]) -> Convention:
        sizes = tuple(axis.pair(n, k) for axis, n, k in zip(axes, signal_shape, kernel_shape))
        first = sizes[0]
        return Convention(
            reversed_axes="all" if len(turned) == len(axes) else turned or "none",
            size=first if isinstance(first, str) and set(sizes) == {first} else sizes,
            boundary=_uniform([rule for rule, _ in boundaries]),
            value=_uniform([value for _, value in boundaries]),
            stride=_uniform([plane.stride for plane in planes]),
            dilation=_uniform([abs(plane.tap) for plane in planes]),
            upsample=_uniform([plane.upsample for plane in planes]),
            conjugate=conjugate,
        )

    return at


def _uniform(values: Sequence[Any]) -> Any:
    return values[0] if len(set(values)) == 1 else tuple(values)


def not_a_convolution(witness: str, subject: Subject | None) -> Identification:
    """Return the answer that it is none, with the witness."""
    return Identification(verdict=f"not a convolution: {witness}", evidence=_calls(subject))


def undetermined(reason: str, fields: dict[str, Field], subject: Subject | None) -> Identification:
    """Return the answer that it cannot be found out, with what was found all the same."""
    return Identification(verdict=f"undetermined because {reason}", fields=fields, evidence=_calls(subject))


def _calls(subject: Subject | None) -> tuple[str, ...]:
    return () if subject is None else (*subject.notes, f"{subject.calls} calls in all")
