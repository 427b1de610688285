"""What the arguments of PyTorch's functional convolutions mean, and which of them PyTorch refuses."""

from __future__ import annotations

from typing import Any

from convention.arithmetic import Layout
from convention.catalogue.entry import dtype_name
from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["bind_convolution", "bind_transposed"]

_SPATIAL = "DHW"
_FLOATS = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")
_INTEGERS = ("uint8", "int8", "int16", "int32")
_WORDS = ("same", "valid")


def bind_convolution(
    ndim: int,
    /,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
) -> Any:
    """Return what ``conv1d``, ``conv2d`` or ``conv3d`` does with its arguments, for `Operator.bind`."""
    options = {
        "stride": _numbers("stride", stride, ndim, 1),
        "padding": _padding(padding, ndim),
        "dilation": _numbers("dilation", dilation, ndim, 1),
    }
    # measured: on a CPU only these have a dilated loop
    dilated = any(step != 1 for step in options["dilation"])
    _check_types(input, weight, bias, (*_FLOATS, "int64") if dilated else (*_FLOATS, "int64", *_INTEGERS))
    layout = _layout(input, weight, ndim, "OI")
    count = _groups(groups)
    _check_bias(bias, weight.shape[0])
    return input, weight, options, {"layout": layout, "groups": count, "bias": bias}


def bind_transposed(
    ndim: int,
    /,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> Any:
    """Return what ``conv_transpose1d``, ``2d`` or ``3d`` does with its arguments, for `Operator.bind`."""
    options = {
        "stride": _numbers("stride", stride, ndim, 1),
        "padding": _numbers("padding", padding, ndim, 0),
        "output_padding": _numbers("output_padding", output_padding, ndim, 0),
        "dilation": _numbers("dilation", dilation, ndim, 1),
    }
    _check_types(input, weight, bias, (*_FLOATS, "int64"))
    layout = _layout(input, weight, ndim, "IO")
    count = _groups(groups)
    _check_bias(bias, weight.shape[1] * count)
    return input, weight, options, {"layout": layout, "groups": count, "grouped": "I", "bias": bias}


def _padding(padding: Any, ndim: int) -> Any:
    if not isinstance(padding, str):
        return _numbers("padding", padding, ndim, 0)
    if padding not in _WORDS:
        raise ConventionValueError(f"padding={padding!r}", "no such word", ", ".join(_WORDS), "or give numbers")
    return padding


def _numbers(name: str, value: Any, ndim: int, least: int) -> tuple[int, ...]:
    """Return one integer per axis: PyTorch repeats a single one, and takes no boolean."""
    entries = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if any(isinstance(one, bool) or not hasattr(one, "__index__") for one in entries):
        raise ConventionTypeError(f"{name}={value!r}", "no integers", f"an integer, or {ndim} of them", "pass integers")
    if len(entries) not in (1, ndim):
        raise ConventionValueError(f"{name}={value!r}", f"{len(entries)} numbers", f"1 or {ndim}", "one per axis")
    numbers = tuple(int(one) for one in entries) * (ndim if len(entries) == 1 else 1)
    if min(numbers) < least:
        raise ConventionValueError(
            f"{name}={value!r}", f"a number below {least}", f"from {least} on", "pass a larger number"
        )
    return numbers


def _groups(groups: Any) -> int:
    (count,) = _numbers("groups", groups, 1, 1)
    return count


def _check_types(signal: Any, kernel: Any, bias: Any, allowed: tuple[str, ...]) -> None:
    names = [dtype_name(one) for one in (signal, kernel, bias) if one is not None]
    if len(set(names)) > 1:
        raise ConventionTypeError(
            f"input, weight and bias of {', '.join(names)}", "unlike types", "one type for all", "convert them"
        )
    if names[0] not in allowed:
        raise ConventionTypeError(
            f"operands of {names[0]}", "PyTorch has no loop for it on a CPU", ", ".join(allowed), "convert them"
        )


def _check_bias(bias: Any, outputs: int) -> None:
    if bias is not None and tuple(bias.shape) != (outputs,):
        raise ConventionValueError(
            f"bias of shape {tuple(bias.shape)}", f"{outputs} output channels", f"shape ({outputs},)", "reshape it"
        )


def _layout(signal: Any, kernel: Any, ndim: int, first: str) -> Layout:
    letters = _SPATIAL[-ndim:]
    # measured: of no input channels PyTorch makes no output channels either, which no definition gives
    if kernel.ndim != ndim + 2 or 0 in kernel.shape:
        raise ConventionValueError(
            f"weight of shape {tuple(kernel.shape)}", "not the axes, or no taps", f"({first}{letters})", "reshape it"
        )
    if signal.ndim not in (ndim + 1, ndim + 2):
        raise ConventionValueError(
            f"input of shape {tuple(signal.shape)}",
            f"{signal.ndim} axes",
            f"(NC{letters}) or (C{letters})",
            "reshape it",
        )
    batch = "N" if signal.ndim == ndim + 2 else ""
    return Layout(signal=f"{batch}C{letters}", kernel=first + letters, result=f"{batch}C{letters}")
