"""Programs behind catalogue entries: Octave as one child process that is kept, ImageMagick as one for each call."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import numpy as np
import pytest

from convention.atlas.judging import expected, witness
from convention.catalogue import imagemagick, lookup
from convention.catalogue.octave_process import OctaveError, OctaveStoppedError, call_octave
from convention.definition import Convention
from convention.errors import MissingLibraryError
from convention.reference import compute

OCTAVE = pytest.mark.skipif(not lookup("octave.conv2").installed, reason="runs Octave (octave-cli)")
IMAGEMAGICK = pytest.mark.skipif(
    not lookup("imagemagick.convolve").installed, reason="runs ImageMagick (convert-im6.q16)"
)
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="asks for POSIX processes")
ONES = np.ones((1, 2))


def octave_s_pid():
    return int(call_octave("getpid")[0, 0])


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone(pid, within=10.0):
    until = monotonic() + within
    while alive(pid) and monotonic() < until:
        sleep(0.02)
    return not alive(pid)


def children():
    """Return the state and the name of every child process, zombies among them."""
    listed = subprocess.run(
        ["ps", "-o", "stat=,comm=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False
    )
    return [line for line in listed.stdout.splitlines() if not line.endswith(" ps")]


@pytest.fixture
def no_octave_yet():
    with pytest.raises(OctaveStoppedError, match="ended with status"):
        call_octave("exit")


@OCTAVE
def test_one_process_answers_all_calls():
    assert octave_s_pid() == octave_s_pid()


@OCTAVE
@pytest.mark.parametrize("letter", [*"?bhilBHILfdFD"])
@pytest.mark.parametrize("shape", [(2, 3), (3, 2, 2), (1, 1), (0, 3)])
def test_every_class_is_carried_exactly(letter, shape):
    rng = np.random.default_rng(7)
    bits = rng.integers(0, 2, shape) if letter == "?" else rng.integers(-(2**63), 2**63 - 1, shape)
    sent = bits.astype(letter)
    if letter in "FD":
        sent = sent + np.dtype(letter).type(1j) * bits[::-1].astype(letter)
    found = call_octave("merge", np.array([[True]]), sent, sent)
    assert found.shape == sent.shape
    assert found.tobytes() == sent.tobytes()
    # what is empty has no imaginary part, and comes back real
    assert found.dtype == (sent.dtype if sent.size else sent.real.dtype)
    assert call_octave("iscomplex", sent)[0, 0] == (letter in "FD")


@OCTAVE
def test_floats_are_carried_bit_for_bit():
    sent = np.array([[np.nan, -0.0, np.inf, 5e-324, 0.1, -np.inf]])
    assert call_octave("merge", np.array([[True]]), sent, sent).tobytes() == sent.tobytes()


@OCTAVE
@pytest.mark.parametrize("kind", ["float16", "longdouble", "datetime64[s]", "object"])
def test_what_octave_has_no_class_for_is_refused_before_anything_is_sent(kind):
    before = octave_s_pid()
    with pytest.raises(TypeError, match="Octave has no class for it"):
        call_octave("conv2", np.ones((2, 2), kind), ONES)
    assert octave_s_pid() == before


@OCTAVE
def test_an_error_of_octave_has_its_text_and_changes_nothing():
    before = octave_s_pid()
    with pytest.raises(OctaveError, match=r"^conv2: SHAPE type not valid$"):
        call_octave("conv2", ONES, ONES, "midle")
    with pytest.raises(OctaveError, match=r"^100%d é$"):
        call_octave("error", "Octave:some-id", "100%%d é")
    with pytest.raises(OctaveError, match="'no_such_function' not found"):
        call_octave("no_such_function", ONES)
    with pytest.raises(OctaveError, match="class char"):
        call_octave("upper", "text")
    with pytest.raises(OctaveError, match="no-such-package"):
        call_octave("conv2", ONES, ONES, package="no-such-package")
    assert octave_s_pid() == before


@OCTAVE
@POSIX
def test_what_octave_prints_is_passed_over():
    assert call_octave("system", "echo; echo 3 0 1 1; printf 'no line end'; echo complaint >&2").tolist() == [[0]]
    assert call_octave("conv2", ONES, ONES).tolist() == [[1, 2, 1]]


@OCTAVE
def test_more_noise_than_any_answer_has_ends_octave():
    with pytest.raises(OctaveStoppedError, match=r"printed more than 16 MiB"):
        call_octave("system", "yes")
    assert call_octave("conv2", ONES, ONES).tolist() == [[1, 2, 1]]


@OCTAVE
@POSIX
def test_an_octave_that_died_is_replaced():
    first = octave_s_pid()
    os.kill(first, signal.SIGKILL)
    sleep(0.2)
    second = octave_s_pid()
    assert second != first
    assert gone(first)
    with pytest.raises(OctaveStoppedError, match=r"asked for system, ended with status -9"):
        call_octave("system", "kill -9 $PPID")
    assert octave_s_pid() not in (first, second)


@OCTAVE
@POSIX
def test_a_hanging_octave_is_stopped_in_time_with_what_it_started(tmp_path):
    octave_s_pid()
    started = monotonic()
    with pytest.raises(OctaveStoppedError, match=r"did not answer within 0\.5 s and was stopped"):
        call_octave("system", f"echo $$ > {tmp_path}/pid; sleep 60; true", time_limit=0.5)
    assert monotonic() - started < 5
    assert gone(int((tmp_path / "pid").read_text()))
    assert call_octave("conv2", ONES, ONES).tolist() == [[1, 2, 1]]
    assert [line for line in children() if "defunct" in line or line.startswith("Z")] == []
    assert len([line for line in children() if "octave" in line]) == 1


class _Interrupt(BaseException):
    pass


@OCTAVE
@POSIX
def test_an_interrupted_call_leaves_no_half_answer():
    def interrupt(*_):
        raise _Interrupt

    before = octave_s_pid()
    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(_Interrupt):
            call_octave("system", "sleep 60")
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert gone(before)
    assert call_octave("conv2", ONES, ONES).tolist() == [[1, 2, 1]]


@OCTAVE
def test_threads_take_turns():
    def ask(number):
        return call_octave("conv2", np.full((20, 20), number), ONES)[3, 3] == 2 * number

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(80)))


ENDS = """
import os, sys
import numpy as np
from convention.catalogue.octave_process import call_octave
print(int(call_octave("getpid")[0, 0]), flush=True)
"""


@OCTAVE
@POSIX
@pytest.mark.parametrize("last", ["", "sys.exit(3)", "1 / 0", "os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_octave_ends_with_python_however_that_ends(last):
    child = subprocess.run([sys.executable, "-c", ENDS + last], capture_output=True, text=True, check=False)
    assert gone(int(child.stdout))


FORKS = """
first = int(call_octave("getpid")[0, 0])
child = os.fork()
if child == 0:
    own = int(call_octave("getpid")[0, 0])
    right = call_octave("conv2", np.ones((1, 2)), np.ones((1, 2))).tolist() == [[1, 2, 1]]
    print(own, flush=True)
    os._exit(0 if right and own != first else 1)
assert os.waitpid(child, 0)[1] == 0
assert int(call_octave("getpid")[0, 0]) == first
"""


@OCTAVE
@POSIX
def test_a_forked_process_has_an_octave_of_its_own():
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", ENDS + FORKS], capture_output=True, text=True, check=False
    )
    assert (child.returncode, child.stderr) == (0, "")
    first, own = map(int, child.stdout.split())
    assert first != own
    assert gone(first)
    assert gone(own)


@pytest.mark.parametrize("name", ["octave.conv2", "imagemagick.convolve"])
def test_a_missing_program_is_refused_with_its_install_line(name, monkeypatch, request):
    entry = lookup(name)
    if entry.installed and name.startswith("octave"):
        request.getfixturevalue("no_octave_yet")
    monkeypatch.setenv("PATH", "")
    assert not entry.installed
    with pytest.raises(MissingLibraryError, match=f"do: {entry.how_to_install}"):
        entry.call(np.ones((3, 3), np.uint8), np.ones((2, 2)), **next(entry.cases()))


def pretend(folder, name, script, monkeypatch):
    """Put a program of this name first on the path."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


MARK = 'mark=$(dd bs=1 count=32 2>/dev/null); printf "\\n%s\\n" $mark'


@OCTAVE
@POSIX
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo it cannot start >&2; exit 7", "ended with status 7: it cannot start"),
        ("echo garbage; exit 0", "ended with status 0"),
        (f"{MARK}; echo; sleep 60", "wrote no answer that can be read"),
        (f"{MARK}; echo quaternion 0 1 1; sleep 60", "wrote no answer that can be read"),
        (f"{MARK}; echo double 0 x; sleep 60", "wrote no answer that can be read"),
        (f"{MARK}; echo double 0 2 2; echo short", "ended with status 0"),
        ("sleep 60", "did not answer within 1 s"),
    ],
)
def test_a_program_that_is_no_octave_is_stopped_and_told(script, said, no_octave_yet, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        pretend(tmp_path, "octave-cli", script, patch)
        with pytest.raises(OctaveStoppedError, match=said):
            call_octave("conv2", ONES, ONES, time_limit=1)
    assert call_octave("conv2", ONES, ONES).tolist() == [[1, 2, 1]]
    assert [line for line in children() if "defunct" in line or line.startswith("Z")] == []


@OCTAVE
def test_imfilter_full_with_an_even_kernel_misses_the_first_output():
    signal_, kernel = np.array([[1.0, 2, 3, 4]]), np.array([[1.0, 2, 3, 4]])
    entry = lookup("octave.imfilter")
    assert entry.call(signal_, kernel, options=("full",)).tolist() == [[11, 20, 30, 20, 11, 4, 0]]
    full = compute(Convention(reversed_axes="none", size="full"), signal_, kernel)
    assert full.tolist() == [[4, 11, 20, 30, 20, 11, 4]]
    assert entry.call(signal_, kernel[:, :3], options=("full",)).tolist() == [[3, 8, 14, 20, 11, 4]]


DEFAULTS = {"virtual_pixel": "Edge", "origin": None}
METHODS = ("imagemagick.morphology.Convolve", "imagemagick.morphology.Correlate")


@IMAGEMAGICK
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", METHODS)
def test_imagemagick_rounds_halves_up_and_saturates(name, kind):
    entry, most = lookup(name), np.iinfo(kind).max
    samples = np.array([[1, 2, 3, 5, 7, most]], kind)

    def times(tap):
        return entry.call(samples, np.array([[tap]]), **DEFAULTS).tolist()[0]

    assert times(0.5) == [1, 1, 2, 3, 4, (most + 1) // 2]
    assert times(0.25) == [0, 1, 1, 1, 2, (most + 1) // 4]
    assert times(-1.0) == [0] * 6
    assert times(300.0) == [min(300 * one, most) for one in [1, 2, 3, 5, 7, most]]


@IMAGEMAGICK
def test_imagemagick_s_convolve_divides_by_the_sum_and_does_not_reverse():
    entry, samples = lookup("imagemagick.convolve"), np.array([[90, 50, 20, 5, 1]], np.uint16)

    def filtered(*taps):
        return entry.call(samples, np.array([taps]), **DEFAULTS).tolist()[0]

    assert filtered(-1.0) == filtered(300.0) == samples.tolist()[0]
    assert filtered(1.0, 0, -1) == [40, 70, 45, 19, 4]  # the sum is 0: divided by nothing
    assert filtered(3.0, 1) == [80, 43, 16, 4, 1]
    reversed_ = lookup(METHODS[0]).call(samples, np.array([[0.75, 0.25]]), **DEFAULTS).tolist()[0]
    assert reversed_ == [90, 60, 28, 9, 2]


@IMAGEMAGICK
@pytest.mark.parametrize("samples", [np.ones((2, 2)), np.ones((2, 2), np.int16), np.ones((2, 2), bool)])
def test_imagemagick_s_samples_are_whole(samples):
    with pytest.raises(TypeError, match="uint8, uint16"):
        lookup(METHODS[0]).call(samples, np.ones((1, 1)), **DEFAULTS)


@IMAGEMAGICK
@pytest.mark.parametrize("kernel", [np.array([[np.nan, 1]]), np.array([[np.inf]]), np.array([[1j]])])
def test_a_kernel_that_imagemagick_cannot_read_is_refused(kernel):
    with pytest.raises((TypeError, ValueError)):
        lookup(METHODS[0]).call(np.ones((2, 2), np.uint8), kernel, **DEFAULTS)


@IMAGEMAGICK
def test_an_error_of_imagemagick_has_its_text():
    with pytest.raises(imagemagick.ImageMagickError, match=r"status 1: .*invalid argument for option `-morphology'"):
        lookup(METHODS[0]).call(np.ones((2, 2), np.uint8), np.ones((2, 2)), virtual_pixel="Edge", origin=(2, 0))


@IMAGEMAGICK
@POSIX
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exec sleep 60", "did not end within 0.5 s and was stopped"),
        ("cat >/dev/null; echo garbage", "wrote 8 bytes, not the 4 of an image"),
        ("exit 9", "ended with status 9"),
        ("kill -9 $$", "ended with status -9"),
        ("printf abcd; echo careful >&2", "ended with status 0: careful"),
    ],
)
def test_a_program_that_is_no_imagemagick_is_stopped_and_told(script, said, monkeypatch, tmp_path):
    pretend(tmp_path, "convert-im6.q16", script, monkeypatch)
    monkeypatch.setattr(imagemagick, "TIME_LIMIT", 0.5)
    started = monotonic()
    with pytest.raises(imagemagick.ImageMagickError, match=said):
        lookup(METHODS[0]).call(np.ones((2, 2), np.uint8), np.ones((1, 1)), **DEFAULTS)
    assert monotonic() - started < 5
    assert [line for line in children() if "defunct" in line or line.startswith("Z")] == []


def test_the_atlas_takes_a_divided_half_either_way_and_nothing_else():
    entry, image = lookup("imagemagick.convolve"), np.array([[1, 2, 7]], np.uint8)
    wanted = expected(entry, image, np.array([[1, 1]], np.uint8), DEFAULTS, np.dtype(np.uint8))
    assert wanted.tolist() == [[1.5, 4.5, 7]]
    for found, right in [
        ([1, 5, 7], True),
        ([2, 4, 7], True),
        ([3, 4, 7], False),
        ([0, 4, 7], False),
        ([1, 5, 6], False),
    ]:
        assert (witness(np.array([found], np.uint8), wanted) == "") is right
    rounded = expected(lookup(METHODS[0]), image, np.array([[0.5, 0.5]]), DEFAULTS, np.dtype(np.uint8))
    assert witness(np.array([[1, 2, 5]], np.uint8), rounded) == ""
    assert witness(np.array([[1, 1, 5]], np.uint8), rounded)
