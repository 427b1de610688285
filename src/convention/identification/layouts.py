"""Which further axes a function's arguments have: tried with one channel, told with several."""

from __future__ import annotations

import numpy as np

from convention.arithmetic import Layout
from convention.identification.model import Shape
from convention.identification.subject import PLAIN, BlackBox, Presentation

__all__ = ["SPATIAL", "layout_of"]

SPATIAL = {1: "W", 2: "HW", 3: "DHW"}
"""The letters of the spatial axes."""


def layout_of(box: BlackBox, signal_shape: Shape, kernel_shape: Shape) -> Layout | None:
    """Return the layout of a function that wants more than spatial axes; None for one that does not.

    Whether a kernel has its output or its input channels first is told by two input and three output channels:
    one order is refused.
    """
    way = box.presentation
    if way == PLAIN or way.signal == "*":
        return None
    spatial = SPATIAL[len(signal_shape)]
    order = next((order for order in ("OI", "IO") if _takes(box, way, order, signal_shape, kernel_shape)), "OI")
    signal = way.signal.replace("*", spatial)
    kernel = way.kernel.replace("OI", order).replace("IO", order).replace("*", spatial)
    return Layout(signal=signal, kernel=kernel, result=signal)


def _takes(box: BlackBox, way: Presentation, order: str, signal_shape: Shape, kernel_shape: Shape) -> bool:
    """Tell whether kernels with these channels first give three output channels."""
    counts = {"N": 1, "C": 2, "I": 2, "O": 3}

    def shaped(letters: str, spatial: Shape) -> Shape:
        return tuple(n for letter in letters for n in (spatial if letter == "*" else (counts[letter],)))

    kernel = way.kernel.replace("OI", order).replace("IO", order)
    arrays = np.ones(shaped(way.signal, signal_shape)), np.ones(shaped(kernel, kernel_shape))
    plain = Presentation(tensors=way.tensors)
    try:
        kinds = (box.signal_type, box.kernel_type)
        given = (plain.given(array.astype(kind), "*") for array, kind in zip(arrays, kinds))
        found = np.asarray(box.subject.ask(*given))
    except (Exception, SystemExit):  # whatever it raises, it does not take them
        return False
    place = way.signal.index("C")
    return bool(found.shape[place if place < way.signal.index("*") else -1] == 3)
