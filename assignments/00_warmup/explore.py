"""Explorations of stage 00: what rounding does to a long sum."""

from __future__ import annotations

import math

import numpy as np

Points = list[tuple[float, float]]


def sums(number: str) -> dict[str, Points]:
    """The relative error of two orders of adding 2**k float32 numbers."""
    rng = np.random.default_rng(0)
    one_by_one, halves = [], []
    for k in range(6, 21):
        x = 1 / np.arange(1, (1 << k) + 1) if number == "1/k" else rng.random(1 << k)
        x = x.astype(np.float32)
        exact = math.fsum(x.tolist())
        one_by_one.append((k, abs(float(np.cumsum(x, dtype=np.float32)[-1]) / exact - 1)))
        parts = x
        while parts.size > 1:
            parts = parts[::2] + parts[1::2]
        halves.append((k, abs(float(parts[0]) / exact - 1)))
    return {"one by one": one_by_one, "in halves": halves}
