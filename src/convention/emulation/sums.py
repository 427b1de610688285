"""The sums that an operator takes: by its convention, over channels, without gaps, inside a frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import isfinite
from typing import Any

import numpy as np

from convention.arithmetic import Frame
from convention.arrays import Array, Library
from convention.catalogue.entry import Operator, Shape
from convention.catalogue.extras import Extras
from convention.channels import arranged, delivered_as, over_channels, spatial_axes
from convention.definition import Convention
from convention.emulation.storage import stored, summed_in, whole
from convention.engine import apply
from convention.errors import ConventionValueError
from convention.geometry import Window

__all__ = ["stored_sums"]


def stored_sums(
    entry: Operator,
    library: Library,
    signal: Array,
    kernel: Array,
    options: Mapping[str, Any],
    extras: Extras,
    dtype: str,
) -> Array:
    """Return the sums of an operator with these options, stored as it stores them.

    Raises
    ------
    ConventionValueError
        If the operator does not accept these shapes.
    """
    layout = extras.layout
    axes = spatial_axes(layout.signal) if layout else extras.axes or tuple(range(signal.ndim))
    taps = spatial_axes(layout.kernel, layout.signal) if layout else range(kernel.ndim - len(axes), kernel.ndim)
    shapes = tuple(signal.shape[axis] for axis in axes), tuple(kernel.shape[axis] for axis in taps)
    reason = entry.accepts(*shapes, **options)
    if reason:
        raise ConventionValueError(
            f"{entry.name} of shapes {shapes[0]} and {shapes[1]}", reason, "what it accepts", f"see {entry.source}"
        )
    convention = entry.convention(*shapes, **options)
    counts = convention.output_shape(*shapes)
    if 0 in signal.shape and not layout:
        shape = list(signal.shape)
        for axis, outputs in zip(axes, counts):
            shape[axis] = outputs
        if 0 in shape:
            return library.zeros(shape, library.dtype_named(dtype), signal)
    sums = summed_in(extras.sums or entry.arithmetic.sums, dtype, signal, kernel)
    x, w = (library.converted(array, library.dtype_named(sums)) for array in (signal, kernel))
    if extras.divisor != 1:
        with np.errstate(divide="ignore", invalid="ignore"):
            w = w / extras.divisor
    spread = entry.transforms(*shapes, **options) and not all(isfinite(library.magnitude(one)) for one in (x, w))
    sum_up = _summation(library, convention, x, w, axes, counts, extras)
    arithmetic, frame = entry.stored(options)
    result = stored(library, sum_up, dtype, library.kind(x.dtype), arithmetic, _bias(library, extras, sums))
    if frame is not None:
        result = _framed(library, result, signal, frame, convention.windows(*shapes), axes)
    if layout:
        result = delivered_as(library, result, layout)
    return result * float("nan") if spread and not whole(dtype) else result


def _summation(
    library: Library, convention: Convention, x: Array, w: Array, axes: tuple[int, ...], counts: Shape, extras: Extras
) -> Callable[..., Array]:
    """Return what sums up, given the keywords ``dtype`` and ``overflow`` of `apply`."""
    if extras.layout is not None:
        x, w = arranged(library, x, w, extras.layout, extras.groups, extras.grouped)
        if 0 in x.shape + w.shape:
            return partial(_zeros, library, (x.shape[0], *w.shape[:2], 1, *counts), x)
        convention, axes = over_channels(convention, len(axes)), tuple(range(3, 4 + len(axes)))
    if extras.skips_zeros and not isfinite(library.magnitude(x)):
        sum_up: Callable[..., Array] = partial(_tap_by_tap, library, convention, x, w, axes)
    else:
        sum_up = partial(apply, convention, x, w, axes=axes, method=extras.method)
    return partial(_weighted, sum_up, convention, w, axes, *extras.weighted) if extras.weighted else sum_up


def _zeros(library: Library, shape: tuple[int, ...], like: Array, *, dtype: Any = None, overflow: str = "") -> Array:
    """Return sums over nothing: of a signal without a batch or without channels."""
    return library.zeros(shape, like.dtype if dtype is None else dtype, like)


def _tap_by_tap(library: Library, convention: Convention, x: Array, w: Array, axes: tuple[int, ...]) -> Array:
    """Return the sums over the taps that are not 0, of floats: a NaN under a tap of 0 goes nowhere."""
    windows = convention.windows([x.shape[axis] for axis in axes], w.shape)
    behind = convention.resolve(len(axes)).reversed_axes
    sums = apply(convention, library.zeros(x.shape, x.dtype, x), w, axes=axes, method="direct")
    for tap in np.argwhere(library.to_numpy(w) != 0).tolist():
        size = []
        for axis, (window, number) in enumerate(zip(windows, tap)):
            left = window.dilation * (window.kernel - 1 - number if axis in behind else number)
            right = window.dilation * (window.kernel - 1) - left
            size.append((window.before - left, window.after - right))
        alone = w[tuple(slice(number, number + 1) for number in tap)]
        sums = sums + apply(replace(convention, size=tuple(size)), x, alone, axes=axes, method="direct")
    return sums


def _weighted(
    sum_up: Callable[[], Array],
    convention: Convention,
    kernel: Array,
    axes: tuple[int, ...],
    weights: Array,
    outside: float,
    combined: Callable[[Array, Array], Array],
) -> Array:
    """Return sums over the samples that are there, combined with what their taps weigh."""
    if all(axis.boundary in ("zero", "constant") for axis in convention.axes(len(axes))):
        convention = replace(convention, boundary="constant", value=outside)
    return combined(sum_up(), apply(convention, weights, kernel, axes=axes, method="direct"))


def _framed(
    library: Library,
    result: Array,
    signal: Array,
    frame: Frame,
    windows: Sequence[Window],
    axes: tuple[int, ...],
) -> Array:
    """Return the result with the outputs whose window leaves the signal copied from it, or filled."""
    inside = [slice(None)] * result.ndim
    for axis, one in zip(axes, windows):
        inside[axis] = slice(one.before, max(one.before, one.signal - one.after))
    framed = library.zeros(result.shape, result.dtype, result)
    framed[...] = signal if frame.kind == "copied" else frame.value
    framed[tuple(inside)] = result[tuple(inside)]
    return framed


def _bias(library: Library, extras: Extras, sums: str) -> Any:
    """Return what is added to the sums, in their type and shaped to broadcast against them; None for nothing."""
    bias, layout = extras.bias, extras.layout
    if bias is None or layout is None:
        return bias
    bias = library.converted(bias, library.dtype_named(sums))
    return bias.reshape((extras.groups, bias.shape[0] // extras.groups) + (1,) * (1 + len(spatial_axes(layout.signal))))
