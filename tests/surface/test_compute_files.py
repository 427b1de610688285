"""`convention compute` on images: the engine's own numbers, in the image's own depth, file by file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import convention
from convention import Convention, apply, convolve, correlate, filtering
from convention.__main__ import main
from convention.errors import ConventionFileError, ConventionTypeError, ConventionValueError
from convention.files import MOST_PIXELS, Image, read_image, write_image
from convention.filtering import check_kernel, filter_channels, filter_image

PIL = pytest.importorskip("PIL.Image", reason="images need Pillow")
tifffile = pytest.importorskip("tifffile", reason="images need tifffile")

GENERATOR = np.random.default_rng(3)
GREY = GENERATOR.integers(0, 256, (9, 14)).astype(np.uint8)
RGB = GENERATOR.integers(0, 256, (9, 14, 3)).astype(np.uint8)
RGB16 = GENERATOR.integers(0, 65536, (9, 14, 3)).astype(np.uint16)
ALPHA = GENERATOR.integers(0, 256, (9, 14)).astype(np.uint8)
KERNEL, TEXT = np.array([[1, 0, 2], [0, -1, 0]]), "1 0 2; 0 -1 0"


def image_of(samples, alpha=None):
    return Image(samples, alpha, "", Path("a"))


def invoke(*arguments, code=0):
    result = CliRunner().invoke(main, ["compute", *map(str, arguments)])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def by_channel(function, samples, kernel, **options):
    """Return integers saturated to the samples' range, computed plainly: every channel whole, with no band."""
    planes = samples.reshape(*samples.shape[:2], -1)
    sums = np.stack([function(planes[:, :, c], kernel, **options) for c in range(planes.shape[2])], axis=2)
    most = np.iinfo(samples.dtype).max
    rounded = np.rint(sums) if sums.dtype.kind == "f" else sums
    clipped = int(((rounded < 0) | (rounded > most)).sum())
    result = np.clip(rounded, 0, most).astype(samples.dtype)
    return (result if samples.ndim == 3 else result[:, :, 0]), clipped


def test_the_two_definitions_give_different_pictures():
    assert (by_channel(convolve, RGB, KERNEL)[0] != by_channel(correlate, RGB, KERNEL)[0]).any()


@pytest.mark.parametrize("samples", [GREY, RGB, RGB16], ids=["grey", "rgb", "rgb16"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize(("word", "function"), [("convolution", convolve), ("cross-correlation", correlate)])
@pytest.mark.parametrize("boundary", ["zero", "whole-sample"])
def test_a_file_is_filtered_with_the_engines_numbers(tmp_path, samples, suffix, word, function, boundary):
    write_image(samples, tmp_path / f"a{suffix}")
    options = ("--definition", word, "--boundary", boundary, "-o", tmp_path / f"b{suffix}")
    result = invoke(tmp_path / f"a{suffix}", "--kernel", TEXT, *options)
    expected, clipped = by_channel(function, samples, KERNEL, boundary=boundary)
    found = read_image(tmp_path / f"b{suffix}")
    assert found.samples.dtype == samples.dtype
    np.testing.assert_array_equal(found.samples, expected)
    assert result.stdout == ""
    shape = "x".join(map(str, samples.shape))
    said = result.stderr.splitlines()
    assert said[0].startswith(word)
    assert said[1:] == [
        f"wrote {tmp_path / f'b{suffix}'}: {samples.dtype}, shape {shape}, {clipped} of {samples.size} samples clipped"
        "; try --view offset (or absolute)"
    ]
    assert 100 * clipped > samples.size


def test_alpha_is_kept_as_it_is(tmp_path):
    write_image(RGB, tmp_path / "a.png", like=image_of(RGB, ALPHA))
    invoke(tmp_path / "a.png", "--kernel", TEXT, "-o", tmp_path / "b.tif")
    found = read_image(tmp_path / "b.tif")
    np.testing.assert_array_equal(found.alpha, ALPHA)
    np.testing.assert_array_equal(found.samples, by_channel(convolve, RGB, KERNEL)[0])
    refused = invoke(tmp_path / "a.png", "--kernel", TEXT, "--size", "valid", "-o", tmp_path / "c.png", code=2)
    assert "alpha is 9x14, the result 8x12" in " ".join(refused.stderr.split())
    assert not (tmp_path / "c.png").exists()


def test_ties_are_rounded_half_to_even(tmp_path):
    write_image(np.array([[0, 1, 2, 3, 5, 7]], dtype=np.uint8), tmp_path / "a.png")
    invoke(tmp_path / "a.png", "--kernel", "0.5;", "-o", tmp_path / "b.png")
    assert read_image(tmp_path / "b.png").samples.tolist() == [[0, 0, 1, 2, 2, 4]]


@pytest.mark.parametrize(
    ("view", "expected", "clipped"),
    [("saturate", [[20, 0, 0]], 1), ("offset", [[148, 108, 128]], 0), ("absolute", [[20, 20, 0]], 0)],
)
def test_views_of_signed_results(tmp_path, view, expected, clipped):
    write_image(np.array([[20, 0, 0]], dtype=np.uint8), tmp_path / "a.png")
    # by hand: each sample minus the one to its left
    result = invoke(tmp_path / "a.png", "--kernel", "0 1 -1;", "--view", view, "-o", tmp_path / "b.png")
    assert read_image(tmp_path / "b.png").samples.tolist() == expected
    assert f"{clipped} of 3 samples clipped" in result.stderr
    assert ("try --view offset" in result.stderr) == (view == "saturate")


@pytest.mark.parametrize(("dark", "advised"), [(1, False), (2, True)])
def test_a_view_is_advised_from_more_than_one_percent_on(tmp_path, dark, advised):
    samples = np.zeros((10, 10), dtype=np.uint8)
    samples[0, :dark] = 1
    write_image(samples, tmp_path / "a.png")
    said = invoke(tmp_path / "a.png", "--kernel", "-1;", "-o", tmp_path / "b.png").stderr
    assert f"{dark} of 100 samples clipped" in said
    assert ("try --view offset (or absolute)" in said) == advised


def test_a_float_image_stays_float_and_nan_stays_in_its_windows(tmp_path):
    samples = np.arange(25, dtype=np.float32).reshape(5, 5)
    samples[1, 1] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", samples)
    result = invoke(tmp_path / "a.tif", "--kernel", "1 0 -2;", "-o", tmp_path / "b.tif")
    found = read_image(tmp_path / "b.tif").samples
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, convolve(samples, [[1, 0, -2]]).astype(np.float32))
    assert np.argwhere(np.isnan(found)).tolist() == [[1, 0], [1, 1], [1, 2]]
    assert "0 of 25 samples clipped" in result.stderr


def test_a_named_kernel_says_whose_definition_it_is_of(tmp_path):
    write_image(GREY, tmp_path / "a.png")
    result = invoke(tmp_path / "a.png", "--kernel", "sobel-x", "--view", "offset", "-o", tmp_path / "b.png")
    assert "note: the source of sobel-x assumes cross-correlation" in result.stderr.splitlines()
    sums = convolve(GREY, [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    np.testing.assert_array_equal(read_image(tmp_path / "b.png").samples, np.clip(sums + 128, 0, 255))
    options = ("--kernel", "sobel-x", "--definition", "cross-correlation", "-o", tmp_path / "c.png")
    assert "note" not in invoke(tmp_path / "a.png", *options).stderr
    assert "note: the source of sobel-x" in invoke("1..9", "--kernel", "sobel-x").stderr


def test_the_exact_numbers_go_to_an_array_file(tmp_path):
    write_image(RGB, tmp_path / "a.png", like=image_of(RGB, ALPHA))
    invoke(tmp_path / "a.png", "--kernel", TEXT, "-o", tmp_path / "b.npy")
    expected = np.stack([convolve(RGB[:, :, c], KERNEL) for c in range(3)], axis=2)
    found = np.load(tmp_path / "b.npy")
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, expected)
    assert found.min() < 0
    options = ("--dtype", "int8", "--overflow", "saturate", "-o", tmp_path / "c.npy")
    invoke(tmp_path / "a.png", "--kernel", TEXT, *options)
    np.testing.assert_array_equal(np.load(tmp_path / "c.npy"), np.clip(expected, -128, 127))


@pytest.fixture
def many(tmp_path):
    folder = tmp_path / "in"
    (folder / "deeper").mkdir(parents=True)
    write_image(GREY, folder / "deeper" / "hidden.png")
    write_image(GREY, folder / "b.png")
    write_image(RGB, folder / "a.tif")
    (folder / "notes.txt").write_text("no image")
    write_image(GREY[:, ::-1], tmp_path / "c.png")
    return tmp_path


def test_several_files_and_folders_go_to_a_folder(many):
    result = invoke(many / "in", many / "c.png", "--kernel", TEXT, "-o", many / "out")
    assert sorted(path.name for path in (many / "out").iterdir()) == ["a.tif", "b.png", "c.png"]
    for name, samples in (("b.png", GREY), ("a.tif", RGB), ("c.png", GREY[:, ::-1])):
        np.testing.assert_array_equal(read_image(many / "out" / name).samples, by_channel(convolve, samples, KERNEL)[0])
    said = result.stderr.splitlines()
    assert len(said) == 4
    assert [line.split(": ")[0] for line in said[1:]] == [
        f"wrote {many / 'out' / name}" for name in ("a.tif", "b.png", "c.png")
    ]


def test_one_image_goes_into_a_folder_that_is_there(many):
    (many / "out").mkdir()
    invoke(many / "c.png", "--kernel", "1;", "-o", many / "out")
    np.testing.assert_array_equal(read_image(many / "out" / "c.png").samples, GREY[:, ::-1])


def test_the_record_for_programs_lists_every_image(many):
    (many / "in" / "broken.png").write_bytes((many / "c.png").read_bytes()[:70])
    result = invoke(many / "in", "--kernel", TEXT, "-o", many / "out", "--json", code=2)
    record = json.loads(result.stdout)
    clipped = by_channel(convolve, GREY, KERNEL)[1]
    assert record["images"][1] == {
        "input": str(many / "in" / "b.png"),
        "output": str(many / "out" / "b.png"),
        "dtype": "uint8",
        "shape": [9, 14],
        "clipped": clipped,
    }
    assert [one["input"] for one in record["refused"]] == [str(many / "in" / "broken.png")]
    assert record["convention"]["reversed_axes"] == "all"


def test_one_bad_file_is_reported_and_the_others_are_done(many):
    (many / "in" / "b.png").write_bytes(b"GIF89a")
    result = invoke(many / "in", many / "c.png", "--kernel", TEXT, "-o", many / "out", code=2)
    assert sorted(path.name for path in (many / "out").iterdir()) == ["a.tif", "c.png"]
    said = " ".join(result.stderr.split())
    assert "filter 3 images: 1 could not be done, 2 are written" in said
    assert "b.png': its content is that of a GIF; do: convert it to PNG or TIFF" in said
    assert "Traceback" not in said


def test_files_that_are_there_are_kept_and_nothing_is_begun(many):
    (many / "out").mkdir()
    (many / "out" / "b.png").write_bytes(b"precious")
    arguments = (many / "in", many / "c.png", "--kernel", TEXT, "-o", many / "out")
    assert "it is kept" in invoke(*arguments, code=2).stderr
    assert [path.name for path in (many / "out").iterdir()] == ["b.png"]
    assert (many / "out" / "b.png").read_bytes() == b"precious"
    invoke(*arguments, "--force")
    np.testing.assert_array_equal(read_image(many / "out" / "b.png").samples, by_channel(convolve, GREY, KERNEL)[0])


def test_targets_are_refused_before_anything_is_read(many, monkeypatch):
    def must_not_run(*_, **__):
        raise AssertionError

    monkeypatch.setattr("convention.files.read_image", must_not_run)
    invoke(many / "c.png", "--kernel", TEXT, "-o", many / "none" / "c.png", code=2)
    invoke(many / "in", "--kernel", TEXT, "-o", many / "none" / "out", code=2)
    invoke(many / "c.png", "--kernel", TEXT, "-o", many / "c.npz", code=2)
    ran = CliRunner().invoke(main, ["compute", str(many / "c.png"), "--kernel", TEXT, "-o", str(many / "d.png")])
    assert isinstance(ran.exception, AssertionError)


def test_a_full_disk_is_reported_for_its_file(many, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("convention.files.images.write_tiff", full)
    result = invoke(many / "in", "--kernel", TEXT, "-o", many / "out", code=2)
    assert [path.name for path in (many / "out").iterdir()] == ["b.png"]
    assert "No space left on device" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("c.png",), "there is no place for the result"),
        (("in",), "-o results"),
        (("c.png", "-o", "d.gif"), "the suffix '.gif' is not written"),
        (("c.png", "in", "-o", "d.png"), "looks like a file's name"),
        (("c.png", "1 2", "-o", "out"), "write an array as one word"),
        (("c.png", "c.png", "-o", "out"), "would have one name"),
        (("in/deeper/hidden.png", "in/notes.txt", "-o", "out"), "it is no folder, and its name is not an image's"),
        (("c.png", "-o", "d.jpg", "--axes", "0"), "--axes is for arrays"),
        (("c.png", "-o", "d.jpg", "--dtype", "uint8"), "--dtype is for arrays and for -o result.npy"),
        (("c.png", "-o", "d.jpg", "--overflow", "wrap"), "--overflow is for arrays"),
        (("c.png", "-o", "d.npy", "--view", "offset"), "--view is for images"),
        (("c.png", "-o", "d.png", "--view", "ofset"), "there is no such view"),
        (("c.png", "-o", "d.png", "--most-pixels", "125"), "at most 125 pixels"),
        (("none.png", "-o", "d.png"), "there is no such file"),
        (("none", "-o", "out.npy"), "read 'none': there is no such file or folder"),
        (("none", "-o", "d.png"), "read 'none': there is no such file or folder"),
        (("a.webp", "-o", "d.png"), "read 'a.webp': there is no such file, and the suffix '.webp' is not read"),
        (("a.webp", "-o", "d.png"), "images are read from .png .jpg .jpeg .tif .tiff, arrays from .npy .csv .json"),
        (("a.gif", "-o", "d.png", "--view", "offset"), "read 'a.gif': there is no such file"),
        (("my photo.bmp", "-o", "d.png"), "do: convert it"),
        (("in/notes.txt", "-o", "d.png"), "there is such a file, and the suffix '.txt' is not read"),
        (("in/none", "-o", "d.png"), "read 'in/none': there is no such file or folder"),
        (("1 2 x", "-o", "d.npy"), "'x' in row 1, column 3"),
    ],
)
def test_misuse_is_refused_and_writes_nothing(many, monkeypatch, arguments, said):
    monkeypatch.chdir(many)
    before = sorted(many.iterdir())
    result = invoke(*arguments, "--kernel", TEXT, code=2)
    assert said in " ".join(result.stderr.split())
    assert result.stdout == ""
    assert max(map(len, result.stderr.splitlines())) <= 80
    assert sorted(many.iterdir()) == before


@pytest.mark.parametrize(
    ("kernel", "said"),
    [("1 2 1", "two axes, rows and columns"), ("1..8@2x2x2", "it has 3 axes"), ("1j;", "its result would be complex")],
)
def test_kernels_that_no_image_takes_are_refused_once(many, kernel, said):
    result = invoke(many / "in", "--kernel", kernel, "-o", many / "out", code=2)
    assert result.stderr.count("convention: ") == 1
    assert said in " ".join(result.stderr.split())
    assert not (many / "out").exists()


def test_the_limit_that_help_shows_is_the_readers():
    assert f"[default: {MOST_PIXELS}]" in invoke("--help").stdout


def test_a_number_is_an_array_also_where_a_folder_has_its_name(many, monkeypatch):
    monkeypatch.chdir(many / "in")
    Path("5").mkdir()
    assert invoke("5", "--kernel", "3").stdout == "15\n"
    write_image(GREY, "5/a.png")
    invoke("./5", "--kernel", "1;", "-o", "out")
    assert Path("out/a.png").exists()


def run_on_a_terminal(*arguments):
    leader, follower = pytest.importorskip("pty", reason="terminals as Unix has them").openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "convention", "compute", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=follower,
        env=os.environ | {"PYTHONPATH": str(Path(convention.__file__).parents[1]), "TERM": "xterm"},
    )
    os.close(follower)
    shown = b""
    try:
        while part := os.read(leader, 65536):
            shown += part
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(leader)
    out = process.stdout.read()
    process.stdout.close()
    return process.wait(timeout=60), out, shown.decode()


def test_the_progress_bar_is_for_terminals(many):
    arguments = (many / "in", "--kernel", TEXT, "-o", many / "out", "--force")
    code, out, shown = run_on_a_terminal(*arguments)
    assert (code, out) == (0, b"")
    assert "filtering" in shown
    assert "\x1b[" in shown
    assert re.sub(r"\s", "", f"wrote {many / 'out' / 'a.tif'}: uint8, shape 9x14x3") in re.sub(
        r"\s|\x1b\[[0-9;?]*[a-zA-Z]", "", shown
    )
    quiet = invoke(*arguments).stderr
    assert "filtering" not in quiet
    assert "\x1b" not in quiet


conventions = st.builds(
    Convention,
    reversed_axes=st.sampled_from(["all", "none", (0,), (1,)]),
    size=st.sampled_from(["full", "valid", "same", "same-lower", "same-upper", "causal", ((-2, 5), (3, -1))]),
    boundary=st.sampled_from(["zero", "edge", "half-sample", "whole-sample", "periodic", ("edge", "zero")]),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
    upsample=st.integers(1, 3),
)


@settings(deadline=None, max_examples=300)
@given(
    convention=conventions,
    shape=st.tuples(st.integers(1, 12), st.integers(1, 6)),
    taps=st.tuples(st.integers(1, 5), st.integers(1, 3)),
    seed=st.integers(0, 2**16),
)
def test_bands_give_the_numbers_of_the_whole(convention, shape, taps, seed):
    generator = np.random.default_rng(seed)
    samples = generator.integers(0, 65536, shape).astype(np.uint16)
    kernel = generator.integers(-9, 10, taps)
    expected = apply(convention, samples, kernel)
    assert_bands_agree(convention, samples, kernel, expected)


def assert_bands_agree(convention, samples, kernel, expected, rows=1):
    windows = convention.windows(samples.shape, kernel.shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filtering, "_FEWEST_EXTENTS", 0)
        patch.setattr(filtering, "_BAND", rows * max(1, windows[1].outputs))
        found, clipped = filter_image(convention, image_of(samples), kernel)
    np.testing.assert_array_equal(found, np.clip(expected, 0, 65535))
    assert clipped == ((expected < 0) | (expected > 65535)).sum()


@pytest.mark.parametrize("value", [-1, 7.5, 1e6])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_constant_beyond_the_samples_range_reaches_every_band(value, rows):
    convention = Convention(size="full", boundary="constant", value=value)
    samples = RGB16[:, :, 0].astype(np.uint16)
    kernel = np.array([[0.5, 1], [2, -1], [0.25, 0]])
    assert_bands_agree(convention, samples, kernel, np.rint(apply(convention, samples, kernel)), rows)


def test_the_comparison_of_bands_refuses_a_wrong_row():
    expected = convolve(GREY.astype(np.uint16), KERNEL)
    assert_bands_agree(Convention(), GREY.astype(np.uint16), KERNEL, expected)
    expected[4, 3] += 1
    with pytest.raises(AssertionError):
        assert_bands_agree(Convention(), GREY.astype(np.uint16), KERNEL, expected)


def test_a_kernel_larger_than_the_image():
    kernel = GENERATOR.integers(-3, 4, (40, 30))
    for boundary in ("zero", "periodic", "whole-sample"):
        found, clipped = filter_image(Convention(boundary=boundary), image_of(RGB), kernel)
        expected, count = by_channel(convolve, RGB, kernel, boundary=boundary)
        np.testing.assert_array_equal(found, expected)
        assert clipped == count


def test_images_are_not_changed_and_refused_kernels_say_why():
    before = RGB.copy()
    filter_image(Convention(), image_of(RGB), KERNEL)
    filter_channels(Convention(), image_of(RGB), KERNEL)
    np.testing.assert_array_equal(RGB, before)
    for kernel, refusal in ((np.ones(3), ConventionValueError), (np.ones((1, 1)) * 1j, ConventionTypeError)):
        for act in (filter_image, filter_channels):
            with pytest.raises(refusal):
                act(Convention(), image_of(GREY), kernel)
    with pytest.raises(ConventionValueError, match="3 axes on 2"):
        check_kernel(Convention(stride=(1, 2, 3)), KERNEL)
    empty, _ = filter_image(Convention(size="valid"), image_of(GREY), np.ones((20, 20), dtype=int))
    with pytest.raises(ConventionFileError, match="not empty"):
        write_image(empty, "none.png")


@pytest.mark.slow
def test_a_photograph_of_twelve_megapixels_stays_within_memory(tmp_path):
    if not Path("/proc/self/status").exists():  # getrusage would count the memory of the process that started it
        pytest.skip("the peak is read from /proc")
    write_image(GENERATOR.integers(0, 256, (3000, 4000, 3)).astype(np.uint8), tmp_path / "a.jpg")
    invoked = [str(tmp_path / "a.jpg"), "--kernel", TEXT, "-o", str(tmp_path / "b.jpg")]
    code = (
        "import re; from pathlib import Path; from convention.__main__ import main;"
        f"main(['compute', *{invoked!r}], standalone_mode=False);"
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1])"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(convention.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, timeout=60, check=True)
    assert int(done.stdout.split()[-1]) * 1024 < 1.5e9
