"""`identify` on operators with channels: layouts and groups of array functions, and modules of torch."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest

from convention import Convention, apply
from convention.arithmetic import Layout
from convention.identification import identify


def one(x: Any, k: Any) -> Any:
    return apply(Convention(reversed_axes="none", size="same-upper", boundary="edge"), x, k)


def grouped(x: Any, w: Any, groups: int = 1, *, crosswise: bool = False) -> Any:
    """Sum the channels of each group: x is (N, C, ...), w is (O, C/groups, ...), or crosswise (C, O/groups, ...)."""
    each = x.shape[1] // groups
    if x.shape[1] % groups or (w.shape[0] != x.shape[1] if crosswise else w.shape[1] != each or w.shape[0] % groups):
        raise ValueError(f"{x.shape} and {w.shape} do not fit for {groups} groups")
    results = []
    outputs = w.shape[1] if crosswise else w.shape[0] // groups
    for group in range(groups):
        for o in range(outputs):
            kernels = [w[group * each + i, o] if crosswise else w[group * outputs + o, i] for i in range(each)]
            results.append([sum(one(image[group * each + i], kernels[i]) for i in range(each)) for image in x])
    return np.stack(results, axis=1)


def axes(array: Any, count: int) -> Any:
    if array.ndim != count:
        raise ValueError(f"{count} axes, please")
    return array


def channels_last(x: Any, w: Any, order: str) -> Any:
    """From NHWC and a kernel in this order to the other one."""
    w = axes(w, 4).transpose([order.index(letter) for letter in "OIHW"])
    return grouped(axes(x, 4).transpose(0, 3, 1, 2), w).transpose(0, 2, 3, 1)


def batch_last(x: Any, w: Any) -> Any:
    return grouped(axes(x, 4).transpose(3, 0, 1, 2), axes(w, 4).transpose(3, 0, 1, 2)).transpose(1, 2, 3, 0)


def depthwise_last(x: Any, w: Any) -> Any:
    """As TensorFlow's: every channel with kernels of its own, w of (H, W, C, M)."""
    x, w = axes(x, 4).transpose(0, 3, 1, 2), axes(w, 4).transpose(2, 3, 0, 1)
    return grouped(x, w, x.shape[1], crosswise=True).transpose(0, 2, 3, 1)


FUNCTIONS: dict[str, tuple[Any, Layout, Any]] = {
    "dense": (
        lambda x, w: grouped(axes(x, 4), axes(w, 4)),
        Layout(signal="NCHW", kernel="OIHW", result="NCHW"), 1,
    ),
    "dense, inputs first": (
        lambda x, w: grouped(axes(x, 4), axes(w, 4).transpose(1, 0, 2, 3)),
        Layout(signal="NCHW", kernel="IOHW", result="NCHW"), 1,
    ),
    "channels last": (
        lambda x, w: channels_last(x, w, "HWIO"), Layout(signal="NHWC", kernel="HWIO", result="NHWC"), 1,
    ),
    "channels last, outputs before inputs": (
        lambda x, w: channels_last(x, w, "HWOI"), Layout(signal="NHWC", kernel="HWOI", result="NHWC"), 1,
    ),
    "channels last, outputs first": (
        lambda x, w: channels_last(x, w, "OHWI"), Layout(signal="NHWC", kernel="OHWI", result="NHWC"), 1,
    ),
    "batch last": (batch_last, Layout(signal="CHWN", kernel="IHWO", result="CHWN"), 1),
    "no batch": (
        lambda x, w: grouped(axes(x, 3)[None], axes(w, 4))[0],
        Layout(signal="CHW", kernel="OIHW", result="CHW"), 1,
    ),
    "two groups": (
        lambda x, w: grouped(axes(x, 4), axes(w, 4), 2),
        Layout(signal="NCHW", kernel="OIHW", result="NCHW"), 2,
    ),
    "three groups, inputs first": (
        lambda x, w: grouped(axes(x, 4), axes(w, 4), 3, crosswise=True),
        Layout(signal="NCHW", kernel="IOHW", result="NCHW"), 3,
    ),
    "every channel": (
        lambda x, w: grouped(axes(x, 4), axes(w, 4), x.shape[1]),
        Layout(signal="NCHW", kernel="OIHW", result="NCHW"), "channels",
    ),
    "every channel, last": (depthwise_last, Layout(signal="NHWC", kernel="HWIO", result="NHWC"), "channels"),
    "one kernel for all": (
        lambda x, w: np.stack([one(axes(x, 3)[..., c], axes(w, 2)) for c in range(x.shape[2])], axis=2),
        Layout(signal="HWC", kernel="HW", result="HWC"), "channels",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_layouts_and_groups_are_seen(name: str) -> None:
    function, layout, groups = FUNCTIONS[name]
    found = identify(function, ndim=2)
    assert (found.definition, found.layout) == ("cross-correlation", layout), found.verdict
    assert (found.fields["groups"].state, found.fields["groups"].value) == ("settled", groups)
    assert (found.fields["size"].value, found.fields["boundary"].value) == (("same-upper",) * 2, ("edge",) * 2)


def test_a_layout_that_is_not_understood_is_open() -> None:
    def first_kernel(x: Any, w: Any) -> Any:
        return np.abs(axes(w, 4)).max() / np.abs(w[0, 0]).max() * grouped(axes(x, 4)[:, :1], w[:1, :1])

    found = identify(first_kernel, ndim=2)
    assert found.layout == Layout(signal="11HW", kernel="11HW", result="11HW")
    assert found.fields["groups"].state == "open"
    assert found.fields["groups"].reason


def test_a_function_of_plain_arrays_has_no_layout() -> None:
    found = identify(one, ndim=2)
    assert found.layout is None
    assert "groups" not in found.fields


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="measures torch")


def test_torch_functions_with_groups(torch: Any) -> None:
    functional = torch.nn.functional
    for function, order, groups in (
        (functional.conv2d, "OIHW", 1),
        (partial(functional.conv2d, groups=2), "OIHW", 2),
        (partial(functional.conv_transpose2d, groups=3), "IOHW", 3),
        (lambda x, w: functional.conv2d(torch.as_tensor(x), torch.as_tensor(w), groups=x.shape[1]), "OIHW", "channels"),
    ):
        found = identify(function, ndim=2)
        assert found.layout == Layout(signal="NCHW", kernel=order, result="NCHW"), found.verdict
        assert found.fields["groups"].value == groups


LAYERS: dict[str, tuple[str, tuple[Any, ...], dict[str, Any], str, int]] = {
    "groups": ("Conv2d", (4, 6, 3), {"groups": 2, "padding": 1}, "OIHW", 2),
    "depthwise": ("Conv2d", (4, 4, (3, 5)), {"groups": 4, "padding": "same"}, "OIHW", 4),
    "depthwise with a multiplier": ("Conv1d", (3, 6, 4), {"groups": 3}, "OIW", 3),
    "as many in as out": ("Conv1d", (4, 4, 3), {}, "OIW", 1),
    "transposed": ("ConvTranspose2d", (4, 6, 3), {"groups": 2, "stride": 2, "padding": 1}, "IOHW", 2),
    "transposed, as many in as out": ("ConvTranspose1d", (4, 4, 3), {"groups": 2}, "IOW", 2),
    "transposed depthwise": ("ConvTranspose1d", (4, 4, 4), {"groups": 4, "stride": 3}, "IOW", 4),
    "transposed in three dimensions": ("ConvTranspose3d", (2, 3, 2), {"stride": 2}, "IODHW", 1),
    "wide": ("Conv2d", (96, 64, 3), {"padding": 1, "groups": 2}, "OIHW", 2),
    "long": ("Conv1d", (1, 1, 63), {"padding": 31, "padding_mode": "circular"}, "OIW", 1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_several_channels(torch: Any, name: str) -> None:
    kind, arguments, options, order, groups = LAYERS[name]
    layer = getattr(torch.nn, kind)(*arguments, **options)
    found = identify(layer)
    assert found.definition == ("convolution" if "Transpose" in kind else "cross-correlation"), found.verdict
    assert found.layout is not None
    assert (found.layout.kernel, found.fields["groups"]) == (order, type(found.fields["groups"])(value=groups))
    assert found.bias == pytest.approx(layer.bias[0].item(), rel=1e-4)


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64", "complex64"])
def test_layers_of_other_types(torch: Any, kind: str) -> None:
    layer = torch.nn.Conv2d(1, 1, 3, dtype=getattr(torch, kind))
    found = identify(layer)
    assert found.definition == "cross-correlation", found.verdict
    noted = [line for line in found.evidence if f"its weight is {kind}" in line]
    assert len(noted) == (kind != "float64")
    assert layer.weight.dtype == getattr(torch, kind)


def test_a_layer_of_integers(torch: Any) -> None:
    layer = torch.nn.Conv2d(1, 1, 3, bias=False)
    layer.weight = torch.nn.Parameter(torch.ones(1, 1, 3, 3, dtype=torch.int64), requires_grad=False)
    assert identify(layer).domain["types"] == ("int64", "int64")


def normalised(torch: Any, name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older one is deprecated
        where = torch.nn.utils if name == "older" else torch.nn.utils.parametrizations
        return where.weight_norm(torch.nn.Conv2d(2, 2, 3))


@pytest.mark.parametrize("name", ["older", "newer"])
def test_a_weight_that_is_computed_is_taken_as_it_is(torch: Any, name: str) -> None:
    # the older one computes its weight anew, whatever it is given: "not a convolution"
    layer = normalised(torch, name)
    found = identify(layer)
    assert found.definition == "cross-correlation", found.verdict
    assert found.kernel == pytest.approx(layer.weight.detach()[0, 0].numpy())
    assert any("cannot be replaced" in line for line in found.evidence)


def test_a_compiled_layer(torch: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = torch.jit.script(torch.nn.Conv2d(1, 1, 3))
    assert identify(layer).definition == "cross-correlation"


def test_padding_and_convolution_in_sequence(torch: Any) -> None:
    nn = torch.nn
    layer = nn.Conv2d(3, 5, 3)
    found = identify(nn.Sequential(nn.ReplicationPad2d((2, 1, 1, 3)), layer))
    assert found.convention is not None, found.verdict
    assert found.fields["boundary"].value == ("edge", "edge")
    assert found.convention.size == ((1, 3), (2, 1))
    assert found.kernel == pytest.approx(layer.weight.detach()[0, 0].numpy(), abs=1e-6)
    assert found.fields["reversed_axes"].state == "open"


def test_channels_that_mix_on_the_way(torch: Any) -> None:
    nn = torch.nn
    inside = identify(nn.Sequential(nn.Conv1d(2, 4, 3), nn.Conv1d(4, 2, 3)), ndim=1)
    assert inside.kernel is not None, inside.verdict
    assert inside.kernel.shape == (5,)
    padded = identify(nn.Sequential(nn.Conv1d(2, 4, 3, padding=1), nn.Conv1d(4, 2, 3, padding=1)), ndim=1)
    assert padded.convention is None
    assert padded.fields["boundary"].state == "contradicted"


def test_modules_that_are_no_convolution(torch: Any) -> None:
    nn = torch.nn
    torch.manual_seed(0)
    dropout = identify(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Dropout(0.5)))
    assert dropout.convention is None
    assert any("training mode" in line for line in dropout.evidence)
    for module, said in (
        (nn.Sequential(nn.Conv2d(1, 1, 3, bias=False), nn.ReLU()), "it is not linear"),
        (nn.MaxPool2d(2), "it is not linear"),
        (nn.Linear(3, 3), "no call gave an array"),
        (nn.LSTM(3, 3), "no call gave an array"),
        (nn.Embedding(3, 3), "no call gave an array"),
        (nn.Conv2d(1, 1, 3, device="meta"), "which holds no numbers"),
        (nn.LazyConv2d(2, 3), "call the module once"),
    ):
        found = identify(module)
        assert found.convention is None
        assert said in found.verdict


def test_a_module_is_left_as_it_was(torch: Any) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3), torch.nn.BatchNorm2d(1))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    identify(module)
    assert module.training
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_own_modules_with_a_weight(torch: Any) -> None:
    class Own(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self, shape: tuple[int, ...]) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.randn(shape))

    class Turned(Own):
        def forward(self, x: Any) -> Any:
            return torch.nn.functional.conv2d(x, self.weight.flip(2, 3), padding=1, groups=len(self.weight))

    class Transposed(Own):
        def forward(self, x: Any) -> Any:
            return torch.nn.functional.conv_transpose1d(x, self.weight)

    turned, transposed = identify(Turned((3, 1, 3, 3))), identify(Transposed((2, 4, 3)))
    assert (turned.definition, turned.fields["groups"].value) == ("convolution", 3)
    assert (transposed.definition, transposed.layout) == (
        "convolution", Layout(signal="NCW", kernel="IOW", result="NCW"),
    )  # fmt: skip


def test_functions_of_tensors(torch: Any) -> None:
    functional = torch.nn.functional
    found = identify(lambda x, w: functional.conv2d(x, w, padding=1))
    assert found.layout == Layout(signal="NCHW", kernel="OIHW", result="NCHW"), found.verdict
    plain = identify(lambda x, w: functional.conv1d(x[None, None], w[None, None])[0, 0], ndim=1)
    assert (plain.definition, plain.layout) == ("cross-correlation", None)
    alone = identify(lambda x: functional.avg_pool2d(x, 3))
    assert alone.kernel == pytest.approx(np.full((3, 3), 1 / 9))


def test_tensorflow_is_not_given_too_few_axes() -> None:
    # that ends the process
    tf = pytest.importorskip("tensorflow", reason="measures TensorFlow")
    kernels_last = Layout(signal="NHWC", kernel="HWIO", result="NHWC")
    for function, layout, groups in (
        (lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"), kernels_last, 1),
        (lambda x, w: tf.nn.depthwise_conv2d(x, w, [1] * 4, "SAME"), kernels_last, "channels"),
        (lambda x, w: tf.nn.conv1d(x, w, 1, "SAME"), Layout(signal="NWC", kernel="WIO", result="NWC"), 1),
    ):
        found = identify(function)
        assert found.layout == layout, found.verdict
        assert found.fields["groups"].value == groups
        assert set(found.fields["size"].value) == {"same-upper"}
    plain = identify(lambda x, w: tf.nn.conv2d(x[None, ..., None], w[..., None, None], 1, "SAME")[0, ..., 0])
    assert (plain.definition, plain.layout, plain.domain["ndim"]) == ("cross-correlation", None, 2)
    rectified = identify(lambda x, w: tf.nn.relu(tf.nn.conv2d(x, w, 1, "SAME")))
    assert rectified.verdict.startswith("not a convolution")


def test_jax_with_its_axes_for_channels() -> None:
    jax = pytest.importorskip("jax", reason="measures JAX")
    found = identify(lambda x, w: jax.lax.conv_general_dilated(x, w, (1, 1), "SAME"))
    assert found.layout == Layout(signal="NCHW", kernel="OIHW", result="NCHW"), found.verdict
    assert found.fields["size"].value == ("same-upper",) * 2


def test_a_function_of_one_axis_with_channels_that_refuses() -> None:
    found = identify(lambda x, w: grouped(axes(x, 3), axes(w, 9)), ndim=1)
    assert "9 axes, please" in found.verdict
