"""`compare`: each verdict by hand, exact on integers, within the engine's bound on floats."""

from __future__ import annotations

import numpy as np
import pytest

from convention import CONVOLUTION, CROSS_CORRELATION, ConventionError, apply
from convention.comparison import bands, check, compare, shift
from convention.comparison.measures import Rounding, measure

PHOTO = np.random.default_rng(5).integers(0, 256, (30, 40))
EMBOSS = [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]
SOBEL = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]


def kernel_of(shape, **taps):
    kernel = np.zeros(shape, int)
    for place, tap in taps.items():
        kernel[tuple(map(int, place[1:].split("_")))] = tap
    return kernel


def test_a_kernel_that_reversal_leaves_alone_gives_identical_results():
    # by hand, for [3, 1, 4] and [1, 2, 1]: 3*2+1, 3+2+4, 1+8
    result = compare([3, 1, 4], [1, 2, 1])
    assert result.convolution.tolist() == result.correlation.tolist() == [7, 9, 9]
    assert (result.relation, result.largest, result.rms, result.where) == ("identical", 0, 0.0, None)
    assert result.verdict == "identical: both definitions give the same result on this data"


def test_an_antisymmetric_kernel_changes_only_the_sign():
    # convolution [-1, 0, 1]: y[n] = x[n-1] - x[n+1], so 0-1, 3-4, 1-0
    result = compare([3, 1, 4], [-1, 0, 1])
    assert result.convolution.tolist() == [-1, -1, 1]
    assert result.correlation.tolist() == [1, 1, -1]
    assert result.difference.tolist() == [-2, -2, 2]
    assert (result.relation, result.largest, result.rms, result.where) == ("negated", 2, 2.0, (0,))
    assert result.verdict.startswith("only the sign")
    assert compare(PHOTO, SOBEL).relation == "negated"


def test_an_off_centre_delta_moves_the_result():
    # tap k[2] = 1: convolution y[n] = x[n-1], cross-correlation y[n] = x[n+1]
    result = compare([3, 1, 4, 1, 5], [0, 0, 1])
    assert result.convolution.tolist() == [0, 3, 1, 4, 1]
    assert result.correlation.tolist() == [1, 4, 1, 5, 0]
    assert (result.relation, result.moved) == ("moved", (2,))
    assert "2 samples later" in result.verdict


@pytest.mark.parametrize(
    ("kernel", "moved"),
    [
        (kernel_of((5, 5), k0_1=1), (-4, -2)),
        (kernel_of((3, 3), k2_1=7), (2, 0)),
        (kernel_of((2, 2), k0_0=1), (-1, -1)),
        (kernel_of((4, 4), k1_1=1, k1_2=2, k2_1=2, k2_2=1), None),
        (kernel_of((4, 4), k0_1=1, k0_2=2, k1_1=2, k1_2=1), (-2, 0)),
        (kernel_of((4, 6), k1_3=1, k1_4=2, k1_5=1), (-1, 3)),
    ],
)
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float32, np.float64])
def test_a_symmetric_part_off_the_centre_moves_the_result(kernel, moved, dtype):
    result = compare(PHOTO.astype(dtype), kernel)
    assert result.moved == moved
    assert result.relation == ("identical" if moved is None else "moved")
    if moved is not None:
        inside = np.roll(result.correlation, moved, (0, 1))[8:-8, 8:-8]
        # the engine may choose a transform for floats
        np.testing.assert_allclose(result.convolution[8:-8, 8:-8], inside, atol=0 if dtype in (int, np.uint8) else 1e-9)
        assert check(kernel).moved == moved


def test_words_for_a_move():
    verdict = compare(PHOTO, kernel_of((3, 5), k0_4=1)).verdict
    assert verdict.startswith("moved by (-2, 4): the convolution is the cross-correlation moved 2 rows up and")
    assert "4 columns right" in verdict
    cube = np.random.default_rng(0).integers(0, 9, (6, 7, 8))
    assert "−2 samples along axis 0" in compare(cube, kernel_of((3, 1, 1), k0_0_0=1)).verdict


def test_a_kernel_without_any_symmetry_is_different():
    # by hand: [2, 8, 10] and [10, 16, 2]
    result = compare([1, 2, 3], [1, 0, 5])
    assert result.difference.tolist() == [-8, -8, 8]
    assert (result.relation, result.moved, result.differing, result.outputs) == ("different", None, 3, 3)
    assert (result.largest, result.peak, result.largest_share, result.rms) == (8, 16, 0.5, 8.0)
    assert result.verdict == "different: 100 % of the outputs differ, by up to 50 % of the largest result"
    assert compare(PHOTO, EMBOSS).relation == "different"


def test_both_results_are_what_the_engine_gives_alone():
    for axes, signal in (((0, 1), np.dstack([PHOTO, PHOTO.T[:30, :1].repeat(40, 1)])), (None, PHOTO)):
        result = compare(signal, np.array(EMBOSS), axes=axes, boundary="edge")
        convolution = apply({**CONVOLUTION.to_dict(), "boundary": "edge"}, signal, np.array(EMBOSS), axes=axes)
        correlation = apply({**CROSS_CORRELATION.to_dict(), "boundary": "edge"}, signal, np.array(EMBOSS), axes=axes)
        assert (result.convolution == convolution).all()
        assert (result.correlation == correlation).all()
        assert result.convolution.dtype == convolution.dtype
        difference = convolution - correlation
        assert result.largest == abs(difference).max()
        assert abs(difference[result.where]) == result.largest
        assert result.rms == pytest.approx(np.sqrt((difference.astype(float) ** 2).mean()), rel=1e-12)


def test_a_ramp_does_not_pass_for_a_move():
    # inside, the results are 8n+12 ... 8n+4: convolution[n] == correlation[n-1] on every ramp
    assert compare(np.arange(10), [1, 2, 5]).relation == "different"


def test_the_verdict_is_about_the_data():
    assert compare(np.zeros((5, 5), int), EMBOSS).relation == "identical"
    assert compare([7, 7, 7, 7], [1, 2, 5], boundary="periodic").relation == "identical"
    near = compare(np.full((9, 9), 3), np.arange(1, 10).reshape(3, 3))
    assert (near.relation, near.near_border, near.differing) == ("different", True, 32)
    assert near.verdict == "different near the border only: 32 of 81 outputs differ"
    assert not compare(PHOTO, EMBOSS).near_border


@pytest.mark.parametrize("boundary", ["zero", "edge", "half-sample", "whole-sample", "periodic"])
def test_borders_play_no_part_in_a_move(boundary):
    assert compare(PHOTO, kernel_of((5, 5), k4_4=2, k4_3=2), boundary=boundary).moved == (4, 3)


def test_moves_count_outputs_of_a_strided_or_dilated_call():
    delta = kernel_of((3, 3), k2_0=1)
    assert compare(PHOTO, delta, dilation=2).moved == (4, -4)
    assert compare(PHOTO, delta, stride=2).moved == (1, -1)
    assert compare(PHOTO, delta, stride=3).relation == "different"  # two thirds of an output
    assert compare(PHOTO, delta, size="full").moved == (2, -2)
    assert compare(PHOTO, delta, upsample=2).moved == (2, -2)


def test_three_axes_and_channels():
    cube = np.random.default_rng(1).integers(-9, 10, (7, 8, 9))
    assert compare(cube, kernel_of((3, 2, 3), k2_0_1=1)).moved == (2, -1, 0)
    kernels = np.zeros((3, 3, 3), int)
    kernels[:, 0, 0] = 1, 2, 3
    stack = np.random.default_rng(1).integers(-9, 10, (3, 12, 12))
    assert compare(stack, kernels, axes=(1, 2)).moved == (-2, -2)
    kernels[2] = EMBOSS
    assert compare(stack, kernels, axes=(1, 2)).relation == "different"


def test_floats_are_equal_up_to_the_engine_s_bound_and_no_further():
    x = np.random.default_rng(2).standard_normal((40, 50))
    w = np.random.default_rng(3).standard_normal((5, 4))
    symmetric, opposite = w + w[::-1, ::-1], w - w[::-1, ::-1]
    same = compare(x, symmetric)
    assert same.relation == "identical"
    assert 0 < same.largest < 1e-13
    assert same.verdict.endswith("up to rounding")
    assert compare(x, opposite).relation == "negated"
    assert compare(x, symmetric, method="fourier").relation == "identical"
    assert compare(x.astype(np.float16), symmetric.astype(np.float16)).relation == "identical"
    nearly = symmetric.copy()
    nearly[0, 0] += 1e-10
    assert compare(x, nearly).relation == "different"
    assert compare(x.astype(np.float32), nearly.astype(np.float32)).relation == "identical"


def test_one_huge_sample_does_not_hide_differences_elsewhere():
    x = np.ones(50)
    x[0] = 1e18
    result = compare(x, np.array([1.0, 0.0, 0.0]), boundary="edge")
    assert result.relation != "identical"
    tiny = np.random.default_rng(0).standard_normal(50)
    tiny[0] = 1e18
    assert compare(tiny, np.array([0.0, 0.0, 2.0, 1.0, 0.0, 0.0, 0.0])).relation == "different"


def test_rounding_is_measured_in_each_output_s_own_window():
    gap = np.array([0.0, 1e-3])
    whole = measure(gap, np.zeros(2), Rounding(1.0))
    assert whole.identical
    assert not measure(gap, np.zeros(2), Rounding(1.0, 0.0, lambda: np.array([1.0, 1e-6]))).identical
    assert measure(gap, np.zeros(2), Rounding(1.0, 0.0, lambda: np.array([1e-6, 1e-2]))).identical


def test_numbers_that_are_not_finite_are_left_out_and_counted():
    x = PHOTO.astype(float)
    x[10, 10] = np.nan
    assert compare(x, np.ones((3, 3))).relation == "identical"
    result = compare(x, kernel_of((3, 3), k0_0=1).astype(float))
    assert (result.relation, result.moved, result.left_out) == ("moved", (-2, -2), 9)
    assert np.isfinite(result.largest)
    x[10, 10] = np.inf
    assert compare(x, np.array(EMBOSS, float) + 3).relation == "different"


def test_complex_kernels_are_conjugated_by_neither():
    x = np.array([1 + 2j, 3, 1j, 5])
    w = np.array([1j, 0, 2 + 1j])
    result = compare(x, w)
    assert (result.convolution == apply(CONVOLUTION, x, w)).all()
    assert (result.correlation == apply(CROSS_CORRELATION, x, w)).all()
    assert compare(x, np.array([1j, 2, 1j])).relation == "identical"


def test_integers_that_do_not_fit_into_64_bits_are_still_compared_exactly():
    big = 2**62 - 1  # each result fits, their difference does not
    result = compare([0, big, 0], [1, 0, -1])
    assert result.difference.tolist() == [2 * big, 0, -2 * big]
    assert (result.relation, result.largest) == ("negated", 2 * big)
    unsigned = compare(np.array([0, 2**63, 0], np.uint64), np.array([1, 0, 0], np.uint8))
    assert unsigned.difference.tolist() == [2**63, 0, -(2**63)]


def test_results_are_cast_before_they_are_compared():
    saturated = compare(PHOTO, SOBEL, dtype=np.uint8, overflow="saturate")
    assert saturated.convolution.dtype == np.uint8
    assert saturated.relation == "different"
    assert saturated.largest <= 255


@pytest.mark.parametrize("taps", [3, 7, 9])
@pytest.mark.parametrize("boundary", ["zero", "half-sample", "periodic"])
def test_bands_give_the_numbers_of_the_whole(monkeypatch, taps, boundary):
    rng = np.random.default_rng(taps)
    photo = rng.integers(0, 256, (61, 47, 3)).astype(np.uint8)
    for kernel in (rng.integers(-9, 10, (taps, taps + 1)), rng.standard_normal((taps, taps))):
        for keywords in ({}, {"stride": (2, 1)}, {"upsample": (2, 1)}, {"dilation": 2}):
            whole = compare(photo, kernel, axes=(0, 1), boundary=boundary, method="direct", **keywords)
            monkeypatch.setattr(bands, "_BAND", 2000)
            parts = compare(photo, kernel, axes=(0, 1), boundary=boundary, **keywords)
            monkeypatch.undo()
            assert parts.relation == whole.relation
            assert parts.convolution.dtype == whole.convolution.dtype
            if kernel.dtype.kind == "i":
                assert (parts.convolution == whole.convolution).all()
                assert (parts.correlation == whole.correlation).all()
                assert (parts.largest, parts.where, parts.peak) == (whole.largest, whole.where, whole.peak)
            else:
                np.testing.assert_allclose(parts.convolution, whole.convolution, atol=1e-9)
                np.testing.assert_allclose(parts.correlation, whole.correlation, atol=1e-9)
            assert parts.rms == pytest.approx(whole.rms, rel=1e-9)
            assert parts.outputs == whole.outputs == whole.convolution.size


def test_a_kernel_larger_than_the_signal_and_results_without_outputs():
    assert compare([[1, 2], [3, 4]], np.arange(25).reshape(5, 5)).relation == "different"
    empty = compare([1, 2], [1, 2, 3], size="valid")
    assert (empty.relation, empty.outputs, empty.where, empty.rms) == ("identical", 0, None, 0.0)


def test_torch_tensors_come_back_as_tensors():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x = torch.tensor(PHOTO)
    result = compare(x, torch.tensor(EMBOSS))
    assert isinstance(result.convolution, torch.Tensor)
    expected = compare(PHOTO, np.array(EMBOSS))
    assert result.convolution.tolist() == expected.convolution.tolist()
    assert (result.difference.numpy() == expected.difference).all()
    assert (result.largest, result.rms, result.where) == (expected.largest, expected.rms, expected.where)
    assert compare(x.float(), torch.tensor(kernel_of((3, 3), k0_0=1)).float()).moved == (-2, -2)
    assert compare(x.bfloat16(), torch.ones(3, 3).bfloat16()).relation == "identical"
    leaf = torch.ones(4, requires_grad=True)
    compare(leaf, torch.tensor([1.0, 0.0, 5.0])).convolution.sum().backward()
    assert leaf.grad is not None


def test_arguments_are_refused_as_convolve_refuses_them():
    with pytest.raises(TypeError, match="boundary"):
        compare([1, 2], [1], padding=1)
    for keywords in ({"boundary": "reflect"}, {"method": "quick"}, {"axes": 3}, {"overflow": "x"}):
        with pytest.raises(ConventionError):
            compare([1, 2], [1], **keywords)
    with pytest.raises(ConventionError):
        compare(PHOTO, [1, 2, 3])


class TestGuards:
    """A wrong answer is seen to be refused."""

    def call(self, kernel):
        return bands.new_call(
            CONVOLUTION, PHOTO, kernel, axes=None, method="auto", dtype=None, overflow="raise", workers=None
        )

    def test_a_wrong_shift_is_refused(self):
        call = self.call(kernel_of((5, 5), k0_1=1))
        a, b, measures = bands.run(call)
        inside = shift.interiors(call)
        assert shift.equal_inside(a, b, inside, (-4, -2), 0.0)
        for wrong in ((4, 2), (-4, -1), (-3, -2), (0, 0), (-2, -4)):
            assert not shift.equal_inside(a, b, inside, wrong, 0.0)
        assert shift.moved_by(call, a, b, measures.where, 0.0) == (-4, -2)

    def test_one_changed_output_is_no_move(self):
        call = self.call(kernel_of((5, 5), k0_1=1))
        a, b, measures = bands.run(call)
        a[20, 17] += 1
        assert shift.moved_by(call, a, b, measures.where, 0.0) is None

    def test_a_shift_without_a_common_output_is_refused(self):
        call = self.call(kernel_of((5, 5), k0_1=1))
        zeros = np.zeros(PHOTO.shape, int)
        assert not shift.equal_inside(zeros, zeros, (((0, 3), (0, 3)), ((5, 9), (0, 3))), (0, 0), 0.0)
        assert not shift.equal_inside(zeros, zeros, shift.interiors(call), (40, 0), 0.0)

    def test_one_changed_output_is_not_identical_or_negated(self):
        a = PHOTO.copy()
        b = PHOTO.copy()
        assert measure(a, b).identical
        assert measure(a, -b).negated
        b[29, 39] += 1
        assert not measure(a, b).identical
        assert not measure(a, -b).negated
        assert measure(a, b).where == (29, 39)


def test_where_nothing_is_finite_nothing_is_said():
    result = compare([np.nan, np.nan], [1, 2, 3])
    assert result.relation == "undetermined"
    assert result.verdict == "undetermined: none of the 2 outputs is finite in both results"
    some = compare([1.0, 1.0, np.nan, 4.0, 9.0, 2.0, 7.0], [1, 0, 5])
    assert some.verdict.endswith("; 3 of 7 outputs, not finite, are left out")
