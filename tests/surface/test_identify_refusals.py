"""`identify` and `convention identify`: what they refuse, what they say, and which exit code they leave."""

from __future__ import annotations

import json
import subprocess
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
from convention.identification import identify, programs

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
import sys, numpy
signal, kernel = numpy.load(sys.stdin.buffer), numpy.load(sys.stdin.buffer)
numpy.save(sys.stdout.buffer, numpy.convolve(signal, kernel, "same"))
"""

COPYING_CHILD = """
import io, sys, numpy
stream = io.BytesIO(sys.stdin.buffer.read())
signal, kernel = numpy.load(stream), numpy.load(stream)
result = io.BytesIO()
numpy.save(result, numpy.convolve(signal, kernel, "same"))
sys.stdout.buffer.write(result.getvalue())
"""

WHOLE_CHILD = """
import json, sys
given = json.load(sys.stdin)
x, k = given["signal"], given["kernel"]
sums = [sum(x[n - t] * k[t] for t in range(len(k)) if 0 <= n - t < len(x)) for n in range(len(x) + len(k) - 1)]
print(json.dumps([int(y) if y == int(y) else y for y in sums]))
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


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("prefix", "text", "size"),
    [
        ("cmd", CHILD, "same"),
        ("cmd", COPYING_CHILD, "same"),
        ("cmd+json", JSON_CHILD, "full"),
        ("cmd+json", WHOLE_CHILD, "full"),
    ],
)
def test_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str, text: str, size: str, unbuffered: str
) -> None:
    # numpy.save asks a buffered stream for its position, and an unbuffered one not
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    (tmp_path / "child.py").write_text(text)
    found = identify(f"{prefix}:{sys.executable} {tmp_path / 'child.py'}", ndim=1)
    assert found.definition == "convolution", found.verdict
    assert found.fields["size"].value == (size,)


@pytest.mark.parametrize("where", ["the documentation", "the help"])
def test_the_lines_that_are_shown_make_a_program(tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = run("--help").stdout if where == "the help" else str(programs.__doc__)
    lines = [line.strip() for line in text.splitlines() if "numpy.load(sys" in line or "numpy.save(sys" in line]
    assert len(lines) == 2
    monkeypatch.setenv("PYTHONUNBUFFERED", "")
    (tmp_path / "child.py").write_text("import sys, numpy\nmy_filter = numpy.convolve\n" + "\n".join(lines))
    assert identify(f"cmd:{sys.executable} {tmp_path / 'child.py'}", ndim=1).fields["size"].value == ("full",)


def test_a_program_of_the_signal_alone(tmp_path: Path) -> None:
    text = "import sys, numpy as np\nx = np.load(sys.stdin.buffer)\nnp.save(sys.stdout.buffer, np.convolve(x, [1, 2]))"
    (tmp_path / "child.py").write_text(text)
    result = run(f"cmd:{sys.executable} {tmp_path / 'child.py'}", "--kernel", "1 2", "--expect", "convolution")
    assert result.exit_code == 0, result.output


def test_a_program_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    marker = tmp_path / "alive"
    later = f"import time, pathlib; time.sleep(2); pathlib.Path({str(marker)!r}).touch()"
    text = f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {later!r}])\ntime.sleep(60)\n"
    (tmp_path / "child.py").write_text(text)
    found = identify(f"cmd:{sys.executable} {tmp_path / 'child.py'}", ndim=1, time_limit=3.0)
    assert "did not end within 1.0 s" in found.verdict
    sleep(2.5)
    assert not marker.exists()


def test_what_a_target_prints_does_not_mix_with_the_answer(tmp_path: Path) -> None:
    text = (
        "import os, numpy as np\nprint('loading')\ndef f(x, k):\n    print('calling')\n"
        "    os.write(1, b'from below')\n    os.system('echo from a child')\n    return np.convolve(x, k)\n"
    )
    (tmp_path / "loud.py").write_text(text)
    command = [sys.executable, "-m", "convention", "identify", f"{tmp_path / 'loud.py'}:f", "--json", "--ndim", "1"]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(child.stdout)["definition"] == "convolution"
    assert all(words in child.stderr for words in ("loading", "from below", "from a child"))


def test_a_file_may_import_its_neighbours_and_have_dataclasses(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_filters.py").write_text("from numpy import convolve")
    (tmp_path / "own.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport neighbour_of_filters\n"
        "@dataclass\nclass Filter:\n    size: str = 'full'\n    def __call__(self, x, k):\n"
        "        return neighbour_of_filters.convolve(x, k, self.size)\nf = Filter()\n"
    )
    before = list(sys.path)
    assert identify(f"{tmp_path / 'own.py'}:f", ndim=1).definition == "convolution"
    assert sys.path == before


def test_a_file_without_the_name_of_a_function(filters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(filters.parent)
    with pytest.raises(ConventionValueError, match=r"filters\.py:NAME"):
        identify("filters.py")
    with pytest.raises(ConventionValueError, match=r"filters\.py:mirrored"):
        identify("filters.mirrored")


def test_a_module_whose_import_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "breaks_on_import.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConventionValueError, match="importing breaks_on_import raises ZeroDivisionError"):
        identify("breaks_on_import.f")


def test_options_of_a_name_of_the_catalogue() -> None:
    found = identify("numpy.convolve", options={"mode": "same"})
    assert found.verdict.startswith("numpy.convolve(mode='same') computes a convolution")
    assert found.fields["size"].value == ("same",)
    assert "as if signal and kernel were exchanged" in found.domain["differs"][0][1]
    result = run("numpy.convolve", "--option", "mode=valid", "--expect", "valid")
    assert result.exit_code == 0, result.output
    for arguments, message in (
        (["numpy.convolve", "--option", "mod=valid"], "did you mean 'mode'?"),
        (["numpy.convolve", "--option", "mode"], "NAME=VALUE"),
        (["numpy.hanning", "--option", "mode=valid"], "is no name of the catalogue"),
    ):
        refused = run(*arguments)
        assert refused.exit_code == 2
        assert message in " ".join(refused.stderr.split())
    pytest.importorskip("scipy", reason="identifies scipy")
    found = identify("scipy.ndimage.convolve", options={"origin": "1"})  # as the command line spells it
    assert "with -1 samples before and +1 after" in found.verdict


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
