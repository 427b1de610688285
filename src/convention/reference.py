"""The formula of `Convention`, literally, by loops: the oracle that everything else is held against.

It shares no arithmetic and no index map with the engine: the signal is continued one reflection at
a time, and every product is a Python product, so integers are exact without bound and Fractions stay
Fractions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convention.definition import Convention
from convention.errors import ConventionValueError

__all__ = ["compute"]


def compute(convention: Convention, signal: ArrayLike, kernel: ArrayLike) -> NDArray[np.object_]:
    """Return the operator's result, summed in Python numbers.

    Parameters
    ----------
    convention : Convention
        The definition.
    signal, kernel : array
        With the same number of axes, all of them spatial. Any elements that multiply and add.

    Returns
    -------
    array of object
        ``int`` for integers and booleans, ``float`` or ``complex`` for floats, ``Fraction`` for fractions.

    Raises
    ------
    ConventionValueError
        As `Convention.windows`; also for an empty signal with a boundary that copies samples.

    Examples
    --------
    >>> compute(Convention(size="full"), [1, 2, 3], [1, 0, 5]).tolist()
    [1, 2, 8, 10, 15]
    """
    x, w = _python_numbers(signal), _python_numbers(kernel)
    windows = convention.windows(x.shape, w.shape)
    axes = convention.axes(len(windows))
    for axis in axes:
        if x.shape[axis.number] == 0 and axis.boundary not in ("zero", "constant"):
            raise ConventionValueError(
                f"boundary={axis.boundary!r} on axis {axis.number}",
                "the signal is empty there",
                "'zero' and 'constant' on an empty axis",
                "choose one of them, or give the signal samples",
            )

    def sample(position: tuple[int, ...]) -> Any:
        """X at one position: first the inserted zeros, then the signal continued axis by axis."""
        if any(j % axis.upsample for j, axis in zip(position, axes)):
            return 0
        index = [0] * len(position)
        for axis in reversed(axes):  # the last axis was continued last
            n = x.shape[axis.number]
            found = _stands_at(axis.boundary, position[axis.number] // axis.upsample, n)
            if found is None:
                return axis.value
            index[axis.number] = found
        return x[tuple(index)]

    y = np.empty([window.outputs for window in windows], dtype=object)
    taps = list(np.ndindex(w.shape))
    for n in np.ndindex(y.shape):
        total: Any = 0
        for t in taps:
            position = []
            for i, (axis, window) in enumerate(zip(axes, windows)):
                s = window.kernel - 1 - t[i] if axis.reversed else t[i]
                position.append(n[i] * window.stride - window.before + window.dilation * s)
            tap = w[t].conjugate() if convention.conjugate else w[t]
            total += tap * sample(tuple(position))
        y[n] = total
    return y


def _stands_at(rule: str, j: int, n: int) -> int | None:
    """Return the index of the sample at position j, or None where a constant stands."""
    if 0 <= j < n:
        return j
    if rule in ("zero", "constant"):
        return None
    if rule == "edge" or n == 1:
        return 0 if j < 0 else n - 1
    while not 0 <= j < n:
        if rule == "periodic":
            j = j + n if j < 0 else j - n
        elif rule == "half-sample":  # mirror between samples: -1 is 0, n is n-1
            j = -1 - j if j < 0 else 2 * n - 1 - j
        else:  # whole-sample, mirror on a sample: -1 is 1, n is n-2
            j = -j if j < 0 else 2 * (n - 1) - j
    return j


def _python_numbers(array: ArrayLike) -> NDArray[np.object_]:
    numbers = np.array(array, dtype=object)
    for index, number in np.ndenumerate(numbers):
        if isinstance(number, np.generic):  # NumPy's own integers would wrap
            numbers[index] = number.item()
    return numbers
