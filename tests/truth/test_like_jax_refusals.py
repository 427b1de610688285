"""What JAX's functions refuse, their `like` refuses: with a reason, as TypeError or ValueError."""

from __future__ import annotations

import numpy as np
import pytest

from convention.emulation import like
from jax_calls import BATCH, COLUMNS, FFT, KERNELS, NUMPY, PLANAR, PLANE, ROWS, SCIPY, WINDOW, W, X, caller

pytest.importorskip("jax", reason="compares with JAX")

SIGNAL = (*SCIPY, *PLANAR, *FFT)
ONE = (BATCH, KERNELS, (1, 1), "SAME")
# (operators, calls): every one of the operators refuses every one of the calls
REFUSED = [
    (
        NUMPY,
        [
            *[(X, W, mode) for mode in (1, "v", None)],
            *[([1, 2], [1]), (X, [1]), (X, W[:0]), (X[:0], W), (PLANE, W), (3, 4)],
            *[(X.astype(name), W) for name in ("g", ">f8", "O", "M8[s]")],
        ],
    ),
    (
        SIGNAL,
        [
            *[(PLANE, WINDOW, mode) for mode in (1, "v", None)],
            *[(PLANE.tolist(), WINDOW.tolist()), (X, WINDOW), (PLANE.astype("g"), WINDOW)],
            (PLANE[:2], np.ones((3, 2)), "valid"),
        ],
    ),
    ((*SCIPY, *PLANAR), [(PLANE, WINDOW[:0]), (PLANE[:2], np.ones((3, 2)), "full"), (3, 4)]),
    (SCIPY, [(X, W, "full", "foo"), (X, W, "full", None), (X.astype("f2"), W.astype("f2"), "full", "fft")]),
    (
        PLANAR,
        [
            *[(X, W), (PLANE, WINDOW, "full", "wrap"), (PLANE, WINDOW, "full", "fill", 1)],
            (PLANE, WINDOW, "full", "fill", None),
        ],
    ),
    (
        FFT,
        [
            *[(PLANE, WINDOW, "full", axes) for axes in (0, 5, 1.5, "a", ())],
            (X.astype("f2"), W.astype("f2")),
        ],
    ),
    (
        ("jax.lax.conv",),
        [
            *[(BATCH, KERNELS, strides, "SAME") for strides in (1, (0, 1), (-1, 1), (1,), (1, 1, 1), None, "11")],
            *[(BATCH, KERNELS, (1, 1), pad) for pad in ("FULL", 1, None, (1, 1), ((1, 1),), ((1.5, 1), (0, 0)))],
            *[(BATCH, KERNELS, (1, 1), ((-9, 0), (0, 0))), (BATCH, KERNELS[0], (1, 1), "SAME")],
            *[(BATCH.tolist(), KERNELS, (1, 1), "SAME"), (BATCH, KERNELS.astype("f4"), (1, 1), "SAME")],
            *[(BATCH, KERNELS[:, :1], (1, 1), "SAME"), (BATCH, KERNELS[..., :0], (1, 1), "SAME"), (X, W, (), "SAME")],
        ],
    ),
    (
        ("jax.lax.conv_transpose",),
        [
            *[(ROWS, COLUMNS, (1,), "FULL"), (ROWS, COLUMNS, (2,), "same"), (ROWS, COLUMNS, (0,), "SAME")],
            *[(ROWS, COLUMNS, (1,), "SAME", (0,)), (BATCH[:, None, None], KERNELS[:, None, None], (1,) * 4, "SAME")],
        ],
    ),
]
SPECIFICATIONS = [
    *[("NCHW", "OIHW"), "NCHW", ("NCHW", "OIHW", "NCH"), ("NCHW", "OIHX", "NCHW"), ("NCHW", "OIHW", "NCHN"), (1, 2, 3)],
    *[("nchw", "OIhw", "NChw"), ("NCHH", "OIHH", "NCHH"), ("NHWC", "HWIO", "NHWC")],
]
REFUSED_KEYWORDS = [
    (NUMPY, (X, W), [{"preferred_element_type": name} for name in ("int32", "float32", "foo", complex, object, 3)]),
    ((*NUMPY, *SCIPY, *PLANAR), (PLANE, WINDOW), [{"precision": one} for one in ("foo", 3, ("high",), ("high", None))]),
    (
        ("jax.lax.conv_general_dilated",),
        ONE,
        [
            *[{"dimension_numbers": numbers} for numbers in SPECIFICATIONS],
            *[{"feature_group_count": count} for count in (0, -1, 2, 3)],
            *[{"batch_group_count": count} for count in (0, -1, 2, 3)],
            *[{"lhs_dilation": one} for one in ((2, 1), (0, 1), 2, (1,))],
            *[{"rhs_dilation": one} for one in ((0, 1), (-1, 1), 2, (1,))],
            *[{"preferred_element_type": "float32"}, {"precision": "foo"}, {"out_sharding": 3}],
        ],
    ),
    (
        ("jax.lax.conv_transpose",),
        (ROWS, COLUMNS, (1,)),
        [
            *[
                {"padding": [[1, 2]], "use_consistent_padding": True},
                {"padding": "same", "use_consistent_padding": True},
            ],
            *[{"padding": [(1, 2, 3)]}, {"padding": "SAME", "precision": "foo"}],
        ],
    ),
]
REFUSALS = [(name, call, {}) for names, calls in REFUSED for name in names for call in calls]
REFUSALS += [(name, call, one) for names, call, group in REFUSED_KEYWORDS for name in names for one in group]


@pytest.mark.parametrize(("name", "arguments", "keywords"), REFUSALS)
def test_what_the_original_refuses_is_refused(name, arguments, keywords):
    with pytest.raises(Exception):  # noqa: B017, PT011  # RuntimeError, AttributeError, NotImplementedError
        caller(name)(*arguments, **keywords)
    with pytest.raises((TypeError, ValueError)) as refusal:
        like(name)(*arguments, **keywords)
    assert "\n  do: " in str(refusal.value)
