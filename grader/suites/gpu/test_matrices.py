"""Matrices: the transpose and two products."""

from __future__ import annotations

import numpy as np

from grader.check import check_close
from grader.launches import check_kernel, check_sound, empty, for_each, launch
from grader.student import Student
from grader.suites.gpu.oracles import draw, matmul

SHAPES = ((1, 1, 1), (2, 3, 1), (1, 5, 70), (33, 17, 65), (64, 16, 64), (70, 33, 40), (130, 20, 3))
PRODUCTS = ("matmul_thread_tiled", "matmul_shared")


def test_transpose_values(student: Student, rng: np.random.Generator) -> None:
    for shape in ((1, 1), (1, 70), (70, 1), (31, 33), (33, 70), (64, 32), (100, 129)):
        x = draw(rng, *shape)
        check_kernel(
            student,
            "transpose_tiled",
            (x,),
            x.T,
            exact=True,
            help="The block that read tile (i, j) writes tile (j, i): which thread writes what?",
        )


def test_transpose_twice(student: Student, rng: np.random.Generator) -> None:
    m, n = (int(one) for one in rng.integers(20, 100, 2))
    x = draw(rng, m, n)
    once = check_sound(launch(student, "transpose_tiled", x, empty(n, m)))
    twice = check_sound(launch(student, "transpose_tiled", once.outputs[0], empty(m, n)))
    check_close(
        twice.outputs[0], x, what="transpose_tiled of transpose_tiled(x)", rtol=0.0, atol=0.0
    )


def product_values(student: Student, rng: np.random.Generator, name: str) -> None:
    for m, k, n in SHAPES:
        a, b = draw(rng, m, k), draw(rng, k, n)
        check_kernel(
            student,
            name,
            (a, b),
            matmul(a, b),
            help="c[i, j] = sum of a[i, p] b[p, j]. Beyond the edges of a and b stand zeros.",
            diagnoses={
                "a product is stored instead of added.": lambda a=a, b=b: np.outer(a[:, -1], b[-1]),
                "the last p is left out.": lambda a=a, b=b: matmul(a[:, :-1], b[:-1]),
            },
        )


def test_thread_tiled_values(student: Student, rng: np.random.Generator) -> None:
    product_values(student, rng, "matmul_thread_tiled")


def test_matmul_shared_values(student: Student, rng: np.random.Generator) -> None:
    product_values(student, rng, "matmul_shared")


def test_matmul_depth_zero(student: Student) -> None:
    def check(name: str) -> None:
        for m, n in ((1, 1), (40, 70)):
            check_kernel(
                student,
                name,
                (np.zeros((m, 0), np.float32), np.zeros((0, n), np.float32)),
                np.zeros((m, n)),
                what=f"{name} with k = 0",
                exact=True,
                help="A loop that does not run must leave a sum of 0, and the 0 is stored.",
            )

    for_each(PRODUCTS, check)


def test_matmul_identity(student: Student, rng: np.random.Generator) -> None:
    def check(name: str) -> None:
        for m, n in ((20, 33), (65, 48)):
            a = draw(rng, m, n)
            for left, right, what in (
                (a, np.eye(n, dtype=np.float32), "a times the identity"),
                (np.eye(m, dtype=np.float32), a, "the identity times a"),
            ):
                check_kernel(student, name, (left, right), a, what=f"{name}: {what}", exact=True)

    for_each(PRODUCTS, check)
