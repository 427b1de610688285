"""One axis of a convention: its fields, its canonical form, its adjoint."""

from __future__ import annotations

from math import gcd
from typing import NamedTuple

from convention.errors import ConventionValueError
from convention.fields import AxisSize, Number
from convention.geometry import Window, dilated_extent, upsampled_extent, window

__all__ = ["Axis"]


class Axis(NamedTuple):
    """What a convention says about one spatial axis."""

    number: int
    reversed: bool
    size: AxisSize
    boundary: str
    """A rule's name, no synonym."""
    value: Number
    stride: int
    dilation: int
    upsample: int

    def window(self, signal: int, kernel: int) -> Window:
        """Return what the size means for N samples and K taps."""
        return window(self.size, signal, kernel, self.stride, self.dilation, self.upsample)

    def canonical(self) -> Axis:
        """Return the simplest axis that computes the same on every signal with a sample."""
        size, steps = self.size, (self.stride, self.dilation, self.upsample)
        common = gcd(*steps)
        if isinstance(size, tuple):
            # Only floor((before+after)/common) is seen in the number of outputs, since all other terms
            # of U + before + after - D are multiples of `common` (N >= 1).
            before, after = size
            after = (before + after) // common * common - before
            if before % common == 0:
                before, after = before // common, after // common
            else:
                common = 1
            size = "valid" if (before, after) == (0, 0) else (before, after)
        elif self.stride == self.upsample and (size == "same-lower" or self.dilation % 2 == 0):
            # the padding is D-1 in all, whatever N is, and even where the dilation is
            size = "same" if size in ("same-lower", "same-upper") else size
        if size in ("same", "same-lower", "same-upper"):  # their before need not be a multiple
            common = 1
        inside = size == "valid" or (isinstance(size, tuple) and max(size) <= 0)
        return self._replace(
            size=size,
            boundary="zero" if inside else self.boundary,
            value=0 if inside else self.value,
            stride=self.stride // common,
            dilation=self.dilation // common,
            upsample=self.upsample // common,
        )

    def adjoint(self, signal: int, kernel: int) -> Axis:
        """Return the axis of the adjoint, for N samples and K taps; refuse where it is no convention."""
        w = self.window(signal, kernel)
        boundary = "zero" if max(w.before, w.after) <= 0 else self.boundary
        closed = boundary == "periodic" and w.outputs * self.stride == signal * self.upsample
        if not closed and (boundary != "zero" or self.value != 0):
            raise ConventionValueError(
                f"the adjoint for boundary={boundary!r} on axis {self.number}",
                f"borders fold back into the signal ({w.outputs} outputs, stride {self.stride}; "
                f"{signal} samples, upsample {self.upsample})",
                "boundary 'zero'; 'periodic' where outputs*stride == N*upsample",
                "use convention.linear_operator(convention, kernel, signal_shape).H, which folds the borders",
            )
        extent = dilated_extent(kernel, self.dilation)
        before = extent - 1 - w.before
        after = (signal - 1) * self.upsample + extent - upsampled_extent(w.outputs, self.stride) - before
        return self._replace(
            reversed=not self.reversed,
            size=(before, after),
            boundary=boundary,
            stride=self.upsample,
            upsample=self.stride,
        )
