"""What this machine can do at best: multiply-adds a second, and bytes a second from each memory.

A kernel's figure means little by itself; as a share of the lower of two roofs it says what is left
to gain: operations a second, or bytes a second times operations a byte.

Source: Williams, Waterman & Patterson (2009), "Roofline: an insightful visual performance model".
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import memory
from .jit import jit
from .simd import lanes, pointer, vadd, vfma, vload, vstore, vzero

Array = Any

CHAINS = 12  # independent sums: four cycles of latency times two units, and some to spare
ROUNDS = 7
BUSY_ROUNDS = 100_000
SIZES_KIB = {"L1": 16, "L2": 256, "L3": 4096, "DRAM": 192 * 1024}


@dataclass(frozen=True, slots=True)
class Limits:
    """The roofs of one thread."""

    float32_gflops: float
    float64_gflops: float
    read_gb_s: dict[str, float]  # by memory
    copy_gb_s: float  # bytes read plus bytes written, main memory
    lanes: int  # float32 in a register

    def roof_gflops(self, flops_per_byte: float, where: str = "DRAM", dtype: Any = "f4") -> float:
        """The most that work of this intensity can reach."""
        peak = self.float32_gflops if np.dtype(dtype).itemsize == 4 else self.float64_gflops
        return min(peak, flops_per_byte * self.read_gb_s[where])


def measure() -> Limits:
    """Measure one thread, in CPU time; takes about two seconds."""
    reads = {where: _read(size << 10) for where, size in SIZES_KIB.items()}
    return Limits(_peak("f4"), _peak("f8"), reads, _copy(SIZES_KIB["DRAM"] << 10), _lanes())


def peak_gflops(dtype: Any = "f4") -> float:
    """Multiply-adds that stay in registers, two operations each."""
    return _peak(dtype)


def _best(work: Callable[[], object], least_s: float = 0.02) -> float:
    """Seconds of CPU of the quickest of some runs, each of at least `least_s`."""
    work()
    times, took = 1, 0.0
    while True:
        began = time.process_time()
        for _ in range(times):
            work()
        took = time.process_time() - began
        if took >= least_s:
            break
        times *= 4
    best = took / times
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(times):
            work()
        best = min(best, (time.process_time() - began) / times)
    return best


def busy(dtype: Any = "f4") -> None:
    """Multiply-adds that stay in registers, `busy_flops` operations: what share of the peak a
    kernel reaches is known only beside this, in turns, where the clock changes by the second."""
    multiply_add(memory.zeros(256, dtype), BUSY_ROUNDS)


def busy_flops(dtype: Any = "f4") -> float:
    """Operations of one call of `busy`."""
    return 2.0 * BUSY_ROUNDS * CHAINS * int(_width(memory.zeros(256, dtype)))


def _peak(dtype: Any) -> float:
    return 1e-9 * busy_flops(dtype) / _best(lambda: busy(dtype))


def _read(size: int) -> float:
    x = memory.zeros(size // 4, "f4")
    out = memory.zeros(64, "f4")
    times = max(1, (1 << 22) // size)
    return 1e-9 * size * times / _best(lambda: add_up(x, out, times))


def _copy(size: int) -> float:
    x, y = memory.zeros(size // 8, "f4"), memory.zeros(size // 8, "f4")
    return 1e-9 * size / _best(lambda: np.copyto(y, x))


def _lanes() -> int:
    return int(_width(np.zeros(1, np.float32)))


@jit
def _width(x: Array) -> Any:
    return lanes(x)


@jit
def multiply_add(x: Array, rounds: int) -> None:
    """Twelve chains of multiply-adds: the units are never without work."""
    m, c = vload(x, 0), vload(x, lanes(x))
    a, b, d, e, f, g = vzero(x), vzero(x), vzero(x), vzero(x), vzero(x), vzero(x)
    h, i, j, k, n, o = vzero(x), vzero(x), vzero(x), vzero(x), vzero(x), vzero(x)
    for _ in range(rounds):
        a, b, d, e = vfma(a, m, c), vfma(b, m, c), vfma(d, m, c), vfma(e, m, c)
        f, g, h, i = vfma(f, m, c), vfma(g, m, c), vfma(h, m, c), vfma(i, m, c)
        j, k, n, o = vfma(j, m, c), vfma(k, m, c), vfma(n, m, c), vfma(o, m, c)
    first = vadd(vadd(vadd(a, b), vadd(d, e)), vadd(vadd(f, g), vadd(h, i)))
    vstore(x, 0, vadd(first, vadd(vadd(j, k), vadd(n, o))))


@jit
def add_up(x: Array, out: Array, times: int) -> None:
    """Read everything, eight vectors at a time, and keep what no compiler can leave out."""
    s = lanes(x)
    p = pointer(x)
    a, b, c, d = vzero(x), vzero(x), vzero(x), vzero(x)
    for _ in range(times):
        for i in range(0, x.size - 8 * s + 1, 8 * s):
            a = vadd(a, vadd(vload(p, i), vload(p, i + s)))
            b = vadd(b, vadd(vload(p, i + 2 * s), vload(p, i + 3 * s)))
            c = vadd(c, vadd(vload(p, i + 4 * s), vload(p, i + 5 * s)))
            d = vadd(d, vadd(vload(p, i + 6 * s), vload(p, i + 7 * s)))
        vstore(out, 0, vadd(vadd(a, b), vadd(c, d)))
