"""The layers of torch made from a kernel, held against published sums, the oracle and torch itself."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from convention.definition import Convention
from convention.reference import compute

torch = pytest.importorskip("torch", reason="these layers are torch's")

from convention.layers.torch import new_conv2d_with_kernel, new_conv_with_kernel  # noqa: E402

PICTURE = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
NINE = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
TEXT_KERNEL = [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]
TEXT_RESULT = [[-13, -20, -17], [-18, -24, -18], [13, 20, 17]]

RUNS = {
    "the well-known picture": (PICTURE, [[1, 0, 1], [0, 1, 0], [1, 0, 1]], 0, [[4, 3, 4], [2, 4, 3], [2, 3, 4]]),
    "the mathematical text's numbers": (NINE, TEXT_KERNEL, 1, [[13, 20, 17], [18, 24, 18], [-13, -20, -17]]),
    "the kernel reversed on each axis": (NINE, [[1, 2, 1], [0, 0, 0], [-1, -2, -1]], 1, TEXT_RESULT),
}
"""Signal, kernel, padding and exact result of the published experiment's runs 1, 2 and 3."""

UNDER_1234 = [[37, 47], [67, 77]]
"""NINE under the kernel [[1, 2], [3, 4]]: 1*1 + 2*2 + 4*3 + 5*4 = 37 comes first."""

PUBLISHED_BIAS = dict(zip(RUNS, (0.0062, 0.0968, 0.2881)))
PUBLISHED_FIRST = dict(zip(RUNS, (4.0062, 13.0968, -12.7119)))
"""What the experiment printed in the first cell, with the random bias that came with it."""

DEFINITIONS = {"cross-correlation": "none", "convolution": "all"}
BOUNDARIES = {"zeros": "zero", "reflect": "whole-sample", "replicate": "edge", "circular": "periodic"}
"""torch's padding_mode and the boundary it is."""


def matrix(rows, dtype=None):
    """Return rows as a batch of one single-channel matrix."""
    return torch.tensor(rows, dtype=dtype or torch.float32)[None, None]


def taps(*shape):
    """Return 1, 2, 3 ... as a kernel: unchanged by no reversal along an axis longer than one."""
    return np.arange(1, np.prod(shape) + 1).reshape(shape)


def samples(*shape):
    return np.random.default_rng(20).integers(-9, 10, shape)


def rounding(dtype):
    """Return the bound of eleven roundings below 32: nine taps, the bias, and its subtraction."""
    return 11 * 16 * torch.finfo(dtype).eps


def run(layer, signal):
    """Return the layer's result for an integer signal of shape (channels, *spatial), as integers."""
    result = layer(torch.tensor(signal, dtype=layer.weight.dtype)[None])[0].detach().numpy()
    assert np.array_equal(result, np.rint(result))
    return result.astype(np.int64)


def summed_over_channels(convention, signal, kernel, groups=1):
    """Return what the layer should give, from the oracle's result for each pair of channels."""
    outputs, inputs = kernel.shape[:2]
    group = [inputs * (out // (outputs // groups)) for out in range(outputs)]
    return np.array(
        [
            sum(compute(convention, signal[group[out] + channel], kernel[out, channel]) for channel in range(inputs))
            for out in range(outputs)
        ]
    ).astype(np.int64)


class TestTheExperiment:
    def test_run_0_the_weight_is_a_trainable_parameter(self):
        layer = new_conv2d_with_kernel(torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
        assert type(layer) is torch.nn.Conv2d
        assert type(layer.weight) is torch.nn.Parameter
        assert layer.weight.requires_grad
        assert layer.weight.tolist() == [[[[1, 1], [0, 0]]]]
        assert layer.bias is None
        assert repr(layer) == "Conv2d(1, 1, kernel_size=(2, 2), stride=(1, 1), bias=False)"
        printed = repr(layer.weight)
        assert printed.startswith("Parameter containing:")
        assert printed.endswith("requires_grad=True)")

    @pytest.mark.parametrize("name", RUNS)
    def test_runs_1_to_3_exactly(self, name):
        signal, kernel, padding, expected = RUNS[name]
        layer = new_conv2d_with_kernel(torch.tensor(kernel).float(), padding=padding)
        result = layer(matrix(signal))
        assert result.shape == (1, 1, 3, 3)
        assert result[0, 0].tolist() == expected

    def test_the_definition_convolution_gives_the_mathematical_text(self):
        layer = new_conv2d_with_kernel(torch.tensor(TEXT_KERNEL).float(), definition="convolution", padding=1)
        assert layer(matrix(NINE))[0, 0].tolist() == TEXT_RESULT
        assert layer.weight[0, 0].tolist() == [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]

    @pytest.mark.parametrize("name", RUNS)
    def test_the_published_digits_are_the_exact_ones_plus_a_bias(self, name):
        signal, kernel, padding, expected = RUNS[name]
        layer = new_conv2d_with_kernel(torch.tensor(kernel).float(), padding=padding, bias=True)
        with torch.no_grad():
            layer.bias.fill_(PUBLISHED_BIAS[name])
        result = layer(matrix(signal))
        assert round(result[0, 0, 0, 0].item(), 4) == PUBLISHED_FIRST[name]
        torch.testing.assert_close(
            (result - layer.bias)[0, 0], torch.tensor(expected).float(), rtol=0, atol=rounding(torch.float32)
        )

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_with_a_random_bias_the_result_minus_the_bias_is_exact(self, dtype):
        layer = new_conv2d_with_kernel(torch.tensor(TEXT_KERNEL, dtype=dtype), padding=1, bias=True)
        assert layer.bias.shape == (1,)
        assert layer.bias.dtype == dtype
        assert 0 < abs(layer.bias.item()) <= 1 / 3  # torch draws within 1/sqrt(9 taps)
        minus = layer(matrix(NINE, dtype)) - layer.bias
        expected = RUNS["the mathematical text's numbers"][3]
        torch.testing.assert_close(minus[0, 0], torch.tensor(expected, dtype=dtype), rtol=0, atol=rounding(dtype))
        with torch.no_grad():
            layer.bias.fill_(2**-4)
        assert (layer(matrix(NINE, dtype)) - layer.bias)[0, 0].tolist() == expected


class TestTheWeight:
    @pytest.mark.parametrize("definition", DEFINITIONS)
    def test_training_the_layer_leaves_the_kernel(self, definition):
        kernel = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        layer = new_conv2d_with_kernel(kernel, definition=definition)
        before = layer.weight.detach().clone()
        layer(matrix(NINE)).sum().backward()
        assert layer.weight.grad.tolist() == [[[[12, 16], [24, 28]]]]
        torch.optim.SGD(layer.parameters(), lr=0.5).step()
        assert (before - layer.weight).tolist() == [[[[6, 8], [12, 14]]]]
        assert kernel.tolist() == [[1, 2], [3, 4]]
        assert kernel.grad is None

    @pytest.mark.parametrize("definition", DEFINITIONS)
    def test_changing_the_kernel_leaves_the_layer(self, definition):
        kernel = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        layer = new_conv2d_with_kernel(kernel, definition=definition)
        before = layer.weight.tolist()
        kernel.zero_()
        assert layer.weight.tolist() == before

    def test_a_kernel_that_requires_grad_is_detached(self):
        kernel = torch.nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        layer = new_conv2d_with_kernel(kernel * 1)
        assert layer.weight.is_leaf
        layer(matrix(NINE)).sum().backward()
        assert kernel.grad is None

    def test_a_turned_view_becomes_contiguous(self):
        kernel = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).T
        layer = new_conv2d_with_kernel(kernel)
        assert layer.weight.is_contiguous()
        assert layer.weight.tolist() == [[[[1, 4], [2, 5], [3, 6]]]]

    def test_a_kernel_made_without_gradients_is_trainable(self):
        with torch.no_grad():
            layer = new_conv2d_with_kernel(torch.ones(2, 3))
        assert layer.weight.requires_grad

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
    @pytest.mark.parametrize("bias", [False, True])
    def test_the_dtype_is_the_kernels(self, dtype, bias):
        layer = new_conv2d_with_kernel(torch.tensor([[1, 2], [3, 4]], dtype=dtype), bias=bias, dtype=dtype)
        assert {parameter.dtype for parameter in layer.parameters()} == {dtype}
        result = layer(matrix([[1, 0], [0, 10]], dtype))
        assert result.dtype == dtype
        assert result.item() == (41 if not bias else pytest.approx(41 + layer.bias.item(), rel=2**-7))

    @pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
    @pytest.mark.parametrize("definition", DEFINITIONS)
    @pytest.mark.parametrize("padding_mode", BOUNDARIES)
    def test_a_complex_kernel_is_not_conjugated(self, dtype, definition, padding_mode):
        kernel, signal = taps(2, 3) + 1j * taps(2, 3)[::-1], samples(4, 5) - 2j * samples(4, 5)
        layer = new_conv2d_with_kernel(
            torch.tensor(kernel, dtype=dtype), definition=definition, padding=1, padding_mode=padding_mode
        )
        result = layer(torch.tensor(signal, dtype=dtype)[None, None])
        convention = Convention(
            reversed_axes=DEFINITIONS[definition], size=((1, 1), (1, 1)), boundary=BOUNDARIES[padding_mode]
        )
        assert result.dtype == dtype
        assert result[0, 0].tolist() == compute(convention, signal, kernel).tolist()
        result.abs().sum().backward()
        assert layer.weight.grad.dtype == dtype

    def test_a_lazily_conjugated_kernel_is_stored_conjugated(self):
        layer = new_conv2d_with_kernel(torch.tensor([[1 + 2j, 3 - 4j]]).conj())
        assert not layer.weight.is_conj()
        assert layer.weight.tolist() == [[[[1 - 2j, 3 + 4j]]]]

    @pytest.mark.parametrize("bias", [False, True])
    def test_a_kernel_on_the_meta_device_stays_there(self, bias):
        kernel = torch.empty(2, 3, device="meta")
        layer = new_conv2d_with_kernel(kernel, definition="convolution", padding=1, bias=bias, device="meta")
        assert {parameter.device.type for parameter in layer.parameters()} == {"meta"}
        assert layer(torch.empty(1, 1, 5, 5, device="meta")).shape == (1, 1, 6, 5)

    def test_the_device_may_be_said_again(self):
        for device in ("cpu", "cpu:0", torch.device("cpu"), None):
            assert new_conv2d_with_kernel(torch.ones(2, 2), device=device).weight.device.type == "cpu"

    def test_another_default_device_changes_nothing(self):
        kernel = torch.ones(2, 2)
        with torch.device("meta"):
            layer = new_conv2d_with_kernel(kernel, bias=True)
        assert layer.weight.device == layer.bias.device == torch.device("cpu")

    def test_cuda_without_an_index_is_the_current_one(self):
        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")
        layer = new_conv2d_with_kernel(torch.tensor([[1.0, 2.0], [3.0, 4.0]], device="cuda"), device="cuda", bias=False)
        assert layer(matrix([[1, 0], [0, 10]]).cuda()).item() == 41


class TestTheRandomState:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
    @pytest.mark.parametrize("shape", [(1, 1, 3), (2, 3, 2, 3), (1, 1, 2, 2, 2)])
    def test_without_a_bias_it_stays(self, dtype, shape):
        before = torch.get_rng_state()
        new_conv_with_kernel(torch.ones(shape, dtype=dtype))
        assert torch.equal(torch.get_rng_state(), before)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
    def test_the_bias_is_the_one_of_a_plain_layer(self, dtype):
        torch.manual_seed(4)
        plain = torch.nn.Conv2d(1, 1, (2, 3), dtype=dtype)
        torch.manual_seed(4)
        layer = new_conv2d_with_kernel(torch.ones(2, 3, dtype=dtype), bias=True)
        assert layer.bias.tolist() == plain.bias.tolist()
        torch.manual_seed(5)
        assert new_conv2d_with_kernel(torch.ones(2, 3, dtype=dtype), bias=True).bias.tolist() != plain.bias.tolist()


class TestAgainstTheOracle:
    def test_the_comparison_refuses_the_other_definition(self):
        signal, kernel = samples(5, 6), taps(2, 3)
        layer = new_conv2d_with_kernel(torch.tensor(kernel).float(), padding=1)
        for reversed_axes, agrees in {"none": True, "all": False, (0,): False, (1,): False}.items():
            convention = Convention(reversed_axes=reversed_axes, size=((1, 1), (1, 1)))
            assert np.array_equal(run(layer, signal[None])[0], compute(convention, signal, kernel)) is agrees

    @pytest.mark.parametrize("definition", DEFINITIONS)
    @pytest.mark.parametrize("padding_mode", BOUNDARIES)
    @pytest.mark.parametrize(
        ("arguments", "fields"),
        [
            ({}, {"size": "valid"}),
            ({"padding": (1, 2)}, {"size": ((1, 1), (2, 2))}),
            ({"padding": 1, "stride": (2, 3)}, {"size": ((1, 1), (1, 1)), "stride": (2, 3)}),
            ({"padding": 2, "dilation": (1, 2)}, {"size": ((2, 2), (2, 2)), "dilation": (1, 2)}),
            ({"padding": "valid", "stride": 2}, {"size": "valid", "stride": 2}),
            ({"padding": "same"}, {"size": "same-upper"}),
            ({"padding": "same", "dilation": (3, 1)}, {"size": "same-upper", "dilation": (3, 1)}),
        ],
        ids=str,
    )
    # torch remarks, once per process, that an even kernel may need a padded copy of the signal.
    @pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
    def test_two_axes(self, definition, padding_mode, arguments, fields):
        for shape in ((2, 3), (4, 2), (3, 3), (1, 4)):
            signal, kernel = samples(7, 8), taps(*shape)
            layer = new_conv2d_with_kernel(
                torch.tensor(kernel).double(), definition=definition, padding_mode=padding_mode, **arguments
            )
            convention = Convention(reversed_axes=DEFINITIONS[definition], boundary=BOUNDARIES[padding_mode], **fields)
            assert np.array_equal(run(layer, signal[None])[0], compute(convention, signal, kernel))

    @pytest.mark.parametrize("definition", DEFINITIONS)
    @pytest.mark.parametrize(
        ("layer_type", "spatial", "signal"),
        [("Conv1d", (4,), (7,)), ("Conv2d", (2, 3), (4, 5)), ("Conv3d", (2, 3, 2), (3, 4, 3))],
    )
    @pytest.mark.parametrize(("channels", "groups"), [((1, 1), 1), ((3, 2), 1), ((4, 2), 2), ((4, 1), 4), ((6, 1), 2)])
    def test_channels_and_groups(self, definition, layer_type, spatial, signal, channels, groups):
        kernel = taps(*channels, *spatial)
        signal = samples(channels[1] * groups, *signal)
        layer = new_conv_with_kernel(torch.tensor(kernel).double(), definition=definition, groups=groups, padding=1)
        assert type(layer) is getattr(torch.nn, layer_type)
        assert (layer.in_channels, layer.out_channels, layer.groups) == (len(signal), len(kernel), groups)
        convention = Convention(reversed_axes=DEFINITIONS[definition], size=((1, 1),) * len(spatial))
        assert np.array_equal(run(layer, signal), summed_over_channels(convention, signal, kernel, groups))

    @pytest.mark.parametrize("padding_mode", BOUNDARIES)
    @pytest.mark.parametrize(("spatial", "signal"), [((4,), (7,)), ((2, 1, 3), (3, 4, 3))])
    def test_one_and_three_axes_with_each_boundary(self, padding_mode, spatial, signal):
        kernel, signal = taps(2, 2, *spatial), samples(2, *signal)
        layer = new_conv_with_kernel(
            torch.tensor(kernel).double(), definition="convolution", padding=1, stride=2, padding_mode=padding_mode
        )
        convention = Convention(size=((1, 1),) * len(spatial), boundary=BOUNDARIES[padding_mode], stride=2)
        assert np.array_equal(run(layer, signal), summed_over_channels(convention, signal, kernel))


class TestAnOrdinaryLayer:
    """What torch does with its own layers it does with these."""

    @pytest.fixture
    def layer(self):
        return new_conv2d_with_kernel(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))

    def test_state_dict_round_trip(self, layer):
        assert list(layer.state_dict()) == ["weight"]
        other = torch.nn.Conv2d(1, 1, 2, bias=False)
        other.load_state_dict(layer.state_dict())
        assert other(matrix(NINE))[0, 0].tolist() == UNDER_1234
        assert list(new_conv2d_with_kernel(torch.ones(2, 2), bias=True).state_dict()) == ["weight", "bias"]

    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
    def test_copies(self, layer, copied):
        twin = copied(layer)
        with torch.no_grad():
            layer.weight.zero_()
        assert type(twin) is torch.nn.Conv2d
        assert twin.weight.requires_grad
        assert twin(matrix(NINE))[0, 0].tolist() == UNDER_1234

    def test_conversion(self, layer):
        layer.to(torch.float64)
        assert layer(matrix(NINE, torch.float64))[0, 0].tolist() == UNDER_1234

    def test_reset_parameters_still_works(self, layer):
        layer.reset_parameters()
        assert layer.weight.tolist() != [[[[1, 2], [3, 4]]]]

    def test_export(self, layer):
        program = torch.export.export(layer, (matrix(NINE),))
        assert program.module()(matrix(NINE))[0, 0].tolist() == UNDER_1234

    # The exporter of torch 2.13 still uses this name of its own that torch 2.13 deprecates.
    @pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated:FutureWarning")
    @pytest.mark.parametrize("definition", DEFINITIONS)
    def test_onnx(self, definition, tmp_path):
        for library in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(library, reason="exporting to ONNX and running it")
        import onnxruntime

        layer = new_conv2d_with_kernel(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), definition=definition, padding=(1, 0))
        path = tmp_path / "layer.onnx"
        torch.onnx.export(layer.eval(), (matrix(NINE),), path, dynamo=True, verbose=False)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (result,) = session.run(None, {session.get_inputs()[0].name: matrix(NINE).numpy()})
        convention = Convention(reversed_axes=DEFINITIONS[definition], size=((1, 1), (0, 0)))
        assert result[0, 0].tolist() == compute(convention, NINE, [[1, 2], [3, 4]]).tolist()
