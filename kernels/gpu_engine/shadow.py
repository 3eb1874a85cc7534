"""Shadow memory: who touched an element last, and whether a barrier lies between.

Two accesses of one element, at least one of them a store, are in a race if different threads make
them and nothing orders them. `syncthreads` orders the threads of a block, `syncwarp` those of a
warp; nothing orders blocks of one launch. Each shared array counts its accesses from barrier to
barrier: between two barriers that only read, nothing can race, and nothing is looked at.

Source: the happens-before detectors of Savage et al. (1997), "Eraser", and Zheng et al. (2011),
"GRace", reduced to barriers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .memory import SharedArray
from .sites import Site

if TYPE_CHECKING:
    from .machine import Machine

Array = np.ndarray[Any, Any]
NOTES = 1024  # accesses that wait for a barrier before they are looked at anyway
THREADS = 1 << 10
PLACES = 1 << 12


class SharedShadow:
    """The accesses of one shared array.

    A record is epoch, thread and place in one integer. With one row, all blocks have done the
    same so far and the first stands for all.
    """

    def __init__(self, machine: Machine, array: SharedArray) -> None:
        self.machine, self.array = machine, array
        self.notes: list[tuple[str, Site, Any, Array, Any]] = []
        self.changed = False  # a store waits among the notes
        self.complete = False  # every element has been written
        self.rows = 1
        shape = (1, array.size)
        self.writer = np.full(shape, -1, np.int64)
        self.write_turn = np.zeros(shape, np.int64)  # of the writer's warp, by syncwarp
        self.read_epoch = np.full(shape, -1, np.int64)
        self.read_place = np.zeros(shape, np.int64)
        self.read_low = np.zeros(shape, np.int64)
        self.read_high = np.zeros(shape, np.int64)
        self.read_turn = np.zeros(shape, np.int64)

    def note(self, op: str, site: Site, flat: Any, m: Array) -> None:
        """Remember an access until the next barrier."""
        self.notes.append((op, site, flat, m, self.machine.turns))
        if op != "load":
            self.changed = True
        if len(self.notes) > NOTES:
            self.look()

    def barrier(self, everybody: bool) -> None:
        """A barrier comes: look at what happened since the last, unless nothing can be wrong."""
        if self.changed or not everybody or (self.rows > 1 and not self.complete):
            self.look()
            return
        if not self.complete and not self.array.dropped:
            for _, site, flat, m, _ in self.notes:
                self._only_read(site, flat, m)
        self.notes.clear()

    def _only_read(self, site: Site, flat: Any, m: Array) -> None:
        """Where nobody stores, the one thing that can be wrong is that nobody ever did."""
        if type(flat) is int:
            suspect = bool(self.writer[0, flat] < 0)
        else:
            suspect = bool(self.writer[0].take(flat).min() < 0)
        if suspect:
            self._access("load", site, flat, m, self.machine.turns[:1])

    def look(self) -> None:
        """Work off the notes in their order."""
        notes, self.notes, self.changed = self.notes, [], False
        for op, site, flat, m, turns in notes:
            if self.rows == 1 and (
                self.machine.rows_of(flat, m) > 1 or not self.machine.even or turns.shape[0] > 1
            ):
                self._spread()
            self._access(op, site, flat, m, turns)
        if not self.complete:
            self.complete = bool((self.writer >= 0).all())

    def _spread(self) -> None:
        """Blocks begin to differ: a row for each."""
        self.rows = self.machine.blocks
        for name in ("writer", "write_turn", "read_epoch", "read_place", "read_low", "read_high"):
            setattr(self, name, np.repeat(getattr(self, name), self.rows, axis=0))
        self.read_turn = np.repeat(self.read_turn, self.rows, axis=0)

    def _access(self, op: str, site: Site, flat: Any, m: Array, turns: Array) -> None:
        machine = self.machine
        shape = (self.rows, machine.width)
        places = np.broadcast_to(flat, shape) + np.arange(self.rows)[:, None] * self.array.size
        threads = np.broadcast_to(machine.tid, shape)
        epochs = np.broadcast_to(machine.epochs[: self.rows], shape)
        turn = np.broadcast_to(np.repeat(turns, 32, axis=1), shape)
        if m is machine.m0 and machine.full:
            gi, t, e, w = places.ravel(), threads.ravel(), epochs.ravel(), turn.ravel()
        else:
            where = np.broadcast_to(m, shape)
            gi, t, e, w = places[where], threads[where], epochs[where], turn[where]
        place = site.place.index
        if op == "load":
            self._load(site, gi, t, e, w, place)
        else:
            self._store(site, gi, t, e, w, place, atomic=op == "atomic")

    def _load(self, site: Site, gi: Array, t: Array, e: Array, w: Array, place: int) -> None:
        last = self.writer.reshape(-1)[gi]
        if not self.complete and not self.array.dropped:
            unset = last < 0
            if unset.any():
                k = int(np.argmax(unset))
                self._report_unset(site, int(gi[k]), int(t[k]))
        clash = self._unordered(last, self.write_turn.reshape(-1)[gi], t, e, w)
        if clash is not None:
            self._race("read-after-write", site, gi, t, last, clash)
        low, high = self.read_low.reshape(-1), self.read_high.reshape(-1)
        old_low, old_high = low[gi], high[gi]
        fresh = self.read_epoch.reshape(-1)[gi] == e
        if self.machine.uses_syncwarp:
            mine = (old_low >> 5 == t >> 5) & (old_high >> 5 == t >> 5)
            fresh &= ~mine | (self.read_turn.reshape(-1)[gi] == w)
        new_low = np.where(fresh, np.minimum(old_low, t), t)
        new_high = np.where(fresh, np.maximum(old_high, t), t)
        # Threads ascend, so of several readers the first must win below and the last above.
        low[gi[::-1]] = new_low[::-1]
        high[gi] = new_high
        self.read_epoch.reshape(-1)[gi] = e
        self.read_place.reshape(-1)[gi] = place
        if self.machine.uses_syncwarp:
            self.read_turn.reshape(-1)[gi] = w

    def _store(
        self, site: Site, gi: Array, t: Array, e: Array, w: Array, place: int, *, atomic: bool
    ) -> None:
        writer = self.writer.reshape(-1)
        last = writer[gi]
        clash = self._unordered(last, self.write_turn.reshape(-1)[gi], t, e, w)
        if clash is not None and atomic:
            clash &= ~self.machine.is_atomic[last & (PLACES - 1)]
        if clash is not None and clash.any():
            kind = "read-after-write" if atomic else "write-after-write"
            self._race(kind, site, gi, t, last, clash)
        read = self.read_epoch.reshape(-1)[gi] == e
        if read.any():
            low, high = self.read_low.reshape(-1)[gi], self.read_high.reshape(-1)[gi]
            clash = read & ((low != t) | (high != t))
            if self.machine.uses_syncwarp:
                mine = (low >> 5 == t >> 5) & (high >> 5 == t >> 5)
                clash &= ~mine | (self.read_turn.reshape(-1)[gi] == w)
            if clash.any():
                other = np.where((high >> 5 != t >> 5) | (low == t), high, low)
                record = (other << 12) | self.read_place.reshape(-1)[gi]
                self._race("write-after-read", site, gi, t, record, clash)
        record = (e << 22) | (t << 12) | place
        writer[gi] = record
        if self.machine.uses_syncwarp:
            self.write_turn.reshape(-1)[gi] = w
        if not atomic:
            winner = writer[gi]
            twice = winner != record
            if twice.any():
                self._race("write-after-write", site, gi, t, winner, twice)

    def _unordered(self, last: Array, turn: Array, t: Array, e: Array, w: Array) -> Array | None:
        """Lanes whose element another thread wrote, with nothing in between."""
        same_epoch = last >> 22 == e
        if not same_epoch.any():
            return None
        other = (last >> 12) & (THREADS - 1)
        clash = same_epoch & (other != t) & (last >= 0)
        if self.machine.uses_syncwarp:
            clash &= (other >> 5 != t >> 5) | (turn == w)
        return clash if clash.any() else None

    def _race(
        self, kind: str, site: Site, gi: Array, t: Array, record: Array, clash: Array
    ) -> None:
        kind = f"race:{kind}"
        known = self.machine.findings.known(kind, site.place.line)
        across = clash & (record >> 17 & 31 != t >> 5)
        # Across warps only syncthreads helps, so such a pair of threads says more.
        worse = bool(across.any())
        if self.machine.findings.seen(kind, site.place.line) and not (
            worse and known is not None and known.missing == "syncwarp"
        ):
            return
        k = int(np.argmax(across if worse else clash))
        row, element = divmod(int(gi[k]), self.array.size)
        thread, other = int(t[k]), int(record[k]) >> 12 & (THREADS - 1)
        first = self.machine.sites[int(record[k]) & (PLACES - 1)].place
        missing = "syncwarp" if thread >> 5 == other >> 5 else "syncthreads"
        barrier = "syncthreads()" if missing == "syncthreads" else "syncwarp() or syncthreads()"
        verbs = {"load": "loaded", "store": "stored", "atomic": "updated"}
        where = (
            "in the same statement: give each thread an element of its own"
            if first.index == site.place.index and "write-after-write" in kind
            else f"on line {first.line} and no {barrier} is in between"
        )
        self.machine.find(
            kind,
            site,
            row,
            thread,
            f"{self.array.place_of(element)} is {verbs[site.place.op]} by thread {thread}; "
            f"thread {other} {verbs[first.op]} it {where}.",
            array=self.array.name,
            other_line=first.line,
            other_thread=other,
            missing=missing,
        )

    def _report_unset(self, site: Site, gi: int, thread: int) -> None:
        if self.machine.findings.seen("uninitialised-shared", site.place.line):
            return
        row, element = divmod(gi, self.array.size)
        self.machine.find(
            "uninitialised-shared",
            site,
            row,
            thread,
            f"{self.array.place_of(element)} is loaded before any thread has stored it. "
            "Shared memory starts with arbitrary values.",
            array=self.array.name,
        )
