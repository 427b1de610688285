"""One Octave process per Python process, kept running: a call of an Octave function takes well under 10 ms.

Octave reads requests from its standard input and answers on its standard output: numbers as the bytes they
are in memory, little-endian and column by column, so that every class arrives exactly. A random mark precedes
each answer, so that whatever Octave or a package prints before it is passed over.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import signal as signals
import subprocess
import tempfile
from math import prod
from shutil import which
from threading import Lock, Timer
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from convention.errors import ConventionTypeError, MissingLibraryError

__all__ = ["INSTALL", "PROGRAM", "TIME_LIMIT", "OctaveError", "OctaveStoppedError", "call_octave"]

PROGRAM = "octave-cli"
INSTALL = "apt install octave octave-image"
TIME_LIMIT = 20.0
"""Seconds that one call may take, and Octave's start with the first one."""

_CLASSES = {
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "float64": "double",
    "float32": "single",
    "complex128": "double",
    "complex64": "single",
    "bool": "logical",
}
"""Octave's class for each data type."""
_TYPES = {octave: numpy for numpy, octave in _CLASSES.items() if "complex" not in numpy}
_MOST_NOISE = 2**24
"""Bytes that Octave may print before an answer."""

_SERVER = """
warning("off", "all");
function bytes = raw (x)
  if (islogical (x) || ischar (x)) x = uint8 (x); end
  bytes = typecast (x(:).', "uint8");
end
function x = numbers_ (kind, shape)
  x = zeros (shape, kind);
  if (numel (x)) x(:) = fread (stdin, numel (x), [kind "=>" kind], 0, "ieee-le"); end
end
function x = received ()
  [kind, rest] = strtok (fgetl (stdin));
  rest = sscanf (rest, "%d").';
  stored = kind;
  if (any (strcmp (kind, {"logical", "char"}))) stored = "uint8"; end
  x = numbers_ (stored, rest(2:end));
  if (rest(1)) x = complex (x, numbers_ (stored, rest(2:end))); end
  if (strcmp (kind, "logical")) x = logical (x); end
  if (strcmp (kind, "char")) x = char (x); end
end
function answer (mark, text, varargin)
  printf ("\\n%s\\n%s\\n", mark, text);
  for part = varargin fwrite (stdout, part{1}, "uint8"); end
  fflush (stdout);
end
while (true)
  words_ = fgetl (stdin);
  if (! ischar (words_)) break; end
  words_ = strsplit (words_, " ");
  given_ = cell (1, str2double (words_{3}));
  for index_ = 1:numel (given_) given_{index_} = received (); end
  fread (stdin, 1);
  try
    if (! strcmp (words_{4}, "-")) pkg ("load", words_{4}); end
    found_ = feval (words_{2}, given_{:});
    if (! (isnumeric (found_) || islogical (found_))) error ("the result is of class %s", class (found_)); end
    found_ = full (found_);
    parts_ = {raw(found_)};
    if (iscomplex (found_)) parts_ = {raw(real (found_)), raw(imag (found_))}; end
    shape_ = sprintf (" %d", size (found_));
    answer (words_{1}, sprintf ("%s %d%s", class (found_), iscomplex (found_), shape_), parts_{:});
  catch problem_
    text_ = uint8 (problem_.message);
    answer (words_{1}, sprintf ("error %d", numel (text_)), text_);
  end
end
"""


class OctaveError(RuntimeError):
    """Octave raised an error; the message is Octave's own."""


class OctaveStoppedError(OctaveError):
    """Octave ended, hung or answered nonsense, and was stopped; the next call starts another one."""


class _Octave:
    """A running Octave that answers one request after the other."""

    def __init__(self) -> None:
        if which(PROGRAM) is None:
            raise MissingLibraryError(PROGRAM, "there is no such program", "Octave's command line", INSTALL)
        self.late = False
        self.complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed by release
        self.process = subprocess.Popen(
            [PROGRAM, "--norc", "--quiet", "--no-gui", "--eval", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            start_new_session=True,  # an interrupt typed on the terminal is for Python
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.requests, self.answers = self.process.stdin, self.process.stdout

    def ask(self, request: bytes) -> NDArray[Any]:
        """Return the result that answers a request without its mark."""
        mark = secrets.token_hex(16).encode()
        self.requests.write(mark + request)
        self.requests.flush()
        noise = 0
        while (line := self._line()) != mark:
            noise += len(line)
            if noise > _MOST_NOISE:
                raise ValueError(f"it printed more than {_MOST_NOISE >> 20} MiB and no answer")
        kind, *numbers = self._line().decode().split()
        if kind == "error":
            raise OctaveError(self._bytes(int(numbers[0])).decode("utf-8", "replace"))
        is_complex, *shape = map(int, numbers)
        dtype = np.dtype(_TYPES[kind]).newbyteorder("<")
        parts = [np.frombuffer(self._bytes(prod(shape) * dtype.itemsize), dtype) for _ in range(1 + is_complex)]
        result = parts[0].astype(_TYPES[kind])
        if is_complex:
            result = result.astype(f"complex{16 * dtype.itemsize}")
            result.imag = parts[1]
        return result.reshape(shape, order="F")

    def _line(self) -> bytes:
        line = self.answers.readline(_MOST_NOISE)
        if not line:
            raise EOFError
        return line.rstrip(b"\n")

    def _bytes(self, count: int) -> bytes:
        found = self.answers.read(count)
        if len(found) < count:
            raise EOFError
        return found

    def expire(self) -> None:
        """End Octave because it takes too long."""
        self.late = True
        self.kill()

    def kill(self) -> None:
        """End Octave and what it started."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signals.SIGKILL)
            else:
                self.process.kill()

    def close(self) -> str:
        """End Octave, wait for it, and return how it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.05)  # it may be about to end by itself, and say how
        self.kill()
        status = self.process.wait()
        self.complaints.seek(0)
        last = self.complaints.read().decode("utf-8", "replace").strip().splitlines()[-1:]
        self.release()
        return f"status {status}" + "".join(f": {line[:200]}" for line in last)

    def release(self) -> None:
        """Close this process' ends of the pipes."""
        for pipe in (self.requests, self.answers, self.complaints):
            with contextlib.suppress(OSError, ValueError):
                pipe.close()


class _Keeper:
    """Holds the one Octave of this process, and replaces it where it ended."""

    def __init__(self) -> None:
        self.octave: _Octave | None = None
        self.lock = Lock()

    def call(self, request: bytes, name: str, time_limit: float) -> NDArray[Any]:
        with self.lock:
            if self.octave is not None and self.octave.process.poll() is not None:
                self.stop()  # it ended since the last call
            self.octave = octave = self.octave or _Octave()
            watch = Timer(time_limit, octave.expire)
            watch.daemon = True
            watch.start()
            try:
                return octave.ask(request)
            except OctaveError:
                raise
            except (EOFError, OSError, ValueError, KeyError, IndexError) as problem:
                ended = self.stop()
                why = f"ended with {ended}"
                if octave.late:
                    why = f"did not answer within {time_limit:g} s and was stopped"
                elif isinstance(problem, (ValueError, KeyError, IndexError)):
                    why = f"wrote no answer that can be read, and was stopped: {problem}"
                raise OctaveStoppedError(f"{PROGRAM}, asked for {name}, {why}") from None
            except BaseException:  # an interrupt leaves half an answer in the pipe
                self.stop()
                raise
            finally:
                watch.cancel()
                if octave.late:
                    self.stop()  # perhaps it was killed just after it had answered

    def stop(self) -> str:
        """End Octave, and leave no process behind."""
        octave, self.octave = self.octave, None
        return octave.close() if octave is not None else ""

    def forget(self) -> None:
        """Leave Octave to the process that this one was forked from."""
        octave, self.octave, self.lock = self.octave, None, Lock()
        if octave is not None:
            octave.release()
            octave.process.returncode = 0  # it is no child of this process, which shall not wait for it


_KEEPER = _Keeper()
atexit.register(_KEEPER.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_KEEPER.forget)


def call_octave(
    function: str, *arguments: NDArray[Any] | str, package: str = "", time_limit: float = TIME_LIMIT
) -> NDArray[Any]:
    """Return what an Octave function returns for these arguments.

    Octave is started by the first call, and again where it has ended.

    Parameters
    ----------
    function : str
        Its name.
    *arguments : array or str
        Arrays of integers, booleans, float32, float64, complex64 or complex128. One of a single axis becomes
        a row, one of no axis a scalar.
    package : str
        The Octave package that has the function.
    time_limit : float
        Seconds after which Octave is stopped.

    Returns
    -------
    array
        Of Octave's class, with two axes or more. Octave makes real what has no imaginary part.

    Raises
    ------
    OctaveError
        If Octave raises an error.
    OctaveStoppedError
        If Octave ends, hangs, or writes what is no answer.
    ConventionTypeError
        If Octave has no class for an argument.
    MissingLibraryError
        If there is no Octave.
    """
    header = f" {function} {len(arguments)} {package or '-'}\n".encode()
    # fgetl looks at the byte after a line, and would wait for one: the full stop
    return _KEEPER.call(header + b"".join(map(_sent, arguments)) + b".", function, time_limit)


def _sent(argument: NDArray[Any] | str) -> bytes:
    """Return an argument as Octave reads it: a line with its class, whether it is complex and its shape; its bytes."""
    if isinstance(argument, str):
        text = argument.encode()
        return f"char 0 1 {len(text)}\n".encode() + text
    name = argument.dtype.name
    if name not in _CLASSES:
        raise ConventionTypeError(
            f"an array of {name}",
            "Octave has no class for it",
            ", ".join(_CLASSES),
            "convert it, for example to float64",
        )
    shape = (1,) * (2 - argument.ndim) + argument.shape
    is_complex = argument.dtype.kind == "c"
    header = f"{_CLASSES[name]} {int(is_complex)} {' '.join(map(str, shape))}\n".encode()
    parts = (argument.real, argument.imag) if is_complex else (argument,)
    little = (part.astype(part.dtype.newbyteorder("<"), copy=False) for part in parts)
    return header + b"".join(part.tobytes(order="F") for part in little)
