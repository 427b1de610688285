"""Where documentation and behaviour part: the witnesses of ``docs/catalogue.md``, run on the real libraries."""

from __future__ import annotations

import numpy as np
import pytest

from convention.catalogue import lookup


def installed(name):
    entry = lookup(name)
    if not entry.installed:
        pytest.skip(f"runs {entry.library}")
    return entry


def impulse(*shape):
    signal = np.zeros(shape)
    signal[tuple(n // 2 for n in shape)] = 1
    return signal


NINE = np.arange(1.0, 10).reshape(3, 3)


def test_tensorflow_casts_the_kernel_to_the_signals_type():
    tensorflow = pytest.importorskip("tensorflow", reason="runs TensorFlow")
    signal, kernel = np.array([10, 20]).reshape(1, 1, 2, 1), np.array([0.5, 1.75]).reshape(1, 2, 1, 1)
    found = tensorflow.nn.conv2d(signal.astype(np.int32), kernel, 1, "VALID")
    assert found.numpy().ravel().tolist() == [20]  # 10*0 + 20*1


@pytest.mark.filterwarnings("ignore:When dilation rate is greater than 1")
def test_tensorflow_depthwise_steps_unevenly_with_stride_and_dilation():
    pytest.importorskip("tensorflow", reason="runs TensorFlow")
    from tensorflow.nn import depthwise_conv2d

    signal, kernel = np.arange(1.0, 145).reshape(1, 12, 12, 1), np.zeros((2, 2, 1, 1))
    kernel[0, 0] = 1  # each output is the first sample of its window
    rows = (depthwise_conv2d(signal, kernel, (1, 2, 2, 1), "VALID", dilations=(2, 2)).numpy()[0, :, 0, 0] - 1) // 12
    assert rows.tolist() == [2 * 2 * (n // 2) + n % 2 for n in range(len(rows))] != list(range(0, 2 * len(rows), 2))


def test_mahotas_correlates_and_casts():
    mahotas = pytest.importorskip("mahotas", reason="runs mahotas")
    assert mahotas.convolve(np.array([0.0, 0, 1, 0, 0]), np.array([1.0, 2, 3])).tolist() == [0, 3, 2, 1, 0]
    assert mahotas.convolve(np.array([0, 0, 2, 0, 0]), np.array([0.5, 1.5, 2.5])).tolist() == [0, 4, 2, 0, 0]


def test_mahotas_convolve1d_depends_on_length_and_memory_order():
    mahotas = pytest.importorskip("mahotas", reason="runs mahotas")
    weights = np.array([0.5, 1.5, 0.5])
    assert mahotas.convolve1d(np.array([1, 0, 2, 3]), weights, 0).tolist() == [2, 1, 4, 7]
    assert mahotas.convolve1d(np.array([1, 0, 2]), weights, 0).tolist() == [1, 0, 2]
    image = np.array([[1, 0, 2, 3]] * 4)
    both = [mahotas.convolve1d(one, weights, 1).tolist() for one in (image, np.asfortranarray(image))]
    assert both[0] != both[1]


def test_grid_wrap_of_dask_image_depends_on_the_chunks():
    pytest.importorskip("dask_image", reason="runs dask-image")
    import dask.array
    from dask_image.ndfilters import convolve

    def filtered(mode, chunks):
        image = dask.array.from_array(np.arange(1, 9), chunks=chunks)
        return convolve(image, np.array([1, 10, 100]), mode=mode).compute(scheduler="synchronous").tolist()

    assert filtered("grid-wrap", 8) == filtered("wrap", 8) == filtered("wrap", 4)
    different = [a != b for a, b in zip(filtered("grid-wrap", 4), filtered("wrap", 4))]
    assert different == [True, False, False, False, False, False, False, True]


def test_astropy_refuses_negative_sums_and_takes_any_word_for_wrap():
    convolution = pytest.importorskip("astropy.convolution", reason="runs Astropy")
    with pytest.raises(ValueError, match="close to zero"):
        convolution.convolve([1.0, 2, 3], [1.0, 0, -3])
    found = convolution.convolve_fft([1.0, 2, 3, 10], [0.0, 0, 1], boundary="reflect")
    assert np.rint(found).tolist() == [10, 1, 2, 3]


def test_pyvips_correlates_and_mixes_complex_bands():
    pyvips = pytest.importorskip("pyvips", reason="runs libvips")
    entry = lookup("pyvips.Image.conv")
    assert entry.call(impulse(5, 5), NINE, **next(entry.cases()))[1:4, 1:4].tolist() == NINE[::-1, ::-1].tolist()
    image = pyvips.Image.new_from_array(np.full((1, 4), 100 + 0j))
    assert image.conv(pyvips.Image.new_from_array([[1, 2, 2]])).numpy()[0, 1] == 300 + 200j


def test_the_two_convolutions_of_simpleitk_round_otherwise():
    installed("SimpleITK.Convolution")
    import SimpleITK as sitk  # noqa: N813

    image, kernel = (sitk.GetImageFromArray(np.array([one], "u1")) for one in ([3, 4, 7, 1, 2], [1, 1]))
    direct, fourier = (
        sitk.GetArrayFromImage(function(image, kernel, normalize=True)).ravel().tolist()
        for function in (sitk.Convolution, sitk.FFTConvolution)
    )
    assert (direct, fourier) == ([3, 5, 4, 1, 2], [3, 5, 4, 1, 1])


def test_octave_full_of_an_even_kernel_begins_late():
    installed("octave.imfilter")
    from convention.catalogue.octave_process import call_octave

    four = np.array([[1.0, 2, 3, 4]])
    assert call_octave("imfilter", four, four, "full", package="image").ravel().tolist() == [11, 20, 30, 20, 11, 4, 0]


def test_imagemagick_convolve_is_not_its_morphology_convolve():
    entries = [installed(name) for name in ("imagemagick.convolve", "imagemagick.morphology.Convolve")]
    signal, kernel = np.zeros((4, 4), np.uint8), np.array([[1.0, 2], [3, 4]])
    signal[1, 1] = 100
    older, newer = (entry.call(signal, kernel, **next(entry.cases())) for entry in entries)
    assert older[older > 0].tolist() == [40, 30, 20, 10]
    assert newer[newer > 0].tolist() == [100, 200, 255, 255]


def test_onnx_same_gives_fewer_outputs_than_its_text():
    entry = installed("onnx.ConvTranspose")
    options = next(entry.cases()) | {"auto_pad": "SAME_UPPER", "strides": 3}
    found = entry.call(np.array([1, 2, 3], "f4"), np.ones(2, "f4"), **options)
    assert found.shape == (8,) != (9,)
