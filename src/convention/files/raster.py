"""What a decoder hands over: samples as they are stored, and what the file says about them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Raster", "upright"]


class Raster(NamedTuple):
    """One decoded picture, not yet turned."""

    samples: NDArray[Any]
    """Shape (rows, columns) or (rows, columns, channels), alpha last."""
    alpha: bool
    """Whether the last channel is alpha."""
    mode: str
    """What the file was, in words: "palette, 8 bit"."""
    orientation: int = 1
    """The EXIF tag: which side of the stored picture is up."""
    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None


def upright(samples: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a picture as it is meant to be looked at; an unknown orientation turns nothing.

    The values are those of EXIF 2.32, section 4.6.4.A (Orientation).
    """
    if orientation in (5, 6, 7, 8):  # stored column by column
        samples = np.swapaxes(samples, 0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return samples
