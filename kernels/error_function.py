"""The error function and the normal distribution of one number, in loops that become vectors.

Below zero the distribution comes from the Mills ratio, `Phi(-a) = exp(-a*a/2) * mills(a)`, so its
tail keeps its digits where `1 + erf` has lost them all. The ratio is a quotient of polynomials
with positive coefficients: nothing cancels, and one division does for all of [0, inf).

Source: Cody (1969), "Rational Chebyshev approximations for the error function", for the form;
coefficients by reweighted least squares (Lawson) and the exchange algorithm of Remez in 50 digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable

from .exponential import EXACT, by_dtype, exp_nonpositive
from .extrema import choose
from .normal import P, Q

f4, f8 = np.float32, np.float64


def erf(x: float) -> float:
    """The error function; largest error 2e-7 (4.5e-16 in float64) of itself."""
    return math.erf(x)


def mills(x: float) -> float:
    """Phi(-x) * exp(x*x/2) for x >= 0, with Phi the distribution function of the normal."""
    return 0.5 * math.erfc(x / math.sqrt(2)) * math.exp(x * x / 2)


# Beyond these exp(-a*a/2) is 0.
FAR32, FAR64 = f4(14.6), f8(38.7)
ZERO32, ONE32, ROOT2_32 = f4(0), f4(1), f4(math.sqrt(2))
ZERO64, ONE64, ROOT2_64 = f8(0), f8(1), f8(math.sqrt(2))

# mills(a) = P(a) / Q(a), Q0 = 1; relative error 6e-9 in float32 and 5e-17 in float64
P0, P1, P2, P3, P4 = map(
    f4, (0.500000002968, 0.438501086113, 0.183387927907, 0.0406847519794, 0.00412396060394)
)
Q1, Q2, Q3, Q4, Q5 = map(
    f4, (1.67488715776, 1.20313762016, 0.469873994393, 0.101987926399, 0.0103371182385)
)
MILLS = {32: ((P0, P1, P2, P3, P4), (ONE32, Q1, Q2, Q3, Q4, Q5)), 64: (P, Q)}  # (P, Q) by bits
U0, U1, U2, U3, U4, U5, U6, U7, U8, U9 = map(f8, P)
_, V1, V2, V3, V4, V5, V6, V7, V8, V9, V10 = map(f8, Q)

# erf(x) / x in powers of x**2, |x| <= 1; relative error 1.2e-9 and 1.3e-19
S0, S1, S2, S3, S4, S5, S6 = map(
    f4,
    (
        1.1283791657268233,
        -0.37612625824920030,
        0.11283585154976807,
        -0.026853812190997363,
        0.0051883281864188620,
        -0.00080101982624365479,
        0.000078538775316191324,
    ),
)
T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12 = map(
    f8,
    (
        1.1283791670955126,
        -0.37612638903183748,
        0.11283791670954858,
        -0.026866170645072905,
        0.0052239776247809649,
        -0.00085483269787477020,
        0.00012055331037093965,
        -0.000014925593511401866,
        1.6460972886829845e-6,
        -1.6350025936209925e-7,
        1.4657884472637242e-8,
        -1.1365683248456953e-9,
        5.9452900310372855e-11,
    ),
)


@register_jitable(**EXACT)
def _mills_single(x: Any) -> Any:
    a = FAR32 if x > FAR32 else x
    p = (((P4 * a + P3) * a + P2) * a + P1) * a + P0
    q = ((((Q5 * a + Q4) * a + Q3) * a + Q2) * a + Q1) * a + ONE32
    return p / q


@register_jitable(**EXACT)
def _mills_double(x: Any) -> Any:
    a = FAR64 if x > FAR64 else x
    p = ((((U9 * a + U8) * a + U7) * a + U6) * a + U5) * a + U4
    p = (((p * a + U3) * a + U2) * a + U1) * a + U0
    q = (((((V10 * a + V9) * a + V8) * a + V7) * a + V6) * a + V5) * a + V4
    q = (((q * a + V3) * a + V2) * a + V1) * a + ONE64
    return p / q


def _erf_single(x: Any) -> Any:
    a = abs(x)
    z = x * x
    near = x * ((((((S6 * z + S5) * z + S4) * z + S3) * z + S2) * z + S1) * z + S0)
    tail = exp_nonpositive(-z) * _mills_single(a * ROOT2_32)
    far = ONE32 - (tail + tail)
    return choose(a < ONE32, near, choose(x < ZERO32, -far, far))


def _erf_double(x: Any) -> Any:
    a = abs(x)
    z = x * x
    p = (((((T12 * z + T11) * z + T10) * z + T9) * z + T8) * z + T7) * z + T6
    near = x * ((((((p * z + T5) * z + T4) * z + T3) * z + T2) * z + T1) * z + T0)
    tail = exp_nonpositive(-z) * _mills_double(a * ROOT2_64)
    far = ONE64 - (tail + tail)
    return choose(a < ONE64, near, choose(x < ZERO64, -far, far))


by_dtype(mills, _mills_single, _mills_double)
by_dtype(erf, _erf_single, _erf_double)
