"""Gradients of bounded length."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ..tensor import Tensor


def clip_grad_norm(params: Iterable[Tensor], max_norm: float) -> float:
    """Shorten all gradients together so that their joint L2 norm is at most `max_norm`.

    Args:
        params: Tensors; one whose grad is None is passed over.
        max_norm: the longest that may remain. A shorter gradient keeps every bit.

    Returns:
        The norm before clipping, summed in float64 (of each gradient on the device in float32);
        0.0 without any gradient.

    Source: Pascanu, Mikolov & Bengio (2013), "On the difficulty of training recurrent neural
    networks".
    """
    reached = [(p, p.grad) for p in params if p.grad is not None]
    total = 0.0
    for _, grad in reached:
        if grad.device == "cpu":
            flat = grad.data.reshape(-1).astype(np.float64, copy=False)
            total += float(flat @ flat)
        else:
            total += (grad.data * grad.data).sum().item()
    norm = math.sqrt(total)
    if norm > max_norm:
        scale = max_norm / norm
        for parameter, grad in reached:
            # A gradient may share its memory with others (a broadcast, a view): replace it.
            parameter.grad = Tensor(grad.data * grad.dtype.type(scale), device=grad.device)
    return norm
