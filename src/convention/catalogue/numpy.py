"""NumPy: ``numpy.convolve`` and ``numpy.correlate``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from convention.arithmetic import Arithmetic
from convention.catalogue.entry import Operator, Shape, chosen, promoted
from convention.definition import Convention
from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["OPERATORS"]

_MODES = ("valid", "same", "full")
"""In the order of the numbers 0, 1, 2, which are taken too."""


def _convention(definition: str) -> Callable[..., Convention]:
    def convention(signal_shape: Shape, kernel_shape: Shape, *, mode: str) -> Convention:
        (n,), (k,) = signal_shape, kernel_shape
        size: Any = mode
        # a longer kernel becomes the signal: "valid" has K-N+1 outputs and "same" K, with ceil((N-1)/2) samples
        # before the swapped window; correlate reverses its result to make up for the swap
        if k > n and mode == "valid":
            size = ((k - n, k - n),)
        elif k > n and mode == "same":
            before = k - n + n // 2 if definition == "all" else k - 1 - n // 2
            size = ((before, 2 * k - 1 - n - before),)
        return Convention(reversed_axes=definition, size=size, conjugate=definition == "none")

    return convention


def _convolve(signal: NDArray[Any], kernel: NDArray[Any], *, mode: str) -> NDArray[Any]:
    import numpy as np

    return np.convolve(signal, kernel, mode)  # type: ignore[call-overload,no-any-return]


def _correlate(signal: NDArray[Any], kernel: NDArray[Any], *, mode: str) -> NDArray[Any]:
    import numpy as np

    return np.correlate(signal, kernel, mode)  # type: ignore[call-overload,no-any-return]


def _longer_kernel(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> bool:
    return kernel_shape[0] > signal_shape[0]


def _empty(signal_shape: Shape, kernel_shape: Shape, **options: Any) -> str:
    return "" if signal_shape[0] and kernel_shape[0] else "an empty operand"


def _result(signal: str, kernel: str, **options: Any) -> str:
    return promoted(signal, kernel)


def _bound(a: Any, v: Any, mode: Any) -> Any:
    for name, array in (("a", a), ("v", v)):
        if array.ndim != 1:
            raise ConventionValueError(
                f"{name} of {array.ndim} axes", "not one axis", "arrays of one axis", f"pass for example {name}.ravel()"
            )
        if not array.shape[0]:
            raise ConventionValueError(
                f"{name} of no samples", f"{name} cannot be empty", "at least one sample", f"leave out an empty {name}"
            )
    if isinstance(mode, int):
        if mode not in (0, 1, 2):
            raise ConventionValueError(f"mode={mode}", "no such number", "0 (valid), 1 (same), 2 (full)", "use a word")
        mode = _MODES[mode]
    elif not isinstance(mode, str):
        raise ConventionTypeError(f"mode={mode!r}", f"a {type(mode).__name__}", ", ".join(_MODES), "use a word")
    return a, v, {"mode": chosen("mode", mode, _MODES)}, {}


def _bound_convolve(a: Any, v: Any, mode: Any) -> Any:
    # convolve alone takes scalars
    a, v = (array.reshape((1,)) if array.ndim == 0 else array for array in (a, v))
    return _bound(a, v, mode)


OPERATORS = (
    Operator(
        name="numpy.convolve",
        library="numpy",
        named="convolution",
        ndims=(1,),
        options={"mode": ("full", "valid", "same")},
        convention=_convention("all"),
        call=_convolve,
        accepts=_empty,
        swaps=_longer_kernel,
        result_dtype=_result,
        signature="(a, v, mode='full')",
        arrays=("a", "v"),
        bind=_bound_convolve,
        arithmetic=Arithmetic(),
        source="https://numpy.org/doc/stable/reference/generated/numpy.convolve.html",
        remarks="The longer operand is the signal, whichever comes first: mode='same' then has max(N, K) outputs. "
        "Booleans are combined with and, or.",
    ),
    Operator(
        name="numpy.correlate",
        library="numpy",
        named="cross-correlation",
        ndims=(1,),
        options={"mode": ("valid", "full", "same")},
        convention=_convention("none"),
        call=_correlate,
        accepts=_empty,
        swaps=_longer_kernel,
        result_dtype=_result,
        signature="(a, v, mode='valid')",
        arrays=("a", "v"),
        bind=_bound,
        arithmetic=Arithmetic(),
        source="https://numpy.org/doc/stable/reference/generated/numpy.correlate.html",
        remarks="Conjugates its second argument. A longer v is exchanged with a, and the result reversed and "
        "conjugated: mode='same' then has max(N, K) outputs. "
        "Booleans are combined with and, or.",
    ),
)
