"""An MLP whose blocks learn what to add to their input."""

from __future__ import annotations

import numpy as np

from .. import nn
from ..seeding import seeded
from ..tensor import Tensor
from .module import Module


class MLPResNet(Module):
    """Linear, ReLU, residual blocks with batch norm and dropout, Linear.

    A block is Residual(Linear(hidden, hidden // 2), BatchNorm1d, ReLU, Dropout,
    Linear(hidden // 2, hidden), BatchNorm1d), then ReLU.

    Args:
        dim, num_classes: features in and out.
        hidden: features between blocks.
        num_blocks: how many.
        rng: where weights and masks come from; None is a fresh generator.
        p_drop: the probability of zero in Dropout.

    Attributes:
        net: a Sequential.

    Source: He, Zhang, Ren & Sun (2016), "Deep residual learning for image recognition", for rows.
    """

    @seeded
    def __init__(
        self,
        dim: int,
        hidden: int,
        num_blocks: int,
        num_classes: int,
        rng: np.random.Generator | None = None,
        p_drop: float = 0.1,
    ) -> None:
        rng = rng or np.random.default_rng()
        layers: list[Module] = [nn.Linear(dim, hidden, rng=rng), nn.ReLU()]
        for _ in range(num_blocks):
            block = nn.Sequential(
                nn.Linear(hidden, hidden // 2, rng=rng),
                nn.BatchNorm1d(hidden // 2),
                nn.ReLU(),
                nn.Dropout(p_drop, rng),
                nn.Linear(hidden // 2, hidden, rng=rng),
                nn.BatchNorm1d(hidden),
            )
            layers += [nn.Residual(block), nn.ReLU()]
        self.net = nn.Sequential(*layers, nn.Linear(hidden, num_classes, rng=rng))

    def forward(self, x: Tensor) -> Tensor:
        """(N, dim) -> (N, num_classes)."""
        return self.net(x)  # type: ignore[no-any-return]
