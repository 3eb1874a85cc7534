"""One draw from logits, as every model that writes does it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def draw(logits: NDArray[Any], temperature: float, rng: np.random.Generator | None) -> int:
    """An id from softmax(logits / temperature).

    Args:
        logits: (vocab,), any float dtype; the arithmetic is float64.
        temperature: 0 takes the largest logit, of equal ones the first, and leaves `rng` alone.
        rng: gives one u = rng.random(); the id is the first whose cumulative probability is above.
    """
    if temperature == 0:
        return int(np.argmax(logits))
    if rng is None:
        raise ValueError("draw: rng is None.\nA temperature above 0 needs a generator.")
    scaled = logits.astype(np.float64) / temperature
    weights = np.exp(scaled - scaled.max())
    reached = np.cumsum(weights / weights.sum()) > rng.random()
    # Rounding can leave the last sum below u.
    return int(np.argmax(reached)) if reached[-1] else len(reached) - 1
