"""The output blocks of ``docs/experiment.md``, written by the same code that the demo prints with.

``python -m convention.experiment.article docs/experiment.md`` refreshes them in place. A block stands
between ``<!-- generated:NAME -->`` and ``<!-- /generated -->``; NAME is one of `BLOCKS`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.text import Text

from convention.errors import ConventionValueError, MissingLibraryError, nearest
from convention.experiment import report
from convention.experiment.seed import Experiment, perform

__all__ = ["BLOCKS", "refresh"]

BLOCKS: Mapping[str, Callable[[Experiment], Sequence[Text]]] = {
    "weight": lambda experiment: [Text(line) for line in experiment.handmade.printed.splitlines()],
    "run-1": lambda experiment: report.figure(experiment.runs[0]),
    "run-2": lambda experiment: report.figure(experiment.runs[1]),
    "run-3": lambda experiment: report.figure(experiment.runs[2]),
    "readings": lambda experiment: report.reading_grids(experiment.readings),
    "constants": lambda experiment: report.constants(experiment.runs),
    "operators": lambda experiment: report.operator_table(experiment.operators),
    "advice": lambda _: report.advice()[1:],
}
"""What can be generated. None carries a version, so that the text changes only when a result does."""

_OPENING = "<!-- generated:"
_BLOCK = re.compile(rf"({_OPENING}(?P<name>[^ ]*) -->\n)(?:(?!{_OPENING}).)*?(<!-- /generated -->)", re.DOTALL)


def refresh(text: str) -> str:
    """Return an article with every generated block written anew, from the experiment performed now.

    Parameters
    ----------
    text : str
        The article, in Markdown.

    Raises
    ------
    ConventionValueError
        If a block has a name that nothing generates or is not closed, or a check of the experiment does not hold.
    MissingLibraryError
        If a library of the operator table is not installed: its row would be lost.
    """
    names = [match["name"] for match in _BLOCK.finditer(text)]
    for name in names:
        if name not in BLOCKS:
            raise ConventionValueError(
                f"generated:{name}", "nothing generates it", ", ".join(BLOCKS), nearest(name, BLOCKS)
            )
    if text.count(_OPENING) != len(names):
        raise ConventionValueError(
            "the article's generated blocks",
            f"{text.count(_OPENING)} are opened, {len(names)} of them are closed",
            "<!-- generated:NAME --> on a line of its own, later <!-- /generated -->",
            "close every block before the next one opens",
        )
    experiment = perform()
    _check(experiment)

    def _written(match: re.Match[str]) -> str:
        lines = [line.plain.rstrip() for line in BLOCKS[match["name"]](experiment)]
        return "\n".join([f"{match[1]}```text", *lines, "```", match[3]])

    return _BLOCK.sub(_written, text)


def _check(experiment: Experiment) -> None:
    missing = [one for one in experiment.operators if one.version is None]
    if missing:
        raise MissingLibraryError(
            "the article's table of operators",
            f"{', '.join(one.name for one in missing)} could not be measured",
            "every library of the table installed",
            "\n".join(dict.fromkeys(one.install for one in missing)),
        )
    failed = [check.name for check in experiment.checks if not check.verdict]
    if failed:
        raise ConventionValueError(
            "the article's numbers",
            f"checks that do not hold: {'; '.join(failed)}",
            "an experiment whose every check holds",
            "convention demo",
        )


if __name__ == "__main__":
    for name in sys.argv[1:]:
        article = Path(name)
        article.write_text(refresh(article.read_text(encoding="utf-8")), encoding="utf-8")
