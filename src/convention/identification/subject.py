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
    ("int16", "int16"),
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


_MOST_OUTPUTS = 2**18
"""Outputs for a few hundred samples that are looked at."""


@dataclass(frozen=True)
class Presentation:
    """How a signal and a kernel of spatial axes are handed over.

    Attributes
    ----------
    signal, kernel : str
        Where further axes go, ``*`` stands for the spatial ones: ``NC*``. They have length 1.
    channels : int
        How many channels the signal has, and a grouped kernel on its output axis, where one is not enough. The
        signal is the first of them, the others are zero, and of the result the first is looked at.
    tensors : bool
        Whether they are handed over as torch tensors.
    """

    signal: str = "*"
    kernel: str = "*"
    tensors: bool = False
    channels: int = 0

    def shaped(self, array: NDArray[Any], letters: str) -> NDArray[Any]:
        """Return a copy of the array with its further axes."""
        before, _, after = letters.partition("*")
        most = max(1, self.channels)
        lengths = [most if letter in "CO" else 1 for letter in before + after]
        shaped = np.zeros((*lengths[: len(before)], *array.shape, *lengths[len(before) :]), array.dtype)
        shaped[(0,) * len(before) + (...,) + (0,) * len(after)] = array
        return shaped

    def handed(self, array: NDArray[Any]) -> Any:
        """Return the array as the library's own kind, on the same memory."""
        if not self.tensors:
            return array
        import torch

        return torch.from_numpy(array)

    def spatial(self, result: NDArray[Any]) -> NDArray[Any]:
        """Return the result without the further axes."""
        before, _, after = self.signal.partition("*")
        first, last = len(before), result.ndim - len(after)
        lengths = result.shape[:first] + result.shape[max(first, last) :]
        one = [n == 1 or (letter == "C" and n and self.channels) for n, letter in zip(lengths, before + after)]
        if last < first or not all(one):
            raise RefusalError(f"it returned an array of shape {result.shape} for axes {self.signal}")
        return np.asarray(result[(0,) * first + (...,) + (0,) * len(after)])


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
    groups : Field or None
        How many groups its channels form, where it is known beforehand.
    notes : tuple of str
        What else belongs to the evidence.
    ndims : tuple of int
        The numbers of axes to try.
    pairs : tuple of (str, str)
        Data types of signal and kernel to try, in this order.
    presentations, spare : tuple of Presentation
        Ways to hand over arrays, in this order; the spare ones only where a first call is answered.
    fragile : bool
        Whether it may end the process when it is given too few axes: nothing is tried after the first answer.
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
    groups: Field | None = None
    notes: tuple[str, ...] = ()
    ndims: tuple[int, ...] = (2, 1, 3)
    pairs: tuple[tuple[str, str], ...] = _PAIRS
    presentations: tuple[Presentation, ...] = (PLAIN,)
    spare: tuple[Presentation, ...] = ()
    fragile: bool = False
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
        self.handed: dict[tuple[Any, ...], NDArray[Any]] = {}
        """The arrays that were handed over."""

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
        arrays = [_cast(signal, self.signal_type)]
        if kernel is not None:
            arrays.append(_cast(kernel, self.kernel_type))
        given = [way.shaped(array, letters) for array, letters in zip(arrays, (way.signal, way.kernel))]
        found = way.spatial(self.answer([self._same_object(place, array) for place, array in enumerate(given)]))
        if found.ndim != signal.ndim:
            subject.last_refusal = f"it returned an array of {found.ndim} axes for a signal of {signal.ndim}"
            raise RefusalError(subject.last_refusal)
        shapes = tuple(array.shape for array in arrays)
        if self.shapes.setdefault(shapes, found.shape) != found.shape:
            raise NotAConvolutionError(
                f"the result's shape depends on the values: {self.shapes[shapes]} and {found.shape} for "
                f"arrays of shapes {' and '.join(map(str, shapes))}"
            )
        _check_size(found, arrays[0])
        _check_real(found, arrays)
        self.result_type = found.dtype.newbyteorder("=")
        numbers: NDArray[Any] = found.astype(np.complex128 if found.dtype.kind == "c" else np.float64)
        if subject.first_call is None:
            subject.first_call = (lambda: self(*arrays)), numbers
        return numbers

    def _same_object(self, place: int, array: NDArray[Any]) -> NDArray[Any]:
        """Return the array in the object that the last one of its form was handed over in.

        A function that knows its arguments by their identity then always meets known ones with other numbers.
        """
        key = (place, array.shape, array.strides, array.dtype)
        used = self.handed.get(key)
        if used is None or not used.flags.writeable:
            used = self.handed[key] = array.copy(order="K")
        else:
            used[...] = array
        return used

    def answer(self, given: list[NDArray[Any]]) -> NDArray[Any]:
        """Return what the function answers to these very arrays, watched; raises as a call does."""
        subject = self.subject
        subject.check_time()
        kept = [array.copy() for array in given]
        subject.calls += 1
        try:
            with warnings.catch_warnings(), redirect_stdout(io.StringIO()) as printed, np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                result = subject.ask(*map(self.presentation.handed, given))
                subject.printed += printed.tell()
                found = _numbers(result)
        except (NotAConvolutionError, UndeterminedError, RefusalError) as answer:
            subject.last_refusal = str(answer)
            raise
        except KeyboardInterrupt:  # the user's, not the function's
            raise
        except BaseException as error:  # whatever else it raises is its answer
            subject.last_refusal = _told(error)
            raise RefusalError(subject.last_refusal) from None
        for name, before, after in zip(("signal", "kernel"), kept, given):
            if not np.array_equal(before, after, equal_nan=before.dtype.kind in "fc"):
                index = tuple(int(i) for i in np.argwhere(before != after)[0])
                raise UndeterminedError(
                    f"it changes its own input: {name}{list(index)} was {before[index]} and is {after[index]} "
                    "afterwards"
                )
        return found


def _cast(array: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    """Return an array in another type; refuse to make other integers of it."""
    cast = array.astype(kind)
    if kind.kind in "iu" and not np.array_equal(cast, array):
        raise RefusalError(f"its numbers are none of {kind}, so that the function was not called")
    return cast


def _numbers(result: Any) -> NDArray[Any]:
    """Return the result as an array of numbers, or refuse it; lists are no arrays."""
    if result is None or isinstance(result, (list, tuple, dict, str, bytes, bool, int, float, complex)):
        raise RefusalError(f"it returned {'nothing' if result is None else 'a ' + type(result).__name__}, not an array")
    if hasattr(result, "detach"):
        result = result.detach().cpu()
    if isinstance(result, np.ma.MaskedArray) and np.ma.is_masked(result):  # what is masked is no result
        kind = np.result_type(result.dtype, np.float32)
        return np.asarray(np.ma.filled(result.astype(kind), np.nan))
    array = np.array(result)
    if array.dtype.kind not in "iufc":
        raise RefusalError(f"it returned an array of {array.dtype}, not of numbers")
    return array


def _told(error: BaseException) -> str:
    """Return an exception as one line that a terminal can show."""
    try:
        text = str(error)
    except Exception:  # an exception of the function's own may be as broken as the rest
        text = "(its message cannot be read)"
    line = " ".join(f"{type(error).__name__}: {text}".split())
    return "".join(character if character.isprintable() else "?" for character in line)[:200].rstrip(": ")


def _check_size(found: NDArray[Any], signal: NDArray[Any]) -> None:
    if found.size > _MOST_OUTPUTS:
        raise UndeterminedError(
            f"it returned {found.size:,} numbers for {signal.size} samples, more than are looked at ({_MOST_OUTPUTS:,})"
        )


def _check_real(found: NDArray[Any], arrays: list[NDArray[Any]]) -> None:
    """Raise `NotAConvolutionError` where real arrays give complex numbers; a transform may leave a trace of them."""
    if found.dtype.kind != "c" or any(array.dtype.kind == "c" for array in arrays) or not found.size:
        return
    beyond = np.abs(np.nan_to_num(found.imag))
    if beyond.max() > 1e-4 * np.abs(np.nan_to_num(found)).max():
        index = np.unravel_index(int(np.argmax(beyond)), found.shape)
        place = [int(i) for i in index]
        raise NotAConvolutionError(f"for real arrays it returns complex numbers, such as {found[index]:.4g} at {place}")
