"""Integers only: how far a window reaches past the signal, how many outputs there are, which
sample meets which tap. One axis at a time; `convention.definition` maps these over the axes.

    y[n] = sum over t of  g(w[t]) * X[n*stride - before + dilation*s(t)]

with s(t) = t (cross-correlation) or K-1-t (convolution), and X the extended signal with
``upsample - 1`` zeros after each sample. It is the window of XLA's convolution
(https://openxla.org/xla/operation_semantics#conv_convolution), which this project checked by hand
against about 250 operator and option combinations.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SIZES", "Window", "dilated_extent", "upsampled_extent", "window"]

SIZES: dict[str, str] = {
    "full": "every output whose window meets the signal: before = after = D-1",
    "valid": "only windows that lie inside the signal: before = after = 0",
    "same": "as many outputs as samples, before = ceil((D-1)/2): NumPy, most of SciPy",
    "same-lower": "as ONNX SAME_LOWER: the odd padding sample before; the phase depends on N",
    "same-upper": "as ONNX SAME_UPPER, TensorFlow SAME: the odd padding sample after",
    "causal": "no output reads the future: before = D-1, after = 0",
}
"""The words for a size, and what each means (D: extent of the dilated kernel)."""


class Window(NamedTuple):
    """One axis of an operator on one signal length: everything the size word left open."""

    signal: int
    """N, samples of the signal."""
    kernel: int
    """K, taps of the kernel, at least 1."""
    before: int
    """Samples (of the upsampled signal) that the first window reaches past the start; may be negative."""
    after: int
    """The same past the end."""
    stride: int
    dilation: int
    upsample: int

    @property
    def outputs(self) -> int:
        """The number of outputs, never below zero."""
        inside = upsampled_extent(self.signal, self.upsample) + self.before + self.after
        return max(0, (inside - dilated_extent(self.kernel, self.dilation)) // self.stride + 1)

    @property
    def reach(self) -> tuple[int, int]:
        """The first and the last position that any output reads; last < first without outputs."""
        if not self.outputs:
            return -self.before, -self.before - 1
        last_start = (self.outputs - 1) * self.stride - self.before
        return -self.before, last_start + dilated_extent(self.kernel, self.dilation) - 1


def dilated_extent(kernel: int, dilation: int) -> int:
    """Return D, the number of positions from the first to the last tap of the dilated kernel."""
    return dilation * (kernel - 1) + 1


def upsampled_extent(signal: int, upsample: int) -> int:
    """Return U, the length of the signal after zeros were inserted; 0 for an empty signal."""
    return upsample * (signal - 1) + 1 if signal else 0


def window(
    size: str | tuple[int, int], signal: int, kernel: int, stride: int = 1, dilation: int = 1, upsample: int = 1
) -> Window:
    """Return the window that a size means for this signal and kernel length.

    Parameters
    ----------
    size : str or (int, int)
        One of `SIZES`, or (before, after).
    signal, kernel : int
        N >= 0 samples and K >= 1 taps.
    stride, dilation, upsample : int
        Each at least 1.
    """
    before, after = _before_after(size, signal, kernel, stride, dilation, upsample)
    return Window(signal, kernel, before, after, stride, dilation, upsample)


def _before_after(
    size: str | tuple[int, int], signal: int, kernel: int, stride: int, dilation: int, upsample: int
) -> tuple[int, int]:
    if not isinstance(size, str):
        return size
    extent = dilated_extent(kernel, dilation)
    if size == "full":
        return extent - 1, extent - 1
    if size == "valid":
        return 0, 0
    if size == "causal":
        return extent - 1, 0
    if size == "same":
        # ceil((D-1)/2) before: numpy.convolve(mode="same"), measured in tests/truth/test_libraries.py.
        # The upsample - 1 zeros that follow the last sample have outputs too, so that stride 1 gives
        # N*upsample of them; a stride then takes every stride-th.
        before = extent // 2
        return before, extent - 1 - before + (upsample - 1 if signal else 0)
    # total: https://onnx.ai/onnx/operators/onnx__Conv.html (auto_pad). `before` never exceeds D-1, so
    # that the first window touches the first sample (jax.lax.conv_transpose, padding="SAME").
    outputs = -(-signal * upsample // stride)
    total = max((outputs - 1) * stride + extent - upsampled_extent(signal, upsample), 0)
    half = (total + 1) // 2 if size == "same-lower" else total // 2
    before = min(extent - 1, half)
    return before, total - before
