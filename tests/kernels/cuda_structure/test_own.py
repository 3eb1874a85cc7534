"""Our own kernels on CUDA as the compiler sees them; all in one child, for they need LAB_CUDA."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kernels.cuda_structure import missing
from kernels.cuda_structure.own import KERNELS

ROOT = Path(__file__).parents[3]
needs_compiler = pytest.mark.skipif(bool(missing()), reason="needs numba-cuda (extra `cuda`)")


@pytest.fixture(scope="module")
def own() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "kernels.cuda_structure", "sm_90"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line.pop("kernel"): line for line in lines}


@pytest.mark.slow
@needs_compiler
def test_each_is_compiled_and_none_spills_or_computes_in_float64(own: dict[str, Any]) -> None:
    assert list(own) == [f"{home}.{name}" for home, name, *_ in KERNELS]
    for name, found in own.items():
        assert "reason" not in found, (name, found)
        assert found["fp64"] == found["local"] == 0, (name, found["fp64_lines"])
        assert found["resources"]["spill_store_bytes"] == 0, name
        assert found["occupancy"]["blocks"] >= 1, name


@pytest.mark.slow
@needs_compiler
def test_each_step_of_the_ladder_multiplies_more_than_the_first(own: dict[str, Any]) -> None:
    shares = [found["ffma_share"] for name, found in own.items() if name.startswith("gemm")]

    assert min(shares[1:]) > 4 * shares[0]
    assert own["gemm_ladder.vectorised"]["wide_loads"] >= 4
    assert own["gemm.gemm_double_buffered"]["wide_loads"] >= 4
    assert own["gemm_ladder.thread_tiled"]["wide_loads"] == 0
    assert own["gemm.gemm_register_tiled"]["ffma_share"] >= 0.6
    assert own["gemm.gemm_register_tiled"]["occupancy"]["blocks"] == 2
    assert own["gemm.gemm_register_tiled"]["wide_loads"] >= 8


@pytest.mark.skipif(not missing(), reason="the extra `cuda` is installed")
def test_without_the_extra_the_table_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kernels.cuda_structure"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.startswith("not assessed: not installed: numba-cuda")
