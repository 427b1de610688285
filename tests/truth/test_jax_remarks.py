"""What the remarks of the JAX and Flax entries say, seen on the installed libraries."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from convention.catalogue import lookup
from jax_calls import caller

jax = pytest.importorskip("jax", reason="looks at JAX")

X, W = np.array([1.0, 10, 100, 1000, 10000]), np.array([1.0, 2, 3, 4])


def line(name, *arguments, **keywords):
    """Return what a function of jax.lax makes of X and W, as plain numbers."""
    last = name == "conv_transpose"
    x, w = (X[None, :, None], W[:, None, None]) if last else (X[None, None], W[None, None])
    return caller(f"jax.lax.{name}")(x, w, *arguments, **keywords).ravel().tolist()


def test_same_of_numpy_has_the_longer_operand_s_size():
    assert caller("jax.numpy.convolve")(W[:2], X, "same").shape == (5,)
    assert caller("jax.scipy.signal.convolve")(W[:2], X, "same").shape == (2,)


def test_correlate_and_correlate2d_centre_even_kernels_otherwise():
    flat = caller("jax.scipy.signal.correlate")(X[None], W[None], "same")
    planar = caller("jax.scipy.signal.correlate2d")(X[None], W[None], "same")
    assert flat[0].tolist() == [43, 432, 4321, 43210, 32100]
    assert planar[0].tolist() == [432, 4321, 43210, 32100, 21000]


def test_correlate2d_conjugates_the_first_argument_where_valid_exchanges_them():
    x, w = np.array([[1 + 2j, 3]]), np.array([[1j, 2, 1]])
    right = caller("jax.scipy.signal.correlate")(x, w, "valid")
    assert caller("jax.scipy.signal.correlate2d")(x, w, "valid").tolist() == right.conj().tolist() != right.tolist()


def test_words_of_conv_transpose_depend_on_the_case_of_their_letters():
    assert line("conv_transpose", (1,), "VALID") == [4, 43, 432, 4321, 43210, 32100, 21000, 10000]
    assert line("conv_transpose", (1,), "valid") == [4321, 43210]
    assert line("conv_transpose", (1,), "SAME") == [43, 432, 4321, 43210, 32100]
    assert line("conv_transpose", (1,), "same") == [432, 4321, 43210, 32100, 21000]
    assert line("conv", (1,), "SAME") == line("conv", (1,), "same") == [432, 4321, 43210, 32100, 21000]


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("length", [1, 2, 3, 4])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_conv_transpose_with_transpose_kernel_is_the_transpose(stride, length, padding):
    kernel = np.arange(1.0, length + 1) ** 2

    def forward(signal):
        return jax.lax.conv(signal[None, None], kernel[None, None], (stride,), padding)[0, 0]

    with jax.enable_x64(True):
        found = caller("jax.lax.conv_transpose")(
            X[None, :, None], kernel[:, None, None], (stride,), padding, transpose_kernel=True
        )[0, :, 0]
        pulled = jax.vjp(forward, np.zeros(found.shape))[1](X)[0]
    assert found.tolist() == np.asarray(pulled).tolist()


@pytest.mark.parametrize(
    ("stride", "length", "transpose"),
    [(1, 3, True), (1, 5, True), (1, 2, False), (1, 4, False), (2, 1, True), (2, 4, True), (2, 5, True), (3, 3, False)],
)
def test_circular_conv_transpose_of_flax_is_the_transpose_of_circular_conv_for_some_sizes(stride, length, transpose):
    pytest.importorskip("flax", reason="looks at Flax")
    options = {"padding": "CIRCULAR", "strides": stride, "kernel_dilation": 1}
    kernel = np.arange(1.0, length + 1) ** 2
    forward, back = lookup("flax.linen.Conv").call, lookup("flax.linen.ConvTranspose").call
    rows = [forward(one, kernel, input_dilation=1, **options) for one in np.eye(6)]
    columns = [back(one, kernel, transpose_kernel=True, **options) for one in np.eye(6 // stride)]
    assert np.array_equal(rows, np.transpose(columns)) is transpose


@pytest.mark.parametrize("name", ["flax.linen.ConvTranspose", "flax.nnx.ConvTranspose"])
def test_conv_transpose_of_flax_refuses_causal(name):
    pytest.importorskip("flax", reason="looks at Flax")
    options = {"strides": 1, "kernel_dilation": 1, "transpose_kernel": False}
    assert lookup(name).call(X, W, padding="SAME", **options).shape == X.shape
    with pytest.raises(RuntimeError, match="Unrecognized padding type"):
        lookup(name).call(X, W, padding="CAUSAL", **options)


CRASH = """
import jax, numpy
jax.lax.conv_general_dilated(
    numpy.ones((1, 1, 3, 5)), numpy.ones((1, 1, 5, 2)), (1, 1), [(0, 0), (0, 0)], lhs_dilation=(2, 2)
)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="asks for a POSIX signal")
def test_a_dilated_signal_shorter_and_longer_than_its_kernel_ends_the_process():
    entry = lookup("jax.lax.conv_general_dilated")
    assert entry.faults((3, 5), (5, 2), padding=(0, 0), window_strides=1, lhs_dilation=2, rhs_dilation=1)
    child = subprocess.run([sys.executable, "-c", CRASH], capture_output=True, check=False)
    assert child.returncode < 0
