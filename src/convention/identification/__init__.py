"""Which definition does that function compute? Measured on the function itself."""

from convention.identification.measurement import identify
from convention.identification.result import Field, Identification

__all__ = ["Field", "Identification", "identify"]
