"""Pinned conventions: what is kept of a measured one, in which file, and how another measurement differs.

Kept is what describes the function: every field with its state and value, how sums are stored, layout, frame
and bias. The evidence, the number of calls and the shapes probed are not, since they may change
while the function does not; the verdict is, for people, and is not compared.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import floor, isclose, log10
from pathlib import Path
from time import monotonic, sleep
from typing import Any, BinaryIO, NamedTuple, NoReturn

from convention.errors import ConventionFileError
from convention.files.targets import checked_target, write_whole
from convention.identification import Identification

__all__ = ["Difference", "differences", "pin_of", "read_pins", "write_pin"]

Pin = dict[str, Any]

_FORMAT = "convention pins, version 1"
_ALLOWED = f'a JSON file that {__name__} wrote: {{"format": "{_FORMAT}", "pins": {{NAME: PIN, ...}}}}'
_DIGITS = 6
"""Significant digits that are kept of what was measured as a float."""
_CLOSE = 1e-5
"""How far such numbers may be apart: another machine adds in another order."""
_PATIENCE = 10.0
"""Seconds to wait for another process that writes the same file."""


class Difference(NamedTuple):
    """One thing that is not as it was pinned, in words."""

    name: str
    pinned: str
    measured: str


def pin_of(found: Identification, *, recovered: bool) -> Pin:
    """Return what is pinned of a measured convention, as plain data.

    Parameters
    ----------
    found : Identification
        One that has a convention.
    recovered : bool
        Whether its kernel was recovered from the function, and not given: then it is all that tells the function's own
        kernel from a reversed one, and is pinned too.
    """
    assert found.convention is not None
    data = found.to_dict()
    pin = {
        "verdict": data["verdict"],
        "definition": data["definition"],
        "ndim": found.domain["ndim"],
        "fields": {name: _state(field) for name, field in data["fields"].items()},
        "arithmetic": {name: _state(field) for name, field in data["numbers"].items()},
        "layout": data["layout"],
        "frame": _rounded(data["frame"]),
        "bias": _rounded(data["bias"]),
    }
    sums = pin["arithmetic"].get("sums")
    if sums is not None and sums["state"] == "open":
        del sums["value"]  # a lower bound of the precision, which depends on how this processor adds
    if recovered and data["kernel"] is not None:
        largest = _largest(data["kernel"])
        pin["kernel"] = _rounded(data["kernel"], _DIGITS - 1 - floor(log10(largest)) if largest else 0)
    return pin


def _state(field: dict[str, Any]) -> dict[str, Any]:
    kept = {"state": field["state"], "value": _rounded(field["value"])}
    return kept | ({"candidates": field["candidates"]} if field["candidates"] else {})


def _rounded(value: Any, decimals: int | None = None) -> Any:
    """Return data with fractions of these many decimals, or of `_DIGITS` digits."""
    if isinstance(value, dict):
        return {key: _rounded(one, decimals) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one, decimals) for one in value]
    if not isinstance(value, float):
        return value
    return float(f"{value:.{_DIGITS}g}") if decimals is None else round(value, decimals) + 0.0


def _largest(value: Any) -> float:
    """Return the largest size of a fraction in nested lists."""
    if isinstance(value, list):
        return max(map(_largest, value), default=0.0)
    return abs(value) if isinstance(value, float) else 0.0


def differences(pinned: Pin, measured: Pin) -> list[Difference]:
    """Return everything in which a measured convention is not the pinned one; a changed state is a difference."""
    before, after = _parts(pinned), _parts(measured)
    found = []
    for name in [*after, *(name for name in before if name not in after)]:
        a, b = before.get(name, _NOTHING), after.get(name, _NOTHING)
        # a kernel's small taps are known no better than its large ones
        if not _agree(a, b, _largest([a, b]) if name == "kernel" else 0.0):
            found.append(Difference(name, _words(a), _words(b)))
    return found


_NOTHING = "not there"


def _parts(pin: Pin) -> dict[str, Any]:
    """Return what is compared, by the name that a difference in it has."""
    groups: dict[str, Any] = pin["fields"] | {f"arithmetic.{name}": field for name, field in pin["arithmetic"].items()}
    rest = {name: value for name, value in pin.items() if name not in ("verdict", "fields", "arithmetic")}
    first = {name: rest.pop(name) for name in ("definition", "ndim") if name in rest}
    return first | groups | rest


def _agree(a: Any, b: Any, largest: float = 0.0) -> bool:
    """Tell whether two parts say the same; fractions may differ by the last digits of the larger, or the largest."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_agree(a[key], b[key], largest) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_agree(x, y, largest) for x, y in zip(a, b))
    if isinstance(a, str) and isinstance(b, str):  # a gain has a number in its text: 0.25·1/sum
        one, other = a.split("·"), b.split("·")
        return a == b or (len(one) == len(other) and all(x == y or _near_texts(x, y) for x, y in zip(one, other)))
    if type(a) is float or type(b) is float:
        both = {type(a), type(b)} <= {int, float}
        return both and isclose(a, b, rel_tol=_CLOSE, abs_tol=_CLOSE * largest)
    return type(a) is type(b) and bool(a == b)


def _near_texts(a: str, b: str) -> bool:
    try:
        return isclose(float(a), float(b), rel_tol=_CLOSE)
    except ValueError:
        return False


def _words(part: Any) -> str:
    """Return a field, or another part of a pin, as it reads in a sentence."""
    if isinstance(part, dict) and "state" in part:
        value = _words(part["value"]) if "value" in part else ""
        if part["state"] == "settled":
            return value
        candidates = f" (of {', '.join(map(str, part['candidates']))})" if part.get("candidates") else ""
        return f"{part['state']}{': ' if value else ''}{value}{' fits' if value else ''}{candidates}"
    if isinstance(part, dict):
        return ", ".join(f"{key} {_words(value)}" for key, value in part.items())
    if isinstance(part, list):
        return f"({', '.join(map(_words, part))})" if part else "none"
    if part is None or isinstance(part, bool):
        return {None: "none", True: "yes", False: "no"}[part]
    return str(part)


def read_pins(path: Path) -> dict[str, Pin]:
    """Return the pins in a file, by name; none where there is no file.

    Raises
    ------
    ConventionFileError
        If it cannot be read, or is no file of pins.
    """
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except OSError as problem:
        _refuse(path, f"it cannot be read: {problem.strerror or problem}", "make it readable")
    except RecursionError:
        _refuse(path, "lists without end in lists")
    except ValueError as problem:  # no UTF-8, no JSON, or what the hooks refuse
        _refuse(path, f"it is damaged: {problem}")
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        _refuse(path, "it is no file of pins, or one of another version", "rename it: it is not ours to change")
    pins = data.get("pins")
    if not isinstance(pins, dict):
        _refuse(path, 'it has no "pins"')
    for name, pin in pins.items():
        if wrong := _damage(pin):
            _refuse(path, f"the pin {name!r} is damaged: {wrong}")
    return pins


def _damage(pin: Any) -> str:
    """Return what a pin lacks, or nothing."""
    if not isinstance(pin, dict) or not isinstance(pin.get("verdict"), str):
        return "it has no verdict"
    for group in ("fields", "arithmetic"):
        if not isinstance(pin.get(group), dict):
            return f"it has no {group}"
        for name, field in pin[group].items():
            if not isinstance(field, dict) or not isinstance(field.get("state"), str):
                return f"{name} of its {group} has no state"
    return ""


def _refuse(path: Path, found: str, fix: str = "restore it from version control, or repair it by hand") -> NoReturn:
    raise ConventionFileError(f"the pinned conventions in {os.fspath(path)!r}", found, _ALLOWED, fix) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):  # of two branches that were merged
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands there twice")
    return data


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")


def write_pin(path: Path, name: str, pin: Pin) -> None:
    """Put a pin into a file, which is replaced as a whole; every other pin stays as it is.

    Raises
    ------
    ConventionFileError
        If the file is damaged, or cannot be written. Then nothing has changed.
    """
    asked = f"pin {name!r} in {os.fspath(path)!r}"
    target = checked_target(path, (".json",), force=True)
    with _alone(target, asked):
        pins = read_pins(target) | {name: pin}
        text = _text({"format": _FORMAT, "pins": pins}) + "\n"

        def write(stream: BinaryIO) -> None:
            stream.write(text.encode())

        write_whole(target, asked, write)


@contextmanager
def _alone(target: Path, asked: str) -> Iterator[None]:
    """Wait until no other process writes the file: of two that read it before, one would lose its pin."""
    lock, until = target.with_name(f".{target.name}.lock"), monotonic() + _PATIENCE
    while True:
        try:
            lock.touch(exist_ok=False)
            break
        except FileExistsError:
            if monotonic() < until:
                sleep(0.02)
                continue
            found, fix = f"for {_PATIENCE:g} s another process has been writing it", f"if none is, delete {lock}"
            raise ConventionFileError(asked, found, "one process at a time", fix) from None
        except OSError as problem:
            found = f"it cannot be written: {problem.strerror or problem}"
            raise ConventionFileError(asked, found, "a folder that can be written", "open the folder") from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _text(value: Any, indent: str = "") -> str:
    """Return sorted JSON with one line per field, for people to review."""
    deeper = indent + "  "
    if isinstance(value, dict) and any(isinstance(one, dict) for one in value.values()):
        items = [f"{json.dumps(key, ensure_ascii=False)}: {_text(value[key], deeper)}" for key in sorted(value)]
        return "{\n" + ",\n".join(deeper + item for item in items) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(one, list) for one in value):  # the rows of a kernel
        return "[\n" + ",\n".join(deeper + _text(one, deeper) for one in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
