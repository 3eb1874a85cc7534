"""What a name of a kernel's file stands for: modules, types, constants and functions."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .types import SPELLINGS, Scalar


@dataclass(frozen=True)
class Path:
    """A dotted name of a known module: `cuda.shared.array`, `math.exp`, `numpy`, a built-in."""

    name: str


@dataclass(frozen=True)
class TypeName:
    """A type used as a dtype or as a cast: `float32`."""

    scalar: Scalar


@dataclass(frozen=True)
class Constant:
    """A number, string or tuple of them that the file assigns once and for all."""

    value: Any


@dataclass(frozen=True)
class ConstantArray:
    """`NAME = np.array([literals], dtype)`: what Numba freezes into the kernel."""

    name: str
    value: np.ndarray[Any, Any] = field(compare=False)


@dataclass(frozen=True)
class Function:
    """A function of the file: a kernel or device function (`is_cuda`), or one of the host."""

    name: str
    node: ast.FunctionDef = field(compare=False)
    is_cuda: bool = False
    device: bool = False

    @property
    def parameters(self) -> list[str]:
        """Names of the positional parameters."""
        return [one.arg for one in self.node.args.args]


@dataclass(frozen=True)
class Unusable:
    """A name whose value only running the file could tell."""

    line: int
    construct: str


Entity = Path | TypeName | Constant | ConstantArray | Function | Unusable

BUILTINS = ("range", "len", "min", "max", "abs", "round", "int", "float", "bool", "divmod", "pow")
MATH_CONSTANTS = {name: getattr(math, name) for name in ("pi", "e", "inf", "nan", "tau")}
# Modules whose names `from X import cuda, float32, load4` are understood.
CUDA_SOURCES = ("numba", "numba.cuda", "numba_cuda", "numba_cuda_mlir", "kernels.cuda", "cuda")


def member(path: str, name: str) -> Entity | None:
    """What `path.name` stands for; None where the engine does not know it."""
    if path == "math" and name in MATH_CONSTANTS:
        return Constant(MATH_CONSTANTS[name])
    if path in ("numpy", "numba", "numba.types"):
        if name in SPELLINGS:
            return TypeName(SPELLINGS[name])
        if path == "numpy" and name in ("inf", "pi", "nan", "e"):
            return Constant(MATH_CONSTANTS[name])
        if path == "numba" and name == "cuda":
            return Path("cuda")
        if path == "numba" and name == "types":
            return Path("numba.types")
        if path == "numpy" and name == "array":
            return Path("numpy.array")
        return None
    if path == "cuda" and name in SPELLINGS:
        return TypeName(SPELLINGS[name])
    return Path(f"{path}.{name}")


def imported(module: str, level: int, name: str) -> Entity | None:
    """What `from module import name` binds; None where the engine does not know it."""
    if module == "math":
        return member("math", name)
    if module == "numpy":
        return member("numpy", name)
    from_cuda = module in CUDA_SOURCES or (level and module.split(".")[-1] in ("cuda", ""))
    if not from_cuda:
        return None
    if name in ("load4", "store4"):
        return Path(f"cuda.{name}")
    if module in ("numba.cuda", "numba_cuda.cuda"):
        return member("cuda", name)
    return Path("cuda") if name == "cuda" else member("numba", name)


def everything(module: str) -> dict[str, Entity]:
    """What `from module import *` binds, of what the engine knows."""
    known = [*SPELLINGS, "cuda"] if module == "numba" else []
    if module == "math":
        known = [name for name in dir(math) if not name.startswith("_")]
    found = {name: imported(module, 0, name) for name in known}
    return {name: one for name, one in found.items() if one is not None}
