"""What a job is to the compiled loops: a record of counts, steps and addresses.

Positions count from the first one that the first window reaches. Steps are bytes unless a name says elements.
"""

from __future__ import annotations

import numpy as np

__all__ = ["BOX", "BOX_ONES", "DENSE", "GEOMETRY", "LISTED", "NOWHERE", "SEPARABLE"]

DENSE, LISTED, SEPARABLE, BOX = range(4)
"""Ways to sum a block: tiles of rows over all taps, rows over a list of taps, one axis after the other, and the same
where all taps are equal with sums of sums."""

BOX_ONES = 64
"""More parts than a window is made of."""

NOWHERE = -(2**62)
"""In place of an offset: no sample there, a constant stands instead."""

GEOMETRY = np.dtype(
    [
        (name, np.int64)
        for name in (
            "way",
            "planes",  # kernel planes: the taps of all axes but the last two
            "out_planes",
            "rows",  # outputs along the last axis but one
            "row_stride",
            "row_dilation",
            "kernel_rows",
            "columns",  # outputs along the last axis, times lanes
            "lanes",  # numbers that lie side by side at each position of the last axis: signals, or complex parts
            "turned",  # the first plane of samples that are gathered times i
            "column_stride",
            "kernel_columns",
            "column_extent",  # positions from the first to the last tap of a row
            "sample_step",  # elements from one position of a row to the next; not negative
            "inside",  # the first position along the last axis that is a sample in its own place
            "outside",  # the first position after these
            "first_sample",  # elements from a row's start to the sample at position `inside`
            "block_rows",
            "block_columns",
            "row_step",  # from one gathered row to the next
            "plane_step",
            "phase_step",
            "lines",  # from a block's scratch area to its table of lines: the address of each row of samples
            "plane_lines",  # from one plane's first line to the next's
            "addresses",  # from the scratch area to a table of where an output row meets each tap
            "ring",  # from the scratch area to tables of the planes that are kept there for the next output plane; or 0
            "across",  # from the scratch area to sums along the columns, where kernels are outer products
            "sums_step",  # from one row of sums to the next, where they are not stored at once
            "out_row_step",
            "out_step",  # elements from one output of a row to the next
            "stored",  # whether sums are results: contiguous and of their data type
            "around",  # whether results of single rows are so many that they are stored around the caches
            "zeros",  # whether zeros stand beyond the border of the columns
            "in_place",  # whether tiles can read the signal where it lies
            "check",  # whether zero taps are left out, which is right for finite samples only
            "sure",  # whether all sums are numbers, and nobody asks whether some were out of range
            "low",  # the range that results keep to where they are integers
            "high",
            # addresses of int64 offsets, by index
            "signals",  # of each signal of the batch
            "kernels",  # which kernel it meets
            "results",
            "plane_of",  # (out_planes, planes): where the plane begins that an output plane meets with a kernel plane
            "out_plane",
            "row_of",  # by position along the last axis but one
            "left",  # elements from a row's start to the sample at each position before `inside`
            "right",  # the same from `outside` on
            # addresses of float64: what stands where no sample does, in even lanes and in odd ones
            "plane_fill",  # (out_planes, planes, 2)
            "row_fill",  # (planes, 2)
            "column_fill",
            # addresses of taps in the sums' data type; of the lines that they meet, as offsets in the table of lines,
            # and of their offsets in these (int64)
            "taps",  # (kernels, planes, kernel_rows, kernel_columns), in the order in which samples are met
            "places",
            "offsets",
            "listed",  # (kernels, taps), in chains: the taps that are not zero, then the others
            "listed_places",  # of the first tap of each chain
            "listed_offsets",
            "chains_begin",  # (kernels,): where a kernel's chains begin
            "chains",  # (kernels, CHAIN): how many chains of CHAIN taps, of one less, ... without zeros
            "zeros_last",  # (kernels,): how many taps are zero
            # (kernels, planes + kernel_rows + kernel_columns), where each kernel is an outer product;
            # (kernels, planes + BOX_ONES), where its taps are equal: the tap, and ones
            "factors",
            "factor_offsets",  # of the columns, those of the first tap of each chain
            "across_chains",  # (CHAIN,)
            "box_levels",  # sums over 4, 16, ... samples of a row
            "box_parts",  # how many of these sums a window is made of
            "box_offsets",
        )
    ]
)
"""What a job is to the compiled loops: counts, steps and addresses, all of them int64."""
