"""A small residual network for images."""

from __future__ import annotations

import numpy as np

from .. import nn
from ..seeding import seeded
from ..tensor import Tensor
from .module import Module


class ResNet9(Module):
    """Eight convolutions with batch norm, two of the pairs residual, and one affine map.

    conv w; conv 2w, pool; residual pair; conv 4w, pool; conv 8w, pool; residual pair; the largest
    value of each channel; Linear. Each convolution is 3 x 3, padded, without bias, and followed
    by batch norm and ReLU.

    Args:
        num_classes: how many logits.
        in_channels: C.
        rng: where the weights come from; None is a fresh generator.
        width: w; 64 is the size that was published for CIFAR-10.

    Attributes:
        features: a Sequential, (N, C, H, W) -> (N, 8 w, H / 8, W / 8). head: a Linear.

    Sources: He, Zhang, Ren & Sun (2016), "Deep residual learning for image recognition"; Page
    (2018), "How to train your ResNet" (the shape of this one).
    """

    @seeded
    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 3,
        rng: np.random.Generator | None = None,
        width: int = 64,
    ) -> None:
        rng = rng or np.random.default_rng()
        w = width
        self.features = nn.Sequential(
            *_conv(in_channels, w, rng),
            *_conv(w, 2 * w, rng),
            nn.MaxPool2d(2),
            nn.Residual(nn.Sequential(*_conv(2 * w, 2 * w, rng), *_conv(2 * w, 2 * w, rng))),
            *_conv(2 * w, 4 * w, rng),
            nn.MaxPool2d(2),
            *_conv(4 * w, 8 * w, rng),
            nn.MaxPool2d(2),
            nn.Residual(nn.Sequential(*_conv(8 * w, 8 * w, rng), *_conv(8 * w, 8 * w, rng))),
        )
        self.head = nn.Linear(8 * w, num_classes, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) with sides of 8 or more -> (N, num_classes)."""
        return self.head(self.features(x).max((2, 3)))  # type: ignore[no-any-return]


def _conv(channels: int, filters: int, rng: np.random.Generator) -> list[Module]:
    convolution = nn.Conv2d(channels, filters, 3, padding=1, bias=False, rng=rng)
    return [convolution, nn.BatchNorm2d(filters), nn.ReLU()]
