"""The exponential of one number, written so that loops over it become vectors.

The C library's `exp` is a call, and a loop with a call stays scalar. These are a few multiplications
and one shift: `exp(x) = 2**n * exp(r)` with n the nearest integer to x / ln 2, and a polynomial for r.

Source: Cody & Waite (1980), "Software Manual for the Elementary Functions"; coefficients by the
exchange algorithm of Remez in 60 digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

# Products and sums may be fused, nothing may be reordered: the magic number must survive.
EXACT: Any = {"fastmath": {"contract": True}, "error_model": "numpy"}

f4, f8 = np.float32, np.float64


def exp(x: float) -> float:
    """e to the power x; inf above 88.7 (709.8 in float64), 0 below -86.9 (-707.7).

    Largest relative error 4e-7 in float32, 3e-16 in float64. NaN stays NaN.
    """
    with np.errstate(all="ignore"):
        return float(np.exp(x))


def exp_nonpositive(x: float) -> float:
    """e to the power x for x <= 0, one instruction shorter than `exp`; -inf gives 0."""
    with np.errstate(all="ignore"):
        return float(np.exp(x))


# Adding 1.5 * 2**23 rounds to an integer, which then lies in the low bits of the sum; the bias of
# the exponent rides along, so that one shift makes the power of two. One less than the bias, and the
# polynomial doubled: then 2**128 * p does not overflow before its time.
MAGIC32 = f4(1.5 * 2**23 + 126)
MAGIC64 = f8(1.5 * 2**52 + 1022)
PER_LN2_32, PER_LN2_64 = f4(1 / math.log(2)), f8(1 / math.log(2))
# float32: one product is enough, since ln 2 happens to lie 2e-9 beside a float32.
LN2_32 = f4(math.log(2))
# float64: 32 leading bits, so that n * LN2_HIGH is exact, and the rest.
LN2_HIGH = f8(float.fromhex("0x1.62e42feep-1"))
LN2_LOW = f8(1.9082149292705877e-10)
LOWEST32, HIGHEST32 = f4(-87.3), f4(89.0)
LOWEST64, HIGHEST64 = f8(-708.3), f8(710.0)
TWO32, TWO64 = f4(2), f8(2)

# 2 * (exp(r) - 1 - r) / r**2 on |r| <= ln(2) / 2;
# exp(r) is then off by 3e-9 and 4e-18 of itself.
A0, A1, A2, A3, A4 = (
    f4(2 * c)
    for c in (
        0.49999993533529126,
        0.16666521158182788,
        0.041668376898705019,
        0.0083686745735340344,
        0.0013814922428673411,
    )
)
B0, B1, B2, B3, B4, B5, B6, B7, B8, B9 = (
    f8(2 * c)
    for c in (
        0.50000000000000099,
        0.16666666666666416,
        0.041666666666535073,
        0.0083333333334936457,
        0.0013888888942531948,
        0.00019841269505841287,
        0.000024801494091447440,
        2.7557588553272890e-6,
        2.7629934343436085e-7,
        2.4999034772774422e-8,
    )
)


def _exp32(x: Any) -> Any:
    t = x * PER_LN2_32 + MAGIC32
    r = x - (t - MAGIC32) * LN2_32
    q = r * r
    # Pairs first: a chain of six products would wait for each other.
    p = ((A4 * q + (A3 * r + A2)) * q + (A1 * r + A0)) * q + (TWO32 * r + TWO32)
    return p * np.int32(np.float32(t).view(np.int32) << np.int32(23)).view(np.float32)


def _exp64(x: Any) -> Any:
    t = x * PER_LN2_64 + MAGIC64
    n = t - MAGIC64
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    q = r * r
    s = q * q
    high = (B9 * r + B8) * s + ((B7 * r + B6) * q + (B5 * r + B4))
    p = (high * s + ((B3 * r + B2) * q + (B1 * r + B0))) * q + (TWO64 * r + TWO64)
    return p * np.int64(np.float64(t).view(np.int64) << np.int64(52)).view(np.float64)


def _exp_single(x: Any) -> Any:
    # In this order NaN passes: every comparison with it is false.
    x = LOWEST32 if x < LOWEST32 else x
    return _exp32(HIGHEST32 if x > HIGHEST32 else x)


def _exp_double(x: Any) -> Any:
    x = LOWEST64 if x < LOWEST64 else x
    return _exp64(HIGHEST64 if x > HIGHEST64 else x)


def _nonpositive_single(x: Any) -> Any:
    return _exp32(LOWEST32 if x < LOWEST32 else x)


def _nonpositive_double(x: Any) -> Any:
    return _exp64(LOWEST64 if x < LOWEST64 else x)


def by_dtype(word: Any, single: Any, double: Any) -> None:
    """Make `word(x)` in machine code mean `single` for a float32 and `double` for a float64."""

    @overload(word, jit_options=EXACT)
    def choose(x: Any) -> Any:
        return {types.float32: single, types.float64: double}.get(x)


for _part in (_exp32, _exp64):
    register_jitable(**EXACT)(_part)
by_dtype(exp, _exp_single, _exp_double)
by_dtype(exp_nonpositive, _nonpositive_single, _nonpositive_double)
