"""JAX's functions as the tests call them: with 64-bit types enabled, NumPy arrays in and out."""

from __future__ import annotations

import numpy as np
import pytest

from likes import original

NUMPY = ("jax.numpy.convolve", "jax.numpy.correlate")
SCIPY = ("jax.scipy.signal.convolve", "jax.scipy.signal.correlate")
PLANAR = ("jax.scipy.signal.convolve2d", "jax.scipy.signal.correlate2d")
FFT = ("jax.scipy.signal.fftconvolve",)
LAX = ("jax.lax.conv_general_dilated", "jax.lax.conv", "jax.lax.conv_with_general_padding", "jax.lax.conv_transpose")
NAMES = NUMPY + SCIPY + PLANAR + FFT + LAX

X, W = np.arange(1.0, 9), np.array([1.0, 2, 4])
PLANE, WINDOW = np.arange(12.0).reshape(3, 4), np.arange(4.0).reshape(2, 2)
BATCH, KERNELS = np.arange(40.0).reshape(2, 2, 2, 5), np.arange(24.0).reshape(3, 2, 2, 2)
ROWS, COLUMNS = np.arange(12.0).reshape(1, 4, 3), np.arange(18.0).reshape(2, 3, 3)


def caller(name):
    """Return the function of this name on NumPy arrays."""
    jax = pytest.importorskip("jax", reason="compares with JAX")
    function = original(name)

    def call(*arguments, **keywords):
        with jax.enable_x64(True):
            return np.asarray(function(*arguments, **keywords))

    return call
