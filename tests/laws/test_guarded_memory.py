"""No sample beside a signal's memory is read, and none beside a result's is written: the pages there are forbidden.

Tiles read vectors, and a vector that begins inside an array may end outside of it. A read of a forbidden page ends the
process, so each layout is tried in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

PROGRAM = """
import ctypes, mmap, sys
import numpy as np
from convention import convolve
from engines import forced

PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None)
libc.mprotect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
kept = []

def guarded(array, at_end):
    '''A copy that begins right behind a forbidden page, or ends right before one.'''
    pages = -(-array.nbytes // PAGE)
    memory = mmap.mmap(-1, (pages + 2) * PAGE)
    kept.append(memory)
    place = np.frombuffer(memory, np.uint8)
    start = place.ctypes.data
    first = PAGE + (pages * PAGE - array.nbytes if at_end else 0)
    copy = place[first : first + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    for page in (0, pages + 1):
        assert libc.mprotect(start + page * PAGE, PAGE, 0) == 0
    return copy

rng = np.random.default_rng(5)
engine, dtype = sys.argv[1:]
forced_calls = 0
for at_end in (False, True):
    for shape, taps in (
        ((9, 193), (3, 4)), ((8, 300), (5, 7)), ((1, 515), (1, 9)), ((12, 131), (3, 3)), ((5, 7, 70), (2, 3, 4)),
        ((1, 515), (1, 70)),
    ):
        kernel = rng.integers(-3, 4, taps).astype("float32" if dtype == "float32" else "int32")
        kernel.flat[::4] = 0
        signal = rng.integers(0, 50, shape).astype(dtype)
        for size in ("same", "valid", "full"):
            for stride in (1, 2, 4):
                given = {"size": size, "boundary": "zero" if size != "same" else "edge"}
                given["stride"] = (*[1] * (signal.ndim - 1), stride)
                expected = convolve(signal.astype(int), kernel.astype(int), **given)
                to = dtype if dtype == "float32" else "int16"
                out = guarded(np.zeros(expected.shape, to), at_end)
                given["method"] = "fourier" if engine == "fourier" else "auto"
                with forced(engine) as taken:
                    convolve(guarded(signal, at_end), kernel, out=out, dtype=np.dtype(to), overflow="wrap", **given)
                    np.testing.assert_array_equal(np.rint(out), expected)
                    saturated = guarded(np.zeros(expected.shape, to), at_end)
                    convolve(guarded(signal, at_end), kernel, out=saturated, dtype=to, overflow="saturate", **given)
                    np.testing.assert_array_equal(np.rint(saturated), expected)
                assert taken.share(engine) == 1, taken.count
                forced_calls += taken.count[engine]
assert forced_calls >= 10, forced_calls
print("whole")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="mprotect is POSIX")
@pytest.mark.parametrize(
    ("engine", "dtype"),
    [(engine, dtype) for engine in ("dense", "listed") for dtype in ("float32", "uint8")] + [("fourier", "float32")],
)
def test_memory_beside_the_arrays_is_left_alone(engine: str, dtype: str) -> None:
    command = [sys.executable, "-c", PROGRAM, engine, dtype]
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr[-2000:]


@pytest.mark.skipif(sys.platform == "win32", reason="mprotect is POSIX")
def test_a_forbidden_page_is_noticed() -> None:
    one_more = "ctypes.string_at(guarded(np.zeros(4), True).ctypes.data, 33)"
    program = PROGRAM.split("rng =")[0] + one_more
    done = subprocess.run([sys.executable, "-c", program], cwd=TESTS, capture_output=True, text=True, timeout=60)
    assert done.returncode < 0, done.stdout
