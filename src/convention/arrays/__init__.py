"""Array libraries: which one do these arrays belong to, and what does the engine ask of it.

One file per library holds its primitives and knows nothing about convolution. A library is loaded
only once one of its arrays arrives.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from convention.errors import ConventionTypeError

__all__ = ["Array", "Library", "library_of"]

Array: TypeAlias = Any
"""An array of one of the libraries; which one, only its library knows."""


class Library(Protocol):
    """The primitives that one file of this folder defines for its library."""

    name: str
    types: Sequence[type]
    """Of the arrays that are nothing but arrays: subclasses may be masked, or carry a unit."""
    cost: Mapping[str, float]
    """Nanoseconds, measured: a product, a transform's element per log2 of its length, a pass over one tap."""

    def array(self, name: str, value: Any) -> Array:
        """Return the argument as an array of numbers, or refuse it."""

    def same_device(self, signal: Array, kernel: Array) -> None:
        """Refuse two arrays on different devices."""

    def dtype(self, value: Any) -> Any:
        """Return the data type that a ``dtype=`` argument names, or refuse it."""

    def dtype_named(self, name: str) -> Any:
        """Return the library's data type of this name."""

    def kind(self, dtype: Any) -> str:
        """Return b, i, u, f or c, as numpy.dtype.kind."""

    def promoted(self, *dtypes: Any) -> Any:
        """Return the library's own promotion of these data types."""

    def sum_dtype(self, dtype: Any) -> Any:
        """Return the data type to sum in for a result of this one."""

    def epsilon(self, dtype: Any) -> float:
        """Return the distance from 1 to the next number of a float or complex data type."""

    def largest(self, dtype: Any) -> float:
        """Return the largest finite number of a float or complex data type."""

    def transforms(self, dtype: Any) -> bool:
        """Tell whether the library has a Fourier transform in this data type."""

    def dtype_range(self, dtype: Any) -> tuple[int, int]:
        """Return the least and the greatest value of an integer or boolean data type."""

    def integer_range(self, array: Array) -> tuple[int, int]:
        """Return the least and the greatest element, exactly; (0, 0) of an empty array."""

    def magnitude(self, array: Array) -> float:
        """Return the greatest absolute value, nan or inf where one is in the array."""

    def absolute_sum(self, array: Array, axes: int) -> int | float:
        """Return the greatest sum of absolute values over the last axes; exact for integers."""

    def converted(self, array: Array, dtype: Any) -> Array:
        """Return the array in a data type to sum in, without checks and without a copy where possible."""

    def cast(self, array: Array, dtype: Any, overflow: str) -> Array:
        """Return the array rounded to a data type; refuse, saturate or wrap what does not fit."""

    def zeros(self, shape: Sequence[int], dtype: Any, like: Array) -> Array:
        """Return zeros on the device of another array."""

    def extended(
        self, array: Array, axis: int, left: NDArray[np.int64], inside: slice, right: NDArray[np.int64], fill: Any
    ) -> Array:
        """Return samples gathered by an index map, a slice, and gathered samples again.

        The border on either side is all samples, or all the fill: then its index map is negative.
        """

    def folded(self, array: Array, axis: int, index: NDArray[np.int64], length: int) -> Array:
        """Return the adjoint of gathering an axis by an index map: what each sample contributed, added up."""

    def memory(self, array: Array) -> NDArray[Any] | None:
        """Return the array as NumPy sees its memory, None where NumPy cannot or would lose gradients."""

    def tracked(self, *arrays: Array) -> bool:
        """Tell whether gradients are recorded of arrays that `memory` could share without them."""

    def recomputed(
        self, fast: Callable[[Array, Array], Array], slow: Callable[[Array, Array], Array], signal: Array, kernel: Array
    ) -> Array:
        """Return the fast function's result; gradients follow the slow one, which does the same."""

    def memory_dtype(self, dtype: Any) -> np.dtype[Any]:
        """Return NumPy's name of a data type to sum in."""

    def from_memory(self, array: NDArray[Any]) -> Array:
        """Return a NumPy array as one of this library, in the same memory."""

    def to_numpy(self, array: Array) -> NDArray[Any]:
        """Return the array as a NumPy array, without gradients."""

    def add_product(self, total: Array, factor: Array, array: Array) -> None:
        """Add a product to the total, in place."""

    def reversed_along(self, array: Array, axes: Sequence[int]) -> Array:
        """Return the array with its order reversed along these axes."""

    def circular(self, signal: Array, kernel: Array, lengths: Sequence[int], workers: int | None) -> Array:
        """Return the circular convolution over the last axes, filled up with zeros; NumPy's comes in tiles."""

    def moved(self, array: Array, source: Sequence[int], target: Sequence[int]) -> Array:
        """Return the array with axes moved, as numpy.moveaxis."""

    def check_out(self, out: Any, shape: Sequence[int], dtype: Any, inputs: Sequence[Array]) -> None:
        """Refuse an ``out=`` array that the result cannot be written into without harm."""

    def delivered(self, result: Array, out: Array | None) -> Array:
        """Return the result contiguous, or written into ``out``."""


_EXACT: dict[type, Library] = {}
"""The library of an array whose type is exactly this, once the library is loaded: nothing about it is left to ask."""

_FILES = {"numpy": "convention.arrays.numpy", "torch": "convention.arrays.torch"}


def library_of(**arguments: Any) -> Library:
    """Return the one library that all arguments belong to; an ``out`` of None belongs to any.

    Raises
    ------
    ConventionTypeError
        If two arguments belong to different libraries, or one to a library without a file here.
    """
    known = {_EXACT.get(type(value)) for name, value in arguments.items() if value is not None or name != "out"}
    if len(known) == 1 and (one := known.pop()) is not None:
        return one
    found = {name: _name(name, value) for name, value in arguments.items() if value is not None or name != "out"}
    (first, library), *others = found.items()
    for name, other in others:
        if other != library:
            values = {first: arguments[first], name: arguments[name]}
            _refuse_mixture(values)
    loaded = cast("Library", import_module(_FILES[library]))
    _EXACT.update(dict.fromkeys(loaded.types, loaded))
    return loaded


def _name(name: str, value: Any) -> str:
    if isinstance(value, (np.ndarray, np.generic, list, tuple, int, float, complex)):
        if isinstance(value, np.ma.MaskedArray):
            raise ConventionTypeError(
                f"{name} is a masked array",
                "a sum over taps has no rule for masked samples",
                "plain arrays",
                f"fill the gaps first, for example {name}.filled(0)",
            )
        if hasattr(value, "unit"):  # a quantity of Astropy, which NumPy would strip of it
            raise ConventionTypeError(
                f"{name} with the unit {value.unit}",
                "a sum over taps has no rule for units",
                "plain numbers",
                f"pass its numbers, for example {name}.value, and put the unit back on the result",
            )
        return "numpy"
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return "torch"
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    raise ConventionTypeError(
        f"{name} of type {kind}",
        "no array of a supported library",
        f"arrays of {' or '.join(_FILES)}, or nested lists of numbers",
        f"convert it, for example numpy.asarray({name})",
    )


def _refuse_mixture(values: Mapping[str, Any]) -> None:
    kinds = {name: "tensor" if _name(name, v) == "torch" else type(v).__name__ for name, v in values.items()}
    other = next(name for name, kind in kinds.items() if kind != "tensor")
    tensor = next(name for name, kind in kinds.items() if kind == "tensor")
    raise ConventionTypeError(
        " and ".join(f"{name} is a {'torch tensor' if kind == 'tensor' else kind}" for name, kind in kinds.items()),
        "two array libraries in one call",
        "signal, kernel and out of the same library",
        f"{other} = torch.as_tensor({other}, device={tensor}.device)",
    )
