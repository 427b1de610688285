"""`convention compute`: exactly the definition you name, on arrays from text and files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from convention.commands import MINUS_SIGNS, not_an_option

__all__ = ["compute"]


def _per_axis(one: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """Return a click callback: one entry for all axes, or a tuple of entries that commas separate."""

    def split(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
        if text is None:
            return None
        entries = tuple(one(entry.strip()) for entry in text.split(","))
        # A (before, after) pair is never for all axes.
        return entries[0] if len(entries) == 1 and not isinstance(entries[0], tuple) else entries

    return split


def _integer(entry: str) -> int | str:
    """Return an integer, or the text as it is, which the field of the convention refuses."""
    try:
        return int(entry)
    except ValueError:
        return entry


def _size(entry: str) -> str | tuple[int, int]:
    before, _, after = entry.partition(":")
    try:
        return int(before), int(after)
    except ValueError:
        return entry


def _value(entry: str) -> int | float | complex:
    from convention.files import parse_number

    return parse_number(entry)


@click.command(context_settings=MINUS_SIGNS)
@click.argument("signal", callback=not_an_option)
@click.option("--kernel", required=True, help="The kernel, given as SIGNAL is.")
@click.option(
    "--definition",
    metavar="WORD",
    default="convolution",
    show_default=True,
    help="convolution (kernel reversed along every axis) or cross-correlation.",
)
@click.option("--size", callback=_per_axis(_size), help="full, valid, same, same-lower, same-upper, causal; or 1:2.")
@click.option("--boundary", callback=_per_axis(str), help="zero, constant, edge, half-sample, whole-sample, periodic.")
@click.option("--value", callback=_per_axis(_value), help="What stands beyond a constant boundary.")
@click.option("--stride", callback=_per_axis(_integer), help="Distance of outputs.")
@click.option("--dilation", callback=_per_axis(_integer), help="Distance of taps.")
@click.option("--upsample", callback=_per_axis(_integer), help="Distance of samples, with zeros between them.")
@click.option("--conjugate", is_flag=True, default=None, help="Conjugate the kernel.")
@click.option("--axes", callback=_per_axis(_integer), help="The spatial axes, where the signal has more: 0,1.")
@click.option("--dtype", help="The result's data type: values are cast at the end.")
@click.option("--overflow", metavar="WORD", default="raise", show_default=True, help="raise, saturate or wrap.")
@click.option("--method", metavar="WORD", default="auto", show_default=True, help="auto, direct or fourier.")
@click.option("-o", "--output", help="Write a .npy, .csv or .json file.")
@click.option("--force", is_flag=True, help="Replace the output file if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the convention and the result for programs.")
def compute(
    signal: str,
    kernel: str,
    definition: str,
    axes: Any,
    dtype: str | None,
    overflow: str,
    method: str,
    output: str | None,
    force: bool,
    as_json: bool,
    **fields: Any,
) -> None:
    """Convolve SIGNAL with a kernel, or cross-correlate it: exactly as the options say.

    SIGNAL is text ("1 2; 3 4"), a range (1..9), JSON ("[[1, 2], [3, 4]]"), a file (.npy, .csv, .json), or - for
    standard input. A range whose count is a square is that square matrix: 1..9 is 3x3; 1..9@9 is not.
    It may begin with a minus sign: "-1 0 1"; to be sure that it is not taken for an option, write it last, after --.

    Fields of the convention are given once, or once per axis with commas: --boundary zero,edge; --stride 2,1;
    --size same,valid. A size 1:2,0:0 reaches 1 sample before and 2 after along the first axis.

    The result goes to standard output (or to the file after -o), the convention in words to standard error.
    """
    from convention.definition import as_convention
    from convention.engine import apply
    from convention.files import format_array, read_array, to_nested_lists, writable_target, write_array

    if signal == kernel == "-":
        raise click.UsageError("SIGNAL and --kernel are both '-', and there is only one standard input.")
    convention = replace(
        as_convention(definition), **{name: field for name, field in fields.items() if field is not None}
    )
    if output is not None:
        writable_target(output, force=force)
    result = apply(
        convention,
        read_array(signal),
        read_array(kernel),
        axes=axes,
        method=method,
        dtype=dtype,
        overflow=overflow,
    )
    print(convention, file=sys.stderr)
    record = {"convention": convention.to_dict(), "dtype": str(result.dtype), "shape": result.shape}
    if output is not None:
        write_array(result, output, force=force)
        shape = "x".join(map(str, result.shape))
        print(f"wrote {output}: {result.dtype}, shape {shape}", file=sys.stderr)
    if as_json:
        print(json.dumps(record | ({"result": to_nested_lists(result)} if output is None else {"output": output})))
    elif output is None:
        print(format_array(result))
