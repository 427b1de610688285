"""What the numbers of a kernel allow: zero taps, equal taps, and one short kernel per axis instead of a long one.

A kernel that is the outer product of one vector per axis (rank 1, "separable") needs sum(K_a) products per output
instead of prod(K_a). Floating-point kernels are hardly ever such a product exactly, so two guards decide, with ``E =
kernel - outer(factors)`` and the factors already rounded to the kernel's data type:

* ``sum|E| <= 4 eps sum|kernel|``: as a whole, the product is the kernel within the rounding of a direct sum;
* ``rounding of the passes + max|E/kernel| <= prod(K_a) eps``: so is every single tap, and the result keeps the bound
  of the direct sum, whatever the signal. Without it ``[[1, 0], [0, 1e-9]]`` would lose a tap in float32.

Integers factor in integers or not at all.

The error of the passes: one over K taps, in any order, fused or not, is off by at most ``g(K) sum|f||x|``, with ``g(n)
= n u / (1 - n u)`` and ``u = eps/2``; two compose as ``g(K_1 + K_2)`` (N. Higham, Accuracy and Stability of Numerical
Algorithms, 2nd ed., section 3.1). As ``|outer(f)| <= (1 + t eps)|kernel|`` with ``t = max|E/kernel|/eps``, the result
is within ``(g/eps (1 + t eps) + t) eps sum|w||x|`` of the exact sum; `separable_bound` is the factor before ``eps``.
As with every such bound, overflow and underflow are left out; the factors are balanced, so that the sizes of what lies
between two passes are between those of the signal and of the result.

A NaN or Inf in the signal: a pass reaches no further than its window, so an output is touched only by samples of its
own window. Where every pass multiplies every tap (0 * NaN is NaN), an output is NaN for a NaN anywhere in its window,
as in a direct sum over every tap. Where both skip zero taps, a sample counts if all its factors are nonzero, in the
direct sum if its tap is: the same samples if `Taps.same_zeros`. An Inf then keeps its sign, and meets the same samples
of the opposite sign. `Taps.same_zeros` is false only where a tap was lost to underflow, as in the corners of a
float32 Gaussian over many of its widths.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from math import gcd, inf, prod, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convention.engine.remembered import Remembered

__all__ = ["Taps", "analyse", "analysed", "separable_bound"]

_GUARD = 4.0
"""Multiples of eps by which factors may miss a kernel, as a share of its absolute sum."""

_EXTREME = 2.0**900
"""Beyond this, or below its inverse, sums and products of float64 taps come too close to what can be stored."""

_EPS = {"f": 2.0**-23, "F": 2.0**-23, "d": 2.0**-52, "D": 2.0**-52}
"""The eps of the types that have factors, by their letter: numpy.finfo takes longer than all of a rejection."""

_REMEMBERED = 4 << 20
"""Bytes of kernels and factors that are remembered."""

_REMEMBERED_EACH = 1 << 16
"""Bytes of the largest kernel that is remembered: a larger one takes as long to recognise as to analyse."""


class Taps(NamedTuple):
    """What the numbers of one kernel allow.

    Attributes
    ----------
    nonzero : int
        Number of taps that are not exactly zero.
    finite : bool
        Whether no tap is NaN or Inf.
    absolute_sum : float
        Sum of the absolute values, possibly Inf or NaN.
    constant : int, float, complex or None
        The value of every tap, if they are equal and finite.
    factors : tuple of array or None
        One vector per axis, read-only, whose outer product is the kernel; ``[1]`` along an axis of length one.
        None where there are none or they would not save a product.
    tap_error : float
        How far the product of the factors is from a tap at most, relative to the tap, in eps; 0 for integers.
    same_zeros : bool
        Whether the product of the factors is zero exactly where the kernel is.
    """

    nonzero: int
    finite: bool
    absolute_sum: float
    constant: Any = None
    factors: tuple[NDArray[Any], ...] | None = None
    tap_error: float = 0.0
    same_zeros: bool = True


def separable_bound(taps: Taps) -> float:
    """Return b, where passes over the factors are within ``b eps sum|w||x|`` of the exact sum; Inf without factors."""
    return inf if taps.factors is None else _bound(taps.factors, taps.tap_error)


def analysed(kernel: NDArray[Any]) -> Taps:
    """Return `analyse` of a kernel, remembered by its values: safe to call from several threads."""
    if kernel.nbytes > _REMEMBERED_EACH or kernel.dtype.hasobject:
        return analyse(kernel)
    key = kernel.tobytes(), kernel.shape, kernel.dtype
    taps = _memory.get(key)
    if taps is None:
        taps = analyse(kernel)
        _memory.put(key, taps, _weight(key, taps))
    return taps


def analyse(kernel: NDArray[Any]) -> Taps:
    """Return what the numbers of one kernel, shape (K1, ..., Kd), allow."""
    if not kernel.size:
        return Taps(0, True, 0.0)
    kind = kernel.dtype.kind
    if kind in "fc":
        return _analyse_floats(kernel)
    if kind in "biu":
        nonzero = int(np.count_nonzero(kernel))
        size = float(np.abs(kernel.astype(np.float64)).sum())
        return Taps(nonzero, True, size, _constant(kernel), _integer_factors(kernel) if nonzero else None)
    values = kernel.ravel().tolist()
    nonzero = sum(value != 0 for value in values)
    try:
        size = float(sum(map(abs, values)))
    except OverflowError:
        size = inf
    finite = all(value - value == 0 for value in values)
    whole = nonzero and all(type(value) is int for value in values)
    return Taps(
        nonzero, finite, size, _constant(kernel) if finite else None, _integer_factors(kernel) if whole else None
    )


def _analyse_floats(kernel: NDArray[Any]) -> Taps:
    nonzero = int(np.count_nonzero(kernel))
    if kernel.dtype.kind == "c":
        with np.errstate(over="ignore", invalid="ignore"):  # |a + ib| may overflow where neither does
            sizes = np.abs(kernel)
    else:
        sizes = np.abs(kernel)
    pivot = int(sizes.argmax())  # the first NaN, where there is one
    peak = float(sizes.item(pivot))
    if not peak < _EXTREME:
        finite = bool(np.isfinite(kernel).all())
        with np.errstate(over="ignore", invalid="ignore"):
            total = float(sizes.sum(dtype=np.float64))
        return Taps(nonzero, finite, total, _constant(kernel) if finite else None)
    total = float(np.add.reduce(sizes, axis=None, dtype=np.float64))
    found = None
    if peak * _EXTREME > 1 and kernel.dtype.char in _EPS and _pays(kernel.shape):
        found = _float_factors(kernel, pivot, total)
    if found is None:
        return Taps(nonzero, True, total, _constant(kernel))
    factors, tap_error = found
    product = reduce(np.logical_and.outer, [factor != 0 for factor in factors])
    same_zeros = bool(np.array_equal(product, kernel != 0))
    return Taps(nonzero, True, total, _constant(kernel), factors, tap_error, same_zeros)


def _constant(kernel: NDArray[Any]) -> Any:
    """Return the value that every tap has, or None."""
    first = kernel.item(0)
    if kernel.item(kernel.size - 1) != first or kernel.item(kernel.size // 2) != first:  # settles nearly all of them
        return None
    return first if (kernel == first).all() else None


def _pays(shape: tuple[int, ...]) -> bool:
    """Return whether one vector per axis saves products: never so with fewer than two axes longer than one tap."""
    return prod(shape) > max(sum(shape) - shape.count(1), 1)


def _place(index: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the indices of the flat index: numpy.unravel_index, but for Python integers at once."""
    indices = []
    for length in reversed(shape):
        index, along = divmod(index, length)
        indices.append(along)
    return tuple(reversed(indices))


def _corner(kernel: NDArray[Any], place: tuple[int, ...]) -> tuple[Any, Any, list[Any]]:
    """Return the tap at a place, one that differs from it in every axis, and those that differ in one.

    In a rank-1 kernel the second times the first to the power d-1 is the product of the others: one
    comparison of Python numbers that settles nearly every kernel that has no factors.
    """
    other = [(index + 1) % length for index, length in zip(place, kernel.shape)]
    sides = [kernel.item((*place[:a], other[a], *place[a + 1 :])) for a in range(kernel.ndim)]
    return kernel.item(place), kernel.item(tuple(other)), sides


def _fibers(kernel: NDArray[Any], place: tuple[int, ...]) -> list[NDArray[Any]]:
    """Return the taps along each axis through a place."""
    lines: list[tuple[Any, ...]] = [(*place[:a], slice(None), *place[a + 1 :]) for a in range(kernel.ndim)]
    return [kernel[line] for line in lines]


def _read_only(factors: list[NDArray[Any]]) -> tuple[NDArray[Any], ...]:
    for factor in factors:
        factor.flags.writeable = False
    return tuple(factors)


# --- integers: all of it exact, in Python integers along the axes


def _integer_factors(kernel: NDArray[Any]) -> tuple[NDArray[Any], ...] | None:
    """Return integer vectors whose outer product is the kernel, all but one of them primitive, or None.

    Neither a pass nor what it leaves to the next exceeds sum|w| max|x|, as the absolute sum of an integer vector is
    at least 1: 64 bits that hold the direct sum hold the passes too.
    """
    if not _pays(kernel.shape):
        return None
    place = _place(int((kernel != 0).argmax()), kernel.shape)
    tap, opposite, sides = _corner(kernel, place)
    if opposite * tap ** (kernel.ndim - 1) != prod(sides):
        return None
    vectors = []
    for fiber in _fibers(kernel, place):
        values = [int(value) for value in fiber.tolist()]
        divisor = gcd(*values) if len(values) > 1 else values[0]  # one tap: 1, and its sign goes to the first as well
        vectors.append([value // divisor for value in values])
    # a product of primitive vectors is primitive, so what is left over is an integer
    scale, rest = divmod(int(tap), prod(vector[index] for vector, index in zip(vectors, place)))
    first = next(a for a, length in enumerate(kernel.shape) if length > 1)
    vectors[first] = [scale * value for value in vectors[first]]
    peak = max(int(kernel.max()), -int(kernel.min()))
    # this also keeps the comparison below free of overflow, but for the 2**63 that int64 has on one side only
    if rest or prod(max(map(abs, vector)) for vector in vectors) != peak:
        return None
    kind = kernel.dtype.kind
    if kind in "bi" and peak == 2**63:
        return None
    dtype = kernel.dtype.newbyteorder("=") if kernel.dtype.itemsize == 8 and kind in "uO" else np.dtype(np.int64)
    factors = [np.array(vector, dtype) for vector in vectors]
    return _read_only(factors) if (reduce(np.multiply.outer, factors) == kernel).all() else None


# --- floats: candidates, each held against both guards


def _float_factors(kernel: NDArray[Any], pivot: int, total: float) -> tuple[tuple[NDArray[Any], ...], float] | None:
    """Return factors that meet both guards and the largest relative error of a tap in eps, or None."""
    place = _place(pivot, kernel.shape)
    tap, opposite, sides = _corner(kernel, place)
    # Some factors meet the first guard only if no tap is further than this from what the axes through the pivot, the
    # largest tap, make of it: to first order that difference is a sum of errors, each times at most 1, d-1 of them of
    # the pivot.
    furthest = _GUARD * kernel.ndim * _EPS[kernel.dtype.char] * total
    expected = tap
    for side in sides:
        expected *= side / tap  # at most 1: nothing overflows
    if not abs(opposite - expected) <= furthest:
        return None
    dtype = kernel.dtype.newbyteorder("=")
    if dtype.kind == "c" and not kernel.imag.any():
        found = _float_factors(kernel.real, pivot, total)
        return found and (_read_only([factor.astype(dtype) for factor in found[0]]), found[1])
    wide = kernel.astype(np.complex128 if dtype.kind == "c" else np.float64)
    fibers = _fibers(wide, place)
    through = [fibers[0], *(fiber / tap for fiber in fibers[1:])]
    if not np.abs(wide - reduce(np.multiply.outer, through)).max() <= furthest:
        return None
    for candidate in _candidates(wide, fibers, through, place):
        factors = [factor.astype(dtype) for factor in _balanced(candidate)]
        tap_error = _tap_error(wide, factors, total)
        if tap_error is not None and _bound(factors, tap_error) <= kernel.size:
            return _read_only(factors), tap_error
    return None


def _candidates(
    wide: NDArray[Any], fibers: list[NDArray[Any]], through: list[NDArray[Any]], place: tuple[int, ...]
) -> Iterator[list[NDArray[Any]]]:
    # Whole multiples of one number, such as a binomial or a box over 25, come apart without any error, and
    # sums that were exact remain so.
    whole = _whole(fibers[1:])
    if whole is not None:
        yield [fibers[0] / prod(vector[index] for vector, index in zip(whole, place[1:])), *whole]
    yield through
    # Two sweeps of alternating least squares: every factor becomes a mean over the taps, not a reading of one.
    vectors = [vector.copy() for vector in through]
    axes = range(wide.ndim)
    for _ in range(2):
        for axis in axes:
            against = wide
            for a in reversed(axes):
                if a != axis:
                    # from the last axis to the first, so that the axes left keep their numbers
                    scale = np.vdot(vectors[a], vectors[a])
                    against = np.tensordot(against, vectors[a].conj() / scale, axes=([a], [0]))
            vectors[axis] = against
    yield vectors


def _whole(fibers: list[NDArray[Any]]) -> list[NDArray[Any]] | None:
    """Return the vectors of the smallest whole numbers in the same proportions, or None if they are not small."""
    vectors = []
    for fiber in fibers:
        if fiber.dtype.kind == "c":
            return None
        ratios = [value.as_integer_ratio() for value in fiber.tolist()]
        denominator = max(below for _, below in ratios)  # all are powers of two
        values = [above * (denominator // below) for above, below in ratios]
        divisor = gcd(*values)
        if max(map(abs, values)) >= divisor << 24:  # float32 holds every smaller one
            return None
        vectors.append(np.array([value // divisor for value in values], fiber.dtype))
    return vectors


def _balanced(factors: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the factors with their largest values within a few powers of two of each other, which rounds nothing.

    An axis of length one gets exactly 1 where its vector is the 1 that division by the pivot made.
    """
    long = [a for a, factor in enumerate(factors) if len(factor) > 1]
    balanced = list(factors)
    for a, factor in enumerate(factors):
        if len(factor) == 1:  # its value goes to the first axis that has a choice of taps
            balanced[a] = np.ones_like(factor)
            balanced[long[0]] = balanced[long[0]] * factor[0]
    exponents = [int(np.frexp(np.abs(balanced[a]).max())[1]) for a in long]
    share, rest = divmod(sum(exponents), len(long))
    for nth, (a, exponent) in enumerate(zip(long, exponents)):
        balanced[a] = balanced[a] * 2.0 ** (share + (nth < rest) - exponent)
    return balanced


def _tap_error(wide: NDArray[Any], factors: list[NDArray[Any]], total: float) -> float | None:
    """Return the largest relative error of a tap in eps, or None if the absolute errors are over the guard."""
    eps = _EPS[factors[0].dtype.char]
    errors = np.abs(wide - reduce(np.multiply.outer, [factor.astype(wide.dtype) for factor in factors]))
    # The products above are rounded themselves, to 53 bits: much for factors in float64, hardly anything for float32.
    rounded = sum(len(factor) > 1 for factor in factors) - 1
    unseen = rounded * _product_rounding(wide.dtype) * _EPS[wide.dtype.char] / eps
    if not errors.sum() <= (_GUARD - unseen) * eps * total:
        return None
    sizes = np.abs(wide)
    # a tap that has underflowed is as wrong as the smallest number that can be stored
    beyond = np.maximum(errors - float(np.finfo(factors[0].dtype).smallest_subnormal), 0)
    taps = sizes > 0
    if beyond[~taps].any():
        return None
    return float((beyond[taps] / sizes[taps]).max()) / eps + unseen


def _product_rounding(dtype: np.dtype[Any]) -> float:
    """Return the relative error of one product in eps; complex: Brent, Percival and Zimmermann (2007)."""
    return sqrt(5) / 2 if dtype.kind == "c" else 0.5


def _bound(factors: list[NDArray[Any]] | tuple[NDArray[Any], ...], tap_error: float) -> float:
    """Return the module's bound: rounding of the passes, and of the factors, in eps."""
    dtype = factors[0].dtype
    if dtype.kind not in "fc":
        return 0.0
    eps = _EPS[dtype.char]
    # K roundings a pass: one of each product and those of K-1 additions
    roundings = sum((len(f) - 1) * 0.5 + _product_rounding(dtype) for f in factors if len(f) > 1)
    if roundings * eps >= 0.5:
        return inf
    return roundings / (1 - roundings * eps) * (1 + tap_error * eps) + tap_error


# --- what was analysed before

_memory: Remembered[Taps] = Remembered(10_000, heaviest=_REMEMBERED)


def _weight(key: tuple[bytes, tuple[int, ...], np.dtype[Any]], taps: Taps) -> int:
    """Return about how many bytes an entry takes."""
    return 600 + len(key[0]) + sum(112 + factor.nbytes for factor in taps.factors or ())
