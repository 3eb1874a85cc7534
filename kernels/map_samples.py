"""Sample calls of the elementwise kernels: every class of shape and of layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .kernel import Call, call


def map_samples(
    arrays: int, draw: Callable[[np.random.Generator, tuple[int, ...]], Any] | None = None
) -> Callable[[Any, np.random.Generator], list[Call]]:
    """A sampler for a kernel of so many arrays of one shape; `draw(rng, shape)` makes the numbers."""

    def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
        def some(*shape: int) -> Any:
            made = rng.normal(size=shape) * 3 if draw is None else draw(rng, shape)
            return np.asarray(made).astype(dtype)

        return [
            call(*(some(4, 5) for _ in range(arrays))),
            call(*(some(257) for _ in range(arrays))),  # whole vectors and a rest
            call(*(some(0) for _ in range(arrays))),
            call(*(some(2, 0, 3) for _ in range(arrays))),
            call(*(some() for _ in range(arrays))),
            call(*(some(7, 6).T for _ in range(arrays))),
            call(*(some(66)[::2] for _ in range(arrays))),
            call(*(some(3, 40)[:, ::-1] for _ in range(arrays))),
        ]

    return samples
