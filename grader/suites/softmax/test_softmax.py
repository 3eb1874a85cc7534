"""Hidden checks of softmax regression. Oracles are formulas in float64 and finite differences."""

import numpy as np

from grader.check import (
    check_array,
    check_close,
    check_equal,
    check_no_warnings,
    check_number,
    check_raises,
    check_unchanged,
    fail,
    tolerance,
)
from reference import data

DTYPES = (np.float32, np.float64)
SHAPES = ((1, 1), (1, 7), (5, 1), (3, 2), (17, 10), (128, 33))
LARGE = 1e5
# Near 1e5 a float32 is only known to 0.004, whichever right formula is used.
EXTREME_TOLERANCE = {np.float32: 2e-2, np.float64: 1e-9}


# ---- oracles ----------------------------------------------------------------------------------
def oracle_logsumexp(Z):
    Z = Z.astype(np.float64)
    return np.logaddexp.reduce(Z, axis=1)


def oracle_softmax(Z):
    return np.exp(Z.astype(np.float64) - oracle_logsumexp(Z)[:, None])


def oracle_losses(Z, y):
    return oracle_logsumexp(Z) - Z.astype(np.float64)[np.arange(len(y)), y]


def oracle_grad(Z, y):
    return (oracle_softmax(Z) - np.eye(Z.shape[1])[y]) / len(y)


def oracle_epoch(X, y, theta, lr, batch):
    theta = theta.astype(np.float64)
    for start in range(0, len(X), batch):
        Xb, yb = X[start : start + batch].astype(np.float64), y[start : start + batch]
        theta = theta - lr * Xb.T @ oracle_grad(Xb @ theta, yb)
    return theta


# ---- inputs -------------------------------------------------------------------------------------
def logits(rng, shape, dtype, scale=3.0):
    return (scale * rng.standard_normal(shape)).astype(dtype)


def labels(rng, shape):
    return rng.integers(0, shape[1], shape[0])


def extremes(rng, dtype):
    """Rows that overflow or cancel in a careless formula, and rows that are constant."""
    Z = rng.uniform(-LARGE, LARGE, (9, 6))
    Z[1], Z[2], Z[3] = LARGE, -LARGE, 0.0
    Z[4] = LARGE + rng.integers(0, 3, 6)
    Z[5] = -LARGE + rng.integers(0, 3, 6)
    return Z.astype(dtype)


def regression(rng, N, n, K, dtype):
    X = rng.standard_normal((N, n)).astype(dtype)
    return X, rng.integers(0, K, N), (0.1 * rng.standard_normal((n, K))).astype(dtype)


# ---- correctness ------------------------------------------------------------------------------
def test_logsumexp_values(student, rng):
    """logsumexp: random logits of any shape, both dtypes"""
    for dtype in DTYPES:
        for shape in SHAPES:
            Z = logits(rng, shape, dtype)
            check_close(
                student.logsumexp(Z),
                oracle_logsumexp(Z).astype(dtype),
                what="logsumexp(Z)",
                terms=shape[1],
                help="One value a row: the logarithm of the sum of the row's exponentials.",
            )


def test_logsumexp_extreme(student, rng):
    """logsumexp: logits of 100,000 and constant rows, without a warning"""
    for dtype in DTYPES:
        Z = extremes(rng, dtype)
        got = student.logsumexp(Z)
        check_close(
            got,
            oracle_logsumexp(Z).astype(dtype),
            what="logsumexp(Z) at |Z| = 1e5",
            atol=EXTREME_TOLERANCE[dtype],
            rtol=tolerance(np.dtype(dtype)),
            help="Take each row's own maximum out before the exponential, and add it again.",
        )
        check_no_warnings(student, what="logsumexp(Z) at |Z| = 1e5")


def test_softmax_values(student, rng):
    """softmax: random logits of any shape, both dtypes"""
    for dtype in DTYPES:
        for shape in SHAPES:
            Z = logits(rng, shape, dtype)
            check_close(
                student.softmax(Z),
                oracle_softmax(Z).astype(dtype),
                what="softmax(Z)",
                terms=shape[1],
                help="Exponentials of a row, divided by their sum along that row.",
            )


def test_softmax_extreme(student, rng):
    """softmax: logits of 100,000 and constant rows, without a warning"""
    for dtype in DTYPES:
        Z = extremes(rng, dtype)
        got = student.softmax(Z)
        check_close(
            got,
            oracle_softmax(Z).astype(dtype),
            what="softmax(Z) at |Z| = 1e5",
            atol=EXTREME_TOLERANCE[dtype],
            rtol=tolerance(np.dtype(dtype)),
            help="Subtract each row's own maximum before the exponential.",
        )
        check_no_warnings(student, what="softmax(Z) at |Z| = 1e5")


def test_minus_infinity(student, rng):
    """logsumexp and softmax: an entry of -inf has probability 0"""
    for dtype in DTYPES:
        Z = logits(rng, (6, 5), dtype)
        Z[rng.random(Z.shape) < 0.4] = -np.inf
        Z[np.arange(6), rng.integers(0, 5, 6)] = rng.standard_normal(6)
        P = np.exp(Z.astype(np.float64))
        total = P.sum(axis=1)
        help = (
            "exp(-inf) is 0: nothing special is needed, as long as -inf - -inf is never computed."
        )
        check_close(
            student.logsumexp(Z),
            np.log(total).astype(dtype),
            what="logsumexp(Z)",
            terms=5,
            help=help,
        )
        check_close(
            student.softmax(Z),
            (P / total[:, None]).astype(dtype),
            what="softmax(Z) with entries of -inf",
            terms=5,
            help=help,
        )


def test_loss_values(student, rng):
    """softmax_loss: random logits and labels, a Python float"""
    for dtype in DTYPES:
        for shape in SHAPES:
            Z, y = logits(rng, shape, dtype), labels(rng, shape)
            losses = oracle_losses(Z, y)
            check_number(
                student.softmax_loss(Z, y),
                float(losses.mean()),
                what="softmax_loss(Z, y)",
                rtol=tolerance(np.dtype(dtype), shape[1]),
                atol=tolerance(np.dtype(dtype), shape[1]) * float(np.abs(Z).max()),
                help="The mean over the batch of logsumexp(row) minus the logit of the label.",
                diagnoses={
                    "this is the sum over the batch: take the mean": float(losses.sum()),
                    "the sign is wrong: the loss is minus the logarithm": float(-losses.mean()),
                },
            )


def test_loss_extreme(student, rng):
    """softmax_loss: finite and right at logits of 100,000"""
    for dtype in DTYPES:
        Z = extremes(rng, dtype)
        y = labels(rng, Z.shape)
        check_number(
            student.softmax_loss(Z, y),
            float(oracle_losses(Z, y).mean()),
            what="softmax_loss(Z, y) at |Z| = 1e5",
            rtol=tolerance(np.dtype(dtype)),
            atol=EXTREME_TOLERANCE[dtype],
            help="log(softmax(Z)) is -inf where a probability rounds to 0; logsumexp is not.",
        )


def test_grad_values(student, rng):
    """softmax_grad: random logits and labels, any batch size"""
    for dtype in DTYPES:
        for shape in SHAPES:
            Z, y = logits(rng, shape, dtype), labels(rng, shape)
            right = oracle_grad(Z, y)
            B = shape[0]
            check_close(
                student.softmax_grad(Z, y),
                right.astype(dtype),
                what="softmax_grad(Z, y)",
                atol=tolerance(np.dtype(dtype), shape[1]) / B,
                terms=shape[1],
                help="(softmax(Z) - one-hot(y)) / B",
                diagnoses={
                    "your gradient is B times too large: divide by the batch": right * B,
                    "your gradient points the other way: probabilities minus one-hot": -right,
                    "the labels are missing: subtract 1 at each row's label": oracle_softmax(Z) / B,
                },
            )


def test_labels_checked(student, rng):
    """softmax_loss and softmax_grad: labels that cannot be raise ValueError"""
    Z = logits(rng, (6, 4), np.float64)
    y = labels(rng, Z.shape)
    place = int(rng.integers(0, 6))
    below, above = y.copy(), y.copy()
    below[place], above[place] = -1, 4
    for name, function in (
        ("softmax_loss", student.softmax_loss),
        ("softmax_grad", student.softmax_grad),
    ):
        for wrong, why in (
            (below, "a label of -1"),
            (above, "a label of K"),
            (y[:-1], "one label too few"),
            (np.append(y, 0), "one label too many"),
        ):
            check_raises(
                ValueError,
                function,
                Z,
                wrong,
                what=f"{name} with {why}",
                help="NumPy counts -1 from the end and repeats a single label: look before you index.",
            )


def test_epoch_values(student, rng):
    """softmax_regression_epoch: several batches in order"""
    for dtype in DTYPES:
        for N, n, K, lr, batch in ((60, 7, 4, 0.5, 20), (12, 3, 2, 0.1, 1), (200, 11, 5, 0.2, 100)):
            X, y, theta = regression(rng, N, n, K, dtype)
            done = student.invoke(
                "softmax_regression_epoch", (X, y, theta), {"lr": lr, "batch": batch}, read=(2,)
            )
            check_equal(done.result, None, what="what softmax_regression_epoch returns")
            check_theta(done.read[0], X, y, theta, lr, batch)
    X, y, theta = regression(rng, 300, 5, 3, np.float64)
    (after,) = student.invoke("softmax_regression_epoch", (X, y, theta), read=(2,)).read
    check_theta(after, X, y, theta, 0.1, 100)


def test_epoch_ragged(student, rng):
    """softmax_regression_epoch: a last batch that is smaller"""
    for dtype in DTYPES:
        for N, batch in ((25, 10), (7, 100), (11, 5)):
            X, y, theta = regression(rng, N, 6, 3, dtype)
            (after,) = student.invoke(
                "softmax_regression_epoch", (X, y, theta), {"lr": 0.4, "batch": batch}, read=(2,)
            ).read
            check_theta(after, X, y, theta, 0.4, batch)


def check_theta(after, X, y, theta, lr, batch):
    want = oracle_epoch(X, y, theta, lr, batch)
    steps = -(-len(X) // batch)
    check_array(after, theta.shape, theta.dtype, what="theta")
    if np.array_equal(after, theta):
        fail(
            "theta is unchanged after softmax_regression_epoch.",
            help="theta is updated in place: write into the array that was given.",
        )
    check_close(
        after,
        want.astype(theta.dtype),
        what="theta after an epoch",
        terms=4 * steps * X.shape[1],
        help="Batches in order, each gradient a mean over the rows of its own batch.",
    )


def test_error_rate(student, rng):
    """classification_error: the share of wrong rows"""
    for dtype in DTYPES:
        for shape in ((1, 2), (40, 10), (333, 7)):
            Z, y = logits(rng, shape, dtype), labels(rng, shape)
            sure = rng.random(shape[0]) < 0.5  # else nearly every row is wrong
            y[sure] = Z.argmax(axis=1)[sure]
            wrong = sum(int(row.argmax() != label) for row, label in zip(Z, y, strict=True))
            check_number(
                student.classification_error(Z, y),
                wrong / len(y),
                what="classification_error(Z, y)",
                help="Wrong rows over all rows.",
                diagnoses={"this is the share of right rows": 1 - wrong / len(y)},
            )


# ---- properties ---------------------------------------------------------------------------------
def test_probabilities(student, rng):
    """rows of softmax are not negative and add up to 1"""
    for dtype in DTYPES:
        for shape in ((1, 1), (31, 9), (64, 1000)):
            P = student.softmax(logits(rng, shape, dtype, scale=8.0))
            check_array(P, shape, dtype, what="softmax(Z)")
            if (P < 0).any():
                fail("softmax(Z) has negative entries.", help="Exponentials are never negative.")
            check_close(
                P.astype(np.float64).sum(axis=1),
                np.ones(shape[0]),
                what="the sum of a row of softmax(Z)",
                rtol=tolerance(np.dtype(dtype), shape[1]),
                help="Divide each row by its own sum.",
            )


def test_shift_invariance(student, rng):
    """adding a constant to a row changes no probability and no loss"""
    Z = rng.integers(-8, 8, (13, 6)).astype(np.float64)
    y = labels(rng, Z.shape)
    shifted = Z + rng.integers(-300, 300, (13, 1))
    check_close(
        student.softmax(shifted),
        oracle_softmax(Z),
        what="softmax(Z + c)",
        rtol=1e-10,
        help="The constant is a common factor of every exponential of the row.",
    )
    check_number(
        student.softmax_loss(shifted, y),
        float(oracle_losses(Z, y).mean()),
        what="softmax_loss(Z + c, y)",
        rtol=1e-9,
        help="The constant appears in logsumexp and in the label's logit, and cancels.",
    )


def test_loss_at_zero(student, rng):
    """the loss of equal logits is log K"""
    for K in (2, 10, int(rng.integers(3, 50))):
        Z = np.full((int(rng.integers(1, 30)), K), rng.uniform(-5, 5))
        check_number(
            student.softmax_loss(Z, labels(rng, Z.shape)),
            float(np.log(K)),
            what=f"softmax_loss of equal logits over {K} classes",
            rtol=1e-9,
            help="Every class has probability 1/K.",
        )


def test_grad_directional(student, rng):
    """the gradient agrees with finite differences along a random direction"""
    for shape in ((1, 3), (8, 5), (40, 10)):
        Z, y = logits(rng, shape, np.float64, scale=1.0), labels(rng, shape)
        V = rng.standard_normal(shape)
        step = 1e-5
        slope = (oracle_losses(Z + step * V, y).mean() - oracle_losses(Z - step * V, y).mean()) / (
            2 * step
        )
        G = student.softmax_grad(Z, y)
        check_array(G, shape, np.float64, what="softmax_grad(Z, y)")
        check_number(
            float((G * V).sum()),
            float(slope),
            what="the slope of the loss along a direction",
            rtol=1e-6,
            atol=1e-8,
            help="Compare softmax_grad with (loss(Z + h) - loss(Z - h)) / 2h for small h.",
        )


def test_learns_digits(student, rng):
    """twenty epochs tell handwritten digits apart"""
    X_train, y_train, X_test, y_test = data.digits()
    order = rng.permutation(len(X_train))
    # Contrast and brightness vary, so that no weights learned before this run fit.
    gain, shift = rng.uniform(0.7, 1.3), rng.uniform(-0.1, 0.1)
    X = (gain * X_train[order] + shift).astype(np.float32)
    theta = student.put((0.01 * rng.standard_normal((64, 10))).astype(np.float32))
    X_kept, y_kept = student.put(X), student.put(y_train[order])
    for _ in range(20):
        student.softmax_regression_epoch(X_kept, y_kept, theta, lr=0.5, batch=50)
    weights = student.fetch(theta)
    check_array(weights, (64, 10), np.float32, what="theta after 20 epochs")
    guesses = ((gain * X_test + shift) @ weights).argmax(axis=1)
    error = float((guesses != y_test).mean())
    if not error < 0.08:
        fail(
            f"after 20 epochs {error:.1%} of unseen digits are wrong; below 8 % is within reach.",
            help="If a single epoch is right, look at what is carried from one call to the next.",
        )


# ---- hygiene ------------------------------------------------------------------------------------
def test_inputs_unchanged(student, rng):
    """no function changes what it was given (theta apart)"""
    for dtype in DTYPES:
        Z, y = logits(rng, (9, 4), dtype), labels(rng, (9, 4))
        for name in ("logsumexp", "softmax"):
            (after,) = student.invoke(name, (Z,), read=(0,)).read
            check_unchanged(after, Z, what="Z")
        for name in ("softmax_loss", "softmax_grad"):
            after, y_after = student.invoke(name, (Z, y), read=(0, 1)).read
            check_unchanged(after, Z, what="Z")
            check_unchanged(y_after, y, what="y")
        X, y, theta = regression(rng, 30, 5, 4, dtype)
        after, y_after = student.invoke(
            "softmax_regression_epoch", (X, y, theta), {"batch": 8}, read=(0, 1)
        ).read
        check_unchanged(after, X, what="X")
        check_unchanged(y_after, y, what="y")


def test_dtype_kept(student, rng):
    """every function returns the dtype that it was given"""
    for dtype in DTYPES:
        Z, y = logits(rng, (5, 3), dtype), labels(rng, (5, 3))
        check_array(student.logsumexp(Z), (5,), dtype, what="logsumexp(Z)")
        check_array(student.softmax(Z), (5, 3), dtype, what="softmax(Z)")
        check_array(student.softmax_grad(Z, y), (5, 3), dtype, what="softmax_grad(Z, y)")


# ---- performance ----------------------------------------------------------------------------------
def test_epoch_speed(bench, rng):
    """an epoch on 6,000 x 784 takes no longer than the course's own"""
    N, n, K, lr, batch = 6000, 784, 10, 0.1, 100
    X = rng.standard_normal((N, n)).astype(np.float32)
    y = rng.integers(0, K, N)

    def theta(rng):
        return ((0.05 * rng.standard_normal((n, K))).astype(np.float32),)

    def check(released, result, read):
        want = oracle_epoch(X, y, released[0], lr, batch)
        check_close(
            read[0], want.astype(np.float32), what="theta after a timed epoch", rtol=1e-3, atol=1e-3
        )

    bench.compare(
        "softmax_regression_epoch",
        staged=(X, y),
        release=theta,
        arguments=lambda staged, released: (*staged, *released),
        kwargs={"lr": lr, "batch": batch},
        read=(2,),
        check=check,
    )
