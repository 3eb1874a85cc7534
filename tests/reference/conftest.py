"""PyTorch as a peer: tests that compare with it take the fixture `torch`.

Without PyTorch they are skipped by name; where LAB_REQUIRE_TORCH=1 says that it must be there, as
in CI, its absence fails them.

Kernels are compiled at once, as in the tests of kernels: between two calls of one test NumPy must
not give way to machine code, whose last bits differ.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

os.environ["LAB_KERNELS"] = "wait"

from kernels import ready

ready.mode.cache_clear()


@pytest.fixture(scope="session")
def torch() -> Any:
    if os.environ.get("LAB_REQUIRE_TORCH") == "1":
        import torch
    else:
        torch = pytest.importorskip("torch", reason="compares with PyTorch (extra `bench`)")
    torch.set_num_threads(1)
    return torch
