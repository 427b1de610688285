"""Which convolution do you mean? Compute, measure, translate and explain exactly the one you name."""

from convention.comparison import check
from convention.definition import CONVOLUTION, CROSS_CORRELATION, Convention
from convention.engine import apply, convolve, correlate, plan
from convention.errors import ConventionError
from convention.linear import linear_operator

__all__ = [
    "CONVOLUTION",
    "CROSS_CORRELATION",
    "Convention",
    "ConventionError",
    "apply",
    "check",
    "convolve",
    "correlate",
    "linear_operator",
    "plan",
]
__version__ = "0.1.0"
