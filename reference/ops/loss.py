"""The loss of classification: softmax and logarithm in one op, with one subtraction as gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import backend
from ..devices import moved
from ..errors import DTypeError, ShapeError
from ..op import Array, op
from ..tensor import Tensor
from . import softmax  # not from .softmax: that would leave the file where the op belongs


@op(name="cross_entropy", residual=True)
def _cross_entropy(logits: Array, labels: Any) -> Any:
    """The mean over rows of -log softmax(logits)[label]."""
    return backend.cross_entropy(logits, labels)


@_cross_entropy.vjp
def cross_entropy_vjp(g: Any, out: Any, logits: Any, labels: Any) -> Any:
    count, classes = logits.shape
    wanted = np.zeros((count, classes), logits.dtype)
    wanted[np.arange(count), labels] = 1
    return ((softmax.of(logits) - moved(wanted, logits.device)) * (g * (1.0 / count)),)


@_cross_entropy.backward
def cross_entropy_backward(g: Array, out: Array, probs: Array, logits: Array, labels: Any) -> Any:
    return (backend.cross_entropy_backward(g, probs, labels),)


def cross_entropy(logits: Any, labels: Any) -> Tensor:
    """The mean over the batch of -log of the probability that softmax gives the label.

    Args:
        logits: (B, K), of any size.
        labels: (B,) integers in [0, K); an array, a list or a Tensor; no gradient flows there.

    Returns:
        Tensor ().

    Raises:
        ShapeError: other shapes, an empty batch, or a label outside [0, K).
        DTypeError: labels that are not integers.
    """
    if isinstance(labels, Tensor):
        labels = labels.numpy()
    labels = np.asarray(labels)
    shape = np.shape(logits)
    if labels.dtype.kind not in "iu":
        raise DTypeError(f"cross_entropy: the labels have dtype {labels.dtype}; use integers.")
    if len(shape) != 2 or labels.shape != shape[:1] or not shape[0]:
        raise ShapeError(
            f"cross_entropy: logits are {shape}, labels are {labels.shape}; they must be (B, K) "
            "and (B,) with B >= 1."
        )
    try:
        return _cross_entropy.apply((logits,), (labels,))
    except IndexError as error:
        raise ShapeError(
            f"cross_entropy: labels run from {labels.min()} to {labels.max()}; with {shape[1]} "
            f"columns of logits they must lie in [0, {shape[1]})."
        ) from error
