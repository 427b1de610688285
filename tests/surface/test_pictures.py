"""Pictures: what a pixel means, that texts are there, that files stay small, and nothing of it at random."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from convention.comparison import compare
from convention.errors import ConventionError, MissingLibraryError
from convention.pictures import Panel, bar_chart, diverging, line_chart, png_bytes, reduced, sheet, write_png
from convention.pictures.panels import body, scale_bar
from convention.side_by_side import comparison_sheet

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

WHITE = (255, 255, 255)
NOISE = np.random.default_rng(0).integers(0, 256, (700, 900, 3)).astype(np.uint8)
EMBOSS = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])


def decoded(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_zero_is_white_and_only_zero_is():
    colours = diverging(np.array([[0.0, 1e-9, -1e-9, 5, -5]]), 5)[0]
    assert colours[0].tolist() == list(WHITE)
    assert (colours[1:] != 255).any(axis=1).all()


def test_signs_have_the_right_colours():
    low, high = diverging(np.array([[-3, 3]]), 3)[0].astype(int)
    assert low[0] > low[2] + 100  # orange: more red than blue
    assert high[2] > high[0] + 100
    assert diverging(np.array([[-9, 9]]), 3)[0].tolist() == [low.tolist(), high.tolist()]
    assert diverging(np.array([[np.nan]]), 3)[0, 0].tolist() == [128, 128, 128]


def test_the_map_gets_darker_evenly_on_both_sides_so_that_it_reads_in_grey():
    steps = diverging(np.linspace(-1, 1, 41)[None], 1)[0] @ (0.21, 0.72, 0.07)
    assert (np.diff(steps[:21]) > 0).all()
    assert (np.diff(steps[20:]) < 0).all()
    assert abs(steps[0] - steps[-1]) < 15


def test_a_panel_shows_each_sample_in_its_place():
    picture = np.asarray(body(Panel("", np.array([[0, 7], [-7, 0]]), "signed"), 20, 20))
    assert picture.shape == (20, 20, 3)
    assert picture[5, 5].tolist() == picture[15, 15].tolist() == list(WHITE)
    assert picture[5, 15].tolist() == [0, 114, 178]
    assert picture[15, 5].tolist() == [179, 71, 0]


def test_images_are_shown_as_they_are_and_share_a_scale_where_it_is_given():
    samples = np.array([[0, 100], [200, 255]], np.uint8)
    picture = np.asarray(body(Panel("", samples), 10, 10))
    assert picture[2, 2].tolist() == [0, 0, 0]
    assert picture[2, 7].tolist() == [100, 100, 100]
    half = np.asarray(body(Panel("", samples, scale=(0, 510)), 10, 10))
    assert half[2, 7].tolist() == [50, 50, 50]
    signed = np.asarray(body(Panel("", samples.astype(int) - 100, scale=(-255, 255)), 10, 10))
    assert signed[2, 7].tolist() == [128, 128, 128]


def test_a_kernel_has_its_mark_in_the_right_corner():
    for mark, inside, outside in (("first", (2, 2), (-3, -3)), ("last", (-3, -3), (2, 2))):
        picture = np.asarray(body(Panel("", np.ones((2, 3), int), "kernel", mark=mark), 100, 100)).astype(int)
        assert picture[inside].sum() < 100
        assert picture[outside].sum() > 400


def test_reduction_by_hand():
    a = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [9, -20, 1, 1]])
    assert reduced(a[:2], 1, 2).tolist() == [[3.5, 5.5]]
    assert reduced(a, 1, 2, "extreme").tolist() == [[-20, 8]]
    assert reduced(a, 9, 9).tolist() == a.tolist()
    assert reduced(np.full((3001, 17), 255, np.uint8), 7, 5).tolist() == [[255.0] * 5] * 7
    with pytest.raises(ConventionError, match="median"):
        reduced(a, 1, 1, "median")


def test_a_lone_difference_survives_reduction():
    lone = np.zeros((2000, 3000))
    lone[1234, 567] = -1e-3
    picture = np.asarray(body(Panel("", lone, "signed"), 320, 260))[1:-1, 1:-1]
    assert ((picture != 255).any(axis=2)).sum() == 1


def test_a_scale_says_its_numbers_and_what_lies_beyond():
    plain = np.asarray(scale_bar(Panel("", np.array([[-5, 5]]), "signed"), 200))
    assert plain[5, 100].tolist() == list(WHITE)
    assert plain[5, 1, 0] > plain[5, 1, 2]
    beyond = np.asarray(scale_bar(Panel("", np.array([[-9, 9]]), "signed", scale=(-5, 5)), 200))
    assert (plain != beyond).any()


def test_every_sheet_states_the_index_order():
    one = sheet([Panel("a", np.zeros((3, 3)))])
    two = sheet([Panel("a", np.zeros((3, 3)))], caption="A caption.")
    assert two.height > one.height
    assert (np.asarray(one)[-45:] < 128).any()


def test_texts_have_only_characters_that_the_font_has():
    from convention.pictures.lettering import font, plain

    missing = bytes(font().getmask("\ue123"))
    for character in map(chr, [*range(33, 127), *map(ord, "°·±")]):
        assert bytes(font().getmask(character)) != missing, character
    assert plain("−3 × café ≤ 2 → 漢") == "-3 x cafe <= 2 -> ?"


def test_pictures_stay_small_and_white_stays_white():
    noisy = sheet([Panel(str(i), NOISE[i:]) for i in range(6)])
    flat = Panel("flat", np.zeros((40, 40)), "signed")
    for picture in (noisy, sheet([flat]), sheet([flat, *[Panel(str(i), NOISE[i:]) for i in range(5)]])):
        assert len(png_bytes(picture)) <= 300_000
    quantised = decoded(png_bytes(sheet([flat, Panel("noise", NOISE)]), most=100_000))
    assert (quantised[100:250, 40:200] == 255).all()


def test_what_is_not_white_is_not_white_in_few_colours():
    faint = np.full((200, 200), 1e-6)
    faint[:100] = 0
    picture = sheet([Panel("faint", faint, "signed", scale=(-1, 1)), Panel("noise", NOISE)])
    before, after = np.asarray(picture), decoded(png_bytes(picture, most=150_000))
    assert len(np.unique(after.reshape(-1, 3), axis=0)) <= 256 < len(np.unique(before.reshape(-1, 3), axis=0))
    assert ((before == 255).all(axis=2) == (after == 255).all(axis=2)).all()


def test_blue_and_orange_keep_their_colours_in_few_colours():
    stripes = np.tile([-1.0, 1.0, 0.4, -0.4], (200, 80))
    picture = sheet([Panel("stripes", stripes, "signed"), Panel("noise", NOISE)])
    few = decoded(png_bytes(picture, most=150_000))
    before, after = (np.asarray(one).astype(int)[60:200, 25:200] for one in (picture, few))
    assert abs(before - after).max() <= 12


def test_the_same_picture_every_time():
    def draw():
        result = compare(NOISE, EMBOSS, axes=(0, 1))
        return png_bytes(comparison_sheet(result, NOISE, EMBOSS, axes=(0, 1), name="noise.png"))

    assert draw() == draw()


def test_charts():
    lines = line_chart({"right": [20, 21.5, 23], "mixed": [20, float("nan"), 9]}, title="PSNR", y_label="dB")
    bars = bar_chart({"before": 97.5, "after": 12}, limit=100, title="accuracy")
    assert (lines.size, bars.width) == ((640, 380), 640)
    pixels = np.asarray(bars).reshape(-1, 3)
    blue, orange = ((pixels == colour).all(axis=1).sum() for colour in ((0, 114, 178), (179, 71, 0)))
    assert blue / orange == pytest.approx(97.5 / 12, rel=0.05)
    for chart in (lambda: line_chart({}), lambda: line_chart({"a": [float("inf")]}), lambda: bar_chart({"a": -1})):
        with pytest.raises(ConventionError):
            chart()


def test_what_cannot_be_drawn_is_refused():
    for samples in (np.zeros((2, 2), complex), np.zeros((0, 3)), np.zeros((2, 2, 2, 2)), np.array(["a"])):
        with pytest.raises(ConventionError):
            Panel("", samples)
    with pytest.raises(ConventionError, match="signed"):
        Panel("", np.zeros((2, 2)), "sined")
    with pytest.raises(ConventionError):
        sheet([])


def test_files_are_written_whole_or_not_at_all(tmp_path):
    picture = sheet([Panel("a", np.zeros((3, 3)))])
    target = tmp_path / "a.png"
    assert write_png(picture, target) == target.stat().st_size
    before = target.read_bytes()
    with pytest.raises(ConventionError, match="it is kept"):
        write_png(sheet([Panel("b", np.ones((9, 9)))]), target)
    assert target.read_bytes() == before
    for bad in (tmp_path / "a.jpg", tmp_path / "no" / "a.png", tmp_path):
        with pytest.raises(ConventionError):
            write_png(picture, bad)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_without_pillow_the_install_line_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingLibraryError, match="pictures"):
        sheet([Panel("a", np.zeros((3, 3)))])


def panels_of(monkeypatch, signal, kernel, **keywords):
    """Return the panels of a comparison's sheet, by title."""
    import convention.side_by_side as module

    seen = []
    monkeypatch.setattr(module, "sheet", lambda panels, **others: seen.extend(panels))
    axes = keywords.get("axes")
    comparison_sheet(compare(signal, kernel, **keywords), signal, kernel, axes=axes)
    return {panel.title: panel for panel in seen}


def test_a_comparison_shows_both_results_on_one_scale(monkeypatch):
    panels = panels_of(monkeypatch, NOISE[:, :, 0], EMBOSS)
    assert panels["convolution"].scale == panels["cross-correlation"].scale
    low, high = panels["convolution"].scale
    assert low == -high
    crops = [panel for title, panel in panels.items() if "crop at [" in title]
    assert len(crops) == 3
    assert {panel.scale for panel in crops[:2]} == {panels["convolution"].scale}
    assert panels["kernel as given"].mark == "first"
    assert panels["kernel turned by 180°"].mark == "last"
    assert panels["kernel turned by 180°"].samples.tolist() == EMBOSS[::-1, ::-1].tolist()


def test_the_difference_is_blue_where_the_convolution_is_larger(monkeypatch):
    # convolution [0, 0, 9], cross-correlation [9, 0, 0]
    panels = panels_of(monkeypatch, np.array([[0, 9, 0]]), np.array([[0, 0, 1]]))
    panel = panels["difference: convolution − cross-correlation"]
    assert panel.samples.tolist() == [[-9, 0, 9]]
    assert panel.ends == ("cross-correlation larger", "convolution larger")
    picture = np.asarray(body(panel, 30, 10)).astype(int)
    assert picture[5, 5, 0] > picture[5, 5, 2]
    assert picture[5, 25, 2] > picture[5, 25, 0]


def test_identical_results_leave_the_difference_white(monkeypatch):
    panels = panels_of(monkeypatch, NOISE, np.ones((3, 3), int), axes=(0, 1))
    panel = panels["difference: convolution − cross-correlation"]
    assert "white everywhere" in panel.note
    assert (np.asarray(body(panel, 320, 260))[1:-1, 1:-1] == 255).all()
    assert not any("crop" in title for title in panels)


def test_the_colour_that_differs_most_is_shown(monkeypatch):
    signal = np.zeros((1, 3, 3), int)
    signal[0, 1] = 1, -5, 3
    panels = panels_of(monkeypatch, signal, np.array([[0, 0, 1]]), axes=(0, 1))
    assert panels["difference: convolution − cross-correlation"].samples.tolist() == [[5, 0, -5]]


def test_other_shapes_are_shown_too(monkeypatch):
    cube = np.random.default_rng(0).integers(0, 9, (4, 5, 6))
    assert panels_of(monkeypatch, cube, np.arange(8).reshape(2, 2, 2))["input"].samples.shape == (5, 6)
    assert panels_of(monkeypatch, np.arange(5), np.array([1, 2, 4]))["input"].samples.shape == (1, 5)
    with pytest.raises(ConventionError, match="magnitudes would hide what differs"):
        panels_of(monkeypatch, np.arange(5) * 1j, np.array([1, 2, 4]))
    stack = panels_of(monkeypatch, cube, np.arange(4).reshape(2, 2), axes=(1, 2))
    assert stack["convolution"].samples.shape == (5, 6)
    with pytest.raises(ConventionError, match="size='same'"):
        panels_of(monkeypatch, cube[0], EMBOSS, size="valid")
