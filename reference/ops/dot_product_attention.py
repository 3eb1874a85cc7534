"""Scaled dot-product attention by other ops: what its gradients of gradients come from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensor import Tensor
from .attention_op import attention as attention
from .elementwise import exp, where
from .linalg import matmul


def composition(q: Tensor, k: Tensor, v: Tensor, mask: Any, causal: bool) -> Tensor:
    """softmax(q k^T / sqrt(D)) v with the whole matrix of weights, on Tensors."""
    scores = matmul(q, k.swapaxes(-1, -2)) * (1 / math.sqrt(q.shape[-1]))
    allowed = visible(mask, causal, scores.shape)
    # A row's largest score is only an offset: no gradient flows through it.
    hidden = np.where(allowed, scores.data, -np.inf)
    top = np.max(hidden, -1, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0).astype(scores.dtype)
    weights = exp(where(allowed, scores - top, -np.inf))
    total = weights.sum(axis=-1, keepdims=True)
    return matmul(weights / (total + (total == 0)), v)


def visible(mask: Any, causal: bool, shape: tuple[int, ...]) -> Any:
    """Which of the (B, H, Tq, Tk) pairs may attend."""
    queries, keys = shape[-2:]
    allowed = np.tri(queries, keys, keys - queries, dtype=bool) if causal else np.True_
    return np.broadcast_to(allowed if mask is None else allowed & mask, shape)
