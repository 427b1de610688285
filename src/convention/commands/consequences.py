"""`convention consequences`: what misuse costs, measured and drawn now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from convention.experiment.consequences import Consequences, Photograph

__all__ = ["consequences"]


@click.command()
@click.option("--photo", metavar="FILE", help="Your photograph: an image or array file. Default: a packaged one.")
@click.option(
    "--out",
    metavar="FOLDER",
    default="consequences",
    show_default=True,
    help="Where the pictures and the page go; it is made if it is not there.",
)
@click.option("--force", is_flag=True, help="Replace files of the same name in that folder.")
@click.option("--json", "as_json", is_flag=True, help="Print figures and verdicts for programs.")
@click.pass_context
def consequences(context: click.Context, photo: str | None, out: str, force: bool, as_json: bool) -> None:
    """Show what the wrong definition costs: six mistakes, made on real data.

    Derivative filters, motion blur, deconvolution, ported network weights, even kernels, combined filters: each
    with its measured figure, a picture, and how to avoid it. Writes six pictures and one page that holds them all.

    Takes about 15 seconds and no network. Exit code: 0 if every check holds, 1 if one does not, 2 if the photograph
    or the folder cannot be used, 4 if a library of the extra 'demo' is not installed.
    """
    from rich.console import Console

    from convention.experiment.consequences import libraries, output, photograph, report

    libraries()
    image = photograph(photo)
    files = output.prepare(out, force=force)
    found = _performed(image)
    output.write(found, output.picture_bytes(found), files)
    if as_json:
        print(json.dumps(found.to_dict() | {"files": [str(file) for file in files.values()]}))
    else:
        console = Console(highlight=False)
        for line in report.lines(found, list(files.values())):
            console.print(line, soft_wrap=True)
    context.exit(0 if found.all_true else 1)


def _performed(photo: Photograph) -> Consequences:
    from rich.console import Console

    from convention.experiment.consequences import perform

    terminal = Console(stderr=True)
    if not terminal.is_terminal:
        return perform(photo)
    with terminal.status("starting") as status:
        return perform(photo, tell=lambda what: status.update(f"measuring: {what}"))
