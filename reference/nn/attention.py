"""Attention with several heads."""

from __future__ import annotations

import numpy as np

from .. import nn
from ..errors import ShapeError
from ..ops.attention_op import attention
from ..seeding import seeded
from ..tensor import Tensor
from .masks import Mask, causal_mask
from .module import Module


class MultiHeadAttention(Module):
    """Each head attends in its own subspace; the results lie side by side and are mixed.

    Args:
        dim: features; head h owns columns h D to (h + 1) D, D = dim / heads.
        heads: must divide dim.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        q_proj, k_proj, v_proj, out_proj: Linear(dim, dim).

    Raises:
        ShapeError: heads that do not divide dim.

    Source: Vaswani et al. (2017), "Attention is all you need".
    """

    @seeded
    def __init__(self, dim: int, heads: int, rng: np.random.Generator | None = None) -> None:
        if dim % heads:
            raise ShapeError(
                f"MultiHeadAttention: {heads} heads for {dim} features.\nheads must divide dim."
            )
        rng = rng or np.random.default_rng()
        self.q_proj = nn.Linear(dim, dim, rng=rng)
        self.k_proj = nn.Linear(dim, dim, rng=rng)
        self.v_proj = nn.Linear(dim, dim, rng=rng)
        self.out_proj = nn.Linear(dim, dim, rng=rng)
        self.heads = heads

    def forward(self, x: Tensor, context: Tensor | None = None, mask: Mask | None = None) -> Tensor:
        """x (B, Tq, dim) -> (B, Tq, dim); keys and values from context (B, Tk, dim), else from x.

        mask broadcasts to (B, heads, Tq, Tk), True = may attend.
        """
        source = x if context is None else context
        q = split_heads(self.q_proj(x), self.heads)
        k = split_heads(self.k_proj(source), self.heads)
        v = split_heads(self.v_proj(source), self.heads)
        return self.out_proj(merge_heads(attend(q, k, v, mask)))  # type: ignore[no-any-return]


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask | None) -> Tensor:
    """`ops.attention`, told "causal" where the mask is that of `causal_mask`."""
    if mask is not None and mask is causal_mask(q.shape[2], k.shape[2]):
        return attention(q, k, v, causal=True)
    return attention(q, k, v, mask=mask)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, T, heads D) -> (B, heads, T, D)."""
    B, T, dim = x.shape
    return x.reshape(B, T, heads, dim // heads).transpose(0, 2, 1, 3)


def merge_heads(x: Tensor) -> Tensor:
    """(B, heads, T, D) -> (B, T, heads D)."""
    B, heads, T, D = x.shape
    return x.transpose(0, 2, 1, 3).reshape(B, T, heads * D)
