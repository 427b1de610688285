"""`convention identify`: which definition does that function compute?"""

from __future__ import annotations

import json
from typing import Any

import click

__all__ = ["identify"]


def _known_word(context: click.Context, parameter: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse an expectation that no function could meet."""
    from convention.errors import ConventionValueError, nearest
    from convention.identification.report import EXPECTED

    for word in words:
        if word not in EXPECTED:
            raise ConventionValueError(
                f"--expect {word}", "there is no such word", ", ".join(EXPECTED), nearest(word, EXPECTED)
            )
    return words


@click.command()
@click.argument("target")
@click.option("--expect", metavar="WORD", multiple=True, callback=_known_word, help="A definition, size or boundary.")
@click.option("--ndim", type=click.IntRange(1, 3), help="The number of axes; 2, 1 and 3 are tried without it.")
@click.option("--kernel", help="The kernel, for a function of the signal alone: text, a range or a file.")
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
    time_limit: float,
    seed: int,
    as_json: bool,
) -> None:
    """Say which definition TARGET computes, measured by calling it.

    TARGET is a name (scipy.ndimage.convolve), a function in a file (filters.py:blur), or a program
    ("cmd:python my_filter.py"). A program reads two .npy files, signal and kernel, from standard input and writes
    the result as .npy or JSON to standard output; after "cmd+json:" it reads one JSON object instead.

    Exit code: 0, or 1 if an expectation is not met, or 3 if the definition or what is expected is undetermined.
    """
    from convention.files import read_array
    from convention.identification import identify as identify_function
    from convention.identification.report import expectation, lines

    weights: Any = None if kernel is None else read_array(kernel)
    found = identify_function(target, ndim=ndim, kernel=weights, time_limit=time_limit, seed=seed)
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
