"""What a catalogue entry says about one set of options, in the atlas' columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from convention.atlas.judging import PROBES
from convention.boundary import boundary_of
from convention.catalogue import Operator
from convention.definition import Convention
from convention.geometry import SIZES, Window, window

__all__ = ["describe"]

_SAMPLES, _EVEN = 12, 4


def describe(operator: Operator, options: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a row that do not come from a measurement: what the entry declares."""
    arithmetic, frame = operator.stored(options)
    row: dict[str, Any] = {
        "operator": operator.name,
        "library": operator.library.partition(".")[0],
        "options": options,
        "call": _call(operator, options),
        "says": operator.named,
        "ndims": list(operator.ndims),
        "values": asdict(arithmetic),
        "frame": frame and asdict(frame),
        "layout": operator.layout and asdict(operator.layout),
        "source": operator.source,
        "remarks": operator.remarks,
    }
    taken = _taken(operator, options)
    if not taken:
        x, w = PROBES[operator.ndims[0]][0]
        nothing = ("reversed_axes", "boundary", "value", "size", "anchor", "stride", "dilation", "upsample")
        refusal = operator.accepts(x, w, **options)
        reason = f"refuses {refusal}" if refusal else operator.faults(x, w, **options)
        computes = "refused" if refusal else "undetermined"
        return (
            row
            | {"computes": computes, "differs": False, "conjugates": False, "reason": reason}
            | dict.fromkeys(nothing)
        )
    ndim = operator.ndims[0]
    convention = taken[0][1]
    axes = convention.axes(ndim)
    every = len([axis for axis in axes if axis.reversed]) in (0, ndim)
    definition = ("convolution" if axes[0].reversed else "cross-correlation") if every else "mixed"
    outside = frame is None and any(w.before > 0 or w.after > 0 for windows, _ in taken for w in windows)
    return row | {
        "computes": definition,
        "differs": operator.named in ("convolution", "cross-correlation") and operator.named != definition,
        "conjugates": convention.conjugate,
        "reversed_axes": ("all" if axes[0].reversed else "none")
        if every
        else [axis.number for axis in axes if axis.reversed],
        "boundary": _one([boundary_of(axis.boundary).name for axis in axes]) if outside else None,
        "value": _one([_number(axis.value) for axis in axes]) if outside else None,
        "size": _one([_size([windows[axis] for windows, _ in taken]) for axis in range(ndim)]),
        "anchor": _anchor(operator, options, ndim),
        "stride": _one([axis.stride for axis in axes]),
        "dilation": _one([axis.dilation for axis in axes]),
        "upsample": _one([axis.upsample for axis in axes]),
        "reason": "",
    }


def _call(operator: Operator, options: dict[str, Any]) -> str:
    given = "".join(f", {name}={value!r}" for name, value in options.items())
    return f"{operator.name}(signal, kernel{given})"


def _taken(operator: Operator, options: dict[str, Any]) -> list[tuple[tuple[Window, ...], Convention]]:
    """Return the windows and the convention for every probe that the entry takes and whose kernel is not longer."""
    found = []
    for x, w in PROBES[operator.ndims[0]]:
        longer = any(k > n for n, k in zip(x, w))
        if not (longer or operator.accepts(x, w, **options) or operator.faults(x, w, **options)):
            convention = operator.convention(x, w, **options)
            found.append((convention.windows(x, w), convention))
    return found


def _number(value: complex) -> str:
    """Return a number as a text that is the same for 7 and 7.0, which are one constant."""
    return str(value) if isinstance(value, complex) else f"{value:g}"


def _one(values: Sequence[Any]) -> Any:
    return values[0] if len(set(values)) == 1 else list(values)


def _size(windows: Sequence[Window]) -> str:
    """Return the size as a word, as a word with what is added (before:after), or as before:after."""
    shifts: dict[str, set[tuple[int, int]]] = {word: set() for word in SIZES}
    for w in windows:
        for word, seen in shifts.items():
            of_word = window(word, w.signal, w.kernel, w.stride, w.dilation, w.upsample)
            seen.add((w.before - of_word.before, w.after - of_word.after))
    constant = {word: min(seen) for word, seen in shifts.items() if len(seen) == 1}
    exact = [word for word, shift in constant.items() if shift == (0, 0)]
    if exact:
        return exact[0]
    if "valid" in constant:
        return "{}:{}".format(*constant["valid"])
    return next((f"{word}{before:+d}:{after:+d}" for word, (before, after) in constant.items()), "by shape")


def _anchor(operator: Operator, options: dict[str, Any], ndim: int) -> Any:
    """Return which of four taps meets the output's own sample, per axis where they differ; or "refused"."""
    x, w = (_SAMPLES,) * ndim, (_EVEN,) * ndim
    if operator.accepts(x, w, **options):
        return "refused"
    anchors = operator.convention(x, w, **options).anchor(x, w)
    return list(anchors[:1] if len(set(anchors)) == 1 else anchors)
