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

from .marks import PLACE, PLACES, THREADS, Marks
from .memory import SharedArray
from .sites import Site

if TYPE_CHECKING:
    from .machine import Machine

Array = np.ndarray[Any, Any]
NOTES = 1024  # accesses that wait for a barrier before they are looked at anyway
EPOCH = PLACE + 10  # where the epoch starts in a record


class SharedShadow:
    """The accesses of one shared array.

    The last store of each element is epoch, thread and place in one integer. With one row, all blocks have done the
    same so far and the first stands for all.
    """

    def __init__(self, machine: Machine, array: SharedArray) -> None:
        self.machine, self.array = machine, array
        self.notes: list[tuple[str, Site, Any, Array, Any]] = []
        self.changed = False  # a store waits among the notes
        self.complete = False  # every element has been written
        self.rows = 1
        turns = machine.uses_syncwarp
        self.writer = np.full(array.size, -1, np.int64)
        self.write_turn = np.zeros(array.size, np.int64)  # of the writer's warp, by syncwarp
        self.reads, self.updates = (Marks(array.size, turns=turns) for _ in range(2))

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
            suspect = bool(self.writer[flat] < 0)
        else:
            suspect = bool(self.writer.take(flat).min() < 0)
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
        self.writer = np.tile(self.writer, self.rows)
        self.write_turn = np.tile(self.write_turn, self.rows)
        self.reads.spread(self.rows)
        self.updates.spread(self.rows)

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
        getattr(self, f"_{op}")(site, gi, t, e, w)

    def _load(self, site: Site, gi: Array, t: Array, e: Array, w: Array) -> None:
        last = self.writer[gi]
        self._check_set(site, last, gi, t)
        self._after_store("read-after-write", site, last, gi, t, e, w)
        self._after(self.updates, "read-after-write", site, gi, t, e, w)
        self.reads.add(gi, t, e, w, site.place.index)

    def _atomic(self, site: Site, gi: Array, t: Array, e: Array, w: Array) -> None:
        last = self.writer[gi]
        self._check_set(site, last, gi, t)
        self._after_store("read-after-write", site, last, gi, t, e, w)
        self._after(self.reads, "write-after-read", site, gi, t, e, w)
        self.updates.add(gi, t, e, w, site.place.index)

    def _store(self, site: Site, gi: Array, t: Array, e: Array, w: Array) -> None:
        self._after_store("write-after-write", site, self.writer[gi], gi, t, e, w)
        self._after(self.updates, "write-after-write", site, gi, t, e, w)
        self._after(self.reads, "write-after-read", site, gi, t, e, w)
        record = (e << EPOCH) | (t << PLACE) | site.place.index
        self.writer[gi] = record
        if self.machine.uses_syncwarp:
            self.write_turn[gi] = w
        winner = self.writer[gi]
        twice = winner != record
        if twice.any():
            self._race("write-after-write", site, gi, t, winner, twice)

    def _check_set(self, site: Site, last: Array, gi: Array, t: Array) -> None:
        if self.complete or self.array.dropped:
            return
        unset = last < 0
        if unset.any():
            k = int(np.argmax(unset))
            self._report_unset(site, int(gi[k]), int(t[k]))

    def _after_store(
        self, kind: str, site: Site, last: Array, gi: Array, t: Array, e: Array, w: Array
    ) -> None:
        """Look for an element that another thread stored, with nothing in between."""
        clash = last >> EPOCH == e
        if not clash.any():
            return
        other = (last >> PLACE) & (THREADS - 1)
        clash &= (other != t) & (last >= 0)
        if self.machine.uses_syncwarp:
            clash &= (other >> 5 != t >> 5) | (self.write_turn[gi] == w)
        if clash.any():
            self._race(kind, site, gi, t, last, clash)

    def _after(
        self, marks: Marks, kind: str, site: Site, gi: Array, t: Array, e: Array, w: Array
    ) -> None:
        """Look for an element that another thread has marked, with nothing in between."""
        found = marks.clash(gi, t, e, w)
        if found is not None:
            self._race(kind, site, gi, t, found[1], found[0])

    def _race(
        self, kind: str, site: Site, gi: Array, t: Array, record: Array, clash: Array
    ) -> None:
        kind = f"race:{kind}"
        known = self.machine.findings.known(kind, site.place.line)
        across = clash & ((record >> PLACE + 5) & 31 != t >> 5)
        # Across warps only syncthreads helps, so such a pair of threads says more.
        worse = bool(across.any())
        if self.machine.findings.seen(kind, site.place.line) and not (
            worse and known is not None and known.missing == "syncwarp"
        ):
            return
        k = int(np.argmax(across if worse else clash))
        row, element = divmod(int(gi[k]), self.array.size)
        thread, other = int(t[k]), int(record[k]) >> PLACE & (THREADS - 1)
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
        did = "loaded" if site.place.op == "load" else "updated"
        self.machine.find(
            "uninitialised-shared",
            site,
            row,
            thread,
            f"{self.array.place_of(element)} is {did} before any thread has stored it. "
            "Shared memory starts with arbitrary values.",
            array=self.array.name,
        )
