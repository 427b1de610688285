"""An identification as text for a terminal: verdict, border, anchor, what is open, evidence, what to pass."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

import numpy as np

from convention.boundary import BOUNDARIES
from convention.geometry import SIZES
from convention.identification.result import Field, Identification
from convention.identification.sentences import brief

__all__ = ["EXPECTED", "expectation", "lines"]

EXPECTED = ("convolution", "cross-correlation", "mixed", *SIZES, *BOUNDARIES)
"""Words that `expectation` knows: definitions, sizes and boundaries."""

_WIDTH = 80
_LABEL = 11
_SAMPLES, _TAPS = 12, 4
_MOST = 3
"""Different answers of one kind that are listed."""

_NUMBERS = {
    "result": {
        "promoted": "results have both types' common type",
        "signal": "results have the signal's type",
        "": "results are {}",
    },
    "kernel": {"none": "", "": "the kernel is cast first: {}"},
    "rounding": {
        "exact": "",
        "half-even": "halves round to even",
        "half-up": "halves round up",
        "half-away": "halves round away from zero",
        "truncate": "fractions are cut off",
        "floor": "fractions are rounded down",
        "": "rounding: {}",
    },
    "overflow": {"none": "", "wrap": "integers wrap", "saturate": "integers saturate", "": "{}"},
    "nan": {"window": "a NaN stays in its windows", "everywhere": "a NaN spreads everywhere", "": "NaN: {}"},
}
"""What the fields of the arithmetic mean, in words."""


def lines(found: Identification) -> list[str]:
    """Return the lines of an answer, the verdict first, at most 80 columns wide."""
    verdict = re.sub(r"\( [^)]* \)", lambda picture: picture[0].replace(" ", "\xa0"), found.verdict)
    text = textwrap.wrap(verdict, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    text = [line.replace("\xa0", " ") for line in text]
    answer = [*_seen(found), *_evidence(found), *_passing(found)]
    details = [*_states(found), *_stored(found), *_domain(found)]
    return [*text, *(line for part in (answer, details) if part for line in ("", *part))]


def _labelled(label: str, *paragraphs: str) -> list[str]:
    """Return paragraphs beside a label, wrapped."""
    wrapped: list[str] = []
    for paragraph in paragraphs:
        wrapped += textwrap.wrap(paragraph, _WIDTH - _LABEL, break_on_hyphens=False) or [""]
    label = label + " " if len(label) >= _LABEL else label
    return [f"{label if number == 0 else '':<{_LABEL}}{line}" for number, line in enumerate(wrapped)]


def _verbatim(label: str, text: Sequence[str]) -> list[str]:
    return [f"{label if number == 0 else '':<{_LABEL}}{line}".rstrip() for number, line in enumerate(text)]


def _seen(found: Identification) -> Iterator[str]:
    """Yield the pictures of the border and of an even kernel's anchor."""
    if found.convention is None:
        return
    ndim = found.domain["ndim"]
    field = found.fields["boundary"]
    if field.state != "settled":
        yield from _labelled("border", field.reason)
    else:
        rules = dict.fromkeys(axis.boundary for axis in found.convention.axes(ndim))
        yield from _verbatim("border", [f"{BOUNDARIES[rule].picture}   {rule}" for rule in rules])
    if found.frame is not None:
        kind = "copied from the signal" if found.frame.kind == "copied" else f"filled with {found.frame.value:g}"
        yield from _labelled("ring", f"outputs whose windows leave the signal are {kind}")
    if found.kernel is None:
        yield from _anchor(found, ndim)
    else:
        taps = np.array2string(
            found.kernel, precision=4, suppress_small=True, max_line_width=_WIDTH - _LABEL, threshold=90
        )
        yield from _verbatim("kernel", taps.splitlines())
        if found.fields["reversed_axes"].state != "settled" and found.definition == "undetermined":
            yield from _labelled("", "as a cross-correlation uses it; a convolution has the same taps reversed")


def _anchor(found: Identification, ndim: int) -> Iterator[str]:
    """Yield the taps of a kernel of four below the samples they meet; one pair of lines per unlike axis."""
    refused = [w for (_, w), _ in found.domain["refused"]]
    if any(k % 2 == 0 for w in refused for k in w) and all(k % 2 for _, w in found.domain["probed"] for k in w):
        yield from _labelled("anchor", "kernels of even length are refused")
        return
    if len({w for _, w in found.domain["probed"]}) == 1:
        return
    shapes = (_SAMPLES,) * ndim, (_TAPS,) * ndim
    convention = found.at(*shapes)
    assert convention is not None
    if found.fields["reversed_axes"].state != "settled":
        return
    pictures: dict[tuple[str, str], int] = {}
    for axis, w in zip(convention.axes(ndim), convention.windows(*shapes)):
        taps = range(_TAPS - 1, -1, -1) if axis.reversed else range(_TAPS)
        cells = [(_position(step * w.dilation - w.before), f"k[{tap}]") for step, tap in enumerate(taps)]
        widths = [max(map(len, cell)) for cell in cells]
        samples, used = ("  ".join(cell[i].rjust(n) for cell, n in zip(cells, widths)) for i in (0, 1))
        pictures.setdefault((samples, used), axis.number)
    for number, ((samples, used), axis_number) in enumerate(pictures.items()):
        of = f" of axis {axis_number}" if len(pictures) > 1 else ""
        label = "anchor" if number == 0 else ""
        yield from _verbatim(label, [f"sample  {samples}", f"times   {used}   four taps{of}"])


def _position(offset: int) -> str:
    return f"n{offset:+d}" if offset else "n"


def _stored(found: Identification) -> Iterator[str]:
    """Yield how sums are stored."""
    if found.arithmetic is None:
        return
    shown = [
        _NUMBERS[name].get(field.value, _NUMBERS[name][""]).format(field.value)
        for name, field in found.numbers.items()
        if name in _NUMBERS and field.state == "settled"
    ]
    if any(shown):
        yield from _labelled("numbers", ", ".join(filter(None, shown)))
    if found.layout is not None:
        layout = found.layout
        yield from _labelled("layout", f"signal {layout.signal}, kernel {layout.kernel}, result {layout.result}")


def _states(found: Identification) -> Iterator[str]:
    """Yield which fields are settled, and why the others are not."""

    def named(state: str) -> dict[str, Field]:
        return {name: field for name, field in found.fields.items() if field.state == state}

    if settled := named("settled"):
        yield from _labelled("settled", ", ".join(name.replace("_", " ") for name in settled))
    for state in ("open", "contradicted"):
        reasons = [
            f"{name.replace('_', ' ')}: {field.reason}" for name, field in named(state).items() if name != "value"
        ]
        if reasons:
            yield from _labelled(state, *reasons)


def _domain(found: Identification) -> Iterator[str]:
    """Yield for what all this holds."""
    if found.convention is None:
        return
    domain = found.domain
    kinds = "" if domain["kernels"] == "signed" else f", kernels: {domain['kernels']}"
    yield from _labelled("probed", f"{domain['ndim']}-D, {' with '.join(domain['types'])}{kinds}")
    for word in ("refused", "differs"):
        alike: dict[str, list[str]] = {}
        for (signal, kernel), answer in domain[word]:
            alike.setdefault(brief(answer, 150), []).append(f"signal {signal}, kernel {kernel}")
        texts = [
            f"{cases[0]}{f' and {len(cases) - 1} more' if len(cases) > 1 else ''}: {answer}"
            for answer, cases in alike.items()
        ]
        rest = sum(len(cases) for cases in list(alike.values())[_MOST:])
        yield from _labelled(word, *texts[:_MOST], *([f"and {rest} more"] if rest else [])) if texts else ()


def _evidence(found: Identification) -> Iterator[str]:
    yield from _labelled("evidence", *found.evidence)


def _passing(found: Identification) -> Iterator[str]:
    """Yield what to pass to get either definition."""
    convention = found.convention
    if convention is None or found.definition == "undetermined" or found.kernel is not None:
        return
    ndim = found.domain["ndim"]
    turned = {axis.number for axis in convention.axes(ndim) if axis.reversed}
    pairs = {"convolution": set(range(ndim)) - turned, "cross-correlation": turned}
    conjugated = "conj(kernel)" if convention.conjugate else "kernel"
    for number, (definition, axes) in enumerate(pairs.items()):
        taps = _reversed(conjugated, sorted(axes), ndim, found)
        note = "  (complex: it conjugates)" if convention.conjugate else ""
        yield from _verbatim("to get" if number == 0 else "", [f"{definition:<18} pass {taps}{note}"])


def _reversed(kernel: str, axes: Sequence[int], ndim: int, found: Identification) -> str:
    if not axes:
        return kernel
    if found.layout is None:
        return f"{kernel}[{', '.join('::-1' if axis in axes else ':' for axis in range(ndim))}]"
    places = tuple(found.layout.kernel.index("DHW"[3 - ndim + axis]) for axis in axes)
    return f"flip({kernel}, {places})"


def expectation(found: Identification, word: str) -> bool | None:
    """Tell whether an expected definition, size or boundary was found; None where that is open."""
    if word in EXPECTED[:3]:
        return None if found.definition == "undetermined" and found.convention is not None else found.definition == word
    if found.convention is None:
        return False
    name = "boundary" if word in BOUNDARIES else "size"
    field = found.fields[name]
    if field.state != "settled":
        return None
    return set(field.value) == {word}
