"""The catalogue: what convolution operators of many libraries were measured to compute."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from convention.catalogue.entry import Operator
from convention.errors import ConventionValueError, nearest

__all__ = ["Operator", "lookup", "operators"]

_FILES = (
    "numpy",
    "scipy_signal",
    "scipy_filters",
    "scipy_ndimage",
    "opencv",
    "pillow",
    "skimage",
    "torch",
    "jax",
    "jax_lax",
    "flax",
    "tensorflow",
    "keras",
    "onnx",
    "kornia",
    "mahotas",
    "astropy",
    "simpleitk",
    "pyvips",
    "dask_image",
    "octave",
    "imagemagick",
)


@cache
def _entries() -> dict[str, Operator]:
    found = (import_module(f"convention.catalogue.{file}").OPERATORS for file in _FILES)
    return {operator.name: operator for group in found for operator in group}


def operators() -> tuple[str, ...]:
    """Return the names of all operators in the catalogue, library by library.

    Examples
    --------
    >>> operators()[:2]
    ('numpy.convolve', 'numpy.correlate')
    """
    return tuple(_entries())


def lookup(name: str) -> Operator:
    """Return the catalogue's entry of an operator.

    Raises
    ------
    ConventionValueError
        If no entry has this name; the message has the nearest one.

    Examples
    --------
    >>> entry = lookup("scipy.ndimage.convolve")
    >>> print(entry.convention((9,), (4,), mode="wrap"))
    convolution (kernel reversed along every axis), size (1, 2), boundary "periodic" ( c d | a b c d | a b )
    """
    entries = _entries()
    if name not in entries:
        raise ConventionValueError(
            f"the operator {name!r}", "the catalogue has no such entry", ", ".join(entries), nearest(name, entries)
        )
    return entries[name]
