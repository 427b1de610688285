"""For library authors: hold a function to the convention it is documented to follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.definition import Convention, as_convention
from convention.errors import ConventionValueError
from convention.reference import compute

__all__ = ["assert_convention"]


def assert_convention(
    function: Callable[[NDArray[Any], NDArray[Any]], Any],
    convention: Convention | str,
    *,
    ndim: int = 2,
    shapes: Sequence[tuple[Sequence[int], Sequence[int]]] | None = None,
    tolerance: float = 0.0,
    seed: int = 0,
) -> None:
    """Assert that ``function(signal, kernel)`` computes what a convention says.

    Parameters
    ----------
    function : callable
        Takes a signal and a kernel, float64 arrays that hold integers, and returns an array. For a
        convention that conjugates they are complex128; without complex numbers conjugation cannot be seen.
    convention : Convention or str
        What it must compute, as in `convention.apply`.
    ndim : int
        The number of spatial axes to try.
    shapes : sequence of (signal shape, kernel shape), optional
        The shapes to try. By default odd and even signals with odd and even kernels of 3 to 5 taps,
        all axes of different length.
    tolerance : float
        The greatest absolute difference allowed; 0 asks for the exact integers. For functions that
        use a Fourier transform, state their bound.
    seed : int
        Of the random integers.

    Raises
    ------
    AssertionError
        With the first difference found: shapes, index, and both numbers; or if the function changed what
        it was given.
    ConventionValueError
        If no shapes were given, so that nothing would be asserted.

    Examples
    --------
    >>> assert_convention(lambda x, w: np.convolve(x, w, "full"), Convention(size="full"), ndim=1)
    """
    convention = as_convention(convention)
    pairs = list(_shapes(ndim) if shapes is None else shapes)
    if not pairs:
        raise ConventionValueError(
            f"assert_convention(ndim={ndim}, shapes={shapes!r})", "no shapes", "at least one pair", "leave shapes out"
        )
    rng = np.random.default_rng(seed)
    for signal_shape, kernel_shape in pairs:
        signal: NDArray[Any] = rng.integers(-9, 10, tuple(signal_shape)).astype(np.float64)
        kernel: NDArray[Any] = _unlike_its_reversals(rng, tuple(kernel_shape))
        if convention.conjugate:
            signal, kernel = signal + 1j * rng.permutation(signal), kernel + 1j * rng.permutation(kernel)
        expected = compute(convention, signal, kernel).astype(signal.dtype)
        given = signal.copy(), kernel.copy()
        found = np.asarray(function(*given))
        where = f"signal {signal.shape}, kernel {kernel.shape}; expected of {convention}"
        if found.shape != expected.shape:
            raise AssertionError(f"the result has shape {found.shape} instead of {expected.shape}: {where}")
        for name, before, after in zip(("signal", "kernel"), (signal, kernel), given):
            if not np.array_equal(before, after):
                raise AssertionError(f"the function changed its {name}: {where}")
        wrong = ~(np.abs(found - expected) <= tolerance)
        if wrong.any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise AssertionError(
                f"{np.count_nonzero(wrong)} of {wrong.size} outputs differ, the first at {index}: "
                f"{found[index]} instead of {expected[index]}: {where}"
            )


def _shapes(ndim: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    return [
        (tuple(n + 2 * axis for axis in range(ndim)), tuple(k + axis for axis in range(ndim)))
        for n, k in product((7, 8), (3, 4, 5))
    ]


def _unlike_its_reversals(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw taps that are all different: a kernel equal to a reversal of itself could tell nothing."""
    count = int(np.prod(shape))
    taps = np.arange(1, count + 1) * rng.choice([-1, 1], count)
    return rng.permutation(taps).reshape(shape).astype(np.float64)
