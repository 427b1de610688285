"""Measuring the atlas: run every operator that is installed, and hold it against its catalogue entry.

The catalogue's calls only return arrays. What they must be is computed here, by the oracle.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convention.atlas.describing import describe
from convention.atlas.judging import PROBES, expected, witness
from convention.atlas.rows import Atlas, Row
from convention.catalogue import Operator, lookup, operators
from convention.identification import identify

__all__ = ["failures", "measure"]

_TYPES = ("float64", "float32", "int64", "uint8")
_OURS = (ImportError, AttributeError, NameError)
"""What our own call raises when it no longer fits the library, rather than the library when it refuses."""


class _Outcome(NamedTuple):
    state: str
    reason: str
    probes: int = 0
    refused: int = 0


def measure(
    names: Iterable[str] = (), *, previous: Atlas | None = None, progress: Callable[[str], None] | None = None
) -> Atlas:
    """Return the atlas, measured now.

    Parameters
    ----------
    names : iterable of str
        The operators to measure, all if empty. Of the others, the previous atlas' rows are kept.
    previous : Atlas, optional
        An older one: it keeps the date of what cannot be measured here.
    progress : callable, optional
        Called with each operator's name before it is measured.

    Raises
    ------
    ConventionValueError
        If the catalogue has no operator of such a name.
    """
    entries = [lookup(name) for name in names] or [lookup(name) for name in operators()]
    old = {row.key: row for row in previous.rows} if previous else {}
    measured: dict[str, Row] = {}
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    where = f"{platform.system()} {platform.machine()}"
    today = datetime.now(UTC).date().isoformat()
    for operator in entries:
        if progress:
            progress(operator.name)
        with _without_notices():
            version, reason = _version(operator)
            rows = list(_rows(operator, version, reason))
        if version:
            versions[operator.library.partition(".")[0]] = version
        for row in rows:
            before = old.get(row.key)
            if version:
                measured[row.key] = replace(row, date=today, platform=where)
            elif before is not None and before.version is not None:
                measured[row.key] = replace(
                    row, version=before.version, date=before.date, platform=before.platform, probes=before.probes,
                    refused=before.refused, identified=before.identified,
                )  # fmt: skip
            else:
                measured[row.key] = row
    if names:
        measured = old | measured
        versions = dict(previous.versions if previous else {}) | versions
    return Atlas(date=today, platform=where, versions=dict(sorted(versions.items())), rows=tuple(measured.values()))


def failures(atlas: Atlas, previous: Atlas) -> tuple[Row, ...]:
    """Return the rows that no longer hold: stale, failed by our own call, or measured before and undetermined now."""
    held = {row.key for row in previous.rows if row.state == "measured"}
    return tuple(
        row
        for row in atlas.rows
        if row.state in ("stale since", "harness error") or (row.state == "undetermined" and row.key in held)
    )


@contextmanager
def _without_notices() -> Iterator[None]:
    """Keep what libraries in C++ write to the process' standard error: TensorFlow tells of every refusal."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def _version(operator: Operator) -> tuple[str | None, str]:
    name = operator.library.partition(".")[0]
    if operator.missing:
        return None, f"{operator.missing} is not installed"
    try:
        return operator.version(), ""
    except Exception as problem:  # a broken installation may raise anything
        return None, f"{name} cannot be imported: {_line(problem)}"


def _rows(operator: Operator, version: str | None, reason: str) -> Iterator[Row]:
    dtype, refusal = _first_type(operator) if version else (None, "")
    for number, options in enumerate(operator.cases()):
        # as JSON has them, so that a row is equal to the one that was written and read
        declared = json.loads(json.dumps(describe(operator, options)))
        identified = ""
        if version is None:
            outcome = _Outcome("could not install here", reason)
        elif dtype is None:
            outcome = _Outcome("undetermined", f"it refused every probe: {refusal}")
        else:
            outcome = _probed(operator, options, dtype)
            if number == 0 and outcome.state == "measured":
                identified, contradiction = _identified(operator, options)
                outcome = _Outcome("undetermined", contradiction) if contradiction else outcome
        yield Row(
            **declared
            | {
                "state": outcome.state,
                "reason": outcome.reason or declared["reason"],
                "since": version if outcome.state == "stale since" else None,
                "version": version,
                "probes": outcome.probes,
                "refused": outcome.refused,
                "identified": identified,
            }
        )


def _first_type(operator: Operator) -> tuple[np.dtype[Any] | None, str]:
    """Return the first data type that the operator takes with its default options."""
    options, refusal = next(operator.cases()), "no shape that it takes"
    for dtype in map(np.dtype, _TYPES):
        for x, w in PROBES[operator.ndims[0]]:
            if not (operator.accepts(x, w, **options) or operator.faults(x, w, **options)):
                try:
                    _call(operator, *_arrays(x, w, dtype), options)
                except Exception as problem:
                    refusal = _line(problem)
                else:
                    return dtype, ""
    return None, refusal


def _probed(operator: Operator, options: dict[str, Any], dtype: np.dtype[Any]) -> _Outcome:
    probes = refused = 0
    fault = ""
    for ndim in operator.ndims:
        for x, w in PROBES[ndim]:
            fault = operator.faults(x, w, **options)
            if fault:
                continue
            reason, shapes = operator.accepts(x, w, **options), f"a signal of {x} and a kernel of {w}"
            signal, kernel = _arrays(x, w, dtype)
            try:
                found = _call(operator, signal, kernel, options)
            except _OURS as problem:
                return _Outcome("harness error", f"{shapes}: {_line(problem)}", probes, refused)
            except Exception as problem:
                if not reason:
                    return _Outcome("stale since", f"it refuses {shapes}: {_line(problem)}", probes, refused)
                refused += 1
                continue
            if reason:
                return _Outcome("stale since", f"it takes {shapes}, though this is {reason}", probes, refused)
            wrong = witness(found, expected(operator, signal, kernel, options, found.dtype))
            if wrong:
                return _Outcome("stale since", f"for {shapes}, {wrong}", probes, refused)
            probes += 1
    if fault and not probes + refused:
        return _Outcome("undetermined", fault)
    wrong = _complex_witness(operator, options) if dtype.kind == "f" and probes else ""
    return _Outcome("stale since" if wrong else "measured", wrong, probes, refused)


def _complex_witness(operator: Operator, options: dict[str, Any]) -> str:
    """Return what a complex kernel shows against the entry; nothing where the operator takes none."""
    for x, w in PROBES[operator.ndims[0]]:
        if operator.accepts(x, w, **options) or operator.faults(x, w, **options):
            continue
        signal, kernel = (a + 1j * b for a, b in zip(_arrays(x, w, np.dtype(float)), _arrays(x, w, np.dtype(float), 9)))
        try:
            found = _call(operator, signal, kernel, options)
        except Exception:
            return ""
        if found.dtype.kind != "c":
            return ""
        wrong = witness(found, expected(operator, signal, kernel, options, found.dtype))
        return f"for complex arrays of {x} and {w}, {wrong}" if wrong else ""
    return ""


def _identified(operator: Operator, options: dict[str, Any]) -> tuple[str, str]:
    """Return what `identify` says of the operator, and where that contradicts the entry."""
    ndim = operator.ndims[0]

    def function(signal: NDArray[Any], kernel: NDArray[Any]) -> NDArray[Any]:
        return _call(operator, signal, kernel, options)

    function.__name__ = operator.name  # the verdict begins with it
    try:
        found = identify(function, ndim=ndim)
    except Exception as problem:
        return f"could not be identified: {_line(problem)}", ""
    if found.convention is None:
        return found.verdict, ""
    settled = {name for name, one in found.fields.items() if one.state == "settled"}
    for x, w in PROBES[ndim]:
        # a longer kernel may be exchanged with the signal, which is no part of what was identified
        if any(k > n for n, k in zip(x, w)) or operator.accepts(x, w, **options):
            continue
        declared = operator.convention(x, w, **options)
        pairs = zip(found.convention.axes(ndim), declared.axes(ndim))
        if "reversed_axes" in settled and any(a.reversed != b.reversed for a, b in pairs):
            return found.verdict, f"identify reads other reversed axes than the entry has: {found.verdict}"
        if {"size", "stride", "dilation", "upsample"} <= settled:
            shapes = found.convention.output_shape(x, w), declared.output_shape(x, w)
            if shapes[0] != shapes[1]:
                return found.verdict, f"identify predicts a result of shape {shapes[0]} where the entry has {shapes[1]}"
    return found.verdict, ""


def _arrays(
    signal: tuple[int, ...], kernel: tuple[int, ...], dtype: np.dtype[Any], seed: int = 0
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw integers; the taps all differ, so that no kernel is a reversal of itself."""
    rng = np.random.default_rng([seed, *signal, *kernel])
    x = rng.integers(0, 9, signal)
    return x.astype(dtype), (rng.permutation(int(np.prod(kernel))) + 1).reshape(kernel).astype(dtype)


def _call(operator: Operator, signal: NDArray[Any], kernel: NDArray[Any], options: dict[str, Any]) -> NDArray[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(operator.call(signal, kernel, **options))


def _line(problem: Exception) -> str:
    text = " ".join(str(problem).split())
    return f"{type(problem).__name__}: {text[:160]}"
