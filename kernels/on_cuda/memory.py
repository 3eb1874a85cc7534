"""Memory of the device, and the stream in which work is done.

Asking the driver for memory waits for everything under way, so a piece that is given back is kept
for the next that asks for its size. Within one stream this is safe at once: whatever still uses the
piece was asked for earlier and runs earlier. A piece is therefore kept for the stream that it was
taken in.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..cuda import cuda

LEAST = 512  # bytes of the smallest piece
COARSE = 1 << 20  # from here on sizes are multiples of this, below it powers of two
DEFAULT: Any = 0  # the driver's default stream

_local = threading.local()


def stream() -> Any:
    """The stream in which this thread works."""
    return getattr(_local, "stream", DEFAULT)


@contextmanager
def working_in(chosen: Any) -> Iterator[Any]:
    """Launches and copies of this thread go to `chosen`, a `cuda.stream()`, while it lasts."""
    before = stream()
    _local.stream = chosen
    try:
        yield chosen
    finally:
        _local.stream = before


def synchronize() -> None:
    """Wait until everything under way is done."""
    cuda.synchronize()


class Piece:
    """Bytes on the device that go back to their pool when nobody holds them any more."""

    __slots__ = ("__weakref__", "bytes", "home", "key")

    def __init__(self, room: Any, home: Pool, key: tuple[Any, int]) -> None:
        self.bytes, self.home, self.key = room, home, key

    def __del__(self) -> None:
        self.home.keep(self.bytes, self.key)


class Pool:
    """Takes memory from the driver once and lends it again and again.

    Attributes:
        asked: times that the driver was asked.
        lent: bytes in use.
        held: bytes taken from the driver.
        fill: None, or the byte that every piece is filled with on the engine (tests: 255 makes
            every float32 a NaN).
    """

    def __init__(self) -> None:
        self.asked = self.lent = self.held = 0
        self.fill: int | None = None
        self._kept: dict[tuple[Any, int], list[Any]] = {}
        self._lock = threading.RLock()  # __del__ may run inside of take

    def take(self, nbytes: int) -> Piece:
        """A piece of at least so many bytes, with arbitrary contents."""
        size = rounded(nbytes)
        current = stream()
        key = (DEFAULT if current is DEFAULT else id(current), size)
        with self._lock:
            kept = self._kept.get(key)
            room = kept.pop() if kept else None
            self.lent += size
        if room is None:
            room = cuda.device_array(size, np.uint8)
            self.asked += 1
            self.held += size
        if self.fill is not None:
            room[:] = self.fill
        return Piece(room, self, key)

    def keep(self, room: Any, key: tuple[Any, int]) -> None:
        """Take a piece back."""
        with self._lock:
            self._kept.setdefault(key, []).append(room)
            self.lent -= key[1]

    def release(self) -> int:
        """Give what nobody uses back to the driver; how many bytes."""
        with self._lock:
            freed = sum(size * len(rooms) for (_, size), rooms in self._kept.items())
            self._kept.clear()
            self.held -= freed
        return freed


def rounded(nbytes: int) -> int:
    """The size of the piece that serves `nbytes`: few sizes, so that pieces fit again."""
    if nbytes <= LEAST:
        return LEAST
    if nbytes <= COARSE:
        return 1 << (nbytes - 1).bit_length()
    return -(-nbytes // COARSE) * COARSE


pool = Pool()
