"""Arrays in: from a text, a file, or standard input."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from convention.errors import ConventionError, ConventionFileError, ConventionTypeError, ConventionValueError
from convention.files.numerals import Origin, checked, shortened
from convention.files.text import TEXT_FORMS, from_csv, from_json, from_text

__all__ = ["ARRAY_SUFFIXES", "read_array"]

_NPY_MAGIC = b"\x93NUMPY"


def read_array(source: str | os.PathLike[str], *, stdin: BinaryIO | None = None) -> NDArray[Any]:
    """Return the array that a text, a range, a file or standard input holds.

    Parameters
    ----------
    source : str or path
        ``"1 2; 3 4"``, ``"1..9"``, ``"[[1, 2], [3, 4]]"``, the name of a ``.npy``, ``.csv`` or ``.json`` file,
        or ``"-"`` for standard input. `convention.files` has the rules.
    stdin : binary file, optional
        What ``"-"`` reads; by default the process's standard input.

    Returns
    -------
    array, at least one axis
        int64, uint64, float64 or complex128 (bool from JSON); from ``.npy`` whatever it holds.

    Raises
    ------
    ConventionFileError
        If a file or standard input cannot be read or understood.
    ConventionValueError
        If a text is no array of numbers.
    ConventionTypeError
        If the source is neither text nor a path.

    Examples
    --------
    >>> read_array("1 2; 3 4").tolist()
    [[1, 2], [3, 4]]
    >>> read_array("1..4").tolist(), read_array("1..4@4").tolist()
    ([[1, 2], [3, 4]], [1, 2, 3, 4])
    """
    if not isinstance(source, (str, os.PathLike)):
        raise ConventionTypeError(
            f"read {source!r}", f"a {type(source).__name__}", "text or a path", "use an array as it is"
        )
    if source == "-":
        return _from_stdin(stdin)
    name = os.fspath(source)
    if isinstance(source, os.PathLike) or Path(name).suffix.lower() in _READERS:
        return _from_file(Path(name))
    try:
        return from_text(name, Origin(f"the array {shortened(name)}", ConventionValueError, TEXT_FORMS))
    except ConventionValueError:
        if _names_a_file(name):
            return _from_file(Path(name))
        raise


def _from_stdin(stdin: BinaryIO | None) -> NDArray[Any]:
    allowed = f"the content of a {', '.join(_READERS)} file, or text:\n{TEXT_FORMS}"
    origin = Origin("read standard input (-)", ConventionFileError, allowed)
    if stdin is None and sys.stdin is None:
        origin.refuse("there is no standard input", "name a file instead")
    try:
        data = (sys.stdin.buffer if stdin is None else stdin).read()
    except OSError as problem:
        origin.refuse(f"it cannot be read: {problem.strerror}", "name a file instead")
    if data.startswith(_NPY_MAGIC):
        return _from_npy(io.BytesIO(data), origin)
    return from_text(_decoded(data, origin), origin)


def _from_file(path: Path) -> NDArray[Any]:
    suffix = path.suffix.lower()
    origin = Origin(f"read {str(path)!r}", ConventionFileError, f"a file that ends in {', '.join(_READERS)}")
    if suffix not in _READERS:
        there = "it is a folder" if path.is_dir() else "there is such a file" if path.exists() else "no such file"
        suffixed = f"the suffix {suffix!r} is not read" if suffix else "the name has no suffix"
        origin.refuse(f"{there}, and {suffixed}", "name an array file, or write the numbers themselves: '1 2; 3 4'")
    try:
        with path.open("rb") as stream:
            return _READERS[suffix](stream, origin)
    except ConventionError:
        raise
    except FileNotFoundError:
        origin.refuse("there is no such file", "check the name and the folder")
    except (OSError, ValueError) as problem:  # ValueError: a null character in the name
        reason = problem.strerror if isinstance(problem, OSError) else problem
        origin.refuse(f"it cannot be read: {reason}", "name a file that can be read")


def _from_npy(stream: BinaryIO, origin: Origin) -> NDArray[Any]:
    if stream.read(len(_NPY_MAGIC)) != _NPY_MAGIC:
        origin.refuse("its content is not that of a .npy file", "save it with numpy.save, or correct the suffix")
    stream.seek(0)
    try:
        array = np.lib.format.read_array(stream, allow_pickle=False)
    except Exception as problem:  # its header is parsed as Python source: damage shows as any kind of exception
        why = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        origin.refuse(f"damaged, cut short, or no numbers: {why}", "save a whole array of numbers with numpy.save")
    if stream.read(1):
        origin.refuse("more bytes follow the array", "save one array per file with numpy.save")
    return checked(array, origin._replace(allowed=Origin._field_defaults["allowed"]))


_READERS: dict[str, Callable[[BinaryIO, Origin], NDArray[Any]]] = {
    ".npy": _from_npy,
    ".csv": lambda stream, origin: from_csv(_decoded(stream.read(), origin), origin),
    ".json": lambda stream, origin: from_json(_decoded(stream.read(), origin), origin),
}

ARRAY_SUFFIXES = tuple(_READERS)
"""How the name of an array file ends."""


def _decoded(data: bytes, origin: Origin) -> str:
    if data.startswith(_NPY_MAGIC):
        origin.refuse("its content is that of a .npy file", "correct the suffix")
    try:
        text = data.decode("utf-8-sig")  # spreadsheets put a byte order mark before UTF-8
    except UnicodeDecodeError as problem:
        origin.refuse(f"byte {problem.start} is not UTF-8 text", "save it as UTF-8")
    if not text.strip():
        origin.refuse("it is empty", "write at least one number")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _names_a_file(text: str) -> bool:
    """Tell whether a text that is no array of numbers was meant as a file's name."""
    return bool(re.fullmatch(r"\S*\.[A-Za-z][A-Za-z0-9]{0,9}", text)) or os.path.lexists(text)
