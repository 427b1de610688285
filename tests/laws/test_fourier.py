"""The Fourier method: tiles of any length give the same sums, within the stated bound, in little memory."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from math import log2, prod
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from convention import Convention, convolve
from convention.boundary import BOUNDARIES, index_map
from convention.engine import fourier as module
from convention.engine import spectra as spectra_module
from convention.engine.compiled import overlap
from convention.engine.compiled.overlap import Cut
from convention.engine.fourier import fourier, fourier_cost
from convention.engine.job import Job, new_job
from convention.engine.spectra import Spectra
from convention.engine.tiles import AxisTiling, Tile, Tiling, pieces, tiling_of
from convention.errors import ConventionValueError
from convention.geometry import Window, dilated_extent
from convention.reference import compute as reference
from draws import COMPLEX, draw_array, draw_case, draw_convention

CORRELATION = Convention(reversed_axes="none")


@pytest.fixture(params=["compiled", "scipy"])
def loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whose transforms: ours, or SciPy's for what ours do not do."""
    if request.param == "scipy":
        monkeypatch.setattr(module, "compiled_cut", lambda job: None)
    return str(request.param)


def compute(convention: Convention, signal: Any, kernel: Any) -> Any:
    found = reference(convention, signal, kernel)
    return found.astype(np.complex128 if any(map(np.iscomplexobj, (signal, kernel))) else np.float64)


def sums_of(job: Job, total: Any = None) -> Any:
    kernel = job.library.converted(job.kernel, job.sum_dtype)
    if job.conjugate and job.library.kind(job.sum_dtype) == "c":
        kernel = kernel.conj()
    return fourier(job, job.signal, kernel, total)


def bound_of(job: Job, points: int) -> float:
    """Return the bound that the method states, for the points of one transform."""
    largest = max(np.abs(job.signal).max(initial=0).astype(float), *(abs(value) for value in job.values))
    weight = np.abs(job.kernel).astype(float).sum(axis=tuple(range(-len(job.windows), 0))).max()
    return float(8 * np.finfo(job.sum_dtype).eps * log2(points) * weight * largest)


def points_of(job: Job) -> int:
    cut = module.compiled_cut(job)
    return cut.points if cut is not None else prod(axis.length for axis in module._tiling(job).axes)


def drawn_tiling(random: Random, job: Job) -> Tiling:
    """Draw any tiling that is right, fast or not."""
    axes = []
    for window, rule in zip(job.windows, job.rules):
        plain = window.upsample == 1 and (window.outputs - 1) * window.stride < window.signal
        if rule == "periodic" and plain and window.signal > 1 and random.random() < 0.7:
            axes.append(AxisTiling(window.signal, window.outputs, 1, True))
            continue
        outputs = random.randint(1, window.outputs)
        least = (outputs - 1) * window.stride + dilated_extent(window.kernel, window.dilation)
        length = max(2, least) + random.choice([0, 0, 1, 5])
        axes.append(AxisTiling(length, outputs, -(-window.outputs // outputs), False))
    items = prod(job.sums_shape[: -len(axes)]) * prod(axis.tiles for axis in axes)
    stack, threads, inner = random.randint(1, 5), random.randint(1, 3), random.randint(1, 2)
    return Tiling(tuple(axes), items, stack, threads, inner, random.random() < 0.7, 1.0)


def drawn_cut(random: Random, job: Job) -> Cut | None:
    """Draw any cut that is right, fast or not."""
    ndim, lanes = len(job.windows), overlap.VECTOR // np.dtype(job.sum_dtype.char.lower()).itemsize
    steps = overlap._steps(ndim, lanes)
    axes = []
    for window, rule, step in zip(job.windows, job.rules, steps):
        lengths = overlap._lengths(step)
        plain = (window.outputs - 1) * window.stride < window.signal
        if rule == "periodic" and plain and window.signal in lengths and random.random() < 0.8:
            axes.append(AxisTiling(window.signal, window.outputs, 1, True))
            continue
        outputs = random.randint(1, window.outputs)
        least = (outputs - 1) * window.stride + dilated_extent(window.kernel, window.dilation)
        length = random.choice([n for n in lengths if n >= least][: random.randint(1, 6)])
        axes.append(AxisTiling(length, outputs, -(-window.outputs // outputs), False))
    folds = 0
    if ndim == 1:
        n = axes[0].length
        folds = random.choice([m for m in overlap._lengths(lanes) if n % m == 0 and (n // m) % max(lanes, 8) == 0])
    batch, tiles = prod(job.sums_shape[:-ndim]), prod(axis.tiles for axis in axes)
    units = batch * (tiles if job.sum_dtype.kind == "c" else -(-tiles // 2))
    return Cut(tuple(axes), folds, batch * tiles, units, random.randint(1, 3), 1.0)


def check_cuts(monkeypatch: pytest.MonkeyPatch, count: int, seed: int, wrong_by: float = 0.0) -> None:
    random = Random(seed)
    done = 0
    while done < count:
        names = ("float32", "float64", *COMPLEX)
        case = draw_case(random, (random.choice((*names, "uint8", "float16")), random.choice(names)), work=15_000)
        job = new_job(case.convention, case.signal, case.kernel)
        if 0 in job.sums_shape or module.compiled_cut(job) is None:
            continue
        cut = drawn_cut(random, job)
        with monkeypatch.context() as patch:
            patch.setattr(module, "compiled_cut", lambda _, cut=cut: cut)
            found = sums_of(job)
        wide = [np.complex128 if np.iscomplexobj(array) else np.float64 for array in (case.signal, case.kernel)]
        expected = compute(case.convention, case.signal.astype(wide[0]), case.kernel.astype(wide[1]))
        assert found.shape == expected.shape
        assert found.dtype == job.sum_dtype
        bound = bound_of(job, cut.points)
        assert (abs(found - expected) + wrong_by * bound <= bound).all(), (case, cut)
        done += 1


def test_every_cut_gives_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    check_cuts(monkeypatch, 250, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_every_cut_gives_the_sums_at_length(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    check_cuts(monkeypatch, 1_500, seed)


def test_the_bound_of_a_cut_is_refused_when_it_is_exceeded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        check_cuts(monkeypatch, 5, seed=1, wrong_by=1.01)


def check_tilings(monkeypatch: pytest.MonkeyPatch, count: int, seed: int, wrong_by: float = 0.0) -> None:
    random = Random(seed)
    monkeypatch.setattr(module, "compiled_cut", lambda job: None)
    for _ in range(count):
        names = ("float32", "float64", *COMPLEX)
        case = draw_case(random, (random.choice((*names, "uint8", "float16")), random.choice(names)), work=15_000)
        job = new_job(case.convention, case.signal, case.kernel)
        if 0 in job.sums_shape:
            continue
        with monkeypatch.context() as patch:
            tilings: list[Tiling] = []
            patch.setattr(module, "_tiling", lambda job, to=tilings: to.append(drawn_tiling(random, job)) or to[-1])
            found = sums_of(job)
        (tiling,) = tilings
        wide = [np.complex128 if np.iscomplexobj(array) else np.float64 for array in (case.signal, case.kernel)]
        expected = compute(case.convention, case.signal.astype(wide[0]), case.kernel.astype(wide[1]))
        assert found.shape == expected.shape
        assert found.dtype == job.sum_dtype
        bound = bound_of(job, prod(axis.length for axis in tiling.axes))
        assert (abs(found - expected) + wrong_by * bound <= bound).all(), (case, tiling)


def test_every_tiling_gives_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    check_tilings(monkeypatch, 250, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_every_tiling_gives_the_sums_at_length(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    check_tilings(monkeypatch, 1_500, seed)


def test_the_bound_is_refused_when_it_is_exceeded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        check_tilings(monkeypatch, 5, seed=1, wrong_by=1.01)


@pytest.mark.parametrize("rule", BOUNDARIES)
def test_pieces_are_the_index_map(rule: str) -> None:
    random = Random(3)
    for _ in range(400):
        n, upsample, start, samples = (
            random.randint(1, 7),
            random.randint(1, 3),
            random.randint(-25, 20),
            random.randint(1, 30),
        )
        if rule in ("zero", "constant"):
            n = random.randint(0, 7)
        window = Window(n, 1, 0, 0, 1, 1, upsample)
        found = np.full(samples, -9)
        for piece in pieces(window, rule, Tile(0, 1, start, samples), circular=False):
            assert (found[piece.into] == -9).all()
            found[piece.into] = -1 if piece.source is None else np.arange(n)[piece.source]
        positions = start + np.arange(samples)
        inserted = positions % upsample != 0
        assert (found == np.where(inserted, -9, index_map(rule, positions // upsample, n))).all()


def adversarial(dtype: str, shape: tuple[int, ...], name: str) -> Any:
    rng = np.random.default_rng(4)
    x = rng.standard_normal(shape)
    if name == "range":  # over fifteen decades
        x *= 10.0 ** rng.uniform(-8, 7, shape)
    elif name == "spike":
        x *= 1e-7
        x[tuple(n - 2 for n in shape)] = 3e6
    elif name == "alternating":
        x = 1e6 * (-1.0) ** np.indices(shape).sum(axis=0)
    elif name == "constant":
        x[...] = 1234.567
    elif name == "growing":
        x = np.abs(x) * np.exp(np.linspace(-30, 10, x.size)).reshape(shape)
    return x.astype(dtype)


def exact(job: Job) -> Any:
    """Return the cross-correlation of the extended signal in extended precision, tap by tap."""
    from convention.engine.extension import extend

    signal = extend(job.library, job.signal.astype(np.longdouble), job.windows, job.rules, job.values)
    total = np.zeros(job.sums_shape, np.longdouble)
    for tap in np.ndindex(*(window.kernel for window in job.windows)):
        place = tuple(
            slice(t * w.dilation, t * w.dilation + (w.outputs - 1) * w.stride + 1, w.stride)
            for t, w in zip(tap, job.windows)
        )
        total += job.kernel[tap].astype(np.longdouble) * signal[place]
    return total


PATTERNS = ["range", "spike", "alternating", "constant", "growing"]


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(
    ("shape", "taps", "fields"),
    [
        ((30_000,), (257,), {}),
        ((4_096,), (100,), {"boundary": "periodic", "stride": 3}),
        ((300, 210), (23, 15), {"boundary": "half-sample"}),
        ((256, 250), (15, 9), {"boundary": "periodic"}),
        ((50, 40, 60), (5, 3, 7), {"boundary": "edge", "dilation": 2}),
    ],
)
def test_adversarial_numbers_keep_the_bound(dtype: str, pattern: str, shape: Any, taps: Any, fields: Any) -> None:
    convention = Convention(reversed_axes="none", **fields)
    for other in ("range", "constant", "growing"):
        job = new_job(convention, adversarial(dtype, shape, pattern), adversarial(dtype, taps, other))
        assert np.abs(sums_of(job) - exact(job)).max() <= bound_of(job, points_of(job))


@pytest.mark.parametrize("kernels", [(), (1, 1), (4,), (3, 1), (3, 4)])
@pytest.mark.parametrize("stored", [(3, 4), (1, 4), (3, 1)])
@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.usefixtures("loops")
def test_batches(monkeypatch: pytest.MonkeyPatch, kernels: Any, stored: Any, keeps: bool) -> None:
    rng = np.random.default_rng(5)
    x, w = rng.standard_normal((*stored, 40, 30)), rng.standard_normal((*kernels, 7, 6))
    job = new_job(CORRELATION, x, w, axes=(-2, -1))
    tiling = drawn_tiling(Random(6), job)._replace(keeps_spectra=keeps)
    monkeypatch.setattr(module, "_tiling", lambda _: tiling)
    monkeypatch.setattr(overlap, "_SPECTRA", overlap._SPECTRA if keeps else 100_000)
    found = sums_of(job)
    shape = np.broadcast_shapes(stored, kernels)
    signals, weights = np.broadcast_to(x, (*shape, 40, 30)), np.broadcast_to(w, (*shape, 7, 6))
    assert found.shape == (*shape, 40, 30)
    for entry in np.ndindex(*shape):
        expected = compute(CORRELATION, signals[entry], weights[entry])
        np.testing.assert_allclose(found[entry], expected, atol=1e-12)


def test_many_kernels_are_not_all_kept() -> None:
    window = Window(1000, 300, 150, 149, 1, 1, 1)
    assert tiling_of((window,) * 2, ("zero",) * 2, "d", 2, 2, 2).keeps_spectra
    assert not tiling_of((window,) * 2, ("zero",) * 2, "d", 500, 500, 2).keeps_spectra


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("boundary", ["zero", "whole-sample", "periodic"])
def test_how_a_signal_is_stored_changes_nothing(boundary: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    convention = Convention(boundary=boundary)
    x, w = rng.standard_normal((256, 240)), rng.standard_normal((9, 12))
    expected = sums_of(new_job(convention, x, w))
    mapped = np.memmap(tmp_path / "signal", np.float64, "w+", shape=x.shape)
    mapped[...] = x
    read_only = x.copy()
    read_only.flags.writeable = False
    stores = [
        np.asfortranarray(x),
        x[::-1, ::-1].copy()[::-1, ::-1],
        np.repeat(x, 2, 1)[:, ::2],
        x.astype(">f8"),
        mapped,
        read_only,
    ]
    for stored in stores:
        before = stored.copy()
        found = sums_of(new_job(convention, stored, w))
        np.testing.assert_allclose(found, expected, atol=1e-11)
        assert (stored == before).all()


@pytest.mark.usefixtures("loops")
def test_sums_are_written_into_any_array() -> None:
    x, w = np.random.default_rng(7).standard_normal((2, 300, 310)).astype(np.float32), np.ones((5, 30, 20), np.float32)
    job = new_job(Convention(), x[0], w[0])
    expected = sums_of(job)
    total = np.zeros((310, 300), np.float64).T
    assert sums_of(job, total) is total
    assert (total == expected).all()


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("boundary", ["zero", "periodic"])
@pytest.mark.parametrize(
    ("shape", "taps"), [((2_500, 2_400), (63, 63)), ((6_000_000,), (1_023,)), ((160, 160, 162), (11, 11, 11))]
)
def test_memory_stays_small(boundary: str, shape: Any, taps: Any) -> None:
    x, w = np.ones(shape, np.float32), np.ones(taps, np.float32)
    job = new_job(Convention(boundary=boundary), x, w)
    gc.collect()
    tracemalloc.start()
    try:
        sums = sums_of(job)
        assert tracemalloc.get_traced_memory()[1] <= sums.nbytes + 64 * 2**20
    finally:
        tracemalloc.stop()


def test_a_spectrum_is_kept_and_never_mistaken(monkeypatch: pytest.MonkeyPatch, loops: str) -> None:
    kept = Spectra(2**20)
    monkeypatch.setattr(module, "spectra", kept)
    monkeypatch.setattr(overlap, "spectra", kept)
    rng = np.random.default_rng(8)
    x, w = rng.standard_normal(500), rng.standard_normal(20)
    first = sums_of(new_job(Convention(), x, w))
    assert len(kept.kept) == 1
    assert (sums_of(new_job(Convention(), x, w)) == first).all()
    assert len(kept.kept) == 1
    w *= 2  # in place: the same array, other taps
    np.testing.assert_allclose(sums_of(new_job(Convention(), x, w)), 2 * first, atol=1e-12)
    for fields in ({"reversed_axes": "none"}, {"dilation": 2}, {"boundary": "periodic"}):
        convention = Convention(**{"reversed_axes": "all", **fields})
        np.testing.assert_allclose(sums_of(new_job(convention, x, w)), compute(convention, x, w), atol=1e-12)
    assert len(kept.kept) == (5 if loops == "scipy" else 4)  # our tiles of a periodic signal are like any others


def test_spectra_take_no_more_than_their_limit() -> None:
    kept = Spectra(100_000)
    for number in range(40):
        kept.get(np.full(3, number, np.float64), "some way", lambda: np.ones(500))
        assert kept.size == sum(one.nbytes for one in kept.kept.values()) <= 100_000
    kept.get(np.ones(3), "some way", lambda: np.ones(50_000))
    assert all(one.nbytes < 100_000 for one in kept.kept.values())
    with pytest.raises(ValueError, match="read-only"):
        kept.get(np.full(3, 39.0), "some way", lambda: np.ones(500))[0] = 1


@pytest.mark.usefixtures("loops")
def test_sixteen_threads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    few = Spectra(200_000)  # so that spectra come and go
    for user_of_spectra in (module, overlap):
        monkeypatch.setattr(user_of_spectra, "spectra", few)
    rng = np.random.default_rng(9)
    x = rng.standard_normal((220, 230))
    kernels = [rng.standard_normal((5 + n, 9)) for n in range(16)]
    expected = [sums_of(new_job(Convention(), x, w)) for w in kernels]
    wrong: list[int] = []

    def user(start: int) -> None:
        for step in range(16):
            n = (start + step) % 16
            if not (sums_of(new_job(Convention(), x, kernels[n])) == expected[n]).all():
                wrong.append(n)

    users = [threading.Thread(target=user, args=(n,)) for n in range(16)]
    for one in users:
        one.start()
    for one in users:
        one.join(60)
    assert not wrong
    assert spectra_module.spectra is not module.spectra


def test_the_cost_needs_no_data_and_grows() -> None:
    costs = []
    for n in (10_000, 100_000, 1_000_000):
        x = np.broadcast_to(np.float32(0), (n,))
        costs.append(fourier_cost(new_job(Convention(), x, np.ones(101, np.float32))))
    assert 0 < costs[0] < costs[1] < costs[2]
    wide = fourier_cost(new_job(Convention(), np.broadcast_to(0.0, (1_000_000,)), np.ones(101)))
    assert wide > costs[2]


@pytest.mark.usefixtures("loops")
def test_a_signal_repeated_over_and_over() -> None:
    random = Random(10)
    for _ in range(20):
        convention = draw_convention(random, 2)
        x, w = draw_array(random, (2, 3), "float64"), draw_array(random, (45, 2), "float64")
        job = new_job(convention, x, w)
        if 0 not in job.sums_shape:
            np.testing.assert_allclose(sums_of(job), compute(convention, x, w), atol=1e-9)


def test_torch_tensors_keep_their_gradients() -> None:
    torch = pytest.importorskip("torch", reason="gradients are torch's")
    x = torch.randn(3, 12, dtype=torch.float64, requires_grad=True)
    w = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)

    def sums(x: Any, w: Any) -> Any:
        return sums_of(new_job(Convention(boundary="periodic", dilation=(1, 2), stride=(1, 2)), x, w))

    assert torch.autograd.gradcheck(sums, (x, w))
    expected = compute(
        Convention(boundary="periodic", dilation=(1, 2), stride=(1, 2)), x.detach().numpy(), w.detach().numpy()
    )
    np.testing.assert_allclose(sums(x, w).detach().numpy(), expected, atol=1e-12)


@pytest.mark.usefixtures("loops")
def test_signals_of_a_batch_do_not_touch() -> None:
    rng = np.random.default_rng(11)
    x, w = rng.standard_normal((3, 96, 96)).astype(np.float32), rng.standard_normal((1, 31, 31)).astype(np.float32)
    x[1], x[2] = 0, x[2] * 1e-6
    together = sums_of(new_job(Convention(), x, w, axes=(-2, -1)))
    assert (together[1] == 0).all()
    alone = sums_of(new_job(Convention(), x[2], w[0]))
    assert np.abs(together[2] - alone).max() <= 1e-6 * np.abs(alone).max()


@pytest.mark.parametrize("kernel", ["faint", "faint beside others"])
def test_taps_that_would_lose_digits(kernel: str) -> None:
    x = np.random.default_rng(12).standard_normal((2, 200_000)).astype(np.float32)
    w = np.random.default_rng(13).standard_normal((2, 3_001)).astype(np.float32)
    w[0] *= 1e-38
    x[0] *= 1e25
    if kernel == "faint":
        x, w = x[:1], w[:1]
    found = convolve(x, w, axes=-1)
    exact = convolve(x.astype(float), w.astype(float), axes=-1, method="fourier")
    for one, true in zip(found, exact):
        assert np.abs(one - true).max() <= 1e-5 * np.abs(true).max()
    with pytest.raises(ConventionValueError, match="lose digits"):
        convolve(x, w, axes=-1, method="fourier")


@pytest.mark.usefixtures("loops")
def test_large_samples_and_small_taps() -> None:
    x, w = np.full(100_000, 1e306), np.full(2_001, 1e-9)
    for upsample in (1, 2):
        assert np.isfinite(convolve(x, w, upsample=upsample)).all()


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    rng = np.random.default_rng(14)
    for shape, taps in (((300_000,), (3_001,)), ((700, 700), (61, 61))):
        x, w = rng.standard_normal(shape), rng.standard_normal(taps)
        assert (convolve(x, w, workers=1) == convolve(x, w)).all()
