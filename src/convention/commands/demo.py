"""`convention demo`: the experiment this project grew from, performed now."""

from __future__ import annotations

import json

import click

__all__ = ["demo"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the data and every verdict for programs.")
@click.pass_context
def demo(context: click.Context, as_json: bool) -> None:
    """Run the experiment this project grew from: torch's convolution does not reverse the kernel.

    Takes a few seconds and no network. Exit code: 0 if every check holds, 1 if one does not, 4 if torch is
    not installed. Other libraries of the table may be missing: it says so.
    """
    from rich.console import Console

    from convention.experiment import report, seed

    experiment = seed.perform()
    if as_json:
        print(json.dumps(experiment.to_dict()))
    else:
        console = Console(highlight=False)
        for line in report.lines(experiment):
            console.print(line, soft_wrap=True)
    context.exit(0 if experiment.all_true else 1)
