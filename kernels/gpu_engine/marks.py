"""Which threads touched each element since the last barrier: the lowest and the highest.

Two threads are enough to tell: if any thread but one's own is among them, so is the lowest or the
highest; if they are of several warps or blocks, these two are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
PLACE = 12  # bits of a place in a record; the thread stands above it
PLACES = 1 << PLACE
THREADS = 1 << 10


class Marks:
    """Accesses of one kind to the elements of a shared array, as thread and place in one integer.

    Args:
        size: elements; `rows` times as many once blocks differ.
        turns: accesses of a warp before its last syncwarp are to be told from those after.
    """

    def __init__(self, size: int, *, turns: bool) -> None:
        self.epoch = np.full(size, -1, np.int64)
        self.low = np.zeros(size, np.int64)
        self.high = np.zeros(size, np.int64)
        self.turn = np.zeros(size, np.int64) if turns else None
        self.used = False

    def spread(self, rows: int) -> None:
        """Give each block marks of its own."""
        self.epoch, self.low, self.high = (
            np.tile(one, rows) for one in (self.epoch, self.low, self.high)
        )
        if self.turn is not None:
            self.turn = np.tile(self.turn, rows)

    def _of_own_warp(self, low: Array, high: Array, t: Array) -> Array:
        found: Array = (low >> PLACE + 5 == t >> 5) & (high >> PLACE + 5 == t >> 5)
        return found

    def add(self, gi: Array, t: Array, e: Array, w: Array, place: int) -> None:
        """Mark elements `gi` by threads `t`, which ascend, in epochs `e` and turns `w`."""
        self.used = True
        mine = (t << PLACE) | place
        low, high = self.low[gi], self.high[gi]
        keep = self.epoch[gi] == e
        if self.turn is not None:
            keep &= ~self._of_own_warp(low, high, t) | (self.turn[gi] == w)
            self.turn[gi] = w
        # Of several threads at one element the first must win below and the last above.
        self.low[gi[::-1]] = np.where(keep, np.minimum(low, mine), mine)[::-1]
        self.high[gi] = np.where(keep, np.maximum(high, mine), mine)
        self.epoch[gi] = e

    def clash(self, gi: Array, t: Array, e: Array, w: Array) -> tuple[Array, Array] | None:
        """Lanes whose element another thread has marked, unordered, and the record of one such."""
        if not self.used:
            return None
        found = self.epoch[gi] == e
        if not found.any():
            return None
        low, high = self.low[gi], self.high[gi]
        low_thread, high_thread = low >> PLACE, high >> PLACE
        found &= (low_thread != t) | (high_thread != t)
        if self.turn is not None:
            found &= ~self._of_own_warp(low, high, t) | (self.turn[gi] == w)
        if not found.any():
            return None
        # A thread of another warp says more: only syncthreads would order it.
        other = np.where((high_thread >> 5 != t >> 5) | (low_thread == t), high, low)
        return found, other
