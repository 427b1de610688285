"""Our own threads: tasks numbered from 0, handed out one by one; the calling thread takes part.

Compiled kernels and transforms release the interpreter's lock, so plain threads are enough. Nobody waits for a
thread that has not begun: the caller does all tasks itself where the pool is busy, so calls may be nested and may
come from any number of threads. After an exception or an interrupt no task is begun, those that run are waited for,
and only then is it raised: no thread writes into an array that its caller has given up.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count as integers
from threading import Condition, Lock

__all__ = ["in_parallel", "usable_cpus"]


class _Pool:
    """The threads beside the callers', made when they are first needed."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.executor: ThreadPoolExecutor | None = None
        self.cpus = 0

    def submit(self, work: Callable[[], None]) -> None:
        with self.lock:
            if self.executor is None:
                self.executor = ThreadPoolExecutor(max(1, usable_cpus() - 1), thread_name_prefix="convention")
        self.executor.submit(work)


_pool = _Pool()


def _forget() -> None:
    """Begin anew: a forked process has its parent's locks, as they were, and none of its threads."""
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


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
    handout = _Handout(task, count)
    try:
        for _ in range(threads - 1):
            _pool.submit(handout.help)
    except RuntimeError:  # the interpreter is shutting down, or the system gives no thread: the caller does it all
        pass
    except BaseException:
        handout.close()
        raise
    try:
        handout.work()
    finally:
        handout.close()
    if handout.error is not None:
        raise handout.error


class _Handout:
    """Numbered tasks, and the threads that work on them."""

    def __init__(self, task: Callable[[int], None], count: int) -> None:
        self.task = task
        self.count = count
        self.numbers = integers()  # its next() is atomic
        self.stopped = False
        self.error: BaseException | None = None
        self.change = Condition()
        self.helping = 0

    def work(self) -> None:
        """Do tasks until none is left."""
        for number in self.numbers:
            if self.stopped or number >= self.count:
                return
            self.task(number)

    def help(self) -> None:
        """Do the same in a thread of the pool; an exception is kept for the caller."""
        with self.change:
            if self.stopped:
                return
            self.helping += 1
        try:
            self.work()
        except BaseException as error:
            self.error = self.error or error
            self.stopped = True
        finally:
            with self.change:
                self.helping -= 1
                self.change.notify_all()

    def close(self) -> None:
        """Begin no task any more and wait for those that run, interrupted or not."""
        interrupt: KeyboardInterrupt | None = None
        while True:
            try:
                self.stopped = True
                with self.change:
                    while self.helping:
                        self.change.wait()
                break
            except KeyboardInterrupt as again:
                interrupt = again
        if interrupt is not None:
            raise interrupt
