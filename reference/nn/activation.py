"""Activations as modules. `fused` is the name under which a layer before can apply them itself."""

from __future__ import annotations

from .. import ops
from ..tensor import Tensor
from .module import Module


class ReLU(Module):
    """max(x, 0); the derivative at 0 is 0."""

    fused = "relu"

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, the same shape."""
        return ops.relu(x)


class GELU(Module):
    """x times the normal distribution function of x, exact (erf).

    Source: Hendrycks & Gimpel (2016), "Gaussian error linear units".
    """

    fused = "gelu"

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, the same shape."""
        return ops.gelu(x)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, the same shape."""
        return ops.tanh(x)


class Sigmoid(Module):
    """1 / (1 + exp(-x))."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, the same shape."""
        return ops.sigmoid(x)
