"""Sums that threads make together: of stretches, and running."""

from __future__ import annotations

import numpy as np

from grader.launches import check_kernel
from grader.student import Student
from grader.suites.gpu.oracles import STRETCH, block_sum, draw, prefix_sum

LENGTHS = (1, 2, 31, 32, 33, 127, 128, 129, 255, 256, 257, 700)


def test_block_sum_values(student: Student, rng: np.random.Generator) -> None:
    for n in (*LENGTHS, 1024, 2000):
        x = draw(rng, n)
        check_kernel(
            student,
            "block_sum",
            (x,),
            block_sum(x),
            help="out[i] belongs to x[128 i : 128 (i + 1)], whatever the size of a block is.",
            diagnoses={
                "only half of each stretch is added.": lambda x=x: block_sum(
                    np.where(np.arange(len(x)) % STRETCH < STRETCH // 2, x, 0)
                ),
            },
        )


def test_block_sum_counts(student: Student, rng: np.random.Generator) -> None:
    for n in rng.integers(1, 1500, 6):
        want = np.full(-(-int(n) // STRETCH), float(STRETCH))
        want[-1] = n - STRETCH * (len(want) - 1)
        check_kernel(
            student,
            "block_sum",
            (np.ones(n, np.float32),),
            want,
            what="block_sum of ones",
            exact=True,
        )


def test_prefix_sum_values(student: Student, rng: np.random.Generator) -> None:
    for n in LENGTHS[:9]:
        x = draw(rng, n)
        check_kernel(
            student,
            "prefix_sum",
            (x,),
            prefix_sum(x),
            help="Each step adds what stands `reach` places before, as it was before the step.",
            diagnoses={
                "the sums are exclusive: out[i] lacks x[i].": lambda x=x: prefix_sum(x) - x,
            },
        )


def test_prefix_sum_long(student: Student, rng: np.random.Generator) -> None:
    for n in (1025, 2048, 2500 + int(rng.integers(100))):
        x = draw(rng, n)
        check_kernel(
            student,
            "prefix_sum",
            (x,),
            prefix_sum(x),
            help="One block walks over x; what does it carry from one stretch to the next?",
        )


def test_prefix_sum_integers(student: Student, rng: np.random.Generator) -> None:
    x = rng.integers(-50, 51, 1500).astype(np.float32)
    check_kernel(
        student,
        "prefix_sum",
        (x,),
        prefix_sum(x),
        what="prefix_sum of small integers",
        exact=True,
        help="Sums of small integers are exact in float32, in whatever order.",
    )
