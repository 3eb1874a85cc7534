"""Where `cuda` comes from: the one place that knows.

    from kernels.cuda import cuda, float32, load4, store4

With a GPU and numba-cuda (or the target that Numba still ships) it is theirs, else our engine,
which runs the same source on NumPy. Nothing is imported before the first use. `LAB_CUDA` forces a
choice: `engine`, `numba` or `auto`, the default.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

CHOICES = ("auto", "engine", "numba")
# A driver leaves one of these; without them nothing needs to be loaded to know.
DRIVER = ("/dev/nvidiactl", "/dev/dxg", "/proc/driver/nvidia/version")
# Inside of kernels Numba takes NumPy's types as its own.
TYPES = (
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
)


@dataclass(frozen=True)
class Source:
    """Where `cuda` comes from.

    Attributes:
        name: engine, numba-cuda or numba.
        gpu: kernels run on a GPU.
        reason: one sentence for `lab doctor`.
    """

    name: str
    gpu: bool
    reason: str


def _driver_present() -> bool:
    return any(Path(one).exists() for one in DRIVER)


@functools.cache
def source() -> Source:
    """Decide, once in a process.

    Raises:
        ValueError: LAB_CUDA is none of the choices.
        ImportError: LAB_CUDA asks for Numba and there is none.
    """
    asked = os.environ.get("LAB_CUDA", "auto")
    if asked not in CHOICES:
        raise ValueError(f"LAB_CUDA is {asked!r}. Use one of {', '.join(CHOICES)}.")
    if asked == "engine":
        return Source("engine", False, "LAB_CUDA asks for the engine.")
    if asked == "auto" and not _driver_present():
        return Source("engine", False, "There is no NVIDIA driver: kernels run on our engine.")
    if importlib.util.find_spec("numba") is None:
        if asked == "numba":
            raise ImportError("LAB_CUDA asks for numba, which is not installed.")
        return Source("engine", False, "Numba is not installed: kernels run on our engine.")
    name = "numba-cuda" if importlib.util.find_spec("numba_cuda") else "numba"
    available = bool(_numba_cuda().is_available())
    if not available and asked == "auto":
        return Source("engine", False, f"{name} finds no GPU: kernels run on our engine.")
    return Source(name, available, f"{name} compiles kernels for the GPU.")


def _numba_cuda() -> Any:
    """`numba.cuda`; where numba-cuda is installed, it stands behind this name too."""
    return importlib.import_module("numba.cuda")


def compiler() -> Any:
    """`numba.cuda` of numba-cuda, which compiles kernels without a GPU too.

    Its own hook, which puts it in the place of what Numba ships, is loaded at the start of Python;
    where that was left out (`python -S`) it is loaded here.

    Raises:
        ImportError: numba-cuda is not installed.
    """
    hook = "_numba_cuda_redirector"
    if importlib.util.find_spec("numba_cuda") is None:
        raise ImportError("numba-cuda is not installed: it comes with the extra `cuda`.")
    if hook not in sys.modules and importlib.util.find_spec(hook) is not None:
        importlib.import_module(hook)
    return _numba_cuda()


@functools.cache
def _cuda() -> Any:
    if source().name == "engine":
        from .gpu_engine.device import EngineCuda

        return EngineCuda()
    return _numba_cuda()


@functools.cache
def _vectors() -> Any:
    if source().name == "engine":
        return None
    from . import cuda_vectors

    return cuda_vectors


def _on_device_only(name: str) -> Any:
    def refuse(*arguments: Any) -> Any:
        raise TypeError(f"{name} is for kernels: call it inside of a function with @cuda.jit.")

    refuse.__name__ = name
    return refuse


def __getattr__(name: str) -> Any:
    if name == "cuda":
        return _cuda()
    if name in TYPES:
        return getattr(np, name)
    if name in ("load4", "store4"):
        vectors = _vectors()
        return getattr(vectors, name) if vectors is not None else _on_device_only(name)
    raise AttributeError(f"module 'kernels.cuda' has no attribute {name!r}")
