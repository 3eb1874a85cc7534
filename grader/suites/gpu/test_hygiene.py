"""Manners: inputs are read only, and float32 stays float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grader.launches import (
    FLOAT64,
    Launched,
    check_inputs_kept,
    check_without,
    empty,
    for_each,
    launch,
)
from grader.student import Student
from grader.suites.gpu.oracles import HEAD, STRETCH, draw

VECTORS = ("vecadd", "window_sum", "window_sum_shared", "block_sum", "prefix_sum")
MATRICES = ("transpose_tiled", "matmul_thread_tiled", "matmul_shared")
ROWS = ("softmax_rows", "flash_attention")


Check = Callable[[Launched], None]


def check_launches(
    student: Student, rng: np.random.Generator, names: Sequence[str], check: Check
) -> None:
    """`check` one launch of each kernel, at a size with ragged edges."""
    n = 200
    x = draw(rng, n)
    a, b = draw(rng, 20, 30), draw(rng, 30, 40)
    q, k, v = (draw(rng, rows, HEAD) for rows in (10, 40, 40))
    arguments: dict[str, tuple[Any, ...]] = {
        "vecadd": (x, x, empty(n)),
        "window_sum": (x, empty(n)),
        "window_sum_shared": (x, empty(n)),
        "block_sum": (x, empty(-(-n // STRETCH))),
        "prefix_sum": (x, empty(n)),
        "transpose_tiled": (a, empty(30, 20)),
        "matmul_thread_tiled": (a, b, empty(20, 40)),
        "matmul_shared": (a, b, empty(20, 40)),
        "softmax_rows": (a, empty(20, 30)),
        "flash_attention": (q, k, v, empty(10, HEAD), 1),
    }
    for_each(names, lambda name: check(launch(student, name, *arguments[name])))


def check_float32(found: Launched) -> None:
    check_without(found, FLOAT64)


def test_inputs_kept(student: Student, rng: np.random.Generator) -> None:
    check_launches(student, rng, (*VECTORS, *MATRICES, *ROWS), check_inputs_kept)


def test_vectors_float32(student: Student, rng: np.random.Generator) -> None:
    check_launches(student, rng, VECTORS, check_float32)


def test_matrices_float32(student: Student, rng: np.random.Generator) -> None:
    check_launches(student, rng, MATRICES, check_float32)


def test_rows_float32(student: Student, rng: np.random.Generator) -> None:
    check_launches(student, rng, ROWS, check_float32)
