"""Is one result the other one, moved? Found in the results, where no border plays a part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from convention.comparison.bands import Call
from convention.comparison.measures import difference_of
from convention.engine import apply
from convention.geometry import dilated_extent, upsampled_extent

__all__ = ["Interior", "equal_inside", "interiors", "moved_by"]

Index: TypeAlias = Any  # of any number of slices and integers, which NumPy's types cannot say
Interior: TypeAlias = tuple[tuple[int, int], ...]
"""Per axis the first output whose taps other than zero meet samples only, and one past the last."""

_SPREAD, _AROUND, _ROWS = 24, 2, 64


def interiors(call: Call) -> tuple[Interior, Interior]:
    """Return where no border plays a part: for the convolution, and for the cross-correlation."""
    windows = call.job.windows
    count = len(windows)
    kernel = call.job.library.to_numpy(call.job.kernel)
    used = np.argwhere(kernel.reshape(-1, *kernel.shape[-count:]).any(axis=0))
    found: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    for axis, w in enumerate(windows):
        first, last = (int(used[:, axis].min()), int(used[:, axis].max())) if len(used) else (0, w.kernel - 1)
        extent = upsampled_extent(w.signal, w.upsample)
        for inside, (low, high) in zip(found, ((w.kernel - 1 - last, w.kernel - 1 - first), (first, last))):
            start = -((w.dilation * low - w.before) // w.stride)
            stop = (extent - 1 + w.before - w.dilation * high) // w.stride + 1
            inside.append((max(start, 0), min(stop, w.outputs)))
    return tuple(found[0]), tuple(found[1])


def moved_by(
    call: Call, convolved: NDArray[Any], correlated: NDArray[Any], where: Sequence[int], tolerance: float
) -> tuple[int, ...] | None:
    """Return the shift s with convolved[n] == correlated[n - s] along every axis, or None.

    Parameters
    ----------
    call : Call
        What both definitions were asked to do.
    convolved, correlated : array, shape (..., M1, M2, ...)
        The results, with the spatial axes last.
    where : sequence of int
        The index of the largest difference: the neighbourhood that tells most.
    tolerance : float
        How far apart equal results may be.

    Returns
    -------
    tuple of int or None
        The smallest shift other than zero that holds for every output of these results which no border
        touches, and also for a signal of random numbers: on a ramp, any two results are shifts of each other.
    """
    inside = interiors(call)
    shifts = _candidates(call, convolved, correlated, where, tolerance, inside)
    for shift in sorted(shifts, key=lambda s: (sum(map(abs, s)), s)):
        if any(shift) and _holds_for_any_signal(call, shift):
            if equal_inside(convolved, correlated, inside, shift, tolerance):
                return shift
            return None
    return None


def equal_inside(
    convolved: NDArray[Any],
    correlated: NDArray[Any],
    inside: tuple[Interior, Interior],
    shift: Sequence[int],
    tolerance: float,
) -> bool:
    """Tell whether convolved[n] == correlated[n - shift] for all n that no border touches, and there is one."""
    ranges = [(max(a[0], b[0] + s), min(a[1], b[1] + s)) for a, b, s in zip(*inside, shift)]
    if any(start >= stop for start, stop in ranges) or 0 in convolved.shape:
        return False
    first, last = ranges[0]
    for row in range(first, last, _ROWS):  # large results are refuted by their first rows
        rows = [(row, min(row + _ROWS, last)), *ranges[1:]]
        here: Index = (..., *(slice(a, b) for a, b in rows))
        there: Index = (..., *(slice(a - s, b - s) for (a, b), s in zip(rows, shift)))
        if not _close(convolved[here], correlated[there], tolerance).all():
            return False
    return True


def _close(a: NDArray[Any], b: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    """Tell where two results agree; where either is no finite number, nothing is known against it."""
    gap = np.asarray(abs(difference_of(a, b)))
    return np.asarray(~(gap > tolerance) | (gap == np.inf), dtype=bool)


def _candidates(
    call: Call,
    convolved: NDArray[Any],
    correlated: NDArray[Any],
    where: Sequence[int],
    tolerance: float,
    inside: tuple[Interior, Interior],
) -> list[tuple[int, ...]]:
    """Return the shifts within the kernel's extent that some outputs of the convolution do not contradict."""
    windows = call.job.windows
    reach = [(dilated_extent(w.kernel, w.dilation) - 1) // w.stride for w in windows]
    alive = np.ones([2 * r + 1 for r in reach], bool)
    for axis, (r, a, b) in enumerate(zip(reach, *inside)):  # only where the two interiors overlap once moved
        shifts = np.arange(-r, r + 1)
        possible = (a[0] < np.minimum(a[1], b[1] + shifts)) & (b[0] + shifts < a[1]) & (b[0] < b[1])
        alive &= np.expand_dims(possible, [other for other in range(alive.ndim) if other != axis])
    for index in _places(convolved.shape, where, inside[0]):
        batch, place = index[: -len(windows)], index[-len(windows) :]
        low = [max(p - r, start) for p, r, (start, _) in zip(place, reach, inside[1])]
        high = [min(p + r, stop - 1) for p, r, (_, stop) in zip(place, reach, inside[1])]
        if any(a > b for a, b in zip(low, high)):
            continue
        around: Index = (*batch, *(slice(a, b + 1) for a, b in zip(low, high)))
        region = correlated[around]
        agrees = _close(np.broadcast_to(convolved[index], region.shape), region, tolerance)
        seen = tuple(slice(p - b + r, p - a + r + 1) for p, a, b, r in zip(place, low, high, reach))
        alive[seen] &= np.flip(agrees)  # the sample at n - s stands for the shift s
    return [tuple(int(i) - r for i, r in zip(index, reach)) for index in np.argwhere(alive)]


def _places(shape: Sequence[int], where: Sequence[int], inside: Interior) -> Iterator[tuple[int, ...]]:
    """Yield indices inside: those around the largest difference, and some spread evenly over everything."""
    count = len(inside)
    bounds = [(0, n) for n in shape[:-count]] + list(inside)
    if any(start >= stop for start, stop in bounds):
        return
    for offset in np.ndindex((2 * _AROUND + 1,) * count):
        near = [p + o - _AROUND for p, o in zip(where[-count:], offset)]
        if all(start <= p < stop for p, (start, stop) in zip(near, inside)):
            yield (*where[:-count], *near)
    sizes = [stop - start for start, stop in bounds]
    total = int(np.prod(sizes))
    for flat in np.linspace(0, total - 1, min(_SPREAD, total)).astype(int):
        yield tuple(int(i) + start for i, (start, _) in zip(np.unravel_index(flat, sizes), bounds))


def _holds_for_any_signal(call: Call, shift: Sequence[int]) -> bool:
    """Tell whether a few outputs of both definitions on random numbers agree at this shift."""
    windows, outputs = call.job.windows, 3
    kernel = call.job.library.to_numpy(call.job.kernel)
    count = len(windows)
    spans = [dilated_extent(w.kernel, w.dilation) + (outputs - 1 + abs(s)) * w.stride for w, s in zip(windows, shift)]
    lengths = [-(-span // w.upsample) + 1 for span, w in zip(spans, windows)]
    signal = np.random.default_rng(0).integers(1, 1000, (*kernel.shape[:-count], *lengths))
    if kernel.dtype.kind not in "biu":
        signal = signal.astype(kernel.dtype)
    results = []
    for definition, sign in zip(call.definitions, (1, -1)):
        size = []
        for w, s, n in zip(windows, shift, lengths):
            start = max(sign * s, 0) * w.stride
            extent = (outputs - 1) * w.stride + dilated_extent(w.kernel, w.dilation)
            size.append((-start, start + extent - upsampled_extent(n, w.upsample)))
        one = replace(definition, size=tuple(size), boundary="zero", value=0)
        axes = tuple(range(-count, 0))
        results.append(apply(one, signal, kernel, axes=axes, method="direct", overflow="wrap"))
    tolerance = 0.0
    if kernel.dtype.kind not in "biu":
        weight = float(abs(kernel).astype(float).reshape(-1, kernel[(0,) * (kernel.ndim - count)].size).sum(1).max())
        tolerance = 2 * (kernel[0].size + 1) * float(np.finfo(results[0].dtype).eps) * weight * 1000
    return bool(_close(results[0], results[1], tolerance).all())
