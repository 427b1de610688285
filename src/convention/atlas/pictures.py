"""Rows of the atlas as text: what lies beyond the border, and which tap meets which sample."""

from __future__ import annotations

from typing import Any

from convention.boundary import BOUNDARIES
from convention.catalogue import lookup

__all__ = ["anchor_picture", "border_picture", "small_anchor"]

_SAMPLES, _TAPS = 12, 4


def small_anchor(anchor: Any) -> str:
    """Return a picture of the four taps, # the one at the output's own sample: ``..#.``.

    Examples
    --------
    >>> small_anchor([2, 2]), small_anchor([1]), small_anchor([None]), small_anchor("refused")
    ('..#.', '.#..', 'none', 'odd')
    """
    if anchor is None:
        return "-"
    if anchor == "refused":
        return "odd"
    pictures = ["none" if tap is None else "".join("#" if t == tap else "." for t in range(_TAPS)) for tap in anchor]
    return " ".join(dict.fromkeys(pictures))


def border_picture(boundary: Any) -> str:
    """Return the signal ``a b c d`` with what lies beyond it, per axis where that differs."""
    if boundary is None:
        return "nothing outside the signal is read"
    names = [boundary] if isinstance(boundary, str) else boundary
    return "; ".join(f"{name}  {BOUNDARIES[name].picture}" for name in names)


def anchor_picture(name: str, options: dict[str, Any]) -> list[str]:
    """Return the taps of a kernel of four below the samples they meet, for the catalogue's operator and options.

    One pair of lines for each axis that is unlike those before it; empty where four taps are refused.
    """
    operator = lookup(name)
    ndim = operator.ndims[0]
    x, w = (_SAMPLES,) * ndim, (_TAPS,) * ndim
    if operator.accepts(x, w, **options):
        return []
    convention = operator.convention(x, w, **options)
    lines: dict[tuple[str, str], str] = {}
    for axis, window in zip(convention.axes(ndim), convention.windows(x, w)):
        taps = range(_TAPS - 1, -1, -1) if axis.reversed else range(_TAPS)
        cells = [(_position(step * window.dilation - window.before), f"k[{tap}]") for step, tap in enumerate(taps)]
        widths = [max(map(len, cell)) for cell in cells]
        samples, used = (" ".join(c[i].rjust(n) for c, n in zip(cells, widths)) for i in (0, 1))
        lines.setdefault((samples, used), f"axis {axis.number}")
    several = len(lines) > 1
    return [
        text
        for (samples, used), axis in lines.items()
        for text in (
            f"{axis + ': ' if several else ''}sample  {samples}",
            f"{' ' * len(axis + ': ') if several else ''}times   {used}",
        )
    ]


def _position(offset: int) -> str:
    return f"n{offset:+d}" if offset else "n"
