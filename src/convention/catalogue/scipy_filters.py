"""SciPy: the filters ``scipy.signal.lfilter``, without feedback, and ``scipy.signal.upfirdn``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue.entry import Operator, Shape, axis_number, chosen, dtype_name, promoted
from convention.definition import Convention
from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["OPERATORS"]

_EXTENSIONS = {
    "constant": "constant",
    "symmetric": "half-sample",
    "reflect": "whole-sample",
    "edge": "edge",
    "wrap": "periodic",
}
_EXTRAPOLATIONS = ("smooth", "antisymmetric", "antireflect", "line")
"""Modes of upfirdn that are none of our boundary rules: they add and subtract samples."""


def _lfilter(signal: NDArray[Any], kernel: NDArray[Any]) -> NDArray[Any]:
    from scipy.signal import lfilter

    result: NDArray[Any] = lfilter(kernel, [1.0], signal)
    return result


def _upfirdn(signal: NDArray[Any], kernel: NDArray[Any], **options: Any) -> NDArray[Any]:
    from scipy.signal import upfirdn

    result: NDArray[Any] = upfirdn(kernel, signal, **options)
    return result


def _bind_lfilter(b: Any, a: Any, x: Any, axis: Any, zi: Any) -> Any:
    denominator = np.atleast_1d(np.asarray(a))
    b = b.reshape((1,)) if b.ndim == 0 else b
    if zi is not None or denominator.ndim != 1 or len(denominator) != 1:
        raise ConventionValueError(
            "lfilter with a recursive part or an initial state",
            "that is no convolution",
            "lfilter(b, [a0], x), without zi",
            "call the original",
        )
    if b.ndim != 1 or x.ndim == 0 or 0 in b.shape or 0 in x.shape:
        raise ConventionValueError(
            f"b of shape {tuple(b.shape)} and x of shape {tuple(x.shape)}",
            "not usable",
            "1-D b, x not empty",
            "reshape",
        )
    dtype = promoted(dtype_name(b), dtype_name(x), denominator.dtype.name)
    if "float" not in dtype.replace("float16", "") and "complex" not in dtype:
        raise ConventionTypeError(
            f"arrays that promote to {dtype}", "no loop for it", "float32 and wider", "use a=[1.0]"
        )
    return x, b, {}, {"axes": (axis_number("axis", axis, x.ndim),), "dtype": dtype, "divisor": denominator[0].item()}


def _resampled(signal_shape: Shape, kernel_shape: Shape, *, up: int, down: int, mode: str, cval: Any = 0) -> Convention:
    (n,), (k,) = signal_shape, kernel_shape
    boundary = _EXTENSIONS[mode]
    return Convention(
        # the number of outputs is counted from (N-1)*up + 1 samples even for N = 0
        size="full" if n else ((k - 1, k - up),),
        upsample=up,
        stride=down,
        boundary=boundary,
        value=cval if boundary == "constant" else 0,
    )


def _ends_the_process(signal_shape: Shape, kernel_shape: Shape, *, mode: str, **options: Any) -> str:
    (n,), (k,) = signal_shape, kernel_shape
    if n == 1 and k > 1 and mode == "reflect":
        return "a division by zero ends the process (SIGFPE)"
    return "no sample to copy: the process ends, or memory is read" if n == 0 and mode != "constant" else ""


def _float_result(signal: str, kernel: str, **options: Any) -> str:
    result = promoted(signal, kernel, "float32")
    if result not in ("float32", "float64", "complex64", "complex128"):
        raise ConventionTypeError(
            f"arrays of {signal} and {kernel}", f"no loop for {result}", "up to float64 and complex128", "convert them"
        )
    return result


def _bind_upfirdn(h: Any, x: Any, up: Any, down: Any, axis: Any, mode: Any, cval: Any) -> Any:
    if h.ndim != 1 or not h.shape[0] or x.ndim == 0:
        raise ConventionValueError(
            f"h of shape {tuple(h.shape)} and x of shape {tuple(x.shape)}",
            "not usable",
            "1-D h, x with axes",
            "reshape",
        )
    try:
        steps = {"up": int(up), "down": int(down)}
    except (TypeError, ValueError):
        raise ConventionValueError(f"up={up!r}, down={down!r}", "no integers", "integers", "pass integers") from None
    if min(steps.values()) < 1:
        raise ConventionValueError(
            f"up={up!r}, down={down!r}", "less than 1", "integers of at least 1", "use 1 for none"
        )
    word = mode.lower() if isinstance(mode, str) else mode
    if word in _EXTRAPOLATIONS:
        raise ConventionValueError(
            f"mode={mode!r}",
            "it continues the signal with sums and differences of samples, which no boundary rule here does",
            ", ".join(_EXTENSIONS),
            "call the original",
        )
    number = cval
    if "complex" not in _float_result(dtype_name(x), dtype_name(h)):
        try:
            number = float(cval)
        except (TypeError, ValueError):
            raise ConventionTypeError(f"cval={cval!r}", "not a real number", "a real number", "pass one") from None
    options = {**steps, "mode": chosen("mode", word, _EXTENSIONS), "cval": number}
    return x, h, options, {"axes": (axis_number("axis", axis, x.ndim),)}


_SOURCE = "https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal."

OPERATORS = (
    Operator(
        name="scipy.signal.lfilter",
        library="scipy",
        named="filter",
        ndims=(1,),
        convention=lambda signal_shape, kernel_shape: Convention(size="causal"),
        call=_lfilter,
        accepts=lambda signal_shape, kernel_shape: "" if signal_shape[0] and kernel_shape[0] else "an empty operand",
        result_dtype=lambda signal, kernel: promoted(signal, kernel, "float64"),
        signature="(b, a, x, axis=-1, zi=None)",
        arrays=("b", "x"),
        bind=_bind_lfilter,
        arithmetic=Arithmetic(result="promoted with float64", overflow="none"),
        source=f"{_SOURCE}lfilter.html",
        remarks="As a filter without feedback: a = [1.0]. With integers only (a = [1]) it raises NotImplementedError.",
    ),
    Operator(
        name="scipy.signal.upfirdn",
        library="scipy",
        named="filter",
        ndims=(1,),
        options={"up": (1, 2, 3), "down": (1, 2, 3, 5), "mode": tuple(_EXTENSIONS), "cval": (0, 7)},
        convention=_resampled,
        call=_upfirdn,
        accepts=lambda signal_shape, kernel_shape, **options: "" if kernel_shape[0] else "an empty kernel",
        faults=_ends_the_process,
        result_dtype=_float_result,
        signature="(h, x, up=1, down=1, axis=-1, mode='constant', cval=0)",
        arrays=("h", "x"),
        bind=_bind_upfirdn,
        arithmetic=Arithmetic(result="promoted with float32", overflow="none"),
        source=f"{_SOURCE}upfirdn.html",
        remarks="Extends the signal first and inserts zeros then, none after the last sample: size full. Integers of "
        "up to 16 bits become float32. mode='reflect' of one sample ends the process (SIGFPE). The modes "
        f"{', '.join(_EXTRAPOLATIONS)} add and subtract samples and are no boundary rule.",
    ),
)
