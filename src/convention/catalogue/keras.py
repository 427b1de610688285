"""Keras 3 with its TensorFlow backend, on a CPU: ``keras.ops`` and the layers of convolution.

All entries are the spatial view of one sample with one channel. The operations compute in the type of
their arrays, and have an option ``dtype`` where TensorFlow has two implementations (see there). A layer
computes in float32 unless it is told otherwise, whatever it is given.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic, Layout
from convention.catalogue.entry import Operator, Shape
from convention.catalogue.keras_arguments import bind_convolution, bind_depthwise, bind_transposed
from convention.catalogue.tensorflow import (
    functions,
    in_one_dnn,
    plain_convention,
    transposed_convention,
    transposed_faults,
    transposed_refuses,
)
from convention.catalogue.tensorflow_arguments import NARROW
from convention.definition import Convention
from convention.geometry import dilated_extent

__all__ = ["OPERATORS"]

_AXES = "DHW"
_BOTH = "a stride together with a dilation"
_EMPTY = "no outputs are left"


def _each(value: Any, ndim: int) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,) * ndim


def _stepped_and_spread(ndim: int, strides: Any, dilation_rate: Any) -> bool:
    return bool(max(_each(strides, ndim)) > 1 and max(_each(dilation_rate, ndim)) > 1)


def _convention(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    padding: str,
    strides: Any,
    dilation_rate: Any,
    dtype: Any = None,
    compiled: bool = False,
) -> Convention:
    if padding == "causal":
        return Convention(reversed_axes="none", size="causal", stride=strides, dilation=dilation_rate)
    # measured: compiled, SAME has in float64 the phase of float32
    kind = "float32" if compiled else dtype
    options = {"padding": padding.upper(), "strides": strides, "dilations": dilation_rate, "dtype": kind}
    return plain_convention(signal_shape, kernel_shape, **options)


def _refuses(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    if _stepped_and_spread(len(kernel_shape), options["strides"], options["dilation_rate"]):
        return _BOTH
    counts = _convention(signal_shape, kernel_shape, **options).output_shape(signal_shape, kernel_shape)
    return _EMPTY if 0 in counts else ""


def _faults(
    signal_shape: Shape, kernel_shape: Shape, *, dtype: Any = None, compiled: bool = False, **given: Any
) -> str:
    if compiled or _stepped_and_spread(len(kernel_shape), given["strides"], given["dilation_rate"]):
        return ""
    convention = _convention(signal_shape, kernel_shape, dtype=dtype, **given)
    return in_one_dnn(signal_shape, kernel_shape, convention, dtype)


def _depthwise_convention(
    signal_shape: Shape, kernel_shape: Shape, *, padding: str, strides: Any, dilation_rate: Any, dtype: Any = None
) -> Convention:
    # measured: also with both a stride and a dilation, which TensorFlow itself gets wrong
    size = {"same": "same-upper", "valid": "valid"}[padding]
    return Convention(reversed_axes="none", size=size, stride=strides, dilation=dilation_rate)


def _depthwise_refuses(
    signal_shape: Shape, kernel_shape: Shape, *, padding: str, strides: Any, dilation_rate: Any, dtype: Any = None
) -> str:
    ndim = len(kernel_shape)
    steps, spread = _each(strides, ndim), _each(dilation_rate, ndim)
    if dtype not in NARROW and len(set(steps)) > 1 and max(spread) == 1:
        return "strides of float64 that differ"
    if padding == "valid":
        for n, k, s, d in zip(signal_shape, kernel_shape, steps, spread):
            if dilated_extent(k, d) - n >= 2 * (s if max(spread) == 1 else 1):
                return "the dilated kernel is longer than the signal by two strides or more"
    return ""


def _depthwise_faults(signal_shape: Shape, kernel_shape: Shape, *, dtype: Any = None, **given: Any) -> str:
    return in_one_dnn(signal_shape, kernel_shape, _depthwise_convention(signal_shape, kernel_shape, **given), dtype)


def _of_tensorflow(signal_shape: Shape, kernel_shape: Shape, options: dict[str, Any]) -> dict[str, Any]:
    """Return TensorFlow's options of a transpose, with the output_shape that Keras works out."""
    ndim, counts = len(kernel_shape), []
    names = ("strides", "dilation_rate", "output_padding")
    for n, k, s, d, more in zip(signal_shape, kernel_shape, *(_each(options[name], ndim) for name in names)):
        extent = dilated_extent(k, d)
        if options["padding"] == "valid":
            counts.append((n - 1) * s + (max(extent, s) if more is None else extent + more))
        else:
            # measured: with output_padding an even kernel has one output less than an odd one
            counts.append(n * s if more is None else (n - 1) * s + extent % 2 + more)
    return {
        "padding": options["padding"].upper(),
        "strides": options["strides"],
        "dilations": options["dilation_rate"],
        "output_shape": tuple(counts),
        "dtype": options.get("dtype"),
    }


def _transposed_convention(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> Convention:
    return transposed_convention(signal_shape, kernel_shape, **_of_tensorflow(signal_shape, kernel_shape, options))


def _transposed_refuses(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    return transposed_refuses(signal_shape, kernel_shape, **_of_tensorflow(signal_shape, kernel_shape, options))


def _transposed_faults(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    return transposed_faults(signal_shape, kernel_shape, **_of_tensorflow(signal_shape, kernel_shape, options))


def _layer_convention(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> Convention:
    return _convention(signal_shape, kernel_shape, dtype="float32", **options)


def _layer_refuses(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    return _refuses(signal_shape, kernel_shape, dtype="float32", **options)


def _layer_faults(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    return _faults(signal_shape, kernel_shape, dtype="float32", **options)


def _depthwise_layer_refuses(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    return _depthwise_refuses(signal_shape, kernel_shape, dtype="float32", **options)


def _depthwise_layer_faults(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    return _depthwise_faults(signal_shape, kernel_shape, dtype="float32", **options)


def _transposed_layer_refuses(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    ndim = len(kernel_shape)
    if _stepped_and_spread(ndim, options["strides"], options["dilation_rate"]):
        return _BOTH
    more = options["output_padding"]
    if more is not None and any(a >= s for a, s in zip(_each(more, ndim), _each(options["strides"], ndim))):
        return "output_padding that is not smaller than the stride"
    return _transposed_refuses(signal_shape, kernel_shape, dtype="float32", **options)


def _transposed_layer_faults(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    return _transposed_faults(signal_shape, kernel_shape, dtype="float32", **options)


def _keras() -> Any:
    functions()  # loads TensorFlow, and quietly
    return import_module("keras")


def _run(name: str) -> Any:
    def call(signal: NDArray[Any], kernel: NDArray[Any], *, dtype: str | None = None, **options: Any) -> NDArray[Any]:
        x, w = (array if dtype is None else array.astype(dtype) for array in (signal, kernel))
        try:
            result = getattr(_keras().ops, name)(x[None, ..., None], w[..., None, None], **options)
        except AttributeError as problem:
            if "as_list" not in str(problem):
                raise
            # measured: what is to explain that a result would have no outputs fails itself
            raise ValueError("the kernel is longer than the signal") from problem
        return np.asarray(result[0, ..., 0])

    return call


@cache
def _layer(name: str, kernel_shape: Shape, options: tuple[tuple[str, Any], ...]) -> Any:
    own = {"kernel_size": kernel_shape} if "Depthwise" in name else {"filters": 1, "kernel_size": kernel_shape}
    layer = getattr(_keras().layers, name)(use_bias=False, **own, **dict(options))
    layer.build((None, *(None,) * len(kernel_shape), 1))
    return layer


def _run_layer(name: str) -> Any:
    def call(signal: NDArray[Any], kernel: NDArray[Any], **options: Any) -> NDArray[Any]:
        layer = _layer(name, kernel.shape, tuple(options.items()))
        layer.kernel.assign(kernel[..., None, None])
        return np.asarray(layer(signal[None, ..., None])[0, ..., 0])

    return call


_ADDRESS = "https://keras.io/api/"
_SIGNAL = "N...C"
_OWN = Arithmetic(result="signal")
_SINGLE = Arithmetic(result="float32", kernel="float32")
_TYPES = (None, "float32")
_DEFAULTS = "(inputs, kernel, strides=1, padding='valid', data_format=None, dilation_rate=1)"
_BACKEND = "Measured with Keras' TensorFlow backend. "
_PHASE = (
    "In three dimensions and float64, SAME with a stride longer than the kernel has another phase than in float32, "
    "and than the same operation has in groups of channels, where it is compiled."
)


def _operation(name: str, title: str, ndims: tuple[int, ...], **rest: Any) -> Operator:
    return Operator(
        name=f"keras.ops.{name}",
        library="keras",
        install="pip install keras tensorflow-cpu",
        needs=("tensorflow",),
        named="convolution",
        ndims=ndims,
        call=_run(name),
        arithmetic=_OWN,
        source=f"{_ADDRESS}ops/nn/#{title}-function",
        **rest,
    )


def _layer_entry(name: str, ndim: int, title: str, options: dict[str, tuple[Any, ...]], **rest: Any) -> Operator:
    axes = _AXES[-ndim:]
    kernel = f"{axes}OI" if "Transpose" in name else f"{axes}IO"
    return Operator(
        name=f"keras.layers.{name}",
        library="keras",
        install="pip install keras tensorflow-cpu",
        needs=("tensorflow",),
        named="convolution",
        ndims=(ndim,),
        options=options,
        call=_run_layer(name),
        arithmetic=_SINGLE,
        layout=Layout(signal=f"N{axes}C", kernel=kernel, result=f"N{axes}C"),
        source=f"{_ADDRESS}layers/convolution_layers/{title}/",
        **rest,
    )


def _convolution(ndim: int) -> Operator:
    paddings = ("valid", "same", "causal") if ndim == 1 else ("valid", "same")
    return _layer_entry(
        f"Conv{ndim}D",
        ndim,
        f"convolution{ndim}d",
        {"padding": paddings, "strides": (1, 2, 3), "dilation_rate": (1, 2)},
        convention=_layer_convention,
        accepts=_layer_refuses,
        faults=_layer_faults,
        remarks=_BACKEND + "Named a convolution; its kernel is not reversed. It casts float64 to float32.",
    )


def _depthwise(ndim: int) -> Operator:
    return _layer_entry(
        f"DepthwiseConv{ndim}D",
        ndim,
        f"depthwise_convolution{ndim}d",
        {"padding": ("valid", "same"), "strides": (1, 2, 3), "dilation_rate": (1, 2)},
        convention=_depthwise_convention,
        accepts=_depthwise_layer_refuses,
        faults=_depthwise_layer_faults,
        remarks=_BACKEND
        + "A stride together with a dilation is ruled out by the text, and taken. It casts to float32.",
    )


def _transposed(ndim: int) -> Operator:
    return _layer_entry(
        f"Conv{ndim}DTranspose",
        ndim,
        f"convolution{ndim}d_transpose",
        {"padding": ("valid", "same"), "strides": (1, 2, 3), "output_padding": (None, 0, 1), "dilation_rate": (1, 2)},
        convention=_transposed_convention,
        accepts=_transposed_layer_refuses,
        faults=_transposed_layer_faults,
        remarks=_BACKEND + "A true convolution. It casts float64 to float32.",
    )


OPERATORS = (
    _operation(
        "conv",
        "conv",
        (2, 1, 3),
        options={"padding": ("valid", "same"), "strides": (1, 2, 4), "dilation_rate": (1, 2), "dtype": _TYPES},
        convention=_convention,
        accepts=_refuses,
        faults=_faults,
        signature=_DEFAULTS,
        bind=bind_convolution,
        layout=Layout(signal=_SIGNAL, kernel="...IO", result=_SIGNAL),
        remarks=_BACKEND + "Named a convolution; its kernel is not reversed. " + _PHASE,
    ),
    _operation(
        "depthwise_conv",
        "depthwiseconv",
        (2, 1),
        options={"padding": ("valid", "same"), "strides": (1, 2, 3), "dilation_rate": (1, 2)},
        convention=_depthwise_convention,
        accepts=_depthwise_refuses,
        faults=_depthwise_faults,
        signature=_DEFAULTS,
        bind=bind_depthwise,
        layout=Layout(signal=_SIGNAL, kernel="...IO", result=_SIGNAL),
        remarks=_BACKEND + "Of the kernel, I is all input channels and O the outputs of each.",
    ),
    _operation(
        "conv_transpose",
        "convtranspose",
        (2, 1, 3),
        options={
            "padding": ("valid", "same"),
            "strides": (1, 3),
            "output_padding": (None, 0, 1),
            "dilation_rate": (1, 2),
            "dtype": _TYPES,
        },
        convention=_transposed_convention,
        accepts=_transposed_refuses,
        faults=_transposed_faults,
        signature=_DEFAULTS.replace("data_format", "output_padding=None, data_format"),
        bind=bind_transposed,
        layout=Layout(signal=_SIGNAL, kernel="...OI", result=_SIGNAL),
        remarks=(
            _BACKEND + 'A true convolution. With "same" and output_padding there are (N-1)*strides + extent % 2 + '
            "output_padding outputs, so that 0 is refused with an even kernel. A CPU takes dilations of float32 only."
        ),
    ),
    *map(_convolution, (1, 2, 3)),
    *map(_depthwise, (1, 2)),
    *map(_transposed, (1, 2, 3)),
)
