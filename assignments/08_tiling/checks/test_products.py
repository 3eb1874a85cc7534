"""Public checks of products: small inputs, in the order a learner builds."""

import numpy as np

from grader.check import check_close, check_equal, check_raises

FEW = {"rtol": 1e-4, "atol": 2e-4}

# Compiled while the checks of the other file run; see grader/ahead.py.
A, B = np.ones((5, 7), np.float32), np.ones((7, 6), np.float32)
AHEAD = [
    ("matmul_naive", A, B),
    ("matmul_reordered", A, B),
    ("matmul_register_tiled", A, B),
    ("matmul_cache_tiled", A, B, 4),
    ("matmul_tiled", A, B),
    ("matmul_parallel", A, B),
]


def drawn(*shapes):
    rng = np.random.default_rng(8)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def product(a, b):
    return (a.astype(np.float64) @ b).astype(np.float32)


def check_shapes(student, name, help, *more):
    """Sizes below, on and off what tiles of 2, 4, 8 or 16 make."""
    for m, k, n in ((1, 1, 1), (2, 3, 2), (4, 4, 4), (5, 7, 6), (16, 8, 16), (18, 21, 35)):
        a, b = drawn((m, k), (k, n))
        want = product(a, b)
        check_close(
            student.call(name, a, b, *more),
            want,
            what=f"{name} of ({m}, {k}) and ({k}, {n})",
            help=help,
            diagnoses={
                "only whole groups of four k are summed": product(
                    a[:, : k - k % 4], b[: k - k % 4]
                ),
                "it is the product of the transposed matrices": lambda a=a, b=b: product(b.T, a.T),
            },
            **FEW,
        )


def test_naive_small(student):
    """matmul_naive multiplies 2 x 3 by 3 x 2"""
    a = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    b = np.array([[7, 8], [9, 10], [11, 12]], np.float32)
    check_close(
        student.matmul_naive(a, b),
        np.array([[58, 64], [139, 154]], np.float32),
        what="matmul_naive([[1, 2, 3], [4, 5, 6]], [[7, 8], [9, 10], [11, 12]])",
        help="c[0, 0] = 1 * 7 + 2 * 9 + 3 * 11.",
        **FEW,
    )
    check_raises(
        ValueError,
        student.matmul_naive,
        a,
        a,
        what="matmul_naive of (2, 3) and (2, 3)",
        help="Compare a.shape[1] with b.shape[0] before the loops.",
    )


def test_reordered_small(student):
    """matmul_reordered gives the same"""
    check_shapes(student, "matmul_reordered", "c starts at zero and collects a[i, k] * b[k, j].")


def test_register_small(student):
    """matmul_register_tiled is right off its tiles too"""
    check_shapes(student, "matmul_register_tiled", "What is left of M, N and K beyond whole tiles?")


def test_cache_small(student):
    """matmul_cache_tiled is right for every tile"""
    for tile in (1, 4, 100):
        check_shapes(
            student,
            "matmul_cache_tiled",
            "The last square of a row or column may be smaller: min(start + tile, size).",
            tile,
        )
    (a,) = drawn((4, 4))
    check_raises(
        ValueError, student.matmul_cache_tiled, a, a, 0, what="matmul_cache_tiled with tile = 0"
    )


def test_tiled_small(student):
    """matmul_tiled is right off its tiles too"""
    check_shapes(student, "matmul_tiled", "What is left of M, N and K beyond whole tiles?")


def test_parallel_small(student):
    """matmul_parallel gives the same bits twice"""
    check_shapes(student, "matmul_parallel", "Each thread needs rows of c of its own.")
    a, b = drawn((3, 500), (500, 9))
    check_equal(
        student.matmul_parallel(a, b).tobytes() == student.matmul_parallel(a, b).tobytes(),
        True,
        what="whether two calls give the same bits",
        help="Two threads that add to one entry of c lose additions, or sum in another order.",
    )
