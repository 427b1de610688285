"""The names of kernels, and the texts that ask for them with numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from convention.errors import ConventionTypeError, ConventionValueError, nearest
from convention.kernels.averaging import box, delta, disk, gaussian, motion, shift
from convention.kernels.derivatives import emboss, gabor, laplacian, prewitt, scharr, sharpen, sobel
from convention.kernels.record import NamedKernel

__all__ = ["family_of", "kernel_names", "kernel_table", "named_kernel", "nearest_name"]


class _Family(NamedTuple):
    make: Callable[..., NamedKernel]
    numbers: tuple[str, ...]
    example: str
    meaning: str


_FAMILIES: dict[str, _Family] = {
    "delta": _Family(delta, ("size",), "delta-3", "one tap of 1: changes nothing"),
    "shift": _Family(shift, ("rows", "columns"), "shift-0-1", "moves down and right"),
    "box": _Family(box, ("rows", "columns"), "box-3x5", "mean of a rectangle"),
    "gaussian": _Family(gaussian, ("size", "sigma"), "gaussian-5", "by size; by sigma: gaussian-1.5s"),
    "sobel-x": _Family(partial(sobel, "x"), ("size",), "sobel-x", "difference along the columns"),
    "sobel-y": _Family(partial(sobel, "y"), ("size",), "sobel-y", "difference along the rows"),
    "prewitt-x": _Family(partial(prewitt, "x"), (), "prewitt-x", "difference along the columns"),
    "prewitt-y": _Family(partial(prewitt, "y"), (), "prewitt-y", "difference along the rows"),
    "scharr-x": _Family(partial(scharr, "x"), (), "scharr-x", "difference along the columns"),
    "scharr-y": _Family(partial(scharr, "y"), (), "scharr-y", "difference along the rows"),
    "laplacian": _Family(laplacian, ("neighbours",), "laplacian-8", "4 or 8 neighbours"),
    "emboss": _Family(emboss, (), "emboss", "relief, lit from one corner"),
    "sharpen": _Family(sharpen, (), "sharpen", "the signal minus its Laplacian"),
    "motion": _Family(motion, ("length", "angle"), "motion-9-45", "a moving camera, centred"),
    "gabor": _Family(
        gabor, ("size", "sigma", "theta", "wavelength", "gamma", "psi"), "gabor-9-2-45", "stripes under a Gaussian"
    ),
    "disk": _Family(disk, ("radius",), "disk-3", "a lens out of focus"),
}

# A minus sign (in a shape an x) stands before each number; the number may have a minus sign of its own.
_DIGITS = r"(?:[0-9]{1,18}(?:\.[0-9]{0,99})?|\.[0-9]{1,99})"
_NUMBER = re.compile(rf"[-x](-?{_DIGITS})(?![0-9.s])")
_SIGMA = re.compile(rf"-({_DIGITS})s")
_WORD = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")


def named_kernel(text: str) -> NamedKernel:
    """Return the kernel that a text names: ``sobel-x``, ``gaussian-5``, ``motion-9-45``.

    Parameters
    ----------
    text : str
        A name of `kernel_names` and, each after a minus sign, its numbers in the order of `kernel_table`. Numbers
        left out at the end have their defaults. A number that ends in ``s`` is a sigma (``gaussian-1.5s``); a shape
        may have an x (``box-3x5``); a negative number keeps its sign (``shift--1-2``).

    Returns
    -------
    NamedKernel
        Its name is the text.

    Raises
    ------
    ConventionTypeError, ConventionValueError
        If it is no text, names no kernel, has too many numbers, or a number that this kernel cannot have.

    Examples
    --------
    >>> named_kernel("sobel-y").taps.tolist()
    [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]
    >>> named_kernel("gaussian-1.5s").taps.shape
    (13, 13)
    """
    if not isinstance(text, str):
        raise ConventionTypeError(f"the kernel {text!r}", f"a {type(text).__name__}", "a name", "pass a text")
    name = family_of(text)
    if name is None:
        asked = f"the kernel {text[:60]!r}"
        raise ConventionValueError(asked, "there is no kernel of this name", kernel_table(), nearest_name(text))
    family = _FAMILIES[name]
    return replace(family.make(**_arguments(text, name)), name=text)


def kernel_names() -> tuple[str, ...]:
    """Return the names of all kernels; each is also a text that `named_kernel` reads.

    Returns
    -------
    tuple of str
        In the order of `kernel_table`.

    Examples
    --------
    >>> kernel_names()[:3]
    ('delta', 'shift', 'box')
    """
    return tuple(_FAMILIES)


def kernel_table() -> str:
    """Return the table of all kernels: how each is written, an example, and what it does.

    Returns
    -------
    str
        One line per name. Numbers in square brackets may be left out.

    Examples
    --------
    >>> print(kernel_table().splitlines()[0])
    delta[-size]            delta-3       one tap of 1: changes nothing
    """
    return "\n".join(
        f"{_form(name):<24}{family.example:<14}{family.meaning}"
        if len(_form(name)) < 24
        else f"{_form(name)}\n{'':<24}{family.example:<14}{family.meaning}"
        for name, family in _FAMILIES.items()
    )


def family_of(text: str) -> str | None:
    """Return the kernel name that a text begins with, as a whole word."""
    return next((name for name in _FAMILIES if text == name or text.startswith(f"{name}-")), None)


def nearest_name(text: str) -> str:
    """Return what to do about a text that names no kernel."""
    word = _WORD.match(text)
    return nearest(word[0] if word else text[:60], _FAMILIES)


def _form(name: str) -> str:
    numbers = _FAMILIES[name].numbers
    return name + "".join(f"[-{number}" for number in numbers) + "]" * len(numbers)


def _arguments(text: str, name: str) -> dict[str, int | float]:
    """Return the numbers that stand after the name in a text, by the names of the parameters."""
    parameters, rest, given = _FAMILIES[name].numbers, text[len(name) :], []
    while match := _NUMBER.match(rest):
        given.append(match[1])
        rest = rest[match.end() :]
    tokens = dict(zip(parameters, given))
    too_many = len(given) > len(parameters)
    if "sigma" in parameters and (match := _SIGMA.fullmatch(rest)):
        rest, too_many = "", too_many or "sigma" in tokens
        tokens["sigma"] = match[1]
    if rest or too_many:
        raise ConventionValueError(
            f"the kernel {text[:60]!r}",
            f"{rest[:40]!r} is no number with a minus sign before it" if rest else "too many numbers",
            _form(name),
            f"write for example {_FAMILIES[name].example}",
        )
    return {key: float(token) if "." in token else int(token) for key, token in tokens.items()}
