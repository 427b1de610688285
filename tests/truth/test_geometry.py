"""Windows, anchors, adjoints and canonical forms against brute force and against the oracle."""

import json
from itertools import product

import numpy as np
import pytest

from convention.boundary import BOUNDARIES
from convention.definition import CONVOLUTION, CROSS_CORRELATION, Convention
from convention.errors import ConventionValueError
from convention.geometry import SIZES, dilated_extent, upsampled_extent, window
from convention.reference import compute

LENGTHS = list(
    product(range(6), range(1, 5), range(1, 5), range(1, 4), range(1, 4))
)  # N, K, stride, dilation, upsample
RULES = [word for rule in BOUNDARIES.values() for word in (rule.name, *rule.synonyms)]


def extents(n, k, dilation, upsample):
    """D and U, by placing taps and samples one by one."""
    taps, samples = [t * dilation for t in range(k)], [i * upsample for i in range(n)]
    return taps[-1] - taps[0] + 1, samples[-1] - samples[0] + 1 if samples else 0


def counted(before, after, n, k, stride, dilation, upsample):
    """The outputs, by moving the window one stride at a time until it leaves what it may read."""
    extent, upsampled = extents(n, k, dilation, upsample)
    start, outputs = -before, 0
    while start + extent - 1 <= upsampled - 1 + after:
        start, outputs = start + stride, outputs + 1
    return outputs


def split_one_by_one(n, k, stride, dilation, upsample, *, first):
    """ONNX SAME_*: add samples alternately, the odd one on the side `first`, until every window fits."""
    wanted = len(range(0, n * upsample, stride))
    pads, turn = {"before": 0, "after": 0}, first
    while counted(pads["before"], pads["after"], n, k, stride, dilation, upsample) < wanted:
        pads[turn] += 1
        turn = "after" if turn == "before" else "before"
    return pads["before"], pads["after"]


def test_extents_equal_what_is_counted():
    for n, k, _, dilation, upsample in LENGTHS:
        assert (dilated_extent(k, dilation), upsampled_extent(n, upsample)) == extents(n, k, dilation, upsample)


@pytest.mark.parametrize(("before", "after"), [(0, 0), (2, 1), (-1, 3), (3, -2), (-1, -1), (-7, 0), (9, 9)])
def test_outputs_of_explicit_sizes_equal_a_count_of_windows(before, after):
    for n, k, stride, dilation, upsample in LENGTHS:
        found = window((before, after), n, k, stride, dilation, upsample)
        assert (found.before, found.after) == (before, after)
        assert found.outputs == counted(before, after, n, k, stride, dilation, upsample)


def test_full_has_every_window_that_meets_the_signal():
    for n, k, stride, dilation, upsample in LENGTHS:
        found = window("full", n, k, stride, dilation, upsample)
        extent, upsampled = extents(n, k, dilation, upsample)
        assert found.before == found.after == extent - 1
        assert found.outputs == len(range(1 - extent, upsampled, stride))


def test_valid_has_every_window_inside_the_signal():
    for n, k, stride, dilation, upsample in LENGTHS:
        found = window("valid", n, k, stride, dilation, upsample)
        extent, upsampled = extents(n, k, dilation, upsample)
        assert (found.before, found.after) == (0, 0)
        assert found.outputs == len(range(0, upsampled - extent + 1, stride))


def test_causal_windows_end_at_the_output_itself():
    for n, k, stride, dilation, upsample in LENGTHS:
        found = window("causal", n, k, stride, dilation, upsample)
        extent, upsampled = extents(n, k, dilation, upsample)
        assert -found.before + extent - 1 == 0
        assert found.outputs == len(range(0, upsampled, stride))


def test_same_is_every_stride_th_output_of_the_centred_windows():
    for n, k, stride, dilation, upsample in LENGTHS:
        found = window("same", n, k, stride, dilation, upsample)
        extent, _ = extents(n, k, dilation, upsample)
        assert found.before == min(b for b in range(extent + 1) if 2 * b >= extent - 1)
        assert found.outputs == len(range(0, n * upsample, stride))


@pytest.mark.parametrize(("word", "first"), [("same-lower", "before"), ("same-upper", "after")])
def test_onnx_words_pad_alternately_until_every_window_fits(word, first):
    for n, k, stride, dilation, upsample in LENGTHS:
        found = window(word, n, k, stride, dilation, upsample)
        assert found.outputs == len(range(0, n * upsample, stride))
        if n:
            before, after = split_one_by_one(n, k, stride, dilation, upsample, first=first)
            moved = max(0, before - (extents(n, k, dilation, upsample)[0] - 1))  # the first window meets sample 0
            assert (found.before, found.after) == (before - moved, after + moved)


@pytest.mark.parametrize("size", [*SIZES, (0, 0), (-2, 3), (4, -1), (-3, -3)])
def test_reach_is_the_first_and_last_position_that_is_read(size):
    for n, k, stride, dilation, upsample in LENGTHS:
        found = window(size, n, k, stride, dilation, upsample)
        read = [i * stride - found.before + dilation * t for i in range(found.outputs) for t in range(k)]
        first, last = found.reach
        assert (first, last) == (min(read), max(read)) if read else last < first


def test_anchors_by_hand():
    assert CONVOLUTION.anchor((9,), (4,)) == (1,)
    assert CROSS_CORRELATION.anchor((9,), (4,)) == (2,)
    assert Convention(size="same-upper").anchor((9, 9), (4, 3)) == (2, 1)
    assert Convention(reversed_axes=(0,), size="full").anchor((9, 9), (4, 3)) == (0, 2)
    assert Convention(size=((1, 0),), dilation=2).anchor((9,), (3,)) == (None,)
    assert Convention(size=((-1, 0),)).anchor((9,), (3,)) == (None,)


@pytest.mark.parametrize("reversed_axes", ["all", "none"])
@pytest.mark.parametrize("size", [*SIZES, ((3, 2),), ((-1, 2),), ((1, 4),), ((9, 9),)])
def test_anchor_is_the_tap_that_a_delta_at_the_start_shows(size, reversed_axes):
    """Output 0 stands on sample 0 whatever the steps are, and w is 1, 2, 3 ..., so y[0] is anchor + 1."""
    for k, stride, dilation, upsample in product(range(1, 6), (1, 2), (1, 2, 3), (1, 2)):
        steps = {"stride": stride, "dilation": dilation, "upsample": upsample}
        convention = Convention(reversed_axes=reversed_axes, size=size, **steps)
        delta = [1] + [0] * 15
        shown = compute(convention, delta, range(1, k + 1))[0]
        (anchor,) = convention.anchor((16,), (k,))
        assert shown == (0 if anchor is None else anchor + 1)


# Adjoints


def gaussian(rng, shape):
    """Small complex integers as Python numbers."""
    return (rng.integers(-5, 6, shape) + 1j * rng.integers(-5, 6, shape)).astype(object)


def inner(a, b):
    return sum((complex(p) * complex(q).conjugate() for p, q in zip(a.ravel(), b.ravel(), strict=True)), 0j)


def adjoint_draw(rng):
    """A convention that has an adjoint, with shapes: zero or closed-periodic along each axis."""
    axes = [closed_axis(rng) if rng.random() < 0.5 else open_axis(rng) for _ in range(rng.integers(1, 3))]
    names = ("size", "boundary", "stride", "dilation", "upsample")
    fields = {name: tuple(axis[i] for axis in axes) for i, name in enumerate(names)}
    reverse = tuple(axis for axis in range(len(axes)) if rng.random() < 0.5)
    convention = Convention(reversed_axes=reverse, conjugate=bool(rng.integers(2)), **fields)
    return convention, tuple(axis[5] for axis in axes), tuple(axis[6] for axis in axes)


def open_axis(rng):
    n, k, stride, dilation, upsample = (int(v) for v in rng.integers([1, 1, 1, 1, 1], [5, 4, 4, 3, 4]))
    words = [*SIZES, tuple(int(v) for v in rng.integers(-2, 5, 2))]
    return words[rng.integers(len(words))], "zero", stride, dilation, upsample, n, k


def closed_axis(rng):
    """Outputs*stride == N*upsample, from any phase and with any `after` that leaves the outputs as many."""
    k, stride, dilation, upsample = (int(v) for v in rng.integers([1, 1, 1, 1], [5, 4, 3, 4]))
    n = stride * int(rng.integers(1, 3))
    before, outputs = int(rng.integers(-3, 6)), n * upsample // stride
    extent, upsampled = extents(n, k, dilation, upsample)
    after = (outputs - 1) * stride + extent - upsampled - before + int(rng.integers(stride))
    return (before, after), "periodic", stride, dilation, upsample, n, k


def adjoint_gap(rng, convention, adjoint, signal_shape, kernel_shape):
    x, w = gaussian(rng, signal_shape), gaussian(rng, kernel_shape)
    forward = compute(convention, x, w)
    y = gaussian(rng, forward.shape)
    backward = compute(adjoint, y, w)
    assert backward.shape == x.shape
    return inner(forward, y) - inner(x, backward)


@pytest.mark.parametrize("seed", range(10))
def test_adjoint_law(seed):
    rng = np.random.default_rng(seed)
    for _ in range(25):
        convention, signal_shape, kernel_shape = adjoint_draw(rng)
        adjoint = convention.adjoint(signal_shape, kernel_shape)
        gap = adjoint_gap(rng, convention, adjoint, signal_shape, kernel_shape)
        assert gap == 0, (convention, signal_shape, kernel_shape)


@pytest.mark.parametrize("wrong", [{"size": ((1, 1),)}, {"reversed_axes": "all"}, {"conjugate": False}])
def test_adjoint_law_refuses_a_wrong_adjoint(wrong):
    right = Convention(size=((2, 0),)).adjoint((5,), (3,))
    assert right == Convention(reversed_axes=(), size=((0, 2),), conjugate=True).resolve(1)
    fields = {"reversed_axes": (), "size": ((0, 2),), "conjugate": True} | wrong
    rng = np.random.default_rng(0)
    assert adjoint_gap(rng, Convention(size=((2, 0),)), Convention(**fields), (5,), (3,)) != 0


def test_adjoint_of_transposed_convolution_is_strided_correlation():
    up = Convention(size="full", upsample=3)
    down = Convention(reversed_axes=(), size=((0, 0),), stride=3, conjugate=True)
    assert up.adjoint((4,), (3,)) == down.resolve(1)


def test_adjoint_does_not_need_a_boundary_that_is_never_read():
    inside = Convention(size="valid", boundary="edge")
    full = Convention(reversed_axes=(), size=((2, 2),), conjugate=True)
    assert inside.adjoint((5,), (3,)) == full.resolve(1)


@pytest.mark.parametrize("rule", ["constant", "edge", "half-sample", "whole-sample"])
def test_adjoint_refuses_borders_that_fold(rule):
    convention = Convention(boundary=rule, value=3 if rule == "constant" else 0)
    with pytest.raises(ConventionValueError, match="linear_operator"):
        convention.adjoint((5,), (3,))


def test_adjoint_refuses_an_open_period():
    with pytest.raises(ConventionValueError, match=r"outputs\*stride == N\*upsample"):
        Convention(boundary="periodic", stride=2).adjoint((5,), (3,))


# Canonical forms and round trips


def random_convention(rng, ndim):
    """Random fields, with a factor that stride, dilation, upsample and often before share."""
    axes = []
    for _ in range(ndim):
        common = int(rng.integers(1, 4))
        stride, dilation, upsample = (common * int(v) for v in rng.integers(1, 3, 3))
        before = int(rng.integers(-2, 4)) * (common if rng.random() < 0.7 else 1)
        sizes = [*SIZES, (before, int(rng.integers(-4, 7))), (before, int(rng.integers(-4, 7))), (0, 0)]
        rule = RULES[rng.integers(len(RULES))]
        value = int(rng.integers(-3, 4)) if rule == "constant" else 0
        axes.append((sizes[rng.integers(len(sizes))], rule, value, stride, dilation, upsample))
    names = ("size", "boundary", "value", "stride", "dilation", "upsample")
    reverse = ["all", "none", tuple(a for a in range(ndim) if rng.random() < 0.5)][rng.integers(3)]
    return Convention(
        reversed_axes=reverse, conjugate=bool(rng.integers(2)), **dict(zip(names, zip(*axes, strict=True), strict=True))
    )


def differs(rng, one, other, ndim):
    """Whether two conventions give different numbers or shapes on one random signal that is not empty."""
    x, w = gaussian(rng, rng.integers(1, 5, ndim)), gaussian(rng, rng.integers(1, 4, ndim))
    a, b = compute(one, x, w), compute(other, x, w)
    return a.shape != b.shape or a.tolist() != b.tolist()


@pytest.mark.parametrize("seed", range(10))
def test_canonical_form_computes_the_same(seed):
    rng, changed = np.random.default_rng(seed), 0
    for draw in range(40):
        ndim = 1 + draw % 2
        convention = random_convention(rng, ndim)
        canonical = convention.canonical(ndim)
        assert not differs(rng, convention, canonical, ndim), (convention, canonical)
        assert canonical.canonical(ndim) == canonical
        assert convention.equivalent(canonical, ndim)
        changed += canonical != convention.resolve(ndim)
    assert changed >= 15  # otherwise the draws show nothing


def test_canonical_comparison_refuses_another_convention():
    rng = np.random.default_rng(0)
    pairs = [({}, {"size": "same-upper"}), ({"boundary": "edge"}, {"boundary": "wrap"}), ({}, {"reversed_axes": ()})]
    for one, other in pairs:
        assert not Convention(**one).equivalent(Convention(**other), 1)
        assert any(differs(rng, Convention(**one), Convention(**other), 1) for _ in range(20))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"boundary": "wrap"}, {"boundary": "periodic"}),
        ({"size": "same-lower"}, {}),
        ({"size": ((0, 0),)}, {"size": "valid"}),
        ({"size": "valid", "boundary": "edge"}, {"size": "valid"}),
        ({"size": ((-1, 0),), "boundary": "edge"}, {"size": ((-1, 0),)}),
        ({"reversed_axes": (0,)}, {}),
        ({"size": ((2, 2),), "stride": 2, "dilation": 2, "upsample": 2}, {"size": ((1, 1),)}),
        ({"size": ((4, 3),), "stride": 2, "dilation": 4, "upsample": 2}, {"size": ((2, 1),), "dilation": 2}),
        ({"size": "full", "stride": 6, "dilation": 3, "upsample": 3}, {"size": "full", "stride": 2}),
    ],
)
def test_equivalent_conventions_by_hand(one, other):
    assert Convention(**one).equivalent(Convention(**other), 1)
    assert Convention(**one) != Convention(**other)


ODD_VALUES = [float("nan"), float("inf"), -float("inf"), 1 + 2j, complex(float("nan"), -float("inf")), 2**70, 0.1, -3]


def test_repr_and_json_give_the_same_convention_back():
    rng = np.random.default_rng(7)
    for draw in range(100):
        convention = random_convention(rng, 1 + draw % 2)
        assert eval(repr(convention), {"Convention": Convention}) == convention
        assert Convention.from_dict(json.loads(json.dumps(convention.to_dict()))) == convention
        assert Convention.from_dict({}) == eval("Convention()", {"Convention": Convention}) == CONVOLUTION


@pytest.mark.parametrize("value", [*ODD_VALUES, (1.5, float("nan")), (2j, 0)], ids=str)
def test_repr_and_json_keep_values_that_json_has_no_word_for(value):
    """Compared by their text: a nan is not equal to itself."""
    convention = Convention(boundary="constant", value=value)
    assert repr(eval(repr(convention), {"Convention": Convention})) == repr(convention)
    text = json.dumps(convention.to_dict(), allow_nan=False)
    assert repr(Convention.from_dict(json.loads(text))) == repr(convention)


def test_resolve_gives_every_field_per_axis_and_computes_the_same():
    convention = Convention(size="full", boundary=("constant", "edge"), value=9, stride=2)
    resolved = convention.resolve(2)
    assert resolved == Convention(
        reversed_axes=(0, 1),
        size=("full", "full"),
        boundary=("constant", "edge"),
        value=(9, 0),
        stride=(2, 2),
        dilation=(1, 1),
        upsample=(1, 1),
    )
    assert resolved.resolve(2) == resolved
    assert not differs(np.random.default_rng(0), convention, resolved, 2)
