"""Initialisers: bounds, moments, seeds, and what they do to fifty layers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reference import init

# (fan, gain): uniform has the bound gain sqrt(3 / fan), both have the variance gain^2 / fan
FANS = {
    "kaiming_uniform": (300, math.sqrt(2)),
    "kaiming_normal": (300, math.sqrt(2)),
    "xavier_uniform": (200, 1.0),
    "xavier_normal": (200, 1.0),
}


@pytest.mark.parametrize("name", FANS)
def test_weights_have_the_variance_of_their_fan(name: str) -> None:
    fan, gain = FANS[name]

    weights = getattr(init, name)(300, 100, np.random.default_rng(0))

    assert weights.shape == (300, 100) and weights.dtype == np.float32
    assert abs(weights.mean()) < 0.01 * gain
    assert abs(weights.var() * fan / gain**2 - 1) < 0.03


@pytest.mark.parametrize("name", ["kaiming_uniform", "xavier_uniform"])
def test_uniform_weights_fill_their_interval(name: str) -> None:
    fan, gain = FANS[name]
    bound = gain * math.sqrt(3 / fan)

    weights = getattr(init, name)(300, 100, np.random.default_rng(0))

    assert 0.999 * bound < np.abs(weights).max() <= bound * (1 + 1e-6)


@pytest.mark.parametrize("name", ["kaiming_normal", "xavier_normal"])
def test_normal_weights_have_tails(name: str) -> None:
    fan, gain = FANS[name]

    weights = getattr(init, name)(300, 100, np.random.default_rng(0))

    assert np.abs(weights).max() > 3.5 * gain / math.sqrt(fan)


@pytest.mark.parametrize("name", FANS)
def test_the_seed_decides(name: str) -> None:
    draw = getattr(init, name)
    one, same, other = (draw(5, 4, np.random.default_rng(seed)) for seed in (1, 1, 2))

    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert not np.array_equal(draw(5, 4), draw(5, 4))


@pytest.mark.parametrize(
    ("variance", "low", "high"),
    [(1, 0.0, 1e-6), (2, 0.05, 20.0), (3, 1e3, math.inf)],
    ids=["1/n vanishes", "2/n stays", "3/n explodes"],
)
def test_fifty_relu_layers(variance: float, low: float, high: float) -> None:
    """The mean square of the activations is multiplied by variance / 2 in each layer."""
    rng = np.random.default_rng(0)
    n = 100
    x = rng.standard_normal((200, n))
    start = (x**2).mean()
    for _ in range(50):
        x = np.maximum(x @ rng.normal(0, math.sqrt(variance / n), (n, n)), 0)

    assert low <= (x**2).mean() / start <= high
