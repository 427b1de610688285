"""SciPy: the filters ``scipy.signal.lfilter``, without feedback, and ``scipy.signal.upfirdn``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue.entry import Operator, Shape, axis_number, chosen, dtype_name, promoted
from convention.definition import Convention
from convention.errors import ConventionNotImplementedError, ConventionTypeError, ConventionValueError

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


def _extended(x: Any, mode: str, count: int) -> Any:
    """Return the samples with ``count`` more at both ends of the last axis, as a mode of `_EXTRAPOLATIONS` has them.

    The formulas are measured: upfirdn with a single tap of 1 among zeros returns its own extension.
    """
    n = x.shape[-1]
    place = np.arange(-count, n + count)
    first, last, inside = x[..., :1], x[..., -1:], x[..., np.clip(place, 0, n - 1)]
    beyond = place - np.clip(place, 0, n - 1)  # how far outside, with its sign
    if mode == "antisymmetric":
        period, place = np.divmod(place, 2 * n)
        return x[..., np.minimum(place, 2 * n - 1 - place)] * _like(np.where(place < n, 1, -1), x)
    if mode == "antireflect":
        period, place = np.divmod(place, 2 * (n - 1))
        turned = x[..., np.minimum(place, 2 * (n - 1) - place)]
        back, forth = (_like(where, x) for where in (place >= n, place < n))
        return back * (2 * last - turned) + forth * turned + _like(2 * period, x) * (last - first)
    slope = (last - first) / (n - 1)
    if mode == "line":
        return inside + _like(beyond, x) * slope
    before, after = _like(np.minimum(beyond, 0), x), _like(np.maximum(beyond, 0), x)
    return inside + before * (x[..., 1:2] - first) + after * (last - x[..., -2:-1])


def _like(numbers: NDArray[Any], x: Any) -> Any:
    """Return real numbers as an array of the same library and data type."""
    if isinstance(x, np.ndarray):
        return numbers.astype(x.dtype)
    return x.new_tensor(numbers.tolist())


def _extrapolated(x: Any, h: Any, axis: int, mode: str, up: int, down: int, dtype: str) -> dict[str, Any]:
    """Return the `Extras` that sum up over a signal continued with sums and differences of its samples."""
    (k,) = h.shape
    count = (k - 1) // up  # samples that some window reaches
    if count and x.shape[axis] < (1 if mode == "antisymmetric" else 2):
        raise ConventionValueError(
            f"mode={mode!r} of {x.shape[axis]} samples",
            "there is no slope: the original divides by zero, or reads memory that is not the signal's",
            "at least two samples, one for 'antisymmetric'",
            "use mode='edge'",
        )
    convention = Convention(size=((k - 1 - count * up,) * 2,), upsample=up, stride=down)

    def computed(apply: Callable[..., Any], library: Any) -> Any:
        samples, taps = (library.converted(array, library.dtype_named(dtype)) for array in (x, h))
        samples = library.moved(samples, (axis,), (-1,))
        sums = apply(convention, _extended(samples, mode, count) if count else samples, taps, axes=(-1,))
        return library.moved(sums, (-1,), (axis,))

    return {"computed": computed}


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
    if b.ndim != 1 or 0 in b.shape:
        asked = f"Parameter b is not a non-empty 1d array, since b.shape={tuple(b.shape)}"  # SciPy's words
        raise ConventionValueError(asked, "that is no list of taps", "1-D b, not empty", "pass b.ravel()")
    if x.ndim == 0 or 0 in x.shape:
        raise ConventionValueError(f"x of shape {tuple(x.shape)}", "no samples", "x with axes, not empty", "reshape it")
    if denominator.dtype.kind not in "biufc":
        raise ConventionTypeError(f"a={a!r}", "no number", "a number, or a list of one", "use a=[1.0]")
    dtype = promoted(dtype_name(b), dtype_name(x), denominator.dtype.name)
    if "float" not in dtype.replace("float16", "") and "complex" not in dtype:
        raise ConventionNotImplementedError(
            f"Parameter's dtypes produced result_type {dtype}",
            "which is not supported",
            "float32 and wider",
            "use a=[1.0]",
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
    dtype, number = _float_result(dtype_name(x), dtype_name(h)), cval
    if "complex" not in dtype:
        try:
            number = float(cval)
        except (TypeError, ValueError):
            raise ConventionTypeError(f"cval={cval!r}", "not a real number", "a real number", "pass one") from None
    place = axis_number("axis", axis, x.ndim)
    if word in _EXTRAPOLATIONS:
        options = {**steps, "mode": "constant", "cval": 0}
        return x, h, options, _extrapolated(x, h, place, word, **steps, dtype=dtype)
    options = {**steps, "mode": chosen("mode", word, (*_EXTENSIONS, *_EXTRAPOLATIONS)), "cval": number}
    return x, h, options, {"axes": (place,)}


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
