"""Cost 3: Richardson-Lucy deconvolution with the wrong definition in one of its two steps."""

from __future__ import annotations

from collections.abc import Callable
from math import hypot
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from convention.engine import convolve, correlate
from convention.experiment.consequences.cost import Cost, Figure
from convention.experiment.consequences.data import Photograph
from convention.experiment.evidence import Check

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ITERATIONS", "coma", "deconvolution", "richardson_lucy"]

Samples: TypeAlias = NDArray[np.float64]

ITERATIONS = 20
_WIDTH = 21
_MARGIN = 20


def deconvolution(photo: Photograph) -> Cost:
    """Return how well Richardson-Lucy restores a photograph, with the right and with the mixed definition."""
    psf = coma()
    border = _WIDTH // 2
    truth = photo.samples[border:-border, border:-border]
    blurred = np.rint(convolve(photo.samples.astype(np.float64), psf, size="valid"))  # 8 bit, like a camera's file
    before = psnr(blurred, truth)
    restored = {
        "right": richardson_lucy(blurred, psf, correlate),
        "mixed": richardson_lucy(blurred, psf, convolve),
    }
    right, mixed = ([before, *(psnr(estimate, truth) for estimate in run)] for run in restored.values())
    offset = hypot(*_centre_of_mass(psf))
    rises, falls = int((np.diff(right) > 0).sum()), int((np.diff(mixed) < 0).sum())
    checks = (
        Check("the point-spread function is off its centre, by more than a pixel", "is at most", offset, 1.0),
        Check(
            "the right definition restores: its PSNR ends above that of the blurred image",
            "is at most",
            right[-1],
            np.nextafter(before, np.inf),
        ),
        Check(
            "the mixed one destroys: its PSNR ends below that of the blurred image",
            "is at most",
            np.nextafter(before, -np.inf),
            mixed[-1],
        ),
    )
    return Cost(
        number=3,
        name="deconvolution",
        title="Deconvolution: it destroys what it should restore",
        sentence=f"Richardson-Lucy takes the blurred photograph from {before:.1f} dB to {right[-1]:.1f} dB; with the "
        f"wrong definition in one of its two steps, to {mixed[-1]:.1f} dB.",
        figures=(
            Figure("PSNR of the blurred photograph", before, f"{before:.1f} dB"),
            Figure(
                f"right, after {ITERATIONS} iterations", right, f"{right[-1]:.1f} dB (rises in {rises} of {ITERATIONS})"
            ),
            Figure(
                f"mixed, after {ITERATIONS} iterations", mixed, f"{mixed[-1]:.1f} dB (falls in {falls} of {ITERATIONS})"
            ),
            Figure("off-centre by", offset, f"{offset:.1f} pixels"),
        ),
        checks=checks,
        paragraph="Each iteration blurs the estimate (a convolution with the point-spread function), compares the "
        "result with the photograph, and spreads the ratio back (with the same function reversed, so a "
        "cross-correlation). The second step is the first one's adjoint. Someone who calls 'convolve' in both steps "
        "sends every correction to the wrong place, and the next iteration corrects that, further off. Here the "
        "point-spread function is the coma of a simple lens: most of the light lies to one side of the centre.",
        avoid="The forward step and the backward step need opposite definitions: convolve, then correlate, with one "
        "stored kernel. Test that they are adjoint: with A the one and B the other, "
        "the sums over (A x)·y and x·(B y) must be equal for random x and y. A symmetric kernel hides the mistake.",
        alt="A detail of the photograph: as it was, blurred by coma, restored by the right definition, and destroyed "
        "by the mixed one. Beside it the PSNR per iteration: one line rises, the other falls.",
        draw=lambda: _draw(photo, psf, blurred, {name: run[-1] for name, run in restored.items()}, (right, mixed)),
    )


def richardson_lucy(blurred: Samples, psf: Samples, spread_back: Callable[..., Any]) -> list[Samples]:
    """Return the estimate after each iteration of Richardson-Lucy.

    Parameters
    ----------
    blurred : array, shape (rows, columns)
        What was blurred by convolution with `psf`; not negative.
    psf : array, shape (k, k), k odd
        Sums to 1.
    spread_back : callable
        The second step: `correlate`, which is the adjoint, or anything wrong.

    Notes
    -----
    W. H. Richardson, JOSA 62 (1972) 55; L. B. Lucy, Astronomical Journal 79 (1974) 745.
    """
    estimates = [blurred]
    for _ in range(ITERATIONS):
        # A transform may round to just below zero; nothing is divided by zero either.
        expected = np.maximum(convolve(estimates[-1], psf, boundary="half-sample"), 1e-3)
        estimates.append(estimates[-1] * spread_back(blurred / expected, psf, boundary="half-sample"))
    return estimates[1:]


def coma(waves: float = 1.0, width: int = _WIDTH) -> Samples:
    """Return the point-spread function of a lens with coma: intensity, shape (width, width), sum 1.

    The squared magnitude of the Fourier transform of the pupil exp(2πi·waves·ρ³·cos θ), the light towards the
    lower right.

    Notes
    -----
    J. W. Goodman, Introduction to Fourier Optics, 3rd ed., section 6.4; the aberration is Seidel's.
    """
    grid, radius = 64, 12
    row, column = (np.indices((grid, grid)) - grid // 2) / radius
    rho = np.hypot(row, column)
    # rho^3 cos(theta), theta counted from the direction of the tail
    aberration = rho**2 * (row * np.sin(np.pi / 5) + column * np.cos(np.pi / 5))
    pupil = (rho <= 1) * np.exp(2j * np.pi * waves * aberration)
    intensity = np.abs(np.fft.fftshift(np.fft.fft2(pupil))) ** 2
    inside = slice(grid // 2 - width // 2, grid // 2 + width // 2 + 1)
    kernel: Samples = intensity[inside, inside] / intensity[inside, inside].sum()
    return kernel


def psnr(estimate: NDArray[Any], truth: NDArray[Any]) -> float:
    """Return the peak signal-to-noise ratio of 8-bit samples in dB, clipped to 0..255, away from the border."""
    inside = (slice(_MARGIN, -_MARGIN),) * 2
    error = float(np.mean((np.clip(estimate, 0, 255) - truth)[inside] ** 2))
    return 10 * float(np.log10(255**2 / error)) if error else float("inf")


def _centre_of_mass(psf: Samples) -> tuple[float, ...]:
    offsets = np.indices(psf.shape) - _WIDTH // 2
    return tuple(float((offset * psf).sum()) for offset in offsets)


def _draw(
    photo: Photograph, psf: Samples, blurred: Samples, restored: dict[str, Samples], curves: tuple[list[float], ...]
) -> Image:
    from convention.pictures import Panel, line_chart, sheet
    from convention.pictures.colours import BLUE, ORANGE

    border = _WIDTH // 2
    inside = tuple(slice(one.start - border, one.stop - border) for one in photo.detail)
    right, mixed = curves
    chart = line_chart(
        {"right": right, "mixed": mixed},
        title="Quality (PSNR) after each iteration",
        x_label="iterations",
        y_label="PSNR in dB, higher is better",
        size=(340, 320),
    )
    scale = (0.0, 255.0)
    return sheet(
        [
            Panel("The photograph (detail)", photo.samples[photo.detail], scale=scale),
            Panel(
                "The lens error: where the light of a point goes",
                -np.sqrt(psf),
                frame=(border, border, 1, 1),
                note=f"{_WIDTH} x {_WIDTH} taps, darker is more; the frame is the centre tap.",
            ),
            Panel(f"Blurred by it: {right[0]:.1f} dB", blurred[inside], scale=scale),
            Panel(
                f"Restored, right: {right[-1]:.1f} dB",
                restored["right"][inside],
                scale=scale,
                colour=BLUE,
                note="Blur by convolution, spread back by cross-correlation.",
            ),
            Panel(
                f"Restored, mixed: {mixed[-1]:.1f} dB",
                restored["mixed"][inside],
                scale=scale,
                colour=ORANGE,
                note="Convolution in both steps.",
            ),
            Panel("", chart, kind="drawing"),
        ],
        title=f"3. Richardson-Lucy deconvolution, {ITERATIONS} iterations: one wrong step destroys the image",
        panel_size=(340, 320),
    )
