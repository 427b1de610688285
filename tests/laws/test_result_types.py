"""Which data type comes out, and what happens to results that it cannot hold: NumPy and torch alike."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from convention import Convention, apply, convolve
from convention.errors import ConventionError, ConventionOverflowError, ConventionTypeError

LIBRARIES = ["numpy", "torch"]


def make(library: str, values: Any, dtype: str) -> Any:
    array = np.asarray(values, dtype="float32" if dtype == "bfloat16" else dtype)
    if library == "numpy":
        return array
    torch = pytest.importorskip("torch", reason="the engine's torch side needs torch")
    return torch.from_numpy(array).to(getattr(torch, dtype))


def dtype_of(library: str, name: str) -> Any:
    return np.dtype(name) if library == "numpy" else getattr(pytest.importorskip("torch", reason="as above"), name)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("signal", "kernel", "result"),
    [
        ("bool", "bool", "int64"),
        ("uint8", "int8", "int64"),
        ("uint64", "uint8", "uint64"),
        ("uint64", "bool", "uint64"),
        ("uint64", "int8", "int64"),
        ("float16", "float16", "float16"),
        ("float32", "float32", "float32"),
        ("float32", "float64", "float64"),
        ("complex64", "float32", "complex64"),
        ("float64", "complex64", "complex128"),
        ("int8", "float32", "float32"),
    ],
)
def test_the_result_has_the_promoted_type(library: str, signal: str, kernel: str, result: str) -> None:
    found = convolve(make(library, [1, 1, 0], signal), make(library, [1, 0], kernel))
    assert found.dtype == dtype_of(library, result)
    assert found.tolist() == [1, 1, 0]


def test_integers_with_floats_follow_each_library() -> None:
    assert convolve(make("numpy", [1, 2], "int64"), make("numpy", [1], "float32")).dtype == np.float64
    torch = pytest.importorskip("torch", reason="compares with torch")
    assert convolve(make("torch", [1, 2], "int64"), make("torch", [1], "float32")).dtype == torch.float32


@pytest.mark.parametrize(("library", "dtype"), [("numpy", "float16"), ("torch", "float16"), ("torch", "bfloat16")])
def test_half_precision_is_summed_in_float32(library: str, dtype: str) -> None:
    # in float16 or bfloat16 the sum would stop growing at 2048 or 256
    ones = make(library, np.ones(4000), dtype)
    assert float(convolve(ones, ones, size="valid")[0]) == 4000


@pytest.mark.parametrize("library", LIBRARIES)
def test_integers_are_rounded_half_to_even(library: str) -> None:
    x = make(library, [-1.5, -0.5, 0.5, 1.5, 2.5], "float64")
    found = convolve(x, make(library, [1.0], "float64"), dtype=dtype_of(library, "int16"))
    assert found.tolist() == [-2, 0, 0, 2, 2]
    assert found.dtype == dtype_of(library, "int16")


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("values", "source", "target", "saturated", "wrapped"),
    [
        ([300, -5, 7], "int64", "uint8", [255, 0, 7], [44, 251, 7]),
        ([300, -200, 7], "int64", "int8", [127, -128, 7], [44, 56, 7]),
        ([3, -1, 1], "int64", "bool", [True, False, True], [True, True, True]),
        ([70000, -70000], "int64", "uint16", [65535, 0], [4464, 61072]),
        ([-1, 5], "int64", "uint64", [0, 5], [2**64 - 1, 5]),
        ([2**63 + 5, 5], "uint64", "int64", [2**63 - 1, 5], [5 - 2**63, 5]),
        ([2**63 + 5, 5], "uint64", "uint8", [255, 5], [5, 5]),
        ([300.5, -1.0], "float64", "uint8", [255, 0], [44, 255]),
        ([2.0**63, -(2.0**65)], "float64", "int64", [2**63 - 1, -(2**63)], [-(2**63), 0]),
        ([2.0**64, 2.0**63], "float64", "uint64", [2**64 - 1, 2**63], [0, 2**63]),
        ([-1.0, 2.0**64 + 4096], "float64", "uint64", [0, 2**64 - 1], [2**64 - 1, 4096]),
        ([1e10, 3.0], "float32", "int32", [2**31 - 1, 3], [1410065408, 3]),
    ],
)
def test_overflow_raises_saturates_or_wraps(
    library: str, values: Any, source: str, target: str, saturated: Any, wrapped: Any
) -> None:
    x, one = make(library, values, source), make(library, [1], source)
    wanted = dtype_of(library, target)
    with pytest.raises(ConventionOverflowError, match="overflow='saturate'"):
        convolve(x, one, dtype=wanted)
    for overflow, expected in (("saturate", saturated), ("wrap", wrapped)):
        found = convolve(x, one, dtype=wanted, overflow=overflow)
        assert found.dtype == wanted
        assert found.tolist() == expected, overflow


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_integer_cast_agrees_with_python(library: str) -> None:
    random = Random(5)
    names = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
    for _ in range(300):
        target = random.choice(names)
        low, high = (0, 1) if target == "bool" else (int(np.iinfo(target).min), int(np.iinfo(target).max))
        value = random.choice(
            [low, high, low - 1, high + 1, random.randint(-(2**63), 2**63 - 1), random.randint(-9, 9)]
        )
        if not -(2**63) <= value < 2**63:
            continue
        x, one, dtype = make(library, [value], "int64"), make(library, [1], "int64"), dtype_of(library, target)
        if value == -(2**63):
            with pytest.raises(OverflowError):  # the bound sum|w|*max|x| leaves 64 bits
                convolve(x, one, dtype=dtype)
            continue
        saturated, wrapped = (convolve(x, one, dtype=dtype, overflow=word).tolist() for word in ("saturate", "wrap"))
        assert saturated[0] == min(max(value, low), high), (value, target)
        assert wrapped[0] == (value - low) % (high - low + 1) + low, (value, target)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("overflow", ["raise", "saturate", "wrap"])
def test_nan_is_no_integer(library: str, overflow: str) -> None:
    with pytest.raises(ConventionOverflowError):
        convolve(
            make(library, [np.nan, 1.0], "float64"),
            make(library, [1.0], "float64"),
            dtype=dtype_of(library, "int32"),
            overflow=overflow,
        )


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_float_that_a_narrower_type_cannot_hold(library: str) -> None:
    x, one = make(library, [1e6, -1e6, np.inf, 2.0], "float32"), make(library, [1.0], "float32")
    half = dtype_of(library, "float16")
    with pytest.raises(ConventionOverflowError):
        convolve(x, one, dtype=half)
    assert convolve(x, one, dtype=half, overflow="saturate").tolist() == [65504, -65504, np.inf, 2]
    z = make(library, [1e300 + 1j, 2.0], "complex128")
    with pytest.raises(ConventionOverflowError):
        convolve(z, make(library, [1], "complex128"), dtype=dtype_of(library, "complex64"))
    found = convolve(z, make(library, [1], "complex128"), dtype=dtype_of(library, "complex64"), overflow="saturate")
    assert found.tolist() == [complex(float(np.finfo(np.float32).max), 1), 2]


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_imaginary_part_is_not_dropped(library: str) -> None:
    with pytest.raises(ConventionTypeError, match="imaginary"):
        convolve(make(library, [1j], "complex64"), make(library, [1], "complex64"), dtype=dtype_of(library, "float32"))


@pytest.mark.parametrize("library", LIBRARIES)
def test_integer_sums_that_could_leave_64_bits_are_refused(library: str) -> None:
    big, two = make(library, [2**62, 1], "int64"), make(library, [1, 1], "int64")
    with pytest.raises(ConventionOverflowError, match="float64"):
        convolve(big, two)
    assert convolve(big, make(library, [1, 0], "int64")).tolist() == [2**62, 1]
    found = convolve(make(library, [2**62, 2**62], "int64"), two, size="valid", overflow="wrap")
    assert found.tolist() == [-(2**63)]
    unsigned = make(library, [2**62, 2**62], "uint64"), make(library, [1, 2], "uint64")
    assert convolve(*unsigned, size="valid").tolist() == [3 * 2**62]


def test_a_value_of_the_border_must_fit_the_sums() -> None:
    c = Convention(boundary="constant", value=0.5)
    with pytest.raises(ConventionTypeError, match="cannot hold"):
        apply(c, [1, 2], [1, 1])
    assert apply(c, [1.0, 2.0], [2.0, 3.0]).tolist() == [3.5, 7.0]
    assert convolve([1, 2], [1, 1], boundary="constant", value=3.0).tolist() == [4, 3]
    with pytest.raises(ConventionError, match="cannot hold"):
        convolve(np.ones(3, np.float32), np.ones(3, np.float32), boundary="constant", value=1e300)


def test_a_wider_type_is_summed_in_as_well() -> None:
    x = np.array([1e8, 1, -1e8], np.float32)
    one = np.ones(3, np.float32)
    assert convolve(x, one, size="valid", dtype=np.float64).tolist() == [1.0]


@pytest.mark.parametrize("library", LIBRARIES)
def test_out_is_written_and_returned(library: str) -> None:
    out = make(library, [0, 0, 0], "int64")
    assert convolve(make(library, [1, 2, 3], "int64"), make(library, [1, 0, 5], "int64"), out=out) is out
    assert out.tolist() == [2, 8, 10]


@pytest.mark.parametrize("shape", [(30, 30), (300, 300)])
def test_a_border_that_is_no_number_is_no_integer(shape: tuple[int, ...]) -> None:
    x, k = np.zeros(shape, np.uint8), np.full((3, 3), 1 / 9)
    for to in ("uint8", "int16"):
        with pytest.raises(ConventionOverflowError):
            convolve(x, k, boundary="constant", value=float("nan"), dtype=to, overflow="saturate")
        far = convolve(x, k, boundary="constant", value=1e30, dtype=to, overflow="saturate")
        assert far[0, 0] == np.iinfo(to).max


@pytest.mark.parametrize("n", [100, 3_000, 9_000, 20_000])
def test_a_kernel_brings_axes_of_length_one(n: int) -> None:
    x = np.arange(float(n))
    result = convolve(x, np.array([[1.0, 2.0, 4.0]]), axes=-1)
    assert result.shape == (1, n)
    assert np.array_equal(result[0], convolve(x, [1.0, 2.0, 4.0]))
    image = np.arange(float(n)).reshape(n // 10, 10)
    result = convolve(image, np.array([[[1.0, 2.0, 4.0]]]), axes=(-2, -1))
    assert result.shape == (1, n // 10, 10)
    assert np.array_equal(result[0], convolve(image, [[1.0, 2.0, 4.0]]))
