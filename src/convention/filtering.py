"""Images through the engine: channel by channel, a band of rows at a time, back in their own depth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convention.boundary import boundary_of, index_map
from convention.definition import Convention
from convention.engine import apply
from convention.errors import ConventionTypeError, ConventionValueError
from convention.files import Image, in_depth
from convention.files.numerals import shape_text
from convention.geometry import Window, dilated_extent, upsampled_extent

__all__ = ["check_kernel", "filter_channels", "filter_image"]

_BAND = 2**20
"""Outputs computed at a time: 8 MB of sums, however large the picture."""

_FEWEST_EXTENTS = 4
"""Neighbouring bands read as many rows twice as the kernel reaches over: at most a quarter of each."""


class _Band(NamedTuple):
    """Some rows of the result, and the part of the signal that gives them."""

    outputs: slice
    samples: NDArray[Any]
    before_after: tuple[int, int]


def check_kernel(convention: Convention, kernel: NDArray[Any]) -> None:
    """Refuse a kernel or a convention that no image can be filtered with.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If the kernel has not two axes or is complex, or a field of the convention is given for other axes.
    """
    asked = f"a kernel of dtype {kernel.dtype} and shape {shape_text(kernel.shape)} on an image"
    if kernel.ndim != 2:
        raise ConventionValueError(
            asked,
            f"it has {kernel.ndim} {'axis' if kernel.ndim == 1 else 'axes'}",
            "two axes, rows and columns: every channel is filtered alone",
            "write one row as '1 2 1;', one column as '1; 2; 1'",
        )
    if kernel.dtype.kind == "c":
        raise ConventionTypeError(asked, "its result would be complex", "real numbers", "take its real part")
    convention.windows((1, 1), kernel.shape)


def filter_image(
    convention: Convention, image: Image, kernel: NDArray[Any], *, method: str = "auto", view: str = "saturate"
) -> tuple[NDArray[Any], int]:
    """Return an image's samples after a convention with this kernel, and how many were clipped.

    Every channel alone; alpha is not touched. Memory beyond the two pictures does not grow with their size.

    Parameters
    ----------
    convention : Convention
        Of rows and columns.
    image : Image
        With `samples` of shape (rows, columns) or (rows, columns, channels).
    kernel : array, shape (k1, k2)
        Of real numbers.
    method : {"auto", "direct", "fourier"}
        As in `convolve`.
    view : {"saturate", "offset", "absolute"}
        What is stored of results that may be negative.

    Returns
    -------
    array
        In the image's own data type. Integers with an integer kernel are summed exactly; with floats the sums
        are float64. Then they are rounded half to even and saturate.
    int
        How many samples were beyond the range after rounding.

    Raises
    ------
    ConventionTypeError, ConventionValueError, ConventionOverflowError
        As `check_kernel`; or if this image cannot be filtered with it.

    Examples
    --------
    >>> from pathlib import Path
    >>> image = Image(np.array([[10, 20, 30]], dtype=np.uint8), None, "grey, 8 bit", Path("row.png"))
    >>> filter_image(Convention(), image, np.array([[1, 0, -1]]))
    (array([[20, 20,  0]], dtype=uint8), 1)
    """
    planes = image.samples.reshape(*image.samples.shape[:2], -1)
    check_kernel(convention, kernel)
    windows = convention.windows(planes.shape[:2], kernel.shape)
    result = np.empty((*(window.outputs for window in windows), planes.shape[2]), image.samples.dtype)
    clipped = 0
    for band in _bands(convention, planes, windows):
        part = replace(convention.resolve(2), size=(band.before_after, (windows[1].before, windows[1].after)))
        for channel in range(planes.shape[2]):
            sums = apply(part, band.samples[:, :, channel], kernel, method=method)
            result[band.outputs, :, channel], count = in_depth(sums, result.dtype, view=view)
            clipped += count
    return (result if image.samples.ndim == 3 else result[:, :, 0]), clipped


def filter_channels(convention: Convention, image: Image, kernel: NDArray[Any], **options: Any) -> NDArray[Any]:
    """Return the numbers that a convention gives for each channel, neither rounded nor clipped.

    Parameters
    ----------
    convention, image, kernel
        As in `filter_image`.
    **options : dict
        ``method``, ``dtype`` and ``overflow`` of `apply`.

    Returns
    -------
    array
        Shape (rows, columns) or (rows, columns, channels); data type as of `apply`.

    Raises
    ------
    ConventionTypeError, ConventionValueError, ConventionOverflowError
        As `filter_image`.
    """
    check_kernel(convention, kernel)
    if image.samples.ndim == 2:
        result: NDArray[Any] = apply(convention, image.samples, kernel, **options)
        return result
    planes = np.moveaxis(image.samples, 2, 0)
    return np.stack([apply(convention, plane, kernel, **options) for plane in planes], axis=2)


def _bands(convention: Convention, samples: NDArray[Any], windows: tuple[Window, ...]) -> Iterator[_Band]:
    """Cut the result into bands of rows that give the same numbers as the whole."""
    rows, columns = windows
    axis = convention.axes(2)[0]
    extent = dilated_extent(rows.kernel, rows.dilation)
    step = max(_BAND // max(1, columns.outputs), _FEWEST_EXTENTS * extent // rows.stride, 1)
    last_sample = rows.signal - 1
    for start in range(0, rows.outputs, step):
        stop = min(start + step, rows.outputs)
        low = start * rows.stride - rows.before
        high = (stop - 1) * rows.stride - rows.before + extent - 1
        first = -(-low // rows.upsample)
        last = max(high // rows.upsample, first)
        if boundary_of(axis.boundary).copies and (first < 0 or last > last_sample):
            part = samples[index_map(axis.boundary, np.arange(first, last + 1), rows.signal)]
        else:
            # what stands beyond the ends is left to the engine: a uint8 array could not hold every value
            first, last = (min(max(position, 0), last_sample) for position in (first, last))
            part = samples[first : last + 1]
        before = rows.upsample * first - low
        after = (stop - start - 1) * rows.stride + extent - upsampled_extent(len(part), rows.upsample) - before
        yield _Band(slice(start, stop), part, (before, after))
