"""Signals in: arrays and images through one door."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from convention.errors import ConventionError, ConventionFileError
from convention.files.images import IMAGE_SUFFIXES, MOST_PIXELS, Image, names_an_image, read_image
from convention.files.reading import ARRAY_SUFFIXES, read_array
from convention.files.text import TEXT_FORMS

__all__ = ["read_signal"]

_READ = f"images are read from {' '.join(IMAGE_SUFFIXES)}, arrays from {' '.join(ARRAY_SUFFIXES)}"
# One word that begins with a letter, one word with a folder and a letter, or anything with a suffix of letters.
_NAME = re.compile(r"[^\W\d][\w-]*(?:\.\w+)*|(?=.*[^\W\d])\S*[/\\]\S*|[^;\[{]*\.[^\W\d]\w{1,9}")


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
    try:
        return read_array(source, stdin=stdin), None
    except ConventionError:
        if isinstance(source, (str, os.PathLike)) and source != "-":
            _refuse_name(os.fspath(source))
        raise


def _refuse_name(name: str) -> None:
    """Refuse what names a file or folder, but none that is read; let any other text be."""
    suffix = Path(name).suffix
    there = os.path.lexists(name)
    if suffix.lower() in ARRAY_SUFFIXES or not (there or _NAME.fullmatch(name)):
        return
    found = "there is no such file or folder, and it is no number"
    allowed, fix = f"{_READ}\nnumbers:\n{TEXT_FORMS}", "check the name and the folder"
    if Path(name).is_dir():
        found, allowed, fix = "it is a folder", _READ, "name a file in it"
    elif there or suffix:
        suffixed = f"the suffix {suffix!r} is not read" if suffix else "the name has no suffix"
        found = f"{'there is such a file' if there else 'there is no such file'}, and {suffixed}"
        allowed, fix = _READ, "convert it" if suffix else "give it the suffix of its content"
    raise ConventionFileError(f"read {name!r}", found, allowed, fix) from None
