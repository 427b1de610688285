"""Every way the library says no.

Each refusal says four things: what was asked, what was found, what is allowed and what to do.
It is a `ConventionError` and also the builtin exception that one would catch.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "ConventionError",
    "ConventionFileError",
    "ConventionNotImplementedError",
    "ConventionOverflowError",
    "ConventionRuntimeError",
    "ConventionTypeError",
    "ConventionValueError",
    "MissingLibraryError",
    "nearest",
]


class ConventionError(Exception):
    """Refuse something, with a reason.

    Parameters
    ----------
    asked : str
        What the caller asked for, in the caller's own words.
    found : str
        What was found instead of something usable.
    allowed : str
        What is allowed, printed from the table that decides.
    fix : str
        What to do now, as something that can be typed.

    Examples
    --------
    >>> print(ConventionError("stride=0", "less than 1", "an integer of at least 1", "use 1 for none"))
    stride=0: less than 1
      allowed: an integer of at least 1
      do: use 1 for none
    """

    def __init__(self, asked: str, found: str, allowed: str, fix: str) -> None:
        super().__init__(asked, found, allowed, fix)
        self.asked, self.found, self.allowed, self.fix = asked, found, allowed, fix

    def __str__(self) -> str:
        return f"{self.asked}: {self.found}\n  allowed: {_indented(self.allowed)}\n  do: {_indented(self.fix)}"

    # The builtin bases (OSError above all) read their positional arguments in ways of their own.
    def __reduce__(self) -> tuple[type[ConventionError], tuple[str, str, str, str]]:
        return type(self), (self.asked, self.found, self.allowed, self.fix)


class ConventionValueError(ConventionError, ValueError):
    """Refuse a value: the type is right, the value is not."""


class ConventionTypeError(ConventionError, TypeError):
    """Refuse a type: of an argument, of an array's elements, or of an array itself."""


class ConventionNotImplementedError(ConventionError, ValueError, NotImplementedError):
    """Refuse a value that the operator itself refuses with a NotImplementedError."""


class ConventionRuntimeError(ConventionError, ValueError, RuntimeError):
    """Refuse a value that the operator itself refuses with a RuntimeError."""


class ConventionOverflowError(ConventionError, OverflowError):
    """Refuse a result that does not fit into its data type."""


class ConventionFileError(ConventionError, OSError):
    """Refuse a file: it cannot be read, understood or written."""

    def __init__(self, asked: str, found: str, allowed: str, fix: str) -> None:
        super().__init__(asked, found, allowed, fix)
        self.errno = self.strerror = self.filename = None  # OSError took our arguments for these


class MissingLibraryError(ConventionError, ImportError):
    """Refuse what needs a library that is not installed; the message has the install line."""


def nearest(word: object, allowed: Iterable[str]) -> str:
    """Return what to do about an unknown word: the nearest allowed one, or any of them."""
    from difflib import get_close_matches  # 3 ms that only a refusal needs

    words = list(allowed)
    close = get_close_matches(word.lower(), words, n=1, cutoff=0.5) if isinstance(word, str) else []
    return f"did you mean {close[0]!r}?" if close else f"use one of them, for example {words[0]!r}"


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")
