"""The hyperbolic tangent of one number, written so that loops over it become vectors.

Near zero an odd polynomial; elsewhere `(1 - e) / (1 + e)` with e = exp(-2|x|), which would lose
its digits near zero. A vector computes both and chooses.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .exponential import by_dtype, exp_nonpositive
from .extrema import choose

f4, f8 = np.float32, np.float64


def tanh(x: float) -> float:
    """The hyperbolic tangent; largest error 4 ulp."""
    return math.tanh(x)


EDGE32, ZERO32, ONE32, MINUS_TWO32 = map(f4, (0.625, 0, 1, -2))
EDGE64, ZERO64, ONE64, MINUS_TWO64 = map(f8, (0.625, 0, 1, -2))

# (tanh(x) / x - 1) / x**2 in powers of x**2, |x| <= 0.625; tanh is off by 4e-9 and 1e-17 of itself.
C0, C1, C2, C3, C4 = map(
    f4,
    (
        -0.33333282059204858,
        0.13331444608650971,
        -0.05373987967077,
        0.0206395465479,
        -0.00570543880213,
    ),
)
D0, D1, D2, D3, D4, D5, D6, D7, D8, D9, D10 = map(
    f8,
    (
        -0.33333333333332861,
        0.13333333333262620,
        -0.053968253931456795,
        0.021869487579607646,
        -0.0088632210413130433,
        0.0035919894428917844,
        -0.0014549600927445884,
        0.00058632009278811686,
        -0.00022857070527302795,
        0.000077151112080392247,
        -0.000016075608758701125,
    ),
)


def _tanh_single(x: Any) -> Any:
    a = abs(x)
    z = x * x
    near = x + x * (z * ((((C4 * z + C3) * z + C2) * z + C1) * z + C0))
    e = exp_nonpositive(MINUS_TWO32 * a)
    far = (ONE32 - e) / (ONE32 + e)
    return choose(a < EDGE32, near, choose(x < ZERO32, -far, far))


def _tanh_double(x: Any) -> Any:
    a = abs(x)
    z = x * x
    p = (((((D10 * z + D9) * z + D8) * z + D7) * z + D6) * z + D5) * z + D4
    p = (((p * z + D3) * z + D2) * z + D1) * z + D0
    near = x + x * (z * p)
    e = exp_nonpositive(MINUS_TWO64 * a)
    far = (ONE64 - e) / (ONE64 + e)
    return choose(a < EDGE64, near, choose(x < ZERO64, -far, far))


by_dtype(tanh, _tanh_single, _tanh_double)
