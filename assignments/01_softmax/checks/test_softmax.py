"""Public checks: small inputs that a person can follow, in the order a learner builds."""

import numpy as np

from grader.check import check_close, check_equal, check_finite, check_number, fail

Z = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
Y = np.array([2, 0])
# Worked out by hand in the lesson: exp(1) + exp(2) + exp(3) = 30.1929.
LSE = np.array([1.0986122886681098, 3.4076059644443806])
P = np.array(
    [
        [0.3333333333333333, 0.3333333333333333, 0.3333333333333333],
        [0.09003057317038046, 0.24472847105479764, 0.6652409557748218],
    ]
)


def test_logsumexp_small(student):
    """logsumexp adds up exponentials along each row"""
    check_close(
        student.logsumexp(Z),
        LSE,
        what="logsumexp([[0, 0, 0], [1, 2, 3]])",
        help="One number a row: exponentials, their sum along axis 1, then the logarithm.",
        diagnoses={
            "this is the sum without the logarithm": np.exp(LSE),
        },
    )


def test_logsumexp_stable(student):
    """logsumexp survives logits of 1000"""
    big = np.array([[1000.0, 1000.0], [-1000.0, -1000.0]])
    got = student.logsumexp(big)
    check_finite(
        got,
        what="logsumexp([[1000, 1000], [-1000, -1000]])",
        help="exp(1000) does not fit a float. What may you subtract from a row first, and what "
        "must you add again afterwards?",
    )
    check_close(
        got,
        np.array([1000.0 + np.log(2.0), -1000.0 + np.log(2.0)]),
        what="logsumexp([[1000, 1000], [-1000, -1000]])",
        help="What was subtracted from the row must be added again.",
        diagnoses={"the subtracted maximum was not added again": np.full(2, np.log(2.0))},
    )


def test_softmax_small(student):
    """softmax turns each row into probabilities"""
    E = np.exp(Z)
    check_close(
        student.softmax(Z),
        P,
        what="softmax([[0, 0, 0], [1, 2, 3]])",
        help="Each row adds up to 1. Keep the axis when you sum, so that the division lines up.",
        diagnoses={
            "each column adds up to 1 here: normalise along axis 1": E / E.sum(axis=0),
            "the whole array adds up to 1 here: normalise each row": E / E.sum(),
        },
    )


def test_loss_small(student):
    """softmax_loss is the mean of -log of the right class's probability"""
    losses = -np.log([P[0, 2], P[1, 0]])
    check_number(
        student.softmax_loss(Z, Y),
        float(losses.mean()),
        what="softmax_loss([[0, 0, 0], [1, 2, 3]], [2, 0])",
        help="For each row: logsumexp minus the logit of the label; then the mean.",
        diagnoses={
            "this is the sum over the batch: take the mean": float(losses.sum()),
            "the sign is wrong: the loss is minus the logarithm": float(-losses.mean()),
        },
    )


def test_grad_small(student):
    """softmax_grad is (probabilities - one-hot labels) / B"""
    one_hot = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    right = (P - one_hot) / 2
    check_close(
        student.softmax_grad(Z, Y),
        right,
        what="softmax_grad([[0, 0, 0], [1, 2, 3]], [2, 0])",
        help="Subtract 1 at the label of each row, and remember that the loss is a mean.",
        diagnoses={
            "your gradient is B = 2 times too large: divide by the batch": right * 2,
            "your gradient points the other way: probabilities minus one-hot": -right,
            "the labels are missing: subtract 1 at each row's label": P / 2,
        },
    )


def test_epoch_step(student):
    """softmax_regression_epoch moves theta against the gradient, in place"""
    X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    y = np.array([0, 1, 1])
    theta = np.zeros((2, 2))
    # Batches of 2: rows 0 and 1 first, then row 2 alone.
    first = np.array([[0.125, -0.125], [-0.125, 0.125]])
    second = first + 0.5 * np.array([[-0.5, 0.5], [-0.5, 0.5]])
    done = student.invoke(
        "softmax_regression_epoch", (X, y, theta), {"lr": 0.5, "batch": 2}, read=(2,)
    )
    check_equal(done.result, None, what="what softmax_regression_epoch returns")
    (after,) = done.read
    if type(after) is np.ndarray and np.array_equal(after, theta):
        fail(
            "theta is unchanged after softmax_regression_epoch.",
            help="`theta = theta - ...` makes a new array that the caller never sees; `theta -= ...` "
            "writes into the one that was given.",
        )
    check_close(
        after,
        second,
        what="theta after one epoch of two batches",
        help="Each batch: logits, their gradient, then theta -= lr * X.T @ gradient.",
        diagnoses={
            "only the first batch was used": first,
            "theta moved with the gradient: subtract it": -second,
            "the last batch has one row: divide its gradient by 1, not by 2": first
            + 0.25 * np.array([[-0.5, 0.5], [-0.5, 0.5]]),
        },
    )


def test_error_small(student):
    """classification_error counts wrong rows"""
    logits = np.array([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0], [1.0, 0.0]])
    check_number(
        student.classification_error(logits, np.array([0, 1, 1, 0])),
        0.25,
        what="classification_error of four rows, one of them wrong",
        help="Compare the place of each row's largest logit with its label.",
        diagnoses={"this is the share of right rows: count the wrong ones": 0.75},
    )
