"""What `convention.like` does to an operator's operands and sums, besides what its convention says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from convention.arithmetic import Layout

__all__ = ["Extras"]


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What `Operator.bind` says besides signal, kernel and options. Arrays are of any library.

    Attributes
    ----------
    axes : tuple of int or None
        The signal's spatial axes, one per kernel axis; all of them where it is None and there is no layout.
    layout : Layout or None
        Of an operator that sums over channels.
    groups : int
        Into how many groups its channels are split.
    grouped : "O" or "I"
        Which of the kernel's channel axes counts those of all groups, as in `convention.channels`.
    bias : number, array or None
        Added to the sums; with a layout, one per output channel.
    dtype : str or None
        The result's data type; the entry's rule where it is None.
    sums : str or None
        The data type that is summed in; the entry's where it is None.
    divisor : number
        The kernel is divided by it before.
    method : str
        Of `convention.apply`. What is rounded to integers must not be noisy, hence ``"direct"``.
    skips_zeros : bool
        Whether taps of 0 are left out: a NaN under one does not spread.
    weighted : (weights, outside, combined) or None
        What the samples weigh, what those beyond the border do, and a function of the sums and of what their taps
        weigh that returns the result.
    computed : callable or None
        ``computed(apply, library) -> array``, where the sums are not those of one convention and data type.
    conjugated : bool
        Whether the result is conjugated.
    finish : callable or None
        What is done with the result.
    nothing : bool
        Whether the result is empty whatever the shapes.
    shape : tuple of int or None
        The result's, at the end.
    out : array or None
        Is written into and returned.
    """

    axes: tuple[int, ...] | None = None
    layout: Layout | None = None
    groups: int = 1
    grouped: str = "O"
    bias: Any = None
    dtype: str | None = None
    sums: str | None = None
    divisor: Any = 1
    method: str = "direct"
    skips_zeros: bool = False
    weighted: tuple[Any, float, Callable[[Any, Any], Any]] | None = None
    computed: Callable[..., Any] | None = None
    conjugated: bool = False
    finish: Callable[[Any], Any] | None = None
    nothing: bool = False
    shape: tuple[int, ...] | None = None
    out: Any = None
