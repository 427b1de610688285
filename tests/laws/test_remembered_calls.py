"""What is remembered of a call never answers another one: no other keywords, types, arrays or threads."""

from __future__ import annotations

import os
from array import array
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import numpy as np
import pytest

from convention import Convention, apply, convolve, correlate, plan
from convention.definition import remembered
from convention.engine.direct import _at_once, _in_line
from convention.engine.remembered import Remembered
from convention.errors import ConventionError, ConventionTypeError
from convention.reference import compute
from draws import draw_case

X, W = np.array([1, 2, 3, 4, 5, 6]), np.array([1, 0, 5])


def of(**given: Any) -> Convention:
    words = {"size": "same", "boundary": "zero", "value": 0, "stride": 1, "dilation": 1, "upsample": 1}
    return remembered("all", *(words | given).values(), False)  # type: ignore[arg-type]  # any values


def outcome(call: Any) -> Any:
    """Return what a call returns, or the text of its refusal."""
    try:
        return call()
    except ConventionError as error:
        return str(error)


def test_equal_keywords_give_the_same_object() -> None:
    assert of(stride=(2, 1)) is of(stride=(2, 1))
    assert of(size=((1, 0), "full")) is of(size=((1, 0), "full"))
    assert of(size=[[1, 0]]) == of(size=((1, 0),))


@pytest.mark.parametrize("name", ["stride", "dilation", "upsample"])
@pytest.mark.parametrize("wrong", [True, 1.0, 1 + 0j, "1", None, b"\x01", np.float64(1), np.float64(5e-324), np.True_])
def test_a_remembered_count_does_not_let_another_type_pass(name: str, wrong: Any) -> None:
    plain = convolve(X, W)
    for right in (1, (1,), [1], np.int64(1), np.uint8(1)):
        assert convolve(X, W, **{name: right}).tolist() == plain.tolist()
        for given in (wrong, (wrong,), [wrong]):
            with pytest.raises(ConventionTypeError):
                convolve(X, W, **{name: given})


def test_buffers_are_not_taken_for_the_bytes_they_hold() -> None:
    convolve(X, W, size=((1, 1),))
    for pair in (array("b", [1, 1]), np.array([1, 1], dtype=np.uint8), bytearray(b"\x01\x01")):
        expected = outcome(lambda pair=pair: Convention(size=(pair,)))
        assert outcome(lambda pair=pair: of(size=(pair,))) == expected


def test_values_keep_their_types() -> None:
    signal = X.astype(float)
    for value in (1, 1.0, np.int64(1), np.float64(1), 1 + 0j, np.float64(5e-324), np.int64(2), 2.5, -2.5):
        found = convolve(signal, W, boundary="constant", value=value)
        assert found[0] == (signal[1] + 5 * complex(value).real), value
    for wrong in (True, "1", None, b"\x01"):
        expected = outcome(lambda wrong=wrong: Convention(boundary="constant", value=wrong))
        assert outcome(lambda wrong=wrong: of(boundary="constant", value=wrong)) == expected
    big = np.array([0, 0, 0])
    assert convolve(big, [0, 0, 1], boundary="constant", value=2**53 + 1)[0] == 2**53 + 1
    assert convolve(big, [0, 0, 1], boundary="constant", value=float(2**53))[0] == 2**53


def test_synonyms_and_their_names_compute_the_same() -> None:
    pairs = {"edge": ("replicate", "nearest"), "half-sample": ("symmetric",), "periodic": ("wrap", "circular")}
    for name, words in pairs.items():
        for word in words * 2:
            assert convolve(X, W, boundary=word).tolist() == convolve(X, W, boundary=name).tolist()


@pytest.mark.parametrize("wrong", [True, 1.0, "1", b"\x01", np.float64(1), (True,), [0.0]])
def test_remembered_axes_do_not_let_another_type_pass(wrong: Any) -> None:
    stack = np.arange(12).reshape(3, 4)
    for right in (1, (1,), [1], np.int64(1), -1):
        assert convolve(stack, W, axes=right).tolist() == [convolve(row, W).tolist() for row in stack]
        with pytest.raises(ConventionTypeError):
            convolve(stack, W, axes=wrong)


def test_one_data_type_does_not_answer_for_another() -> None:
    kinds = ["bool", "int8", "uint8", "int64", "uint64", "float16", "float32", ">f4", "float64", ">f8", "complex64"]
    for _ in range(2):
        for first in kinds:
            for second in kinds:
                x, w = np.array([1, 0, 1, 1]).astype(first), np.array([1, 0, 1]).astype(second)
                found = convolve(x, w)
                assert found.real.tolist() == [0, 2, 1, 1]
                assert found.dtype.isnative
    for dtype in (np.float32, "float32", np.dtype(">f4").newbyteorder("="), None, float, "f8", [("a", "f4")]):
        if isinstance(dtype, list):
            with pytest.raises(ConventionTypeError):
                convolve(X, W, dtype=dtype)
        else:
            expected = np.dtype(np.int64 if dtype is None else dtype)  # type: ignore[arg-type]
            assert convolve(X, W, dtype=dtype).dtype == expected


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64"])
def test_larger_integers_after_smaller_ones(dtype: str) -> None:
    kernel = np.ones((5, 5), dtype)
    for sample in (100, 2**24 + 1, 2**31 - 1, 3):
        signal = np.full((120, 130), sample, dtype)
        for wanted in (dtype, "int64", "int16"):
            limit = np.iinfo(wanted).max
            found = convolve(signal, kernel, dtype=wanted, overflow="saturate")
            assert found[50, 50] == min(25 * sample, limit)


def test_what_weighs_too_much_is_not_remembered() -> None:
    some: Remembered[int] = Remembered(10, heaviest=100)
    some.put("light", 1, 60)
    some.put("heavy", 2, 101)
    assert (some.get("light"), some.get("heavy")) == (1, None)


def test_elements_are_looked_at_every_time() -> None:
    small, large = np.array([1, 2]), np.array([2**62, 2**62])
    for _ in range(2):
        assert convolve(small, small).tolist() == [1, 4]
        with pytest.raises(ConventionError):
            convolve(large, large)
        assert convolve(large, [4, 0], overflow="wrap").tolist() == [0, 0]


def test_a_changed_plan_is_the_callers_own() -> None:
    x = np.ones(50)
    first = plan(x, x[:3])
    kept = dict(first.costs)
    first.costs.clear()
    assert plan(x, x[:3]).costs == kept


def test_threads_share_what_is_remembered() -> None:
    random = Random(3)
    cases = [draw_case(random, ("int16", "int16"), work=2_000) for _ in range(60)]
    expected = [compute(case.convention, case.signal, case.kernel).tolist() for case in cases]

    def all_of_them(start: int) -> list[Any]:
        order = [(start + k) % len(cases) for k in range(len(cases))]
        found = {k: apply(cases[k].convention, cases[k].signal, cases[k].kernel).tolist() for k in order}
        return [found[k] for k in range(len(cases))]

    with ThreadPoolExecutor(16) as pool:
        assert all(found == expected for found in pool.map(all_of_them, range(16)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_goes_on_with_them() -> None:
    expected = correlate(X, W, size="full").tolist()
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, str(correlate(X, W, size="full").tolist()).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        assert answer.read() == str(expected)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("few", [0, 10**9])
def test_small_jobs_are_summed_alike_in_every_way(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    ways: set[str] = set()

    def counting(way: Any) -> Any:
        def counted(*arguments: Any) -> Any:
            ways.add(way.__name__)
            return way(*arguments)

        return counted

    for way in (_at_once, _in_line):
        monkeypatch.setattr(f"convention.engine.direct.{way.__name__}", counting(way))
    monkeypatch.setattr("convention.engine.direct._FEW", few)
    monkeypatch.setattr("convention.engine.direct._BLOCK", 7)
    random = Random(few)
    for _ in range(200):
        case = draw_case(random, ("int16", "int16"), work=6_000)
        assert apply(case.convention, case.signal, case.kernel).tolist() == compute(*vars(case).values()).tolist()
        batch = np.stack([case.signal, case.signal + 1])
        found = apply(case.convention, batch, case.kernel, axes=tuple(range(1, batch.ndim)))
        assert found[1].tolist() == compute(case.convention, batch[1], case.kernel).tolist()
    assert ways == {"_at_once" if few else "_in_line"}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_lines_do_not_leak_and_do_not_warn(bad: float) -> None:
    x = np.ones((60, 60), np.float32)
    x[7, 59], x[8, 0] = bad, -bad
    w = np.ones((3, 5), np.float32)
    with np.errstate(all="raise", invalid="ignore"):
        found = convolve(x, w)
    touched = np.zeros((60, 60), bool)
    touched[6:9, 57:] = touched[7:10, :3] = True
    assert (np.isfinite(found) == ~touched).all()
    x[7, 59], x[8, 0] = 3e38, 3e38  # too much together, but never in one window
    with np.errstate(all="raise"):
        assert np.isfinite(convolve(x, w)).all()


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_tensors_that_torch_follows_are_not_summed_behind_its_back() -> None:
    torch = pytest.importorskip("torch", reason="the engine's torch side needs torch")
    forward_ad = torch.autograd.forward_ad
    x, w = torch.arange(1.0, 7.0), torch.tensor([1.0, 0.0, 5.0])
    expected = convolve(x.numpy(), w.numpy()).tolist()
    assert convolve(x, w).tolist() == expected
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(convolve(forward_ad.make_dual(x, torch.ones(6)), w)).tangent
        assert tangent.tolist() == convolve(torch.ones(6), w).tolist()
    assert torch.func.jvp(lambda x: convolve(x, w), (x,), (torch.ones(6),))[1].tolist() == tangent.tolist()
    assert torch.func.grad(lambda w: convolve(x, w).sum())(w).shape == w.shape
    with torch.no_grad():
        assert convolve(x.clone().requires_grad_(), w).tolist() == expected
    z = torch.tensor([1 + 2j, 3 - 1j]).conj()
    assert convolve(z, z).tolist() == convolve(z.resolve_conj().numpy(), z.resolve_conj().numpy()).tolist()
    assert convolve(x[:1].expand(6), w).tolist() == convolve(np.ones(6), w.double().numpy()).tolist()
