"""The affine map."""

from __future__ import annotations

import numpy as np

from .. import init, ops
from ..seeding import seeded
from ..tensor import Parameter, Tensor
from .module import Module


class Linear(Module):
    """x W + b, over the last axis.

    Args:
        in_features: size of the last axis of x.
        out_features: size of the last axis of the result.
        bias: False leaves b out; the attribute is then None.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        weight: (in, out), kaiming uniform. bias: (out,), zeros.
    """

    fuses = ("relu", "gelu")  # activations that `forward` can apply itself

    @seeded
    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.weight = Parameter(init.kaiming_uniform(in_features, out_features, rng))
        self.bias = Parameter(np.zeros(out_features, np.float32)) if bias else None

    def forward(self, x: Tensor, activation: str | None = None) -> Tensor:
        """(..., in) -> (..., out), x with two axes or more; ShapeError if sizes do not fit."""
        return ops.linear(x, self.weight, self.bias, activation=activation)
