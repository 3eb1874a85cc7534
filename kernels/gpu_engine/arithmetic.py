"""Arithmetic of lanes: plain functions on values of any shape, with the machine's semantics.

A value is a number that all lanes share, or an array that broadcasts to (blocks, lanes). Integers
of every width are Python ints or int64 arrays; a cast wraps them. Floats are NumPy scalars or
arrays of their own dtype.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Value = Any


def _each(function: Callable[[float], float]) -> Callable[[Value], Value]:
    """A function of one float, applied lane by lane; for what NumPy does not have."""

    def safe(x: float) -> float:
        try:
            return function(x)
        except (ValueError, OverflowError):
            return math.nan

    over = np.frompyfunc(safe, 1, 1)

    def apply(x: Value) -> Value:
        return np.asarray(over(x), np.float64).astype(x.dtype)[()]

    return apply


def float32(x: Value) -> Value:
    """To float32."""
    return x.astype(np.float32) if type(x) is np.ndarray else np.float32(x)


def float64(x: Value) -> Value:
    """To float64."""
    return x.astype(np.float64) if type(x) is np.ndarray else np.float64(x)


def integer(x: Value) -> Value:
    """A boolean or a float to int64, towards zero."""
    if type(x) is np.ndarray:
        return x.astype(np.int64)
    return int(x) if math.isfinite(x) else -(1 << 63)


def boolean(x: Value) -> Value:
    """True where not zero."""
    return x != 0 if type(x) is np.ndarray else bool(x)


def wrapped(x: Value, bits: int, signed: bool) -> Value:
    """An integer cast to a narrower one: the upper bits are lost."""
    x = x & ((1 << bits) - 1) if bits < 64 else x
    if bits == 64:
        return x if type(x) is np.ndarray else _wrap64(x)
    if not signed:
        return x
    half = 1 << (bits - 1)
    return (x ^ half) - half


def _wrap64(x: int) -> int:
    x &= (1 << 64) - 1
    return x - (1 << 64) if x >> 63 else x


def multiply(a: Value, b: Value) -> Value:
    """Product of integers, 64 bits of it."""
    found = a * b
    if type(found) is int and not -(1 << 63) <= found < 1 << 63:
        return _wrap64(found)
    return found


def shift_left(a: Value, b: Value) -> Value:
    """a << b, 64 bits of it."""
    if type(a) is int and type(b) is int:
        return _wrap64(a << (b & 63))
    return a << b


def shift_right_unsigned(a: Value, b: Value) -> Value:
    """a >> b of a uint64, which is held as an int64."""
    if type(a) is np.ndarray or type(b) is np.ndarray:
        return np.right_shift(np.asarray(a).view(np.uint64), np.asarray(b).view(np.uint64)).view(
            np.int64
        )
    return (a & ((1 << 64) - 1)) >> b


def floor_divide(a: Value, b: Value) -> Value:
    """a // b of integers or floats; a zero divisor gives 0 for integers, as no error is raised."""
    if type(b) is int:
        if b > 0 and b & (b - 1) == 0 and (type(a) is int or a.dtype == np.int64):
            return a >> (b.bit_length() - 1)
        if b == 0:
            return a * 0
    return a // b


def modulo(a: Value, b: Value) -> Value:
    """a % b with the sign of b, as in Python."""
    if type(b) is int:
        if b > 0 and b & (b - 1) == 0 and (type(a) is int or a.dtype == np.int64):
            return a & (b - 1)
        if b == 0:
            return a * 0
    return a % b


def power(a: Value, b: Value) -> Value:
    """a ** b; a negative exponent of an integer gives 0."""
    if type(a) is int and type(b) is int:
        return _wrap64(a**b) if 0 <= b <= 64 else 0
    if type(a) is np.ndarray and a.dtype == np.int64:
        return np.where(np.asarray(b) < 0, 0, a ** np.maximum(b, 0))
    return a**b


def absolute(x: Value) -> Value:
    """|x|."""
    return abs(x)


def rounded(x: Value) -> Value:
    """To the nearest integer, ties to even."""
    return integer(np.rint(x)) if not isinstance(x, int) else x


def minimum(first: Value, *rest: Value) -> Value:
    """The smallest; of a NaN and a number the number, as fminf gives."""
    for other in rest:
        if type(first) is int and type(other) is int:
            first = min(first, other)
        else:
            first = np.fmin(first, other)
    return first


def maximum(first: Value, *rest: Value) -> Value:
    """The largest; of a NaN and a number the number, as fmaxf gives."""
    for other in rest:
        if type(first) is int and type(other) is int:
            first = max(first, other)
        else:
            first = np.fmax(first, other)
    return first


def select(condition: Value, a: Value, b: Value) -> Value:
    """a where the condition holds, else b."""
    if type(condition) is np.ndarray:
        return np.where(condition, a, b)
    return a if condition else b


def fma(a: Value, b: Value, c: Value) -> Value:
    """a b + c with one rounding (of float32: by way of float64)."""
    if a.dtype == np.float32:
        return float32(float64(a) * float64(b) + float64(c))
    return a * b + c


def _bits_of(x: Value, bits: int) -> Value:
    """(..., bits) zeros and ones, lowest bit first."""
    return (np.asarray(x)[..., None] >> np.arange(bits)) & 1


def _same_form(x: Value, found: Value) -> Value:
    return found if type(x) is np.ndarray else int(found)


def popc(x: Value, bits: int) -> Value:
    """How many bits are set."""
    return _same_form(x, _bits_of(x, bits).sum(-1))


def clz(x: Value, bits: int) -> Value:
    """How many bits above the highest set one are not."""
    highest = np.where(_bits_of(x, bits) > 0, np.arange(bits), -1).max(-1)
    return _same_form(x, bits - 1 - highest)


def ffs(x: Value, bits: int) -> Value:
    """Position of the lowest set bit, from 1; 0 where there is none."""
    place = np.where(_bits_of(x, bits) > 0, np.arange(1, bits + 1), bits + 1).min(-1)
    return _same_form(x, np.where(place > bits, 0, place))


def brev(x: Value, bits: int) -> Value:
    """The bits in reverse, as a signed number."""
    found = (_bits_of(x, bits) << np.arange(bits - 1, -1, -1)).sum(-1)
    return _same_form(x, wrapped(found, bits, True))


NUMPY: dict[str, Callable[..., Value]] = {
    "exp": np.exp,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "cbrt": np.cbrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "fabs": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "atan2": np.arctan2,
    "hypot": np.hypot,
    "fmod": np.fmod,
    "copysign": np.copysign,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
    "erf": _each(math.erf),
    "erfc": _each(math.erfc),
}

NAMESPACE: dict[str, Any] = {
    **{f"math_{name}": function for name, function in NUMPY.items()},
    **{
        one.__name__: one
        for one in (
            float32,
            float64,
            integer,
            boolean,
            wrapped,
            multiply,
            shift_left,
            shift_right_unsigned,
            floor_divide,
            modulo,
            power,
            absolute,
            rounded,
            minimum,
            maximum,
            select,
            fma,
            popc,
            clz,
            ffs,
            brev,
        )
    },
}
