"""Which convolution do you mean? Compute, measure, translate and explain exactly the one you name.

PYTEST_DONT_REWRITE
"""

# The last line of that is for programs that import this package and then run pytest, which would warn them that it
# comes too late to rewrite the assertions of a plugin's package.

from importlib import import_module
from typing import TYPE_CHECKING, Any

from convention.errors import ConventionError

if TYPE_CHECKING:
    from convention.catalogue import lookup, operators
    from convention.comparison import check, compare
    from convention.definition import CONVOLUTION, CROSS_CORRELATION, Convention
    from convention.emulation import like
    from convention.engine import apply, convolve, correlate, plan
    from convention.identification import identify
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
    "identify",
    "like",
    "linear_operator",
    "lookup",
    "operators",
    "plan",
]
__version__ = "0.1.0"

# Loaded when first used. Every pytest run imports this file where the package is installed, for its plugin:
# that takes 6 ms as it is, and would take over 100 with NumPy.
_LATER = {
    "CONVOLUTION": "convention.definition",
    "CROSS_CORRELATION": "convention.definition",
    "Convention": "convention.definition",
    "apply": "convention.engine",
    "check": "convention.comparison",
    "compare": "convention.comparison",
    "convolve": "convention.engine",
    "correlate": "convention.engine",
    "identify": "convention.identification",
    "like": "convention.emulation",
    "linear_operator": "convention.linear",
    "lookup": "convention.catalogue",
    "operators": "convention.catalogue",
    "plan": "convention.engine",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'convention' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
