"""Kernels that move or average: delta, shift, box, gaussian, motion and disk."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.errors import ConventionValueError
from convention.kernels.parameters import LONGEST, cosine_and_sine, length_of_axis, real, spelled, whole
from convention.kernels.record import NamedKernel, of_factors, of_taps

__all__ = ["box", "delta", "disk", "gaussian", "motion", "shift"]

_OPENCV = "https://docs.opencv.org/4.x/d4/d86/group__imgproc__filter.html"
_SCIPY_GAUSSIAN = "https://docs.scipy.org/doc/scipy/reference/generated/scipy.ndimage.gaussian_filter.html"
_FSPECIAL = "https://www.mathworks.com/help/images/ref/fspecial.html"
_DSPGUIDE = "http://www.dspguide.com/ch7/1.htm"

# OpenCV's getGaussianKernel has these taps for sigma <= 0 instead of a sampled Gaussian; measured by
# tests/truth/test_kernels.py on OpenCV 5.0. Older sources have the same table up to 7 and sample 9.
_OPENCV_TAPS: dict[int, list[float]] = {
    1: [1.0],
    3: [0.25, 0.5, 0.25],
    5: [0.0625, 0.25, 0.375, 0.25, 0.0625],
    7: [0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125],
    9: [n / 256 for n in (4, 13, 30, 51, 60, 51, 30, 13, 4)],
}


def delta(size: int = 3) -> NamedKernel:
    """Return the unit impulse: one tap of 1 in the middle, which changes nothing.

    Parameters
    ----------
    size : int
        Taps along each axis, odd.

    Returns
    -------
    NamedKernel
        int64, with factors. Source: S. W. Smith, The Scientist and Engineer's Guide to DSP, chapter 7.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If the size is no odd integer from 1 to 4095.

    Examples
    --------
    >>> delta().taps.tolist()
    [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    """
    size = length_of_axis("delta", "size", size)
    impulse = _impulse(size, size // 2)
    note = "changes nothing: the identity of convolution and of cross-correlation"
    return of_factors(f"delta-{size}", (impulse, impulse), "convolution", _DSPGUIDE, note)


def shift(rows: int = 0, columns: int = 1) -> NamedKernel:
    """Return the shifted impulse, which under convolution moves an image down by rows and right by columns.

    Parameters
    ----------
    rows, columns : int
        How far the convolution's result stands below and right of the signal; negative is above and left.

    Returns
    -------
    NamedKernel
        int64, shape (2 |rows| + 1, 2 |columns| + 1), with factors. Source: S. W. Smith, The Scientist and
        Engineer's Guide to DSP, chapter 7: convolving with delta[n-s] gives x[n-s].

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If one is no integer from -2047 to 2047.

    Examples
    --------
    >>> shift(0, 1).taps.tolist(), shift(0, 1).definition
    ([[0, 0, 1]], 'convolution')
    """
    far = LONGEST // 2
    r = whole("shift", "rows", rows, least=-far, most=far)
    c = whole("shift", "columns", columns, least=-far, most=far)
    factors = _impulse(2 * abs(r) + 1, abs(r) + r), _impulse(2 * abs(c) + 1, abs(c) + c)
    note = (
        f"moves the image by ({r}, {c}) rows down and columns right under convolution, "
        f"by ({-r}, {-c}) under cross-correlation"
    )
    return of_factors(f"shift-{r}-{c}", factors, "convolution", _DSPGUIDE, note)


def box(rows: int = 3, columns: int | None = None) -> NamedKernel:
    """Return the mean of a rectangle.

    Parameters
    ----------
    rows, columns : int
        Taps along each axis, odd or even; without columns it is square.

    Returns
    -------
    NamedKernel
        float64, sum 1, with factors. Source: OpenCV's blur and normalised boxFilter.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If one is no integer from 1 to 4095.

    Notes
    -----
    A box of even length has no middle tap; OpenCV anchors four taps at index 2, other libraries elsewhere.

    Examples
    --------
    >>> box(2, 4).taps.tolist()
    [[0.125, 0.125, 0.125, 0.125], [0.125, 0.125, 0.125, 0.125]]
    """
    r = whole("box", "rows", rows, least=1, most=LONGEST)
    c = r if columns is None else whole("box", "columns", columns, least=1, most=LONGEST)
    note = f"the mean of {r} by {c} samples"
    if r % 2 == 0 or c % 2 == 0:
        note += "; an even length has no middle tap, and libraries differ in where they centre it"
    name = f"box-{r}" if r == c else f"box-{r}x{c}"
    return of_factors(name, (np.full(r, 1 / r), np.full(c, 1 / c)), "cross-correlation", _OPENCV, note)


def gaussian(size: int | None = None, sigma: float | None = None) -> NamedKernel:
    """Return a Gaussian by its size, its sigma, or both.

    Parameters
    ----------
    size : int, optional
        Taps along each axis, odd. Without a sigma they are those of OpenCV's getGaussianKernel: up to 9 its
        fixed taps, which are no sampled Gaussian; from 11 on sampled with sigma = 0.3*((size-1)/2 - 1) + 0.8.
    sigma : float, optional
        The standard deviation in samples. Without a size the radius is int(4*sigma + 0.5), as in
        scipy.ndimage.gaussian_filter.

    Returns
    -------
    NamedKernel
        float64, with factors: exp(-x^2 / (2 sigma^2)) at the integers x, divided by the sum of these taps. By
        default size 3.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If the size is no odd integer from 1 to 4095, or sigma no number from 0.01 to 1000000.

    Notes
    -----
    Sources: OpenCV's getGaussianKernel, scipy.ndimage.gaussian_filter; both measured by tests/truth/test_kernels.py.

    Examples
    --------
    >>> (16 * gaussian(3).taps).tolist()
    [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    >>> gaussian(sigma=1.5).taps.shape, gaussian(5, 1.5).taps.shape
    ((13, 13), (5, 5))
    """
    if sigma is not None:
        sigma = real("gaussian", "sigma", sigma, least=0.01, most=1e6)
    if size is None and sigma is not None:
        return _gaussian_of_sigma(sigma)
    n = length_of_axis("gaussian", "size", 3 if size is None else size)
    name, how = f"gaussian-{n}", "sampled at the integers and divided by their sum, as OpenCV's getGaussianKernel"
    if sigma is None and n in _OPENCV_TAPS:
        row = np.array(_OPENCV_TAPS[n])
        how = f"the fixed taps that OpenCV's getGaussianKernel has for size {n}"
    elif sigma is None:
        sigma = 0.3 * ((n - 1) * 0.5 - 1) + 0.8  # OpenCV's documented choice
        row, how = _sampled(n // 2, sigma), f"sigma {sigma:.6g} from the size, {how}"
    else:
        name += f"-{spelled(sigma)}"
        row, how = _sampled(n // 2, sigma), f"sigma {spelled(sigma)}, {how}"
    return of_factors(name, (row, row), "cross-correlation", _OPENCV, f"blurs: {how}")


def motion(length: float = 9, angle: float = 0) -> NamedKernel:
    """Return the blur of a camera that moves along a straight line, centred.

    Parameters
    ----------
    length : float
        How many samples the motion covers, at least 1.
    angle : float
        The line's direction in degrees, counter-clockwise from the horizontal.

    Returns
    -------
    NamedKernel
        float64, sum 1; with factors along the rows or the columns. The line ends (length - 1)/2 either side of the
        middle tap; each tap is max(0, 1 - its distance to the line), divided by the sum of all.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If the length is no number from 1 to 4093, or the angle is not finite.

    Notes
    -----
    This is the algorithm that MATLAB documents for ``fspecial("motion", length, angle)``. MATLAB's own program
    gives less weight beside the ends of slanted lines: for (3, 45) it prints 0.3215 in the middle, the documented
    algorithm gives 0.2991. Along rows and columns they agree.

    Examples
    --------
    >>> (5 * motion(5).taps).tolist()
    [[1.0, 1.0, 1.0, 1.0, 1.0]]
    >>> motion(5, 90).taps.shape
    (5, 1)
    """
    length = real("motion", "length", length, least=1, most=LONGEST - 2)
    angle = real("motion", "angle", angle, least=-1e6, most=1e6)
    cosine, sine = cosine_and_sine(angle)
    half = (length - 1) / 2
    y, x = (np.arange(-r, r + 1) for r in (math.ceil(half * abs(sine)) + 1, math.ceil(half * abs(cosine)) + 1))
    along = np.add.outer(-y * sine, x * cosine)  # rows are counted downwards, angles counter-clockwise
    across = np.add.outer(y * cosine, x * sine)
    taps = np.maximum(0, 1 - np.hypot(np.maximum(np.abs(along) - half, 0), across))
    taps = taps[np.ix_(taps.any(axis=1), taps.any(axis=0))]
    taps /= taps.sum()
    name = f"motion-{spelled(length)}-{spelled(angle)}"
    note = "centred, so the image does not move: max(0, 1 - distance to the line), divided by the sum"
    if 1 in taps.shape:
        column, row = (np.ones(1), taps[0]) if len(taps) == 1 else (taps[:, 0], np.ones(1))
        return of_factors(name, (column, row), "cross-correlation", _FSPECIAL, note)
    return of_taps(name, taps, "cross-correlation", _FSPECIAL, note)


def disk(radius: float = 3) -> NamedKernel:
    """Return the mean of a disk: the blur of a lens that is out of focus.

    Parameters
    ----------
    radius : float
        The disk's radius in samples. The kernel has 2*ceil(radius - 1/2) + 1 taps along each axis.

    Returns
    -------
    NamedKernel
        float64, sum 1: each tap is the area that the disk covers of its unit square, divided by the disk's.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If the radius is no number from 0.01 to 2047.

    Notes
    -----
    Source: MATLAB's ``fspecial("disk", radius)``. scikit-image's ``morphology.disk`` has zeros and ones instead.

    Examples
    --------
    >>> disk(0.5).taps.tolist(), disk(3).taps.shape
    ([[1.0]], (7, 7))
    """
    radius = real("disk", "radius", radius, least=0.01, most=LONGEST // 2)
    edges = np.arange(math.ceil(radius - 0.5) + 2) - 0.5
    covered = np.diff(np.diff(_quarter_area(edges, radius), axis=0), axis=1)
    nearest = np.maximum(edges[:-1], 0)
    covered = np.clip((covered + covered.T) / 2, 0, 1)  # undo what rounding did to symmetry
    covered[np.hypot.outer(nearest, nearest) >= radius] = 0
    rows = np.concatenate([covered[:0:-1], covered])
    taps = np.concatenate([rows[:, :0:-1], rows], axis=1)
    note = "each tap is the area that the disk covers of its unit square, divided by the sum"
    return of_taps(f"disk-{spelled(radius)}", taps / taps.sum(), "cross-correlation", _FSPECIAL, note)


def _impulse(length: int, position: int) -> NDArray[Any]:
    impulse = np.zeros(length, dtype=np.int64)
    impulse[position] = 1
    return impulse


def _sampled(radius: int, sigma: float) -> NDArray[Any]:
    row = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return np.asarray(row / row.sum())


def _gaussian_of_sigma(sigma: float) -> NamedKernel:
    radius = int(4 * sigma + 0.5)  # scipy.ndimage.gaussian_filter's truncate=4.0
    if 2 * radius + 1 > LONGEST:
        raise ConventionValueError(
            f"gaussian with sigma={spelled(sigma)}",
            f"{2 * radius + 1} taps along each axis",
            f"at most {LONGEST}: sigma up to {LONGEST // 8}",
            "use a smaller sigma, or give a size too",
        )
    row = _sampled(radius, sigma)
    note = (
        f"blurs: sigma {spelled(sigma)}, sampled at the integers up to 4 sigma and divided by their sum, "
        "as scipy.ndimage.gaussian_filter"
    )
    return of_factors(f"gaussian-{spelled(sigma)}s", (row, row), "cross-correlation", _SCIPY_GAUSSIAN, note)


def _quarter_area(edges: NDArray[Any], radius: float) -> NDArray[Any]:
    """Return, for each pair of edges, the disk's signed area between the axes and them.

    Inside the disk it is x*y; else the area under the circle, integrated along x.
    """
    x, y = (np.minimum(np.abs(e), radius) for e in np.meshgrid(edges, edges))
    bend = np.sqrt(np.maximum(radius**2 - y**2, 0))  # from here on the circle is below y
    under = [(u * np.sqrt(np.maximum(radius**2 - u**2, 0)) + radius**2 * np.arcsin(u / radius)) / 2 for u in (x, bend)]
    area = np.where(x <= bend, x * y, y * bend + under[0] - under[1])
    return np.asarray(area * np.multiply.outer(np.sign(edges), np.sign(edges)))
