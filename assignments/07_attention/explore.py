"""Explorations of stage 07: the scale of scores, and what attention stores."""

from __future__ import annotations

import numpy as np

Points = list[tuple[float, float]]


def scale(keys: int) -> dict[str, Points]:
    """The mean of the largest weight by the size of a head, with and without the division."""
    rng = np.random.default_rng(0)
    found: dict[str, Points] = {"divided": [], "as they are": []}
    for k in range(1, 11):
        d = 1 << k
        q, keys_of = rng.standard_normal((200, d)), rng.standard_normal((keys, d))
        for name, by in (("divided", np.sqrt(d)), ("as they are", 1.0)):
            scores = q @ keys_of.T / by
            # The weight of the largest score is one over the sum of all, relative to it.
            weight = 1 / np.exp(scores - scores.max(1, keepdims=True)).sum(1)
            found[name].append((k, float(weight.mean())))
    return found


def bytes(heads: int) -> dict[str, Points]:
    """MiB of scores and of activations by length."""
    lengths = range(5, 15)
    return {
        "scores": [(k, 8 * heads * 4.0**k * 4 / 2**20) for k in lengths],
        "activations": [(k, 8 * 512 * 2.0**k * 4 / 2**20) for k in lengths],
    }
