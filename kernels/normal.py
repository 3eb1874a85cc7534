"""The distribution function of the normal, for arrays: what the specifications of GELU stand on.

For a >= 0 it is Phi(-a) = exp(-a*a/2) * P(a) / Q(a). Both polynomials have positive coefficients,
so nothing cancels, and one quotient serves for all of [0, inf).

Source: Cody (1969), "Rational Chebyshev approximations for the error function", for the form;
coefficients by reweighted least squares (Lawson) and the exchange algorithm of Remez in 50 digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# The Mills ratio P / Q, from the constant up; relative error 5e-17.
P = (
    0.49999999999999998,
    0.77470270465255483,
    0.59379853198919653,
    0.28915590401019725,
    0.097620124395887909,
    0.023598250301584278,
    0.0040841851139839167,
    0.00048967664474438097,
    0.000037186970282786507,
    1.3827133845280677e-6,
)
Q = (
    1.0,
    2.3472899701079652,
    2.5604634908552743,
    1.7135826310829075,
    0.78153843735000381,
    0.25474845819991452,
    0.060372547295129304,
    0.010330747785330018,
    0.0012309032718111997,
    0.000093213911156512019,
    3.4659484653793678e-6,
)
FAR = 38.7  # beyond it exp(-a*a/2) is 0
BLOCK = 1 << 13  # elements whose intermediate values stay in the cache


def normal_cdf(x: Any) -> Any:
    """Phi(x), the probability that a standard normal is at most x (any shape), in float64.

    Errors are below 8 units in the last place down to the smallest normal number. NaN stays NaN.
    """
    single = np.asarray(x).dtype.itemsize <= 4
    x = np.asarray(x, np.float64)
    out = np.empty(x.shape)
    flat, into = np.ascontiguousarray(x).reshape(-1), out.reshape(-1)
    with np.errstate(invalid="ignore", under="ignore"):
        for start in range(0, flat.size, BLOCK):
            _block(flat[start : start + BLOCK], into[start : start + BLOCK], single)
    return out


def _block(x: Any, out: Any, single: bool) -> None:
    a = np.minimum(np.abs(x), FAR)
    # a*a/2 rounded would lose 10 bits in the tail: the square of a's upper half is exact, and for
    # numbers of single precision that half is all.
    upper = a if single else a.astype(np.float32).astype(np.float64)
    tail = np.exp(-0.5 * upper * upper)
    if not single:
        tail *= np.exp(-0.5 * (a - upper) * (a + upper))
    tail *= _horner(P, a)
    tail /= _horner(Q, a)
    np.subtract(1, tail, out=out)
    np.copyto(out, tail, where=x < 0)


def _horner(coefficients: tuple[float, ...], a: Any) -> Any:
    total = np.full_like(a, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total *= a
        total += coefficient
    return total
