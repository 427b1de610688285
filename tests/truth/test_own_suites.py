"""Other libraries' own tests, which they ship, pass with `like` in the place of their functions."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

from own_suites import Suite, lost, run, used

_SIGNAL = [f"scipy.signal.{name}" for name in ("convolve", "correlate", "fftconvolve", "oaconvolve")]
_SIGNAL += [f"scipy.signal.{name}" for name in ("convolve2d", "correlate2d", "lfilter", "upfirdn")]
_NDIMAGE = [f"scipy.ndimage.{name}" for name in ("convolve", "correlate", "convolve1d", "correlate1d")]
_ASTROPY = ["astropy.convolution.convolve", "astropy.convolution.convolve_fft"]
_OBJECTS = "an array of objects, which have no sum of products here"
_MASKED = "masked arrays: like refuses them, and says to fill the gaps"

SUITES = {
    "numpy": Suite(
        library="numpy",
        functions={name: name for name in ("numpy.convolve", "numpy.correlate")},
        modules=(
            "numpy._core.tests.test_numeric",
            "numpy._core.tests.test_regression",
            "numpy.lib.tests.test_polynomial",
            "numpy.ma.tests.test_core",
            "numpy.polynomial.tests.test_polynomial",
            "numpy.polynomial.tests.test_classes",
        ),
        excused={
            r"test_numeric.py::TestCorrelate::test_object$": _OBJECTS,
            r"test_polynomial.py::TestPolynomial::test_objects$": _OBJECTS,
            r"test_polynomial.py::TestFraction::test_Fraction$": _OBJECTS,
        },
    ),
    "scipy.signal": Suite(
        library="scipy",
        functions={name: name for name in _SIGNAL},
        modules=(
            "scipy.signal.tests.test_signaltools",
            "scipy.signal.tests.test_upfirdn",
            "scipy.signal.tests.test_savitzky_golay",
            "scipy.signal.tests.test_fir_filter_design",
        ),
    ),
    "scipy.ndimage": Suite(
        library="scipy",
        functions={name: name for name in _NDIMAGE},
        modules=("scipy.ndimage.tests.test_filters", "scipy.ndimage.tests.test_datatypes"),
    ),
    "astropy": Suite(
        library="astropy",
        functions={name: name for name in _ASTROPY},
        modules=tuple(
            f"astropy.convolution.tests.test_{name}"
            for name in ("convolve", "convolve_fft", "convolve_kernels", "convolve_nddata", "kernel_class")
        ),
        unwarned="astropy.utils.exceptions.AstropyUserWarning",
        excused={
            r"::test_quantity\[": "units: like refuses quantities, and says to put the unit back on the result",
            r"::\w*masked_(array\w*|kernel\w*)(\[|$)": _MASKED,
            r"test_convolve_fft.py::TestConvolve1D::test_nan_interpolate$": _MASKED,
            r"test_convolve_nddata.py::": "NDData, a container with a mask and units of its own",
            r"::TestKernels::test_convolve_[12]D_kernels$": "two kernels give a kernel, an object of the library's own",
            r"::TestConvolve2D::test_padding$": "return_fft: the transform itself, which is not taken here",
            r"::TestConvolve2D::test_big_fail$": "complex arrays are a TypeError, before their 2 GB are a ValueError",
            r"::test_convolve_fft_boundary_wrap_error\[": "compares the whole message; ours has it in it",
        },
    ),
    "mahotas": Suite(
        library="mahotas",
        functions={name: name for name in ("mahotas.convolve", "mahotas.convolve1d")},
        modules=("mahotas.tests.test_convolve", "mahotas.tests.test_filters", "mahotas.tests.test_edge"),
    ),
    "onnx": Suite(
        library="onnxruntime",
        functions={"onnx_backend.conv": "onnx.Conv", "onnx_backend.conv_transpose": "onnx.ConvTranspose"},
        modules=("onnx_backend",),
    ),
    "keras": Suite(
        library="keras",
        functions={f"keras.ops.{name}": f"keras.ops.{name}" for name in ("conv", "depthwise_conv", "conv_transpose")},
        modules=(
            "keras.src.ops.nn_test",
            "keras.src.layers.convolutional.conv_test",
            "keras.src.layers.convolutional.conv_transpose_test",
            "keras.src.layers.convolutional.depthwise_conv_test",
            "keras.src.layers.convolutional.separable_conv_test",
        ),
        chosen="conv",
        environment={"KERAS_BACKEND": "numpy"},
        excused={r"::test_conv_2d_group_23$": "a stride with a dilation: the row is of TensorFlow, which refuses it"},
    ),
}


def installed(suite):
    pytest.importorskip(suite.library, reason="runs its own tests")
    for module in suite.modules:
        if find_spec(module) is None:
            pytest.skip(f"this {suite.library} ships no {module}")


@pytest.mark.slow
@pytest.mark.parametrize("name", SUITES)
def test_its_own_tests_pass_with_like_in_the_place_of_its_functions(name, tmp_path):
    suite = SUITES[name]
    installed(suite)
    original, replaced = (run(suite, tmp_path, replaced=one) for one in (False, True))
    assert used(original) >= 20, "tests that do not call the functions say nothing about them"
    missing = lost(original, replaced)
    beyond = {test: text for test, text in missing.items() if not any(re.search(one, test) for one in suite.excused)}
    assert not beyond
    idle = [one for one in suite.excused if not any(re.search(one, test) for test in missing)]
    assert not idle, "excused, and passes"


@pytest.mark.slow
def test_another_function_in_its_place_does_not_pass(tmp_path):
    suite = Suite(
        library="numpy",
        functions={"numpy.convolve": "numpy.correlate"},
        modules=("numpy._core.tests.test_numeric",),
        chosen="TestConvolve",
    )
    installed(suite)
    original, replaced = (run(suite, tmp_path, replaced=one) for one in (False, True))
    assert "test_numeric.py::TestConvolve::test_object" in lost(original, replaced)
