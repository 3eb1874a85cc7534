"""The machine: runs a translated kernel, batch after batch of blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .atomics import Atomics
from .errors import Unsupported
from .footprint import Footprint
from .marks import PLACES
from .memory import GlobalArray
from .ownership import BLOCK, THREAD, Ownership
from .sites import Place

MOST_BLOCKS = 1 << 27  # what a record of an access holds


class Machine(Atomics):
    """One launch.

    Args:
        grid, block: three extents each.
        places: the places of the source that the translated kernel refers to.
        names: names of shared and local arrays, by the identity of their declarations.
        analyze: look for races and count accesses; else only compute.
        uses_syncwarp: the kernel calls syncwarp somewhere.
        dynamic_bytes: shared memory that the launch asks for.
    """

    def __init__(
        self,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        places: Sequence[Place],
        names: dict[int, str],
        *,
        analyze: bool,
        uses_syncwarp: bool,
        dynamic_bytes: int,
        batch_lanes: int,
        seconds: float,
    ) -> None:
        super().__init__(
            grid,
            block,
            list(places),
            analyze=analyze,
            batch_lanes=batch_lanes,
            seconds=seconds,
        )
        if len(places) >= PLACES or self.all_blocks >= MOST_BLOCKS:
            raise Unsupported(None, "a kernel or a grid of this size", "Make it smaller.")
        self.uses_syncwarp, self.dynamic_bytes = uses_syncwarp, dynamic_bytes
        self.array_names = names
        self.arrays: list[GlobalArray] = []

    def wrap(self, name: str, values: np.ndarray[Any, Any], *, stored: bool) -> GlobalArray:
        """An array of the caller; the same memory under two names is one array."""
        for one in self.arrays:
            if one.data.size and np.shares_memory(one.data, values):
                same = one.data.ctypes.data == values.ctypes.data and one.shape == values.shape
                if not same or one.dtype != values.dtype:
                    raise Unsupported(None, f"{name}, which overlaps {one.name}", "Copy it first.")
                if stored and not one.stored:
                    one.stored = True
                    one.ownership = Ownership(self, one) if self.analyze else None
                return one
        base = 256
        if self.arrays:
            last = self.arrays[-1]
            base = last.base + -(-last.data.nbytes // 256) * 256 + 256
        found = GlobalArray(name, values, base)
        found.stored = stored
        if self.analyze:
            found.ownership = Ownership(self, found)
            found.footprint = Footprint(found.size)
        self.arrays.append(found)
        return found

    def run(self, kernel: Callable[..., Any], arguments: Sequence[Any]) -> None:
        """Run all blocks.

        Raises:
            EngineError: the kernel does what the engine cannot.
        """
        with np.errstate(all="ignore"):
            for first in range(0, self.all_blocks, self.batch):
                self._start(first)
                kernel(self, self.m0, *arguments)
                self._end()

    def _start(self, first: int) -> None:
        self.start_lanes(first)
        self.start_barriers()
        self.shared, self.local, self.constants = {}, {}, {}
        for site in self.sites:
            site.array = site.last = None
        if self.analyze:
            self.identity = ((self.first + self.row) << BLOCK) | (self.tid << THREAD)
            for one in self.arrays:
                one.footprint.start(self.blocks)

    def _end(self) -> None:
        self.end_lanes()
        if self.analyze:
            for one in self._shared():
                one.shadow.look()
            for array in self.arrays:
                array.footprint.end()
