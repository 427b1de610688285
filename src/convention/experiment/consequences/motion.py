"""Cost 2: blur with a direction. The image moves the other way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convention.engine import convolve, correlate
from convention.experiment.consequences.cost import Cost, Figure, signed
from convention.experiment.consequences.data import Photograph
from convention.experiment.evidence import Check

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["STREAK", "displacement", "motion"]

STREAK = np.zeros((17, 33), dtype=np.int64)
"""A camera that starts at the centre tap [8, 16] and moves to the lower right while the shutter is open."""
STREAK[8:, 16:][[0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 6, 6, 7, 8, 8], range(17)] = 1

_CELL = 4


def motion(photo: Photograph) -> Cost:
    """Return how far a blur with a direction moves a photograph, under each definition."""
    rows, columns = (length // 2 for length in STREAK.shape)
    original = photo.samples[rows:-rows, columns:-columns]
    results = {
        "convolution": convolve(photo.samples, STREAK, size="valid"),
        "cross-correlation": correlate(photo.samples, STREAK, size="valid"),
    }
    centre = _centre_of_mass(STREAK)
    right, wrong = (displacement(result, original, (rows, columns)) for result in results.values())
    apart = float(np.hypot(right[0] - wrong[0], right[1] - wrong[1]))
    checks = (
        Check("as convolution, the image moves to where the streak's centre of mass is", "equals", centre, right),
        Check(
            "as cross-correlation, it moves just as far the other way",
            "equals",
            tuple(-length for length in centre),
            wrong,
        ),
    )
    return Cost(
        number=2,
        name="motion",
        title="Blur with a direction: the image moves the other way",
        sentence=f"The same motion blur moves the photograph by {_pair(right)} rows and columns as convolution "
        f"and by {_pair(wrong)} as cross-correlation: {apart:.1f} pixels apart.",
        figures=(
            Figure("the streak's centre of mass, from the centre tap", centre, _pair(centre)),
            Figure("moved by (rows, columns) as convolution", right, _pair(right)),
            Figure("moved by (rows, columns) as cross-correlation", wrong, _pair(wrong)),
            Figure("distance between the two", apart, f"{apart:.1f} pixels"),
        ),
        checks=checks,
        paragraph="A point-spread function says where the light of one point goes. Convolution sends it there: a "
        "streak to the lower right smears the image to the lower right and moves it by the streak's centre of mass. "
        "Cross-correlation reads the streak backwards and moves the image to the upper left. Both results look "
        "equally blurred; only beside the original one sees that everything has moved, and by how much was measured "
        "here by registering each result against the original.",
        avoid="What spreads from a point (motion, a lens, scattered light, an echo) is a convolution. Check it with "
        "an image of a single 1: the result must be the kernel as you drew it. A kernel whose centre of mass is its "
        "centre tap hides the mistake.",
        alt="The streak, and a detail of the photograph three times, with cross-hairs at the same place: the original, "
        "the blur as convolution, moved to the lower right, and as cross-correlation, moved to the upper left.",
        draw=lambda: _draw(photo, results, right, wrong),
    )


def displacement(result: NDArray[Any], original: NDArray[Any], reach: tuple[int, int]) -> tuple[int, int]:
    """Return by how many (rows, columns) a result has moved, by the peak of the normalised cross-correlation.

    Parameters
    ----------
    result, original : array, shape (rows, columns)
        Of one shape.
    reach : (rows, columns)
        The furthest displacements to try.

    Examples
    --------
    >>> image = np.arange(49).reshape(7, 7) ** 2 % 11
    >>> displacement(np.roll(image, (1, -1), (0, 1)), image, (2, 2))
    (1, -1)
    """
    # By NumPy's transforms: what is measured is not computed by the operation that it measures.
    counts = tuple(2 * most + 1 for most in reach)
    inside = tuple(slice(most, -most) for most in reach)
    template = original[inside] - original[inside].mean()
    moved = result - result.mean()
    spectrum = np.fft.rfft2(moved) * np.conj(np.fft.rfft2(template, moved.shape))
    products = np.fft.irfft2(spectrum, moved.shape)[: counts[0], : counts[1]]
    size = template.size
    squares = _window_sums(moved**2, template.shape) - _window_sums(moved, template.shape) ** 2 / size
    similar = products / np.sqrt(np.maximum(squares, 1e-9))
    down, along = (int(index) for index in np.unravel_index(int(similar.argmax()), counts))
    return down - reach[0], along - reach[1]


def _window_sums(samples: NDArray[np.float64], window: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the sum over each window of a shape that lies inside."""
    sums = np.pad(samples, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    rows, columns = window
    found: NDArray[np.float64] = (
        sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns] + sums[:-rows, :-columns]
    )
    return found


def _centre_of_mass(kernel: NDArray[np.int64]) -> tuple[float, ...]:
    """Return where the weight of a kernel lies, from its centre tap; whole numbers as ``int``."""
    offsets = np.indices(kernel.shape).reshape(2, -1) - np.array([[length // 2] for length in kernel.shape])
    means = (float(mean) for mean in (offsets * kernel.ravel()).sum(axis=1) / kernel.sum())
    return tuple(int(mean) if mean.is_integer() else mean for mean in means)


def _pair(moved: tuple[float, ...]) -> str:
    return f"({', '.join(signed(length) for length in moved)})"


def _draw(photo: Photograph, results: dict[str, Any], right: tuple[int, int], wrong: tuple[int, int]) -> Image:
    from convention.experiment.consequences.drawing import COLOURS, middle_of, with_crosshair
    from convention.pictures import Panel, sheet

    part = middle_of(photo.detail)
    inside = tuple(slice(one.start - length // 2, one.stop - length // 2) for one, length in zip(part, STREAK.shape))
    at = _bright_spot(photo.samples[part])
    panels = [
        Panel(
            "The blur: where the light of one point goes",
            STREAK,
            kind="kernel",
            bar=False,
            frame=(8, 16, 1, 1),
            note="Seventeen taps of 1, from the centre tap [8, 16] (framed) to the lower right.",
        ),
        Panel(
            "The photograph (detail)",
            with_crosshair(photo.samples[part], at, None, _CELL),
            kind="drawing",
            note="The cross-hairs are at the same place in all three.",
        ),
    ]
    for definition, moved in zip(results, (right, wrong)):
        blurred = results[definition][inside] / STREAK.sum()
        panels.append(
            Panel(
                f"Blurred, {definition}: moved by {_pair(moved)}",
                with_crosshair(blurred, at, moved, _CELL),
                kind="drawing",
                note="The arrow shows how far everything has moved, as measured.",
                colour=COLOURS[definition],
            )
        )
    return sheet(
        panels,
        columns=2,
        title="2. One motion blur, two definitions: the image moves the other way",
        panel_size=(340, 320),
    )


def _bright_spot(samples: NDArray[np.int64]) -> tuple[int, int]:
    """Return what is brightest beside its surroundings, away from the border: such a spot shows a smear."""
    sums = [convolve(samples, np.ones((side, side), np.int64), boundary="half-sample") / side**2 for side in (3, 15)]
    quarter = min(samples.shape) // 5
    contrast = (sums[0] - sums[1])[quarter:-quarter, quarter:-quarter]
    row, column = np.unravel_index(int(contrast.argmax()), contrast.shape)
    return int(row) + quarter, int(column) + quarter
