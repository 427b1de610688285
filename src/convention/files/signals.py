"""Signals in: arrays and images through one door."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

from numpy.typing import NDArray

from convention.files.images import MOST_PIXELS, Image, names_an_image, read_image
from convention.files.reading import read_array

__all__ = ["read_signal"]


def read_signal(
    source: str | os.PathLike[str], *, stdin: BinaryIO | None = None, most_pixels: int = MOST_PIXELS
) -> tuple[NDArray[Any], Image | None]:
    """Return a signal's array and, where the source names an image file, that image.

    Parameters
    ----------
    source : str or path
        A name that ends as an image file's does, or what `read_array` reads.
    stdin : binary file, optional
        As in `read_array`.
    most_pixels : int
        As in `read_image`.

    Returns
    -------
    array
        Of an image its samples, shape (rows, columns) or (rows, columns, 3), without alpha.
    Image or None
        None for an array.

    Raises
    ------
    ConventionFileError, ConventionValueError, ConventionTypeError, MissingLibraryError
        As `read_array` and `read_image`.

    Examples
    --------
    >>> array, image = read_signal("1 2; 3 4")
    >>> array.tolist(), image
    ([[1, 2], [3, 4]], None)
    """
    if names_an_image(source):
        image = read_image(source, most_pixels=most_pixels)
        return image.samples, image
    return read_array(source, stdin=stdin), None
