"""What Pillow's Kernel does that its documentation does not say, each with its witness."""

from __future__ import annotations

import numpy as np
import pytest

X = np.random.default_rng(1).integers(0, 256, (6, 7)).astype("u1")


@pytest.fixture
def pillow():
    return pytest.importorskip("PIL.Image", reason="measures Pillow")


def filtered(image, kernel, *more):
    from PIL import ImageFilter

    return np.asarray(image.filter(ImageFilter.Kernel((3, 3), kernel, *more)))


IDENTITY = [0, 0, 0, 0, 1, 0, 0, 0, 0]
EDGES = [0, -1, 0, -1, 4, -1, 0, -1, 0]


def test_pillow_divides_by_the_sum_of_an_edge_filter_and_gets_zeros(pillow):
    image = pillow.fromarray(X)
    assert not filtered(image, EDGES)[1:-1, 1:-1].any()
    assert filtered(image, EDGES, 1)[1:-1, 1:-1].any()


def test_pillow_makes_zeros_of_negative_numbers_in_mode_i(pillow):
    image = pillow.fromarray(np.full((3, 3), -7, np.int32))
    assert filtered(image, IDENTITY)[1, 1] == 0
    assert filtered(image, IDENTITY)[0, 0] == -7
    assert filtered(image, EDGES)[1, 1] == -(2**31)


def test_pillow_copies_the_frame_without_scale_and_offset_and_small_images_whole(pillow):
    found = filtered(pillow.fromarray(X), IDENTITY, 2, 10)
    assert found[1:-1, 1:-1].tolist() == ((X[1:-1, 1:-1].astype(int) + 1) // 2 + 10).clip(0, 255).tolist()
    assert found[0].tolist() == X[0].tolist()
    assert filtered(pillow.fromarray(X[:2].copy()), IDENTITY, 2, 10).tolist() == X[:2].tolist()


def test_pillow_filters_the_alpha_band_too(pillow):
    alpha = np.random.default_rng(0).integers(0, 256, (5, 6, 4)).astype("u1")
    kernel = [1, 2, 3, 0, 1, 0, 0, 0, 2]
    one = filtered(pillow.fromarray(alpha[..., 3].copy()), kernel)
    assert filtered(pillow.fromarray(alpha), kernel)[..., 3].tolist() == one.tolist()


@pytest.mark.parametrize(
    ("mode", "taken"), [("L", True), ("1", True), ("CMYK", True), ("I;16", True), ("F", False), ("P", False)]
)
def test_which_modes_pillow_takes(pillow, mode, taken):
    image = pillow.new(mode, (5, 5))
    if taken:
        filtered(image, IDENTITY)
    else:
        with pytest.raises(ValueError, match=r"palette|wrong mode"):
            filtered(image, IDENTITY)


def test_pillow_takes_only_kernels_of_9_and_25_taps(pillow):
    from PIL import ImageFilter

    image = pillow.new("L", (9, 9))
    for side in (1, 7):
        with pytest.raises(ValueError, match="bad kernel size"):
            image.filter(ImageFilter.Kernel((side, side), [1] * side**2))
