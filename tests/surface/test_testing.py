"""`assert_convention` accepts what follows the convention and refuses each way of not following it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convention import CONVOLUTION, CROSS_CORRELATION, Convention, apply
from convention.errors import ConventionTypeError, ConventionValueError
from convention.testing import assert_convention

NONE = {"reversed_axes": "none"}


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_numpys_functions(mode: Any) -> None:
    assert_convention(lambda x, w: np.convolve(x, w, mode), Convention(size=mode), ndim=1)
    correlation = Convention(reversed_axes="none", size=mode, conjugate=True)
    assert_convention(lambda x, w: np.correlate(x, w, mode), correlation, ndim=1)
    for function in (np.convolve, np.correlate):
        other = correlation if function is np.convolve else Convention(size=mode)
        with pytest.raises(AssertionError, match="outputs differ"):
            assert_convention(lambda x, w, function=function: function(x, w, mode), other, ndim=1)


@pytest.mark.parametrize("size", ["full", "same", "valid"])
@pytest.mark.parametrize(("boundary", "word"), [("fill", "zero"), ("symm", "half-sample"), ("wrap", "periodic")])
def test_scipys_signal_functions(size: str, boundary: str, word: str) -> None:
    signal = pytest.importorskip("scipy.signal", reason="about SciPy's functions")
    convolution = Convention(size=size, boundary=word)
    assert_convention(lambda x, w: signal.convolve2d(x, w, size, boundary), convolution)
    # "same" of correlate2d begins one sample later for even kernels: tests/truth/test_libraries.py
    upper = "same-upper" if size == "same" else size
    correlation = Convention(reversed_axes="none", size=upper, boundary=word, conjugate=True)
    assert_convention(lambda x, w: signal.correlate2d(x, w, size, boundary), correlation)
    with pytest.raises(AssertionError):
        assert_convention(lambda x, w: signal.correlate2d(x, w, size, boundary), convolution)


MODES = [
    ("constant", "zero"),
    ("nearest", "edge"),
    ("reflect", "half-sample"),
    ("mirror", "whole-sample"),
    ("wrap", "periodic"),
]


@pytest.mark.parametrize(("mode", "word"), MODES)
def test_scipys_ndimage_functions(mode: str, word: str) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="about SciPy's functions")
    for ndim in (1, 2):
        assert_convention(
            lambda x, w: ndimage.convolve(x, w, mode=mode), Convention(size="same-upper", boundary=word), ndim=ndim
        )
        assert_convention(lambda x, w: ndimage.correlate(x, w, mode=mode), Convention(**NONE, boundary=word), ndim=ndim)
        with pytest.raises(AssertionError, match="outputs differ"):  # only even kernels tell
            assert_convention(
                lambda x, w: ndimage.convolve(x, w, mode=mode), Convention(size="same", boundary=word), ndim=ndim
            )
        for other in {word for _, word in MODES} - {word}:
            with pytest.raises(AssertionError, match="outputs differ"):
                assert_convention(
                    lambda x, w: ndimage.correlate(x, w, mode=mode), Convention(**NONE, boundary=other), ndim=ndim
                )


def test_a_fourier_transform_needs_a_tolerance() -> None:
    signal = pytest.importorskip("scipy.signal", reason="about SciPy's functions")
    full = Convention(size="full")
    assert_convention(signal.fftconvolve, full, tolerance=1e-9)
    with pytest.raises(AssertionError):
        assert_convention(signal.fftconvolve, full)
    assert_convention(lambda x, w: signal.lfilter(w, 1, x), Convention(size="causal"), ndim=1, tolerance=1e-9)


def test_torchs_functions() -> None:
    torch = pytest.importorskip("torch", reason="about torch's functions")

    def conv(x: Any, w: Any, **keywords: Any) -> Any:
        return torch.nn.functional.conv2d(*(torch.from_numpy(a)[None, None] for a in (x, w)), **keywords)[0, 0]

    def transposed(x: Any, w: Any) -> Any:
        x, w = (torch.from_numpy(a)[None, None] for a in (x, w))
        return torch.nn.functional.conv_transpose2d(x, w, stride=2, padding=1)[0, 0]

    cases: list[tuple[Any, dict[str, Any]]] = [
        ({"padding": (1, 2)}, {"size": ((1, 1), (2, 2))}),
        ({"padding": "valid", "stride": 2}, {"size": "valid", "stride": 2}),
        ({"padding": (1, 2), "dilation": (2, 1)}, {"size": ((1, 1), (2, 2)), "dilation": (2, 1)}),
    ]
    for keywords, fields in cases:
        assert_convention(lambda x, w, k=keywords: conv(x, w, **k), Convention(**NONE, **fields))
        with pytest.raises(AssertionError):
            assert_convention(lambda x, w, k=keywords: conv(x, w, **k), Convention(**fields))
    for k in (3, 4):
        convention = Convention(upsample=2, size=((k - 2, k - 2),) * 2)
        assert_convention(transposed, convention, shapes=[((5, 6), (k, k))])


@pytest.mark.parametrize(
    ("flag", "word"),
    [("BORDER_CONSTANT", "zero"), ("BORDER_REFLECT", "half-sample"), ("BORDER_DEFAULT", "whole-sample")],
)
def test_opencvs_filter2d(flag: str, word: str) -> None:
    cv2 = pytest.importorskip("cv2", reason="about OpenCV's function")
    border = getattr(cv2, flag)
    assert_convention(lambda x, w: cv2.filter2D(x, -1, w, borderType=border), Convention(**NONE, boundary=word))
    with pytest.raises(AssertionError):
        assert_convention(lambda x, w: cv2.filter2D(x, -1, w, borderType=border), Convention(boundary=word))


WRONG = [
    ({"reversed_axes": "all"}, {"reversed_axes": "none"}),
    ({"reversed_axes": "all"}, {"reversed_axes": (0,)}),
    ({"reversed_axes": "none"}, {"reversed_axes": (1,)}),
    ({"size": "same"}, {"size": "same-upper"}),
    ({"size": "same"}, {"size": "full"}),
    ({"size": "causal"}, {"size": "same"}),
    ({"size": ((1, 1), (1, 1))}, {"size": ((1, 1), (2, 0))}),
    ({"size": "same-lower", "stride": 3}, {"size": "same-upper", "stride": 3}),
    ({"size": "same", "stride": 2}, {"size": "same-lower", "stride": 2}),
    *(({"boundary": a}, {"boundary": b}) for a in ("zero", "edge", "half-sample", "whole-sample", "periodic")
      for b in ("zero", "edge", "half-sample", "whole-sample", "periodic") if a < b),
    ({"boundary": ("edge", "zero")}, {"boundary": ("zero", "edge")}),
    ({"boundary": "constant", "value": 2}, {"boundary": "constant", "value": 3}),
    ({"boundary": ("constant", "edge"), "value": 2}, {"boundary": ("edge", "constant"), "value": 2}),
    ({"stride": 1}, {"stride": 2}),
    ({"stride": (1, 2)}, {"stride": (2, 1)}),
    ({"size": "valid", "dilation": 1}, {"size": "valid", "dilation": 2}),
    ({"dilation": 1}, {"dilation": 2}),
    ({"upsample": 1}, {"upsample": 2}),
    ({"size": ((3, 3), (3, 3)), "upsample": 2}, {"size": ((3, 3), (3, 3)), "upsample": 2, "stride": 2}),
    ({"conjugate": False}, {"conjugate": True}),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong"), WRONG, ids=str)
def test_one_wrong_field_is_refused_both_ways(right: dict[str, Any], wrong: dict[str, Any]) -> None:
    first, second = Convention(**right), Convention(**wrong)

    def computes(convention: Convention) -> Any:
        return lambda x, w: apply(convention, x, w, method="direct")

    assert_convention(computes(first), first)
    assert_convention(computes(second), second)
    with pytest.raises(AssertionError, match="instead of"):
        assert_convention(computes(first), second)
    if not first.conjugate and second.conjugate:
        return  # its probes for a convention that does not conjugate are real
    with pytest.raises(AssertionError, match="instead of"):
        assert_convention(computes(second), first)


def same(x: Any, w: Any) -> Any:
    return apply(CONVOLUTION, x, w, method="direct")


def with_nan(x: Any, w: Any) -> Any:
    y = same(x, w)
    y[-1, -1] = np.nan
    return y


def into_the_signal(x: Any, w: Any) -> Any:
    x[...] = same(x, w)
    return x


def reverses_the_kernel_in_place(x: Any, w: Any) -> Any:
    y = same(x, w)
    w[...] = np.flip(w)
    return y


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x, w: same(x, w)[:-1], r"shape \(6, 9\) instead of \(7, 9\)"),
        (lambda x, w: same(x, w).T, r"shape \(9, 7\) instead of \(7, 9\)"),
        (lambda x, w: same(x, w)[None], "shape"),
        (lambda x, w: 0.0, r"shape \(\)"),
        (lambda x, w: None, r"shape \(\)"),
        (with_nan, r"1 of 63 outputs differ, the first at \(6, 8\): nan instead of"),
        (lambda x, w: same(x, w) * np.nan, "63 of 63"),
        (lambda x, w: -same(x, w), "outputs differ"),
        (lambda x, w: same(x, w) + 1e-9, "outputs differ"),
        (lambda x, w: same(x, w).astype(np.int8), "outputs differ"),
        (into_the_signal, "changed its signal"),
        (reverses_the_kernel_in_place, "changed its kernel"),
    ],
)
def test_other_wrong_results_are_refused(function: Any, message: str) -> None:
    assert_convention(same, CONVOLUTION)
    with pytest.raises(AssertionError, match=message) as caught:
        assert_convention(function, CONVOLUTION)
    assert "signal (7, 9), kernel (3, 4)" in str(caught.value)


def test_its_own_arguments() -> None:
    assert_convention(
        lambda x, w: apply(CROSS_CORRELATION, x, w, method="direct"),
        "cross-correlation",
        shapes=[((3, 4, 5), (2, 3, 4))],
    )
    assert_convention(lambda x, w: same(x, w) + 0.25, "convolution", tolerance=0.25)
    with pytest.raises(AssertionError):
        assert_convention(lambda x, w: same(x, w) + 0.25, "convolution", tolerance=0.2)
    seen = []
    assert_convention(lambda x, w: (seen.append((x.shape, w.shape)), same(x, w))[1], CONVOLUTION, shapes=[((5,), (2,))])
    assert seen == [((5,), (2,))]
    with pytest.raises(ConventionValueError, match="no shapes"):
        assert_convention(same, CONVOLUTION, shapes=[])
    with pytest.raises(ConventionValueError, match="did you mean 'convolution'"):
        assert_convention(same, "convolutoin")
    with pytest.raises(ConventionTypeError):
        assert_convention(same, None)  # type: ignore[arg-type]


def test_the_probes_tell_reversals_apart() -> None:
    kernels = []
    assert_convention(lambda x, w: (kernels.append(w), same(x, w))[1], CONVOLUTION, ndim=2)
    assert len(kernels) == 6
    for kernel in kernels:
        others = [np.flip(kernel, axes) for axes in (0, 1, (0, 1))]
        assert not any(np.array_equal(abs(kernel), abs(other)) for other in others)
        assert len(np.unique(abs(kernel))) == kernel.size
