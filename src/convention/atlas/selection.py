"""Choosing rows of the atlas, and comparing two atlases."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, NamedTuple

from convention.atlas.rows import Atlas, Row
from convention.boundary import boundary_of
from convention.errors import ConventionValueError, nearest

__all__ = ["Change", "compare_atlases", "select"]

_COMPUTES = ("convolution", "cross-correlation", "mixed", "undetermined", "refused")
_SUMS = ("computes", "reversed_axes", "boundary", "value", "size", "anchor", "stride", "dilation", "upsample", "frame")
"""The columns that say which sums are taken: operators equal in all of them compute the same."""
_OTHER_NAMES = {
    "opencv": "cv2",
    "pillow": "PIL",
    "matlab": "octave",
    "pytorch": "torch",
    "scikit-image": "skimage",
    "onnx": "onnxruntime",
}
"""What libraries are called elsewhere than in the atlas."""
_WHEN = ("version", "date", "platform", "probes", "refused", "identified", "reason")


class Change(NamedTuple):
    """One difference of two atlases: the row, the column ("" for a whole row), and both values."""

    row: str
    column: str
    before: Any
    after: Any


def select(
    atlas: Atlas,
    *,
    library: str | None = None,
    computes: str | None = None,
    mismatch: bool = False,
    boundary: str | None = None,
    same_as: str | None = None,
) -> tuple[Row, ...]:
    """Return, for each operator with a row that meets all conditions, the first such row.

    Raises
    ------
    ConventionValueError
        If the atlas has no such library or operator, or there is no such word.
    """
    if library is not None:
        library = _OTHER_NAMES.get(library.lower(), library)
        if not any(row.operator.startswith(f"{library}.") for row in atlas.rows):
            _known("library", library, {row.library for row in atlas.rows})
    if computes is not None:
        _known("computes", computes, _COMPUTES)
    rule = None if boundary is None else boundary_of(boundary).name
    model = None
    if same_as is not None:
        _known("same_as", same_as, {row.operator for row in atlas.rows})
        model = atlas.of(same_as)[0]
    found: dict[str, Row] = {}
    for row in atlas.rows:
        if (
            (library is None or row.library == library or row.operator.startswith(f"{library}."))
            and (computes is None or row.computes == computes)
            and (not mismatch or row.differs)
            and (rule is None or row.boundary == rule or (isinstance(row.boundary, list) and rule in row.boundary))
            and (model is None or all(getattr(row, name) == getattr(model, name) for name in _SUMS))
        ):
            found.setdefault(row.operator, row)
    return tuple(found.values())


def compare_atlases(before: Atlas, after: Atlas) -> tuple[Change, ...]:
    """Return what differs in the second atlas: rows that came or went, and columns other than when it was measured."""
    old, new = ({row.key: row for row in atlas.rows} for atlas in (before, after))
    changes = [Change(key, "", "there", "gone") for key in old if key not in new]
    changes += [Change(key, "", "not there", "new") for key in new if key not in old]
    columns = [one.name for one in fields(Row) if one.name not in _WHEN]
    for key in old:
        if key in new:
            pairs = ((name, getattr(old[key], name), getattr(new[key], name)) for name in columns)
            changes += [Change(key, name, a, b) for name, a, b in pairs if a != b]
    return tuple(changes)


def _known(name: str, word: str, allowed: Any) -> None:
    words = sorted(allowed)
    if word not in words:
        raise ConventionValueError(
            f"{name}={word!r}", "the atlas has no such entry", ", ".join(words), nearest(word, words)
        )
