"""The pytest plugin: names, answers and files that it refuses, and that nothing pinned is ever lost."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from convention.pins import read_pins, write_pin
from inner_runs import differing, module, run


@pytest.mark.parametrize("option", [(), ("--pin-conventions",)])
def test_two_tests_cannot_pin_under_one_name(pytester: pytest.Pytester, option: tuple[str, ...]) -> None:
    run(pytester, "--pin-conventions", source=module())
    kept = (pytester.path / "conventions.json").read_bytes()
    other = module(boundary="edge").replace("def test_blur", "def test_other")
    pytester.makepyfile(test_more=other)
    result = run(pytester, *option)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E  *ConventionValueError: pin 'blur' from test_more.py::test_other: test_blur.py::test_blur has pinned it",
            "E  *one test per name, of all tests that share conventions.json",
            "E  *give one of them another: pinned_convention(function, name=...)",
        ]
    )
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")  # the traceback ends at the test
    assert (pytester.path / "conventions.json").read_bytes() == kept
    twice = module() + "    pinned_convention(blur)\n"
    (pytester.path / "test_more.py").unlink()
    run(pytester, *option, source=twice).stdout.fnmatch_lines(["*this test has pinned it already*"])


NOT_ONE = {
    "not a convolution: ": "np.sort(sums(x, w), axis=None).reshape(x.shape)",
    "undetermined because ": "sums(x, w) + np.random.default_rng().random()",
    "undetermined because no call gave an array ": "None",
}


@pytest.mark.parametrize("verdict", NOT_ONE)
def test_what_is_no_convention_cannot_be_pinned(pytester: pytest.Pytester, verdict: str) -> None:
    run(pytester, "--pin-conventions", source=module())
    kept = (pytester.path / "conventions.json").read_bytes()
    for option in ((), ("--pin-conventions",)):
        result = run(pytester, *option, source=module(body=NOT_ONE[verdict]))
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["blur has no convention that could be pinned", "", f"{verdict}*"])
        assert (pytester.path / "conventions.json").read_bytes() == kept


GOOD = '{"verdict": "", "fields": {}, "arithmetic": {}}'
HEAD = '{"format": "convention pins, version 1", "pins": '
DAMAGED = {
    "empty": ("", "it is damaged: "),
    "garbage": ("\x00\x01 garbage", "it is damaged: "),
    "a conflict": ("<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs\n", "it is damaged: "),
    "no UTF-8": (b"\xff\xfe{", "it is damaged: "),
    "a list": ("[]", "it is no file of pins, or one of another version"),
    "a number": ("1", "it is no file of pins"),
    "a file of somebody else": ('{"blur": {"verdict": ""}}', "it is no file of pins"),
    "another version": ('{"format": "convention pins, version 2", "pins": {}}', "it is no file of pins"),
    "no pins": ('{"format": "convention pins, version 1"}', 'it has no "pins"'),
    "a list of pins": (HEAD + "[]}", 'it has no "pins"'),
    "a pin of a wrong type": (HEAD + '{"blur": 3}}', "the pin 'blur' is damaged: it has no verdict"),
    "no fields": (HEAD + '{"blur": {"verdict": ""}}}', "the pin 'blur' is damaged: it has no fields"),
    "a field of a wrong type": (
        HEAD + '{"blur": {"verdict": "", "fields": {"size": "same"}, "arithmetic": {}}}}',
        "the pin 'blur' is damaged: size of its fields has no state",
    ),
    "another pin is damaged": (HEAD + f'{{"blur": {GOOD}, "sharp": []}}}}', "the pin 'sharp' is damaged"),
    "a name twice": (HEAD + f'{{"blur": {GOOD}, "blur": {GOOD}}}}}', "it is damaged: 'blur' stands there twice"),
    "NaN": (HEAD + '{"blur": NaN}}', "it is damaged: NaN is no number in JSON"),
    "too deep": ("[" * 100_000, ""),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_refused_and_kept(pytester: pytest.Pytester, damage: str) -> None:
    content, message = DAMAGED[damage]
    path = pytester.path / "conventions.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    kept = path.read_bytes()
    for option in ((), ("--pin-conventions",)):
        result = run(pytester, *option, source=module())
        result.assert_outcomes(failed=1)
        text = result.stdout.str()
        assert f"ConventionFileError: the pinned conventions in '{path}': {message}" in text
        assert "allowed: a JSON file that convention.pins wrote" in text
        assert "do: re" in text
        assert path.read_bytes() == kept
    assert {entry.name for entry in pytester.path.iterdir() if entry.is_file()} == {"conventions.json", "test_blur.py"}


def test_missing_and_further_fields_are_differences(pytester: pytest.Pytester) -> None:
    run(pytester, "--pin-conventions", source=module())
    path = pytester.path / "conventions.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    pin = data["pins"]["blur"]
    del pin["fields"]["stride"], pin["bias"]
    pin["fields"]["flavour"] = {"state": "settled", "value": "sweet"}
    pin["verdict"] = "only for people"
    path.write_text(json.dumps(data), encoding="utf-8")
    result = run(pytester)
    assert differing(result) == {"stride", "bias", "flavour"}
    result.stdout.fnmatch_lines(["*stride*not there*(1, 1)", "*flavour*sweet*not there", "pinned: only for people"])


def test_where_nothing_may_be_written(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(test_blur=module())
    with monkeypatch.context() as patch:
        access = os.access
        patch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
        result = run(pytester, "--pin-conventions")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ConventionFileError: write *nothing may be written into the folder*"])
    (pytester.path / "conventions.json").mkdir()
    for option, message in (((), "it cannot be read"), (("--pin-conventions",), "it cannot be read")):
        result = run(pytester, *option)
        result.stdout.fnmatch_lines([f"*ConventionFileError: *conventions.json': {message}: *"])


def test_an_interrupted_write_loses_nothing(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    run(pytester, "--pin-conventions", source=module())
    kept = (pytester.path / "conventions.json").read_bytes()

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        result = run(pytester, "--pin-conventions", source=module(boundary="edge"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ConventionFileError: pin 'blur' in *it cannot be written: No space left on device"])
    assert (pytester.path / "conventions.json").read_bytes() == kept
    assert {entry.name for entry in pytester.path.iterdir() if entry.is_file()} == {"conventions.json", "test_blur.py"}


def test_a_lock_that_stays_is_told(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convention.pins._PATIENCE", 0.1)
    lock = pytester.path / ".conventions.json.lock"
    lock.touch()
    result = run(pytester, "--pin-conventions", source=module())
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*another process has been writing it", f"*do: if none is, delete {lock}"])
    lock.unlink()
    run(pytester, "--pin-conventions").assert_outcomes(passed=1)


def written_at_once(path: Path) -> set[str]:
    """Return which of 20 pins are there, after as many threads have written one each."""
    pin: dict[str, Any] = json.loads(GOOD)
    threads = [Thread(target=write_pin, args=(path, f"pin {number}", pin)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return set(read_pins(path))


def test_writers_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "conventions.json"
    assert len(written_at_once(path)) == 20
    assert [entry.name for entry in tmp_path.iterdir()] == ["conventions.json"]
    path.unlink()
    monkeypatch.setattr("convention.pins._alone", lambda *arguments: nullcontext())
    assert len(written_at_once(path)) < 20  # without the lock


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("pinned_convention(lambda x, w: x)", "*ConventionValueError: pin <function *it has no name of its own"),
        ("pinned_convention(blur, name='')", "*ConventionValueError: name='': *"),
        ("pinned_convention(blur, name='a\\nb')", "*ConventionValueError: name='a\\nb': *"),
        ("pinned_convention(blur, name=3)", "*ConventionTypeError: name=3: a int"),
        ("pinned_convention(blur, ndim=7)", "*ConventionValueError: ndim=7: no such number of axes"),
        ("pinned_convention(7, name='seven')", "*ConventionTypeError: identify(7): *cannot be called"),
        ("pinned_convention(blur, dim=2)", "*TypeError: identify() got an unexpected keyword argument 'dim'"),
    ],
)
def test_its_own_arguments(pytester: pytest.Pytester, call: str, message: str) -> None:
    source = module() + f"\ndef test_wrong(pinned_convention):\n    {call}\n"
    result = run(pytester, "--pin-conventions", "-k", "wrong", source=source)
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.fnmatch_lines([message.replace("[", "[[]")])
    assert not (pytester.path / "conventions.json").exists()
