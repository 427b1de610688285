"""A bounded memory of what was found out before, safe to use from threads and after a fork: it has no lock."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

__all__ = ["Remembered"]

V = TypeVar("V")


class Remembered(Generic[V]):
    """Values by key; all are forgotten when there would be too many, or when they would weigh too much."""

    def __init__(self, most: int, heaviest: int = 16 << 20) -> None:
        self.most, self.heaviest = most, heaviest
        self.weight = 0
        self.values: dict[Any, V] = {}
        self.get = self.values.get  # one step of the interpreter

    def put(self, key: Any, value: V, weight: int = 0) -> None:
        """Remember a value that weighs so many bytes.

        Threads may lose each other's values, or a little of the weight, but never see a wrong one.
        """
        if weight > self.heaviest:
            return
        if len(self.values) >= self.most or self.weight + weight > self.heaviest:
            self.values.clear()
            self.weight = 0
        self.values[key] = value
        self.weight += weight
