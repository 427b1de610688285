"""Kernels in: by name, from a text, a file, or standard input."""

from __future__ import annotations

import os
import re
from typing import Any, BinaryIO

from numpy.typing import NDArray

from convention.errors import ConventionValueError
from convention.files.reading import read_array
from convention.files.text import TEXT_FORMS
from convention.kernels import NamedKernel, kernel_table, named_kernel
from convention.kernels.names import family_of, nearest_name

__all__ = ["read_kernel"]

_FILE_NAME = re.compile(r".*[/\\].*|.*\.[A-Za-z]\w*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z][A-Za-z-]*[0-9.xs-]*")


def read_kernel(
    source: str | os.PathLike[str], *, stdin: BinaryIO | None = None
) -> tuple[NDArray[Any], NamedKernel | None]:
    """Return the kernel that a name, a text, a file or standard input holds.

    Parameters
    ----------
    source : str or path
        The name of a kernel (``"sobel-x"``, ``"gaussian-5"``; `convention.kernels` has the rules), or whatever
        `read_array` reads. A text with a folder or with a suffix that begins with a letter is a file's name, so
        ``"./sobel-x"`` and ``"box-3.npy"`` are files and ``"gaussian-1.5s"`` is a kernel. Else a name wins: no
        kernel has a name that is also an array of numbers, and no array file lacks a suffix.
    stdin : binary file, optional
        What ``"-"`` reads; by default the process's standard input.

    Returns
    -------
    taps : array
        As `read_array`, or the named kernel's, which are read-only.
    named : NamedKernel or None
        The named kernel, where the source is its name.

    Raises
    ------
    ConventionFileError, ConventionTypeError
        As `read_array`.
    ConventionValueError
        If it is neither the name of a kernel nor an array of numbers.

    Examples
    --------
    >>> taps, named = read_kernel("sobel-x")
    >>> taps.tolist(), named.definition
    ([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], 'cross-correlation')
    >>> read_kernel("1 2; 3 4")[1] is None
    True
    """
    if isinstance(source, str) and not _FILE_NAME.fullmatch(source):
        name = source.strip()
        if family_of(name) is not None:
            kernel = named_kernel(name)
            return kernel.taps, kernel
    try:
        return read_array(source, stdin=stdin), None
    except ConventionValueError:
        word = source.strip() if isinstance(source, str) else ""
        if not _WORD.fullmatch(word):
            raise
        raise ConventionValueError(
            f"the kernel {word[:60]!r}",
            "there is no kernel of this name, and it is no number",
            f"the name of a kernel:\n{kernel_table()}\nor numbers:\n{TEXT_FORMS}\nor a .npy, .csv or .json file",
            nearest_name(word),
        ) from None
