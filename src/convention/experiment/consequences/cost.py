"""What one mistake leaves behind: its figures, its checks, its words and its picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convention.experiment.evidence import Check, all_true, plain

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Cost", "Figure", "signed"]


@dataclass(frozen=True)
class Figure:
    """One measured number: what it is, its value, and how it is printed."""

    name: str
    value: Any
    shown: str
    """The value with the digits that are the same on every run, and its unit."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One mistake with the two definitions, as measured in this run."""

    number: int
    name: str
    """One word, for file names and ``generated:`` blocks."""
    title: str
    sentence: str
    """The verdict, true if every check holds; its numbers are measured."""
    figures: tuple[Figure, ...]
    checks: tuple[Check, ...]
    paragraph: str
    """What happened."""
    avoid: str
    """How not to make the mistake."""
    alt: str
    """The picture in words."""
    draw: Callable[[], Image]
    """Draw the picture; called only when it is wanted."""

    @property
    def all_true(self) -> bool:
        """Whether every verdict is true."""
        return all_true(self.checks)

    @property
    def verdict(self) -> str:
        """Return the sentence if every check holds, otherwise that it is not shown and why."""
        if self.all_true:
            return self.sentence
        failed = "; ".join(check.name for check in self.checks if not check.verdict)
        return f"NOT shown on these data. What does not hold: {failed}."

    @property
    def picture(self) -> str:
        """Return the file name of the picture."""
        return f"{self.number}-{self.name}.png"

    def to_dict(self) -> dict[str, Any]:
        """Return the cost as data that JSON can hold, without the picture."""
        words = {name: getattr(self, name) for name in ("number", "name", "title")}
        return {
            **words,
            "all_true": self.all_true,
            "verdict": self.verdict,
            "figures": plain(self.figures),
            "checks": plain(self.checks),
            "paragraph": self.paragraph,
            "avoid": self.avoid,
            "picture": self.picture,
            "alt": self.alt,
        }


def signed(number: float, digits: int = 0) -> str:
    """Return a number with its sign, a true minus among them.

    Examples
    --------
    >>> signed(-2), signed(4), signed(0.25, 1)
    ('−2', '+4', '+0.2')
    """
    return f"{number:+.{digits}f}".replace("-", "−")
