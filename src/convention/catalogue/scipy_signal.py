"""SciPy: ``scipy.signal`` convolve, correlate, fftconvolve, oaconvolve, convolve2d, correlate2d."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue.entry import Operator, Shape, axis_number, chosen, dtype_name, promoted
from convention.definition import Convention
from convention.errors import ConventionTypeError, ConventionValueError, nearest

__all__ = ["OPERATORS"]

_MODES = ("full", "valid", "same")
_FILLS = {
    "fill": "constant",
    "pad": "constant",
    "wrap": "periodic",
    "circular": "periodic",
    "symm": "half-sample",
    "symmetric": "half-sample",
}


def _sized(reversed_axes: str, signal: Shape, kernel: Shape, mode: str, **fields: Any) -> Convention:
    """Return the convention of a mode; where "valid" exchanges the operands, all windows that contain the signal."""
    size: Any = mode
    if mode == "valid" and any(k > n for n, k in zip(signal, kernel)):
        size = tuple((max(k - n, 0),) * 2 for n, k in zip(signal, kernel))
        fields = {name: field for name, field in fields.items() if name == "conjugate"}
    return Convention(reversed_axes=reversed_axes, size=size, **fields)


def _convolution(signal_shape: Shape, kernel_shape: Shape, *, mode: str, **options: Any) -> Convention:
    return _sized("all", signal_shape, kernel_shape, mode)


def _correlation(signal_shape: Shape, kernel_shape: Shape, *, mode: str, **options: Any) -> Convention:
    return _sized("none", signal_shape, kernel_shape, mode, conjugate=True)


def _swaps(signal_shape: Shape, kernel_shape: Shape, *, mode: str, **options: Any) -> bool:
    return mode == "valid" and any(k > n for n, k in zip(signal_shape, kernel_shape))


def _refused(signal_shape: Shape, kernel_shape: Shape, *, mode: str, **options: Any) -> str:
    if 0 in signal_shape or 0 in kernel_shape:
        return "an empty operand"
    return _mixed(signal_shape, kernel_shape) if mode == "valid" else ""


def _mixed(signal: Shape, kernel: Shape) -> str:
    pairs = list(zip(signal, kernel))
    if any(n < k for n, k in pairs) and any(n > k for n, k in pairs):
        return "For 'valid' mode, one must be at least as large as the other in every dimension"
    return ""


def _transformed(signal_shape: Shape, kernel_shape: Shape, *, method: str, **options: Any) -> bool:
    return method == "fft" and _long(signal_shape, kernel_shape)


def _long(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> bool:
    """Tell whether there is an axis to transform: along others SciPy multiplies."""
    return any(n != 1 and k != 1 for n, k in zip(signal_shape, kernel_shape))


def _promoted(signal: str, kernel: str, **options: Any) -> str:
    return promoted(signal, kernel)


def _loop(signal: str, kernel: str, **options: Any) -> str:
    result = promoted(signal, kernel)
    if result in ("bool", "float16"):
        raise ConventionValueError(
            f"arrays of {signal} and {kernel}", f"no loop for {result}", "integers, float32 and wider", "convert them"
        )
    return result


def _call(name: str) -> Callable[..., NDArray[Any]]:
    def call(signal: NDArray[Any], kernel: NDArray[Any], **options: Any) -> NDArray[Any]:
        from scipy import signal as library

        result: NDArray[Any] = getattr(library, name)(signal, kernel, **options)
        return result

    return call


def _same_ndim(in1: Any, in2: Any) -> None:
    if in1.ndim != in2.ndim:
        raise ConventionValueError(
            f"in1 of {in1.ndim} axes and in2 of {in2.ndim}",
            "in1 and in2 should have the same dimensionality",
            "the same number of axes",
            "reshape one",
        )


def _mode(mode: Any) -> str:
    if isinstance(mode, str) and mode in _MODES:
        return mode
    found = "acceptable mode flags are 'valid', 'same', or 'full'"
    raise ConventionValueError(f"mode={mode!r}", found, ", ".join(_MODES), nearest(mode, _MODES))


def _bind(in1: Any, in2: Any, mode: Any, method: Any) -> Any:
    _same_ndim(in1, in2)
    options = {"mode": _mode(mode), "method": chosen("method", method, ("auto", "direct", "fft"))}
    if in1.ndim == 0:
        return in1.reshape((1,)), in2.reshape((1,)), options, {"shape": ()}
    # the engine may take a transform where SciPy may
    extras: dict[str, Any] = {} if method == "direct" else {"method": "auto"}
    if method == "fft":
        extras["finish"] = _warned
    numpy_does = in1.ndim == 1 and (mode != "same" or in1.shape[0] >= in2.shape[0])
    if not numpy_does and method != "fft" and in1.shape != () and 0 not in (*in1.shape, *in2.shape):
        extras["dtype"] = _loop(dtype_name(in1), dtype_name(in2))
    return in1, in2, options, extras


def _warned(result: Any) -> Any:
    """Return the result, with SciPy's warning where its first number is not finite."""
    if 0 not in result.shape and not isfinite(abs(complex(result.reshape((-1,))[0]))):
        warnings.warn(
            "Use of fft convolution on input with NAN or inf results in NAN or inf output. "
            "Consider using method='direct' instead.",
            RuntimeWarning,
            stacklevel=5,
        )
    return result


def _bind_fft(in1: Any, in2: Any, mode: Any, axes: Any) -> Any:
    _same_ndim(in1, in2)
    options = {"mode": _mode(mode)}
    if in1.ndim == 0:
        dtype = promoted(dtype_name(in1), dtype_name(in2))
        return in1.reshape((1,)), in2.reshape((1,)), options, {"shape": (), "dtype": dtype}
    if 0 in (*in1.shape, *in2.shape):
        return in1, in2, options, {"nothing": True, "dtype": "float64"}
    where = _fft_axes(axes, in1.ndim)
    n, k = in1.shape, in2.shape
    others = [axis for axis in range(in1.ndim) if axis not in where]
    if any(n[axis] != k[axis] and 1 not in (n[axis], k[axis]) for axis in others):
        raise ConventionValueError(
            f"broadcasting along axes {others}",
            f"incompatible shapes for in1 and in2: {tuple(n)} and {tuple(k)}",
            "equal lengths, or 1",
            "name these axes in axes=",
        )
    extras: dict[str, Any] = {"method": "auto"}
    if not _long(tuple(n[axis] for axis in where), tuple(k[axis] for axis in where)):
        extras["dtype"] = promoted(dtype_name(in1), dtype_name(in2))
    if others:
        if mode == "same":  # measured: of what is broadcast, too, only the middle is returned
            middle = [
                (slice((k[axis] - 1) // 2, (k[axis] - 1) // 2 + 1) if n[axis] == 1 else slice(None)) for axis in others
            ]
            place = dict(zip(others, middle))
            in2 = in2[tuple(place.get(axis, slice(None)) for axis in range(in1.ndim))]
        extras["axes"] = where
        in2 = in2.permute(*others, *where) if hasattr(in2, "permute") else in2.transpose((*others, *where))
    return in1, in2, options, extras


def _fft_axes(axes: Any, ndim: int) -> tuple[int, ...]:
    if axes is None:
        return tuple(range(ndim))
    given, found, named = (axes if isinstance(axes, Sequence) else (axes,)), "", []
    try:
        named = [axis_number("axes", axis, ndim) for axis in given]
    except ConventionTypeError:  # SciPy has a ValueError for this
        found = "axes must be a scalar or iterable of integers"
    except ConventionValueError:
        found = "axes exceeds dimensionality of input"
    if not given:
        found = "when provided, axes cannot be empty"
    elif not found and len(set(named)) < len(named):
        found = "all axes must be unique"
    if found:
        allowed = f"different integers from {-ndim} to {ndim - 1}"
        raise ConventionValueError(f"axes={axes!r}", found, allowed, "name each axis once, or use axes=None for all")
    return tuple(sorted(named))


def _fft_result(signal: str, kernel: str, **options: Any) -> str:
    # scipy.fft computes in float32 for float16, and in float64 for booleans and integers
    single = {"float16": "float32"}
    real = [single.get(name, name) if "float" in name or "complex" in name else "float64" for name in (signal, kernel)]
    return promoted(*real)


def _fft_refused(signal_shape: Shape, kernel_shape: Shape, *, mode: str, **options: Any) -> str:
    if 0 in signal_shape or 0 in kernel_shape:
        return ""
    # along axes of length 1 there is no transform and no check
    pairs = [(n, k) for n, k in zip(signal_shape, kernel_shape) if n != 1 and k != 1]
    return _mixed(tuple(n for n, _ in pairs), tuple(k for _, k in pairs)) if mode == "valid" else ""


def _convention_2d(definition: str) -> Callable[..., Convention]:
    def convention(signal_shape: Shape, kernel_shape: Shape, *, mode: str, boundary: str, fillvalue: Any) -> Convention:
        rule = _FILLS[boundary]
        # correlate2d computes the part of "full" that convolve2d does: an even kernel leans the other way
        size = "same-upper" if definition == "none" and mode == "same" else mode
        value = fillvalue if rule == "constant" else 0
        conjugate = definition == "none"
        return _sized(definition, signal_shape, kernel_shape, size, boundary=rule, value=value, conjugate=conjugate)

    return convention


def _bind_2d(definition: str) -> Callable[..., Any]:
    def bind(in1: Any, in2: Any, mode: Any, boundary: Any, fillvalue: Any) -> Any:
        if not in1.ndim == in2.ndim == 2:
            raise ConventionValueError(
                f"in1 of {in1.ndim} axes and in2 of {in2.ndim}", "not two", "two axes each", "reshape them"
            )
        options = {
            "mode": _mode(mode),
            "boundary": chosen("boundary", boundary, _FILLS),
            "fillvalue": 0,
        }
        dtype = _loop(dtype_name(in1), dtype_name(in2))
        if _FILLS[boundary] == "constant":  # otherwise it is not looked at
            options["fillvalue"] = _fill(fillvalue, dtype)
        # measured: exchanged for "valid", the wrong operand is conjugated
        wrong = definition == "none" and _swaps(in1.shape, in2.shape, mode=mode)
        return in1, in2, options, {"conjugated": wrong}

    return bind


def _fill(value: Any, dtype: str) -> Any:
    """Return the fill value as the result's data type has it."""
    try:
        number = complex(np.asarray(value).item())
    except (TypeError, ValueError):
        raise ConventionValueError(
            f"fillvalue={value!r}",
            "`fillvalue` must be scalar or an array with one element, of numbers",
            "a number, or an array of one",
            "pass a number",
        ) from None
    if "complex" in dtype:
        return number if number.imag else number.real
    whole = "int" in dtype
    fits = not whole or (isfinite(number.real) and np.iinfo(dtype).min <= int(number.real) <= np.iinfo(dtype).max)
    if number.imag or not fits:
        raise ConventionValueError(
            f"fillvalue={value!r}",
            f"could not cast `fillvalue` directly to the output type, {dtype}",
            f"what {dtype} holds",
            "change it",
        )
    return int(number.real) if whole else number.real


def _source(name: str) -> str:
    return f"https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal.{name}.html"


_METHODS = (
    "method='fft' rounds integers to the nearest; what then does not fit their type is undefined, where 'direct' "
    "wraps, and of booleans any rounding error is True. method='auto' takes a transform for large arrays. Without a "
    "transform, booleans and float16 are taken in one dimension only. "
)
_NOISE = (
    "Integers and booleans become float64, unless no axis is longer than 1 in both operands: then nothing is "
    "transformed and they stay what they are. float32 with float64 gives float64 with the precision of float32. In "
    "'valid' an axis of length 1 may belong to either operand. "
)
_2D = "Beyond an empty signal, boundary='wrap' and 'symm' end the process (SIGFPE). "


def _general(name: str, definition: Callable[..., Convention], remarks: str) -> Operator:
    return Operator(
        name=f"scipy.signal.{name}",
        library="scipy",
        named="convolution" if name == "convolve" else "cross-correlation",
        ndims=(1, 2, 3),
        options={"mode": _MODES, "method": ("auto", "direct", "fft")},
        convention=definition,
        call=_call(name),
        accepts=_refused,
        swaps=_swaps,
        transforms=_transformed,
        result_dtype=_promoted,
        signature="(in1, in2, mode='full', method='auto')",
        arrays=("in1", "in2"),
        bind=_bind,
        arithmetic=Arithmetic(),
        source=_source(name),
        remarks=_METHODS + remarks,
    )


def _by_transform(name: str, remarks: str) -> Operator:
    return Operator(
        name=f"scipy.signal.{name}",
        library="scipy",
        named="convolution",
        ndims=(1, 2, 3),
        options={"mode": _MODES},
        convention=_convolution,
        call=_call(name),
        accepts=_fft_refused,
        swaps=_swaps,
        transforms=_long,
        result_dtype=_fft_result,
        signature="(in1, in2, mode='full', axes=None)",
        arrays=("in1", "in2"),
        bind=_bind_fft,
        arithmetic=Arithmetic(result="float64", overflow="none", nan="everywhere"),
        source=_source(name),
        remarks=_NOISE + remarks,
    )


def _sampleless(signal_shape: Shape, kernel_shape: Shape, *, boundary: str, **options: Any) -> str:
    return (
        "a division by zero ends the process (SIGFPE)" if 0 in signal_shape and _FILLS[boundary] != "constant" else ""
    )


def _mixed_valid(signal_shape: Shape, kernel_shape: Shape, *, mode: str, **options: Any) -> str:
    return _mixed(signal_shape, kernel_shape) if mode == "valid" else ""


def _planar(name: str, definition: str, remarks: str) -> Operator:
    return Operator(
        name=f"scipy.signal.{name}",
        library="scipy",
        named="convolution" if definition == "all" else "cross-correlation",
        ndims=(2,),
        options={"mode": _MODES, "boundary": tuple(_FILLS), "fillvalue": (0, 7)},
        convention=_convention_2d(definition),
        call=_call(name),
        accepts=_mixed_valid,
        faults=_sampleless,
        swaps=_swaps,
        result_dtype=_loop,
        signature="(in1, in2, mode='full', boundary='fill', fillvalue=0)",
        arrays=("in1", "in2"),
        bind=_bind_2d(definition),
        arithmetic=Arithmetic(),
        source=_source(name),
        remarks=_2D + remarks,
    )


OPERATORS = (
    _general("convolve", _convolution, ""),
    _general("correlate", _correlation, "Conjugates its second operand."),
    _by_transform("fftconvolve", "One NaN makes every output NaN."),
    _by_transform("oaconvolve", "One NaN makes every output of its blocks NaN."),
    _planar("convolve2d", "all", ""),
    _planar(
        "correlate2d",
        "none",
        "An even kernel leans the other way than in scipy.signal.correlate: 'same' is same-upper. Conjugates its "
        "second operand, but the first where 'valid' exchanges them.",
    ),
)
