"""Where files are written to: checked before anything is computed, and written whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import BinaryIO, NoReturn

from convention.errors import ConventionFileError

__all__ = ["checked_target", "write_whole"]


def checked_target(path: str | os.PathLike[str], suffixes: Collection[str], *, force: bool = False) -> Path:
    """Return the path that would be written, absolute and links followed, or refuse it.

    Parameters
    ----------
    path : str or path
        Where to.
    suffixes : collection of str
        Those that can be written, each with its point; the first is the one to propose.
    force : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    ConventionFileError
        If the suffix is unknown, the folder is missing or closed, or a file is there that may not be replaced.
    """
    target = Path(os.path.realpath(path))
    allowed = f"a new file that ends in {', '.join(suffixes)}"

    def refuse(found: str, fix: str) -> NoReturn:
        raise ConventionFileError(f"write {os.fspath(path)!r}", found, allowed, fix)

    if target.is_dir():
        refuse("it is a folder", "name a file in it")
    if target.suffix.lower() not in suffixes:
        refuse(f"the suffix {target.suffix!r} is not written", f"write {target.stem}{next(iter(suffixes))}")
    if not target.parent.is_dir():
        refuse(f"there is no folder {str(target.parent)!r}", "make the folder first")
    if target.exists() and not force:
        refuse("there is such a file, and it is kept", "name another, or replace it: --force, force=True")
    if target.exists() and not os.access(target, os.W_OK):
        refuse("there is such a file, and it may not be written", "name another")
    if not os.access(target.parent, os.W_OK):
        refuse(f"nothing may be written into the folder {str(target.parent)!r}", "choose another folder")
    return target


def write_whole(target: Path, asked: str, write: Callable[[BinaryIO], None]) -> None:
    """Let a function write a file, and put it into its place once all of it is there.

    Raises
    ------
    ConventionFileError
        If it cannot be written. Then nothing has changed.
    """
    # In the same folder, so that the last step is a rename: a full disk or an interruption leaves
    # what was there. Not the tempfile module, whose files only their owner may read.
    temporary = target.with_name(f".convention-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as stream:
            write(stream)
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except OSError as problem:
        raise ConventionFileError(
            asked,
            f"it cannot be written: {problem.strerror or problem}",
            "a folder that can be written, with enough space",
            "choose another folder",
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
