"""Dropout: a random part of the elements is set to zero, the rest makes up for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..devices import moved
from ..op import Array, op
from ..seeding import seeded
from ..tensor import Tensor


@op(name="dropout")
def _dropout(x: Array, mask: Any) -> Any:
    """x times a mask of 0 and 1 / (1 - p)."""
    return x * mask


@_dropout.vjp
def dropout_vjp(g: Any, out: Any, x: Any, mask: Any) -> Any:
    return (g * mask,)


@seeded
def dropout(x: Any, p: float, rng: np.random.Generator | None = None) -> Tensor:
    """x with each element zeroed with probability `p` and the others divided by 1 - p.

    Args:
        rng: draws one number per element; None means a fresh generator.

    Raises:
        ValueError: p outside [0, 1].

    Source: Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from
    overfitting".
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p is {p}; a probability lies in [0, 1].")
    x = x if isinstance(x, Tensor) else Tensor(x)
    rng = rng or np.random.default_rng()
    kept = rng.random(x.shape, np.float32) >= p
    scale = 0.0 if p == 1 else 1 / (1 - p)
    return _dropout.apply((x,), (moved(kept * x.dtype.type(scale), x.device),))
