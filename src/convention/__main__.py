"""The command line: `convention`, or ``python -m convention``.

Data goes to standard output, everything else to standard error. Exit codes: 0 fine, 1 an expectation
was not met, 2 usage or bad input, 3 undetermined, 4 a library is missing; 130 interrupted, 141 nobody
reads the output any more.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
import textwrap
from importlib import import_module

import click

from convention import __version__
from convention.errors import ConventionError, MissingLibraryError

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "atlas": "Show what the functions of many libraries were measured to compute.",
    "check": "Say whether the word matters for a kernel.",
    "compare": "Say what the other definition does to your data.",
    "compute": "Convolve or cross-correlate, exactly as you say.",
    "consequences": "Show what mixing the two definitions up costs.",
    "demo": "Run the experiment this project grew from.",
    "identify": "Say which definition a function or a program computes.",
}
"""The commands, each the one public name of its module in `convention.commands`."""

_WIDTH = 80
_ASCII = {"◤": "*", "−": "-", "·": "*", "×": "x", "…": "~", "≤": "<", "≥": ">", "µ": "u"}


class _Commands(click.Group):
    """A group that imports a command when it is used, and turns refusals into exit codes."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            from difflib import get_close_matches  # 3 ms that only a mistyped command needs

            if close := get_close_matches(args[0].lower(), COMMANDS, n=1):
                ctx.fail(f"No such command {args[0]!r}: did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"convention.commands.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="convention.ascii")
        try:
            try:
                super().invoke(ctx)
            except click.exceptions.Exit:
                sys.stdout.flush()
                raise
            sys.stdout.flush()
        except MissingLibraryError as refusal:
            _say(refusal)
            ctx.exit(4)
        except ConventionError as refusal:
            _say(refusal)
            ctx.exit(2)
        except MemoryError as problem:
            found = f"the arrays do not fit into memory: {problem}"
            _say(
                ConventionError(str(ctx.invoked_subcommand), found, "arrays that fit", "make them or the size smaller")
            )
            ctx.exit(2)
        except KeyboardInterrupt:
            ctx.exit(130)
        except BrokenPipeError:
            # What is still buffered would raise again when Python flushes at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(141)
        except SystemExit as stop:
            if not isinstance(stop.__context__, BrokenPipeError):
                raise
            ctx.exit(141)  # rich has done the same, but ends with 1


@click.group("convention", cls=_Commands, context_settings={"max_content_width": _WIDTH})
@click.version_option(__version__, prog_name="convention")
def main() -> None:
    """Which convolution do you mean?

    In mathematics, convolution reverses the kernel along every axis; what deep learning calls convolution does
    not. Compute exactly the one you name, and see where the difference matters.
    """


def _say(refusal: ConventionError) -> None:
    for line in f"convention: {refusal}".splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        wrapped = textwrap.wrap(line, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        print("\n".join(wrapped), file=sys.stderr)


def _in_ascii(problem: UnicodeError) -> tuple[str, int]:
    """Replace characters that an output stream cannot show, one by one, so that columns stay aligned."""
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    return "".join(_ASCII.get(c, "?") for c in problem.object[problem.start : problem.end]), problem.end


codecs.register_error("convention.ascii", _in_ascii)

if __name__ == "__main__":
    main(prog_name="convention")
