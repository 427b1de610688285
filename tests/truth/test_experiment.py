"""The seed experiment: its numbers, by hand; what each run can show; the table of operators; the article."""

import contextlib
import io
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the experiment runs torch.nn.Conv2d")

from convention.definition import Convention
from convention.experiment import operators
from convention.experiment.article import BLOCKS, agree, refresh
from convention.experiment.runs import NINE_TAPS, RUNS
from convention.experiment.seed import layer_result, perform
from convention.reference import compute

ARTICLE = Path(__file__).parents[2] / "docs" / "experiment.md"


@pytest.fixture(scope="module")
def experiment():
    return perform()


def test_every_check_holds(experiment):
    assert [check.name for check in experiment.checks if not check.verdict] == []
    assert experiment.all_true


def test_run_0_prints_as_published(experiment):
    assert experiment.handmade.shape == (1, 1, 2, 2)
    assert experiment.handmade.trainable is True
    assert experiment.handmade.printed == (
        "Parameter containing:\ntensor([[[[1., 1.],\n          [0., 0.]]]], requires_grad=True)"
    )


@pytest.mark.parametrize(
    ("index", "layer", "convolution"),
    [
        (0, ((4, 3, 4), (2, 4, 3), (2, 3, 4)), ((4, 3, 4), (2, 4, 3), (2, 3, 4))),
        (1, ((13, 20, 17), (18, 24, 18), (-13, -20, -17)), ((-13, -20, -17), (-18, -24, -18), (13, 20, 17))),
        (2, ((-13, -20, -17), (-18, -24, -18), (13, 20, 17)), ((13, 20, 17), (18, 24, 18), (-13, -20, -17))),
    ],
)
def test_the_runs_give_the_published_numbers_without_the_bias(experiment, index, layer, convolution):
    one = experiment.runs[index]
    assert one.layer == layer
    assert one.correlation == layer
    assert one.convolution == convolution


def test_run_3_is_after_the_convolution_of_run_2(experiment):
    assert experiment.runs[2].wanted == experiment.runs[1].convolution == experiment.runs[2].layer


def test_the_published_digits_are_exact_but_for_one_constant_per_run(experiment):
    recovered = [one.constants for one in experiment.runs]
    assert recovered == [(Decimal("0.0062"),), (Decimal("0.0968"),), (Decimal("0.2881"),)]
    assert RUNS[2].published[0][0] == "-12.7119"


def test_only_the_kernel_with_nine_different_taps_settles_which_axes(experiment):
    rows = experiment.readings.rows
    assert [row.convolves_sign_only for row in rows] == [False, True, False, True, True]
    assert [row.convolves_nine_taps for row in rows] == [False, False, False, True, False]
    assert rows[3].nine_taps == ((26, 56, 54), (84, 165, 144), (134, 236, 186))


def test_the_reference_agrees_about_the_kernel_with_nine_different_taps(experiment):
    convolution = compute(Convention(), RUNS[1].signal, NINE_TAPS)
    assert experiment.readings.rows[3].nine_taps == tuple(map(tuple, convolution.tolist()))


def test_a_layer_asked_for_a_bias_is_exact_up_to_float32_rounding(experiment):
    bias = experiment.bias
    assert bias.bias != 0
    assert bias.deviation <= bias.bound < 1e-4


def test_the_layer_has_the_definition_that_it_is_asked_for():
    signal = ((0, 0, 0), (0, 1, 0), (0, 0, 0))
    assert layer_result(signal, NINE_TAPS, padding=1) == ((9, 8, 7), (6, 5, 4), (3, 2, 1))
    assert layer_result(signal, NINE_TAPS, padding=1, definition="convolution") == NINE_TAPS


def test_the_experiment_leaves_torchs_random_state_alone():
    torch = pytest.importorskip("torch")
    before = torch.get_rng_state()
    perform()
    assert torch.equal(torch.get_rng_state(), before)


MEASURED = {
    "torch.nn.Conv2d": ("cross-correlation", (), ((9, 8, 7), (6, 5, 4), (3, 2, 1))),
    "scipy.signal.convolve2d": ("convolution", (0, 1), NINE_TAPS),
    "scipy.ndimage.convolve": ("convolution", (0, 1), NINE_TAPS),
    "cv2.filter2D": ("cross-correlation", (), ((9, 8, 7), (6, 5, 4), (3, 2, 1))),
    "PIL.ImageFilter.Kernel": ("mixed", (0,), ((3, 2, 1), (6, 5, 4), (9, 8, 7))),
}


@pytest.mark.parametrize("operator", operators.OPERATORS, ids=lambda one: one.name)
def test_each_operator_reverses_the_axes_that_the_article_says(operator):
    pytest.importorskip(operator.library, reason=f"{operator.name} is measured on the library itself")
    measured = operators.measure(operator)
    assert (measured.definition, measured.reversed_axes, measured.delta) == MEASURED[operator.name]


def test_the_second_image_keeps_every_sum_within_8_bits():
    assert min(map(min, operators.SECOND)) >= 0
    assert max(map(max, operators.SECOND)) * int(np.sum(NINE_TAPS)) <= 255


def test_the_article_is_current():
    for operator in operators.OPERATORS:
        pytest.importorskip(operator.library, reason="the article's table needs every library in it")
    for library in ("skimage", "sklearn"):
        pytest.importorskip(library, reason="the costs of misuse are measured on the data that it packages")
    text = ARTICLE.read_text(encoding="utf-8")
    assert agree(refresh(text), text)


def test_the_article_shows_every_block_and_ends_with_what_to_do():
    text = ARTICLE.read_text(encoding="utf-8")
    assert re.findall(r"<!-- generated:(\S+) -->", text) == list(BLOCKS)
    assert re.findall("^## (.*)$", text, re.MULTILINE)[-1] == "Which one do I have, and what do I do?"


def test_the_articles_code_prints_what_the_article_says():
    text = ARTICLE.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    assert f"generated:weight -->\n```text\n{printed.getvalue()}```" in text
