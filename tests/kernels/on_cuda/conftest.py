"""The kernels of `kernels.on_cuda` on the engine, every launch of them watched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

os.environ["LAB_CUDA"] = "engine"

from kernels.cuda import cuda as resolved
from kernels.gpu_engine import Launch
from kernels.gpu_engine.device import EngineKernel
from kernels.on_cuda import memory

assert resolved.implementation == "engine"


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Launch]]:
    """What each launch did; fresh memory is all NaN, so that what is not written shows."""
    seen: list[Launch] = []
    run = EngineKernel._run

    def watched(self: EngineKernel, *arguments: Any, **more: Any) -> Launch:
        more["analyze"] = True
        seen.append(run(self, *arguments, **more))
        return seen[-1]

    monkeypatch.setattr(EngineKernel, "_run", watched)
    monkeypatch.setattr(memory.pool, "fill", 255)
    yield seen
