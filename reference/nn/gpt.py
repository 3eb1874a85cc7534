"""A Transformer that continues a sequence of ids."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import nn
from ..errors import ShapeError
from ..seeding import seeded
from ..tensor import Tensor
from .attention import attend, merge_heads, split_heads
from .kv_cache import KVCache
from .masks import causal_mask
from .module import Module
from .transformer import feed_forward

Ids = NDArray[np.int64]


class GPT(Module):
    """Embeddings of ids and positions, causal blocks, a norm, and the logits of the next id.

    Args:
        vocab: how many ids.
        dim, layers, heads: of the blocks, whose hidden size is 4 dim.
        context: the positions that it can tell apart.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        token, position: Embedding. blocks: a list. norm: LayerNorm. head: Linear without bias.

    Source: Radford et al. (2019), "Language models are unsupervised multitask learners".
    """

    @seeded
    def __init__(
        self,
        vocab: int,
        dim: int,
        layers: int,
        heads: int,
        context: int,
        rng: np.random.Generator | None = None,
    ) -> None:
        rng = rng or np.random.default_rng()
        self.token = nn.Embedding(vocab, dim, rng=rng)
        self.position = nn.Embedding(context, dim, rng=rng)
        self.blocks = [nn.TransformerBlock(dim, heads, 4 * dim, rng=rng) for _ in range(layers)]
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, vocab, bias=False, rng=rng)
        self.heads = heads
        self.context = context

    def forward(self, ids: Ids, cache: KVCache | None = None) -> Tensor:
        """ids (B, T) -> logits (B, T, vocab).

        With a cache, ids are the T positions after those that it holds, and they join it.

        Raises:
            ShapeError: more than `context` positions.
        """
        ids = np.asarray(ids)
        start = 0 if cache is None else cache.length
        T = ids.shape[1]
        if start + T > self.context:
            raise ShapeError(
                f"GPT: {start + T} positions, the context is {self.context}.\nTake fewer."
            )
        mask = causal_mask(T, start + T)
        x = self.token(ids) + self.position(np.arange(start, start + T))
        for layer, block in enumerate(self.blocks):
            if cache is None:
                x = block(x, mask=mask)
            else:
                x = _cached_block(block, x, mask, cache, layer, self.heads)
        return self.head(self.norm(x))  # type: ignore[no-any-return]


def _cached_block(
    block: Any, x: Tensor, mask: NDArray[np.bool_], cache: KVCache, layer: int, heads: int
) -> Tensor:
    """A block, by its parts, whose earlier keys and values come from the cache."""
    attn = block.attn
    normed = block.norm1(x)
    q, k, v = (
        split_heads(project(normed), heads) for project in (attn.q_proj, attn.k_proj, attn.v_proj)
    )
    k, v = cache.append(layer, k, v)
    x = x + attn.out_proj(merge_heads(attend(q, k, v, mask)))
    return x + feed_forward(block, block.norm2(x))
