"""Arrays for results: aligned to a cache line, and in tests with a guard band on either side."""

from __future__ import annotations

import sys
import threading
from math import prod
from typing import Any

import numpy as np

LINE = 64  # bytes; a 512-bit load that crosses a line costs two
STREAM = 8 << 20  # bytes of a result above which it is written past the cache
SMALL = 4096  # bytes below which alignment costs more than it brings

# The system gives a large array fresh pages at every allocation and fills them with zeros, which
# takes as long as a kernel that writes them. So the last few are kept and handed out again, once
# nobody holds a view of them.
PAGES = 1 << 20  # sizes are rounded up to this, so that nearly equal ones share a buffer
LARGE = 16 << 20  # bytes; below, the C library does so by itself
KEPT_BYTES = 128 << 20
_kept: list[Any] = []
_lock = threading.Lock()


def _holders(index: int, held: list[Any]) -> int:
    """References to an entry of a list, those of the list and of this call among them."""
    return sys.getrefcount(held[index])


ALONE = _holders(0, [np.empty(0)])  # of an entry that only its list holds, in this Python

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
    if size * itemsize >= LARGE and not band:
        room = _large((size + spare) * itemsize).view(dtype)
    else:
        room = np.empty(size + spare + 2 * band, dtype)
    address = room.__array_interface__["data"][0]  # `room.ctypes` makes an object, 2 us dearer
    start = band + (-(address + band * itemsize) % LINE) // itemsize
    if band:
        room.fill(np.nan if room.dtype.kind == "f" else 119)
        guarded.append((room, start, start + size))
    return room[start : start + size].reshape(shape)


def _large(size: int) -> Any:
    """A buffer of bytes that nobody else holds, of at least `size`, and less than twice that."""
    with _lock:
        for index in range(len(_kept)):
            if size <= _kept[index].nbytes < 2 * size and _holders(index, _kept) == ALONE:
                return _kept[index]
        room = np.empty(-(-size // PAGES) * PAGES, np.uint8)
        if room.nbytes <= KEPT_BYTES:
            _kept.append(room)
            while sum(one.nbytes for one in _kept) > KEPT_BYTES:
                del _kept[0]
        return room


def past_cache(out: Any) -> bool:
    """Whether a kernel that works by rows should write `out` past the cache.

    A large result has pushed its own beginning out of the cache before anybody reads it, and a
    line that is written in the usual way is fetched first, for nothing. Every row must begin a
    line: in halves of a register, which other places allow, streaming is no quicker.
    """
    return bool(
        out.nbytes >= STREAM
        and out.__array_interface__["data"][0] % LINE == 0
        and out.strides[0] % LINE == 0
    )


def zeros(shape: tuple[int, ...] | int, dtype: Any) -> Any:
    """The same, filled with zeros."""
    made = empty(shape, dtype)
    made.fill(0)
    return made
