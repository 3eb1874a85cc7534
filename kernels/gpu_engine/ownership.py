"""Who stored and who loaded each element of a global array during one launch.

Blocks of a launch run in any order, so an element that one block stores and another touches is a
race wherever the two accesses stand; inside a block barriers order them as in shared memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .memory import GlobalArray
from .sites import Site

if TYPE_CHECKING:
    from .machine import Machine

Array = np.ndarray[Any, Any]
EPOCHS = 1 << 14
THREADS = 1 << 10
PLACES = 1 << 12
BLOCK = 36  # where the block starts in a record: block, thread, epoch, place


class Ownership:
    """The last writer and the readers of each element."""

    def __init__(self, machine: Machine, array: GlobalArray) -> None:
        self.machine, self.array = machine, array
        self.writer = np.full(array.size if array.stored else 0, -1, np.int64)
        self.turn: Array | None = None
        self.read_first: Array | None = None
        self.read_last: Array | None = None
        self.read_turn: Array | None = None
        self.several: Array | None = None  # more than one block has loaded it

    def unwritten(self) -> Array:
        """Elements that no thread stored."""
        unset: Array = self.writer < 0 if len(self.writer) else np.ones(self.array.size, bool)
        return unset

    def _lanes(self, flat: Any, m: Array, place: int) -> tuple[Array, Array, Array]:
        machine = self.machine
        record = machine.identity + (((machine.epochs & (EPOCHS - 1)) << 12) | place)
        flat, turns = machine.over_lanes(flat), machine.turns
        turn = machine.over_lanes(np.repeat(turns, 32, axis=1)) if machine.uses_syncwarp else flat
        if m is machine.m0 and machine.full:
            return flat.ravel(), record.ravel(), turn.ravel()
        where = machine.over_lanes(m)
        return flat[where], record[where], turn[where]

    def _unordered(self, last: Array, mine: Array, turn: Array | None, now: Array) -> Array:
        """Lanes whose element another thread touched, with nothing in between."""
        change = last ^ mine
        same_block = change >> BLOCK == 0
        same_thread = change >> 26 == 0
        same_epoch = (change >> 12) & (EPOCHS - 1) == 0
        clash: Array = (last >= 0) & ~same_thread & (~same_block | same_epoch)
        if turn is not None:
            warp = change >> 31 == 0
            clash &= ~(warp & (turn != now))
        return clash

    def load(self, site: Site, flat: Any, m: Array) -> None:
        """Look at a load, and remember it."""
        gi, mine, now = self._lanes(flat, m, site.place.index)
        last = self.writer[gi]
        if last.size and last.max() >= 0:
            turn = self.turn[gi] if self.turn is not None else None
            clash = self._unordered(last, mine, turn, now)
            if clash.any():
                self._report("race:read-after-write", site, gi, mine, last, clash)
        if self.read_last is None:
            self.read_last = np.full(self.array.size, -1, np.int64)
            self.read_first = np.full(self.array.size, -1, np.int64)
            self.several = np.zeros(self.array.size, bool)
            if self.machine.uses_syncwarp:
                self.read_turn = np.zeros(self.array.size, np.int64)
        assert self.read_first is not None and self.several is not None
        old = self.read_last[gi]
        other_block = (old >= 0) & ((old ^ mine) >> BLOCK != 0)
        self.several[gi[other_block]] = True
        same = ((old ^ mine) >> BLOCK == 0) & (((old ^ mine) >> 12) & (EPOCHS - 1) == 0)
        if self.read_turn is not None:
            same &= ((old ^ mine) >> 31 != 0) | (self.read_turn[gi] == now)
            self.read_turn[gi] = now
        first = np.where(same & (old >= 0), self.read_first[gi], mine)
        self.read_first[gi[::-1]] = first[::-1]
        self.read_last[gi] = mine
        # Two lanes of this very load in different blocks.
        apart = (self.read_last[gi] ^ mine) >> BLOCK != 0
        self.several[gi[apart]] = True

    def store(self, site: Site, flat: Any, m: Array, *, atomic: bool = False) -> None:
        """Look at a store, and remember it."""
        gi, mine, now = self._lanes(flat, m, site.place.index)
        last = self.writer[gi]
        if last.size and last.max() >= 0:
            turn = self.turn[gi] if self.turn is not None else None
            clash = self._unordered(last, mine, turn, now)
            if atomic:
                clash &= ~self.machine.is_atomic[last & (PLACES - 1)]
            if clash.any():
                self._report("global-write-race", site, gi, mine, last, clash)
        if self.read_last is not None:
            self._after_loads(site, gi, mine, now)
        self.writer[gi] = mine
        if self.machine.uses_syncwarp:
            if self.turn is None:
                self.turn = np.zeros(self.array.size, np.int64)
            self.turn[gi] = now
        if atomic:
            return
        winner = self.writer[gi]
        twice = winner != mine
        if twice.any():
            self._report("global-write-race", site, gi, mine, winner, twice)

    def _after_loads(self, site: Site, gi: Array, mine: Array, now: Array) -> None:
        assert self.read_last is not None and self.read_first is not None
        assert self.several is not None
        turn = self.read_turn[gi] if self.read_turn is not None else None
        first, last = self.read_first[gi], self.read_last[gi]
        early = self._unordered(first, mine, turn, now)
        late = self._unordered(last, mine, turn, now)
        clash = early | late | self.several[gi]
        if clash.any():
            record = np.where(late, last, first)
            self._report("race:write-after-read", site, gi, mine, record, clash)

    def _report(
        self, kind: str, site: Site, gi: Array, mine: Array, record: Array, clash: Array
    ) -> None:
        machine = self.machine
        if machine.findings.seen(kind, site.place.line):
            return
        k = int(np.argmax(clash))
        me, other = int(mine[k]), int(record[k])
        block, other_block = me >> BLOCK, other >> BLOCK
        thread, other_thread = me >> 26 & (THREADS - 1), other >> 26 & (THREADS - 1)
        first = machine.sites[other & (PLACES - 1)].place
        missing = ""
        if block != other_block:
            why = "blocks of one launch run in any order. Give each element to one block, use an "
            why += "atomic, or use two launches"
        elif first.index == site.place.index and kind == "global-write-race":
            why = "which of them wins is not known. Give each element to one thread"
        else:
            missing = "syncwarp" if thread >> 5 == other_thread >> 5 else "syncthreads"
            why = f"no {missing}() is in between"
        verbs = {"load": "loaded", "store": "stored", "atomic": "updated"}
        machine.find(
            kind,
            site,
            block - machine.first,
            thread,
            f"{self.array.place_of(int(gi[k]))} is {verbs[site.place.op]} by block {block} thread "
            f"{thread}; block {other_block} thread {other_thread} {verbs[first.op]} it on line "
            f"{first.line}: {why}.",
            array=self.array.name,
            other_line=first.line,
            other_thread=other_thread,
            missing=missing,
        )
