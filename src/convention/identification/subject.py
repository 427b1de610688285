"""What is asked: a function that is called with copies, watched, and not called again when its time is up."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Layout
from convention.identification.result import Field

__all__ = [
    "PLAIN",
    "BlackBox",
    "MismatchError",
    "NotAConvolutionError",
    "Presentation",
    "RefusalError",
    "Subject",
    "UndeterminedError",
]

_PAIRS = (
    ("float64", "float64"),
    ("float32", "float32"),
    ("int64", "int64"),
    ("uint8", "float64"),
    ("uint8", "float32"),
    ("uint8", "uint8"),
    ("int32", "int32"),
)
"""Data types of signal and kernel, in the order they are tried: the ones that tell most first."""


class RefusalError(Exception):
    """The function did not take these arguments; the message says how it answered."""


class NotAConvolutionError(Exception):
    """What the function did cannot be any convention; the message is the witness."""


class MismatchError(NotAConvolutionError):
    """Fresh data of these shapes are not as predicted."""

    def __init__(self, witness: str, signal_shape: tuple[int, ...], kernel_shape: tuple[int, ...]) -> None:
        super().__init__(witness)
        self.signal_shape, self.kernel_shape = signal_shape, kernel_shape


class UndeterminedError(Exception):
    """It cannot be found out; the message says why, `fields` what was found all the same."""

    def __init__(self, reason: str, fields: dict[str, Field] | None = None) -> None:
        super().__init__(reason)
        self.fields = fields or {}


@dataclass(frozen=True)
class Presentation:
    """How a signal and a kernel of spatial axes are handed over.

    The letters say where axes of length 1 go, ``*`` stands for the spatial axes: ``NC*``.
    """

    signal: str = "*"
    kernel: str = "*"
    tensors: bool = False

    def given(self, array: NDArray[Any], letters: str) -> Any:
        """Return the array with its further axes, as the library's own kind."""
        before, _, after = letters.partition("*")
        shaped = array.reshape((1,) * len(before) + array.shape + (1,) * len(after))
        if not self.tensors:
            return shaped
        import torch

        return torch.from_numpy(shaped)

    def spatial(self, result: NDArray[Any]) -> NDArray[Any]:
        """Return the result without the further axes."""
        before, _, after = self.signal.partition("*")
        first, last = len(before), result.ndim - len(after)
        if last < first or result.shape[:first] + result.shape[last:] != (1,) * (len(before) + len(after)):
            raise RefusalError(f"it returned an array of shape {result.shape} for axes {self.signal}")
        return result.reshape(result.shape[first:last])


PLAIN = Presentation()


@dataclass
class Subject:
    """Something to identify, however it is called.

    Attributes
    ----------
    ask : callable
        ``ask(signal, kernel)``, or ``ask(signal)`` where it takes no kernel.
    name : str
        What to call it.
    takes_kernel : bool
        Whether it is a function of a signal and a kernel, or of a signal alone.
    perhaps_alone : bool
        Whether it may be a function of the signal alone, if it takes no kernel.
    kernel : array or None
        The known kernel of a function of the signal alone.
    kernels : tuple of array
        The only kernels that may be tried; empty where any may.
    kernel_shape : tuple of int or None
        The only shape of kernels that it takes.
    layout : Layout or None
        The order of its further axes, where it is known beforehand.
    ndims : tuple of int
        The numbers of axes to try.
    pairs : tuple of (str, str)
        Data types of signal and kernel to try, in this order.
    presentations : tuple of Presentation
        Ways to hand over arrays, in this order.
    slow : bool
        Whether a call takes so long that no more than necessary should be tried.
    time_limit : float
        Seconds for all calls together.
    """

    ask: Callable[..., Any]
    name: str = "the function"
    takes_kernel: bool = True
    perhaps_alone: bool = False
    kernel: NDArray[Any] | None = None
    kernels: tuple[NDArray[Any], ...] = ()
    kernel_shape: tuple[int, ...] | None = None
    layout: Layout | None = None
    ndims: tuple[int, ...] = (2, 1, 3)
    pairs: tuple[tuple[str, str], ...] = _PAIRS
    presentations: tuple[Presentation, ...] = (PLAIN,)
    slow: bool = False
    time_limit: float = 60.0
    started: float = field(default_factory=monotonic)
    calls: int = 0
    printed: int = 0
    last_refusal: str = ""
    first_call: Any = None
    """The first call that was answered: a way to repeat it, and its answer."""

    @property
    def time_left(self) -> float:
        """The seconds that are left."""
        return self.time_limit - (monotonic() - self.started)

    def check_time(self) -> None:
        """Raise `UndeterminedError` when the time is up."""
        if self.time_left <= 0:
            last = f"; its last refusal: {self.last_refusal}" if self.last_refusal else ""
            raise UndeterminedError(
                f"the time limit of {self.time_limit:g} s was reached after {self.calls} calls{last}"
            )

    def check_steady(self) -> None:
        """Raise `UndeterminedError` where the first call is now answered otherwise."""
        if self.first_call is not None:
            again, before = self.first_call
            try:
                after = again()
            except (RefusalError, NotAConvolutionError) as answer:
                raise UndeterminedError(
                    f"the first call, made again at the end, is answered otherwise: {answer}"
                ) from None
            if not np.array_equal(before, after, equal_nan=True):
                index = tuple(int(i) for i in np.argwhere(before != after)[0])
                raise UndeterminedError(
                    f"it keeps state: the first call gave {before[index]:.8g} at {list(index)}, "
                    f"and at the end {after[index]:.8g}"
                )

    def box(self, pair: tuple[str, str], presentation: Presentation = PLAIN) -> BlackBox:
        """Return the subject as a function of float64 arrays, which are cast to these types."""
        return BlackBox(self, pair, presentation)


class BlackBox:
    """A subject with the data types of its arguments and the way they are handed over."""

    def __init__(self, subject: Subject, pair: tuple[str, str], presentation: Presentation = PLAIN) -> None:
        self.subject, self.presentation = subject, presentation
        self.signal_type, self.kernel_type = (np.dtype(name) for name in pair)
        self.result_type = self.signal_type
        """The data type of the last result."""
        self.shapes: dict[tuple[tuple[int, ...], ...], tuple[int, ...]] = {}
        """The shape of the result, for each pair of shapes."""

    @property
    def narrow(self) -> bool:
        """Whether samples or results have 8 bits."""
        return self.signal_type.itemsize == 1 or self.result_type.itemsize == 1

    @property
    def fractions(self) -> bool:
        """Whether samples may be fractions."""
        return self.signal_type.kind in "fc" and not self.narrow

    def __call__(self, signal: NDArray[Any], kernel: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the result as float64 or complex128, spatial axes only.

        Raises
        ------
        RefusalError
            If the function raises, or returns no array of numbers with as many axes as the signal.
        NotAConvolutionError
            If the shape of the result depends on the values.
        UndeterminedError
            If it changed its arguments, or the time is up.
        """
        subject, way = self.subject, self.presentation
        subject.check_time()
        arrays = [signal.astype(self.signal_type)]
        if kernel is not None:
            arrays.append(kernel.astype(self.kernel_type))
        given = [array.copy() for array in arrays]
        letters = (way.signal, way.kernel)
        subject.calls += 1
        try:
            with warnings.catch_warnings(), redirect_stdout(io.StringIO()) as printed, np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                result = subject.ask(*(way.given(array, spelling) for array, spelling in zip(given, letters)))
                subject.printed += printed.tell()
                found = way.spatial(_numbers(result))
        except (NotAConvolutionError, UndeterminedError, RefusalError) as answer:
            subject.last_refusal = str(answer)
            raise
        except (Exception, SystemExit) as error:  # whatever it raises is its answer
            subject.last_refusal = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise RefusalError(subject.last_refusal) from None
        for name, before, after in zip(("signal", "kernel"), arrays, given):
            if not np.array_equal(before, after, equal_nan=before.dtype.kind in "fc"):
                index = tuple(int(i) for i in np.argwhere(before != after)[0])
                raise UndeterminedError(
                    f"it changes its own input: {name}{list(index)} was {before[index]} and is {after[index]} "
                    "afterwards"
                )
        if found.ndim != signal.ndim:
            subject.last_refusal = f"it returned an array of {found.ndim} axes for a signal of {signal.ndim}"
            raise RefusalError(subject.last_refusal)
        shapes = tuple(array.shape for array in arrays)
        if self.shapes.setdefault(shapes, found.shape) != found.shape:
            raise NotAConvolutionError(
                f"the result's shape depends on the values: {self.shapes[shapes]} and {found.shape} for "
                f"arrays of shapes {' and '.join(map(str, shapes))}"
            )
        self.result_type = found.dtype
        numbers: NDArray[Any] = found.astype(np.complex128 if found.dtype.kind == "c" else np.float64)
        if subject.first_call is None:
            subject.first_call = (lambda: self(*arrays)), numbers
        return numbers


def _numbers(result: Any) -> NDArray[Any]:
    """Return the result as an array of numbers, or refuse it; lists are no arrays."""
    if result is None or isinstance(result, (list, tuple, dict, str, bytes, bool, int, float, complex)):
        raise RefusalError(f"it returned {'nothing' if result is None else 'a ' + type(result).__name__}, not an array")
    if hasattr(result, "detach"):
        result = result.detach().cpu()
    array = np.array(result)
    if array.dtype.kind not in "biufc":
        raise RefusalError(f"it returned an array of {array.dtype}, not of numbers")
    return array
