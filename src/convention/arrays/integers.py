"""What every library's cast to a narrower data type has in common: its refusal."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from convention.errors import ConventionOverflowError

__all__ = ["bits_of", "refuse_cast", "wrapped_to_int64"]


def bits_of(high: int) -> int:
    """Return how many bits the greatest value of an integer type has, so that it is ``2**bits - 1``."""
    return high.bit_length()


def wrapped_to_int64(array: NDArray[Any]) -> NDArray[np.int64]:
    """Return finite integers of a float type modulo 2**64, as int64; every step is exact."""
    array = np.fmod(array, 2.0**64)
    array = np.where(array >= 2.0**63, array - 2.0**64, array)
    return np.where(array < -(2.0**63), array + 2.0**64, array).astype(np.int64)


def refuse_cast(dtype: str, least: Any, greatest: Any, low: Any, high: Any) -> NoReturn:
    """Refuse results that their data type cannot hold."""
    found = f"a result of {least}" if least == greatest else f"results from {least} to {greatest}"
    raise ConventionOverflowError(
        f"a result of dtype {dtype}",
        found,
        f"{low} to {high}",
        "choose a wider dtype=, or say overflow='saturate' (or 'wrap', for integers)",
    )
