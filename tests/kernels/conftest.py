"""Kernels are compiled at once here, into a folder that every run shares; buffers get guard bands."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

os.environ["LAB_KERNELS"] = "wait"

from kernels import memory, ready

ready.mode.cache_clear()


@pytest.fixture
def guard_bands() -> Iterator[list[tuple[object, int, int]]]:
    """While it lasts, every buffer that a kernel allocates has a band of NaN on either side."""
    memory.band = 64
    memory.guarded.clear()
    try:
        yield memory.guarded
    finally:
        memory.band = 0
        memory.guarded.clear()
