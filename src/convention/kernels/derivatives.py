"""Kernels that tell differences: sobel, prewitt, scharr, laplacian, emboss, sharpen and gabor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.kernels.parameters import LONGEST, cosine_and_sine, length_of_axis, one_of, real, spelled
from convention.kernels.record import NamedKernel, of_factors, of_taps

__all__ = ["emboss", "gabor", "laplacian", "prewitt", "scharr", "sharpen", "sobel"]

_OPENCV = "https://docs.opencv.org/4.x/d4/d86/group__imgproc__filter.html"
_SCIPY_PREWITT = "https://docs.scipy.org/doc/scipy/reference/generated/scipy.ndimage.prewitt.html"
_GIMP = "https://docs.gimp.org/2.10/en/gimp-filter-convolution-matrix.html"
_GONZALEZ = "R. C. Gonzalez and R. E. Woods, Digital Image Processing, 3rd edition, figure 3.37(b)"

_DIRECTIONS = ("x", "y")
_TOWARDS = {"x": "to the right", "y": "towards the bottom"}


def sobel(direction: str, size: int = 3) -> NamedKernel:
    """Return the Sobel derivative along x (columns) or y (rows).

    Parameters
    ----------
    direction : "x" or "y"
        Along which axis the differences are taken; the other is smoothed.
    size : int
        Taps along each axis, odd.

    Returns
    -------
    NamedKernel
        int64, with factors. As OpenCV's Sobel: under cross-correlation positive where the image gets brighter to
        the right (x) or towards the bottom (y), under convolution negative there.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If the direction is neither, or the size no odd integer from 3 to 31.

    Notes
    -----
    scipy.ndimage.sobel cross-correlates with the same taps. scikit-image's sobel_v has them reversed, convolves and
    divides by 4: the same sign. MATLAB's ``fspecial("sobel")`` cross-correlates with those of y reversed: the
    other sign.

    Examples
    --------
    >>> sobel("x").taps.tolist()
    [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    >>> [factor.tolist() for factor in sobel("x").factors]
    [[1, 2, 1], [-1, 0, 1]]
    """
    one_of("sobel", "direction", direction, _DIRECTIONS)
    size = length_of_axis("sobel", "size", size, least=3, most=31)  # 31 is OpenCV's largest
    smooth = [math.comb(size - 1, k) for k in range(size)]
    difference = np.convolve([math.comb(size - 3, k) for k in range(size - 2)], [-1, 0, 1])
    name = f"sobel-{direction}" + (f"-{size}" if size != 3 else "")
    return _derivative(name, direction, smooth, difference, _OPENCV)


def prewitt(direction: str) -> NamedKernel:
    """Return the Prewitt derivative along x (columns) or y (rows).

    Parameters
    ----------
    direction : "x" or "y"
        Along which axis the differences are taken; the other is summed.

    Returns
    -------
    NamedKernel
        int64, shape (3, 3), with factors. As scipy.ndimage.prewitt: under cross-correlation positive where the image
        gets brighter to the right (x) or towards the bottom (y), under convolution negative there.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If the direction is neither.

    Notes
    -----
    scikit-image's prewitt_v has these taps reversed, convolves and divides by 3: the same sign. MATLAB's
    ``fspecial("prewitt")`` cross-correlates with those of y reversed: the other sign.

    Examples
    --------
    >>> prewitt("y").taps.tolist()
    [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]
    """
    one_of("prewitt", "direction", direction, _DIRECTIONS)
    return _derivative(f"prewitt-{direction}", direction, [1, 1, 1], [-1, 0, 1], _SCIPY_PREWITT)


def scharr(direction: str) -> NamedKernel:
    """Return the Scharr derivative along x (columns) or y (rows).

    Parameters
    ----------
    direction : "x" or "y"
        Along which axis the differences are taken; the other is smoothed.

    Returns
    -------
    NamedKernel
        int64, shape (3, 3), with factors. As OpenCV's Scharr: under cross-correlation positive where the image gets
        brighter to the right (x) or towards the bottom (y), under convolution negative there.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If the direction is neither.

    Notes
    -----
    scikit-image's scharr_v has these taps reversed, convolves and divides by 16: the same sign.

    Examples
    --------
    >>> scharr("x").taps.tolist()
    [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]
    """
    one_of("scharr", "direction", direction, _DIRECTIONS)
    return _derivative(f"scharr-{direction}", direction, [3, 10, 3], [-1, 0, 1], _OPENCV)


def laplacian(neighbours: int = 4) -> NamedKernel:
    """Return the discrete Laplacian of four or of eight neighbours.

    Parameters
    ----------
    neighbours : 4 or 8
        With 4 the sum of both second differences, as OpenCV's Laplacian of size 1 and scipy.ndimage.laplace; with 8
        the diagonal neighbours too.

    Returns
    -------
    NamedKernel
        int64, shape (3, 3): negative in the middle, so positive in a dark spot. Reversal changes no tap.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If it is neither.

    Notes
    -----
    Some texts and programs have both kernels with the other sign, positive in the middle.

    Examples
    --------
    >>> laplacian().taps.tolist()
    [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    """
    one_of("laplacian", "neighbours", neighbours, (4, 8))
    corner = 1 if neighbours == 8 else 0
    taps = [[corner, 1, corner], [1, -neighbours, 1], [corner, 1, corner]]
    note = "negative in the middle, so positive in a dark spot; some texts have the other sign"
    source = _OPENCV if neighbours == 4 else _GONZALEZ
    return of_taps(f"laplacian-{neighbours}", taps, "cross-correlation", source, note)


def emboss() -> NamedKernel:
    """Return the emboss kernel of GIMP's manual.

    Returns
    -------
    NamedKernel
        int64, shape (3, 3), sum 1. Under cross-correlation, which GIMP's manual describes, bright shapes look
        raised and lit from the upper left; under convolution lit from the lower right, so pressed in.

    Examples
    --------
    >>> emboss().taps.tolist()
    [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]
    """
    note = (
        "lit from the upper left under cross-correlation; from the lower right under convolution, "
        "so that what was raised looks pressed in"
    )
    return of_taps("emboss", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], "cross-correlation", _GIMP, note)


def sharpen() -> NamedKernel:
    """Return the sharpening kernel of GIMP's manual: the signal minus its Laplacian.

    Returns
    -------
    NamedKernel
        int64, shape (3, 3), sum 1. Reversal changes no tap.

    Examples
    --------
    >>> sharpen().taps.tolist()
    [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
    """
    note = "the signal minus its Laplacian of four neighbours"
    return of_taps("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]], "cross-correlation", _GIMP, note)


def gabor(
    size: int = 9, sigma: float = 2, theta: float = 0, wavelength: float = 4, gamma: float = 1, psi: float = 90
) -> NamedKernel:
    """Return a Gabor kernel, as OpenCV's getGaborKernel stores it.

    Parameters
    ----------
    size : int
        Taps along each axis, odd.
    sigma : float
        The standard deviation of the Gaussian, in samples.
    theta : float
        The direction across the stripes, in degrees from the columns' axis towards the rows' (clockwise as seen).
    wavelength : float
        The stripes' period in samples; below 2 they alias.
    gamma : float
        Along the stripes the Gaussian's standard deviation is sigma/gamma.
    psi : float
        The phase in degrees: 0 is even, 90 (OpenCV's default) is odd.

    Returns
    -------
    NamedKernel
        float64; with factors where theta is a multiple of 90.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If one is out of range.

    Notes
    -----
    With g(x, y) = exp(-(u^2 + gamma^2 v^2) / (2 sigma^2)) cos(2 pi u / wavelength + psi), u = x cos(theta) +
    y sin(theta), v = y cos(theta) - x sin(theta), OpenCV stores g(-x, -y): its filter2D, a cross-correlation,
    then computes the convolution with g. Measured by tests/truth/test_kernels.py.

    Examples
    --------
    >>> gabor(3, 1e6, 0, 4).taps.round(9).tolist()
    [[-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]]
    """
    size = length_of_axis("gabor", "size", size, most=LONGEST)
    sigma = real("gabor", "sigma", sigma, least=0.01, most=1e6)
    theta = real("gabor", "theta", theta, least=-1e6, most=1e6)
    wavelength = real("gabor", "wavelength", wavelength, least=0.01, most=1e6)
    gamma = real("gabor", "gamma", gamma, least=0, most=1e6)
    psi = real("gabor", "psi", psi, least=-1e6, most=1e6)
    (cosine, sine), (even, odd) = cosine_and_sine(theta), cosine_and_sine(psi)

    def across(u: NDArray[Any]) -> NDArray[Any]:
        turns = 2 * np.pi * u / wavelength
        # cos(-turns + psi): OpenCV stores g(-x, -y).
        return np.asarray(np.exp(-0.5 * (u / sigma) ** 2) * (even * np.cos(turns) + odd * np.sin(turns)))

    def along(v: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.exp(-0.5 * (gamma * v / sigma) ** 2))

    axis = np.arange(-(size // 2), size // 2 + 1)
    name = "-".join(["gabor", *map(spelled, (size, sigma, theta, wavelength, gamma, psi))])
    note = (
        "stored reversed, as OpenCV does: under cross-correlation it computes the convolution with "
        "exp(-(u^2 + gamma^2 v^2) / (2 sigma^2)) cos(2 pi u / wavelength + psi)"
    )
    if sine == 0:
        return of_factors(name, (along(axis), across(axis * cosine)), "cross-correlation", _OPENCV, note)
    if cosine == 0:
        return of_factors(name, (across(axis * sine), along(axis)), "cross-correlation", _OPENCV, note)
    u = np.add.outer(axis * sine, axis * cosine)
    v = np.add.outer(axis * cosine, -axis * sine)
    return of_taps(name, across(u) * along(v), "cross-correlation", _OPENCV, note)


def _derivative(name: str, direction: str, smooth: Any, difference: Any, source: str) -> NamedKernel:
    factors = (smooth, difference) if direction == "x" else (difference, smooth)
    towards = _TOWARDS[direction]
    note = f"positive where it gets brighter {towards} under cross-correlation, negative there under convolution"
    return of_factors(name, factors, "cross-correlation", source, note)
