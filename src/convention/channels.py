"""Channels: the sum over input channels as one more spatial axis, of size "valid".

A layer's signal has batch and channel axes, its kernel output and input channels. Along the channel axis the
kernel is as long as the signal and is not reversed: a cross-correlation with a single output. So the
engine's one formula sums channels too, and nothing here multiplies.
"""

from __future__ import annotations

from typing import NamedTuple

from convention.arithmetic import Layout
from convention.arrays import Array, Library
from convention.definition import Convention
from convention.errors import ConventionValueError

__all__ = ["Arranged", "arranged", "delivered_as", "over_channels", "spatial_axes"]

_LETTERS = "NCOI"
"""Letters of a layout that are no spatial axis: batch, channels, output channels, input channels."""


class Arranged(NamedTuple):
    """Operands that the engine takes with ``axes=(3, 4, ...)``.

    Attributes
    ----------
    signal : array, shape (N, groups, 1, I, ...)
    kernel : array, shape (groups, O, I, ...)
        I and O are counted per group.
    """

    signal: Array
    kernel: Array


def spatial_axes(letters: str, order: str = "") -> tuple[int, ...]:
    """Return the numbers of the spatial axes of a layout, in its own order or in that of another layout."""
    return tuple(letters.index(letter) for letter in order or letters if letter not in _LETTERS)


def arranged(library: Library, signal: Array, kernel: Array, layout: Layout, groups: int, grouped: str) -> Arranged:
    """Return both operands with their axes in the order that the engine sums over.

    Parameters
    ----------
    library : Library
        Of both.
    signal, kernel : array
        With the axes that the layout names.
    layout : Layout
        Letters N C O I, and any others for the spatial axes. A signal without N has no batch.
    groups : int
        Into how many groups the channels are split, in order.
    grouped : "O" or "I"
        Which of the kernel's channel axes counts the channels of all groups; the other counts those of one.

    Raises
    ------
    ConventionValueError
        If the numbers of channels do not fit.
    """
    spatial = "".join(layout.signal[axis] for axis in spatial_axes(layout.signal))
    x = _ordered(library, signal, layout.signal, "NC" + spatial if "N" in layout.signal else "C" + spatial)
    x = x if "N" in layout.signal else x[None]
    w = _ordered(library, kernel, layout.kernel, "OI" + spatial)
    outputs, inputs, *taps = w.shape
    _check(x.shape[1], outputs, inputs, groups, grouped)
    x = x.reshape((x.shape[0], groups, 1, x.shape[1] // groups, *x.shape[2:]))
    if grouped == "O":
        return Arranged(x, w.reshape((groups, outputs // groups, inputs, *taps)))
    w = w.reshape((outputs, groups, inputs // groups, *taps))
    return Arranged(x, library.moved(w, (1,), (0,)))


def over_channels(convention: Convention, ndim: int) -> Convention:
    """Return the convention with the channel axis in front of its spatial axes."""
    one = convention.resolve(ndim)
    assert not isinstance(one.reversed_axes, str)

    def led(value: object, first: object) -> tuple[object, ...]:
        assert isinstance(value, tuple)
        return (first, *value)

    return Convention(
        reversed_axes=tuple(axis + 1 for axis in one.reversed_axes),
        size=led(one.size, "valid"),  # type: ignore[arg-type]
        boundary=led(one.boundary, "zero"),  # type: ignore[arg-type]
        value=led(one.value, 0),  # type: ignore[arg-type]
        stride=led(one.stride, 1),  # type: ignore[arg-type]
        dilation=led(one.dilation, 1),  # type: ignore[arg-type]
        upsample=led(one.upsample, 1),  # type: ignore[arg-type]
        conjugate=one.conjugate,
    )


def delivered_as(library: Library, result: Array, layout: Layout) -> Array:
    """Return the engine's result, shape (N, groups, O, 1, ...), in the result's layout."""
    batch, groups, outputs, _, *counts = result.shape
    result = result.reshape((batch, groups * outputs, *counts))
    spatial = "".join(layout.signal[axis] for axis in spatial_axes(layout.signal))
    if "N" in layout.result:
        return _ordered(library, result, "NC" + spatial, layout.result)
    return _ordered(library, result.reshape(result.shape[1:]), "C" + spatial, layout.result)


def _ordered(library: Library, array: Array, letters: str, wanted: str) -> Array:
    if array.ndim != len(letters):
        raise ConventionValueError(
            f"an array of shape {tuple(array.shape)}", f"{array.ndim} axes", f"{len(letters)}: {letters}", "reshape it"
        )
    return library.moved(array, [letters.index(letter) for letter in wanted], range(len(wanted)))


def _check(channels: int, outputs: int, inputs: int, groups: int, grouped: str) -> None:
    asked = f"{channels} channels, a kernel for {inputs} input and {outputs} output channels, {groups} groups"
    if groups < 1:
        raise ConventionValueError(asked, "no groups", "at least 1", "pass a number of groups from 1 on")
    whole = outputs if grouped == "O" else inputs
    wanted = inputs * groups if grouped == "O" else inputs
    if channels != wanted:
        raise ConventionValueError(
            asked, f"the signal has {channels} channels", f"{wanted} channels for this kernel", "check the layouts"
        )
    if whole % groups or channels % groups:
        raise ConventionValueError(
            asked, "channels that the groups do not divide", "multiples of the number of groups", "change the groups"
        )
