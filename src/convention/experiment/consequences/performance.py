"""All six costs, made now."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from convention import __version__
from convention.experiment.consequences.anchor import anchor
from convention.experiment.consequences.associativity import associativity
from convention.experiment.consequences.cost import Cost
from convention.experiment.consequences.data import Photograph, library, photograph
from convention.experiment.consequences.deconvolution import deconvolution
from convention.experiment.consequences.derivative import derivative
from convention.experiment.consequences.motion import motion
from convention.experiment.consequences.weights import weights

__all__ = ["LIBRARIES", "NAMES", "Consequences", "libraries", "perform"]

LIBRARIES = ("numpy", "scipy", "cv2", "torch", "skimage", "sklearn", "PIL")
"""What must be installed, all of it in the extra ``demo``."""

COSTS = ("derivative", "motion", "deconvolution", "weights", "anchor", "associativity")
NAMES = tuple(f"{number}-{name}.png" for number, name in enumerate(COSTS, 1))
"""The file names of the pictures."""


@dataclass(frozen=True, kw_only=True)
class Consequences:
    """Everything that misuse cost in this run."""

    photo: str
    costs: tuple[Cost, ...]
    versions: dict[str, str]

    @property
    def all_true(self) -> bool:
        """Whether there are costs and every check of every one holds."""
        return bool(self.costs) and all(cost.all_true for cost in self.costs)

    @property
    def checks(self) -> int:
        """How many checks there are."""
        return sum(len(cost.checks) for cost in self.costs)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the pictures as data that JSON can hold."""
        return {
            "all_true": self.all_true,
            "photo": self.photo,
            "versions": self.versions,
            "costs": [cost.to_dict() for cost in self.costs],
        }


def libraries() -> dict[str, Any]:
    """Return the modules that are needed, by name.

    Raises
    ------
    MissingLibraryError
        If one is not installed.
    """
    return {name: library(name) for name in LIBRARIES}


def perform(photo: Photograph | None = None, *, tell: Callable[[str], None] = lambda _: None) -> Consequences:
    """Make all six mistakes and measure them; takes seconds.

    Parameters
    ----------
    photo : Photograph, optional
        As `photograph` reads it from a file; by default the one that scikit-image packages.
    tell : callable, optional
        Called with what is done next, for a progress display.

    Raises
    ------
    MissingLibraryError
        If a library of the extra ``demo`` is not installed; before any work.
    """
    modules = libraries()
    image = photograph() if photo is None else photo
    makers: dict[str, Callable[[], Cost]] = {
        "derivative filters": lambda: derivative(image),
        "blur with a direction": lambda: motion(image),
        "deconvolution": lambda: deconvolution(image),
        "ported weights (training a small network)": weights,
        "even kernels": lambda: anchor(image),
        "combined filters": lambda: associativity(image),
    }
    costs = []
    for what, make in makers.items():
        tell(what)
        costs.append(make())
    versions = {name: str(module.__version__) for name, module in modules.items()}
    return Consequences(
        photo=image.name,
        costs=tuple(costs),
        versions={"convention": __version__, "python": platform.python_version(), **versions},
    )
