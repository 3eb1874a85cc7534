"""The natural logarithm of one number, written so that loops over it become vectors.

`log(x) = n * ln 2 + log(m)` with m in [sqrt(1/2), sqrt(2)); with `t = (m - 1) / (m + 1)`,
`log(m) = 2 * atanh(t)` is a short polynomial in t.

Source: Tang (1990), "Table-driven implementation of the logarithm function in IEEE floating-point
arithmetic", for the reduction; coefficients by the exchange algorithm of Remez in 60 digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .exponential import LN2_32, LN2_HIGH, LN2_LOW, by_dtype

f4, f8 = np.float32, np.float64
i4, i8 = np.int32, np.int64


def log(x: float) -> float:
    """The natural logarithm; -inf at 0, NaN below 0.

    Largest error 3 ulp.
    """
    with np.errstate(all="ignore"):
        return float(np.log(x))


SPLIT32, SPLIT64 = i4(0x3F3504F3), i8(0x3FE6A09E667F3BCD)  # the bits of sqrt(1/2)
TINY32, TINY64 = f4(2.0**-126), f8(2.0**-1022)  # below lie the subnormal numbers, without exponent
RAISE32, RAISE64 = f4(2.0**25), f8(2.0**54)
RAISED32, RAISED64 = f4(25), f8(54)
ZERO32, ONE32, INF32, NAN32 = map(f4, (0, 1, math.inf, math.nan))
ZERO64, ONE64, INF64, NAN64 = map(f8, (0, 1, math.inf, math.nan))

# (2 * atanh(t) / t - 2) / t**2 in powers of t**2, |t| <= 0.1716; the logarithm is then off by
# 8e-10 and 1e-18 of itself.
C0, C1, C2 = map(f4, (0.66666779757074265, 0.39977080346586833, 0.29885166372423117))
D0, D1, D2, D3, D4, D5, D6 = map(
    f8,
    (
        0.66666666666667393,
        0.39999999999378181,
        0.28571428751263943,
        0.22222197590919027,
        0.18183618819397725,
        0.15312573851991338,
        0.14811503326351885,
    ),
)


def _log_single(x: Any) -> Any:
    low = x < TINY32
    y = x * RAISE32 if low else x
    bits = np.float32(y).view(np.int32)
    # The arithmetic shift rounds down: m lies in [sqrt(1/2), sqrt(2)).
    power = (bits - SPLIT32) >> i4(23)
    f = np.int32(bits - (power << i4(23))).view(np.float32) - ONE32
    t = f / (f + ONE32 + ONE32)
    z = t * t
    p = ((C2 * z + C1) * z + C0) * z
    n = np.float32(power) - (RAISED32 if low else ZERO32)
    # 2 * t = f - t * f keeps the digits of f.
    y = n * LN2_32 + (f - t * (f - p))
    y = y if x > ZERO32 else (-INF32 if x == ZERO32 else NAN32)
    return y if x < INF32 else x


def _log_double(x: Any) -> Any:
    low = x < TINY64
    y = x * RAISE64 if low else x
    bits = np.float64(y).view(np.int64)
    power = (bits - SPLIT64) >> i8(52)
    f = np.int64(bits - (power << i8(52))).view(np.float64) - ONE64
    t = f / (f + ONE64 + ONE64)
    z = t * t
    p = ((((((D6 * z + D5) * z + D4) * z + D3) * z + D2) * z + D1) * z + D0) * z
    n = np.float64(np.int32(power)) - (RAISED64 if low else ZERO64)
    y = n * LN2_HIGH + (n * LN2_LOW + (f - t * (f - p)))
    y = y if x > ZERO64 else (-INF64 if x == ZERO64 else NAN64)
    return y if x < INF64 else x


by_dtype(log, _log_single, _log_double)
