"""Barriers of blocks and warps: who has arrived, what they order."""

from __future__ import annotations

from typing import Any

import numpy as np

from .lanes import WARP, Mask, Value
from .sites import Site
from .vectors import Vectors


class Barriers(Vectors):
    """Counts epochs: `epochs` per block, `turns` per warp. What is equal has no barrier between."""

    epochs: np.ndarray[Any, Any]
    turns: np.ndarray[Any, Any]
    even = True  # all blocks have passed the same barriers
    barriers = 0

    def start_barriers(self) -> None:
        """A new batch."""
        self.epochs = np.zeros((self.blocks, 1), np.int64)
        self.turns = np.zeros((1, self.warps), np.int64)
        self.even = True

    def syncthreads(self, m: Mask, site: Site) -> None:
        """Every thread of the block that has not returned must come here."""
        arrived: Any = None
        if not (m is self.m0 and self.exited is None):
            arrived = self._arrivals(m, site)
        everybody = arrived is None or bool(arrived.all())
        if self.analyze:
            for one in self._shared():
                one.shadow.barrier(everybody)
        if everybody:
            self.epochs = self.epochs + 1
            self.barriers += self.blocks
        else:
            self.even = False
            self.epochs = self.epochs + arrived[:, None]
            self.barriers += int(arrived.sum())

    def _shared(self) -> list[Any]:
        found = {id(one): one for one in self.shared.values()}
        return list(found.values())

    def _arrivals(self, m: Mask, site: Site) -> np.ndarray[Any, Any]:
        """Blocks of which a thread is here; reports those of which one is missing."""
        here = self.over_lanes(m)
        alive = self.m0 if self.exited is None else self.m0 & ~self.exited
        alive = self.over_lanes(alive)
        arrived = here.any(1)
        wrong = arrived & (here != alive).any(1)
        if wrong.any() and not self.findings.seen("barrier-divergence", site.place.line):
            row = int(np.argmax(wrong))
            thread = int(np.argmax(alive[row] & ~here[row]))
            self.find(
                "barrier-divergence",
                site,
                row,
                thread,
                f"syncthreads() is reached by {int(here[row].sum())} of "
                f"{int(alive[row].sum())} threads that have not returned; thread {thread} is not "
                "among them. Move the barrier out of the branch, or let no thread leave before.",
            )
        return np.asarray(arrived | ~alive.any(1))

    def syncwarp(self, m: Mask, site: Site, mask: Value = -1) -> None:
        """Orders the threads of each warp that is here."""
        self.warp_mask(m, site, "syncwarp", mask)
        here = m.reshape(m.shape[0], self.warps, WARP).any(2)
        self.turns = self.turns + here

    def threadfence(self, m: Mask, site: Site) -> None:
        """Orders one thread's own accesses; for other threads it takes a barrier."""

    def _block_vote(self, m: Mask, site: Site, predicate: Value) -> tuple[Any, Any]:
        self.syncthreads(m, site)
        here = self.over_lanes(m)
        return here, self.over_lanes(predicate) & here

    def syncthreads_count(self, m: Mask, site: Site, predicate: Value) -> Value:
        """A barrier that tells for how many threads the predicate holds."""
        _, yes = self._block_vote(m, site, predicate)
        return yes.sum(1, dtype=np.int64)[:, None]

    def syncthreads_and(self, m: Mask, site: Site, predicate: Value) -> Value:
        """A barrier that tells whether it holds for all threads."""
        here, yes = self._block_vote(m, site, predicate)
        return (yes | ~here).all(1).astype(np.int64)[:, None]

    def syncthreads_or(self, m: Mask, site: Site, predicate: Value) -> Value:
        """A barrier that tells whether it holds for any thread."""
        _, yes = self._block_vote(m, site, predicate)
        return yes.any(1).astype(np.int64)[:, None]

    def warp_mask(self, m: Mask, site: Site, name: str, mask: Value) -> Any:
        """Lanes that the mask names, (rows, warps, 32); reports those that are not here."""
        named = self.over_lanes((np.asarray(mask) >> self.lane) & 1 == 1)
        alive = self.m0 if self.exited is None else self.m0 & ~self.exited
        here = self.over_lanes(m).reshape(-1, WARP)
        due = (named & alive).reshape(-1, WARP)
        wrong = (due & ~here) & np.asarray(here.any(1))[:, None]
        if wrong.any() and not self.findings.seen("barrier-divergence", site.place.line):
            warp = int(np.argmax(wrong.any(1)))
            row, inner = divmod(warp, self.warps)
            lane = int(np.argmax(wrong[warp]))
            self.find(
                "barrier-divergence",
                site,
                row,
                inner * WARP + lane,
                f"{name}() names {int(due[warp].sum())} lanes of the warp, of which "
                f"{int((due[warp] & here[warp]).sum())} reach it; lane {lane} is missing. "
                "Move it out of the branch, or name only the lanes that are there.",
            )
        return named
