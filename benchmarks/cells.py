"""The cells of the benchmark: what is computed in each. Chosen before the engine was tuned.

A cell is one call of `convention.convolve`. The list is no full product: every value of every axis of the grid
occurs at least three times, and `missing_values` says where that fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

__all__ = ["CELLS", "GRID", "Cell", "missing_values"]

GRID: dict[str, tuple[object, ...]] = {
    "1-D signal": ((1000,), (10**5,), (10**7,), (64, 16384)),
    "1-D taps": (3, 31, 101, 1023),
    "2-D signal": ((64, 64), (256, 256), (1024, 1024), (4096, 4096), (1000, 1003), (1, 10**6)),
    "2-D taps": (3, 5, 7, 9, 11, 15, 21, 31, 63),
    "depthwise signal": ((64, 224, 224),),
    "depthwise taps": (3, 5, 7),
    "3-D signal": ((64, 64, 64), (256, 256, 256)),
    "3-D taps": (3, 5, 7, 11),
    "kernel": ("random", "gaussian", "sobel", "laplacian", "disk", "motion", "box"),
    "dtype": ("f32", "f64", "u8", "i16", "c64"),
    "border": ("zero", "half-sample", "whole-sample", "edge", "periodic", "valid", "full"),
}
"""The axes of the grid and their values."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One call: `convolve(signal, kernel, ...)`."""

    panel: str
    """Where the report shows it."""
    row: str
    """Its row there; the columns are the taps along an axis."""
    kind: str
    """1-D, 2-D, depthwise or 3-D."""
    shape: tuple[int, ...]
    taps: int
    """Along each spatial axis."""
    kernel: str = "random"
    dtype: str = "f32"
    kernel_dtype: str = ""
    """The signal's where it is empty; i32 for integer kernels."""
    to: str = ""
    """The result's where one is asked for, with ``overflow="saturate"``."""
    border: str = "zero"
    """A boundary rule at size "same", or a size ("valid", "full") with zeros outside."""
    stride: int = 1
    dilation: int = 1
    quick: bool = False
    """Whether `make bench-quick` has it."""

    @property
    def ndim(self) -> int:
        """The number of spatial axes."""
        return {"1-D": 1, "2-D": 2, "depthwise": 2, "3-D": 3}[self.kind]

    @property
    def spatial(self) -> tuple[int, ...]:
        """The signal's lengths along the spatial axes."""
        return self.shape[-self.ndim :]

    @property
    def batch(self) -> tuple[int, ...]:
        """The signal's other lengths."""
        return self.shape[: -self.ndim]

    @property
    def size(self) -> str:
        """The size word of the call."""
        return self.border if self.border in ("valid", "full") else "same"

    @property
    def boundary(self) -> str:
        """The boundary word of the call."""
        return "zero" if self.border in ("valid", "full") else self.border

    @property
    def samples(self) -> int:
        """The signal's number of samples."""
        return prod(self.shape)

    @property
    def name(self) -> str:
        """All of it in one word, such as ``2-D/1024x1024/f32/random/7x7/zero``."""
        types = self.dtype + (f"*{self.kernel_dtype}" if self.kernel_dtype else "") + (f">{self.to}" if self.to else "")
        taps = "x".join([str(self.taps)] * self.ndim)
        parts = [self.kind, "x".join(map(str, self.shape)), types, self.kernel, taps, self.border]
        parts += [f"stride{self.stride}"] * (self.stride > 1) + [f"dilation{self.dilation}"] * (self.dilation > 1)
        return "/".join(parts)


def missing_values(cells: Iterable[Cell]) -> list[str]:
    """Return the values of the grid that fewer than three cells have; and names that occur twice."""
    cells = list(cells)
    found: Counter[tuple[str, object]] = Counter()
    for cell in cells:
        found.update(
            [
                (f"{cell.kind} signal", cell.shape),
                (f"{cell.kind} taps", cell.taps),
                ("kernel", cell.kernel),
                ("dtype", cell.dtype),
                ("border", cell.border),
            ]
        )
    rare = [
        f"{axis} {value}: in {found[axis, value]} cells"
        for axis, values in GRID.items()
        for value in values
        if found[axis, value] < 3
    ]
    names = Counter(cell.name for cell in cells)
    return rare + [f"{name}: {count} times" for name, count in names.items() if count > 1]


def _row(panel: str, row: str, kind: str, shape: tuple[int, ...], taps: str, **fields: object) -> list[Cell]:
    """Return a row of a panel: one cell per number in `taps`; those with a star are in the quick run."""
    return [
        Cell(panel, row, kind, shape, int(k.rstrip("*")), quick=k.endswith("*"), **fields)  # type: ignore[arg-type]
        for k in taps.split()
    ]


_K, _M, _10M, _STACK = (1000,), (10**5,), (10**7,), (64, 16384)
_64, _256, _1K, _4K = (64, 64), (256, 256), (1024, 1024), (4096, 4096)
_CHANNELS, _CUBE, _BIG_CUBE = (64, 224, 224), (64, 64, 64), (256, 256, 256)
_ONE = "1-D"
_SIZES = "2-D float32, random kernel, zero border"
_BORDERS = "2-D float32, random kernel, borders"
_KERNELS = "2-D float32, kernels of practice"
_TYPES = "2-D, data types"
_STEPS = "2-D float32, random kernel, strided and dilated"
_DEPTH = "64 channels of 224², a kernel each"
_CUBES = "3-D"

CELLS: tuple[Cell, ...] = (
    *_row(_ONE, "1e3", "1-D", _K, "3* 31 101 1023"),
    *_row(_ONE, "1e5", "1-D", _M, "3 31* 101 1023"),
    *_row(_ONE, "1e7", "1-D", _10M, "3 31 101 1023*"),
    *_row(_ONE, "64 x 16384", "1-D", _STACK, "3 31* 101 1023"),
    *_row(_ONE, "1e5 f64", "1-D", _M, "3 31 101* 1023", dtype="f64"),
    *_row(_ONE, "1e7 f64", "1-D", _10M, "3 31 1023", dtype="f64"),
    *_row(_ONE, "1e5 periodic", "1-D", _M, "31 101 1023", border="periodic"),
    *_row(_ONE, "1e5 full", "1-D", _M, "31 101", border="full"),
    *_row(_ONE, "1e5 c64", "1-D", _M, "31 101", dtype="c64"),
    *_row(_ONE, "1e7 box", "1-D", _10M, "31 1023", kernel="box"),
    *_row(_ONE, "1e7 i16, integer kernel", "1-D", _10M, "31", dtype="i16", kernel_dtype="i32"),
    *_row(_ONE, "1e7, stride 2", "1-D", _10M, "31", stride=2),
    *_row(_SIZES, "64²", "2-D", _64, "3* 7 15 31"),
    *_row(_SIZES, "256²", "2-D", _256, "3 7* 9 11 15 31"),
    *_row(_SIZES, "1024²", "2-D", _1K, "3* 5 7* 9 11 15* 21 31* 63"),
    *_row(_SIZES, "4096²", "2-D", _4K, "3 5 7* 9 11 15 31 63"),
    *_row(_SIZES, "1000 x 1003", "2-D", (1000, 1003), "3 7 11 21*"),
    *_row(_SIZES, "1 x 1e6", "2-D", (1, 10**6), "3 7* 31"),
    *_row(_BORDERS, "half-sample", "2-D", _1K, "3 7 15", border="half-sample"),
    *_row(_BORDERS, "whole-sample", "2-D", _1K, "3 7* 15", border="whole-sample"),
    *_row(_BORDERS, "edge", "2-D", _1K, "3 7 15", border="edge"),
    *_row(_BORDERS, "periodic", "2-D", _1K, "3 7* 15 31 63", border="periodic"),
    *_row(_BORDERS, "4096² periodic", "2-D", _4K, "3 7", border="periodic"),
    *_row(_BORDERS, "valid", "2-D", _1K, "3 7 15", border="valid"),
    *_row(_BORDERS, "full", "2-D", _1K, "3 7 15", border="full"),
    *_row(_KERNELS, "gaussian", "2-D", _1K, "5 11* 21 31 63", kernel="gaussian", border="whole-sample"),
    *_row(_KERNELS, "sobel", "2-D", _1K, "3* 5 7", kernel="sobel", border="whole-sample"),
    *_row(_KERNELS, "laplacian", "2-D", _1K, "3 5*", kernel="laplacian", border="whole-sample"),
    *_row(_KERNELS, "disk", "2-D", _1K, "7 15* 31", kernel="disk"),
    *_row(_KERNELS, "motion", "2-D", _1K, "9 21* 31", kernel="motion"),
    *_row(_KERNELS, "box", "2-D", _1K, "3 9* 31", kernel="box", border="half-sample"),
    *_row(_KERNELS, "4096² gaussian", "2-D", _4K, "11", kernel="gaussian", border="half-sample"),
    *_row(_KERNELS, "4096² sobel", "2-D", _4K, "3", kernel="sobel", border="edge"),
    *_row(_KERNELS, "4096² motion", "2-D", _4K, "15", kernel="motion"),
    *_row(_KERNELS, "4096² box", "2-D", _4K, "9", kernel="box"),
    *_row(_TYPES, "f64", "2-D", _1K, "3 7* 15 31", dtype="f64"),
    *_row(_TYPES, "f64, 4096²", "2-D", _4K, "7", dtype="f64"),
    *_row(_TYPES, "f64, gaussian", "2-D", _1K, "11", dtype="f64", kernel="gaussian"),
    *_row(_TYPES, "u8, integer kernel, to int64", "2-D", _1K, "3 7*", dtype="u8", kernel_dtype="i32"),
    *_row(_TYPES, "u8, sobel, to int64", "2-D", _1K, "3", dtype="u8", kernel_dtype="i32", kernel="sobel"),
    *_row(_TYPES, "u8, box, to int64", "2-D", _1K, "5", dtype="u8", kernel_dtype="i32", kernel="box"),
    *_row(_TYPES, "u8, f32 kernel, to float32", "2-D", _1K, "3* 7 15", dtype="u8", kernel_dtype="f32"),
    *_row(
        _TYPES,
        "u8, gaussian, to u8",
        "2-D",
        _1K,
        "5* 9",
        dtype="u8",
        kernel_dtype="f32",
        to="u8",
        kernel="gaussian",
        border="whole-sample",
    ),
    *_row(_TYPES, "u8, laplacian, to u8", "2-D", _1K, "3", dtype="u8", kernel_dtype="i32", to="u8", kernel="laplacian"),
    *_row(_TYPES, "i16, integer kernel, to int64", "2-D", _1K, "3* 7", dtype="i16", kernel_dtype="i32"),
    *_row(_TYPES, "i16, f32 kernel, to float32", "2-D", _1K, "5 11", dtype="i16", kernel_dtype="f32"),
    *_row(_TYPES, "c64", "2-D", _1K, "3 7* 31", dtype="c64"),
    *_row(_TYPES, "c64, gaussian f32", "2-D", _1K, "9", dtype="c64", kernel_dtype="f32", kernel="gaussian"),
    *_row(_STEPS, "stride 2", "2-D", _1K, "3 7", stride=2),
    *_row(_STEPS, "stride 4", "2-D", _1K, "5", stride=4),
    *_row(_STEPS, "dilation 2", "2-D", _1K, "3 7", dilation=2),
    *_row(_STEPS, "dilation 4", "2-D", _1K, "5", dilation=4),
    *_row(_DEPTH, "f32 zero", "depthwise", _CHANNELS, "3* 5 7"),
    *_row(_DEPTH, "f32 half-sample", "depthwise", _CHANNELS, "3 5 7", border="half-sample"),
    *_row(_DEPTH, "f64 zero", "depthwise", _CHANNELS, "3 5 7", dtype="f64"),
    *_row(_CUBES, "64³", "3-D", _CUBE, "3* 5 7 11"),
    *_row(_CUBES, "256³", "3-D", _BIG_CUBE, "3 5 7 11"),
    *_row(_CUBES, "64³ gaussian", "3-D", _CUBE, "7 11", kernel="gaussian", border="half-sample"),
    *_row(_CUBES, "256³ gaussian", "3-D", _BIG_CUBE, "5", kernel="gaussian"),
    *_row(_CUBES, "64³ laplacian", "3-D", _CUBE, "3", kernel="laplacian", border="edge"),
    *_row(_CUBES, "256³ box", "3-D", _BIG_CUBE, "7", kernel="box"),
    *_row(_CUBES, "64³ periodic", "3-D", _CUBE, "5* 11", border="periodic"),
    *_row(_CUBES, "64³ f64", "3-D", _CUBE, "5", dtype="f64"),
)
"""All cells."""
