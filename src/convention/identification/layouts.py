"""Which further axes a function's arguments have: tried with one channel, told with several."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.arithmetic import Layout
from convention.identification.model import Model, Shape
from convention.identification.result import Field
from convention.identification.subject import BlackBox, Presentation, RefusalError

__all__ = ["CHANNELLED", "LESS_COMMON", "SPATIAL", "channels_of", "layout_of"]

SPATIAL = {1: "W", 2: "HW", 3: "DHW"}
"""The letters of the spatial axes."""

CHANNELLED = (Presentation("NC*", "OI*"), Presentation("N*C", "*IO"))
"""Further axes of signal and kernel that array functions want, besides none."""

LESS_COMMON = (
    *(Presentation(*letters, channels=count) for count in (2, 3, 4) for letters in (("NC*", "OI*"), ("N*C", "*IO"))),
    Presentation("N*C", "O*I"),
    Presentation("NC*", "*IO"),
    Presentation("C*N", "I*O"),
    Presentation("C*", "OI*"),
    Presentation("*C", "*IO"),
    Presentation("NC*", "*"),
    Presentation("N*C", "*"),
    Presentation("C*", "*"),
    Presentation("*C", "*"),
    Presentation("NC*", "N*"),
)
"""Those that are tried where a function takes none of the others: fixed groups first."""

_ORDERS = {
    "OI*": ("OI*", "IO*"), "*IO": ("*IO", "*OI"), "O*I": ("O*I", "I*O"), "I*O": ("I*O", "O*I"),
    "NC*": ("NC*", "CN*"), "N*C": ("N*C", "C*N"), "C*N": ("C*N", "N*C"),
}  # fmt: skip
"""The letters that axes of length 1 may stand for."""


@dataclass(frozen=True)
class _Guess:
    """One way in which a function may combine channels: so many go in, in so many groups."""

    channels: int
    groups: int
    inputs: int
    """The length of the kernel's axis I."""
    outputs: int
    """The length of the kernel's axis O."""

    @property
    def shared(self) -> bool:
        """Whether all channels have the same kernel."""
        return self.outputs < self.groups and not self.crosswise

    @property
    def crosswise(self) -> bool:
        """Whether axis I counts all channels, and axis O the outputs of one group."""
        return self.groups > 1 and self.inputs == self.channels

    def sources(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield (result channel, signal channel, index along O, index along I)."""
        if self.shared:
            yield from ((channel, channel, 0, 0) for channel in range(self.channels))
            return
        inside, each = self.channels // self.groups, self.outputs // (1 if self.crosswise else self.groups)
        for group, o, i in product(range(self.groups), range(each), range(inside)):
            channel = group * inside + i
            yield (
                group * each + o,
                channel,
                o if self.crosswise else group * each + o,
                channel if self.crosswise else i,
            )


_DENSE = (_Guess(2, 1, 2, 3),)
_DEPTHWISE = (
    (_Guess(2, 2, 2, 3), _Guess(3, 3, 3, 2)),
    (_Guess(2, 2, 1, 4), _Guess(3, 3, 1, 6)),
    (_Guess(2, 2, 2, 1), _Guess(3, 3, 3, 1)),
)
"""Every channel by itself, with a multiplier: two numbers of channels, so that it is no fixed number of groups."""


def _guesses(way: Presentation) -> Iterator[tuple[int | str, tuple[_Guess, ...]]]:
    """Yield numbers of groups, each with the ways to combine channels that must all be seen."""
    if "O" not in way.kernel:
        yield "channels", (_Guess(2, 2, 1, 1), _Guess(3, 3, 1, 1))
        return
    yield 1, _DENSE
    for guesses in _DEPTHWISE:
        yield "channels", guesses
    for groups in (2, 3, 4):
        yield groups, (_Guess(2 * groups, groups, 2, 2 * groups),)
        yield groups, (_Guess(2 * groups, groups, 2 * groups, 2),)


def channels_of(
    box: BlackBox, model: Model, shapes: tuple[Shape, Shape], rng: np.random.Generator
) -> tuple[Layout | None, Field | None]:
    """Return the layout of a function that wants more than spatial axes, and how many groups its channels form.

    Both are seen in results of several channels, each a sum of what the model says of one. A function that takes
    a single channel only leaves them open; its layout then has a 1 for each of those axes.
    """
    way = box.presentation
    if way.signal == "*":
        return None, None
    for signal, kernel in product(*(_ORDERS.get(letters, (letters,)) for letters in (way.signal, way.kernel))):
        for groups, guesses in _guesses(way):
            if all(_seen(box, model, shapes, rng, (signal, kernel), guess) for guess in guesses):
                reason = "every channel by itself, however many there are" if groups == "channels" else ""
                return layout_of(signal, kernel, len(shapes[0])), Field(value=groups, reason=reason)
    reason = "its further axes had length 1: with longer ones it refuses, or does nothing that was understood"
    signal, kernel = (re.sub("[A-Z]", "1", letters) for letters in (way.signal, way.kernel))
    return layout_of(signal, kernel, len(shapes[0])), Field(value=1, state="open", reason=reason)


def layout_of(signal: str, kernel: str, ndim: int) -> Layout:
    """Return the layout with these letters, ``*`` for the spatial axes."""
    spatial = SPATIAL[ndim]
    return Layout(signal=signal.replace("*", spatial), kernel=kernel.replace("*", spatial),
                  result=signal.replace("*", spatial))  # fmt: skip


def _seen(
    box: BlackBox,
    model: Model,
    shapes: tuple[Shape, Shape],
    rng: np.random.Generator,
    letters: tuple[str, str],
    guess: _Guess,
) -> bool:
    """Tell whether a function combines channels in this way."""
    x = rng.integers(1, 9, (guess.channels, *shapes[0])).astype(float)
    w = rng.integers(1, 4, (guess.outputs, guess.inputs, *shapes[1])).astype(float)
    given = (_arranged(x[None], "NC", letters[0]), _arranged(w, "OI", letters[1]))
    try:
        found = box.answer([array.astype(kind) for array, kind in zip(given, (box.signal_type, box.kernel_type))])
    except RefusalError:
        return False
    places = letters[0].replace("*", SPATIAL[len(shapes[0])])
    if found.ndim != len(places):
        return False
    found = found.transpose([places.index(letter) for letter in "NC" + SPATIAL[len(shapes[0])] if letter in places])
    found = found[0] if "N" in places else found
    expected: dict[int, NDArray[Any]] = {}
    for result, channel, o, i in guess.sources():
        expected[result] = expected.get(result, 0) + model.sums(x[channel], w[o, i]) - model.bias
    if found.shape != (len(expected), *expected[0].shape):
        return False
    sums = np.stack([expected[n] for n in range(len(expected))])
    # of small integers: whatever is wrong is wrong by more
    return bool((np.abs(found - model.bias - sums) <= 1e-4 * max(1.0, float(np.abs(sums).max(initial=0)))).all())


def _arranged(array: NDArray[Any], named: str, letters: str) -> NDArray[Any]:
    """Return an array whose first two axes are these, with its axes in the order of the letters."""
    ndim = array.ndim - 2
    kept = [letter for letter in named if letter in letters]
    array = array[tuple(slice(None) if letter in letters else 0 for letter in named)]
    if "N" in letters and "N" not in named:  # one kernel for the whole batch
        array, kept = array[None], ["N"]
    places = {letter: number for number, letter in enumerate(kept)}
    order: list[int] = []
    for letter in letters:
        order += [len(kept) + axis for axis in range(ndim)] if letter == "*" else [places[letter]]
    return np.ascontiguousarray(array.transpose(order))
