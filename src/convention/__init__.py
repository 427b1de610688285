"""Which convolution do you mean? Compute, measure, translate and explain exactly the one you name."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from convention.definition import CONVOLUTION, CROSS_CORRELATION, Convention
from convention.engine import apply, convolve, correlate, plan
from convention.errors import ConventionError

if TYPE_CHECKING:
    from convention.comparison import check, compare
    from convention.linear import linear_operator

__all__ = [
    "CONVOLUTION",
    "CROSS_CORRELATION",
    "Convention",
    "ConventionError",
    "apply",
    "check",
    "compare",
    "convolve",
    "correlate",
    "linear_operator",
    "plan",
]
__version__ = "0.1.0"

# Loaded when first used: half of the import's time, which every program that only computes would pay.
_LATER = {"check": "convention.comparison", "compare": "convention.comparison", "linear_operator": "convention.linear"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'convention' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
