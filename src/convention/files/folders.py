"""Many images at once: which files a name stands for, and where their results go."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from convention.errors import ConventionFileError
from convention.files.images import IMAGE_SUFFIXES, names_an_image, writable_image

__all__ = ["image_files", "image_targets", "is_folder"]


def is_folder(source: str | os.PathLike[str]) -> bool:
    """Tell whether a source names a folder that is there."""
    try:
        return Path(source).is_dir()
    except (OSError, ValueError):  # longer than a name can be, or with a null character
        return False


def image_files(source: str | os.PathLike[str]) -> list[Path]:
    """Return an image file as it is named, or those of a folder in the order of their names.

    Parameters
    ----------
    source : str or path
        A file whose suffix is an image's, or a folder; folders inside it are left alone.

    Returns
    -------
    list of path
        At least one.

    Raises
    ------
    ConventionFileError
        If it is neither, or the folder has no image.
    """
    asked = f"images from {os.fspath(source)!r}"
    allowed = f"folders, and files that end in {', '.join(IMAGE_SUFFIXES)}"
    path = Path(source)
    if not is_folder(path):
        if names_an_image(path):
            return [path]
        fix = "name images and folders only, convert others; write an array as one word: '1 2; 3 4'"
        raise ConventionFileError(asked, "it is no folder, and its name is not an image's", allowed, fix)
    try:
        found = sorted(file for file in path.iterdir() if names_an_image(file) and not file.is_dir())
    except OSError as problem:
        raise ConventionFileError(asked, f"{problem.strerror}", allowed, "name another folder") from None
    if not found:
        raise ConventionFileError(asked, "there is no image in this folder", allowed, "name another folder")
    return found


def image_targets(files: Sequence[Path], folder: str | os.PathLike[str], *, force: bool = False) -> list[Path]:
    """Return where the results of these files go: into a folder, under the same names.

    A folder that is not there is made, once nothing else is to be refused.

    Parameters
    ----------
    files : sequence of path
        Image files.
    folder : str or path
        One that is there, or a new one in a folder that is there.
    force : bool
        Whether files that are there may be replaced.

    Returns
    -------
    list of path
        As `writable_image` returns them.

    Raises
    ------
    ConventionFileError
        If it is no folder or cannot be one, two files have one name, or a file is there that may not be replaced.
    """
    path = Path(folder)

    def refuse(found: str, fix: str) -> NoReturn:
        asked = f"write {len(files)} {'image' if len(files) == 1 else 'images'} to {os.fspath(folder)!r}"
        raise ConventionFileError(asked, found, "a folder, for files of different names", fix)

    if path.exists() and not is_folder(path):
        refuse("it is a file", "name a folder")
    by_name: dict[str, Path] = {}
    for file in files:
        if (other := by_name.setdefault(file.name, file)) is not file:
            refuse(f"{str(other)!r} and {str(file)!r} would have one name there", "filter them one after the other")
    if not path.exists():
        if path.suffix:
            refuse("there is no such folder, and it looks like a file's name", "make the folder first, or name another")
        try:
            path.mkdir()
        except OSError as problem:
            refuse(f"the folder cannot be made: {problem.strerror}", "name a folder inside one that can be written")
    return [writable_image(path / file.name, force=force) for file in files]
