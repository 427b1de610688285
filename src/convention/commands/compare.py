"""`convention compare`: what the other definition would do to your data, in a sentence and a picture."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from convention.commands import MINUS_SIGNS, not_an_option

if TYPE_CHECKING:
    from convention.comparison import Comparison

__all__ = ["compare"]

_WIDTH = 80
_COLOURS = ("red", "green", "blue")


def _words(context: click.Context, parameter: click.Parameter, text: str) -> Any:
    words = tuple(word.strip() for word in text.split(","))
    return words[0] if len(words) == 1 else words


def _integers(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    if text is None:
        return None
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not integers separated by commas, such as 0,1.") from None


def _number(context: click.Context, parameter: click.Parameter, text: str) -> Any:
    from convention.files import parse_number

    return parse_number(text)


@click.command(context_settings=MINUS_SIGNS)
@click.argument("file", callback=not_an_option)
@click.option("--kernel", required=True, metavar="NAME|FILE|TEXT", help="sobel-x, emboss, kernel.npy, '1 2; 3 4'.")
@click.option(
    "--boundary",
    default="zero",
    show_default=True,
    callback=_words,
    help="zero, constant, edge, half-sample, whole-sample, periodic; one, or one per axis with commas.",
)
@click.option("--value", default="0", callback=_number, help="What stands beyond a constant boundary.")
@click.option("--axes", callback=_integers, help="The spatial axes of an array that has more: 0,1.")
@click.option("-o", "--out", metavar="PNG", help="Write one labelled picture.")
@click.option("--force", is_flag=True, help="Replace the picture if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict and the numbers for programs.")
def compare(
    file: str, kernel: str, boundary: Any, value: Any, axes: Any, out: str | None, force: bool, as_json: bool
) -> None:
    """Say what convolution and cross-correlation make of FILE with the same kernel.

    FILE is an image (.png, .jpg, .tif), an array (.npy, .csv, .json), text ("1 2; 3 4"), a range (1..9), or - for
    standard input. Of an image, every channel is filtered alone, and alpha is left out. Outputs are as many as
    samples, size "same".

    Prints the verdict (identical, only the sign, moved, different, or undetermined), then the largest and the
    root mean square difference, then where the largest is. The picture shows the input, the kernel, both results and
    their difference; of a large image also the part where they differ most.
    """
    from convention.comparison import compare as compare_both
    from convention.files import read_kernel, read_signal
    from convention.files.targets import checked_target
    from convention.pictures import PNG_SUFFIXES, write_png
    from convention.pictures.lettering import require_pillow
    from convention.side_by_side import comparison_sheet

    if file == kernel == "-":
        raise click.UsageError("FILE and --kernel are both '-', and there is only one standard input.")
    if out is not None:
        require_pillow()
        checked_target(out, PNG_SUFFIXES, force=force)
    samples, image = read_signal(file)
    taps, named = read_kernel(kernel)
    if image is not None and axes is None and taps.ndim == 2:
        axes = (0, 1)
    result = compare_both(samples, taps, boundary=boundary, value=value, axes=axes)
    record = _record(result, file, named.name if named else kernel, boundary)
    if out is not None:
        name = Path(file).name if image is not None else ""
        size = write_png(comparison_sheet(result, samples, taps, axes=axes, name=name), out, force=force)
        record["out"] = out
        print(f"wrote {out}: {size // 1000} kB", file=sys.stderr)
    undetermined = 3 * (result.relation == "undetermined")
    if as_json:
        print(json.dumps(record))
        click.get_current_context().exit(undetermined)
    for line in _lines(result, image is not None and samples.ndim == 3):
        print(textwrap.fill(line, _WIDTH, subsequent_indent=" " * 20 if ":" not in line else "  "))
    if named is not None and named.definition != "either":
        print(f"note: the source of {named.name} assumes {named.definition}", file=sys.stderr)
    click.get_current_context().exit(undetermined)


def _record(result: Comparison, file: str, kernel: str, boundary: Any) -> dict[str, Any]:
    words = ("verdict", "relation", "moved", "near_border", "outputs", "differing", "left_out")
    record: dict[str, Any] = {"file": file, "kernel": kernel, "boundary": boundary}
    record |= {word: getattr(result, word) for word in words}
    for word in ("largest", "rms", "peak", "largest_share", "rms_share"):
        number = getattr(result, word)
        record[word] = number if np.isfinite(float(number)) else str(number)  # JSON has no inf
    return record | {"where": result.where}


def _lines(result: Comparison, colour: bool) -> list[str]:
    lines = [result.verdict]
    peak = f" of the largest result, {_shown(result.peak)}"
    lines.append(f"largest difference  {_shown(result.largest)} ({100 * result.largest_share:.3g} %{peak})")
    lines.append(f"RMS difference      {_shown(result.rms)} ({100 * result.rms_share:.3g} %)")
    if result.where is not None:
        lines.append(f"where it is largest {_place(result.where, colour)}")
    return lines


def _shown(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.6g}"


def _place(where: tuple[int, ...], colour: bool) -> str:
    """Return an index in words."""
    if colour:
        return f"[{where[0]}, {where[1]}] in {_COLOURS[where[2]]} ([row, column])"
    order = " ([row, column])" if len(where) == 2 else ""
    return f"[{', '.join(map(str, where))}]{order}"
