"""Sample matrices of the kernels that work on rows: every class of shape, layout and number."""

from __future__ import annotations

from typing import Any

import numpy as np


def row_samples(dtype: Any, rng: np.random.Generator) -> list[Any]:
    """Matrices (R, C): below a vector, whole vectors, with a rest, empty, strided, huge numbers."""

    def some(*shape: int) -> Any:
        return (rng.normal(size=shape) * 3).astype(dtype)

    return [
        some(3, 5),
        some(2, 64),
        some(70, 37),
        some(1, 1),
        some(0, 4),
        some(4, 0),
        some(9, 6).T,
        some(6, 50)[::2, ::3],
        some(5, 17)[:, ::-1],
        some(4, 33) * np.asarray(3e4, dtype),
    ]
