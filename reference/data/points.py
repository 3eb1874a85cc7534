"""Points in the plane that a line cannot, or can, divide: spirals, blobs, exclusive or."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..seeding import seeded

TURNS = 1.0  # of a spiral, from the centre to the rim
REACH = 3.0  # radius of the circle on which the blobs stand

Points = tuple[NDArray[np.float32], NDArray[np.int64]]


@seeded
def spirals(
    n: int, classes: int = 2, noise: float = 0.1, rng: np.random.Generator | None = None
) -> Points:
    """`n` points on `classes` interleaved spiral arms.

    Args:
        n: points in all; the classes differ by one point at most.
        classes: arms, at least 1.
        noise: standard deviation of what is added to each coordinate; the radius is 1.
        rng: where the draws come from; None is a fresh generator.

    Returns:
        X float32 (n, 2), y int64 (n,), in random order.
    """
    rng = rng or np.random.default_rng()
    y = _labels(n, classes, rng)
    along = rng.uniform(0.05, 1.0, n)  # the arms do not meet in the centre
    angle = 2 * np.pi * (TURNS * along + y / classes)
    X = along[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    X += noise * rng.standard_normal((n, 2))
    return X.astype(np.float32), y


@seeded
def blobs(
    n: int, classes: int = 3, noise: float = 0.5, rng: np.random.Generator | None = None
) -> Points:
    """`n` points in `classes` round heaps, whose centres stand evenly on a circle.

    Args:
        n: points in all; the classes differ by one point at most.
        classes: heaps, at least 1.
        noise: standard deviation of a heap; the circle has radius 3.
        rng: where the draws come from; None is a fresh generator.

    Returns:
        X float32 (n, 2), y int64 (n,), in random order.
    """
    rng = rng or np.random.default_rng()
    y = _labels(n, classes, rng)
    angle = 2 * np.pi * y / classes
    X = REACH * np.stack([np.cos(angle), np.sin(angle)], 1)
    X += noise * rng.standard_normal((n, 2))
    return X.astype(np.float32), y


@seeded
def xor(n: int, noise: float = 0.1, rng: np.random.Generator | None = None) -> Points:
    """`n` points near the corners (+-1, +-1); the class says whether the signs differ.

    Args:
        n: points in all, drawn evenly from the four corners.
        noise: standard deviation of what is added to each coordinate.
        rng: where the draws come from; None is a fresh generator.

    Returns:
        X float32 (n, 2), y int64 (n,), in random order.
    """
    rng = rng or np.random.default_rng()
    corner = _labels(n, 4, rng)
    bits = np.stack([corner // 2, corner % 2], 1)
    X = 2.0 * bits - 1.0 + noise * rng.standard_normal((n, 2))
    return X.astype(np.float32), bits[:, 0] ^ bits[:, 1]


def _labels(n: int, classes: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.permutation(np.arange(n, dtype=np.int64) % classes)
