"""Noise that keeps units from relying on each other."""

from __future__ import annotations

import numpy as np

from .. import ops
from ..seeding import seeded
from ..tensor import Tensor
from .module import Module


class Dropout(Module):
    """In training each element becomes 0 with probability p, the others are divided by 1 - p.

    Args:
        p: the probability of zero; 1 gives zeros.
        rng: where the masks come from, one draw per element and call; None is a fresh generator.

    Raises:
        ValueError: p outside [0, 1].

    Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov (2014), "Dropout: a simple way
    to prevent neural networks from overfitting".
    """

    @seeded
    def __init__(self, p: float = 0.5, rng: np.random.Generator | None = None) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p is {p}; a probability lies in [0, 1]")
        self.p = p
        self.rng = rng or np.random.default_rng()

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, the same shape; when evaluating x itself, and the rng stays where it is."""
        return ops.dropout(x, self.p, self.rng) if self.training else x
