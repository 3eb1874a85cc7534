"""Lanes, warps and blocks of one batch, and the masks of lanes that are active.

Blocks run in batches; a batch has `blocks` rows and `width` lanes a row, whole warps of 32. A
value that all lanes share is a number; one that differs is an array that broadcasts to
(blocks, width): (1, width) where it is the same in every block, (blocks, 1) where it is the same
in a whole block. Most indices of a kernel are one of these, which is where the speed comes from.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from .errors import Endless, Unsupported
from .findings import Finding, Findings
from .memory import is_array
from .sites import Place, Site

Mask = np.ndarray[Any, Any]
Value = Any
WARP = 32
STEPS = 512  # between two looks at the clock


class Loop:
    """Lanes that have left one loop, or the rest of its current round."""

    __slots__ = ("skipped", "stopped")

    def __init__(self) -> None:
        self.stopped: Mask | None = None
        self.skipped: Mask | None = None

    def stop(self, m: Mask) -> None:
        """Lanes that break."""
        self.stopped = m if self.stopped is None else self.stopped | m

    def skip(self, m: Mask) -> None:
        """Lanes that continue."""
        self.skipped = m if self.skipped is None else self.skipped | m


class Lanes:
    """The geometry of a launch, the batch that runs, masks and control flow."""

    warp_size = WARP

    def __init__(
        self,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        places: list[Place],
        *,
        analyze: bool,
        batch_lanes: int,
        seconds: float,
    ) -> None:
        self.analyze, self.seconds = analyze, seconds
        self.deadline = time.process_time() + seconds
        self.grid_dim_x, self.grid_dim_y, self.grid_dim_z = self.grid = grid
        self.block_dim_x, self.block_dim_y, self.block_dim_z = self.block = block
        self.threads = block[0] * block[1] * block[2]
        self.warps = -(-self.threads // WARP)
        self.width = self.warps * WARP
        self.full = self.threads == self.width
        self.all_blocks = grid[0] * grid[1] * grid[2]
        self.batch = max(1, min(self.all_blocks, batch_lanes // self.width))
        self.gridsize_1 = grid[0] * block[0]
        self.gridsize_2 = (self.gridsize_1, grid[1] * block[1])
        self.gridsize_3 = (*self.gridsize_2, grid[2] * block[2])
        self.sites = [Site(one) for one in places]
        self.findings = Findings()
        tid = np.arange(self.width)[None, :]
        self.tid, self.lane = tid, tid % WARP
        x, y, z = block
        self.thread_x: Value = tid % x if x > 1 else 0
        self.thread_y: Value = tid // x % y if y > 1 else 0
        self.thread_z: Value = tid // (x * y) if z > 1 else 0
        self.m0: Mask = tid < self.threads
        self.returned: Mask | None = None
        self.exited: Mask | None = None
        self.steps = self.issued = self.active = self.flops = 0
        self._whole_ops = self._whole_flops = 0
        self._counted: tuple[Mask | None, int, int] = (None, 0, 0)

    def start_lanes(self, first: int) -> None:
        """Set up the batch of blocks that begins with `first`."""
        self.first = first
        self.blocks = min(self.batch, self.all_blocks - first)
        self.returned = self.exited = None
        self._counted = (None, 0, 0)
        gx, gy, _ = self.grid
        if self.blocks == 1:
            linear: Value = first
        else:
            linear = first + np.arange(self.blocks)[:, None]
        self.block_x: Value = linear % gx if gx > 1 else 0
        self.block_y: Value = linear // gx % gy if gy > 1 else 0
        self.block_z: Value = linear // (gx * gy) if self.grid[2] > 1 else 0
        self.row = np.arange(self.blocks)[:, None]
        self.grid_1 = self.block_x * self.block_dim_x + self.thread_x
        self.grid_2 = (self.grid_1, self.block_y * self.block_dim_y + self.thread_y)
        self.grid_3 = (*self.grid_2, self.block_z * self.block_dim_z + self.thread_z)

    def end_lanes(self) -> None:
        """Add what was counted for whole batches."""
        self.issued += self._whole_ops * self.blocks * self.warps
        self.active += self._whole_ops * self.blocks * self.threads
        self.flops += self._whole_flops * self.blocks * self.threads
        self._whole_ops = self._whole_flops = 0

    # counting

    def tally(self, m: Mask, operations: int, flops: int, line: int) -> None:
        """Count statements for the active lanes, and watch the clock."""
        self.steps += 1
        if m is self.m0:
            self._whole_ops += operations
            self._whole_flops += flops
        else:
            lanes, warps = self.count(m)
            self.issued += operations * warps
            self.active += operations * lanes
            self.flops += flops * lanes
        if self.steps % STEPS == 0 and time.process_time() > self.deadline:
            raise Endless(line, self.seconds)

    def count(self, m: Mask) -> tuple[int, int]:
        """Active lanes and warps that have any, in the whole batch."""
        if m is self.m0:
            return self.blocks * self.threads, self.blocks * self.warps
        if m is self._counted[0]:
            return self._counted[1:]
        times = self.blocks // m.shape[0]
        lanes = int(np.count_nonzero(m)) * times
        warps = int(np.count_nonzero(m.reshape(-1, WARP).any(1))) * times
        self._counted = (m, lanes, warps)
        return lanes, warps

    def over_lanes(self, x: Value) -> np.ndarray[Any, Any]:
        """A value as an array of (blocks, width)."""
        return np.broadcast_to(x, (self.blocks, self.width))

    def find(self, kind: str, site: Site, row: int, thread: int, message: str, **more: Any) -> None:
        """Report a finding at a place; row and thread are those of the batch."""
        place = site.place
        block = self.first + row
        found = Finding(kind, place.line, message, place.column, block=block, thread=thread, **more)
        if self.findings.known(kind, place.line) is None:
            self.findings.add(found)
        else:
            self.findings.stronger(found)

    # masks

    def _narrowed(self, m: Mask, r: Mask) -> Mask | None:
        """r, a part of m: None where it is empty, m itself where it is all of m."""
        found = int(np.count_nonzero(r)) * (self.blocks // r.shape[0])
        if not found:
            return None
        return m if found == self.count(m)[0] else r

    def branch(self, m: Mask, condition: Value) -> Mask | None:
        """Active lanes for which the condition holds; None where there is none."""
        if type(condition) is not np.ndarray:
            return m if condition else None
        return self._narrowed(m, m & condition)

    def unless(self, m: Mask, condition: Value) -> Mask | None:
        """Active lanes for which the condition does not hold."""
        if type(condition) is not np.ndarray:
            return None if condition else m
        return self._narrowed(m, m & ~condition)

    def alive(self, m: Mask, loop: Loop | None) -> Mask | None:
        """Lanes of m that have neither returned nor left the loop's round."""
        gone = [self.returned]
        if loop is not None:
            gone += [loop.stopped, loop.skipped]
        found = m
        for one in gone:
            if one is not None:
                found = found & ~one
        return m if found is m else self._narrowed(m, found)

    def again(self, m: Mask, loop: Loop) -> Mask | None:
        """Lanes that go into the next round of a while loop."""
        loop.skipped = None
        return self.alive(m, loop)

    def leave(self, m: Mask) -> None:
        """Lanes that return from a device function."""
        self.returned = m if self.returned is None else self.returned | m

    def exit(self, m: Mask) -> None:
        """Lanes that return from the kernel: they are gone."""
        self.leave(m)
        self.exited = self.returned

    def span(self, m: Mask, loop: Loop, line: int, *bounds: Value) -> Any:
        """The rounds of `for i in range(...)`: i and the lanes that are in the loop."""
        start, stop, step = (0, bounds[0], 1) if len(bounds) == 1 else (*bounds, 1)[:3]
        if not any(type(one) is np.ndarray for one in (start, stop, step)):
            if step == 0:
                raise Unsupported(line, "a range with step 0")
            for i in range(start, stop, step):
                if loop.stopped is None and loop.skipped is None and self.returned is None:
                    yield i, m
                    continue
                loop.skipped = None
                now = self.alive(m, loop)
                if now is None:
                    return
                yield i, now
            return
        i = start
        up = step > 0
        while True:
            loop.skipped = None
            inside: Mask | None = m
            if loop.stopped is not None or self.returned is not None:
                inside = self.alive(m, loop)
            if inside is None:
                return
            more = np.where(up, i < stop, i > stop) if type(up) is np.ndarray else None
            if more is None:
                more = i < stop if up else i > stop
            inside = self.branch(inside, more)
            if inside is None:
                return
            yield i, inside
            i = i + step

    # values under masks

    def merge(self, old: Value, new: Value, m: Mask) -> Value:
        """New values for active lanes, the old ones for the others."""
        if old is None or new is old:
            return new
        if type(new) is tuple:
            return tuple(self.merge(a, b, m) for a, b in zip(old, new, strict=True))
        if is_array(new):
            if self.count(m)[0] == self.blocks * self.threads:
                return new
            raise Unsupported(None, "a variable that names different arrays in different threads")
        if type(new) is not np.ndarray and type(old) is not np.ndarray and new == old:
            return new
        return np.where(m, new, old)

    def negated(self, a: Value) -> Value:
        """not a."""
        return ~a if type(a) is np.ndarray else not a

    def both(self, m: Mask, a: Value, second: Any) -> Value:
        """a and b; b is evaluated for the lanes where a holds."""
        if type(a) is not np.ndarray:
            return second(m) if a else False
        inside = self.branch(m, a)
        return a if inside is None else a & second(inside)

    def either(self, m: Mask, a: Value, second: Any) -> Value:
        """a or b; b is evaluated for the lanes where a does not hold."""
        if type(a) is not np.ndarray:
            return True if a else second(m)
        inside = self.unless(m, a)
        return a if inside is None else a | second(inside)

    def choose(self, m: Mask, condition: Value, first: Any, second: Any) -> Value:
        """first if condition else second, each evaluated for its own lanes."""
        if type(condition) is not np.ndarray:
            return first(m) if condition else second(m)
        yes, no = self.branch(m, condition), self.unless(m, condition)
        if no is None:
            return first(m)
        if yes is None:
            return second(m)
        a, b = first(yes), second(no)
        if type(a) is tuple or is_array(a):
            raise Unsupported(None, "a choice between arrays or tuples", "Write an if.")
        return np.where(condition, a, b)

    def item(self, values: tuple[Value, ...], place: Value) -> Value:
        """An item of a tuple by a computed index; outside of it the first, as nothing is checked."""
        if type(place) is not np.ndarray:
            return values[place] if 0 <= place < len(values) else values[0]
        found = values[0]
        for number, one in enumerate(values):
            found = np.where(place == number, one, found)
        return found
