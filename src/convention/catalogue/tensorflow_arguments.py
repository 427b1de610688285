"""What the arguments of TensorFlow's convolutions mean, and which of them TensorFlow refuses on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convention.arithmetic import Layout
from convention.catalogue.entry import chosen, dtype_name, integer
from convention.definition import Convention
from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["NARROW", "bind_convolution", "bind_depthwise", "bind_transposed", "tensor_of"]

NARROW = ("float16", "bfloat16", "float32")
"""The data types that oneDNN computes."""

_AXES = "DHW"
_FLOATS = (*NARROW, "float64")
_LISTS = {"float64": "float32", "int64": "int32"}
"""What TensorFlow makes of nested lists, by what NumPy makes of them."""


class _Call(NamedTuple):
    """Operands whose axes were checked, with the letters of the signal's inner axes."""

    signal: Any
    kernel: Any
    letters: str
    dtype: str

    @property
    def channels(self) -> int:
        return int(self.signal.shape[self.signal.ndim - len(self.letters) + self.letters.index("C")])

    @property
    def spatial(self) -> tuple[int, ...]:
        first = self.signal.ndim - len(self.letters)
        return tuple(int(self.signal.shape[first + i]) for i, one in enumerate(self.letters) if one in _AXES)

    def per_axis(self, name: str, value: Any, lengths: tuple[int, ...]) -> tuple[int, ...]:
        """Return one number for each spatial axis, from a list of one of these lengths."""
        ndim = len(self.letters) - 2
        numbers = [integer(name, one) for one in value]
        if len(numbers) not in lengths:
            allowed = f"a list of length {' or '.join(map(str, lengths))}"
            raise ConventionValueError(f"{name}={value!r}", f"{len(numbers)} numbers", allowed, "one per axis")
        if len(numbers) == ndim + 2:
            others = [one for one, letter in zip(numbers, self.letters) if letter not in _AXES]
            if others != [1, 1]:
                raise ConventionValueError(f"{name}={value!r}", "not 1 for batch and channels", "1", "pass 1 there")
            numbers = [one for one, letter in zip(numbers, self.letters) if letter in _AXES]
        if min(numbers) < 1:
            raise ConventionValueError(f"{name}={value!r}", f"{min(numbers)}", "from 1 on", "pass a larger number")
        return tuple(numbers) * (ndim if len(numbers) == 1 else 1)


def bind_convolution(
    ndim: int,
    convention: Callable[..., Convention],
    /,
    input: Any,
    filters: Any,
    padding: Any,
    data_format: Any,
    dilations: Any,
    name: Any,
    strides: Any = None,
    stride: Any = None,
) -> Any:
    """Return what ``conv1d``, ``conv2d`` or ``conv3d`` does with its arguments, for `Operator.bind`."""
    axes = _AXES[-ndim:]
    aliases = {"NHWC": "NWC", "NCHW": "NCW"} if ndim == 1 else {}
    data_format = aliases.get(data_format, data_format) if isinstance(data_format, str) else data_format
    types, leader = (*_FLOATS, "int32") if ndim < 3 else _FLOATS, "signal" if ndim > 1 else ""
    call = _operands(input, filters, ndim, data_format, types, leader=leader)
    _check_order(call)
    options = _steps(call, stride if ndim == 1 else strides, dilations)
    options |= {"padding": _padding(call, padding, explicit=ndim == 2), "dtype": _narrow(call.dtype)}
    *_, inputs, outputs = call.kernel.shape
    groups = call.channels // inputs
    if call.channels % inputs or groups < 1 or outputs % groups or (ndim == 3 and groups != 1):
        allowed = "as many" if ndim == 3 else "a multiple, whose factor divides the kernel's outputs"
        _refuse_channels(call, f"{inputs} inputs and {outputs} outputs", allowed)
    signal, *bound, extras = _bound(call, f"{axes}IO", options, groups=groups)
    batch = tuple(signal.shape[: signal.ndim - ndim - 1])
    if len(batch) > 1:
        counts = convention(call.spatial, tuple(call.kernel.shape[:ndim]), **options)
        lengths = dict(zip(axes, counts.output_shape(call.spatial, call.kernel.shape[:ndim])), C=outputs)
        extras["shape"] = (*batch, *(lengths[letter] for letter in call.letters[1:]))
        signal = signal.reshape((prod(batch), *signal.shape[len(batch) :]))
    return signal, *bound, extras


def bind_depthwise(
    input: Any, filter: Any, strides: Any, padding: Any, data_format: Any, dilations: Any, name: Any
) -> Any:
    """Return what ``depthwise_conv2d`` does with its arguments, for `Operator.bind`."""
    call = _operands(input, filter, 2, data_format, _FLOATS)
    _check_order(call)
    if call.signal.ndim != 4:
        _refuse_axes("input", call.signal, call.letters)
    _check_list("strides", strides)
    spread: tuple[int, ...] = (1, 1)
    if dilations is not None:
        _check_list("dilations", dilations)
        # measured: a single one is that of the first axis
        spread = call.per_axis("dilations", [*dilations, *([1] if len(dilations) == 1 else [])], (2,))
    steps = call.per_axis("strides", strides, (4,))
    if any(s > 1 and d > 1 for s, d in zip(steps, spread)):
        raise ConventionValueError(
            f"strides={strides!r}, dilations={dilations!r}",
            "TensorFlow's result, after a warning, is no convolution: its outputs are unevenly spaced",
            "strides or dilations of 1 along each axis",
            "pass one of them",
        )
    options = {"strides": steps, "dilations": spread, "padding": _padding(call, padding, explicit=True)}
    options |= {"dtype": _narrow(call.dtype)}
    if call.kernel.shape[2] != call.channels:
        _refuse_channels(call, f"{call.kernel.shape[2]} inputs", "as many")
    return _bound(call, "HWIO", options, groups=call.channels, grouped="I")


def bind_transposed(
    ndim: int,
    /,
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any,
    data_format: Any,
    dilations: Any,
    name: Any,
) -> Any:
    """Return what ``conv1d_transpose``, ``2d`` or ``3d`` does with its arguments, for `Operator.bind`."""
    axes = _AXES[-ndim:]
    types, leader = (*_FLOATS, "int32") if ndim < 3 else _FLOATS, "kernel" if ndim > 1 else ""
    call = _operands(input, filters, ndim, data_format, types, leader=leader)
    pad = _padding(call, padding, explicit=ndim == 2)
    # measured: explicit padding is oneDNN's for no type
    narrow = call.dtype in NARROW and isinstance(pad, str)
    _check_order(call, narrow=narrow)
    if call.signal.ndim != ndim + 2:
        _refuse_axes("input", call.signal, call.letters)
    options = _steps(call, strides, dilations, anyhow=True)
    *_, outputs, inputs = call.kernel.shape
    if inputs != call.channels:
        _refuse_channels(call, f"{inputs} inputs", "as many")
    wanted = [integer("output_shape", one) for one in _listed("output_shape", output_shape)]
    if len(wanted) == 2 == ndim:
        wanted = [*wanted, outputs] if call.letters.endswith("C") else [outputs, *wanted]
        wanted = [int(call.signal.shape[0]), *wanted]
    if len(wanted) != ndim + 2 or wanted[0] != call.signal.shape[0]:
        batch = f"{ndim + 2} numbers, the first {call.signal.shape[0]} as in the input"
        raise ConventionValueError(f"output_shape={output_shape!r}", "another shape", batch, "give the result's shape")
    channels = wanted[call.letters.index("C")]
    groups = channels // outputs
    if channels % outputs or groups < 1 or inputs % groups or (groups > 1 and (ndim == 3 or not narrow)):
        _refuse_channels(call, f"{outputs} outputs, an output_shape with {channels}", "as many as the output_shape")
    spatial = tuple(one for one, letter in zip(wanted, call.letters) if letter in _AXES)
    options |= {"padding": pad, "output_shape": spatial, "dtype": _narrow(call.dtype)}
    return _bound(call, f"{axes}OI", options, groups=groups, grouped="I")


def _operands(
    signal: Any, kernel: Any, ndim: int, data_format: Any, types: tuple[str, ...], *, leader: str = ""
) -> _Call:
    """Return checked operands; of NumPy's, the leader (``"kernel"`` or ``"signal"``) gives its type to the other."""
    axes = _AXES[-ndim:]
    letters = f"N{axes}C" if data_format is None else chosen("data_format", data_format, (f"N{axes}C", f"NC{axes}"))
    x, w = tensor_of(signal), tensor_of(kernel)
    if leader == "signal":
        if isinstance(signal, (list, tuple)):
            raise ConventionTypeError("input", "nested lists, of which it wants the shape", "an array", "convert them")
        w = _led(x, w, kernel)
    elif leader == "kernel":
        x = _led(w, x, signal)
    names = dtype_name(x), dtype_name(w)
    if names[0] != names[1] or names[0] not in types:
        raise ConventionTypeError(
            f"operands of {names[0]} and {names[1]}", "not one type of these", ", ".join(types), "convert them"
        )
    if x.ndim < len(letters):
        _refuse_axes("input", x, letters)
    if w.ndim != ndim + 2 or 0 in w.shape:
        _refuse_axes("filters", w, f"{axes}IO")
    return _Call(x, w, letters, names[0])


def tensor_of(value: Any) -> Any:
    """Return an array as it is, and nested lists as TensorFlow reads them: float32 and int32."""
    if hasattr(value, "dtype"):
        return value
    array = np.asarray(value)
    return array.astype(_LISTS.get(array.dtype.name, array.dtype.name))


def _led(leader: Any, other: Any, given: Any) -> Any:
    """Return the other operand in the leader's type, as TensorFlow makes tensors of NumPy arrays."""
    if not isinstance(leader, np.ndarray) or not isinstance(other, np.ndarray) or leader.dtype == other.dtype:
        return other
    if other is not given and leader.dtype.kind in "iu" and other.dtype.kind == "f":
        return other  # fractions in nested lists are refused, those of arrays are not
    # measured: fractions are cut off for an int32, and imaginary parts are dropped
    whole = other.real if other.dtype.kind == "c" and leader.dtype.kind != "c" else other
    with np.errstate(invalid="ignore", over="ignore"):
        return whole.astype(leader.dtype)


def _narrow(dtype: str) -> str | None:
    return dtype if dtype in NARROW else None


def _steps(call: _Call, strides: Any, dilations: Any, *, anyhow: bool = False) -> dict[str, Any]:
    """Return strides and dilations per axis: of conv3d a list for all axes, elsewhere also shorter ones and numbers."""
    ndim = len(call.letters) - 2
    found: dict[str, Any] = {}
    for name, value in (("strides", strides), ("dilations", dilations)):
        if ndim == 3 and not anyhow:
            if name == "dilations" and value is None:
                found[name] = (1, 1, 1)
                continue
            _check_list(name, value)
            found[name] = call.per_axis(name, value, (5,))
        else:
            given = [1] if value is None else _listed(name, value, single=True)
            found[name] = call.per_axis(name, given, tuple({1, ndim, ndim + 2}))
    return found


def _listed(name: str, value: Any, *, single: bool = False) -> list[Any]:
    if single and hasattr(value, "__index__") and not getattr(value, "shape", ()):
        return [value]
    if hasattr(value, "tolist"):
        value = value.tolist()
    _check_list(name, value)
    return list(value)


def _check_list(name: str, value: Any) -> None:
    if not isinstance(value, (list, tuple)):
        raise ConventionTypeError(f"{name}={value!r}", f"a {type(value).__name__}", "a list", "pass a list of integers")


def _padding(call: _Call, padding: Any, *, explicit: bool) -> Any:
    if isinstance(padding, str):
        return chosen("padding", padding, ("SAME", "VALID"))
    allowed = "SAME, VALID" + (f", or a pair for each of {call.letters}" if explicit else "")
    if not explicit or not isinstance(padding, (list, tuple)):
        raise ConventionTypeError(f"padding={padding!r}", f"a {type(padding).__name__}", allowed, "pass a word")
    if len(padding) != 4 or any(not isinstance(pair, (list, tuple)) or len(pair) != 2 for pair in padding):
        raise ConventionValueError(f"padding={padding!r}", "not four pairs", allowed, "give (before, after) for each")
    pairs = {letter: tuple(integer("padding", one) for one in pair) for letter, pair in zip(call.letters, padding)}
    if pairs["N"] != (0, 0) or pairs["C"] != (0, 0) or min(map(min, pairs.values())) < 0:
        raise ConventionValueError(
            f"padding={padding!r}", "negative, or not 0 for batch and channels", allowed, "pad the spatial axes"
        )
    return pairs["H"], pairs["W"]


def _check_order(call: _Call, *, narrow: bool | None = None) -> None:
    """Refuse channels before the spatial axes where only oneDNN takes them."""
    if call.letters[1] == "C" and not (call.dtype in NARROW if narrow is None else narrow):
        raise ConventionValueError(
            f"data_format={call.letters!r} of {call.dtype}",
            "a CPU takes it of float16, bfloat16 and float32 only, and not with a transpose's explicit padding",
            "channels last",
            "move the channel axis to the end",
        )


def _refuse_axes(name: str, array: Any, letters: str) -> None:
    shape = tuple(array.shape)
    raise ConventionValueError(f"{name} of shape {shape}", "not these axes, or none long", letters, "reshape it")


def _refuse_channels(call: _Call, kernel: str, allowed: str) -> None:
    found = f"the input has {call.channels} channels"
    raise ConventionValueError(f"a kernel with {kernel}", found, allowed, "check the layouts")


def _bound(call: _Call, kernel: str, options: dict[str, Any], **extras: Any) -> Any:
    layout = Layout(signal=call.letters, kernel=kernel, result=call.letters)
    return call.signal, call.kernel, options, {**extras, "layout": layout, "dtype": call.dtype}
