"""Programs as functions: arrays through standard input and output, one process per call.

The protocol: the program finds two ``.npy`` files, one after the other, on its standard input (only one
for a function of the signal alone): the signal and the kernel. It writes the result to its standard
output, as a ``.npy`` file or as JSON (nested lists), and ends with status 0. In Python::

    signal, kernel = numpy.load(sys.stdin.buffer), numpy.load(sys.stdin.buffer)
    numpy.save(sys.stdout.buffer, my_filter(signal, kernel))

With ``cmd+json:`` its input is one JSON object ``{"signal": ..., "kernel": ...}`` instead::

    given = json.load(sys.stdin)
    print(json.dumps(my_filter(given["signal"], given["kernel"])))

Both streams are files, not pipes: ``numpy.load`` and ``numpy.save`` ask for positions, which pipes do not have.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal as signals
import subprocess
from io import BytesIO
from shutil import which
from tempfile import TemporaryFile
from textwrap import shorten
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convention.errors import ConventionFileError, ConventionValueError
from convention.identification.subject import RefusalError, Subject, UndeterminedError

__all__ = ["program"]

_PATIENCE = 10.0
"""Seconds that one call may take, at most."""

_MOST_BYTES = 2**26
"""What a program may write in one call."""

_GLANCE = 0.01
"""Seconds between two looks at how much a running program has written."""


def program(command: str, *, as_json: bool, takes_kernel: bool, time_limit: float) -> Subject:
    """Return a program as a subject.

    Parameters
    ----------
    command : str
        The program and its arguments, quoted as for a shell, but run without one.
    as_json : bool
        Whether its input is JSON.
    takes_kernel : bool
        Whether it reads a kernel after the signal.
    time_limit : float
        Seconds for all calls; a third of it for a single one, and at most 10.

    Raises
    ------
    ConventionValueError, ConventionFileError
        If there is no command, or no such program.
    """
    try:
        words = shlex.split(command)
    except ValueError as problem:
        words, found = [], str(problem)
    else:
        found = "no program"
    if not words:
        raise ConventionValueError(f"cmd:{command}", found, "a program and its arguments", "write cmd:PROGRAM")

    if which(words[0]) is None:
        raise ConventionFileError(
            f"cmd:{command}", f"there is no program {words[0]}", "a program that can be run", "check its path"
        )

    def ask(signal: NDArray[Any], kernel: NDArray[Any] | None = None) -> NDArray[Any]:
        patience = max(0.1, min(_PATIENCE, time_limit / 3, subject.time_left))
        return _reply(_run(words, _request(signal, kernel, as_json=as_json), patience))

    subject = Subject(
        ask,
        name=shorten(command, 50),
        takes_kernel=takes_kernel,
        pairs=(("float64", "float64"), ("uint8", "float64")),
        slow=True,
        time_limit=time_limit,
    )
    return subject


def _request(signal: NDArray[Any], kernel: NDArray[Any] | None, *, as_json: bool) -> bytes:
    arrays = {"signal": signal} | ({} if kernel is None else {"kernel": kernel})
    if as_json:
        return json.dumps({name: array.tolist() for name, array in arrays.items()}).encode()
    stream = BytesIO()
    for array in arrays.values():
        np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
    return stream.getvalue()


def _reply(text: bytes) -> NDArray[Any]:
    if text.startswith(np.lib.format.MAGIC_PREFIX):
        try:
            return np.asarray(np.lib.format.read_array(BytesIO(text), allow_pickle=False))
        except Exception as problem:  # a header of garbage leads anywhere
            raise RefusalError(f"it wrote a .npy file that cannot be read: {problem}") from None
    try:
        found = np.array(json.loads(text))
    except (ValueError, RecursionError):
        shown = text[:40].decode("utf-8", "replace")
        raise RefusalError(f"it wrote {len(text)} bytes that are neither .npy nor JSON: {shown!r}") from None
    if found.dtype.kind not in "iuf":
        raise RefusalError("it wrote JSON that is no array of numbers")
    return found.astype(np.float64)  # JSON has one kind of number: 3 and 3.0 are the same


def _run(words: list[str], request: bytes, patience: float) -> bytes:
    """Return what a program writes; end it, and what it started, when it takes too long or writes too much."""
    with TemporaryFile() as given, TemporaryFile() as said, TemporaryFile() as complained:
        given.write(request)
        given.seek(0)
        try:
            process = subprocess.Popen(words, stdin=given, stdout=said, stderr=complained, start_new_session=True)
        except OSError as problem:
            raise UndeterminedError(f"the program cannot be started: {problem.strerror}") from None
        try:
            status = _watched(process, (said.fileno(), complained.fileno()), patience)
        finally:
            _kill(process)
        if status != 0:
            complained.seek(0)
            last = complained.read(_MOST_BYTES).decode("utf-8", "replace").strip().splitlines()[-1:]
            raise RefusalError(f"it ended with status {status}" + "".join(f": {line[:120]}" for line in last))
        said.seek(0)
        return said.read()


def _watched(process: subprocess.Popen[bytes], files: tuple[int, ...], patience: float) -> int:
    """Return a program's status when it has ended in time, without having written too much."""
    until = monotonic() + patience
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(_GLANCE)
            if max(os.fstat(file).st_size for file in files) <= _MOST_BYTES:
                return status
        if max(os.fstat(file).st_size for file in files) > _MOST_BYTES:
            raise UndeterminedError(f"the program wrote more than {_MOST_BYTES >> 20} MiB and was stopped")
        if monotonic() > until:
            raise UndeterminedError(f"the program did not end within {patience:.1f} s and was stopped")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started, unless all of it has ended by itself."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signals.SIGKILL)
        else:
            process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
