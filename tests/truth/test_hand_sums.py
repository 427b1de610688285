"""The oracle against sums written out by hand from the formula

    y[n] = sum over t of  g(w[t]) * X[n*stride - before + dilation*s(t)]

Every sum lists its products in the order of the taps, as ``tap*sample``. A product that meets
nothing (zero boundary, inserted zero) is written as ``tap*0``, so that no product is hidden.
"""

from fractions import Fraction

import numpy as np
import pytest

from convention.definition import Convention
from convention.errors import ConventionValueError
from convention.reference import compute

CORR = {"reversed_axes": "none"}


def case(name, signal, kernel, expected, **fields):
    return pytest.param(fields, signal, kernel, expected, id=name)


# One line per case or row; the formatter would put every sum on a line of its own.
# fmt: off
SIZES = [
    # convolution, N=3, K=3: tap t meets the sample n - before + 2 - t
    case("full", [5, 6, 7], [1, 2, 3],
         [1*5+2*0+3*0, 1*6+2*5+3*0, 1*7+2*6+3*5, 1*0+2*7+3*6, 1*0+2*0+3*7], size="full"),
    case("same", [5, 6, 7], [1, 2, 3], [1*6+2*5+3*0, 1*7+2*6+3*5, 1*0+2*7+3*6], size="same"),
    case("same-lower", [5, 6, 7], [1, 2, 3], [1*6+2*5+3*0, 1*7+2*6+3*5, 1*0+2*7+3*6], size="same-lower"),
    case("same-upper", [5, 6, 7], [1, 2, 3], [1*6+2*5+3*0, 1*7+2*6+3*5, 1*0+2*7+3*6], size="same-upper"),
    case("valid", [5, 6, 7], [1, 2, 3], [1*7+2*6+3*5], size="valid"),
    case("causal", [5, 6, 7], [1, 2, 3], [1*5+2*0+3*0, 1*6+2*5+3*0, 1*7+2*6+3*5], size="causal"),
    # convolution, even K
    case("full-even", [5, 6, 7], [1, 2], [1*5+2*0, 1*6+2*5, 1*7+2*6, 1*0+2*7], size="full"),
    case("same-even", [5, 6, 7], [1, 2], [1*5+2*0, 1*6+2*5, 1*7+2*6], size="same"),
    case("same-lower-even", [5, 6, 7], [1, 2], [1*5+2*0, 1*6+2*5, 1*7+2*6], size="same-lower"),
    case("same-upper-even", [5, 6, 7], [1, 2], [1*6+2*5, 1*7+2*6, 1*0+2*7], size="same-upper"),
    case("valid-even", [5, 6, 7], [1, 2], [1*6+2*5, 1*7+2*6], size="valid"),
    case("causal-even", [5, 6, 7], [1, 2], [1*5+2*0, 1*6+2*5, 1*7+2*6], size="causal"),
    case("same-4", [5, 6, 7, 8], [1, 2, 3, 4],
         [1*6+2*5+3*0+4*0, 1*7+2*6+3*5+4*0, 1*8+2*7+3*6+4*5, 1*0+2*8+3*7+4*6], size="same"),
    case("same-upper-4", [5, 6, 7, 8], [1, 2, 3, 4],
         [1*7+2*6+3*5+4*0, 1*8+2*7+3*6+4*5, 1*0+2*8+3*7+4*6, 1*0+2*0+3*8+4*7], size="same-upper"),
    # cross-correlation: tap t meets the sample n - before + t
    case("corr-full", [5, 6, 7], [1, 2, 3],
         [1*0+2*0+3*5, 1*0+2*5+3*6, 1*5+2*6+3*7, 1*6+2*7+3*0, 1*7+2*0+3*0], size="full", **CORR),
    case("corr-same", [5, 6, 7], [1, 2, 3], [1*0+2*5+3*6, 1*5+2*6+3*7, 1*6+2*7+3*0], **CORR),
    case("corr-valid", [5, 6, 7], [1, 2, 3], [1*5+2*6+3*7], size="valid", **CORR),
    case("corr-causal", [5, 6, 7], [1, 2, 3], [1*0+2*0+3*5, 1*0+2*5+3*6, 1*5+2*6+3*7], size="causal", **CORR),
    case("corr-same-even", [5, 6, 7], [1, 2], [1*0+2*5, 1*5+2*6, 1*6+2*7], **CORR),
    case("corr-same-upper-even", [5, 6, 7], [1, 2], [1*5+2*6, 1*6+2*7, 1*7+2*0], size="same-upper", **CORR),
    case("corr-same-4", [5, 6, 7, 8], [1, 2, 3, 4],
         [1*0+2*0+3*5+4*6, 1*0+2*5+3*6+4*7, 1*5+2*6+3*7+4*8, 1*6+2*7+3*8+4*0], **CORR),
    # explicit (before, after), also negative: the boundary continues the uncropped signal
    case("one-before", [5, 6, 7], [1, 2, 3], [1*6+2*5+3*0, 1*7+2*6+3*5], size=((1, 0),)),
    case("two-after", [5, 6, 7], [1, 2], [1*5+2*6, 1*6+2*7, 1*7+2*0, 1*0+2*0], size=((0, 2),), **CORR),
    case("beyond-full", [5], [2], [2*0, 2*0, 2*5, 2*0], size=((2, 1),)),
    case("starts-inside", [5, 6, 7], [1, 2], [1*7+2*6], size=((-1, 0),)),
    case("crops-both-ends", [5, 6, 7, 8], [1, 2], [1*6+2*7], size=((-1, -1),), **CORR),
    case("starts-inside-edge", [5, 6, 7], [1, 2], [1*6+2*7, 1*7+2*7], size=((-1, 1),), boundary="edge", **CORR),
    case("starts-inside-half", [5, 6, 7], [1, 2], [1*6+2*7, 1*7+2*7, 1*7+2*6],
         size=((-1, 2),), boundary="half-sample", **CORR),
    case("starts-inside-periodic", [5, 6, 7], [1, 2], [1*6+2*7, 1*7+2*5, 1*5+2*6],
         size=((-1, 2),), boundary="periodic", **CORR),
    case("wholly-before-the-signal", [5, 6, 7], [1, 2], [1*5+2*5], size=((3, -4),), boundary="edge", **CORR),
    case("crops-everything", [5, 6, 7], [1, 2], [], size=((-5, 0),)),
    # K > N: operands are never swapped
    case("long-kernel-same", [5, 6], [1, 2, 3, 4, 5], [1*0+2*6+3*5+4*0+5*0, 1*0+2*0+3*6+4*5+5*0]),
    case("long-kernel-full", [5, 6], [1, 2, 3],
         [1*5+2*0+3*0, 1*6+2*5+3*0, 1*0+2*6+3*5, 1*0+2*0+3*6], size="full"),
    case("long-kernel-valid", [5, 6], [1, 2, 3, 4], [], size="valid"),
    case("long-kernel-valid-strided", [5, 6], [1, 2, 3], [], size="valid", stride=3),
    # empty signal: U = 0
    case("empty-full", [], [1, 2, 3], [1*0+2*0+3*0, 1*0+2*0+3*0], size="full"),
    case("empty-full-constant", [], [1, 2, 3], [1*9+2*9+3*9, 1*9+2*9+3*9], size="full", boundary="constant", value=9),
    case("empty-explicit", [], [1, 2], [1*0+2*0], size=((1, 1),)),
    case("empty-same", [], [1, 2, 3], []),
    case("empty-same-upsampled", [], [1, 2, 3], [], upsample=3, stride=2),
    case("empty-same-lower", [], [1, 2, 3], [], size="same-lower", stride=2),
    case("empty-same-upper", [], [1, 2], [], size="same-upper", upsample=2),
    case("empty-causal", [], [1, 2, 3], [], size="causal"),
    case("empty-valid", [], [1], [], size="valid"),
    case("empty-rows", np.zeros((0, 2), int), [[1], [2], [3]], [[1*9+2*9+3*9, 1*9+2*9+3*9], [1*9+2*9+3*9, 1*9+2*9+3*9]],
         size="full", boundary=("constant", "edge"), value=9),
]

LONG = [1, 2, 3, 4, 5, 6, 7]
BOUNDARIES = [
    # the continued signal itself, many times longer than the signal
    case("edge-far", [5, 6], [2], [2*5, 2*5, 2*5, 2*5, 2*6, 2*6, 2*6, 2*6], size=((3, 3),), boundary="edge"),
    case("half-far", [5, 6], [2], [2*5, 2*5, 2*6, 2*6, 2*5, 2*5, 2*6, 2*6, 2*5, 2*5, 2*6, 2*6],
         size=((5, 5),), boundary="half-sample"),
    case("whole-far", [5, 6, 7], [2], [2*6, 2*5, 2*6, 2*7, 2*6, 2*5, 2*6, 2*7, 2*6, 2*5, 2*6, 2*7, 2*6],
         size=((5, 5),), boundary="whole-sample"),
    case("whole-far-two", [5, 6], [2], [2*6, 2*5, 2*6, 2*5, 2*6, 2*5, 2*6], size=((3, 2),), boundary="whole-sample"),
    case("periodic-far", [5, 6, 7], [2], [2*7, 2*5, 2*6, 2*7, 2*5, 2*6, 2*7, 2*5, 2*6, 2*7, 2*5, 2*6],
         size=((4, 5),), boundary="periodic"),
    case("constant-far", [5, 6], [2], [2*9, 2*9, 2*5, 2*6, 2*9, 2*9, 2*9],
         size=((2, 3),), boundary="constant", value=9),
    # kernels longer than the signal, convolution, size same
    case("zero-long", [5, 6], LONG, [1*0+2*0+3*6+4*5+5*0+6*0+7*0, 1*0+2*0+3*0+4*6+5*5+6*0+7*0]),
    case("edge-long", [5, 6], [1, 2, 3, 4, 5], [1*6+2*6+3*5+4*5+5*5, 1*6+2*6+3*6+4*5+5*5], boundary="edge"),
    case("constant-long", [5, 6], [1, 2, 3, 4, 5], [1*9+2*6+3*5+4*9+5*9, 1*9+2*9+3*6+4*5+5*9],
         boundary="constant", value=9),
    case("half-long", [5, 6], LONG, [1*5+2*6+3*6+4*5+5*5+6*6+7*6, 1*5+2*5+3*6+4*6+5*5+6*5+7*6],
         boundary="half-sample"),
    case("whole-long", [5, 6, 8], LONG,
         [1*6+2*8+3*6+4*5+5*6+6*8+7*6, 1*5+2*6+3*8+4*6+5*5+6*6+7*8, 1*6+2*5+3*6+4*8+5*6+6*5+7*6],
         boundary="whole-sample"),
    case("periodic-long", [5, 6], LONG, [1*6+2*5+3*6+4*5+5*6+6*5+7*6, 1*5+2*6+3*5+4*6+5*5+6*6+7*5],
         boundary="periodic"),
    # one sample: every copying rule repeats it
    case("one-sample-zero", [5], [1, 2, 3], [1*0+2*5+3*0]),
    case("one-sample-constant", [5], [1, 2, 3], [1*9+2*5+3*9], boundary="constant", value=9),
    *(case(f"one-sample-{rule}", [5], [1, 2, 3], [1*5+2*5+3*5], boundary=rule)
      for rule in ("edge", "half-sample", "whole-sample", "periodic")),
    # every name and synonym, cross-correlation, two samples deep
    *(case(f"corr-{rule}", [5, 6, 7], [1, 2, 3, 4, 5],
           [1*5+2*5+3*5+4*6+5*7, 1*5+2*5+3*6+4*7+5*7, 1*5+2*6+3*7+4*7+5*7], boundary=rule, **CORR)
      for rule in ("edge", "replicate", "nearest")),
    *(case(f"corr-{rule}", [5, 6, 7], [1, 2, 3, 4, 5],
           [1*6+2*5+3*5+4*6+5*7, 1*5+2*5+3*6+4*7+5*7, 1*5+2*6+3*7+4*7+5*6], boundary=rule, **CORR)
      for rule in ("half-sample", "symmetric")),
    *(case(f"corr-{rule}", [5, 6, 7], [1, 2, 3, 4, 5],
           [1*7+2*6+3*5+4*6+5*7, 1*6+2*5+3*6+4*7+5*6, 1*5+2*6+3*7+4*6+5*5], boundary=rule, **CORR)
      for rule in ("whole-sample", "reflect-101")),
    *(case(f"corr-{rule}", [5, 6, 7], [1, 2, 3, 4, 5],
           [1*6+2*7+3*5+4*6+5*7, 1*7+2*5+3*6+4*7+5*5, 1*5+2*6+3*7+4*5+5*6], boundary=rule, **CORR)
      for rule in ("periodic", "wrap", "circular")),
]

STEPS = [
    # stride
    case("stride-2-full", [5, 6, 7, 8, 9], [1, 2, 3], [1*5+2*0+3*0, 1*7+2*6+3*5, 1*9+2*8+3*7, 1*0+2*0+3*9],
         size="full", stride=2),
    case("stride-2-same", [5, 6, 7, 8, 9], [1, 2, 3], [1*6+2*5+3*0, 1*8+2*7+3*6, 1*0+2*9+3*8], stride=2),
    case("stride-2-valid", [5, 6, 7, 8, 9], [1, 2, 3], [1*7+2*6+3*5, 1*9+2*8+3*7], size="valid", stride=2),
    case("stride-3-valid", [5, 6, 7, 8, 9], [1, 2, 3], [1*7+2*6+3*5], size="valid", stride=3),
    case("stride-3-causal", [5, 6, 7, 8, 9], [1, 2, 3], [1*5+2*0+3*0, 1*8+2*7+3*6], size="causal", stride=3),
    case("phase-0", [5, 6, 7, 8, 9], [2], [2*5, 2*7, 2*9], size=((0, 0),), stride=2),
    case("phase-1-inside", [5, 6, 7, 8, 9], [2], [2*6, 2*8], size=((-1, 0),), stride=2),
    case("phase-1-outside", [5, 6, 7, 8, 9], [2], [2*0, 2*6, 2*8], size=((1, 0),), stride=2),
    # ONNX and TensorFlow: the padding of a strided "same" depends on N
    case("onnx-upper-N4", [5, 6, 7, 8], [1, 2, 3], [1*5+2*6+3*7, 1*7+2*8+3*0], size="same-upper", stride=2, **CORR),
    case("onnx-lower-N4", [5, 6, 7, 8], [1, 2, 3], [1*0+2*5+3*6, 1*6+2*7+3*8], size="same-lower", stride=2, **CORR),
    case("numpy-same-N4", [5, 6, 7, 8], [1, 2, 3], [1*0+2*5+3*6, 1*6+2*7+3*8], stride=2, **CORR),
    case("onnx-upper-N5", [5, 6, 7, 8, 9], [1, 2, 3], [1*0+2*5+3*6, 1*6+2*7+3*8, 1*8+2*9+3*0],
         size="same-upper", stride=2, **CORR),
    case("onnx-upper-N5-stride-3", [5, 6, 7, 8, 9], [1, 2, 3], [1*5+2*6+3*7, 1*8+2*9+3*0],
         size="same-upper", stride=3, **CORR),
    case("onnx-lower-N5-stride-3", [5, 6, 7, 8, 9], [1, 2, 3], [1*0+2*5+3*6, 1*7+2*8+3*9],
         size="same-lower", stride=3, **CORR),
    case("onnx-lower-N6", [5, 6, 7, 8, 9, 10], [1, 2, 3, 4, 5], [1*0+2*5+3*6+4*7+5*8, 1*7+2*8+3*9+4*10+5*0],
         size="same-lower", stride=3, **CORR),
    case("numpy-same-N6", [5, 6, 7, 8, 9, 10], [1, 2, 3, 4, 5], [1*0+2*0+3*5+4*6+5*7, 1*6+2*7+3*8+4*9+5*10],
         stride=3, **CORR),
    case("onnx-upper-stride>K", [5, 6, 7, 8, 9], [1, 2], [1*5+2*6, 1*9+2*0], size="same-upper", stride=4, **CORR),
    case("onnx-lower-stride>K", [5, 6, 7, 8, 9], [1, 2], [1*0+2*5, 1*8+2*9], size="same-lower", stride=4, **CORR),
    case("onnx-lower-no-padding", [5, 6, 7, 8], [1, 2], [1*5+2*6], size="same-lower", stride=4, **CORR),
    # dilation
    case("dilation-full", [5, 6, 7, 8, 9], [1, 2, 3],
         [1*5+2*0+3*0, 1*6+2*0+3*0, 1*7+2*5+3*0, 1*8+2*6+3*0, 1*9+2*7+3*5, 1*0+2*8+3*6, 1*0+2*9+3*7,
          1*0+2*0+3*8, 1*0+2*0+3*9], size="full", dilation=2),
    case("dilation-same", [5, 6, 7, 8, 9], [1, 2, 3],
         [1*7+2*5+3*0, 1*8+2*6+3*0, 1*9+2*7+3*5, 1*0+2*8+3*6, 1*0+2*9+3*7], dilation=2),
    case("dilation-valid", [5, 6, 7, 8, 9], [1, 2, 3], [1*9+2*7+3*5], size="valid", dilation=2),
    case("dilation-causal", [5, 6, 7, 8], [1, 2], [1*5+2*0, 1*6+2*0, 1*7+2*5, 1*8+2*6], size="causal", dilation=2),
    case("dilation-corr-even", [5, 6, 7, 8], [1, 2], [1*0+2*6, 1*0+2*7, 1*5+2*8, 1*6+2*0], dilation=3, **CORR),
    case("dilation-corr-upper", [5, 6, 7, 8], [1, 2], [1*0+2*7, 1*5+2*8, 1*6+2*0, 1*7+2*0],
         size="same-upper", dilation=3, **CORR),
    case("dilation-corr-half", [5, 6, 7, 8], [1, 2], [1*6+2*6, 1*5+2*7, 1*5+2*8, 1*6+2*8],
         boundary="half-sample", dilation=3, **CORR),
    # upsample (transposed convolution): X = 5 0 6 0 7
    case("upsample-full", [5, 6, 7], [1, 2, 3],
         [1*5+2*0+3*0, 1*0+2*5+3*0, 1*6+2*0+3*5, 1*0+2*6+3*0, 1*7+2*0+3*6, 1*0+2*7+3*0, 1*0+2*0+3*7],
         size="full", upsample=2),
    case("upsample-valid", [5, 6, 7], [1, 2, 3], [1*6+2*0+3*5, 1*0+2*6+3*0, 1*7+2*0+3*6], size="valid", upsample=2),
    case("upsample-same", [5, 6, 7], [1, 2, 3],
         [1*0+2*5+3*0, 1*6+2*0+3*5, 1*0+2*6+3*0, 1*7+2*0+3*6, 1*0+2*7+3*0, 1*0+2*0+3*7], upsample=2),
    case("upsample-torch-padding-1-output-padding-1", [5, 6, 7], [1, 2, 3],
         [1*0+2*5+3*0, 1*6+2*0+3*5, 1*0+2*6+3*0, 1*7+2*0+3*6, 1*0+2*7+3*0, 1*0+2*0+3*7],
         size=((1, 2),), upsample=2),
    case("upsample-corr-upper", [5, 6, 7], [1, 2, 3],
         [1*0+2*5+3*0, 1*5+2*0+3*6, 1*0+2*6+3*0, 1*6+2*0+3*7, 1*0+2*7+3*0, 1*7+2*0+3*0],
         size="same-upper", upsample=2, **CORR),
    case("upsample-corr-lower", [5, 6, 7], [1, 2, 3],
         [1*0+2*0+3*5, 1*0+2*5+3*0, 1*5+2*0+3*6, 1*0+2*6+3*0, 1*6+2*0+3*7, 1*0+2*7+3*0],
         size="same-lower", upsample=2, **CORR),
    case("upsample-beyond-K-lower", [5, 6], [1, 2],
         [1*0+2*5, 1*5+2*0, 1*0+2*0, 1*0+2*0, 1*0+2*0, 1*0+2*6, 1*6+2*0, 1*0+2*0, 1*0+2*0, 1*0+2*0],
         size="same-lower", upsample=5, **CORR),
    # the signal is continued first, zeros are inserted after: X = 7 0 | 5 0 6 0 7 | 0 5
    case("upsample-periodic", [5, 6, 7], [1, 2, 3],
         [1*7+2*0+3*5, 1*0+2*5+3*0, 1*5+2*0+3*6, 1*0+2*6+3*0, 1*6+2*0+3*7, 1*0+2*7+3*0, 1*7+2*0+3*5],
         size=((2, 2),), upsample=2, boundary="periodic", **CORR),
    case("upsample-constant", [5, 6, 7], [1, 2, 3],
         [1*9+2*0+3*5, 1*0+2*5+3*0, 1*5+2*0+3*6, 1*0+2*6+3*0, 1*6+2*0+3*7, 1*0+2*7+3*0, 1*7+2*0+3*9],
         size=((2, 2),), upsample=2, boundary="constant", value=9, **CORR),
    case("upsample-edge", [5, 6], [2], [2*5, 2*0, 2*0, 2*5, 2*0, 2*0, 2*6, 2*0, 2*0, 2*6, 2*0],
         size=((3, 4),), upsample=3, boundary="edge"),
    # all three: X = 5 0 0 6 0 0 7 0 0 8, taps two apart, outputs two apart
    case("together-explicit", [5, 6, 7, 8], [1, 2, 3],
         [1*6+2*0+3*0, 1*0+2*6+3*0, 1*0+2*0+3*6, 1*8+2*0+3*0, 1*0+2*8+3*0],
         size=((1, 2),), stride=2, dilation=2, upsample=3),
    case("together-full-edge", [5, 6, 7, 8], [1, 2, 3],
         [1*5+2*0+3*0, 1*0+2*5+3*0, 1*0+2*0+3*5, 1*7+2*0+3*0, 1*0+2*7+3*0, 1*0+2*0+3*7, 1*8+2*0+3*0],
         size="full", stride=2, dilation=2, upsample=3, boundary="edge"),
    case("together-same", [5, 6, 7, 8], [1, 2, 3],
         [1*0+2*5+3*0, 1*0+2*0+3*5, 1*7+2*0+3*0, 1*0+2*7+3*0, 1*0+2*0+3*7, 1*0+2*0+3*0],
         stride=2, dilation=2, upsample=3),
    case("common-factor-odd-before", [5, 6], [1, 2], [1*0+2*0, 1*0+2*0],
         size=((1, 1),), stride=2, dilation=2, upsample=2, boundary="edge", **CORR),
    case("common-factor-even-before", [5, 6], [1, 2], [1*0+2*5, 1*5+2*6, 1*6+2*0],
         size=((2, 2),), stride=2, dilation=2, upsample=2, **CORR),
]

WIDE, SQUARE, TAPS = [[5, 6, 7], [8, 9, 10]], [[5, 6], [7, 8]], [[1, 2], [3, 4]]
CUBE, CUBE_TAPS = [[[11, 12], [13, 14]], [[15, 16], [17, 18]]], [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
AROUND = {"size": ((1, 1), (1, 1)), **CORR}
AXES = [
    case("2d-none", WIDE, TAPS, [[1*5+2*6+3*8+4*9, 1*6+2*7+3*9+4*10]], size="valid", reversed_axes=()),
    case("2d-rows", WIDE, TAPS, [[1*8+2*9+3*5+4*6, 1*9+2*10+3*6+4*7]], size="valid", reversed_axes=(0,)),
    case("2d-columns", WIDE, TAPS, [[1*6+2*5+3*9+4*8, 1*7+2*6+3*10+4*9]], size="valid", reversed_axes=(1,)),
    case("2d-all", WIDE, TAPS, [[1*9+2*8+3*6+4*5, 1*10+2*9+3*7+4*6]], size="valid", reversed_axes=(1, 0)),
    case("2d-same", WIDE, TAPS,
         [[1*5+2*0+3*0+4*0, 1*6+2*5+3*0+4*0, 1*7+2*6+3*0+4*0],
          [1*8+2*0+3*5+4*0, 1*9+2*8+3*6+4*5, 1*10+2*9+3*7+4*6]]),
    case("2d-full", WIDE, TAPS,
         [[1*5+2*0+3*0+4*0, 1*6+2*5+3*0+4*0, 1*7+2*6+3*0+4*0, 1*0+2*7+3*0+4*0],
          [1*8+2*0+3*5+4*0, 1*9+2*8+3*6+4*5, 1*10+2*9+3*7+4*6, 1*0+2*10+3*0+4*7],
          [1*0+2*0+3*8+4*0, 1*0+2*0+3*9+4*8, 1*0+2*0+3*10+4*9, 1*0+2*0+3*0+4*10]], size="full"),
    case("2d-full-by-valid", WIDE, TAPS,
         [[1*6+2*5+3*0+4*0, 1*7+2*6+3*0+4*0], [1*9+2*8+3*6+4*5, 1*10+2*9+3*7+4*6],
          [1*0+2*0+3*9+4*8, 1*0+2*0+3*10+4*9]], size=("full", "valid")),
    case("2d-pair-by-valid", WIDE, TAPS,
         [[1*6+2*5+3*0+4*0, 1*7+2*6+3*0+4*0], [1*9+2*8+3*6+4*5, 1*10+2*9+3*7+4*6]], size=((1, 0), "valid")),
    # the published numbers of the Sobel kernel (taps that are zero left out)
    case("2d-sobel", [[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
         [[1*0+2*4+1*5, 1*4+2*5+1*6, 1*5+2*6+1*0],
          [-1*0-2*1-1*2+1*0+2*7+1*8, -1*1-2*2-1*3+1*7+2*8+1*9, -1*2-2*3-1*0+1*8+2*9+1*0],
          [-1*0-2*4-1*5, -1*4-2*5-1*6, -1*5-2*6-1*0]], **CORR),
    # corners: axes are continued in order, so the later axis decides
    case("corner-edge-constant", SQUARE, TAPS,
         [[1*9+2*5+3*9+4*5, 1*5+2*6+3*5+4*6, 1*6+2*9+3*6+4*9],
          [1*9+2*5+3*9+4*7, 1*5+2*6+3*7+4*8, 1*6+2*9+3*8+4*9],
          [1*9+2*7+3*9+4*7, 1*7+2*8+3*7+4*8, 1*8+2*9+3*8+4*9]], boundary=("edge", "constant"), value=9, **AROUND),
    case("corner-constant-edge", SQUARE, TAPS,
         [[1*9+2*9+3*5+4*5, 1*9+2*9+3*5+4*6, 1*9+2*9+3*6+4*6],
          [1*5+2*5+3*7+4*7, 1*5+2*6+3*7+4*8, 1*6+2*6+3*8+4*8],
          [1*7+2*7+3*9+4*9, 1*7+2*8+3*9+4*9, 1*8+2*8+3*9+4*9]], boundary=("constant", "edge"), value=(9, 0), **AROUND),
    case("corner-two-constants", SQUARE, TAPS,
         [[1*1+2*9+3*1+4*5, 1*9+2*9+3*5+4*6, 1*9+2*1+3*6+4*1],
          [1*1+2*5+3*1+4*7, 1*5+2*6+3*7+4*8, 1*6+2*1+3*8+4*1],
          [1*1+2*7+3*1+4*9, 1*7+2*8+3*9+4*9, 1*8+2*1+3*9+4*1]], boundary="constant", value=(9, 1), **AROUND),
    case("corner-zero-constant", SQUARE, TAPS,
         [[1*9+2*0+3*9+4*5, 1*0+2*0+3*5+4*6, 1*0+2*9+3*6+4*9],
          [1*9+2*5+3*9+4*7, 1*5+2*6+3*7+4*8, 1*6+2*9+3*8+4*9],
          [1*9+2*7+3*9+4*0, 1*7+2*8+3*0+4*0, 1*8+2*9+3*0+4*9]], boundary=("zero", "constant"), value=9, **AROUND),
    case("corner-constant-zero", SQUARE, TAPS,
         [[1*0+2*9+3*0+4*5, 1*9+2*9+3*5+4*6, 1*9+2*0+3*6+4*0],
          [1*0+2*5+3*0+4*7, 1*5+2*6+3*7+4*8, 1*6+2*0+3*8+4*0],
          [1*0+2*7+3*0+4*9, 1*7+2*8+3*9+4*9, 1*8+2*0+3*9+4*0]], boundary="constant", value=(9, 0), **AROUND),
    case("corner-periodic-half", SQUARE, TAPS,
         [[1*7+2*7+3*5+4*5, 1*7+2*8+3*5+4*6, 1*8+2*8+3*6+4*6],
          [1*5+2*5+3*7+4*7, 1*5+2*6+3*7+4*8, 1*6+2*6+3*8+4*8],
          [1*7+2*7+3*5+4*5, 1*7+2*8+3*5+4*6, 1*8+2*8+3*6+4*6]], boundary=("periodic", "half-sample"), **AROUND),
    case("2d-steps-per-axis", [[5, 6, 7], [8, 9, 10], [11, 12, 13]], TAPS, [[1*5+2*6+3*11+4*12]],
         size="valid", stride=(1, 2), dilation=(2, 1), **CORR),
    case("2d-upsample-columns", [[5, 6]], TAPS,
         [[1*5+2*0+3*0+4*0, 1*0+2*5+3*0+4*0, 1*6+2*0+3*0+4*0, 1*0+2*6+3*0+4*0],
          [1*0+2*0+3*5+4*0, 1*0+2*0+3*0+4*5, 1*0+2*0+3*6+4*0, 1*0+2*0+3*0+4*6]], size="full", upsample=(1, 2)),
    case("3d-none", CUBE, CUBE_TAPS, [[[1*11+2*12+3*13+4*14+5*15+6*16+7*17+8*18]]], size="valid", **CORR),
    case("3d-all", CUBE, CUBE_TAPS, [[[1*18+2*17+3*16+4*15+5*14+6*13+7*12+8*11]]], size="valid"),
    case("3d-middle", CUBE, CUBE_TAPS, [[[1*13+2*14+3*11+4*12+5*17+6*18+7*15+8*16]]], size="valid", reversed_axes=(1,)),
    case("3d-outer-two", CUBE, CUBE_TAPS, [[[1*16+2*15+3*18+4*17+5*12+6*11+7*14+8*13]]],
         size="valid", reversed_axes=(0, 2)),
]

Z, G = [1+2j, 3-1j], [2+1j, 1j]
HALF, THIRD, FIFTH = Fraction(1, 2), Fraction(1, 3), Fraction(1, 5)
NUMBERS = [
    case("complex", Z, G, [(2+1j)*(1+2j) + 1j*0, (2+1j)*(3-1j) + 1j*(1+2j), (2+1j)*0 + 1j*(3-1j)], size="full"),
    case("complex-conjugated", Z, G, [(2-1j)*(1+2j) + (-1j)*0, (2-1j)*(3-1j) + (-1j)*(1+2j), (2-1j)*0 + (-1j)*(3-1j)],
         size="full", conjugate=True),
    case("complex-correlation", Z, G,
         [(2-1j)*0 + (-1j)*(1+2j), (2-1j)*(1+2j) + (-1j)*(3-1j), (2-1j)*(3-1j) + (-1j)*0],
         size="full", conjugate=True, **CORR),
    case("complex-constant-not-conjugated", [1+2j], G, [(2-1j)*2j + (-1j)*(1+2j), (2-1j)*(1+2j) + (-1j)*2j],
         size=((1, 1),), boundary="constant", value=2j, conjugate=True, **CORR),
    case("conjugate-of-integers", [5, 6], [1, 2], [1*5+2*0, 1*6+2*5], conjugate=True),
    case("fractions", [HALF, THIRD], [FIFTH, Fraction(2)],
         [FIFTH*HALF + 2*Fraction(0), FIFTH*THIRD + 2*HALF, FIFTH*0 + 2*THIRD],
         size="full"),
    case("floats", [0.5, 0.25], [2.0, 4.0], [2.0*0.5+4.0*0, 2.0*0.25+4.0*0.5, 2.0*0+4.0*0.25], size="full"),
    case("beyond-64-bits", [2**80, 3], [2**90, -7], [2**90*2**80 - 7*0, 2**90*3 - 7*2**80, 2**90*0 - 7*3], size="full"),
    case("int64-sum-overflows", np.array([2**62, 2**62]), np.array([4, 4]), [4*2**62 + 4*2**62], size="valid"),
    case("uint64-extreme", np.array([2**64 - 1], np.uint64), np.array([-3]), [-3*(2**64 - 1)]),
    case("signed-and-unsigned-list", [2**63 + 1, -1], [1], [1*(2**63 + 1), 1*-1]),
    case("small-integers-do-not-wrap", np.array([100, 100], np.int8), np.array([3, 2], np.int8),
         [3*100 + 2*0, 3*100 + 2*100]),
    case("booleans-count", np.array([True, True, False]), np.array([True, True]), [1*1+1*0, 1*1+1*1, 1*0+1*1]),
]
# fmt: on

CASES = [*SIZES, *BOUNDARIES, *STEPS, *AXES, *NUMBERS]


@pytest.mark.parametrize(("fields", "signal", "kernel", "expected"), CASES)
def test_oracle_equals_the_sum_by_hand(fields, signal, kernel, expected):
    result = compute(Convention(**fields), signal, kernel).tolist()
    assert result == expected
    assert _types(result) == _types(expected)


def test_table_holds_at_least_seventy_cases_of_different_names():
    assert len(CASES) == len({one.id for one in CASES}) >= 70


@pytest.mark.parametrize("field", ["reversed_axes", "size", "boundary", "stride", "dilation", "upsample", "conjugate"])
def test_table_refuses_an_oracle_that_overlooks_a_field(field):
    """Guard: without this field the sums differ (a value goes with its boundary)."""
    dropped = {field, "value"} if field == "boundary" else {field}
    given = [one.values for one in CASES if field in one.values[0]]
    differing = 0
    for fields, signal, kernel, expected in given:
        kept = {name: fields[name] for name in fields.keys() - dropped}
        differing += compute(Convention(**kept), signal, kernel).tolist() != expected
    assert differing >= 3


@pytest.mark.parametrize("rule", ["edge", "half-sample", "whole-sample", "periodic"])
def test_empty_signal_has_nothing_to_copy(rule):
    with pytest.raises(ConventionValueError, match="empty"):
        compute(Convention(size="full", boundary=rule), [], [1, 2])


def test_empty_result_keeps_its_number_of_axes():
    assert compute(Convention(), np.zeros((0, 2), int), [[1]]).shape == (0, 2)


def _types(nested):
    return [_types(one) for one in nested] if isinstance(nested, list) else type(nested)
