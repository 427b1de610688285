"""Cost 1: derivative filters. The gradient turns by 180 degrees, and every edge changes polarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convention.engine import convolve, correlate
from convention.experiment.consequences.cost import Cost, Figure, signed
from convention.experiment.consequences.data import Photograph
from convention.experiment.evidence import Check

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["SOBEL", "derivative"]

SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
"""As OpenCV documents it, for a cross-correlation: positive where columns get brighter to the right."""

_STRONG = 0.9


@dataclass(frozen=True)
class Gradient:
    """The gradient under one definition, and where one step along it leads."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    step: float
    """By how many grey levels the photograph is brighter one pixel along the gradient, on the average."""


def derivative(photo: Photograph) -> Cost:
    """Return what the other definition does to the gradient of a photograph."""
    fields = {
        "cross-correlation": [correlate(photo.samples, taps, size="valid") for taps in (SOBEL.T, SOBEL)],
        "convolution": [convolve(photo.samples, taps, size="valid") for taps in (SOBEL.T, SOBEL)],
    }
    squared = sum(
        field**2 for field in fields["cross-correlation"]
    )  # whole numbers, so that ties are the same anywhere
    strong = (squared >= np.quantile(squared, _STRONG, method="higher")) & (squared > 0)
    right, wrong = (_gradient(photo, rows, columns, strong) for rows, columns in fields.values())
    angles = sorted(set(_angles(right, wrong, strong).tolist()))
    largest = max(abs(a + b).max() for a, b in zip((right.rows, right.columns), (wrong.rows, wrong.columns)))
    count = int(strong.sum())
    checks = (
        Check("the photograph has strong edges", "differs from", 0, count),
        Check("at each of their pixels the two gradients point 180 degrees apart", "equals", [180.0], angles),
        Check("every response is the other one with the opposite sign, exactly", "equals", 0, int(largest)),
        Check(
            "with the definition the kernel is meant for, the gradient points to the brighter side, with the other "
            "to the darker one",
            "equals",
            ["brighter", "darker"],
            ["brighter" if one.step > 0 else "darker" for one in (right, wrong)],
        ),
    )
    return Cost(
        number=1,
        name="derivative",
        title="Derivative filters: the gradient points the other way",
        sentence=f"The Sobel gradient turns by {angles[0]:.1f} degrees at every one of {count:,} strong edge pixels: "
        "what got brighter now gets darker.",
        figures=(
            Figure("angle between the two gradients", angles, f"{', '.join(f'{a:.1f}' for a in angles[:3])} degrees"),
            Figure("strong edge pixels", count, f"{count:,}"),
            Figure(
                "one step along the gradient, as cross-correlation",
                right.step,
                f"{signed(right.step, 1)} grey levels",
            ),
            Figure("one step along the gradient, as convolution", wrong.step, f"{signed(wrong.step, 1)} grey levels"),
        ),
        checks=checks,
        paragraph="A Sobel kernel is antisymmetric: reversed along both axes it is itself times −1. So the gradient "
        "keeps its length and turns around. Edge strength looks perfect, which is why the mistake goes unnoticed; "
        "but everything that uses the direction is wrong: gradient descent climbs, an edge from dark to light counts "
        "as one from light to dark, bumps become dents in a relief, and a corner or orientation descriptor no longer "
        "matches.",
        avoid="Look at the definition that a kernel was written for. −1 0 +1 means 'brighter to the right' under "
        "cross-correlation only; for a convolution write +1 0 −1. Test it on a ramp: the derivative of 0 1 2 3 must "
        "be positive.",
        alt="A detail of the photograph, twice. Left, arrows at its edges point to the brighter side; right, with the "
        "same kernel under the other definition, every arrow points to the darker side. Below, the response of the "
        "Sobel kernel: what is orange on the left is blue on the right.",
        draw=lambda: _draw(photo, right, wrong),
    )


def _gradient(photo: Photograph, rows: Any, columns: Any, strong: NDArray[np.bool_]) -> Gradient:
    length = np.maximum(np.hypot(rows, columns), 1)
    at = np.indices(rows.shape) + 1  # "valid" begins at [1, 1]
    there = at + np.rint(np.array([rows, columns]) / length).astype(np.int64)
    difference = photo.samples[tuple(there)] - photo.samples[tuple(at)]
    return Gradient(rows, columns, float(difference[strong].mean()) if strong.any() else 0.0)


def _angles(a: Gradient, b: Gradient, strong: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the angle between two gradients at the strong pixels, in degrees, without sign."""
    ar, ac, br, bc = (field[strong] for field in (a.rows, a.columns, b.rows, b.columns))
    angles: NDArray[np.float64] = np.degrees(np.arctan2(np.abs(ar * bc - ac * br), ar * br + ac * bc))
    return angles


def _draw(photo: Photograph, right: Gradient, wrong: Gradient) -> Image:
    from convention.experiment.consequences.drawing import COLOURS, middle_of, with_arrows
    from convention.pictures import Panel, sheet

    part = middle_of(photo.detail)
    shown = photo.samples[part]
    inside = tuple(slice(one.start - 1, one.stop - 1) for one in part)  # "valid" begins at [1, 1]
    limit = float(np.abs(right.columns[inside]).max())
    panels = [Panel("The photograph (detail)", shown, scale=(0, 255))]
    words = {"cross-correlation": (right, "brighter"), "convolution": (wrong, "darker")}
    for definition, (gradient, side) in words.items():
        arrows = with_arrows(shown, _strongest(gradient.rows[inside], gradient.columns[inside]), 4)
        title = f"Gradient, {definition}: each arrow points to the {side} side"
        panels.append(Panel(title, arrows, kind="drawing", colour=COLOURS[definition]))
    panels.append(Panel("The Sobel kernel", SOBEL, kind="kernel", mark="first"))
    for definition, (gradient, _) in words.items():
        panels.append(
            Panel(
                f"Its response, {definition}",
                gradient.columns[inside],
                kind="signed",
                scale=(-limit, limit),
                ends=("darker to the right", "brighter to the right"),
                colour=COLOURS[definition],
            )
        )
    return sheet(
        panels,
        title="1. One derivative filter, two definitions: every edge changes polarity",
        caption="Arrows stand at the strongest edge of each neighbourhood. Edge strength is the same in both; "
        "only the direction is opposite, everywhere. The mark in the kernel's corner is tap [0, 0].",
        panel_size=(320, 320),
    )


def _strongest(rows: NDArray[np.int64], columns: NDArray[np.int64], apart: int = 9) -> list[Any]:
    """Return (place, direction) of the strongest edges, so far apart that their arrows do not meet."""
    length = np.hypot(rows, columns)
    left = np.zeros_like(length)
    left[apart:-apart, apart:-apart] = length[apart:-apart, apart:-apart]
    found = []
    while left.max() > 0.25 * length.max():
        row, column = (int(index) for index in np.unravel_index(int(left.argmax()), left.shape))
        found.append(((row, column), (float(rows[row, column]), float(columns[row, column]))))
        left[max(row - apart, 0) : row + apart + 1, max(column - apart, 0) : column + apart + 1] = 0
    return found
