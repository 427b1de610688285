"""Arrays out: to a file, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convention.errors import ConventionFileError, ConventionTypeError
from convention.files.numerals import Origin, checked, shape_text
from convention.files.targets import checked_target, write_whole
from convention.files.text import to_nested_lists

__all__ = ["writable_target", "write_array"]


def writable_target(path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Return the path that `write_array` would write, or refuse it before anything is computed.

    Parameters
    ----------
    path : str or path
        Where to; the suffix says how.
    force : bool
        Whether a file that is there may be replaced.

    Returns
    -------
    path
        Absolute, links followed.

    Raises
    ------
    ConventionFileError
        If the suffix is unknown, the folder is missing or closed, or a file is there that may not be replaced.
    """
    return checked_target(path, _WRITERS, force=force)


def write_array(array: ArrayLike, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Write an array to a ``.npy``, ``.csv`` or ``.json`` file, whole or not at all.

    Parameters
    ----------
    array : array, at least one axis
        For ``.csv`` real, of one axis or two, not empty. ``.csv`` and ``.json`` keep every number exactly, but
        not the data type; booleans are 1 and 0 in ``.csv``.
    path : str or path
        Where to; the suffix says how.
    force : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    ConventionFileError
        If the file cannot be written, or could not be read back as the same array. Then nothing has changed.
    ConventionTypeError
        If the array does not hold numbers, or has no axis.
    """
    target = writable_target(path, force=force)
    suffix = target.suffix.lower()
    asked = f"write {os.fspath(path)!r}"
    a = checked(array, Origin(asked, ConventionTypeError))
    if lost := _what_is_lost(a, suffix):
        raise ConventionFileError(asked, lost, ".npy holds every array of numbers", f"write {target.stem}.npy")
    write_whole(target, asked, lambda stream: _WRITERS[suffix](stream, a))


def _what_is_lost(a: NDArray[Any], suffix: str) -> str:
    """Return what reading the file again would not give back, or nothing."""
    if suffix != ".npy" and a.dtype.char in "gG":
        return f"{a.dtype} has more digits than {suffix} is read with"
    if suffix == ".json" and 0 in a.shape[:-1]:
        return f"an empty array of shape {shape_text(a.shape)}, which nested lists cannot tell"
    if suffix != ".csv":
        return ""
    if a.dtype.kind == "c":
        return "complex numbers, which .csv cannot hold"
    if a.ndim > 2:
        return f"{a.ndim} axes, .csv has two"
    if a.size == 0:
        return "an empty array, which .csv cannot hold"
    return "a matrix of one row, which .csv would give back as one axis" if a.ndim == 2 and len(a) == 1 else ""


def _to_npy(stream: BinaryIO, a: NDArray[Any]) -> None:
    np.lib.format.write_array(stream, a, allow_pickle=False)


def _to_csv(stream: BinaryIO, a: NDArray[Any]) -> None:
    for row in np.atleast_2d(a).tolist():
        stream.write((",".join(repr(int(x) if isinstance(x, bool) else x) for x in row) + "\n").encode())


def _to_json(stream: BinaryIO, a: NDArray[Any]) -> None:
    stream.write((json.dumps(to_nested_lists(a)) + "\n").encode())


_WRITERS: dict[str, Callable[[BinaryIO, NDArray[Any]], None]] = {".npy": _to_npy, ".csv": _to_csv, ".json": _to_json}
