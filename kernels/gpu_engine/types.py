"""Numba's types, as far as a kernel meets them, and the rules by which it promotes them.

The rules are those of numba 0.68 for the CUDA target; `tests/kernels/gpu_engine/test_typing.py`
holds them against Numba itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Scalar:
    """A number: kind is b (bool), i, u or f."""

    name: str
    kind: str
    bits: int

    def __str__(self) -> str:
        return self.name

    @property
    def is_integer(self) -> bool:
        """True for integers and booleans."""
        return self.kind in "biu"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype that stores one."""
        return np.dtype(self.name)


@dataclass(frozen=True)
class Array:
    """An array in one memory space: global, shared, local or constant."""

    dtype: Scalar
    ndim: int
    space: str

    def __str__(self) -> str:
        return f"{self.space} array({self.dtype}, {self.ndim}d)"


@dataclass(frozen=True)
class Tuple:
    """A tuple of known length."""

    items: tuple[Type, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"


@dataclass(frozen=True)
class Nothing:
    """What a function without a return value returns."""

    def __str__(self) -> str:
        return "none"


Type = Scalar | Array | Tuple | Nothing

BOOL = Scalar("bool", "b", 8)
INT8, INT16, INT32, INT64 = (Scalar(f"int{n}", "i", n) for n in (8, 16, 32, 64))
UINT8, UINT16, UINT32, UINT64 = (Scalar(f"uint{n}", "u", n) for n in (8, 16, 32, 64))
FLOAT32, FLOAT64 = Scalar("float32", "f", 32), Scalar("float64", "f", 64)
NONE = Nothing()

SCALARS = {
    one.name: one
    for one in (
        BOOL,
        INT8,
        INT16,
        INT32,
        INT64,
        UINT8,
        UINT16,
        UINT32,
        UINT64,
        FLOAT32,
        FLOAT64,
    )
}
# How `numba` and `numpy` spell them.
SPELLINGS = {
    **SCALARS,
    "boolean": BOOL,
    "bool_": BOOL,
    "intp": INT64,
    "uintp": UINT64,
    "intc": INT32,
    "uintc": UINT32,
    "double": FLOAT64,
    "f4": FLOAT32,
    "f8": FLOAT64,
    "i4": INT32,
    "i8": INT64,
    "u4": UINT32,
    "u8": UINT64,
}

ARITHMETIC = ("Add", "Sub", "Mult", "Div", "FloorDiv", "Mod", "Pow")
BITWISE = ("BitAnd", "BitOr", "BitXor")
SHIFTS = ("LShift", "RShift")


def scalar_of(value: object) -> Scalar | None:
    """The type that Numba gives a Python or NumPy number; None for anything else."""
    if isinstance(value, bool | np.bool_):
        return BOOL
    if isinstance(value, int):
        return INT64 if value < 1 << 63 else UINT64
    if isinstance(value, np.generic):
        return SCALARS.get(value.dtype.name)
    return FLOAT64 if isinstance(value, float) else None


def _narrow(one: Scalar) -> bool:
    """Integers that fit a float32 in Numba's table: up to 16 bits, uint16 excepted."""
    return one.is_integer and (one.bits <= 8 or one == INT16)


def _with_float(a: Scalar, b: Scalar) -> Scalar:
    """The result of an operation that has a float on at least one side."""
    if FLOAT64 in (a, b):
        return FLOAT64
    other = b if a == FLOAT32 else a
    return FLOAT32 if other == FLOAT32 or _narrow(other) else FLOAT64


def binary(op: str, a: Scalar, b: Scalar) -> Scalar | None:
    """The type of `a op b`, op named as in the ast module; None where there is none."""
    both_integers = a.is_integer and b.is_integer
    if op in SHIFTS:
        return (UINT64 if a.kind == "u" else INT64) if both_integers else None
    if op in BITWISE and not both_integers:
        return None
    if op in BITWISE and a == b == BOOL:
        return BOOL
    if both_integers:
        if op == "Div":
            return FLOAT64
        return UINT64 if a.kind == b.kind == "u" else INT64
    if op == "Pow" and a == FLOAT32 and b != FLOAT64:
        return FLOAT32
    return _with_float(a, b)


def compared(a: Scalar, b: Scalar) -> Scalar:
    """The type in which `a < b` is decided."""
    if a.is_integer and b.is_integer:
        return INT64
    return _with_float(a, b)


def unify(a: Scalar, b: Scalar) -> Scalar:
    """The type of a variable that may hold either, and of `max(a, b)`."""
    if a == b:
        return a
    if a == BOOL or b == BOOL:
        return b if a == BOOL else a
    if a.kind == "f" or b.kind == "f":
        if {a, b} == {UINT16, FLOAT32}:
            return FLOAT32
        return _with_float(a, b)
    if a.kind == b.kind:
        return a if a.bits >= b.bits else b
    signed, unsigned = (a, b) if a.kind == "i" else (b, a)
    if unsigned.bits >= 64:
        return FLOAT64
    return SCALARS[f"int{max(signed.bits, 2 * unsigned.bits)}"]


def negated(a: Scalar) -> Scalar:
    """The type of `-a`."""
    if a.kind == "f":
        return a
    return UINT64 if a.kind == "u" else INT64


def of_math(a: Scalar) -> Scalar:
    """The type of `math.f(a)`: float32 stays, everything else is float64."""
    return FLOAT32 if a == FLOAT32 else FLOAT64


def loop_variable(bounds: tuple[Scalar, ...]) -> Scalar | None:
    """The type of i in `for i in range(...)`; None where a bound is not an integer."""
    if any(one.kind not in "iu" for one in bounds):
        return None
    if any(one.kind == "u" for one in bounds):
        return UINT64 if all(one.kind == "u" for one in bounds) else INT64
    return INT32 if all(one.bits <= 32 for one in bounds) else INT64
