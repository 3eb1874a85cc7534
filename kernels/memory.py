"""Arrays for results: aligned to a cache line, and in tests with a guard band on either side."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

LINE = 64  # bytes; a 512-bit load that crosses a line costs two
SMALL = 4096  # bytes below which alignment costs more than it brings

# Set by the tests: elements of guard on either side, and where the guarded buffers are kept.
band = 0
guarded: list[tuple[Any, int, int]] = []


def empty(shape: tuple[int, ...] | int, dtype: Any) -> Any:
    """An uninitialised C-contiguous array whose first element starts a cache line when large."""
    size = shape if isinstance(shape, int) else prod(shape)
    itemsize = np.dtype(dtype).itemsize
    if size * itemsize < SMALL and not band:
        return np.empty(shape, dtype)
    spare = LINE // itemsize
    room = np.empty(size + spare + 2 * band, dtype)
    address = room.__array_interface__["data"][0]  # `room.ctypes` makes an object, 2 us dearer
    start = band + (-(address + band * itemsize) % LINE) // itemsize
    if band:
        room.fill(np.nan if room.dtype.kind == "f" else 119)
        guarded.append((room, start, start + size))
    return room[start : start + size].reshape(shape)


def zeros(shape: tuple[int, ...] | int, dtype: Any) -> Any:
    """The same, filled with zeros."""
    made = empty(shape, dtype)
    made.fill(0)
    return made
