"""The pytest plugin: real runs of pytest that pin conventions, and see each change of one."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from typing import Any

import pytest

from inner_runs import EIGHT_BITS, differing, module, pins, run


def test_not_pinned_then_pinned_then_held(pytester: pytest.Pytester) -> None:
    first = run(pytester, source=module())
    first.assert_outcomes(failed=1)
    first.stdout.fnmatch_lines(
        [
            "blur is not pinned in conventions.json",
            "",
            'blur computes a convolution: kernel reversed along every axis, size "same",',
            "",
            "To record this: pytest --pin-conventions test_blur.py::test_blur",
        ],
        consecutive=False,
    )
    assert not (pytester.path / "conventions.json").exists()
    written = run(pytester, "--pin-conventions")
    written.assert_outcomes(passed=1)
    written.stdout.fnmatch_lines(["*pinned conventions*", "*conventions.json", "  blur: new"])
    pinned = (pytester.path / "conventions.json").read_bytes()
    held = run(pytester)
    held.assert_outcomes(passed=1)
    held.stdout.no_fnmatch_line("*pinned conventions*")
    again = run(pytester, "--pin-conventions")
    again.stdout.fnmatch_lines(["  blur: as it was"])
    assert (pytester.path / "conventions.json").read_bytes() == pinned


def test_what_a_pin_holds(pytester: pytest.Pytester) -> None:
    run(pytester, "--pin-conventions", source=module(boundary="edge", size="valid")).assert_outcomes(passed=1)
    text = (pytester.path / "conventions.json").read_text(encoding="utf-8")
    pin = pins(pytester)["blur"]
    assert set(pin) == {"verdict", "definition", "ndim", "fields", "arithmetic", "layout", "frame", "bias"}
    assert pin["verdict"].startswith("blur computes a convolution: ")
    assert (pin["definition"], pin["ndim"], pin["layout"], pin["frame"], pin["bias"]) == (
        "convolution",
        2,
        None,
        None,
        0,
    )
    assert pin["fields"]["reversed_axes"] == {"state": "settled", "value": [0, 1]}
    assert pin["fields"]["boundary"]["state"] == "open"
    assert len(pin["fields"]["boundary"]["candidates"]) == 6
    assert pin["arithmetic"]["sums"] == {"state": "open"}  # a bound that depends on the processor
    for told in ("evidence", "calls", "probed", "refused", "reason", "gather"):
        assert told not in text
    lines = text.splitlines()
    assert text.endswith("}\n")
    assert '        "stride": {"state": "settled", "value": [1, 1]},' in lines
    names = [line.split('"')[1] for line in lines if line.startswith(" " * 8 + '"')]
    assert names == sorted(pin["arithmetic"]) + sorted(pin["fields"])


CHANGES: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = [
    ({}, {"reversed_axes": "none"}, {"definition", "reversed_axes"}),
    ({}, {"reversed_axes": (1,)}, {"definition", "reversed_axes"}),
    ({}, {"size": "same-upper"}, {"size"}),
    ({"size": "same-lower", "stride": 2}, {"size": "same-upper", "stride": 2}, {"size"}),
    ({}, {"size": "full"}, {"size"}),
    ({}, {"boundary": "edge"}, {"boundary"}),
    ({"boundary": "half-sample"}, {"boundary": ("half-sample", "whole-sample")}, {"boundary"}),
    ({}, {"boundary": "constant", "value": 3}, {"boundary", "value"}),
    ({"boundary": "constant", "value": 2.5}, {"boundary": "constant", "value": 2.5001}, {"value"}),
    ({}, {"stride": (2, 1)}, {"stride"}),
    ({"size": "full"}, {"size": "full", "dilation": 2}, {"dilation"}),
    ({"size": "full"}, {"size": "full", "upsample": 2}, {"upsample"}),
    ({}, {"conjugate": True}, {"conjugate"}),
    ({"size": "valid"}, {"size": "full"}, {"size", "boundary", "value"}),  # open, and then settled
    ({"size": "full"}, {"size": "valid"}, {"size", "boundary", "value"}),
    ({}, {"body": "sums(x, w) + 1"}, {"bias"}),
    ({}, {"body": "sums(x, w) * 0.5"}, {"arithmetic.gain", "arithmetic.overflow"}),
    ({}, {"body": "sums(x, w / w.sum())"}, {"arithmetic.gain", "arithmetic.overflow"}),
    ({"body": EIGHT_BITS}, {"body": EIGHT_BITS.replace("np.rint(", "np.floor(0.5 + ")}, {"arithmetic.rounding"}),
    ({"body": EIGHT_BITS}, {"body": EIGHT_BITS.replace("np.rint(", "np.trunc(")}, {"arithmetic.rounding"}),
    (
        {"body": EIGHT_BITS},
        {"body": "np.rint(sums(x.astype(float), w.astype(float))).astype(np.int64).astype(np.uint8)"},
        {"arithmetic.overflow"},
    ),
    ({}, {"body": "sums(x[0, :, :, 0], w[:, :, 0, 0])[None, :, :, None]"}, {"layout", "groups"}),
    ({"keywords": "ndim=1"}, {"keywords": "ndim=2"}, {
        "ndim", "reversed_axes", "size", "boundary", "value", "stride", "dilation", "upsample",
    }),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "names"), CHANGES, ids=str)
def test_a_change_is_told_with_exactly_the_fields(
    pytester: pytest.Pytester, before: dict[str, Any], after: dict[str, Any], names: set[str]
) -> None:
    run(pytester, "--pin-conventions", source=module(**before)).assert_outcomes(passed=1)
    kept = (pytester.path / "conventions.json").read_bytes()
    run(pytester).assert_outcomes(passed=1)
    result = run(pytester, source=module(**after))
    result.assert_outcomes(failed=1)
    assert differing(result) == names
    told = result.outlines
    start, end = (next(i for i, line in enumerate(told) if part in line) for part in ("no longer", "To accept this"))
    assert max(map(len, told[start:end])) <= 80
    result.stdout.fnmatch_lines(["pinned: blur *", "measured: blur *", "To accept this: pytest --pin-conventions *"])
    assert (pytester.path / "conventions.json").read_bytes() == kept
    accepted = run(pytester, "--pin-conventions")
    accepted.assert_outcomes(passed=1)
    news = next(line for line in accepted.outlines if line.startswith("  blur: changed: "))
    assert set(news.removeprefix("  blur: changed: ").split(", ")) == names
    run(pytester).assert_outcomes(passed=1)


def test_how_a_change_reads(pytester: pytest.Pytester) -> None:
    run(pytester, "--pin-conventions", source=module(size="same-upper", boundary="edge"))
    text = "\n".join(run(pytester, source=module(reversed_axes="none", size="valid")).outlines)
    assert (
        """
blur no longer follows the convention that conventions.json pins

  definition
    pinned    convolution
    measured  cross-correlation
  reversed_axes
    pinned    (0, 1)
    measured  none
  boundary
    pinned    (edge, edge)
    measured  open: (zero, zero) fits (of zero, constant, edge, half-sample,
              whole-sample, periodic)
"""
        in text
    )


KNOWN = """
import numpy as np, convention
TAPS = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 10]]){turn}
def blur(x):
    return convention.{verb}(x, TAPS, boundary="edge")
def test_blur(pinned_convention):
    pinned_convention(blur, kernel={kernel})
"""


def test_a_function_of_the_signal_alone(pytester: pytest.Pytester) -> None:
    def source(verb: str = "convolve", turn: str = "", kernel: str = "TAPS") -> str:
        return KNOWN.format(verb=verb, turn=turn, kernel=kernel)

    run(pytester, "--pin-conventions", source=source()).assert_outcomes(passed=1)
    assert "kernel" not in pins(pytester)["blur"]
    # other taps, given as such, are no other convention
    run(pytester, source=source(turn=" + 1")).assert_outcomes(passed=1)
    assert differing(run(pytester, source=source("correlate"))) == {"definition", "reversed_axes"}
    # settled, and then open: nobody says the kernel any more
    unknown = run(pytester, source=source(kernel="None"))
    assert differing(unknown) == {"definition", "reversed_axes", "dilation", "size", "kernel"}
    unknown.stdout.fnmatch_lines(["reversed_axes is open: the kernel is unknown: knowing it would tell"])


def test_a_recovered_kernel_is_pinned(pytester: pytest.Pytester) -> None:
    source = KNOWN.format(verb="convolve", turn="", kernel="None")
    run(pytester, "--pin-conventions", source=source).assert_outcomes(passed=1)
    assert pins(pytester)["blur"]["kernel"] == [[10.0, 8.0, 7.0], [6.0, 5.0, 4.0], [3.0, 2.0, 1.0]]
    assert differing(run(pytester, source=source.replace("convolve", "correlate"))) == {"kernel"}
    nearly = source.replace("TAPS =", "TAPS = (1 + 1e-7) *")
    run(pytester, source=nearly).assert_outcomes(passed=1)
    assert differing(run(pytester, source=source.replace("TAPS =", "TAPS = 1e-3 +"))) == {"kernel"}


SEVERAL = """
import numpy as np, pytest, convention

def first(x, w):
    return convention.convolve(x, w)

def second(x, w):
    return convention.correlate(x, w, boundary="edge")

def test_first(pinned_convention):
    pinned_convention(first)

def test_both_in_one(pinned_convention):
    pinned_convention(second)
    pinned_convention("numpy:convolve" and np.convolve, name="1-D, of NumPy", ndim=1)

@pytest.mark.parametrize("boundary", ["zero", "periodic"])
def test_many(pinned_convention, boundary):
    pinned_convention(lambda x, w: convention.convolve(x, w, boundary=boundary), name=f"many {boundary}")
"""


def test_several_tests_share_one_file(pytester: pytest.Pytester) -> None:
    run(pytester, "--pin-conventions", "-k", "first", source=SEVERAL).assert_outcomes(passed=1, deselected=3)
    assert set(pins(pytester)) == {"first"}
    result = run(pytester, "--pin-conventions", "-k", "not first")
    result.assert_outcomes(passed=3, deselected=1)
    result.stdout.fnmatch_lines(
        ["  second: new", "  1-D, of NumPy: new", "  many zero: new", "  kept, not measured in this run: first"]
    )
    assert list(pins(pytester)) == ["1-D, of NumPy", "first", "many periodic", "many zero", "second"]
    run(pytester).assert_outcomes(passed=4)
    # a failure of one leaves the others' pins, and what it had itself
    kept = pins(pytester)
    changed = SEVERAL.replace("return convention.convolve(x, w)", "return np.sort(convention.convolve(x, w))")
    result = run(pytester, "--pin-conventions", source=changed.replace('boundary="edge"', 'boundary="zero"'))
    result.assert_outcomes(passed=3, failed=1)
    assert pins(pytester)["first"] == kept["first"]
    assert pins(pytester)["second"] != kept["second"]
    assert {name: pin for name, pin in pins(pytester).items() if name != "second"} == {
        name: pin for name, pin in kept.items() if name != "second"
    }


def test_every_folder_has_its_file(pytester: pytest.Pytester) -> None:
    for folder in ("one", "two words"):
        (pytester.path / folder).mkdir()
        (pytester.path / folder / f"test_{folder[:3]}.py").write_text(module(boundary="edge"))
    run(pytester, "--pin-conventions", "--import-mode=importlib").assert_outcomes(passed=2)
    assert (pytester.path / "one" / "conventions.json").exists()
    (pytester.path / "two words" / "conventions.json").unlink()
    result = run(pytester, "--import-mode=importlib")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["To record this: pytest --pin-conventions 'two words/test_two.py::test_blur'"])


def test_runs_side_by_side_lose_no_pin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_blur=SEVERAL)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pin-conventions", "-k"]
    started = [
        subprocess.Popen([*command, word], cwd=pytester.path, stdout=subprocess.PIPE, text=True)
        for word in ("both", "periodic")
    ]
    for process in started:
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 0, printed
    assert set(pins(pytester)) == {"second", "1-D, of NumPy", "many periodic"}


def test_the_plugin_is_found_and_can_be_left_out(pytester: pytest.Pytester) -> None:
    points = importlib.metadata.entry_points(group="pytest11")
    assert "convention.pytest_plugin" in {point.value for point in points}
    result = run(pytester, "--help")
    result.stdout.fnmatch_lines(["*--pin-conventions*", "*conventions.json*"])
    pytester.makepyfile(test_blur=module())
    result = pytester.runpytest_inprocess("-p", "no:convention")
    result.stdout.fnmatch_lines(["*fixture 'pinned_convention' not found"])


def test_a_run_that_does_not_use_it_loads_nothing_heavy(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(
        test_else="""
        import sys

        def test_else():
            ours = {name for name in sys.modules if name.partition(".")[0] == "convention"}
            assert ours == {"convention", "convention.errors", "convention.pytest_plugin"}
            assert not {"numpy", "scipy", "torch", "rich", "click"} & set(sys.modules)
        """
    )
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.runpytest_subprocess("-W", "error", "-p", "convention").assert_outcomes(passed=1)


def test_a_program_that_has_imported_the_package_before_is_not_warned(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_else="def test_else(): pass")
    script = "import convention, pytest, sys; sys.exit(pytest.main(['-W', 'error', '-q']))"
    result = subprocess.run([sys.executable, "-c", script], cwd=pytester.path, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
