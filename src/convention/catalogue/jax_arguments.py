"""JAX: the arguments of ``jax.lax``'s convolutions, brought into the form that `convention.like` computes with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from convention.arithmetic import Layout
from convention.catalogue.entry import Shape, dtype_name, integer
from convention.catalogue.jax_types import array_of, check_precision, element_type
from convention.errors import ConventionTypeError, ConventionValueError
from convention.geometry import upsampled_extent

__all__ = [
    "bind_conv",
    "bind_general",
    "bind_transpose",
    "bind_with_general_padding",
    "general_refusal",
    "pairs",
    "per_axis",
]

_WORDS = ("SAME", "SAME_LOWER", "VALID")
_LAST = {2: ("NC", "IO", "NC"), 3: ("NHC", "HIO", "NHC"), 4: ("NHWC", "HWIO", "NHWC"), 5: ("NHWDC", "HWDIO", "NHWDC")}
"""conv_transpose's default layouts, by the number of axes."""
_SPATIAL = "0123456789"
_FIRST = ("NC" + _SPATIAL, "OI" + _SPATIAL, "NC" + _SPATIAL)
"""conv_general_dilated's default layouts: as many of the letters as there are axes."""
_NO_AXIS = "_"
"""The letter of an axis of length 1 where there is no spatial axis: JAX multiplies matrices then."""


def per_axis(value: Any, ndim: int) -> tuple[Any, ...]:
    """Return one value per axis, of a single value or of one per axis."""
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,) * ndim


def pairs(padding: Any, ndim: int) -> tuple[tuple[int, int], ...]:
    """Return one pair (before, after) per axis, of a single pair or of one per axis."""
    one = bool(padding) and not isinstance(padding[0], Sequence)
    return (tuple(padding),) * ndim if one else tuple((before, after) for before, after in padding)


def general_refusal(signal_shape: Shape, kernel_shape: Shape, padding: Any, lhs_dilation: Any) -> str:
    """Return why conv_general_dilated refuses these, or an empty string."""
    dilations = per_axis(lhs_dilation, len(kernel_shape))
    if 0 in kernel_shape:
        return "an empty kernel"
    if isinstance(padding, str):
        return "a word for padding together with a dilation of the signal" if max(dilations, default=1) > 1 else ""
    lengths = [upsampled_extent(n, dilation) for n, dilation in zip(signal_shape, dilations)]
    cut = any(length + sum(pair) < 0 for length, pair in zip(lengths, pairs(padding, len(kernel_shape))))
    return "negative padding of more samples than there are" if cut else ""


class _Operands(NamedTuple):
    """Both operands in the layout NC…, OI… with the spatial axes in the kernel's order, and the result's layout."""

    signal: Any
    kernel: Any
    letters: str
    result: str


def bind_general(
    lhs: Any,
    rhs: Any,
    window_strides: Any,
    padding: Any,
    lhs_dilation: Any,
    rhs_dilation: Any,
    dimension_numbers: Any,
    feature_group_count: Any,
    batch_group_count: Any,
    precision: Any,
    preferred_element_type: Any,
    out_sharding: Any = None,
) -> Any:
    """Bind the parameters of jax.lax.conv_general_dilated."""
    if out_sharding is not None:
        raise ConventionValueError("out_sharding=", "there is one device here", "None", "leave it out")
    check_precision(precision)
    dtype = element_type(_same_type(lhs, rhs), preferred_element_type, lhs)
    operands = _operands(lhs, rhs, dimension_numbers, _FIRST)
    ndim = len(operands.letters)
    options = {
        "padding": _padding(padding, ndim),
        "window_strides": _counts("window_strides", window_strides, ndim),
        "lhs_dilation": _counts("lhs_dilation", lhs_dilation, ndim, ones=True),
        "rhs_dilation": _counts("rhs_dilation", rhs_dilation, ndim, ones=True),
    }
    groups, batches = (
        _group_count(name, value)
        for name, value in (("feature_group_count", feature_group_count), ("batch_group_count", batch_group_count))
    )
    if batches > 1:
        if groups > 1:
            raise ConventionValueError(
                f"feature_group_count={groups} and batch_group_count={batches}", "both", "one of them", "leave one out"
            )
        operands, groups = operands._replace(signal=_batches_as_channels(operands.signal, batches)), batches
    return _bound(operands, options, dtype, groups)


def bind_conv(
    lhs: Any, rhs: Any, window_strides: Any, padding: Any, precision: Any, preferred_element_type: Any
) -> Any:
    """Bind the parameters of jax.lax.conv."""
    return bind_with_general_padding(lhs, rhs, window_strides, padding, None, None, precision, preferred_element_type)


def bind_with_general_padding(
    lhs: Any,
    rhs: Any,
    window_strides: Any,
    padding: Any,
    lhs_dilation: Any,
    rhs_dilation: Any,
    precision: Any,
    preferred_element_type: Any,
) -> Any:
    """Bind the parameters of jax.lax.conv_with_general_padding."""
    return bind_general(
        *(lhs, rhs, window_strides, padding, lhs_dilation, rhs_dilation),
        *(None, 1, 1, precision, preferred_element_type),
    )


def bind_transpose(
    lhs: Any,
    rhs: Any,
    strides: Any,
    padding: Any,
    rhs_dilation: Any,
    dimension_numbers: Any,
    transpose_kernel: Any,
    precision: Any,
    preferred_element_type: Any,
    use_consistent_padding: Any,
) -> Any:
    """Bind the parameters of jax.lax.conv_transpose."""
    check_precision(precision)
    dtype = element_type(_same_type(lhs, rhs), preferred_element_type, lhs)
    if dimension_numbers is None and not 2 <= lhs.ndim <= max(_LAST):
        raise ConventionValueError(
            f"dimension_numbers=None for {lhs.ndim} axes", "no default", f"2 to {max(_LAST)} axes", "name the layouts"
        )
    operands = _operands(lhs, rhs, dimension_numbers, _LAST.get(lhs.ndim, ()))
    if transpose_kernel:
        operands = operands._replace(kernel=operands.kernel.swapaxes(0, 1))
    ndim, consistent = len(operands.letters), bool(use_consistent_padding)
    words = ("SAME", "VALID") if consistent else _WORDS
    if consistent and not isinstance(padding, str):
        _check_tuples(padding)
    options = {
        "padding": _padding(padding, ndim, words, capitals=consistent),
        "strides": _counts("strides", strides, ndim),
        "rhs_dilation": _counts("rhs_dilation", rhs_dilation, ndim, ones=True),
        "transpose_kernel": bool(transpose_kernel),
        "use_consistent_padding": consistent,
    }
    return _bound(operands, options, dtype, 1)


def _bound(operands: _Operands, options: dict[str, Any], dtype: str, groups: int) -> Any:
    signal, kernel, letters, result = operands
    extras: dict[str, Any] = {"dtype": dtype, "groups": groups}
    if not letters:
        counts = {"N": signal.shape[0], "C": kernel.shape[0]}
        extras["shape"] = tuple(counts[letter] for letter in result)
        options = {name: (1,) if isinstance(value, tuple) else value for name, value in options.items()}
        options["padding"] = (0, 0)
        signal, kernel, letters, result = signal[..., None], kernel[..., None], _NO_AXIS, result + _NO_AXIS
    extras["layout"] = Layout(signal=f"NC{letters}", kernel=f"OI{letters}", result=result)
    return signal, kernel, options, extras


def _same_type(lhs: Any, rhs: Any) -> str:
    names = array_of("lhs", lhs), array_of("rhs", rhs)
    if names[0] != names[1]:
        raise ConventionTypeError(
            f"lhs of {names[0]} and rhs of {names[1]}",
            "jax.lax does not promote data types",
            "the same data type",
            f"convert one, for example to {dtype_name(lhs)}",
        )
    return names[0]


def _operands(lhs: Any, rhs: Any, numbers: Any, defaults: tuple[str, ...]) -> _Operands:
    if lhs.ndim != rhs.ndim or lhs.ndim < 2:
        raise ConventionTypeError(
            f"lhs of {lhs.ndim} axes and rhs of {rhs.ndim}",
            "batch, channels and n spatial axes are n + 2",
            "the same number of axes, at least 2",
            "reshape them",
        )
    signal, kernel, result = _specifications(numbers, lhs.ndim, defaults)
    spatial = "".join(letter for letter in kernel if letter not in "OI")
    x = _permuted(lhs, [signal.index(letter) for letter in "NC" + spatial])
    w = _permuted(rhs, [kernel.index(letter) for letter in "OI" + spatial])
    return _Operands(x, w, spatial, result)


def _permuted(array: Any, order: list[int]) -> Any:
    return array.permute(order) if hasattr(array, "permute") else array.transpose(order)


def _specifications(numbers: Any, ndim: int, defaults: tuple[str, ...]) -> list[str]:
    """Return the three layouts that ``dimension_numbers=`` names, by letters, or refuse them."""
    if numbers is None:
        return [letters[:ndim] for letters in defaults]
    if hasattr(numbers, "lhs_spec"):
        specifications = (numbers.lhs_spec, numbers.rhs_spec, numbers.out_spec)
        letters = [first + _SPATIAL[: ndim - 2] for first in ("NC", "OI", "NC")]
        return [
            "".join(name[list(spec).index(axis)] for axis in range(ndim)) for name, spec in zip(letters, specifications)
        ]
    fits = isinstance(numbers, (tuple, list)) and len(numbers) == 3 and all(isinstance(one, str) for one in numbers)
    if fits:
        channels = ("NC", "OI", "NC")
        fits = (
            all(len(one) == ndim == len(set(one)) and set(two) <= set(one) for one, two in zip(numbers, channels))
            and len({frozenset(one) - frozenset(two) for one, two in zip(numbers, channels)}) == 1
        )
    if not fits:
        raise ConventionTypeError(
            f"dimension_numbers={numbers!r} for {ndim} axes",
            "no three layouts of these axes",
            "three strings, a letter per axis: N, C and spatial ones; O, I and the same; N, C and the same",
            "for example ('NHWC', 'HWIO', 'NHWC')",
        )
    return list(numbers)


def _counts(name: str, value: Any, ndim: int, ones: bool = False) -> tuple[int, ...]:
    """Return one count per axis, or refuse what is none."""
    if value is None and ones:
        return (1,) * ndim
    if not isinstance(value, Iterable) or isinstance(value, str):
        raise ConventionTypeError(
            f"{name}={value!r}", f"a {type(value).__name__}", f"a sequence of {ndim} integers", f"({value!r},) * {ndim}"
        )
    counts = tuple(integer(name, one) for one in value)
    if len(counts) != ndim or min(counts, default=1) < 1:
        raise ConventionValueError(
            f"{name}={value!r}", f"{ndim} spatial axes", f"{ndim} integers from 1 on", "change it"
        )
    return counts


def _padding(padding: Any, ndim: int, words: Sequence[str] = _WORDS, capitals: bool = False) -> Any:
    if isinstance(padding, str):
        if (padding if capitals else padding.upper()) not in words:
            raise ConventionValueError(
                f"padding={padding!r}", "no such word", ", ".join(words), "use one of them, or pairs"
            )
        return padding
    try:
        given = tuple((integer("padding", before), integer("padding", after)) for before, after in padding)
    except (TypeError, ValueError):
        raise ConventionValueError(
            f"padding={padding!r}",
            "neither a word nor pairs of integers",
            f"{', '.join(words)}, or {ndim} pairs (before, after)",
            "write both ends of every axis",
        ) from None
    if len(given) != ndim:
        raise ConventionTypeError(f"padding={padding!r}", f"{len(given)} pairs", f"{ndim}, one per axis", "change it")
    return given


def _check_tuples(padding: Any) -> None:
    if not isinstance(padding, Iterable) or not all(isinstance(pair, tuple) for pair in padding):
        raise ConventionValueError(
            f"padding={padding!r} with use_consistent_padding", "its pairs are no tuples", "tuples", "make them tuples"
        )


def _group_count(name: str, value: Any) -> int:
    count = integer(name, value)
    if count < 1:
        raise ConventionValueError(f"{name}={count}", "no groups", "an integer from 1 on", "leave it out for one group")
    return count


def _batches_as_channels(signal: Any, groups: int) -> Any:
    """Return the groups of the batch side by side as channels, so that each meets its own part of the kernel."""
    batch, channels, *lengths = signal.shape
    if batch % groups:
        raise ConventionValueError(
            f"batch_group_count={groups}", f"a batch of {batch}", "a divisor of the batch", "change it"
        )
    apart = signal.reshape((groups, batch // groups, channels, *lengths)).swapaxes(0, 1)
    return apart.reshape((batch // groups, groups * channels, *lengths))
