"""What the catalogue holds of an operator: everything that was measured about it, as data and pure functions.

An entry never decides what is right: `Operator.call` runs the real thing and returns arrays,
`Operator.convention` says what it was measured to compute, and a test holds one against the other.
"""

from __future__ import annotations

import operator
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from shutil import which
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic, Frame, Layout
from convention.definition import Convention
from convention.errors import ConventionTypeError, ConventionValueError, nearest

__all__ = ["Operator", "Shape", "axis_number", "chosen", "dtype_name", "integer", "promoted"]

Shape = tuple[int, ...]


def _takes_everything(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    return ""


def _never(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One operator of one library.

    Attributes
    ----------
    name : str
        Its import path where it has one, otherwise ``onnx.Conv``, ``octave.conv2`` and the like.
    library : str
        The module, or the program, that must be installed for `call`.
    install : str
        The command that installs it, where that is not ``pip install`` with the module's name.
    needs : tuple of str
        Other modules that `call` imports and that installing `library` alone does not bring.
    program : str
        What `call` runs as a child process; empty where it imports `library`.
    named : str
        What its documentation calls it: ``"convolution"``, ``"cross-correlation"`` or ``"filter"``.
    ndims : tuple of int
        The numbers of spatial axes it works on.
    options : mapping of str to tuple
        Its options that matter here, each with the values that are measured, the default first.
    convention : callable
        ``convention(signal_shape, kernel_shape, **options) -> Convention``; spatial shapes, of the operands
        as they are given: where the operator exchanges them, the convention says what comes out of that.
        Pure: never imports the library.
    call : callable
        ``call(signal, kernel, **options) -> array``: imports the library inside, spatial arrays in and out.
    accepts : callable
        ``accepts(signal_shape, kernel_shape, **options) -> str``: empty, or why the operator refuses.
    faults : callable
        ``faults(signal_shape, kernel_shape, **options) -> str``: empty, or what goes wrong instead of a
        result: the process ends, the operator reads memory that is not the signal's, or no convention says what
        it computes.
    swaps : callable
        ``swaps(signal_shape, kernel_shape, **options) -> bool``: whether it exchanges its operands.
    transforms : callable
        ``transforms(signal_shape, kernel_shape, **options) -> bool``: whether it goes through a Fourier
        transform: its sums are rounded, and a NaN goes everywhere.
    result_dtype : callable or None
        ``result_dtype(signal, kernel, **options) -> str``: the result's data type by the names of those of
        both operands; raises what `convention.like` raises where the operator refuses them. None where
        `arithmetic` says it all.
    signature : str
        Its parameters with their defaults, as `convention.like` offers them.
    arrays : tuple of str
        The parameters that `convention.like` makes arrays of before it calls `bind`.
    bind : callable or None
        ``bind(**arguments) -> (signal, kernel, options, extras)`` for `convention.like`, from its own
        parameters; extras is a dictionary of what differs from the defaults of `Extras`.
        None where only the catalogue knows it.
    arithmetic : Arithmetic
    layout : Layout or None
    frame : Frame or None
    bias : callable or None
        ``bias(**options) -> float``: what is added to the sums before they are stored. None for nothing.
    storage : callable or None
        ``storage(**options) -> (Arithmetic, Frame or None)``: both, where options change them; `arithmetic` and
        `frame` are those of the defaults. None where they hold for all options.
    source : str
        Its documentation's address.
    remarks : str
        What else one should know.
    """

    name: str
    library: str
    named: str
    ndims: tuple[int, ...]
    convention: Callable[..., Convention]
    call: Callable[..., NDArray[Any]]
    source: str
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    accepts: Callable[..., str] = _takes_everything
    faults: Callable[..., str] = _takes_everything
    swaps: Callable[..., bool] = _never
    transforms: Callable[..., bool] = _never
    result_dtype: Callable[..., str] | None = None
    signature: str = ""
    arrays: tuple[str, ...] = ()
    bind: Callable[..., Any] | None = None
    install: str = ""
    needs: tuple[str, ...] = ()
    program: str = ""
    arithmetic: Arithmetic = field(default_factory=Arithmetic)
    layout: Layout | None = None
    frame: Frame | None = None
    bias: Callable[..., float] | None = None
    storage: Callable[..., tuple[Arithmetic, Frame | None]] | None = None
    remarks: str = ""

    def stored(self, options: Mapping[str, Any]) -> tuple[Arithmetic, Frame | None]:
        """Return how sums are stored with these options, and which outputs are not computed."""
        return (self.arithmetic, self.frame) if self.storage is None else self.storage(**options)

    @property
    def missing(self) -> str:
        """The program or the first module that `call` needs and that is not there; empty if all are. Imports none."""
        if self.program:
            return "" if which(self.program) else self.library
        modules = (self.library.partition(".")[0], *self.needs)
        return next((name for name in modules if find_spec(name) is None), "")

    @property
    def installed(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing

    @property
    def how_to_install(self) -> str:
        """The command that installs what `call` needs."""
        return self.install or f"pip install {self.library.partition('.')[0]}"

    def version(self) -> str:
        """Return the installed version of the library or program.

        Raises
        ------
        ImportError, OSError, AttributeError
            If it is not there, or does not say.
        """
        if not self.program:
            name = self.library.partition(".")[0]
            said = getattr(import_module(name), "__version__", None)
            if said:
                return str(said)
            from importlib.metadata import version  # here: it alone takes a third of the time of importing identify

            return version(name)
        told = subprocess.run([self.program, "--version"], capture_output=True, text=True, timeout=30, check=False)
        number = re.search(r"\d+(\.\d+)+(-\d+)?", told.stdout)
        if number is None:
            raise AttributeError(f"{self.program} --version names no version: {told.stdout[:80]!r}")
        return number[0]

    def cases(self) -> Iterator[dict[str, Any]]:
        """Yield every combination of the options' measured values, the defaults first."""
        for values in product(*self.options.values()):
            yield dict(zip(self.options, values))


def chosen(name: str, value: Any, allowed: Iterable[str]) -> str:
    """Return the value of an option that must be one of these words, or refuse it."""
    words = list(allowed)
    if isinstance(value, str) and value in words:
        return value
    raise ConventionValueError(f"{name}={value!r}", "there is no such word", ", ".join(words), nearest(value, words))


def promoted(*dtypes: str) -> str:
    """Return the name of the data type that NumPy promotes these to.

    Raises
    ------
    ConventionTypeError
        If NumPy has no such data type, or no common one.
    """
    try:
        return np.result_type(*map(np.dtype, dtypes)).name
    except TypeError:
        raise ConventionTypeError(
            f"arrays of {' and '.join(dtypes)}",
            "NumPy, which the operator works with, has no common data type for them",
            "booleans, integers, float16 to longdouble, complex64 to clongdouble",
            "convert them, for example to float32",
        ) from None


def dtype_name(array: Any) -> str:
    """Return the name of an array's data type, as NumPy writes it."""
    return str(getattr(array.dtype, "name", array.dtype)).removeprefix("torch.")


def integer(name: str, value: Any) -> int:
    """Return the value of an option that must be an integer, or refuse it."""
    try:
        return operator.index(value)
    except TypeError as error:  # "'float' object cannot be interpreted as an integer"
        raise ConventionTypeError(f"{name}={value!r}", str(error), "an integer", "pass an integer") from None


def axis_number(name: str, axis: Any, ndim: int) -> int:
    """Return the number of an axis counted from 0, or refuse it."""
    number = integer(name, axis)
    if not -ndim <= number < ndim:
        raise ConventionValueError(
            f"{name}={axis}", f"out of range for {ndim} axes", f"{-ndim} to {ndim - 1}", "name one of them"
        )
    return number % ndim
