"""The roofs of this machine as rows, and the share of its roof that a kernel's time amounts to.

python -m tests.benchmarks.roofline

The limits are measured in the process that asks, so a share and its roof are of the same minute.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from .duel import one_thread_environment, print_rows, run_part
from .rows import Row, row, table

if TYPE_CHECKING:
    from kernels.machine import Limits

HELD_KIB = {"L1": 24, "L2": 640, "L3": 12 * 1024}  # what is larger comes from main memory


@cache
def limits() -> Limits:
    """One thread's limits, measured once in a process."""
    from kernels import machine

    return machine.measure()


def share(ms: float, flops: float, moved: float) -> dict[str, Any]:
    """What `ms` for this many operations and bytes (read plus written, each once) reaches.

    The roof is the longer of two times: the operations at the peak, the bytes at the speed of the
    smallest memory that holds them.
    """
    where = next((name for name, size in HELD_KIB.items() if moved <= size << 10), "DRAM")
    found = limits()
    bytes_s = 1e9 * (found.copy_gb_s if where == "DRAM" else found.read_gb_s[where])
    least = 1e3 * max(flops / (1e9 * found.float32_gflops), moved / bytes_s)
    return {
        "gflops": round(1e-6 * flops / ms, 1),
        "gb_s": round(1e-6 * moved / ms, 1),
        "memory": where,
        "share_of_roof": round(least / ms, 3),
    }


def run() -> list[Row]:
    """The limits as rows, from a process with one thread."""
    return run_part("tests.benchmarks.roofline", "--measure", environment=one_thread_environment())


def measure() -> list[Row]:
    """The rows, in this process."""
    found = limits()
    rows = [
        row("machine: float32 multiply-adds", found.float32_gflops, "GFLOP/s", None),
        row("machine: float64 multiply-adds", found.float64_gflops, "GFLOP/s", None),
    ]
    for where, speed in found.read_gb_s.items():
        rows.append(row(f"machine: read {where}", speed, "GB/s", None))
    rows.append(row("machine: copy DRAM, read plus written", found.copy_gb_s, "GB/s", None))
    return [*rows, *_blas()]


def _blas() -> list[Row]:
    """What each library says of its matrix multiplication."""
    try:
        import threadpoolctl
    except ImportError:
        return []
    import numpy as np

    np.ones((2, 2)) @ np.ones((2, 2))
    rows = []
    for one in threadpoolctl.threadpool_info():
        if one["user_api"] == "blas":
            told = f"{one['internal_api']} {one['version']}, {one.get('architecture', '?')}"
            rows.append(row(f"BLAS in this process: {told}", one["num_threads"], "threads", None))
    try:
        import torch
    except ImportError:
        return rows
    told = torch.backends.cpu.get_cpu_capability()
    mkl = "with" if torch.backends.mkl.is_available() else "without"
    return [
        *rows,
        row(f"PyTorch {torch.__version__}: {told}, {mkl} MKL", torch.get_num_threads(), "threads", None),
    ]  # fmt: skip


if __name__ == "__main__":
    import sys

    if sys.argv[1:] == ["--measure"]:
        print_rows(measure())
    else:
        print(table(run()))
