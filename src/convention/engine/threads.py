"""Our own threads: numbered tasks, or blocks of compiled code, handed out one by one; the calling thread takes part.

Compiled kernels and transforms release the interpreter's lock, so plain threads are enough. Nobody waits for a
thread that has not begun: the caller does all tasks itself where the pool is busy, so calls may be nested and may
come from any number of threads. After an exception or an interrupt no task is begun, those that run are waited for,
and only then is it raised: no thread writes into an array that its caller has given up.

Locks, queues and threads are those of C: an interrupt in the middle of a condition, an event or an executor, which
are written in Python, can leave a lock held, or lose it.

To wake a thread takes about 100 µs. One that has done its part stays awake as long as that, in compiled code, and
takes part in the next call if it comes soon; the caller waits for others in the same way before it goes to sleep.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from _thread import start_new_thread
from array import array
from collections import deque
from collections.abc import Callable
from itertools import count as integers
from queue import SimpleQueue
from threading import Lock

__all__ = ["in_parallel", "in_pieces", "usable_cpus"]

_AWAKE = 200e-6
"""Seconds that a thread looks out for something to do."""


class _Pool:
    """The threads beside the callers', made when they are first needed."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.threads = 0
        self.queue: SimpleQueue[_Handout | None] = SimpleQueue()
        """What there is for those asleep."""
        self.gone: SimpleQueue[None] = SimpleQueue()
        """One for each thread that has ended."""
        self.closed = False
        self.cpus = 0
        self.awake = 0
        """Threads that look out for something to do."""
        self.offers: deque[_Handout] = deque()
        """What there is for them."""
        self.board = array("q", [0, 0])
        """How often the bell was rung, and how often a thread has done its part."""
        self.bell = self.board.buffer_info()[0]
        self.ended = self.bell + self.board.itemsize
        self.looks = 0
        self.last = -1.0
        """When work that threads could have shared came to an end."""

    def offer(self, handout: _Handout, count: int, wake: bool) -> bool:
        """Offer work to so many threads; tell whether there was one.

        Not to those asleep, unless they are to be woken or calls follow each other so soon that the next one profits.
        """
        with self.lock:
            near = max(0, min(count, self.awake - len(self.offers)))
            self.offers.extend([handout] * near)
            if near == count or self.closed or not (wake or time.perf_counter() - self.last < _AWAKE):
                return near > 0
            while self.threads < min(count, max(1, usable_cpus() - 1)):
                start_new_thread(self._serve, ())
                self.threads += 1
        for _ in range(count - near):
            self.queue.put(handout)
        return True

    def close(self) -> None:
        """End the threads."""
        with self.lock:
            self.closed = True
            threads, self.threads = self.threads, 0
        for _ in range(threads):
            self.queue.put(None)
        for _ in range(threads):
            self.gone.get()

    def _serve(self) -> None:
        """Help with what there is, and with what comes soon after it."""
        while True:
            handout = self.queue.get()
            if handout is None:
                self.gone.put(None)
                return
            while handout is not None:
                handout.help()
                handout = None  # its arrays are not kept alive meanwhile
                handout = self._next()

    def _next(self) -> _Handout | None:
        done = self.ended
        with self.lock:
            if self.offers:
                self.board[1] += 1
                return self.offers.popleft()
            self.awake += 1
            seen = self.board[0]
        try:
            while self.watched(done, self.bell, seen):
                with self.lock:
                    if self.offers:
                        break
                    done, seen = 0, self.board[0]  # others were faster
        finally:
            with self.lock:
                self.awake -= 1
                found = self.offers.popleft() if self.offers else None
        return found

    def watched(self, done: int, address: int, seen: int) -> bool:
        """Count up a number, if there is one, without the interpreter's lock; then tell whether another changes soon.

        Not without compiled code, which is not loaded for this.
        """
        sharing = sys.modules.get("convention.engine.compiled.sharing")
        if sharing is None or not hasattr(sharing, "watch"):
            return False
        if not self.looks:
            still, times, taken = array("q", [0]), 200, []
            for _ in range(5):
                start = time.perf_counter()
                sharing.watch(0, still.buffer_info()[0], 0, times)
                taken.append(time.perf_counter() - start)
            self.looks = int(times * _AWAKE / min(taken)) + 1
        return bool(sharing.watch(done, address, seen, self.looks))


_pool = _Pool()


def _forget() -> None:
    """Begin anew: a forked process has its parent's locks, as they were, and none of its threads."""
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
atexit.register(lambda: _pool.close())


def usable_cpus() -> int:
    """Return how many processors this process may use, asked for once."""
    if not _pool.cpus:
        if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
            found = os.process_cpu_count()
        elif hasattr(os, "sched_getaffinity"):
            found = len(os.sched_getaffinity(0))
        else:
            found = os.cpu_count()
        _pool.cpus = found or 1
    return _pool.cpus


def in_parallel(task: Callable[[int], None], count: int, workers: int | None = None) -> None:
    """Call a task for every number from 0 to count - 1, in any order, and return when all are done.

    Parameters
    ----------
    task : callable
        Takes a number. It may itself call `in_parallel`.
    count : int
        How many tasks there are.
    workers : int or None
        The most threads to use, the calling one among them; None for one per usable processor.

    Raises
    ------
    BaseException
        The first that a task raised, or an interrupt; no task runs any more then.
    """
    threads = min(count, usable_cpus(), usable_cpus() if workers is None else workers)
    if threads <= 1:
        for number in range(count):
            task(number)
        return
    _together(_Numbers(task, count), threads, True)


def in_pieces(
    work: Callable[[int, int], int], stop: int, each: int, several: int, workers: int, wake: bool, start: int = 0
) -> int:
    """Have compiled code do blocks numbered from start to stop - 1; return all that it returned, as bits.

    Parameters
    ----------
    work : callable
        Takes the address of what `sharing.taken` reads, and the address of a bell to ring when it has released the
        interpreter's lock, or 0. Called until no block is left.
    stop, each, several : int
        The last block's successor, the blocks that a thread takes at a time, and how often between two calls.
    workers : int
        The most threads to use, the calling one among them.
    wake : bool
        Whether it pays to wake threads that are asleep.
    start : int
        The first block.

    Raises
    ------
    BaseException
        As in `in_parallel`.
    """
    try:
        cells, address = _cells.pop()
    except IndexError:
        cells = array("q", [0, 0, 0, 0])
        address = cells.buffer_info()[0]
    cells[0], cells[1], cells[2], cells[3] = start, stop, each, several
    threads = min(-(-(stop - start) // each), usable_cpus(), workers)
    status = 0
    if threads <= 1:
        while cells[0] < stop:
            status |= work(address, 0)
    else:
        handout = _Pieces(work, cells, address)
        status = _together(handout, threads, wake) | handout.status
    _cells.append((cells, address))
    return status


_cells: list[tuple[array[int], int]] = []
"""Numbers for `sharing.taken` that nobody uses, and their addresses."""


def _together(handout: _Handout, threads: int, wake: bool) -> int:
    """Do work together with other threads; return what the calling one's part returns."""
    bell = 0
    try:
        if _pool.offer(handout, threads - 1, wake):
            bell = _pool.bell
    except RuntimeError:  # the interpreter is shutting down, or the system gives no thread: the caller does it all
        pass
    except BaseException:
        handout.close()
        raise
    try:
        status = handout.work(bell)
    finally:
        handout.close()
        _pool.last = time.perf_counter()
    if handout.error is not None:
        raise handout.error
    return status


class _Handout:
    """Work that threads do together."""

    def __init__(self) -> None:
        self.stopped = False
        self.error: BaseException | None = None
        self.change = Lock()
        self.ends: SimpleQueue[None] = SimpleQueue()
        """One for each helper that has ended."""
        self.helping = 0
        self.status = 0

    def work(self, bell: int) -> int:
        """Work until nothing is left; ring the bell as soon as others may take part."""
        raise NotImplementedError

    def stop(self) -> None:
        """Begin nothing any more."""
        self.stopped = True

    def help(self) -> None:
        """Work in a thread of the pool; an exception is kept for the caller."""
        with self.change:
            if self.stopped:
                return
            self.helping += 1
        status = 0
        try:
            status = self.work(0)
        except BaseException as error:
            self.error = self.error or error
            self.stop()
        finally:
            with self.change:
                self.status |= status
                self.helping -= 1
            self.ends.put(None)

    def close(self) -> None:
        """Begin nothing any more and wait for what runs, interrupted or not."""
        interrupt: KeyboardInterrupt | None = None
        while True:
            try:
                self.stop()
                while True:
                    seen = _pool.board[1]
                    with self.change:
                        if not self.helping:
                            break
                    if not _pool.watched(0, _pool.ended, seen):
                        self.ends.get()
                break
            except KeyboardInterrupt as again:
                interrupt = again
        if interrupt is not None:
            raise interrupt


class _Numbers(_Handout):
    """Tasks of Python, one after the other."""

    def __init__(self, task: Callable[[int], None], count: int) -> None:
        super().__init__()
        self.task = task
        self.count = count
        self.numbers = integers()  # its next() is atomic

    def work(self, bell: int) -> int:
        """Do tasks until none is left."""
        if bell:
            _pool.board[0] += 1
        for number in self.numbers:
            if self.stopped or number >= self.count:
                break
            self.task(number)
        return 0


class _Pieces(_Handout):
    """Blocks of compiled code."""

    def __init__(self, do: Callable[[int, int], int], cells: array[int], address: int) -> None:
        super().__init__()
        self.do = do
        self.cells = cells
        self.address = address
        self.end = cells[1]

    def work(self, bell: int) -> int:
        """Do blocks until none is left."""
        status = 0
        while self.cells[0] < self.end and not self.stopped:
            status |= self.do(self.address, bell)
            bell = 0
        return status

    def stop(self) -> None:
        """Have compiled code find nothing left."""
        super().stop()
        self.cells[0] = self.end
