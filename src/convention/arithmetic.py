"""How sums are stored, as opposed to which sums are taken: `Arithmetic`, `Layout`, `Frame`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Arithmetic", "Frame", "Layout"]


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """How an operator stores its sums.

    Attributes
    ----------
    result : str
        The result's data type: ``"promoted"`` (of both), ``"signal"`` (the signal's), or a type's name.
    sums : str
        The type that is summed in: ``"result"``, or a type's name.
    kernel : str
        What the kernel is cast to before: ``"none"``, ``"signal"``, or a type's name.
    gain : str
        What the result is multiplied with: ``"1"``, ``"1/sum"`` (of the kernel), ``"1/abs sum"``,
        or another number, for example ``"1/2"``.
    rounding : str
        How sums become integers: ``"exact"`` (they are integers), ``"half-even"``, ``"half-up"``, ``"half-away"``
        (from zero), ``"nearest"`` (a half either way, as what was divided is already rounded), ``"truncate"``.
    overflow : str
        What integers do that do not fit: ``"wrap"``, ``"saturate"``, ``"undefined"``; ``"none"`` for floats.
    nan : str
        Where a NaN goes: ``"window"`` (outputs whose window contains it), ``"everywhere"``, ``"ignored"``, or
        ``"interpolated"`` (left out of the sum, which is divided by the weight of the other taps).
    """

    result: str = "promoted"
    sums: str = "result"
    kernel: str = "none"
    gain: str = "1"
    rounding: str = "exact"
    overflow: str = "wrap"
    nan: str = "window"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which axes of an operator's arguments are what: N batch, C channels, O outputs, I inputs, D H W spatial."""

    signal: str
    kernel: str
    result: str


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A ring of outputs that is not computed: ``"copied"`` from the signal, or ``"filled"`` with a value."""

    kind: str
    value: float = 0.0
