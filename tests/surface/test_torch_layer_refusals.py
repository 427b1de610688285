"""What the layers of torch refuse, with which words, and what happens without torch."""

from __future__ import annotations

import importlib
import pickle
import re
import sys

import numpy as np
import pytest

from convention.errors import (
    ConventionError,
    ConventionTypeError,
    ConventionValueError,
    MissingLibraryError,
)

torch = pytest.importorskip("torch", reason="these layers are torch's")

import convention.layers.torch as layers  # noqa: E402
from convention.layers.torch import new_conv2d_with_kernel, new_conv_with_kernel  # noqa: E402

FACTORIES = {
    "new_conv2d_with_kernel": lambda kernel, **arguments: new_conv2d_with_kernel(kernel, **arguments),
    "new_conv_with_kernel": lambda kernel, **arguments: new_conv_with_kernel(kernel[None, None], **arguments),
}
"""Both factories, for a kernel of two axes."""


def refusal(expected, call, *arguments, **keywords):
    """Return the refusal, after checking that it is this one and that all four parts say something."""
    with pytest.raises(ConventionError) as caught:
        call(*arguments, **keywords)
    error = caught.value
    assert type(error) is expected
    assert all(part.strip() for part in (error.asked, error.found, error.allowed, error.fix))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    return error


def ones(*shape):
    return torch.ones(shape)


def test_public_names():
    assert layers.__all__ == ["new_conv2d_with_kernel", "new_conv_with_kernel"]


def test_nothing_after_the_kernel_is_positional():
    for factory in (new_conv2d_with_kernel, new_conv_with_kernel):
        with pytest.raises(TypeError, match="positional"):
            factory(ones(2, 2), "convolution")


@pytest.mark.parametrize("factory", [new_conv2d_with_kernel, new_conv_with_kernel])
class TestTheKernelsType:
    @pytest.mark.parametrize(
        "kernel",
        [
            [[1, 2], [3, 4]],
            ((1.0, 2.0), (3.0, 4.0)),
            np.array([[1, 2], [3, 4]]),
            np.array([[1.0, 2.0], [3.0, 4.0]]),
            np.array([[1, 2j], [3, 4]]),
            np.array([[4.0, 3.0], [2.0, 1.0]])[::-1, ::-1],
        ],
        ids=["list", "tuple", "integers", "floats", "complex", "reversed view"],
    )
    def test_not_a_tensor_and_the_line_it_gives_works(self, factory, kernel):
        error = refusal(ConventionTypeError, factory, kernel)
        assert type(kernel).__name__ in error.found
        line = re.fullmatch(r"pass (torch\.as_tensor\(.*\))", error.fix).group(1)
        tensor = eval(line, {"torch": torch, "kernel": kernel})
        assert new_conv2d_with_kernel(tensor).weight.tolist() == [[np.asarray(kernel).tolist()]]

    @pytest.mark.parametrize("kernel", [None, 3, "sobel"])
    def test_not_an_array_at_all(self, factory, kernel):
        assert "torch.Tensor" in refusal(ConventionTypeError, factory, kernel).allowed

    @pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.int8, torch.bool])
    def test_integers_cannot_be_trained(self, factory, dtype):
        error = refusal(ConventionTypeError, factory, torch.ones(1, 1, 2, 2, dtype=dtype))
        assert str(dtype) in error.found
        assert "only floating-point and complex tensors can require gradients" in error.found
        assert "kernel.float()" in error.fix

    def test_sparse(self, factory):
        error = refusal(ConventionTypeError, factory, ones(2, 2).to_sparse())
        assert "torch.sparse_coo" in error.found
        assert "kernel.to_dense()" in error.fix

    # torch 2.13 announces the end of quantized tensors; as long as they can be made they are refused.
    @pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
    def test_quantized(self, factory):
        error = refusal(ConventionTypeError, factory, torch.quantize_per_tensor(ones(2, 2), 1.0, 0, torch.qint8))
        assert "torch.qint8" in error.found
        assert "kernel.dequantize()" in error.fix

    # torch calls nested tensors a prototype, once per process.
    @pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
    @pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
    def test_nested(self, factory, layout):
        nested = torch.nested.nested_tensor([ones(2), ones(3)], layout=layout)
        assert "unbind" in refusal(ConventionTypeError, factory, nested).fix

    @pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1, 0, 3), (0, 1, 3, 3)])
    def test_empty(self, factory, shape):
        error = refusal(ConventionValueError, factory, ones(*shape))
        assert str(shape) in error.found
        assert "at least one tap" in error.allowed


class TestTheKernelsAxes:
    @pytest.mark.parametrize("shape", [(), (3,), (1, 3, 3), (1, 1, 3, 3)])
    def test_two_for_the_layer_of_one_channel(self, shape):
        error = refusal(ConventionValueError, new_conv2d_with_kernel, ones(*shape))
        assert f"ndim {len(shape)}, shape {shape}" in error.found
        assert "(height, width)" in error.allowed
        assert "new_conv_with_kernel" in error.fix

    @pytest.mark.parametrize("shape", [(), (3,), (3, 3), (1, 1, 2, 2, 2, 2)])
    def test_three_to_five_for_the_general_one(self, shape):
        error = refusal(ConventionValueError, new_conv_with_kernel, ones(*shape))
        assert f"ndim {len(shape)}, shape {shape}" in error.found
        assert "(out_channels, in_channels/groups, *spatial)" in error.allowed
        assert "kernel[None, None]" in error.fix


@pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)
class TestTheArguments:
    @pytest.mark.parametrize(
        ("definition", "did_you_mean"),
        [("convolve", "convolution"), ("correlation", "cross-correlation"), ("Convolution", "convolution")],
    )
    def test_an_unknown_definition(self, factory, definition, did_you_mean):
        error = refusal(ConventionValueError, factory, ones(2, 2), definition=definition)
        assert repr(definition) in error.asked
        assert "'cross-correlation'" in error.allowed
        assert "'convolution'" in error.allowed
        assert error.fix == f"did you mean {did_you_mean!r}?"

    @pytest.mark.parametrize("definition", [None, True, ["convolution"]])
    def test_a_definition_is_a_word(self, factory, definition):
        assert (
            type(definition).__name__ in refusal(ConventionTypeError, factory, ones(2, 2), definition=definition).found
        )

    @pytest.mark.parametrize("name", ["in_channels", "out_channels", "kernel_size"])
    def test_what_the_kernel_decides(self, factory, name):
        error = refusal(ConventionTypeError, factory, ones(2, 2), **{name: 1})
        assert repr(name) in error.asked
        assert "the kernel's shape decides it" in error.found
        assert error.fix == "leave it out"

    @pytest.mark.parametrize(
        ("name", "did_you_mean"), [("strides", "stride"), ("pad", "padding"), ("dilatation", "dilation")]
    )
    def test_an_unknown_argument(self, factory, name, did_you_mean):
        error = refusal(ConventionTypeError, factory, ones(2, 2), **{name: 1})
        assert "torch.nn.Conv2d has no such argument" in error.found
        for allowed in ("definition", "stride", "padding", "dilation", "padding_mode", "bias", "device", "dtype"):
            assert allowed in error.allowed.split(", ")
        assert not {"in_channels", "out_channels", "kernel_size"} & set(error.allowed.split(", "))
        assert error.fix == f"did you mean {did_you_mean!r}?"

    def test_another_dtype_than_the_kernels(self, factory):
        error = refusal(ConventionValueError, factory, ones(2, 2), dtype=torch.float64)
        assert "torch.float64" in error.asked
        assert "torch.float32" in error.found
        assert "kernel.to(torch.float64)" in error.fix

    @pytest.mark.parametrize("dtype", ["float32", np.float32])
    def test_a_dtype_of_another_library(self, factory, dtype):
        assert "no torch.dtype" in refusal(ConventionTypeError, factory, ones(2, 2), dtype=dtype).found

    @pytest.mark.parametrize("device", ["meta", "cuda", "cuda:1", torch.device("meta")])
    def test_another_device_than_the_kernels(self, factory, device):
        error = refusal(ConventionValueError, factory, ones(2, 2), device=device)
        assert str(device) in error.asked
        assert "'cpu'" in error.found
        assert f"kernel.to('{device}')" in error.fix

    def test_no_device(self, factory):
        assert "'cpu'" in refusal(ConventionValueError, factory, ones(2, 2), device="gpu").allowed
        assert "'cpu'" in refusal(ConventionTypeError, factory, ones(2, 2), device=1.5).allowed

    @pytest.mark.parametrize("bias", [0.5, torch.tensor([0.5]), None, 1])
    def test_a_bias_of_ones_own_would_be_lost(self, factory, bias):
        error = refusal(ConventionTypeError, factory, ones(2, 2), bias=bias)
        assert "random" in error.allowed
        assert "layer.bias.copy_(values)" in error.fix

    def test_torchs_own_refusals_come_through(self, factory):
        with pytest.raises(ValueError, match="padding_mode must be one of"):
            factory(ones(2, 2), padding_mode="mirror")
        with pytest.raises(ValueError, match="padding='same' is not supported for strided convolutions"):
            factory(ones(2, 2), padding="same", stride=2)


class TestGroups:
    @pytest.mark.parametrize("groups", [1, 2, 0, None])
    def test_one_channel_has_none(self, groups):
        error = refusal(ConventionTypeError, new_conv2d_with_kernel, ones(2, 2), groups=groups)
        assert "the kernel's shape decides it" in error.found
        assert "new_conv_with_kernel" in error.fix
        assert "groups" not in error.allowed.split(", ")

    @pytest.mark.parametrize("groups", [0, -2, 4, 12])
    def test_they_divide_the_output_channels(self, groups):
        error = refusal(ConventionValueError, new_conv_with_kernel, ones(6, 1, 3), groups=groups)
        assert error.found == "out_channels is 6"
        assert "use one of 1, 2, 3, 6," in error.fix

    @pytest.mark.parametrize("groups", [2.0, "2", True, None])
    def test_they_are_an_integer(self, groups):
        error = refusal(ConventionTypeError, new_conv_with_kernel, ones(6, 1, 3), groups=groups)
        assert type(groups).__name__ in error.found


class TestWithoutTorch:
    def test_the_install_line(self, monkeypatch):
        monkeypatch.delitem(sys.modules, "convention.layers.torch")
        monkeypatch.setitem(sys.modules, "torch", None)
        error = refusal(MissingLibraryError, importlib.import_module, "convention.layers.torch")
        assert isinstance(error, ImportError)
        assert "pip install torch" in error.fix
        assert "pip install '.[torch]'" in error.fix

    def test_a_broken_torch_speaks_for_itself(self, monkeypatch, tmp_path):
        (tmp_path / "torch.py").write_text("import a_part_of_torch_that_is_missing\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "convention.layers.torch")
        monkeypatch.delitem(sys.modules, "torch")
        with pytest.raises(ModuleNotFoundError, match="a_part_of_torch_that_is_missing"):
            importlib.import_module("convention.layers.torch")

    def test_the_package_of_layers_loads_none(self):
        assert importlib.import_module("convention.layers").__doc__
