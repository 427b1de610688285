"""From tables of (output, tap) -> sample to the fields of one axis.

Inside the signal every entry lies on one plane, ``stride*n + q*t - upsample*m = c``: q is the dilation,
negative where the axis is reversed, and c holds the samples before. What lies off the plane's reach
was made by the boundary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import gcd
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convention.boundary import BOUNDARIES, OUTSIDE, index_map
from convention.fields import AxisSize
from convention.geometry import SIZES, Window, dilated_extent, upsampled_extent, window
from convention.identification.probes import OTHER, UNSEEN, ZERO

__all__ = [
    "AxisProbe",
    "Moved",
    "Plane",
    "Size",
    "boundaries_of",
    "find_line",
    "find_plane",
    "moved_sizes_of",
    "offset_of",
    "sizes_of",
    "telling_lengths",
    "window_of",
]

_TRIES = 300
"""Triples of table entries that are looked at to find a plane."""

_MOST_SAMPLES, _MOST_TAPS = 36, 12
"""How far lengths that tell candidates apart are searched."""


class AxisProbe(NamedTuple):
    """One axis of one probe."""

    signal: int
    kernel: int
    outputs: int
    table: NDArray[np.int64]


_MIRRORED = "causal mirrored"
"""No output reads the past: before = 0, after = D-1. No word of `Convention`, but a circular correlation has it."""


class Moved(NamedTuple):
    """A size word, or "causal" mirrored, whose samples before and after are changed by a fixed number."""

    word: str
    before: int
    after: int

    def __str__(self) -> str:
        if self == (_MIRRORED, 0, 0):
            return "of no samples before and D-1 after (D: the kernel's extent)"
        return f'"{self.word}" with {self.before:+d} samples before and {self.after:+d} after'


Size = AxisSize | Moved


@dataclass(frozen=True)
class Plane:
    """Stride, dilation with its sign, and upsampling of one axis."""

    stride: int
    tap: int
    upsample: int

    def positions(self, probe: AxisProbe, offset: int) -> NDArray[np.int64]:
        """Return the position in the upsampled signal that each (output, tap) reads."""
        n, t = np.indices(probe.table.shape)
        return np.asarray(self.stride * n + self.tap * t - offset, dtype=np.int64)

    def before(self, offset: int, kernel: int) -> int:
        """Return the samples before the first output's window, from the plane's offset."""
        return offset if self.tap > 0 else offset - self.tap * (kernel - 1)

    def times(self, factor: int) -> Plane:
        """Return the plane with all steps multiplied: the same inside the signal."""
        return Plane(factor * self.stride, factor * self.tap, factor * self.upsample)


def find_plane(probe: AxisProbe, rng: np.random.Generator) -> tuple[Plane, int] | None:
    """Return the plane that most entries lie on, and how many; None where they leave it open."""
    n, t = np.nonzero(probe.table >= 0)
    points = np.stack([n, t, probe.table[n, t]], axis=1)
    if len(points) < 3:
        return None
    a, b, c = points[rng.integers(0, len(points), (3, _TRIES))]
    normals = np.cross(b - a, c - a)
    normals[:, 2] *= -1
    normals[normals[:, 0] < 0] *= -1
    normals = normals[(normals[:, 0] > 0) & (normals[:, 2] > 0) & (normals[:, 1] != 0)]
    if not len(normals):
        return None
    normals //= np.gcd.reduce(normals, axis=1, keepdims=True)
    planes, votes = np.unique(normals, axis=0, return_counts=True)
    counts = []
    for s, q, u in planes[np.argsort(-votes)[:20]].tolist():
        offsets = points @ np.array([s, q, -u])
        counts.append((int(np.unique(offsets, return_counts=True)[1].max()), Plane(s, q, u)))
    counts.sort(key=lambda one: -one[0])
    if len(counts) > 1 and counts[0][0] == counts[1][0]:
        return None
    return counts[0][1], counts[0][0]


def find_line(probe: AxisProbe) -> Plane | None:
    """Return stride and upsampling of kernels with one tap, with a dilation of 1 that nobody can see."""
    n = np.flatnonzero(probe.table[:, 0] >= 0)
    if len(n) < 3:
        return None
    steps, counts = np.unique(np.stack([np.diff(probe.table[n, 0]), np.diff(n)], axis=1), axis=0, return_counts=True)
    stride, upsample = (int(step) for step in steps[np.argmax(counts)])
    common = gcd(stride, upsample)
    return Plane(stride // common, 1, upsample // common) if stride > 0 else None


def offset_of(probe: AxisProbe, plane: Plane) -> int | None:
    """Return the offset c that explains every entry inside the signal; None where two do equally well, or none."""
    n, t = np.nonzero(probe.table >= 0)
    offsets = plane.stride * n + plane.tap * t - plane.upsample * probe.table[n, t]
    values, counts = np.unique(offsets, return_counts=True)
    fitting = [(int(count), int(c)) for c, count in zip(values, counts) if not _misfits(probe, plane, int(c))]
    best = sorted(fitting, reverse=True)[:2]
    if not best or best[0][0] < 2 or (len(best) > 1 and best[0][0] == best[1][0]):
        return None
    return best[0][1]


def _misfits(probe: AxisProbe, plane: Plane, offset: int) -> bool:
    """Tell whether an entry is not the sample, or the inserted zero, that the plane has inside the signal."""
    j = plane.positions(probe, offset)
    i, gap = j // plane.upsample, j % plane.upsample != 0
    inside = ~gap & (i >= 0) & (i < probe.signal)
    wrong = (inside & (probe.table != i)) | (gap & (probe.table != ZERO))
    return bool((wrong & (probe.table != UNSEEN)).any())


def boundaries_of(probes: Iterable[tuple[AxisProbe, Plane, int]]) -> tuple[list[str], str]:
    """Return the boundary rules that explain every entry, and what refutes all of them, if nothing does."""
    left = list(BOUNDARIES)
    witness = ""
    for probe, plane, offset in probes:
        j = plane.positions(probe, offset)
        gap = j % plane.upsample != 0
        i = j // plane.upsample
        seen = probe.table
        for rule in list(left):
            expected = np.where(gap, ZERO, index_map(rule, i.ravel(), probe.signal).reshape(i.shape))
            expected = np.where(~gap & (expected == OUTSIDE), OTHER if rule == "constant" else ZERO, expected)
            wrong = (expected != seen) & (seen != UNSEEN)
            if wrong.any():
                n, t = (int(x) for x in np.argwhere(wrong)[0])
                found = {ZERO: "a zero", OTHER: "neither a sample nor zero"}.get(
                    int(seen[n, t]), f"sample {seen[n, t]}"
                )
                witness = f"output {n} reads {found} for position {i[n, t]} of {probe.signal} samples"
                left.remove(rule)
    return left, "" if left else witness


def sizes_of(
    plane: Plane, live: Sequence[tuple[AxisProbe, int]], dead: Sequence[AxisProbe], *, periodic: bool
) -> list[Size]:
    """Return every size word, and every explicit (before, after), that explains all probes.

    Parameters
    ----------
    plane : Plane
        The axis' steps. A common factor of theirs is allowed: words may need it.
    live : sequence of (probe, before)
        With a periodic boundary, before is known up to multiples of the signal's length.
    dead : sequence of probe
        Probes in which no output read a sample.
    periodic : bool
        Whether the boundary may be periodic.
    """
    probe, before = live[0]
    first = _after(plane, probe, before)
    pairs = [(before, first + more) for more in range(plane.stride)] if probe.outputs else []
    explains = _explains(plane, live, dead, periodic=periodic)
    candidates: list[Size] = [*SIZES, *pairs]
    return [size for size in candidates if explains(size)]


def moved_sizes_of(
    plane: Plane, live: Sequence[tuple[AxisProbe, int]], dead: Sequence[AxisProbe], *, periodic: bool
) -> list[Size]:
    """Return every moved size word that explains all probes."""
    probe, before = live[0]
    first = _after(plane, probe, before)
    explains = _explains(plane, live, dead, periodic=periodic)
    found: list[Size] = []
    for word in (*SIZES, _MIRRORED):
        w = window_of(plane, Moved(word, 0, 0), probe.signal, probe.kernel)
        moved = (Moved(word, before - w.before, first + more - w.after) for more in range(plane.stride))
        found += [size for size in moved if explains(size)]
    return found


def _after(plane: Plane, probe: AxisProbe, before: int) -> int:
    """Return the least number of samples after that gives so many outputs."""
    reach = (probe.outputs - 1) * plane.stride + dilated_extent(probe.kernel, abs(plane.tap))
    return reach - upsampled_extent(probe.signal, plane.upsample) - before


def _explains(
    plane: Plane, live: Sequence[tuple[AxisProbe, int]], dead: Sequence[AxisProbe], *, periodic: bool
) -> Callable[[Size], bool]:
    def explains(size: Size) -> bool:
        for probe, before in live:
            w = window_of(plane, size, probe.signal, probe.kernel)
            period = plane.upsample * probe.signal
            fits = w.before == before or (periodic and (w.before - before) % period == 0)
            if w.outputs != probe.outputs or not fits:
                return False
        windows = ((window_of(plane, size, p.signal, p.kernel), p) for p in dead)
        return all(w.outputs == p.outputs and not _alive(plane, w, 1) for w, p in windows)

    return explains


def window_of(plane: Plane, size: Size, signal: int, kernel: int) -> Window:
    """Return the window that a size means with these steps."""
    word = size.word if isinstance(size, Moved) else size
    mirrored = word == _MIRRORED
    w = window("causal" if mirrored else word, signal, kernel, plane.stride, abs(plane.tap), plane.upsample)
    w = w._replace(before=w.after, after=w.before) if mirrored else w
    return w._replace(before=w.before + size.before, after=w.after + size.after) if isinstance(size, Moved) else w


def telling_lengths(
    plane: Plane, sizes: Sequence[Size], rules: Sequence[str], allowed: Callable[[int, int], bool]
) -> tuple[int, int] | None:
    """Return the samples and taps for which two of the sizes, or two of the rules, give different results."""
    for total in range(4, 4 + _MOST_SAMPLES):
        for kernel in range(1, min(total, 1 + _MOST_TAPS)):
            signal = total - kernel
            # most entries have to lie inside, or the offset could be mistaken
            if not allowed(signal, kernel) or plane.upsample * signal < 2 * dilated_extent(kernel, abs(plane.tap)):
                continue
            windows = [window_of(plane, size, signal, kernel) for size in sizes]
            if len({(w.before, w.outputs) for w in windows}) > 1 and any(_alive(plane, w, 2) for w in windows):
                return signal, kernel
            if len(rules) < 2 or not windows or not _leaves(windows[0]) or not _alive(plane, windows[0], 2):
                continue
            if len({_seen(plane, windows[0], rule) for rule in rules}) > 1:
                return signal, kernel
    return None


def _positions(plane: Plane, w: Window) -> NDArray[np.int64]:
    n, t = np.indices((w.outputs, w.kernel))
    step = w.kernel - 1 - t if plane.tap < 0 else t
    return np.asarray(w.stride * n - w.before + w.dilation * step)


def _alive(plane: Plane, w: Window, least: int) -> bool:
    """Tell whether so many (output, tap) entries read samples of the signal."""
    j = _positions(plane, w)
    inside = (j % w.upsample == 0) & (j >= 0) & (j // w.upsample < w.signal)
    return bool(np.count_nonzero(inside) >= least)


def _leaves(w: Window) -> bool:
    low, high = w.reach
    return low < 0 or high >= upsampled_extent(w.signal, w.upsample)


def _seen(plane: Plane, w: Window, rule: str) -> bytes:
    j = _positions(plane, w)
    found = index_map(rule, (j // w.upsample).ravel(), w.signal).reshape(j.shape)
    found = np.where(found == OUTSIDE, OTHER if rule == "constant" else ZERO, found)
    return bytes(np.where(j % w.upsample, ZERO, found).astype(np.int64).tobytes())
