"""Named kernels against the libraries they are from: their taps, and which definition those apply them with."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from convention.definition import CONVOLUTION, Convention
from convention.kernels import (
    box,
    delta,
    disk,
    emboss,
    gabor,
    gaussian,
    kernel_names,
    laplacian,
    motion,
    named_kernel,
    prewitt,
    scharr,
    sharpen,
    shift,
    sobel,
)
from convention.reference import compute

IMAGE = np.random.default_rng(3).permutation(np.arange(1, 100)).reshape(9, 11).astype(float)
RIGHT = np.tile(np.arange(11.0), (9, 1))  # gets brighter to the right, by 1 per sample
DOWN = RIGHT[:, :9].T
TEXTS = [
    *kernel_names(),
    *(
        "delta-1",
        "shift--1-2",
        "shift-2-0",
        "box-4",
        "box-3x5",
        "box-3-5",
        "gaussian-9",
        "gaussian-11",
        "gaussian-5-1.2",
    ),
    *("gaussian-1.5s", "sobel-x-5", "sobel-y-7", "laplacian-8", "motion-9-45", "motion-8.5--30", "motion-5-90"),
    *("gabor-7-2-30-5-0.5-0", "gabor-7-2-90", "gabor-5-2-20-4-1-45", "disk-2.5", "disk-.4"),
]


def cv2():
    return pytest.importorskip("cv2", reason="OpenCV is what these taps are from")


def ndimage():
    return pytest.importorskip("scipy.ndimage", reason="SciPy is what these taps are from")


def filters():
    return pytest.importorskip("skimage.filters", reason="scikit-image's taps are told apart from these")


def of_definition(definition, signal, taps):
    axes = "all" if definition == "convolution" else "none"
    return compute(Convention(reversed_axes=axes, size="valid"), signal, taps).astype(float)


def definitions_of(result, signal, taps):
    """Which definitions give a library's result, away from the border; exact for integer taps."""
    rows, columns = (n // 2 for n in taps.shape)
    inner = np.asarray(result)[rows : len(signal) - rows, columns : signal.shape[1] - columns]
    # Sums of at most 121 products of numbers below 100 and taps below 1: 1e-12 is far above their rounding.
    bound = 0 if taps.dtype.kind == "i" else 1e-12
    words = ("convolution", "cross-correlation")
    return [w for w in words if np.abs(inner - of_definition(w, signal, taps)).max() <= bound]


def test_integer_taps():
    assert delta(3).taps.tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert shift(-1, 2).taps.tolist() == [[0, 0, 0, 0, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert sobel("x").taps.tolist() == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    assert sobel("y").taps.tolist() == [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]
    assert sobel("x", 5).factors[1].tolist() == [-1, -2, 0, 2, 1]
    assert prewitt("x").taps.tolist() == [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]
    assert scharr("y").taps.tolist() == [[-3, -10, -3], [0, 0, 0], [3, 10, 3]]
    assert laplacian(4).taps.tolist() == [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    assert laplacian(8).taps.tolist() == [[1, 1, 1], [1, -8, 1], [1, 1, 1]]
    assert emboss().taps.tolist() == [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]
    assert sharpen().taps.tolist() == [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
    assert sharpen().taps.tolist() == (delta().taps - laplacian(4).taps).tolist()


@pytest.mark.parametrize("text", TEXTS)
def test_every_kernel_says_what_it_is(text):
    kernel = named_kernel(text)
    assert kernel.name == text
    assert kernel.taps.dtype in (np.int64, np.float64)
    assert kernel.source.startswith(("http://", "https://", "R. C. Gonzalez"))
    assert kernel.note
    unchanged = kernel.taps.tolist() == np.flip(kernel.taps).tolist()
    assert kernel.definition in (["either"] if unchanged else ["convolution", "cross-correlation"])
    if kernel.factors is not None:
        assert np.outer(*kernel.factors).tolist() == kernel.taps.tolist()
        assert {f.dtype for f in kernel.factors} <= {kernel.taps.dtype, np.dtype(float)}
    for array in (kernel.taps, *(kernel.factors or ())):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 7
    assert pickle.loads(pickle.dumps(kernel)).name == text


def test_functions_name_what_they_return():
    made = [shift(-1, 2), box(3, 5), box(4), gaussian(5, 1.25), gaussian(sigma=1.5), motion(9, -30.5), disk(2.5)]
    for kernel in [*made, sobel("y", 5), prewitt("x"), scharr("y"), laplacian(8), gabor(7, psi=0)]:
        assert named_kernel(kernel.name).taps.tolist() == kernel.taps.tolist()
    separable = {name for name in kernel_names() if named_kernel(name).factors}
    assert separable == set(kernel_names()) - {"laplacian", "emboss", "sharpen", "disk"}
    assert named_kernel("motion-9-45").factors is None
    assert named_kernel("gabor-9-2-45").factors is None


def test_a_wrong_definition_is_told_from_the_right_one():
    taps = sobel("x").taps
    assert definitions_of(np.pad(of_definition("convolution", IMAGE, taps), 1), IMAGE, taps) == ["convolution"]
    assert definitions_of(IMAGE, IMAGE, taps) == []


@pytest.mark.parametrize(("direction", "orders"), [("x", (1, 0)), ("y", (0, 1))])
def test_opencv_cross_correlates_with_these_derivatives(direction, orders):
    cv = cv2()
    for size in range(3, 33, 2):
        column, row = sobel(direction, size).factors
        kx, ky = cv.getDerivKernels(*orders, size, ktype=cv.CV_64F)
        assert (kx.ravel().tolist(), ky.ravel().tolist()) == (row.tolist(), column.tolist())
    for size in (3, 5):
        result = cv.Sobel(IMAGE, cv.CV_64F, *orders, ksize=size)
        assert definitions_of(result, IMAGE, sobel(direction, size).taps) == [sobel(direction).definition]
    kx, ky = cv.getDerivKernels(*orders, cv.FILTER_SCHARR, ktype=cv.CV_64F)
    assert np.outer(ky, kx).tolist() == scharr(direction).taps.tolist()
    assert definitions_of(cv.Scharr(IMAGE, cv.CV_64F, *orders), IMAGE, scharr(direction).taps) == ["cross-correlation"]


@pytest.mark.parametrize(("direction", "axis"), [("x", 1), ("y", 0)])
def test_scipy_cross_correlates_with_these_derivatives(direction, axis):
    nd = ndimage()
    taps = prewitt(direction).taps
    assert definitions_of(nd.prewitt(IMAGE, axis), IMAGE, taps) == [prewitt(direction).definition]
    assert definitions_of(nd.sobel(IMAGE, axis), IMAGE, sobel(direction).taps) == ["cross-correlation"]
    # The source's own taps, as the answer to one sample of 1: cross-correlation leaves them reversed.
    assert nd.prewitt(np.pad([[1]], 1), axis).tolist() == np.flip(taps).tolist()


@pytest.mark.parametrize(("name", "divisor"), [("sobel", 4), ("prewitt", 3), ("scharr", 16)])
@pytest.mark.parametrize(("direction", "suffix"), [("x", "v"), ("y", "h")])
def test_scikit_image_convolves_with_the_reversed_taps(name, divisor, direction, suffix):
    operator = getattr(filters(), f"{name}_{suffix}")
    taps = named_kernel(f"{name}-{direction}").taps
    reversed_taps = np.flip(taps) / divisor
    assert definitions_of(operator(IMAGE), IMAGE, reversed_taps) == ["convolution"]
    assert definitions_of(operator(IMAGE), IMAGE, taps / divisor) == ["cross-correlation"]  # the same numbers
    impulse = np.pad([[1.0]], 2)
    assert np.allclose(operator(impulse)[1:-1, 1:-1], reversed_taps, rtol=0, atol=1e-15)


def test_the_sign_on_a_ramp():
    for name, rise in (("sobel", 8), ("prewitt", 6), ("scharr", 32)):  # twice the smoothing's sum
        for direction, ramp in (("x", RIGHT), ("y", DOWN)):
            kernel = named_kernel(f"{name}-{direction}")
            assert set(of_definition("cross-correlation", ramp, kernel.taps).ravel()) == {rise}
            assert set(of_definition("convolution", ramp, kernel.taps).ravel()) == {-rise}
            assert kernel.definition == "cross-correlation"
            assert kernel.note.startswith(
                f"positive where it gets brighter to{'' if direction == 'x' else 'wards'} the"
            )
    assert filters().sobel_v(RIGHT)[4, 4] == 2
    assert ndimage().prewitt(RIGHT, 1)[4, 4] == 6
    assert cv2().Scharr(RIGHT, -1, 1, 0)[4, 4] == 32


def test_laplacians():
    cv, nd = cv2(), ndimage()
    both = ["convolution", "cross-correlation"]
    assert definitions_of(cv.Laplacian(IMAGE, cv.CV_64F, ksize=1), IMAGE, laplacian(4).taps) == both
    assert definitions_of(nd.laplace(IMAGE), IMAGE, laplacian(4).taps) == both
    square = np.add.outer(np.arange(7) ** 2, np.arange(7) ** 2)  # x^2 + y^2, whose Laplacian is 4
    assert set(of_definition("convolution", square, laplacian(4).taps).ravel()) == {4}
    assert set(of_definition("convolution", square, laplacian(8).taps).ravel()) == {12}
    # MATLAB documents fspecial("laplacian", alpha); alpha = 1/2 is a third of the kernel of eight neighbours.
    alpha = 0.5
    edge, corner = (1 - alpha) / 4, alpha / 4
    documented = 4 / (alpha + 1) * np.array([[corner, edge, corner], [edge, -1, edge], [corner, edge, corner]])
    assert np.allclose(3 * documented, laplacian(8).taps, rtol=0, atol=1e-15)


def test_emboss_lights_from_the_upper_left_under_cross_correlation():
    raised = np.pad(np.full((5, 5), 10), 3)
    lit = of_definition("cross-correlation", raised, emboss().taps)  # one sample less on each side
    assert (lit[2, 2], lit[4, 4], lit[6, 6]) == (50, 10, -30)
    pressed = of_definition("convolution", raised, emboss().taps)
    assert (pressed[2, 2], pressed[4, 4], pressed[6, 6]) == (-30, 10, 50)
    assert emboss().definition == "cross-correlation"


@pytest.mark.parametrize(("rows", "columns"), [(1, 0), (0, -2), (-1, 2), (2, 1)])
def test_shift_moves_under_convolution(rows, columns):
    padded = np.pad(IMAGE, 3)
    kernel = shift(rows, columns)
    assert kernel.definition == "convolution"
    moved = np.roll(padded, (rows, columns), (0, 1))
    assert compute(CONVOLUTION, padded, kernel.taps).tolist() == moved.tolist()
    assert compute(CONVOLUTION, padded, np.flip(kernel.taps)).tolist() != moved.tolist()
    assert shift(0, 0).taps.tolist() == [[1]]
    assert shift(0, 0).definition == "either"


def test_gaussian_of_a_size_is_opencvs():
    cv = cv2()
    for size in range(1, 33, 2):
        for sigma in (None, 0.5, 1.2, 8):
            theirs = cv.getGaussianKernel(size, -1 if sigma is None else sigma).ravel()
            ours = gaussian(size, sigma).factors[0]
            if sigma is None and size <= 9:
                assert ours.tolist() == theirs.tolist()
            assert np.allclose(ours, theirs, rtol=1e-12, atol=0)  # exp of up to -450, rounded differently
    assert not np.allclose(gaussian(5).taps, gaussian(5, 1.1).taps, rtol=1e-2)  # 5's fixed taps are no sampled ones
    assert (gaussian(5).taps * 256).tolist() == np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]).tolist()
    assert len(definitions_of(cv.GaussianBlur(IMAGE, (5, 5), 0), IMAGE, gaussian(5).taps)) == 2


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1, 1.5, 3.13])
def test_gaussian_of_a_sigma_is_scipys(sigma):
    kernel = gaussian(sigma=sigma)
    far = len(kernel.taps) // 2 + 2  # their answer to one sample of 1 must be zero beyond our radius
    theirs = ndimage().gaussian_filter(np.pad([[1.0]], far), sigma, mode="constant")
    assert np.allclose(theirs[2:-2, 2:-2], kernel.taps, rtol=1e-13, atol=1e-300)
    assert np.count_nonzero(theirs) == kernel.taps.size


def test_gaussian_and_disk_have_matlabs_published_digits():
    assert gaussian(3, 0.5).taps[:2].round(4).tolist() == [[0.0113, 0.0838, 0.0113], [0.0838, 0.6193, 0.0838]]
    assert disk(1).taps[:2].round(4).tolist() == [[0.0251, 0.1453, 0.0251], [0.1453, 0.3183, 0.1453]]
    assert disk(2).taps[:3].round(4).tolist() == [
        [0, 0.0170, 0.0381, 0.0170, 0],
        [0.0170, 0.0784, 0.0796, 0.0784, 0.0170],
        [0.0381, 0.0796, 0.0796, 0.0796, 0.0381],
    ]


@pytest.mark.parametrize("radius", [0.3, 0.5, 0.6, 1, 1.5, 2.7, 5])
def test_disk_covers_areas(radius):
    taps = disk(radius).taps
    reach = len(taps) // 2
    fine = 200
    points = (np.arange(len(taps) * fine) + 0.5) / fine - 0.5 - reach
    inside = np.add.outer(points**2, points**2) <= radius**2
    counted = inside.reshape(len(taps), fine, len(taps), fine).sum(axis=(1, 3)) / inside.sum()
    assert np.allclose(taps, counted, rtol=0, atol=3 / fine / max(radius, 1))
    assert np.array_equal(taps == 0, counted == 0)
    assert taps.sum() == pytest.approx(1, abs=1e-15)
    assert taps.tolist() == taps.T.tolist() == np.flip(taps, 0).tolist()


@pytest.mark.parametrize(("length", "angle"), [(3, 45), (9, 30), (7, 100), (6.5, -20), (9, 180), (1, 33)])
def test_motion_is_the_documented_algorithm(length, angle):
    kernel = motion(length, angle)
    half, reach = (length - 1) / 2, 8
    turn = np.exp(1j * np.radians(angle))
    documented = np.zeros((2 * reach + 1, 2 * reach + 1))
    for i in range(-reach, reach + 1):
        for j in range(-reach, reach + 1):
            point = complex(j, -i)  # rows go down
            nearest = np.clip((point * turn.conjugate()).real, -half, half) * turn
            documented[i + reach, j + reach] = max(0.0, 1 - abs(point - nearest))
    documented /= documented.sum()
    rows, columns = (reach - n // 2 for n in kernel.taps.shape)
    framed = np.pad(kernel.taps, ((rows, rows), (columns, columns)))
    assert np.allclose(framed, documented, rtol=0, atol=1e-15)
    assert kernel.definition == "either"


def test_motion_goes_up_to_the_right():
    assert motion(9).taps.tolist() == [[1 / 9] * 9]
    assert motion(5, 90).taps.shape == (5, 1)
    taps = motion(9, 45).taps
    assert taps[0, -1] > 0 == taps[0, 0]
    # MATLAB's own program gives 0.3215, 0.1883 and 0.0754: less beside the ends than what it documents.
    assert motion(3, 45).taps[1].round(4).tolist() == [0.0876, 0.2991, 0.0876]


def test_box_is_opencvs_blur():
    cv = cv2()
    for rows, columns in ((3, 3), (3, 5), (1, 3)):
        assert len(definitions_of(cv.blur(IMAGE, (columns, rows)), IMAGE, box(rows, columns).taps)) == 2
    assert np.flatnonzero(cv.blur(np.eye(1, 9, 4), (4, 1), borderType=cv.BORDER_CONSTANT)).tolist() == [3, 4, 5, 6]
    # The window of output n begins at n-2: its anchor is index 2 of 4.
    assert compute(Convention(size=((0, 0), (2, 1))), np.eye(1, 9, 4), box(1, 4).taps)[0].astype(bool).nonzero()[
        0
    ].tolist() == [3, 4, 5, 6]


@pytest.mark.parametrize("size", [1, 3, 7, 9])
@pytest.mark.parametrize(
    ("sigma", "theta", "wavelength", "gamma", "psi"),
    [(2, 0, 4, 1, 90), (2, 30, 5, 0.5, 0), (1.5, 90, 3, 0.7, 20), (3, -45, 6, 1, 135), (2, 180, 4, 0, 90)],
)
def test_gabor_is_opencvs_and_stored_reversed(size, sigma, theta, wavelength, gamma, psi):
    cv = cv2()
    kernel = gabor(size, sigma, theta, wavelength, gamma, psi)
    angles = np.radians([theta, psi])
    theirs = cv.getGaborKernel((size, size), sigma, angles[0], wavelength, gamma, angles[1], cv.CV_64F)
    assert np.allclose(kernel.taps, theirs, rtol=0, atol=1e-14)
    y, x = np.mgrid[-(size // 2) : size // 2 + 1, -(size // 2) : size // 2 + 1]
    u, v = x * np.cos(angles[0]) + y * np.sin(angles[0]), y * np.cos(angles[0]) - x * np.sin(angles[0])
    g = np.exp(-(u**2 + gamma**2 * v**2) / (2 * sigma**2)) * np.cos(2 * np.pi * u / wavelength + angles[1])
    assert np.allclose(np.flip(kernel.taps), g, rtol=0, atol=1e-14)
    if size > 1:
        assert (kernel.definition == "either") == (psi == 0)
        assert np.allclose(kernel.taps, g, rtol=0, atol=1e-14) == (psi == 0)
    if size == 7:  # OpenCV's filter2D with it is the convolution with g
        taps = of_definition("convolution", IMAGE, g)
        assert np.allclose(cv.filter2D(IMAGE, -1, theirs)[3:-3, 3:-3], taps, rtol=0, atol=1e-10)
