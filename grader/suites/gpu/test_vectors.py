"""Vectors: a sum element by element, and windows over neighbours."""

from __future__ import annotations

import numpy as np

from grader.check import check_close
from grader.launches import check_kernel, check_sound, empty, for_each, launch
from grader.student import Student
from grader.suites.gpu.oracles import RADIUS, draw, window_sum

LENGTHS = (1, 2, 31, 33, 127, 128, 129, 255, 257, 1000, 2049)


def test_vecadd_values(student: Student, rng: np.random.Generator) -> None:
    for n in LENGTHS:
        a, b = draw(rng, n), draw(rng, n)
        check_kernel(student, "vecadd", (a, b), a + b, exact=True)


def test_vecadd_long(student: Student, rng: np.random.Generator) -> None:
    n = 40_000 + int(rng.integers(100))
    a, b = draw(rng, n), draw(rng, n)
    check_kernel(
        student,
        "vecadd",
        (a, b),
        a + b,
        exact=True,
        help="How large can the type of your index become?",
    )


def window_values(student: Student, rng: np.random.Generator, name: str) -> None:
    for n in LENGTHS:
        x = draw(rng, n)
        check_kernel(
            student,
            name,
            (x,),
            window_sum(x),
            help="i - RADIUS to i + RADIUS, both included; outside of x is 0.",
            diagnoses={
                "the last neighbour on the right is left out.": lambda x=x: (
                    window_sum(x) - np.concatenate([x[RADIUS:], np.zeros(RADIUS)])[: len(x)]
                ),
                "the window is one too wide on both sides.": lambda x=x: np.convolve(
                    np.pad(x.astype(np.float64), RADIUS + 1), np.ones(2 * RADIUS + 3), "valid"
                ),
            },
        )


def test_window_sum_values(student: Student, rng: np.random.Generator) -> None:
    window_values(student, rng, "window_sum")


def test_window_shared_values(student: Student, rng: np.random.Generator) -> None:
    window_values(student, rng, "window_sum_shared")


def test_window_impulse(student: Student, rng: np.random.Generator) -> None:
    """Every place of a length that spans several blocks is tried, many at a time."""
    n = 1000
    apart = 2 * RADIUS + 1

    def check(name: str) -> None:
        for shift in range(apart):
            x = np.zeros(n, np.float32)
            x[shift::apart] = rng.integers(1, 100, len(x[shift::apart]))
            found = check_sound(launch(student, name, x, empty(n)))
            want = np.zeros(n, np.float32)
            for at in range(shift, n, apart):
                want[max(0, at - RADIUS) : at + RADIUS + 1] = x[at]
            check_close(
                found.outputs[0],
                want,
                what=f"{name} of single numbers",
                rtol=0.0,
                atol=0.0,
                help="Look at the two elements on either side of a block's border.",
            )

    for_each(("window_sum", "window_sum_shared"), check)
