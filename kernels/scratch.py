"""Working memory that kernels use again and again, so that no call pays for fresh pages.

Every thread has its own, by name and dtype. A buffer grows and is never cleared: whoever takes it
finds what the last one left there.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from . import memory

_mine = threading.local()


def take(name: str, size: int, dtype: np.dtype[Any]) -> Any:
    """A flat buffer of at least `size` elements, valid until this thread takes `name` again."""
    buffers: dict[Any, Any] = _mine.__dict__
    found = buffers.get((name, dtype))
    if found is None or found.size < size:
        found = buffers[name, dtype] = memory.empty(max(size, 1), dtype)
    return found


def release() -> None:
    """Give back what this thread holds (tests; after a very large problem)."""
    _mine.__dict__.clear()
