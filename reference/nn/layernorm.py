"""Normalisation of each row."""

from __future__ import annotations

import numpy as np

from .. import ops
from ..tensor import Parameter, Tensor
from .module import Module


class LayerNorm(Module):
    """(x - mean) / sqrt(var + eps) * weight + bias over the last axis, var biased.

    Args:
        dim: size of the last axis.
        eps: keeps the root away from 0.

    Attributes:
        weight: (dim,), ones. bias: (dim,), zeros.

    Source: Ba, Kiros & Hinton (2016), "Layer normalization".
    """

    def __init__(self, dim: int, eps: float = 1e-5) -> None:
        self.weight = Parameter(np.ones(dim, np.float32))
        self.bias = Parameter(np.zeros(dim, np.float32))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(..., dim), the same shape; ShapeError if the last axis is another."""
        return ops.layer_norm(x, self.weight, self.bias, self.eps)
