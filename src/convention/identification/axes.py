"""What the probes say about one axis, as candidates that remain, and what that makes of its fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.identification.inference import (
    AxisProbe,
    Moved,
    Plane,
    Size,
    boundaries_of,
    find_line,
    find_plane,
    moved_sizes_of,
    offset_of,
    sizes_of,
    telling_lengths,
    window_of,
)
from convention.identification.probes import OTHER, Gather
from convention.identification.result import Field
from convention.identification.subject import NotAConvolutionError, UndeterminedError

__all__ = ["AxisFindings", "axes_of", "fields_of_axis", "fit_sizes"]

Lengths = tuple[int, int]

_FACTORS = (1, 2, 3, 4, 5, 6)
"""Common factors of stride, dilation and upsampling that size words may count with."""

_LONGER = ((25, 7), (26, 8), (31, 10))
"""Lengths to probe where shorter kernels left the steps open."""


@dataclass
class AxisFindings:
    """One axis: its steps, and the sizes and boundary rules that explain every probe."""

    number: int
    plane: Plane | None
    live: list[tuple[AxisProbe, int]] = field(default_factory=list)
    """Probes through which samples were read, with the samples before."""
    dead: list[AxisProbe] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    witness: str = ""
    """What refutes every boundary rule."""
    constants: frozenset[float] = frozenset()
    ring: bool = False
    """Whether outputs whose windows leave the signal are not computed."""
    reversal: str = ""
    """Why the reversal is open."""
    dilation: str = ""
    """Why the dilation is open."""
    fixed: bool = False
    """Whether the kernel's length cannot be chosen."""

    def wants(self, refused: set[Lengths], tried: set[Lengths], only: int | None = None) -> Lengths | None:
        """Return lengths to probe next, if some would tell more; with kernels of `only` so many taps, if given."""
        kernels = {k for _, k in refused} - {k for _, k in tried}

        def allowed(signal: int, kernel: int) -> bool:
            return only in (None, kernel) and (signal, kernel) not in tried | refused and kernel not in kernels

        if self.plane is None:
            return next((pair for pair in _LONGER if allowed(*pair)), None)
        return telling_lengths(self.plane, self.sizes, [] if self.ring else self.rules, allowed)

    def prefer(self) -> None:
        """Put first, of the sizes that fit a kernel whose length cannot be chosen, plain numbers."""
        if self.fixed:
            self.sizes.sort(key=lambda size: isinstance(size, str))

    @property
    def value(self) -> int | float:
        """What stands beyond a constant border; a transform leaves the last digits of an integer wrong."""
        value = float(np.mean(list(self.constants))) if self.constants else 0.0
        nearest = float(np.rint(value)) if np.isfinite(value) else value
        return int(nearest) if abs(value - nearest) < 1e-6 * max(1.0, abs(value)) else value

    @property
    def boundary(self) -> tuple[str, int | float]:
        """The boundary rule, and the value beyond it."""
        rule = self.rules[0]
        if rule != "constant":
            return rule, 0
        return ("constant", self.value) if self.value else ("zero", 0)

    def pair(self, signal: int, kernel: int) -> str | Lengths:
        """Return the size for these lengths: the word, or the samples before and after."""
        assert self.plane is not None
        size = self.sizes[0]
        if not isinstance(size, Moved):
            return size
        w = window_of(self.plane, size, signal, kernel)
        return w.before, w.after


def axes_of(
    probes: Sequence[Gather], rng: np.random.Generator, ring: str = "", *, fixed: bool = False
) -> list[AxisFindings]:
    """Return what gather probes say about every axis.

    Parameters
    ----------
    probes : sequence of Gather
        At least one of them alive.
    rng : numpy.random.Generator
        For the entries that are looked at.
    ring : str
        ``"copied"`` or ``"filled"``: leave out the outputs that are so.
    fixed : bool
        Whether the kernel's shape cannot be chosen.
    """
    hidden = [probe.ring(ring) if ring else np.zeros(probe.output_shape, dtype=bool) for probe in probes]
    for probe, mask in zip(probes, hidden):
        if (probe.uneven & ~mask).any():
            index = tuple(int(i) for i in np.argwhere(probe.uneven & ~mask)[0])
            raise NotAConvolutionError(
                f"zeros give {probe.bias:.8g} at most outputs, and something else at {list(index)}"
            )
    found = [_axis(number, probes, hidden, rng, ring) for number in range(len(probes[0].signal_shape))]
    for axis in found:
        axis.fixed = fixed
        axis.prefer()
    return found


def _axis(
    number: int,
    probes: Sequence[Gather],
    hidden: Sequence[NDArray[np.bool_]],
    rng: np.random.Generator,
    ring: str,
) -> AxisFindings:
    own: list[AxisProbe] = []
    constants: set[float] = set()
    for made, mask in zip(probes, hidden):
        table, values = made.table(number, mask)
        constants |= values
        own.append(AxisProbe(made.signal_shape[number], made.kernel_shape[number], made.output_shape[number], table))
    plane = _plane(own, rng)
    found = AxisFindings(number, plane, constants=frozenset(constants), ring=bool(ring))
    if plane is None:
        found.witness = uneven(number, own)
        return found
    if all(probe.kernel == 1 for probe in own):
        found.reversal = found.dilation = "only kernels of one tap were taken"
    offsets = [offset_of(probe, plane) for probe in own]
    for gathered, probe, offset in zip(probes, own, offsets):
        if offset is not None:
            found.live.append((probe, plane.before(offset, probe.kernel)))
        elif gathered.searched and (probe.table < 0).all() and _blamed(gathered, probes) in (None, number):
            found.dead.append(probe)
    known = [(probe, plane, offset) for probe, offset in zip(own, offsets) if offset is not None]
    if not known:
        raise NotAConvolutionError(uneven(number, own))
    found.rules, found.witness = boundaries_of(known)
    constant = next((probe for probe in found.dead if (probe.table == OTHER).any()), None)
    if constant is not None and found.rules:
        # no sample was read, and yet the outputs are not zero: only a constant beyond the border does that
        found.rules = [rule for rule in found.rules if rule == "constant"]
        if not found.rules:
            raise NotAConvolutionError(
                f"along axis {number}, for {constant.signal} samples and {constant.kernel} taps, the outputs are "
                "neither samples nor zero"
            )
    fit_sizes(found)
    return found


def uneven(number: int, own: Sequence[AxisProbe]) -> str:
    """Return what shows that the samples read do not follow outputs and taps in even steps."""
    probe = max(own, key=lambda one: int((one.table >= 0).sum()))
    if probe.kernel > 1 and (probe.table == probe.table[:, :1]).all():
        return f"along axis {number} it does not matter which of {probe.kernel} taps is 1: the outputs are the same"
    t = int(np.argmax((probe.table >= 0).sum(axis=0)))
    reads = ", ".join(str(m) if m >= 0 else "–" for m in probe.table[:8, t].tolist())
    return (
        f"along axis {number} outputs and taps do not step evenly through the samples: with a single tap, "
        f"tap {t} of {probe.kernel}, the outputs read samples {reads} …"
    )


def fit_sizes(found: AxisFindings) -> None:
    """Find the sizes that explain all probes.

    A common factor of the steps cannot be seen inside the signal, but a size word may count with it.
    """
    plane, periodic = found.plane, "periodic" in found.rules
    assert plane is not None
    for fit in (sizes_of, moved_sizes_of):
        for factor in _FACTORS:
            steps = plane.times(factor)
            live = [(probe, factor * before) for probe, before in found.live]
            sizes = fit(steps, live, found.dead, periodic=periodic)
            if sizes:
                found.plane, found.live, found.sizes = steps, live, sizes
                return


def fields_of_axis(axis: AxisFindings, refused: set[Lengths]) -> dict[str, Field]:
    """Return the fields of one axis.

    Raises
    ------
    NotAConvolutionError
        If the steps are uneven.
    UndeterminedError
        If no boundary rule, or no size, explains the probes; the exception holds the fields.
    """
    plane = axis.plane
    if plane is None:
        raise NotAConvolutionError(axis.witness)
    fields = {
        "reversed_axes": Field(value=plane.tap < 0, state=_state(axis.reversal), reason=axis.reversal),
        "stride": Field(value=plane.stride),
        "dilation": Field(value=abs(plane.tap), state=_state(axis.dilation), reason=axis.dilation),
        "upsample": Field(value=plane.upsample),
    }
    where = f"along axis {axis.number}"
    if not axis.rules:
        reason = f"{where} no boundary rule explains what was read: {axis.witness}"
        fields["boundary"] = Field(value=None, state="contradicted", reason=reason)
        raise UndeterminedError(reason, fields)
    spread = np.ptp(list(axis.constants)) if axis.constants else 0.0
    if axis.rules[0] == "constant" and not spread <= 1e-6 * max(1.0, *map(abs, axis.constants)):
        reason = f"{where} there is no one constant beyond the border: {sorted(axis.constants)[:3]}"
        fields["boundary"] = Field(value=None, state="contradicted", reason=reason)
        raise UndeterminedError(reason, fields)
    if not axis.sizes:
        seen = ", ".join(f"{b} for {p.signal} samples and {p.kernel} taps" for p, b in axis.live[:4])
        reason = f"{where} no size word and no fixed number explains the samples before: {seen}"
        fields["size"] = Field(value=None, state="contradicted", reason=reason)
        raise UndeterminedError(reason, fields)
    return fields | _boundary_fields(axis) | {"size": _size_field(axis, plane, refused)}


def _state(reason: str) -> str:
    return "open" if reason else "settled"


def _boundary_fields(axis: AxisFindings) -> dict[str, Field]:
    rule, value = axis.boundary
    if len(axis.rules) == 1:
        return {"boundary": Field(value=rule), "value": Field(value=value)}
    names = ", ".join(axis.rules)
    if axis.ring:
        reason = "outputs that would read beyond the border are not computed"
    elif len(axis.rules) == 6:
        reason = "nothing beyond the border was read"
    else:
        reason = f"nothing was read that tells {names} apart; more samples beyond the border would"
    return {
        "boundary": Field(value=rule, state="open", reason=reason, candidates=tuple(axis.rules)),
        "value": Field(value=value, state="open" if "constant" in axis.rules else "settled", reason=reason),
    }


def _size_field(axis: AxisFindings, plane: Plane, refused: set[Lengths]) -> Field:
    probe = axis.live[0][0]
    value: Any = axis.pair(probe.signal, probe.kernel)
    size = axis.sizes[0]
    if isinstance(size, Moved):
        reason = f"for kernels of {probe.kernel} taps; in general {size}"
        return Field(value=value, state="open", reason=reason, candidates=(str(size),))
    tried = {(p.signal, p.kernel) for p, _ in axis.live} | {(p.signal, p.kernel) for p in axis.dead}
    telling = telling_lengths(plane, axis.sizes, [], lambda n, k: (n, k) not in tried)
    if telling is None:
        return Field(value=value)
    candidates = tuple(size if isinstance(size, str) else str(size) for size in axis.sizes)
    words = ", ".join(candidates)
    if axis.fixed:
        reason = f"{words} all fit a kernel of {probe.kernel} taps; another length would tell them apart"
        return Field(value=value, state="open", reason=reason, candidates=candidates)
    why = ", which it refuses" if telling in refused or telling[1] in {k for _, k in refused} else ""
    reason = f"{words} fit; {telling[0]} samples and {telling[1]} taps would tell them apart{why}"
    return Field(value=value, state="open", reason=reason, candidates=candidates)


def _plane(own: Sequence[AxisProbe], rng: np.random.Generator) -> Plane | None:
    if all(probe.kernel == 1 for probe in own):
        return next((line for probe in own if (line := find_line(probe)) is not None), None)
    votes: Counter[Plane] = Counter()
    for probe in own:
        found = find_plane(probe, rng)
        if found is not None:
            votes[found[0]] += found[1]
    return votes.most_common(1)[0][0] if votes else None


def _blamed(probe: Gather, probes: Sequence[Gather]) -> int | None:
    """Return the axis along which nothing was read: the only one whose lengths differ from those of a live probe."""
    ndim = len(probe.signal_shape)
    if ndim == 1:
        return None
    for other in probes:
        pairs = list(zip(probe.signal_shape, probe.kernel_shape, other.signal_shape, other.kernel_shape))
        different = [a for a, (n, k, m, j) in enumerate(pairs) if (n, k) != (m, j)]
        if other.alive and len(different) == 1:
            return different[0]
    return -1
