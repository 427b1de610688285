"""For library authors: hold a function to the convention it is documented to follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from numbers import Number
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from convention.definition import Convention, as_convention
from convention.errors import ConventionTypeError, ConventionValueError
from convention.fields import shape_field
from convention.reference import compute

__all__ = ["assert_convention"]

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]

_MOST = 200
"""The longest axis of a signal that is tried to get outputs."""


def assert_convention(
    function: Callable[[Array, Array], Any],
    convention: Convention | str | Mapping[str, Any],
    *,
    ndim: int | None = None,
    shapes: Iterable[tuple[Sequence[int], Sequence[int]]] | None = None,
    tolerance: float = 0.0,
    seed: int = 0,
    complex_numbers: bool | None = None,
) -> None:
    """Assert that ``function(signal, kernel)`` computes what a convention says.

    Parameters
    ----------
    function : callable
        Takes a signal and a kernel, float64 or complex128 arrays of spatial axes that hold integers, and returns
        an array.
    convention : Convention, str or dict
        What it must compute: a convention, ``"convolution"``, ``"cross-correlation"``, or what
        `Convention.to_dict` gave.
    ndim : int, optional
        The number of axes to try, 1 to 3. By default as many as the convention's fields have entries, or 2.
    shapes : iterable of (signal shape, kernel shape), optional
        The shapes to try, in place of `ndim`. By default odd and even signals with odd and even kernels of 3 to 5
        taps, more along further axes, so that all axes are of different length; longer signals where these would
        leave fewer than two outputs. Also a kernel longer than the signal, unless the size is ``"same"`` or
        ``"valid"``: there NumPy and SciPy swap signal and kernel, which no convention does, and you
        decide by giving shapes whether that matters to you.
    tolerance : float
        The greatest absolute difference allowed; 0 asks for the exact integers. For functions that
        use a Fourier transform, state their bound.
    seed : int
        Of the random integers.
    complex_numbers : bool, optional
        Whether signal and kernel are complex. By default only where the convention conjugates; without complex
        numbers conjugation cannot be seen.

    Raises
    ------
    AssertionError
        With the first difference found: shapes, index, and both numbers; or if the function raised an
        exception, returned no array of numbers, or changed what it was given.
    ConventionTypeError, ConventionValueError
        If an argument cannot be used; also if no shapes were given, or none leaves an output, so that
        nothing would be asserted. The function has not been called then.

    Examples
    --------
    >>> assert_convention(lambda x, w: np.convolve(x, w, "full"), Convention(size="full"), ndim=1)
    """
    convention = as_convention(convention)
    _check(function, ndim, tolerance, seed, complex_numbers)
    pairs = _default_pairs(convention, ndim) if shapes is None else _given_pairs(convention, shapes)
    asked = f"assert_convention(ndim={ndim!r}, shapes={shapes!r})"
    if not pairs:
        raise ConventionValueError(asked, "no shapes", "at least one pair", "leave shapes out")
    if not any(all(convention.output_shape(*pair)) for pair in pairs):
        raise ConventionValueError(
            asked, "every result is empty, so that nothing would be asserted", "shapes that leave outputs",
            "give shapes with longer signals",
        )  # fmt: skip
    rng = np.random.default_rng(seed)
    if complex_numbers is None:
        complex_numbers = convention.conjugate
    for signal_shape, kernel_shape in pairs:
        signal, kernel = _unlike_zero(rng, signal_shape), _unlike_its_reversals(rng, kernel_shape)
        if complex_numbers:
            signal, kernel = signal + 1j * rng.permuted(signal), kernel + 1j * rng.permuted(kernel)
        expected = _plain(compute(convention, signal, kernel))
        where = f"signal {signal.shape}, kernel {kernel.shape}; expected of {convention}"
        _compare(_answer(function, signal, kernel, where), expected, tolerance, where)


def _answer(function: Callable[[Array, Array], Any], signal: Array, kernel: Array, where: str) -> Array:
    """Return what the function gives for copies, as an array of numbers."""
    given = signal.copy(), kernel.copy()
    try:
        result = function(*given)
    except Exception as error:
        raise AssertionError(f"the function raised {type(error).__name__}: {error}: {where}") from error
    if isinstance(result, (list, tuple, dict, str, bytes)):  # `identify` does not take these for arrays either
        raise AssertionError(f"the function returned a {type(result).__name__}, not an array: {where}")
    try:
        found = _plain(np.asarray(result.detach().cpu() if hasattr(result, "detach") else result))
    except Exception as error:  # whatever stands in the way of a foreign array
        raise AssertionError(
            f"the function returned a {type(result).__name__} of shape {getattr(result, 'shape', ())}, "
            f"which is no array of numbers: {error}: {where}"
        ) from error
    for name, before, after in zip(("signal", "kernel"), (signal, kernel), given):
        if not np.array_equal(before, after):
            raise AssertionError(f"the function changed its {name}: {where}")
    return found


def _compare(found: Array, expected: Array, tolerance: float, where: str) -> None:
    if found.shape != expected.shape:
        raise AssertionError(f"the result has shape {found.shape} instead of {expected.shape}: {where}")
    with np.errstate(all="ignore"):  # of what is not finite
        right = (found == expected) | (np.abs(found - expected) <= tolerance) | (np.isnan(found) & np.isnan(expected))
    if not right.all():
        index = tuple(int(i) for i in np.argwhere(~right)[0])
        raise AssertionError(
            f"{np.count_nonzero(~right)} of {right.size} outputs differ, the first at {index}: "
            f"{found[index]} instead of {expected[index]}: {where}"
        )


def _plain(array: Array) -> Array:
    """Return numbers of any kind as float64 or complex128; Python's own may be both."""
    kind = array.dtype.kind
    if kind not in "biufcO" or (kind == "O" and not all(isinstance(x, Number) for x in array.flat)):
        raise TypeError(f"its elements are {array.dtype}")
    numbers = array.astype(np.complex128)
    return numbers if kind == "c" or numbers.imag.any() else numbers.real


def _check(function: Any, ndim: Any, tolerance: Any, seed: Any, complex_numbers: Any) -> None:
    """Refuse arguments that cannot be used."""

    def refuse(asked: str, wrong_type: bool, found: str, allowed: str, fix: str) -> None:
        raise (ConventionTypeError if wrong_type else ConventionValueError)(asked, found, allowed, fix)

    if not callable(function):
        kind = type(function).__name__
        refuse(f"function={function!r}", True, f"a {kind}, which cannot be called", "a function of (signal, kernel)",
               "pass the function itself")  # fmt: skip
    whole = isinstance(ndim, (int, np.integer)) and not isinstance(ndim, bool)
    if ndim is not None and not (whole and 1 <= ndim <= 3):
        refuse(f"ndim={ndim!r}", not whole, "no number of axes that shapes are made for", "1, 2 or 3",
               "leave it out, or give shapes of other axes")  # fmt: skip
    real = isinstance(tolerance, (int, float, np.integer, np.floating)) and not isinstance(tolerance, bool)
    if not (real and 0 <= tolerance < np.inf):
        refuse(f"tolerance={tolerance!r}", not real, "no bound that a difference could keep",
               "a finite number of at least 0", "use 0 for exact integers")  # fmt: skip
    whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if not (whole and seed >= 0):
        refuse(f"seed={seed!r}", not whole, "no seed", "an integer of at least 0", "leave it out")
    if not (complex_numbers is None or isinstance(complex_numbers, bool)):
        refuse(f"complex_numbers={complex_numbers!r}", True, f"a {type(complex_numbers).__name__}",
               "True, False, or None: where the convention conjugates", "leave it out")  # fmt: skip


def _given_pairs(convention: Convention, shapes: Any) -> list[tuple[Shape, Shape]]:
    """Return shapes as they were given, or refuse what the convention cannot be computed for."""
    allowed, fix = "pairs (signal shape, kernel shape), each a tuple of integers", "shapes=[((7, 8), (3, 4))]"
    try:
        pairs = [(signal, kernel) for signal, kernel in shapes]
    except (TypeError, ValueError):
        raise ConventionTypeError(f"shapes={shapes!r}", "no pairs", allowed, fix) from None
    checked = []
    for signal, kernel in pairs:
        pair = shape_field("signal shape", _listed(signal)), shape_field("kernel shape", _listed(kernel))
        windows = convention.windows(*pair)
        for axis, window in zip(convention.axes(len(windows)), windows):
            if window.signal == 0 and axis.boundary not in ("zero", "constant"):
                raise ConventionValueError(
                    f"signal shape={signal!r}", f"boundary {axis.boundary!r} on an empty axis",
                    "samples along every axis, but for 'zero' and 'constant'", "give it samples",
                )  # fmt: skip
        checked.append(pair)
    return checked


def _listed(shape: Any) -> Any:
    return shape.tolist() if isinstance(shape, np.ndarray) else shape


def _default_pairs(convention: Convention, ndim: int | None) -> list[tuple[Shape, Shape]]:
    """Return odd and even signals with odd and even kernels, and a kernel longer than the signal."""
    per_axis = (convention.size, convention.boundary, convention.value,
                convention.stride, convention.dilation, convention.upsample)  # fmt: skip
    count = ndim or next((len(field) for field in per_axis if isinstance(field, tuple)), 2)
    pairs = [
        _with_outputs(convention, [n + 2 * axis for axis in range(count)], tuple(k + axis for axis in range(count)))
        for n, k in product((7, 8), (3, 4, 5))
    ]
    longer = tuple(3 + 2 * axis for axis in range(count)), tuple(6 + axis * 2 for axis in range(count))
    # measured: tests/truth/test_libraries.py, test_numpy_convolve_swaps_a_kernel_longer_than_the_signal
    swapped = {"same", "valid"} & {axis.size for axis in convention.axes(count)}
    if not swapped and all(convention.output_shape(*longer)):
        pairs.append(longer)
    return pairs


def _with_outputs(convention: Convention, signal: list[int], kernel: Shape) -> tuple[Shape, Shape]:
    """Return these shapes, the signal longer by an even number where there would be less than two outputs."""
    for axis in range(len(signal)):
        while convention.windows(signal, kernel)[axis].outputs < 2 and signal[axis] < _MOST:
            signal[axis] += 2
    return tuple(signal), kernel


def _unlike_zero(rng: np.random.Generator, shape: Shape) -> Array:
    """Draw samples none of which is zero: a signal of one zero could tell nothing."""
    samples: Array = rng.integers(1, 10, shape) * rng.choice([-1, 1], shape)
    return samples.astype(np.float64)


def _unlike_its_reversals(rng: np.random.Generator, shape: Shape) -> Array:
    """Draw taps that are all different: a kernel equal to a reversal of itself could tell nothing."""
    count = int(np.prod(shape))
    taps = np.arange(1, count + 1) * rng.choice([-1, 1], count)
    return rng.permutation(taps).reshape(shape).astype(np.float64)
