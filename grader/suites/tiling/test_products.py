"""Hidden checks of matrix products: values, edges, layouts."""

import numpy as np

from grader.check import check_close, check_equal, check_raises
from grader.suites.tiling.oracles import FEW, PRODUCTS, check_manners, check_product, drawn, product
from grader.suites.tiling.programs import LAID, TEN

# Below a tile, on it and off it, for tiles of any reasonable size; long and flat ones.
SHAPES = (
    (1, 1, 1),
    (1, 7, 5),
    (3, 2, 9),
    (4, 4, 4),
    (8, 16, 32),
    (13, 17, 1),
    (1, 40, 70),
    (33, 34, 35),
    (64, 64, 64),
    (67, 131, 66),
    (96, 5, 130),
    (7, 530, 9),
    (5, 9, 1030),
)

# Compiled while views are checked; see grader/ahead.py.
A, B = np.ones((5, 7), np.float32), np.ones((7, 6), np.float32)
AHEAD = [
    ("matmul_naive", A, B),
    ("matmul_reordered", A, B),
    ("matmul_register_tiled", A, B),
    ("matmul_cache_tiled", A, B, 4),
    ("matmul_tiled", A, B),
    ("matmul_parallel", A, B),
]


def tiles(name, *sizes):
    """What matmul_cache_tiled takes beside the matrices."""
    return sizes[:1] if name == "matmul_cache_tiled" else ()


def check_values(student, rng, name):
    for m, k, n in SHAPES:
        m, n = m + int(rng.integers(2)), n + int(rng.integers(2))
        a, b = drawn(rng, (m, k), (k, n))

        def without_last(a=a, b=b):
            return product(a[:, :-1], b[:-1])

        check_product(
            student,
            name,
            a,
            b,
            help="c[i, j] is the sum over all k of a[i, k] b[k, j]; what whole tiles leave over "
            "counts too.",
            diagnoses={"the last k is left out": without_last},
        )


def test_naive_values(student, rng):
    """matmul_naive: shapes of every kind"""
    check_values(student, rng, "matmul_naive")


def test_reordered_values(student, rng):
    """matmul_reordered: shapes of every kind"""
    check_values(student, rng, "matmul_reordered")


def test_register_values(student, rng):
    """matmul_register_tiled: below, on and off a tile"""
    check_values(student, rng, "matmul_register_tiled")


def test_cache_values(student, rng):
    """matmul_cache_tiled: tiles of every size, larger than the matrix too"""
    for shape in ((1, 1, 1), (5, 6, 7), (16, 16, 16), (9, 33, 40), (30, 70, 65)):
        for tile in (1, 3, 8, 16, int(rng.integers(20, 60)), 1000):
            a, b = drawn(rng, shape[:2], shape[1:])
            check_product(
                student, "matmul_cache_tiled", a, b, tile,
                help="Squares at the edge are smaller, and a tile may be larger than the matrix.",
            )  # fmt: skip


def test_tiled_values(student, rng):
    """matmul_tiled: below, on and off every tile"""
    check_values(student, rng, "matmul_tiled")
    a, b = drawn(rng, (70, 600), (600, 1100))
    check_product(student, "matmul_tiled", a, b)


def test_parallel_values(student, rng):
    """matmul_parallel: shapes of every kind on eight threads"""
    check_values(student, rng, "matmul_parallel")
    a, b = drawn(rng, (300, 70), (70, 90))
    check_product(student, "matmul_parallel", a, b, help="Each row of c belongs to one thread.")


def test_matmul_empty(student, rng):
    """products of empty matrices: no inner size gives zeros"""
    for name in PRODUCTS:
        for m, k, n in ((3, 0, 4), (0, 3, 4), (3, 4, 0), (0, 0, 0), (0, 0, 5)):
            a, b = np.zeros((m, k), np.float32), np.zeros((k, n), np.float32)
            check_close(
                student.call(name, a, b, *tiles(name, 4)),
                np.zeros((m, n), np.float32),
                what=f"{name} of {a.shape} and {b.shape}",
                help="A sum of nothing is 0, and c keeps its shape (M, N).",
            )


def test_matmul_rejects(student, rng):
    """inner sizes that differ, and tiles below 1, raise ValueError"""
    for name in PRODUCTS:
        for left, right in (((3, 4), (3, 4)), ((2, 5), (4, 2)), ((2, 0), (1, 2))):
            a, b = drawn(rng, left, right)
            check_raises(
                ValueError, student.call, name, a, b, *tiles(name, 2),
                what=f"{name} of {left} and {right}",
                help="Compare the inner sizes first: a compiled loop reads beyond the end.",
            )  # fmt: skip
    a, b = drawn(rng, (3, 4), (4, 2))
    for tile in (0, -1, -8):
        check_raises(
            ValueError, student.matmul_cache_tiled, a, b, tile,
            what=f"matmul_cache_tiled with tile = {tile}",
        )  # fmt: skip


def test_matmul_layouts(student, rng):
    """products of transposed and strided matrices"""
    for name in PRODUCTS:
        for layout, said in (("F", "transposed"), ("A", "strided")):
            a, b = drawn(rng, (21, 34), (34, 19))
            check_close(
                student.probe(LAID, name=name, args=[a, b, *tiles(name, 8)], layout=layout),
                product(a, b),
                what=f"{name} of {said} matrices",
                help="ascontiguousarray costs n^2 and makes every later step simpler.",
                **FEW,
            )


def test_same_bits(student, rng):
    """matmul_parallel: ten calls on eight threads give the same bits"""
    a, b = drawn(rng, (4, 20000), (20000, 64))
    found = student.probe(TEN, a=a, b=b)
    want = product(a, b)
    # Sums of twenty thousand terms: their rounding errors grow like the root of that.
    check_close(found[0], want, what="matmul_parallel of (4, 20000) and (20000, 64)",
                rtol=1e-4, atol=5e-3)  # fmt: skip
    different = sum(type(c) is not np.ndarray or c.tobytes() != found[0].tobytes() for c in found)
    check_equal(
        different,
        0,
        what="the number of ten calls whose bits differ from the first",
        help="Give each entry of c to one thread, which sums over k in one order.",
    )


def test_products_manners(student, rng):
    """products: arguments stay, results are new float32 arrays"""
    for name in PRODUCTS:
        a, b = drawn(rng, (9, 13), (13, 10))
        check_manners(student, name, [a, b, *tiles(name, 4)])
