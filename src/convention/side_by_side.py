"""A comparison as one labelled picture: input, kernel, both results, and their difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convention.arrays import Array, library_of
from convention.comparison import Comparison
from convention.comparison.measures import difference_of
from convention.errors import ConventionValueError
from convention.pictures import Panel, reduced, sheet
from convention.pictures.colours import BLUE, ORANGE
from convention.pictures.lettering import number
from convention.pictures.panels import Frame

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["comparison_sheet"]

_PANEL = (320, 260)
_CROP = (65, 80)
"""Rows and columns of the part that is shown enlarged, four pixels per sample."""

_SAMPLED, _BEYOND = 2**18, 0.25
"""A scale is taken from about so many results, leaving out so many percent of them at either end."""

_TITLES = ("convolution", "cross-correlation")
_DIFFERENCE = "difference: convolution − cross-correlation"


@dataclass(frozen=True, eq=False)
class _Scene:
    """Planes of rows and columns, perhaps in colour, and the scales that both results and all parts share."""

    signal: NDArray[Any]
    results: tuple[NDArray[Any], NDArray[Any]]
    signal_scale: tuple[float, float]
    result_scale: tuple[float, float]
    difference_scale: tuple[float, float]
    frame: Frame | None
    rounding: bool
    """Whether rounding explains every difference."""
    notes: tuple[str, ...]


def comparison_sheet(
    comparison: Comparison, signal: Array, kernel: Array, *, axes: Sequence[int] | None = None, name: str = ""
) -> Image:
    """Draw a comparison: input, kernel as given and as convolution uses it, both results, their difference.

    Parameters
    ----------
    comparison : Comparison
        What `compare` returned for these arrays, with a size that gives as many outputs as samples.
    signal, kernel : array
        As they were compared.
    axes : sequence of int, optional
        The spatial axes, as they were given to `compare`. One further axis of length 3, behind rows and columns, is
        shown as red, green and blue. Of other further axes, and of more than two spatial ones, the plane with the
        largest difference is shown.
    name : str
        Of the data, for the input's title.

    Returns
    -------
    PIL image
        One sheet; of large planes also the part where they differ most, enlarged.

    Raises
    ------
    ConventionValueError
        If the results are complex, there is nothing to show, or the results have not the signal's shape.
    MissingLibraryError
        If Pillow is not installed.
    """
    x, w = (library_of(array=one).to_numpy(library_of(array=one).array("array", one)) for one in (signal, kernel))
    spatial = tuple(range(x.ndim)) if axes is None else tuple(axis % x.ndim for axis in axes)
    scene = _scene(comparison, x, w.shape[-len(spatial) :], spatial)
    panels = [_signal_panel(scene), *_kernel_panels(w, len(spatial)), *_result_panels(scene, scene.frame)]
    if scene.frame is not None:
        panels += _enlarged(scene, scene.frame)
    if name:
        panels[0] = replace(panels[0], title=f"input: {name}")
    verdict = comparison.verdict[0].upper() + comparison.verdict[1:]
    return sheet(panels, columns=3, title=f"{verdict}.", caption="\n".join(scene.notes), panel_size=_PANEL)


def _scene(
    comparison: Comparison, signal: NDArray[Any], kernel_shape: tuple[int, ...], spatial: tuple[int, ...]
) -> _Scene:
    library = library_of(array=comparison.convolution)
    results = [library.to_numpy(one) for one in (comparison.convolution, comparison.correlation)]
    if np.iscomplexobj(results[0]):
        raise ConventionValueError(
            "a picture of complex results",
            "magnitudes would hide what differs",
            "real results",
            "compare the real and the imaginary part each: signal.real, signal.imag, and a real kernel",
        )
    if signal.size == 0 or results[0].shape != signal.shape:
        raise ConventionValueError(
            f"a picture of results of shape {results[0].shape} for a signal of shape {signal.shape}",
            "they do not lie on top of each other" if signal.size else "there is nothing to show",
            "as many outputs as samples, at least one",
            "compare with size='same' and stride=1",
        )
    where = comparison.where or (0,) * signal.ndim
    signal, a, b = (_plane(one, where, spatial) for one in (signal, *results))
    notes = []
    if signal.ndim == 3:
        notes.append("Of the three colours, the difference shows the one that differs most.")
    if (left := signal.ndim) < len(comparison.where or ()) and left == 2 and len(where) > 2:
        shown = ", ".join(":" if axis in spatial[-2:] else str(p) for axis, p in enumerate(where))
        notes.append(f"Shown is the plane [{shown}].")
    frame = None
    if signal.shape[0] > _PANEL[1] or signal.shape[1] > _PANEL[0]:
        notes.append("Large pictures are reduced: means of blocks; of the difference what is farthest from zero.")
        if comparison.relation != "identical":
            frame = _frame(_difference(a, b), signal.shape, max(kernel_shape))
    scales = _scales(signal, a, b)
    rounding = comparison.relation == "identical"
    limit = 1.0 if rounding else _limit(a, b)
    return _Scene(signal, (a, b), *scales, (-limit, limit), frame, rounding, tuple(notes))


def _plane(array: NDArray[Any], where: Sequence[int], spatial: tuple[int, ...]) -> NDArray[Any]:
    """Return rows and columns of an array, with a colour axis where it has one behind them."""
    if array.ndim == 3 and spatial == (0, 1) and array.shape[2] == 3:
        return array
    shown = spatial[-2:]
    plane = array[tuple(slice(None) if axis in shown else p for axis, p in enumerate(where))]
    if len(shown) == 1:
        return plane[None]
    return plane if shown[0] < shown[1] else plane.T


def _difference(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Return a - b as far as a panel shows it: of each block, and of its colours, what is farthest from zero."""
    rows, columns = _shown(a.shape)
    starts = [*(np.arange(rows) * a.shape[0] // rows), a.shape[0]]
    parts = [  # a few rows at a time: the whole difference may be as large as both results together
        reduced(difference_of(a[start:stop], b[start:stop]).astype(np.float64), 1, columns, "extreme")
        for start, stop in pairwise(starts)
    ]
    small = np.concatenate(parts)
    if small.ndim == 3:
        most = np.abs(small).argmax(axis=2)
        small = np.take_along_axis(small, most[:, :, None], axis=2)[:, :, 0]
    return small


def _frame(difference: NDArray[np.float64], shape: Sequence[int], margin: int) -> Frame:
    """Return the part around the largest difference; that of a border only where there is no other."""
    small = np.nan_to_num(np.abs(difference), posinf=0)
    rows, columns = (-(-margin * n // full) for n, full in zip(small.shape, shape))
    inside = small[rows : small.shape[0] - rows, columns : small.shape[1] - columns]
    if not inside.any():
        rows, columns, inside = 0, 0, small
    block = np.unravel_index(int(inside.argmax()), inside.shape)
    place = [(int(b) + m + 0.5) * full / n for b, m, n, full in zip(block, (rows, columns), small.shape, shape)]
    size = [min(most, n) for most, n in zip(_CROP, shape)]
    top, left = (min(max(round(p) - n // 2, 0), full - n) for p, n, full in zip(place, size, shape))
    return top, left, size[0], size[1]


def _scales(signal: NDArray[Any], a: NDArray[Any], b: NDArray[Any]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return what is black and white: for the signal, and for both results."""
    whole = (0.0, float(np.iinfo(signal.dtype).max)) if signal.dtype in (np.uint8, np.uint16) else _ends(signal)
    low, high = zip(_ends(a), _ends(b))
    first, last = min(low), max(high)
    if first < 0:  # then zero is mid-grey
        first, last = -max(-first, last), max(-first, last)
    elif last <= whole[1] and whole[0] <= 0:  # nothing is brighter than in the signal: show it as bright
        first, last = whole
    else:
        first = min(first, 0.0)
    return whole, (first, last)


def _ends(array: NDArray[Any]) -> tuple[float, float]:
    """Return a lowest and a highest number that a few outliers do not decide."""
    step = _step(array)
    few = _finite(array[::step, ::step])
    if not few.size:
        return 0.0, 1.0
    beyond = _BEYOND if step > 1 else 0
    low, high = np.percentile(few, (beyond, 100 - beyond))
    return float(low), float(high)


def _limit(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Return the magnitude of the difference that has the full colour: exceeded by few, and not zero."""
    step = _step(a)
    few = np.abs(_finite(difference_of(a[::step, ::step], b[::step, ::step])))
    if step == 1:
        return float(few.max(initial=0)) or 1.0
    return float(np.percentile(few, 100 - 2 * _BEYOND)) or float(np.abs(_finite(_difference(a, b))).max())


def _step(array: NDArray[Any]) -> int:
    """Return how far apart rows and columns are taken for a scale."""
    return max(1, int((array.size / _SAMPLED) ** 0.5))


def _finite(array: NDArray[Any]) -> NDArray[np.float64]:
    numbers = array.astype(np.float64)
    finite: NDArray[np.float64] = numbers[np.isfinite(numbers)]
    return finite


def _signal_panel(scene: _Scene) -> Panel:
    rows, columns = scene.signal.shape[:2]
    note = f"{rows} rows, {columns} columns" if rows > 1 else f"{columns} in a row"
    note += ", 3 colours" if scene.signal.ndim == 3 else ""
    if scene.frame is not None:
        note += "; the frame is enlarged below"
    return Panel("input", _small(scene.signal), note=note, scale=scene.signal_scale, frame=_scaled(scene), bar=True)


def _kernel_panels(kernel: NDArray[Any], count: int) -> list[Panel]:
    planes: list[NDArray[Any]] = [kernel, np.flip(kernel, tuple(range(-count, 0)))]
    marks: list[str | None] = ["first", "last"]
    note = f"Cross-correlation uses it so. The mark shows k[{', '.join('0' * count)}]."
    if kernel.ndim > 2:
        middle = tuple(n // 2 for n in kernel.shape[:-2])
        planes, marks = [one[middle] for one in planes], [None, None]
        note = f"Cross-correlation uses it so. Shown is [{', '.join(map(str, middle))}, :, :]."
    words = {1: "reversed", 2: "turned by 180°"}.get(count, "reversed along every axis")
    return [
        Panel("kernel as given", planes[0], "kernel", note, mark=marks[0]),
        Panel(f"kernel {words}", planes[1], "kernel", "Convolution uses it so.", mark=marks[1]),
    ]


def _result_panels(scene: _Scene, frame: Frame | None) -> list[Panel]:
    shown = None if frame is None else _scaled(scene)
    zero = "zero is mid-grey, " if scene.result_scale[0] < 0 else ""
    note = f"{zero}same scale for both results"
    panels = [
        Panel(title, _small(plane), note=note, scale=scene.result_scale, bar=True, frame=shown, colour=colour)
        for title, plane, colour in zip(_TITLES, scene.results, (BLUE, ORANGE))
    ]
    ends = ("cross-correlation larger", "convolution larger")
    difference = _difference(*scene.results)
    note = "white: no difference"
    if scene.rounding:
        most = number(np.abs(difference).max())
        note = f"white everywhere: no difference{f' but rounding, at most {most}' if difference.any() else ''}"
        difference = np.zeros_like(difference)
    scale = scene.difference_scale
    return [*panels, Panel(_DIFFERENCE, difference, "signed", note, scale=scale, ends=ends, frame=shown)]


def _enlarged(scene: _Scene, frame: Frame) -> list[Panel]:
    top, left, rows, columns = frame
    place = f", crop at [{top}, {left}]"
    here = slice(top, top + rows), slice(left, left + columns)
    a, b = scene.results
    part = replace(scene, results=(a[here], b[here]))
    note = f"{rows} rows, {columns} columns, where the results differ most, borders aside"
    return [
        replace(panel, title=panel.title.partition(":")[0] + place, note=note, bar=False)
        for panel in _result_panels(part, None)
    ]


def _small(plane: NDArray[Any]) -> NDArray[Any]:
    """Return a plane as far as a panel shows it: later steps need not read a large one again."""
    return plane if plane.shape[:2] == _shown(plane.shape) else reduced(plane, *_shown(plane.shape))


def _shown(shape: Sequence[int]) -> tuple[int, int]:
    """Return how many rows and columns a panel shows of a plane."""
    share = min(1, _PANEL[1] / shape[0], _PANEL[0] / shape[1])
    return max(1, round(shape[0] * share)), max(1, round(shape[1] * share))


def _scaled(scene: _Scene) -> Frame | None:
    """Return the frame in rows and columns of the reduced planes."""
    if scene.frame is None:
        return None
    high, wide = (small / full for small, full in zip(_shown(scene.signal.shape), scene.signal.shape))
    top, left, rows, columns = scene.frame
    return round(top * high), round(left * wide), max(1, round(rows * high)), max(1, round(columns * wide))
