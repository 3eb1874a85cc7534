"""Hidden checks of laws, of training, of hygiene and of speed."""

import numpy as np

from grader.check import (
    check_array,
    check_close,
    check_equal,
    check_number,
    check_unchanged,
    fail,
    tolerance,
)
from grader.suites.cnn.oracles import (
    DTYPES,
    Form,
    check_many,
    check_values,
    conv,
    conv_gradients,
    out_size,
)
from grader.suites.cnn.programs import FRESH, GLOBAL_STATE, KEPT, LAYER, SLOPE, SPEED, TRAIN
from reference import data


def seed_of(rng):
    return int(rng.integers(1 << 40))


# ---- laws -----------------------------------------------------------------------------------------
def test_col2im_adjoint(student, rng):
    """<col2im(c), x> = <c, im2col(x)> for every c and x"""
    for form, kh, kw in ((Form(1, 1, 1), 3, 3), (Form(2, 1, 2), 3, 2), (Form(3, 0, 1), 2, 4)):
        shape = (int(rng.integers(1, 4)), 2, 9, 8)
        x = rng.standard_normal(shape)
        rows = shape[0] * out_size(9, kh, form) * out_size(8, kw, form)
        cols = rng.standard_normal((rows, 2 * kh * kw))
        options = (form.stride, form.padding, form.dilation)
        wide = student.im2col(x, kh, kw, *options)
        back = student.col2im(cols, shape, kh, kw, *options)
        check_array(wide, cols.shape, np.float64, what="im2col(x)")
        check_array(back, shape, np.float64, what="col2im(c)")
        check_number(
            float((back * x).sum()),
            float((cols * wide).sum()),
            what="<col2im(c), x>, which should be <c, im2col(x)>,",
            rtol=1e-9,
            atol=1e-9 * cols.size,
            help="im2col copies pixels; its adjoint adds every copy back to where it came from.",
        )


def test_conv2d_linear(student, rng):
    """conv2d is linear in x and in w, call after call"""
    form, shape = Form(2, 1, 1, 2), (6, 2, 3, 3)
    x, other = rng.standard_normal((2, 2, 4, 7, 6))
    w, change = rng.standard_normal((2, *shape))
    a = float(rng.uniform(0.5, 2))
    first = student.conv2d(x, w, None, *form)
    for what, got, parts in (
        ("x", student.conv2d(a * x + other, w, None, *form), student.conv2d(other, w, None, *form)),
        (
            "w",
            student.conv2d(x, a * w + change, None, *form),
            student.conv2d(x, change, None, *form),
        ),
    ):
        for part in (first, parts):
            check_array(part, (2, 6, 4, 3), np.float64, what="conv2d(x, w)")
        check_close(
            got,
            a * first + parts,
            what=f"conv2d of a combination of two {what}",
            rtol=1e-10,
            atol=1e-10,
            help="Each output is a sum of products of an x and a w. If each call alone is right, "
            "something of an earlier call lives on.",
        )


def test_translation(student, rng):
    """shifting a circular image shifts its convolution"""
    k = int(rng.integers(2, 5))
    x, w = rng.standard_normal((2, 3, 8, 9)), rng.standard_normal((4, 3, k, k))
    shift = int(rng.integers(1, 8)), int(rng.integers(1, 9))

    def circular(image):
        wide = np.pad(image, ((0, 0), (0, 0), (0, k - 1), (0, k - 1)), mode="wrap")
        y = student.conv2d(wide, w)
        check_array(y, (2, 4, 8, 9), np.float64, what="conv2d(x, w)")
        return y

    plain, moved = circular(x), circular(np.roll(x, shift, (2, 3)))
    check_close(
        moved,
        np.roll(plain, shift, (2, 3)),
        what="conv2d of an image that was shifted around",
        rtol=1e-10,
        atol=1e-10,
        help="Every pixel is treated alike: the same filter everywhere.",
    )


def test_banded_matrix(student, rng):
    """a (1, k) kernel is a banded matrix, and its gradient the transposed one"""
    width, k = int(rng.integers(6, 12)), int(rng.integers(2, 5))
    w = rng.standard_normal(k)
    band = np.zeros((width - k + 1, width))
    for i in range(width - k + 1):
        band[i, i : i + k] = w
    x, g = rng.standard_normal((3, 1, 2, width)), rng.standard_normal((3, 1, 2, width - k + 1))
    kernel = w.reshape(1, 1, 1, k)
    check_values(
        student.conv2d(x, kernel),
        x @ band.T,
        np.float64,
        terms=k,
        scale=10.0,
        what="conv2d with a (1, k) kernel",
        help="Row i of the matrix holds the kernel from column i on, in its own order.",
        diagnoses={"the kernel is flipped: this course does not": x @ band[::-1, ::-1].T},
    )
    dx, _, _ = check_many(student.conv2d_backward(g, x, kernel), 3, "conv2d_backward")
    check_values(
        dx,
        g @ band,
        np.float64,
        terms=k,
        scale=10.0,
        what="dx with a (1, k) kernel",
        help="The gradient of A x for x is A transposed times g.",
    )


def test_gradient_directional(student, rng):
    """the gradients of a whole LeNet agree with finite differences"""
    args, step, seed = (5, 2), 1e-6, seed_of(rng)
    x, g = rng.standard_normal((3, 2, 28, 28)), rng.standard_normal((3, 5))
    fresh = student.probe(FRESH, name="LeNet", args=args, seed=seed)["params"]
    ways = [rng.standard_normal(p.shape) / max(1, p[0].size) ** 0.5 for p in fresh]
    found = student.probe(SLOPE, args=args, seed=seed, x=x, g=g, ways=ways, step=step)
    high, low, _ = found["values"]
    total = 0.0
    for grad, way in zip(found["grads"], ways, strict=True):
        check_array(grad, way.shape, np.float64, what="the gradient of a parameter of LeNet")
        total += float((grad * way).sum())
    check_number(
        total,
        (high - low) / (2 * step),
        what="the slope of the logits along a direction of all parameters",
        rtol=1e-3,
        atol=1e-3,
        help="A `.data` in a forward cuts the graph: what is behind it has no gradient.",
    )


def test_seeds_decide(student, rng):
    """the same seed gives the same weights, another seed others"""
    seed = seed_of(rng)
    for name, args in (
        ("Conv2d", (3, 4, 3)),
        ("DepthwiseSeparableConv2d", (3, 4, 3)),
        ("ResidualBlock", (3, 4)),
        ("LeNet", (10, 1)),
    ):
        first, again, other = (
            student.probe(FRESH, name=name, args=args, seed=s)["params"]
            for s in (seed, seed, seed + (1 << 41))
        )
        for i, (a, b, c) in enumerate(zip(first, again, other, strict=True)):
            if not np.array_equal(a, b):
                fail(
                    f"{name} gives two results for one seed: parameter {i} of shape {a.shape}.",
                    help="One generator for the whole model, handed on to every part.",
                )
            if a.ndim > 1 and np.array_equal(a, c):
                fail(f"{name} gives one result for two seeds.", help="Draw from rng.")


# ---- training: scored on digits whose labels never enter the worker ----------------------------------
ROWS, BATCH, EPOCHS, RATE = 200, 10, 2, 0.003


def enlarged(X, corner):
    """Digits of 8 x 8 as images of 28 x 28: each pixel three times as wide, zeros around."""
    top, left = corner
    large = np.kron(X.reshape(-1, 1, 8, 8), np.ones((1, 1, 3, 3), np.float32))
    widths = ((0, 0), (0, 0), (top, 4 - top), (left, 4 - left))
    return np.pad(large, widths).astype(np.float32)


def test_learns_digits(student, rng):
    """LeNet reads handwritten digits after 40 steps"""
    X, y, X_test, y_test = data.digits()
    chosen, corner = rng.permutation(len(X))[:ROWS], rng.integers(1, 4, 2)
    gain = np.float32(rng.uniform(0.8, 1.2))
    logits = student.probe(
        TRAIN,
        X=gain * enlarged(X[chosen], corner),
        y=y[chosen],
        X_test=gain * enlarged(X_test[:150], corner),
        batch=BATCH,
        epochs=EPOCHS,
        lr=RATE,
        seed=seed_of(rng),
    )
    check_array(logits, (150, 10), np.float32, what="the logits of LeNet")
    error = float((logits.argmax(axis=1) != y_test[:150]).mean())
    if not error < 0.5:
        fail(
            f"after {EPOCHS} epochs of {ROWS} digits {error:.1%} of unseen ones are wrong; below "
            "50 % is within easy reach.",
            help="If every layer passes alone, look at what happens from one call to the next.",
        )


# ---- hygiene ----------------------------------------------------------------------------------------
def calls(rng, dtype):
    """One call of every function: its name, arrays and other arguments."""

    def drawn(*shape):
        return rng.standard_normal(shape).astype(dtype)

    x, w, b, g = drawn(2, 4, 6, 5), drawn(6, 2, 3, 3), drawn(6), drawn(2, 6, 6, 5)
    form = (1, 1, 1, 2)
    return (
        ("im2col", (x,), (3, 2, 1, 1)),
        ("im2col", (x,), (1, 1)),
        ("col2im", (drawn(24, 16),), ((2, 4, 4, 5), 2, 2)),
        ("conv2d", (x, w, b), form),
        ("conv2d_backward", (g, x, w), form),
        ("max_pool2d", (x,), (2,)),
        ("avg_pool2d", (x,), (2,)),
        ("max_pool2d_backward", (drawn(2, 4, 3, 2), x), (2,)),
        ("avg_pool2d_backward", (drawn(2, 4, 3, 2), x), (2,)),
    )


def test_inputs_unchanged(student, rng):
    """no function and no layer changes what it was given"""
    for name, arrays, others in calls(rng, np.float64):
        done = student.invoke(name, (*arrays, *others), read=tuple(range(len(arrays))))
        for place, (after, before) in enumerate(zip(done.read, arrays, strict=True)):
            check_unchanged(after, before, what=f"argument {place} of {name}")
    x, wide = (rng.standard_normal((2, 2, n, n)).astype(np.float32) for n in (6, 28))
    check_equal(
        student.probe(KEPT, x=x, wide=wide),
        [],
        what="the layers that changed their input",
        help="`x.data -= ...` changes the caller's array: make a new one.",
    )


def test_dtype_kept(student, rng):
    """every function and layer returns the dtype that it was given"""
    for dtype in DTYPES:
        for name, arrays, others in calls(rng, dtype):
            got = student.call(name, *arrays, *others)
            for i, part in enumerate(got if type(got) in (tuple, list) else (got,)):
                shape = part.shape if type(part) is np.ndarray else ()
                check_array(part, shape, dtype, what=f"result {i} of {name}")
    x = rng.standard_normal((2, 2, 6, 5)).astype(np.float64)
    affine = {"weight": np.ones(2), "bias": np.zeros(2)}
    for training in (True, False):
        found = student.probe(
            LAYER, name="BatchNorm2d", args=(2,), values=affine, x=x, g=x, training=training
        )
        for key in ("y", "dx", "d weight", "d bias"):
            shape = x.shape if key in ("y", "dx") else (2,)
            check_array(found.get(key), shape, np.float64, what=f"{key} of BatchNorm2d")


def test_random_state_kept(student, rng):
    """nothing touches NumPy's global random state"""
    x = rng.standard_normal((1, 2, 28, 28)).astype(np.float32)
    if student.probe(GLOBAL_STATE, x=x, seed=int(rng.integers(1 << 31))) is not True:
        fail(
            "the state of np.random is another one after a model was made and called.",
            help="Randomness comes from the generator that is given, or from a fresh default_rng().",
        )


# ---- performance ------------------------------------------------------------------------------------
def compare(bench, rng, shape, filters, groups):
    n, c, h, w = shape
    x = rng.standard_normal(shape).astype(np.float32)
    g = rng.standard_normal((n, filters, h, w)).astype(np.float32)

    def release(rng):
        weight = rng.standard_normal((filters, c // groups, 3, 3)).astype(np.float32)
        return np.float32(rng.uniform(0.5, 2)), weight, rng.standard_normal(filters, np.float32)

    def arguments(staged, released):
        gain, weight, b = released
        return (*staged, float(gain), weight, b, groups)

    def check(released, result, read):
        gain, weight, b = released
        # Two images are enough to see whether the timed call was the whole convolution.
        y, dx, dw, db = check_many(result, 4, "the timed call")
        few, form = x[:: n - 1] * gain, Form(1, 1, 1, groups)
        room = tolerance(np.dtype(np.float32), n * h * w)
        dx_want, _, _ = conv_gradients(g[:: n - 1], few, weight, form)
        check_array(dw, weight.shape, np.float32, what="dw")
        for got, want, what, size in (
            (y, conv(few, weight, b, form), "y", 30.0),
            (dx, dx_want, "dx", 30.0),
            (db, g.sum((0, 2, 3), dtype=np.float64), "db", 100.0),
        ):
            check_close(got, want.astype(np.float32), what=what, rtol=0.0, atol=room * size)
        across = float((x[:, 0].astype(np.float64) * g[:, 0]).sum()) * float(gain)
        if abs(float(dw[0, 0, 1, 1]) - across) > room * n * h * w:
            fail("dw of the timed call is wrong.")

    bench.compare(
        "conv2d_backward",
        staged=(x, g),
        release=release,
        arguments=arguments,
        program=SPEED,
        check=check,
    )


def test_dense_speed(bench, rng):
    """conv2d and its gradients at (32, 16, 32, 32) -> 32 take no longer than the course's own"""
    compare(bench, rng, (32, 16, 32, 32), 32, 1)


def test_depthwise_speed(bench, rng):
    """64 groups of one channel, forward and backward, take no longer than the course's own"""
    compare(bench, rng, (32, 64, 16, 16), 64, 64)
