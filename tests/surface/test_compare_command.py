"""`convention compare`: verdict first, numbers next, a picture where asked, and nothing half done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import convention
from convention.__main__ import main
from convention.comparison import compare

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

PHOTO = np.random.default_rng(1).integers(0, 256, (30, 41, 3)).astype(np.uint8)
ENVIRONMENT = os.environ | {"COLUMNS": "80", "PYTHONPATH": str(Path(convention.__file__).parents[1])}


def invoke(*arguments, code=0, stdin=None):
    result = CliRunner().invoke(main, ["compare", *map(str, arguments)], input=stdin)
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def run(*arguments, **environment):
    process = subprocess.run(
        [sys.executable, "-m", "convention", "compare", *map(str, arguments)],
        capture_output=True,
        env=ENVIRONMENT | environment,
        timeout=60,
    )
    assert b"Traceback" not in process.stderr
    return process


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(PHOTO).save(path)
    return path


def test_numbers_by_hand():
    # convolution [2, 8, 10], cross-correlation [10, 16, 2]
    lines = invoke("1 2 3", "--kernel", "1 0 5").stdout.splitlines()
    assert lines == [
        "different: 100 % of the outputs differ, by up to 50 % of the largest result",
        "largest difference  8 (50 % of the largest result, 16)",
        "RMS difference      8 (50 %)",
        "where it is largest [0]",
    ]


@pytest.mark.parametrize(
    ("kernel", "start"),
    [
        ("1 2 1; 2 4 2; 1 2 1", "identical:"),
        ("sobel-x", "only the sign:"),
        ("0 0 0; 0 0 0; 0 1 0", "moved by (2, 0):"),
        ("emboss", "different:"),
    ],
)
def test_the_verdict_comes_first(kernel, start, photo):
    result = invoke(photo, "--kernel", kernel)
    assert result.stdout.startswith(start)
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_an_image_is_compared_channel_by_channel_without_alpha(photo, tmp_path):
    expected = compare(PHOTO, np.array([[1, 2], [3, 4]]), axes=(0, 1))
    record = json.loads(invoke(photo, "--kernel", "1 2; 3 4", "--json").stdout)
    for word in ("relation", "largest", "rms", "peak", "differing", "outputs", "verdict"):
        assert record[word] == getattr(expected, word)
    assert tuple(record["where"]) == expected.where
    path = tmp_path / "alpha.png"
    Image.fromarray(np.dstack([PHOTO, np.full((30, 41), 77, np.uint8)])).save(path)
    assert json.loads(invoke(path, "--kernel", "1 2; 3 4", "--json").stdout)["largest"] == expected.largest
    text = invoke(photo, "--kernel", "1 2; 3 4").stdout
    row, column, channel = expected.where
    assert f"[{row}, {column}] in {('red', 'green', 'blue')[channel]} ([row, column])" in text


def test_options_are_passed_on():
    record = json.loads(invoke("1 2 3", "--kernel", "1 0 5", "--boundary", "constant", "--value", "7", "--json").stdout)
    expected = compare([1, 2, 3], [1, 0, 5], boundary="constant", value=7)
    assert (record["largest"], record["rms"]) == (expected.largest, expected.rms)
    both = json.loads(invoke("1..9", "--kernel", "1..4", "--boundary", "zero,edge", "--json").stdout)
    assert both["boundary"] == ["zero", "edge"]
    assert json.loads(invoke("1..8@2x4", "--kernel", "1 0 5", "--axes", "1", "--json").stdout)["outputs"] == 8
    assert "ambiguous" in invoke("1 2", "--kernel", "1", "--boundary", "reflect", code=2).stderr
    assert invoke("1 2", "--kernel", "1", "--axes", "x", code=2)
    assert invoke("-", "--kernel", "-", code=2)
    assert invoke("-", "--kernel", "1 0 5", stdin="1 2 3").stdout.startswith("different")


def test_the_picture_is_small_and_one_that_is_there_is_kept(photo, tmp_path):
    out = tmp_path / "out.png"
    result = invoke(photo, "--kernel", "emboss", "--out", out)
    assert f"wrote {out}" in result.stderr
    with Image.open(out) as picture:
        assert picture.format == "PNG"
        assert picture.width > 900
    assert out.stat().st_size <= 300_000
    before = out.read_bytes()
    assert "it is kept" in invoke(photo, "--kernel", "sobel-x", "--out", out, code=2).stderr
    assert out.read_bytes() == before
    invoke(photo, "--kernel", "sobel-x", "-o", out, "--force")
    assert out.read_bytes() != before
    record = json.loads(invoke(photo, "--kernel", "sobel-x", "-o", out, "--force", "--json").stdout)
    assert record["out"] == str(out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "photo.png"]


def test_a_picture_that_cannot_be_written_is_refused_before_anything_is_computed(photo, tmp_path, monkeypatch):
    def computed(*arguments, **keywords):
        raise AssertionError("computed before the refusal")

    monkeypatch.setattr("convention.comparison.compare", computed)
    for bad in (tmp_path / "out.jpg", tmp_path / "none" / "out.png", tmp_path):
        assert "Error" not in invoke(photo, "--kernel", "emboss", "-o", bad, code=2).stderr
    closed = tmp_path / "closed"
    closed.mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != closed)
    assert "may be written" in invoke(photo, "--kernel", "emboss", "-o", closed / "out.png", code=2).stderr


def test_a_full_disk_leaves_no_half_written_picture(photo, tmp_path, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert "No space left" in invoke(photo, "--kernel", "emboss", "-o", tmp_path / "out.png", code=2).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_without_pillow_a_picture_is_exit_code_4(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert "pip install '.[pictures]'" in invoke("1..9", "--kernel", "1..4", "-o", "out.png", code=4).stderr
    assert invoke("1..9", "--kernel", "1..4").stdout.startswith("different")


def test_other_data(tmp_path):
    sixteen = tmp_path / "deep.png"
    Image.fromarray(PHOTO[:, :, 0].astype(np.uint16) * 257).save(sixteen)
    record = json.loads(invoke(sixteen, "--kernel", "1 2; 3 4", "--json", "-o", tmp_path / "deep-out.png").stdout)
    assert record["largest"] == 257 * compare(PHOTO[:, :, 0], [[1, 2], [3, 4]]).largest
    huge = invoke(sixteen, "--kernel", "1..4900@70x70", "-o", tmp_path / "huge-out.png")
    assert huge.stdout.startswith("different")
    np.save(tmp_path / "cube.npy", np.arange(60.0).reshape(3, 4, 5))
    assert invoke(tmp_path / "cube.npy", "--kernel", "[[[1, 2]], [[3, 5]]]", "-o", tmp_path / "cube-out.png")
    np.save(tmp_path / "nan.npy", np.where(np.eye(12) > 0, np.nan, 1.0))
    nan = invoke(tmp_path / "nan.npy", "--kernel", "emboss", "-o", tmp_path / "nan-out.png").stdout
    assert "54 of 144 outputs, not finite, are left out" in " ".join(nan.split())
    assert invoke("nan nan", "--kernel", "1 2 3", code=3).stdout.startswith("undetermined: none of the 2 outputs")
    (tmp_path / "dot.png").write_bytes(b"not an image")
    assert invoke(tmp_path / "dot.png", "--kernel", "emboss", code=2)
    one = tmp_path / "one.png"
    Image.fromarray(PHOTO[:1, :1]).save(one)
    assert invoke(one, "--kernel", "emboss", "-o", tmp_path / "one-out.png").stdout


def test_plain_output_on_a_terminal_without_unicode(photo):
    process = run(photo, "--kernel", "emboss", PYTHONIOENCODING="ascii", NO_COLOR="1")
    assert process.returncode == 0
    assert process.stdout.isascii()
    assert b"\x1b" not in process.stdout + process.stderr
    assert process.stdout.startswith(b"different")


def test_help_names_what_it_does():
    text = invoke("--help").stdout
    assert "--boundary" in text
    assert "--out" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", ["a.webp", "a.gif", "a.bmp", "none", "folder/none"])
def test_what_is_no_signal_is_refused_about_the_input(name):
    said = " ".join(invoke(name, "--kernel", "sobel-x", code=2).stderr.split())
    assert f"read '{name}': there is no such file" in said
    assert "images are read from .png .jpg .jpeg .tif .tiff, arrays from .npy .csv .json" in said
