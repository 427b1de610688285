"""`convention atlas`: its table, its rows, measuring anew and comparing, within 80 columns and with exit codes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from convention.__main__ import main
from convention.atlas import load, measuring
from convention.catalogue import lookup, operators


def invoke(*arguments, code=0, **environment):
    runner = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1", **environment})
    result = runner.invoke(main, ["atlas", *map(str, arguments)])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_the_table_has_every_function_once():
    text = invoke().stdout
    rows = [line.split() for line in text.partition("\n\n")[0].splitlines()]
    names = [row[0] for row in rows]
    for name in operators():
        assert name.rpartition(".")[2] in names
    words = " ".join(text.split())
    assert "filter2D conv! cross-correlation none whole-sample ..#. same" in words
    assert "lfilter filter convolution all zero #... causal" in words
    assert f"{len(operators())} functions" in words
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--mismatch",),
        ("--boundary", "edge"),
        ("--boundary", "constant"),
        ("--computes", "refused"),
        ("--same-as", "scipy.ndimage.correlate"),
        *((name,) for name in operators()),
    ],
    ids=" ".join,
)
def test_nothing_is_wider_than_80_columns_but_an_address(arguments):
    lines = invoke(*arguments).stdout.splitlines()
    assert [line for line in lines if len(line) > 80 and "https://" not in line] == []


def test_filters_name_the_options_that_meet_them():
    text = invoke("--boundary", "circular", "--library", "torch").stdout
    assert "with padding=1, padding_mode='circular'" in text
    assert "conv1d" not in text
    assert "No function" in invoke("--computes", "mixed", "--library", "numpy").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--library", "nump"), "did you mean 'numpy'?"),
        (("--computes", "conv"), "convolution, cross-correlation, mixed"),
        (("--boundary", "reflect"), "ambiguous"),
        (("--same-as", "numpy.convolv"), "did you mean 'numpy.convolve'?"),
        (("numpy.convolv",), "did you mean 'numpy.convolve'?"),
    ],
)
def test_an_unknown_word_is_refused_with_what_is_allowed(arguments, words):
    assert words in " ".join(invoke(*arguments, code=2).stderr.split())


def test_one_function_is_shown_with_its_border_and_its_anchor():
    text = invoke("scipy.ndimage.convolve").stdout
    assert text.startswith("scipy.ndimage.convolve computes a convolution (kernel reversed along every\naxis).\n")
    assert "border      half-sample  b a | a b c d | d c\n" in text
    assert "4 taps      sample   n-1    n  n+1  n+2\n            times   k[3] k[2] k[1] k[0]\n" in text
    assert "  mode='wrap'                    boundary periodic\n" in text
    pillow = invoke("PIL.ImageFilter.Kernel").stdout
    assert "computes neither definition (kernel reversed along axis 0 only)" in " ".join(pillow.split())
    assert "4 taps      refused" in pillow
    torch = invoke("torch.nn.Conv2d").stdout
    assert "  padding_mode='circular'        boundary periodic (with padding=1)\n" in torch
    assert "layout      signal NCHW, kernel OIHW, result NCHW\n" in torch


def test_rows_are_printed_for_programs():
    rows = [json.loads(line) for line in invoke("--library", "numpy", "--json").stdout.splitlines()]
    assert [row["operator"] for row in rows] == ["numpy.convolve", "numpy.correlate"]
    assert len(invoke("numpy.convolve", "--json").stdout.splitlines()) == 3


def test_measuring_writes_a_report_that_does_not_differ(tmp_path):
    before, after = tmp_path / "before.jsonl", tmp_path / "after.jsonl"
    invoke("measure", "numpy.convolve", "-o", before)
    result = invoke("measure", "numpy.convolve", "-o", after)
    assert result.stdout == ""
    assert result.stderr.startswith(f"wrote {after}: ")
    assert invoke("diff", before, after).stdout == ""


def test_a_library_that_is_missing_is_named_and_fails_nothing(monkeypatch, tmp_path):
    missing = replace(lookup("numpy.convolve"), library="no_such_library")
    monkeypatch.setattr(measuring, "lookup", lambda name: missing)
    told = invoke("measure", "numpy.convolve", "-o", tmp_path / "report.jsonl").stderr
    assert "  no_such_library is not installed: 3 of 3 sets of options have an older measurement\n" in told


def test_a_row_that_no_longer_holds_fails_the_measurement(monkeypatch, tmp_path):
    wrong = replace(lookup("numpy.convolve"), convention=lookup("numpy.correlate").convention)
    monkeypatch.setattr(measuring, "lookup", lambda name: wrong)
    report, shipped = tmp_path / "report.jsonl", tmp_path / "shipped.jsonl"
    result = invoke("measure", "numpy.convolve", "-o", report, code=1)
    assert "numpy.convolve(signal, kernel, mode='full'): stale since: for a signal of (9,)" in result.stderr
    from convention.atlas import write

    write(load(), shipped)
    text = invoke("diff", shipped, report, code=1).stdout
    assert 'numpy.convolve {"mode": "full"} state: measured -> stale since\n' in text


def test_files_that_are_no_atlas_are_refused(tmp_path):
    path = tmp_path / "no.jsonl"
    path.write_text("{}\n")
    assert "a header" in " ".join(invoke("diff", path, path, code=2).stderr.split())
    assert "cannot be read" in " ".join(invoke("diff", tmp_path / "none", path, code=2).stderr.split())
    assert "cannot be written" in " ".join(
        invoke("measure", "numpy.convolve", "-o", tmp_path / "no" / "x", code=2).stderr.split()
    )


def test_measuring_an_unknown_function_is_refused(tmp_path):
    assert "did you mean" in invoke("measure", "numpy.convolv", "-o", tmp_path / "x", code=2).stderr
