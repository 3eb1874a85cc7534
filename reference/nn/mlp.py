"""Networks of affine maps: a plain one and one with residual connections."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from .. import nn
from ..seeding import seeded
from ..tensor import Tensor
from .module import Module


class MLP(Module):
    """Linear, ReLU, Linear, ..., Linear: no activation after the last.

    Args:
        sizes: features in, between, out: MLP([784, 100, 10]) has one hidden layer.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        net: a Sequential.
    """

    @seeded
    def __init__(self, sizes: Sequence[int], rng: np.random.Generator | None = None) -> None:
        rng = rng or np.random.default_rng()
        layers: list[Module] = []
        for fan_in, fan_out in pairwise(sizes):
            layers += [nn.Linear(fan_in, fan_out, rng=rng), nn.ReLU()]
        self.net = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """(N, sizes[0]) -> (N, sizes[-1])."""
        return self.net(x)  # type: ignore[no-any-return]
