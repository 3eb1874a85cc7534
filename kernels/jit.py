"""`@jit`: machine code from Numba, built at the first call and kept in the lab's own cache.

Numba is not imported before a function decorated here is first called: a file of kernels can be
imported, and its oracles used, without it. Until then the name holds a `Deferred`; the first call
replaces it, and every other deferred name of that file, by the real thing.
"""

from __future__ import annotations

import hashlib
import importlib
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar, overload

from . import ready

F = TypeVar("F", bound=Callable[..., Any])

# Division by zero gives inf as in NumPy; an index is not checked (twins and guard bands do that).
FIXED = {"error_model": "numpy", "boundscheck": False, "nogil": True}

_lock = threading.RLock()


class Deferred:
    """Stands for something that needs Numba, until it is needed."""

    def __init__(self, name: str, build: Callable[[], Any], source: Any = None) -> None:
        self.__name__ = name
        self.source = source  # the Python function, where there is one
        self._build = build
        self._real: Any = None

    def __repr__(self) -> str:
        return f"<{self.__name__}, not compiled yet>"

    def __call__(self, *args: Any, **params: Any) -> Any:
        return self.real()(*args, **params)

    def real(self) -> Any:
        """What it stands for; the names around it are made real as well."""
        with _lock:
            if self._real is None:
                self._real = self._build()
                if self.source is not None:
                    thaw(self.source)
            return self._real


def thaw(function: Any) -> None:
    """Put the real things in the place of the deferred ones that `function` can see."""
    for cell in function.__closure__ or ():
        if isinstance(cell.cell_contents, Deferred):
            cell.cell_contents = cell.cell_contents.real()
    _thaw_names(function.__globals__)


def _thaw_names(names: dict[str, Any]) -> None:
    for name, value in list(names.items()):
        if isinstance(value, Deferred):
            names[name] = value.real()
        elif isinstance(value, ModuleType) and value.__name__.startswith(f"{__package__}."):
            for inner, one in list(vars(value).items()):  # for `simd.vload` inside a kernel
                if isinstance(one, Deferred):
                    setattr(value, inner, one.real())


def word(module: str, name: str) -> Any:
    """The object `name` of kernels/`module`.py, imported when it is first needed."""
    return Deferred(name, lambda: getattr(importlib.import_module(f".{module}", __package__), name))


def _prange() -> Any:
    import numba

    return numba.prange


prange: Any = Deferred("prange", _prange)  # the loop of a `@jit(parallel=True)` function


@overload
def jit(function: F, /) -> F: ...
@overload
def jit(**options: Any) -> Callable[[F], F]: ...
def jit(function: Any = None, /, **options: Any) -> Any:
    """Compile with Numba at the first call; options as `numba.njit` (fastmath, parallel, inline).

    The options are part of the name in the cache: Numba's own index ignores them, so that there a
    sequential function would be loaded where its parallel form is asked for.
    """
    if function is None:
        return lambda it: jit(it, **options)
    return Deferred(function.__name__, lambda: _compile(function, {**FIXED, **options}), function)


FITTED: dict[str, Any] = {}  # what the checked twin runs where one of two functions is taken


def fitted(wide: Any, narrow: Any) -> Callable[[F], F]:
    """`@fitted(wide, narrow)`: one of two functions, by the number of the host's registers.

    What is decorated says the same in words of its own, for the checked twin: only the function
    that is taken is ever compiled.
    """

    def build() -> Any:
        from . import vectors

        return (wide if vectors.REGISTERS == 32 else narrow).real()

    def register(function: Any) -> Any:
        FITTED[function.__name__] = function
        return Deferred(function.__name__, build)

    return register


class Strided:
    """One machine code a dtype for arrays of any strides, called from Python only.

    Numba types an array by its layout and by whether it may be written to, and would compile a
    launcher anew for each combination. Here every array counts as "any strides, writable": SIMD
    words address memory by offsets and lose nothing by it. The other arguments keep the types of
    the first call.
    """

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        self.py_func = function
        self._made = _compile(function, options)
        self._entries: dict[Any, Any] = {}

    def __call__(self, first: Any, *rest: Any) -> Any:
        entry = self._entries.get(first.dtype)
        if entry is None:
            entry = self._entries[first.dtype] = self._build(first, *rest)
        return entry(first, *rest)

    def _build(self, *args: Any) -> Any:
        import numba
        import numpy as np

        kinds = tuple(
            numba.types.Array(numba.from_dtype(one.dtype), one.ndim, "A")
            if isinstance(one, np.ndarray)
            else numba.typeof(one)  # type: ignore[no-untyped-call]
            for one in args
        )
        with _lock:
            return self._made.compile(kinds)


def strided(**options: Any) -> Callable[[F], F]:
    """`@strided()`: as `@jit`, for the function a launcher calls: arrays of any strides."""
    return lambda it: Deferred(  # type: ignore[return-value]
        it.__name__, lambda: Strided(it, {**FIXED, **options}), it
    )


def _compile(function: Any, options: dict[str, Any]) -> Any:
    from . import threads

    threads.prepare()
    import numba

    made = numba.njit(**options)(function)
    folder = ready.folder()
    if folder is not None:
        from .cache import LabCache

        name = hashlib.sha256(repr(sorted(options.items())).encode()).hexdigest()[:6]
        stamp = ready.stamp(function.__module__)
        made._cache = LabCache.at(function, str(folder), f"{stamp}-{name}")
    return made
