"""SciPy: ``scipy.ndimage`` convolve, correlate, convolve1d and correlate1d."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue.entry import Operator, Shape, axis_number, integer, promoted
from convention.definition import Convention
from convention.errors import ConventionRuntimeError, ConventionTypeError, ConventionValueError, nearest

__all__ = ["OPERATORS"]

_MODES = {
    "reflect": "half-sample",
    "grid-mirror": "half-sample",
    "constant": "constant",
    "grid-constant": "constant",
    "nearest": "edge",
    "mirror": "whole-sample",
    "wrap": "periodic",
    "grid-wrap": "periodic",
}
_REFUSED = ("float16", "longdouble", "float128", "float96", "clongdouble", "complex256", "complex192")
"""Data types of the signal that ndimage has no loop for."""

_LEAN = (
    'Correlation is size "same"; convolution reverses the kernel and moves the origin of an even one, which makes it '
    '"same-upper". '
)
_SUMS = (
    "Sums are taken in float64 whatever comes in, and cut off towards zero for an integer signal: -1.5 becomes -1, and "
    "300 becomes 44 in uint8; integers beyond 2**53 lose digits. A boolean result is true where that uint8 is not 0, "
    "and its bytes are not only 0 and 1. A complex result has the precision of the signal, not of the weights. "
)


def _origins(origin: Any, count: int) -> tuple[int, ...]:
    return tuple(origin) if isinstance(origin, Sequence) else (origin,) * count


def _convention(definition: str) -> Callable[..., Convention]:
    def convention(
        signal_shape: Shape, kernel_shape: Shape, *, mode: str, origin: Any = 0, cval: Any = 0.0
    ) -> Convention:
        size = []
        for k, shift in zip(kernel_shape, _origins(origin, len(kernel_shape))):
            # measured in tests/truth: a positive origin moves correlate's window left, and convolve's right
            before = k // 2 + shift if definition == "none" else (k - 1) // 2 - shift
            size.append((before, k - 1 - before))
        boundary = _MODES[mode]
        return Convention(
            reversed_axes=definition,
            size=tuple(size),
            boundary=boundary,
            value=cval if boundary == "constant" else 0,
            conjugate=definition == "none",
        )

    return convention


def _accepts(definition: str) -> Callable[..., str]:
    def accepts(signal_shape: Shape, kernel_shape: Shape, *, origin: Any = 0, **options: Any) -> str:
        for k, shift in zip(kernel_shape, _origins(origin, len(kernel_shape))):
            before = k // 2 + shift if definition == "none" else (k - 1) // 2 - shift
            if not 0 <= before < k:
                return f"origin {shift} moves the window of {k} taps off its output"
        return "" if all(kernel_shape) else "an empty kernel"

    return accepts


def _reads_outside(signal_shape: Shape, kernel_shape: Shape, *, mode: str, origin: Any = 0, **options: Any) -> str:
    if mode in ("reflect", "grid-mirror"):
        for n, k, shift in zip(signal_shape, kernel_shape, _origins(origin, len(kernel_shape))):
            if k // 2 + abs(shift) >= 4 * n > 4:
                return "position -4N takes the element before the array's first, which may be anything"
    return ""


def _result(signal: str, kernel: str, **options: Any) -> str:
    if signal in _REFUSED:
        raise ConventionRuntimeError(
            f"a signal of {signal}",
            "ndimage has no loop for it",
            "booleans, integers, float32, float64, complex64, complex128",
            "convert it, for example to float64",
        )
    return promoted(signal, "complex64") if "complex" in signal or "complex" in kernel else promoted(signal)


def _call(name: str) -> Callable[..., NDArray[Any]]:
    def call(signal: NDArray[Any], kernel: NDArray[Any], **options: Any) -> NDArray[Any]:
        from scipy import ndimage

        result: NDArray[Any] = getattr(ndimage, name)(signal, kernel, **options)
        return result

    return call


def _bind_nd(
    input: Any,
    weights: Any,
    output: Any,
    mode: Any,
    cval: Any,
    origin: Any,
    axes: Any,
) -> Any:
    where = _sorted_axes(axes, input.ndim)
    if weights.ndim != len(where):
        raise ConventionRuntimeError(
            f"weights of {weights.ndim} axes on {len(where)} axes of the input",
            f"weights.ndim ({weights.ndim}) must match len(axes) ({len(where)})",
            "weights with one axis per filtered axis",
            "reshape the weights, or name the axes in axes=",
        )
    origins = tuple(origin) if isinstance(origin, Sequence) and not isinstance(origin, str) else (origin,) * len(where)
    if len(origins) != len(where):
        raise ConventionRuntimeError(
            f"origin={origin!r}",
            "sequence argument must have length equal to input rank",
            f"{len(where)} numbers",
            "pass one per filtered axis",
        )
    shifts = tuple(integer("origin", shift) for shift in origins)
    if axes is not None and len(where) < input.ndim:
        # ndimage sorts the axes that it gives the weights to, but not the origins
        named = [axis_number("axes", axis, input.ndim) for axis in (axes if isinstance(axes, Sequence) else (axes,))]
        shifts = tuple(shift for _, shift in sorted(zip(named, shifts)))
    options = {"mode": _mode(mode), "cval": _constant(cval, input, weights), "origin": shifts}
    extras = {"axes": where, **_output(output, input, weights)}
    if input.ndim == 0:
        extras["shape"] = ()
        return input.reshape((1,)), weights.reshape((1,)), options | {"origin": 0}, {**extras, "axes": (0,)}
    return input, weights, options, extras


def _bind_1d(
    input: Any,
    weights: Any,
    axis: Any,
    output: Any,
    mode: Any,
    cval: Any,
    origin: Any,
) -> Any:
    if weights.ndim != 1 or not weights.shape[0]:
        raise ConventionRuntimeError(
            f"weights of shape {tuple(weights.shape)}", "no filter weights given", "one axis", "pass weights.ravel()"
        )
    options = {
        "mode": _mode(mode),
        "cval": _constant(cval, input, weights),
        "origin": integer("origin", origin),
    }
    return (
        input,
        weights,
        options,
        {"axes": (axis_number("axis", axis, input.ndim),), **_output(output, input, weights)},
    )


def _mode(mode: Any) -> str:
    if isinstance(mode, str) and mode in _MODES:
        return mode
    found = "boundary mode not supported" if isinstance(mode, str) else "A sequence of modes is not supported"
    raise ConventionRuntimeError(f"mode={mode!r}", found, ", ".join(_MODES), nearest(mode, _MODES))


def _sorted_axes(axes: Any, ndim: int) -> tuple[int, ...]:
    if axes is None:
        return tuple(range(ndim))
    named = [axis_number("axes", axis, ndim) for axis in (axes if isinstance(axes, Sequence) else (axes,))]
    if len(set(named)) < len(named):
        raise ConventionValueError(f"axes={axes!r}", "an axis is named twice", "different axes", "name each axis once")
    return tuple(sorted(named))


def _constant(cval: Any, signal: Any, kernel: Any) -> complex | float:
    try:
        number = complex(cval)
    except (TypeError, ValueError):
        raise ConventionTypeError(f"cval={cval!r}", "not a number", "a number", "pass a number") from None
    if "complex" in str(signal.dtype):
        return number if number.imag else number.real
    if isinstance(cval, complex) or "complex" in str(getattr(cval, "dtype", "")):
        refusal = ConventionValueError if "complex" in str(kernel.dtype) else ConventionTypeError
        raise refusal(f"cval={cval!r}", "the input is real", "a real number", "pass its real part")
    return number.real


def _output(output: Any, signal: Any, kernel: Any) -> dict[str, Any]:
    """Return what an ``output=`` argument says: a data type, or an array to write into."""
    if output is None:
        return {}
    array = hasattr(output, "shape") and not isinstance(output, (type, np.dtype))  # data types have a shape, too
    name = str(output.dtype if array else output).removeprefix("torch.")
    if not array:
        name = promoted(name) if isinstance(output, str) or "torch" in str(output) else promoted(output)
        if isinstance(output, str) and name == "bool":
            raise ConventionRuntimeError("output='bool'", "no numeric data type", "numeric ones", "use output=bool")
    wanted = "complex" in str(signal.dtype) or "complex" in str(kernel.dtype)
    if wanted and "complex" not in name and not (array or isinstance(output, str)):
        warnings.warn("promoting specified output dtype to complex", UserWarning, stacklevel=5)  # as ndimage
        name = promoted(name, "complex64")
    if wanted != ("complex" in name) or name in _REFUSED:
        raise ConventionRuntimeError(
            f"output of {name}",
            f"the result is {'complex' if wanted else 'real'}",
            "an output of its kind",
            "change it",
        )
    if array and tuple(output.shape) != tuple(signal.shape):
        raise ConventionRuntimeError(
            f"output of shape {tuple(output.shape)}",
            f"the result has shape {tuple(signal.shape)}",
            "the input's shape",
            "make it so",
        )
    return {"dtype": name, "out": output} if array else {"dtype": name}


def _entry(name: str, definition: str, signature: str, options: dict[str, Any], remarks: str) -> Operator:
    one = name.endswith("1d")
    return Operator(
        name=f"scipy.ndimage.{name}",
        library="scipy",
        named="convolution" if definition == "all" else "cross-correlation",
        ndims=(1,) if one else (1, 2, 3),
        options={"mode": tuple(_MODES), "cval": (0.0, 7.0), **options},
        convention=_convention(definition),
        call=_call(name),
        accepts=_accepts(definition),
        faults=_never_faults if one else _reads_outside,
        result_dtype=_result,
        signature=signature,
        arrays=("input", "weights"),
        bind=_bind_1d if one else _bind_nd,
        arithmetic=Arithmetic(result="signal", sums="float64", kernel="float64", rounding="truncate", overflow="wrap"),
        source=f"https://docs.scipy.org/doc/scipy/reference/generated/scipy.ndimage.{name}.html",
        remarks=_LEAN + _SUMS + remarks,
    )


def _never_faults(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    return ""


_ND = "(input, weights, output=None, mode='reflect', cval=0.0, origin=0, *, axes=None)"
_1D = "(input, weights, axis=-1, output=None, mode='reflect', cval=0.0, origin=0)"
_REFLECT = (
    "mode='reflect' reads memory outside the array from position -4N on (N > 1), which correlate1d and convolve1d do "
    "not. axes=(1, 0) does not transpose the weights, and exchanges origins only where other axes are left out."
)

OPERATORS = (
    _entry("convolve", "all", _ND, {"origin": (0, -1, 1)}, _REFLECT),
    _entry("correlate", "none", _ND, {"origin": (0, -1, 1)}, _REFLECT + " Conjugates complex weights."),
    _entry("convolve1d", "all", _1D, {"origin": (0, -1, 1)}, ""),
    _entry("correlate1d", "none", _1D, {"origin": (0, -1, 1)}, "Conjugates complex weights."),
)
