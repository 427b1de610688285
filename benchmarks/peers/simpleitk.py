"""SimpleITK: Convolution and FFTConvolution, two and three dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import SimpleITK as sitk  # noqa: N813

from benchmarks.contest import Contender
from benchmarks.peers import THREADS
from benchmarks.peers.padding import Padding
from benchmarks.problems import Problem

__all__ = ["contenders"]

sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(THREADS)

_BOUNDARIES = {"zero": "ZERO_PAD", "edge": "ZERO_FLUX_NEUMANN_PAD", "periodic": "PERIODIC_PAD"}


def contenders(problem: Problem) -> Iterator[Contender]:
    """Yield both filters where the border is one of its three, and with a padded copy where it is not."""
    cell = problem.cell
    if cell.kind not in ("2-D", "3-D") or problem.signal.dtype.kind != "f" or cell.taps > min(cell.spatial):
        return
    kernel = sitk.GetImageFromArray(problem.spread)
    own = cell.boundary in _BOUNDARIES and cell.size != "full"
    source: Any = None if own else Padding(problem)
    image = sitk.GetImageFromArray(problem.signal)
    boundary = getattr(sitk.ConvolutionImageFilter, _BOUNDARIES[cell.boundary if own else "zero"])
    region = sitk.ConvolutionImageFilter.SAME if own and cell.size == "same" else sitk.ConvolutionImageFilter.VALID
    step = (slice(None, None, cell.stride),) * cell.ndim
    kept: list[Any] = []

    def form(function: Any) -> Any:
        def call() -> Any:
            given = image if source is None else sitk.GetImageFromArray(source())
            kept[:] = [function(given, kernel, False, boundary, region)]  # the view does not own the memory
            return sitk.GetArrayViewFromImage(kept[0])[step]

        return call

    yield Contender("SimpleITK", "Convolution", form(sitk.Convolution), 2.5)
    yield Contender("SimpleITK", "FFTConvolution", form(sitk.FFTConvolution), 0.01)
