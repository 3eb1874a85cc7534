"""A Transformer that continues a sequence of ids."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import nn
from ..errors import ShapeError
from ..tensor import Tensor, no_grad
from .attention import attend, merge_heads, split_heads
from .kv_cache import KVCache
from .masks import causal_mask
from .module import Module
from .sampling import draw
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


def generate(
    model: Module,
    ids: Ids,
    n: int,
    temperature: float,
    rng: np.random.Generator | None,
    cache: KVCache | None = None,
) -> Ids:
    """Continue each row by n ids.

    Args:
        model: as `GPT`.
        ids: (B, T), the beginning.
        n: how many ids to add to each row.
        temperature: 0 always takes the likeliest, see `draw`.
        rng: one draw for each row and new id, rows in order.
        cache: holds a prefix of ids; what it lacks is computed first. None computes all again at
            each step.

    Returns:
        int64 (B, T + n), the beginning first.

    Raises:
        ShapeError: T + n is more than the model's context; nothing has been drawn.
    """
    B, T = ids.shape
    if T + n > model.context:  # type: ignore[attr-defined]
        raise ShapeError(
            f"generate: {T} + {n} positions, the context is {model.context}.\nTake fewer."  # type: ignore[attr-defined]
        )
    result = np.empty((B, T + n), np.int64)
    result[:, :T] = ids
    with no_grad():
        for end in range(T, T + n):
            # A cache that holds all of ids does not tell the logits of the last one.
            if cache is None or cache.length == end:
                logits = model(result[:, :end])
            else:
                logits = model(result[:, cache.length : end], cache)
            for row in range(B):
                result[row, end] = draw(logits.data[row, -1], temperature, rng)
    return result
