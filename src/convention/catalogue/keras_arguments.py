"""What the arguments of ``keras.ops``' convolutions mean, and which of them its TensorFlow backend refuses."""

from __future__ import annotations

from typing import Any, NamedTuple

from convention.arithmetic import Layout
from convention.catalogue.entry import chosen, dtype_name, integer
from convention.catalogue.tensorflow_arguments import NARROW, tensor_of
from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["bind_convolution", "bind_depthwise", "bind_transposed"]

_AXES = "DHW"
_ORDERS = ("channels_last", "channels_first")
_FLOATS = (*NARROW, "float64")


class _Call(NamedTuple):
    """Operands whose axes were checked."""

    signal: Any
    kernel: Any
    ndim: int
    first: bool
    """Whether the channels come first."""
    padding: str
    dtype: str

    @property
    def channels(self) -> int:
        return int(self.signal.shape[1 if self.first else -1])

    def bound(self, kernel: str, options: dict[str, Any], **extras: Any) -> Any:
        """Return what `Operator.bind` returns."""
        axes = _AXES[-self.ndim :]
        letters = f"NC{axes}" if self.first else f"N{axes}C"
        options |= {"padding": self.padding, "dtype": self.dtype if self.dtype in NARROW else None}
        layout = Layout(signal=letters, kernel=axes + kernel, result=letters)
        return self.signal, self.kernel, options, {**extras, "layout": layout, "dtype": self.dtype}


def bind_convolution(inputs: Any, kernel: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any) -> Any:
    """Return what ``conv`` does with its arguments, for `Operator.bind`."""
    if isinstance(inputs, (list, tuple)):
        raise ConventionTypeError("inputs", "nested lists, of which it wants the shape", "an array", "convert them")
    call = _checked(inputs, kernel, padding, data_format, (3, 4, 5))
    options = {
        name: _numbers(name, 1 if value is None else value, call.ndim, 1, single=True)
        for name, value in (("strides", strides), ("dilation_rate", dilation_rate))
    }
    *_, reads, outputs = call.kernel.shape
    groups = call.channels // reads
    if call.channels % reads or groups < 1 or outputs % groups:
        _refuse_channels(call, reads, "a multiple, whose factor divides the kernel's outputs")
    # measured: these go through XLA, which takes channels first of float64 too; it takes int32 as well, and then
    # saturates what elsewhere wraps, so that no one arithmetic could be told
    compiled = groups > 1 or (call.first and call.ndim == 3)
    _check_type(call, (*_FLOATS, "int32") if call.ndim < 3 else _FLOATS, _FLOATS if compiled else NARROW)
    return call.bound("IO", {**options, "compiled": compiled}, groups=groups)


def bind_depthwise(inputs: Any, kernel: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any) -> Any:
    """Return what ``depthwise_conv`` does with its arguments, for `Operator.bind`."""
    call = _checked(inputs, kernel, padding, data_format, (3, 4))
    spread = _numbers("dilation_rate", 1 if dilation_rate is None else dilation_rate, call.ndim, 1)
    steps = _numbers("strides", strides, call.ndim, 1)
    if not (max(steps) > 1 and max(spread) > 1):
        # measured: the text allows lists
        lists = {"strides": strides, **({"dilation_rate": dilation_rate} if call.ndim == 1 else {})}
        for name, value in lists.items():
            if isinstance(value, list):
                raise ConventionTypeError(f"{name}={value!r}", "a list", "an integer or a tuple", "make it a tuple")
    _check_type(call, _FLOATS, _FLOATS)
    if call.kernel.shape[-2] != call.channels:
        _refuse_channels(call, call.kernel.shape[-2], "as many")
    return call.bound("IO", {"strides": steps, "dilation_rate": spread}, groups=call.channels, grouped="I")


def bind_transposed(
    inputs: Any,
    kernel: Any,
    strides: Any,
    padding: Any,
    output_padding: Any,
    data_format: Any,
    dilation_rate: Any,
) -> Any:
    """Return what ``conv_transpose`` does with its arguments, for `Operator.bind`."""
    call = _checked(inputs, kernel, padding, data_format, (3, 4, 5))
    options: dict[str, Any] = {
        "strides": _numbers("strides", strides, call.ndim, 1),
        "dilation_rate": _numbers("dilation_rate", dilation_rate, call.ndim, 1),
        "output_padding": None,
    }
    if output_padding is not None:
        options["output_padding"] = _numbers("output_padding", output_padding, call.ndim, 0)
    _check_type(call, (*_FLOATS, "int32") if call.ndim < 3 else _FLOATS, NARROW)
    if call.kernel.shape[-1] != call.channels:
        _refuse_channels(call, call.kernel.shape[-1], "as many")
    return call.bound("OI", options, grouped="I")


def _checked(inputs: Any, kernel: Any, padding: Any, data_format: Any, ranks: tuple[int, ...]) -> _Call:
    kernel = getattr(kernel, "value", kernel)  # a layer passes its variable
    order = "channels_last" if data_format is None else chosen("data_format", str(data_format).lower(), _ORDERS)
    if not isinstance(padding, str):
        raise ConventionTypeError(f"padding={padding!r}", "no word", "valid, same", "pass one of them")
    word = chosen("padding", padding.lower(), ("valid", "same"))
    x, w = tensor_of(inputs), tensor_of(kernel)
    if x.ndim not in ranks or w.ndim != x.ndim or 0 in w.shape:
        raise ConventionValueError(
            f"inputs of shape {tuple(x.shape)}, a kernel of shape {tuple(w.shape)}",
            "not as many axes, or none long",
            f"{' or '.join(map(str, ranks))} axes of both",
            "add axes for the batch and the channels",
        )
    return _Call(x, w, x.ndim - 2, order == "channels_first", word, dtype_name(x))


def _numbers(name: str, value: Any, ndim: int, least: int, *, single: bool = False) -> tuple[int, ...]:
    """Return one integer per axis, from one or from as many; with single also from a list of one."""
    if isinstance(value, (list, tuple)):
        numbers = tuple(integer(name, one) for one in value)
        if len(numbers) != ndim and not (single and len(numbers) == 1):
            raise ConventionValueError(f"{name}={value!r}", f"{len(numbers)} numbers", f"{ndim}", "one per axis")
    else:
        numbers = (integer(name, value),)
    if min(numbers) < least:
        raise ConventionValueError(f"{name}={value!r}", f"{min(numbers)}", f"from {least} on", "pass a larger number")
    return numbers * (ndim if len(numbers) == 1 else 1)


def _check_type(call: _Call, types: tuple[str, ...], with_channels_first: tuple[str, ...]) -> None:
    other = dtype_name(call.kernel)
    if call.dtype != other or call.dtype not in types:
        raise ConventionTypeError(
            f"operands of {call.dtype} and {other}", "not one type of these", ", ".join(types), "convert them"
        )
    if call.first and call.dtype not in with_channels_first:
        raise ConventionTypeError(
            f"channels_first of {call.dtype}",
            "a CPU has no loop for it, or another arithmetic",
            ", ".join(with_channels_first),
            "move the channel axis to the end",
        )


def _refuse_channels(call: _Call, reads: int, allowed: str) -> None:
    found = f"the inputs have {call.channels} channels"
    raise ConventionValueError(f"a kernel that reads {reads} channels", found, allowed, "check the layouts")
