"""Where each lane's element lies, whether it is inside, and what the request costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from .lanes import WARP, Lanes, Mask, Value
from .memory import DeviceArray, GlobalArray, SharedArray
from .patterns import Pattern, sectors, wavefronts
from .sites import Counter, Site

REMEMBERED = 2048  # lanes up to which a pattern of addresses is looked up instead of counted
PATTERNS = 512  # patterns that a place remembers


class Addresses(Lanes):
    """Addresses of one access by all lanes of a batch."""

    def locate(
        self, a: DeviceArray, site: Site, m: Mask, index: tuple[Value, ...]
    ) -> tuple[Any, Mask | None]:
        """Element numbers, and the lanes whose index is inside; None where there is none.

        The numbers are an int or an array that broadcasts to (blocks, width), inside the array for
        every lane, active or not.
        """
        if site.array is not a:
            site.bind(a)
        fixed, moving = 0, None
        for axis in range(a.ndim):
            i, extent, stride = index[axis], a.shape[axis], a.strides[axis]
            if type(i) is not np.ndarray:
                if not 0 <= i < extent:
                    return self._outside(a, site, m, index)
                fixed += i * stride
                continue
            if site.indices[axis] is i:
                product = site.products[axis]
            else:
                if not i.size or int(i.view(np.uint64).max()) >= extent:
                    return self._outside(a, site, m, index)
                product = i if stride == 1 else i * stride
                site.indices[axis], site.products[axis] = i, product
            moving = product if moving is None else moving + product
        if moving is None:
            return fixed, m
        return (moving + fixed if fixed else moving), m

    def _outside(
        self, a: DeviceArray, site: Site, m: Mask, index: tuple[Value, ...]
    ) -> tuple[Any, Mask | None]:
        """Some lane's index lies outside: report active ones and drop their accesses."""
        wrong: Any = np.zeros((1, 1), bool)
        for i, extent in zip(index, a.shape, strict=True):
            wrong = wrong | ((np.asarray(i) < 0) | (np.asarray(i) >= extent))
        active = wrong & m
        flat: Any = 0
        for i, stride in zip(index, a.strides, strict=True):
            flat = flat + np.where(wrong, 0, i) * stride
        if not active.any():
            return flat, m
        op = site.place.op
        a.dropped = a.dropped or op != "load"
        if not self.findings.seen("out-of-bounds", site.place.line):
            row, thread = divmod(int(np.argmax(self.over_lanes(active))), self.width)
            shown = [int(self.over_lanes(i)[row, thread]) for i in index]
            axis = next(k for k, i in enumerate(shown) if not 0 <= i < a.shape[k])
            why = "A negative index is not the end of the array" if shown[axis] < 0 else "Guard it"
            self.find(
                "out-of-bounds",
                site,
                row,
                thread,
                f"{op} of {a.name}[{', '.join(map(str, shown))}], outside of shape "
                f"{a.shape}. {why}: compare with the shape before the access.",
                array=a.name,
            )
        inside = m & ~wrong
        return flat, (inside if inside.any() else None)

    def rows_of(self, flat: Any, m: Mask) -> int:
        """Rows that stand for the batch: 1 where all blocks do the same."""
        if type(flat) is int:
            return int(m.shape[0])
        return int(max(flat.shape[0], m.shape[0]))

    # what a request costs

    def _pattern(
        self,
        count: Any,
        a: DeviceArray,
        counter: Counter,
        site: Site,
        flat: Any,
        m: Mask,
        unit: int,
    ) -> Pattern:
        """Count the requests of one access by `sectors` or `wavefronts`.

        Patterns that repeat, shifted by whole units, are counted once: short ones are looked up,
        long ones compared with the last of their place.
        """
        rows = self.rows_of(flat, m)
        times = self.blocks // rows
        whole = m is self.m0 and self.full
        size = counter.itemsize
        first = int(flat[0, 0])
        key: Any
        memory: dict[Any, Pattern]
        if rows * self.width <= REMEMBERED:
            low = first - first % unit
            mask_key = None if whole else m.tobytes()
            key = (flat.shape, (flat - low).tobytes(), mask_key, size, times)
            if len(site.patterns) >= PATTERNS:
                site.patterns.clear()
            memory = site.patterns
        else:
            memory, key = self._shifted(site, flat, m, first), (first % unit, size)
        known = memory.get(key)
        if known is not None:
            return known
        shape = (rows, self.width)
        address = np.broadcast_to(flat, shape).reshape(-1, WARP) * a.itemsize + a.base
        mask = None if whole else np.broadcast_to(m, shape).reshape(-1, WARP)
        one: Pattern = count(address, mask, size)
        found = Pattern(
            one.requests * times, one.lanes * times, one.cost * times, one.ideal * times, one.worst
        )
        memory[key] = found
        return found

    def _shifted(self, site: Site, flat: Any, m: Mask, first: int) -> dict[Any, Pattern]:
        """What is known of a pattern: that of the last access, if all lanes moved alike."""
        if site.last is not None:
            before, mask, memory = site.last
            if mask is m and before.shape == flat.shape:
                moved = first - int(before[0, 0])
                if bool((flat == (before + moved if moved else before)).all()):
                    found: dict[Any, Pattern] = memory
                    return found
        fresh: dict[Any, Pattern] = {}
        site.last = (flat, m, fresh)
        return fresh

    def count_global(self, a: GlobalArray, site: Site, flat: Any, m: Mask, vector: int = 1) -> None:
        """Requests, lanes and sectors of one access to global memory."""
        counter = site.counter
        assert counter is not None
        if type(flat) is int or flat.shape[1] == 1:
            lanes, warps = self.count(m)
            counter.requests += warps
            counter.lanes += lanes * vector
            counter.sectors += warps
            counter.ideal += warps
            return
        found = self._pattern(sectors, a, counter, site, flat, m, max(1, 32 // a.itemsize))
        counter.requests += found.requests
        counter.lanes += found.lanes * vector
        counter.sectors += found.cost
        counter.ideal += found.ideal
        counter.worst = max(counter.worst, found.worst)

    def count_shared(self, a: SharedArray, site: Site, flat: Any, m: Mask) -> None:
        """Requests and wavefronts of one access to shared memory."""
        counter = site.counter
        assert counter is not None
        if type(flat) is int or flat.shape[1] == 1:
            lanes, warps = self.count(m)
            counter.requests += warps
            counter.lanes += lanes
            counter.wavefronts += warps
            counter.ideal_wavefronts += warps
            return
        found = self._pattern(wavefronts, a, counter, site, flat, m, 1)
        counter.requests += found.requests
        counter.lanes += found.lanes
        counter.wavefronts += found.cost
        counter.ideal_wavefronts += found.ideal
        counter.worst = max(counter.worst, found.worst)
