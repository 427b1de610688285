"""A convention with a fixed kernel as a linear operator, with its exact adjoint for every linear boundary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from convention.arrays import Array, Library, library_of
from convention.boundary import index_map
from convention.definition import Convention, as_convention
from convention.engine import apply
from convention.errors import ConventionOverflowError, ConventionTypeError, ConventionValueError
from convention.fields import shape_field

__all__ = ["LinearOperator", "linear_operator"]


class LinearOperator:
    """The matrix A of ``y = apply(convention, x, kernel)``, without ever forming it.

    It multiplies flat vectors as scipy.sparse.linalg's operators do (``A @ x``, `matvec`, `rmatvec`, ``A.H``,
    ``A.T``; scipy.sparse.linalg.aslinearoperator and its solvers take it), and arrays of the shapes
    `signal_shape` and `output_shape` just as well.

    Attributes
    ----------
    shape : (int, int)
        Number of outputs, number of samples.
    signal_shape, output_shape : tuple of int
        The shapes behind the two numbers.
    dtype : data type
        Of the kernel.
    """

    def __init__(self, convention: Convention, kernel: Array, signal_shape: tuple[int, ...], *, adjoint: bool) -> None:
        self._convention, self._kernel, self._adjoint = convention, kernel, adjoint
        self._inner = signal_shape
        self._outer = convention.output_shape(signal_shape, tuple(kernel.shape))
        self.signal_shape, self.output_shape = (self._outer, self._inner) if adjoint else (self._inner, self._outer)
        self.shape = (prod(self.output_shape), prod(self.signal_shape))
        self.dtype = kernel.dtype

    def __repr__(self) -> str:
        name = "adjoint of " if self._adjoint else ""
        return f"<LinearOperator {self.signal_shape} -> {self.output_shape}, {name}{self._convention}>"

    def matvec(self, x: Array) -> Array:
        """Return ``A x``.

        Parameters
        ----------
        x : array, shape `signal_shape`, (samples,) or (samples, 1)
            Of the kernel's library.

        Returns
        -------
        array
            Of shape `output_shape` for the first, flat for the others.

        Raises
        ------
        ConventionTypeError, ConventionValueError
            If x is no array of the kernel's library, or has another shape.
        ConventionOverflowError
            If sums of integers could leave 64 bits.
        """
        library = library_of(x=x, kernel=self._kernel)
        values = library.array("x", x)
        shape = tuple(values.shape)
        if shape not in (self.signal_shape, (self.shape[1],), (self.shape[1], 1)):
            raise ConventionValueError(
                f"a vector of shape {shape}",
                f"the operator takes {self.shape[1]} samples",
                f"shape {self.signal_shape}, ({self.shape[1]},) or ({self.shape[1]}, 1)",
                "pass the signal in its own shape, or ravelled",
            )
        values = values.reshape(self.signal_shape)
        result = self._folded(library, values) if self._adjoint else apply(self._convention, values, self._kernel)
        return result if shape == self.signal_shape else result.reshape((-1, *shape[1:]))

    def rmatvec(self, y: Array) -> Array:
        """Return ``A^H y``, the adjoint's product; shapes as in `matvec`, the other way round."""
        return self.H.matvec(y)

    def __matmul__(self, x: Array) -> Array:
        """Return ``A x``, as `matvec`."""
        return self.matvec(x)

    @property
    def H(self) -> LinearOperator:  # noqa: N802
        """The adjoint: the conjugate transpose."""
        return LinearOperator(self._convention, self._kernel, self._inner, adjoint=not self._adjoint)

    @property
    def T(self) -> LinearOperator:  # noqa: N802
        """The transpose: the adjoint of the operator with the conjugated kernel."""
        conjugated = replace(self._convention, conjugate=not self._convention.conjugate)
        return LinearOperator(conjugated, self._kernel, self._inner, adjoint=not self._adjoint)

    def _folded(self, library: Library, outputs: Array) -> Array:
        """Apply the adjoint: to the signal as the windows saw it, then fold that back onto the samples.

        A is (windows over the extended signal) after (extension). The first has a convention as its
        adjoint, since nothing lies beyond; the adjoint of copying a sample is adding to it.
        """
        windows = self._convention.windows(self._inner, tuple(self._kernel.shape))
        axes = self._convention.axes(len(windows))
        starts, size, seen = [], [], []
        for window in windows:
            low, high = window.reach
            start, stop = -(-low // window.upsample), high // window.upsample + 1
            count = max(stop - start, 0) if window.outputs else 0
            before = window.before + start * window.upsample
            extent = window.dilation * (window.kernel - 1) + 1
            reach = (window.outputs - 1) * window.stride + extent
            after = reach - before - ((count - 1) * window.upsample + 1 if count else 0)
            starts.append(start)
            seen.append(count)
            size.append((before, after))
        inner = replace(self._convention, size=tuple(size), boundary="zero", value=0)
        back = inner.adjoint(seen, tuple(self._kernel.shape))
        result = apply(back, outputs, self._kernel)
        for axis, window, start in zip(axes, windows, starts):
            positions = np.arange(start, start + result.shape[axis.number])
            index = index_map(axis.boundary, positions, window.signal)
            _check_fold(library, result, index)
            result = library.folded(result, axis.number, index, window.signal)
        return result


def _check_fold(library: Library, outputs: Array, index: NDArray[np.int64]) -> None:
    """Refuse integers that could leave 64 bits when they are added up onto the samples."""
    kind = library.kind(outputs.dtype)
    if kind not in "iu" or not (index >= 0).any():
        return
    low, high = library.integer_range(outputs)
    largest, most = max(-low, high), int(np.bincount(index[index >= 0]).max())
    limit = 2**64 - 1 if kind == "u" else 2**63 - 1
    if most * largest > limit:
        raise ConventionOverflowError(
            f"an exact sum of integers in {outputs.dtype}",
            f"{most} positions fold onto one sample, the largest holds {largest}",
            f"at most {limit} in all",
            "convert the kernel and the outputs to float64, or scale them down",
        )


def linear_operator(convention: Convention | str, kernel: Array, signal_shape: Sequence[int]) -> LinearOperator:
    """Return the linear operator that a convention and a kernel are on signals of one shape.

    Parameters
    ----------
    convention : Convention or str
        The definition, as in `apply`. Every boundary but a constant other than zero is linear.
    kernel : array, shape (k, ...)
        One axis per axis of the signal, all spatial.
    signal_shape : tuple of int
        The signal's shape.

    Returns
    -------
    LinearOperator
        Of shape (outputs, samples); its adjoint ``.H`` folds the borders back, exactly for integers.

    Raises
    ------
    ConventionValueError
        If the boundary is a constant other than zero (then the operator is not linear), or as `Convention.windows`.

    Notes
    -----
    Claerbout, Earth Soundings Analysis, chapter "Adjoint operators": the adjoint of extension is folding.

    Examples
    --------
    >>> A = linear_operator(Convention(boundary="edge"), [1, 2, 4], (3,))
    >>> A @ [1, 10, 100]
    array([ 16, 124, 340])
    >>> A.H @ [1, 10, 100]
    array([ 46, 421, 310])
    """
    convention = as_convention(convention)
    library = library_of(kernel=kernel)
    taps = library.array("kernel", kernel)
    shape = shape_field("signal_shape", signal_shape)
    axes = convention.axes(len(shape))
    if any(axis.value != 0 for axis in axes):
        raise ConventionValueError(
            f"a linear operator for boundary='constant', value={convention.value!r}",
            "samples beyond the border that are not zero make it affine: A(0) is not 0",
            "every boundary but a constant other than zero",
            "use boundary='zero', and add apply(convention, zeros, kernel) to the result",
        )
    for axis, n in zip(axes, shape):
        if n == 0 and axis.boundary != "zero":
            raise ConventionValueError(
                f"boundary={axis.boundary!r} for signal_shape={shape}",
                "the signal is empty there: no sample to copy",
                "'zero' on an empty axis",
                "choose it, or a signal with samples",
            )
    if len(taps.shape) != len(shape):
        raise ConventionTypeError(
            f"a kernel of {len(taps.shape)} axes for signal_shape={shape}",
            "batch and channel axes are no part of the operator",
            "as many kernel axes as the signal has",
            "make one operator per channel",
        )
    return LinearOperator(convention, taps, shape, adjoint=False)
