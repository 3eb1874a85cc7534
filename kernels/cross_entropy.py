"""The mean cross-entropy of class labels under the softmax of logits, in one pass, and its gradient.

Source: Bridle (1990), "Probabilistic interpretation of feedforward classification network outputs".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .elementary import exp_nonpositive, larger, log
from .jit import jit
from .kernel import Call, Kernel, call
from .loops import LOOSE, below, empty_like, loop


def cross_entropy_oracle(logits: Any, labels: Any) -> tuple[Any, Any]:
    """The mean of -log(softmax(logits)[label]) and the probabilities.

    Args:
        logits: float array (B, K).
        labels: integers (B,) in [0, K).

    Returns:
        (loss, probs): a scalar of the logits' dtype and softmax(logits) (B, K). A logit of -inf has
        probability 0; at the label it makes the loss inf. Where softmax is NaN, so is the loss, and
        so is the loss of an empty batch.

    Raises:
        IndexError: a label is not in [0, K).
    """
    _check(labels, logits.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        shifted = logits - logits.max(axis=1, keepdims=True, initial=-np.inf)
        e = np.exp(shifted)
        total = e.sum(axis=1, keepdims=True)
        picked = shifted[np.arange(len(labels)), labels]
        losses = np.log(total[:, 0]) - picked
        mean = np.sum(losses, dtype=np.float64) / np.float64(len(losses))
        return logits.dtype.type(mean), e / total


def cross_entropy_backward_oracle(g: Any, probs: Any, labels: Any) -> Any:
    """The gradient (B, K) of the logits, given the scalar g: g / B * (probs - onehot(labels))."""
    _check(labels, probs.shape)
    dx = probs.copy()
    dx[np.arange(len(labels)), labels] -= 1
    return dx * probs.dtype.type(g / max(1, len(labels)))


def _check(labels: Any, shape: tuple[int, int]) -> None:
    if labels.dtype.kind not in "iu":
        raise TypeError(f"cross_entropy: labels are {labels.dtype}. They must be integers.")
    if labels.shape != shape[:1]:
        raise ValueError(
            f"cross_entropy: labels are {labels.shape} and logits {shape}. "
            "There must be one label a row."
        )
    if labels.size and not (labels.min() >= 0 and labels.max() < shape[1]):
        raise IndexError(
            f"cross_entropy: labels go from {labels.min()} to {labels.max()}, logits have "
            f"{shape[1]} columns. A label must be a column."
        )


cross_entropy = Kernel("cross_entropy", cross_entropy_oracle, ulps=8)
cross_entropy_backward = Kernel("cross_entropy_backward", cross_entropy_backward_oracle, ulps=4)


@cross_entropy.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    def some(rows: int, columns: int, kind: Any = np.int64) -> Call:
        logits = (rng.normal(size=(rows, columns)) * 3).astype(dtype)
        return call(logits, rng.integers(0, columns, rows).astype(kind))

    huge, masked, strided = some(5, 40), some(3, 20), some(16, 11)
    huge.arrays[0][...] *= 1e5
    masked.arrays[0][:, 3:] = -np.inf
    masked.arrays[1][...] = [0, 1, 5]
    return [
        some(4, 10),
        some(70, 3, np.int32),
        some(9, 37, np.uint8),
        some(1, 1),
        some(0, 4),
        huge,
        call(masked.arrays[0][:2], masked.arrays[1][:2]),
        masked,
        call(strided.arrays[0][::2, ::-1], strided.arrays[1][::2]),
    ]


@cross_entropy_backward.samples
def backward_samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    made = []
    for rows, columns in ((4, 10), (70, 3), (1, 1), (0, 4), (9, 37)):
        probs = rng.random((rows, columns)).astype(dtype)
        made.append(call(rng.normal(), probs, rng.integers(0, columns, rows)))
    made.append(call(np.asarray(2.5, dtype), rng.random((6, 8)).astype(dtype).T, np.arange(8) % 6))
    return made


@loop
def cross_entropy_loop(
    start: int, stop: int, logits: Any, labels: Any, probs: Any, losses: Any
) -> int:
    """0, or -1 where a label is not a column."""
    columns = logits.shape[1]
    zero, one = logits.dtype.type(0), logits.dtype.type(1)
    for i in range(start, stop):
        label = labels[i]
        if label < 0 or label >= columns:
            return -1
        row, p = logits[i], probs[i]
        top = row[0]
        for j in range(columns):
            top = larger(top, row[j])
        total = zero
        for j in range(columns):
            e = exp_nonpositive(row[j] - top)
            p[j] = e
            total += e
        scale = one / total
        for j in range(columns):
            p[j] *= scale
        losses[i] = -below(row[label], top, log(total))
    return 0


@jit(fastmath=LOOSE)
def mean_of(losses: Any) -> Any:
    total = 0.0
    for i in range(losses.size):
        total += losses[i]
    return total / losses.size


@loop
def cross_entropy_backward_loop(
    start: int, stop: int, probs: Any, labels: Any, scale: float, dx: Any
) -> int:
    """0, or -1 where a label is not a column."""
    columns = probs.shape[1]
    factor = probs.dtype.type(scale)
    for i in range(start, stop):
        label = labels[i]
        if label < 0 or label >= columns:
            return -1
        p, d = probs[i], dx[i]
        for j in range(columns):
            d[j] = p[j] * factor
        d[label] -= factor
    return 0


@cross_entropy.on("cpu")
def cross_entropy_cpu(logits: Any, labels: Any) -> tuple[Any, Any]:
    indices = _indices(labels, logits)
    if logits.size == 0:
        return cross_entropy_oracle(logits, indices)
    rows = logits.shape[0]
    probs, losses = empty_like(logits), np.empty(rows, logits.dtype)
    if cross_entropy_loop(0, rows, np.ascontiguousarray(logits), indices, probs, losses) < 0:
        _check(labels, logits.shape)
    return logits.dtype.type(mean_of(losses)), probs


@cross_entropy_backward.on("cpu")
def cross_entropy_backward_cpu(g: Any, probs: Any, labels: Any) -> Any:
    indices = _indices(labels, probs)
    dx = empty_like(probs)
    rows = probs.shape[0]
    scale = float(g) / max(1, rows)
    if cross_entropy_backward_loop(0, rows, np.ascontiguousarray(probs), indices, scale, dx) < 0:
        _check(labels, probs.shape)
    return dx


def _indices(labels: Any, logits: Any) -> Any:
    """The labels as contiguous int64, one a row."""
    if labels.dtype.kind not in "iu" or labels.shape != logits.shape[:1]:
        _check(labels, logits.shape)
    return np.ascontiguousarray(labels, np.int64)
