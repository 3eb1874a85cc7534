"""Vector loads and stores: four neighbouring elements in one request of 16 bytes a lane."""

from __future__ import annotations

from typing import Any

import numpy as np

from .access import Access
from .errors import Unsupported
from .lanes import Mask, Value
from .memory import GlobalArray, SharedArray
from .sites import Site


class Vectors(Access):
    """`load4` and `store4`; the first index must be a multiple of 4."""

    def load4(self, m: Mask, site: Site, a: Any, first: Value) -> tuple[Value, ...]:
        """Four neighbouring elements in one request of 16 bytes a lane."""
        inside = self._four(a, site, m, first)
        if inside is None:
            return (a.zero,) * 4
        flat, lanes = inside
        self._observe4("load", a, site, flat, lanes)
        if isinstance(a, SharedArray):
            found = [a.flat.take(flat + place + a.offsets) for place in range(4)]
        else:
            found = [self.fetch(a, flat + place) for place in range(4)]
        return tuple(found)

    def store4(self, m: Mask, site: Site, a: Any, first: Value, *values: Value) -> None:
        """Four neighbouring elements in one request of 16 bytes a lane."""
        inside = self._four(a, site, m, first)
        if inside is None:
            return
        flat, lanes = inside
        self._observe4("store", a, site, flat, lanes)
        for place, value in enumerate(values):
            if isinstance(a, SharedArray):
                where = self.over_lanes(lanes)
                a.flat[self.over_lanes(flat + place + a.offsets)[where]] = self.over_lanes(value)[
                    where
                ]
            else:
                self.put(a, flat + place, lanes, value)

    def _observe4(self, op: str, a: Any, site: Site, flat: Any, m: Mask) -> None:
        if not self.analyze:
            return
        assert site.counter is not None
        site.counter.itemsize = 4 * a.itemsize
        if isinstance(a, SharedArray):
            self.count_shared(a, site, flat, m)
            for place in range(4):
                a.shadow.note(op, site, flat + place, m)
        elif op == "load":
            self.observe_load(a, site, flat, m, vector=4)
        else:
            self.count_global(a, site, flat, m, 4)
            for place in range(4):
                a.ownership.store(site, flat + place, m)
        site.counter.itemsize = a.itemsize

    def _four(self, a: Any, site: Site, m: Mask, first: Value) -> tuple[Any, Mask] | None:
        if not isinstance(a, GlobalArray | SharedArray):
            raise Unsupported(site.place.line, f"four elements of {a.space} memory at once")
        first = np.asarray(first).reshape(1, 1) if type(first) is not np.ndarray else first
        _, inside = self.locate(a, site, m, (first + 3,))
        if inside is not None:
            flat, inside = self.locate(a, site, inside, (first,))
        if inside is None:
            return None
        askew = inside & (flat % 4 != 0)
        if askew.any():
            row, thread = divmod(int(np.argmax(self.over_lanes(askew))), self.width)
            at = int(self.over_lanes(flat)[row, thread])
            self.find(
                "out-of-bounds",
                site,
                row,
                thread,
                f"four elements from {a.place_of(at)} do not lie on a boundary of 16 bytes. "
                "Make the index a multiple of 4.",
                array=a.name,
            )
        return np.where(flat + 3 < a.size, flat, 0), inside
