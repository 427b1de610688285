"""How a function stores its sums: gain, rounding, overflow, NaN, and the result's data type."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.identification.confirmation import Draw, Draws
from convention.identification.model import GAINS, ROUNDINGS, Model, Shape
from convention.identification.probes import one_tap
from convention.identification.result import Field
from convention.identification.sentences import brief
from convention.identification.subject import BlackBox, NotAConvolutionError, RefusalError

__all__ = ["arithmetic_of", "conjugation", "fit_gain", "fit_storage", "measure_numbers"]

_TYPES = (
    ("float64", "float64"),
    ("float32", "float32"),
    ("float32", "float64"),
    ("int64", "int64"),
    ("int16", "int16"),
    ("uint8", "uint8"),
    ("uint8", "float64"),
)
"""Data types of signal and kernel whose result's type is looked at."""

_SIGNED = ("int16", "int32")
"""Signed types of signals, in the order they are tried."""


def fit_gain(draws: Draws, model: Model, shapes: tuple[Shape, Shape]) -> None:
    """Find what results are multiplied with, from two random draws; leave the model as it is if nothing fits."""
    left = list(GAINS)
    for _ in range(2):
        try:
            signal, kernel, found = draws.answer(Draw(*shapes))
        except RefusalError:
            return
        for gain in list(left):
            model.gain = gain
            sums = model.sums(signal, kernel)
            if sums.shape != found.shape or not _close(found, sums, draws.box):
                left.remove(gain)
    model.gain = left[0] if left else "1"


def _close(found: NDArray[Any], sums: NDArray[Any], box: BlackBox) -> bool:
    if box.result_type.kind in "fc":
        return bool((np.abs(found - sums) <= 1e-3 * np.abs(sums[np.isfinite(sums)]).max(initial=0)).all())
    info = np.iinfo(box.result_type)
    inside = (sums > info.min + 1) & (sums < info.max - 1)
    return bool(inside.any() and (np.abs(found - sums)[inside] <= 1).all())


def fit_storage(draws: Draws, model: Model, shapes: tuple[Shape, Shape], tap: Shape) -> dict[str, Field]:
    """Find how integer results are made of sums: rounding, overflow, and a kernel that is cast first.

    Parameters
    ----------
    draws : Draws
        Their function returns integers.
    model : Model
        Is told what is found.
    shapes : (signal shape, kernel shape)
        Of the calls that are made.
    tap : tuple of int
        A tap through which samples are read.
    """
    found = {
        "kernel": Field(value="none"),
        "rounding": Field(value="exact"),
        "overflow": _overflow(draws, model, shapes, tap),
    }
    model.overflow = found["overflow"].value
    if not draws.fixed and draws.box.kernel_type.kind in "fc":
        found |= _rounding(draws, model, shapes, tap)
        draws.whole = found["kernel"].value != "none"
    if found["rounding"].value in ROUNDINGS:
        model.rounding = found["rounding"].value
    return found


def _rounding(draws: Draws, model: Model, shapes: tuple[Shape, Shape], tap: Shape) -> dict[str, Field]:
    kernel = one_tap(shapes[1], tap, 0.5)
    if model.gain != "1":  # which would make 1 of it; of two equal taps it makes two halves
        kernel = np.where(kernel > 0, 1.0, 0.0)
        kernel.flat[int(np.argmax(kernel)) - 1] = 1.0
    try:
        signal, answer, sums, fitting = _roundings(draws, model, kernel, shapes)
    except RefusalError as refusal:
        return {
            "rounding": Field(value="exact", state="open", reason=f"fractional taps are refused: {brief(refusal, 80)}")
        }
    for kind in _SIGNED if len(fitting) > 1 else ():  # only sums below zero tell the rest apart
        other = _with(draws, (kind, str(draws.box.kernel_type)))
        try:
            *_, signed = _roundings(other, model, kernel, shapes)
        except RefusalError:
            continue
        if other.box.result_type.kind == "i":
            # none where signed integers go another way altogether
            fitting = [name for name in fitting if name in signed] or fitting
            break
    if fitting:
        # where nothing below zero is stored, several are the same
        return {"rounding": Field(value="truncate" if "truncate" in fitting else fitting[0])}
    if answer.shape == sums.shape and (answer == model.sums(signal, np.trunc(kernel))).all():
        return {"kernel": Field(value="signal"), "rounding": Field(value="exact")}
    return {"rounding": Field(value="exact", state="open", reason="halves are rounded in no way that has a name")}


def _roundings(
    draws: Draws, model: Model, kernel: NDArray[Any], shapes: tuple[Shape, Shape]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], list[str]]:
    """Return a signal, its answer, the sums, and the rules that make the one of the other."""
    least = 0 if "u" in (draws.box.signal_type.kind, draws.box.result_type.kind) else -50
    signal = draws.rng.integers(least, 50, shapes[0]).astype(float)
    answer = draws.ask(signal, kernel)
    sums = model.sums(signal, kernel)
    fitting: list[str] = []
    for steps in ((0.0,), (-1e-6, 0.0, 1e-6)):  # a gain may leave the last digits of whole numbers wrong
        if not fitting and answer.shape == sums.shape:
            fitting = [
                name
                for name, rule in ROUNDINGS.items()
                if np.logical_or.reduce([answer == rule(sums + step) for step in steps]).all()
            ]
    return signal, answer, sums, fitting


def _overflow(draws: Draws, model: Model, shapes: tuple[Shape, Shape], tap: Shape) -> Field:
    """Return what integers do that do not fit: 8 times more than a quarter of their range."""
    if draws.box.result_type.kind not in "iu":
        return Field(value="none")
    if draws.fixed or model.gain != "1":
        return Field(value="undefined", state="open", reason="only other kernels make sums that do not fit")
    info = np.iinfo(draws.box.result_type)
    large = 2 ** (info.bits - 2) + 2 ** (info.bits - 6)  # 8 times this is 2**(bits - 3) modulo 2**bits
    if large > np.iinfo(draws.box.signal_type if draws.box.signal_type.kind in "iu" else "int32").max:
        return Field(value="undefined", state="open", reason="no sample is large enough")
    try:
        found = draws.ask(np.full(shapes[0], float(large)), one_tap(shapes[1], tap, 8.0))
        silent = draws.ask(np.zeros(shapes[0]), one_tap(shapes[1], tap, 8.0))
    except RefusalError as refusal:
        return Field(value="undefined", state="open", reason=f"what does not fit is refused: {brief(refusal, 80)}")
    values = np.unique(found[found != silent])
    if model.frame is not None:
        values = values[~np.isin(values, (large, model.frame.value))]
    if values.size == 1 and values[0] == float(info.max):
        return Field(value="saturate")
    if values.size == 1 and values[0] == 2 ** (info.bits - 3):
        return Field(value="wrap")
    return Field(value="undefined", state="open", reason=f"{8 * large} becomes {values[:3].tolist()}")


def conjugation(draws: Draws, model: Model, shapes: tuple[Shape, Shape]) -> Field:
    """Return whether the kernel is conjugated, where complex arrays are taken."""
    rng, own = draws.rng, draws.box
    kind = "complex64" if own.signal_type == "float32" else "complex128"
    box = own.subject.box((kind, kind), own.presentation)
    signal = rng.standard_normal(shapes[0]) + 1j * rng.standard_normal(shapes[0])
    if draws.fixed:
        return Field(value=False, state="open", reason="only a complex kernel could tell")
    kernel = draws.taps(shapes[1]) * (1 + 2j) + 1j * rng.integers(1, 4, shapes[1])
    try:
        found = box(signal, kernel)
    except RefusalError as refusal:
        return Field(
            value=False, state="open", reason=f"complex arrays would tell; it refuses them: {brief(refusal, 80)}"
        )
    if found.dtype.kind != "c":
        return Field(value=False, state="open", reason="for complex arrays it returns real numbers")
    bound = model.bound(np.abs(signal), np.abs(kernel), np.dtype(kind)) * 4
    sums = [model.sums(signal, kernel, conjugate=conjugate) for conjugate in (False, True)]
    if not (np.abs(sums[0] - sums[1]) > bound).any():
        return Field(value=False, state="open", reason="no output of these shapes could tell")
    for conjugate, expected in enumerate(sums):
        if expected.shape == found.shape and (np.abs(found - expected) <= bound).all():
            return Field(value=bool(conjugate))
    expected = sums[0]
    if expected.shape != found.shape:
        seen = f"the result has shape {found.shape} instead of {expected.shape}"
    else:
        index = tuple(int(i) for i in np.argwhere(~(np.abs(found - expected) <= bound))[0])
        seen = f"output {list(index)} is {found[index]:.4g} instead of {expected[index]:.4g}"
    return Field(value=None, state="contradicted", reason=f"all this holds for real arrays; for complex ones {seen}")


def measure_numbers(
    draws: Draws, model: Model, shapes: tuple[Shape, Shape], tap: Shape, known: dict[str, Field]
) -> dict[str, Field]:
    """Return the fields of the arithmetic: what a few more calls with other data types and a NaN tell.

    Parameters
    ----------
    draws, model, shapes, tap
        As in `fit_storage`.
    known : dict of str to Field
        What `fit_storage` found.
    """
    box = draws.box
    found = dict(known)
    found["gain"] = Field(value=_gain_text(model))
    types = _result_types(draws, shapes)
    found["result"] = _result_rule(types)
    found["nan"] = _nan(draws, model, shapes)
    found["sums"] = _precision(draws, model, shapes)
    if not known:  # the results were floats; look at integers now
        whole = [pair for pair, kind in types.items() if np.dtype(kind).kind in "iu"]
        fractional = [pair for pair in whole if pair[1] == "float64"]
        found |= {"rounding": Field(value="exact"), "kernel": Field(value="none"), "overflow": Field(value="none")}
        for pair in (["uint8", "uint8"], ["int64", "int64"]):
            if tuple(pair) in whole:
                other = _with(draws, (pair[0], pair[1]))
                other.box.result_type = np.dtype(types[pair[0], pair[1]])
                found["overflow"] = _overflow(other, model, shapes, tap)
                break
        if fractional and draws.fixed:
            found["rounding"] = Field(value="exact", state="open", reason="the kernel's taps are what they are")
        elif fractional:
            found |= _rounding(_with(draws, fractional[0]), model, shapes, tap)
    if box.subject.slow:
        found["result"] = Field(value=str(box.result_type), state="open", reason="only one data type was probed")
    return found


def _with(draws: Draws, pair: tuple[str, str]) -> Draws:
    box = draws.box.subject.box(pair, draws.box.presentation)
    return Draws(box, draws.rng, kernel=draws.kernel, kernels=draws.kernels, kind=draws.kind)


def _gain_text(model: Model) -> str:
    if model.scale == 1:
        return model.gain
    return f"{model.scale:.6g}" if model.gain == "1" else f"{model.scale:.6g}·{model.gain}"


def _result_types(draws: Draws, shapes: tuple[Shape, Shape]) -> dict[tuple[str, str], str]:
    own = draws.box
    found: dict[tuple[str, str], str] = {}
    signal = draws.rng.integers(0, 4, shapes[0]).astype(float)
    kernel = draws.taps(shapes[1]) if draws.fixed else draws.rng.integers(1, 4, shapes[1]).astype(float)
    for pair in [] if own.subject.slow else _TYPES:
        box = own.subject.box(pair, own.presentation)
        try:
            Draws(box, draws.rng, kernel=draws.kernel).ask(signal, kernel)
        except RefusalError:
            continue
        found[pair] = str(box.result_type)
    return found or {(str(own.signal_type), str(own.kernel_type)): str(own.result_type)}


def _result_rule(types: dict[tuple[str, str], str]) -> Field:
    listed = ", ".join(f"{signal} with {kernel}: {result}" for (signal, kernel), result in types.items())
    if len(types) > 1 and len(set(types.values())) == 1:
        return Field(value=next(iter(types.values())), reason=listed)
    if all(result == str(np.result_type(*pair)) for pair, result in types.items()):
        return Field(value="promoted", state="settled" if len(types) > 1 else "open", reason=listed)
    if all(result == signal for (signal, _), result in types.items()):
        return Field(value="signal", state="settled" if len(types) > 1 else "open", reason=listed)
    return Field(value="promoted", state="open", reason=f"no rule with a name: {listed}")


def _nan(draws: Draws, model: Model, shapes: tuple[Shape, Shape]) -> Field:
    if not draws.box.fractions:
        return Field(value="window", state="open", reason="the arrays hold no NaN")
    signal, kernel = draws.signal(shapes[0]), draws.taps(shapes[1])
    signal[tuple(n // 2 for n in shapes[0])] = np.nan
    try:
        found = np.isnan(draws.ask(signal, kernel))
    except (RefusalError, NotAConvolutionError) as answer:
        return Field(value="window", state="open", reason=f"a NaN is refused: {brief(answer, 80)}")
    window = np.isnan(model.sums(signal, kernel))
    if found.shape == window.shape and (found == window).all():
        if window.all():
            return Field(value="window", state="open", reason="all windows have the NaN")
        return Field(value="window")
    if found.all():
        return Field(value="everywhere")
    if not found.any():
        return Field(value="ignored")
    reason = f"{np.count_nonzero(found)} outputs are NaN, in {np.count_nonzero(window)} windows"
    return Field(value="window", state="open", reason=reason)


def _precision(draws: Draws, model: Model, shapes: tuple[Shape, Shape]) -> Field:
    """Return a lower bound on the precision of sums: whether float32 results are as if rounded once."""
    if model.precision:
        return Field(value=model.precision, reason="results are no more precise")
    reason = "a lower bound at best"
    if not draws.box.fractions or draws.fixed or draws.box.subject.slow:
        return Field(value="result", state="open", reason=reason)
    other = _with(draws, ("float32", "float32"))
    signal = (1e4 * draws.signal(shapes[0])).astype(np.float32).astype(float)
    kernel = draws.taps(shapes[1]).astype(np.float32).astype(float)
    try:
        found = other.ask(signal, kernel)
    except RefusalError:
        return Field(value="result", state="open", reason=reason)
    sums: NDArray[Any] = model.sums(signal, kernel)
    once = other.box.result_type == "float32" and found.shape == sums.shape and (found == sums.astype(np.float32)).all()
    return Field(value="float64" if once else "result", state="open", reason=reason)


def arithmetic_of(numbers: dict[str, Field]) -> Arithmetic:
    """Return the arithmetic that has these fields."""
    return Arithmetic(**{name: field.value for name, field in numbers.items()})
