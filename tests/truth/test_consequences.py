"""The six costs: their figures, exact where sums are whole numbers; each measure, by hand; the article's pictures."""

import io
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the costs train a small network")
pytest.importorskip("cv2", reason="the costs carry kernels to OpenCV")
pytest.importorskip("skimage", reason="the costs are measured on its photograph")
pytest.importorskip("sklearn", reason="the costs are measured on its digits")
pytest.importorskip("PIL", reason="the costs are drawn")

from PIL import Image

from convention.engine import convolve, correlate
from convention.experiment import article
from convention.experiment.consequences import perform
from convention.experiment.consequences.anchor import PORTS, moved_by
from convention.experiment.consequences.data import photograph
from convention.experiment.consequences.deconvolution import coma, psnr, richardson_lucy
from convention.experiment.consequences.motion import STREAK, displacement
from convention.experiment.consequences.output import picture_bytes
from convention.pictures import png_bytes

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def found():
    return perform()


@pytest.fixture(scope="module")
def figures(found):
    return {cost.name: {figure.name: figure.value for figure in cost.figures} for cost in found.costs}


def test_every_check_holds(found):
    assert [check.name for cost in found.costs for check in cost.checks if not check.verdict] == []
    assert [cost.number for cost in found.costs] == [1, 2, 3, 4, 5, 6]


def test_the_sobel_gradient_turns_by_180_degrees_at_every_strong_pixel(figures):
    derivative = figures["derivative"]
    assert derivative["angle between the two gradients"] == [180.0]
    # A tenth of 510 * 510, and the ties at the limit.
    assert 26_010 <= derivative["strong edge pixels"] <= 26_100
    assert derivative["one step along the gradient, as cross-correlation"] > 20
    assert derivative["one step along the gradient, as convolution"] < -20


def test_the_blur_moves_the_photograph_by_its_centre_of_mass_and_the_other_way(figures):
    moved = figures["motion"]
    assert moved["moved by (rows, columns) as convolution"] == (4, 8)
    assert moved["moved by (rows, columns) as cross-correlation"] == (-4, -8)
    assert moved["distance between the two"] == pytest.approx(2 * 80**0.5)


def test_the_streak_is_symmetric_about_its_centre_of_mass_so_that_registration_finds_it():
    taps = np.argwhere(STREAK) - [8, 16]
    assert len(taps) == 17
    assert taps.mean(axis=0).tolist() == [4, 8]
    assert sorted(map(tuple, taps.tolist())) == sorted(map(tuple, (2 * taps.mean(axis=0) - taps).astype(int).tolist()))


@pytest.mark.parametrize("moved", [(0, 0), (2, -3), (-1, 4)])
def test_registration_finds_a_known_displacement(moved):
    image = np.random.default_rng(1).integers(0, 256, (40, 50))
    assert displacement(np.roll(image, moved, (0, 1)), image, (4, 6)) == moved


def test_richardson_lucy_rises_with_the_right_definition_and_falls_with_the_mixed_one(figures):
    psnrs = figures["deconvolution"]
    right, mixed = psnrs["right, after 20 iterations"], psnrs["mixed, after 20 iterations"]
    assert len(right) == len(mixed) == 21
    assert right[0] == mixed[0] == psnrs["PSNR of the blurred photograph"]
    assert all(np.diff(right) > 0)
    assert all(np.diff(mixed) < 0)
    assert right[-1] - right[0] > 8
    assert mixed[-1] - mixed[0] < -10


def test_richardson_lucy_with_the_adjoint_never_loses_light_and_leaves_an_unblurred_image_alone():
    image = np.array([[3.0, 1, 4, 1, 5], [9, 2, 6, 5, 3], [5, 8, 9, 7, 9], [3, 2, 3, 8, 4], [6, 2, 6, 4, 3]])
    delta = np.zeros((3, 3))
    delta[1, 1] = 1.0
    assert np.allclose(richardson_lucy(image, delta, correlate)[-1], image)


def test_the_two_steps_are_adjoint_only_with_opposite_definitions():
    rng = np.random.default_rng(2)
    x, y, kernel = rng.integers(-9, 10, (12, 13)), rng.integers(-9, 10, (12, 13)), rng.integers(-9, 10, (5, 5))
    forward = int((convolve(x, kernel) * y).sum())
    assert int((x * correlate(y, kernel)).sum()) == forward
    assert int((x * convolve(y, kernel)).sum()) != forward


def test_the_point_spread_function_keeps_the_light_and_is_off_its_centre():
    psf = coma()
    assert psf.shape == (21, 21)
    assert psf.min() >= 0
    assert psf.sum() == pytest.approx(1)
    down, along = ((np.indices(psf.shape) - 10) * psf).sum(axis=(1, 2))
    assert 2 < down < 3
    assert 3 < along < 4


def test_psnr_of_an_error_of_one_grey_level():
    truth = np.full((50, 50), 100)
    assert psnr(truth + 1, truth) == pytest.approx(20 * np.log10(255))
    assert psnr(truth, truth) == float("inf")


def test_the_network_no_longer_reads_until_its_kernels_are_reversed_back(figures):
    accuracy = figures["weights"]
    assert accuracy["held-out digits"] == 599
    assert accuracy["read correctly, as trained"] > 97
    assert 5 < accuracy["under the other definition"] < 45
    assert accuracy["after the kernels are reversed"] == accuracy["read correctly, as trained"]


@pytest.mark.parametrize("function", PORTS)
def test_an_even_kernel_is_one_pixel_off_until_the_anchor_moves(figures, function):
    for side, moved in ((2, (1, 1)), (3, (0, 0)), (4, (1, 1))):
        one = figures["anchor"][f"{side}x{side}, {function}"]
        assert one["moved"] == (moved,)
        assert one["left"] == 0
        assert (one["differing"] > 0.9) is (side != 3)


@pytest.mark.parametrize("side", [2, 4])
@pytest.mark.parametrize("function", PORTS)
def test_appending_a_row_and_a_column_of_zeros_repairs_it_too(function, side):
    from scipy import ndimage

    image = np.random.default_rng(3).integers(0, 256, (20, 24)).astype(float)
    kernel = np.arange(1.0, side * side + 1).reshape(side, side)
    odd = np.pad(kernel, ((0, 1), (0, 1)))
    result = PORTS[function](image, np.ascontiguousarray(odd[::-1, ::-1]), False)
    assert moved_by(result, ndimage.convolve(image, kernel)) == ((0, 0),)


def test_filtering_twice_is_filtering_once_for_convolution_only(figures):
    combined = figures["associativity"]
    assert combined["largest difference, convolution"] == 0
    assert combined["with the kernels combined by convolution"] == 0
    assert combined["largest difference, cross-correlation"] == 13_162


def test_a_second_run_has_the_same_figures_and_the_callers_torch_is_left_alone(found):
    import torch

    torch.manual_seed(7)
    wanted = torch.rand(2)
    torch.manual_seed(7)
    before = (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
    again = perform()
    assert torch.equal(torch.rand(2), wanted)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
    assert [cost.figures for cost in again.costs] == [cost.figures for cost in found.costs]
    assert png_bytes(again.costs[3].draw()) == png_bytes(found.costs[3].draw())


@pytest.mark.parametrize(("dtype", "factor"), [(np.uint8, 1), (np.uint16, 257)], ids=["8 bit", "16 bit"])
def test_a_photograph_keeps_its_grey_levels(tmp_path, dtype, factor):
    grey = np.arange(128 * 130).reshape(128, 130) % 256
    np.save(tmp_path / "photo.npy", (grey * factor).astype(dtype))
    photo = photograph(str(tmp_path / "photo.npy"))
    assert np.array_equal(photo.samples, grey)
    assert photo.name == "photo.npy"


def test_a_colour_photograph_becomes_grey_and_a_large_one_is_reduced(tmp_path):
    colour = np.zeros((1024, 1200, 3), dtype=np.uint8)
    colour[:, 600:] = (100, 200, 50)
    np.save(tmp_path / "photo.npy", colour)
    photo = photograph(str(tmp_path / "photo.npy"))
    assert photo.samples.shape == (341, 400)
    assert set(np.unique(photo.samples)) == {0, 153}  # 29.9 + 117.4 + 5.7


def test_the_articles_pictures_are_the_ones_drawn_now(found):
    text = (DOCS / "experiment.md").read_text(encoding="utf-8")
    linked = re.findall(r"^!\[[^\]]{40,}\]\((pictures/[^)]+)\)$", text, re.MULTILINE)
    assert linked == [f"pictures/{cost.picture}" for cost in found.costs]
    for name, data in picture_bytes(found).items():
        stored = (DOCS / article.PICTURES / name).read_bytes()
        assert len(data) <= 300_000
        assert len(stored) <= 300_000
        # Not byte by byte: another Pillow may smooth letters otherwise.
        one, other = (np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=float) for png in (stored, data))
        assert one.shape == other.shape, f"{name} is out of date: make docs"
        assert np.abs(one - other).mean() <= 2, f"{name} is out of date: make docs"
