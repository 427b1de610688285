"""JAX: ``jax.numpy`` convolve and correlate, and ``jax.scipy.signal``, called with 64-bit types enabled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue.entry import Operator, Shape, axis_number, chosen
from convention.catalogue.jax_types import (
    SEMANTICS,
    array_of,
    check_precision,
    element_type,
    inexact,
    promoted_by_jax,
)
from convention.definition import Convention
from convention.errors import ConventionValueError

__all__ = ["OPERATORS"]

_MODES = ("full", "same", "valid")
_METHODS = ("auto", "direct", "fft")


def _longer(signal_shape: Shape, kernel_shape: Shape, *, mode: str, **options: Any) -> bool:
    return mode == "valid" and all(k >= n for n, k in zip(signal_shape, kernel_shape)) and signal_shape != kernel_shape


def _longer_in_numpy(signal_shape: Shape, kernel_shape: Shape, *, mode: str) -> bool:
    return kernel_shape[0] > signal_shape[0]


def _size(signal_shape: Shape, kernel_shape: Shape, mode: str) -> Any:
    """Return the size that a mode means: with a longer kernel, of the result that the swapped operands give."""
    if _longer(signal_shape, kernel_shape, mode=mode):
        # measured: the windows in which the signal lies inside the kernel
        return tuple((k - n, k - n) for n, k in zip(signal_shape, kernel_shape))
    return mode


def _size_in_numpy(signal_shape: Shape, kernel_shape: Shape, mode: str, definition: str) -> Any:
    n, k = signal_shape[0], kernel_shape[0]
    if mode == "same" and k > n:  # measured, as in numpy: k outputs, centred on the kernel
        before = k - n + n // 2 if definition == "all" else k - 1 - n // 2
        return ((before, 2 * k - n - 1 - before),)
    return _size(signal_shape, kernel_shape, mode)


def _convolution(signal_shape: Shape, kernel_shape: Shape, *, mode: str, **options: Any) -> Convention:
    return Convention(size=_size(signal_shape, kernel_shape, mode))


def _correlation(signal_shape: Shape, kernel_shape: Shape, *, mode: str, **options: Any) -> Convention:
    return Convention(reversed_axes="none", size=_size(signal_shape, kernel_shape, mode), conjugate=True)


def _convolution_in_numpy(signal_shape: Shape, kernel_shape: Shape, *, mode: str) -> Convention:
    return Convention(size=_size_in_numpy(signal_shape, kernel_shape, mode, "all"))


def _correlation_in_numpy(signal_shape: Shape, kernel_shape: Shape, *, mode: str) -> Convention:
    size = _size_in_numpy(signal_shape, kernel_shape, mode, "none")
    return Convention(reversed_axes="none", size=size, conjugate=True)


def _correlation_2d(signal_shape: Shape, kernel_shape: Shape, *, mode: str) -> Convention:
    if mode == "same":  # measured: before is floor((K-1)/2), where jax.scipy.signal.correlate takes the ceiling
        return Convention(reversed_axes="none", size="same-upper", conjugate=True)
    return _correlation(signal_shape, kernel_shape, mode=mode)


def _empty(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    return "an empty operand" if 0 in signal_shape + kernel_shape else ""


def _crossed(signal_shape: Shape, kernel_shape: Shape) -> bool:
    pairs = list(zip(signal_shape, kernel_shape))
    return any(n < k for n, k in pairs) and any(n > k for n, k in pairs)


def _refuses(signal_shape: Shape, kernel_shape: Shape, *, mode: str, method: str = "auto") -> str:
    if _crossed(signal_shape, kernel_shape) and (method != "fft" or mode == "valid"):
        return "a kernel longer than the signal along one axis and shorter along another"
    return _empty(signal_shape, kernel_shape)


def _refuses_fft(signal_shape: Shape, kernel_shape: Shape, *, mode: str) -> str:
    return _refuses(signal_shape, kernel_shape, mode=mode, method="fft")


def _transforms(signal_shape: Shape, kernel_shape: Shape, *, mode: str, method: str = "auto") -> bool:
    return method == "fft" and _long(signal_shape, kernel_shape)


def _long(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> bool:
    """Tell whether an axis is longer than 1 in both operands: otherwise JAX multiplies."""
    return any(n != 1 and k != 1 for n, k in zip(signal_shape, kernel_shape))


def _result(signal: str, kernel: str, *, method: str = "auto", **options: Any) -> str:
    result = inexact(promoted_by_jax(signal, kernel))
    if method == "fft" and result.endswith("float16"):
        raise ConventionValueError(
            f"arrays of {signal} and {kernel}",
            f"JAX transforms no {result}",
            "float32, float64, complex64, complex128, and what becomes one of them",
            "convert one of them",
        )
    return result


def _result_fft(signal: str, kernel: str, **options: Any) -> str:
    return _result(signal, kernel, method="fft")


def _in(module: str, name: str) -> Any:
    def call(signal: NDArray[Any], kernel: NDArray[Any], **options: Any) -> NDArray[Any]:
        jax = import_module("jax")
        with jax.enable_x64(True):
            return np.asarray(getattr(import_module(module), name)(signal, kernel, **options))

    return call


def _bind_numpy(a: Any, v: Any, mode: Any, precision: Any, preferred_element_type: Any) -> Any:
    names = array_of("a", a), array_of("v", v)
    for name, array in (("a", a), ("v", v)):
        if array.ndim != 1:
            raise ConventionValueError(f"{name} of {array.ndim} axes", "not one axis", "one axis", "reshape it")
    check_precision(precision)
    extras = {}
    if preferred_element_type is not None:
        # integers stay integers then, and wrap
        extras["dtype"] = element_type(promoted_by_jax(*names), preferred_element_type, a)
    return a, v, {"mode": chosen("mode", mode, _MODES)}, extras


def _same_ndim(in1: Any, in2: Any) -> None:
    array_of("in1", in1), array_of("in2", in2)
    if in1.ndim != in2.ndim:
        raise ConventionValueError(
            f"in1 of {in1.ndim} axes and in2 of {in2.ndim}", "they differ", "the same number of axes", "reshape one"
        )


def _bind(in1: Any, in2: Any, mode: Any, method: Any, precision: Any) -> Any:
    _same_ndim(in1, in2)
    options = {"mode": chosen("mode", mode, _MODES), "method": chosen("method", method, _METHODS)}
    if method == "fft":  # JAX does not look at precision then
        signal, kernel, _, extras = _bind_fft(in1, in2, mode, None)
        return signal, kernel, options, extras
    check_precision(precision)
    if in1.ndim == 0:
        return in1.reshape((1,)), in2.reshape((1,)), options, {"shape": ()}
    return in1, in2, options, {}


def _bind_fft(in1: Any, in2: Any, mode: Any, axes: Any) -> Any:
    names = array_of("in1", in1, scalars=True), array_of("in2", in2, scalars=True)
    signal, kernel = (np.asarray(one) if isinstance(one, (int, float, complex)) else one for one in (in1, in2))
    if signal.ndim != kernel.ndim:
        _same_ndim(signal, kernel)
    options = {"mode": chosen("mode", mode, _MODES)}
    extras: dict[str, Any] = {"method": "auto"}
    where = tuple(range(signal.ndim)) if axes is None else _named(axes, signal.ndim)
    n, k = signal.shape, kernel.shape
    others = [axis for axis in range(signal.ndim) if axis not in where]
    if any(n[axis] != k[axis] for axis in others):
        raise ConventionValueError(
            f"shapes {tuple(n)} and {tuple(k)} along axes {others}",
            "they differ",
            "equal lengths",
            "name these axes too",
        )
    if not _long(tuple(n[axis] for axis in where), tuple(k[axis] for axis in where)):
        extras["dtype"] = inexact(promoted_by_jax(*names))
    if not where:  # nothing is summed
        extras["shape"] = tuple(n)
        return signal.reshape((*n, 1)), kernel.reshape((*k, 1)), options, {**extras, "axes": (len(n),)}
    order = (*others, *where)
    kernel = kernel.permute(order) if hasattr(kernel, "permute") else kernel.transpose(order)
    return signal, kernel, options, {**extras, "axes": where}


def _named(axes: Any, ndim: int) -> tuple[int, ...]:
    several = isinstance(axes, Iterable) and not isinstance(axes, str)
    return tuple(sorted({axis_number("axes", axis, ndim) for axis in (axes if several else (axes,))}))


def _bind_2d(name: str) -> Callable[..., Any]:
    def bind(in1: Any, in2: Any, mode: Any, boundary: Any, fillvalue: Any, precision: Any) -> Any:
        if boundary != "fill" or np.ndim(fillvalue) or fillvalue != 0:
            raise ConventionValueError(
                f"boundary={boundary!r}, fillvalue={fillvalue!r}",
                "JAX has not made others",
                "boundary='fill', fillvalue=0",
                f"use convention.like('scipy.signal.{name}')",
            )
        _same_ndim(in1, in2)
        if in1.ndim != 2:
            raise ConventionValueError(f"arrays of {in1.ndim} axes", "not two", "two axes each", "reshape them")
        check_precision(precision)
        options = {"mode": chosen("mode", mode, _MODES)}
        # measured: exchanged for "valid", the wrong operand is conjugated
        wrong = name == "correlate2d" and _longer(in1.shape, in2.shape, mode=mode)
        return in1, in2, options, {"conjugated": wrong}

    return bind


_ADDRESS = "https://docs.jax.dev/en/latest/_autosummary/"
_FLOATS = "Booleans and integers become floats: float32, of 64 bits float64. "
_CONJUGATES = "Conjugates its second argument. "


def _scipy(name: str, named: str, convention: Any, ndims: tuple[int, ...], remarks: str) -> Operator:
    two = "2d" in name
    methods = {} if two else {"method": _METHODS}
    own = "boundary='fill', fillvalue=0, precision=None" if two else "method='auto', precision=None"
    if not two:
        remarks += "method='auto' never takes a transform. With 'fft', float16 is refused and precision not looked at. "
    return Operator(
        name=f"jax.scipy.signal.{name}",
        library="jax",
        named=named,
        ndims=ndims,
        options={"mode": _MODES, **methods},
        convention=convention,
        call=_in("jax.scipy.signal", name),
        accepts=_refuses,
        swaps=_longer,
        transforms=_transforms,
        result_dtype=_result,
        signature=f"(in1, in2, mode='full', {own})",
        bind=_bind_2d(name) if two else _bind,
        source=f"{_ADDRESS}jax.scipy.signal.{name}.html",
        remarks=f"{remarks}{_FLOATS}{SEMANTICS}".rstrip(),
    )


def _numpy(name: str, named: str, modes: tuple[str, ...], convention: Any, remarks: str) -> Operator:
    return Operator(
        name=f"jax.numpy.{name}",
        library="jax",
        named=named,
        ndims=(1,),
        options={"mode": modes},
        convention=convention,
        call=_in("jax.numpy", name),
        accepts=_empty,
        swaps=_longer_in_numpy,
        result_dtype=_result,
        signature=f"(a, v, mode={modes[0]!r}, *, precision=None, preferred_element_type=None)",
        bind=_bind_numpy,
        source=f"{_ADDRESS}jax.numpy.{name}.html",
        remarks=(
            f"{remarks}The longer operand is the signal: mode='same' has max(N, K) outputs, not 'the same size as a'. "
            f"{_FLOATS}With preferred_element_type they stay integers, and wrap. {SEMANTICS}"
        ).rstrip(),
    )


OPERATORS = (
    _numpy("convolve", "convolution", _MODES, _convolution_in_numpy, ""),
    _numpy("correlate", "cross-correlation", ("valid", "full", "same"), _correlation_in_numpy, _CONJUGATES),
    _scipy("convolve", "convolution", _convolution, (1, 2), ""),
    _scipy(
        "correlate",
        "cross-correlation",
        _correlation,
        (1, 2),
        f"{_CONJUGATES}Even kernels are centred otherwise than in correlate2d. ",
    ),
    _scipy("convolve2d", "convolution", _convolution, (2,), ""),
    _scipy(
        "correlate2d",
        "cross-correlation",
        _correlation_2d,
        (2,),
        "Conjugates its second argument, but the first where 'valid' exchanges them. Even kernels are centred "
        "otherwise than in correlate. ",
    ),
    Operator(
        name="jax.scipy.signal.fftconvolve",
        library="jax",
        named="convolution",
        ndims=(1, 2, 3),
        options={"mode": _MODES},
        convention=_convolution,
        call=_in("jax.scipy.signal", "fftconvolve"),
        accepts=_refuses_fft,
        swaps=_longer,
        transforms=_long,
        result_dtype=_result_fft,
        signature="(in1, in2, mode='full', axes=None)",
        bind=_bind_fft,
        arithmetic=Arithmetic(overflow="none", nan="everywhere"),
        source=f"{_ADDRESS}jax.scipy.signal.fftconvolve.html",
        remarks=(
            "One NaN makes every output NaN. Where no axis is longer than 1 in both operands nothing is transformed, "
            "and float16 is taken. Of an empty operand it makes N+K-1 zeros; this entry refuses one. "
            f"{_FLOATS}{SEMANTICS}"
        ).rstrip(),
    ),
)
