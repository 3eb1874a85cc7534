"""Minibatches of aligned arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError
from ..seeding import seeded

Array = NDArray[np.generic]


class DataLoader:
    """Cuts arrays of equal length into minibatches; iterate it once per epoch.

    Args:
        arrays: ndarrays (N, ...), row i of each belonging together.
        batch_size: rows in a batch; the last one may be smaller.
        shuffle: draw one new permutation, the same for all arrays, whenever iteration begins.
        rng: where permutations come from; None is a fresh generator.
        drop_last: leave out a last batch that is smaller.

    Raises:
        ShapeError: no arrays, or arrays of different lengths.
        ValueError: a batch_size below 1.
    """

    @seeded
    def __init__(
        self,
        arrays: Sequence[Array],
        batch_size: int,
        shuffle: bool = False,
        rng: np.random.Generator | None = None,
        drop_last: bool = False,
    ) -> None:
        self.arrays = tuple(np.asarray(array) for array in arrays)
        lengths = [len(array) for array in self.arrays]
        if len(set(lengths)) != 1:
            raise ShapeError(
                f"DataLoader: the arrays have lengths {lengths}.\nAll must have the same."
            )
        if batch_size < 1:
            raise ValueError(f"DataLoader: batch_size is {batch_size}; it must be at least 1")
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.rng = rng or np.random.default_rng()
        self.drop_last = drop_last

    def __len__(self) -> int:
        """The number of batches."""
        rows = len(self.arrays[0])
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        """Yields one tuple of copies per batch."""
        rows = len(self.arrays[0])
        order = self.rng.permutation(rows) if self.shuffle else np.arange(rows)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            chosen = order[start : start + self.batch_size]
            yield tuple(array[chosen] for array in self.arrays)
