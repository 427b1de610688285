"""The verbs of the command line: one file per command, each of which only reads, calls and prints."""

from __future__ import annotations

from difflib import get_close_matches

import click

__all__ = ["MINUS_SIGNS", "not_an_option"]

MINUS_SIGNS = {"ignore_unknown_options": True}
"""Context settings of a command whose argument may begin with a minus sign: ``"-1 0 1"``."""


def not_an_option(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse a mistyped option, which `MINUS_SIGNS` would let pass as an array."""
    if value.startswith("--"):
        options = [option for other in context.command.params for option in other.opts if option.startswith("--")]
        raise click.NoSuchOption(value, possibilities=get_close_matches(value, options, n=2), ctx=context)
    return value
