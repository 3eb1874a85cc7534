"""What the kernels should give, in float64 and by other means than a kernel's."""

from __future__ import annotations

import numpy as np

RADIUS = 2
STRETCH = 128
HEAD = 32


def draw(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Standard normal numbers, float32."""
    return rng.standard_normal(shape).astype(np.float32)


def window_sum(x: np.ndarray) -> np.ndarray:
    """Differences of running sums; elements outside count as 0."""
    total = np.concatenate([[0.0], np.cumsum(x.astype(np.float64))])
    i = np.arange(len(x))
    return total[np.minimum(i + RADIUS + 1, len(x))] - total[np.maximum(i - RADIUS, 0)]


def block_sum(x: np.ndarray) -> np.ndarray:
    """Sums of stretches of 128, the last one shorter."""
    padded = np.zeros(-(-len(x) // STRETCH) * STRETCH)
    padded[: len(x)] = x
    return padded.reshape(-1, STRETCH).sum(axis=1)


def prefix_sum(x: np.ndarray) -> np.ndarray:
    """Inclusive running sums."""
    return np.cumsum(x.astype(np.float64))


def matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a b."""
    return a.astype(np.float64) @ b.astype(np.float64)


def softmax(x: np.ndarray) -> np.ndarray:
    """Softmax of each row."""
    wide = x.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def attention(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, causal: int, *, scale: float = HEAD**-0.5
) -> np.ndarray:
    """The three steps, one query at a time; a query that sees no key gives 0."""
    out = np.zeros(q.shape)
    for i, query in enumerate(q.astype(np.float64)):
        seen = min(len(k), i + len(k) - len(q) + 1) if causal else len(k)
        if seen > 0:
            scores = k[:seen].astype(np.float64) @ query * scale
            weights = np.exp(scores - scores.max())
            out[i] = weights @ v[:seen].astype(np.float64) / weights.sum()
    return out
