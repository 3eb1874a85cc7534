"""Blocks of attention and a network per position, and stacks of them."""

from __future__ import annotations

import numpy as np

from .. import nn, ops
from ..seeding import seeded
from ..tensor import Tensor
from .masks import Mask
from .module import Module


class TransformerBlock(Module):
    """x + attn(norm1(x)), then x + fc2(gelu(fc1(norm2(x)))): norms first, so that sums stay clean.

    Args:
        dim, heads: as in `MultiHeadAttention`.
        hidden: features between fc1 and fc2.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        norm1, attn, norm2, fc1, fc2.

    Sources: Vaswani et al. (2017), "Attention is all you need"; Xiong et al. (2020), "On layer
    normalization in the Transformer architecture" (norms first).
    """

    @seeded
    def __init__(
        self, dim: int, heads: int, hidden: int, rng: np.random.Generator | None = None
    ) -> None:
        rng = rng or np.random.default_rng()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = nn.MultiHeadAttention(dim, heads, rng=rng)
        self.norm2 = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, hidden, rng=rng)
        self.fc2 = nn.Linear(hidden, dim, rng=rng)

    def forward(self, x: Tensor, mask: Mask | None = None) -> Tensor:
        """(B, T, dim), the same shape; mask broadcasts to (B, heads, T, T), True = may attend."""
        x = x + self.attn(self.norm1(x), mask=mask)
        return x + feed_forward(self, self.norm2(x))


def feed_forward(block: Module, x: Tensor) -> Tensor:
    """fc2(gelu(fc1(x))) of a block; a Linear of ours applies the gelu itself."""
    fc1, fc2 = block.fc1, block.fc2  # type: ignore[attr-defined]
    if "fuses" in vars(type(fc1)):
        return fc2(fc1(x, activation="gelu"))  # type: ignore[no-any-return]
    return fc2(ops.gelu(fc1(x)))  # type: ignore[no-any-return]


class TransformerEncoder(Module):
    """Blocks in a row and a last norm; every position may see every other.

    Args:
        dim, heads, hidden: as in `TransformerBlock`.
        layers: how many blocks.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        blocks: a list of TransformerBlock. norm: LayerNorm.

    Source: Vaswani et al. (2017), "Attention is all you need".
    """

    @seeded
    def __init__(
        self,
        dim: int,
        heads: int,
        hidden: int,
        layers: int,
        rng: np.random.Generator | None = None,
    ) -> None:
        rng = rng or np.random.default_rng()
        self.blocks = [nn.TransformerBlock(dim, heads, hidden, rng=rng) for _ in range(layers)]
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, mask: Mask | None = None) -> Tensor:
        """(B, T, dim), the same shape; mask broadcasts to (B, heads, T, T), True = may attend."""
        for block in self.blocks:
            x = block(x, mask=mask)
        return self.norm(x)  # type: ignore[no-any-return]
