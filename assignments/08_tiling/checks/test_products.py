"""Public checks of products, rows and images: small inputs, in the order a learner builds."""

import numpy as np

from grader.check import check_close, check_equal, check_raises

FEW = {"rtol": 1e-4, "atol": 2e-4}


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


def test_softmax_small(student):
    """softmax_fused of rows with large and missing entries"""
    x = np.array([[0, 1, 2], [1e5, 1e5, -1e5], [-np.inf, 3, 3]], np.float32)
    e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    check_close(
        student.softmax_fused(x),
        (e / e.sum(1, keepdims=True)).astype(np.float32),
        what="softmax_fused([[0, 1, 2], [1e5, 1e5, -1e5], [-inf, 3, 3]])",
        help="Subtract the largest entry of the row first. fastmath=True lets the compiler believe "
        "that no entry is infinite: leave out ninf and nnan.",
        **FEW,
    )


def test_layernorm_small(student):
    """layernorm_fused centres and scales each row"""
    x = np.array([[1, 2, 3, 6], [0, 0, 4, 4]], np.float32)
    gamma, beta = np.array([1, 2, 1, 1], np.float32), np.array([0, 0, 5, 0], np.float32)
    wide = x.astype(np.float64)
    centred = wide - wide.mean(1, keepdims=True)
    var = (centred**2).mean(1, keepdims=True)
    unbiased = (centred / np.sqrt(var * 4 / 3 + 0.5) * gamma + beta).astype(np.float32)
    check_close(
        student.layernorm_fused(x, gamma, beta, 0.5),
        (centred / np.sqrt(var + 0.5) * gamma + beta).astype(np.float32),
        what="layernorm_fused of two rows",
        help="The mean of the first row is 3, its variance 14 / 4; eps = 0.5 is added to that.",
        diagnoses={"the variance is divided by K - 1": unbiased},
        **FEW,
    )


def test_conv_small(student):
    """conv2d_direct slides a filter over a padded image"""
    x = np.arange(1, 10, dtype=np.float32).reshape(1, 1, 3, 3)
    w = np.array([[1, 0], [0, -1]], np.float32).reshape(1, 1, 2, 2)
    check_close(
        student.conv2d_direct(x, w, 0),
        np.full((1, 1, 2, 2), -4, np.float32),
        what="conv2d_direct of 1 .. 9 with [[1, 0], [0, -1]]",
        help="A cross-correlation: the filter is not turned round.",
        diagnoses={"the filter is turned round": np.full((1, 1, 2, 2), 4, np.float32)},
        **FEW,
    )
    check_close(
        student.conv2d_direct(x, w, 1),
        np.array([[-1, -2, -3, 0], [-4, -4, -4, 3], [-7, -4, -4, 6], [0, 7, 8, 9]], np.float32)[
            None, None
        ],
        what="the same with padding = 1",
        help="Rows and columns of zeros all round: the result is 4 x 4.",
        **FEW,
    )
    x, w = drawn((2, 3, 5, 6), (5, 3, 3, 2))
    taps = [(i, j) for i in range(3) for j in range(2)]
    want = sum(
        np.einsum("nchw,oc->nohw", x[:, :, i : i + 3, j : j + 5].astype(np.float64), w[:, :, i, j])
        for i, j in taps
    )
    check_close(
        student.conv2d_direct(x, w, 0),
        want.astype(np.float32),
        what="conv2d_direct of (2, 3, 5, 6) with five filters (3, 3, 2)",
        help="Every filter reads every channel.",
        **FEW,
    )
