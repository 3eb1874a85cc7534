"""Public checks: vectors, windows and sums, in the order a learner builds them."""

from __future__ import annotations

import numpy as np

from grader.check import check_close
from grader.launches import check_kernel, check_sound, empty, launch
from grader.student import Student

RADIUS = 2


def test_vecadd_small(student: Student) -> None:
    a = np.arange(300, dtype=np.float32)
    found = check_sound(launch(student, "vecadd", a, a / 2, empty(300)))
    check_close(
        found.outputs[0],
        a + a / 2,
        what="vecadd(a, b) of 300 elements",
        help="i = cuda.grid(1) is the thread's number in the whole grid.",
    )


def window(x: np.ndarray) -> np.ndarray:
    padded = np.pad(x.astype(np.float64), RADIUS)
    return np.convolve(padded, np.ones(2 * RADIUS + 1), "valid")


def test_window_sum_small(student: Student, rng: np.random.Generator) -> None:
    for x in (np.ones(7, np.float32), rng.standard_normal(300).astype(np.float32)):
        check_kernel(
            student,
            "window_sum",
            (x,),
            window(x),
            what=f"window_sum of {len(x)} elements",
            help="Five elements for most i, fewer at both ends: which j are inside of x?",
        )


def test_window_shared_small(student: Student, rng: np.random.Generator) -> None:
    for x in (np.ones(7, np.float32), rng.standard_normal(300).astype(np.float32)):
        check_kernel(
            student,
            "window_sum_shared",
            (x,),
            window(x),
            what=f"window_sum_shared of {len(x)} elements",
            help="A block of B threads needs B + 2 RADIUS elements: who loads the last four?",
        )


def test_block_sum_small(student: Student, rng: np.random.Generator) -> None:
    ones = np.ones(300, np.float32)
    check_kernel(
        student,
        "block_sum",
        (ones,),
        np.array([128.0, 128.0, 44.0]),
        what="block_sum of 300 ones",
        help="Each stretch of 128 gives one number; the last stretch is shorter.",
    )
    x = rng.standard_normal(256).astype(np.float32)
    check_kernel(student, "block_sum", (x,), x.reshape(2, 128).astype(np.float64).sum(axis=1))


def test_prefix_sum_small(student: Student, rng: np.random.Generator) -> None:
    for n in (5, 64, 600):
        x = rng.standard_normal(n).astype(np.float32)
        want = np.cumsum(x.astype(np.float64))
        check_kernel(
            student,
            "prefix_sum",
            (x,),
            want,
            what=f"prefix_sum of {n} elements",
            help="Inclusive: out[i] contains x[i]. Begin with an x that fits one block.",
            diagnoses={"the sums are exclusive: out[i] lacks x[i].": want - x},
        )
