"""Named kernels: each with its taps, its source, and the definition that the source assumes.

A kernel is asked for by a function (``sobel("x")``) or by a text, ``named_kernel("sobel-x")``. The text is a name
and, each after a minus sign, its numbers in the order of `kernel_table`; numbers left out at the end have their
defaults. ``gaussian-5`` has five taps along each axis, ``gaussian-1.5s`` has sigma 1.5, ``gaussian-5-1.5`` both;
``box-3-5``, also written ``box-3x5``, has three rows and five columns; ``shift--1-2`` has -1 row and 2 columns.

The same name has other taps elsewhere, and the same taps another sign under the other word; therefore a kernel says
which definition its source applies it with. `NamedKernel.definition` is ``"either"`` where reversal changes no tap.
"""

from convention.kernels.averaging import box, delta, disk, gaussian, motion, shift
from convention.kernels.derivatives import emboss, gabor, laplacian, prewitt, scharr, sharpen, sobel
from convention.kernels.names import kernel_names, kernel_table, named_kernel
from convention.kernels.record import NamedKernel

__all__ = [
    "NamedKernel",
    "box",
    "delta",
    "disk",
    "emboss",
    "gabor",
    "gaussian",
    "kernel_names",
    "kernel_table",
    "laplacian",
    "motion",
    "named_kernel",
    "prewitt",
    "scharr",
    "sharpen",
    "shift",
    "sobel",
]
