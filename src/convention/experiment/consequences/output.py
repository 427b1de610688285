"""The files: six pictures and one page, each whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from convention.errors import ConventionFileError
from convention.experiment.consequences.page import PAGE, page
from convention.experiment.consequences.performance import NAMES, Consequences
from convention.files.targets import checked_target, write_whole

__all__ = ["picture_bytes", "prepare", "write"]


def prepare(folder: str | os.PathLike[str], *, force: bool = False) -> dict[str, Path]:
    """Return the files that `write` will write, by name; make the folder if it is not there.

    Parameters
    ----------
    folder : str or path
        Where to; its own folder must be there.
    force : bool
        Whether files that are there may be replaced.

    Raises
    ------
    ConventionFileError
        If the folder is none, cannot be made or written, or holds one of the files; nothing is written then.
    """
    place = Path(folder)
    asked = f"write into the folder {os.fspath(folder)!r}"
    try:
        place.mkdir(exist_ok=True)
    except OSError as problem:
        found = "there is a file of that name" if place.exists() else f"it cannot be made: {problem.strerror}"
        raise ConventionFileError(
            asked, found, "a folder, or the name of a new one in a folder that can be written", "choose another: --out"
        ) from None
    names = [*NAMES, PAGE]
    kept = [name for name in names if (place / name).exists()]
    if kept and not force:
        raise ConventionFileError(
            asked,
            f"it has files of the same name, which are kept: {', '.join(kept)}",
            "a folder without them",
            "choose another folder: --out FOLDER, or replace them: --force",
        )
    return {name: checked_target(place / name, (Path(name).suffix,), force=force) for name in names}


def write(consequences: Consequences, pictures: Mapping[str, bytes], files: Mapping[str, Path]) -> None:
    """Write the pictures and the page.

    Parameters
    ----------
    consequences : Consequences
        What was measured.
    pictures : mapping of str to bytes
        As `picture_bytes` makes them.
    files : mapping of str to path
        As `prepare` returned it; a name that is not in it is not written.

    Raises
    ------
    ConventionFileError
        If a file cannot be written. Those before it are whole, and of this one nothing is left.
    """
    contents = {**pictures, PAGE: page(consequences, pictures).encode()}
    for name, target in files.items():

        def _write(stream: BinaryIO, content: bytes = contents[name]) -> None:
            stream.write(content)

        write_whole(target, f"write {os.fspath(target)!r}", _write)


def picture_bytes(consequences: Consequences) -> dict[str, bytes]:
    """Draw every picture and return the PNG files by name."""
    from convention.pictures import png_bytes

    return {cost.picture: png_bytes(cost.draw()) for cost in consequences.costs}
