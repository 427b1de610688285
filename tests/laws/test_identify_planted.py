"""Random conventions, planted in a function: `identify` finds every field that can be observed, and only those."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from convention import Convention, apply
from convention.identification import Identification, identify
from draws import draw_convention

FRESH = 5
"""Shapes on which the convention that was found is held against the planted one."""


def arrays(random: Random, signal: Any, kernel: Any) -> Any:
    rng = np.random.default_rng(random.getrandbits(30))
    return rng.integers(-9, 10, signal), rng.integers(-9, 10, kernel) + 1j * rng.integers(1, 10, kernel)


def depth(convention: Convention, ndim: int) -> list[tuple[int, int]]:
    """Return per axis how many samples beyond the border are read, at most, and how many of the signal."""
    found = []
    for axis in convention.axes(ndim):
        beyond = inside = 0
        for samples in range(1, 20):
            for taps in range(1, 13):
                w = axis.window(samples, taps)
                n, t = np.indices((w.outputs, taps))
                j = w.stride * n - w.before + w.dilation * t
                i = (j // w.upsample)[j % w.upsample == 0]
                beyond = max(beyond, *(-i[i < 0]), *(i[i >= samples] - samples + 1), 0)
                inside += np.count_nonzero((i >= 0) & (i < samples))
        found.append((int(beyond), int(inside)))
    return found


def boundary_hidden(rule: str, beyond: int) -> bool:
    """Tell whether another boundary rule computes the same: it may repeat the border's sample once, or not at all."""
    return beyond == 0 or (beyond == 1 and rule in ("edge", "half-sample"))


def complaint(planted: Convention, found: Identification, ndim: int, random: Random) -> str:
    """Return what is wrong with an answer; empty if nothing is."""
    depths = depth(planted, ndim)
    if any(inside == 0 for _, inside in depths):
        return "" if "no output changed" in found.verdict else f"all its results are zero, yet: {found.verdict}"
    if found.convention is None:
        return found.verdict
    if found.domain["differs"]:
        return f"differs: {found.domain['differs']}"
    shapes = [(p[0], p[1]) for p in random.sample(found.domain["probed"], 1)]
    shapes += [
        ([random.randint(1, 13) for _ in range(ndim)], [random.randint(1, 9 if ndim < 3 else 6) for _ in range(ndim)])
        for _ in range(FRESH)
    ]
    for signal, kernel in shapes:
        x, w = arrays(random, signal, kernel)
        expected, result = apply(planted, x, w), apply(found.convention, x, w)
        if expected.shape != result.shape or (expected != result).any():
            return f"differs for {signal} and {kernel}"
    hidden = [boundary_hidden(axis.boundary, beyond) for axis, (beyond, _) in zip(planted.axes(ndim), depths)]
    for name, field in found.fields.items():
        if name == "value":
            continue
        expected_state = "open" if name == "boundary" and any(hidden) else "settled"
        if field.state != expected_state:
            return f"{name} is {field.state}, not {expected_state}: {field.reason}"
        if field.state == "open" and not field.reason:
            return f"{name} is open without a reason"
    rules = zip(found.fields["boundary"].value, planted.axes(ndim), hidden)
    if any(rule != axis.boundary for rule, axis, unseen in rules if not unseen):
        return f"boundary {found.fields['boundary'].value}"
    return "" if found.convention.definition == found.definition else "two definitions"


def with_values(convention: Convention, random: Random, ndim: int) -> Convention:
    """Return a convention whose constants differ from axis to axis, every other time."""
    rules = [axis.boundary for axis in convention.axes(ndim)]
    if "constant" not in rules or random.random() < 0.5:
        return convention
    values = tuple(random.randint(-5, 5) if rule == "constant" else 0 for rule in rules)
    return replace(convention, boundary=tuple(rules), value=values)


def assert_found(seed: int, count: int, ndims: tuple[int, ...]) -> None:
    random = Random(seed)
    for _ in range(count):
        ndim = random.choice(ndims)
        planted = with_values(draw_convention(random, ndim, value=random.randint(1, 5)), random, ndim)
        found = identify(lambda x, w: apply(planted, x, w), ndim=ndim, seed=random.getrandbits(20))  # noqa: B023
        assert complaint(planted, found, ndim, random) == "", f"{planted!r}, ndim={ndim}"


@pytest.mark.parametrize("seed", range(30))
def test_ten_planted_conventions_are_found(seed: int) -> None:
    assert_found(seed, 10, (1, 1, 1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 160))
def test_fifty_planted_conventions_are_found(seed: int) -> None:
    assert_found(seed, 50, (1, 1, 1, 1, 2, 2, 2, 3))


def test_the_comparison_sees_a_wrong_answer() -> None:
    planted = Convention(size="same", boundary="edge", stride=2)
    right = identify(lambda x, w: apply(planted, x, w), ndim=1)
    assert complaint(planted, right, 1, Random(0)) == ""
    for wrong in (
        Convention(reversed_axes="none", size="same", boundary="edge", stride=2),
        Convention(size="same-upper", boundary="edge", stride=2),
        Convention(size="same", boundary="half-sample", stride=2),
        Convention(size="same", boundary="edge", stride=2, conjugate=True),
    ):
        assert complaint(wrong, right, 1, Random(0)) != "", wrong


def test_what_is_open_for_the_wrong_reason_is_a_complaint() -> None:
    inside = Convention(size="valid")
    found = identify(lambda x, w: apply(inside, x, w), ndim=1)
    assert found.fields["boundary"].state == "open"
    assert complaint(inside, found, 1, Random(0)) == ""
    found.fields["boundary"] = identify(lambda x, w: apply("convolution", x, w), ndim=1).fields["boundary"]
    assert "boundary is settled" in complaint(inside, found, 1, Random(0))


@pytest.mark.parametrize(
    ("convention", "hidden"),
    [
        (Convention(size="valid"), {"boundary"}),
        (Convention(size=((0, 0),)), {"boundary"}),
        (Convention(size=((-1, -2),), boundary="periodic"), {"boundary"}),
        (Convention(size=((1, 1),), boundary="edge"), {"boundary"}),
        (Convention(size=((1, 0),), boundary="half-sample", upsample=2), {"boundary"}),
        (Convention(size=((1, 1),), boundary="whole-sample"), set()),
        (Convention(size="causal", boundary="periodic"), set()),
    ],
)
def test_the_boundary_is_open_where_nothing_shows_it(convention: Convention, hidden: set[str]) -> None:
    found = identify(lambda x, w: apply(convention, x, w), ndim=1)
    assert {name for name, field in found.fields.items() if field.state != "settled"} - {"value"} == hidden


def test_a_common_factor_that_no_sample_passes_is_undetermined() -> None:
    planted = Convention(reversed_axes="none", size=((2, 1), "valid"), stride=(3, 3), dilation=(3, 1), upsample=3)
    found = identify(lambda x, w: apply(planted, x, w), ndim=2)
    assert found.convention is None
    assert found.verdict == "undetermined because no output changed with the signal in any probe"


@pytest.mark.parametrize(
    "planted",
    [
        # whether it conjugates was settled on results without an output
        Convention(size=((-2, -2), (0, 2), (-1, 1)), boundary="constant", value=5, stride=(2, 1, 2), dilation=3,
                   upsample=(1, 1, 2), conjugate=True),
        # one tap in 27 reads samples: none of the first 40 did
        Convention(size=((1, -1), (2, 3), (3, -2)), boundary="periodic", stride=3, upsample=3),
    ],
)  # fmt: skip
def test_what_few_outputs_and_few_taps_tell(planted: Convention) -> None:
    found = identify(lambda x, w: apply(planted, x, w), ndim=3)
    assert complaint(planted, found, 3, Random(0)) == ""


def test_the_same_seed_gives_the_same_answer() -> None:
    planted = Convention(size="same-lower", stride=2)
    first, second = (identify(lambda x, w: apply(planted, x, w), ndim=1, seed=4) for _ in range(2))
    assert (first.verdict, first.fields, first.evidence) == (second.verdict, second.fields, second.evidence)
