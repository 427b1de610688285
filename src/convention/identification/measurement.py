"""`identify`: which definition does that function compute?

The order: is it a function at all (the same call twice), which sample does each output read (gather
probes, or single samples where the kernel is not ours to choose), which further lengths would tell what is
left open, how are sums stored, and do fresh data agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convention.errors import ConventionTypeError, ConventionValueError
from convention.identification.answers import Findings, concluded, not_a_convolution, undetermined
from convention.identification.fixed import by_single_samples
from convention.identification.gathering import by_gathering
from convention.identification.model import Shape
from convention.identification.result import Identification
from convention.identification.sentences import brief
from convention.identification.subject import (
    MismatchError,
    NotAConvolutionError,
    Presentation,
    RefusalError,
    Subject,
    UndeterminedError,
)
from convention.identification.targets import as_subject

__all__ = ["identify"]

_MOST_REFUSALS = 3
"""Different refusals that are told."""

_ROUND: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((16, 3), (32, 4), (64, 5), (32, 2), (64, 7)),
    2: ((16, 3), (32, 4), (64, 3), (8, 5), (16, 2)),
    3: ((8, 3), (8, 2), (16, 3)),
}
"""Samples and taps, the same along every axis, for functions that refuse lengths that all differ."""

_SECOND_THOUGHTS = 2
"""How often shapes that were not as predicted are probed too, since they may only have told what was open."""


def identify(
    function: Callable[..., Any] | str,
    *,
    ndim: int | None = None,
    kernel: ArrayLike | None = None,
    kernels: Sequence[ArrayLike] | None = None,
    sizes: Sequence[tuple[Sequence[int], Sequence[int]]] | None = None,
    time_limit: float = 60.0,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
) -> Identification:
    """Return which convention a function follows, measured on the function itself.

    Parameters
    ----------
    function : callable or str
        A function of (signal, kernel), or of the signal alone; a ``torch.nn.Module``; a name of the catalogue or
        an import path (``"scipy.ndimage.convolve"``); ``"file.py:function"``; ``"cmd:PROGRAM"`` (its protocol:
        `convention.identification.programs`).
    ndim : int, optional
        The number of spatial axes, 1 to 3. Where it is not given, 2, 1 and 3 are tried.
    kernel : array, optional
        The kernel of a function of the signal alone. Where that is unknown, it is recovered; whether it
        was reversed cannot be told.
    kernels : sequence of arrays, optional
        The only kernels that the function takes.
    sizes : sequence of (signal shape, kernel shape), optional
        The only shapes to probe.
    time_limit : float
        Seconds for all calls together, checked between calls. Only programs are stopped during one.
    seed : int
        Of the random data.
    options : mapping of str, optional
        Options of an operator that is named as the catalogue names it; the others have their defaults.

    Returns
    -------
    Identification
        Also where the function is no convolution, or cannot be measured: then its verdict says why.

    Raises
    ------
    ConventionTypeError, ConventionValueError, ConventionFileError, MissingLibraryError
        If there is no function to call, or an argument cannot be used.

    Examples
    --------
    >>> found = identify(np.convolve, ndim=1)
    >>> found.definition, found.convention.resolve(1).size
    ('convolution', ('full',))
    """
    pairs, weights = _checked(ndim, kernel, kernels, sizes, time_limit)
    known = None if kernel is None else _array("kernel", kernel)
    limit, chosen = float(time_limit), options or {}
    try:
        subject = as_subject(function, kernel=known, kernels=weights, time_limit=limit, options=chosen)
    except UndeterminedError as problem:
        return undetermined(str(problem), {}, None)
    with np.errstate(all="ignore"):  # answers may be infinite
        return _answer(subject, ndim, pairs, seed)


def _answer(subject: Subject, ndim: int | None, pairs: list[tuple[Shape, Shape]], seed: int) -> Identification:
    """Try ways to hand over arrays, and numbers of axes, until one leads to an answer."""
    given = {len(signal) for signal, _ in pairs}
    dims = tuple(n for n in (subject.ndims if ndim is None else (ndim,)) if not given or n in given)
    if not dims:
        axes = f"shapes of {given} axes for a function of {ndim or subject.ndims}"
        raise ConventionValueError(f"sizes={pairs!r}", axes, "shapes with as many axes", "give other sizes or ndim")
    answers: list[Identification] = []
    refusals: dict[str, str] = {}
    for way in dict.fromkeys((*subject.presentations, *subject.spare)):
        for count in dims:
            try:
                if way in subject.spare:
                    _try_once(subject, way, count)
                found = _measured(subject, way, count, pairs, seed)
            except RefusalError as refusal:
                round_lengths = None if pairs else _with_round_lengths(subject, way, count, seed)
                if round_lengths is not None:
                    return round_lengths
                where = f"{count}-D" if way.signal == "*" else f"{count}-D as {way.signal}"
                refusals.setdefault(brief(refusal, 100), where)
                continue
            answers.append(found)
            if subject.fragile or (found.convention is not None and _understood(found)):
                return found
        # a function of plain arrays has no further axes; nor does it help to call a noisy one otherwise
        settled = way.signal == "*" or not subject.takes_kernel
        if any(settled or not (a.fields or a.verdict.startswith("not")) for a in answers):
            break
    if answers:
        return min(answers, key=lambda a: (a.convention is None, not a.verdict.startswith("not")))
    # what it returns for plain arrays says more than how it refuses others
    plain = [refusal for refusal in refusals if refusal.startswith("it returned")][:1]
    listed = plain or [f"{where}: {refusal}" for refusal, where in list(refusals.items())[:_MOST_REFUSALS]]
    return undetermined(f"no call gave an array of numbers that can be used: {'; '.join(listed)}", {}, subject)


def _understood(found: Identification) -> bool:
    """Tell whether it was seen which of a function's further axes are channels, if it has any."""
    return "groups" not in found.fields or found.fields["groups"].state == "settled"


def _with_round_lengths(subject: Subject, way: Presentation, ndim: int, seed: int) -> Identification | None:
    """Return what a function is that takes only lengths such as powers of two, or only squares; None if none."""
    if way.signal != "*" or not subject.takes_kernel or subject.slow or subject.kernels or subject.kernel_shape:
        return None
    pairs = [((n,) * ndim, (k,) * ndim) for n, k in _ROUND[ndim]]
    try:
        found = _measured(subject, way, ndim, pairs, seed)
    except RefusalError:
        return None
    return found if found.convention is not None else None


def _try_once(subject: Subject, way: Presentation, ndim: int) -> None:
    """Raise `RefusalError` where the function does not take arrays with these axes; a single call, or two."""
    shape, taps = tuple(9 + axis for axis in range(ndim)), (3,) * ndim
    arrays = [np.arange(1.0, 1 + np.prod(one)).reshape(one) for one in (shape, taps)[: 1 + subject.takes_kernel]]
    for pair in subject.pairs[:2]:
        try:
            subject.box(pair, way)(*arrays)
        except RefusalError as refusal:
            last = refusal
        except (NotAConvolutionError, UndeterminedError):
            return
        else:
            return
    raise last


def _measured(
    subject: Subject, presentation: Presentation, ndim: int, sizes: Sequence[tuple[Shape, Shape]], seed: int
) -> Identification:
    """Return the answer for one number of axes, or raise `RefusalError` where no call was answered."""
    sizes = [pair for pair in sizes if len(pair[0]) == ndim]
    try:
        try:
            findings = _found(subject, presentation, ndim, sizes, seed)
            for _ in range(_SECOND_THOUGHTS):
                try:
                    return concluded(findings)
                except MismatchError as mismatch:
                    if findings.again is None:
                        raise
                    findings = findings.again(mismatch.signal_shape, mismatch.kernel_shape)
            return concluded(findings)
        except (NotAConvolutionError, UndeterminedError) as witness:
            subject.check_steady()
            if isinstance(witness, UndeterminedError):
                raise
            return not_a_convolution(str(witness), subject)
    except UndeterminedError as problem:
        return undetermined(str(problem), problem.fields, subject)


def _found(
    subject: Subject, presentation: Presentation, ndim: int, sizes: Sequence[tuple[Shape, Shape]], seed: int
) -> Findings:
    """Return what the probes find; a function that may take a kernel, and makes nothing of it, is asked without."""
    alone = replace(subject, takes_kernel=False) if subject.perhaps_alone else None
    if subject.takes_kernel and not subject.kernels:
        try:
            return by_gathering(subject, presentation, ndim, sizes, seed)
        except NotAConvolutionError:
            if alone is None:
                raise
            try:
                return by_single_samples(alone, presentation, ndim, sizes, seed)
            except (RefusalError, NotAConvolutionError, UndeterminedError):
                pass
            raise
        except RefusalError:
            if subject.slow:
                raise
    try:
        return by_single_samples(subject, presentation, ndim, sizes, seed)
    except RefusalError as refusal:
        last = refusal
    if alone is not None:
        return by_single_samples(alone, presentation, ndim, sizes, seed)
    # where there are axes for channels, a kernel of one tap may have them anywhere
    if not subject.takes_kernel or subject.kernels or subject.kernel_shape is not None or presentation.signal != "*":
        raise last
    return by_gathering(subject, presentation, ndim, sizes, seed, single=True)


def _checked(
    ndim: Any, kernel: Any, kernels: Any, sizes: Any, time_limit: Any
) -> tuple[list[tuple[Shape, Shape]], tuple[NDArray[Any], ...]]:
    """Return the sizes and kernels, or refuse the arguments."""
    if ndim is not None and (type(ndim) is not int or not 1 <= ndim <= 3):
        refusal = ConventionValueError if type(ndim) is int else ConventionTypeError
        raise refusal(f"ndim={ndim!r}", "no such number of axes", "1, 2, 3, or None to try them", "leave it out")
    if isinstance(time_limit, bool) or not isinstance(time_limit, (int, float)) or not time_limit > 0:
        refusal = ConventionValueError if type(time_limit) in (int, float) else ConventionTypeError
        raise refusal(f"time_limit={time_limit!r}", "no time", "a number of seconds above 0", "leave it out")
    if kernel is not None and kernels is not None:
        raise ConventionTypeError(
            "kernel= and kernels=",
            "both were given",
            "kernel= for a function of the signal alone, kernels= for one that takes only these",
            "leave one out",
        )
    weights = tuple(_array("kernels", one) for one in kernels or ())
    try:
        pairs = [(_shape(signal), _shape(taps)) for signal, taps in sizes or ()]
    except (TypeError, ValueError):
        raise ConventionTypeError(
            f"sizes={sizes!r}", "no pairs of shapes", "((signal shape, kernel shape), ...)", "sizes=[((20,), (3,))]"
        ) from None
    if any(len(signal) != len(taps) or not signal or 0 in taps for signal, taps in pairs):
        raise ConventionValueError(
            f"sizes={sizes!r}", "shapes that do not fit", "as many axes in both, and taps", "sizes=[((20,), (3,))]"
        )
    return pairs, weights


def _shape(shape: Any) -> Shape:
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(n) for n in shape)


def _array(name: str, value: Any) -> NDArray[Any]:
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if not array.size or not 1 <= array.ndim <= 3 or not np.isfinite(array).all() or not array.any():
        raise ConventionValueError(
            f"{name}={value!r}", "no kernel to identify with", "arrays of 1 to 3 axes with a tap that is not zero",
            "pass the kernel's numbers",
        )  # fmt: skip
    return array
