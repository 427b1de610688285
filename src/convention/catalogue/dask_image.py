"""Dask-image: ``dask_image.ndfilters`` convolve and correlate, measured on arrays of several chunks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.catalogue.entry import Operator, Shape
from convention.catalogue.scipy_ndimage import OPERATORS as _NDIMAGE
from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["OPERATORS"]


def _halves(length: int) -> tuple[int, ...]:
    return (length // 2, length - length // 2) if length > 1 else (length,)


def _call(name: str) -> Callable[..., NDArray[Any]]:
    def call(signal: NDArray[Any], kernel: NDArray[Any], **options: Any) -> NDArray[Any]:
        import dask.array
        from dask_image import ndfilters

        chunks = tuple(map(_halves, signal.shape))
        image = dask.array.from_array(signal, chunks=chunks)
        result = getattr(ndfilters, name)(image, kernel, **options)
        return np.asarray(result.compute(scheduler="synchronous"))

    return call


def _accepts(ndimage: Operator) -> Callable[..., str]:
    def accepts(signal_shape: Shape, kernel_shape: Shape, *, origin: Any = 0, **options: Any) -> str:
        for n, k, shift in zip(signal_shape, kernel_shape, _origins(origin, len(kernel_shape))):
            # measured: neighbours so far are asked for on both sides of a chunk, even where there is only one
            if k // 2 + abs(shift) > n:
                return f"{k} taps with origin {shift} reach further than the {n} samples that there are"
        return ndimage.accepts(signal_shape, kernel_shape, origin=origin, **options)

    return accepts


def _origins(origin: Any, count: int) -> Sequence[int]:
    return tuple(origin) if isinstance(origin, Sequence) else (origin,) * count


def _bind(ndimage: Operator) -> Callable[..., Any]:
    def bind(image: Any, weights: Any, mode: Any, cval: Any, origin: Any) -> Any:
        if image.ndim == 0:
            raise ConventionTypeError(
                "an image without axes", "there is nothing to divide", "1 axis or more", "reshape"
            )
        if any(isinstance(one, bool) for one in (origin if isinstance(origin, Sequence) else [origin])):
            raise ConventionTypeError(f"origin={origin!r}", "a boolean", "integers", "pass 0 or 1")
        if isinstance(origin, Sequence) and len(origin) != image.ndim:
            raise ConventionValueError(f"origin={origin!r}", f"{len(origin)} numbers", f"{image.ndim}", "one per axis")
        assert ndimage.bind is not None
        return ndimage.bind(image, weights, None, mode, cval, origin, None)

    return bind


def _entry(ndimage: Operator) -> Operator:
    name = ndimage.name.rpartition(".")[2]
    return replace(
        ndimage,
        name=f"dask_image.ndfilters.{name}",
        library="dask_image",
        install="pip install dask-image",
        call=_call(name),
        accepts=_accepts(ndimage),
        faults=_by_chunks,
        signature="(image, weights, mode='reflect', cval=0.0, origin=0)",
        arrays=("image", "weights"),
        bind=_bind(ndimage),
        source=f"https://image.dask.org/en/latest/dask_image.ndfilters.html#dask_image.ndfilters.{name}",
        remarks=(
            f"{ndimage.name} on every chunk with its neighbours' samples, measured with two chunks along every axis. "
            "mode='grid-wrap', of which its documentation says that it is a synonym of 'wrap', continues every chunk "
            "with its own samples; convention.like takes the image for one chunk. A kernel that reaches further than "
            f"the signal is long is refused. {_sums(ndimage.remarks)}Before it is computed, the result has the image's "
            "dtype, even where it will be complex."
        ),
    )


def _by_chunks(signal_shape: Shape, kernel_shape: Shape, *, mode: str, **options: Any) -> str:
    # ndimage's reads outside begin where the kernel is far longer than the signal, which is refused here
    if mode == "grid-wrap":
        return "every chunk is continued with its own samples: the result depends on how the image is divided"
    return ""


def _sums(remarks: str) -> str:
    start = remarks.index("Sums are taken")
    return remarks[start : remarks.index("mode='reflect' reads")]


OPERATORS = tuple(_entry(one) for one in _NDIMAGE if not one.name.endswith("1d"))
