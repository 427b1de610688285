"""The other libraries, each in its best form: one file per library.

Each file has `contenders(problem)`, which yields every form worth a try; the contest keeps those whose result is
right and compares with the fastest. What does not depend on the signal (kernels reversed, factors, spectra, buffers)
is prepared beforehand; padding and casts that a form needs are part of its call.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

from benchmarks.contest import Contender
from benchmarks.problems import Problem

__all__ = ["LIBRARIES", "THREADS", "peers_of"]

THREADS = 2
"""For every library that can be told."""

LIBRARIES = {
    "opencv": "cv2",
    "numpy": "numpy",
    "scipy_signal": "scipy",
    "scipy_ndimage": "scipy",
    "torch": "torch",
    "jax": "jax",
    "simpleitk": "SimpleITK",
    "pyvips": "pyvips",
    "skimage": "skimage",
}
"""The files of this folder, and the package that each needs."""


def peers_of(problem: Problem) -> Iterator[Contender]:
    """Yield every peer's forms for a problem; libraries that are not installed yield nothing."""
    for name, package in LIBRARIES.items():
        if find_spec(package) is not None:
            yield from import_module(f"benchmarks.peers.{name}").contenders(problem)
