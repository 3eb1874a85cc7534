"""Continuing sequences with a Transformer, one id at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError
from ..tensor import no_grad
from .kv_cache import KVCache
from .module import Module
from .sampling import draw

Ids = NDArray[np.int64]


def generate(
    model: Module,
    ids: Ids,
    n: int,
    temperature: float,
    rng: np.random.Generator | None,
    cache: KVCache | None = None,
) -> Ids:
    """Continue each row by n ids.

    Args:
        model: as `GPT`.
        ids: (B, T), the beginning.
        n: how many ids to add to each row.
        temperature: 0 always takes the likeliest, see `draw`.
        rng: one draw for each row and new id, rows in order.
        cache: holds a prefix of ids; what it lacks is computed first. None computes all again at
            each step.

    Returns:
        int64 (B, T + n), the beginning first.

    Raises:
        ShapeError: T + n is more than the model's context; nothing has been drawn.
    """
    B, T = ids.shape
    if T + n > model.context:  # type: ignore[attr-defined]
        raise ShapeError(
            f"generate: {T} + {n} positions, the context is {model.context}.\nTake fewer."  # type: ignore[attr-defined]
        )
    result = np.empty((B, T + n), np.int64)
    result[:, :T] = ids
    with no_grad():
        for end in range(T, T + n):
            # A cache that holds all of ids does not tell the logits of the last one.
            if cache is None or cache.length == end:
                logits = model(result[:, :end])
            else:
                logits = model(result[:, cache.length : end], cache)
            for row in range(B):
                result[row, end] = draw(logits[row, -1].numpy(), temperature, rng)
    return result
