"""What OpenCV's filters do that no documentation says, each with its witness and what `like` makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from convention import CONVOLUTION, apply
from convention.catalogue import lookup
from convention.catalogue.opencv_sums import block_length
from convention.emulation import like

cv2 = pytest.importorskip("cv2", reason="compares with OpenCV")

VECTORS = cv2.checkHardwareSupport(11)
"""Whether this processor has AVX2: without it other parts are rounded once."""
X = np.random.default_rng(1).integers(0, 256, (6, 7)).astype("u1")


@pytest.mark.skipif(not VECTORS, reason="the vectors of another processor have other lengths")
@pytest.mark.parametrize("numbers", range(1, 50))
def test_sepfilter2d_rounds_halves_to_even_in_whole_vectors_and_upwards_behind_them(numbers):
    kernel = np.array([0.25, 0.5, 0.25], "f4")
    x = np.random.default_rng(numbers).integers(0, 256, (300, numbers)).astype("u1")
    found = cv2.sepFilter2D(x, -1, kernel, kernel, borderType=1)
    padded = np.pad(x.astype(int), 1, mode="edge")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    sums = rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]
    whole = numbers - numbers % 16
    assert found[:, :whole].tolist() == np.rint(sums[:, :whole] / 16).tolist()
    assert found[:, whole:].tolist() == ((sums[:, whole:] + 8) // 16).tolist()
    assert like("cv2.sepFilter2D")(x, -1, kernel, kernel, borderType=1).tolist() == found.tolist()


@pytest.mark.skipif(not VECTORS, reason="another processor multiplies and adds otherwise")
@pytest.mark.parametrize(("shape", "dtype"), [((400, 61), "u1"), ((200, 21, 3), "u1"), ((400, 37), "u2")])
def test_sums_that_float32_rounds_are_rounded_alike(shape, dtype):
    x = np.random.default_rng(5).integers(0, 256, shape).astype(dtype)
    kernel = np.array([[1, 1, 1], [1, 2, 1], [1, 1, 1]]) / 10
    found = cv2.filter2D(x, -1, kernel)
    assert like("cv2.filter2D")(x, -1, kernel).tolist() == found.tolist()
    # the exact sums of the same taps are rounded otherwise in many places
    exact = cv2.filter2D(x, 6, kernel.astype("f4").astype("f8"))
    assert (np.rint(exact) != found).sum() > 100
    line = np.array([0.1, 0.7, 0.3])
    found = cv2.sepFilter2D(x, -1, line, line[::-1].copy(), delta=0.2)
    assert like("cv2.sepFilter2D")(x, -1, line, line[::-1].copy(), delta=0.2).tolist() == found.tolist()


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
@pytest.mark.parametrize("divisor", [10, 16])
def test_a_transform_rounds_halves_either_way(dtype, divisor):
    rng = np.random.default_rng(3)
    x, kernel = rng.integers(0, 256, (60, 61)).astype(dtype), (rng.integers(-3, 4, (13, 13)) / divisor).astype("f4")
    found, ours = (f(x, -1, kernel).astype(int) for f in (cv2.filter2D, like("cv2.filter2D")))
    sums = cv2.filter2D(x.astype("f8"), -1, kernel.astype("f8"))
    half = np.abs(sums % 1 - 0.5) < 1e-3
    assert (found == ours)[~half].all()
    assert np.abs(found - ours).max() <= 1
    assert half.any()


@pytest.mark.parametrize(("source", "target", "many"), [("uint8", 0, 130), ("uint8", 3, 130), ("float32", 5, 130)])
@pytest.mark.parametrize("fewer", [0, 1])
def test_from_how_many_taps_on_nan_and_wrap_tell_a_transform(source, target, many, fewer):
    x, kernel = np.ones((20, 21), source), np.ones((1, many - fewer), "f4")
    for function in (cv2.filter2D, like("cv2.filter2D")):
        if fewer:
            with pytest.raises((cv2.error, ValueError)):
                function(x, target, kernel, borderType=3)
        else:
            assert function(x, target, kernel, borderType=3).shape == x.shape
    assert lookup("cv2.filter2D").transforms(x.shape, kernel.shape)


def test_a_transform_takes_types_that_few_taps_do_not():
    x = np.arange(420, dtype="i4").reshape(20, 21)
    for function in (cv2.filter2D, like("cv2.filter2D")):
        with pytest.raises((cv2.error, TypeError)):
            function(x, -1, np.ones((1, 49)))
        assert function(x, -1, np.ones((1, 50))).dtype == np.int32


@pytest.mark.parametrize(("shape", "where"), [((300, 310), (10, 10)), ((300, 310), (299, 250)), ((40, 600), (3, 244))])
def test_a_nan_fills_the_block_of_the_transform_that_it_is_in(shape, where):
    x = np.ones(shape, "f4")
    x[where] = np.nan
    found, ours = (np.isnan(f(x, -1, np.ones((13, 13), "f4"))) for f in (cv2.filter2D, like("cv2.filter2D")))
    assert 13 * 13 < found.sum() < found.size
    assert found.tolist() == ours.tolist()


def test_a_wrapped_border_is_right_within_one_block_only():
    kernel = np.arange(169.0, dtype="f4").reshape(13, 13)
    entry = lookup("cv2.filter2D")
    for columns in (200, 600):
        x = np.random.default_rng(0).integers(0, 9, (40, columns)).astype("f4")
        wrapped = np.pad(x.astype(float), 6, mode="wrap")
        right = cv2.filter2D(wrapped, -1, kernel.astype(float))[6:-6, 6:-6]
        found = cv2.filter2D(x, -1, kernel, borderType=3)
        one_block = block_length(columns, 13) == columns
        assert bool(np.abs(found - right).max() < 1) is one_block
        fault = entry.faults(x.shape, kernel.shape, borderType="BORDER_WRAP")
        assert bool(fault) is not one_block
        if fault:
            with pytest.raises(ValueError, match="block"):
                like("cv2.filter2D")(x, -1, kernel, borderType=3)
        else:
            assert np.abs(like("cv2.filter2D")(x, -1, kernel, borderType=3) - right).max() < 1


def test_the_anchor_that_the_documentation_gives_for_a_convolution_makes_one():
    kernel = np.arange(1.0, 13).reshape(3, 4)
    for x, y in ((-1, -1), (0, 0), (3, 1)):
        own = (2 if x < 0 else x, 1 if y < 0 else y)
        found = cv2.filter2D(X, 6, kernel[::-1, ::-1].copy(), anchor=(4 - own[0] - 1, 3 - own[1] - 1), borderType=0)
        size = ((3 - own[1] - 1, own[1]), (4 - own[0] - 1, own[0]))
        assert found.tolist() == apply(replace(CONVOLUTION, size=size), X.astype(float), kernel).tolist()


WITHOUT_AVX2 = """
import cv2, numpy as np
x = np.random.default_rng(5).integers(0, 256, (400, 64)).astype("u1")
print(cv2.filter2D(x, -1, np.array([[1, 1, 1], [1, 2, 1], [1, 1, 1]]) / 10).tolist())
"""


@pytest.mark.skipif(not VECTORS, reason="there is nothing to switch off")
def test_the_same_call_gives_other_integers_on_another_processor():
    found = []
    for disabled in ({}, {"OPENCV_CPU_DISABLE": "AVX2"}):
        child = subprocess.run(
            [sys.executable, "-c", WITHOUT_AVX2], capture_output=True, text=True, check=True, env=os.environ | disabled
        )
        found.append(np.array(json.loads(child.stdout)))
    different = found[0] != found[1]
    assert 0 < different.sum() < 0.02 * different.size
    assert np.abs(found[0] - found[1]).max() == 1
