"""What the inputs and attributes of ONNX's ``Conv`` and ``ConvTranspose`` mean, and which of them are refused."""

from __future__ import annotations

from typing import Any

from convention.arithmetic import Layout
from convention.catalogue.entry import chosen, dtype_name
from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["bind_conv", "bind_conv_transpose"]

_AUTO_PADS = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
_TYPES = ("float16", "bfloat16", "float32", "float64")


def bind_conv(
    X: Any, W: Any, B: Any, auto_pad: Any, dilations: Any, group: Any, kernel_shape: Any, pads: Any, strides: Any
) -> Any:
    """Return what ``Conv`` does with its inputs and attributes, for `Operator.bind`."""
    layout, ndim = _layout(X, W, B, "OI")
    options = _options(ndim, auto_pad, dilations, pads, strides)
    _check_kernel_shape(kernel_shape, W, ndim)
    _check_bias(B, W.shape[0])
    return X, W, options, {"layout": layout, "groups": _group(group), "bias": B}


def bind_conv_transpose(
    X: Any,
    W: Any,
    B: Any,
    auto_pad: Any,
    dilations: Any,
    group: Any,
    kernel_shape: Any,
    output_padding: Any,
    output_shape: Any,
    pads: Any,
    strides: Any,
) -> Any:
    """Return what ``ConvTranspose`` does with its inputs and attributes, for `Operator.bind`."""
    layout, ndim = _layout(X, W, B, "IO")
    options = _options(ndim, auto_pad, dilations, pads, strides)
    options["output_padding"] = _integers("output_padding", output_padding, ndim, 0, default=0)
    if output_shape is not None:
        # measured: of a shape with batch and channels in front, only the rest is looked at
        spatial = list(output_shape)[-ndim:] if isinstance(output_shape, (list, tuple)) else output_shape
        options["output_shape"] = _integers("output_shape", spatial, ndim, 1, default=1)
    _check_kernel_shape(kernel_shape, W, ndim)
    groups = _group(group)
    _check_bias(B, W.shape[1] * groups)
    return X, W, options, {"layout": layout, "groups": groups, "grouped": "I", "bias": B}


def _options(ndim: int, auto_pad: Any, dilations: Any, pads: Any, strides: Any) -> dict[str, Any]:
    word = chosen("auto_pad", auto_pad, _AUTO_PADS)
    if word != "NOTSET" and pads is not None:
        raise ConventionValueError(
            f"auto_pad={word!r}, pads={pads!r}", "both were given", "pads with NOTSET only", "leave one of them out"
        )
    numbers = _integers("pads", pads, 2 * ndim, None, default=0)  # all starts, then all ends
    return {
        "auto_pad": word,
        "strides": _integers("strides", strides, ndim, 1, default=1),
        "dilations": _integers("dilations", dilations, ndim, 1, default=1),
        "pads": tuple(zip(numbers[:ndim], numbers[ndim:])),
    }


def _integers(name: str, value: Any, count: int, least: int | None, *, default: int) -> tuple[int, ...]:
    if value is None:
        return (default,) * count
    whole = isinstance(value, (list, tuple)) and all(hasattr(one, "__index__") for one in value)
    if not whole:
        raise ConventionTypeError(f"{name}={value!r}", "no list of integers", f"{count} integers", "pass a list")
    numbers = tuple(int(one) for one in value)
    if len(numbers) != count or (least is not None and min(numbers) < least):
        allowed = f"{count} integers" + (f" from {least} on" if least is not None else "")
        raise ConventionValueError(f"{name}={value!r}", "other numbers, or another number of them", allowed, "fix it")
    return numbers


def _group(group: Any) -> int:
    (count,) = _integers("group", [group], 1, 1, default=1)
    return count


def _layout(signal: Any, kernel: Any, bias: Any, first: str) -> tuple[Layout, int]:
    names = [dtype_name(one) for one in (signal, kernel, bias) if one is not None]
    if len(set(names)) > 1 or names[0] not in _TYPES:
        raise ConventionTypeError(
            f"X, W and B of {', '.join(names)}", "not of one float type", ", ".join(_TYPES), "cast"
        )
    ndim = signal.ndim - 2
    if ndim < 1 or kernel.ndim != signal.ndim or 0 in kernel.shape[2:]:
        raise ConventionValueError(
            f"X of shape {tuple(signal.shape)}, W of shape {tuple(kernel.shape)}",
            "not the same axes, or no taps",
            f"(N, C, spatial axes) and ({first[0]}, {first[1]}, spatial axes)",
            "reshape them",
        )
    letters = "DHW"[-ndim:] if ndim <= 3 else "abcdefgh"[:ndim]
    return Layout(signal=f"NC{letters}", kernel=first + letters, result=f"NC{letters}"), ndim


def _check_kernel_shape(kernel_shape: Any, kernel: Any, ndim: int) -> None:
    if kernel_shape is not None and tuple(kernel_shape) != tuple(kernel.shape[-ndim:]):
        raise ConventionValueError(
            f"kernel_shape={kernel_shape!r}", f"W has {tuple(kernel.shape[-ndim:])} taps", "W's", "leave it out"
        )


def _check_bias(bias: Any, outputs: int) -> None:
    if bias is not None and tuple(bias.shape) != (outputs,):
        raise ConventionValueError(
            f"B of shape {tuple(bias.shape)}", f"{outputs} output channels", f"shape ({outputs},)", "reshape it"
        )
