"""How OpenCV sums: in float32, rounded after every tap, on a grid of 1/256, or through blocks of a Fourier transform.

Where sums are rounded to integers, the way they were taken decides halves: 0.1 times 5 is 0.5 only in float32.
Everything here was measured with OpenCV 5.0 on a processor with AVX2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from convention.definition import Convention

__all__ = ["Call", "block_length", "directly_filtered", "separately_filtered", "transformed"]

Term = tuple[float, Any]

_EXACT = 2.0**24
"""Integers up to here are float32 numbers."""
_QUICK = ([2.0, 1.0], [-2.0, 1.0], [1.0], [-1.0])
"""Columns of 3 taps that are summed in integers: 1 2 1, 1 -2 1, -1 0 1 and 1 0 -1, the middle first."""
_LIMIT = 2.0**31
"""Integers of 32 bits are smaller."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of one of the two functions, with its arguments checked.

    Attributes
    ----------
    image : array, shape (rows, columns, channels)
    before : tuple of int
        How many taps lie before the anchor, along rows' and columns' axes.
    after : tuple of int
        How many lie behind it.
    boundary : str
        What lies beyond the border.
    delta : float
        What is added.
    source, target : str
        The data types of the image and of the result.
    """

    image: Any
    before: tuple[int, int]
    after: tuple[int, int]
    boundary: str
    delta: float
    source: str
    target: str

    @property
    def sums(self) -> str:
        """The data type that is summed in."""
        return "float64" if "float64" in (self.source, self.target) else "float32"

    @property
    def whole(self) -> bool:
        """Whether the result is one of integers."""
        return "int" in self.target


def directly_filtered(call: Call, kernel: Any, apply: Callable[..., Any], library: Any) -> Any:
    """Return what ``filter2D`` gives for few taps, shape (rows, columns, channels).

    Parameters
    ----------
    call : Call
        The checked arguments.
    kernel : array, shape (k1, k2)
        Of any real data type.
    apply : callable
        `convention.apply`.
    library : Library
        The arrays' library.
    """
    real = library.dtype_named(call.sums)
    image, kernel = library.converted(call.image, real), library.converted(kernel, real)
    taps = kernel.tolist()
    if isfinite(library.magnitude(image)) and (not call.whole or _exact(library, taps, image, call.delta)):
        convention = _shifts(call, call.before, call.after)
        sums = apply(convention, image, kernel, axes=(0, 1), method="direct", dtype=real)
        return _stored(library, sums + call.delta, call.target)
    # measured: taps of 0 are left out, but the first stands for them where all are 0
    live = [(i, j, w) for i, row in enumerate(taps) for j, w in enumerate(row) if w != 0] or [(0, 0, taps[0][0])]
    around = _extended(call, image, call.before, call.after, apply, library)
    rows, columns, channels = image.shape
    lines = ((w, around[i : i + rows, j : j + columns].reshape((rows, -1))) for i, j, w in live)
    fused = _vectors(columns * channels, 4) if call.whole and call.sums == "float32" else 0
    return _stored(library, _accumulated(library, lines, call.delta, fused), call.target).reshape(image.shape)


def separately_filtered(
    call: Call, kernels: tuple[Sequence[float], Sequence[float]], apply: Callable[..., Any], library: Any
) -> Any:
    """Return what ``sepFilter2D`` gives, shape (rows, columns, channels).

    Parameters
    ----------
    call : Call
        The checked arguments.
    kernels : tuple of sequence of float
        Along every row (the x axis), then along every column.
    apply : callable
        `convention.apply`.
    library : Library
        The arrays' library.
    """
    along_row, along_column = kernels
    bits = _fixed_bits(call, along_row, along_column)
    real = library.dtype_named(call.sums)
    image = library.converted(call.image, real)
    rows, columns, channels = image.shape
    numbers = columns * channels
    if bits is not None:
        along_row, along_column = ([float(round(w * 2**bits)) for w in taps] for taps in kernels)
    vectors = call.whole and call.sums == "float32" and bits is None
    row = _extended(call, image, (0, call.before[1]), (0, call.after[1]), apply, library)
    lines = [row[:, j : j + columns].reshape((rows, -1)) for j in range(len(along_row))]
    # measured: only a float32 image has the shorter way of a symmetric row of up to 5 taps
    short = call.source == "float32" == call.sums and len(along_row) <= 5 and _centred(call.before[1], along_row)
    terms = _paired(along_row, lines) if short else list(zip(along_row, lines))
    # measured: vectors of 32 bytes along the rows, and of four numbers everywhere else
    fused = _vectors(numbers, 32 if call.source == "uint8" else 4) if vectors else 0
    sums = _accumulated(library, terms, 0.0, fused).reshape((rows, columns, channels))
    column = _extended(call, sums, (call.before[0], 0), (call.after[0], 0), apply, library)
    lines = [column[i : i + rows].reshape((rows, -1)) for i in range(len(along_column))]
    pairs = _centred(call.before[0], along_column)
    terms = _paired(along_column, lines) if pairs else list(zip(along_column, lines))
    if bits is not None:
        return _stored_fixed(library, terms, call, bits, numbers).reshape(image.shape)
    fused = _vectors(numbers, 4) if vectors else 0
    # measured: the addition of delta is fused in all columns, where a tap in the middle comes with it
    first = fused if not vectors or _centred(call.before[0], along_column) < 0 else numbers
    return _stored(library, _accumulated(library, terms, call.delta, fused, first), call.target).reshape(image.shape)


def transformed(call: Call, kernel: Any, apply: Callable[..., Any], library: Any) -> Any:
    """Return what ``filter2D`` gives for many taps, shape (rows, columns, channels), without the noise.

    Parameters
    ----------
    call : Call
        The checked arguments.
    kernel : array, shape (k1, k2)
        Of any real data type.
    apply : callable
        `convention.apply`.
    library : Library
        The arrays' library.
    """
    real, single = library.dtype_named("float64"), library.dtype_named("float32")
    image = library.converted(call.image, real)
    # measured: the taps become float32 first, but for a float64 image
    rounded = kernel if "float64" in call.source or call.source == "int32" else library.converted(kernel, single)
    taps = library.converted(rounded, real)
    convention = _shifts(call, call.before, call.after)
    sums = apply(convention, image, taps, axes=(0, 1), method="auto", dtype=real) + call.delta
    if not (isfinite(library.magnitude(image)) and isfinite(library.magnitude(taps))):
        # measured: one NaN or Inf makes NaN of the block of the transform that it is in
        around = _extended(call, image, call.before, call.after, apply, library)
        (rows, columns), (high, wide) = image.shape[:2], taps.shape
        down, right = block_length(rows, high), block_length(columns, wide)
        for top in range(0, rows, down):
            for left in range(0, columns, right):
                bottom, end = min(top + down, rows), min(left + right, columns)
                part = around[top : bottom + high - 1, left : end + wide - 1]
                for channel in range(image.shape[2]):
                    if not isfinite(library.magnitude(part[..., channel]) + library.magnitude(taps)):
                        sums[top:bottom, left:end, channel] = float("nan")
    return _stored(library, sums, call.target)


def block_length(n: int, k: int) -> int:
    """Return how many outputs along an axis one transform of OpenCV gives: n samples, k taps."""
    # measured: with 13 taps 244, so that 256 samples are transformed, and all where the image is shorter
    wanted = min(max(round(k * 4.5), 256 - k + 1), n) + k - 1
    while not _smooth(wanted):
        wanted += 1
    return min(wanted - k + 1, n)


def _smooth(n: int) -> bool:
    for factor in (2, 3, 5):
        while n % factor == 0:
            n //= factor
    return n == 1


def _shifts(call: Call, before: Sequence[int], after: Sequence[int]) -> Convention:
    return Convention(reversed_axes="none", size=tuple(zip(before, after)), boundary=call.boundary)


def _extended(
    call: Call, image: Any, before: Sequence[int], after: Sequence[int], apply: Callable[..., Any], library: Any
) -> Any:
    """Return the image with so many samples from beyond its border around it."""
    one = library.zeros((1, 1), image.dtype, image) + 1
    return apply(_shifts(call, before, after), image, one, axes=(0, 1), method="direct", dtype=image.dtype)


def _vectors(numbers: int, block: int) -> int:
    """Return how many numbers of a row come in whole vectors."""
    return numbers - numbers % block


def _accumulated(library: Any, terms: Iterable[Term], start: float, fused: int, first: int | None = None) -> Any:
    """Return the sum of weights times arrays of two axes, rounded to their data type after every term.

    Parameters
    ----------
    library : Library
        The arrays' library.
    terms : iterable of (float, array)
        In this order.
    start : float
        What the sum begins with.
    fused : int
        So many columns are multiplied and added with one rounding (measured: in whole vectors), the rest with two.
    first : int, optional
        The same for the first term.
    """
    wide, total = library.dtype_named("float64"), None
    split = fused if first is None else first
    for weight, line in terms:
        if total is None:
            total = library.zeros(tuple(line.shape), line.dtype, line) + start
        total[:, split:] += line[:, split:] * weight
        if split:
            # float64 holds the product of two float32; its own rounding of the sum is 2**29 times finer
            exact = library.converted(total[:, :split], wide) + weight * library.converted(line[:, :split], wide)
            total[:, :split] = library.converted(exact, line.dtype)
        split = fused
    return total


def _centred(before: int, taps: Sequence[float]) -> int:
    """Return 1 for taps that are symmetric about an anchor in their middle, -1 for antisymmetric ones, else 0."""
    if 2 * before + 1 != len(taps):
        return 0
    backwards = list(taps)[::-1]
    if list(taps) == backwards:
        return 1
    return -1 if all(a == -b for a, b in zip(taps, backwards)) else 0


def _paired(taps: Sequence[float], lines: Sequence[Any]) -> list[Term]:
    """Return the terms of a symmetric or antisymmetric kernel: the middle, then pairs outwards."""
    middle = len(taps) // 2
    if list(taps) == list(taps)[::-1]:
        pairs = [(taps[middle + i], lines[middle + i] + lines[middle - i]) for i in range(1, middle + 1)]
        return [(taps[middle], lines[middle]), *pairs]
    # measured: the middle of an antisymmetric kernel is not read at all
    return [(taps[middle + i], lines[middle + i] - lines[middle - i]) for i in range(1, middle + 1)]


def _fixed_bits(call: Call, along_row: Sequence[float], along_column: Sequence[float]) -> int | None:
    """Return with how many binary digits both kernels become integers, or None where they do not."""
    kernels = (along_row, along_column)
    signs = [_centred(before, taps) for before, taps in zip(call.before[::-1], kernels)]
    if call.source != "uint8" or not all(signs):
        return None
    whole = [all(w == round(w) for w in taps if isfinite(w)) for taps in kernels]
    smooth = all(
        min(taps) >= 0 and abs(sum(taps) - 1) <= 2.0**-23 * (abs(sum(taps)) + 1) for taps in kernels
    )  # measured: sums of 1 to within float32, and neither of the kernels all integers
    if call.target == "uint8" and smooth and not any(whole):
        bits = 8
    elif call.target == "int16" and all(whole):
        bits = 0
    else:
        return None
    grid = 10 * 2.0**-23 * 2**bits
    fits = all(
        abs(w * 2**bits - round(w * 2**bits)) <= grid if isfinite(w) else False for w in (*along_row, *along_column)
    )
    return bits if fits else None


def _stored_fixed(library: Any, terms: Sequence[Term], call: Call, bits: int, numbers: int) -> Any:
    """Return integer sums divided by their scale, with delta added in whole vectors as a float, else in that scale."""
    scale = 4.0**bits
    fixed = min(max(float(round(call.delta * scale)), -_LIMIT), _LIMIT - 1)
    quick = not bits and call.before[0] == call.after[0] == 1 and [w for w, _ in terms] in _QUICK
    split = _vectors(numbers, 16 if bits or quick else 8)
    start = call.delta
    if not bits and call.before[0] + call.after[0] != 2:
        start = fixed
    elif quick:
        # measured: 16 bits are all that these have
        start = (fixed + 2.0**15) % 2.0**16 - 2.0**15
    result = _stored(library, _accumulated(library, [(w / scale, x) for w, x in terms], start, split), call.target)
    if split < numbers:
        lines = [(w, library.converted(x[:, split:], library.dtype_named("float64"))) for w, x in terms]
        # measured: halves go upwards here, and to even in the vectors
        rest = _accumulated(library, lines, fixed + (scale / 2 if bits else 0), 0)
        rest = ((rest + _LIMIT) % (2 * _LIMIT) - _LIMIT) / scale
        result[:, split:] = _stored(library, rest - rest % 1, call.target)
    return result


def _exact(library: Any, taps: Sequence[Sequence[float]], image: Any, delta: float) -> bool:
    """Whether every partial sum is a float32 number, so that no order of summing rounds anything."""
    weights = [abs(w) for row in taps for w in row]
    if not isfinite(sum(weights)) or not isfinite(delta):
        return False
    scale = next((2.0**q for q in range(17) if all((w * 2**q) % 1 == 0 for w in (*weights, abs(delta)))), inf)
    return bool(scale * (sum(weights) * library.magnitude(image) + abs(delta)) < _EXACT)


def _stored(library: Any, sums: Any, target: str) -> Any:
    """Return sums in the result's data type: halves to even, saturated."""
    if "int" not in target:
        return library.converted(sums, library.dtype_named(target))
    whole = sums.round()
    # measured: what a 32-bit integer does not hold, and NaN, becomes the least of them: 1e10 is 0 in uint8
    whole[~(abs(whole) < _LIMIT)] = -_LIMIT
    return library.cast(whole, library.dtype_named(target), "saturate")
