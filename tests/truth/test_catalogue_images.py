"""What the remarks of SimpleITK, pyvips, Astropy and scikit-image say, measured on the installed libraries."""

from __future__ import annotations

import numpy as np
import pytest

from convention.catalogue import lookup


@pytest.fixture
def sitk():
    return pytest.importorskip("SimpleITK", reason="measures SimpleITK")


@pytest.fixture
def image():
    return pytest.importorskip("pyvips", reason="measures libvips").Image.new_from_array


def itk(name, signal, kernel, dtype="float64", **options):
    given = {"boundaryCondition": "ZERO_FLUX_NEUMANN_PAD", "outputRegionMode": "SAME", "normalize": False} | options
    return lookup(f"SimpleITK.{name}").call(np.array(signal, dtype), np.array(kernel, dtype), **given)


def test_simpleitk_cuts_off_and_wraps(sitk):
    assert itk("Convolution", [[1, 2, 3, 4, 5]], [[1, 2, 1]], "uint8", normalize=True).tolist() == [[1, 2, 3, 4, 4]]
    assert itk("Convolution", [[100, 100]], [[1, 2, 2]], "uint8").tolist() == [[244, 244]]
    assert itk("Convolution", [[3, 4]], [[0, -1, 0]], "int16").tolist() == [[-3, -4]]
    with pytest.raises(RuntimeError, match="denominator"):
        itk("Convolution", [[3, 4]], [[1, 0, -1]], normalize=True)
    assert itk("Convolution", [[3, 4]], [[1, 0, -3]], normalize=True).tolist() == [[2.5, 2.5]]


def test_simpleitk_s_transform_loses_a_whole_unit(sitk):
    arguments = [[3, 4, 7, 1, 2]], [[1, 1]], "uint8"
    assert itk("Convolution", *arguments, normalize=True).tolist() == [[3, 5, 4, 1, 2]]
    assert itk("FFTConvolution", *arguments, normalize=True).tolist() == [[3, 5, 4, 1, 1]]


def test_simpleitk_refuses_another_type_and_does_not_look_at_the_kernel_s_place(sitk):
    with pytest.raises(RuntimeError, match="Failure to convert"):
        sitk.Convolution(sitk.GetImageFromArray(np.ones((3, 3), "u1")), sitk.GetImageFromArray(np.ones((3, 3))))
    x, w = (sitk.GetImageFromArray(np.arange(n * n).reshape(n, n) ** 2.0) for n in (5, 3))
    there = sitk.GetArrayFromImage(sitk.Convolution(x, w))
    w.SetSpacing((2, 3))
    w.SetOrigin((7, 8))
    w.SetDirection((0, 1, 1, 0))
    assert np.array_equal(sitk.GetArrayFromImage(sitk.Convolution(x, w)), there)


def test_where_simpleitk_reads_foreign_memory(sitk):
    entry, rng = lookup("SimpleITK.Convolution"), np.random.default_rng(0)
    options = {"boundaryCondition": "PERIODIC_PAD", "outputRegionMode": "SAME", "normalize": False}
    wrong = set()
    for n in (1, 2, 3):
        for k in range(1, 11):
            x, w = rng.integers(1, 50, (3, n)), rng.integers(1, 50, (1, k))
            right = itk("FFTConvolution", x, w, boundaryCondition="PERIODIC_PAD")
            if not np.allclose(itk("Convolution", x, w, boundaryCondition="PERIODIC_PAD"), right, atol=1e-6):
                wrong.add((n, k))
    declared = {(n, k) for n in (1, 2, 3) for k in range(1, 11) if entry.faults((3, n), (1, k), **options)}
    assert wrong == declared


def test_libvips_rounds_taps_and_adds_half_the_scale(image):
    ten = image(np.array([[10]], "int32"))
    found = [int(ten.conv(image([[tap]]), precision="integer").numpy()) for tap in (2.5, 3.5, -0.5, -1.5)]
    assert found == [20, 40, 0, -20]
    # (-5 + 1) / 3 is cut off to -1; the nearest integer to -5/3 is -2
    for sum_, quotient in ((5, 2), (4, 1), (-4, -1), (-5, -1), (-6, -1), (-7, -2)):
        one = image(np.array([[1]], "int32"))
        assert int(one.conv(image([[sum_]], scale=3, offset=0), precision="integer").numpy()) == quotient


def test_libvips_clips_16_bits_and_wraps_32(image):
    for dtype, tap, found in (("uint8", -1, 0), ("int8", 9, 127), ("uint16", -1, 0), ("uint32", -1, 2**32 - 100)):
        result = image(np.full((1, 1), 100, dtype)).conv(image([[tap]]), precision="integer").numpy()
        assert (int(result), result.dtype) == (found, np.dtype(dtype))
        assert image(np.full((1, 1), 100, dtype)).conv(image([[tap]])).numpy().dtype == np.float32


def test_libvips_s_path_for_bytes_makes_129_of_128(image):
    mean = image([[1, 1, 1]], scale=3)
    for dtype, found in (("uint8", 129), ("uint16", 128)):
        assert image(np.full((1, 3), 128, dtype)).conv(mean, precision="integer").numpy().tolist() == [[found] * 3]


def test_libvips_masks_of_arrays_ignore_scale_and_offset(image):
    six = image(np.full((1, 3), 6.0))
    assert six.conv(image([[1, 2, 3]], scale=6, offset=1)).numpy().tolist() == [[7, 7, 7]]
    assert six.conv(image(np.array([[1.0, 2, 3]]), scale=6, offset=1)).numpy().tolist() == [[36, 36, 36]]


def test_libvips_s_approximation_brightens_black(image):
    black = image(np.zeros((5, 5)))
    mask = image([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    assert black.conv(mask, precision="approximate").numpy()[2].tolist() == [1.0] * 5
    assert black.conv(mask).numpy()[2].tolist() == [0.0] * 5


def test_libvips_mixes_real_and_imaginary_parts(image):
    hundred = image(np.full((1, 5), 100 + 0j)).conv(image([[1, 2, 2]])).numpy()
    assert hundred[0, 2] == 300 + 200j  # not 500
    with pytest.raises(TypeError, match="parts"):
        lookup("pyvips.Image.conv").call(np.ones((3, 3), complex), np.ones((1, 3)), precision="float")


def test_libvips_convsep_reverses_a_column_along_rows(image):
    spot = np.zeros((5, 5))
    spot[2, 2] = 1
    row = image(spot).convsep(image([[1, 2, 3]])).numpy()[1:4, 1:4]
    column = image(spot).convsep(image([[1], [2], [3]])).numpy()[1:4, 1:4]
    assert row.tolist() == np.outer([3, 2, 1], [3, 2, 1]).tolist()
    assert column.tolist() == np.outer([3, 2, 1], [1, 2, 3]).tolist()


def test_astropy_s_sizes_and_words():
    convolution = pytest.importorskip("astropy.convolution", reason="measures Astropy")
    assert convolution.convolve_fft(np.ones((100, 3)), np.ones((6, 6))).shape == (100, 3)
    with pytest.raises(ValueError, match="close to zero"):
        convolution.convolve([1.0, 2, 3], [1, 0, -3])
    with pytest.raises(Exception, match="odd"):
        convolution.convolve([1.0, 2, 3], [1, 1])
    assert convolution.convolve([1.0, 2, 4], [1, 1, 2], boundary=None).tolist() == [0, 2.0, 0]
    # 'wrap' puts a zero behind four samples, so that with five taps the last is two, not one, before the first
    assert lookup("astropy.convolution.convolve_fft").faults((4,), (5,), boundary="wrap", crop=True)
    x, w = [1.0, 0, 0, 10], [1, 2, 3, 4, 5.0]
    assert convolution.convolve_fft(x, w, boundary="wrap", normalize_kernel=False)[0] == pytest.approx(3 + 50)
    assert convolution.convolve(x, w, boundary="wrap", normalize_kernel=False)[0] == pytest.approx(3 + 40)


def test_scikit_image_returns_what_is_no_sum():
    filters = pytest.importorskip("skimage.filters", reason="measures scikit-image")
    assert filters.correlate_sparse(np.arange(4.0), np.array([1, 0, 0, 0, 0, 0]), "valid").tolist() == [0, 1, 2]
    dark = np.zeros((5, 5))
    dark[2, 2] = -1
    # an absolute value: no convolution
    assert filters.filter_forward(dark, lambda row, column: 3.0 * (row == 0) * (column == 1)).max() == pytest.approx(3)
