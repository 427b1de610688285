"""The direct method cuts its outputs into blocks: the result is the same however small they are."""

from __future__ import annotations

from math import prod
from random import Random

import numpy as np
import pytest

from convention import apply, convolve
from convention.engine.direct import _blocks
from convention.reference import compute
from draws import draw_array, draw_case


@pytest.mark.parametrize("most", [1, 2, 7, 40])
def test_results_do_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    random = Random(most)
    monkeypatch.setattr("convention.engine.direct._BLOCK", most)
    for _ in range(60):
        case = draw_case(random, ("int16", "int16"), work=6_000)
        assert apply(case.convention, case.signal, case.kernel).tolist() == compute(*vars(case).values()).tolist()
        batch = draw_array(random, (2, 3, *case.signal.shape), "int8")
        kernels = draw_array(random, (random.choice([1, 3]), *case.kernel.shape), "int8")
        axes = tuple(range(2, batch.ndim))
        found = apply(case.convention, batch, kernels, axes=axes)
        one = random.randrange(2), random.randrange(3)
        kernel = kernels[min(one[1], len(kernels) - 1)]
        assert found[one].tolist() == compute(case.convention, batch[one], kernel).tolist()


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4), (7, 1, 1), (1, 1, 9)])
@pytest.mark.parametrize("most", [1, 2, 3, 5, 12, 100])
def test_blocks_cover_everything_once_and_keep_their_size(shape: tuple[int, ...], most: int) -> None:
    count = np.zeros(shape, int)
    for block in _blocks(shape, most):
        count[block] += 1
        assert prod(place.stop - place.start for place in block) <= most
    assert (count == 1).all()


def test_a_large_batch_of_small_signals() -> None:
    signals, kernel = np.arange(200_000).reshape(40_000, 5), np.array([1, 0, 2])
    found = convolve(signals, kernel, axes=1)
    assert found[39_999].tolist() == convolve(signals[39_999], kernel).tolist()
    assert (found[:, 1] == signals[:, 2] + 2 * signals[:, 0]).all()
