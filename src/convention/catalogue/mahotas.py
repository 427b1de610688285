"""Mahotas: ``mahotas.convolve`` and ``mahotas.convolve1d``, which both correlate."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue.entry import Operator, Shape, axis_number, chosen, dtype_name
from convention.definition import Convention
from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["OPERATORS"]

_MODES = {
    "reflect": "half-sample",
    "nearest": "edge",
    "wrap": "periodic",
    "mirror": "whole-sample",
    "constant": "zero",
    "ignore": "zero",  # measured: leaving a sample out of a sum is the same as a sample of 0
}
_ALLOWED = "booleans, integers of 8 to 64 bits, float32, float64, longdouble"


def _convention(signal_shape: Shape, kernel_shape: Shape, *, mode: str, axis: int = 0) -> Convention:
    # measured: the kernel is not reversed, and K//2 samples lie before the output; its documentation says convolution
    return Convention(reversed_axes="none", size="same", boundary=_MODES[mode])


def _one_tap(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    # measured: it squeezes the weights, which takes the only axis of a single one away
    return "weights of one tap" if kernel_shape == (1,) else ""


def _result(signal: str, kernel: str, **options: Any) -> str:
    if signal == "float16" or "complex" in signal or signal == "bfloat16":
        raise ConventionTypeError(
            f"f of {signal}", "mahotas has no loop for it", _ALLOWED, "convert it, for example to float64"
        )
    return signal


def _convolve(signal: NDArray[Any], kernel: NDArray[Any], *, mode: str) -> NDArray[Any]:
    import mahotas

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)  # weights lose their imaginary part
        return np.asarray(mahotas.convolve(signal, kernel, mode=mode))


def _convolve1d(signal: NDArray[Any], kernel: NDArray[Any], *, mode: str, axis: int) -> NDArray[Any]:
    import mahotas

    image = np.ascontiguousarray(signal[:, None] if axis == 0 else signal[None])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        return np.asarray(mahotas.convolve1d(image, kernel, axis, mode=mode)).reshape(signal.shape)


def _bind_nd(f: Any, weights: Any, mode: Any, cval: Any, out: Any, output: Any) -> Any:
    if weights.ndim != f.ndim:
        raise ConventionValueError(
            f"weights of {weights.ndim} axes on an image of {f.ndim}",
            "their numbers differ",
            "weights with as many axes as f",
            "reshape the weights",
        )
    options = {"mode": _mode(mode, cval)}
    extras = _stored(f, output if out is None else out, writes_at_once=True)
    # measured: the weights are cast first, so 0.5 is 0 for an integer image; taps of 0 are then left out
    kernel = _cast(weights, f.dtype)
    if f.ndim == 0:
        extras = {**extras, "shape": ()}
        f, kernel = f.reshape((1,)), kernel.reshape((1,))
    if 0 in kernel.shape:  # measured: a sum over nothing
        kernel = _new(kernel, (1,) * f.ndim)
    return f, kernel, options, {**extras, "skips_zeros": True}


def _bind_1d(f: Any, weights: Any, axis: Any, mode: Any, cval: Any, out: Any) -> Any:
    weights = weights.squeeze()
    if weights.ndim != 1:
        raise ConventionValueError(
            f"weights of {weights.ndim} axes, those of one element not counted",
            "not one axis",
            "a sequence of at least two taps",
            "pass one tap between two zeros, for example [0, 2, 0]",
        )
    where = axis_number("axis", axis, f.ndim)
    options = {"mode": _mode(mode, cval), "axis": where}
    contiguous = f.flags.c_contiguous if isinstance(f, np.ndarray) else f.is_contiguous()
    extras = {"axes": (where,)}
    if not (contiguous and weights.shape[0] < f.shape[where]):
        # measured: what is not shorter than the signal, or lies scattered in memory, goes through mahotas.convolve
        shape = [1] * f.ndim
        shape[where] = weights.shape[0]
        f, kernel, _, rest = _bind_nd(f, weights.reshape(shape), mode, cval, out, None)
        return f, kernel.reshape((-1,)), options, {**rest, **extras}
    last = where == f.ndim - 1
    kernel = weights.real if "complex" in dtype_name(weights) else weights
    return f, kernel, options, {**_stored(f, out, writes_at_once=last), **extras}


def _mode(mode: Any, cval: Any) -> str:
    word = chosen("mode", mode, _MODES)
    if word == "constant" and cval != 0:
        raise ConventionValueError(
            f"mode='constant' with cval={cval!r}", "mahotas continues with zeros only", "cval=0", "pad the image first"
        )
    return word


def _cast(array: Any, dtype: Any) -> Any:
    return array.astype(dtype, copy=False) if isinstance(array, np.ndarray) else array.to(dtype)


def _stored(f: Any, out: Any, *, writes_at_once: bool) -> dict[str, Any]:
    """Return what says where the result goes: an ``out=`` array is checked as mahotas checks it."""
    _result(dtype_name(f), "")
    boolean = dtype_name(f) == "bool"
    if out is None:
        # measured: a boolean result is true where the sum is not 0, which writing into booleans does
        return {"dtype": "float64", "out": _new(f, f.shape)} if boolean else {}
    own = isinstance(out, np.ndarray)
    contiguous = out.flags.c_contiguous if own else out.is_contiguous()
    if out.dtype != f.dtype or tuple(out.shape) != tuple(f.shape) or not contiguous:
        raise ConventionValueError(
            f"out of {dtype_name(out)} with shape {tuple(out.shape)}{'' if contiguous else ', not contiguous'}",
            f"the result is of {dtype_name(f)} with shape {tuple(f.shape)}",
            "a contiguous array of just that type and shape",
            "leave out= away",
        )
    shared = np.may_share_memory(f, out) if own else f.data_ptr() == out.data_ptr()
    if writes_at_once and shared:
        raise ConventionValueError(
            "out= in the memory of f",
            "mahotas then reads samples that it has replaced already",
            "an array of its own",
            "leave out= away and assign the result",
        )
    return {"dtype": "float64", "out": out} if boolean else {"out": out}


def _new(array: Any, shape: Shape) -> Any:
    return np.zeros(shape, array.dtype) if isinstance(array, np.ndarray) else array.new_zeros(shape)


_SUMS = (
    "Its documentation says convolution; it correlates. mode='ignore' and mode='constant' both continue with zeros: "
    "another cval is refused. Sums are taken in float64 and cut off towards zero for an integer signal; those of 8 and "
    "16 bits wrap, and what does not fit into 32 or 64 is undefined. A boolean is true where the sum is not 0. "
)
_CAST = (
    "The weights are cast to the image's type first: 0.5 becomes 0 for an integer image, and -0.5 true for a boolean "
    "one. Taps of 0 are left out: a NaN under one does not spread. "
)
_ADDRESS = "https://mahotas.readthedocs.io/en/latest/api.html#mahotas."

OPERATORS = (
    Operator(
        name="mahotas.convolve",
        library="mahotas",
        named="convolution",
        ndims=(1, 2, 3),
        options={"mode": tuple(_MODES)},
        convention=_convention,
        call=_convolve,
        result_dtype=_result,
        signature="(f, weights, mode='reflect', cval=0.0, out=None, output=None)",
        arrays=("f", "weights"),
        bind=_bind_nd,
        arithmetic=Arithmetic(result="signal", sums="float64", kernel="signal", rounding="truncate", overflow="wrap"),
        source=f"{_ADDRESS}convolve",
        remarks=_SUMS + _CAST + "Where out= is the image itself, it reads what it has written.",
    ),
    Operator(
        name="mahotas.convolve1d",
        library="mahotas",
        named="convolution",
        ndims=(1,),
        options={"mode": tuple(_MODES), "axis": (0, 1)},
        convention=_convention,
        call=_convolve1d,
        accepts=_one_tap,
        result_dtype=_result,
        signature="(f, weights, axis, mode='reflect', cval=0.0, out=None)",
        arrays=("f", "weights"),
        bind=_bind_1d,
        arithmetic=Arithmetic(result="signal", sums="float64", kernel="float64", rounding="truncate", overflow="wrap"),
        source=f"{_ADDRESS}convolve1d",
        remarks=_SUMS
        + "The axis is one of an image of two. Weights of one tap are refused. Weights that are shorter than the "
        "signal stay floats; longer ones, and those of an image that is not contiguous, go through mahotas.convolve. "
        + "There t"
        + _CAST[1:],
    ),
)
