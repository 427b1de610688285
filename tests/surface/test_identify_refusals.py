"""`identify` and `convention identify`: what they refuse, what they say, and which exit code they leave."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from convention.__main__ import main
from convention.errors import (
    ConventionError,
    ConventionFileError,
    ConventionTypeError,
    ConventionValueError,
    MissingLibraryError,
)
from convention.identification import identify

FILTERS = """
import numpy as np

def mirrored(x, k):
    return np.convolve(x, k, "same")

def blur(x):
    return np.convolve(x, [1, 2, 4])

def rectified(x, k):
    return abs(np.convolve(x, k))

def talkative(x, k):
    print("hello", x.shape)
    return np.convolve(x, k)

number = 3
"""

CHILD = """
import io, sys
import numpy as np
stream = io.BytesIO(sys.stdin.buffer.read())
signal, kernel = np.load(stream), np.load(stream)
np.save(sys.stdout.buffer, np.convolve(signal, kernel, "same"))
"""

JSON_CHILD = """
import json, sys
given = json.load(sys.stdin)
signal, kernel = given["signal"], given["kernel"]
result = [0.0] * (len(signal) + len(kernel) - 1)
for n, sample in enumerate(signal):
    for t, tap in enumerate(kernel):
        result[n + t] += sample * tap
json.dump(result, sys.stdout)
"""


@pytest.fixture
def filters(tmp_path: Path) -> Path:
    path = tmp_path / "filters.py"
    path.write_text(FILTERS)
    return path


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(main, ["identify", *map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "kind", "asked"),
    [
        ({"ndim": 4}, ValueError, "ndim=4"),
        ({"ndim": "2"}, TypeError, "ndim='2'"),
        ({"ndim": True}, TypeError, "ndim=True"),
        ({"time_limit": 0}, ValueError, "time_limit=0"),
        ({"time_limit": "long"}, TypeError, "time_limit='long'"),
        ({"kernel": [0, 0]}, ValueError, "kernel=[0, 0]"),
        ({"kernel": []}, ValueError, "kernel=[]"),
        ({"kernel": "text"}, ValueError, "kernel='text'"),
        ({"kernel": [1], "kernels": [[1]]}, TypeError, "kernel= and kernels="),
        ({"sizes": [3]}, TypeError, "sizes=[3]"),
        ({"sizes": [((9,), (3, 3))]}, ValueError, "sizes="),
        ({"sizes": [((9,), (3,))], "ndim": 2}, ValueError, "sizes="),
    ],
)
def test_arguments_that_cannot_be_used(arguments: dict[str, Any], kind: type, asked: str) -> None:
    with pytest.raises(ConventionError, match="allowed:") as caught:
        identify(np.convolve, **arguments)
    assert isinstance(caught.value, kind)
    assert caught.value.asked.startswith(asked)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (3, ConventionTypeError),
        ("numpy.convolv", ConventionValueError),
        ("numpy.pi", ConventionTypeError),
        ("convolve", ConventionValueError),
        ("no_such_library.convolve", MissingLibraryError),
        ("nowhere.py:f", ConventionFileError),
        ("cmd:", ConventionValueError),
        ("cmd:'", ConventionValueError),
        ("cmd:no-such-program-anywhere", ConventionFileError),
    ],
)
def test_targets_that_are_nothing_to_call(target: Any, kind: type) -> None:
    with pytest.raises(kind, match="allowed:"):
        identify(target)


def test_a_file_without_that_function_names_those_it_has(filters: Path) -> None:
    with pytest.raises(ConventionValueError, match="blur"):
        identify(f"{filters}:sharpen")
    with pytest.raises(ConventionTypeError, match="cannot be called"):
        identify(f"{filters}:number")


def test_a_file_that_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(ConventionFileError, match="ZeroDivisionError"):
        identify(f"{tmp_path / 'broken.py'}:f")


def test_a_function_in_a_file(filters: Path) -> None:
    found = identify(f"{filters}:mirrored")
    assert found.definition == "convolution"
    assert found.fields["size"].value == ("same",)


def test_what_a_function_prints_is_kept_back(filters: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = identify(f"{filters}:talkative")
    assert found.definition == "convolution"
    assert capsys.readouterr().out == ""
    assert any("printed" in line for line in found.evidence)


def test_a_warning_is_no_refusal() -> None:
    def function(x: Any, k: Any) -> Any:
        import warnings

        warnings.warn("old", DeprecationWarning, stacklevel=1)
        return np.convolve(x, k)

    assert identify(function, ndim=1).definition == "convolution"


def test_the_names_of_the_catalogue_are_identified_with_their_defaults() -> None:
    found = identify("numpy.convolve")
    assert found.verdict.startswith("numpy.convolve computes a convolution")
    assert found.fields["size"].value == ("full",)


def test_a_time_limit_ends_a_slow_function() -> None:
    def slow(x: Any, k: Any) -> Any:
        sleep(0.2)
        return np.convolve(x, k)

    start = monotonic()
    found = identify(slow, ndim=1, time_limit=0.5)
    assert found.verdict.startswith("undetermined because the time limit of 0.5 s was reached after")
    assert monotonic() - start < 5


@pytest.mark.parametrize(("prefix", "text", "size"), [("cmd", CHILD, "same"), ("cmd+json", JSON_CHILD, "full")])
def test_a_program(tmp_path: Path, prefix: str, text: str, size: str) -> None:
    (tmp_path / "child.py").write_text(text)
    found = identify(f"{prefix}:{sys.executable} {tmp_path / 'child.py'}", ndim=1)
    assert found.definition == "convolution", found.verdict
    assert found.fields["size"].value == (size,)


def test_a_program_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    marker = tmp_path / "alive"
    later = f"import time, pathlib; time.sleep(2); pathlib.Path({str(marker)!r}).touch()"
    text = f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {later!r}])\ntime.sleep(60)\n"
    (tmp_path / "child.py").write_text(text)
    found = identify(f"cmd:{sys.executable} {tmp_path / 'child.py'}", ndim=1, time_limit=3.0)
    assert "did not end within 1.0 s" in found.verdict
    sleep(2.5)
    assert not marker.exists()


def test_the_answer_as_plain_data() -> None:
    data = json.loads(json.dumps(identify(np.correlate, ndim=1).to_dict()))
    assert data["convention"]["reversed_axes"] == "none"
    assert data["fields"]["boundary"]["state"] == "open"
    assert len(data["fields"]["boundary"]["candidates"]) == 6
    assert data["arithmetic"]["nan"] == "window"


def test_the_command_says_the_verdict_first_and_stays_in_80_columns() -> None:
    result = run("numpy.convolve")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].startswith("numpy.convolve computes a convolution: kernel reversed along every axis")
    assert max(map(len, lines)) <= 80
    assert "border     0 0 | a b c d | 0 0   zero" in lines
    assert "anchor     sample   n-3   n-2   n-1     n" in lines
    assert "           times   k[3]  k[2]  k[1]  k[0]   four taps" in lines
    assert "to get     convolution        pass kernel" in lines
    assert "           cross-correlation  pass kernel[::-1]" in lines


def test_the_command_on_pillow() -> None:
    pytest.importorskip("PIL", reason="identifies Pillow")
    result = run("PIL.ImageFilter.Kernel")
    assert result.stdout.startswith("PIL.ImageFilter.Kernel is mixed: kernel reversed along axis 0 only")
    assert "anchor     kernels of even length are refused" in result.stdout
    assert "convolution        pass kernel[:, ::-1]" in result.stdout
    assert "cross-correlation  pass kernel[::-1, :]" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["convolution"], 0),
        (["convolution", "full", "zero"], 0),
        (["cross-correlation"], 1),
        (["convolution", "same"], 1),
    ],
)
def test_expectations(words: list[str], code: int) -> None:
    result = run("numpy.convolve", *(part for word in words for part in ("--expect", word)))
    assert result.exit_code == code, result.output
    assert result.stdout.count("expected ") == len(words)


def test_an_expectation_about_what_is_open_is_undetermined() -> None:
    assert run("numpy.correlate", "--expect", "zero").exit_code == 3
    assert run("numpy.correlate", "--expect", "zero", "--expect", "convolution").exit_code == 1


def test_a_misspelt_expectation_is_refused() -> None:
    result = run("numpy.convolve", "--expect", "convolutions")
    assert result.exit_code == 2
    assert "did you mean 'convolution'?" in result.stderr


def test_exit_codes_without_a_definition(filters: Path) -> None:
    assert run(f"{filters}:rectified").exit_code == 3
    assert run(f"{filters}:rectified", "--expect", "convolution").exit_code == 1
    assert run(f"{filters}:blur").exit_code == 3
    assert run(f"{filters}:blur", "--kernel", "1 2 4").exit_code == 0
    assert run("nowhere.py:f").exit_code == 2
    assert run("no_such_library.convolve").exit_code == 4


def test_the_command_for_programs(filters: Path) -> None:
    result = run(f"{filters}:talkative", "--json", "--ndim", "1", "--expect", "full")
    answer = json.loads(result.stdout)
    assert (answer["definition"], answer["expected"]) == ("convolution", {"full": True})
