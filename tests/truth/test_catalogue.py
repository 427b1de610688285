"""Every catalogue entry with every option, held against the installed operator: what is declared is what it does."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from functools import cache
from math import floor

import numpy as np
import pytest

from convention.catalogue import lookup, operators
from convention.definition import Convention
from convention.identification import identify
from convention.reference import compute

# (signal, kernel): odd and even of both, one sample, one tap, kernels longer than the signal along some or all axes
SHAPES = {
    1: [
        ((n,), (k,))
        for n, k in [(1, 1), (1, 3), (1, 4), (6, 1), (5, 2), (5, 3), (6, 3), (6, 4), (5, 5), (3, 4), (2, 5)]
    ],
    2: [
        ((5, 4), (3, 2)),
        ((4, 5), (2, 3)),
        ((4, 6), (2, 4)),
        ((2, 3), (4, 5)),
        ((1, 4), (3, 1)),
        ((3, 5), (5, 2)),
        ((7, 6), (3, 3)),
        ((6, 7), (5, 5)),
    ],
    3: [((3, 2, 4), (2, 3, 2)), ((4, 3, 5), (3, 2, 2))],
}
DTYPES = [*"?bhilBHILefdFD"]
CASES = [(name, options) for name in operators() for options in lookup(name).cases()]


def entry_of(name):
    entry = lookup(name)
    if not entry.installed:
        pytest.skip(f"compares with {entry.library}")
    return entry


def distinct(shape, seed):
    """Integers that all differ, in no order: no symmetry along any axis."""
    values = np.random.default_rng((seed, *shape)).permutation(np.arange(1, np.prod(shape) + 1))
    return values.reshape(shape).astype(float)


@cache
def type_of(name):
    """Return the first of these types that the operator takes."""
    entry, refusals = lookup(name), []
    options, ndim = next(entry.cases()), entry.ndims[0]
    for dtype in ("float64", "float32", "uint8"):
        for n, k in SHAPES[ndim]:
            if not entry.accepts(n, k, **options):
                try:
                    entry.call(distinct(n, 1).astype(dtype), distinct(k, 2).astype(dtype), **options)
                except Exception as error:  # each library has its own
                    refusals.append(error)
                else:
                    return dtype
    raise AssertionError(f"{name} takes none of these types: {refusals}")


def stored(entry, sums, signal, kernel, options):
    """Return what becomes of sums in the operator's arithmetic, as its entry declares that."""
    how, frame = entry.stored(options)
    if how.gain in ("1/sum", "1/abs sum"):
        total = int((kernel if how.gain == "1/sum" else np.abs(kernel)).sum())
        sums = np.array([Fraction(int(one), total) for one in sums.ravel()], object).reshape(sums.shape)
        if signal.dtype.kind == "f":  # the nearest number
            sums = sums.astype(signal.dtype).astype(object)
    elif how.gain != "1":
        sums = np.array([Fraction(how.gain) * int(one) for one in sums.ravel()], object).reshape(sums.shape)
    if entry.bias is not None:
        sums = sums + entry.bias(**options)
    if signal.dtype == np.uint8:
        if how.rounding == "half-up":
            sums = np.array([floor(one + Fraction(1, 2)) for one in sums.ravel()], object).reshape(sums.shape)
        sums = np.clip(sums, 0, 255) if how.overflow == "saturate" else sums % 256
    if frame is not None:
        pairs = entry.convention(signal.shape, kernel.shape, **options).before_after(signal.shape, kernel.shape)
        inside = tuple(slice(before, max(n - after, before)) for n, (before, after) in zip(signal.shape, pairs))
        framed = signal.astype(object) if frame.kind == "copied" else np.full(signal.shape, frame.value, object)
        framed[inside] = sums[inside]
        sums = framed
    return sums


def assert_declared(entry, signal_shape, kernel_shape, options):
    """Hold the operator's own result against the sums of its declared convention."""
    shapes = signal_shape, kernel_shape
    dtype = type_of(entry.name)
    signal, kernel = distinct(signal_shape, 1).astype(dtype), distinct(kernel_shape, 2).astype(dtype)
    if entry.faults(*shapes, **options):
        return  # running it would end this process, or return whatever lies in memory
    if entry.accepts(*shapes, **options):
        with pytest.raises(Exception):  # noqa: B017, PT011  # each library has its own
            entry.call(signal, kernel, **options)
        return
    result = np.asarray(entry.call(signal.copy(), kernel.copy(), **options))
    sums = compute(entry.convention(*shapes, **options), signal, kernel)
    expected = stored(entry, sums, signal, kernel, options)
    where = f"{entry.name}(**{options}) on {shapes}"
    assert result.shape == expected.shape, where
    # some divide the taps, some the sums
    divided = entry.stored(options)[0].gain != "1" and result.dtype.kind == "f"
    if entry.transforms(*shapes, **options) or divided:
        assert np.abs(result - expected.astype(float)).max(initial=0) < 1e-9 * np.abs(kernel).sum() * signal.max(), (
            where
        )
        return
    if entry.stored(options)[0].rounding == "nearest" and result.dtype.kind in "iu":
        assert all(abs(int(one) - exact) <= Fraction(1, 2) for one, exact in zip(result.flat, expected.flat)), where
        return
    assert result.tolist() == expected.tolist(), where


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda value: str(value).replace(" ", ""))
def test_the_operator_computes_what_its_entry_declares(name, options):
    entry = entry_of(name)
    for ndim in entry.ndims:
        for signal_shape, kernel_shape in SHAPES[ndim]:
            assert_declared(entry, signal_shape, kernel_shape, options)


@pytest.mark.parametrize("name", operators())
def test_a_wrong_declaration_is_refused(name):
    entry = entry_of(name)
    options = next(entry.cases())

    def reversed_otherwise(*shapes, **case):
        right = entry.convention(*shapes, **case)
        return replace(right, reversed_axes="none" if right.definition == "convolution" else "all")

    def moved(*shapes, **case):
        right = entry.convention(*shapes, **case)
        return replace(right, size=tuple((before + 1, after - 1) for before, after in right.before_after(*shapes)))

    shapes = next(
        (n, k)
        for n, k in SHAPES[entry.ndims[0]]
        if not entry.accepts(n, k, **options) and all(a > b > 1 for a, b in zip(n, k))
    )
    for wrong in (reversed_otherwise, moved):
        with pytest.raises(AssertionError):
            assert_declared(replace(entry, convention=wrong), *shapes, options)


@pytest.mark.parametrize("name", [name for name in operators() if lookup(name).storage is not None])
def test_a_gain_or_a_frame_that_other_options_have_is_refused(name):
    entry = entry_of(name)
    how, frame = entry.stored(next(entry.cases()))
    for options in entry.cases():
        other, ring = entry.stored(options)
        taken = [(n, k) for n, k in SHAPES[entry.ndims[0]] if not entry.accepts(n, k, **options)]
        shapes = next(((n, k) for n, k in taken if all(a > b > 1 for a, b in zip(n, k))), None)
        if (other.gain, ring) != (how.gain, frame) and shapes is not None:
            with pytest.raises(AssertionError):
                assert_declared(replace(entry, storage=None, arithmetic=how, frame=frame), *shapes, options)


@pytest.mark.parametrize("name", operators())
def test_the_defaults_are_identified_from_outside(name):
    entry = entry_of(name)
    ndim, options = entry.ndims[0], next(entry.cases())
    found = identify(lambda x, w: entry.call(x, w, **options), ndim=ndim)
    assert found.convention is not None, found.verdict
    for shapes in [((12, 17, 9)[:ndim], (5, 4, 3)[:ndim]), ((11, 16, 8)[:ndim], (4, 3, 2)[:ndim])]:
        declared = entry.convention(*shapes, **options)
        assert found.definition == declared.definition
        assert found.convention.windows(*shapes) == declared.windows(*shapes)
        if any(max(pair) > 0 for pair in declared.before_after(*shapes)):
            boundaries = [[axis.boundary for axis in c.axes(ndim)] for c in (found.convention, declared)]
            assert boundaries[0] == boundaries[1]


WITH_TYPES = [name for name in operators() if lookup(name).result_dtype is not None]


@pytest.mark.parametrize("name", WITH_TYPES)
def test_result_types_of_all_pairs_of_types(name):
    entry = entry_of(name)
    ndim = entry.ndims[0]
    for options in (options for options in entry.cases() if options.get("mode") in (None, "full", "reflect")):
        if options.get("up", 1) * options.get("down", 1) > 1 or "grid" in str(options) or options.get("normalized"):
            continue
        if options.get("border_type") != entry.options.get("border_type", (None,))[0]:
            continue
        for one in DTYPES:
            for other in DTYPES:
                x, w = np.ones((4,) * ndim, one), np.ones((3,) * ndim, other)
                where = f"{x.dtype} with {w.dtype}, {options}"
                try:
                    measured = np.asarray(entry.call(x, w, **options)).dtype.name
                except Exception:  # each library has its own
                    with pytest.raises((TypeError, ValueError)):
                        entry.result_dtype(x.dtype.name, w.dtype.name, **options)
                else:
                    assert entry.result_dtype(x.dtype.name, w.dtype.name, **options) == measured, where


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"did you mean 'scipy\.ndimage\.convolve'"):
        lookup("scipy.ndimage.convolv")


@pytest.fixture
def scipy_signal():
    return pytest.importorskip("scipy.signal", reason="compares with scipy.signal")


@pytest.fixture
def ndimage():
    return pytest.importorskip("scipy.ndimage", reason="compares with scipy.ndimage")


@pytest.mark.parametrize("name", ["convolve", "correlate", "convolve1d", "correlate1d"])
def test_ndimage_cuts_sums_off_towards_zero_and_wraps_them(ndimage, name):
    function = getattr(ndimage, name)
    assert function(np.array([1], np.int8), [-1.5]).tolist() == [-1]
    assert function(np.array([100], np.uint8), [3]).tolist() == [44]
    assert function(np.array([1], np.uint8), [-1]).tolist() == [255]
    # a byte of 2 is true, one of 256 is false
    assert function(np.array([True]), [2]).view(np.uint8).tolist() == [2]
    assert function(np.array([True]), [256]).tolist() == [False]


@pytest.mark.parametrize(("name", "outside"), [("convolve", True), ("correlate", True), ("correlate1d", False)])
def test_ndimage_reflect_reads_what_lies_before_the_array(ndimage, name, outside):
    memory = np.array([1000.0, 1, 2])
    signal, kernel = memory[1:], np.zeros(17)
    kernel[16 if name == "convolve" else 0] = 1  # for the first output it meets position -8, which is sample 0
    shapes = (2,), (17,)
    entry = lookup(f"scipy.ndimage.{name}")
    assert entry.convention(*shapes, mode="reflect").before_after(*shapes) == ((8, 8),)
    assert getattr(ndimage, name)(signal, kernel)[0] == (1000 if outside else 1)
    assert bool(entry.faults(*shapes, mode="reflect")) is outside


@pytest.mark.skipif(sys.platform == "win32", reason="asks for a POSIX signal")
@pytest.mark.parametrize(
    ("name", "shapes", "options", "call"),
    [
        ("upfirdn", ((1,), (2,)), {"mode": "reflect"}, "upfirdn([1, 2], [3.0], mode='reflect')"),
        (
            "convolve2d",
            ((0, 3), (2, 2)),
            {"mode": "full", "boundary": "wrap"},
            "from numpy import ones; convolve2d(ones((0, 3)), ones((2, 2)), 'full', 'wrap')",
        ),
    ],
)
def test_calls_that_end_the_process(scipy_signal, name, shapes, options, call):
    assert lookup(f"scipy.signal.{name}").faults(*shapes, **options)
    child = subprocess.run([sys.executable, "-c", f"from scipy.signal import {name}; {call}"], capture_output=True)
    assert child.returncode < 0


def test_correlate2d_conjugates_the_first_operand_where_it_exchanges_them(scipy_signal):
    x, w = np.array([[1 + 2j]]), np.array([[1, 1j]])
    assert scipy_signal.correlate2d(x, w, "full").tolist() == [[2 - 1j, 1 + 2j]]
    assert scipy_signal.correlate2d(x, w, "valid").tolist() == [[2 + 1j, 1 - 2j]]
    assert scipy_signal.correlate(x, w, "valid", method="direct").tolist() == [[2 - 1j, 1 + 2j]]


def test_fftconvolve_has_integers_where_it_transforms_nothing(scipy_signal):
    assert scipy_signal.fftconvolve([1, 2, 3], [2]).dtype == np.int64
    assert scipy_signal.fftconvolve([1, 2, 3], [2, 1]).dtype == np.float64


def test_fftconvolve_of_float32_with_float64_has_the_precision_of_float32(scipy_signal):
    x, w = np.float32([0.1, 0.7, 0.3]), np.array([0.3, 0.9])
    result, exact = scipy_signal.fftconvolve(x, w), np.convolve(x.astype(float), w)
    assert result.dtype == np.float64
    assert 1e-10 < np.abs(result - exact).max() < 1e-6
    assert np.abs(scipy_signal.fftconvolve(x.astype(float), w) - exact).max() < 1e-15


def test_ndimage_axes_move_origins_but_not_weights(ndimage):
    x = distinct((3, 4), 1)
    moved = ndimage.correlate(x, [[1, 10, 3]], axes=(1, 0), origin=(0, 1))
    assert moved.tolist() == ndimage.correlate(x, [[1, 10, 3]], origin=(0, 1)).tolist()
    x = distinct((2, 3, 2), 1)
    moved = ndimage.correlate(x, [[1, 10, 3]], axes=(1, 0), origin=(1, 0))
    expected = [
        compute(
            Convention(reversed_axes="none", size=((0, 0), (2, 0)), boundary="half-sample"), x[..., i], [[1, 10, 3]]
        )
        for i in (0, 1)
    ]
    assert moved.tolist() == np.stack(expected, -1).tolist()
