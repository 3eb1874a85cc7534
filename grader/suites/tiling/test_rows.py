"""Hidden checks of fused rows, images and sums: values, extremes, layouts, memory, manners."""

import numpy as np

from grader.check import check_close, check_raises, fail
from grader.errors import MachineLacks
from grader.suites.tiling.oracles import FEW, check_manners, conv, drawn, layernorm, softmax
from grader.suites.tiling.programs import LAID, PEAK

WIDTHS = ((1, 1), (1, 5), (3, 2), (4, 16), (7, 33), (5, 64), (2, 1000), (65, 130))
# Compiled while the products are checked; see grader/ahead.py.
X, K = np.ones((2, 4), np.float32), np.ones(4, np.float32)
AHEAD = [
    ("softmax_fused", X),
    ("layernorm_fused", X, K, K, 0.5),
    ("conv2d_direct", X.reshape(1, 1, 2, 4), K.reshape(1, 1, 2, 2), 0),
    ("vecadd", X, X),
]

IMAGES = (  # (N, C, H, W), (O, kh, kw), padding
    ((1, 1, 1, 1), (1, 1, 1), 0),
    ((2, 3, 5, 6), (4, 3, 3), 1),
    ((1, 2, 7, 4), (5, 3, 2), 0),
    ((3, 4, 4, 9), (3, 1, 5), 2),
    ((1, 5, 6, 5), (7, 5, 1), 3),
    ((2, 8, 40, 33), (8, 3, 3), 1),
    ((1, 6, 3, 70), (9, 2, 4), 1),
)


def test_softmax_values(student, rng):
    """softmax_fused: rows of every width"""
    for shape in WIDTHS:
        x = 3 * drawn(rng, shape)[0] + np.float32(rng.normal(0, 20))
        check_close(
            student.softmax_fused(x),
            softmax(x),
            what=f"softmax_fused of {shape}",
            help="exp(x - max) over its sum, row by row.",
            diagnoses={"the columns are normalised, not the rows": lambda x=x: softmax(x.T).T},
            **FEW,
        )


def test_softmax_extreme(student, rng):
    """softmax_fused: entries of 100,000 and of minus infinity"""
    for width in (3, 16, 50):
        x = drawn(rng, (6, width))[0]
        x[0] *= 1e5
        x[1, 0], x[1, 1:] = 1e5, -1e5
        x[2] += 1e5
        x[3, ::2] = -np.inf
        x[4] -= 1e5
        x[4, width // 2] = -np.inf
        x[5, 1:] = -np.inf
        got = student.softmax_fused(x)
        check_close(
            got,
            softmax(x),
            what="softmax_fused of rows with entries of 1e5, -1e5 and -inf",
            help="Subtract the maximum of the row; exp of -inf is 0. A fastmath with ninf or nnan "
            "lets the compiler assume that there are no infinities.",
            **FEW,
        )


def test_layernorm_values(student, rng):
    """layernorm_fused: rows of every width, means far from 0"""
    for shape in WIDTHS:
        for centre, eps in ((0.0, 1e-5), (300.0, 0.1)):
            x, gamma, beta = drawn(rng, shape, shape[1:], shape[1:])
            x = x + np.float32(centre)
            check_close(
                student.layernorm_fused(x, gamma, beta, eps),
                layernorm(x, gamma, beta, eps),
                what=f"layernorm_fused of {shape} around {centre:g}",
                help="(x - mean) / sqrt(var + eps) * gamma + beta. Far from 0 the mean of squares "
                "less the square of the mean loses its digits: subtract the mean first.",
                diagnoses={
                    "the variance is divided by K - 1": layernorm(x, gamma, beta, eps, spare=1),
                    "eps is added outside of the root": layernorm(x, gamma, beta, eps, root=False),
                },
                rtol=1e-4,
                atol=2e-4 if not centre else 5e-3,
            )


def test_conv_values(student, rng):
    """conv2d_direct: filters, channels and paddings of every kind"""
    for shape, (filters, kh, kw), padding in IMAGES:
        x, w = drawn(rng, shape, (filters, shape[1], kh, kw))
        turned = w[:, :, ::-1, ::-1]
        check_close(
            student.conv2d_direct(x, w, padding),
            conv(x, w, padding),
            what=f"conv2d_direct of {shape} with {w.shape}, padding {padding}",
            help="Every filter reads all channels; outside of the image there are zeros.",
            diagnoses={
                "the filter is turned round": lambda x=x, w=turned, p=padding: conv(x, w, p)
            },
            **FEW,
        )


def test_conv_edges(student, rng):
    """conv2d_direct: filters as large as the image, and larger"""
    for shape, (filters, kh, kw), padding in (
        ((2, 3, 4, 5), (2, 4, 5), 0),
        ((2, 3, 4, 5), (2, 5, 5), 0),
        ((1, 2, 3, 3), (4, 6, 2), 1),
    ):
        x, w = drawn(rng, shape, (filters, shape[1], kh, kw))
        check_close(
            student.conv2d_direct(x, w, padding),
            conv(x, w, padding),
            what=f"conv2d_direct of {shape} with {w.shape}, padding {padding}",
            help="A result may be of size 1, or have no rows at all.",
            **FEW,
        )
    for shape, (kh, kw), padding in (((1, 1, 3, 9), (5, 1), 0), ((1, 1, 9, 2), (1, 6), 1)):
        x, w = drawn(rng, shape, (1, 1, kh, kw))
        check_raises(
            ValueError, student.conv2d_direct, x, w, padding,
            what=f"conv2d_direct of {shape} with {w.shape}, padding {padding}",
            help="A size of the result would be negative.",
        )  # fmt: skip


def test_vecadd_values(student, rng):
    """vecadd: every rank and size, exact"""
    for shape in ((), (0,), (1,), (7,), (1000,), (3, 0, 2), (3, 5), (2, 3, 4), (1, 2, 1, 3, 2)):
        a, b = (np.asarray(part, np.float32) for part in drawn(rng, shape, shape))
        check_close(
            student.vecadd(a, b),
            np.asarray(a + b),
            what=f"vecadd of two arrays of shape {shape}",
            rtol=0.0,
            atol=0.0,
            help="One long row, and the shape again at the end.",
        )


def test_rows_layouts(student, rng):
    """rows, images and sums of transposed and strided arrays"""
    x, gamma, beta = drawn(rng, (9, 21), (21,), (21,))
    image, w = drawn(rng, (2, 3, 6, 7), (5, 3, 3, 2))
    for name, args, want in (
        ("softmax_fused", [x], softmax(x)),
        ("layernorm_fused", [x, gamma, beta, 1e-3], layernorm(x, gamma, beta, 1e-3)),
        ("conv2d_direct", [image, w, 1], conv(image, w, 1)),
        ("vecadd", [image, image], image + image),
    ):
        for layout, said in (("F", "transposed"), ("A", "strided")):
            check_close(
                student.probe(LAID, name=name, args=args, layout=layout),
                want,
                what=f"{name} of {said} arrays",
                help="Copy what is not contiguous once, at the beginning.",
                **FEW,
            )


def test_fused_memory(student, rng):
    """rows and images need no arrays in between"""
    rows, images = (2304, 4096), (6, 16, 320, 320)
    mib = 1 << 20
    slack = 6 * mib  # pages are counted roughly; an array in between has 36
    seed = int(rng.integers(1 << 30))
    for name, shapes, more, out, copy in (
        ("softmax_fused", (rows,), (), rows, rows),
        ("layernorm_fused", (rows, rows[1:], rows[1:]), (1e-5,), rows, rows),
        ("conv2d_direct", (images, (4, 16, 3, 3)), (1,), (6, 4, 320, 320), (6, 16, 322, 322)),
    ):
        found = student.probe(PEAK, name=name, shapes=shapes, more=more, seed=seed, rows=[0, -1])
        if found is None:
            raise MachineLacks("this system does not tell how much memory a call takes.")
        allowed = 4 * (np.prod(out) + np.prod(copy)) + slack
        extra = found["extra"] * 1024
        if extra > allowed:
            fail(
                f"{name} takes {extra / mib:.0f} MiB beside its arguments of "
                f"{4 * np.prod(shapes[0]) / mib:.0f} MiB.",
                help="The result and one copy of the input are all that may be allocated: work row "
                "by row, and for images without im2col.",
            )


def test_rows_manners(student, rng):
    """rows, images and sums: arguments stay, results are new float32 arrays"""
    x, gamma, beta = drawn(rng, (4, 12), (12,), (12,))
    image, w = drawn(rng, (2, 3, 6, 7), (5, 3, 3, 3))
    check_manners(student, "softmax_fused", [x])
    check_manners(student, "layernorm_fused", [x, gamma, beta, 1e-5])
    check_manners(student, "conv2d_direct", [image, w, 0])
    check_manners(student, "conv2d_direct", [image, w, 1])
    check_manners(student, "vecadd", [x, x])
