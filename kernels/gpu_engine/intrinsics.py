"""The calls and values that a kernel may use, each with its type rule and its runtime name.

One row makes a function known: the typing takes its result type from it, the translation the
name of what runs. `masked` functions get the machine, the mask of active lanes and the place in
the source; the others are plain functions of `arithmetic.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .types import (
    BOOL,
    FLOAT32,
    FLOAT64,
    INT32,
    INT64,
    NONE,
    UINT32,
    Array,
    Scalar,
    Tuple,
    Type,
    of_math,
    unify,
)

Typed = tuple[Type, tuple[Type | None, ...]]  # the result, and what each argument becomes


class Mismatch(Exception):
    """The arguments do not fit; the text says what is expected."""


@dataclass(frozen=True)
class Rule:
    """A function known to the engine."""

    typed: Callable[[tuple[Type, ...]], Typed]
    code: str
    masked: bool = False
    flops: bool = False


def _scalars(types: tuple[Type, ...], *counts: int) -> tuple[Scalar, ...]:
    found = tuple(one for one in types if isinstance(one, Scalar))
    if len(found) != len(types) or (counts and len(types) not in counts):
        expected = " or ".join(map(str, counts)) or "numbers only"
        raise Mismatch(f"takes {expected} number{'s' if counts != (1,) else ''}")
    return found


def _integers(types: tuple[Type, ...]) -> None:
    if any(not isinstance(one, Scalar) or not one.is_integer for one in types):
        raise Mismatch("takes integers here")


def _math(types: tuple[Type, ...]) -> Typed:
    (one,) = _scalars(types, 1)
    return of_math(one), (of_math(one),)


def _math_pair(types: tuple[Type, ...]) -> Typed:
    a, b = _scalars(types, 2)
    both = unify(a, b)
    result = FLOAT32 if both == FLOAT32 else FLOAT64
    return result, (result, result)


def _math_pow(types: tuple[Type, ...]) -> Typed:
    a, b = _scalars(types, 2)
    if a == FLOAT32 and b.kind == "i" and b.bits <= 32:
        return FLOAT32, (FLOAT32, FLOAT32)
    return _math_pair(types)


def _predicate(types: tuple[Type, ...]) -> Typed:
    (one,) = _scalars(types, 1)
    return BOOL, (of_math(one),)


def _extreme(types: tuple[Type, ...]) -> Typed:
    found = _scalars(types)
    if len(found) < 2:
        raise Mismatch("takes two numbers or more")
    result = found[0]
    for one in found[1:]:
        result = unify(result, one)
    return result, (result,) * len(found)


def _abs(types: tuple[Type, ...]) -> Typed:
    (one,) = _scalars(types, 1)
    return one, (one,)


def _round(types: tuple[Type, ...]) -> Typed:
    (one,) = _scalars(types, 1)
    return INT64, (one,)


def _nothing(types: tuple[Type, ...]) -> Typed:
    if types:
        raise Mismatch("takes no arguments")
    return NONE, ()


def _syncwarp(types: tuple[Type, ...]) -> Typed:
    if len(types) > 1:
        raise Mismatch("takes at most a mask")
    _integers(types)
    return NONE, types


def _shuffle(types: tuple[Type, ...]) -> Typed:
    mask, value, lane = _scalars(types, 3)
    _integers((mask, lane))
    if value not in (FLOAT32, FLOAT64):
        value = INT32 if value.bits <= 32 else INT64
    return value, (mask, value, lane)


def _vote(result: Scalar) -> Callable[[tuple[Type, ...]], Typed]:
    def typed(types: tuple[Type, ...]) -> Typed:
        mask, _ = _scalars(types, 2)
        _integers((mask,))
        return result, (mask, BOOL)

    return typed


def _match(types: tuple[Type, ...]) -> Typed:
    mask, value = _scalars(types, 2)
    _integers((mask,))
    return INT32, (mask, value)


def _block_vote(types: tuple[Type, ...]) -> Typed:
    _scalars(types, 1)
    return INT32, (BOOL,)


def _bits(result: Scalar | None) -> Callable[[tuple[Type, ...]], Typed]:
    def typed(types: tuple[Type, ...]) -> Typed:
        (one,) = _scalars(types, 1)
        _integers(types)
        return result or one, (one,)

    return typed


def _fma(types: tuple[Type, ...]) -> Typed:
    result, _ = _extreme(_scalars(types, 3))
    result = FLOAT32 if result == FLOAT32 else FLOAT64
    return result, (result,) * 3


def _select(types: tuple[Type, ...]) -> Typed:
    _, a, b = _scalars(types, 3)
    return unify(a, b), (BOOL, unify(a, b), unify(a, b))


def _lane_value(types: tuple[Type, ...]) -> Typed:
    _nothing(types)
    return UINT32, ()


def _load4(types: tuple[Type, ...]) -> Typed:
    if len(types) != 2 or not isinstance(types[0], Array) or types[0].ndim != 1:
        raise Mismatch("takes a one-dimensional array and an index")
    _integers(types[1:])
    return Tuple((types[0].dtype,) * 4), (None, INT64)


def _store4(types: tuple[Type, ...]) -> Typed:
    if len(types) != 6 or not isinstance(types[0], Array) or types[0].ndim != 1:
        raise Mismatch("takes a one-dimensional array, an index and four values")
    _integers(types[1:2])
    return NONE, (None, INT64, *(types[0].dtype,) * 4)


MATH_UNARY = (
    "exp",
    "log",
    "log2",
    "log10",
    "log1p",
    "expm1",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "fabs",
    "floor",
    "ceil",
    "trunc",
    "erf",
    "erfc",
)
SHUFFLES = ("shfl_sync", "shfl_up_sync", "shfl_down_sync", "shfl_xor_sync")
ATOMICS = ("add", "sub", "max", "min", "exch", "and_", "or_", "xor", "nanmax", "nanmin")

RULES: dict[str, Rule] = {
    **{f"math.{name}": Rule(_math, f"math_{name}", flops=True) for name in MATH_UNARY},
    **{f"math.{name}": Rule(_math_pair, f"math_{name}") for name in ("atan2", "hypot", "fmod")},
    **{f"math.{name}": Rule(_math_pair, f"math_{name}") for name in ("copysign",)},
    "math.pow": Rule(_math_pow, "power", flops=True),
    **{f"math.{name}": Rule(_predicate, f"math_{name}") for name in ("isnan", "isinf", "isfinite")},
    "min": Rule(_extreme, "minimum", flops=True),
    "max": Rule(_extreme, "maximum", flops=True),
    "abs": Rule(_abs, "absolute"),
    "round": Rule(_round, "rounded"),
    "cuda.syncthreads": Rule(_nothing, "syncthreads", masked=True),
    "cuda.syncthreads_count": Rule(_block_vote, "syncthreads_count", masked=True),
    "cuda.syncthreads_and": Rule(_block_vote, "syncthreads_and", masked=True),
    "cuda.syncthreads_or": Rule(_block_vote, "syncthreads_or", masked=True),
    "cuda.syncwarp": Rule(_syncwarp, "syncwarp", masked=True),
    "cuda.threadfence_block": Rule(_nothing, "threadfence", masked=True),
    **{f"cuda.{name}": Rule(_shuffle, name, masked=True) for name in SHUFFLES},
    "cuda.all_sync": Rule(_vote(BOOL), "all_sync", masked=True),
    "cuda.any_sync": Rule(_vote(BOOL), "any_sync", masked=True),
    "cuda.eq_sync": Rule(_vote(BOOL), "eq_sync", masked=True),
    "cuda.ballot_sync": Rule(_vote(INT32), "ballot_sync", masked=True),
    "cuda.match_any_sync": Rule(_match, "match_any_sync", masked=True),
    "cuda.activemask": Rule(_lane_value, "activemask", masked=True),
    "cuda.lanemask_lt": Rule(_lane_value, "lanemask_lt", masked=True),
    "cuda.popc": Rule(_bits(None), "popc"),
    "cuda.clz": Rule(_bits(None), "clz"),
    "cuda.ffs": Rule(_bits(INT32), "ffs"),
    "cuda.brev": Rule(_bits(None), "brev"),
    "cuda.fma": Rule(_fma, "fma", flops=True),
    "cuda.cbrt": Rule(_math, "math_cbrt", flops=True),
    "cuda.selp": Rule(_select, "select"),
    "cuda.load4": Rule(_load4, "load4", masked=True),
    "cuda.store4": Rule(_store4, "store4", masked=True),
}

# Values that are read as attributes: type, and the attribute of the machine.
VALUES: dict[str, tuple[Scalar, str]] = {
    **{
        f"cuda.{which}.{axis}": (INT32, f"{code}_{axis}")
        for which, code in (
            ("threadIdx", "thread"),
            ("blockIdx", "block"),
            ("blockDim", "block_dim"),
            ("gridDim", "grid_dim"),
        )
        for axis in "xyz"
    },
    "cuda.laneid": (INT32, "lane"),
    "cuda.warpsize": (INT32, "warp_size"),
}

# What the engine cannot do, with what to write instead.
INSTEAD: dict[str, str] = {
    "cuda.threadfence": "An order of blocks made by fences is not followed; use two launches.",
    "cuda.threadfence_system": "Use two launches.",
    "cuda.cg.this_grid": "Blocks cannot wait for one another; use two launches.",
    "cuda.atomic.cas": "Use atomic.add, atomic.max or atomic.min.",
    "cuda.atomic.compare_and_swap": "Use atomic.add, atomic.max or atomic.min.",
    "print": "Remove the print; write the value into an array to look at it.",
    "sum": "Add in a for loop.",
    "enumerate": "Write a for loop over range.",
    "zip": "Write a for loop over range.",
    "isinstance": "The types of arguments are known: remove the test.",
}
