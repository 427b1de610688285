"""Compiled functions, and their machine code on disk: later processes load what one has compiled.

One file per function, signature, machine and version of these sources; its name is the hash of all of them, so
no index can be wrong about it. A file is written under another name and then moved into place: processes that
start at once see a whole one or none. A file begins with the hash of its content, and one that does not match
counts as none. Where the folder cannot be read or written, functions are compiled in each process.

Numba's own cache keeps an index by number, which two processes can leave pointing at each other's files.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import SimpleNamespace
from typing import Any

import numba
from numba.core.caching import _Cache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompileResult
from numba.core.serialize import dumps

__all__ = ["cache_folder", "cached", "compiled"]


class _Part(JITCodeLibrary):  # type: ignore[misc]
    """Code that is optimised and made machine code only with the functions that it is compiled into.

    Numba does both for each function, and anew for all that call it: half of the time of a first call.
    """

    codegen = SimpleNamespace(set_env=lambda name, env: None)  # there is no machine code that would look for it

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


class _Within(Compiler):  # type: ignore[misc]
    """Numba's compiler, for functions that are compiled into others."""

    def define_pipelines(self) -> Any:
        self.state.library = _Part(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        return super().define_pipelines()


def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function into those that call it: Python itself cannot."""
    options |= {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return numba.njit(function, pipeline_class=_Within, **options)


def cached(function: Callable[..., Any], name: str) -> Any:
    """Compile a function when it is first called, without the interpreter's lock in it, and keep the code on disk.

    What it calls is kept with it, under a name that no other has.
    """
    dispatcher = numba.njit(function, error_model="numpy", nogil=True, no_cfunc_wrapper=True)
    dispatcher._cache = _Folder(name)
    return dispatcher


def cache_folder() -> Path:
    """Return the folder of compiled functions: ``CONVENTION_CACHE_DIR``, or the system's place for caches."""
    if named := os.environ.get("CONVENTION_CACHE_DIR"):
        return Path(named)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "convention"


# All that one function calls is compiled into it. Read when they are loaded: they may change while this process runs.
_SOURCES = sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()


class _Folder(_Cache):  # type: ignore[misc]
    """What Numba asks of a cache."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def cache_path(self) -> str:
        return str(cache_folder())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        target_context.refresh()
        try:
            content = self._path(sig, target_context).read_bytes()
        except (OSError, RuntimeError):  # no such file, or no home to look in
            return None
        digest, data = content[:32], content[32:]
        if sha256(data).digest() != digest:
            return None
        return CompileResult._rebuild(target_context, *pickle.loads(data))

    def save_overload(self, sig: Any, data: Any) -> None:
        payload = dumps(data._reduce())
        temporary = None
        try:
            path = self._path(sig, data.target_context)
            path.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=path.parent, prefix=path.stem, suffix=".part", delete=False) as temporary:
                temporary.write(sha256(payload).digest() + payload)
            Path(temporary.name).replace(path)
        except (OSError, RuntimeError):  # read-only, full, or no home: the code in memory serves this process
            if temporary is not None:
                Path(temporary.name).unlink(missing_ok=True)

    def enable(self) -> None:
        pass

    def disable(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def _path(self, sig: Any, target_context: Any) -> Path:
        machine = target_context.codegen().magic_tuple()
        parts = (self._name, str(sig), machine, numba.__version__, sys.version, _SOURCES)
        return cache_folder() / f"{self._name.strip('_')}-{sha256(repr(parts).encode()).hexdigest()[:32]}.bin"
