"""The oracle against the libraries themselves: each test states the `Convention` that an operator was measured to be.

Data are integers (or complex integers) held in the library's own type, so equality is exact. Kernels
have distinct taps: reversed or moved by one, they give another answer.
"""

from itertools import product

import numpy as np
import pytest

from convention.boundary import OUTSIDE, index_map
from convention.definition import Convention
from convention.reference import compute

LENGTHS = [(1, 1), (5, 1), (5, 2), (5, 3), (6, 3), (6, 4), (5, 5), (6, 6)]  # (N, K), K <= N
LONGER = [(1, 2), (3, 4), (2, 5), (4, 7)]  # K > N
SHAPES = [((5, 4), (3, 2)), ((4, 5), (2, 3)), ((5, 7), (4, 3)), ((4, 6), (2, 4)), ((2, 3), (4, 5))]


def distinct(shape, seed=0):
    """Integers that all differ, in no order: no symmetry along any axis."""
    return np.random.default_rng((seed, *shape)).permutation(np.arange(1, np.prod(shape) + 1)).reshape(shape)


def gaussian(shape):
    """Complex integers that all differ."""
    return distinct(shape, 1) + 1j * distinct(shape, 2)


def pair(signal_shape, kernel_shape):
    return distinct(signal_shape, 1).astype(float), distinct(kernel_shape, 2).astype(float)


def assert_same(result, convention, signal, kernel):
    """Hold a library's result against the oracle: shape and every number, exactly."""
    expected = compute(convention, signal, kernel)
    result = np.asarray(result)
    assert result.shape == expected.shape, f"{result.shape} != {expected.shape} for {convention!r}"
    assert result.tolist() == expected.tolist(), repr(convention)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("n", "k"), LENGTHS)
def test_numpy_convolve_is_the_default_of_that_size(n, k, mode):
    x, w = distinct((n,)), distinct((k,), 2)
    assert_same(np.convolve(x, w, mode), Convention(size=mode), x, w)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("n", "k"), LONGER)
def test_numpy_convolve_swaps_a_kernel_longer_than_the_signal(n, k, mode):
    x, w = distinct((n,)), distinct((k,), 2)
    assert_same(np.convolve(x, w, mode), Convention(size=mode), w, x)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("n", "k"), LENGTHS)
def test_numpy_correlate_is_a_conjugating_cross_correlation(n, k, mode):
    x, w = gaussian((n,)), gaussian((k,)) * (1 - 2j)
    convention = Convention(reversed_axes="none", size=mode, conjugate=True)
    assert_same(np.correlate(x, w, mode), convention, x, w)


PADS = {
    "constant": "constant",
    "edge": "edge",
    "symmetric": "half-sample",
    "reflect": "whole-sample",
    "wrap": "periodic",
}


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("mode", PADS)
def test_numpy_pad_continues_a_signal_as_index_map_and_oracle_do(mode, n):
    before, after, rule = 11, 13, PADS[mode]
    extra = {"constant_values": -7} if mode == "constant" else {}
    x = distinct((n,)) * 3
    padded = np.pad(x, (before, after), mode=mode, **extra)
    value = -7 if rule == "constant" else 0
    assert_same(padded, Convention(size=((before, after),), boundary=rule, value=value), x, [1])
    indices = index_map(rule, np.arange(-before, n + after), n)
    assert np.where(indices == OUTSIDE, -7, x[indices]).tolist() == padded.tolist()


def test_index_map_of_zero_has_constants_outside():
    assert index_map("zero", np.arange(-2, 4), 2).tolist() == [OUTSIDE, OUTSIDE, 0, 1, OUTSIDE, OUTSIDE]


@pytest.mark.parametrize(("first", "second"), list(product(PADS, repeat=2)))
def test_numpy_pad_axis_by_axis_gives_the_corners_of_the_oracle(first, second):
    x = distinct((2, 3))
    rows = np.pad(x, ((3, 2), (0, 0)), mode=first, **({"constant_values": -5} if first == "constant" else {}))
    both = np.pad(rows, ((0, 0), (4, 5)), mode=second, **({"constant_values": -9} if second == "constant" else {}))
    value = (-5 if first == "constant" else 0, -9 if second == "constant" else 0)
    convention = Convention(size=((3, 2), (4, 5)), boundary=(PADS[first], PADS[second]), value=value)
    assert_same(both, convention, x, [[1]])


def test_numpy_pad_with_a_constant_per_axis_lets_the_later_axis_win():
    x = distinct((2, 3))
    padded = np.pad(x, ((1, 2), (2, 1)), constant_values=((-5, -5), (-9, -9)))
    assert_same(padded, Convention(size=((1, 2), (2, 1)), boundary="constant", value=(-5, -9)), x, [[1]])


@pytest.fixture
def signal():
    return pytest.importorskip("scipy.signal", reason="compares with scipy.signal")


@pytest.mark.parametrize(("mode", "n", "k"), [*product(["full", "same"], [1, 2, 5, 6], [1, 2, 3, 4, 7])])
def test_scipy_convolve_and_correlate_centre_on_the_signal(signal, mode, n, k):
    x, w = gaussian((n,)), gaussian((k,)) * (1 - 2j)
    assert_same(signal.convolve(x, w, mode, method="direct"), Convention(size=mode), x, w)
    conjugating = Convention(reversed_axes="none", size=mode, conjugate=True)
    assert_same(signal.correlate(x, w, mode, method="direct"), conjugating, x, w)


@pytest.mark.parametrize(("n", "k"), SHAPES[:4])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_scipy_convolve_and_correlate_in_two_dimensions(signal, mode, n, k):
    x, w = pair(n, k)
    assert_same(signal.convolve(x, w, mode, method="direct"), Convention(size=mode), x, w)
    assert_same(signal.correlate(x, w, mode, method="direct"), Convention(reversed_axes="none", size=mode), x, w)


FILLS = {"fill": "constant", "wrap": "periodic", "symm": "half-sample"}


@pytest.mark.parametrize("boundary", FILLS)
@pytest.mark.parametrize(
    ("mode", "n", "k"),
    [(mode, *one) for mode, one in product(["full", "same", "valid"], SHAPES) if mode != "valid" or one[0] >= one[1]],
)
def test_scipy_2d_functions_differ_in_their_even_anchor(signal, mode, boundary, n, k):
    """convolve2d "same" is ``same``; correlate2d "same" is ``same-upper`` (before is floor, not ceil)."""
    x, w = pair(n, k)
    rule = {"boundary": FILLS[boundary], "value": 7 if boundary == "fill" else 0}
    call = {"mode": mode, "boundary": boundary, "fillvalue": 7}
    assert_same(signal.convolve2d(x, w, **call), Convention(size=mode, **rule), x, w)
    upper = "same-upper" if mode == "same" else mode
    assert_same(signal.correlate2d(x, w, **call), Convention(reversed_axes="none", size=upper, **rule), x, w)


def test_scipy_2d_functions_conjugate_in_correlation_only(signal):
    x, w = gaussian((4, 5)), gaussian((2, 3)) * (1 - 2j)
    assert_same(signal.convolve2d(x, w), Convention(size="full"), x, w)
    assert_same(signal.correlate2d(x, w), Convention(reversed_axes="none", size="full", conjugate=True), x, w)


UPFIRDN = {
    "constant": "zero",
    "edge": "edge",
    "symmetric": "half-sample",
    "reflect": "whole-sample",
    "wrap": "periodic",
}


@pytest.mark.parametrize("mode", UPFIRDN)
@pytest.mark.parametrize(("up", "down"), list(product([1, 2, 3], [1, 2, 3, 5])))
@pytest.mark.parametrize(("n", "k"), [(5, 4), (6, 3), (3, 1), (2, 5)])
def test_scipy_upfirdn_is_a_full_convolution_that_extends_before_it_inserts_zeros(signal, mode, up, down, n, k):
    x, w = pair((n,), (k,))
    convention = Convention(size="full", upsample=up, stride=down, boundary=UPFIRDN[mode])
    assert_same(signal.upfirdn(w, x, up=up, down=down, mode=mode), convention, x, w)


@pytest.mark.parametrize(("n", "k"), LENGTHS + LONGER)
def test_scipy_lfilter_with_taps_only_is_causal(signal, n, k):
    x, w = pair((n,), (k,))
    assert_same(signal.lfilter(w, [1.0], x), Convention(size="causal"), x, w)


NDIMAGE = {
    "reflect": "half-sample",
    "grid-mirror": "half-sample",
    "mirror": "whole-sample",
    "nearest": "edge",
    "wrap": "periodic",
    "grid-wrap": "periodic",
    "constant": "constant",
    "grid-constant": "constant",
}


@pytest.fixture
def ndimage():
    return pytest.importorskip("scipy.ndimage", reason="compares with scipy.ndimage")


@pytest.mark.parametrize("mode", NDIMAGE)
@pytest.mark.parametrize(("n", "k"), [*SHAPES, ((5,), (3,)), ((6,), (4,)), ((2,), (7,)), ((3, 2, 4), (2, 3, 2))])
def test_scipy_ndimage_even_kernels_lean_left_in_convolve_and_right_in_correlate(ndimage, mode, n, k):
    """Correlate is ``same`` (before = K//2); convolve is ``same-upper`` (before = (K-1)//2)."""
    x, w = pair(n, k)
    rule = {"boundary": NDIMAGE[mode], "value": 7 if "constant" in mode else 0}
    correlation = Convention(reversed_axes="none", size="same", **rule)
    assert_same(ndimage.correlate(x, w, mode=mode, cval=7), correlation, x, w)
    assert_same(ndimage.convolve(x, w, mode=mode, cval=7), Convention(size="same-upper", **rule), x, w)


@pytest.mark.parametrize(("k", "origin"), [(3, -1), (3, 1), (4, -2), (4, -1), (4, 1), (5, 2)])
def test_scipy_ndimage_origin_moves_the_window(ndimage, k, origin):
    """Positive: correlate's window moves left (more before), convolve's right."""
    x, w = pair((6,), (k,))
    before = k // 2 + origin
    assert_same(
        ndimage.correlate1d(x, w, mode="nearest", origin=origin),
        Convention(reversed_axes="none", size=((before, k - 1 - before),), boundary="edge"),
        x,
        w,
    )
    before = (k - 1) // 2 - origin
    if before >= 0:  # convolve allows one origin less on this side
        assert_same(
            ndimage.convolve1d(x, w, mode="nearest", origin=origin),
            Convention(size=((before, k - 1 - before),), boundary="edge"),
            x,
            w,
        )


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="compares with torch")


def in_torch(torch, function, x, w, **options):
    """Call a functional convolution on one sample of one channel, in float64."""
    one = [torch.as_tensor(array).reshape(1, 1, *array.shape) for array in (x, w)]
    return function(*one, **options)[0, 0].numpy()


@pytest.mark.parametrize(("stride", "dilation", "padding"), list(product([1, 2, 3], [1, 2], [0, 1, 3])))
@pytest.mark.parametrize(("n", "k"), [(7, 3), (8, 4), (6, 1)])
def test_torch_conv1d_is_a_cross_correlation(torch, stride, dilation, padding, n, k):
    x, w = pair((n,), (k,))
    steps = {"stride": stride, "dilation": dilation}
    convention = Convention(reversed_axes="none", size=((padding, padding),), **steps)
    assert_same(in_torch(torch, torch.nn.functional.conv1d, x, w, padding=padding, **steps), convention, x, w)


@pytest.mark.parametrize("name", ["conv2d", "conv3d"])
def test_torch_conv2d_and_conv3d_take_every_option_per_axis(torch, name):
    ndim = int(name[4])
    x, w = pair((4, 7, 6)[-ndim:], (2, 3, 4)[-ndim:])
    options = {"stride": (1, 2, 3)[-ndim:], "dilation": (2, 1, 2)[-ndim:], "padding": (1, 0, 2)[-ndim:]}
    convention = Convention(
        reversed_axes="none",
        size=tuple((p, p) for p in options["padding"]),
        stride=options["stride"],
        dilation=options["dilation"],
    )
    assert_same(in_torch(torch, getattr(torch.nn.functional, name), x, w, **options), convention, x, w)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize(("padding", "dilation"), [("same", 1), ("same", 2), ("same", 3), ("valid", 1)])
@pytest.mark.parametrize(("n", "k"), SHAPES[:4])
def test_torch_padding_words_are_same_upper_and_valid(torch, padding, dilation, n, k):
    x, w = pair(n, k)
    size = "same-upper" if padding == "same" else "valid"
    convention = Convention(reversed_axes="none", size=size, dilation=dilation)
    result = in_torch(torch, torch.nn.functional.conv2d, x, w, padding=padding, dilation=dilation)
    assert_same(result, convention, x, w)


def test_torch_complex_convolution_does_not_conjugate(torch):
    x, w = gaussian((5,)), gaussian((3,)) * (1 - 2j)
    result = in_torch(torch, torch.nn.functional.conv1d, x, w)
    assert_same(result, Convention(reversed_axes="none", size="valid"), x, w)


@pytest.mark.parametrize(("stride", "dilation", "padding"), list(product([1, 2, 3], [1, 2], [0, 1, 2])))
@pytest.mark.parametrize(("n", "k"), [(4, 3), (5, 4), (4, 2)])
def test_torch_conv_transpose1d_is_an_upsampled_convolution(torch, stride, dilation, padding, n, k):
    """Before = dilation*(K-1) - padding; output_padding adds to what is after."""
    x, w = pair((n,), (k,))
    before = dilation * (k - 1) - padding
    for extra in range(max(stride, dilation)):
        convention = Convention(size=((before, before + extra),), dilation=dilation, upsample=stride)
        options = {"stride": stride, "dilation": dilation, "padding": padding, "output_padding": extra}
        assert_same(in_torch(torch, torch.nn.functional.conv_transpose1d, x, w, **options), convention, x, w)


def test_torch_conv_transpose2d_takes_every_option_per_axis(torch):
    x, w = pair((3, 4), (4, 3))
    options = {"stride": (2, 3), "padding": (1, 2), "output_padding": (1, 0), "dilation": (1, 2)}
    convention = Convention(size=((2, 3), (2, 2)), upsample=(2, 3), dilation=(1, 2))
    assert_same(in_torch(torch, torch.nn.functional.conv_transpose2d, x, w, **options), convention, x, w)


TORCH_MODES = {"zeros": "zero", "reflect": "whole-sample", "replicate": "edge", "circular": "periodic"}


@pytest.mark.parametrize("mode", TORCH_MODES)
@pytest.mark.parametrize(("n", "k"), SHAPES[:4])
def test_torch_conv2d_padding_modes(torch, mode, n, k):
    x, w = pair(n, k)
    padding = (k[0] // 2, k[1] - 1)
    layer = torch.nn.Conv2d(1, 1, k, stride=(1, 2), padding=padding, padding_mode=mode, bias=False, dtype=torch.float64)
    layer.weight.data[0, 0] = torch.as_tensor(w)
    size = tuple((p, p) for p in padding)
    convention = Convention(reversed_axes="none", size=size, stride=(1, 2), boundary=TORCH_MODES[mode])
    assert_same(layer(torch.as_tensor(x)[None, None]).detach()[0, 0].numpy(), convention, x, w)


CV2_BORDERS = {
    "BORDER_CONSTANT": "zero",
    "BORDER_REPLICATE": "edge",
    "BORDER_REFLECT": "half-sample",
    "BORDER_REFLECT_101": "whole-sample",
}


@pytest.mark.parametrize("border", CV2_BORDERS)
@pytest.mark.parametrize(("n", "k"), [*SHAPES, ((6, 5), (1, 4)), ((6, 5), (4, 1))])
def test_opencv_filter2d_is_a_cross_correlation_of_size_same(border, n, k):
    cv2 = pytest.importorskip("cv2", reason="compares with OpenCV")
    x, w = pair(n, k)
    result = cv2.filter2D(x, cv2.CV_64F, w, borderType=getattr(cv2, border))
    assert_same(result, Convention(reversed_axes="none", boundary=CV2_BORDERS[border]), x, w)


def test_opencv_anchor_is_before_with_the_column_first():
    cv2 = pytest.importorskip("cv2", reason="compares with OpenCV")
    x, w = pair((6, 7), (4, 3))
    result = cv2.filter2D(x, cv2.CV_64F, w, anchor=(0, 3), borderType=cv2.BORDER_REPLICATE)
    assert_same(result, Convention(reversed_axes="none", size=((3, 0), (0, 2)), boundary="edge"), x, w)


@pytest.mark.parametrize("word", ["same-lower", "same-upper"])
@pytest.mark.parametrize(("n", "k"), [(5, 3), (6, 3), (6, 4), (7, 2), (6, 5)])
def test_onnx_auto_pad_with_a_stride(word, n, k):
    helper = pytest.importorskip("onnx.helper", reason="builds an ONNX model")
    runtime = pytest.importorskip("onnxruntime", reason="compares with ONNX Runtime")
    x, w = pair((n,), (k,))
    for stride in (1, 2, 3, 4):
        node = helper.make_node("Conv", ["x", "w"], ["y"], auto_pad=word.upper().replace("-", "_"), strides=[stride])
        ends = [helper.make_tensor_value_info(name, 1, None) for name in "xwy"]
        model = helper.make_model(helper.make_graph([node], "one", ends[:2], ends[2:]), ir_version=8)
        del model.opset_import[:]
        model.opset_import.append(helper.make_opsetid("", 13))
        session = runtime.InferenceSession(model.SerializeToString())
        feeds = {"x": x[None, None].astype(np.float32), "w": w[None, None].astype(np.float32)}
        result = session.run(None, feeds)[0][0, 0]
        assert_same(result, Convention(reversed_axes="none", size=word, stride=stride), x, w)


@pytest.mark.parametrize(
    "wrong",
    [
        {"reversed_axes": "none"},
        {"size": "same-upper"},
        {"size": "valid"},
        {"boundary": "edge"},
        {"stride": 2},
        {"dilation": 2},
        {"upsample": 2},
    ],
)
def test_comparison_refuses_a_wrong_convention(wrong):
    x, w = distinct((6,)), distinct((4,), 2)
    assert_same(np.convolve(x, w, "same"), Convention(), x, w)
    with pytest.raises(AssertionError):
        assert_same(np.convolve(x, w, "same"), Convention(**wrong), x, w)


def test_comparison_refuses_a_missing_conjugation():
    x, w = gaussian((5,)), gaussian((3,))
    with pytest.raises(AssertionError):
        assert_same(np.correlate(x, w, "same"), Convention(reversed_axes="none"), x, w)
