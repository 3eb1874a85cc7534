"""Explorations of stage 04: the first weights of a deep network, and the ways down a valley."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Points = list[tuple[float, float]]
Array = NDArray[np.float64]
LAYERS, WIDTH, BATCH = 50, 100, 64
STEPS, FAR = 60, 20.0
BEGIN = (-10.0, 2.0)


def depth(v: int) -> dict[str, Points]:
    """Root mean squares of activations and gradients by layer."""
    rng = np.random.default_rng(0)
    h = rng.standard_normal((BATCH, WIDTH))
    weights, masks, up = [], [], []
    for layer in range(LAYERS):
        weights.append(rng.standard_normal((WIDTH, WIDTH)) * np.sqrt(v / WIDTH))
        z = h @ weights[-1]
        masks.append(z > 0)
        h = np.where(masks[-1], z, 0)
        up.append((layer + 1, float(np.sqrt((h * h).mean()))))
    g = rng.standard_normal(h.shape)
    down = []
    for layer in reversed(range(LAYERS)):
        g = np.where(masks[layer], g, 0) @ weights[layer].T
        down.append((layer + 1, float(np.sqrt((g * g).mean()))))
    return {"activations": up, "gradients": down[::-1]}


def descent(kappa: int, rate: float) -> dict[str, Points]:
    """f by step for each optimiser."""
    bends = np.array([1.0, kappa])
    return {
        name: [(float(k), float(bends @ (p * p) / 2)) for k, p in enumerate(path)]
        for name, path in _paths(bends, rate).items()
    }


def valley(kappa: int, rate: float, beside: str) -> dict[str, Points]:
    """The places (x, y) that gradient descent and the optimiser `beside` it visit."""
    paths = _paths(np.array([1.0, kappa]), rate)
    shown = ("gradient descent", beside)
    return {name: [(float(x), float(y)) for x, y in paths[name]] for name in shown}


def _paths(bends: Array, rate: float) -> dict[str, list[Array]]:
    """Minimise f(p) = sum(bends p^2) / 2 in five ways; a path ends where it leaves the picture."""
    lr = rate / float(bends.max())
    return {
        "gradient descent": _path(lambda p, s: _momentum(p, s, bends, lr, 0.0, ahead=False)),
        "momentum": _path(lambda p, s: _momentum(p, s, bends, lr, 0.9, ahead=False)),
        "Nesterov": _path(lambda p, s: _momentum(p, s, bends, lr, 0.9, ahead=True)),
        "Adam": _path(lambda p, s: _adam(p, s, bends, rate)),
        "Newton": _path(lambda p, s: p - min(rate, 1.0) * p),
    }


def _path(step: Callable[[Array, dict[str, Array]], Array]) -> list[Array]:
    place, state = np.array(BEGIN), dict[str, Array]()
    path = [place]
    for _ in range(STEPS):
        place = step(place, state)
        if np.abs(place).max() > FAR:
            break
        path.append(place)
    return path


def _momentum(
    p: Array, state: dict[str, Array], bends: Array, lr: float, beta: float, *, ahead: bool
) -> Array:
    g = bends * p
    u = state["u"] = beta * state.get("u", np.zeros(2)) + g
    return p - lr * (g + beta * u if ahead else u)


def _adam(p: Array, state: dict[str, Array], bends: Array, rate: float) -> Array:
    g, zero = bends * p, np.zeros(2)
    step = state["step"] = state.get("step", zero) + 1
    m = state["m"] = 0.9 * state.get("m", zero) + 0.1 * g
    v = state["v"] = 0.999 * state.get("v", zero) + 0.001 * g * g
    return p - rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
