"""Kernels by name: the texts that name them, and every refusal."""

from __future__ import annotations

import numpy as np
import pytest

from convention.errors import ConventionError, ConventionFileError, ConventionTypeError, ConventionValueError
from convention.files import read_kernel
from convention.kernels import (
    box,
    delta,
    disk,
    gabor,
    gaussian,
    kernel_names,
    kernel_table,
    laplacian,
    motion,
    named_kernel,
    prewitt,
    scharr,
    shift,
    sobel,
)


@pytest.mark.parametrize(
    ("make", "found", "refusal"),
    [
        (lambda: delta(2), "none in the middle", ConventionValueError),
        (lambda: delta(0), "too small", ConventionValueError),
        (lambda: delta(4097), "too large", ConventionValueError),
        (lambda: delta(3.0), "no integer", ConventionTypeError),
        (lambda: delta(True), "a truth value", ConventionTypeError),
        (lambda: shift(0, 1.5), "no integer", ConventionTypeError),
        (lambda: shift(-5000), "too small", ConventionValueError),
        (lambda: box(3, 0), "too small", ConventionValueError),
        (lambda: gaussian(4), "use 3 or 5", ConventionValueError),
        (lambda: gaussian(-3), "too small", ConventionValueError),
        (lambda: gaussian(sigma=0), "too small", ConventionValueError),
        (lambda: gaussian(5, -1), "too small", ConventionValueError),
        (lambda: gaussian(sigma=float("nan")), "not finite", ConventionValueError),
        (lambda: gaussian(sigma=float("inf")), "not finite", ConventionValueError),
        (lambda: gaussian(sigma="1"), "no real number", ConventionTypeError),
        (lambda: gaussian(sigma=600), "4801 taps", ConventionValueError),
        (lambda: sobel("z"), "'x' or 'y'", ConventionValueError),
        (lambda: sobel("x", 33), "too large", ConventionValueError),
        (lambda: prewitt(0), "'x' or 'y'", ConventionTypeError),
        (lambda: scharr(["x"]), "'x' or 'y'", ConventionTypeError),
        (lambda: laplacian(6), "4 or 8", ConventionValueError),
        (lambda: motion(0.5), "too small", ConventionValueError),
        (lambda: motion(9, float("nan")), "not finite", ConventionValueError),
        (lambda: gabor(8), "none in the middle", ConventionValueError),
        (lambda: gabor(9, wavelength=0), "too small", ConventionValueError),
        (lambda: disk(0), "too small", ConventionValueError),
        (lambda: disk(1j), "no real number", ConventionTypeError),
        (lambda: named_kernel("gausian-3"), "did you mean 'gaussian'?", ConventionValueError),
        (lambda: named_kernel("sobel"), "did you mean 'sobel-", ConventionValueError),
        (lambda: named_kernel("Sobel-X"), "did you mean 'sobel-x'?", ConventionValueError),
        (lambda: named_kernel("laplacian8"), "did you mean 'laplacian'?", ConventionValueError),
        (lambda: named_kernel(""), "no kernel of this name", ConventionValueError),
        (lambda: named_kernel(7), "a int", ConventionTypeError),
        (lambda: named_kernel("emboss-3"), "too many numbers", ConventionValueError),
        (lambda: named_kernel("box-3-4-5"), "too many numbers", ConventionValueError),
        (lambda: named_kernel("gaussian-5-1-2s"), "too many numbers", ConventionValueError),
        (lambda: named_kernel("box-3s"), "'-3s' is no number", ConventionValueError),
        (lambda: named_kernel("gaussian-1.5s-3"), "is no number", ConventionValueError),
        (lambda: named_kernel("gaussian-1e3"), "is no number", ConventionValueError),
        (lambda: named_kernel("gaussian-" + "9" * 5000), "is no number", ConventionValueError),
        (lambda: named_kernel("sobel-x-"), "'-' is no number", ConventionValueError),
        (lambda: named_kernel("gaussian-1.5"), "no integer", ConventionTypeError),
        (lambda: named_kernel("shift-9999999"), "too large", ConventionValueError),
    ],
)
def test_bad_requests_are_refused(make, found, refusal):
    with pytest.raises(refusal) as refused:
        make()
    assert found in str(refused.value)
    assert isinstance(refused.value, ConventionError)


def test_the_table_lists_every_name():
    for name in kernel_names():
        assert any(line.startswith(name) for line in kernel_table().splitlines())
    for line in kernel_table().replace("]\n     ", "]  ").splitlines():
        assert named_kernel(line.split()[1]).taps.size
    assert max(map(len, kernel_table().splitlines())) <= 76


def test_read_kernel_knows_names_and_arrays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("box-3.npy", np.array([[5, 6]]))
    (tmp_path / "sobel-x").write_text("1 2 3")
    stored, none = read_kernel("box-3.npy")
    assert (stored.tolist(), none) == ([[5, 6]], None)
    taps, named = read_kernel(" sobel-x ")  # a name wins over a file without a suffix
    assert taps is named.taps
    assert named.name == "sobel-x"
    assert read_kernel("gaussian-1.5s")[1].taps.shape == (13, 13)
    assert read_kernel("1 2; 3 4")[0].tolist() == [[1, 2], [3, 4]]
    assert read_kernel(tmp_path / "box-3.npy")[1] is None
    for number in ("nan", "inf", "1j"):
        assert read_kernel(number)[1] is None


@pytest.mark.parametrize(
    ("source", "said", "refusal"),
    [
        ("gausian-3", "did you mean 'gaussian'?", ConventionValueError),
        ("gaussian-4", "use 3 or 5", ConventionValueError),
        ("1 2 x", "'x' in row 1, column 3 is not a number", ConventionValueError),
        ("box-3.png", "the suffix '.png' is not read", ConventionFileError),
        ("none.npy", "there is no such file", ConventionFileError),
        (7, "text or a path", ConventionTypeError),
    ],
)
def test_read_kernel_refuses(source, said, refusal):
    with pytest.raises(refusal) as refused:
        read_kernel(source)
    assert said in str(refused.value)


def test_an_unknown_word_is_answered_with_all_that_is_read():
    with pytest.raises(ConventionValueError) as refused:
        read_kernel("hello")
    for allowed in (*kernel_names(), ".npy", "1..9", "it is no number"):
        assert allowed in str(refused.value)
