"""JAX on the CPU: lax.conv_general_dilated and jax.scipy.signal.fftconvolve, compiled, with padding inside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.signal
import numpy as np
from jax import lax

from benchmarks.contest import Contender
from benchmarks.problems import Problem
from benchmarks.truth import PAD_MODES

__all__ = ["contenders"]

jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]
jax.config.update("jax_platforms", "cpu")  # type: ignore[no-untyped-call]


def contenders(problem: Problem) -> Iterator[Contender]:
    """Yield the forms; one compiled function each, so that padding and casts fuse where XLA can."""
    cell = problem.cell
    if cell.to:
        return
    inner = problem.dtype
    if problem.exact:
        inner = np.dtype(np.float32 if problem.scale < 2**24 else np.float64)
    n, dims = cell.ndim, "DHW"[-cell.ndim :]
    groups = cell.batch[0] if cell.kind == "depthwise" else 1
    lead = (1, groups) if cell.kind == "depthwise" else (*(cell.batch or (1,)), 1)
    weights = jnp.asarray(problem.weights.astype(inner).reshape(groups, 1, *[cell.taps] * n))
    signal = jnp.asarray(problem.signal)
    own = cell.boundary == "zero"
    sides = [(problem.before, problem.before)] * n

    def padded(x: Any) -> Any:
        return jnp.pad(x, [(0, 0)] * len(cell.batch) + sides, mode=PAD_MODES[cell.boundary])

    def conv(image: Any, kernel: Any, padding: Any) -> Any:
        return lax.conv_general_dilated(
            image,
            kernel,
            [cell.stride] * n,
            padding,
            rhs_dilation=[cell.dilation] * n,
            dimension_numbers=(f"NC{dims}", f"OI{dims}", f"NC{dims}"),
            feature_group_count=groups,
            precision=lax.Precision.HIGHEST,
        )

    @jax.jit
    def dense(x: Any) -> Any:
        x = x if own else padded(x)
        image = x.astype(inner).reshape(*lead, *x.shape[-n:])
        result = conv(image, weights, sides if own else [(0, 0)] * n)
        return result.reshape(problem.output_shape).astype(problem.dtype)

    # its three-dimensional sums are a hundred times slower than its others
    guess = 15 if cell.kind == "3-D" else 0.2
    yield Contender("jax", "lax.conv", lambda: dense(signal).block_until_ready(), guess, compiles=True)
    if problem.factors and cell.kind != "1-D":
        factors = []
        for axis, factor in enumerate(problem.factors):
            shape = [1] * n
            shape[axis] = -1
            factors.append(jnp.asarray(factor[::-1].astype(inner).reshape(1, 1, *shape)))

        @jax.jit
        def separable(x: Any) -> Any:
            x = x if own else padded(x)
            image = x.astype(inner).reshape(*lead, *x.shape[-n:])
            for axis, factor in enumerate(factors):
                image = conv(image, factor, [sides[0] if own and a == axis else (0, 0) for a in range(n)])
            return image.reshape(problem.output_shape).astype(problem.dtype)

        yield Contender("jax", "lax.conv per axis", lambda: separable(signal).block_until_ready(), 0.02, compiles=True)
    if problem.dtype.kind in "fc" and cell.taps**n >= 225 and not cell.batch and cell.taps <= min(cell.spatial):
        kernel = jnp.asarray(problem.spread.astype(inner))
        mode: Any = cell.size if own else "valid"

        @jax.jit
        def spectral(x: Any) -> Any:
            x = (x if own else padded(x)).astype(inner)
            return jax.scipy.signal.fftconvolve(x, kernel, mode)[(slice(None, None, cell.stride),) * n]

        yield Contender("jax", "fftconvolve", lambda: spectral(signal).block_until_ready(), compiles=True)
