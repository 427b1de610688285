"""One image, one kernel, every installed operator: along which axes it reverses the kernel.

An operator's name and documentation are not asked. Its result inside the image, where borders play
no part, is held against `convention.reference.compute` under each of the four possible readings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from convention.definition import Convention
from convention.experiment.evidence import Check, Matrix, matrix_of, plain
from convention.experiment.runs import NINE_TAPS
from convention.reference import compute

__all__ = ["AXES", "DELTA", "OPERATORS", "SECOND", "Axes", "Measured", "Operator", "checks_of", "measure"]

Axes: TypeAlias = tuple[int, ...]
Array: TypeAlias = NDArray[np.float64]

AXES: tuple[Axes, ...] = ((), (0,), (1,), (0, 1))
"""Along which axes a two-dimensional kernel can be reversed."""

DELTA: Matrix = tuple(tuple(int((row, column) == (2, 2)) for column in range(5)) for row in range(5))
"""The image that is shown: a single 1 at [2, 2]."""

# Samples 0..5 only: with taps 1..9 no sum passes 225, so that Pillow's 8 bits hold every result.
SECOND: Matrix = ((3, 0, 5, 1, 2), (4, 1, 0, 5, 3), (2, 5, 3, 0, 1), (0, 4, 1, 2, 5), (5, 2, 4, 3, 0))
"""The image that must confirm it."""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A library's function and its one-line call; the import happens inside the call."""

    name: str
    library: str
    """The module to import."""
    install: str
    call: Callable[[Any, Array, Array], Any]
    """(library's module, image, kernel) -> an array of the image's shape."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one operator computed, and what follows from it."""

    name: str
    library: str
    version: str | None
    """None where the library could not be imported."""
    install: str
    delta: Matrix | None = None
    """Its result around the single 1 of `DELTA`: rows and columns 1 to 3."""
    second: Matrix | None = None
    """The same for `SECOND`."""
    fits: tuple[Axes, ...] = ()
    """Every reading that gives both results."""

    @property
    def reversed_axes(self) -> Axes | None:
        """The axes along which it reversed the kernel; None unless exactly one reading fits."""
        return self.fits[0] if len(self.fits) == 1 else None

    @property
    def definition(self) -> str:
        """Return the word for what it computes."""
        if self.version is None:
            return "not installed"
        axes = self.reversed_axes
        return "undetermined" if axes is None else Convention(reversed_axes=axes).resolve(2).definition

    def to_dict(self) -> dict[str, Any]:
        """Return the measurement as data that JSON can hold."""
        axes = self.reversed_axes
        return {
            "name": self.name,
            "library": self.library,
            "installed": self.version is not None,
            "version": self.version,
            "install": self.install,
            "delta": plain(self.delta),
            "second": plain(self.second),
            "reversed_axes": None if axes is None else list(axes),
            "definition": self.definition,
        }


def measure(operator: Operator) -> Measured:
    """Run an operator on both images and return every reading that fits.

    Parameters
    ----------
    operator : Operator
        One of `OPERATORS`, or any other.

    Returns
    -------
    Measured
        ``version`` is None where its library cannot be imported.
    """
    try:
        library = import_module(operator.library)
    except ImportError:
        return Measured(name=operator.name, library=operator.library, version=None, install=operator.install)
    kernel = np.array(NINE_TAPS, dtype=np.float64)
    results = [np.asarray(operator.call(library, np.array(image, np.float64), kernel)) for image in (DELTA, SECOND)]
    insides = [result[1:-1, 1:-1] if result.shape == (5, 5) else None for result in results]
    delta, second = (None if inside is None else matrix_of(inside) for inside in insides)
    fits = tuple(axes for axes in AXES if (delta, second) == _readings(axes))
    return Measured(
        name=operator.name,
        library=operator.library,
        version=_version_of(operator.library),
        install=operator.install,
        delta=delta,
        second=second,
        fits=fits,
    )


def checks_of(measured: Iterable[Measured]) -> tuple[Check, ...]:
    """Return the checks: the images can tell all readings apart, and each operator fits exactly one."""
    apart = [len({_readings(axes)[image] for axes in AXES}) for image in (0, 1)]
    installed = [operator for operator in measured if operator.version is not None]
    return (
        Check("two images each tell the four ways to reverse the kernel apart", "equals", [4, 4], apart),
        Check(
            "each operator fits exactly one of them, on both images",
            "equals",
            {one.name: 1 for one in installed},
            {one.name: len(one.fits) for one in installed},
        ),
        *(
            Check(f"{one.name} reverses the kernel along no axis", "equals", (), one.reversed_axes)
            for one in installed
            if one.library == "torch"
        ),
    )


def _readings(axes: Axes) -> tuple[Matrix, Matrix]:
    convention = Convention(reversed_axes=axes or "none", size="valid")
    return matrix_of(compute(convention, DELTA, NINE_TAPS)), matrix_of(compute(convention, SECOND, NINE_TAPS))


def _version_of(library: str) -> str:
    return str(import_module(library.partition(".")[0]).__version__)


def _torch(torch: Any, image: Array, kernel: Array) -> Any:
    layer = torch.nn.Conv2d(1, 1, 3, padding=1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(kernel)[None, None])
        return layer(torch.from_numpy(image)[None, None])[0, 0].numpy()


def _pillow(image_filter: Any, image: Array, kernel: Array) -> Any:
    from PIL import Image

    taps = [int(tap) for tap in kernel.ravel()]
    return Image.fromarray(image.astype(np.uint8)).filter(image_filter.Kernel((3, 3), taps, scale=1))


OPERATORS: tuple[Operator, ...] = (
    Operator(name="torch.nn.Conv2d", library="torch", install="pip install torch", call=_torch),
    Operator(
        name="scipy.signal.convolve2d",
        library="scipy.signal",
        install="pip install scipy",
        call=lambda signal, image, kernel: signal.convolve2d(image, kernel, mode="same"),
    ),
    Operator(
        name="scipy.ndimage.convolve",
        library="scipy.ndimage",
        install="pip install scipy",
        call=lambda ndimage, image, kernel: ndimage.convolve(image, kernel),
    ),
    Operator(
        name="cv2.filter2D",
        library="cv2",
        install="pip install opencv-python-headless",
        call=lambda cv2, image, kernel: cv2.filter2D(image, -1, kernel),
    ),
    Operator(name="PIL.ImageFilter.Kernel", library="PIL.ImageFilter", install="pip install pillow", call=_pillow),
)
"""The operators of the table: what people reach for when they want to convolve an image."""
