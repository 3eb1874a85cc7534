"""Public checks: transposes, products, softmax, attention; results first, then memory."""

from __future__ import annotations

import numpy as np

from grader.launches import MEMORY, check_kernel, check_without, empty, launch
from grader.student import Student

HEAD = 32


def draw(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a.astype(np.float64) @ b.astype(np.float64)


def test_transpose_small(student: Student, rng: np.random.Generator) -> None:
    for m, n in ((32, 32), (40, 70)):
        x = draw(rng, m, n)
        check_kernel(
            student,
            "transpose_tiled",
            (x,),
            x.T,
            what=f"transpose_tiled of a {m} x {n} array",
            exact=True,
            help="The tile that was read at (row, column) is written at (column, row).",
        )


def test_transpose_memory(student: Student, rng: np.random.Generator) -> None:
    x = draw(rng, 64, 128)
    found = launch(student, "transpose_tiled", x, empty(128, 64), judged=True, per_element=1.1)
    check_without(found, MEMORY)


def test_thread_tiled_small(student: Student, rng: np.random.Generator) -> None:
    for m, k, n in ((1, 3, 1), (20, 7, 33), (64, 10, 64)):
        a, b = draw(rng, m, k), draw(rng, k, n)
        check_kernel(
            student,
            "matmul_thread_tiled",
            (a, b),
            product(a, b),
            what=f"matmul_thread_tiled of {m} x {k} and {k} x {n}",
            help="Where a thread's tile leaves c, it adds zeros and stores nothing.",
        )


def test_thread_tiled_memory(student: Student, rng: np.random.Generator) -> None:
    a, b = draw(rng, 64, 64), draw(rng, 64, 64)
    found = launch(
        student, "matmul_thread_tiled", a, b, empty(64, 64), judged=True, total=2 * 64**3 / 4
    )
    check_without(found, MEMORY)


def test_matmul_shared_small(student: Student, rng: np.random.Generator) -> None:
    for m, k, n in ((1, 3, 1), (20, 33, 33), (64, 40, 64)):
        a, b = draw(rng, m, k), draw(rng, k, n)
        check_kernel(
            student,
            "matmul_shared",
            (a, b),
            product(a, b),
            what=f"matmul_shared of {m} x {k} and {k} x {n}",
            help="Fetch, wait, multiply, wait. Beyond the edges the tiles hold zeros.",
        )


def test_matmul_shared_memory(student: Student, rng: np.random.Generator) -> None:
    a, b = draw(rng, 64, 64), draw(rng, 64, 64)
    found = launch(
        student,
        "matmul_shared",
        a,
        b,
        empty(64, 64),
        judged=True,
        per_element=1.1,
        total=2 * 64**3 / 16,
    )
    check_without(found, MEMORY)


def test_softmax_small(student: Student, rng: np.random.Generator) -> None:
    for x in (draw(rng, 3, 50), draw(rng, 2, 300) * np.float32(1000)):
        powers = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
        check_kernel(
            student,
            "softmax_rows",
            (x,),
            powers / powers.sum(axis=1, keepdims=True),
            what=f"softmax_rows of a {x.shape[0]} x {x.shape[1]} array",
            help="exp(89) is too large for float32: subtract the largest of the row first.",
        )


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, causal: int) -> np.ndarray:
    scores = product(q, k.T) / np.sqrt(HEAD)
    if causal:
        n, m = scores.shape
        scores[np.arange(m) > np.arange(n)[:, None] + m - n] = -np.inf
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True) @ v.astype(np.float64)


def test_flash_small(student: Student, rng: np.random.Generator) -> None:
    for n, m, causal in ((1, 1, 0), (5, 40, 0), (20, 20, 1)):
        q, k, v = draw(rng, n, HEAD), draw(rng, m, HEAD), draw(rng, m, HEAD)
        check_kernel(
            student,
            "flash_attention",
            (q, k, v),
            attention(q, k, v, causal),
            causal,
            what=f"flash_attention of {n} queries and {m} keys with causal = {causal}",
            help="First one tile of keys; then two, and think of what the second must do to the "
            "sums of the first.",
            diagnoses={
                "the scale 1 / sqrt(32) is missing.": attention(
                    q * np.float32(np.sqrt(HEAD)), k, v, causal
                )
            },
        )


def test_flash_memory(student: Student, rng: np.random.Generator) -> None:
    q, k, v = draw(rng, 64, HEAD), draw(rng, 64, HEAD), draw(rng, 64, HEAD)
    found = launch(
        student,
        "flash_attention",
        q,
        k,
        v,
        empty(64, HEAD),
        0,
        judged=True,
        per_element=1.1,
        total=64 * HEAD + 2 * 64 * HEAD * 2,
    )
    check_without(found, MEMORY)
