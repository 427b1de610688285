"""The compiled loops on shapes of several blocks and of every remainder of a vector, against a loop over the taps.

Samples and taps are small integers, in whatever data type: their sums are exact in it, so results must be equal.
The signal is continued by `numpy.pad`, which knows nothing of index maps or blocks.
"""

from __future__ import annotations

from math import prod
from random import Random
from typing import Any

import numpy as np
import pytest

from convention import Convention, apply, convolve
from convention.boundary import BOUNDARIES
from convention.engine.compiled.chains import chained
from convention.engine.compiled.intrinsics import CHAIN, VECTOR
from engines import WAYS, forced

QUICK, FULL = 100, 1_000
"""Cases per way and number of threads."""

MODES = {
    "zero": "constant", "constant": "constant", "edge": "edge", "half-sample": "symmetric", "whole-sample": "reflect",
    "periodic": "wrap",
}  # fmt: skip
DTYPES = [("float32", "float32"), ("float64", "float64"), ("uint8", "int64"), ("int64", "int64"), ("complex64",) * 2]
MORE = [
    *DTYPES, ("uint8", "float32"), ("int16", "int16"), ("float32", "float64"), ("complex128", "float64"),
    ("bool", "int8"), ("uint64", "uint64"), ("int32", "float64"), ("float16", "float16"), ("uint16", "complex128"),
]  # fmt: skip


def continued(signal: Any, convention: Convention, windows: Any) -> Any:
    """Return what stands at all positions that windows reach: the signal continued, then zeros put in between.

    The last axis is continued last.
    """
    d = len(windows)
    for axis, (field, window) in enumerate(zip(convention.axes(d), windows), signal.ndim - d):
        low, high = (position // window.upsample for position in window.reach)
        before, after = max(0, -low), max(0, high - window.signal + 1)
        widths = [(before, after) if a == axis else (0, 0) for a in range(signal.ndim)]
        more = {"constant_values": field.value} if field.boundary == "constant" else {}
        signal = np.pad(signal, widths, MODES[field.boundary], **more)
        signal = signal[(slice(None),) * axis + (slice(low + before, high + before + 1),)]
    for axis, window in enumerate(windows, signal.ndim - d):
        low, high = window.reach
        shape = [n * window.upsample if a == axis else n for a, n in enumerate(signal.shape)]
        spread = np.zeros(shape, signal.dtype)
        spread[(slice(None),) * axis + (slice(None, None, window.upsample),)] = signal
        first = low % window.upsample
        signal = spread[(slice(None),) * axis + (slice(first, first + high - low + 1),)]
    return signal


def expected_sums(convention: Convention, signal: Any, kernel: Any, axes: tuple[int, ...]) -> Any:
    d = len(axes)
    wide = np.complex128 if "c" in signal.dtype.kind + kernel.dtype.kind else np.int64
    signal, kernel = np.moveaxis(signal, axes, range(-d, 0)).astype(wide), kernel.astype(wide)
    windows = convention.windows(signal.shape[-d:], kernel.shape[-d:])
    signal = continued(signal, convention, windows)
    batch = np.broadcast_shapes(signal.shape[:-d], kernel.shape[:-d])
    total = np.zeros((*batch, *(window.outputs for window in windows)), wide)
    for tap in np.ndindex(*kernel.shape[-d:]) if total.size else ():
        place = []
        for t, axis, w in zip(tap, convention.axes(d), windows):
            start = w.dilation * (w.kernel - 1 - t if axis.reversed else t)
            place.append(slice(start, start + (w.outputs - 1) * w.stride + 1, w.stride))
        factor = kernel[(..., *tap, *(None,) * d)]
        total += (factor.conj() if convention.conjugate else factor) * signal[(..., *place)]
    added = total.ndim - d - (signal.ndim - d)
    return np.moveaxis(total, range(-d, 0), [axis + added for axis in axes])


def draw(random: Random, way: str, dtypes: tuple[str, str], most: int) -> tuple[Convention, Any, Any, tuple[int, ...]]:
    """Draw a convention, a signal, a kernel and the spatial axes."""
    d = random.choice([2, 2, 2, 3] if way in ("separable", "box") else [1, 2, 2, 3])
    long = way in ("listed", "separable") and random.random() < 0.4  # rows of taps that are chained
    rng = np.random.default_rng(random.getrandbits(32))

    def each(values: list[Any]) -> Any:
        return tuple(random.choice(values) for _ in range(d)) if random.random() < 0.5 else random.choice(values)

    n = [random.randint(1, 4) for _ in range(d - 2)] + [random.randint(1, 12)] * (d > 1) + [random.randint(1, most)]
    k = [random.randint(1, 3) for _ in range(d - 2)] + [random.randint(1, 5)] * (d > 1) + [random.randint(1, 9)]
    if way in ("separable", "box"):
        k[-2:] = [max(2, t) for t in k[-2:]]
    if way == "box":
        k[:-2] = [1] * (d - 2)
    if long:
        k[-1] = random.randint(9, 70)
    size = random.choice(["full", "same", "valid", tuple((random.randint(-2, 9), random.randint(-2, 9)) for _ in n)])
    plain = way == "box" or (long and random.random() < 0.5)
    boundary = each(list(BOUNDARIES))
    constant = "constant" in (boundary if isinstance(boundary, tuple) else (boundary,))
    convention = Convention(
        reversed_axes=random.choice(["all", "none", tuple(a for a in range(d) if random.random() < 0.5)]),
        size=size,
        boundary=boundary,
        value=random.randint(1, 9) if constant else 0,
        stride=1 if plain else each([1, 1, 1, 2, 3]),
        dilation=1 if plain else each([1, 1, 1, 2, 3]),
        upsample=each([1, 1, 1, 1, 2, 3]),
        conjugate=random.random() < 0.3,
    )
    batch = random.choice([(), (), (), (3,), (1,), (2, 3), (4,)])
    signal = integers(rng, (*batch, *n), dtypes[0])
    leading = ()
    if batch and way in ("dense", "listed") and random.random() < 0.6:
        leading = random.choice([(1,), batch, batch[-1:], (*(1 for _ in batch[1:]), batch[-1])])
        if random.random() < 0.3:
            signal = signal[:1]
    kernel = integers(rng, (*leading, *k), dtypes[1], 3)
    if way == "listed":
        kernel = kernel * (rng.random(kernel.shape) < random.choice([0.4, 1])).astype(kernel.dtype)
    elif way == "box":
        kernel[...] = kernel.flat[0]
    elif way == "separable":
        kernel[...] = 1
        for axis, t in enumerate(k):
            shape = [1] * d
            shape[axis] = t
            kernel = kernel * integers(rng, tuple(shape), dtypes[1], 2)
    axes = tuple(range(-d, 0))
    if random.random() < 0.4:  # the spatial axes first, or one first and the others last
        places = sorted(random.sample(range(signal.ndim), d))
        signal = np.ascontiguousarray(np.moveaxis(signal, axes, places))
        axes = tuple(places)
    axes = tuple(axis % signal.ndim for axis in axes)
    return convention, signal, kernel.astype(dtypes[1]), axes


def integers(rng: Any, shape: tuple[int, ...], dtype: str, most: int = 9) -> Any:
    low = 0 if dtype.startswith(("u", "b")) else -most
    found = rng.integers(low, 1 if dtype == "bool" else most, shape, endpoint=True)
    if dtype.startswith("c"):
        found = found + 1j * rng.integers(low, most, shape, endpoint=True)
    return found.astype(dtype)


def check(count: int, way: str, seed: int, *, workers: int, dtypes: list[Any], most: int = 200) -> None:
    random = Random(seed)
    with forced(way, workers=workers, small_blocks=workers > 1) as taken:
        for number in range(count):
            convention, signal, kernel, axes = draw(random, way, random.choice(dtypes), most)
            expected = expected_sums(convention, signal, kernel, axes)
            found = apply(convention, signal, kernel, axes=axes)
            assert found.shape == expected.shape, (number, convention)
            same = (found == expected).all()
            assert same, (number, convention, signal.shape, signal.dtype, kernel.tolist(), axes, taken.last.plan)
            other = np.ascontiguousarray(signal[::-1])  # another signal, and what is remembered of the first
            same = (apply(convention, other, kernel, axes=axes) == expected_sums(convention, other, kernel, axes)).all()
            assert same, (number, convention, signal.shape, signal.dtype, kernel.tolist(), axes, taken.last.plan)
    assert taken.share(way) > (0.4 if way == "box" else 0.6), taken.count  # complex sums lack these


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_sums_are_exact(way: str, workers: int) -> None:
    check(QUICK, way, seed=workers, workers=workers, dtypes=DTYPES)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_sums_of_all_data_types_are_exact(way: str, workers: int) -> None:
    check(FULL, way, seed=10 + workers, workers=workers, dtypes=MORE)


@pytest.mark.parametrize("width", range(1, 275))
def test_every_remainder_of_a_vector(width: int) -> None:
    rng = np.random.default_rng(width)
    convention = Convention(reversed_axes=(1,), size="same", boundary="periodic")
    signal, box = integers(rng, (9, width), "float32"), np.full((3, 4), 2, "float32")
    kernel = integers(rng, (4, 3), "float32", 3)
    kernels = {
        "dense": kernel,
        "listed": kernel * (kernel > 0),
        "listed, in chains": np.resize(kernel, (1, 75)),
        "separable": np.outer(kernel[0], box[0]),
        "box": box,
    }
    for way, taps in kernels.items():
        with forced(way.split(",")[0]) as taken:
            found = apply(convention, signal, taps)
        assert taken.share(way.split(",")[0]) == 1
        assert (found == expected_sums(convention, signal, taps, (0, 1))).all(), way


@pytest.mark.parametrize("shape", [(300, 1_500), (1, 70_000), (2_000, 60), (3, 130, 900)])
@pytest.mark.parametrize("way", WAYS)
def test_blocks_of_their_own_size(way: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(prod(shape))
    kernel = integers(rng, (3,) * (len(shape) - 2) + (5, 7), "float32", 3)
    if way in ("separable", "box"):
        kernel = np.outer(kernel.ravel()[:5], kernel.ravel()[5:12]).astype("float32")
        kernel = (np.full_like(kernel, 3) if way == "box" else kernel).reshape((1,) * (len(shape) - 2) + (5, 7))
    if way == "listed":
        kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
    signal = integers(rng, shape, "float32")
    convention = Convention(size="same", boundary="whole-sample")
    if 1 in shape:
        convention = Convention(size="same", boundary="edge")
    for workers in (1, 2):
        with forced(way, workers=workers) as taken:
            found = apply(convention, signal, kernel)
        assert taken.share(way) == 1
        assert (found == expected_sums(convention, signal, kernel, tuple(range(len(shape))))).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_images_with_channels_last(channels: int, dtype: str) -> None:
    rng = np.random.default_rng(channels)
    signal, kernel = integers(rng, (61, 83, channels), dtype), integers(rng, (5, 3), "float32", 3)
    each = integers(rng, (channels, 5, 3), "float32", 3)
    for way in ("dense", "listed"):
        for taps in (kernel, each):
            with forced(way, small_blocks=True) as taken:
                found = apply(Convention(boundary="half-sample"), signal, taps, axes=(0, 1))
            assert taken.share(way) == 1
            assert (found == expected_sums(Convention(boundary="half-sample"), signal, taps, (0, 1))).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("length", [1, 15, 16, 17, 40, 129, 1_000, 70_003])
def test_results_stored_around_the_caches(monkeypatch: pytest.MonkeyPatch, length: int, dtype: str) -> None:
    monkeypatch.setattr("convention.engine.compiled.arrangement._AROUND", 0)
    rng = np.random.default_rng(length)
    signal, kernel = integers(rng, (length,), dtype), integers(rng, (37,), dtype, 3)
    expected = expected_sums(Convention(), signal, kernel, (0,))
    for start in (0, 1, 3, 8, 15):
        memory = np.full(length + 64, np.nan, dtype)
        out = memory[start : start + length]
        for workers in (1, 2):
            with forced("listed", workers=workers) as taken:
                convolve(signal, kernel, out=out)
            assert taken.share("listed") == 1
            assert (out == expected).all(), start
        assert np.isnan(memory[:start]).all()
        assert np.isnan(memory[start + length :]).all()


@pytest.mark.parametrize("taps", [(9, 40), (1, 90)])
def test_a_nan_changes_no_bit_elsewhere(taps: tuple[int, ...]) -> None:
    rng = np.random.default_rng(sum(taps))
    signal, kernel = rng.standard_normal((400, 600)).astype("float32"), rng.standard_normal(taps).astype("float32")
    kernel[::2, ::7] = 0  # left out of finite samples only
    spoiled = signal.copy()
    spoiled[5, 5] = np.nan
    found = []
    for samples in (signal, spoiled):
        for workers in (1, 2):
            with forced("listed", workers=workers) as taken:
                found.append(apply(Convention(size="same"), samples, kernel))
            assert taken.share("listed") == 1
    finite = np.isfinite(found[2])
    contain_it = convolve(np.isnan(spoiled), np.ones(taps, int)) > 0
    assert (finite == ~contain_it).all()
    for other in found:
        np.testing.assert_array_equal(other[finite], found[0][finite])


def test_every_tap_is_in_one_chain() -> None:
    rng = np.random.default_rng(3)
    for many in (1, 3):
        for step in (4, 8, 12, VECTOR, 3 * VECTOR):
            count = int(rng.integers(0, 90)) * many
            kernels, lines = np.sort(rng.integers(0, many, count)), rng.integers(0, 2, count) * 8
            offsets = rng.permutation(count) * step
            last = rng.random(count) < 0.3
            found = chained(kernels, lines, offsets, many, last)
            assert sorted(found.order.tolist()) == list(range(count))
            taps, chains = iter(found.order), iter(zip(found.places, found.offsets))
            for kernel, numbers in enumerate(found.numbers.tolist()):
                for length, times in zip(range(CHAIN, 0, -1), numbers):
                    for _ in range(times):
                        place, offset = next(chains)
                        for number in range(length):
                            tap = next(taps)
                            assert not last[tap] or length == 1
                            assert (kernels[tap], lines[tap]) == (kernel, place)
                            assert offsets[tap] == offset + number * VECTOR
            assert next(taps, None) is next(chains, None) is None
    offsets = np.arange(101) * VECTOR // 16  # 5 of 16 phases have 7 taps, the others 6
    assert chained(0, 0, offsets).numbers.tolist() == [[16, 5, 11, 0]]
