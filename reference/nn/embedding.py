"""A learned vector for each id."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import ops
from ..seeding import seeded
from ..tensor import Parameter, Tensor
from .module import Module


class Embedding(Module):
    """Rows of a table.

    Args:
        num: rows; ids are 0 to num - 1.
        dim: columns.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        weight: (num, dim), N(0, 1).
    """

    @seeded
    def __init__(self, num: int, dim: int, rng: np.random.Generator | None = None) -> None:
        rng = rng or np.random.default_rng()
        self.weight = Parameter(rng.standard_normal((num, dim), np.float32))

    def forward(self, ids: NDArray[Any]) -> Tensor:
        """Integers (...) -> (..., dim); IndexError for an id outside 0 to num - 1."""
        return ops.embedding(self.weight, ids)
