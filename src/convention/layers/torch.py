"""Layers of torch whose kernel is given by hand, under the definition that is named.

Knows three things about ``torch.nn.Conv1d``, ``Conv2d`` and ``Conv3d``: they compute the
cross-correlation (https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html, measured by
tests/truth/test_torch_layers.py), their weight has shape (out_channels, in_channels/groups, spatial...),
and they add a random bias unless told not to. So the convolution of a text is the same layer with the
kernel stored reversed along every spatial axis, and a layer made here has no bias unless asked for one.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, TypeAlias, cast

from convention.errors import ConventionTypeError, ConventionValueError, MissingLibraryError, nearest

try:
    import torch
except ModuleNotFoundError as error:
    if error.name != "torch":  # torch is there but broken: its own message says more
        raise
    raise MissingLibraryError(
        "convention.layers.torch",
        "torch is not installed",
        "Python environments with torch 2.6 or later",
        "pip install torch\nor, from the project's folder: pip install '.[torch]'",
    ) from error

__all__ = ["new_conv2d_with_kernel", "new_conv_with_kernel"]

ConvLayer: TypeAlias = torch.nn.Conv1d | torch.nn.Conv2d | torch.nn.Conv3d

_DEFINITIONS = {
    "cross-correlation": "what torch calls convolution: the kernel is stored as given",
    "convolution": "the mathematical one: the kernel is stored reversed along every spatial axis",
}

_LAYERS: dict[int, type[ConvLayer]] = {3: torch.nn.Conv1d, 4: torch.nn.Conv2d, 5: torch.nn.Conv3d}
"""The layer for a kernel's number of axes: two for the channels, the rest spatial."""

_DECIDED = ("in_channels", "out_channels", "kernel_size")
"""What the kernel's shape says already."""


def new_conv2d_with_kernel(
    kernel: torch.Tensor, *, definition: str = "cross-correlation", **conv2d_arguments: Any
) -> torch.nn.Conv2d:
    """Return a ``torch.nn.Conv2d`` of one channel that computes with this kernel.

    Parameters
    ----------
    kernel : torch.Tensor, shape (kh, kw)
        The taps, floating-point or complex. Sizes may be even and may differ.
    definition : "cross-correlation" or "convolution"
        What the layer computes: cross-correlation stores the kernel as given; convolution stores it
        reversed along both axes. Padding arguments mean the same for both.
    **conv2d_arguments
        Passed on to ``torch.nn.Conv2d``: stride, padding, dilation, padding_mode, bias, device, dtype.
        bias is False unless given; True gives torch's own random bias.

    Returns
    -------
    torch.nn.Conv2d
        With a weight of shape (1, 1, kh, kw): a trainable copy of the kernel, of the kernel's dtype and on
        its device. Without a bias, torch's global random state stays as it was.

    Raises
    ------
    ConventionTypeError
        If the kernel is no dense floating-point or complex tensor, or an argument is unknown, decided by
        the kernel, or of the wrong type.
    ConventionValueError
        If the kernel has not two axes or is empty, the definition is unknown, or dtype or device
        contradicts the kernel.

    See Also
    --------
    new_conv_with_kernel : the same for several channels, and for one to three spatial axes.

    Examples
    --------
    >>> import torch
    >>> kernel = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> signal = torch.tensor([[[[1.0, 0.0], [0.0, 10.0]]]])
    >>> new_conv2d_with_kernel(kernel)(signal).item()  # 1*1 + 10*4
    41.0
    >>> new_conv2d_with_kernel(kernel, definition="convolution")(signal).item()  # 1*4 + 10*1
    14.0
    """
    _check_arguments(torch.nn.Conv2d, (*_DECIDED, "groups"), conv2d_arguments)
    _check_kernel(kernel)
    if kernel.ndim != 2:
        raise ConventionValueError(
            "a kernel for new_conv2d_with_kernel",
            f"ndim {kernel.ndim}, shape {tuple(kernel.shape)}",
            "two axes, (height, width): one channel in, one channel out",
            "kernel[None, :] makes one row of a 1-D kernel; with channels or other spatial axes use\n"
            "new_conv_with_kernel(kernel), shape (out_channels, in_channels/groups, *spatial)",
        )
    layer = new_conv_with_kernel(kernel[None, None], definition=definition, **conv2d_arguments)
    return cast("torch.nn.Conv2d", layer)


def new_conv_with_kernel(
    kernel: torch.Tensor, *, definition: str = "cross-correlation", groups: int = 1, **conv_arguments: Any
) -> ConvLayer:
    """Return a ``torch.nn.Conv1d``, ``Conv2d`` or ``Conv3d`` that computes with this kernel.

    Parameters
    ----------
    kernel : torch.Tensor, shape (out_channels, in_channels/groups, spatial...)
        The taps, floating-point or complex, with one to three spatial axes.
    definition : "cross-correlation" or "convolution"
        What the layer computes: cross-correlation stores the kernel as given; convolution stores it
        reversed along every spatial axis, never along the channels. Padding arguments mean the same for both.
    groups : int
        In how many groups the channels are connected; divides out_channels.
    **conv_arguments
        Passed on to the layer: stride, padding, dilation, padding_mode, bias, device, dtype.
        bias is False unless given; True gives torch's own random bias.

    Returns
    -------
    torch.nn.Conv1d, torch.nn.Conv2d or torch.nn.Conv3d
        With a weight of the kernel's shape: a trainable copy, of the kernel's dtype and on its device.
        Without a bias, torch's global random state stays as it was.

    Raises
    ------
    ConventionTypeError
        If the kernel is no dense floating-point or complex tensor, or an argument is unknown, decided by
        the kernel, or of the wrong type.
    ConventionValueError
        If the kernel has not three to five axes or is empty, the definition is unknown, groups does not
        divide out_channels, or dtype or device contradicts the kernel.

    Examples
    --------
    >>> import torch
    >>> kernel = torch.tensor([[[1.0, 2.0, 3.0]]])
    >>> signal = torch.tensor([[[1.0, 0.0, 10.0]]])
    >>> new_conv_with_kernel(kernel)(signal).item()  # 1*1 + 10*3
    31.0
    >>> new_conv_with_kernel(kernel, definition="convolution")(signal).item()  # 1*3 + 10*1
    13.0
    """
    _check_kernel(kernel)
    layer_type = _layer_type(kernel)
    _check_arguments(layer_type, _DECIDED, conv_arguments)
    _check_definition(definition)
    _check_groups(groups, kernel.shape[0])
    _check_dtype(kernel, conv_arguments.pop("dtype", None))
    _check_device(kernel, conv_arguments.pop("device", None))
    bias = _checked_bias(conv_arguments.pop("bias", False))
    taps = kernel.detach().clone(memory_format=torch.contiguous_format)
    if definition == "convolution":  # torch computes the cross-correlation: tests/truth/test_torch_layers.py
        taps = taps.flip(tuple(range(2, kernel.ndim)))
    return _layer(layer_type, taps, groups=groups, bias=bias, **conv_arguments)


def _layer(layer_type: type[ConvLayer], taps: torch.Tensor, *, groups: int, bias: bool, **arguments: Any) -> ConvLayer:
    kernel_size: Any = tuple(taps.shape[2:])
    layer = layer_type(
        in_channels=taps.shape[1] * groups,
        out_channels=taps.shape[0],
        kernel_size=kernel_size,
        groups=groups,
        bias=bias,
        dtype=taps.dtype,
        # The weight is replaced below. On the meta device nothing is drawn for it, so the global random
        # state stays as it was; torch's own bias has to be drawn, after a weight as in any other layer.
        device=taps.device if bias else "meta",
        **arguments,
    )
    layer.weight = torch.nn.Parameter(taps)
    return layer


def _layer_type(kernel: torch.Tensor) -> type[ConvLayer]:
    if kernel.ndim in _LAYERS:
        return _LAYERS[kernel.ndim]
    raise ConventionValueError(
        "a kernel for new_conv_with_kernel",
        f"ndim {kernel.ndim}, shape {tuple(kernel.shape)}",
        "three to five axes, (out_channels, in_channels/groups, *spatial)",
        "kernel[None, None] gives a kernel of one to three spatial axes its two channel axes",
    )


def _check_kernel(kernel: object) -> None:
    allowed = "a dense torch.Tensor, floating-point or complex, with at least one tap"
    if not isinstance(kernel, torch.Tensor):
        raise ConventionTypeError("a layer's kernel", f"a {type(kernel).__name__}", allowed, _as_tensor_line(kernel))
    if kernel.is_nested:
        found, fix = "a nested tensor", "make one layer per kernel: for one in kernel.unbind(): ..."
    elif kernel.is_quantized:
        found, fix = f"a quantized tensor ({kernel.dtype})", "pass kernel.dequantize()"
    elif kernel.layout != torch.strided:
        found, fix = f"a tensor that is not dense ({kernel.layout})", "pass kernel.to_dense()"
    elif not (kernel.is_floating_point() or kernel.is_complex()):
        found = f"a {kernel.dtype} tensor; only floating-point and complex tensors can require gradients"
        fix = "pass kernel.float(), or kernel.double() for float64"
    elif kernel.numel() == 0:
        raise ConventionValueError(
            "a layer's kernel", f"it is empty, shape {tuple(kernel.shape)}", allowed, "give every axis at least one tap"
        )
    else:
        return
    raise ConventionTypeError("a layer's kernel", found, allowed, fix)


def _as_tensor_line(kernel: object) -> str:
    """Return the line that makes a usable tensor: torch takes no negative strides, and no integers here."""
    kind = getattr(getattr(kernel, "dtype", None), "kind", None)
    array = "kernel.copy()" if any(step < 0 for step in getattr(kernel, "strides", None) or ()) else "kernel"
    return f"pass torch.as_tensor({array}{'' if kind in ('f', 'c') else ', dtype=torch.float32'})"


def _check_arguments(layer_type: type[ConvLayer], decided: Iterable[str], given: Iterable[str]) -> None:
    names = [name for name in inspect.signature(layer_type).parameters if name not in decided]
    for name in given:
        if name in names:
            continue
        if name in decided:
            found, fix = "the kernel's shape decides it", "leave it out"
            if name == "groups":
                fix += "; for several channels use new_conv_with_kernel"
        else:
            found, fix = f"torch.nn.{layer_type.__name__} has no such argument", nearest(name, names)
        raise ConventionTypeError(f"the argument {name!r}", found, ", ".join(["definition", *names]), fix)


def _check_definition(definition: object) -> None:
    if isinstance(definition, str) and definition in _DEFINITIONS:
        return
    refusal = ConventionValueError if isinstance(definition, str) else ConventionTypeError
    raise refusal(
        f"definition={definition!r}",
        "there is no such definition" if isinstance(definition, str) else f"a {type(definition).__name__}, no word",
        "\n".join(f"{word!r:<19}  {meaning}" for word, meaning in _DEFINITIONS.items()),
        nearest(definition, _DEFINITIONS),
    )


def _check_groups(groups: object, out_channels: int) -> None:
    allowed = "an integer of at least 1 that divides out_channels, the kernel's first axis"
    if not isinstance(groups, int) or isinstance(groups, bool):
        raise ConventionTypeError(f"groups={groups!r}", f"a {type(groups).__name__}", allowed, "use groups=1")
    if groups < 1 or out_channels % groups:
        divisors = [str(n) for n in range(1, out_channels + 1) if out_channels % n == 0]
        raise ConventionValueError(
            f"groups={groups}",
            f"out_channels is {out_channels}",
            allowed,
            f"use one of {', '.join(divisors)}, or another number of output channels",
        )


def _check_dtype(kernel: torch.Tensor, dtype: object) -> None:
    if dtype is None or dtype == kernel.dtype:
        return
    allowed = f"the kernel's own dtype, {kernel.dtype}"
    if not isinstance(dtype, torch.dtype):
        raise ConventionTypeError(
            f"dtype={dtype!r}", f"a {type(dtype).__name__}, no torch.dtype", allowed, "leave dtype out"
        )
    raise ConventionValueError(
        f"dtype={dtype}",
        f"the kernel is {kernel.dtype}",
        allowed,
        f"leave dtype out, or convert first: kernel.to({dtype})",
    )


def _check_device(kernel: torch.Tensor, device: Any) -> None:
    if device is None:
        return
    allowed = f"the kernel's own device, {str(kernel.device)!r}"
    try:
        wanted = torch.device(device)
        if wanted.type == kernel.device.type:
            wanted = torch.empty(0, device=wanted).device  # torch completes 'cuda' with the current index
    except (RuntimeError, TypeError) as error:
        refusal = ConventionTypeError if isinstance(error, TypeError) else ConventionValueError
        raise refusal(f"device={device!r}", "no device that torch has here", allowed, "leave device out") from error
    if wanted != kernel.device:
        raise ConventionValueError(
            f"device={str(device)!r}",
            f"the kernel is on {str(kernel.device)!r}",
            allowed,
            f"leave device out, or move first: kernel.to({str(wanted)!r})",
        )


def _checked_bias(bias: object) -> bool:
    if isinstance(bias, bool):
        return bias
    # torch reads any true value as "a random bias, please": a number given here would be lost.
    raise ConventionTypeError(
        "bias",
        f"a {type(bias).__name__}",
        "False (none) or True (torch's own random bias)",
        "for values of your own: bias=True, then  with torch.no_grad(): layer.bias.copy_(values)",
    )
