"""The numbers of a cell: its signal, its kernel, what the kernel is made of, and where outputs lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cells import Cell

__all__ = ["DTYPES", "Problem", "new_problem"]

DTYPES: dict[str, Any] = {
    "f32": np.float32,
    "f64": np.float64,
    "u8": np.uint8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
    "c64": np.complex64,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A cell with its arrays."""

    cell: Cell
    signal: NDArray[Any]
    kernel: NDArray[Any]
    """As `convolve` takes it: shape (K, ...), with the channels in front where each has its own."""
    factors: tuple[NDArray[Any], ...] | None
    """One array per axis whose outer product is the kernel, for peers who must be told; None where there are none."""
    dtype: np.dtype[Any]
    """The result's."""

    @property
    def spread(self) -> NDArray[Any]:
        """The kernel with the dilation's zeros written out."""
        if self.cell.dilation == 1:
            return self.kernel
        d, n = self.cell.dilation, self.cell.ndim
        spread = np.zeros([*self.kernel.shape[:-n], *[self.extent] * n], self.kernel.dtype)
        places: Any = (..., *[slice(None, None, d)] * n)
        spread[places] = self.kernel
        return spread

    @property
    def weights(self) -> NDArray[Any]:
        """The kernel reversed along every spatial axis, for peers that cross-correlate."""
        return np.ascontiguousarray(np.flip(self.kernel, self._axes))

    @property
    def spread_weights(self) -> NDArray[Any]:
        """The same of `spread`."""
        return np.ascontiguousarray(np.flip(self.spread, self._axes))

    @property
    def _axes(self) -> tuple[int, ...]:
        return tuple(range(-self.cell.ndim, 0))

    @property
    def extent(self) -> int:
        """Positions from the first to the last tap along an axis."""
        return self.cell.dilation * (self.cell.taps - 1) + 1

    @property
    def before(self) -> int:
        """Positions that the first window reaches past the start (and the last past the end), along every axis."""
        return {"same": (self.extent - 1) // 2, "valid": 0, "full": self.extent - 1}[self.cell.size]

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The result's shape."""
        counts = [(n + 2 * self.before - self.extent) // self.cell.stride + 1 for n in self.cell.spatial]
        return (*self.cell.batch, *counts)

    @property
    def outputs(self) -> int:
        """The result's number of samples."""
        return int(np.prod(self.output_shape))

    @property
    def nonzero(self) -> int:
        """Taps that are not zero, of one kernel."""
        channels = len(self.kernel) if self.kernel.ndim > self.cell.ndim else 1
        return int(np.count_nonzero(self.kernel)) // channels

    @property
    def scale(self) -> float:
        """The unit of errors: max|x| * sum|k|."""
        total = np.abs(self.kernel.astype(complex)).sum(axis=self._axes).max()
        return float(
            np.abs(self.signal.astype(np.float64) if self.signal.dtype.kind in "iu" else self.signal).max() * total
        )

    @property
    def exact(self) -> bool:
        """Whether signal and kernel are integers, so that the sums are too."""
        return self.signal.dtype.kind in "iu" and self.kernel.dtype.kind in "iu"


def new_problem(cell: Cell) -> Problem:
    """Return a cell's numbers: the same in every run."""
    kernel_dtype = np.dtype(DTYPES[cell.kernel_dtype or cell.dtype])
    signal = _signal(cell.shape, cell.dtype)
    kernel, factors = _kernel(cell, kernel_dtype)
    natural = np.result_type(signal, kernel)
    if natural.kind in "iu":
        natural = np.dtype(np.int64)
    return Problem(cell, signal, kernel, factors, np.dtype(DTYPES[cell.to]) if cell.to else natural)


@lru_cache(maxsize=2)
def _signal(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    return _random(np.random.default_rng(1), shape, np.dtype(DTYPES[dtype]))


def _random(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any], top: int = 0) -> NDArray[Any]:
    if dtype.kind in "iu":
        low, high = (-top, top) if top else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        return rng.integers(low, high, shape, dtype, endpoint=True)
    if dtype.kind == "c":
        return (_random(rng, shape, np.dtype("f4")) + 1j * _random(rng, shape, np.dtype("f4"))).astype(dtype)
    return rng.standard_normal(shape, dtype)


def _kernel(cell: Cell, dtype: np.dtype[Any]) -> tuple[NDArray[Any], tuple[NDArray[Any], ...] | None]:
    k, n = cell.taps, cell.ndim
    whole = dtype.kind in "iu"
    if cell.kernel == "random":
        shape = (*(cell.batch if cell.kind == "depthwise" else ()), *[k] * n)
        return _random(np.random.default_rng(2), shape, dtype, top=8), None
    if cell.kernel in ("gaussian", "sobel", "box"):
        lines = _lines(cell.kernel, k, n, whole)
        factors = tuple(line.astype(dtype) for line in lines)
        # the product of the rounded factors: what a user who knows them would filter with
        return reduce(np.multiply.outer, lines).astype(dtype), factors
    taps = {"laplacian": _laplacian, "disk": _disk, "motion": _motion}[cell.kernel](k, n)
    if whole and not np.array_equal(taps, np.rint(taps)):
        raise ValueError(f"{cell.name}: a {cell.kernel} kernel of {k} taps has no integers")
    return taps.astype(dtype), None


def _lines(kernel: str, k: int, n: int, whole: bool) -> list[NDArray[np.float64]]:
    if kernel == "box":
        return [np.full(k, 1.0 if whole else 1 / k)] * n
    if kernel == "sobel":
        binomial = reduce(np.convolve, [np.array([1.0, 1.0])] * (k - 1))
        slope = reduce(np.convolve, [np.array([1.0, 1.0])] * (k - 3) + [np.array([1.0, 0.0, -1.0])])
        return [binomial] * (n - 1) + [slope]
    line = np.exp(-0.5 * ((np.arange(k) - k // 2) / (k / 6)) ** 2)
    return [line / line.sum()] * n


def _laplacian(k: int, n: int) -> NDArray[np.float64]:
    """Return the cross of second differences, of order k-1."""
    line = {3: [1.0, -2.0, 1.0], 5: [-1 / 12, 4 / 3, -5 / 2, 4 / 3, -1 / 12]}[k]
    cross = np.zeros([k] * n)
    for axis in range(n):
        place: list[Any] = [k // 2] * n
        place[axis] = slice(None)
        cross[tuple(place)] += line
    return cross


def _disk(k: int, n: int) -> NDArray[np.float64]:
    far = sum((g - k // 2) ** 2 for g in np.indices([k] * n))
    inside = (far <= (k / 2) ** 2).astype(np.float64)
    disk: NDArray[np.float64] = inside / inside.sum()
    return disk


def _motion(k: int, n: int) -> NDArray[np.float64]:
    """Return a line from the left edge to the right, falling by half as much, that fades."""
    blur: NDArray[np.float64] = np.zeros([k] * n)
    for column in range(k):
        blur[(k // 4 + column // 2,) * (n - 1) + (column,)] = 1 + column
    blur /= blur.sum()
    return blur
