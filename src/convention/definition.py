"""The noun: `Convention`, which convolution exactly.

A `Convention` is frozen data without arrays and without libraries. Everything else in this project
computes with it, measures it, or translates between two of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from marshal import dumps, loads
from typing import Any, TypeAlias

from convention.axis import Axis
from convention.boundary import boundary_of
from convention.errors import ConventionTypeError, ConventionValueError, nearest
from convention.fields import (
    AxisSize,
    Number,
    boundary_field,
    count_field,
    exact_literal,
    flag_field,
    number_from_text,
    number_to_text,
    reversed_axes_field,
    shape_field,
    size_field,
)
from convention.geometry import Window

__all__ = ["CONVOLUTION", "CROSS_CORRELATION", "Convention", "as_convention", "remembered"]

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, repr=False)
class Convention:
    """Say which convolution exactly: a definition without arrays and without libraries.

    Per spatial axis, for N samples and K taps, an operator of this convention computes ::

        y[n] = sum over t of  g(w[t]) * X[n*stride - before + dilation*s(t)]

        s(t) = t            cross-correlation (kernel as stored)
        s(t) = K-1-t        convolution (kernel reversed along this axis)
        X[j] = ext(j/upsample) if upsample divides j, else 0
        ext  = the signal, continued without end by the boundary rule
        g    = identity, or complex conjugation of the kernel

    Along several axes the signal is continued axis by axis, the last axis last: where two
    boundaries meet in a corner, a constant of the later axis stands.

    Parameters
    ----------
    reversed_axes : "all", "none" or tuple of int
        Along which axes the kernel is reversed: all of them (convolution), none
        (cross-correlation), or these spatial axes (0 is the first kernel axis).
    size : str, tuple of (int, int), or tuple of both, one per axis
        ``"full"``, ``"valid"``, ``"same"``, ``"same-lower"``, ``"same-upper"``, ``"causal"``, or how many samples
        ``(before, after)`` the first and the last window reach past the signal; may be negative.
    boundary : str or tuple of str, one per axis
        ``"zero"``, ``"constant"``, ``"edge"``, ``"half-sample"``, ``"whole-sample"``, ``"periodic"``, or a
        synonym of one of them.
    value : number or tuple of numbers, one per axis
        What stands beyond a ``"constant"`` boundary. A constant of 0 becomes ``"zero"``.
    stride, dilation, upsample : int or tuple of int, one per axis
        Distance of outputs, of taps, and of samples (with zeros between them); at least 1.
    conjugate : bool
        Whether the kernel is conjugated. Never the signal.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If a field is of the wrong type, unknown, ambiguous or out of range, or if two fields that
        are given per axis disagree about the number of axes.

    Notes
    -----
    The window is the one of XLA's convolution:
    https://openxla.org/xla/operation_semantics#conv_convolution

    Examples
    --------
    >>> c = Convention(size="same", boundary="edge")
    >>> c.definition
    'convolution'
    >>> c.before_after((5, 5), (4, 3))
    ((2, 1), (1, 1))
    >>> print(c)
    convolution (kernel reversed along every axis), size "same", boundary "edge" ( a a | a b c d | d d )
    """

    reversed_axes: str | tuple[int, ...] = "all"
    size: str | tuple[AxisSize, ...] = "same"
    boundary: str | tuple[str, ...] = "zero"
    value: Number | tuple[Number, ...] = 0
    stride: int | tuple[int, ...] = 1
    dilation: int | tuple[int, ...] = 1
    upsample: int | tuple[int, ...] = 1
    conjugate: bool = False

    def __post_init__(self) -> None:
        def store(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        store("reversed_axes", reversed_axes_field(self.reversed_axes))
        store("size", size_field(self.size))
        boundary, value = boundary_field(self.boundary, self.value)
        store("boundary", boundary)
        store("value", value)
        for name in ("stride", "dilation", "upsample"):
            store(name, count_field(name, getattr(self, name)))
        store("conjugate", flag_field("conjugate", self.conjugate))
        self._given_ndim()

    def __repr__(self) -> str:
        given = (
            f"{field.name}={exact_literal(getattr(self, field.name))}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        )
        return f"Convention({', '.join(given)})"

    def __str__(self) -> str:
        if self.definition == "mixed":
            name = f"mixed (kernel reversed along axis {_listed(self.reversed_axes)} only)"
        else:
            along = "reversed along every axis" if self.definition == "convolution" else "not reversed"
            name = f"{self.definition} (kernel {along})"
        boundary = _uniform(self.boundary)
        words = [f"{name}, size {_quoted(_uniform(self.size))}, boundary {_quoted(boundary)}"]
        if isinstance(boundary, str):
            words[0] += f" ( {boundary_of(boundary).picture} )"
        shown = {"value": 0, "stride": 1, "dilation": 1, "upsample": 1}
        for field, silent in shown.items():
            value = _uniform(getattr(self, field))
            words += [f"{field} {_listed(value)}"] if value != silent else []
        return ", ".join(words + ["kernel conjugated"] * self.conjugate)

    @property
    def definition(self) -> str:
        """``"convolution"``, ``"cross-correlation"``, or ``"mixed"`` (reversed along some axes only).

        A tuple in `reversed_axes` is ``"convolution"`` only where another field given per axis tells
        that there are no further axes.
        """
        axes = self.reversed_axes
        if axes in ("none", ()):
            return "cross-correlation"
        return "convolution" if axes == "all" or len(axes) == self._given_ndim() else "mixed"

    def resolve(self, ndim: int) -> Convention:
        """Return the same convention with every field given per axis.

        Raises
        ------
        ConventionValueError
            If a field is given for another number of axes.
        """
        if ndim < 1:
            raise ConventionValueError(
                f"a convention on {ndim} axes", "no spatial axis", "at least one", "pass the number of spatial axes"
            )
        given = self._given_ndim()
        if given not in (None, ndim):
            raise ConventionValueError(
                f"a convention for {given} axes on {ndim}",
                f"{self!r} has fields given per axis, {given} of them",
                f"{ndim} entries per field, or one word or number for all axes",
                f"give these fields {ndim} entries, or use arrays with {given} spatial axes",
            )
        axes = self.reversed_axes
        if isinstance(axes, str):
            axes = tuple(range(ndim)) if axes == "all" else ()
        elif axes and axes[-1] >= ndim:
            raise ConventionValueError(
                f"reversed_axes={axes}",
                f"there are {ndim} spatial axes",
                f"axis numbers 0 to {ndim - 1}",
                "name existing axes, or 'all'",
            )

        def each(value: Any) -> tuple[Any, ...]:
            return value if isinstance(value, tuple) else (value,) * ndim

        boundary = each(self.boundary)
        value = tuple(v if b == "constant" else 0 for v, b in zip(each(self.value), boundary, strict=True))
        return Convention(
            reversed_axes=axes,
            size=each(self.size),
            boundary=boundary,
            value=value,
            stride=each(self.stride),
            dilation=each(self.dilation),
            upsample=each(self.upsample),
            conjugate=self.conjugate,
        )

    def axes(self, ndim: int) -> tuple[Axis, ...]:
        """Return what the convention says about each axis, with synonyms replaced by names.

        Raises
        ------
        ConventionValueError
            As `resolve`.
        """
        return _axes(self, ndim)

    def canonical(self, ndim: int) -> Convention:
        """Return the simplest convention that computes the same on every signal that is not empty.

        Synonyms become names; a common factor of stride, dilation, upsample and before is taken out;
        the boundary of windows that never leave the signal becomes ``"zero"``; a (before, after) pair
        becomes the word that means it, where one does.
        """
        return self._of_axes([axis.canonical() for axis in self.axes(ndim)], self.conjugate)

    def equivalent(self, other: Convention, ndim: int) -> bool:
        """Tell whether both have the same canonical form: then they compute the same."""
        return self.canonical(ndim) == other.canonical(ndim)

    def windows(self, signal_shape: Sequence[int], kernel_shape: Sequence[int]) -> tuple[Window, ...]:
        """Return one `Window` per spatial axis: what the size means for these shapes.

        Raises
        ------
        ConventionValueError
            If the shapes differ in their number of axes, or the kernel is empty.
        """
        signal, kernel = shape_field("signal_shape", signal_shape), shape_field("kernel_shape", kernel_shape)
        if len(signal) != len(kernel):
            raise ConventionValueError(
                f"signal_shape={signal}, kernel_shape={kernel}",
                f"{len(signal)} and {len(kernel)} axes",
                "spatial axes only, the same number for both",
                "leave out batch and channel axes",
            )
        if 0 in kernel:
            raise ConventionValueError(
                f"a kernel of shape {kernel}", "it is empty", "at least one tap along every axis", "give it taps"
            )
        return tuple(axis.window(n, k) for axis, n, k in zip(self.axes(len(kernel)), signal, kernel))

    def before_after(self, signal_shape: Sequence[int], kernel_shape: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """Return per axis how far the first and the last window reach past the signal."""
        return tuple((w.before, w.after) for w in self.windows(signal_shape, kernel_shape))

    def output_shape(self, signal_shape: Sequence[int], kernel_shape: Sequence[int]) -> Shape:
        """Return the number of outputs along each spatial axis."""
        return tuple(w.outputs for w in self.windows(signal_shape, kernel_shape))

    def anchor(self, signal_shape: Sequence[int], kernel_shape: Sequence[int]) -> tuple[int | None, ...]:
        """Return per axis the tap *of the stored kernel* that meets the sample at the output's own position.

        None where no tap does. Documentation of libraries often means the index in the sliding
        window instead, which is the same only for cross-correlation.

        Examples
        --------
        >>> CONVOLUTION.anchor((9,), (4,)), CROSS_CORRELATION.anchor((9,), (4,))
        ((1,), (2,))
        """
        windows = self.windows(signal_shape, kernel_shape)
        anchors: list[int | None] = []
        for axis, w in zip(self.axes(len(windows)), windows):
            steps, rest = divmod(w.before, w.dilation)
            tap = w.kernel - 1 - steps if axis.reversed else steps
            anchors.append(tap if rest == 0 and 0 <= tap < w.kernel else None)
        return tuple(anchors)

    def adjoint(self, signal_shape: Sequence[int], kernel_shape: Sequence[int]) -> Convention:
        """Return the convention that computes the adjoint (conjugate transpose) with the same kernel.

        For ``y = apply(self, x, w)`` and any z of y's shape, ``<y, z> == <x, apply(adjoint, z, w)>``.

        Raises
        ------
        ConventionValueError
            If the adjoint is no convention: the boundary is neither zero nor periodic with
            ``outputs*stride == N*upsample``. `convention.linear_operator` has it all the same.
        """
        windows = self.windows(signal_shape, kernel_shape)
        axes = [axis.adjoint(w.signal, w.kernel) for axis, w in zip(self.axes(len(windows)), windows)]
        return self._of_axes(axes, not self.conjugate)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain data that JSON can hold (a value that is no finite real as text)."""
        plain = {field.name: _to_plain(getattr(self, field.name)) for field in fields(self)}
        value = self.value
        plain["value"] = [number_to_text(v) for v in value] if isinstance(value, tuple) else number_to_text(value)
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Convention:
        """Return the convention that `to_dict` wrote; fields left out have their defaults.

        Raises
        ------
        ConventionTypeError, ConventionValueError
            If the data is no mapping, or a field is unknown.
        """
        allowed = [field.name for field in fields(cls)]
        if not isinstance(data, Mapping):
            raise ConventionTypeError(
                f"a convention from {data!r}", f"a {type(data).__name__}", ", ".join(allowed), "pass a dictionary"
            )
        unknown = [name for name in data if name not in allowed]
        if unknown:
            raise ConventionValueError(
                f"a convention from {dict(data)!r}",
                f"unknown fields {', '.join(map(repr, unknown))}",
                ", ".join(allowed),
                "remove or rename them",
            )
        given = {name: _from_plain(value) for name, value in data.items()}
        if "value" in given:
            value = given["value"]
            given["value"] = (
                tuple(map(number_from_text, value)) if isinstance(value, tuple) else number_from_text(value)
            )
        return cls(**given)

    @classmethod
    def _of_axes(cls, axes: Sequence[Axis], conjugate: bool) -> Convention:
        return cls(
            reversed_axes=tuple(axis.number for axis in axes if axis.reversed),
            size=tuple(axis.size for axis in axes),
            boundary=tuple(axis.boundary for axis in axes),
            value=tuple(axis.value for axis in axes),
            stride=tuple(axis.stride for axis in axes),
            dilation=tuple(axis.dilation for axis in axes),
            upsample=tuple(axis.upsample for axis in axes),
            conjugate=conjugate,
        )

    def _given_ndim(self) -> int | None:
        """Return the number of axes that fields given per axis have; refuse where two disagree."""
        per_axis = ("size", "boundary", "value", "stride", "dilation", "upsample")
        counts = {name: len(v) for name in per_axis if isinstance(v := getattr(self, name), tuple)}
        if len(set(counts.values())) > 1:
            raise ConventionValueError(
                ", ".join(f"{name}={getattr(self, name)!r}" for name in counts),
                f"fields given per axis have {' and '.join(f'{n} ({k})' for k, n in counts.items())} entries",
                "the same number of entries, one per spatial axis, in all of them",
                "make them equally long, or give one word or number for all axes",
            )
        return next(iter(counts.values()), None)


CONVOLUTION = Convention()
"""The mathematical convolution: kernel reversed along every axis, same size, zero boundary."""

CROSS_CORRELATION = Convention(reversed_axes="none")
"""What deep learning calls convolution: the kernel as stored. Not conjugated (`correlate` conjugates)."""

_WORDS = {"convolution": CONVOLUTION, "cross-correlation": CROSS_CORRELATION}


def as_convention(convention: Convention | str | Mapping[str, Any]) -> Convention:
    """Return a `Convention` for a convention, a definition's name, or the data of `Convention.to_dict`.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If it is none of these.
    """
    if isinstance(convention, Convention):
        return convention
    if isinstance(convention, Mapping):
        return Convention.from_dict(convention)
    if isinstance(convention, str) and convention in _WORDS:
        return _WORDS[convention]
    refusal = ConventionValueError if isinstance(convention, str) else ConventionTypeError
    raise refusal(
        f"convention={convention!r}",
        f"a {type(convention).__name__} that names no convention",
        f"a Convention, its dictionary, or {' or '.join(map(repr, _WORDS))}",
        nearest(convention, _WORDS) + ", or write Convention(...)",
    )


def remembered(
    reversed_axes: Any, size: Any, boundary: Any, value: Any, stride: Any, dilation: Any, upsample: Any, conjugate: bool
) -> Convention:
    """Return the `Convention` of these fields, the same object as last time where they are plain Python values.

    Making one takes longer than a short sum. Values that compare equal may differ here (1 and True:
    the one is a stride, the other is refused), so they are looked up by their marshalled bytes.
    """
    values = (reversed_axes, size, boundary, value, stride, dilation, upsample, conjugate)
    try:
        return _unmarshalled(dumps(values, 2))  # later versions write strings in more than one way
    except (TypeError, ValueError):
        pass  # not plain, or refused: a refusal quotes the arguments themselves
    return _of_fields(values)


@lru_cache(maxsize=1024)
def _unmarshalled(key: bytes) -> Convention:
    # made of the key and nothing else: whatever has this key has this convention
    values = loads(key)
    if not _is_plain(values):
        raise TypeError("other objects' buffers are marshalled as bytes, whatever they hold")
    return _of_fields(values)


def _is_plain(value: Any) -> bool:
    if type(value) in (tuple, list):
        return all(map(_is_plain, value))
    return type(value) in (str, bool, int, float, complex)


def _of_fields(values: Sequence[Any]) -> Convention:
    return Convention(**dict(zip((field.name for field in fields(Convention)), values, strict=True)))


@lru_cache(maxsize=1024)
def _axes(convention: Convention, ndim: int) -> tuple[Axis, ...]:
    r = convention.resolve(ndim)
    fields_of: list[Any] = [
        r.size,
        (boundary_of(word).name for word in r.boundary),
        r.value,
        r.stride,
        r.dilation,
        r.upsample,
    ]
    return tuple(Axis(number, number in r.reversed_axes, *one) for number, one in enumerate(zip(*fields_of)))


def _to_plain(value: Any) -> Any:
    return [_to_plain(v) for v in value] if isinstance(value, tuple) else value


def _from_plain(value: Any) -> Any:
    return tuple(_from_plain(v) for v in value) if isinstance(value, (list, tuple)) else value


def _uniform(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) and value and len(set(value)) == 1 else value


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _quoted(value: Any) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_quoted, value)) + ")"
    return f'"{value}"' if isinstance(value, str) else str(value)
