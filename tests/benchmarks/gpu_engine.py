"""What the GPU engine runs in a second, with full analysis; and what each stage kernel waits for.

python -m tests.benchmarks.gpu_engine

Bars: one second of one core covers matmul 256^3, flash attention of 256 rows and a vecadd of a
million elements. The stretch, four times that, is the second bar: 0.25 s for the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..kernels.gpu_engine import stage
from ..kernels.gpu_engine.stage import ENGINE, KERNELS, SOURCE, draw
from .rows import Row, quartiles, row, table

REPEATS = 7
MILLION = 1 << 20
Case = tuple[str, str, Any, Any, Callable[[], Sequence[Any]]]

# name of the row, kernel, grid, block, arguments
CASES: tuple[Case, ...] = (
    (
        "vecadd of 2^20",
        "vecadd",
        MILLION // 256,
        256,
        lambda: (draw(MILLION), draw(MILLION), np.zeros(MILLION, np.float32)),
    ),
    (
        "window sum, shared, of 2^20",
        "window_sum_shared",
        MILLION // 128,
        128,
        lambda: (draw(MILLION), np.zeros(MILLION, np.float32)),
    ),
    (
        "block sum of 2^20",
        "block_sum",
        MILLION // 128,
        128,
        lambda: (draw(MILLION), np.zeros(MILLION // 128, np.float32)),
    ),
    (
        "prefix sum of 2^16, one block",
        "prefix_sum",
        1,
        256,
        lambda: (draw(1 << 16), np.zeros(1 << 16, np.float32)),
    ),
    (
        "transpose 1024 x 1024",
        "transpose_tiled",
        (32, 32),
        (32, 8),
        lambda: (draw(1024, 1024), np.zeros((1024, 1024), np.float32)),
    ),
    (
        "matmul 256^3, register tiles",
        "matmul_thread_tiled",
        (4, 4),
        (16, 16),
        lambda: (draw(256, 256), draw(256, 256), np.zeros((256, 256), np.float32)),
    ),
    (
        "matmul 256^3, shared tiles",
        "matmul_shared",
        (4, 4),
        (16, 16),
        lambda: (draw(256, 256), draw(256, 256), np.zeros((256, 256), np.float32)),
    ),
    (
        "softmax 256 x 512",
        "softmax_rows",
        256,
        128,
        lambda: (draw(256, 512), np.zeros((256, 512), np.float32)),
    ),
    (
        "flash attention of 256 rows, d = 32, causal",
        "flash_attention",
        8,
        32,
        lambda: (*(draw(256, 32) for _ in range(3)), np.zeros((256, 32), np.float32), 1),
    ),
)
# The three that the design names, and the bar of the stretch.
NAMED = {"vecadd", "matmul_shared", "flash_attention"}
SECOND, STRETCH = 1.0, 0.25


def _cpu(work: Callable[[], object]) -> list[float]:
    """Seconds of this process, sorted by nothing: `quartiles` does that."""
    found = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return found


def throughput() -> list[Row]:
    """One launch each, computed only and analysed."""
    rows = []
    for title, kernel, grid, block, make in CASES:
        arguments = make()
        for analyze in (False, True):
            took = _cpu(
                lambda a=arguments, k=kernel, g=grid, b=block, on=analyze: ENGINE.launch(
                    k, g, b, *a, analyze=on
                )
            )
            bar = SECOND if analyze and kernel in NAMED else None
            how = "analysed" if analyze else "computed"
            middle = quartiles(took)
            rows.append(
                row(f"{title}, {how}", middle[1], "s", bar, quartiles=middle, best=min(took))
            )
            if bar is not None:
                rows.append(row(f"{title}, stretch", middle[1], "s", STRETCH))
    return rows


def verdicts() -> list[Row]:
    """All sizes of a stage kernel as a suite runs them, from the text of the file on."""
    from kernels.gpu_engine import Engine

    rows = []
    for name, kernel in KERNELS.items():

        def judge(name: str = name, kernel: Any = kernel) -> None:
            engine = Engine(SOURCE)
            for size in kernel.sizes:
                stage.run(engine, name, size)
            stage.run(engine, name, kernel.even, judged=True)

        middle = quartiles(_cpu(judge))
        rows.append(row(f"stage kernel {name}, all sizes", middle[1], "s", 5.0, quartiles=middle))
    return rows


def run() -> list[Row]:
    """Both tables."""
    return [*throughput(), *verdicts()]


def main() -> None:
    """Print the tables."""
    print(table(run()))


if __name__ == "__main__":
    main()
