"""Softmax regression: a linear classifier, its loss, its gradient and its training loop.

Write the six functions. Z are logits of shape (B, K): B examples, K classes. y are labels of shape
(B,), integers in 0..K-1. Arrays are float32 or float64; what you return has the dtype you were
given. Change none of your arguments, except theta in `softmax_regression_epoch`.
"""

import numpy as np


def logsumexp(Z):
    """log(exp(Z[:, 0]) + ... + exp(Z[:, K-1])) for each row.

    Args:
        Z: logits, float array (B, K). Entries may be as large as 1e5, and -inf as long as the row
            has a finite one.

    Returns:
        Array (B,) of Z's dtype: finite, right, and without a RuntimeWarning.
    """
    raise NotImplementedError("logsumexp is yours to write")


def softmax(Z):
    """Each row of Z as probabilities: exp(Z[i, j]) / sum over k of exp(Z[i, k]).

    Args:
        Z: logits, float array (B, K), as large as 1e5; an entry of -inf has probability 0.

    Returns:
        Array (B, K) of Z's dtype.
    """
    raise NotImplementedError("softmax is yours to write")


def softmax_loss(Z, y):
    """Mean over the batch of -log(softmax(Z)[i, y[i]]).

    Args:
        Z: logits, float array (B, K).
        y: labels, integer array (B,), each in 0..K-1.

    Returns:
        A Python float.

    Raises:
        ValueError: y has another length than Z has rows, or a label outside 0..K-1.
    """
    raise NotImplementedError("softmax_loss is yours to write")


def softmax_grad(Z, y):
    """Gradient of `softmax_loss` with respect to Z.

    Args:
        Z: logits, float array (B, K).
        y: labels, integer array (B,), each in 0..K-1.

    Returns:
        Array (B, K) of Z's dtype.

    Raises:
        ValueError: as `softmax_loss`.
    """
    raise NotImplementedError("softmax_grad is yours to write")


def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    """One pass of minibatch gradient descent on the loss of the logits X @ theta.

    The batches are rows 0..batch-1, then the next `batch` rows, and so on in order. The last one
    may be smaller; its loss is the mean over its own rows.

    Args:
        X: inputs, float array (N, n).
        y: labels, integer array (N,).
        theta: weights, float array (n, K), updated in place.
        lr: the step size.
        batch: rows a step.

    Returns:
        None.
    """
    raise NotImplementedError("softmax_regression_epoch is yours to write")


def classification_error(Z, y):
    """The share of rows whose largest logit is not at the label.

    Args:
        Z: logits, float array (B, K).
        y: labels, integer array (B,).

    Returns:
        A Python float in [0, 1].
    """
    raise NotImplementedError("classification_error is yours to write")
