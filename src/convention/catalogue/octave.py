"""GNU Octave: ``conv``, ``conv2``, ``filter2``, and ``imfilter`` of its package image; they stand for MATLAB's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.boundary import index_map
from convention.catalogue.entry import Operator, Shape, chosen, dtype_name
from convention.catalogue.octave_process import INSTALL, PROGRAM, call_octave
from convention.definition import Convention
from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["OPERATORS"]

_SHAPES = ("full", "same", "valid")
_INTEGERS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_REAL = ("bool", *_INTEGERS, "float32", "float64")
_CLASSES = (*_REAL, "complex64", "complex128")
_PADS = {"symmetric": "half-sample", "replicate": "edge", "circular": "periodic"}


def _convention(reversed_axes: str) -> Callable[..., Convention]:
    def convention(signal_shape: Shape, kernel_shape: Shape, *, shape: str) -> Convention:
        # measured: "same" is cut out of "full" from ceil((K-1)/2) on, never exchanging the operands
        return Convention(reversed_axes=reversed_axes, size="same-upper" if shape == "same" else shape)

    return convention


class _Options(NamedTuple):
    """What imfilter makes of its options: the last of each kind counts."""

    pad: Any = 0
    size: str = "same"
    direction: str = "corr"

    @classmethod
    def of(cls, options: tuple[Any, ...]) -> _Options:
        found = cls()
        for option in options:
            word = option.lower() if isinstance(option, str) else None
            if word in _PADS or word is None:
                found = found._replace(pad=option if word is None else word)
            else:
                found = found._replace(**{"direction" if word in ("corr", "conv") else "size": word})
        return found


def _filtering(signal_shape: Shape, kernel_shape: Shape, *, options: tuple[Any, ...]) -> Convention:
    given = _Options.of(options)
    size: Any = "same-upper" if given.size == "same" else given.size
    if size == "full":
        # measured: with an even kernel it begins one output late, and its last window reads nothing
        size = tuple((k - 1, k - 1) if k % 2 else (k - 2, k) for k in kernel_shape)
    number = not isinstance(given.pad, str)
    return Convention(
        reversed_axes="none" if given.direction == "corr" else "all",
        size=size,
        boundary="constant" if number else _PADS[given.pad],
        value=given.pad if number else 0,
    )


def _refuses_image(signal_shape: Shape, kernel_shape: Shape, *, options: tuple[Any, ...]) -> str:
    return "an empty image" if 0 in signal_shape else ""


def _conv(signal: NDArray[Any], kernel: NDArray[Any], *, shape: str) -> NDArray[Any]:
    return call_octave("conv", signal, kernel, shape).reshape(-1)


def _conv2(signal: NDArray[Any], kernel: NDArray[Any], *, shape: str) -> NDArray[Any]:
    return call_octave("conv2", signal, kernel, shape)


def _filter2(signal: NDArray[Any], kernel: NDArray[Any], *, shape: str) -> NDArray[Any]:
    return call_octave("filter2", kernel, signal, shape)


def _imfilter(signal: NDArray[Any], kernel: NDArray[Any], *, options: tuple[Any, ...]) -> NDArray[Any]:
    given = (option if isinstance(option, str) else np.asarray(option) for option in options)
    return call_octave("imfilter", signal, kernel, *given, package="image")


def _sum_type(signal: Any, kernel: Any) -> str:
    """Return the type that conv2 sums in: single where an operand is, otherwise double."""
    names = dtype_name(signal), dtype_name(kernel)
    for name in names:
        if name not in _CLASSES:
            raise ConventionTypeError(
                f"an array of {name}", "Octave has no class for it", ", ".join(_CLASSES), "convert it"
            )
    single = any(name in ("float32", "complex64") for name in names)
    if any("complex" in name for name in names):
        return "complex64" if single else "complex128"
    return "float32" if single else "float64"


def _matrix(name: str, array: Any, axes: int = 2) -> Any:
    """Return an array as Octave has it: a row where it has one axis, without axes of one element behind the second."""
    shape = (1,) * (2 - array.ndim) + tuple(array.shape)
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) > axes:
        raise ConventionValueError(
            f"{name} of shape {tuple(array.shape)}", f"{len(shape)} axes", f"at most {axes}", "pass a part of it"
        )
    return array.reshape(shape)


def _narrowed(result: Any) -> Any:
    """Return a result without its imaginary part where that is 0 everywhere, as Octave does."""
    if "complex" not in dtype_name(result) or result.imag.any():
        return result
    return result.real * 1


def _bound(signal: Any, kernel: Any, shape: Any, layout: tuple[int, ...] | None) -> Any:
    """Return what `like` computes, from matrices."""
    dtype = _sum_type(signal, kernel)
    options = {"shape": chosen("shape", shape, _SHAPES)}
    extras: dict[str, Any] = {"dtype": dtype, "finish": _narrowed, "skips_zeros": True}
    if layout is not None:
        extras["shape"] = layout
    if 0 in (*signal.shape, *kernel.shape):
        # measured: 0x0 whatever the shape, and real
        empty = (0,) if layout == (-1,) else (0, 0)
        extras |= {"nothing": True, "shape": empty, "dtype": _real(dtype)}
    return signal, kernel, options, extras


def _real(dtype: str) -> str:
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)


def _bind_conv(a: Any, b: Any, shape: Any) -> Any:
    flat = a.ndim < 2 and b.ndim < 2
    a, b = _matrix("a", a), _matrix("b", b)
    for name, one in (("a", a), ("b", b)):
        if 1 not in one.shape:
            raise ConventionValueError(
                f"{name} of shape {tuple(one.shape)}", "no vector", "a row or a column", f"pass {name}.ravel()"
            )
    # measured: "full" lies as the longer vector does, as b where they are equally long; the others lie as a does
    longer = b if shape == "full" and max(a.shape) <= max(b.shape) else a
    layout = (-1,) if flat else (1, -1) if longer.shape[0] == 1 else (-1, 1)
    return _bound(a.reshape((-1,)), b.reshape((-1,)), shape, layout)


def _bind_conv2(A: Any, B: Any, shape: Any) -> Any:
    if not isinstance(shape, str):
        raise ConventionTypeError(
            f"shape={shape!r}",
            "conv2(v1, v2, M) filters with two vectors",
            ", ".join(_SHAPES),
            "pass M and the outer product of v1 and v2",
        )
    return _bound(_matrix("A", A), _matrix("B", B), shape, (-1,) if A.ndim < 2 and B.ndim < 2 else None)


def _bind_filter2(b: Any, x: Any, shape: Any) -> Any:
    return _bound(_matrix("x", x), _matrix("b", b), shape, (-1,) if x.ndim < 2 and b.ndim < 2 else None)


def _bind_imfilter(A: Any, h: Any, options: tuple[Any, ...]) -> Any:
    flat = A.ndim < 2 and h.ndim < 2
    image, kernel = _matrix("A", A, 3), _matrix("h", h)
    name, taps = dtype_name(image), dtype_name(kernel)
    if name not in _REAL or 0 in image.shape or (image.ndim == 3 and image.shape[2] != 3):
        raise ConventionValueError(
            f"A of {name} and shape {tuple(A.shape)}", "no image", "real, not empty, of 1 or 3 channels", "change it"
        )
    if taps == "bool":
        raise ConventionTypeError("h of booleans", "not numeric", "integers and floats", "convert it")
    dtype = _sum_type(image, kernel)
    given = _understood(options, name, max(kernel.shape, default=0) > 1)
    extras: dict[str, Any] = {"axes": (0, 1), "skips_zeros": True, "sums": _real(dtype), "finish": _narrowed}
    extras["dtype"] = name if name in _INTEGERS else _stored_as(name, complex_="complex" in dtype)
    if flat:
        extras["shape"] = (-1,)
    if 0 in kernel.shape:
        empty = (0,) if flat else (0, 0, *image.shape[2:])
        return image, kernel, {"options": tuple(given)}, extras | {"nothing": True, "dtype": name, "shape": empty}
    if name in _INTEGERS and "complex" in dtype:
        if kernel.imag.any():
            raise ConventionTypeError(f"h of {taps}", f"{name} cannot hold the result", "a real h", "convert A")
        kernel = kernel.real
    if isinstance(given.pad, complex):
        image = image * (1 + 0j)
        extras["dtype"] = _stored_as(name, complex_=True)
    if name == "bool":
        extras |= {"dtype": dtype, "finish": _truth}
    beyond = isinstance(given.pad, str) or given.pad != 0
    if beyond and (given.size == "full" or not (isinstance(given.pad, str) or isfinite(abs(given.pad)))):
        # measured: "full" is "same" of the padded image, so that beyond the padding there is 0
        image = _padded(image, tuple(kernel.shape), given.pad)
        given = given._replace(pad=0, size="same" if given.size == "full" else "valid")
    return image, kernel, {"options": tuple(given)}, extras


def _stored_as(name: str, *, complex_: bool) -> str:
    return {"float32": "complex64", "float64": "complex128"}.get(name, name) if complex_ else name


def _truth(result: Any) -> Any:
    if (result != result).any():
        raise ConventionValueError("an image of booleans", "a sum is NaN", "sums that are numbers", "convert the image")
    return result != 0


def _understood(options: tuple[Any, ...], name: str, pads: bool) -> _Options:
    """Return imfilter's options, the pad as the image's class holds it; warn of those that it ignores."""
    taken: list[Any] = []
    for number, option in enumerate(options, 3):
        if not isinstance(option, (str, int, float, complex, list, tuple)) and not hasattr(option, "shape"):
            raise ConventionTypeError(
                f"option {option!r}", f"a {type(option).__name__}", "a word or a number", "see imfilter's help"
            )
        one = option if isinstance(option, str) else np.asarray(option)
        known = isinstance(one, str) and one.lower() in (*_PADS, "same", "full", "corr", "conv")
        if known or (len(one) == 1 if isinstance(one, str) else one.size == 1):
            taken.append(one if isinstance(one, str) else one.item())
        else:
            warnings.warn(f"imfilter: cannot handle input argument number {number}", stacklevel=5)
    letters = [index for index, one in enumerate(taken) if isinstance(one, str) and len(one) == 1]
    last = max((i for i, one in enumerate(taken) if not isinstance(one, str) or one.lower() in _PADS), default=-1)
    if pads and letters and letters[-1] > last:  # a single letter is a scalar, which padarray then refuses
        raise ConventionValueError(
            f"option {taken[letters[-1]]!r}", "no word of imfilter's", ", ".join(_PADS), "use one of them"
        )
    given = _Options.of(tuple(one for index, one in enumerate(taken) if index not in letters))
    return given if isinstance(given.pad, str) else given._replace(pad=_cast(given.pad, name))


def _cast(pad: Any, name: str) -> Any:
    """Return a number as Octave casts it to a class: integers are rounded half away from zero, and saturate."""
    if name == "bool":
        if pad != pad:
            raise ConventionValueError(f"a pad of {pad}", "no boolean", "a number", "use true or false")
        return int(pad != 0)
    if name not in _INTEGERS:
        return (
            pad
            if name == "float64"
            else np.asarray(pad).astype(_stored_as(name, complex_=isinstance(pad, complex))).item()
        )
    if isinstance(pad, complex):
        raise ConventionTypeError(f"a pad of {pad}", f"{name} cannot hold it", "a real number", "pass its real part")
    limits = np.iinfo(name)
    if pad != pad:
        return 0
    if not isfinite(pad):
        return limits.max if pad > 0 else limits.min
    whole = int(abs(pad)) + (abs(pad) % 1 >= 0.5)
    return min(max(whole if pad > 0 else -whole, limits.min), limits.max)


def _padded(image: Any, kernel_shape: Shape, pad: Any) -> Any:
    """Return the image with the samples that the windows of "same" reach."""
    inside = []
    for axis, (n, k) in enumerate(zip(image.shape, kernel_shape)):
        before = (k - 1) // 2
        index = index_map(_PADS.get(pad, "edge"), np.arange(-before, n + k // 2), n)
        image = image[index] if axis == 0 else image[:, index]
        inside.append((before, before + n))
    if not isinstance(pad, str):
        (top, bottom), (left, right) = inside
        for outside in (image[:top], image[bottom:], image[:, :left], image[:, right:]):
            outside[...] = pad
    return image


_SUMS = (
    "Integers and booleans are summed in double and give double; single with anything gives single. Taps of 0 are left "
    "out: a NaN under one does not spread. Where no imaginary part is left, the result is real. "
)
_EMPTY = "An empty operand gives a matrix of 0x0, whatever the shape. "
_ADDRESS = "https://docs.octave.org/latest/"


def _entry(name: str, **fields: Any) -> Operator:
    return Operator(
        name=f"octave.{name}",
        library="octave",
        program=PROGRAM,
        install=INSTALL,
        **{
            "ndims": (2,),
            "options": {"shape": _SHAPES},
            "arithmetic": Arithmetic(result="float64", sums="float64", overflow="none"),
            **fields,
        },
    )


OPERATORS = (
    _entry(
        "conv",
        named="convolution",
        ndims=(1,),
        convention=_convention("all"),
        call=_conv,
        signature="(a, b, shape='full')",
        arrays=("a", "b"),
        bind=_bind_conv,
        source=f"{_ADDRESS}Products-of-Polynomials.html#index-conv",
        remarks=_SUMS
        + _EMPTY
        + "'full' is a row or a column as the longer vector is, and as b where they are equally long; "
        "the others as a is. Words in capitals pass its own check and are then refused.",
    ),
    _entry(
        "conv2",
        named="convolution",
        convention=_convention("all"),
        call=_conv2,
        signature="(A, B, shape='full')",
        arrays=("A", "B"),
        bind=_bind_conv2,
        source=f"{_ADDRESS}Products-of-Polynomials.html#index-conv2",
        remarks=_SUMS + _EMPTY + "conv2(v1, v2, M) is conv2(M, v1(:) * v2(:).'): its third argument may be a matrix.",
    ),
    _entry(
        "filter2",
        named="filter",
        options={"shape": ("same", "full", "valid")},
        convention=_convention("none"),
        call=_filter2,
        signature="(b, x, shape='same')",
        arrays=("b", "x"),
        bind=_bind_filter2,
        source=f"{_ADDRESS}Signal-Processing.html#index-filter2",
        remarks=_SUMS + _EMPTY + "Takes the kernel first. Does not conjugate it. A kernel of three axes is taken as a "
        "matrix of its columns, which like refuses.",
    ),
    _entry(
        "imfilter",
        named="filter",
        options={
            "options": (
                *((), ("conv",), ("full",), ("full", "conv"), (7,), (7, "conv")),
                *((pad, *how) for pad in _PADS for how in ((), ("conv",))),
            )
        },
        convention=_filtering,
        call=_imfilter,
        accepts=_refuses_image,
        signature="(A, h, *options)",
        arrays=("A", "h"),
        bind=_bind_imfilter,
        arithmetic=Arithmetic(result="signal", sums="float64", rounding="half-away", overflow="saturate"),
        source="https://octave.sourceforge.io/image/function/imfilter.html",
        remarks="Sums are taken in double, in single where the image or the kernel is single, and cast to the image's "
        "class: integers are rounded half away from zero and saturate, and of booleans every sum but 0 is true. "
        "'full' with an even kernel misses the first output and has a 0 too many at the end. 'full' with a pad is "
        "'same' of the padded image, with zeros beyond the padding: no convention, and not enumerated. Words that it "
        "does not know, 'reflect' among them, are ignored with a warning. A kernel of booleans is refused. "
        "Taps of 0 are left out: a NaN under one does not spread. Three channels are filtered one by one.",
    ),
)
