"""`convention identify`: which definition does that function compute?"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import click

__all__ = ["identify"]


def _known_word(context: click.Context, parameter: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse an expectation that no function could meet."""
    from convention.boundary import AMBIGUOUS, boundary_of
    from convention.errors import ConventionValueError, nearest
    from convention.identification.report import EXPECTED

    for word in words:
        if word in AMBIGUOUS:
            boundary_of(word)  # refuses it, and shows both pictures
        if word not in EXPECTED:
            raise ConventionValueError(
                f"--expect {word}", "there is no such word", ", ".join(EXPECTED), nearest(word, EXPECTED)
            )
    return words


def _option(context: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Split NAME=VALUE."""
    from convention.errors import ConventionValueError

    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise ConventionValueError(f"--option {pair}", "no name and value", "NAME=VALUE", "--option mode=wrap")
        found[name] = value
    return found


@contextmanager
def _output_for_the_answer() -> Iterator[None]:
    """Send to standard error what TARGET, its module or a program that it runs prints to standard output."""
    sys.stdout.flush()
    try:
        output, error = sys.stdout.fileno(), sys.stderr.fileno()
    except (OSError, ValueError, io.UnsupportedOperation):  # they are no files
        with redirect_stdout(sys.stderr):
            yield
        return
    kept = os.dup(output)
    os.dup2(error, output)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, output)
        os.close(kept)


@click.command()
@click.argument("target")
@click.option("--expect", metavar="WORD", multiple=True, callback=_known_word, help="A definition, size or boundary.")
@click.option("--ndim", type=click.IntRange(1, 3), help="The number of axes; 2, 1 and 3 are tried without it.")
@click.option("--kernel", help="The kernel, for a function of the signal alone: text, a range or a file.")
@click.option(
    "--option",
    "options",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_option,
    help="An option of a catalogued operator, such as mode=wrap.",
)
@click.option("--time-limit", metavar="SECONDS", default=60.0, show_default=True, help="For all calls together.")
@click.option("--seed", default=0, show_default=True, help="Of the random data.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer for programs.")
@click.pass_context
def identify(
    context: click.Context,
    target: str,
    expect: tuple[str, ...],
    ndim: int | None,
    kernel: str | None,
    options: dict[str, str],
    time_limit: float,
    seed: int,
    as_json: bool,
) -> None:
    """Say which definition TARGET computes, measured by calling it.

    \b
    TARGET is one of
      scipy.ndimage.convolve       a name; `convention atlas` lists the catalogue
      filters.py:blur              a function in a file, of signal and kernel
      "cmd:python my_filter.py"    a program

    \b
    A program is run once per call, in Python for example:
      signal, kernel = numpy.load(sys.stdin.buffer), numpy.load(sys.stdin.buffer)
      numpy.save(sys.stdout.buffer, my_filter(signal, kernel))

    A function may be one of the signal alone. Then give --kernel, or it is recovered, and its reversal cannot be
    told. A program for which --kernel is given reads the signal only. It may write JSON (nested lists) instead; after
    "cmd+json:" it reads one JSON object, {"signal": ..., "kernel": ...}.

    Exit code: 0, or 1 if an expectation is not met, 2 if TARGET cannot be used, 3 if the definition or what is
    expected is undetermined, 4 if a library is missing.
    """  # noqa: D301
    from convention.files import read_array
    from convention.identification import identify as identify_function
    from convention.identification.report import expectation, lines

    weights: Any = None if kernel is None else read_array(kernel)
    with _output_for_the_answer():
        found = identify_function(target, ndim=ndim, kernel=weights, time_limit=time_limit, seed=seed, options=options)
    met = {word: expectation(found, word) for word in expect}
    if as_json:
        print(json.dumps({"target": target, "expected": met} | found.to_dict()))
    else:
        print("\n".join(lines(found)))
        for word, state in met.items():
            print(f"expected {word}: {'undetermined' if state is None else 'met' if state else 'not met'}")
    if False in met.values():
        context.exit(1)
    if None in met.values() or (not met and found.definition == "undetermined"):
        context.exit(3)
