"""What can be identified: functions, modules of layers, names, functions in files, and programs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from convention.arithmetic import Layout
from convention.catalogue import lookup, operators
from convention.errors import ConventionFileError, ConventionTypeError, ConventionValueError, MissingLibraryError
from convention.identification.layouts import SPATIAL
from convention.identification.programs import program
from convention.identification.subject import PLAIN, Presentation, Subject, UndeterminedError

__all__ = ["as_subject"]

_CHANNELS = (("NC*", "OI*"), ("N*C", "*IO"))
"""Further axes of signal and kernel that array functions want, besides none."""

_ALLOWED = (
    "a function of (signal, kernel), or of (signal); a torch.nn.Module; a name such as 'scipy.ndimage.convolve'; "
    "'file.py:function'; 'cmd:PROGRAM'"
)


def as_subject(
    target: Any, *, kernel: NDArray[Any] | None, kernels: Sequence[NDArray[Any]], time_limit: float
) -> Subject:
    """Return something that was named or given as a subject.

    Raises
    ------
    ConventionTypeError, ConventionValueError, ConventionFileError, MissingLibraryError
        If there is nothing to call.
    """
    if isinstance(target, str):
        command, colon, rest = target.partition(":")
        if colon and command in ("cmd", "cmd+json"):
            as_json = command == "cmd+json"
            child = program(rest, as_json=as_json, takes_kernel=kernel is None, time_limit=time_limit)
            child.kernel = kernel
            return child
        if target in operators():
            return _catalogued(target, kernel, kernels, time_limit)
        function = _from_file(target) if ".py:" in target else _imported(target)
        name = target
    else:
        function, name = target, getattr(target, "__name__", type(target).__name__)
        name = "the function" if name == "<lambda>" else name
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(function, torch.nn.Module):
        return _module(function, kernel, kernels, time_limit)
    if not callable(function):
        raise ConventionTypeError(
            f"identify({target!r})", f"a {type(function).__name__}, which cannot be called", _ALLOWED, "pass a function"
        )
    least, most = _arguments(function)
    alone = kernel is not None or (not kernels and most == 1)
    return Subject(
        function,
        name=name,
        takes_kernel=not alone,
        perhaps_alone=least <= 1 and not kernels,
        kernel=kernel,
        kernels=tuple(kernels),
        ndims=(kernel.ndim,) if kernel is not None else tuple(sorted({k.ndim for k in kernels})) or (2, 1, 3),
        presentations=_presentations(function),
        time_limit=time_limit,
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


def _presentations(function: Callable[..., Any]) -> tuple[Presentation, ...]:
    """Return ways to hand over arrays: as they are, then with axes for channels, then the same as tensors."""
    plain = [PLAIN, *(Presentation(signal, kernel) for signal, kernel in _CHANNELS)]
    module = str(getattr(function, "__module__", "") or "").partition(".")[0]
    # torch's own functions are built in, and say so only in their documentation's type
    if module == "torch" or "torch" in type(function).__module__ or "torch" in str(getattr(function, "__doc__", "")):
        return Presentation("NC*", "OI*", tensors=True), Presentation(tensors=True), PLAIN
    return tuple(plain)


def _catalogued(name: str, kernel: NDArray[Any] | None, kernels: Sequence[NDArray[Any]], time_limit: float) -> Subject:
    operator = lookup(name)
    if not operator.installed:
        raise MissingLibraryError(
            name,
            f"{operator.library} is not installed",
            "operators of installed libraries",
            f"pip install {operator.library.partition('.')[0]}",
        )
    options = next(operator.cases())

    def ask(signal: NDArray[Any], weights: NDArray[Any] | None = None) -> Any:
        return operator.call(signal, kernel if weights is None else weights, **options)

    return Subject(
        ask,
        name=name,
        takes_kernel=kernel is None,
        kernel=kernel,
        kernels=tuple(kernels),
        ndims=tuple(sorted(operator.ndims, key=(2, 1, 3).index)),
        layout=operator.layout,
        time_limit=time_limit,
    )


def _imported(name: str) -> Any:
    """Return what a dotted name means, importing modules from the left."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts) or len(parts) < 2:
        raise ConventionValueError(f"identify({name!r})", "no name, no file and no program", _ALLOWED, "write one")
    if find_spec(parts[0]) is None:
        raise MissingLibraryError(
            name, f"there is no module {parts[0]!r}", "modules that are installed", f"pip install {parts[0]}"
        )
    found: Any = import_module(parts[0])
    for count, part in enumerate(parts[1:], 2):
        if not hasattr(found, part):
            try:
                import_module(".".join(parts[:count]))
            except ImportError:
                raise ConventionValueError(
                    f"identify({name!r})",
                    f"{'.'.join(parts[: count - 1])} has no {part!r}",
                    "the import path of a function",
                    "check the spelling",
                ) from None
        found = getattr(found, part)
    return found


def _from_file(target: str) -> Any:
    file, _, name = target.rpartition(":")
    path = Path(file)
    asked, allowed = f"identify({target!r})", "file.py:function"
    if not path.is_file():
        raise ConventionFileError(asked, f"there is no file {file}", allowed, "check the path")
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # it is the user's file: whatever it raises
        raise ConventionFileError(
            asked, f"importing it raises {type(error).__name__}: {error}", allowed, "make it importable"
        ) from None
    if not hasattr(module, name):
        functions = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise ConventionValueError(asked, f"it has no {name!r}", ", ".join(functions) or allowed, "name one of these")
    return getattr(module, name)


def _module(module: Any, kernel: NDArray[Any] | None, kernels: Sequence[NDArray[Any]], time_limit: float) -> Subject:
    """Return a layer as a subject: its first channel, with copies of its weight in place of the weight."""
    import torch

    weight = getattr(module, "weight", None)
    name = type(module).__name__
    if not isinstance(weight, torch.Tensor):
        kind = next((str(p.dtype) for p in module.parameters()), "torch.float32").removeprefix("torch.")

        @torch.no_grad()
        def answer(signal: Any) -> Any:
            return module(signal)

        ways = (Presentation("NC*", "OI*", tensors=True), Presentation(tensors=True))
        return Subject(
            answer,
            name=name,
            takes_kernel=False,
            kernel=kernel,
            pairs=((kind, kind),),
            presentations=ways,
            time_limit=time_limit,
        )
    if not 3 <= weight.ndim <= 5:
        raise UndeterminedError(f"the weight of {name} has {weight.ndim} axes, which leaves no 1 to 3 spatial ones")
    transposed = bool(getattr(module, "transposed", False))
    groups = getattr(module, "groups", 1)
    channels = getattr(module, "in_channels", weight.shape[0] if transposed else weight.shape[1] * groups)
    kind = str(weight.dtype).removeprefix("torch.")

    @torch.no_grad()
    def ask(signal: NDArray[Any], taps: NDArray[Any]) -> Any:
        images = torch.zeros((1, channels, *signal.shape), dtype=torch.from_numpy(signal).dtype, device=weight.device)
        images[0, 0] = torch.from_numpy(signal)
        copy = torch.zeros((*weight.shape[:2], *taps.shape), dtype=torch.from_numpy(taps).dtype, device=weight.device)
        copy[0, 0] = torch.from_numpy(taps)
        given = {"weight": copy}
        if isinstance(getattr(module, "bias", None), torch.Tensor):
            given["bias"] = module.bias.to(copy.dtype)
        # the module keeps its own
        return torch.func.functional_call(module, given, (images,))[0, 0]

    # its padding may have been computed from this one kernel shape
    shape = tuple(int(n) for n in weight.shape[2:])
    spatial = SPATIAL[len(shape)]
    return Subject(
        ask,
        name=name,
        kernels=tuple(kernels),
        kernel_shape=shape,
        ndims=(len(shape),),
        pairs=((kind, kind),),
        layout=Layout(signal=f"NC{spatial}", kernel=f"{'IO' if transposed else 'OI'}{spatial}", result=f"NC{spatial}"),
        time_limit=time_limit,
    )
