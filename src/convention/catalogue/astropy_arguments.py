"""What the arguments of Astropy's convolutions mean, and which of them Astropy refuses."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, isnan
from typing import Any

import numpy as np

from convention.catalogue.entry import chosen, dtype_name
from convention.errors import ConventionNotImplementedError, ConventionTypeError, ConventionValueError

__all__ = ["bind_convolve", "bind_convolve_fft", "fast_length", "is_floating"]

_LEAST_SUM = 0.01
"""Below this sum a kernel is not divided by it: 1/MAX_NORMALIZATION in Astropy."""

_NO_MEAN = (
    "Setting nan_treatment='interpolate' requires the kernel to be normalized, but the input kernel has a sum close to "
    "zero. For a zero-sum kernel and data with NaNs, set nan_treatment='fill'."
)

_HUGE = 10**9
"""Bytes of an array of complex numbers, from which on ``allow_huge=True`` is asked for."""


def is_floating(dtype: str) -> bool:
    """Return whether a data type of this name holds real fractions."""
    return "float" in dtype or dtype == "longdouble"


def fast_length(length: int) -> int:
    """Return the next length that has no prime factor above 11, as ``scipy.fft.next_fast_len``."""
    while True:
        left = max(length, 1)
        for prime in (2, 3, 5, 7, 11):
            while left % prime == 0:
                left //= prime
        if left == 1:
            return length
        length += 1


def bind_convolve(
    array: Any,
    kernel: Any,
    boundary: Any,
    fill_value: Any,
    nan_treatment: Any,
    normalize_kernel: Any,
    mask: Any,
    preserve_nan: Any,
    normalization_zero_tol: Any,
) -> Any:
    """Return what ``convolve`` does with its arguments, for `Operator.bind`."""
    if boundary is not None:
        chosen("boundary", boundary, ("fill", "wrap", "extend"))
    chosen("nan_treatment", nan_treatment, ("interpolate", "fill"))
    _check_operands(array, kernel, mask, most=3)
    x, w = _doubles(array), _doubles(kernel)
    gaps = x != x  # NaNs
    filled = nan_treatment == "fill"
    fill = _number("fill_value", fill_value) if boundary == "fill" or filled else 0.0
    outside = 0.0 if boundary == "fill" and isnan(fill) else 1.0
    # as Astropy asks: Inf next to -Inf counts as a NaN too
    interpolated = not filled and (outside == 0 or isnan(_total(x)))
    total = _total(w)
    if normalize_kernel or interpolated:
        _check_total(total, normalization_zero_tol, interpolated)
    options = {"boundary": boundary, "fill_value": fill if outside or filled else 0.0}
    options["normalize_kernel"] = bool(normalize_kernel)
    extras: dict[str, Any] = {"dtype": dtype_name(array) if is_floating(dtype_name(array)) else "float64"}
    known = _doubles(array)
    if interpolated or filled:
        x[gaps] = fill if filled else 0.0
    if interpolated:
        gain = 1.0 if normalize_kernel else total
        extras["weighted"] = (_present(gaps), outside, _kept_where_nothing_is_left(known, gain))
    elif normalize_kernel:
        extras["divisor"] = total
    if preserve_nan and bool(gaps.any()):
        extras["finish"] = _with_gaps(gaps)
    elif is_floating(dtype_name(array)) and not getattr(array.dtype, "isnative", True):
        extras["finish"] = lambda result: result.astype(array.dtype)  # measured: in the array's own byte order
    return x, w, options, extras


def bind_convolve_fft(
    array: Any,
    kernel: Any,
    boundary: Any,
    fill_value: Any,
    nan_treatment: Any,
    normalize_kernel: Any,
    normalization_zero_tol: Any,
    preserve_nan: Any,
    mask: Any,
    crop: Any,
    return_fft: Any,
    fft_pad: Any,
    psf_pad: Any,
    min_wt: Any,
    allow_huge: Any,
    fftn: Any,
    ifftn: Any,
    complex_dtype: Any,
    dealias: Any,
) -> Any:
    """Return what ``convolve_fft`` does with its arguments, for `Operator.bind`.

    Where the array is not padded as usual, it is padded here, and then wrapped around.
    """
    chosen("nan_treatment", nan_treatment, ("interpolate", "fill"))
    _check_operands(array, kernel, mask)
    _check_ours(array, kernel, return_fft, fftn, ifftn, complex_dtype)
    lengths = _lengths(array.shape, kernel.shape, boundary, psf_pad, fft_pad, dealias, allow_huge)
    x, w = _doubles(array), _doubles(kernel)
    gaps = _not_finite(x)
    w[_not_finite(w)] = 0.0  # measured: a NaN in the kernel is a tap of 0
    fill = _number("fill_value", fill_value)
    filled, any_gap = nan_treatment == "fill", bool(gaps.any())
    if filled and any_gap and not isfinite(fill):
        raise ConventionValueError(
            f"nan_treatment='fill' with fill_value={fill_value}", "it is not finite", "a finite one", "choose one"
        )
    by_function = callable(normalize_kernel)
    total = _number("normalize_kernel(kernel)", normalize_kernel(w)) if by_function else _total(w)
    divisor = 1.0 if by_function else _normalization(total, normalize_kernel, normalization_zero_tol, filled)
    x[gaps] = fill if filled else 0.0
    around = 0.0 if boundary == "wrap" or not isfinite(fill) else fill
    outside = 1.0 if boundary == "wrap" or isfinite(fill) else 0.0
    inside = tuple(slice(m // 2 - n // 2, m // 2 - n // 2 + n) for m, n in zip(lengths, array.shape))
    usual = bool(crop) and all(m >= n + k for m, n, k in zip(lengths, array.shape, kernel.shape))
    weights = _present(gaps)
    if not usual:
        x, weights = _embedded(x, lengths, inside, around), _embedded(weights, lengths, inside, outside)
    options = {"boundary": "fill" if usual else "wrap", "fill_value": around}
    options |= {"normalize_kernel": bool(normalize_kernel), "crop": True}
    extras: dict[str, Any] = {"divisor": divisor}
    if not filled and (any_gap or outside == 0 or min_wt > 0 or by_function):
        # measured: what a function returns divides the weights only, and with nan_treatment='fill' nothing
        gain = total if by_function or not normalize_kernel else 1.0
        extras |= {"divisor": total, "weighted": (weights, outside, _left_out(inside, outside, usual, gain, min_wt))}
    extras["finish"] = _finish(gaps if preserve_nan and any_gap else None, inside, usual, bool(crop))
    return x, w, options, extras


def _check_operands(array: Any, kernel: Any, mask: Any, most: int | None = None) -> None:
    if mask is not None:
        raise ConventionTypeError(
            "mask=", "masks are not understood here", "mask=None", "put NaN where the array is masked"
        )
    if array.ndim > (most or array.ndim):
        raise ConventionNotImplementedError(
            f"an array of {array.ndim} axes",
            "convolve only supports 1, 2, and 3-dimensional arrays at this time",
            f"1 to {most} axes",
            "use convolve_fft",
        )
    found = ""
    if array.ndim == 0:
        found = "cannot convolve 0-dimensional arrays"
    elif array.ndim != kernel.ndim:
        found = "array and kernel have differing number of dimensions."
    elif most is not None and 0 in array.shape:
        found = "cannot convolve empty array"
    if found:
        raise ConventionValueError(
            f"an array of shape {tuple(array.shape)} and a kernel of shape {tuple(kernel.shape)}",
            found,
            f"as many axes of the kernel as of the array, 1 to {most}" if most else "as many axes of both, at least 1",
            "reshape one of them",
        )


def _check_ours(array: Any, kernel: Any, return_fft: Any, fftn: Any, ifftn: Any, complex_dtype: Any) -> None:
    """Refuse what asks for the transform itself, which is not taken here, and what its rounding alone decides."""
    asked = {
        "return_fft": bool(return_fft),
        "fftn": fftn not in (None, np.fft.fftn),
        "ifftn": ifftn not in (None, np.fft.ifftn),
        "complex_dtype": complex_dtype not in (None, complex, np.complex128),
        "complex arrays": "complex" in dtype_name(array) + dtype_name(kernel),
    }
    for name, is_asked in asked.items():
        if is_asked:
            raise ConventionTypeError(
                name, "no Fourier transform of complex arrays is taken here", f"no {name}", "leave it out"
            )


def _doubles(array: Any) -> Any:
    """Return a copy of the real part in float64."""
    real = array.real if "complex" in dtype_name(array) else array
    return (real.double() if hasattr(real, "double") else real.astype(np.float64)) + 0.0


def _total(array: Any) -> float:
    with np.errstate(invalid="ignore"):
        return float(array.sum())


def _not_finite(array: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return (array - array) != 0


def _present(gaps: Any) -> Any:
    """Return 0 where a gap is, and 1 elsewhere, in float64."""
    return 1.0 - (gaps.double() if hasattr(gaps, "double") else gaps.astype(np.float64))


def _number(name: str, value: Any) -> float:
    try:
        number = complex(value)
    except (TypeError, ValueError):
        raise ConventionTypeError(f"{name}={value!r}", "not a number", "a number", "pass a number") from None
    return number.real


def _check_total(total: float, tolerance: float, interpolated: bool = False) -> None:
    if total < _LEAST_SUM or abs(total) <= tolerance:
        raise ConventionValueError(
            f"a kernel with the sum {total:g}",
            _NO_MEAN if interpolated else "The kernel can't be normalized, because its sum is close to zero.",
            f"a sum of at least {_LEAST_SUM}, above normalization_zero_tol={tolerance:g}",
            "normalize_kernel=False, and nan_treatment='fill' where the array has a NaN",
        )


def _normalization(total: float, normalize_kernel: Any, tolerance: float, filled: bool) -> float:
    """Return what the kernel is divided by; refuse it as ``convolve_fft`` does."""
    if normalize_kernel is True:
        _check_total(total, -1.0)
        return total
    if normalize_kernel:
        raise ConventionTypeError(
            f"normalize_kernel={normalize_kernel!r}",
            "it is called, and is no function",
            "True, False or a function of the kernel",
            "use True for the sum",
        )
    if abs(total) < tolerance and not filled:
        raise ConventionValueError(
            f"a kernel with the sum {total:g}",
            "no NaN can be interpolated with it",
            "another sum",
            "nan_treatment='fill'",
        )
    return 1.0


def _lengths(
    signal: tuple[int, ...],
    kernel: tuple[int, ...],
    boundary: Any,
    psf_pad: Any,
    fft_pad: Any,
    dealias: Any,
    allow_huge: Any,
) -> tuple[int, ...]:
    """Return the lengths that the array is padded to."""
    for name, asked in (("psf_pad", psf_pad), ("fft_pad", fft_pad), ("dealias", dealias)):
        if boundary == "wrap" and asked:
            found = f"With boundary='wrap', {name} cannot be enabled."
            raise ConventionValueError(f"{name}={asked!r}", found, f"{name}=False", "leave it out")
    if isinstance(boundary, str) and boundary == "extend":
        found = "The 'extend' option is not implemented for fft-based convolution"
        raise ConventionNotImplementedError("boundary='extend'", found, "'fill', 'wrap', None", "use one")
    known = boundary is None or boundary == "fill"
    apart = known if psf_pad is None else bool(psf_pad)
    # measured: a word that it does not know wraps around, and only psf_pad=False makes 'fill' do so
    lengths = [n + k if apart else max(n, k) for n, k in zip(signal, kernel)]
    if dealias:
        lengths = [length + (length + 1) // 2 for length in lengths]
    if known if fft_pad is None else fft_pad:
        lengths = [fast_length(length) for length in lengths]
    size = 16 * int(np.prod([max(one, 1) for one in lengths], dtype=object))
    if size > _HUGE and not allow_huge:
        raise ConventionValueError(f"arrays of {size} bytes", "they are huge", f"up to {_HUGE}", "allow_huge=True")
    return tuple(lengths)


def _embedded(array: Any, lengths: tuple[int, ...], inside: tuple[slice, ...], around: float) -> Any:
    whole = array.new_full(lengths, around) if hasattr(array, "new_full") else np.full(lengths, around)
    whole[inside] = array
    return whole


def _kept_where_nothing_is_left(known: Any, gain: float) -> Callable[[Any, Any], Any]:
    def combined(sums: Any, weights: Any) -> Any:
        nothing = weights == 0
        weights = weights + 0.0
        weights[nothing] = 1.0
        result = sums / weights
        result[nothing] = known[nothing]
        return result * gain

    return combined


def _left_out(
    inside: tuple[slice, ...], outside: float, usual: bool, gain: float, least: float
) -> Callable[[Any, Any], Any]:
    def combined(sums: Any, weights: Any) -> Any:
        if not usual:  # measured: weights are not smoothed around the array
            smooth, weights = weights[inside] + 0.0, weights * 0.0 + outside
            weights[inside] = smooth
        few = weights < (least if least > 0 else 10 * np.finfo(float).eps)
        weights = weights + 0.0
        weights[few] = 1.0
        result = sums / weights * gain
        result[few] = float("nan") if least > 0 else 0.0
        return result

    return combined


def _with_gaps(gaps: Any) -> Callable[[Any], Any]:
    def finished(result: Any) -> Any:
        result = result + 0
        result[gaps] = float("nan")
        return result

    return finished


def _finish(gaps: Any, inside: tuple[slice, ...], usual: bool, crop: bool) -> Callable[[Any], Any]:
    """Return what is done with the whole result: gaps put back, and the array's own place cut out."""

    def finished(result: Any) -> Any:
        if gaps is not None:
            own = _with_gaps(gaps)(result if usual else result[inside])
            if usual:
                return own
            result = result + 0.0
            result[inside] = own
        return result if usual or not crop else result[inside]

    return finished
