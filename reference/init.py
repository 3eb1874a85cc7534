"""Initial weights: variances that keep activations and gradients alive through depth.

All draw a float32 array (fan_in, fan_out). A uniform U(-b, b) and a normal one share the variance
gain^2 / fan, so b = gain sqrt(3 / fan).

Sources: Glorot & Bengio (2010), "Understanding the difficulty of training deep feedforward neural
networks" (xavier: fan is the mean of both, gain 1); He, Zhang, Ren & Sun (2015), "Delving deep into
rectifiers" (kaiming: fan is fan_in, gain sqrt(2), as ReLU lets half of the variance through).
"""

from __future__ import annotations

import math
import sys

import numpy as np
from numpy.typing import NDArray

from . import slots
from .seeding import seeded

RELU_GAIN = math.sqrt(2.0)

Weights = NDArray[np.float32]
Rng = np.random.Generator | None


@seeded
def kaiming_uniform(fan_in: int, fan_out: int, rng: Rng = None) -> Weights:
    """U(-b, b) with b = sqrt(2) sqrt(3 / fan_in)."""
    return _uniform(fan_in, fan_out, RELU_GAIN * math.sqrt(3.0 / fan_in), rng)


@seeded
def kaiming_normal(fan_in: int, fan_out: int, rng: Rng = None) -> Weights:
    """N(0, 2 / fan_in)."""
    return _normal(fan_in, fan_out, RELU_GAIN / math.sqrt(fan_in), rng)


@seeded
def xavier_uniform(fan_in: int, fan_out: int, rng: Rng = None) -> Weights:
    """U(-b, b) with b = sqrt(6 / (fan_in + fan_out))."""
    return _uniform(fan_in, fan_out, math.sqrt(6.0 / (fan_in + fan_out)), rng)


@seeded
def xavier_normal(fan_in: int, fan_out: int, rng: Rng = None) -> Weights:
    """N(0, 2 / (fan_in + fan_out))."""
    return _normal(fan_in, fan_out, math.sqrt(2.0 / (fan_in + fan_out)), rng)


def _uniform(fan_in: int, fan_out: int, bound: float, rng: Rng) -> Weights:
    rng = rng or np.random.default_rng()
    return rng.uniform(-bound, bound, (fan_in, fan_out)).astype(np.float32)


def _normal(fan_in: int, fan_out: int, std: float, rng: Rng) -> Weights:
    rng = rng or np.random.default_rng()
    return (std * rng.standard_normal((fan_in, fan_out))).astype(np.float32)


def _slots() -> None:
    module = sys.modules[__name__]
    for draw in (kaiming_uniform, kaiming_normal, xavier_uniform, xavier_normal):
        name = draw.__name__
        slots.register(
            f"init:{name}",
            draw,
            lambda part, name=name: setattr(module, name, part),  # type: ignore[misc]
        )


_slots()
