"""Functions with another library's signature, made of catalogue entries."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import cache
from inspect import Parameter, Signature
from typing import Any

import numpy as np

from convention.arrays import Array, library_of
from convention.catalogue import lookup
from convention.catalogue.entry import Operator
from convention.catalogue.extras import Extras
from convention.emulation.storage import result_dtype
from convention.emulation.sums import stored_sums
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
            f"like({name!r})",
            "it is no function of arrays, so the catalogue has no signature for it",
            "functions of arrays",
            f"use apply(lookup({name!r}).convention(signal.shape, kernel.shape, ...), signal, kernel)",
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


def _read(value: Any) -> Any:
    """Return the NumPy array that an object gives which is none itself: a polynomial, a kernel of Astropy."""
    return np.asarray(value) if hasattr(value, "__array__") and not hasattr(value, "dtype") else value


def _emulated(entry: Operator, arguments: Mapping[str, Any]) -> Array:
    given = dict(arguments)
    operands = {name: _read(given[name]) for name in entry.arrays if given[name] is not None}
    if operands:
        library = library_of(**operands)
        given |= {name: library.array(name, value) for name, value in operands.items()}
    assert entry.bind is not None
    signal, kernel, options, special = entry.bind(**given)
    extras = Extras(**special)
    library = library_of(signal=signal, kernel=kernel)
    dtype = extras.dtype or result_dtype(entry, library, signal, kernel, options)
    if extras.nothing:
        return library.zeros(extras.shape or (0,), library.dtype_named(dtype), signal)
    if extras.computed is not None:
        with np.errstate(all="ignore"):
            result = extras.computed(apply, library)
    else:
        result = stored_sums(entry, library, signal, kernel, options, extras, dtype)
    if extras.conjugated:
        result = result.conj()
    if extras.finish is not None:
        result = extras.finish(result)
    if extras.shape is not None:
        result = result.reshape(extras.shape)[()]
    if extras.out is not None:
        extras.out[...] = result
        return extras.out
    return result
