"""`like`: an operator of another library, with its own signature, computed by our engine.

The original is never imported and never called: what it does is in its catalogue entry.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import cache, partial
from inspect import Parameter, Signature
from math import isfinite
from typing import Any

import numpy as np

from convention.arrays import Array, Library, library_of
from convention.catalogue import lookup
from convention.catalogue.entry import Operator, dtype_name, promoted
from convention.engine import apply
from convention.errors import ConventionTypeError, ConventionValueError

__all__ = ["like"]


@cache
def like(name: str) -> Callable[..., Array]:
    """Return a function that does what an operator of another library does, on our engine.

    It has the operator's own signature and defaults, refuses what the operator refuses, and returns its
    result: data type, rounding, overflow, size, exchanged operands.

    Parameters
    ----------
    name : str
        A name of `convention.catalogue.operators`, for example ``"scipy.ndimage.convolve"``.

    Returns
    -------
    callable
        Takes NumPy arrays, nested lists or torch tensors, and returns arrays of the same library and
        device. The original library is neither imported nor called.

    Raises
    ------
    ConventionValueError
        If the catalogue has no such operator, or no signature for it. The function itself raises a
        `ConventionTypeError` or `ConventionValueError` where the operator refuses its arguments.

    Examples
    --------
    >>> like("numpy.convolve")([1, 2, 3], [1, 0, 5], "same")
    array([ 2,  8, 10])
    """
    entry = lookup(name)
    if entry.bind is None:
        raise ConventionValueError(
            f"like({name!r})", "the catalogue has no signature for it", "operators with a signature", "use apply"
        )
    signature = _signature(entry.signature)

    def function(*args: Any, **kwargs: Any) -> Array:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ConventionTypeError(
                f"{name} called with {len(args)} arguments and the keywords {', '.join(kwargs) or 'none'}",
                str(error),
                f"{name}{entry.signature}",
                "see help() of this function",
            ) from None
        bound.apply_defaults()
        return _emulated(entry, bound.arguments)

    function.__name__ = function.__qualname__ = name.rpartition(".")[2]
    function.__doc__ = f"Do what {name} does, on Convention's engine.\n\n{entry.source}\n\n{entry.remarks}"
    function.__signature__ = signature  # type: ignore[attr-defined]  # what inspect.signature and help() show
    return function


def _signature(text: str) -> Signature:
    """Return the signature that a row of the catalogue writes down; its defaults are literals."""
    (definition,) = ast.parse(f"def function{text}: ...").body
    assert isinstance(definition, ast.FunctionDef)
    own = definition.args
    kinds = (Parameter.POSITIONAL_ONLY, own.posonlyargs), (Parameter.POSITIONAL_OR_KEYWORD, own.args)
    positional = [(one.arg, kind) for kind, group in kinds for one in group]
    defaults: list[Any] = [Parameter.empty] * (len(positional) - len(own.defaults))
    defaults += [ast.literal_eval(value) for value in own.defaults]
    parameters = [Parameter(name, kind, default=value) for (name, kind), value in zip(positional, defaults)]
    if own.vararg:
        parameters.append(Parameter(own.vararg.arg, Parameter.VAR_POSITIONAL))
    for one, value in zip(own.kwonlyargs, own.kw_defaults):
        default = Parameter.empty if value is None else ast.literal_eval(value)
        parameters.append(Parameter(one.arg, Parameter.KEYWORD_ONLY, default=default))
    if own.kwarg:
        parameters.append(Parameter(own.kwarg.arg, Parameter.VAR_KEYWORD))
    return Signature(parameters)


def _emulated(entry: Operator, arguments: Mapping[str, Any]) -> Array:
    given = dict(arguments)
    operands = {name: given[name] for name in entry.arrays if given[name] is not None}
    if operands:
        library = library_of(**operands)
        given |= {name: library.array(name, value) for name, value in operands.items()}
    assert entry.bind is not None
    signal, kernel, options, extras = entry.bind(**given)
    library = library_of(signal=signal, kernel=kernel)
    dtype = extras.get("dtype") or _result_dtype(entry, library, signal, kernel, options)
    if extras.get("nothing"):
        return library.zeros((0,), library.dtype_named(dtype), signal)
    result = _result(entry, library, signal, kernel, options, extras, dtype)
    if extras.get("conjugated"):
        result = result.conj()
    if "shape" in extras:
        result = result.reshape(extras["shape"])[()]
    if "out" in extras:
        extras["out"][...] = result
        return extras["out"]
    return result


def _result(
    entry: Operator,
    library: Library,
    signal: Array,
    kernel: Array,
    options: Mapping[str, Any],
    extras: Mapping[str, Any],
    dtype: str,
) -> Array:
    axes = extras.get("axes", tuple(range(signal.ndim)))
    shapes = tuple(signal.shape[axis] for axis in axes), tuple(kernel.shape[kernel.ndim - len(axes) :])
    reason = entry.accepts(*shapes, **options)
    if reason:
        raise ConventionValueError(
            f"{entry.name} of shapes {shapes[0]} and {shapes[1]}", reason, "what it accepts", f"see {entry.source}"
        )
    convention = entry.convention(*shapes, **options)
    if 0 in signal.shape:
        shape = list(signal.shape)
        for axis, outputs in zip(axes, convention.output_shape(*shapes)):
            shape[axis] = outputs
        if 0 in shape:
            return library.zeros(shape, library.dtype_named(dtype), signal)
    sums = dtype if entry.arithmetic.sums == "result" else _wide(entry.arithmetic.sums, signal, kernel)
    x, w = (library.converted(array, library.dtype_named(sums)) for array in (signal, kernel))
    if extras.get("divisor", 1) != 1:
        with np.errstate(divide="ignore", invalid="ignore"):
            w = w / extras["divisor"]
    sum_up = partial(apply, convention, x, w, axes=axes, method=extras.get("method", "direct"))
    result = _stored(library, sum_up, dtype, library.kind(x.dtype))
    spread = entry.transforms(*shapes, **options) and not all(isfinite(library.magnitude(one)) for one in (x, w))
    return result * float("nan") if spread and _kind(dtype) == "f" else result


def _stored(library: Library, sum_up: Callable[..., Array], dtype: str, summed: str) -> Array:
    """Return the sums as the operator stores them: wrapped, cut off, or rounded to its data type."""
    target = library.dtype_named(dtype)
    if _kind(dtype) == "f":
        with np.errstate(over="ignore"):
            return library.converted(sum_up(), target)
    if summed in "biu":  # of booleans: and, or
        return sum_up(dtype=target, overflow="saturate" if dtype == "bool" else "wrap")
    sums = sum_up()
    whole = np.trunc(sums) if library.name == "numpy" else sums.trunc()
    if dtype == "bool":  # stored as a byte
        return library.cast(whole, library.dtype_named("uint8"), "wrap") != 0
    return library.cast(whole, target, "wrap")


def _result_dtype(entry: Operator, library: Library, signal: Array, kernel: Array, options: Mapping[str, Any]) -> str:
    names = dtype_name(signal), dtype_name(kernel)
    if entry.result_dtype is not None:
        return entry.result_dtype(*names, **options)
    rule = entry.arithmetic.result
    if rule == "promoted":
        return dtype_name(library.zeros((), library.promoted(signal.dtype, kernel.dtype), signal))
    return names[0] if rule == "signal" else rule


def _wide(sums: str, signal: Array, kernel: Array) -> str:
    """Return the type that is summed in, complex where an operand is."""
    return promoted(sums, "complex64") if "complex" in dtype_name(signal) + dtype_name(kernel) else sums


def _kind(dtype: str) -> str:
    """Return "f" for everything that is not stored as an integer."""
    return "i" if "int" in dtype or dtype == "bool" else "f"
