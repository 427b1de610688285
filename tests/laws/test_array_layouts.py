"""However an array lies in memory, the result is that of a contiguous copy, and inputs are left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convention import convolve, plan
from engines import ENGINES, TRANSFORMS, forced

SHAPES = {"small": (9, 11), "large": (150, 130)}
DTYPES = ("float32", "float64", "int16", "complex64")
KERNEL = np.array([[1, 2, 0, -1], [0, 3, 1, 2], [2, -2, 1, 1]])


def numbers(shape: tuple[int, ...], dtype: str) -> Any:
    found = np.random.default_rng(shape[-1]).integers(-9, 10, shape)
    return (found + 1j * found[..., ::-1] if dtype.startswith("c") else found).astype(dtype)


def padded(array: Any) -> Any:
    """Return the array as part of a larger one, every other element of it along each axis."""
    large = np.full(tuple(2 * n + 3 for n in array.shape), 77, array.dtype)
    part = large[tuple(slice(1, 2 * n + 1, 2) for n in array.shape)]
    part[...] = array
    return part


def backwards(*axes: int) -> Callable[[Any], Any]:
    def turned(array: Any) -> Any:
        return np.ascontiguousarray(np.flip(array, axes))[
            tuple(slice(None, None, -1 if axis in axes else 1) for axis in range(array.ndim))
        ]

    return turned


def read_only(array: Any) -> Any:
    array = array.copy()
    array.flags.writeable = False
    return array


def unaligned(array: Any) -> Any:
    memory = bytearray(array.nbytes + 1)
    found = np.frombuffer(memory, array.dtype, array.size, 1).reshape(array.shape)
    found[...] = array
    assert array.itemsize == 1 or not found.flags.aligned
    return found


def of_records(array: Any) -> Any:
    """Return one field of records: the steps are no multiples of its elements."""
    kind = np.dtype([("before", "u1"), ("value", array.dtype), ("behind", "u2")])
    records = np.zeros(array.shape, kind)
    records["value"] = array
    return records["value"]


def in_rows_with_a_rest(array: Any) -> Any:
    """Return rows that begin at odd addresses, as in pictures whose rows are padded."""
    step = array.shape[-1] * array.itemsize + 1
    memory = np.zeros(array.shape[0] * step + 8, np.uint8)
    found = np.ndarray(array.shape, array.dtype, memory, 0, (step, array.itemsize))
    found[...] = array
    return found


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "part of a larger one": padded,
    "rows backwards": backwards(0),
    "columns backwards": backwards(1),
    "both backwards": backwards(0, 1),
    "read-only": read_only,
    "bytes swapped": lambda array: array.astype(array.dtype.newbyteorder()),
    "Fortran order": np.asfortranarray,
    "transposed part": lambda array: padded(array.T).T,
    "unaligned": unaligned,
    "field of records": of_records,
    "rows with a rest": in_rows_with_a_rest,
    "subclass": lambda array: array.view(type("Mine", (np.ndarray,), {})),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SHAPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_of_signal_and_kernel(layout: str, size: str, dtype: str) -> None:
    signal, kernel = numbers(SHAPES[size], dtype), KERNEL.astype(dtype)
    expected = convolve(signal, kernel, boundary="periodic")
    x, w = LAYOUTS[layout](signal), LAYOUTS[layout](kernel)
    before = x.tobytes(), w.tobytes(), x.strides, w.flags.writeable
    for other_x, other_w in ((x, kernel), (signal, w), (x, w), (signal, kernel), (x, kernel)):
        found = convolve(other_x, other_w, boundary="periodic")
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)
    assert (x.tobytes(), w.tobytes(), x.strides, w.flags.writeable) == before


def kernel_for(engine: str) -> Any:
    if engine == "listed":
        return np.resize([1, 2, 3, -1, 0], (1, 25))
    return np.full((3, 4), 2) if engine == "box" else np.outer([1, 2, 1], [1, -1, 2, 0])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_of_signals_by_every_engine(layout: str, engine: str) -> None:
    kernel = kernel_for(engine)
    signal = numbers((30, 40), "float32")
    expected = convolve(signal.astype(int), kernel, boundary="edge")
    method = "fourier" if engine in TRANSFORMS else "auto"
    with forced(engine, small_blocks=True) as taken:
        found = convolve(LAYOUTS[layout](signal), kernel.astype("float32"), boundary="edge", method=method)
    assert engine == "auto" or taken.share(engine) == 1, taken.count
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3 if engine in TRANSFORMS else 0)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in ("read-only", "bytes swapped", "subclass")])
def test_of_results(layout: str, engine: str) -> None:
    kernel = kernel_for(engine)
    signal = numbers((30, 40), "float32")
    exact = convolve(signal.astype(int), kernel)
    for dtype, limits in (("float32", (-(2**20), 2**20)), ("int16", (-(2**15), 2**15 - 1)), ("uint8", (0, 255))):
        out = LAYOUTS[layout](np.full((30, 40), 5, dtype))
        x = signal if dtype == "float32" or engine in TRANSFORMS else signal.astype("int16")
        w = kernel.astype("float32") if x.dtype.kind == "f" else kernel
        method = "fourier" if engine in TRANSFORMS else "auto"
        with forced(engine, small_blocks=True):
            for _ in range(2):
                out[...] = 5
                assert convolve(x, w, out=out, dtype=dtype, overflow="saturate", method=method) is out
                atol = 1e-3 if dtype == "float32" else 0
                np.testing.assert_allclose(out, np.clip(exact, *limits), rtol=0, atol=atol)


def test_what_lies_around_a_result_is_left_alone() -> None:
    for size in SHAPES.values():
        out = padded(np.zeros(size, "float32"))
        convolve(numbers(size, "float32"), KERNEL.astype("float32"), out=out)
        around = out.base.copy()
        around[1 : 2 * size[0] + 1 : 2, 1 : 2 * size[1] + 1 : 2] = 77
        assert (around == 77).all()


@pytest.mark.parametrize("size", SHAPES)
def test_broadcast_arrays(size: str) -> None:
    rows, columns = SHAPES[size]
    row, column = numbers((1, columns), "float32"), numbers((rows, 1), "float32")
    kernel = KERNEL.astype("float32")
    for part, repeated in ((row, (rows, columns)), (column, (rows, columns))):
        signal = np.broadcast_to(part, repeated)
        assert 0 in signal.strides
        assert np.array_equal(convolve(signal, kernel), convolve(signal.copy(), kernel))
    stack = np.broadcast_to(row, (3, rows, columns))
    found = convolve(stack, np.broadcast_to(kernel, (3, 3, 4)), axes=(1, 2))
    assert np.array_equal(found[2], convolve(stack[0].copy(), kernel))
    ones = np.broadcast_to(np.float32(2), (3, 4))
    assert np.array_equal(convolve(stack[0], ones), convolve(stack[0], ones.copy()))


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0), (0,), (3, 0, 200)])
@pytest.mark.parametrize("dtype", ["float32", "uint8", "complex64"])
def test_nothing(shape: tuple[int, ...], dtype: str) -> None:
    signal, kernel = np.zeros(shape, dtype), np.ones((3,) * len(shape), dtype)
    for method in ("auto", "direct"):
        found = convolve(signal, kernel, method=method)
        assert found.shape == shape
    found = convolve(signal, kernel, size="full")
    assert found.shape == tuple(n + 2 for n in shape)
    assert not found.any()
    assert (
        convolve(np.zeros((0, *(n + 1 for n in shape)), dtype), kernel, axes=tuple(range(1, 1 + len(shape)))).size == 0
    )
    assert "no outputs" in plan(signal, kernel).reason


def test_a_large_border_around_nothing() -> None:
    found = convolve(np.zeros((0, 3), "float32"), np.ones((2, 2), "float32"), size=((200, 200), (99, 99)),
                     boundary="constant", value=2)  # fmt: skip
    assert found.shape == (399, 200)
    assert found[5, 5] == 8


@pytest.mark.parametrize("size", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_mapped(tmp_path: Path, size: str, dtype: str) -> None:
    signal, kernel = numbers(SHAPES[size], dtype), KERNEL.astype(dtype)
    expected = convolve(signal, kernel)
    np.save(tmp_path / "signal.npy", signal)
    mapped = np.load(tmp_path / "signal.npy", mmap_mode="r")
    assert np.array_equal(convolve(mapped, kernel), expected)
    out = np.lib.format.open_memmap(tmp_path / "out.npy", "w+", expected.dtype, expected.shape)
    assert convolve(mapped, kernel, out=out) is out
    out.flush()
    assert np.array_equal(np.load(tmp_path / "out.npy"), expected)
    raw = np.memmap(tmp_path / "raw", expected.dtype, "w+", 3, expected.shape)  # at an odd offset
    assert convolve(mapped, kernel, out=raw) is raw
    assert np.array_equal(raw, expected)
    assert np.array_equal(np.load(tmp_path / "signal.npy"), signal)


TENSORS: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda t: t.T.contiguous().T,
    "sliced": lambda t: t.repeat_interleave(2, 0).repeat_interleave(3, 1)[::2, ::3],
    "narrowed": lambda t: t.repeat(2, 2)[: t.shape[0], : t.shape[1]],
    "shifted": lambda t: t.new_zeros(t.numel() + 1)[1:].reshape(t.shape).copy_(t),
}


@pytest.mark.parametrize("layout", TENSORS)
@pytest.mark.parametrize("size", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors(layout: str, size: str, dtype: str) -> None:
    torch = pytest.importorskip("torch", reason="the engine's torch side needs torch")
    signal, kernel = numbers(SHAPES[size], dtype), KERNEL.astype(dtype)
    expected = convolve(signal, kernel, boundary="periodic")
    x, w = torch.from_numpy(signal), torch.from_numpy(kernel)
    moved, taps = TENSORS[layout](x), TENSORS[layout](w)
    before = moved.clone()
    found = convolve(moved, taps, boundary="periodic")
    assert isinstance(found, torch.Tensor)
    assert np.array_equal(found.numpy(), expected)
    assert torch.equal(moved, before)
    out = TENSORS[layout](torch.zeros(expected.shape, dtype=found.dtype))
    assert convolve(moved, taps, boundary="periodic", out=out) is out
    assert np.array_equal(out.numpy(), expected)


@pytest.mark.parametrize("size", SHAPES)
def test_expanded_and_conjugated_tensors(size: str) -> None:
    torch = pytest.importorskip("torch", reason="the engine's torch side needs torch")
    row = torch.arange(float(SHAPES[size][1]))
    signal = row.expand(SHAPES[size])
    kernel = torch.from_numpy(KERNEL).float()
    assert torch.equal(convolve(signal, kernel), convolve(signal.clone(), kernel))
    numbers_ = torch.from_numpy(numbers(SHAPES[size], "complex64"))
    assert numbers_.conj().is_conj()
    for changed in (numbers_.conj(), numbers_.imag, numbers_.conj().imag, numbers_.real):
        found = convolve(changed, kernel)
        assert torch.equal(found, convolve(changed.clone().resolve_conj().resolve_neg().contiguous(), kernel))
