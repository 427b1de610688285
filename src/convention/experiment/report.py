"""The seed experiment as text, part by part: the verdict first, then its numbers.

Plain functions from data to lines; `convention.commands.demo` prints them all, `article` some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

from convention.experiment.evidence import Check, all_true
from convention.experiment.operators import Measured
from convention.experiment.runs import NINE_TAPS
from convention.experiment.seed import Bias, Experiment, Handmade, Performed, Readings
from convention.experiment.typesetting import (
    COLOURS,
    MARK,
    grid,
    paragraph,
    row_of,
    side_by_side,
    table,
    verdicts,
)

__all__ = [
    "advice",
    "headline",
    "lines",
    "tell_bias",
    "tell_handmade",
    "tell_operators",
    "tell_readings",
    "tell_run",
]

LESSONS: Mapping[int, str] = {
    1: "it cannot show the difference",
    2: "torch gives something else",
    3: "now they agree",
}
"""What each run shows, if its checks hold."""

AXES_IN_WORDS: Mapping[tuple[int, ...] | None, str] = {
    (): "no axis",
    (0,): "axis 0",
    (1,): "axis 1",
    (0, 1): "both axes",
    None: "unknown",
}

REMEDIES = (
    ("Does it matter for me?", "convention check KERNEL"),
    ("Convolve with torch:", 'new_conv2d_with_kernel(..., definition="convolution")'),
    ("Convolve any array:", "convention.convolve(signal, kernel)"),
)
"""What someone wants now, and what to run or write for it."""


def lines(experiment: Experiment) -> list[Text]:
    """Return the whole demonstration, verdict first."""
    parts = (
        headline(experiment),
        tell_handmade(experiment.handmade),
        *(tell_run(one) for one in experiment.runs),
        tell_readings(experiment.readings),
        tell_bias(experiment.bias, experiment.runs),
        tell_operators(experiment.operators, experiment.operator_checks),
        advice(),
    )
    return [line for part in parts for line in (*part, Text(""))][:-1]


def headline(experiment: Experiment) -> list[Text]:
    """Return what was found: the claim if every check holds, otherwise how many do not."""
    checks = experiment.checks
    failed = sum(not check.verdict for check in checks)
    if failed:
        claim = paragraph(f"NOT reproduced: {failed} of {len(checks)} checks fail (marked FAILS below).", style="bold")
        proof = "Please report this, with the output of: convention demo --json"
    else:
        claim = paragraph("torch's Conv2d computes a cross-correlation: it does not reverse the kernel.", style="bold")
        claim += paragraph("What mathematics calls convolution reverses the kernel along every axis first.")
        versions = ", ".join(f"{name} {version}" for name, version in experiment.versions.items())
        proof = f"All {len(checks)} checks hold. Every number was computed just now, with {versions}."
    return [
        *claim,
        *paragraph(proof),
        *paragraph(
            f"Indices are [row, column]; axis 0 is the order of the rows. {MARK} shows where the kernel's k[0, 0] went."
        ),
    ]


def tell_handmade(handmade: Handmade) -> list[Text]:
    """Return run 0: the weight, as it prints."""
    return [
        *_title("Run 0, a kernel given by hand: the layer's weight"),
        *(Text(f"  {line}") for line in handmade.printed.splitlines()),
        *verdicts(handmade.checks),
    ]


def tell_run(one: Performed) -> list[Text]:
    """Return a run: input, kernel, torch's result and the convolution beside each other, then the verdicts."""
    lesson = LESSONS[one.run.number] if all_true(one.checks) else "NOT as published"
    return [*_title(f"Run {one.run.number}, {one.run.title}: {lesson}"), *figure(one), *verdicts(one.checks)]


def figure(one: Performed) -> list[Text]:
    """Return the matrices of a run beside each other."""
    run = one.run
    last = (len(run.kernel) - 1, len(run.kernel[0]) - 1)
    arguments = "".join(f"\n{name}={value}" for name, value in run.arguments.items())
    if run.number == 3:
        kernels = [
            ("the text's\nkernel", grid(one.reversed_kernel, mark=(0, 0))),
            ("reversed,\nas given", grid(run.kernel, mark=last)),
        ]
    else:
        kernels = [
            ("kernel\nas given", grid(run.kernel, mark=(0, 0))),
            ("as convolution\nreads it", grid(one.reversed_kernel, mark=last)),
        ]
    return side_by_side(
        [
            (f"input{arguments}", grid(run.signal)),
            *kernels,
            ("torch's\nresult", grid(one.layer, style=COLOURS["cross-correlation"])),
            (
                "the text's\nconvolution" if run.arguments else "mathematical\nconvolution",
                grid(one.wanted, style=COLOURS["convolution"]),
            ),
        ]
    )


def tell_readings(readings: Readings) -> list[Text]:
    """Return what each treatment of the kernel gives, for run 2's kernel and for 1..9."""
    return [
        *_title("Why run 3 does not prove it yet, and the kernel 1..9 does"),
        *paragraph(
            "torch's result for run 2's input with the kernel 1..9, after each thing one might do to a kernel. "
            "The last two lines: is it the convolution, with the kernel 1..9 and with run 2's?",
            indent=2,
        ),
        *reading_grids(readings),
        *verdicts(readings.checks),
    ]


def reading_grids(readings: Readings) -> list[Text]:
    """Return the results with the kernel 1..9 beside each other, and which is the convolution."""
    style = COLOURS["convolution"]
    return side_by_side(
        [
            (
                row.name.replace("reversed along ", "reversed\nalong "),
                [
                    *grid(row.nine_taps, style=style if row.convolves_nine_taps else ""),
                    Text(f"1..9:  {_yes(row.convolves_nine_taps)}"),
                    Text(f"run 2: {_yes(row.convolves_sign_only)}"),
                ],
            )
            for row in readings.rows
        ]
    )


def tell_bias(bias: Bias, runs: Sequence[Performed]) -> list[Text]:
    """Return the puzzle of the published digits and its solution."""
    return [
        *_title("The published digits: the exact numbers plus one constant per run"),
        *constants(runs),
        *verdicts(bias.checks),
        *paragraph(
            f"(its bias {bias.bias:.4f}; off by {bias.deviation:.1e}, rounding allows {bias.bound:.1e})", indent=9
        ),
    ]


def constants(runs: Sequence[Performed]) -> list[Text]:
    """Return the first published cell of each run beside torch's, and the difference of all cells."""
    return table(
        ("run", "published [0, 0]", "torch's [0, 0]", "difference, the same in every cell"),
        [
            (
                str(one.run.number),
                _minus(one.run.published[0][0]),
                _minus(f"{one.layer[0][0]:g}"),
                _minus(", ".join(map(str, one.constants[:3]))),
            )
            for one in runs
        ],
    )


def tell_operators(measured: Sequence[Measured], checks: Sequence[Check]) -> list[Text]:
    """Return the table of operators: the same image and kernel for each, and what follows."""
    return [
        *_title("The same image and the kernel 1..9, given to each operator"),
        *paragraph(
            "The image has a single 1, at [2, 2]. A convolution turns it into the kernel itself, "
            "a cross-correlation into the kernel turned by 180 degrees.",
            indent=2,
        ),
        *operator_table(measured),
        *verdicts(checks),
    ]


def operator_table(measured: Sequence[Measured]) -> list[Text]:
    """Return one row per operator: what the single 1 became, the axes reversed, and the word for it."""
    width = len(row_of(NINE_TAPS, width=80))
    rows = []
    for one in measured:
        measured_row = (row_of(one.delta, width=width), AXES_IN_WORDS[one.reversed_axes])
        rows.append((one.name, *(measured_row if one.version else ("", "")), one.definition))
    missing = [one for one in measured if one.version is None]
    return [
        *table(("operator", "the 1 becomes", "reverses", "which is"), rows),
        *(line for one in missing for line in paragraph(f"to measure {one.name}: {one.install}", indent=2)),
    ]


def advice() -> list[Text]:
    """Return what to do now."""
    what, how = ([Text(remedy[index]) for remedy in REMEDIES] for index in (0, 1))
    return [*_title("What do I do?"), *side_by_side([("", what), ("", how)], gap=2)[1:]]


def _yes(verdict: bool) -> str:
    return "yes" if verdict else "no"


def _title(words: str) -> list[Text]:
    return paragraph(words, style="bold underline")


def _minus(digits: str) -> str:
    return digits.replace("-", "−")
