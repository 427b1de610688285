"""Each cost, fed a wrong operation, must say that it is not shown; and the article must see what is stale."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="the costs train a small network")
pytest.importorskip("cv2", reason="the costs carry kernels to OpenCV")
pytest.importorskip("skimage", reason="the costs are measured on its photograph")
pytest.importorskip("sklearn", reason="the costs are measured on its digits")
pytest.importorskip("PIL", reason="the costs are drawn")

from convention.__main__ import main
from convention.engine import convolve, correlate
from convention.experiment import article
from convention.experiment import consequences as room
from convention.experiment.consequences import (
    anchor,
    associativity,
    data,
    deconvolution,
    derivative,
    motion,
    performance,
    report,
    weights,
)
from convention.experiment.consequences.performance import Consequences


@pytest.fixture(scope="module")
def photo():
    return data.photograph()


def failed(cost):
    return [check.name for check in cost.checks if not check.verdict]


def rows_only(signal, kernel, **keywords):
    return correlate(signal, kernel[::-1], **keywords)


def off_by_one(signal, kernel, **keywords):
    return convolve(signal, kernel, **keywords) + 1


@pytest.mark.parametrize("wrong", [correlate, rows_only, off_by_one])
def test_a_gradient_that_does_not_turn_is_seen(monkeypatch, photo, wrong):
    monkeypatch.setattr(derivative, "convolve", wrong)
    cost = derivative.derivative(photo)
    assert failed(cost) != []
    assert cost.verdict.startswith("NOT shown on these data. What does not hold: ")


@pytest.mark.parametrize("wrong", [correlate, rows_only])
def test_an_image_that_does_not_move_as_it_should_is_seen(monkeypatch, photo, wrong):
    monkeypatch.setattr(motion, "convolve", wrong)
    assert "as convolution, the image moves to where the streak's centre of mass is" in failed(motion.motion(photo))


def test_a_centred_streak_moves_nothing_and_shows_nothing(monkeypatch, photo):
    monkeypatch.setattr(motion, "STREAK", np.ones((5, 7), dtype=np.int64))
    cost = motion.motion(photo)
    assert failed(cost) == []
    assert cost.figures[-1].value == 0


def test_a_deconvolution_that_restores_either_way_or_neither_is_seen(monkeypatch, photo):
    monkeypatch.setattr(deconvolution, "ITERATIONS", 3)
    symmetric = np.outer(np.hanning(23)[1:-1], np.hanning(23)[1:-1])
    monkeypatch.setattr(deconvolution, "coma", lambda: symmetric / symmetric.sum())
    assert len(failed(deconvolution.deconvolution(photo))) == 2
    monkeypatch.undo()
    monkeypatch.setattr(deconvolution, "ITERATIONS", 3)
    monkeypatch.setattr(deconvolution, "correlate", convolve)
    assert failed(deconvolution.deconvolution(photo)) == [
        "the right definition restores: its PSNR ends above that of the blurred image"
    ]


@pytest.fixture
def short_training(monkeypatch):
    monkeypatch.setattr(weights, "_EPOCHS", 1)


@pytest.mark.usefixtures("short_training")
@pytest.mark.parametrize(
    ("wrong", "seen"),
    [
        (lambda taps: taps, "under the other definition it reads fewer than half as many"),
        (lambda taps: taps, "computes what the other definition computes"),
        (lambda taps: taps.flip(-2), "computes what the other definition computes"),
        (lambda taps: taps.flip(0), "computes what the other definition computes"),
        (lambda taps: taps * -1.5, "reversing its kernels back restores every single answer"),
    ],
    ids=["none", "none, in the layer", "rows only", "channels", "no way back"],
)
def test_a_reversal_that_is_none_is_seen(monkeypatch, wrong, seen):
    def reverse(torch, network):
        with torch.no_grad():
            for layer in network:
                if isinstance(layer, torch.nn.Conv2d):
                    layer.weight.copy_(wrong(layer.weight))

    monkeypatch.setattr(weights, "reverse_kernels", reverse)
    assert seen in " ".join(failed(weights.weights()))


@pytest.mark.usefixtures("short_training")
def test_a_network_that_cannot_read_and_another_definition_are_seen(monkeypatch):
    monkeypatch.setattr(weights, "convolve", correlate)
    names = " ".join(failed(weights.weights()))
    assert "reads at least 95 %" in names
    assert "what the other definition computes" in names


def test_a_library_with_another_anchor_is_seen(monkeypatch, photo):
    ports = {"cv2.filter2D": lambda samples, kernel, moved: anchor._filter2d(samples, kernel, True)}
    monkeypatch.setattr(anchor, "PORTS", ports)
    assert failed(anchor.anchor(photo)) == [
        "with 2x2 and 4x4 taps, the reversed kernel gives the same image moved by one row and one column"
    ]
    monkeypatch.setattr(anchor, "PORTS", {"cv2.filter2D": lambda samples, kernel, _: samples})
    assert len(failed(anchor.anchor(photo))) == 3


@pytest.mark.parametrize(
    ("name", "wrong", "claims"),
    [
        ("convolve", correlate, 2),
        ("convolve", off_by_one, 2),
        ("correlate", convolve, 1),
    ],
)
def test_filters_that_do_not_combine_as_they_should_are_seen(monkeypatch, photo, name, wrong, claims):
    monkeypatch.setattr(associativity, name, wrong)
    assert len(failed(associativity.associativity(photo))) == claims


@pytest.fixture(scope="module")
def broken(photo):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(derivative, "convolve", correlate)
        cost = derivative.derivative(photo)
    good = [motion.motion(photo)]
    return Consequences(photo="a photograph", costs=(cost, *good), versions={"numpy": np.__version__})


@pytest.mark.parametrize("mode", [[], ["--json"]])
def test_the_command_exits_1_and_says_so(monkeypatch, tmp_path, broken, mode):
    monkeypatch.setattr(room, "perform", lambda *_, **__: broken)
    monkeypatch.setattr(performance, "NAMES", ())
    from convention.experiment.consequences import output

    monkeypatch.setattr(output, "NAMES", tuple(cost.picture for cost in broken.costs))
    result = CliRunner().invoke(main, ["consequences", "--out", str(tmp_path), *mode])
    assert result.exit_code == 1
    page = (tmp_path / "consequences.html").read_text(encoding="utf-8")
    assert "NOT all shown: 3 of 6 checks fail." in page
    assert page.count("<strong>FAILS</strong>") == 3
    if mode:
        assert json.loads(result.stdout)["all_true"] is False
    else:
        assert result.stdout.startswith("NOT all shown: 3 of 6 checks fail")
        assert "turns by" not in result.stdout
        assert result.stdout.count("  FAILS  ") == 3


def test_no_costs_at_all_prove_nothing(broken):
    assert replace(broken, costs=()).all_true is False


def test_the_article_is_not_written_from_costs_that_are_not_shown(monkeypatch, broken):
    monkeypatch.setattr(article, "perform_consequences", lambda: broken)
    with pytest.raises(ValueError, match="checks that do not hold") as refusal:
        article.refresh("<!-- generated:consequences -->\n<!-- /generated -->\n")
    assert "convention consequences" in str(refusal.value)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("20.9 dB", "20.8 dB", True),
        ("20.9 dB", "21.4 dB", True),
        ("20.9 dB", "21.5 dB", False),
        ("26,021 pixels", "26,022 pixels", False),
        ("+35.0", "−35.0", False),
        ("0.0062", "0.0063", False),
        ("moved by 1", "moves by 1", False),
        ("20.9 dB", "20.9 dB, 3.0", False),
    ],
)
def test_the_article_may_differ_in_last_digits_only(one, other, same):
    assert article.agree(one, other) is same


def test_a_report_of_a_failed_cost_stays_within_80_columns(broken):
    assert max(len(line.plain) for cost in broken.costs for line in report.tell(cost)) <= 80
