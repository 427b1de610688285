"""Random calls of an operator and of its `like`, and how their answers are compared."""

from __future__ import annotations

import warnings
from random import Random

import numpy as np
import pytest

from convention.emulation import like

CALLS = 240
INTEGERS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float32", "float64", "complex64", "complex128")
WIDE = np.clongdouble


def original(name):
    module, _, function = name.rpartition(".")
    return getattr(pytest.importorskip(module, reason=f"compares with {module}"), function)


def array(random, shape, dtype, largest=None):
    """Draw numbers that wrap where the type is small, and whose sums stay exact where the operator rounds them."""
    rng = np.random.default_rng(random.getrandbits(32))
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        most = 2**40 if largest is None else largest
        return rng.integers(max(info.min, -most), min(info.max, most), shape, endpoint=True).astype(dtype)
    values = rng.standard_normal(shape) * 10.0 ** rng.integers(-2, 1 if dtype == "float16" else 3, shape)
    return (values + 1j * rng.standard_normal(shape) if "complex" in dtype else values).astype(dtype)


def shape(random, ndim, most):
    return tuple(random.randint(1, most) for _ in range(ndim))


def pick(random, **choices):
    """Draw a value of each keyword, or leave the keyword out."""
    return {name: random.choice(values) for name, values in choices.items() if random.random() < 0.7}


def bound(arguments, keywords, result):
    """Return how far floating-point sums may lie apart: a few roundings of the coarsest type in the largest sum."""
    operands = [np.asarray(one) for one in arguments if not isinstance(one, str)]
    epsilon = max(float(np.finfo(one.dtype).eps) for one in (*operands, result) if one.dtype.kind in "fc")
    first, last = (np.abs(one.astype(complex)) for one in (operands[0], max(operands[1:], key=np.size)))
    beyond = max(abs(keywords.get(name, 0)) for name in ("fillvalue", "cval"))
    sums = [kernel.sum() * signal.max(initial=max(1.0, beyond)) for signal, kernel in ((first, last), (last, first))]
    # of two operands without samples beyond either may be the kernel, and the smaller bound holds
    return 16 * epsilon * (max(sums) if beyond else min(sums))


def assert_same_answer(name, emulated, arguments, keywords, *, call=None, bound=bound):
    """Return whether both answered; assert that they agree in that, in type and shape, and in every number.

    Parameters
    ----------
    name : str
        The operator's.
    emulated : callable
        What is held against it.
    arguments, keywords : tuple, dict
        Of the call.
    call : callable, optional
        What runs the operator on NumPy arrays, and returns one; the function of this name where it is not given.
    bound : callable
        ``bound(arguments, keywords, result)``: how far floating-point results may lie apart, a number or an array.
    """
    where = f"{name}{tuple(f'{np.asarray(a).dtype}{np.shape(a)}' for a in arguments)}, {keywords}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = (call or original(name))(*arguments, **keywords)
        except Exception:  # ndimage has RuntimeError, lfilter NotImplementedError
            expected = None
        try:
            found = emulated(*arguments, **keywords)
        except (TypeError, ValueError):
            found = None
    assert (found is None) is (expected is None), f"one refused: {where}"
    if expected is None:
        return False
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape), where
    if expected.dtype.kind in "fc":
        with np.errstate(invalid="ignore"):
            distance = np.abs(found.astype(WIDE) - expected.astype(WIDE))
        same = distance <= bound(arguments, keywords, expected)
        same |= (found == expected) | (np.isnan(found) & np.isnan(expected))  # infinities have no distance
        assert same.all(), where
    else:
        assert (found == expected).all(), where
    return True


def assert_random_calls(name, draw, *, calls=CALLS, call=None, bound=bound):
    """Assert that at least 200 random calls are answered alike; those that both refuse do not count.

    Parameters
    ----------
    name : str
        The operator's.
    draw : callable
        ``draw(random)``: arguments and keywords of a call.
    calls : int
        How many answers are enough.
    call, bound : callable
        As in `assert_same_answer`.
    """
    random, answered = Random(name), 0
    for _ in range(3 * calls):
        answered += assert_same_answer(name, like(name), *draw(random), call=call, bound=bound)
        if answered == calls:
            break
    assert answered >= 200


def absolute_bound(name, keywords_of=lambda keywords: keywords):
    """Return a bound from what the operator makes of absolute values: a few roundings of each sum's terms.

    Parameters
    ----------
    name : str
        The operator's; its `like` sums up the absolute values.
    keywords_of : callable
        ``keywords_of(keywords)``: those of the call with absolute values.
    """

    def of_call(arguments, keywords, result):
        arrays = [one for one in arguments if isinstance(one, np.ndarray) and one.dtype.kind in "fc"]
        epsilon = max(float(np.finfo(one.dtype).eps) for one in (*arrays, result))
        positive = [np.abs(one) if isinstance(one, np.ndarray) else one for one in arguments]
        given = {key: np.abs(one) if isinstance(one, np.ndarray) else one for key, one in keywords.items()}
        return 16 * epsilon * np.abs(like(name)(*positive, **keywords_of(given))).astype(np.longdouble) + 1e-30

    return of_call
