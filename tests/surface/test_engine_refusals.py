"""What the engine's doors refuse: with which builtin exception, with four parts, before any work, inputs untouched."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from convention import Convention, apply, check, convolve, correlate, linear_operator, plan
from refusals import LIBRARIES, forbid_sums, make, refusal


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_sums(monkeypatch)


def test_the_checker_refuses_other_exceptions_and_no_exception() -> None:
    def changes_first(array: Any) -> None:
        array[0] = 7
        boundary = {"boundary": "reflect"}
        convolve(array, array, **boundary)

    with pytest.raises(pytest.fail.Exception):
        refusal(ValueError, convolve, [1, 2], [1])
    with pytest.raises(AssertionError):
        refusal(TypeError, convolve, [1, 2], [1], boundary="reflect")
    with pytest.raises(AssertionError):
        refusal(ValueError, changes_first, np.zeros(3))


FIELDS = [
    (
        {"boundary": "reflect"},
        ValueError,
        ["ambiguous", "b a | a b c d | d c", "c b | a b c d | c b", "'whole-sample'"],
    ),
    ({"boundary": "mirror"}, ValueError, ["ambiguous", "'half-sample'", "'whole-sample'"]),
    ({"boundary": "perodic"}, ValueError, ["'perodic'", "did you mean 'periodic'?"]),
    ({"size": "ful"}, ValueError, ["'ful'", "did you mean 'full'?", "causal"]),
    ({"size": 3}, TypeError, ["size=3", "((before, after),)"]),
    ({"overflow": "saturat"}, ValueError, ["raise, saturate, wrap", "did you mean 'saturate'?"]),
    ({"overflow": None}, ValueError, ["overflow=None"]),
    ({"method": "furier"}, ValueError, ["auto, direct, separable, fourier", "did you mean 'fourier'?"]),
    ({"method": None}, TypeError, ["auto, direct, separable, fourier"]),
    ({"method": "fourier"}, ValueError, ["integers are exact", "method='direct'"]),
    ({"value": 5}, ValueError, ["boundary='constant', value=5"]),
    ({"value": 5, "boundary": "edge"}, ValueError, ["boundary='edge'"]),
    ({"value": 0.5, "boundary": "constant"}, TypeError, ["value=0.5", "int64", "cannot hold"]),
    ({"value": 2**63, "boundary": "constant"}, TypeError, ["cannot hold"]),
    ({"value": float("nan"), "boundary": "constant"}, TypeError, ["cannot hold"]),
    ({"value": 1j, "boundary": "constant"}, TypeError, ["cannot hold"]),
    ({"stride": 0}, ValueError, ["stride=0", "less than 1"]),
    ({"stride": -2}, ValueError, ["stride=-2", "reverse the signal"]),
    ({"stride": 1.5}, TypeError, ["stride=1.5", "float"]),
    ({"dilation": 0}, ValueError, ["dilation=0"]),
    ({"dilation": 2.0}, TypeError, ["dilation=2.0"]),
    ({"upsample": -1}, ValueError, ["upsample=-1"]),
    ({"upsample": "2"}, TypeError, ["upsample='2'", "str"]),
    ({"stride": (1, 1)}, ValueError, ["2 axes on 1"]),
    ({"axes": 1}, ValueError, ["axes=1", "-1 to 0"]),
    ({"axes": -2}, ValueError, ["axes=-2"]),
    ({"axes": (0, 0)}, ValueError, ["2 axes for a kernel of 1"]),
    ({"axes": ()}, ValueError, ["0 axes for a kernel of 1"]),
    ({"axes": 0.0}, TypeError, ["axes=0.0", "not integers"]),
    ({"axes": "0"}, TypeError, ["axes='0'"]),
    ({"axes": (None,)}, TypeError, ["not integers"]),
    ({"workers": 0}, ValueError, ["workers=0", "at least 1"]),
    ({"workers": -1}, ValueError, ["workers=-1"]),
    ({"workers": 1.5}, TypeError, ["workers=1.5"]),
    ({"workers": True}, TypeError, ["workers=True"]),
    ({"size": ((2**62, 2**62),)}, ValueError, [str(2**62), "at most"]),
    ({"size": ((10**30, 0),)}, ValueError, ["at most"]),
    ({"dilation": 10**30}, ValueError, ["at most"]),
    ({"mode": "same"}, TypeError, ["'mode' means", "size=", "boundary="]),
    ({"padding": 1}, TypeError, ["'padding' means", "size=", "boundary="]),
    ({"bounday": "edge"}, TypeError, ["no such keyword", "did you mean 'boundary'?"]),
    ({"reversed_axes": "none"}, TypeError, ["apply(Convention(reversed_axes=..., ...), signal, kernel)"]),
    ({"conjugate": True}, TypeError, ["apply(Convention(conjugate=..., ...), signal, kernel)"]),
    ({"flip": True}, TypeError, ["no such keyword", "dilation"]),
]


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(("keywords", "builtin", "words"), FIELDS, ids=lambda one: str(one)[:40])
def test_a_keyword_is_refused_by_every_door(library: str, keywords: Any, builtin: Any, words: list[str]) -> None:
    signal, kernel = make(library, [3, 1, 4, 1, 5]), make(library, [1, 0, 2])
    for door in (convolve, correlate, plan):
        message = str(refusal(builtin, door, signal, kernel, **keywords)).replace("torch.", "")
        assert [word for word in words if word not in message] == []
    if not {"size", "boundary", "value", "stride", "dilation", "upsample"}.intersection(keywords):
        refusal(builtin, apply, "convolution", signal, kernel, **keywords)


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("signal", "kernel", "axes", "words"),
    [
        ((4, 5, 3), (3, 3), None, ["axes=(-2, -1) for a stack", "axes=(0, 1) for an image"]),
        ((5,), (2, 2), None, ["a signal of 1 axes and a kernel of 2"]),
        ((), (), None, ["at least one axis"]),
        ((5,), (), None, ["at least one axis"]),
        ((), (2,), None, ["a signal of 0 axes"]),
        ((), (), (), ["at least one axis each"]),
        ((4, 5), (2,), (0, 1), ["2 axes for a kernel of 1"]),
        ((4, 5), (2, 2), (1, -1), ["named twice"]),
        ((4, 5), (2, 2), (0, 2), ["the signal has 2 axes"]),
        ((4, 5), (3, 2), (1,), ["leading axes (3,)", "other axes (4,)", "do not broadcast"]),
        ((5,), (0,), None, ["empty", "at least one tap"]),
        ((4, 5), (2, 0), None, ["empty"]),
    ],
    ids=str,
)
def test_shapes_and_axes_that_do_not_fit(library: str, signal: Any, kernel: Any, axes: Any, words: list[str]) -> None:
    x, w = make(library, np.ones(signal).tolist()), make(library, np.ones(kernel).tolist())
    message = str(refusal(ValueError, convolve, x, w, axes=axes))
    assert [word for word in words if word not in message] == []


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("boundary", ["edge", "half-sample", "whole-sample", "periodic", "wrap", "replicate"])
def test_an_empty_signal_has_nothing_to_copy(library: str, boundary: str) -> None:
    message = str(refusal(ValueError, convolve, make(library, []), make(library, [1.0]), boundary=boundary))
    assert "'zero' and 'constant'" in message
    for word in ("zero", "constant"):
        assert plan(make(library, []), make(library, [1.0]), boundary=word, size="full").outputs == 0


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("which", ["signal", "kernel"])
class TestNoArrayOfNumbers:
    @pytest.mark.parametrize("dtype", ["object", "U3", "S3", "M8[D]", "m8[s]", "V4", [("a", int)]], ids=str)
    def test_dtypes_without_products(self, which: str, dtype: Any) -> None:
        pair = {"signal": [1, 2], "kernel": [1, 2], which: np.zeros(2, dtype)}
        message = str(refusal(TypeError, convolve, **pair))
        assert f"{which} with dtype" in message
        assert "booleans, integers, floats and complex numbers" in message

    @pytest.mark.parametrize(
        ("value", "builtin", "words"),
        [
            ([[1, 2], [3]], ValueError, ["rows of different lengths"]),
            ([[1, 2], 3], ValueError, ["rows of different lengths"]),
            (["a", "b"], TypeError, ["'U'"]),
            ([1, None], TypeError, ["object"]),
            ([2**70, 1], TypeError, ["object", "dtype=float"]),
            ([2**63, -1], ValueError, [f"from -1 to {2**63}", "64 bits"]),
            ([[2**63], [-(2**63)]], ValueError, ["64 bits"]),
            (np.ma.masked_array([1, 2], [0, 1]), TypeError, ["masked", ".filled(0)"]),
            (None, TypeError, ["NoneType"]),
            ("sobel", TypeError, ["type str", "numpy or torch"]),
            (b"12", TypeError, ["type bytes"]),
            (range(3), TypeError, ["type range", "numpy.asarray"]),
            ({1, 2}, TypeError, ["type set"]),
            (memoryview(b"12"), TypeError, ["memoryview"]),
        ],
        ids=lambda one: str(one)[:20],
    )
    def test_other_values(self, which: str, value: Any, builtin: Any, words: list[str]) -> None:
        message = str(refusal(builtin, convolve, **{"signal": [1, 2], "kernel": [1, 2], which: value}))
        assert [word for word in (which, *words) if word not in message] == []

    def test_an_object_that_only_could_become_an_array(self, which: str) -> None:
        class Frame:
            def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
                return np.arange(4)

        message = str(refusal(TypeError, convolve, **{"signal": [1], "kernel": [1], which: Frame()}))
        assert "Frame" in message
        assert f"numpy.asarray({which})" in message

    def test_tensors_that_are_not_dense_or_not_numbers(self, which: str) -> None:
        torch = pytest.importorskip("torch", reason="about torch's tensors")
        with warnings.catch_warnings():  # torch warns that these are new, beta or deprecated
            warnings.simplefilter("ignore")
            cases = [
                (torch.eye(3).to_sparse(), "to_dense()"),
                (torch.eye(3).to_sparse_csr(), "to_dense()"),
                (torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "to_padded_tensor"),
                (torch.masked.masked_tensor(torch.ones(2, 2), torch.eye(2).bool()), "to_tensor(0)"),
                (torch.quantize_per_tensor(torch.eye(3), 0.1, 0, torch.quint8), "torch.float32"),
                (torch.eye(3).to(torch.float8_e5m2), "torch.float32"),
            ]
            for value, fix in cases:
                pair = {"signal": torch.ones(2, 2), "kernel": torch.ones(2, 2), which: value}
                assert fix in refusal(TypeError, convolve, **pair).fix


def test_a_list_of_tensors_with_gradients() -> None:
    torch = pytest.importorskip("torch", reason="about torch's tensors")
    assert "requires grad" in refusal(TypeError, convolve, [torch.ones(2, requires_grad=True)], [[1, 2]]).found


def test_large_integers_in_lists_stay_exact() -> None:
    assert convolve([2**63, 1], np.array([1, 0], np.uint64)).tolist() == [2**63, 1]  # NumPy alone makes floats of them
    assert convolve([2**63 + 1, 2**64 - 1], np.array([1], np.uint8)).tolist() == [2**63 + 1, 2**64 - 1]
    assert convolve([2.0**63, 1], [1, 0]).dtype == np.float64


@pytest.mark.parametrize(
    ("signal", "kernel", "other"),
    [
        ("array", "tensor", "signal"),
        ("tensor", "array", "kernel"),
        ("list", "tensor", "signal"),
        ("tensor", "list", "kernel"),
    ],
)
def test_two_libraries_in_one_call_and_the_line_that_repairs_it(signal: str, kernel: str, other: str) -> None:
    torch = pytest.importorskip("torch", reason="mixes two libraries")
    new = {"array": np.array, "tensor": torch.tensor, "list": list}
    pair: dict[str, Any] = {"torch": torch, "signal": new[signal]([1, 2, 3]), "kernel": new[kernel]([1, 0, 5])}
    error = refusal(TypeError, convolve, pair["signal"], pair["kernel"])
    assert error.fix.startswith(f"{other} = torch.as_tensor({other}")
    exec(error.fix, pair)
    assert convolve(pair["signal"], pair["kernel"]).tolist() == [2, 8, 10]


@pytest.mark.usefixtures("idle")
def test_two_devices() -> None:
    torch = pytest.importorskip("torch", reason="about torch's devices")
    x, meta = torch.ones(3), torch.ones(3, device="meta")
    assert "kernel.to(signal.device)" in refusal(ValueError, convolve, x, meta).fix
    refusal(ValueError, convolve, meta, x)
    assert "on meta" in refusal(ValueError, convolve, x, x, out=torch.empty(3, device="meta")).found
    refusal(ValueError, check, meta)


def test_tensors_without_elements_are_bounded_by_their_type() -> None:
    torch = pytest.importorskip("torch", reason="about torch's meta device")
    names = ("int16", "int64", "float32")
    meta = {name: torch.ones(20, 20, dtype=getattr(torch, name), device="meta") for name in names}
    refusal(OverflowError, convolve, meta["int64"], meta["int64"])
    for name, result in (("int16", torch.int64), ("float32", torch.float32)):
        found = convolve(meta[name], meta[name], size="full")
        assert (found.shape, found.dtype, found.device.type) == ((39, 39), result, "meta")
    assert convolve(meta["float32"], meta["int16"], dtype=torch.uint8).dtype == torch.uint8


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(
    "dtype", [object, str, "nope", 3, [1], "U3", "M8[D]", "(", "3(", "i4,,", {"names": ["a"]}, "f4,f4"]
)
def test_dtypes_that_numpy_or_the_engine_has_not(dtype: Any) -> None:
    assert "dtype=" in refusal(TypeError, convolve, [1, 2], [1], dtype=dtype).asked


@pytest.mark.usefixtures("idle")
def test_the_dtype_of_the_other_library() -> None:
    torch = pytest.importorskip("torch", reason="mixes two libraries")
    refusal(TypeError, convolve, [1, 2], [1], dtype=torch.float32)
    one = torch.ones(2)
    for dtype in (np.float32, np.dtype("float32"), "float32", float, object, str, torch.quint8, torch.float8_e5m2):
        assert "torch.float32" in str(refusal(TypeError, convolve, one, one, dtype=dtype))


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("library", LIBRARIES)
def test_results_that_a_dtype_cannot_hold_whatever_the_numbers(library: str) -> None:
    z, one, big = (make(library, [v], dtype) for v, dtype in ((1j, "complex64"), (1.0, "float32"), (2**62, "int64")))
    real = one.dtype
    assert "imaginary" in refusal(TypeError, convolve, z, one, dtype=real).found
    assert "imaginary" in refusal(TypeError, correlate, one, z, dtype=real).found
    assert str(2**64) in refusal(OverflowError, convolve, big, make(library, [4], "int8")).found
    refusal(OverflowError, convolve, make(library, [2**63], "uint64"), make(library, [2], "uint8"))


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_transform_is_refused_for_values_it_would_spread(library: str, bad: float) -> None:
    x, w = make(library, [1.0, bad]), make(library, [1.0, 2.0])
    assert "NaN" in refusal(ValueError, convolve, x, w, method="fourier").found
    assert "NaN" in refusal(ValueError, convolve, w, x, method="fourier").found
    keywords = {"boundary": "constant", "value": bad}
    assert "NaN" in refusal(ValueError, convolve, w, w, method="fourier", **keywords).found
    if library == "numpy":
        refusal(ValueError, convolve, w.astype(np.longdouble), w, method="fourier")


@pytest.mark.usefixtures("idle")
def test_apply_and_plan_and_their_conventions() -> None:
    x, w = [1, 2, 3], [1, 0, 5]
    for call in (lambda c: apply(c, x, w), lambda c: plan(x, w, convention=c), lambda c: linear_operator(c, w, (3,))):
        assert "did you mean 'convolution'?" in refusal(ValueError, call, "convolutoin").fix
        assert "unknown fields 'sise'" in refusal(ValueError, call, {"sise": "full"}).found
        for value in (3, None, [1], np.ones(3)):
            refusal(TypeError, call, value)
        refusal(ValueError, call, Convention(stride=(1, 2)))
        refusal(ValueError, call, Convention(reversed_axes=(1,)))
    assert "no such keyword" in refusal(TypeError, apply, "convolution", x, w, size="full").found
    assert "no such keyword" in refusal(TypeError, plan, x, w, out=np.zeros(3, int)).found
    refusal(ValueError, plan, x, w, convention=Convention(boundary="edge"), value=3)
