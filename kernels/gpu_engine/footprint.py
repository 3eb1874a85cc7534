"""Which elements each block loads: what a kernel has to move at least, against what it moves."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
SMALL = 1 << 21  # marks of a batch up to which the whole array is covered at once
LARGEST = 1 << 26  # marks of a batch above which keys are sorted instead
KEYS = 1 << 22


class Footprint:
    """Distinct (block, element) pairs and distinct elements of one array's loads.

    Attributes:
        pairs: distinct pairs of block and element.
    """

    def __init__(self, size: int) -> None:
        self.size, self.pairs = size, 0
        self.touched = np.zeros(size, bool)
        self.seen: Array | None = None
        self.low = self.high = 0
        self.keys: list[Array] = []
        self.held = 0

    def start(self, blocks: int) -> None:
        """A new batch of blocks."""
        self.blocks, self.seen, self.keys, self.held = blocks, None, [], 0
        self.row = np.arange(blocks)[:, None]

    def _cover(self, low: int, high: int) -> None:
        """Widen the window of elements that have marks, generously."""
        if self.seen is not None:
            low, high = min(low, self.low), max(high, self.high)
            slack = high - low
            low, high = max(0, low - slack), min(self.size, high + slack)
        if self.blocks * self.size <= SMALL:
            low, high = 0, self.size
        if self.blocks * (high - low) > LARGEST:
            self._spill()
            self.low, self.high, self.held = 0, 0, -1
            return
        wider = np.zeros((self.blocks, high - low), bool)
        if self.seen is not None:
            wider[:, self.low - low : self.high - low] = self.seen
        self.seen, self.low, self.high = wider, low, high
        self.marks = wider.reshape(-1)
        self.offsets = self.row * (high - low) - low

    def _spill(self) -> None:
        if self.seen is not None:
            rows, places = np.nonzero(self.seen)
            self.keys.append(rows * self.size + places + self.low)
        self.seen = None

    def mark(self, flat: Any, mask: Array | None, width: int) -> None:
        """Note a load.

        Args:
            flat: element numbers, an int or an array that broadcasts to (blocks, width).
            mask: active lanes, (1 or blocks, width); None for all.
            width: lanes of a block.
        """
        if type(flat) is int:
            flat = np.full((1, 1), flat)
        if self.held < 0:
            self._mark_keys(flat, mask, width)
            return
        if self.seen is None or self.high - self.low < self.size:
            low, high = int(flat.min()), int(flat.max()) + 1
            if self.seen is None or low < self.low or high > self.high:
                self._cover(low, high)
                if self.held < 0:
                    self._mark_keys(flat, mask, width)
                    return
        places = flat + self.offsets
        if mask is not None:
            if places.shape[1] == 1 and mask.shape[0] == 1:
                pass  # one element for all lanes of a block, some of which are active
            else:
                shape = (self.blocks, width)
                places = np.broadcast_to(places, shape)[np.broadcast_to(mask, shape)]
        self.marks[places] = True

    def _mark_keys(self, flat: Array, mask: Array | None, width: int) -> None:
        places = np.broadcast_to(flat + self.row * self.size, (self.blocks, width))
        if mask is not None:
            places = places[np.broadcast_to(mask, (self.blocks, width))]
        self.keys.append(np.unique(places))
        if sum(map(len, self.keys)) > KEYS:
            self.keys = [np.unique(np.concatenate(self.keys))]

    def end(self) -> None:
        """The batch is over: add its pairs."""
        if self.keys:
            self._spill()
            keys = np.unique(np.concatenate(self.keys))
            self.pairs += len(keys)
            self.touched[keys % self.size] = True
        elif self.seen is not None:
            self.pairs += int(np.count_nonzero(self.seen))
            self.touched[self.low : self.high] |= self.seen.any(0)
        self.seen, self.keys, self.held = None, [], 0

    def distinct_sectors(self, itemsize: int) -> int:
        """Sectors that memory must deliver at least once."""
        per = max(1, 32 // itemsize)
        padded = np.zeros(-(-self.size // per) * per, bool)
        padded[: self.size] = self.touched
        return int(np.count_nonzero(padded.reshape(-1, per).any(1)))
