"""The benchmark refuses wrong results, wrong data types and thinned-out grids; its arithmetic is checked by hand."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import contest as contests  # noqa: E402
from benchmarks import report, session  # noqa: E402
from benchmarks.cells import CELLS, GRID, Cell, missing_values  # noqa: E402
from benchmarks.contest import Contender, Entry, Record, contest  # noqa: E402
from benchmarks.judging import judge  # noqa: E402
from benchmarks.limits import Limits, limit_of  # noqa: E402
from benchmarks.ours import our_contender  # noqa: E402
from benchmarks.problems import new_problem  # noqa: E402
from benchmarks.targets import geometric_mean, targets_of  # noqa: E402
from benchmarks.truth import index_map, truth_of  # noqa: E402

from convention import Convention  # noqa: E402
from convention.reference import compute as reference  # noqa: E402

SMALL = Cell("a panel", "a row", "2-D", (20, 17), 5)


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(contests, "_BUDGET", 0.0)


def right(problem):
    cell = problem.cell
    fields = {"size": cell.size, "boundary": cell.boundary, "stride": cell.stride, "dilation": cell.dilation}
    wide = problem.signal.astype(np.float64), problem.kernel.astype(np.float64)
    planes = [wide] if not cell.batch else list(zip(wide[0], wide[1] if cell.kind == "depthwise" else [wide[1]] * 99))
    sums = np.stack([np.asarray(reference(Convention(**fields), x, w)) for x, w in planes])
    return (sums if cell.batch else sums[0]).astype(problem.dtype)


def outcome(problem, ours, *peers):
    return contest(
        problem,
        Contender("convention", "", lambda: ours),
        [Contender("peer", str(number), lambda peer=peer: peer) for number, peer in enumerate(peers)],
        reps=2,
    )


# --- the grid -------------------------------------------------------------------------------------------------------


def test_every_value_of_the_grid_is_in_three_cells():
    assert missing_values(CELLS) == []
    assert 140 <= len(CELLS) <= 180
    assert 25 <= sum(cell.quick for cell in CELLS) <= 35


@pytest.mark.parametrize("axis", GRID)
def test_a_grid_that_lacks_a_value_is_refused(axis):
    kind, _, what = axis.rpartition(" ")

    def has(cell, value):
        if kind:
            return cell.kind == kind and (cell.shape if what == "signal" else cell.taps) == value
        return getattr(cell, what) == value

    for value in GRID[axis]:
        thinned = [cell for cell in CELLS if not has(cell, value)]
        assert f"{axis} {value}: in 0 cells" in missing_values(thinned)


def test_a_cell_that_occurs_twice_is_refused():
    assert missing_values([*CELLS, CELLS[0]]) == [f"{CELLS[0].name}: 2 times"]


# --- the sums that results are held against -------------------------------------------------------------------------


@pytest.mark.parametrize("border", GRID["border"])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"stride": 2},
        {"dilation": 2},
        {"kind": "1-D", "shape": (3, 40)},
        {"kind": "3-D", "shape": (8, 9, 7), "taps": 3},
        {"kind": "depthwise", "shape": (3, 9, 8)},
    ],
    ids=str,
)
def test_the_sampled_sums_are_the_references(border, fields):
    problem = new_problem(replace(SMALL, border=border, dtype="f64", **fields))
    truth = truth_of(problem)
    expected = right(problem)
    assert expected.shape == problem.output_shape
    np.testing.assert_allclose(truth.values, expected[truth.positions], rtol=1e-12, atol=1e-12)
    near = [len(set(positions.tolist())) for positions in truth.positions]
    assert near[-1] == problem.output_shape[-1]


def test_the_index_map_by_hand():
    assert index_map(3, 2, "zero").tolist() == [-1, -1, 0, 1, 2, -1, -1]
    assert index_map(3, 2, "half-sample").tolist() == [1, 0, 0, 1, 2, 2, 1]
    assert index_map(3, 2, "whole-sample").tolist() == [2, 1, 0, 1, 2, 1, 0]
    assert index_map(3, 2, "edge").tolist() == [0, 0, 0, 1, 2, 2, 2]
    assert index_map(3, 2, "periodic").tolist() == [1, 2, 0, 1, 2, 0, 1]


# --- results --------------------------------------------------------------------------------------------------------


def test_a_right_result_is_accepted_and_wrong_ones_are_refused():
    problem = new_problem(SMALL)
    good = right(problem)
    reversed_ = right(replace(problem, kernel=problem.weights))
    nan = good.copy()
    nan[0, 0] = np.nan
    record = outcome(problem, good, good.copy(), reversed_, good * 1.001, good.astype(np.float64), good[:-1], nan)
    assert record.ours.counts
    accepted, *refused = record.entries[1:]
    assert accepted.counts
    assert accepted.error < 1e-6
    assert record.best is accepted
    why = [entry.refusal for entry in refused]
    assert not any(entry.counts for entry in refused)
    assert why[0].startswith("error")
    assert why[1].startswith("error")
    assert why[2] == "dtype float64 instead of float32"
    assert why[3].startswith("shape (19, 17)")
    assert why[4].startswith("error nan")


def test_a_wrong_result_of_ours_is_refused_and_has_no_ratio():
    problem = new_problem(SMALL)
    good = right(problem)
    record = outcome(problem, good[::-1].copy(), good)
    assert not record.ours.counts
    assert record.ratio is None
    assert record.least_ratio is None
    assert record.best is not None


def test_an_output_that_was_not_sampled_is_held_against_a_peer():
    problem = new_problem(replace(SMALL, shape=(60, 60)))
    good = right(problem)
    sampled = np.zeros(good.shape, bool)
    sampled[truth_of(problem).positions] = True
    spoilt = good.copy()
    spoilt[tuple(np.argwhere(~sampled)[0])] += 1
    assert judge(problem, truth_of(problem), spoilt).refusal == ""
    assert "differs from peer 0" in outcome(problem, spoilt, good).ours.refusal


def test_integers_must_be_equal():
    problem = new_problem(replace(SMALL, dtype="u8", kernel_dtype="i32"))
    good = right(problem)
    assert good.dtype == np.int64
    off = good.copy()
    off[0, 0] += 1
    record = outcome(problem, good, good, off, good.astype(np.int32), good.astype(np.float32))
    assert [entry.counts for entry in record.entries] == [True, True, False, False, False]


def test_roundings_to_integers_may_be_either_neighbour_of_a_half_but_no_other():
    problem = new_problem(replace(SMALL, dtype="u8", kernel_dtype="f32", to="u8", kernel="gaussian"))
    truth = truth_of(problem)
    good = np.zeros(problem.output_shape, np.uint8)
    good[truth.positions] = np.rint(truth.values).clip(0, 255)
    assert judge(problem, truth, good).refusal == ""
    assert judge(problem, truth, good + np.uint8(1)).refusal.startswith("error")
    truncated = good.copy()
    truncated[truth.positions] = truth.values.clip(0, 255)
    assert judge(problem, truth, truncated).refusal.startswith("error")


def test_a_contender_that_raises_is_refused_with_its_reason():
    def fail():
        raise RuntimeError("no such border\nand more")

    problem = new_problem(SMALL)
    record = contest(problem, Contender("convention", "", lambda: right(problem)), [Contender("peer", "", fail)], 2)
    assert record.entries[1].refusal == "RuntimeError: no such border"
    assert record.best is None
    assert record.ratio is None


# --- times ----------------------------------------------------------------------------------------------------------


class Clock:
    """A clock that contenders advance."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def contender(self, result, seconds, name="peer", **fields):
        calls = []

        def call():
            calls.append(self.now)
            self.now += seconds
            return result

        return Contender(name, f"{seconds:g}", call, **fields), calls


def timed(problem, mine, *peers, reps=7, **fields):
    clock, good = Clock(), right(problem)
    ours, _ = clock.contender(good, mine, "convention")
    others = [clock.contender(good, seconds, **fields) for seconds in peers]
    return contest(problem, ours, [o for o, _ in others], reps, clock), [len(calls) for _, calls in others]


def test_the_ratio_is_the_best_peers_median_over_ours():
    record, _ = timed(new_problem(SMALL), 0.01, 0.03, 0.04, 0.5)
    assert record.best.name == "peer 0.03"
    assert record.ratio == pytest.approx(3)
    assert record.least_ratio == pytest.approx(3)
    assert [len(entry.times) for entry in record.entries] == [7, 7, 7, 1]
    assert [entry.in_field for entry in record.entries] == [True, True, True, False]


def test_medians_and_least_times():
    ours, peer = Entry("convention", "", times=[1.0, 2.0, 9.0]), Entry("cv2", "filter2D", times=[3.0, 4.0, 5.0])
    slow = Entry("cv2", "filter2D, slow", times=[8.0])
    wrong = Entry("torch", "", refusal="error", times=[0.1])
    record = Record("a cell", [ours, slow, peer, wrong], limit=1.0)
    assert record.ratio == 2.0
    assert record.least_ratio == 3.0
    assert record.best is peer
    assert record.of("cv2 filter2D") is peer
    assert record.of("torch") is None
    # one outside of the field was tried on a whim of the machine: it decides nothing
    peer.in_field, slow.times = True, [0.5]
    assert record.best is peer
    assert record.of("cv2") is slow
    assert record.fraction == 0.5
    record.limit = 3.0
    assert record.fraction == 1.0
    assert geometric_mean([1, 2, 4]) == pytest.approx(2)
    assert math.isnan(geometric_mean([]))


def test_long_calls_are_capped_and_hopeless_ones_left_out():
    problem = new_problem(SMALL)
    record, calls = timed(problem, 2.0, 12.0)
    assert (calls, record.entries[1].times) == ([1], [12.0])
    record, calls = timed(problem, 2.0, 4.0)
    assert (calls, len(record.entries[1].times)) == ([4], 3)
    # the second is predicted to take a hundred seconds, and the first is already there
    record, calls = timed(problem, 2.0, 0.1, 0.2, nanoseconds=100e9 / (problem.outputs * 25))
    assert calls[1] == 0
    assert record.entries[2].refusal.startswith("not run: predicted to take over 100")
    assert not record.entries[2].counts


def test_a_first_call_that_compiles_is_no_time_of_a_call():
    problem, clock = new_problem(SMALL), Clock()
    good = right(problem)

    def compiled(**fields):
        calls = []

        def call():
            clock.now += 0.01 if calls else 60.0
            calls.append(clock.now)
            return good

        return Contender("convention", "", call, **fields)

    peer, _ = clock.contender(good, 0.03)
    assert contest(problem, compiled(compiles=True), [peer], 7, clock).ours.times == pytest.approx([0.01] * 7)
    assert contest(problem, compiled(), [peer], 7, clock).ours.times == pytest.approx([60.0])
    assert our_contender(problem).compiles


def test_rounds_begin_with_another_contender_each():
    problem, clock = new_problem(SMALL), Clock()
    good, order = right(problem), []

    def named(name):
        def call():
            order.append(name)
            clock.now += 0.01
            return good

        return Contender(name, "", call)

    contest(problem, named("a"), [named("b"), named("c")], 3, clock)
    # each measurement is one call to wake up and one that counts
    assert "".join(order).endswith("aabbccbbccaaccaabb")


# --- limits and goals -----------------------------------------------------------------------------------------------


def test_the_limit_by_hand():
    limits = Limits(copied=1e6, copied_by="", products=1e6, products_by="")
    problem = new_problem(replace(SMALL, shape=(10, 10), taps=3))
    assert limit_of(problem, "direct", limits) == pytest.approx(2 * 9 * 100 / 1e6)
    assert limit_of(problem, "direct", replace(limits, products=1e9)) == pytest.approx(2 * 4 * 100 / 1e6)
    double = new_problem(replace(SMALL, shape=(10, 10), taps=3, dtype="f64"))
    assert limit_of(double, "direct", limits) == pytest.approx(2 * 2 * 9 * 100 / 1e6)
    assert limit_of(problem, "fourier", limits) is None
    assert limit_of(new_problem(replace(SMALL, kernel="box")), "direct", limits) is None


def a_run(faster):
    return [
        Record(c.name, [Entry("convention", "", times=[1.0]), Entry("cv2", "filter2D", times=[faster])], "direct", 0.6)
        for c in CELLS
    ]


def test_goals_are_met_and_missed():
    probes = {
        "overhead": [{"taps": 3, "convention": 20.0, "numpy": 2.0}],
        "memory": [{"call": "a call", "beyond_mb": 10.0}],
        "first": [{"call": "", "warm": 1.0, "cold": 5.0, "warm_process": 2.0, "cold_process": 6.0}],
    }
    goals = targets_of(a_run(4.0), probes)
    assert [g.met for g in goals if "ndimage" not in g.goal] == [True] * (len(goals) - 1)
    assert next(g for g in goals if "ndimage" in g.goal).met is None
    probes = {
        "overhead": [{"taps": 3, "convention": 30.0, "numpy": 2.0}],
        "memory": [{"call": "a call", "beyond_mb": 65.0}],
        "first": [
            {"call": "", "warm": each, "cold": each, "warm_process": 2.0, "cold_process": 6.0} for each in (1, 7)
        ],
    }
    assert not any(g.met for g in targets_of(a_run(0.9), probes) if "fraction" not in g.goal)
    assert all(g.met is None for g in targets_of([], {}))


def test_one_slow_cell_and_one_wrong_result_miss_a_goal():
    records = a_run(4.0)
    large = next(i for i, c in enumerate(CELLS) if c.samples >= 10_000)
    records[large].entries[1].times = [0.99]
    assert targets_of(records, {})[0].met is False
    records = a_run(4.0)
    records[large].ours.refusal = "error 1, allowed 1e-05"
    assert targets_of(records, {})[0].met is False


# --- the page -------------------------------------------------------------------------------------------------------


def written(folder, records, load):
    run = {
        "environment": {
            "date": "2026-01-02",
            "commit": "abc",
            "cpu": "a CPU",
            "cores": 2,
            "memory_gb": 8,
            "system": "a system",
            "threads": 2,
            "versions": {"numpy": "2", "numba": None},
        },
        "limits": {"copied": 1e10, "copied_by": "1 thread", "products": 1e11, "products_by": "a loop"},
        "load": [load, 2.0],
        "reps": 7,
        "probes": {},
    }
    session._write(folder / "build" / "bench.json", run, records, 0.0)
    (folder / "docs" / "pictures").mkdir(parents=True)
    (folder / report.PAGE).write_text(
        "before\n<!-- benchmark -->\nstale\n<!-- /benchmark -->\nafter\n", encoding="utf-8"
    )
    assert report.main([str(folder / "build" / "bench.json")], folder) == 0
    return (folder / report.PAGE).read_text(encoding="utf-8"), (folder / report.PICTURE).read_text(encoding="utf-8")


def test_the_page_names_what_is_below_1_and_what_was_refused(tmp_path):
    records = a_run(4.0)
    records[0].entries[1].times = [0.999]
    records[1].ours.refusal = "error 1, allowed 1e-05"
    records[2].entries.append(Entry("torch", "conv", error=0.5, refusal="error 0.5, allowed 1e-05"))
    page, picture = written(tmp_path, records, 0.1)
    assert page.startswith("before\n")
    assert page.endswith("<!-- /benchmark -->\nafter\n")
    assert "stale" not in page
    assert f"| `{CELLS[0].name}` | 0.99 | 1 s (×1) | direct | cv2 filter2D | 999 ms (×1) |" in page
    assert "refused" in page
    assert "| torch conv | its error exceeds what is allowed | 1 |" in page
    assert "do not trust" not in page
    assert picture.count("<rect") == len(CELLS) + 1
    assert "0.99" in picture


def test_the_page_says_that_the_machine_was_busy(tmp_path):
    assert "do not trust these times" in written(tmp_path, a_run(4.0), 0.6)[0]


def test_what_a_run_writes_is_what_is_read(tmp_path):
    records = a_run(4.0)
    session._write(tmp_path / "run.json", {"load": [None, None]}, records, 0.0)
    assert session.read(tmp_path / "run.json")[1] == records


def test_the_real_page_has_its_markers():
    assert len(report._BLOCK.findall((ROOT / report.PAGE).read_text(encoding="utf-8"))) == 1


# --- the peers ------------------------------------------------------------------------------------------------------

TRIAL = """
from dataclasses import replace
from benchmarks.cells import CELLS
from benchmarks.contest import as_numpy
from benchmarks.judging import judge
from benchmarks.peers import peers_of
from benchmarks.problems import new_problem
from benchmarks.truth import truth_of

small = {"1-D": (3001,), "2-D": (41, 38), "depthwise": (5, 23, 26), "3-D": (15, 14, 13)}
seen = set()
for cell in CELLS:
    shape = (4, 1500) if cell.kind == "1-D" and cell.batch else small[cell.kind]
    if cell.kind == "2-D" and min(cell.shape) == 1 or cell.taps > 40 and cell.kind == "2-D":
        continue
    taps = min(cell.taps, {"1-D": 1023, "2-D": 15, "depthwise": 7, "3-D": 7}[cell.kind])
    cell = replace(cell, shape=shape, taps=taps)
    if cell.name in seen:
        continue
    seen.add(cell.name)
    problem = new_problem(cell)
    truth = truth_of(problem)
    for peer in peers_of(problem):
        try:
            refusal = judge(problem, truth, as_numpy(peer.call())).refusal
        except Exception as error:
            refusal = repr(error)[:200]
        if refusal:
            print(f"{cell.name}\\t{peer.name}\\t{refusal}")
"""


@pytest.mark.slow
def test_peers_are_called_rightly():
    """A peer that is refused in a small cell is one that we call wrongly, or one of those known to differ."""
    for library in ("torch", "cv2", "jax", "SimpleITK", "pyvips", "skimage"):
        pytest.importorskip(library, reason="the benchmark's peers")
    # in a process of its own: the peers' files set threads, precision and gradients for all
    done = subprocess.run([sys.executable, "-c", TRIAL], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    refused = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    # OpenCV blurs bytes with 8-bit fractions of a Gaussian's taps
    assert [line for line in refused if not ("u8*f32>u8" in line[0] and "GaussianBlur" in line[1])] == []
