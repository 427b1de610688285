"""Does the word matter for a kernel? What reversing it changes, before any data is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arrays import Array, library_of
from convention.errors import ConventionValueError

__all__ = ["Check", "check", "spatial_axes"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """What a kernel makes of the difference between convolution and cross-correlation.

    Attributes
    ----------
    reversal_matters : bool
        Whether the two definitions give different results.
    anchor_matters : bool
        Whether the kernel has an axis of even length, whose centre libraries choose differently.
    relation : str
        How the reversed kernel relates to the kernel: ``"identical"``, ``"negated"`` (the results differ in
        their sign only), ``"moved"`` (they differ by a shift only) or ``"different"``.
    moved : tuple of int or None
        For ``"moved"``: by how many samples the convolution's result is shifted along each axis, against the
        cross-correlation's.
    changed, taps : int
        How many taps the reversal changes, and how many there are.
    reason : str
        One sentence.
    """

    reversal_matters: bool
    anchor_matters: bool
    relation: str
    moved: tuple[int, ...] | None
    changed: int
    taps: int
    reason: str

    def __str__(self) -> str:
        return self.reason


def check(kernel: Array, *, axes: Sequence[int] | None = None) -> Check:
    """Tell whether convolution and cross-correlation differ for this kernel.

    Parameters
    ----------
    kernel : array, shape (k, ...)
        Reversing its spatial axes is compared with leaving it as it is; taps that differ by at most 4
        units of rounding of the largest tap count as equal.
    axes : sequence of int, optional
        Its spatial axes; all of them by default. For the weight of a layer, (out, in, rows, columns),
        say ``axes=(-2, -1)``: channels are never reversed.

    Returns
    -------
    Check
        Prints its reason.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If the kernel is no array of numbers, or empty.

    Examples
    --------
    >>> check([[1, 2, 1], [2, 4, 2], [1, 2, 1]]).reversal_matters
    False
    >>> print(check([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]))
    the word matters: reversing this kernel changes 6 of its 9 taps
    >>> check([[1, 2], [2, 1]]).relation, check([[1, 2], [2, 1]], axes=(1,)).relation
    ('identical', 'different')
    """
    library = library_of(kernel=kernel)
    taps = library.to_numpy(library.array("kernel", kernel))
    if taps.size == 0 or taps.ndim == 0:
        raise ConventionValueError(
            f"a kernel of shape {taps.shape}", "it has no taps", "at least one axis and one tap", "give it taps"
        )
    if taps.dtype.kind in "bui":
        taps = taps.astype(object)  # the difference of unsigned integers must not wrap
    spatial = spatial_axes(taps.ndim, axes)
    turned = np.flip(taps, spatial)
    changed = int(np.count_nonzero(_differ(taps, turned)))
    even = [axis for axis in spatial if taps.shape[axis] % 2 == 0]
    along = "every axis" if axes is None else f"axes {', '.join(map(str, spatial))}"
    relation, moved = "different", None
    if changed == 0:
        relation = "identical"
    elif not _differ(taps, -turned).any():
        relation = "negated"
    elif (shift := _shift(taps, spatial)) is not None:
        relation, moved = "moved", shift
    return Check(
        reversal_matters=changed > 0,
        anchor_matters=bool(even),
        relation=relation,
        moved=moved,
        changed=changed,
        taps=taps.size,
        reason=_reason(relation, moved, changed, taps, even, along),
    )


def spatial_axes(ndim: int, axes: Sequence[object] | None) -> tuple[int, ...]:
    """Return a kernel's spatial axes, counted from 0; all where none are named."""
    if axes is None:
        return tuple(range(ndim))
    named = tuple(axes) if isinstance(axes, Sequence) else (axes,)
    known = [int(axis) for axis in named if isinstance(axis, Integral) and -ndim <= int(axis) < ndim]
    if not named or len(known) < len(named) or len({axis % ndim for axis in known}) < len(named):
        raise ConventionValueError(
            f"axes={axes!r}",
            f"the kernel has {ndim} axes",
            f"different axes of the kernel, {-ndim} to {ndim - 1}",
            "name its spatial axes, for example axes=(-2, -1)",
        )
    return tuple(axis % ndim for axis in known)


def _differ(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell where taps differ; two NaNs do not."""
    with np.errstate(invalid="ignore", over="ignore"):
        if a.dtype.kind == "O":
            return np.asarray(a != b, dtype=bool)
        finite = np.isfinite(a) & np.isfinite(b)
        largest = _magnitude(a[np.isfinite(a)]).max(initial=0.0)
        near = _magnitude(np.where(finite, a - b, 0)) <= 4 * np.finfo(a.dtype).eps * largest
        return np.asarray(np.where(finite, ~near, (a != b) & ~(np.isnan(a) & np.isnan(b))))


def _magnitude(a: NDArray[Any]) -> NDArray[Any]:
    """Return the larger part of each number, since the absolute value of a complex one may overflow."""
    return np.asarray(np.maximum(np.abs(a.real), np.abs(a.imag)))


def _shift(taps: NDArray[Any], spatial: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return how far the reversed kernel's result moves, if the part that is not zero is unchanged by reversal.

    That part spans first...last along an axis. As stored it stands at offset first, reversed at
    K-1-last. A tap at a greater offset reads later samples, so its result moves back.
    """
    used = np.argwhere(taps != 0)
    first, last = used.min(axis=0), used.max(axis=0)
    part = taps[tuple(slice(a, b + 1) for a, b in zip(first, last))]
    if _differ(part, np.flip(part, spatial)).any():
        return None
    return tuple(int(first[axis] - (taps.shape[axis] - 1 - last[axis])) for axis in spatial)


def _reason(
    relation: str, moved: tuple[int, ...] | None, changed: int, taps: NDArray[Any], even: list[int], along: str
) -> str:
    sentence = {
        "identical": f"the word does not matter: this kernel is unchanged when it is reversed along {along}",
        "negated": "the word matters for the sign: reversing this kernel negates it, and so the result",
        "moved": f"the word matters for the position: reversing this kernel moves the result by {moved}",
        "different": f"the word matters: reversing this kernel changes {changed} of its {taps.size} taps",
    }[relation]
    if even:
        axes = " and ".join(f"axis {axis} ({taps.shape[axis]} taps)" for axis in even)
        verb = "have" if len(even) > 1 else "has"
        sentence += f"; {axes} {verb} no middle tap, so libraries also differ in where they centre it"
    return sentence
