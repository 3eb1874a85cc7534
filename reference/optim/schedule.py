"""Step sizes that change over time: plain functions of the step, which counts from 0."""

from __future__ import annotations

import math


def cosine_schedule(step: int, total: int, base_lr: float, warmup: int = 0) -> float:
    """A linear rise over `warmup` steps, then half a cosine down to 0 at `total`.

    Args:
        step: counts from 0.
        total: all steps, those of the warm-up included.
        base_lr: the highest step size.
        warmup: steps of the rise.

    Returns:
        base_lr (step + 1) / warmup while step < warmup, then
        base_lr / 2 (1 + cos(pi (step - warmup) / (total - warmup))), and 0.0 from `total` on.

    Source: Loshchilov & Hutter (2017), "SGDR: stochastic gradient descent with warm restarts".
    """
    if step >= total:
        return 0.0
    if step < warmup:
        return base_lr * (step + 1) / warmup
    return base_lr / 2 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


def step_schedule(step: int, every: int, base_lr: float, factor: float = 0.1) -> float:
    """base_lr times `factor` once for each `every` steps that have passed.

    Args:
        step: counts from 0.
        every: steps between two drops, at least 1.
        base_lr: the first step size.
        factor: what a drop multiplies by.
    """
    return float(base_lr * factor ** (step // every))
