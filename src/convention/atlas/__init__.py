"""The atlas: the measured table of what convolution operators compute, read, measured anew, shown and compared."""

from convention.atlas.measuring import failures, measure
from convention.atlas.rows import Atlas, Row, load, read, write
from convention.atlas.selection import Change, compare_atlases, select

__all__ = ["Atlas", "Change", "Row", "compare_atlases", "failures", "load", "measure", "read", "select", "write"]
