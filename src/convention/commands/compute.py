"""`convention compute`: exactly the definition you name, on arrays from text and files, and on images."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from convention.commands import MINUS_SIGNS, not_an_option

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from convention.definition import Convention
    from convention.errors import ConventionError
    from convention.kernels import NamedKernel

__all__ = ["compute"]

_NUMBERS = (".npy", ".csv", ".json")
_KERNEL_HELP = "a name such as sobel-x or gaussian-5 (an unknown name lists them all), a file, or numbers."
_MOST_PIXELS = 178_956_970  # convention.files.MOST_PIXELS, which --help shall not import


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


def _not_options(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(not_an_option(context, parameter, value) for value in values)


@click.command(context_settings=MINUS_SIGNS)
@click.argument("signals", metavar="SIGNAL...", nargs=-1, required=True, callback=_not_options)
@click.option("--kernel", required=True, help=_KERNEL_HELP)
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
@click.option("--view", metavar="WORD", default="saturate", show_default=True, help="saturate, offset or absolute.")
@click.option("--most-pixels", default=_MOST_PIXELS, show_default=True, help="Refuse images of more.")
@click.option("-o", "--output", help="Write a .npy, .csv or .json file, an image, or a folder of images.")
@click.option("--force", is_flag=True, help="Replace output files that are there.")
@click.option("--json", "as_json", is_flag=True, help="Print the convention and the result for programs.")
@click.pass_context
def compute(
    context: click.Context,
    /,
    signals: tuple[str, ...],
    kernel: str,
    definition: str,
    axes: Any,
    dtype: str | None,
    overflow: str,
    method: str,
    view: str,
    most_pixels: int,
    output: str | None,
    force: bool,
    as_json: bool,
    **fields: Any,
) -> None:
    """Convolve SIGNAL with a kernel, or cross-correlate it: exactly as the options say.

    SIGNAL is text ("1 2; 3 4"), a range (1..9), JSON ("[[1, 2], [3, 4]]"), a file (.npy, .csv, .json), or - for
    standard input. A range whose count is a square is that square matrix: 1..9 is 3x3; 1..9@9 is not.
    It may begin with a minus sign: "-1 0 1"; to be sure that it is not taken for an option, write it last, after --.

    Or SIGNAL is an image (.png, .jpg, .jpeg, .tif, .tiff), a folder of images, or several of both. Each
    channel is filtered alone and alpha is kept. The result after -o has the image's own depth: it is rounded half
    to even, and what does not fit is saturated and counted (--view offset adds half the range, so that mid-grey is
    zero; --view absolute drops the sign). -o result.npy has the exact numbers of one image. Of several images the
    results go to the folder after -o, under the same names; one that cannot be read is reported at the end,
    with exit code 2, and the others are written all the same.

    Fields of the convention are given once, or once per axis with commas: --boundary zero,edge; --stride 2,1;
    --size same,valid. A size 1:2,0:0 reaches 1 sample before and 2 after along the first axis.

    The result goes to standard output (or to the file after -o), the convention in words to standard error.
    """
    from convention.definition import as_convention
    from convention.files import read_signal

    if kernel == "-" and "-" in signals:
        raise click.UsageError("SIGNAL and --kernel are both '-', and there is only one standard input.")
    convention = replace(
        as_convention(definition), **{name: field for name, field in fields.items() if field is not None}
    )
    options: dict[str, Any] = {"method": method, "force": force, "as_json": as_json}
    if len(signals) == 1 and not _names_images(signals[0]):
        samples, _ = read_signal(signals[0])  # what is no signal is refused before the options that it has or not
        _refuse_given(context, "for images, SIGNAL is an array", "view", "most_pixels")
        options |= {"axes": axes, "dtype": dtype, "overflow": overflow}
        _compute_array(convention, samples, signals[0], kernel, output, **options)
        return
    _refuse_given(context, "for arrays: the axes of an image are its rows and columns", "axes")
    if len(signals) == 1 and output is not None and Path(output).suffix.lower() in _NUMBERS:
        _refuse_given(context, "for images: numbers are written as they are", "view")
        options |= {"most_pixels": most_pixels, "dtype": dtype, "overflow": overflow}
        _compute_numbers(convention, signals[0], kernel, output, **options)
        return
    _refuse_given(context, "for arrays and for -o result.npy", "dtype", "overflow")
    _compute_images(convention, signals, kernel, output, view=view, most_pixels=most_pixels, **options)


def _names_images(source: str) -> bool:
    """Tell whether a source is an image's name or a folder, and not numbers, though a folder may have their name."""
    from convention.errors import ConventionError
    from convention.files import is_folder, names_an_image, read_array

    if not is_folder(source):
        return names_an_image(source)
    try:
        read_array(source)
    except ConventionError:
        return True
    return False


def _refuse_given(context: click.Context, why: str, *names: str) -> None:
    """Refuse options that would be ignored."""
    for name in names:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name.replace('_', '-')} is {why}.")


def _say(convention: Convention, named: NamedKernel | None) -> None:
    """Print what was computed, and whether the kernel's source assumes the other definition."""
    print(convention, file=sys.stderr)
    if named is not None and named.definition not in ("either", convention.definition):
        print(f"note: the source of {named.name} assumes {named.definition}", file=sys.stderr)


def _compute_array(
    convention: Convention,
    samples: NDArray[Any],
    signal: str,
    kernel: str,
    output: str | None,
    *,
    axes: Any,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    from convention.engine import apply
    from convention.errors import ConventionValueError
    from convention.files import read_kernel, writable_target
    from convention.files.text import squared_range

    if output is not None:
        writable_target(output, force=force)
    taps, named = read_kernel(kernel)
    try:
        result = apply(convention, samples, taps, axes=axes, **options)
    except ConventionValueError as refusal:
        squared = squared_range({1: kernel, 2: signal}[samples.ndim]) if {samples.ndim, taps.ndim} == {1, 2} else ""
        if axes is None and squared:
            raise ConventionValueError(
                refusal.asked, refusal.found, refusal.allowed, f"{refusal.fix}\n{squared}"
            ) from None
        raise
    _say(convention, named)
    _deliver(convention, result, output, force, as_json)


def _compute_numbers(
    convention: Convention,
    source: str,
    kernel: str,
    output: str,
    *,
    most_pixels: int,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    from convention.files import read_image, read_kernel, writable_target
    from convention.filtering import filter_channels

    writable_target(output, force=force)
    image = read_image(source, most_pixels=most_pixels)
    taps, named = read_kernel(kernel)
    result = filter_channels(convention, image, taps, **options)
    _say(convention, named)
    _deliver(convention, result, output, force, as_json)


def _deliver(convention: Convention, result: NDArray[Any], output: str | None, force: bool, as_json: bool) -> None:
    from convention.files import format_array, to_nested_lists, write_array

    record = {"convention": convention.to_dict(), "dtype": str(result.dtype), "shape": result.shape}
    if output is not None:
        write_array(result, output, force=force)
        shape = "x".join(map(str, result.shape))
        print(f"wrote {output}: {result.dtype}, shape {shape}", file=sys.stderr)
    if as_json:
        print(json.dumps(record | ({"result": to_nested_lists(result)} if output is None else {"output": output})))
    elif output is None:
        print(format_array(result))


def _compute_images(
    convention: Convention,
    sources: Sequence[str],
    kernel: str,
    output: str | None,
    *,
    method: str,
    view: str,
    most_pixels: int,
    force: bool,
    as_json: bool,
) -> None:
    from convention.errors import ConventionError, MissingLibraryError
    from convention.files import image_files, in_depth, read_image, read_kernel, write_image
    from convention.filtering import check_kernel, filter_image

    files = [file for source in sources for file in image_files(source)]
    taps, named = read_kernel(kernel)
    check_kernel(convention, taps)
    in_depth((), "uint8", view=view)  # an unknown view is refused once, not for every file
    shown, targets = _targets(files, sources, output, force)
    written: list[dict[str, Any]] = []
    refused: list[tuple[Path, ConventionError]] = []
    with _progress(len(files)) as advance:
        for file, name, target in zip(files, shown, targets):
            try:
                image = read_image(file, most_pixels=most_pixels)
                samples, clipped = filter_image(convention, image, taps, method=method, view=view)
                write_image(samples, target, like=image, force=force)
            except MissingLibraryError:
                raise
            except ConventionError as refusal:
                if len(files) == 1:
                    raise
                refused.append((file, refusal))
            else:
                if not written:
                    _say(convention, named)
                shape = "x".join(map(str, samples.shape))
                counted = f"{clipped} of {samples.size} samples clipped"
                if view == "saturate" and samples.dtype.kind != "f" and 100 * clipped > samples.size:
                    counted += "; try --view offset (or absolute)"
                print(f"wrote {name}: {samples.dtype}, shape {shape}, {counted}", file=sys.stderr)
                record = {"input": str(file), "output": str(name), "dtype": str(samples.dtype), "shape": samples.shape}
                written.append(record | {"clipped": clipped})
            advance()
    if as_json:
        failures = [{"input": str(file), "found": refusal.found, "fix": refusal.fix} for file, refusal in refused]
        print(json.dumps({"convention": convention.to_dict(), "images": written, "refused": failures}))
    if refused:
        raise _together([refusal for _, refusal in refused], len(files))


def _targets(files: Sequence[Path], sources: Sequence[str], output: str | None, force: bool) -> tuple[Any, Any]:
    """Return where the results go, as they are named and as they are written."""
    from convention.errors import ConventionFileError
    from convention.files import image_targets, is_folder, writable_image

    into_folder = len(sources) > 1 or is_folder(sources[0])
    if output is None:
        raise ConventionFileError(
            f"filter {' '.join(sources)}",
            "there is no place for the result",
            "a folder" if into_folder else "an image, a folder, or an array file",
            "-o results" if into_folder else "-o result.png; for the exact numbers -o result.npy",
        )
    if into_folder or is_folder(output):
        return [Path(output) / file.name for file in files], image_targets(files, output, force=force)
    return [output], [writable_image(output, force=force)]


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar on standard error, where that is a terminal and there are several files."""
    from rich.console import Console
    from rich.progress import Progress

    shown = total > 1 and sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=not shown) as progress:
        task = progress.add_task("filtering", total=total)
        yield lambda: progress.advance(task)


def _together(refusals: Sequence[ConventionError], count: int) -> ConventionError:
    """Return one refusal for several files."""
    from convention.errors import ConventionFileError

    each = "\n".join(f"  {one.asked}: {one.found}; do: {one.fix}" for one in refusals)
    return ConventionFileError(
        f"filter {count} images",
        f"{len(refusals)} could not be done, {count - len(refusals)} are written\n{each}",
        "\n".join(dict.fromkeys(one.allowed for one in refusals)),
        "name those again, mended",
    )
