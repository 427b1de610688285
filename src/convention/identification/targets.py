"""What can be identified: functions, modules of layers, names, functions in files, and programs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from convention.catalogue import lookup, operators
from convention.catalogue.entry import Operator
from convention.errors import (
    ConventionFileError,
    ConventionTypeError,
    ConventionValueError,
    MissingLibraryError,
    nearest,
)
from convention.identification.layouts import CHANNELLED, LESS_COMMON
from convention.identification.modules import module_subject
from convention.identification.programs import program
from convention.identification.subject import PLAIN, Subject

__all__ = ["as_subject"]

_ALLOWED = (
    "a function of (signal, kernel), or of (signal); a torch.nn.Module; a name such as 'scipy.ndimage.convolve'; "
    "'file.py:function'; 'cmd:PROGRAM'"
)


def as_subject(
    target: Any,
    *,
    kernel: NDArray[Any] | None,
    kernels: Sequence[NDArray[Any]],
    time_limit: float,
    options: Mapping[str, Any],
) -> Subject:
    """Return something that was named or given as a subject; the options are those of a name of the catalogue.

    Raises
    ------
    ConventionTypeError, ConventionValueError, ConventionFileError, MissingLibraryError
        If there is nothing to call.
    """
    if options and not (isinstance(target, str) and target in operators()):
        raise ConventionTypeError(
            f"options={dict(options)!r}", f"{target!r} is no name of the catalogue", "options of catalogued operators",
            "pass a function that has them set, such as lambda x, k: f(x, k, mode='wrap')",
        )  # fmt: skip
    if isinstance(target, str):
        command, colon, rest = target.partition(":")
        if colon and command in ("cmd", "cmd+json"):
            as_json = command == "cmd+json"
            child = program(rest, as_json=as_json, takes_kernel=kernel is None, time_limit=time_limit)
            child.kernel = kernel
            return child
        if target in operators():
            return _catalogued(target, kernel, kernels, time_limit, options)
        function = _from_file(target) if ".py:" in target else _imported(target)
        name = target
    else:
        function, name = target, getattr(target, "__name__", type(target).__name__)
        name = "the function" if name == "<lambda>" else name
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(function, torch.nn.Module):
        return module_subject(function, kernel, kernels, time_limit)
    if not callable(function):
        raise ConventionTypeError(
            f"identify({target!r})", f"a {type(function).__name__}, which cannot be called", _ALLOWED, "pass a function"
        )
    least, most = _arguments(function)
    alone = kernel is not None or (not kernels and most == 1)
    ways = _ways(function, alone=alone)
    if kernel is not None or kernels:
        ways["ndims"] = (kernel.ndim,) if kernel is not None else tuple(sorted({k.ndim for k in kernels}))
    return Subject(
        function,
        name=name,
        takes_kernel=not alone,
        perhaps_alone=least <= 1 and not kernels,
        kernel=kernel,
        kernels=tuple(kernels),
        time_limit=time_limit,
        **ways,
    )


def _arguments(function: Callable[..., Any]) -> tuple[int, int]:
    """Return how many arguments a function must and can be given by position; 2 where nothing says so."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 2, 2
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return 2, 2
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    ours = [p for p in parameters if p.kind in kinds]
    return sum(p.default is inspect.Parameter.empty for p in ours), len(ours)


def _ways(function: Callable[..., Any], *, alone: bool) -> dict[str, Any]:
    """Return how to hand over arrays: as they are, then with axes for channels; otherwise for some libraries."""
    inner = function
    while isinstance(inner, partial):
        inner = inner.func
    libraries = _libraries(inner)
    tensors = tuple(replace(way, tensors=True) for way in (CHANNELLED[0], PLAIN))
    spare = LESS_COMMON
    found: dict[str, Any] = {"presentations": (PLAIN, *CHANNELLED)}
    # torch's own functions are built in, and say so only in their documentation's type
    built_in = not inspect.isfunction(inner) and "torch" in str(getattr(inner, "__doc__", ""))
    if built_in or str(getattr(inner, "__module__", "")).partition(".")[0] == "torch":
        found["presentations"] = (*tensors, PLAIN)
        spare = tuple(replace(way, tensors=True) for way in LESS_COMMON if way.signal == "NC*")
    elif "torch" in libraries:  # a function of tensors, or one that makes them of its arrays
        spare = (*tensors, *LESS_COMMON, *(replace(way, tensors=True) for way in LESS_COMMON if way.signal == "NC*"))
    elif libraries & {"tensorflow", "keras"}:
        # measured: tensorflow.nn.conv2d, given too few axes, ends the process; too many it refuses
        found = {"presentations": (CHANNELLED[1], CHANNELLED[0], PLAIN), "ndims": (3, 2, 1), "fragile": True}
    elif libraries & {"jax.lax", "flax"}:  # where every refusal takes long
        found["presentations"] = (*CHANNELLED, PLAIN)
        spare = (*CHANNELLED, *LESS_COMMON)
    if alone:  # the kernel's axes do not matter
        spare = tuple(dict.fromkeys(replace(way, kernel="*") for way in spare))
    return found | {"spare": spare}


def _libraries(function: Any) -> set[str]:
    """Return the libraries, and jax.lax, whose modules and functions a function names."""
    try:
        variables = inspect.getclosurevars(function)
    except (TypeError, ValueError):
        values = [function]
    else:
        values = [function, *variables.nonlocals.values(), *variables.globals.values()]
        values += [getattr(value, "lax", None) for value in values if "lax" in variables.unbound]
    names = {str(value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", "")) for value in values}
    names = {name.replace("jax._src", "jax") for name in names}
    return {name.partition(".")[0] for name in names} | {"jax.lax" for name in names if name.startswith("jax.lax")}


def _catalogued(
    name: str,
    kernel: NDArray[Any] | None,
    kernels: Sequence[NDArray[Any]],
    time_limit: float,
    chosen: Mapping[str, Any],
) -> Subject:
    operator = lookup(name)
    if operator.missing:
        raise MissingLibraryError(
            name,
            f"{operator.missing} is not installed",
            "operators of installed libraries",
            operator.how_to_install,
        )
    options = next(operator.cases()) | {name: _value(operator, name, value) for name, value in chosen.items()}
    shown = ", ".join(f"{name}={options[name]!r}" for name in chosen)

    def ask(signal: NDArray[Any], weights: NDArray[Any] | None = None) -> Any:
        return operator.call(signal, kernel if weights is None else weights, **options)

    return Subject(
        ask,
        name=f"{name}({shown})" if shown else name,
        takes_kernel=kernel is None,
        kernel=kernel,
        kernels=tuple(kernels),
        ndims=tuple(sorted(operator.ndims, key=(2, 1, 3).index)),
        layout=operator.layout,
        time_limit=time_limit,
    )


def _value(operator: Operator, name: str, value: Any) -> Any:
    """Return the value of an option; a text may spell one of those that are measured."""
    asked, names = f"{name}={value!r}", list(operator.options)
    if name not in operator.options:
        raise ConventionValueError(
            asked,
            f"{operator.name} has no option {name!r} in the catalogue",
            ", ".join(names) or "none: it has no options",
            nearest(name, names) if names else "leave it out",
        )
    measured = {str(one): one for one in operator.options[name]}
    if value in measured.values() or value not in measured:
        return value
    return measured[value]


def _imported(name: str) -> Any:
    """Return what a dotted name means, importing modules from the left."""
    asked, parts = f"identify({name!r})", name.split(".")
    if not all(part.isidentifier() for part in parts) or len(parts) < 2:
        raise ConventionValueError(asked, "no name, no file and no program", _ALLOWED, "write one")
    file = Path(f"{parts[0]}.py")
    if parts[1] == "py" and file.is_file():
        raise ConventionValueError(asked, "a file, but none of its functions", "file.py:function", f"{file}:NAME")
    if parts[0] not in sys.modules and find_spec(parts[0]) is None:
        if file.is_file():
            raise ConventionValueError(
                asked, f"{parts[0]} is no installed module, but there is a file {file}", _ALLOWED, f"{file}:{parts[-1]}"
            )
        entries = (lookup(known) for known in operators())
        ways = (one.how_to_install for one in entries if not one.program and one.library.partition(".")[0] == parts[0])
        raise MissingLibraryError(
            name,
            f"there is no module {parts[0]!r}",
            "modules that are installed",
            next(ways, f"pip install {parts[0]}"),
        )
    found: Any = _module(asked, parts[0])
    for count, part in enumerate(parts[1:], 2):
        if not hasattr(found, part):
            if _spec(".".join(parts[:count])) is None:
                raise ConventionValueError(
                    asked,
                    f"{'.'.join(parts[: count - 1])} has no {part!r}",
                    "the import path of a function",
                    "check the spelling",
                )
            _module(asked, ".".join(parts[:count]))
        found = getattr(found, part)
    return found


def _spec(name: str) -> Any:
    """Return how a submodule is found; None where there is none, or where its parent is no package."""
    try:
        return find_spec(name)
    except (ImportError, AttributeError, ValueError):
        return None


def _module(asked: str, name: str) -> Any:
    """Import a module by its name, or say what importing it raises."""
    try:
        return import_module(name)
    except (Exception, SystemExit) as error:  # whatever the module's own code raises
        raise ConventionValueError(
            asked,
            f"importing {name} raises {type(error).__name__}: {error}",
            "modules that can be imported",
            "import it in Python to see why",
        ) from None


def _from_file(target: str) -> Any:
    file, _, name = target.rpartition(":")
    path = Path(file)
    asked, allowed = f"identify({target!r})", "file.py:function"
    if not path.is_file():
        raise ConventionFileError(asked, f"there is no file {file}", allowed, "check the path")
    # dataclasses look for their module by its name
    spec = spec_from_file_location(f"identified_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[module.__name__] = module
    folder = str(path.resolve().parent)
    sys.path.append(folder)  # it may import the files beside it
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # it is the user's file: whatever it raises
        raise ConventionFileError(
            asked, f"importing it raises {type(error).__name__}: {error}", allowed, "make it importable"
        ) from None
    finally:
        sys.path.remove(folder)
    if not hasattr(module, name):
        functions = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise ConventionValueError(asked, f"it has no {name!r}", ", ".join(functions) or allowed, "name one of these")
    return getattr(module, name)
