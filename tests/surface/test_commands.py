"""The command line: exact numbers, exit codes, streams, and nothing wider than it must be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import convention
from convention import __main__ as command_line
from convention.__main__ import COMMANDS, main
from convention.errors import MissingLibraryError

SIGNAL, SOBEL = "1 2 3; 4 5 6; 7 8 9", "-1 -2 -1; 0 0 0; 1 2 1"
# The experiment's run 2 (cross-correlation) and its mathematical text (convolution).
CORRELATED, CONVOLVED = "13 20 17\n18 24 18\n-13 -20 -17", "-13 -20 -17\n-18 -24 -18\n13 20 17"


# Subprocesses import the package that these tests import, installed or not.
ENVIRONMENT = os.environ | {"COLUMNS": "80", "PYTHONPATH": str(Path(convention.__file__).parents[1])}


def invoke(*arguments, code=0, stdin=None):
    result = CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def run(*arguments, stdin=b"", **environment):
    process = subprocess.run(
        [sys.executable, "-m", "convention", *arguments],
        input=stdin,
        capture_output=True,
        env=ENVIRONMENT | environment,
        timeout=60,
    )
    assert b"Traceback" not in process.stderr
    return process


def numbers(text):
    return [[int(token) for token in line.split()] for line in text.splitlines()]


def test_compute_tells_the_two_definitions_apart():
    assert numbers(CONVOLVED) != numbers(CORRELATED)
    convolved = invoke("compute", SIGNAL, "--kernel", SOBEL)
    assert numbers(convolved.stdout) == numbers(CONVOLVED)
    assert convolved.stderr.splitlines() == [
        'convolution (kernel reversed along every axis), size "same", boundary "zero" ( 0 0 | a b c d | 0 0 )'
    ]
    correlated = invoke("compute", SIGNAL, "--kernel", SOBEL, "--definition", "cross-correlation")
    assert numbers(correlated.stdout) == numbers(CORRELATED)
    assert correlated.stderr.startswith("cross-correlation (kernel not reversed)")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # By hand: 219 = 1*9+2*8+3*7 + 6*6+7*5+8*4 + 11*3+12*2+13*1, and 411 the other way round.
        (("1..25", "--kernel", "1..9", "--size", "valid"), [[219, 264, 309], [444, 489, 534], [669, 714, 759]]),
        (
            ("1..25", "--kernel", "1..9", "--size", "valid", "--definition", "cross-correlation"),
            [[411, 456, 501], [636, 681, 726], [861, 906, 951]],
        ),
        (("1 2 3", "--kernel", "1 0 5"), [[2, 8, 10]]),
        (("1 2 3", "--kernel", "1 0 5", "--size", "full"), [[1, 2, 8, 10, 15]]),
        (("1 2 3", "--kernel", "1 0 5", "--size", "1:2"), [[2, 8, 10, 15]]),
        (("1 2 3", "--kernel", "1 0 5", "--size", "-1:2"), [[10, 15]]),
        (("1 2 3", "--kernel", "1 0 5", "--boundary", "edge"), [[7, 8, 13]]),
        (("1 2 3", "--kernel", "1 0 5", "--boundary", "constant", "--value", "7"), [[37, 8, 17]]),
        (("1 2 3", "--kernel", "1 0 5", "--stride", "2"), [[2, 10]]),
        (("1 2 3", "--kernel", "1 5", "--dilation", "2", "--size", "full"), [[1, 2, 8, 10, 15]]),
        (("1 2", "--kernel", "1 3", "--upsample", "2", "--size", "full"), [[1, 3, 2, 6]]),
        (("1 2; 3 4", "--kernel", "1 3;", "--size", "valid,full"), [[1, 5, 6], [3, 13, 12]]),
        (("1 2; 3 4", "--kernel", "1 3;", "--size", "0:0,1:0"), [[1, 5], [3, 13]]),
        (("1 2; 3 4", "--kernel", "1 3;", "--boundary", "zero,edge"), [[4, 5], [12, 13]]),
        (("1..16", "--kernel", "1;", "--stride", "2,3"), [[1, 4], [9, 12]]),
        (("1..9", "--kernel", "1 2 3", "--axes", "1", "--size", "valid"), [[10], [28], [46]]),
        (("1 2 3", "--kernel", "100 0 5", "--dtype", "uint8", "--overflow", "saturate"), [[200, 255, 10]]),
        (("1 2 3", "--kernel", "100 0 5", "--dtype", "uint8", "--overflow", "wrap"), [[200, 49, 10]]),
        (("-1 2", "--kernel", "-1 3", "--method", "direct"), [[1, -5]]),
        (("--kernel", "-1 3", "--", "-1 2"), [[1, -5]]),
    ],
)
def test_compute_passes_every_option_on(options, expected):
    assert numbers(invoke("compute", *options).stdout.replace(";", "")) == expected


def test_compute_conjugates_the_kernel_only_where_asked():
    assert invoke("compute", "1 2", "--kernel", "1j").stdout.split() == ["1j", "2j"]
    assert invoke("compute", "1+1j", "--kernel", "1+2j", "--conjugate").stdout.split() == ["3-1j"]


def test_compute_prints_json():
    record = json.loads(invoke("compute", "1 2 3", "--kernel", "1 0 5", "--boundary", "edge", "--json").stdout)
    assert record["result"] == [7, 8, 13]
    assert (record["dtype"], record["shape"]) == ("int64", [3])
    assert record["convention"]["boundary"] == "edge"
    assert record["convention"]["reversed_axes"] == "all"
    assert json.loads(invoke("compute", "1", "--kernel", "2j", "--json").stdout)["result"] == ["2j"]


def test_compute_writes_a_file_and_keeps_one_that_is_there(tmp_path):
    path = tmp_path / "out.npy"
    result = invoke("compute", SIGNAL, "--kernel", SOBEL, "-o", path)
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1] == f"wrote {path}: int64, shape 3x3"
    assert np.load(path).tolist() == numbers(CONVOLVED)
    assert "it is kept" in invoke("compute", "1", "--kernel", "1", "-o", path, code=2).stderr
    assert np.load(path).tolist() == numbers(CONVOLVED)
    record = json.loads(invoke("compute", "5", "--kernel", "3", "-o", path, "--force", "--json").stdout)
    assert record["output"] == str(path)
    assert "result" not in record
    assert np.load(path).tolist() == [15]


def test_the_printed_result_is_read_again():
    first = invoke("compute", SIGNAL, "--kernel", SOBEL).stdout
    again = invoke("compute", "-", "--kernel", "1;", stdin=first).stdout
    assert numbers(again) == numbers(CONVOLVED)
    assert numbers(invoke("compute", "1;", "--kernel", "-", "--size", "full", stdin=first).stdout) == numbers(CONVOLVED)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("frob",), "No such command 'frob'"),
        (("chekc",), "No such command 'chekc': did you mean 'check'?"),
        (("compute", "1..16", "--kernel", "1 0 -1"), "1..16 was read as 4x4; write 1..16@16 for one axis"),
        (("compute", "1 2 3", "--kernel", "1..9"), "1..9 was read as 3x3; write 1..9@9 for one axis"),
        (("check",), "Missing argument 'KERNEL'"),
        (("check", ""), "it is empty"),
        (("check", "hello"), "there is no kernel of this name, and it is no number"),
        (("check", "sobelx"), "did you mean 'sobel-x'?"),
        (("check", "gaussian-4"), "use 3 or 5"),
        (("check", "1 hello"), "'hello' in row 1, column 2 is not a number"),
        (("check", "1 2; 3"), "1 in row 2, 2 in row 1"),
        (("check", "photo.png"), ".npy, .csv, .json"),
        (("check", "none.npy"), "there is no such file"),
        (("check", "[]"), "it has no taps"),
        (("check", "--jsn"), "No such option '--jsn'"),
        (("check", "-"), "read standard input (-): it is empty"),
        (("compute", "1 2"), "Missing option '--kernel'"),
        (("compute", "--sise", "1 2", "--kernel", "1"), "No such option '--sise'"),
        (("compute", "1 2", "--kernel", "1", "--sise", "same"), "No such option '--sise'"),
        (("compute", "1", "2", "--kernel", "1"), "write an array as one word"),
        (("compute", "1 2", "--kernel", "1", "--view", "offset"), "--view is for images"),
        (("compute", "-", "--kernel", "-"), "only one standard input"),
        (("compute", "1 2", "--kernel", "x"), "there is no kernel of this name"),
        (("compute", "1..9", "--kernel", "1 2 3"), "without axes="),
        (("compute", "1 2", "--kernel", "1", "--definition", "conv"), "convention='conv'"),
        (("compute", "1 2", "--kernel", "1", "--size", "sane"), "there is no size 'sane'"),
        (("compute", "1 2", "--kernel", "1", "--size", "1:x"), "there is no size '1:x'"),
        (("compute", "1 2", "--kernel", "1", "--size", "1:2,0:0"), "a convention for 2 axes on 1"),
        (("compute", "1 2", "--kernel", "1", "--boundary", "reflect"), "'reflect' is ambiguous"),
        (("compute", "1 2", "--kernel", "1", "--value", "5"), "this boundary does not use a value"),
        (("compute", "1 2", "--kernel", "1", "--value", "five"), "the number 'five': it is not a number"),
        (("compute", "1 2", "--kernel", "1", "--stride", "0"), "less than 1"),
        (("compute", "1 2", "--kernel", "1", "--stride", "x"), "stride='x'"),
        (("compute", "1 2", "--kernel", "1", "--dtype", "foo"), "dtype='foo'"),
        (("compute", "1 2", "--kernel", "1", "--overflow", "clip"), "overflow='clip'"),
        (("compute", "1 2", "--kernel", "1", "--method", "magic"), "method='magic'"),
        (("compute", "300", "--kernel", "1", "--dtype", "uint8"), "a result of dtype uint8"),
        (("compute", "9223372036854775807", "--kernel", "2"), "an exact sum of integers in int64"),
        (("compute", "1 2", "--kernel", "1", "-o", "out.png"), "the suffix '.png' is not written"),
        (("compute", "1 2", "--kernel", "1", "--upsample", "99999999999999999"), "at most 1099511627776 positions"),
    ],
)
def test_bad_input_is_refused_on_standard_error(arguments, said):
    result = invoke(*arguments, code=2)
    assert result.stdout == ""
    assert said in " ".join(result.stderr.split())
    assert max(map(len, result.stderr.splitlines())) <= 80
    assert result.stderr.startswith(("convention: ", "Usage: "))


def test_a_refusal_comes_before_the_computation(tmp_path, monkeypatch):
    def must_not_run(*_, **__):
        raise AssertionError

    monkeypatch.setattr("convention.engine.apply", must_not_run)
    invoke("compute", "1 2", "--kernel", "1", "-o", tmp_path / "a.txt", code=2)
    assert isinstance(CliRunner().invoke(main, ["compute", "1 2", "--kernel", "1"]).exception, AssertionError)


@pytest.mark.parametrize(
    ("kernel", "first"),
    [
        ("1 2 1; 2 4 2; 1 2 1", "the word does not matter"),
        ("-1 0 1; -2 0 2; -1 0 1", "the word matters for the sign"),
        ("-2 -1 0; -1 1 1; 0 1 2", "the word matters: reversing this kernel changes 6 of its 9 taps"),
        ("1 0 0", "the word matters for the position"),
    ],
)
def test_check_says_the_verdict_first(kernel, first):
    assert invoke("check", kernel).stdout.startswith(first)


def test_check_shows_the_kernel_beside_the_reversed_one():
    assert invoke("check", "1..9").stdout.splitlines()[1:] == [
        "",
        "kernel as given      reversed along every axis",
        "◤ 1 2 3              9 8 7",
        "  4 5 6              6 5 4",
        "  7 8 9              3 2 1 ◤",
    ]
    assert invoke("check", "-1 0 2").stdout.splitlines()[-1] == "◤ −1 0 2             2 0 −1 ◤"
    cube = invoke("check", "1..8@2x2x2").stdout
    assert cube.count("◤") == 2
    assert "[0, :, :]\n" in cube
    assert cube.rstrip().endswith("2 1 ◤")


@pytest.mark.parametrize(
    "kernel",
    [
        "1..900",
        "1..2000@2000",
        "1..400@100x2x2",
        " ".join(["-1234567890123456789"] * 3),
        " ".join(["-1.23456789e-105-1.23456789e-105j"] * 7),
    ],
)
def test_check_leaves_out_the_middle_of_large_kernels(kernel):
    out = invoke("check", kernel).stdout
    assert "…" in out
    assert out.count("◤") == 2
    assert max(map(len, out.splitlines())) <= 80
    assert len(out.splitlines()) <= 40


def test_check_says_what_the_source_of_a_named_kernel_means():
    out = invoke("check", "sobel-x").stdout
    assert out.startswith("the word matters for the sign")
    assert out.splitlines()[4] == "◤ −1 0 1             1 0 −1"
    assert "sobel-x, as its source defines it, is meant for cross-correlation: positive\nwhere" in out
    assert out.splitlines()[-1] == "source: https://docs.opencv.org/4.x/d4/d86/group__imgproc__filter.html"
    assert "is meant for either definition: " in invoke("check", "gaussian-5").stdout
    assert "is meant for convolution: " in invoke("check", "shift--1-2").stdout
    assert "source" not in invoke("check", "-1 0 1; -2 0 2; -1 0 1").stdout
    named = json.loads(invoke("check", "emboss", "--json").stdout)["named"]
    assert (named["name"], named["definition"]) == ("emboss", "cross-correlation")
    assert json.loads(invoke("check", "1 2", "--json").stdout)["named"] is None


def test_check_prints_json():
    record = json.loads(invoke("check", "1 0 0", "--json").stdout)
    assert record["relation"] == "moved"
    assert (record["reversal_matters"], record["anchor_matters"]) == (True, False)
    assert (record["changed"], record["taps"]) == (2, 3)
    assert len(record["moved"]) == 1
    assert (record["kernel"], record["reversed"]) == ([1, 0, 0], [0, 0, 1])
    assert record["reason"].startswith("the word matters for the position")


def test_check_reads_files_and_standard_input(tmp_path):
    (tmp_path / "k.csv").write_text("1,2\n3,4\n")
    shown = invoke("check", "1 2; 3 4").stdout
    assert invoke("check", tmp_path / "k.csv").stdout == shown
    assert invoke("check", "-", stdin="[[1, 2], [3, 4]]").stdout == shown


def test_the_listed_commands_are_those_that_exist():
    context = click.Context(main)
    assert main.list_commands(context) == list(COMMANDS)
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert isinstance(command, click.Command)
        assert command.name == name
        assert name in invoke("--help").stdout
    assert main.get_command(context, "frob") is None


@pytest.mark.parametrize("arguments", [(), ("check",), ("compute",), ("demo",)])
def test_help_is_at_most_80_columns_wide(arguments):
    out = run(*arguments, "--help").stdout.decode()
    assert out.startswith("Usage: convention")
    assert max(map(len, out.splitlines())) <= 80


def test_help_imports_no_command():
    code = (
        "import sys; from click.testing import CliRunner; from convention.__main__ import main;"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0;"
        "sys.exit(any(name.startswith(('convention.commands.', 'torch', 'scipy', 'cv2')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, timeout=60).returncode == 0


def test_version():
    assert invoke("--version").stdout == "convention, version 0.1.0\n"


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"FORCE_COLOR": "1"}, {"TERM": "xterm-256color"}])
def test_piped_output_has_no_escape_codes(environment):
    process = run("check", "1..9", **environment)
    assert process.returncode == 0
    assert b"\x1b" not in process.stdout + process.stderr
    process = run("check", "hello", **environment)
    assert process.returncode == 2
    assert process.stdout == b""
    assert b"\x1b" not in process.stderr


def test_a_pipe_of_two_commands():
    first = run("compute", SIGNAL, "--kernel", SOBEL)
    assert (first.returncode, numbers(first.stdout.decode())) == (0, numbers(CONVOLVED))
    second = run("check", "-", "--json", stdin=first.stdout)
    record = json.loads(second.stdout)
    assert (record["relation"], record["changed"]) == ("different", 6)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_the_marks_gets_ascii(encoding):
    process = run("check", "-1 0 2", PYTHONIOENCODING=encoding)
    assert process.returncode == 0
    assert process.stdout.decode("ascii").splitlines()[-1] == "* -1 0 2             2 0 -1 *"


def test_only_a_range_that_was_made_square_is_mentioned():
    for signal in ("1..16@4x4", "1 2; 3 4"):
        assert "was read as" not in invoke("compute", signal, "--kernel", "1 0 -1", code=2).stderr


def test_the_help_of_a_kernel_says_how_to_list_the_names():
    assert "an unknown name lists them all" in " ".join(invoke("compute", "--help").stdout.split())


# rich, which prints the tables of some commands, answers a closed pipe itself.
@pytest.mark.parametrize(
    "body", ["Console().print('a'); context.exit(0)", "print('a'); context.exit(0)", "print('a' * 10**6)"]
)
def test_every_way_of_printing_into_a_closed_pipe_ends_alike(body):
    code = (
        "import click; from rich.console import Console; from convention import __main__ as m\n"
        f"def f(context): {body}\n"
        "other = click.command()(click.pass_context(f)); m._Commands.get_command = lambda *_: other\n"
        "import sys; sys.argv[1:] = ['check']; m.main()"
    )
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, env=ENVIRONMENT, timeout=60
    )
    os.close(writing)
    assert (process.returncode, process.stderr) == (141, b"")


def test_a_reader_that_goes_away_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "convention", "compute", "1..1000000@1000x1000", "--kernel", "1;"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    process.stdout.read(10)
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(timeout=60) == 141
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (MissingLibraryError("the demo", "torch is missing", "torch", "pip install torch"), 4, "do: pip install torch"),
        (KeyboardInterrupt(), 130, ""),
        (MemoryError("2 EiB"), 2, "the arrays do not fit into memory: 2 EiB"),
    ],
)
def test_exit_codes_of_what_a_command_raises(monkeypatch, problem, code, said):
    def fail(*_, **__):
        raise problem

    monkeypatch.setattr("convention.comparison.check", fail)
    result = invoke("check", "1 2", code=code)
    assert said in result.stderr
    assert result.stdout == ""


def test_a_command_chooses_its_own_exit_code(monkeypatch):
    @click.command()
    @click.pass_context
    def other(context):
        context.exit(3)

    monkeypatch.setattr(command_line._Commands, "get_command", lambda *_: other)
    invoke("check", code=3)
