"""Losses: means over the batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import ops
from ..errors import ShapeError
from ..tensor import Tensor
from .module import Module


class CrossEntropyLoss(Module):
    """The mean of -log softmax(logits)[i, labels[i]]."""

    def forward(self, logits: Tensor, labels: NDArray[Any]) -> Tensor:
        """logits (B, K), integer labels (B,) in 0 to K - 1 (else ValueError) -> ()."""
        return ops.cross_entropy(logits, labels)


class MSELoss(Module):
    """The mean of (prediction - target)^2 over all elements."""

    def forward(self, prediction: Tensor, target: Tensor | ArrayLike) -> Tensor:
        """Two equal shapes (else ShapeError: broadcasting would hide a mistake) -> ()."""
        target = _as_tensor("MSELoss", prediction, target)
        difference = prediction - target
        return (difference * difference).mean()


class BCEWithLogitsLoss(Module):
    """The mean of -t log s - (1 - t) log(1 - s) with s = sigmoid(logits).

    Computed as log(exp(z) + exp(0)) - z t, which is finite for every logit z.
    """

    def forward(self, logits: Tensor, target: Tensor | ArrayLike) -> Tensor:
        """logits and targets in [0, 1] of equal shapes (else ShapeError) -> ()."""
        target = _as_tensor("BCEWithLogitsLoss", logits, target)
        against = Tensor(np.zeros(logits.shape, logits.dtype))
        return (ops.logsumexp(ops.stack([logits, against], -1), -1) - logits * target).mean()


def _as_tensor(name: str, prediction: Tensor, target: Tensor | ArrayLike) -> Tensor:
    if not isinstance(target, Tensor):
        target = Tensor(target, dtype=prediction.dtype)
    if target.shape != prediction.shape:
        raise ShapeError(
            f"{name}: the prediction is {prediction.shape}, the target is {target.shape}.\n"
            "The shapes must be equal."
        )
    return target
