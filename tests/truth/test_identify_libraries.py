"""`identify` on the functions of real libraries: what each was measured to compute, and how it stores its sums."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
import pytest

from convention import Convention
from convention.arithmetic import Frame, Layout
from convention.identification import identify

BORDERS = {
    "reflect": "half-sample",
    "nearest": "edge",
    "mirror": "whole-sample",
    "wrap": "periodic",
    "constant": "zero",
}


def assert_is(function: Any, ndim: int, *, opened: set[str] = frozenset(), **fields: Any) -> Any:  # type: ignore[assignment]
    """Assert what a function is, and which of its fields are open."""
    found = identify(function, ndim=ndim)
    assert found.convention is not None, found.verdict
    wanted = Convention(**fields)
    found_open = {name for name, field in found.fields.items() if field.state != "settled"} - {"value", "conjugate"}
    assert found_open == opened, {name: found.fields[name].reason for name in found_open}
    assert found.convention.canonical(ndim) == wanted.canonical(ndim)
    return found


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_numpy(mode: str) -> None:
    hidden = {"boundary"} if mode == "valid" else set()
    found = assert_is(lambda x, w: np.convolve(x, w, mode), 1, size=mode, opened=hidden)
    assert found.definition == "convolution"
    # the longer operand is the signal
    assert found.domain["differs"] or mode == "full"
    found = assert_is(
        lambda x, w: np.correlate(x, w, mode), 1, reversed_axes="none", size=mode, conjugate=True, opened=hidden
    )
    assert found.fields["conjugate"].state == "settled"


def test_numpy_stores_sums_in_the_promoted_type_and_wraps() -> None:
    arithmetic = identify(np.convolve, ndim=1).arithmetic
    assert arithmetic is not None
    assert (arithmetic.result, arithmetic.overflow, arithmetic.nan) == ("promoted", "wrap", "window")


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("name", ["convolve", "fftconvolve", "oaconvolve", "convolve2d"])
def test_scipy_signal(name: str, mode: str) -> None:
    signal = pytest.importorskip("scipy.signal", reason="measures scipy.signal")
    function = getattr(signal, name)
    hidden = {"boundary"} if mode == "valid" else set()
    found = assert_is(lambda x, w: function(x, w, mode), 2, size=mode, opened=hidden)
    assert found.definition == "convolution"


def test_a_fourier_transform_spreads_nan_everywhere() -> None:
    signal = pytest.importorskip("scipy.signal", reason="measures scipy.signal")
    assert identify(signal.fftconvolve, ndim=1).numbers["nan"].value == "everywhere"
    assert identify(signal.convolve2d, ndim=2).numbers["nan"].value == "window"


@pytest.mark.parametrize("boundary", ["fill", "wrap", "symm"])
def test_scipy_convolve2d_boundaries(boundary: str) -> None:
    signal = pytest.importorskip("scipy.signal", reason="measures scipy.signal")
    rule = {"fill": "constant", "wrap": "periodic", "symm": "half-sample"}[boundary]
    fields = {"size": "same", "boundary": rule, "value": 7 if boundary == "fill" else 0}
    assert_is(lambda x, w: signal.convolve2d(x, w, "same", boundary, 7), 2, **fields)


def test_scipy_lfilter_and_upfirdn() -> None:
    signal = pytest.importorskip("scipy.signal", reason="measures scipy.signal")
    assert_is(lambda x, w: signal.lfilter(w, [1.0], x), 1, size="causal")
    assert_is(lambda x, w: signal.upfirdn(w, x, up=3, down=2), 1, size="full", stride=2, upsample=3)


@pytest.mark.parametrize("mode", BORDERS)
def test_scipy_ndimage_modes_and_even_kernels(mode: str) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="measures scipy.ndimage")
    rule = BORDERS[mode]
    # an even kernel is centred differently by the two
    assert_is(lambda x, w: ndimage.convolve(x, w, mode=mode), 2, size="same-upper", boundary=rule)
    found = assert_is(
        lambda x, w: ndimage.correlate(x, w, mode=mode),
        2,
        reversed_axes="none",
        size="same",
        boundary=rule,
        conjugate=True,
    )
    assert found.arithmetic.result == "signal"
    assert found.arithmetic.rounding == "truncate"


def test_scipy_ndimage_origins_have_no_word_but_a_rule() -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="measures scipy.ndimage")
    found = identify(lambda x, w: ndimage.correlate(x, w, origin=1, mode="nearest"), ndim=1)
    assert found.convention is not None
    assert found.fields["size"].state == "open"
    assert found.fields["size"].reason == 'for kernels of 3 taps; in general "same" with +1 samples before and -1 after'
    for samples, taps in [(9, 3), (9, 4), (12, 7)]:
        there = found.at((samples,), (taps,))
        assert there is not None
        assert there.before_after((samples,), (taps,)) == ((taps // 2 + 1, (taps - 1) // 2 - 1),)


def test_scipy_ndimage_in_three_dimensions_with_a_constant() -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="measures scipy.ndimage")
    assert_is(
        lambda x, w: ndimage.convolve(x, w, mode="constant", cval=2.5),
        3,
        size="same-upper",
        boundary="constant",
        value=2.5,
    )


def test_opencv_in_floats_and_in_eight_bits() -> None:
    cv2 = pytest.importorskip("cv2", reason="measures OpenCV")
    same = {"reversed_axes": "none", "size": "same", "boundary": "whole-sample"}
    assert_is(lambda x, w: cv2.filter2D(x, -1, w), 2, **same)
    found = assert_is(lambda x, w: cv2.filter2D(x.astype(np.uint8), -1, w), 2, **same)
    assert (found.arithmetic.rounding, found.arithmetic.overflow) == ("half-even", "saturate")
    assert (found.arithmetic.result, found.fields["conjugate"].state) == ("uint8", "open")


def test_opencv_adds_delta_as_a_bias() -> None:
    cv2 = pytest.importorskip("cv2", reason="measures OpenCV")
    found = identify(lambda x, w: cv2.filter2D(x, -1, w, delta=3, borderType=cv2.BORDER_CONSTANT), ndim=2)
    assert (found.bias, found.fields["boundary"].value) == (3, ("zero", "zero"))


@pytest.mark.parametrize(
    ("arguments", "gain", "bias"), [((1,), "1", 0), ((1, 10), "1", 10), ((), "1/sum", 0), ((2,), "0.5", 0)]
)
def test_pillow_reverses_one_axis_copies_a_ring_and_rounds_up(arguments: Any, gain: str, bias: float) -> None:
    image = pytest.importorskip("PIL.Image", reason="measures Pillow")
    filters = pytest.importorskip("PIL.ImageFilter", reason="measures Pillow")

    def function(x: Any, w: Any) -> Any:
        kernel = filters.Kernel(w.shape[::-1], w.ravel().tolist(), *arguments)
        return np.asarray(image.fromarray(x).filter(kernel))

    found = identify(function, ndim=2)
    assert found.definition == "mixed"
    assert found.fields["reversed_axes"].value == (0,)
    assert found.frame == Frame(kind="copied")
    assert found.arithmetic is not None
    assert (found.arithmetic.gain, found.bias, found.arithmetic.rounding) == (gain, bias, "half-up")
    assert found.fields["boundary"].state == found.fields["size"].state == "open"
    assert {w for _, w in found.domain["probed"]} == {(3, 3), (5, 5)}


@pytest.fixture
def functional() -> Any:
    pytest.importorskip("torch", reason="measures torch")
    import torch.nn.functional

    return torch.nn.functional


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_torch_functionals_as_they_are(functional: Any, ndim: int) -> None:
    spatial = "DHW"[3 - ndim :]
    found = assert_is(
        getattr(functional, f"conv{ndim}d"), ndim, reversed_axes="none", size="valid", opened={"boundary"}
    )
    assert found.layout == Layout(signal=f"NC{spatial}", kernel=f"OI{spatial}", result=f"NC{spatial}")
    assert found.fields["conjugate"].value is False
    assert found.fields["conjugate"].state == "settled"
    found = assert_is(getattr(functional, f"conv_transpose{ndim}d"), ndim, size="full")
    assert found.layout == Layout(signal=f"NC{spatial}", kernel=f"IO{spatial}", result=f"NC{spatial}")


def test_torch_finds_the_number_of_axes_by_itself(functional: Any) -> None:
    assert [identify(getattr(functional, f"conv{n}d")).domain["ndim"] for n in (1, 2, 3)] == [1, 2, 3]


@pytest.mark.parametrize("padding", ["same", 2])
def test_torch_padding_and_steps(functional: Any, padding: Any) -> None:
    import torch

    def function(x: Any, w: Any) -> Any:
        x, w = torch.from_numpy(x)[None, None], torch.from_numpy(w)[None, None]
        return functional.conv2d(x, w, padding=padding, dilation=2)[0, 0]

    size = "same" if padding == "same" else ((2, 2), (2, 2))
    assert_is(function, 2, reversed_axes="none", size=size, dilation=2)


def test_torch_transposed_with_padding_has_a_rule_for_every_kernel(functional: Any) -> None:
    import torch

    def function(x: Any, w: Any) -> Any:
        x, w = torch.from_numpy(x)[None, None], torch.from_numpy(w)[None, None]
        return functional.conv_transpose1d(x, w, stride=2, padding=1, output_padding=1, dilation=3)[0, 0]

    found = identify(function, ndim=1)
    assert found.definition == "convolution"
    there = found.at((9,), (4,))
    assert there is not None
    assert there.canonical(1) == Convention(size=((8, 9),), upsample=2, dilation=3).canonical(1)


@pytest.mark.parametrize(
    ("mode", "rule"), [("zeros", "zero"), ("reflect", "whole-sample"), ("replicate", "edge"), ("circular", "periodic")]
)
def test_a_torch_layer_keeps_its_weight(mode: str, rule: str) -> None:
    torch = pytest.importorskip("torch", reason="measures torch")
    layer = torch.nn.Conv2d(2, 4, (3, 5), padding=(2, 4), stride=(1, 2), padding_mode=mode)
    weight, kept = layer.weight, layer.weight.detach().clone()
    found = identify(layer)
    assert layer.weight is weight
    assert torch.equal(layer.weight, kept)
    assert found.convention is not None, found.verdict
    wanted = Convention(reversed_axes="none", size=((2, 2), (4, 4)), boundary=rule, stride=(1, 2))
    shapes = (12, 13), (3, 5)
    assert found.convention.windows(*shapes) == wanted.windows(*shapes)
    assert (found.definition, found.fields["boundary"].value) == ("cross-correlation", (rule, rule))
    assert found.fields["size"].state == "open"
    assert found.bias == pytest.approx(layer.bias.detach()[0].item())
    assert found.layout == Layout(signal="NCHW", kernel="OIHW", result="NCHW")


@pytest.mark.parametrize("ndim", [1, 2])
def test_a_transposed_torch_layer(ndim: int) -> None:
    torch = pytest.importorskip("torch", reason="measures torch")
    found = identify(getattr(torch.nn, f"ConvTranspose{ndim}d")(1, 1, 3, stride=2, bias=False))
    assert (found.definition, found.fields["upsample"].value) == ("convolution", (2,) * ndim)


def test_a_torch_module_without_a_weight_is_a_function_of_the_signal() -> None:
    torch = pytest.importorskip("torch", reason="measures torch")

    class Smooth(torch.nn.Module):  # type: ignore[misc,name-defined]
        def forward(self, x: Any) -> Any:
            return torch.nn.functional.conv1d(x, torch.tensor([[[1.0, 2.0, 4.0]]]))

    found = identify(Smooth(), ndim=1)
    assert found.kernel is not None
    assert found.kernel.tolist() == [1, 2, 4]
    assert found.fields["reversed_axes"].state == "open"


def test_a_known_kernel_tells_the_definition() -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="measures scipy.ndimage")
    kernel = np.array([[1.0, 2, 0], [4, 5, 6], [7, 0, 9]])
    for function, definition in ((ndimage.convolve, "convolution"), (ndimage.correlate, "cross-correlation")):
        found = identify(lambda x: function(x, kernel, mode="wrap"), kernel=kernel)  # noqa: B023
        assert found.definition == definition
        assert found.fields["boundary"].value == ("periodic", "periodic")
        assert found.fields["size"].state == "open"
        assert found.convention is not None
        assert found.convention.before_after((9, 9), (3, 3)) == ((1, 1), (1, 1))


def test_a_symmetric_known_kernel_does_not() -> None:
    found = identify(lambda x: np.convolve(x, [1.0, 2.0, 1.0]), kernel=[1, 2, 1])
    assert found.definition == "undetermined"
    assert (
        found.fields["reversed_axes"].reason == "this kernel gives the same when it is reversed; another one would tell"
    )


def test_another_kernel_than_the_one_named_is_noticed() -> None:
    found = identify(lambda x: np.convolve(x, [1.0, 2.0, 5.0]), kernel=[1, 2, 4])
    assert found.verdict.startswith("undetermined because its answers to single samples, [5, 2, 1], are not made of")


def test_a_known_kernel_with_a_gain_steps_and_a_dilation() -> None:
    def function(x: Any) -> Any:
        spread = np.array([1.0, 0, 0, 2, 0, 0, 4])
        return np.convolve(np.pad(x, 6, mode="edge"), spread, "valid")[::2] / 7 + 3

    found = identify(function, kernel=[1, 2, 4])
    assert found.convention is not None, found.verdict
    assert found.definition == "convolution"
    assert (found.bias, found.arithmetic.gain) == (3, "1/sum")  # type: ignore[union-attr]
    convention = found.convention
    assert (convention.stride, convention.dilation, convention.boundary) == (2, 3, "edge")


def test_an_unknown_kernel_is_recovered_up_to_its_reversal() -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="measures scipy.ndimage")
    found = identify(lambda x: ndimage.correlate1d(x, [1.0, 2.0, 5.0, 0.0, 3.0], mode="mirror"), ndim=1)
    assert found.kernel is not None
    assert found.kernel.tolist() == [1, 2, 5, 0, 3]
    assert found.definition == "undetermined"
    assert {n for n, f in found.fields.items() if f.state == "open"} == {
        "reversed_axes",
        "dilation",
        "size",
        "conjugate",
    }
    assert found.fields["boundary"].value == ("whole-sample",)
    assert "knowing that kernel" in found.verdict


def test_a_long_unknown_kernel_in_two_dimensions() -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="measures scipy.ndimage")
    found = identify(lambda x: ndimage.gaussian_filter(x, 1.0), ndim=2)
    assert found.kernel is not None
    assert found.kernel.shape == (9, 9)
    assert found.fields["boundary"].value == ("half-sample", "half-sample")


def test_functions_that_take_only_some_kernels() -> None:
    signal = pytest.importorskip("scipy.signal", reason="measures scipy.signal")

    def only(condition: Any) -> Any:
        def function(x: Any, w: Any) -> Any:
            if not condition(w):
                raise ValueError("not this kernel")
            return signal.convolve2d(x, w, "same")

        return function

    odd = identify(only(lambda w: all(k % 2 for k in w.shape)), ndim=2)
    assert odd.definition == "convolution"
    assert odd.fields["size"].candidates == ("same", "same-lower", "same-upper")
    assert "which it refuses" in odd.fields["size"].reason

    three = identify(only(lambda w: w.shape == (3, 3)), ndim=2)
    assert (three.definition, three.fields["size"].state) == ("convolution", "open")

    positive = identify(only(lambda w: (w > 0).all()), ndim=2)
    assert (positive.definition, positive.domain["kernels"]) == ("convolution", "positive")

    sum_one = identify(only(lambda w: abs(w.sum() - 1) < 1e-9), ndim=2)
    assert (sum_one.definition, sum_one.domain["kernels"]) == ("convolution", "sum-one")

    symmetric = identify(only(lambda w: np.allclose(w, w[::-1, ::-1])), ndim=2)
    assert (symmetric.definition, symmetric.domain["kernels"]) == ("undetermined", "symmetric")
    assert symmetric.fields["reversed_axes"].state == "open"

    whole = identify(only(lambda w: (w == np.rint(w)).all()), ndim=2)
    assert whole.convention is None or whole.domain["kernels"] != "signed"


def test_only_the_kernels_that_were_given_are_tried() -> None:
    given = [np.array([1.0, 2.0, 4.0]), np.array([3.0, 1.0, 0.0, 7.0])]
    seen = []

    def function(x: Any, w: Any) -> Any:
        seen.append(w.tolist())
        return np.convolve(x, w, "same")

    found = identify(function, kernels=given)
    assert found.definition == "convolution"
    assert {tuple(w) for w in seen} == {tuple(k) for k in given}
    assert found.fields["size"].value == ("same",)


def test_only_the_sizes_that_were_given_are_tried() -> None:
    seen = set()

    def function(x: Any, w: Any) -> Any:
        seen.add((x.shape, w.shape))
        return np.convolve(x, w, "same")

    found = identify(function, sizes=[((20,), (3,)), ((21,), (4,))])
    assert found.definition == "convolution"
    assert {w for _, w in seen} == {(3,), (4,)}


def test_gains() -> None:
    for gain, text in [
        (lambda w: 1 / w.sum(), "1/sum"),
        (lambda w: 1 / np.abs(w).sum(), "1/abs sum"),
        (lambda w: 0.25, "0.25"),
    ]:
        found = identify(lambda x, w: gain(w) * np.convolve(x, w), ndim=1)  # noqa: B023
        assert found.arithmetic is not None, found.verdict
        assert (found.arithmetic.gain, found.definition) == (text, "convolution")


def test_a_ring_that_is_filled() -> None:
    signal = pytest.importorskip("scipy.signal", reason="measures scipy.signal")

    def function(x: Any, w: Any) -> Any:
        return np.pad(
            signal.convolve2d(x, w, "valid"), [(k // 2, k - 1 - k // 2) for k in w.shape], constant_values=np.nan
        )

    found = identify(function, ndim=2)
    assert found.frame is not None
    assert found.frame.kind == "filled"
    assert np.isnan(found.frame.value)
    assert found.definition == "convolution"


def test_a_narrow_integer_type_wraps_and_casts_the_kernel() -> None:
    def function(x: Any, w: Any) -> Any:
        if x.dtype != np.uint8:
            raise TypeError("8 bits only")
        return np.convolve(x, w.astype(np.int64).astype(np.uint8))

    found = identify(function, ndim=1)
    assert found.arithmetic is not None, found.verdict
    assert (found.arithmetic.overflow, found.arithmetic.kernel, found.definition) == ("wrap", "signal", "convolution")
    assert found.domain["types"] == ("uint8", "float64")


@pytest.mark.parametrize("name", ["convolve2d", "fftconvolve"])
def test_it_takes_less_than_a_second(name: str) -> None:
    signal = pytest.importorskip("scipy.signal", reason="measures scipy.signal")
    function = getattr(signal, name)
    times = []
    for _ in range(3):
        start = perf_counter()
        identify(function, ndim=2)
        times.append(perf_counter() - start)
    assert min(times) < 1.0


def test_a_circular_correlation_reads_no_sample_before():
    def circular(x, k):
        return np.fft.irfft(np.fft.rfft(x) * np.conj(np.fft.rfft(k, len(x))), len(x))

    found = identify(circular, ndim=1)
    assert found.definition == "cross-correlation"
    assert found.fields["boundary"].value == ("periodic",)
    assert found.fields["size"].candidates == ("of no samples before and D-1 after (D: the kernel's extent)",)
    assert [found.at((20,), (k,)).before_after((20,), (k,)) for k in (3, 4, 7)] == [((0, k - 1),) for k in (3, 4, 7)]


def test_halves_below_zero_tell_rounding_up_from_rounding_away() -> None:
    def rounded(rule):
        def function(x, k):
            sums = np.convolve(x.astype(float), k, "same")[: len(x)]
            return rule(sums).astype(x.dtype) if x.dtype.kind in "iu" else sums

        return identify(function, ndim=1).arithmetic.rounding

    assert rounded(lambda sums: np.trunc(sums + np.copysign(0.5, sums))) == "half-away"
    assert rounded(lambda sums: np.floor(sums + 0.5)) == "half-up"
    assert rounded(np.rint) == "half-even"
    assert rounded(np.floor) == "floor"
    assert rounded(np.trunc) == "truncate"


def test_a_kernel_that_reversal_negates_leaves_the_gain_open() -> None:
    sobel = np.array([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])
    for function in (scipy_ndimage().convolve, scipy_ndimage().correlate):
        found = identify(lambda x, function=function: function(x, sobel), ndim=2, kernel=sobel)
        assert found.fields["reversed_axes"].state == found.numbers["gain"].state == "open"
        assert "negated when it is reversed" in found.verdict
        assert "times" not in found.verdict


def scipy_ndimage():
    return pytest.importorskip("scipy.ndimage", reason="measures scipy.ndimage")
