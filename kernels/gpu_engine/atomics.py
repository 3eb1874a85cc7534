"""Atomic updates of shared and global memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from .lanes import Mask, Value
from .memory import SharedArray
from .sites import Site
from .warps import Warps

UPDATES: dict[str, np.ufunc] = {
    "add": np.add,
    "sub": np.subtract,
    "max": np.maximum,
    "min": np.minimum,
    "nanmax": np.fmax,
    "nanmin": np.fmin,
    "and_": np.bitwise_and,
    "or_": np.bitwise_or,
    "xor": np.bitwise_xor,
}


class Atomics(Warps):
    """Read, change and write an element with nobody in between; lanes come in their order."""

    def atomic(
        self,
        m: Mask,
        site: Site,
        op: str,
        used: bool,
        a: Any,
        value: Value,
        *index: Value,
    ) -> Value:
        """Update one element for each active lane; the old values, where they are used."""
        flat, inside = self.locate(a, site, m, index)
        if inside is None:
            return a.zero
        if self.analyze:
            self._observe(a, site, flat, inside)
        shared = isinstance(a, SharedArray)
        data = a.flat if shared else a.data
        where = self.over_lanes(inside)
        places = self.over_lanes(flat + a.offsets if shared else flat)[where]
        values = self.over_lanes(value)[where].astype(a.dtype)
        old = self._update(data, places, values, op, used)
        if not used:
            return None
        found = np.full((self.blocks, self.width), a.zero, np.int64 if a.whole else a.dtype)
        found[where] = old
        return found

    def _observe(self, a: Any, site: Site, flat: Any, m: Mask) -> None:
        if isinstance(a, SharedArray):
            self.count_shared(a, site, flat, m)
            a.shadow.note("atomic", site, flat, m)
        else:
            self.count_global(a, site, flat, m)
            a.ownership.update(site, flat, m)

    def _update(self, data: Any, places: Any, values: Any, op: str, used: bool) -> Any:
        if not used and op != "exch":
            UPDATES[op].at(data, places, values)
            return None
        old = np.empty(len(places), data.dtype)
        left = np.arange(len(places))
        while len(left):
            # Of several lanes at one element the first comes next; the others wait a round.
            _, first = np.unique(places[left], return_index=True)
            now = left[np.sort(first)]
            at = places[now]
            old[now] = data[at]
            data[at] = values[now] if op == "exch" else UPDATES[op](data[at], values[now])
            left = np.setdiff1d(left, now, assume_unique=True)
        return old
