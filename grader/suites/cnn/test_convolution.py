"""Hidden checks of im2col, col2im, conv2d and conv2d_backward."""

import numpy as np

from grader.check import check_raises
from grader.suites.cnn.oracles import (
    DTYPES,
    Form,
    check_many,
    check_values,
    col2im,
    conv,
    conv_gradients,
    flipped,
    im2col,
    out_size,
)

# (N, C, H, W, kh, kw); sides that differ show axes that were swapped.
PLAIN = ((1, 1, 1, 1, 1, 1), (2, 3, 5, 4, 3, 2), (3, 2, 4, 7, 1, 3), (1, 4, 9, 6, 4, 6))
SPACED = (
    (2, 3, 7, 8, 3, 2, Form(2, 0, 1)),
    (1, 2, 6, 5, 3, 3, Form(1, 2, 1)),
    (2, 2, 9, 8, 3, 2, Form(1, 0, 2)),
    (2, 1, 8, 10, 3, 2, Form(3, 2, 2)),
    (1, 3, 5, 5, 2, 2, Form(3, 1, 1)),
)
# (N, C, H, W, O, kh, kw, form)
GROUPED = (
    (2, 4, 5, 6, 6, 3, 2, Form(1, 1, 1, 2)),
    (1, 6, 6, 5, 3, 2, 3, Form(2, 0, 1, 3)),
    (2, 3, 5, 4, 3, 3, 3, Form(1, 1, 1, 3)),
    (1, 2, 7, 7, 8, 2, 2, Form(1, 0, 2, 2)),
)


def named(form):
    return f"stride={form.stride}, padding={form.padding}, dilation={form.dilation}"


def drawn(rng, dtype, *shape):
    return rng.standard_normal(shape).astype(dtype)


# ---- im2col and col2im ----------------------------------------------------------------------------
def check_im2col(student, rng, dtype, n, c, h, w, kh, kw, form):
    x = drawn(rng, dtype, n, c, h, w)
    want = im2col(x, kh, kw, form)
    per_window = want.reshape(-1, c, kh, kw)
    swapped = want.reshape(n, -1, c * kh * kw).transpose(1, 0, 2).reshape(want.shape)
    check_values(
        student.im2col(x, kh, kw, form.stride, form.padding, form.dilation),
        want,
        dtype,
        what=f"im2col of x {x.shape} with a {kh} x {kw} kernel, {named(form)}",
        help="Row (n, i, j), column (c, u, v): x_padded[n, c, i stride + u dilation, "
        "j stride + v dilation].",
        diagnoses={
            "the columns are in the order (u, v, c): the channel comes first": (
                per_window.transpose(0, 2, 3, 1).reshape(want.shape)
            ),
            "the columns are in the order (c, v, u): rows of the kernel come before columns": (
                per_window.transpose(0, 1, 3, 2).reshape(want.shape)
            ),
            "the rows are in the order (i, j, n): the image comes first": swapped,
        }
        if want.size > 1
        else None,
    )


def test_im2col_values(student, rng):
    """im2col: rows (n, i, j), columns (c, u, v), for kernels of any shape"""
    for dtype in DTYPES:
        for n, c, h, w, kh, kw in PLAIN:
            check_im2col(student, rng, dtype, n, c, h, w, kh, kw, Form())


def test_im2col_spaced(student, rng):
    """im2col: stride, padding and dilation, alone and together"""
    for dtype in DTYPES:
        for n, c, h, w, kh, kw, form in SPACED:
            check_im2col(student, rng, dtype, n, c, h, w, kh, kw, form)


def test_col2im_values(student, rng):
    """col2im: every entry is added to its pixel, what fell on padding is dropped"""
    for dtype in DTYPES:
        cases = [(*case, Form()) for case in PLAIN] + list(SPACED)
        for n, c, h, w, kh, kw, form in cases:
            rows = n * out_size(h, kh, form) * out_size(w, kw, form)
            cols = drawn(rng, dtype, rows, c * kh * kw)
            shape = (n, c, h, w)
            want = col2im(cols, shape, kh, kw, form)
            check_values(
                student.col2im(cols, shape, kh, kw, form.stride, form.padding, form.dilation),
                want,
                dtype,
                terms=kh * kw,
                scale=float(np.abs(cols).max()),
                what=f"col2im into {shape} with a {kh} x {kw} kernel, {named(form)}",
                help="A pixel lies in several windows: add up all its copies. x_shape is that of x "
                "before padding.",
                diagnoses={
                    "the last window that covers a pixel wins: add instead of writing": col2im(
                        cols, shape, kh, kw, form, "overwrite"
                    )
                }
                if not np.array_equal(col2im(cols, shape, kh, kw, form, "overwrite"), want)
                else None,
            )


# ---- forward --------------------------------------------------------------------------------------
def check_conv(student, rng, dtype, x, w, b, form):
    want = conv(x, w, b, form)
    diagnoses = {}
    if w.shape[2] * w.shape[3] > 1:
        diagnoses["the kernel is flipped: the course does not"] = conv(x, flipped(w), b, form)
    if b is not None:
        diagnoses["the bias is missing"] = conv(x, w, None, form)
    check_values(
        student.conv2d(x, w, b, *form),
        want,
        dtype,
        terms=w[0].size,
        scale=float(conv(np.abs(x), np.abs(w), b if b is None else np.abs(b), form).max()),
        what=f"conv2d of x {x.shape} and w {w.shape}, {named(form)}, groups={form.groups}",
        help="im2col, one product with the filters as columns, back to (N, O, Ho, Wo).",
        diagnoses=diagnoses,
    )


def test_conv2d_values(student, rng):
    """conv2d: any sizes, rectangular kernels, with and without a bias"""
    for dtype in DTYPES:
        for n, c, h, w, kh, kw in PLAIN:
            o = int(rng.integers(1, 6))
            x, filters = drawn(rng, dtype, n, c, h, w), drawn(rng, dtype, o, c, kh, kw)
            check_conv(student, rng, dtype, x, filters, drawn(rng, dtype, o), Form())
            check_conv(student, rng, dtype, x, filters, None, Form())


def test_conv2d_spaced(student, rng):
    """conv2d: stride, padding and dilation, alone and together"""
    for dtype in DTYPES:
        for n, c, h, w, kh, kw, form in SPACED:
            o = int(rng.integers(2, 6))
            x, filters = drawn(rng, dtype, n, c, h, w), drawn(rng, dtype, o, c, kh, kw)
            check_conv(student, rng, dtype, x, filters, drawn(rng, dtype, o), form)


def test_conv2d_groups(student, rng):
    """conv2d: groups do not see each other's channels, down to one channel each"""
    for dtype in DTYPES:
        for n, c, h, w, o, kh, kw, form in GROUPED:
            x = drawn(rng, dtype, n, c, h, w)
            filters = drawn(rng, dtype, o, c // form.groups, kh, kw)
            check_conv(student, rng, dtype, x, filters, drawn(rng, dtype, o), form)


# ---- backward -------------------------------------------------------------------------------------
def gradients(student, rng, dtype, case):
    """(got, want, sizes of what was added up, g, x, w, form) of one backward pass."""
    n, c, h, w, o, kh, kw, form = case
    x, filters = drawn(rng, dtype, n, c, h, w), drawn(rng, dtype, o, c // form.groups, kh, kw)
    g = drawn(rng, dtype, n, o, out_size(h, kh, form), out_size(w, kw, form))
    got = check_many(student.conv2d_backward(g, x, filters, *form), 3, "conv2d_backward")
    sizes = conv_gradients(np.abs(g), np.abs(x), np.abs(filters), form)
    want = conv_gradients(g, x, filters, form)
    return got, want, [float(size.max()) for size in sizes], g, x, filters, form


def dense(rng):
    plain = [(*case[:4], int(rng.integers(1, 5)), *case[4:], Form()) for case in PLAIN]
    return plain + [(*case[:4], int(rng.integers(1, 5)), *case[4:]) for case in SPACED]


def test_input_gradient(student, rng):
    """conv2d_backward: dx, where windows overlap, leave gaps, and reach over the border"""
    for dtype in DTYPES:
        for case in dense(rng):
            got, want, sizes, g, x, w, form = gradients(student, rng, dtype, case)
            wrong = conv_gradients(g, x, flipped(w), form)[0]
            check_values(
                got[0],
                want[0],
                dtype,
                terms=w[:, 0].size,
                scale=sizes[0],
                what=f"dx for x {x.shape} and w {w.shape}, {named(form)}",
                help="g spread over the filters, then col2im: the same roads, backwards.",
                diagnoses={"the kernel is flipped: col2im turns it by itself": wrong}
                if w.shape[2] * w.shape[3] > 1
                else None,
            )


def test_weight_gradient(student, rng):
    """conv2d_backward: dw sums over images and pixels"""
    for dtype in DTYPES:
        for case in dense(rng):
            got, want, sizes, g, x, w, form = gradients(student, rng, dtype, case)
            wrong = {"the kernel's axes are flipped": flipped(want[1])}
            if len(x) > 1:
                wrong["it is a mean over the batch: the loss has its own 1/N"] = want[1] / len(x)
            check_values(
                got[1],
                want[1],
                dtype,
                terms=g[:, 0].size,
                scale=sizes[1],
                what=f"dw for x {x.shape} and w {w.shape}, {named(form)}",
                help="The product rule of stage 02: the columns, transposed, times g.",
                diagnoses=wrong if w.shape[2] * w.shape[3] > 1 else None,
            )


def test_bias_gradient(student, rng):
    """conv2d_backward: db sums over images and pixels, one number a filter"""
    for dtype in DTYPES:
        for case in dense(rng):
            got, want, sizes, g, x, _, _ = gradients(student, rng, dtype, case)
            pixels = g[0, 0].size
            wrong = {}
            if pixels > 1 and len(x) > 1:
                wrong = {
                    "it is a mean over the pixels: sum them": want[2] / pixels,
                    "it is a mean over everything: sum": want[2] / (pixels * len(x)),
                    "it is a mean over the batch: sum": want[2] / len(x),
                }
            check_values(
                got[2],
                want[2],
                dtype,
                terms=g[:, 0].size,
                scale=sizes[2],
                what=f"db for g {g.shape}",
                help="The bias of a filter is added at every pixel of every image.",
                diagnoses=wrong,
            )


def test_group_gradients(student, rng):
    """conv2d_backward: dx, dw and db with groups"""
    for dtype in DTYPES:
        for case in GROUPED:
            got, want, sizes, g, x, w, form = gradients(student, rng, dtype, case)
            for found, right, size, name in zip(got, want, sizes, ("dx", "dw", "db"), strict=True):
                check_values(
                    found,
                    right,
                    dtype,
                    terms=g[:, 0].size + w[:, 0].size,
                    scale=size,
                    what=f"{name} for x {x.shape} and w {w.shape}, {named(form)}, "
                    f"groups={form.groups}",
                    help="Each group is a convolution of its own, on its own channels.",
                )


# ---- errors ---------------------------------------------------------------------------------------
def test_arguments_checked(student, rng):
    """conv2d: ranks, channels, groups and kernels that do not fit raise ValueError"""
    n = int(rng.integers(1, 4))
    x, w = rng.standard_normal((n, 4, 5, 6)), rng.standard_normal((6, 4, 3, 3))
    narrow = np.ascontiguousarray(w[:, :2])
    for what, arguments in (
        ("an image without a batch", (x[0], w)),
        ("a filter without its channels", (x, w[:, 0])),
        ("x of 4 channels and w of 3", (x, np.ascontiguousarray(w[:, :3]))),
        ("x of 4 channels and w of 4 in two groups", (x, w, None, 1, 0, 1, 2)),
        ("5 filters in two groups", (x, np.ascontiguousarray(narrow[:5]), None, 1, 0, 1, 2)),
        ("a kernel larger than the image", (x[:, :, :2], w)),
        ("a kernel that dilation makes too large", (x, w, None, 1, 0, 3)),
    ):
        check_raises(
            ValueError,
            student.conv2d,
            *arguments,
            what=f"conv2d of {what}",
            help="Look at the shapes first: as_strided and reshape make nonsense of wrong ones.",
        )
