"""What is claimed of a function: a convention, and how the sums are stored; held against fresh data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Frame
from convention.definition import Convention
from convention.geometry import dilated_extent, upsampled_extent
from convention.reference import compute

__all__ = ["GAINS", "ROUNDINGS", "Model", "Shape"]

Shape = tuple[int, ...]
Array = NDArray[Any]

UNITS = 64
"""The bound on floats, in units of rounding of the greatest sum possible, Σ|k|·max|x|."""

GAINS: dict[str, Callable[[Array], Any]] = {
    "1": lambda kernel: 1.0,
    "1/sum": lambda kernel: 1 / kernel.sum(),
    "1/abs sum": lambda kernel: 1 / np.abs(kernel).sum(),
}
ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "half-even": np.rint,
    "half-up": lambda sums: np.floor(sums + 0.5),
    "half-away": lambda sums: np.trunc(sums + np.copysign(0.5, sums)),
    "truncate": np.trunc,
    "floor": np.floor,
}


@dataclass
class Model:
    """A convention for any shapes, and what is done with its sums."""

    at: Callable[[Shape, Shape], Convention]
    bias: float = 0.0
    scale: float = 1.0
    """A constant that every output is multiplied with."""
    gain: str = "1"
    frame: Frame | None = None
    rounding: str = "half-even"
    overflow: str = "saturate"
    precision: str = ""
    """The type that sums were seen to have, where it is less precise than the result's."""

    def sums(self, signal: Array, kernel: Array, *, conjugate: bool = False) -> Array:
        """Return the oracle's result with gain, bias and frame, before it is stored."""
        convention = self.at(signal.shape, kernel.shape)
        if conjugate:
            convention = Convention(**{**vars(convention), "conjugate": True})
        sums = compute(convention, signal, kernel)
        kind = np.complex128 if "c" in (signal.dtype.kind, kernel.dtype.kind) else np.float64
        with np.errstate(all="ignore"):
            result = sums.astype(kind) * (self.scale * GAINS[self.gain](kernel)) + self.bias
        return self._framed(result, convention, signal, kernel)

    def _framed(self, result: Array, convention: Convention, signal: Array, kernel: Array) -> Array:
        if self.frame is None:
            return result
        ring = np.zeros(result.shape, dtype=bool)
        windows = convention.windows(signal.shape, kernel.shape)
        for axis, w in enumerate(windows):
            start = w.stride * np.arange(w.outputs) - w.before
            end = start + dilated_extent(w.kernel, w.dilation)
            leaves = (start < 0) | (end > upsampled_extent(w.signal, w.upsample))
            ring |= leaves.reshape([-1 if a == axis else 1 for a in range(len(windows))])
        return np.where(ring, signal if self.frame.kind == "copied" else self.frame.value, result)

    def bound(self, signal: Array, kernel: Array, result_type: np.dtype[Any]) -> float:
        """Return by how much a stored float may differ from the sum: `UNITS` of rounding of the greatest sum."""
        kind = result_type if result_type.kind in "fc" else np.dtype("float64")
        # probes are no more precise than float64, nor are the sums they are held against
        eps = max(float(np.finfo(one).eps) for one in (kind, self.precision or "float64", "float64"))
        values = self.at(signal.shape, kernel.shape).value
        beyond = max((abs(v) for v in (values if isinstance(values, tuple) else (values,))), default=0)
        largest = float(max(np.abs(signal).max(initial=0), beyond))
        with np.errstate(all="ignore"):
            gain = abs(self.scale * GAINS[self.gain](kernel))
        greatest = float(gain * np.abs(kernel).sum() * largest + abs(self.bias))
        return UNITS * (eps * greatest + float(np.finfo(kind).smallest_subnormal))

    def difference(self, found: Array, signal: Array, kernel: Array, result_type: np.dtype[Any]) -> str:
        """Return how a function's answer differs from what is claimed; empty where it does not."""
        sums = self.sums(signal, kernel)
        if found.shape != sums.shape:
            return f"the result has shape {found.shape} instead of {sums.shape}"
        bound = self.bound(signal, kernel, result_type)
        if result_type.kind in "fc":
            with np.errstate(all="ignore"):
                wrong = ~((np.abs(found - sums) <= bound) | (np.isnan(found) & np.isnan(sums)))
            if result_type.kind == "f":  # what no float of this type can hold becomes infinite
                beyond = np.abs(sums.real) + bound > float(np.finfo(result_type).max)
                wrong &= ~(beyond & np.isinf(found) & (np.sign(found.real) == np.sign(sums.real)))
        else:
            slack = max(bound, 1e-3 if self.rounding != "exact" and (sums != np.rint(sums)).any() else 0.0)
            near = [self.stored(sums + step, result_type) for step in (-slack, 0.0, slack)]
            wrong = ~np.logical_or.reduce([found == one for one in near])
            if self.overflow == "undefined":
                wrong &= self._fits(sums, result_type)
        if not wrong.any():
            return ""
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        return f"output {list(index)} is {found[index]:.8g} instead of {sums[index]:.8g}"

    def stored(self, sums: Array, result_type: np.dtype[Any]) -> Array:
        """Return sums as integers of this type, as float64."""
        if result_type.kind == "b":
            return np.asarray(sums != 0, dtype=float)
        whole, info = ROUNDINGS[self.rounding](sums.real), np.iinfo(result_type)
        if self.overflow == "wrap":  # what fits stays as it is: float64 has fewer digits than int64
            return np.where(self._fits(whole, result_type), whole, (whole - info.min) % 2.0**info.bits + info.min)
        return np.clip(whole, info.min, info.max)

    def _fits(self, sums: Array, result_type: np.dtype[Any]) -> NDArray[np.bool_]:
        info = np.iinfo(result_type)
        return np.asarray((sums.real >= info.min) & (sums.real <= info.max))
