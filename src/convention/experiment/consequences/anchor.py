"""Cost 5: even kernels. Between libraries, reversing is not enough until the anchor moves too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convention.experiment.consequences.cost import Cost, Figure
from convention.experiment.consequences.data import Photograph, library
from convention.experiment.evidence import Check

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["PORTS", "Ported", "anchor", "moved_by", "port"]

SIDES = (2, 3, 4)
"""Kernels of 2x2, 3x3 (which hides the matter) and 4x4 taps: 1, 2, 3, and so on."""

_REACH = 2


def _filter2d(samples: Any, kernel: Any, moved: bool) -> Any:
    cv2 = library("cv2")
    # By default OpenCV's anchor is side // 2; the reversed kernel needs (side - 1) // 2.
    at = ((kernel.shape[1] - 1) // 2, (kernel.shape[0] - 1) // 2) if moved else (-1, -1)
    return cv2.filter2D(samples, -1, kernel, anchor=at, borderType=cv2.BORDER_REFLECT)


def _correlate(samples: Any, kernel: Any, moved: bool) -> Any:
    origin = -1 if moved and len(kernel) % 2 == 0 else 0
    return library("scipy.ndimage").correlate(samples, kernel, origin=origin)


PORTS = {"cv2.filter2D": _filter2d, "scipy.ndimage.correlate": _correlate}
"""Where ``scipy.ndimage.convolve`` is carried to: (samples, reversed kernel, whether the anchor moves too)."""


@dataclass(frozen=True, kw_only=True)
class Ported:
    """``scipy.ndimage.convolve`` carried to another function, the kernel reversed."""

    function: str
    side: int
    moved: tuple[tuple[int, int], ...]
    """Every displacement in (rows, columns) that makes the results equal, when only the kernel is reversed."""
    differing: float
    """The share of samples that differ then."""
    left: int
    """How many samples differ when the anchor moves too, borders included."""


def anchor(photo: Photograph) -> Cost:
    """Return how far even kernels move a photograph between libraries."""
    ports = [port(photo.samples, function, side) for side in SIDES for function in PORTS]
    even = [one for one in ports if one.side % 2 == 0]
    moved = sorted({shift for one in even for shift in one.moved})
    differing = 100 * max((one.differing for one in even), default=0.0)
    checks = (
        Check(
            "with 2x2 and 4x4 taps, the reversed kernel gives the same image moved by one row and one column",
            "equals",
            {(one.function, one.side): ((1, 1),) for one in even},
            {(one.function, one.side): one.moved for one in even},
        ),
        Check(
            "with 3x3 taps nothing moves: an odd kernel cannot show it",
            "equals",
            {one.function: ((0, 0),) for one in ports if one.side == 3},
            {one.function: one.moved for one in ports if one.side == 3},
        ),
        Check(
            "once the anchor moves too, every sample is equal, borders included",
            "equals",
            [0] * len(ports),
            [one.left for one in ports],
        ),
    )
    return Cost(
        number=5,
        name="anchor",
        title="Even kernels: still one pixel off",
        sentence="Carried from scipy.ndimage.convolve to cv2.filter2D with the kernel reversed, a 2x2 or 4x4 filter "
        f"is still off by {_pairs(moved)} pixels: up to {differing:.1f} % of all samples differ, until the anchor "
        "moves too.",
        figures=(
            *(
                Figure(
                    f"{one.side}x{one.side}, {one.function}",
                    {"moved": one.moved, "differing": one.differing, "left": one.left},
                    f"{_pairs(one.moved) or 'by nothing that fits'} off; {one.left} differ once the anchor moves",
                )
                for one in ports
            ),
        ),
        checks=checks,
        paragraph="An even kernel has no middle tap, so each library picks one of the two next to the middle. "
        "scipy.ndimage.convolve, scipy.ndimage.correlate and cv2.filter2D all pick index side // 2 of the kernel that "
        "they are given. Reverse the kernel, and another tap stands at that index: the same image comes out one row "
        "and one column further. With 3x3 taps, on which everybody tests, it cannot be seen.",
        avoid="Move the anchor together with the reversal: anchor=(0, 0) for 2x2 and (1, 1) for 4x4 in cv2.filter2D, "
        "origin=-1 in scipy.ndimage.correlate. Or append a row and a column of "
        "zeros, which makes the size odd, before you reverse. "
        "Test with an even kernel of different taps and compare every sample.",
        alt="For 2x2 and 4x4 taps: the kernel and the reversed kernel, the tap at the anchor framed, which is another "
        "one after the reversal; the difference of the two libraries' results, in which every edge shows; and the "
        "difference after moving the anchor too: nothing is left.",
        draw=lambda: _draw(photo, [one for one in even if one.function == "cv2.filter2D"]),
    )


def port(samples: NDArray[np.int64], function: str, side: int) -> Ported:
    """Carry ``scipy.ndimage.convolve`` with a kernel of side x side taps to a function of `PORTS`."""
    wanted, reversed_only, both = ported_results(samples, function, side)
    return Ported(
        function=function,
        side=side,
        moved=moved_by(reversed_only, wanted),
        differing=float((reversed_only != wanted).mean()),
        left=int((both != wanted).sum()),
    )


def ported_results(samples: NDArray[np.int64], function: str, side: int) -> tuple[Any, Any, Any]:
    """Return the result wanted, with the kernel only reversed, and with the anchor moved too; all exact."""
    kernel = np.arange(1.0, side * side + 1).reshape(side, side)
    turned = np.ascontiguousarray(kernel[::-1, ::-1])
    signal = samples.astype(np.float64)  # whole numbers far below 2**53: every sum is exact
    wanted = library("scipy.ndimage").convolve(signal, kernel)
    return wanted, *(PORTS[function](signal, turned, moved) for moved in (False, True))


def moved_by(result: NDArray[Any], wanted: NDArray[Any]) -> tuple[tuple[int, int], ...]:
    """Return every displacement in (rows, columns), at most 2 each way, that makes both exactly equal inside.

    Examples
    --------
    >>> image = np.arange(100).reshape(10, 10)
    >>> moved_by(np.roll(image, 1, axis=0), image)
    ((1, 0),)
    """
    inside = (slice(2 * _REACH, -2 * _REACH),) * 2
    reach = range(-_REACH, _REACH + 1)
    return tuple(
        (down, along)
        for down in reach
        for along in reach
        if np.array_equal(np.roll(result, (-down, -along), (0, 1))[inside], wanted[inside])
    )


def _draw(photo: Photograph, ports: Sequence[Ported]) -> Image:
    from convention.experiment.consequences.drawing import middle_of
    from convention.pictures import Panel, sheet

    part = middle_of(photo.detail)
    panels = []
    for one in ports:
        side, middle = one.side, one.side // 2
        kernel = np.arange(1, side * side + 1).reshape(side, side)
        frame = (middle, middle, 1, 1)
        panels += [
            Panel("scipy.ndimage.convolve: kernel", kernel, kind="kernel", mark="first", frame=frame),
            Panel("cv2.filter2D: reversed kernel", kernel[::-1, ::-1], kind="kernel", mark="last", frame=frame),
        ]
        wanted, *others = ported_results(photo.samples, one.function, side)
        differences = [(other - wanted) / kernel.sum() for other in others]
        limit = float(np.abs(differences[0][part]).max())
        at = (side - 1) // 2
        words = (f"Difference: moved by {_pairs(one.moved)}", f"With anchor=({at}, {at}): no difference")
        for difference, title in zip(differences, words if one.left == 0 else (words[0], "With the anchor moved")):
            largest = float(np.abs(difference).max())
            panels.append(
                Panel(
                    title,
                    difference[part],
                    kind="signed",
                    scale=(-limit, limit),
                    ends=("darker", "brighter"),
                    note=f"Largest in the whole photograph: {largest:.0f}." if largest else "Every sample is equal.",
                )
            )
    return sheet(
        panels,
        columns=4,
        title="5. From scipy.ndimage.convolve to cv2.filter2D: reversing an even kernel is not enough",
        caption="The framed tap is the anchor: it multiplies the pixel itself. It has the same index in both "
        "libraries, so after the reversal it is another tap, and the image comes out moved. The black corner is tap "
        "[0, 0].",
        panel_size=(260, 260),
    )


def _pairs(moved: Sequence[tuple[int, int]]) -> str:
    """Return displacements as text."""
    return ", ".join(f"({', '.join(f'{length:+d}' if length else '0' for length in one)})" for one in moved)
