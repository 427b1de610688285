"""How a signal continues past its ends: names, synonyms, pictures and index maps.

A boundary rule says, for every integer position j, which sample of a signal of length n stands
there: an index 0...n-1, or a constant. Rules repeat without end, so a kernel may be any number of
times longer than the signal.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convention.errors import ConventionTypeError, ConventionValueError, nearest

__all__ = ["AMBIGUOUS", "BOUNDARIES", "OUTSIDE", "Boundary", "boundary_of", "index_map"]

OUTSIDE = -1
"""The entry of an index map at a position where a constant stands instead of a sample."""


class Boundary(NamedTuple):
    """A boundary rule: its name, its synonyms, and its picture for the signal ``a b c d``."""

    name: str
    synonyms: tuple[str, ...]
    picture: str
    copies: bool
    """Whether it copies samples (then an empty signal has nothing to copy)."""


BOUNDARIES: dict[str, Boundary] = {
    rule.name: rule
    for rule in (
        Boundary("zero", (), "0 0 | a b c d | 0 0", copies=False),
        Boundary("constant", (), "v v | a b c d | v v", copies=False),
        Boundary("edge", ("replicate", "nearest"), "a a | a b c d | d d", copies=True),
        Boundary("half-sample", ("symmetric",), "b a | a b c d | d c", copies=True),
        Boundary("whole-sample", ("reflect-101",), "c b | a b c d | c b", copies=True),
        Boundary("periodic", ("wrap", "circular"), "c d | a b c d | a b", copies=True),
    )
}

# NumPy, torch, Keras: "reflect" is whole-sample; scipy.ndimage: "reflect" is half-sample and
# "mirror" whole-sample; TensorFlow and Julia differ again. See docs of numpy.pad and of
# scipy.ndimage.convolve: https://docs.scipy.org/doc/scipy/reference/generated/scipy.ndimage.convolve.html
AMBIGUOUS = ("reflect", "mirror")
"""Words that mean half-sample in some libraries and whole-sample in others: refused."""

_BY_WORD = {word: rule for rule in BOUNDARIES.values() for word in (rule.name, *rule.synonyms)}


def boundary_of(word: str) -> Boundary:
    """Return the boundary rule that a name or synonym means.

    Raises
    ------
    ConventionValueError
        If the word is ambiguous (``"reflect"``, ``"mirror"``) or unknown.
    ConventionTypeError
        If it is not a word at all.
    """
    if not isinstance(word, str):
        raise ConventionTypeError(
            f"boundary={word!r}",
            f"a boundary is a word, found {type(word).__name__}",
            _table(),
            f"use one of these words; for a value beyond the border: boundary='constant', value={word!r}",
        )
    if word in AMBIGUOUS:
        half, whole = BOUNDARIES["half-sample"], BOUNDARIES["whole-sample"]
        raise ConventionValueError(
            f"boundary={word!r}",
            f"{word!r} is ambiguous: some libraries repeat the border sample, others do not",
            _table(),
            f"say {half.name!r} ( {half.picture} ) as in scipy.ndimage's 'reflect',\n"
            f"or {whole.name!r} ( {whole.picture} ) as in numpy.pad's and torch's 'reflect'",
        )
    try:
        return _BY_WORD[word]
    except KeyError:
        raise ConventionValueError(
            f"boundary={word!r}", "there is no such boundary", _table(), nearest(word, _BY_WORD)
        ) from None


def index_map(rule: str, positions: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Return, for each position, the index of the sample that stands there, or `OUTSIDE`.

    Parameters
    ----------
    rule : str
        The name of a boundary rule (no synonym).
    positions : array of int, shape (n,)
        Positions relative to the signal's first sample; any integers.
    length : int
        The signal's number of samples along this axis. A copying rule needs at least one.
    """
    j = positions
    if rule in ("zero", "constant"):
        return np.where((j >= 0) & (j < length), j, OUTSIDE)
    if rule == "edge":
        return np.clip(j, 0, length - 1)
    if rule == "periodic":
        return j % length
    if rule == "half-sample":  # period 2n:  a b c d | d c b a
        j = j % (2 * length)
        return np.minimum(j, 2 * length - 1 - j)
    # whole-sample, period 2n-2:  a b c d | c b
    period = max(2 * length - 2, 1)
    j = j % period
    return np.minimum(j, period - j)


def _table() -> str:
    width = max(len(name) for name in BOUNDARIES)
    return "\n".join(
        f"{rule.name:<{width}}  {rule.picture}" + (f"   also {', '.join(rule.synonyms)}" if rule.synonyms else "")
        for rule in BOUNDARIES.values()
    )
