"""`convention demo`: what it prints, in colour and without, as JSON, in ASCII, and how it exits."""

import json
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="the demo runs torch.nn.Conv2d")

from convention.__main__ import main
from convention.experiment import report, typesetting
from convention.experiment.seed import perform


@pytest.fixture(scope="module")
def text():
    result = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(main, ["demo"])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_verdict_comes_first(text):
    assert text.splitlines()[0] == "torch's Conv2d computes a cross-correlation: it does not reverse the kernel."
    assert "FAILS" not in text


def test_it_is_one_or_two_screens_of_at_most_80_columns(text):
    lines = text.splitlines()
    assert 80 <= len(lines) <= 110
    assert max(map(len, lines)) <= 80


def test_without_colour_there_are_no_escape_codes(text):
    assert "\x1b" not in text


def test_it_shows_every_run_and_where_the_first_tap_went(text):
    for words in ("Run 0", "Run 1", "Run 2", "Run 3", "0.0062", "0.0968", "0.2881", "[row, column]", "What do I do?"):
        assert words in text
    assert "  1 2 3       ◤ −1 −2 −1    1  2  1          13  20  17   −13 −20 −17\n" in text
    assert "  7 8 9          1  2  1   −1 −2 −1 ◤       −13 −20 −17    13  20  17\n" in text


def test_the_advice_names_the_three_remedies(text):
    advice = text.partition("What do I do?")[2]
    assert "convention check KERNEL" in advice
    assert 'new_conv2d_with_kernel(..., definition="convolution")' in advice
    assert "convention.convolve(signal, kernel)" in advice


def test_json_has_the_runs_the_checks_the_operators_and_the_versions():
    result = CliRunner().invoke(main, ["demo", "--json"])
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert data["all_true"] is True
    assert [run["number"] for run in data["runs"]] == [0, 1, 2, 3]
    assert data["runs"][3]["layer"] == [[-13, -20, -17], [-18, -24, -18], [13, 20, 17]]
    assert data["runs"][3]["published"][0][0] == "-12.7119"
    assert all(check["verdict"] is True and check["name"] and check["part"] for check in data["checks"])
    assert data["operators"][0]["definition"] == "cross-correlation"
    assert {"python", "numpy", "torch"} <= set(data["versions"])


def test_colour_marks_the_words_and_is_never_the_only_sign():
    coloured = CliRunner(env={"FORCE_COLOR": "1", "COLORTERM": "truecolor", "COLUMNS": "80", "NO_COLOR": ""})
    output = coloured.invoke(main, ["demo"], color=True).stdout
    assert "\x1b[38;2;15;124;189mconvolution" in output
    assert "\x1b[1;38;2;196;82;0mcross-correlation" in output
    plain = "\n".join(line.plain for line in report.lines(perform()))
    assert re.sub(r"\x1b\[[0-9;]*m", "", output).split() == plain.split()


@pytest.mark.parametrize("colour", typesetting.COLOURS.values())
@pytest.mark.parametrize("paper", ["#ffffff", "#000000"])
def test_the_colours_can_be_read_on_white_and_on_black(colour, paper):
    brighter, darker = sorted((_luminance(colour), _luminance(paper)), reverse=True)
    assert (brighter + 0.05) / (darker + 0.05) >= 4.5  # WCAG 2.2, success criterion 1.4.3


def _luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear))


def test_an_ascii_terminal_gets_the_same_in_ascii(text):
    run = subprocess.run(
        [sys.executable, "-m", "convention", "demo"],
        env=os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "80", "NO_COLOR": "1"},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.decode("ascii").splitlines() == text.translate({ord("◤"): "*", ord("−"): "-"}).splitlines()


def test_without_torch_it_exits_4_with_the_install_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "convention.layers.torch", raising=False)
    result = CliRunner().invoke(main, ["demo", "--json"])
    assert result.exit_code == 4
    assert "pip install torch" in result.stderr
    assert result.stdout == ""


def test_another_missing_library_is_reported_and_no_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 0
    assert "not installed" in result.stdout
    assert "to measure cv2.filter2D: pip install opencv-python-headless" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
