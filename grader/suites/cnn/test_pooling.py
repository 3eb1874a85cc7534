"""Hidden checks of max and average pooling."""

import numpy as np

from grader.suites.cnn.oracles import (
    DTYPES,
    avg_pool_gradient,
    check_values,
    max_pool_gradient,
    pool,
)

# (shape of x, k, stride): whole windows, incomplete ones, overlaps, gaps, sides of one pixel.
CASES = (
    ((2, 3, 6, 4), 2, None),
    ((1, 2, 7, 5), 2, 2),
    ((2, 1, 6, 7), 3, 1),
    ((1, 3, 8, 9), 3, 2),
    ((2, 2, 7, 6), 2, 3),
    ((1, 1, 1, 1), 1, None),
    ((2, 2, 4, 5), 1, 2),
)


def spread(rng, shape, dtype):
    """Entries of which no two are nearly equal, in any order."""
    size = int(np.prod(shape))
    return ((rng.permutation(size) - size // 2) / 7).reshape(shape).astype(dtype)


def steps(k, stride):
    return k if stride is None else stride


def called(name, shape, k, stride):
    return f"{name} of x {shape} with k={k}, stride={stride}"


def test_max_pool_values(student, rng):
    """max_pool2d: any k and stride, incomplete windows dropped, all numbers negative too"""
    for dtype in DTYPES:
        for shape, k, stride in CASES:
            for shift in (0.0, -1000.0):
                x = spread(rng, shape, dtype) + dtype(shift)
                check_values(
                    student.max_pool2d(x, k, stride),
                    pool(x, k, steps(k, stride), np.max),
                    dtype,
                    what=called("max_pool2d", shape, k, stride),
                    help="Windows start every `stride` pixels; None means k. No padding: a maximum "
                    "with zeros around would be 0 where all numbers are negative.",
                )


def test_max_pool_gradient(student, rng):
    """max_pool2d_backward: g goes to each maximum, and adds up where windows overlap"""
    for dtype in DTYPES:
        for shape, k, stride in CASES:
            x, s = spread(rng, shape, dtype), steps(k, stride)
            g = rng.standard_normal(pool(x, k, s, np.max).shape).astype(dtype)
            want = max_pool_gradient(g, x, k, s)
            over = max_pool_gradient(g, x, k, s, "overwrite")
            check_values(
                student.max_pool2d_backward(g, x, k, stride),
                want,
                dtype,
                terms=k * k,
                scale=float(np.abs(g).max()),
                what=called("max_pool2d_backward", shape, k, stride),
                help="dx is 0 but where a window has its maximum.",
                diagnoses={}
                if np.array_equal(over, want)
                else {"a pixel in two windows gets both parts: add instead of writing": over},
            )


def test_max_pool_ties(student, rng):
    """max_pool2d_backward: of equal maxima the first, row by row, has all of g"""
    for dtype in DTYPES:
        for shape, k, stride in CASES[:5]:
            x, s = rng.integers(0, 2, shape).astype(dtype), steps(k, stride)
            x[:, :, :3, :3] = 1
            g = rng.standard_normal(pool(x, k, s, np.max).shape).astype(dtype)
            check_values(
                student.max_pool2d_backward(g, x, k, stride),
                max_pool_gradient(g, x, k, s),
                dtype,
                terms=k * k,
                scale=float(np.abs(g).max()),
                what=called("max_pool2d_backward", shape, k, stride) + ", with equal entries",
                help="argmax of a flat window gives the first.",
                diagnoses={
                    "equal maxima share g: the first gets all of it": max_pool_gradient(
                        g, x, k, s, "shared"
                    ),
                    "every maximum gets all of g: only the first does": max_pool_gradient(
                        g, x, k, s, "all"
                    ),
                    "the last maximum gets g: it is the first": max_pool_gradient(
                        g, x, k, s, "last"
                    ),
                },
            )


def test_avg_pool_values(student, rng):
    """avg_pool2d: the mean of each window"""
    for dtype in DTYPES:
        for shape, k, stride in CASES:
            x = rng.standard_normal(shape).astype(dtype)
            want = pool(x, k, steps(k, stride), np.mean)
            check_values(
                student.avg_pool2d(x, k, stride),
                want,
                dtype,
                terms=k * k,
                scale=float(np.abs(x).max()),
                what=called("avg_pool2d", shape, k, stride),
                help="Windows start every `stride` pixels; divide by all k k entries.",
                diagnoses={"this is the sum: divide by k k": k * k * want} if k > 1 else None,
            )


def test_avg_pool_gradient(student, rng):
    """avg_pool2d_backward: every entry of a window has an equal part"""
    for dtype in DTYPES:
        for shape, k, stride in CASES:
            x, s = rng.standard_normal(shape).astype(dtype), steps(k, stride)
            g = rng.standard_normal(pool(x, k, s, np.mean).shape).astype(dtype)
            want = avg_pool_gradient(g, x, k, s)
            check_values(
                student.avg_pool2d_backward(g, x, k, stride),
                want,
                dtype,
                terms=k * k,
                scale=float(np.abs(g).max()),
                what=called("avg_pool2d_backward", shape, k, stride),
                help="Each of the k k entries moved the mean by 1 / (k k).",
                diagnoses={
                    "each entry has all of g: divide by k k": k * k * want,
                    "divide by k k, not by k": k * want,
                }
                if k > 1
                else None,
            )
