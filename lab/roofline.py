"""The roofline of this machine: what arithmetic and memory allow, and where kernels of ours stand.

Both axes are logarithmic. A kernel far below the roof has work left in it; one that touches the
slanted part can only be helped by moving fewer bytes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kernels.machine import Limits

    from .render import Style

WIDTH, HEIGHT = 64, 14
LEFT, RIGHT = -4.0, 8.0  # powers of two of flop per byte
ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Point:
    """A kernel: operations a byte of main memory, and the billions of them a second it reaches."""

    name: str
    intensity: float
    gflops: float


def measure_kernels() -> list[Point]:
    """A few kernels of ours on one thread; builds their machine code first where it is missing."""
    import numpy as np

    import kernels
    from kernels import ready

    ready.warm(["gemm", "softmax"])
    gemm, softmax = kernels.get("gemm"), kernels.get("softmax")
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((4096, 1024), np.float32)
    points = [_point("softmax 4096 x 1024", lambda: softmax(rows), 5 * rows.size, 8 * rows.size)]
    for n in (64, 512):
        a, b = rng.standard_normal((2, n, n), np.float32)
        points.append(
            _point(f"gemm {n}", lambda a=a, b=b: gemm(a, b), 2 * n**3, 12 * n * n)  # type: ignore[misc]
        )
    return points


def _point(name: str, work: Callable[[], object], flops: float, moved: float) -> Point:
    work()
    best = math.inf
    for _ in range(ROUNDS):
        times, began = 0, time.process_time()
        while (took := time.process_time() - began) < 0.02:
            work()
            times += 1
        best = min(best, took / times)
    return Point(name, flops / moved, 1e-9 * flops / best)


def document(limits: Limits, points: Sequence[Point]) -> dict[str, Any]:
    """The one JSON document of `lab bench --machine --json`."""
    return {
        "float32_gflops": round(limits.float32_gflops, 1),
        "float64_gflops": round(limits.float64_gflops, 1),
        "read_gb_s": {where: round(value, 1) for where, value in limits.read_gb_s.items()},
        "copy_gb_s": round(limits.copy_gb_s, 1),
        "lanes": limits.lanes,
        "kernels": [
            {
                "name": point.name,
                "flops_per_byte": round(point.intensity, 3),
                "gflops": round(point.gflops, 1),
                "share_of_roof": round(point.gflops / limits.roof_gflops(point.intensity), 3),
            }
            for point in points
        ],
    }


def drawn(limits: Limits, points: Sequence[Point], style: Style) -> list[str]:
    """The picture and the figures, as lines of text."""
    reads = ", ".join(f"{where} {value:.0f}" for where, value in limits.read_gb_s.items())
    lines = [
        f"One thread: {limits.float32_gflops:.0f} GFLOP/s float32, "
        f"{limits.float64_gflops:.0f} float64 ({limits.lanes} float32 a register)",
        f"Reading, GB/s: {reads}; copying in main memory {limits.copy_gb_s:.0f}",
        "",
        *_picture(limits, points, ascii=style.symbols == "ascii"),
        "",
    ]
    for mark, point in zip("ABCDEFG", points, strict=False):
        roof = limits.roof_gflops(point.intensity)
        lines.append(
            f"  {mark} {point.name:<20}{point.gflops:>7.1f} GFLOP/s at {point.intensity:>6.2f} "
            f"flop/byte, {point.gflops / roof:>4.0%} of its roof"
        )
    return lines


def _picture(limits: Limits, points: Sequence[Point], *, ascii: bool) -> list[str]:
    top = math.log2(limits.float32_gflops) + 0.5
    bottom = math.log2(limits.roof_gflops(2.0**LEFT)) - 1.5

    def row(gflops: float) -> int:
        place = (math.log2(max(gflops, 2.0**bottom)) - bottom) / (top - bottom)
        return HEIGHT - 1 - min(HEIGHT - 1, max(0, round(place * (HEIGHT - 1))))

    def column(intensity: float) -> int:
        place = (math.log2(intensity) - LEFT) / (RIGHT - LEFT)
        return min(WIDTH - 1, max(0, round(place * (WIDTH - 1))))

    cells = [[" "] * WIDTH for _ in range(HEIGHT)]
    for x in range(WIDTH):
        intensity = 2.0 ** (LEFT + (RIGHT - LEFT) * x / (WIDTH - 1))
        flat = limits.roof_gflops(intensity) >= limits.float32_gflops
        mark = ("-" if flat else "/") if ascii else ("─" if flat else "╱")
        cells[row(limits.roof_gflops(intensity))][x] = mark
    for mark, point in zip("ABCDEFG", points, strict=False):
        cells[row(point.gflops)][column(point.intensity)] = mark
    side, floor, corner = ("|", "-", "+") if ascii else ("│", "─", "└")
    labels = {0: f"{2**top:.0f}", HEIGHT - 1: f"{2**bottom:.2g}"}
    lines = [f"{labels.get(y, ''):>7} {side}{''.join(line)}" for y, line in enumerate(cells)]
    ticks = "".join(f"{tick:<{WIDTH // 6}}" for tick in ("1/16", "1/4", "1", "4", "16", "64"))
    return ["GFLOP/s", *lines, f"{'':>7} {corner}{floor * WIDTH}", f"{'':>9}{ticks} flop/byte"]
