"""Kornia: ``kornia.filters`` filter2d, filter3d and filter2d_separable.

All entries are the spatial view of one image with one channel.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic, Frame, Layout
from convention.catalogue.entry import Operator, Shape, chosen, dtype_name
from convention.definition import Convention
from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["OPERATORS"]

_BORDERS = {"reflect": "whole-sample", "constant": "zero", "replicate": "edge", "circular": "periodic"}
_SIZES = {"same": "same-upper", "valid": "valid"}
_BEHAVIOURS = {"corr": "none", "conv": "all"}
_IRREVERSIBLE = ("uint16", "uint32", "uint64")
"""Data types of a kernel that PyTorch's flip refuses on a CPU."""


def _convention(
    signal_shape: Shape,
    kernel_shape: Shape,
    *,
    border_type: str,
    padding: str = "same",
    behaviour: str = "corr",
    **others: Any,
) -> Convention:
    # measured: (K-1)//2 samples lie before the output with both behaviours. So the tap at the output's own position is
    # number (K-1)//2 with "corr" and K//2 with "conv": not the same one of an even kernel
    return Convention(
        reversed_axes=_BEHAVIOURS[behaviour],
        size=_SIZES[padding],
        boundary=_BORDERS[border_type] if padding == "same" else "zero",
    )


def _refuses(
    signal_shape: Shape, kernel_shape: Shape, *, border_type: str, padding: str = "same", **others: Any
) -> str:
    for n, k in zip(signal_shape, kernel_shape):
        if n == 0 or k == 0:
            return "an empty image or kernel"
        if padding == "valid" and k > n:
            return "a kernel longer than the image, with padding='valid'"
        if padding == "same" and border_type == "reflect" and k // 2 >= n:
            return f"{k} taps on {n} samples, with border_type='reflect'"
        if padding == "same" and border_type == "circular" and k // 2 > n:
            return f"{k} taps on {n} samples, with border_type='circular'"
    return ""


def _storage(*, normalized: bool = False, **others: Any) -> tuple[Arithmetic, Frame | None]:
    # measured: a kernel of sum 0 is divided by the sum of its absolute values
    return Arithmetic(result="signal", kernel="signal", gain="1/abs sum" if normalized else "1"), None


def _result(signal: str, kernel: str, *, behaviour: str = "corr", **options: Any) -> str:
    if behaviour == "conv" and kernel in _IRREVERSIBLE:
        raise ConventionTypeError(
            f"a kernel of {kernel} with behaviour='conv'",
            "PyTorch does not reverse one",
            "kernels of other types",
            "convert it, for example to float32",
        )
    return signal if "float" in signal or "complex" in signal or signal == "longdouble" else "float32"


def _filter(name: str) -> Any:
    def call(signal: NDArray[Any], kernel: NDArray[Any], **options: Any) -> NDArray[Any]:
        import kornia.filters
        import torch

        function = getattr(kornia.filters, name)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Casting complex values to real", UserWarning)
            result = function(torch.tensor(signal)[None, None], torch.tensor(kernel)[None], **options)
        return np.asarray(result[0, 0])

    return call


def _separable(signal: NDArray[Any], kernel: NDArray[Any], *, along: str, **options: Any) -> NDArray[Any]:
    import torch
    from kornia.filters import filter2d_separable

    image, taps = torch.tensor(signal)[None, None], torch.tensor(kernel)[None]
    one = torch.ones((1, 1), dtype=taps.dtype)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Casting complex values to real", UserWarning)
        if along == "kernel_x":
            return np.asarray(filter2d_separable(image[:, :, None], taps, one, **options)[0, 0, 0])
        return np.asarray(filter2d_separable(image[..., None], one, taps, **options)[0, 0, :, 0])


def _bind_2d(
    input: Any, kernel: Any, border_type: Any, normalized: Any, padding: Any, behaviour: Any
) -> tuple[Any, Any, dict[str, Any], dict[str, Any]]:
    options = {
        **_word("border_type", border_type, _BORDERS),
        **_word("padding", padding, _SIZES),
        **_word("behaviour", behaviour, _BEHAVIOURS),
    }
    _reversible(kernel, options["behaviour"])
    return _floating(input), _prepared(input, "kernel", kernel, 2, normalized), options, {"axes": (2, 3)}


def _bind_3d(
    input: Any, kernel: Any, border_type: Any, normalized: Any, behaviour: Any
) -> tuple[Any, Any, dict[str, Any], dict[str, Any]]:
    options = {**_word("border_type", border_type, _BORDERS), **_word("behaviour", behaviour, _BEHAVIOURS)}
    _reversible(kernel, options["behaviour"])
    return _floating(input), _prepared(input, "kernel", kernel, 3, normalized), options, {"axes": (2, 3, 4)}


def _bind_separable(
    input: Any, kernel_x: Any, kernel_y: Any, border_type: Any, normalized: Any, padding: Any
) -> tuple[Any, Any, dict[str, Any], dict[str, Any]]:
    # measured: both passes together are one with the outer product
    row = _prepared(input, "kernel_x", kernel_x[..., None, :], 2, normalized)
    column = _prepared(input, "kernel_y", kernel_y[..., None], 2, normalized)
    options = {**_word("border_type", border_type, _BORDERS), **_word("padding", padding, _SIZES)}
    return _floating(input), column * row, options, {"axes": (2, 3)}


def _reversible(kernel: Any, behaviour: str) -> None:
    if max(kernel.shape[1:], default=0) > 1:  # measured: what has one tap along every axis is not reversed at all
        _result("float32", dtype_name(kernel), behaviour=behaviour)


def _prepared(image: Any, name: str, kernel: Any, ndim: int, normalized: Any) -> Any:
    """Return the kernel in the image's data type, with an axis for the channels, or refuse it."""
    letters = "BC" + "DHW"[-ndim:]
    if image.ndim != ndim + 2 or kernel.ndim != ndim + 1:
        raise ConventionValueError(
            f"input of shape {tuple(image.shape)} and {name} of shape {tuple(kernel.shape)}",
            f"{image.ndim} and {kernel.ndim} axes",
            f"{letters} and {letters.replace('C', '')}",
            f"reshape them, for example input[None, None] and {name}[None]",
        )
    if kernel.shape[0] not in (1, image.shape[0]):
        raise ConventionValueError(
            f"{name} for {kernel.shape[0]} images",
            f"there are {image.shape[0]}",
            f"1 or {image.shape[0]}",
            f"pass one kernel for all, as {name}[:1]",
        )
    if image.shape[1] == 0:
        raise ConventionValueError("input without channels", "0 of them", "at least 1", "pass a channel")
    numpy = isinstance(image, np.ndarray)
    taps = kernel.astype(_floating(image).dtype, copy=False) if numpy else kernel.to(_floating(image).dtype)
    if normalized:
        with np.errstate(divide="ignore", invalid="ignore"):
            total = abs(taps).reshape((taps.shape[0], -1)).sum(-1)
            taps = taps / total.reshape((-1,) + (1,) * ndim)
    return taps[:, None]


def _floating(image: Any) -> Any:
    """Return the image as it is filtered: integers and booleans in float32."""
    if isinstance(image, np.ndarray):
        return image if image.dtype.kind in "fc" else image.astype(np.float32)
    return image if image.is_floating_point() or image.is_complex() else image.float()


def _word(name: str, value: Any, allowed: Any) -> dict[str, str]:
    # measured: kornia takes the words in capitals, too
    return {name: chosen(name, str(value).lower(), allowed)}


_ADDRESS = "https://kornia.readthedocs.io/en/latest/filters.html#kornia.filters."
_SUMS = (
    "An integer or boolean image is filtered in float32 and stays so. The kernel is cast to the image's type; complex "
    "ones are not conjugated. normalized divides by the sum of the kernel's absolute values. "
)
_ANCHOR = (
    "With both behaviours (K-1)//2 samples lie before the output: reversing an even kernel moves the tap that is the "
    "anchor, of which its documentation says that it is kept. "
)
_OPTIONS: dict[str, tuple[Any, ...]] = {
    "border_type": tuple(_BORDERS),
    "normalized": (False, True),
    "padding": tuple(_SIZES),
    "behaviour": tuple(_BEHAVIOURS),
}


def _entry(name: str, ndim: int, **rest: Any) -> Operator:
    axes = "DHW"[-max(ndim, 2) :]
    return Operator(
        name=f"kornia.filters.{name}",
        library="kornia",
        ndims=(ndim,),
        convention=_convention,
        accepts=_refuses,
        result_dtype=_result,
        arithmetic=_storage()[0],
        storage=_storage,
        layout=Layout(signal=f"NC{axes}", kernel=f"N{axes}", result=f"NC{axes}") if ndim > 1 else None,
        source=_ADDRESS + name,
        **rest,
    )


OPERATORS = (
    _entry(
        "filter2d",
        2,
        named="cross-correlation",
        options=_OPTIONS,
        call=_filter("filter2d"),
        signature=("(input, kernel, border_type='reflect', normalized=False, padding='same', behaviour='corr')"),
        arrays=("input", "kernel"),
        bind=_bind_2d,
        remarks=_SUMS + _ANCHOR + "kornia.filters.correlate2d and convolve2d are it with a fixed behaviour.",
    ),
    _entry(
        "filter2d_separable",
        1,
        named="cross-correlation",
        options={
            "along": ("kernel_x", "kernel_y"),
            **{option: _OPTIONS[option] for option in ("border_type", "normalized", "padding")},
        },
        call=_separable,
        signature=("(input, kernel_x, kernel_y, border_type='reflect', normalized=False, padding='same')"),
        arrays=("input", "kernel_x", "kernel_y"),
        bind=_bind_separable,
        remarks="One axis at a time: kernel_x along every row, kernel_y along every column. " + _SUMS,
    ),
    _entry(
        "filter3d",
        3,
        named="cross-correlation",
        options={
            "border_type": ("replicate", "constant", "reflect", "circular"),
            "normalized": (False, True),
            "behaviour": tuple(_BEHAVIOURS),
        },
        call=_filter("filter3d"),
        signature="(input, kernel, border_type='replicate', normalized=False, behaviour='corr')",
        arrays=("input", "kernel"),
        bind=_bind_3d,
        remarks=_SUMS
        + _ANCHOR
        + "Its default border is not filter2d's. kornia.filters.correlate3d and convolve3d are it, behaviour fixed.",
    ),
)
