"""Arrays, images and kernel text in and out: what the command line reads and writes.

A source is read by these rules, in this order; nothing is guessed.

``-``
    Standard input: the bytes of a ``.npy`` file, JSON, CSV or text, recognised by its content.
a name that ends in ``.npy``, ``.csv`` or ``.json``
    That file. CSV has commas and no header; a CSV of one row is an array of one axis.
``[[1, 2], [3, 4]]``
    JSON: nested lists, also of three and more axes.
``1..9``
    The integers from 1 to 9, both included (``9..1`` counts down). A count that is a perfect square
    of 4 or more is that square matrix, row by row; any other count is one axis. ``1..6@2x3`` gives
    the shape, and ``1..9@9`` keeps one axis.
``1 2; 3 4``
    Rows end with ``;`` or a new line; spaces or a comma stand between numbers. ``1 2 3`` has one axis,
    ``1 2 3;`` is a matrix of one row.
a name that ends in ``.png``, ``.jpg``, ``.jpeg``, ``.tif`` or ``.tiff`` (`read_signal` only)
    The image's samples, in their own data type; `convention.files.images` has the rules.
the name of a kernel (`read_kernel` only)
    Its taps; `convention.kernels` has the rules.

Integers are int64 (uint64 where one needs it and none is negative), decimals float64, complex numbers
(``1+2j``, in JSON as text) complex128. Only ``.npy`` keeps other data types.
"""

from convention.files.depth import VIEWS, in_depth
from convention.files.folders import image_files, image_targets, is_folder
from convention.files.images import (
    IMAGE_SUFFIXES,
    MOST_PIXELS,
    Image,
    names_an_image,
    read_image,
    writable_image,
    write_image,
)
from convention.files.kernel_sources import read_kernel
from convention.files.numerals import parse_number
from convention.files.reading import read_array
from convention.files.signals import read_signal
from convention.files.text import format_array, to_nested_lists
from convention.files.writing import writable_target, write_array

__all__ = [
    "IMAGE_SUFFIXES",
    "MOST_PIXELS",
    "VIEWS",
    "Image",
    "format_array",
    "image_files",
    "image_targets",
    "in_depth",
    "is_folder",
    "names_an_image",
    "parse_number",
    "read_array",
    "read_image",
    "read_kernel",
    "read_signal",
    "to_nested_lists",
    "writable_image",
    "writable_target",
    "write_array",
    "write_image",
]
