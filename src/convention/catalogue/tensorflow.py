"""TensorFlow: ``tf.nn.conv*d``, ``depthwise_conv2d`` and the transposes, on a CPU.

All entries are the spatial view of one sample with one channel. A CPU has two implementations: oneDNN's for
float16, bfloat16 and float32, and an older one for float64 and int32, which refuses more. Where the two
part, an entry has an option ``dtype``: None for float64 and int32, or the type that the arrays are cast to.
"""

from __future__ import annotations

import os
import warnings
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic, Layout
from convention.catalogue.entry import Operator, Shape
from convention.catalogue.tensorflow_arguments import (
    NARROW,
    bind_convolution,
    bind_depthwise,
    bind_transposed,
)
from convention.definition import Convention
from convention.geometry import dilated_extent

__all__ = [
    "OPERATORS",
    "functions",
    "in_one_dnn",
    "plain_convention",
    "transposed_convention",
    "transposed_faults",
    "transposed_refuses",
]

_AXES = "DHW"
_WORDS = {"SAME": "same-upper", "VALID": "valid"}


def _each(value: Any, ndim: int) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,) * ndim


def _pairs(padding: Any, ndim: int) -> tuple[tuple[int, int], ...]:
    """Return the padding per axis that is not "SAME", from one pair for all axes or one for each."""
    if padding == "VALID":
        return ((0, 0),) * ndim
    return padding if isinstance(padding[0], tuple) else (padding,) * ndim


def plain_convention(
    signal_shape: Shape, kernel_shape: Shape, *, padding: Any, strides: Any, dilations: Any, dtype: Any = None
) -> Convention:
    """Return what ``conv1d``, ``conv2d`` and ``conv3d`` compute."""
    # measured: the kernel is not reversed; "SAME" puts the odd sample of its padding after
    ndim = len(kernel_shape)
    size: Any = _WORDS[padding] if isinstance(padding, str) else _pairs(padding, ndim)
    if ndim == 3 and padding == "SAME" and dtype not in NARROW:
        size = tuple(map(_around, signal_shape, kernel_shape, _each(strides, ndim), _each(dilations, ndim)))
    return Convention(reversed_axes="none", size=size, stride=strides, dilation=dilations)


def _around(signal: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return the padding of "SAME" in three dimensions and float64: negative where the stride is long."""
    total = (-(-signal // stride) - 1) * stride + dilated_extent(kernel, dilation) - signal
    before = int(total / 2)  # measured: cut off towards zero, so that of -3 one sample is left out before
    return before, total - before


def _refuses(
    signal_shape: Shape, kernel_shape: Shape, *, padding: Any, strides: Any, dilations: Any, dtype: Any = None
) -> str:
    ndim = len(kernel_shape)
    options = {"padding": padding, "strides": strides, "dilations": dilations, "dtype": dtype}
    steps, spread = _each(strides, ndim), _each(dilations, ndim)
    if padding != "SAME":
        for n, k, pad, s, d in zip(signal_shape, kernel_shape, _pairs(padding, ndim), steps, spread):
            # measured: the number of outputs is cut off towards zero before it is found to be negative
            if dilated_extent(k, d) - n - sum(pad) >= 2 * s:
                return "the dilated kernel is longer than the padded signal by two strides or more"
    # measured: only where there is something to compute
    if ndim == 3 and dtype not in NARROW and max(spread) > 1:
        counts = plain_convention(signal_shape, kernel_shape, **options).output_shape(signal_shape, kernel_shape)
        return "" if 0 in counts else "a dilation of float64"
    return ""


def _faults(
    signal_shape: Shape, kernel_shape: Shape, *, padding: Any, strides: Any, dilations: Any, dtype: Any = None
) -> str:
    options = {"padding": padding, "strides": strides, "dilations": dilations, "dtype": dtype}
    return in_one_dnn(signal_shape, kernel_shape, plain_convention(signal_shape, kernel_shape, **options), dtype)


def in_one_dnn(signal_shape: Shape, kernel_shape: Shape, convention: Convention, dtype: Any) -> str:
    """Return what goes wrong in oneDNN's convolutions; empty where nothing does, or another one computes it."""
    if dtype not in NARROW:
        return ""
    windows = convention.windows(signal_shape, kernel_shape)
    counts = convention.output_shape(signal_shape, kernel_shape)
    if 0 in counts:  # measured: the shape of the signal, and whatever lies in memory
        return "where no outputs are left, oneDNN returns memory that was never written"
    if len(counts) > 1 and counts[-1] == 1 and windows[-1].stride > 1:
        # measured with AVX-512, of one input channel; with AVX2 it is right
        return "with one output and a stride along the last axis, oneDNN reads memory that is not the signal's"
    if dtype == "float16" and any(max(w.before, w.after) >= dilated_extent(w.kernel, w.dilation) for w in windows):
        return "where float16 is padded by more than the kernel, oneDNN may write beyond the result"
    return ""


def _depthwise_convention(
    signal_shape: Shape, kernel_shape: Shape, *, padding: Any, strides: Any, dilations: Any, dtype: Any = None
) -> Convention:
    # measured: with any dilation, "SAME" is padded as without a stride
    if padding == "SAME" and max(_each(dilations, 2)) > 1:
        extents = (dilated_extent(k, d) for k, d in zip(kernel_shape, _each(dilations, 2)))
        padding = tuple(((extent - 1) // 2, extent // 2) for extent in extents)
    options = {"padding": padding, "strides": strides, "dilations": dilations}
    return plain_convention(signal_shape, kernel_shape, **options)


def _depthwise_refuses(
    signal_shape: Shape, kernel_shape: Shape, *, padding: Any, strides: Any, dilations: Any, dtype: Any = None
) -> str:
    if dtype not in NARROW and len(set(_each(strides, 2))) > 1:
        return "strides of float64 that differ"
    return _refuses(signal_shape, kernel_shape, padding=padding, strides=strides, dilations=dilations)


def _depthwise_faults(
    signal_shape: Shape, kernel_shape: Shape, *, padding: Any, strides: Any, dilations: Any, dtype: Any = None
) -> str:
    if any(s > 1 and d > 1 for s, d in zip(_each(strides, 2), _each(dilations, 2))):
        # measured: it skips outputs within each of the signals that the dilation takes apart
        return "a stride and a dilation along one axis: output n begins at sample d*s*(n // d) + n % d, not s*n"
    options = {"padding": padding, "strides": strides, "dilations": dilations}
    return in_one_dnn(signal_shape, kernel_shape, _depthwise_convention(signal_shape, kernel_shape, **options), dtype)


def _output_shape(signal_shape: Shape, kernel_shape: Shape, options: dict[str, Any]) -> Shape:
    """Return the outputs per axis that an output_shape asks for, as numbers or as one of the entries' words."""
    wanted, ndim, counts = options["output_shape"], len(kernel_shape), []
    if not isinstance(wanted, str):
        return tuple(wanted)
    steps, spread = (_each(options[name], ndim) for name in ("strides", "dilations"))
    for axis, (n, k, s, d) in enumerate(zip(signal_shape, kernel_shape, steps, spread)):
        if options["padding"] == "SAME":
            counts.append(n * s if wanted == "default" else (n - 1) * s + 1)
        else:
            least = (n - 1) * s + dilated_extent(k, d) - sum(_pairs(options["padding"], ndim)[axis])
            counts.append(least if wanted == "default" else least + s - 1)
    return tuple(counts)


def transposed_convention(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> Convention:
    """Return what the transposes compute with a padding, strides, dilations and an output_shape."""
    ndim, size, padding = len(kernel_shape), [], options["padding"]
    outputs = _output_shape(signal_shape, kernel_shape, options)
    steps, spread = (_each(options[name], ndim) for name in ("strides", "dilations"))
    for axis, (n, k, o, s, d) in enumerate(zip(signal_shape, kernel_shape, outputs, steps, spread)):
        extent = dilated_extent(k, d)
        # measured: the padding is that of the convolution from the output's shape to the signal's
        start = max((n - 1) * s + extent - o, 0) // 2 if padding == "SAME" else _pairs(padding, ndim)[axis][0]
        before = extent - 1 - start
        size.append((before, o + extent - 2 - before - (n - 1) * s))
    return Convention(size=tuple(size), upsample=options["strides"], dilation=options["dilations"])


def transposed_refuses(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    """Return why the transposes refuse these options; empty where they take them."""
    ndim, padding = len(kernel_shape), options["padding"]
    steps, spread = (_each(options[name], ndim) for name in ("strides", "dilations"))
    outputs = _output_shape(signal_shape, kernel_shape, options)
    if min(outputs) < 0:
        return "a negative output_shape"
    for axis, (n, k, o, s, d) in enumerate(zip(signal_shape, kernel_shape, outputs, steps, spread)):
        pad = 0 if padding == "SAME" else sum(_pairs(padding, ndim)[axis])
        count = -(-o // s) if padding == "SAME" else int((o + pad - dilated_extent(k, d) + s) / s)
        if count != n:
            return "an output_shape of which the convolution has not the shape of the signal"
    if max(spread) > 1 and 0 not in (*outputs, *signal_shape):
        if options.get("dtype") not in NARROW:
            return "a dilation of float64 or int32"
        if not isinstance(padding, str):
            return "a dilation together with explicit padding"
    return ""


def transposed_faults(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    """Return what goes wrong in the transposes instead of a result; empty where nothing does."""
    narrow = options.get("dtype") in NARROW
    nothing = min((*_output_shape(signal_shape, kernel_shape, options), *signal_shape)) < 1
    return "oneDNN ends the process, or reads memory that is not the signal's" if narrow and nothing else ""


def functions() -> Any:
    """Return ``tf.nn``, and keep TensorFlow from printing what it does, if nobody has decided that."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read once, when TensorFlow is loaded
    return import_module("tensorflow").nn


def _operands(dtype: str | None, *arrays: NDArray[Any]) -> list[NDArray[Any]]:
    signal, kernel = (array if dtype is None else array.astype(dtype) for array in arrays)
    return [signal[None, ..., None], kernel[..., None, None]]


def _padding(padding: Any, ndim: int) -> Any:
    return padding if isinstance(padding, str) else [[0, 0], *map(list, _pairs(padding, ndim)), [0, 0]]


def _run(name: str) -> Any:
    def call(
        signal: NDArray[Any], kernel: NDArray[Any], *, padding: Any, strides: int, dilations: int, dtype: Any = None
    ) -> NDArray[Any]:
        ndim = signal.ndim
        steps, spread = ([1, *_each(one, ndim), 1] for one in (strides, dilations))
        operands = _operands(dtype, signal, kernel)
        result = getattr(functions(), name)(*operands, steps, _padding(padding, ndim), dilations=spread)
        return np.asarray(result[0, ..., 0])

    return call


def _run_depthwise(
    signal: NDArray[Any], kernel: NDArray[Any], *, padding: Any, strides: int, dilations: int
) -> NDArray[Any]:
    steps, spread = [1, strides, strides, 1], [dilations] * 2
    operands = _operands(None, signal, kernel)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "When dilation rate is greater than 1", UserWarning)
        result = functions().depthwise_conv2d(*operands, steps, _padding(padding, 2), dilations=spread)
    return np.asarray(result[0, ..., 0])


def _run_transposed(name: str) -> Any:
    def call(signal: NDArray[Any], kernel: NDArray[Any], **options: Any) -> NDArray[Any]:
        shape = (1, *_output_shape(signal.shape, kernel.shape, options), 1)
        operands = _operands(options["dtype"], signal, kernel)
        padding = _padding(options["padding"], signal.ndim)
        function = getattr(functions(), name)
        result = function(*operands, shape, options["strides"], padding, dilations=options["dilations"])
        return np.asarray(result[0, ..., 0])

    return call


def _layout(ndim: int, kernel: str) -> Layout:
    axes = _AXES[-ndim:]
    return Layout(signal=f"N{axes}C", kernel=f"{axes}{kernel}", result=f"N{axes}C")


_ADDRESS = "https://www.tensorflow.org/api_docs/python/tf/nn/"
_ARITHMETIC = Arithmetic(result="signal")
_PADDINGS: dict[int, tuple[Any, ...]] = {1: ("VALID", "SAME"), 2: ("VALID", "SAME", (2, 1)), 3: ("VALID", "SAME")}
_TYPES = (None, "float32")
_LOST = (
    "Of float32, a kernel that leaves no outputs gives the signal's shape full of whatever lay in memory, and one "
    "output along the last axis with a stride there is computed wrongly with AVX-512."
)


def _convolution(ndim: int) -> Operator:
    name = f"conv{ndim}d"
    axes, stride = _AXES[-ndim:], "stride" if ndim == 1 else "strides"
    several = {"dtype": _TYPES} if ndim == 3 else {}
    return Operator(
        name=f"tensorflow.nn.{name}",
        library="tensorflow",
        install="pip install tensorflow-cpu",
        named="convolution",
        ndims=(ndim,),
        options={
            "padding": _PADDINGS[ndim],
            "strides": (1, 2, 4) if ndim == 3 else (1, 2, 3),
            "dilations": (1, 2),
            **several,
        },
        convention=plain_convention,
        call=_run(name),
        accepts=_refuses,
        faults=_faults,
        signature=f"(input, filters, {stride}, padding, data_format='N{axes}C', dilations=None, name=None)",
        bind=partial(bind_convolution, ndim, plain_convention),
        arithmetic=_ARITHMETIC,
        layout=_layout(ndim, "IO"),
        source=f"{_ADDRESS}{name}",
        remarks=(
            "Of float64, SAME has a negative padding where the stride is longer than the dilated kernel, and so "
            "another phase than of float32 and than in two dimensions. The text says that it implements a form of "
            "cross-correlation. " + _LOST
            if ndim == 3
            else "Named a convolution, with the formula of a cross-correlation. " + _LOST
        ),
    )


def _transposed(ndim: int) -> Operator:
    name, axes = f"conv{ndim}d_transpose", _AXES[-ndim:]
    return Operator(
        name=f"tensorflow.nn.{name}",
        library="tensorflow",
        install="pip install tensorflow-cpu",
        named="convolution",
        ndims=(ndim,),
        options={
            "padding": tuple(sorted(_PADDINGS[ndim], key=lambda padding: padding != "SAME")),
            "strides": (1, 3),
            "output_shape": ("default", "other"),
            "dilations": (1, 2),
            "dtype": _TYPES,
        },
        convention=transposed_convention,
        call=_run_transposed(name),
        accepts=transposed_refuses,
        faults=transposed_faults,
        signature=(
            f"(input, filters, output_shape, strides, padding='SAME', data_format='N{axes}C', dilations=None, "
            "name=None)"
        ),
        bind=partial(bind_transposed, ndim),
        arithmetic=_ARITHMETIC,
        layout=_layout(ndim, "OI"),
        source=f"{_ADDRESS}{name}",
        remarks=(
            "A true convolution. output_shape has no default: here it is N*strides for SAME and otherwise the least, "
            '(N-1)*strides + extent - padding; "other" is the least for SAME, (N-1)*strides + 1, and otherwise the '
            "largest. A CPU takes dilations of float32, not of float64."
        ),
    )


OPERATORS = (
    *map(_convolution, (1, 2, 3)),
    Operator(
        name="tensorflow.nn.depthwise_conv2d",
        library="tensorflow",
        install="pip install tensorflow-cpu",
        named="convolution",
        ndims=(2,),
        options={"padding": _PADDINGS[2], "strides": (1, 2, 3), "dilations": (1, 2)},
        convention=_depthwise_convention,
        call=_run_depthwise,
        accepts=_depthwise_refuses,
        faults=_depthwise_faults,
        signature="(input, filter, strides, padding, data_format=None, dilations=None, name=None)",
        bind=bind_depthwise,
        arithmetic=_ARITHMETIC,
        layout=_layout(2, "IO"),
        source=f"{_ADDRESS}depthwise_conv2d",
        remarks=(
            "A stride together with a dilation is ruled out by the text and only warned of: the result is no "
            "convolution. Of the kernel, I is all input channels and O the outputs of each. " + _LOST
        ),
    ),
    *map(_transposed, (1, 2, 3)),
)
