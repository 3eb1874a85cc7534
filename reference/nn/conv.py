"""Convolution over images."""

from __future__ import annotations

import numpy as np

from .. import init, ops
from ..errors import ShapeError
from ..seeding import seeded
from ..tensor import Parameter, Tensor
from .module import Module


class Conv2d(Module):
    """Cross-correlation of (N, C, H, W) with square kernels.

    Args:
        in_channels, out_channels: C and O, both multiples of `groups`.
        kernel_size: k; stride, padding and dilation are ints too, the same for both axes.
        groups: channels are cut into so many parts that do not see each other.
        bias: False leaves it out; the attribute is then None.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        weight: (O, C / groups, k, k), kaiming uniform with fan_in = C / groups k k.
        bias: (O,), zeros.

    Raises:
        ShapeError: channels that `groups` does not divide.
    """

    fuses = ("relu",)  # activations that `forward` can apply itself

    @seeded
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        rng: np.random.Generator | None = None,
    ) -> None:
        if in_channels % groups or out_channels % groups:
            raise ShapeError(
                f"Conv2d: {in_channels} and {out_channels} channels in {groups} groups.\n"
                "The number of groups must divide both."
            )
        channels = in_channels // groups
        weights = init.kaiming_uniform(channels * kernel_size**2, out_channels, rng)
        shape = (out_channels, channels, kernel_size, kernel_size)
        self.weight = Parameter(weights.T.reshape(shape))
        self.bias = Parameter(np.zeros(out_channels, np.float32)) if bias else None
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups

    def forward(self, x: Tensor, activation: str | None = None) -> Tensor:
        """(N, C, H, W) -> (N, O, Ho, Wo), Ho = (H + 2 padding - dilation (k - 1) - 1) // stride + 1."""
        return ops.conv2d(
            x,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            activation=activation,
        )
