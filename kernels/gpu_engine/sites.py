"""Places of the source that touch memory, and what a launch counts at each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Place:
    """Where in the source: line from 1, columns in bytes."""

    index: int
    line: int
    column: int
    end: int
    op: str
    array: str
    function: str


@dataclass
class Counter:
    """What one place did to one array.

    Attributes:
        requests: accesses of a warp.
        lanes: accesses of single threads; elements moved, so a `load4` counts four.
        sectors: sectors of 32 bytes that the warps' requests touch, global memory.
        ideal: sectors that the same bytes would fill if they lay side by side.
        wavefronts: passes through the banks of shared memory.
        ideal_wavefronts: passes that the same bytes need at least.
    """

    place: Place
    array: str
    space: str
    itemsize: int
    requests: int = 0
    lanes: int = 0
    sectors: int = 0
    ideal: int = 0
    wavefronts: int = 0
    ideal_wavefronts: int = 0
    worst: int = 0

    @property
    def efficiency(self) -> float:
        """Bytes asked for over bytes moved; above 1 where lanes share an element."""
        return self.itemsize * self.lanes / (32 * self.sectors) if self.sectors else 1.0

    @property
    def sectors_per_request(self) -> float:
        """Sectors of one warp's access, on average."""
        return self.sectors / self.requests if self.requests else 0.0

    @property
    def wavefronts_per_request(self) -> float:
        """Passes of one warp's access; above 1 for words of 4 bytes is a bank conflict."""
        return self.wavefronts / self.requests if self.requests else 0.0


@dataclass
class Site:
    """A place during one launch, with what is remembered between its accesses."""

    place: Place
    array: Any = None  # the array that the memory below is about
    counter: Counter | None = None
    counters: dict[str, Counter] = field(default_factory=dict)
    indices: list[Any] = field(default_factory=lambda: [None, None, None, None])
    products: list[Any] = field(default_factory=lambda: [None, None, None, None])
    patterns: dict[Any, Any] = field(default_factory=dict)
    last: Any = None  # the last long pattern: numbers, mask, what is known by residue

    def bind(self, array: Any) -> Counter:
        """Turn to an array: what was remembered is about another one."""
        name = array.name or self.place.array
        counter = self.counters.get(name)
        if counter is None:
            counter = self.counters[name] = Counter(self.place, name, array.space, array.itemsize)
        self.array, self.counter = array, counter
        self.indices, self.last = [None] * 4, None
        return counter
