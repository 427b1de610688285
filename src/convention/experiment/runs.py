"""The runs as they were published: what went in, what must come out, and the digits that were printed.

Data only; `convention.experiment.seed` performs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convention.experiment.evidence import Matrix

__all__ = ["HANDMADE", "HANDMADE_PRINTED", "NINE_TAPS", "READINGS", "RUNS", "Digits", "Run"]

Digits = tuple[tuple[str, ...], ...]
"""Decimal digits as they were printed, never rounded through a float."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One published run of ``nn.Conv2d`` with a kernel given by hand."""

    number: int
    title: str
    signal: Matrix
    kernel: Matrix
    arguments: Mapping[str, int] = field(default_factory=dict)
    exact: Matrix
    """The layer's result without a bias, by hand."""
    mathematical: Matrix
    """The mathematical convolution, by hand."""
    published: Digits
    constant: str
    """What was added to every published cell; that it is this one is computed, not believed."""


HANDMADE: Matrix = ((1, 1), (0, 0))
"""Run 0: the kernel whose weight was only printed."""

HANDMADE_PRINTED = """\
Parameter containing:
tensor([[[[1., 1.],
          [0., 0.]]]], requires_grad=True)"""
"""What was printed for it."""

NINE_TAPS: Matrix = ((1, 2, 3), (4, 5, 6), (7, 8, 9))
"""Nine different taps: every wrong reading of a definition gives another answer."""

READINGS: Mapping[str, tuple[tuple[int, ...], int]] = {
    "as stored": ((), 1),
    "reversed along axis 0": ((0,), 1),
    "reversed along axis 1": ((1,), 1),
    "reversed along both axes": ((0, 1), 1),
    "negated": ((), -1),
}
"""What someone might do to a kernel to get a convolution out of a cross-correlation: the axes along
which it is reversed, and a factor. One is right."""

RUNS: tuple[Run, ...] = (
    Run(
        number=1,
        title="the well-known picture",
        signal=((1, 1, 1, 0, 0), (0, 1, 1, 1, 0), (0, 0, 1, 1, 1), (0, 0, 1, 1, 0), (0, 1, 1, 0, 0)),
        kernel=((1, 0, 1), (0, 1, 0), (1, 0, 1)),
        exact=((4, 3, 4), (2, 4, 3), (2, 3, 4)),
        mathematical=((4, 3, 4), (2, 4, 3), (2, 3, 4)),
        published=(
            ("4.0062", "3.0062", "4.0062"),
            ("2.0062", "4.0062", "3.0062"),
            ("2.0062", "3.0062", "4.0062"),
        ),
        constant="0.0062",
    ),
    Run(
        number=2,
        title="a mathematical text's numbers",
        signal=((1, 2, 3), (4, 5, 6), (7, 8, 9)),
        kernel=((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
        arguments={"padding": 1},
        exact=((13, 20, 17), (18, 24, 18), (-13, -20, -17)),
        mathematical=((-13, -20, -17), (-18, -24, -18), (13, 20, 17)),
        published=(
            ("13.0968", "20.0968", "17.0968"),
            ("18.0968", "24.0968", "18.0968"),
            ("-12.9032", "-19.9032", "-16.9032"),
        ),
        constant="0.0968",
    ),
    Run(
        number=3,
        title="the same kernel, reversed along each axis first",
        signal=((1, 2, 3), (4, 5, 6), (7, 8, 9)),
        kernel=((1, 2, 1), (0, 0, 0), (-1, -2, -1)),
        arguments={"padding": 1},
        exact=((-13, -20, -17), (-18, -24, -18), (13, 20, 17)),
        mathematical=((13, 20, 17), (18, 24, 18), (-13, -20, -17)),
        published=(
            ("-12.7119", "-19.7119", "-16.7119"),
            ("-17.7119", "-23.7119", "-17.7119"),
            ("13.2881", "20.2881", "17.2881"),
        ),
        constant="0.2881",
    ),
)
