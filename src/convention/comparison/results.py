"""What the other definition would do to your data: both results, how they relate, and that in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any

import numpy as np

from convention.arrays import Array, library_of
from convention.comparison.bands import Call, new_call, run
from convention.comparison.measures import Measures, difference_of
from convention.comparison.shift import equal_inside, interiors, moved_by
from convention.definition import Convention
from convention.engine.keywords import names_its_keywords

__all__ = ["Comparison", "compare"]


_TOWARDS = (("up", "down", "row"), ("left", "right", "column"))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Comparison:
    """Both definitions on the same data.

    Attributes
    ----------
    convolution, correlation : array
        Both results. Neither conjugates a complex kernel: they differ by its reversal and by nothing else.
    relation : str
        ``"identical"``, ``"negated"`` (only the sign), ``"moved"`` or ``"different"``, as these results show it;
        ``"undetermined"`` where no output is finite in both.
    moved : tuple of int or None
        For ``"moved"``: by how many outputs the convolution is shifted along each spatial axis, against the
        cross-correlation. Borders aside.
    largest, rms : number
        The largest absolute difference and the root of the mean squared one, over outputs that are finite.
    where : tuple of int or None
        The index of the largest difference; None where nothing differs.
    peak : number
        The largest absolute result of either definition.
    outputs, differing, left_out : int
        How many outputs there are, how many differ by more than rounding, and how many were left out of
        `largest` and `rms` because their difference is no finite number.
    near_border : bool
        For ``"different"``: whether no output differs whose window lies inside the signal.
    """

    convolution: Array
    correlation: Array
    relation: str
    moved: tuple[int, ...] | None
    largest: int | float
    rms: float
    where: tuple[int, ...] | None
    peak: int | float
    outputs: int
    differing: int
    left_out: int
    near_border: bool

    @property
    def difference(self) -> Array:
        """Convolution minus cross-correlation; of integers as int64, or Python integers where it overflows."""
        library = library_of(convolution=self.convolution)
        if library.name == "numpy":
            return difference_of(self.convolution, self.correlation)
        if library.kind(self.convolution.dtype) in "fc":
            return self.convolution - self.correlation
        wide = library.dtype_named("int64")
        return library.converted(self.convolution, wide) - library.converted(self.correlation, wide)

    @property
    def largest_share(self) -> float:
        """`largest` as a share of `peak`; 0 where both are."""
        return _share(self.largest, self.peak)

    @property
    def rms_share(self) -> float:
        """`rms` as a share of `peak`."""
        return _share(self.rms, self.peak)

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.relation == "undetermined":
            return f"undetermined: none of the {self.outputs} outputs is finite in both results"
        if self.left_out:
            return f"{self._sentence}; {self.left_out} of {self.outputs} outputs, not finite, are left out"
        return self._sentence

    @property
    def _sentence(self) -> str:
        if self.relation == "identical":
            sentence = "identical: both definitions give the same result on this data"
            return sentence + (", up to rounding" if self.largest else "")
        if self.relation == "negated":
            return "only the sign: the convolution is the cross-correlation with its sign reversed"
        if self.moved is not None:
            where = _directions(self.moved)
            return f"moved by {self.moved}: the convolution is the cross-correlation {where}, borders aside"
        if self.near_border:
            return f"different near the border only: {self.differing} of {self.outputs} outputs differ"
        share = f"{_percent(self.differing / self.outputs)} of the outputs differ"
        if not isfinite(self.largest_share) or not self.largest:
            return f"different: {share}"
        return f"different: {share}, by up to {_percent(self.largest_share)} of the largest result"

    def __str__(self) -> str:
        return self.verdict

    def __repr__(self) -> str:
        return f"<Comparison: {self.verdict}>"


@names_its_keywords
def compare(
    signal: Array,
    kernel: Array,
    *,
    size: Any = "same",
    boundary: Any = "zero",
    value: Any = 0,
    stride: Any = 1,
    dilation: Any = 1,
    upsample: Any = 1,
    axes: Any = None,
    method: str = "auto",
    dtype: Any = None,
    overflow: str = "raise",
    workers: int | None = None,
) -> Comparison:
    """Run both definitions on your data, and say what the word makes of it.

    Both are the same `Convention` but for `reversed_axes`. The verdict follows from the two results, never from
    the kernel alone: exact for integers; for floats, results are equal that are no farther apart than twice the
    error bound of the engine's method (see `convention.plan`), so that rounding alone may explain it.

    Parameters
    ----------
    signal, kernel : array
        As in `convolve`.
    size, boundary, value, stride, dilation, upsample, axes, method, dtype, overflow
        As in `convolve`.
    workers : int, optional
        The most threads to use.

    Returns
    -------
    Comparison
        Its arrays in the library and on the device of the inputs, with the data type that `convolve` gives.

    Raises
    ------
    ConventionTypeError, ConventionValueError, ConventionOverflowError
        As in `convolve`.

    Notes
    -----
    `correlate` conjugates complex kernels, as NumPy does; here neither definition does, so that one difference
    is seen at a time.

    Examples
    --------
    >>> result = compare([1, 2, 3], [1, 0, 5])
    >>> result.convolution, result.correlation, result.largest
    (array([ 2,  8, 10]), array([10, 16,  2]), 8)
    >>> print(compare([3, 1, 4, 1, 5], [-1, 0, 1]))
    only the sign: the convolution is the cross-correlation with its sign reversed
    >>> compare([3, 1, 4, 1, 5], [0, 0, 1]).moved
    (2,)
    """
    convention = Convention(
        size=size, boundary=boundary, value=value, stride=stride, dilation=dilation, upsample=upsample
    )
    call = new_call(
        convention, signal, kernel, axes=axes, method=method, dtype=dtype, overflow=overflow, workers=workers
    )
    convolution, correlation, measures = run(call)
    relation, moved, near_border = _relation(call, convolution, correlation, measures)
    return Comparison(
        convolution=convolution,
        correlation=correlation,
        relation=relation,
        moved=moved,
        largest=measures.largest,
        rms=sqrt(measures.squares / measures.compared) if measures.compared else 0.0,
        where=measures.where if measures.largest else None,
        peak=measures.peak.item() if isinstance(measures.peak, np.generic) else measures.peak,
        outputs=measures.outputs,
        differing=measures.differing,
        left_out=measures.outputs - measures.compared,
        near_border=near_border,
    )


def _relation(
    call: Call, convolution: Array, correlation: Array, measures: Measures
) -> tuple[str, tuple[int, ...] | None, bool]:
    """Return the relation, the shift where there is one, and whether only the borders differ."""
    if measures.outputs and not measures.compared:
        return "undetermined", None, False
    if measures.identical:
        return "identical", None, False
    if measures.negated:
        return "negated", None, False
    assert measures.where is not None  # results that differ have an output
    count = len(call.job.axes)
    last = tuple(range(-count, 0))
    a, b = (np.moveaxis(call.job.library.to_numpy(one), call.job.axes, last) for one in (convolution, correlation))
    where = [p for axis, p in enumerate(measures.where) if axis not in call.job.axes]
    where += [measures.where[axis] for axis in call.job.axes]
    if equal_inside(a, b, interiors(call), (0,) * count, measures.tolerance):
        return "different", None, True
    moved = moved_by(call, a, b, where, measures.tolerance)
    return "different" if moved is None else "moved", moved, False


def _share(part: int | float, whole: int | float) -> float:
    return float(part / whole) if whole else 0.0


def _percent(share: float) -> str:
    """Return a share in words that never say all or none where it is not."""
    if 0.999 < share < 1:
        return "over 99.9 %"
    return "under 0.1 %" if 0 < share < 0.001 else f"{100 * share:.3g} %"


def _directions(moved: tuple[int, ...]) -> str:
    """Return a shift in words."""
    if len(moved) == 1:
        return f"moved {_count(moved[0], 'sample')} {'later' if moved[0] > 0 else 'earlier'}"
    if len(moved) == 2:
        steps = [f"{_count(s, noun)} {on if s > 0 else back}" for s, (back, on, noun) in zip(moved, _TOWARDS) if s]
    else:
        steps = [f"{'+' if s > 0 else '−'}{_count(s, 'sample')} along axis {axis}" for axis, s in enumerate(moved) if s]
    return f"moved {' and '.join(steps)}"


def _count(number: int, noun: str) -> str:
    return f"{abs(number)} {noun}" + "s" * (abs(number) != 1)
