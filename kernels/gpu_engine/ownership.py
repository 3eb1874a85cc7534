"""Who stored, updated and loaded each element of a global array during one launch.

Blocks of a launch run in any order, so an element that one block stores and another touches is a
race wherever the two accesses stand; inside a block barriers order them as in shared memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .marks import PLACES, THREADS
from .memory import GlobalArray
from .sites import Site

if TYPE_CHECKING:
    from .machine import Machine

Array = np.ndarray[Any, Any]
EPOCHS = 1 << 14
EPOCH, THREAD, WARP, BLOCK = 12, 26, 31, 36  # where each begins in a record; places lie below


def _unordered(other: Array, mine: Array, other_turn: Array | None, turn: Array) -> Array:
    """Lanes whose record is another thread's, with nothing between the two accesses."""
    change = other ^ mine
    same_epoch = (change >> EPOCH) & (EPOCHS - 1) == 0
    found: Array = (other >= 0) & (change >> THREAD != 0) & ((change >> BLOCK != 0) | same_epoch)
    if other_turn is not None:
        found &= (change >> WARP != 0) | (other_turn == turn)
    return found


class Readers:
    """Accesses of one kind that may come from many threads: loads, or atomic updates.

    Kept are two of the last block's epoch, and whether several blocks were there.
    """

    def __init__(self, size: int, *, turns: bool) -> None:
        self.first = np.full(size, -1, np.int64)
        self.last = np.full(size, -1, np.int64)
        self.several = np.zeros(size, bool)
        self.turn = np.zeros(size, np.int64) if turns else None

    def add(self, gi: Array, mine: Array, now: Array) -> None:
        """Remember accesses; records ascend with the thread."""
        old = self.last[gi]
        change = old ^ mine
        self.several[gi[(old >= 0) & (change >> BLOCK != 0)]] = True
        same = (old >= 0) & (change >> BLOCK == 0) & ((change >> EPOCH) & (EPOCHS - 1) == 0)
        if self.turn is not None:
            same &= (change >> WARP != 0) | (self.turn[gi] == now)
            self.turn[gi] = now
        # Of several threads at one element the first must win here and the last there.
        self.first[gi[::-1]] = np.where(same, self.first[gi], mine)[::-1]
        self.last[gi] = mine
        self.several[gi[(self.last[gi] ^ mine) >> BLOCK != 0]] = True

    def clash(self, gi: Array, mine: Array, now: Array) -> tuple[Array, Array] | None:
        """Lanes that collide with one of the accesses, and the record of one such."""
        turn = self.turn[gi] if self.turn is not None else None
        first, last = self.first[gi], self.last[gi]
        late = _unordered(last, mine, turn, now)
        found = late | _unordered(first, mine, turn, now) | self.several[gi]
        return (found, np.where(late, last, first)) if found.any() else None


class Ownership:
    """The accesses of one array that the kernel stores into."""

    def __init__(self, machine: Machine, array: GlobalArray) -> None:
        self.machine, self.array = machine, array
        self.writer = np.full(array.size if array.stored else 0, -1, np.int64)
        self.turn: Array | None = None
        self.loads: Readers | None = None
        self.updates: Readers | None = None

    def unwritten(self) -> Array:
        """Elements that no thread stored."""
        unset: Array = self.writer < 0 if len(self.writer) else np.ones(self.array.size, bool)
        return unset if self.updates is None else unset & (self.updates.last < 0)

    def _lanes(self, flat: Any, m: Array, place: int) -> tuple[Array, Array, Array]:
        machine = self.machine
        record = machine.identity + (((machine.epochs & (EPOCHS - 1)) << EPOCH) | place)
        flat, turns = machine.over_lanes(flat), machine.turns
        turn = machine.over_lanes(np.repeat(turns, 32, axis=1)) if machine.uses_syncwarp else flat
        if m is machine.m0 and machine.full:
            return flat.ravel(), record.ravel(), turn.ravel()
        where = machine.over_lanes(m)
        return flat[where], record[where], turn[where]

    def _readers(self, known: Readers | None) -> Readers:
        return known or Readers(self.array.size, turns=self.machine.uses_syncwarp)

    def load(self, site: Site, flat: Any, m: Array) -> None:
        """Look at a load, and remember it."""
        gi, mine, now = self._lanes(flat, m, site.place.index)
        self._after_store("race:read-after-write", site, gi, mine, now)
        self._after(self.updates, "race:read-after-write", site, gi, mine, now)
        self.loads = self._readers(self.loads)
        self.loads.add(gi, mine, now)

    def update(self, site: Site, flat: Any, m: Array) -> None:
        """Look at an atomic update, and remember it."""
        gi, mine, now = self._lanes(flat, m, site.place.index)
        self._after_store("race:read-after-write", site, gi, mine, now)
        self._after(self.loads, "race:write-after-read", site, gi, mine, now)
        self.updates = self._readers(self.updates)
        self.updates.add(gi, mine, now)

    def store(self, site: Site, flat: Any, m: Array) -> None:
        """Look at a store, and remember it."""
        gi, mine, now = self._lanes(flat, m, site.place.index)
        self._after_store("global-write-race", site, gi, mine, now)
        self._after(self.updates, "global-write-race", site, gi, mine, now)
        self._after(self.loads, "race:write-after-read", site, gi, mine, now)
        self.writer[gi] = mine
        if self.machine.uses_syncwarp:
            if self.turn is None:
                self.turn = np.zeros(self.array.size, np.int64)
            self.turn[gi] = now
        winner = self.writer[gi]
        twice = winner != mine
        if twice.any():
            self._report("global-write-race", site, gi, mine, winner, twice)

    def _after_store(self, kind: str, site: Site, gi: Array, mine: Array, now: Array) -> None:
        last = self.writer[gi]
        if not last.size or last.max() < 0:
            return
        clash = _unordered(last, mine, self.turn[gi] if self.turn is not None else None, now)
        if clash.any():
            self._report(kind, site, gi, mine, last, clash)

    def _after(
        self, known: Readers | None, kind: str, site: Site, gi: Array, mine: Array, now: Array
    ) -> None:
        found = known.clash(gi, mine, now) if known is not None else None
        if found is not None:
            self._report(kind, site, gi, mine, found[1], found[0])

    def _report(
        self, kind: str, site: Site, gi: Array, mine: Array, record: Array, clash: Array
    ) -> None:
        machine = self.machine
        if machine.findings.seen(kind, site.place.line):
            return
        k = int(np.argmax(clash))
        me, other = int(mine[k]), int(record[k])
        block, other_block = me >> BLOCK, other >> BLOCK
        thread, other_thread = me >> THREAD & (THREADS - 1), other >> THREAD & (THREADS - 1)
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
