"""Random conventions, shapes and arrays, seeded: what the laws are checked on."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from random import Random
from typing import Any

import numpy as np

from convention import Convention
from convention.boundary import BOUNDARIES
from convention.geometry import SIZES

INTEGERS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
REALS = ("float16", "float32", "float64", "longdouble")
COMPLEX = ("complex64", "complex128")
WORDS = [word for rule in BOUNDARIES.values() for word in (rule.name, *rule.synonyms)]


@dataclass(frozen=True)
class Case:
    convention: Convention
    signal: Any
    kernel: Any

    @property
    def ndim(self) -> int:
        return self.kernel.ndim


def draw_convention(random: Random, ndim: int, *, value: int = 0) -> Convention:
    """Draw every field, half of them per axis."""

    def each(draw: Any) -> Any:
        return tuple(draw() for _ in range(ndim)) if random.random() < 0.5 else draw()

    def pairs() -> Any:
        return tuple((random.randint(-2, 4), random.randint(-2, 4)) for _ in range(ndim))

    def sizes() -> Any:
        if random.random() < 0.3:
            return pairs()
        mixed = tuple(random.choice([*SIZES, (random.randint(-1, 3), random.randint(-1, 3))]) for _ in range(ndim))
        return mixed if random.random() < 0.4 else random.choice(list(SIZES))

    subset = tuple(axis for axis in range(ndim) if random.random() < 0.5)
    boundary = each(lambda: random.choice(WORDS))
    constant = "constant" in (boundary if isinstance(boundary, tuple) else (boundary,))
    return Convention(
        reversed_axes=random.choice(["all", "none", subset]),
        size=sizes(),
        boundary=boundary,
        value=value if constant else 0,
        stride=each(lambda: random.choice([1, 1, 2, 3])),
        dilation=each(lambda: random.choice([1, 1, 2, 3])),
        upsample=each(lambda: random.choice([1, 1, 1, 2, 3])),
        conjugate=random.random() < 0.3,
    )


def draw_array(random: Random, shape: tuple[int, ...], dtype: str) -> Any:
    """Draw numbers that use their type: the whole range of small integers, full mantissas of floats."""
    rng = np.random.default_rng(random.getrandbits(32))
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        # so that a sum of up to 9**3 products stays inside 64 bits
        return rng.integers(max(info.min, -(2**26)), min(info.max, 2**26), shape, endpoint=True).astype(dtype)
    values = rng.standard_normal(shape) * 10.0 ** rng.integers(-2, 3, shape)
    if dtype in COMPLEX:
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(dtype)


def draw_shapes(random: Random, work: int = 60_000) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Draw a signal's and a kernel's shape, 0...9 and 1...9 per axis, 1 to 3 axes."""
    ndim = random.choice([1, 1, 2, 2, 3])
    while True:
        signal = tuple(random.randint(0, 9) for _ in range(ndim))
        kernel = tuple(random.randint(1, 9) for _ in range(ndim))
        if prod(n + 2 for n in signal) * prod(kernel) <= work:
            return signal, kernel


def draw_case(random: Random, dtypes: tuple[str, str], work: int = 60_000) -> Case:
    signal, kernel = draw_shapes(random, work)
    convention = draw_convention(random, len(signal), value=random.randint(0, 5))
    if 0 in signal:  # a copying rule has nothing to copy
        convention = Convention(
            reversed_axes=convention.reversed_axes, size=convention.size, stride=convention.stride,
            dilation=convention.dilation, upsample=convention.upsample, conjugate=convention.conjugate,
        )  # fmt: skip
    return Case(convention, draw_array(random, signal, dtypes[0]), draw_array(random, kernel, dtypes[1]))
