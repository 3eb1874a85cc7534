"""Explorations of stage 06: why long memories fade or burst."""

from __future__ import annotations

import numpy as np

Points = list[tuple[float, float]]
STEPS, SIZE = 60, 64


def memory(rho: float) -> dict[str, Points]:
    """Norms of a gradient by steps back, with and without tanh."""
    rng = np.random.default_rng(0)
    w = rng.standard_normal((SIZE, SIZE))
    w *= rho / np.abs(np.linalg.eigvals(w)).max()
    h, states = np.zeros(SIZE), []
    for _ in range(STEPS):
        h = np.tanh(w @ h + 0.5 * rng.standard_normal(SIZE))
        states.append(h)
    start = rng.standard_normal(SIZE)
    start /= np.linalg.norm(start)
    found: dict[str, Points] = {}
    for name in ("no activation", "tanh"):
        g, points = start, [(0.0, 1.0)]
        for back, state in enumerate(reversed(states), 1):
            slope = 1 - state * state if name == "tanh" else 1.0
            g = w.T @ (g * slope)
            points.append((float(back), float(np.linalg.norm(g))))
        found[name] = points
    return found
