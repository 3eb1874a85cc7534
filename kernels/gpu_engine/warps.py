"""Exchange between the lanes of a warp: shuffles and votes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .barriers import Barriers
from .lanes import WARP, Mask, Value
from .memory import poison
from .sites import Site

BITS = 1 << np.arange(WARP, dtype=np.int64)


class Warps(Barriers):
    """Values of other lanes. A lane that is not active has none: what comes from it is poison."""

    def _shuffle(
        self, m: Mask, site: Site, name: str, mask: Value, value: Value, source: Any
    ) -> Value:
        self.warp_mask(m, site, name, mask)
        source = self.over_lanes(source).reshape(-1, WARP)
        own = np.arange(WARP)[None, :]
        inside = (source >= 0) & (source < WARP)
        source = np.where(inside, source, own)
        values = np.asarray(self.over_lanes(value)).reshape(-1, WARP)
        found = np.take_along_axis(values, source, 1)
        here = self.over_lanes(m).reshape(-1, WARP)
        if not here.all():
            absent = ~np.take_along_axis(here, source, 1)
            found = np.where(absent, poison(found.dtype), found)
        return found.reshape(self.blocks, self.width)

    def shfl_sync(self, m: Mask, site: Site, mask: Value, value: Value, lane: Value) -> Value:
        """The value of a given lane; the lane's number counts modulo 32."""
        return self._shuffle(m, site, "shfl_sync", mask, value, np.asarray(lane) & (WARP - 1))

    def shfl_up_sync(self, m: Mask, site: Site, mask: Value, value: Value, delta: Value) -> Value:
        """The value of a lane below; the lowest lanes keep their own."""
        return self._shuffle(m, site, "shfl_up_sync", mask, value, self.lane - delta)

    def shfl_down_sync(self, m: Mask, site: Site, mask: Value, value: Value, delta: Value) -> Value:
        """The value of a lane above; the highest lanes keep their own."""
        return self._shuffle(m, site, "shfl_down_sync", mask, value, self.lane + delta)

    def shfl_xor_sync(self, m: Mask, site: Site, mask: Value, value: Value, bits: Value) -> Value:
        """The value of the lane whose number differs in the given bits."""
        return self._shuffle(m, site, "shfl_xor_sync", mask, value, self.lane ^ bits)

    def _vote(self, m: Mask, site: Site, name: str, mask: Value, predicate: Value) -> Any:
        named = self.warp_mask(m, site, name, mask)
        here = (self.over_lanes(m) & named).reshape(-1, WARP)
        return here, self.over_lanes(predicate).reshape(-1, WARP) & here

    def _for_lanes(self, by_warp: Any) -> Value:
        return np.repeat(by_warp, WARP).reshape(self.blocks, self.width)

    def ballot_sync(self, m: Mask, site: Site, mask: Value, predicate: Value) -> Value:
        """A bit for each lane for which the predicate holds, as an int32."""
        _, yes = self._vote(m, site, "ballot_sync", mask, predicate)
        found = (yes * BITS).sum(1)
        return self._for_lanes(np.where(found >> 31, found - (1 << 32), found))

    def all_sync(self, m: Mask, site: Site, mask: Value, predicate: Value) -> Value:
        """Whether it holds for all named lanes."""
        here, yes = self._vote(m, site, "all_sync", mask, predicate)
        return self._for_lanes((yes | ~here).all(1))

    def any_sync(self, m: Mask, site: Site, mask: Value, predicate: Value) -> Value:
        """Whether it holds for any named lane."""
        _, yes = self._vote(m, site, "any_sync", mask, predicate)
        return self._for_lanes(yes.any(1))

    def eq_sync(self, m: Mask, site: Site, mask: Value, predicate: Value) -> Value:
        """Whether the predicate is the same for all named lanes."""
        here, yes = self._vote(m, site, "eq_sync", mask, predicate)
        return self._for_lanes((yes | ~here).all(1) | ~yes.any(1))

    def match_any_sync(self, m: Mask, site: Site, mask: Value, value: Value) -> Value:
        """A bit for each named lane that holds the same value, as an int32."""
        named = self.warp_mask(m, site, "match_any_sync", mask)
        here = (self.over_lanes(m) & named).reshape(-1, WARP)
        values = self.over_lanes(value).reshape(-1, WARP)
        same = (values[:, :, None] == values[:, None, :]) & here[:, None, :]
        found = (same * BITS).sum(2)
        return np.where(found >> 31, found - (1 << 32), found).reshape(self.blocks, self.width)

    def activemask(self, m: Mask, site: Site) -> Value:
        """A bit for each lane that is here."""
        here = self.over_lanes(m).reshape(-1, WARP)
        return self._for_lanes((here * BITS).sum(1))

    def lanemask_lt(self, m: Mask, site: Site) -> Value:
        """A bit for each lane below."""
        return (1 << self.lane) - 1
