"""The logistic function of one number, written so that loops over it become vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .exponential import by_dtype, exp_nonpositive

ZERO32, ONE32 = np.float32(0), np.float32(1)
ZERO64, ONE64 = np.float64(0), np.float64(1)


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), with its digits kept far below zero; largest error 4 ulp."""
    e = math.exp(-abs(x))
    return (e if x < 0 else 1.0) / (1 + e)


def _single(x: Any) -> Any:
    e = exp_nonpositive(-abs(x))
    return (e if x < ZERO32 else ONE32) / (ONE32 + e)


def _double(x: Any) -> Any:
    e = exp_nonpositive(-abs(x))
    return (e if x < ZERO64 else ONE64) / (ONE64 + e)


by_dtype(sigmoid, _single, _double)
