"""PNG of 16 bit, which Pillow cannot write in colour: https://www.w3.org/TR/png-3/."""

from __future__ import annotations

import struct
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIGNATURE", "write_png"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""Channels, alpha included, and the number that section 11.2.1 gives them."""

_UP = 2
"""The filter of section 9.2 that stores the difference from the row above: cheap for whole rows."""


def write_png(
    stream: BinaryIO,
    samples: NDArray[Any],
    *,
    icc_profile: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> None:
    """Write samples of 8 or 16 bit as they are.

    Parameters
    ----------
    stream : binary file
        Where to.
    samples : array of uint8 or uint16, shape (rows, columns) or (rows, columns, channels)
        1 to 4 channels: grey, grey with alpha, RGB, RGB with alpha.
    icc_profile : bytes, optional
        What the colours mean.
    dpi : pair of float, optional
        Samples per inch, across and down.
    """
    rows, columns = samples.shape[:2]
    channels = samples.shape[2] if samples.ndim == 3 else 1
    stream.write(SIGNATURE)
    header = (columns, rows, samples.itemsize * 8, _COLOUR_TYPES[channels], 0, 0, 0)
    _write_chunk(stream, b"IHDR", struct.pack(">IIBBBBB", *header))
    if icc_profile:
        _write_chunk(stream, b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile))
    if dpi:
        per_metre = (round(number / 0.0254) for number in dpi)
        _write_chunk(stream, b"pHYs", struct.pack(">IIB", *per_metre, 1))
    packer = zlib.compressobj(level=4)  # 6 takes twice as long and saves about a hundredth on photographs
    above = np.zeros(columns * channels * samples.itemsize, np.uint8)
    for first in range(0, rows, _ROWS):
        band = samples[first : first + _ROWS].astype(samples.dtype.newbyteorder(">"))
        stored = band.reshape(len(band), -1).view(np.uint8)
        lines = np.empty((len(band), stored.shape[1] + 1), np.uint8)
        lines[:, 0] = _UP
        np.subtract(stored[0], above, out=lines[0, 1:])  # modulo 256, as the filter is defined
        np.subtract(stored[1:], stored[:-1], out=lines[1:, 1:])
        above = stored[-1]
        _write_data(stream, packer.compress(lines.tobytes()))
    _write_data(stream, packer.flush())
    _write_chunk(stream, b"IEND", b"")


_ROWS = 256
"""Rows filtered at a time."""


def _write_data(stream: BinaryIO, data: bytes) -> None:
    if data:
        _write_chunk(stream, b"IDAT", data)


def _write_chunk(stream: BinaryIO, kind: bytes, data: bytes) -> None:
    stream.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
