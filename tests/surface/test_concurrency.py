"""Calls from many threads, from forked and spawned processes, and calls that are interrupted."""

from __future__ import annotations

import _thread
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import numpy as np
import pytest

from convention import convolve, correlate, plan
from convention.engine import threads


def numbers(*shape: int, dtype: str = "float32") -> Any:
    rng = np.random.default_rng(shape[0])
    return rng.integers(-9, 9, shape).astype(dtype)


LARGE, KERNEL = numbers(600, 700), numbers(7, 5)
LINE, LONG = numbers(60_000, dtype="float64"), numbers(4_000, dtype="float64")
JOBS: dict[str, Callable[[], Any]] = {
    "small": lambda: convolve(numbers(20, 9), KERNEL, boundary="edge"),
    "one thread": lambda: convolve(LARGE[:150, :151], KERNEL, boundary="periodic"),
    "all threads": lambda: correlate(LARGE, KERNEL, stride=(1, 2)),
    "separable": lambda: convolve(LARGE, np.outer(KERNEL[:, 0], np.arange(1, 12)).astype("float32")),
    "box": lambda: convolve(LARGE, np.ones((31, 33), "float32"), boundary="half-sample"),
    "integers": lambda: convolve(LARGE.astype("uint8"), KERNEL.astype("int16")),
    "fourier": lambda: convolve(LINE, LONG, boundary="edge", method="fourier"),
    "memory of its own": lambda: convolve(LARGE, KERNEL, out=np.empty_like(LARGE)),
}


@pytest.fixture(autouse=True)
def two_cpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two threads share work, however many processors there are."""
    pool = threads._Pool()
    pool.cpus = 2
    monkeypatch.setattr(threads, "_pool", pool)
    yield
    threads._pool.close()


def right() -> dict[str, Any]:
    return {name: job() for name, job in JOBS.items()}


def test_the_jobs_are_what_their_names_say() -> None:
    assert plan(numbers(20, 9), KERNEL).loops == "numpy"
    assert plan(LARGE[:150, :151], KERNEL).threads == 1
    assert plan(LARGE, KERNEL, convention="cross-correlation").threads == 2
    assert plan(LARGE, KERNEL).loops == "compiled"


def test_sixteen_threads_at_once() -> None:
    expected = right()
    ready = threading.Barrier(16)

    def user(seed: int) -> list[str]:
        random, wrong = Random(seed), []
        ready.wait(60)
        for _ in range(24):
            name = random.choice(list(JOBS))
            if not np.array_equal(JOBS[name](), expected[name]):
                wrong.append(name)
        return wrong

    with ThreadPoolExecutor(16) as users:
        assert list(users.map(user, range(16))) == [[]] * 16


def test_sixteen_threads_with_kernels_never_seen_before() -> None:
    """What is remembered of kernels and forms is filled, and emptied, from all threads."""

    def user(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        for number in range(20):
            kernel = rng.integers(-3, 4, (3, 3 + number % 2)).astype("float32")
            image = LARGE[: 200 + seed, : 200 + number]
            found = convolve(image, kernel, boundary="periodic", method="direct")
            expected = sum(
                kernel[i, j] * np.roll(image, (i - 1, j - (kernel.shape[1] - 1) // 2), (0, 1))
                for i in range(3)
                for j in range(kernel.shape[1])
            )
            if not np.array_equal(found, expected):
                return False
        return True

    with ThreadPoolExecutor(16) as users:
        assert all(users.map(user, range(16)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_computes_even_while_threads_do() -> None:
    expected = right()
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            JOBS["all threads"]()
            JOBS["fourier"]()

    workers = [threading.Thread(target=busy) for _ in range(3)]
    for worker in workers:
        worker.start()
    try:
        for _ in range(6):
            assert forked(expected) == 0
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert all(np.array_equal(job(), expected[name]) for name, job in JOBS.items())


def forked(expected: dict[str, Any]) -> int:
    """Compute everything in a fork; return how many results were wrong, or 99 after half a minute."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking where threads run is what is tested
        child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            wrong = sum(not np.array_equal(job(), expected[name]) for name, job in JOBS.items())
            os.write(writer, bytes([wrong]))
        finally:
            os._exit(0)
    os.close(writer)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if os.waitpid(child, os.WNOHANG)[0]:
            break
        time.sleep(0.01)
    else:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as answer:
        return (answer.read(1) or b"c")[0]


def _in_a_process(name: str) -> Any:
    return JOBS[name]()


def test_spawned_processes_compute() -> None:
    names = ["small", "all threads", "separable", "fourier"]
    with multiprocessing.get_context("spawn").Pool(2) as processes:
        found = processes.map(_in_a_process, names)
    for name, result in zip(names, found):
        assert np.array_equal(result, JOBS[name]())


def interrupted(job: Callable[[], Any], after: float, how: str) -> bool:
    """Run a job and interrupt it after some seconds; return whether it was still running."""
    timer: threading.Timer | None = None
    try:
        if how == "signal":
            before = signal.signal(signal.SIGALRM, signal.default_int_handler)
            signal.setitimer(signal.ITIMER_REAL, after)
        else:
            timer = threading.Timer(after, _thread.interrupt_main)
            timer.start()
        try:
            job()
            deadline = time.monotonic() + after + 10
            while time.monotonic() < deadline:  # the interrupt comes, sooner or later
                time.sleep(0.001)
        except KeyboardInterrupt:
            return True
        return False
    finally:
        if timer is not None:
            timer.join()
        if how == "signal":
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


WAYS = ["main", *(["signal"] if hasattr(signal, "setitimer") else [])]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("method", ["direct", "fourier"])
def test_after_an_interrupt_nothing_runs_and_everything_works(how: str, method: str) -> None:
    x, k = np.ones((3_000, 3_000), "float32"), np.ones((25, 27), "float32")
    expected = right()
    convolve(x[:600], k, method=method)  # compiled, and the pool is there
    out = np.zeros_like(x)
    before = threading.active_count()
    stopped = 0
    for wait in (0.01, 0.03, 0.06, 0.1):
        out[...] = -1
        done = []
        assert interrupted(lambda: done.append(convolve(x, k, out=out, method=method)), wait, how)  # noqa: B023
        left = out.copy()
        time.sleep(0.1)
        assert np.array_equal(left, out), "something still writes"
        stopped += not done and bool((left == -1).any())
        assert all(np.array_equal(job(), expected[name]) for name, job in JOBS.items())
        assert threading.active_count() <= before + 1
    assert stopped, "every call had ended before it was interrupted"
    assert convolve(x, k, out=out, method="direct") is out
    assert out[100, 100] == 25 * 27


def test_threads_do_not_grow_in_number() -> None:
    JOBS["all threads"]()
    before = threading.active_count()
    for name in ("all threads", "fourier", "separable", "one thread"):
        for _ in range(5):
            JOBS[name]()
    assert threading.active_count() <= before + 1


@pytest.mark.skipif(sys.platform == "win32", reason="ids of threads are Linux's here")
def test_workers_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[int] = set()
    run = threads._Pieces.work
    note = lambda self, bell: (used.add(threading.get_ident()), run(self, bell))[1]  # noqa: E731
    monkeypatch.setattr(threads._Pieces, "work", note)
    convolve(LARGE, KERNEL, workers=1)
    assert used == set()
    for _ in range(20):
        convolve(LARGE, KERNEL, workers=2)
    assert threading.get_ident() in used
    assert len(used) <= 2
    assert plan(LARGE, KERNEL, workers=1).threads == 1
