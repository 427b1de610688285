"""The generated blocks of ``docs/experiment.md``, written by the same code that the commands print with.

``python -m convention.experiment.article docs/experiment.md`` refreshes them in place, and the pictures in the
folder ``pictures`` beside it. A block stands between ``<!-- generated:NAME -->`` and ``<!-- /generated -->``;
NAME is one of `BLOCKS`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from rich.text import Text

from convention.errors import ConventionValueError, MissingLibraryError, nearest
from convention.experiment import report
from convention.experiment.consequences import Consequences, output
from convention.experiment.consequences import perform as perform_consequences
from convention.experiment.consequences import report as consequences_report
from convention.experiment.evidence import Check
from convention.experiment.seed import Experiment, perform

__all__ = ["BLOCKS", "PICTURES", "TOLERANCE", "Material", "agree", "refresh", "write"]

PICTURES = "pictures"
"""The folder of the pictures, beside the article."""

TOLERANCE = 0.5
"""How far a number with decimals may be from the one computed now: PSNR in dB, accuracy in %, grey levels.

They are printed with one digit, and are the same on every run on one machine; the last digit may differ between
processors, whose sums of floats differ in their rounding. Whole numbers come from exact sums and must be equal.
"""


class Material:
    """What the blocks are written from: each experiment, performed and checked when a block first asks for it."""

    @cached_property
    def experiment(self) -> Experiment:
        """The seed experiment."""
        experiment = perform()
        _check(experiment)
        return experiment

    @cached_property
    def consequences(self) -> Consequences:
        """What misuse costs."""
        consequences = perform_consequences()
        _refuse_failed((check for cost in consequences.costs for check in cost.checks), "convention consequences")
        return consequences


BLOCKS: Mapping[str, Callable[[Material], str]] = {
    "weight": lambda m: _fenced([Text(line) for line in m.experiment.handmade.printed.splitlines()]),
    "run-1": lambda m: _fenced(report.figure(m.experiment.runs[0])),
    "run-2": lambda m: _fenced(report.figure(m.experiment.runs[1])),
    "run-3": lambda m: _fenced(report.figure(m.experiment.runs[2])),
    "readings": lambda m: _fenced(report.reading_grids(m.experiment.readings)),
    "constants": lambda m: _fenced(report.constants(m.experiment.runs)),
    "operators": lambda m: _fenced(report.operator_table(m.experiment.operators)),
    "consequences": lambda m: "\n" + consequences_report.markdown(m.consequences, PICTURES) + "\n",
    "advice": lambda _: _fenced(report.advice()[1:]),
}
"""What can be generated. None carries a version, so that the text changes only when a result does."""

_OPENING = "<!-- generated:"
_DECIMAL = re.compile(r"\d+\.\d(?![\d.])")
_BLOCK = re.compile(rf"({_OPENING}(?P<name>[^ ]*) -->\n)(?:(?!{_OPENING}).)*?(<!-- /generated -->)", re.DOTALL)


def refresh(text: str, material: Material | None = None) -> str:
    """Return an article with every generated block written anew, from the experiments performed now.

    Parameters
    ----------
    text : str
        The article, in Markdown.
    material : Material, optional
        What to write it from; by default new.

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
    source = material or Material()
    _ = source.experiment  # nothing is written from checks that fail, whichever blocks there are
    return _BLOCK.sub(lambda match: f"{match[1]}{BLOCKS[match['name']](source)}\n{match[3]}", text)


def agree(text: str, other: str) -> bool:
    """Tell whether two articles say the same: decimals within `TOLERANCE`, everything else to the letter.

    Examples
    --------
    >>> agree("from 20.9 dB in 20 steps", "from 20.8 dB in 20 steps")
    True
    >>> agree("from 20.9 dB in 20 steps", "from 20.9 dB in 21 steps")
    False
    """
    if _DECIMAL.sub("#", text) != _DECIMAL.sub("#", other):
        return False
    numbers = zip(_DECIMAL.findall(text), _DECIMAL.findall(other))
    return all(abs(float(a) - float(b)) <= TOLERANCE + 1e-9 for a, b in numbers)


def write(article: Path) -> None:
    """Write an article's generated blocks anew, and the pictures that belong to it."""
    material = Material()
    text = refresh(article.read_text(encoding="utf-8"), material)
    folder = article.parent / PICTURES
    folder.mkdir(exist_ok=True)
    for name, data in output.picture_bytes(material.consequences).items():
        (folder / name).write_bytes(data)
    article.write_text(text, encoding="utf-8")


def _fenced(lines: Sequence[Text]) -> str:
    return "\n".join(["```text", *(line.plain.rstrip() for line in lines), "```"])


def _check(experiment: Experiment) -> None:
    missing = [one for one in experiment.operators if one.version is None]
    if missing:
        raise MissingLibraryError(
            "the article's table of operators",
            f"{', '.join(one.name for one in missing)} could not be measured",
            "every library of the table installed",
            "\n".join(dict.fromkeys(one.install for one in missing)),
        )
    _refuse_failed(experiment.checks, "convention demo")


def _refuse_failed(checks: Iterable[Check], command: str) -> None:
    failed = [check.name for check in checks if not check.verdict]
    if failed:
        raise ConventionValueError(
            "the article's numbers",
            f"checks that do not hold: {'; '.join(failed)}",
            "an experiment whose every check holds",
            command,
        )


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(Path(name))
