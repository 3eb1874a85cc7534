"""Explorations of stage 02: the two errors of a numerical derivative."""

from __future__ import annotations

import math

import numpy as np

Points = list[tuple[float, float]]


def step(precision: str) -> dict[str, Points]:
    """The relative error of one-sided and two-sided quotients by the size of the step."""
    kind = np.float64 if precision == "float64" else np.float32

    def f(x: float) -> float:
        return float(np.exp(np.sin(kind(x), dtype=kind), dtype=kind))

    truth = math.exp(math.sin(1)) * math.cos(1)
    one, two = [], []
    for tenths in range(-140, -4, 4):
        h = 10 ** (tenths / 10)
        one.append((tenths / 10, abs((f(1 + h) - f(1)) / h / truth - 1)))
        two.append((tenths / 10, abs((f(1 + h) - f(1 - h)) / (2 * h) / truth - 1)))
    return {"one side": one, "both sides": two}
