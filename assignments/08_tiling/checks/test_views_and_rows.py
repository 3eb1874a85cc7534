"""Public checks of views, rows, images and the cost model: numbers that a person can follow."""

import itertools

import numpy as np

from grader.check import check_close, check_equal, check_raises, fail

FEW = {"rtol": 1e-4, "atol": 2e-4}

# Compiled while the checks of the other file run; see grader/ahead.py.
X, K = np.ones((2, 4), np.float32), np.ones(4, np.float32)
AHEAD = [
    ("vecadd", X, X),
    ("compact", K, (2, 2), (1, 2), 0),
    ("softmax_fused", X),
    ("layernorm_fused", X, K, K, 0.5),
    ("conv2d_direct", X.reshape(1, 1, 2, 4), K.reshape(1, 1, 2, 2), 0),
]

SLICE = """
def probe(module, shape, strides, offset, slices):
    return module.slice_view(shape, strides, offset, tuple(slice(*part) for part in slices))
"""


def places(view, what):
    """Where the elements of a view lie, in row-major order."""
    if type(view) is not tuple or len(view) != 3:
        fail(f"{what} is not the tuple (shape, strides, offset).")
    shape, strides, offset = view
    if len(shape) != len(strides):
        fail(f"{what} has {len(shape)} sizes and {len(strides)} strides.")
    return [
        offset + sum(i * s for i, s in zip(index, strides, strict=True))
        for index in itertools.product(*map(range, shape))
    ]


def test_vecadd_small(student):
    """vecadd adds entry by entry, whatever the rank"""
    a = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    check_close(
        student.vecadd(a, 10 * a),
        11 * a,
        what="vecadd(a, 10 a)",
        help="One compiled loop over both as long rows, then the shape of a again.",
    )


def test_transpose_small(student):
    """transpose_view changes numbers, not elements"""
    view = student.transpose_view((2, 3), (3, 1), 0, (1, 0))
    check_equal(tuple(view[0]), (3, 2), what="the shape of the transposed 2 x 3 view")
    check_equal(
        places(view, "the transposed view"),
        [0, 3, 1, 4, 2, 5],
        what="the places of its elements, row by row",
        help="Sizes and strides change places together; the offset stays.",
    )
    view = student.transpose_view((2, 3, 4), (12, 4, 1), 5, (2, 0, 1))
    check_equal(
        (tuple(view[0]), tuple(view[1]), view[2]),
        ((4, 2, 3), (1, 12, 4), 5),
        what="transpose_view((2, 3, 4), (12, 4, 1), 5, (2, 0, 1))",
        help="Axis i of the result is axis axes[i] of the view.",
    )


def test_slice_small(student):
    """slice_view moves the offset and stretches the strides"""
    x = np.arange(20).reshape(4, 5)
    for slices in (
        ((1, 3, None), (None, None, 2)),
        ((None, None, -1), (4, 1, -2)),
        ((-3, -1, None), (-2, None, None)),
    ):
        cut = tuple(slice(*part) for part in slices)
        view = student.probe(SLICE, shape=(4, 5), strides=(5, 1), offset=0, slices=slices)
        shown = ", ".join(":".join("" if n is None else str(n) for n in part) for part in slices)
        check_equal(tuple(view[0]), x[cut].shape, what=f"the shape of x[{shown}] of a 4 x 5 view")
        check_equal(
            places(view, f"x[{shown}]"),
            x[cut].ravel().tolist(),
            what=f"the places of the elements of x[{shown}]",
            help="slice.indices(n) gives start, stop and step without riddles; the offset moves by "
            "start * stride, the stride is multiplied by step.",
        )


def test_broadcast_small(student):
    """broadcast_view repeats with a stride of 0"""
    view = student.broadcast_view((3, 1), (1, 1), 4, (2, 3, 2))
    check_equal(tuple(view[0]), (2, 3, 2), what="the shape of the view")
    check_equal(
        places(view, "the view"),
        [4, 4, 5, 5, 6, 6] * 2,
        what="the places of (3, 1) seen as (2, 3, 2)",
        help="An axis that is repeated has stride 0: walking along it stays where it is.",
    )
    check_raises(
        ValueError,
        student.broadcast_view,
        (3, 2),
        (2, 1),
        0,
        (3, 4),
        what="broadcast_view of (3, 2) to (3, 4)",
        help="Only an axis of size 1 can be repeated.",
    )


def test_compact_small(student):
    """compact writes a view out, element by element"""
    buffer = np.arange(10, 22, dtype=np.float32)
    for shape, strides, offset, want in (
        ((3, 2), (1, 3), 0, [[10, 13], [11, 14], [12, 15]]),
        ((2, 3), (-6, -2), 11, [[21, 19, 17], [15, 13, 11]]),
        ((2, 2), (0, 1), 4, [[14, 15], [14, 15]]),
        ((), (), 7, 17),
    ):
        check_close(
            student.compact(buffer, shape, strides, offset),
            np.array(want, np.float32),
            what=f"compact(buffer, {shape}, {strides}, {offset})",
            help="Element (i, j) of the view lies at offset + i * strides[0] + j * strides[1].",
        )
    check_raises(
        ValueError,
        student.compact,
        buffer,
        (3, 2),
        (5, 1),
        2,
        what="compact of a view whose last element would lie at place 13 of 12",
        help="Work out the lowest and the highest place before you read anything.",
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
    rng = np.random.default_rng(8)
    x, w = (rng.standard_normal(n, np.float32) for n in ((2, 3, 5, 6), (5, 3, 3, 2)))
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


def test_loads_small(student):
    """the cost model at n = 8, by counting"""
    check_equal(student.dram_loads_naive(8), 1024, what="dram_loads_naive(8)", help="2 n^3.")
    for name, args, want, help in (
        (
            "dram_loads_register_tiled",
            (8, 2, 4),
            (128, 256),
            "An element of a serves the v2 columns of a tile, an element of b its v1 rows.",
        ),
        (
            "dram_loads_cache_tiled",
            (8, 4),
            (64, 128),
            "a comes once, n^2; b comes once a strip, and there are n / b1 strips.",
        ),
        (
            "loads_tiled",
            (8, 4, 2, 4),
            (192, 384),
            "From memory what the strips load, together; from the cache what the tiles load.",
        ),
    ):
        found = getattr(student, name)(*args)
        if type(found) is not tuple or len(found) != 2:
            fail(f"{name}{args} is not a pair.", help=help)
        check_equal(tuple(float(v) for v in found), tuple(map(float, want)),
                    what=f"{name}{args}", help=help)  # fmt: skip
