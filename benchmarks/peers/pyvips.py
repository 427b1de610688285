"""pyvips: conv and convsep on images; it pads with copies of the edge, other borders are embedded first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("VIPS_CONCURRENCY", "2")

import pyvips  # type: ignore[import-untyped]

from benchmarks.contest import Contender
from benchmarks.problems import Problem

__all__ = ["contenders"]

_EXTENDS = {"zero": "black", "half-sample": "mirror", "edge": "copy", "periodic": "repeat"}

pyvips.cache_set_max(0)  # otherwise the second call returns the first one's result


def contenders(problem: Problem) -> Iterator[Contender]:
    """Yield conv, in float or in integers as the cell asks."""
    cell = problem.cell
    whole = cell.to == "u8" and problem.exact
    if cell.kind != "2-D" or cell.boundary not in _EXTENDS or not (whole or problem.dtype.kind == "f"):
        return
    image = pyvips.Image.new_from_array(problem.signal)
    half = (problem.extent - 1) // 2
    precision = "integer" if whole else "float"
    height, width = cell.spatial
    edge = half if cell.size == "valid" else 0
    frame = {"same": 0 if cell.boundary == "edge" else half, "valid": 0, "full": 2 * half}[cell.size]
    cut = half if frame else edge
    out_height, out_width = (n + 2 * problem.before - problem.extent + 1 for n in cell.spatial)
    step = (slice(None, None, cell.stride),) * 2

    def form(mask: Any, function: str) -> Any:
        def call() -> Any:
            given = image
            if frame:
                given = image.embed(frame, frame, width + 2 * frame, height + 2 * frame, extend=_EXTENDS[cell.boundary])
            result = getattr(given, function)(mask, precision=precision)
            return (result.crop(cut, cut, out_width, out_height) if cut else result).numpy()[step]

        return call

    yield Contender("pyvips", "conv", form(pyvips.Image.new_from_array(problem.spread_weights.tolist()), "conv"), 0.5)
    if cell.kernel in ("gaussian", "box") and problem.factors and not whole:
        mask = pyvips.Image.new_from_array([problem.factors[0].tolist()])
        yield Contender("pyvips", "convsep", form(mask, "convsep"))
