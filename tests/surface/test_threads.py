"""Our own threads: every task once, no deadlock, nothing left running after an error, an interrupt or a fork."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue

import numba
import numpy as np
import pytest

from convention.engine import threads
from convention.engine.compiled import sharing
from convention.engine.threads import in_parallel, in_pieces, usable_cpus


@pytest.fixture(autouse=True)
def four_cpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Four threads, however many processors there are."""
    pool = threads._Pool()
    pool.cpus = 4
    monkeypatch.setattr(threads, "_pool", pool)
    yield
    pool.close()


def all_numbers(count: int, workers: int | None = None) -> list[int]:
    done: list[int] = []
    in_parallel(done.append, count, workers)
    return sorted(done)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 100, 5_000])
@pytest.mark.parametrize("workers", [None, 1, 2, 50])
def test_every_number_is_done_once(count: int, workers: int | None) -> None:
    assert all_numbers(count, workers) == list(range(count))


@numba.njit(nogil=True)
def blocks_taken(pieces: int, bell: int, counts: object, work: int) -> int:
    """Count each block that is taken, and do something for a while."""
    status, waste = 0, 0.0
    for _ in range(sharing.begun(pieces, bell)):
        first, last = sharing.taken(pieces)
        if first == last:
            break
        for block in range(first, last):
            counts[block] += 1  # type: ignore[index]
            status |= 1 << block % 8
            for i in range(work):
                waste += i * 0.5
    return status if waste >= 0 else -1


@pytest.mark.parametrize("count", [1, 2, 3, 100, 5_000])
@pytest.mark.parametrize("workers", [1, 2, 50])
@pytest.mark.parametrize(("each", "several"), [(1, 1), (3, 2), (10_000, 1), (1, 10_000)])
@pytest.mark.parametrize("wake", [True, False])
def test_every_block_is_done_once(count: int, workers: int, each: int, several: int, wake: bool) -> None:
    for start in (0, count // 2):
        counts = np.zeros(count, np.int64)
        status = in_pieces(lambda p, b: blocks_taken(p, b, counts, 50), count, each, several, workers, wake, start)  # noqa: B023
        assert (counts[:start] == 0).all()
        assert (counts[start:] == 1).all()
        assert status == sum({1 << block % 8 for block in range(start, count)})


def test_a_thread_stays_awake_for_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_AWAKE", 0.05)
    counts, users, woken = np.zeros(400, np.int64), set(), []

    class Queue:
        def __init__(self, real: SimpleQueue[object]) -> None:
            self.real = real

        def get(self) -> object:
            return self.real.get()

        def put(self, one: object) -> None:
            woken.append(one)
            self.real.put(one)

    threads._pool.queue = Queue(threads._pool.queue)  # type: ignore[assignment]

    def work(pieces: int, bell: int) -> int:
        users.add(threading.get_ident())
        return int(blocks_taken(pieces, bell, counts, 20_000))

    limit = time.monotonic() + 30
    found = False
    while not found and time.monotonic() < limit:
        in_pieces(work, 400, 1, 1, 2, True)
        before = len(woken)
        users.clear()
        in_pieces(work, 400, 1, 1, 2, True)
        found = len(users) == 2 and len(woken) == before
    assert woken
    assert found, "no second call was shared without waking a thread"
    while threads._pool.awake and time.monotonic() < limit:
        time.sleep(0.01)
    assert not threads._pool.awake, "a thread looks out for ever"


def test_calls_in_a_row_wake_a_thread() -> None:
    counts = np.zeros(40, np.int64)
    users = set()

    def work(pieces: int, bell: int) -> int:
        users.add(threading.get_ident())
        return int(blocks_taken(pieces, bell, counts, 20_000))

    in_pieces(work, 40, 1, 1, 2, False)
    assert len(users) == 1, "one call alone wakes nobody"
    limit = time.monotonic() + 20
    while len(users) < 2 and time.monotonic() < limit:
        in_pieces(work, 40, 1, 1, 2, False)
    assert len(users) == 2


@pytest.mark.parametrize("bad", ["caller", "other"])
def test_an_error_among_pieces_is_raised_once_nothing_runs(bad: str) -> None:
    counts = np.zeros(4_000, np.int64)
    caller, running = threading.get_ident(), [0]

    def work(pieces: int, bell: int) -> int:
        running[0] += 1
        try:
            if (threading.get_ident() == caller) == (bad == "caller"):
                time.sleep(0.005)
                raise ZeroDivisionError
            return int(blocks_taken(pieces, bell, counts, 20_000))
        finally:
            running[0] -= 1

    with pytest.raises(ZeroDivisionError):
        in_pieces(work, 4_000, 1, 5, 4, True)
    assert running == [0]
    before = counts.sum()
    time.sleep(0.03)
    assert counts.sum() == before < 4_000


@pytest.mark.parametrize(("workers", "most"), [(None, 4), (3, 3), (2, 2), (1, 1), (50, 4)])
def test_as_many_threads_as_asked_for(workers: int | None, most: int) -> None:
    seen = set()

    def task(_: int) -> None:
        seen.add(threading.get_ident())
        time.sleep(0.001)

    in_parallel(task, 60, workers)
    assert len(seen) <= most
    together = threading.Barrier(most)
    in_parallel(lambda _: seen.add(together.wait(20)), most, workers)


def test_one_thread_makes_no_pool() -> None:
    all_numbers(10, workers=1)
    all_numbers(1)
    assert not threads._pool.threads


def test_nested_calls_end() -> None:
    done = []

    def inner(number: int) -> None:
        in_parallel(lambda other: in_parallel(lambda last: done.append((number, other, last)), 3), 3)

    in_parallel(inner, 12)
    assert len(set(done)) == len(done) == 12 * 9


def test_sixteen_threads_at_once() -> None:
    results: list[list[int]] = []

    def user() -> None:
        for _ in range(20):
            results.append(all_numbers(50))

    users = [threading.Thread(target=user) for _ in range(16)]
    for one in users:
        one.start()
    for one in users:
        one.join(60)
    assert results == [list(range(50))] * 320


@pytest.mark.parametrize("bad", range(0, 8))
def test_an_error_is_raised_once_nothing_runs(bad: int) -> None:
    running, begun = [0], []

    def task(number: int) -> None:
        running[0] += 1
        begun.append(number)
        try:
            time.sleep(0.002 if number == bad else 0.02)
            if number == bad:
                raise ZeroDivisionError(number)
        finally:
            running[0] -= 1

    with pytest.raises(ZeroDivisionError):
        in_parallel(task, 1_000)
    count = len(begun)
    assert running == [0]
    assert count < 40
    time.sleep(0.03)
    assert len(begun) == count
    assert all_numbers(20) == list(range(20))


def test_an_interrupt_leaves_nothing_running() -> None:
    running, begun = [0], []
    lock = threading.Lock()

    def task(number: int) -> None:
        with lock:
            running[0] += 1
        begun.append(number)
        try:
            time.sleep(0.005)
        finally:
            with lock:
                running[0] -= 1

    for delay in (0.005, 0.01, 0.02, 0.033):
        timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            in_parallel(task, 100_000)
        assert running == [0]
        count = len(begun)
        time.sleep(0.02)
        assert len(begun) == count
    assert all_numbers(20) == list(range(20))


def test_a_second_interrupt_waits_too() -> None:
    began, ended = threading.Semaphore(0), []

    def task(number: int) -> None:
        began.release()
        if threading.current_thread() is threading.main_thread():
            began.acquire()
            began.acquire()  # the other thread is at work
            signal.raise_signal(signal.SIGINT)
        else:
            time.sleep(0.2)
            ended.append(number)

    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        in_parallel(task, 2)
    assert len(ended) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    all_numbers(100)  # the parent's pool is there
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            all_numbers(10)

    user = threading.Thread(target=busy)
    user.start()
    try:
        for _ in range(20):
            child = os.fork()
            if not child:
                threads._pool.cpus = 4
                os._exit(0 if all_numbers(200) == list(range(200)) else 1)
            assert ended_well(child)
    finally:
        stop.set()
        user.join()


def ended_well(child: int) -> bool:
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status == 0
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def test_a_spawned_process_has_threads_of_its_own() -> None:
    all_numbers(100)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply_async(all_numbers, (200,)).get(60) == list(range(200))


def test_the_count_of_processors() -> None:
    threads._pool.cpus = 0
    expected = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if sys.version_info < (3, 13):
        assert usable_cpus() == expected
    assert usable_cpus() >= 1


def test_without_threads_the_caller_does_it_all() -> None:
    all_numbers(100)
    assert threads._pool.threads > 0
    threads._pool.close()  # as the interpreter does at its end
    assert all_numbers(100) == list(range(100))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no such timer")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # an interrupt where nobody can catch it
def test_many_interrupts_leave_threads_that_work() -> None:
    counts = np.zeros(64, np.int64)
    armed, interrupted = [False], 0

    def interrupt(*_: object) -> None:
        if armed[0]:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    gc.disable()  # callbacks of the collector would swallow interrupts
    try:
        for number in range(400):
            try:
                try:
                    armed[0] = True
                    signal.setitimer(signal.ITIMER_REAL, 1e-4 + number % 20 * 5e-5)
                    for _ in range(40):
                        in_pieces(lambda p, b: blocks_taken(p, b, counts, 300), 64, 1, 1, 4, True)
                        in_parallel(lambda _: None, 3)
                finally:
                    armed[0] = False
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
    finally:
        gc.enable()
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 100
    for _ in range(5):
        counts[:] = 0
        in_pieces(lambda p, b: blocks_taken(p, b, counts, 300), 64, 1, 1, 4, True)
        assert (counts == 1).all()
    assert all_numbers(100) == list(range(100))
    limit = time.monotonic() + 20
    while threads._pool.awake and time.monotonic() < limit:
        time.sleep(0.001)
    assert not threads._pool.awake
