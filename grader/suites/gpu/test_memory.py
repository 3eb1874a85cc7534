"""How memory is used, by counters: efficiency, bank conflicts, traffic. No time is measured.

All extents are multiples of 64, so that no ragged edge spoils what is counted.
"""

from __future__ import annotations

import numpy as np

from grader.launches import MEMORY, check_without, empty, for_each, launch
from grader.student import Student
from grader.suites.gpu.oracles import HEAD, STRETCH, draw

ONCE = 1.1  # loads of an element for each block that needs it
QUERIES = 32  # of a block of attention


def counted(student: Student, name: str, *args: object, **bounds: float) -> None:
    check_without(launch(student, name, *args, judged=True, **bounds), MEMORY)


def test_vecadd_memory(student: Student, rng: np.random.Generator) -> None:
    n = 4096
    counted(student, "vecadd", draw(rng, n), draw(rng, n), empty(n), per_element=ONCE)


def test_window_memory(student: Student, rng: np.random.Generator) -> None:
    n = 4096
    bounds: dict[str, dict[str, float]] = {
        "window_sum": {},
        "window_sum_shared": {"per_element": ONCE},
    }
    for_each(bounds, lambda name: counted(student, name, draw(rng, n), empty(n), **bounds[name]))


def test_block_sum_memory(student: Student, rng: np.random.Generator) -> None:
    n = 4096
    counted(student, "block_sum", draw(rng, n), empty(n // STRETCH), per_element=ONCE)


def test_prefix_sum_memory(student: Student, rng: np.random.Generator) -> None:
    n = 2048
    counted(student, "prefix_sum", draw(rng, n), empty(n), per_element=ONCE)


def test_transpose_tile(student: Student, rng: np.random.Generator) -> None:
    m, n = 128, 192
    counted(student, "transpose_tiled", draw(rng, m, n), empty(n, m), per_element=ONCE)


def test_thread_tiled_loads(student: Student, rng: np.random.Generator) -> None:
    m, k, n = 128, 64, 192
    counted(
        student,
        "matmul_thread_tiled",
        draw(rng, m, k),
        draw(rng, k, n),
        empty(m, n),
        total=2 * m * n * k / 4,
    )


def test_matmul_shared_loads(student: Student, rng: np.random.Generator) -> None:
    m, k, n = 128, 64, 192
    counted(
        student,
        "matmul_shared",
        draw(rng, m, k),
        draw(rng, k, n),
        empty(m, n),
        per_element=ONCE,
        total=2 * m * n * k / 16,
    )


def test_softmax_passes(student: Student, rng: np.random.Generator) -> None:
    b, k = 64, 512
    counted(student, "softmax_rows", draw(rng, b, k), empty(b, k), per_element=3.1)


def test_flash_loads(student: Student, rng: np.random.Generator) -> None:
    n, m = 128, 192
    counted(
        student,
        "flash_attention",
        draw(rng, n, HEAD),
        draw(rng, m, HEAD),
        draw(rng, m, HEAD),
        empty(n, HEAD),
        0,
        per_element=ONCE,
        total=n * HEAD + 2 * m * HEAD * -(-n // QUERIES),
    )
