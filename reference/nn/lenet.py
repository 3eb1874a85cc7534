"""The first convolutional network that read cheques."""

from __future__ import annotations

import numpy as np

from .. import nn
from ..seeding import seeded
from ..tensor import Tensor
from .module import Module


class LeNet(Module):
    """Two convolutions with pooling, three affine maps, for images of 28 x 28.

    Conv 6@5 padded by 2, ReLU, max 2, conv 16@5, ReLU, max 2, Linear 120, 84, num_classes with
    ReLU between; 61,706 parameters for 1 channel and 10 classes.

    Args:
        num_classes: how many logits.
        in_channels: C.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        net: a Sequential.

    Source: LeCun, Bottou, Bengio & Haffner (1998), "Gradient-based learning applied to document
    recognition", with ReLU and max pooling.
    """

    @seeded
    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        rng: np.random.Generator | None = None,
    ) -> None:
        rng = rng or np.random.default_rng()
        self.net = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5, padding=2, rng=rng),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5, rng=rng),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 120, rng=rng),
            nn.ReLU(),
            nn.Linear(120, 84, rng=rng),
            nn.ReLU(),
            nn.Linear(84, num_classes, rng=rng),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, 28, 28) -> (N, num_classes)."""
        return self.net(x)  # type: ignore[no-any-return]
