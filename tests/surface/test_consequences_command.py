"""`convention consequences`: what it prints and writes, the page, and every folder and photograph that it refuses."""

import base64
import errno
import json
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="the costs train a small network")
pytest.importorskip("cv2", reason="the costs carry kernels to OpenCV")
pytest.importorskip("skimage", reason="the costs are measured on its photograph")
pytest.importorskip("sklearn", reason="the costs are measured on its digits")
pytest.importorskip("PIL", reason="the costs are drawn")

from convention.__main__ import main
from convention.experiment import consequences as room
from convention.experiment.consequences import output, performance
from convention.experiment.consequences.page import PAGE

NAMES = [*performance.NAMES, PAGE]


def run(*arguments):
    return CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(main, ["consequences", *map(str, arguments)])


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("consequences") / "new"
    result = run("--out", folder)
    assert result.exit_code == 0, result.output
    return result.stdout, folder


@pytest.fixture(scope="module")
def found():
    return room.perform()


@pytest.fixture
def quick(monkeypatch, found):
    """Let the command have its costs at once; what it does with them is what is tested."""
    monkeypatch.setattr(room, "perform", lambda *_, **__: found)


def test_the_verdict_comes_first_then_six_blocks_then_where_the_files_are(done):
    text, folder = done
    assert text.startswith("What the wrong definition costs, measured just now: all 19 checks hold.\n")
    assert re.findall(r"^(\d)\. ", text, re.MULTILINE) == list("123456")
    assert text.count("Avoid it: ") == 6
    assert "FAILS" not in text
    assert text.endswith("".join(f"  {folder.resolve() / name}\n" for name in NAMES))


def test_every_line_but_the_paths_has_at_most_80_columns(done):
    text = done[0].partition("Written, ")[0]
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_six_pictures_and_the_page_are_written_and_small(done):
    folder = done[1]
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)
    for name in performance.NAMES:
        data = (folder / name).read_bytes()
        assert data.startswith(b"\x89PNG")
        assert len(data) <= 300_000


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_page_is_whole_without_scripts_and_asks_for_nothing(done):
    text = (done[1] / PAGE).read_text(encoding="utf-8")
    page = Page(text)
    assert {"script", "link", "iframe", "base", "object", "video"}.isdisjoint(tag for tag, _ in page.tags)
    assert not re.search(r"https?:|url\(|@import|\bon\w+=", text)
    assert "default-src 'none'" in text
    images = page.all("img")
    assert len(images) == 6
    for image, name in zip(images, performance.NAMES):
        head, _, data = image["src"].partition(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(data) == (done[1] / name).read_bytes()
        assert len(image["alt"]) > 60
    assert [a["href"] for a in page.all("a")] == [f"#{section['id']}" for section in page.all("section")]
    assert page.all("html") == [{"lang": "en"}]
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_the_pages_colours_can_be_read_in_both_schemes_and_on_paper():
    style = (Path(output.__file__).parent / "page.html").read_text(encoding="utf-8")
    schemes = [
        dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    ]
    assert len(schemes) == 3
    for scheme in schemes:
        for ink in ("ink", "quiet", "convolution", "correlation", "link"):
            for ground in ("paper", "box"):
                assert contrast(scheme[ink], scheme[ground]) >= 4.5, (ink, ground, scheme)


def contrast(one, other):
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)  # WCAG 2.2, success criterion 1.4.3


def _luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear))


@pytest.mark.usefixtures("quick")
def test_json_has_the_costs_the_checks_the_versions_and_the_files(tmp_path):
    result = run("--out", tmp_path, "--json")
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert data["all_true"] is True
    assert [cost["name"] for cost in data["costs"]] == list(performance.COSTS)
    assert all(check["verdict"] is True for cost in data["costs"] for check in cost["checks"])
    assert [Path(file).name for file in data["files"]] == NAMES
    assert {"torch", "cv2", "skimage"} <= set(data["versions"])


@pytest.mark.usefixtures("quick")
def test_files_of_the_same_name_are_kept_unless_forced(tmp_path):
    (tmp_path / "3-deconvolution.png").write_bytes(b"mine")
    (tmp_path / "other.txt").write_text("mine")
    result = run("--out", tmp_path)
    assert result.exit_code == 2
    assert "3-deconvolution.png" in result.stderr
    assert "--force" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3-deconvolution.png", "other.txt"]
    assert (tmp_path / "3-deconvolution.png").read_bytes() == b"mine"
    assert run("--out", tmp_path, "--force").exit_code == 0
    assert (tmp_path / "3-deconvolution.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "other.txt").read_text() == "mine"


def refuse_to_work(*_, **__):
    raise AssertionError("work began before the refusal")


@pytest.mark.parametrize("kind", ["a file", "no parent", "a broken link"])
def test_a_folder_that_cannot_be_is_refused_before_any_work(monkeypatch, tmp_path, kind):
    monkeypatch.setattr(room, "perform", refuse_to_work)
    place = tmp_path / "place"
    if kind == "a file":
        place.write_text("mine")
    elif kind == "no parent":
        place = place / "deeper"
    else:
        place.symlink_to(tmp_path / "nowhere")
    result = run("--out", place)
    assert result.exit_code == 2
    assert str(place) in result.stderr.replace("\n  ", "")
    assert result.stdout == ""


def test_a_folder_that_may_not_be_written_is_refused_before_any_work(monkeypatch, tmp_path):
    monkeypatch.setattr(room, "perform", refuse_to_work)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    result = run("--out", tmp_path)
    assert result.exit_code == 2
    assert "nothing may be written" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quick")
def test_a_disk_that_fills_up_leaves_whole_files_only(monkeypatch, tmp_path):
    monkeypatch.setattr(output, "picture_bytes", lambda found: dict.fromkeys(performance.NAMES, b"x" * 1000))
    written = []

    def full(target, asked, write):
        def half(stream):
            if len(written) == 2:
                stream.write(b"half")
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write(stream)

        REAL_WRITE(target, asked, half)
        written.append(target.name)

    monkeypatch.setattr(output, "write_whole", full)
    result = run("--out", tmp_path)
    assert result.exit_code == 2
    assert "No space left on device" in result.stderr
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == dict.fromkeys(NAMES[:2], 1000)


REAL_WRITE = output.write_whole


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.zeros((200, 200), np.uint8), "all samples are equal"),
        (np.arange(100 * 300).reshape(100, 300), "100 rows and 300 columns"),
        (np.ones((200, 200, 2)), "an array of shape (200, 200, 2)"),
        (np.ones(300), "an array of shape (300,)"),
        (np.full((200, 200), np.nan), "NaN or infinite"),
        (np.ones((200, 200), complex), "complex numbers"),
    ],
)
def test_what_is_no_photograph_is_refused_and_no_folder_is_made(monkeypatch, tmp_path, array, found):
    monkeypatch.setattr(room, "perform", refuse_to_work)
    np.save(tmp_path / "photo.npy", array)
    result = run("--photo", tmp_path / "photo.npy", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert found in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_photograph_that_is_not_there_is_refused(tmp_path):
    result = run("--photo", tmp_path / "nowhere.png", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "no such file" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["skimage", "sklearn", "cv2", "torch", "PIL"])
def test_a_missing_extra_is_named_with_its_install_line(monkeypatch, tmp_path, name):
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    result = run("--out", tmp_path / "out")
    assert result.exit_code == 4
    assert name in result.stderr
    assert "pip install '.[demo]'" in result.stderr
    assert not (tmp_path / "out").exists()


def test_an_own_photograph_in_colour(tmp_path):
    from PIL import Image
    from skimage import data

    Image.fromarray(data.astronaut()[:300, :260]).save(tmp_path / "own.png")
    result = run("--photo", tmp_path / "own.png", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "On the photograph own.png" in result.stdout
    assert len(list((tmp_path / "out").iterdir())) == 7
