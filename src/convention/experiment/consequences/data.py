"""What the mistakes are made on: a photograph and handwritten digits, both from installed packages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from convention.errors import ConventionValueError, MissingLibraryError

__all__ = ["LARGEST_SIDE", "SMALLEST_SIDE", "Photograph", "digits", "library", "photograph"]

SMALLEST_SIDE, LARGEST_SIDE = 128, 512
"""In samples: the widest kernel and its borders need the first; larger photographs are reduced to the second."""

_DETAIL, _BORDER = 160, 20


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """A photograph in grey levels."""

    samples: NDArray[np.int64]
    """Shape (rows, columns), whole numbers from 0 to 255."""
    name: str
    detail: tuple[slice, slice]
    """The part that pictures show, so far from the border that every kernel fits around it."""


def photograph(file: str | None = None) -> Photograph:
    """Return the photograph that the mistakes are made on.

    Parameters
    ----------
    file : str, optional
        An image or array file; by default the photograph of a photographer that scikit-image packages
        (``skimage.data.camera``). Colour becomes grey by the weights of ITU-R BT.601. Eight bits are kept as
        they are, 16 bits divided by 257, anything else spread over 0..255. What is longer than `LARGEST_SIDE`
        is reduced by the mean over square blocks.

    Raises
    ------
    ConventionError
        If the file cannot be read, or its content is no photograph: too small, empty of contrast, not finite.
    MissingLibraryError
        If scikit-image, or what reads the file, is not installed.
    """
    if file is None:
        samples = np.asarray(library("skimage.data").camera(), dtype=np.int64)
        return Photograph(
            samples=samples, name="skimage.data.camera()", detail=(slice(70, 70 + _DETAIL), slice(170, 170 + _DETAIL))
        )
    from convention.files import read_signal

    array, _ = read_signal(file)
    samples = _reduced(_grey_levels(array, f"use {file!r} as the photograph"))
    side = min(_DETAIL, min(samples.shape) - 2 * _BORDER)
    rows, columns = (slice((length - side) // 2, (length - side) // 2 + side) for length in samples.shape)
    return Photograph(samples=samples, name=Path(file).name, detail=(rows, columns))


def digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return scikit-learn's handwritten digits: samples 0..1, shape (1797, 8, 8), and what each one is.

    Raises
    ------
    MissingLibraryError
        If scikit-learn is not installed.
    """
    packaged = library("sklearn.datasets").load_digits()
    return packaged.images / 16.0, packaged.target.astype(np.int64)


def library(module: str) -> Any:
    """Return a module of the extra ``demo``, or refuse with the line that installs it."""
    try:
        return import_module(module)
    except ImportError as problem:
        name = module.partition(".")[0]
        raise MissingLibraryError(
            "show what misuse costs",
            f"the library {name!r} cannot be imported: {problem}",
            "the extra 'demo' installed",
            "pip install '.[demo]'  (in the project's folder)",
        ) from None


def _grey_levels(array: NDArray[Any], asked: str) -> NDArray[np.float64]:
    """Return samples 0..255, shape (rows, columns)."""

    def refuse(found: str) -> NoReturn:
        allowed = f"a grey or colour image of at least {SMALLEST_SIDE} x {SMALLEST_SIDE} samples, with contrast"
        raise ConventionValueError(asked, found, allowed, "name another file, or leave --photo away")

    if array.ndim == 3 and array.shape[2] in (3, 1):
        weights = (0.299, 0.587, 0.114) if array.shape[2] == 3 else (1.0,)
    elif array.ndim == 2:
        array, weights = array[:, :, None], (1.0,)
    else:
        refuse(f"an array of shape {array.shape}, which is no image")
    if min(array.shape[:2]) < SMALLEST_SIDE:
        refuse(f"{array.shape[0]} rows and {array.shape[1]} columns")
    if array.dtype.kind == "c":
        refuse("complex numbers")
    grey: NDArray[np.float64] = sum(
        (weight * array[:, :, channel].astype(np.float64) for channel, weight in enumerate(weights)),
        start=np.zeros(array.shape[:2]),
    )
    if not np.isfinite(grey).all():
        refuse("samples that are NaN or infinite")
    if grey.min() == grey.max():
        refuse("all samples are equal")
    in_range: NDArray[np.float64] = _RANGES.get(array.dtype.name, _spread)(grey)
    return in_range


def _spread(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    spread: NDArray[np.float64] = (grey - grey.min()) * (255 / (grey.max() - grey.min()))
    return spread


_RANGES: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "uint8": lambda grey: grey,
    "uint16": lambda grey: grey / 257,
}
"""How samples become 0..255, by data type; all others are spread."""


def _reduced(grey: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return whole numbers, the longer side at most `LARGEST_SIDE`."""
    # A panorama's short side must stay long enough.
    factor = max(1, min(-(-max(grey.shape) // LARGEST_SIDE), min(grey.shape) // SMALLEST_SIDE))
    rows, columns = (length // factor for length in grey.shape)
    blocks = grey[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    reduced = np.rint(blocks.mean(axis=(1, 3))).astype(np.int64)
    centre = [slice(max(length - LARGEST_SIDE, 0) // 2, None) for length in reduced.shape]
    middle: NDArray[np.int64] = reduced[centre[0], centre[1]][:LARGEST_SIDE, :LARGEST_SIDE]
    return middle
