"""Attention and the Transformer: masks, heads, blocks, positions, and a model that continues a text.

Write the twelve names. `reference` gives you Tensors, their ops (`ops.softmax`, `ops.where`,
`ops.gelu`, `ops.stack`, ...), `Parameter`, `no_grad`, and `nn.Module`, `nn.Linear` and
`nn.Embedding` as you built them; what this stage asks for is not there. Shapes: B rows of a batch,
H heads, T positions (Tq of queries, Tk of keys), D columns of a head. Tensors are float32 or
float64, all of one call alike; what you return has that dtype. Masks are boolean arrays of NumPy,
True = may attend; ids are int64 arrays. Change none of your arguments.

Every `rng` is a numpy.random.Generator; None means a fresh one. A model hands one generator to all
its parts. A module reads its weights at every call, since others may replace `.data`.
"""

import math

import numpy as np

from reference import Parameter, Tensor, no_grad, ops
from reference.nn import Embedding, Linear, Module


def causal_mask(Tq, Tk):
    """Who may look where, if nobody may look ahead.

    The last query stands at the last key: query i may attend to key j if j <= i + Tk - Tq. With
    Tq > Tk the first queries see nothing.

    Returns:
        booleans (Tq, Tk).
    """
    raise NotImplementedError("causal_mask is yours to write")


def local_mask(T, window):
    """Position i may attend to j if |i - j| <= window.

    Returns:
        booleans (T, T).
    """
    raise NotImplementedError("local_mask is yours to write")


def global_local_mask(T, window, global_ids):
    """`local_mask`, and besides, global positions see all and are seen by all.

    Args:
        T, window: as in `local_mask`.
        global_ids: int64 (G,), positions in 0 to T - 1, in any order; G may be 0.

    Returns:
        booleans (T, T).
    """
    raise NotImplementedError("global_local_mask is yours to write")


def attention(q, k, v, mask=None):
    """Scaled dot-product attention: softmax over keys of q k^T / sqrt(D), times v.

    Args:
        q: (B, H, Tq, D). k, v: (B, H, Tk, D). All Tensors, or all arrays.
        mask: booleans of any shape that broadcasts to (B, H, Tq, Tk), True = may attend; None: all.

    Returns:
        (out (B, H, Tq, D), probs (B, H, Tq, Tk)): Tensors that gradients flow through if Tensors
        were given, else arrays. Each row of probs sums to 1, but a row that may attend to nothing
        has probs 0, out 0, and gradient 0. Scores may be large; exp must not overflow.
    """
    raise NotImplementedError("attention is yours to write")


class LayerNorm(Module):
    """(x - mean) / sqrt(var + eps) * weight + bias over the last axis, var biased, as in stage 04.

    Called as norm(x (..., dim)) -> (..., dim). There is no `ops.layer_norm` in this stage.

    Args:
        dim: size of the last axis.
        eps: keeps the root away from 0.

    Attributes:
        weight (dim,), ones, and bias (dim,), zeros: float32 Parameters.
    """

    def __init__(self, dim, eps=1e-5):
        raise NotImplementedError("LayerNorm is yours to write")

    def forward(self, x):
        raise NotImplementedError("LayerNorm.forward is yours to write")


class MultiHeadAttention(Module):
    """Attention in several heads side by side, mixed by a last Linear.

    Called as mha(x (B, Tq, dim), context=None, mask=None) -> (B, Tq, dim). Queries come from x; keys
    and values from context (B, Tk, dim) where it is given (cross-attention), else from x. Head h
    owns the columns h D to (h + 1) D of the projected queries, keys and values, D = dim / heads, and
    its result goes into these columns of what out_proj reads. mask broadcasts to (B, heads, Tq, Tk).

    Args:
        dim, heads: features, and how many heads share them.
        rng: where the weights come from.

    Attributes:
        q_proj, k_proj, v_proj, out_proj: Linear(dim, dim) with bias.

    Raises:
        ValueError: heads does not divide dim.
    """

    def __init__(self, dim, heads, rng=None):
        raise NotImplementedError("MultiHeadAttention is yours to write")

    def forward(self, x, context=None, mask=None):
        raise NotImplementedError("MultiHeadAttention.forward is yours to write")


class TransformerBlock(Module):
    """x + attn(norm1(x), mask=mask), then x + fc2(gelu(fc1(norm2(x)))).

    Called as block(x (B, T, dim), mask=None) -> (B, T, dim). gelu is the exact one, with erf. There
    is no dropout, and the block is causal only if the mask is.

    Args:
        dim, heads: as in `MultiHeadAttention`.
        hidden: features between fc1 and fc2.
        rng: where the weights come from.

    Attributes:
        norm1, norm2: LayerNorm(dim). attn: MultiHeadAttention(dim, heads).
        fc1: Linear(dim, hidden). fc2: Linear(hidden, dim).
    """

    def __init__(self, dim, heads, hidden, rng=None):
        raise NotImplementedError("TransformerBlock is yours to write")

    def forward(self, x, mask=None):
        raise NotImplementedError("TransformerBlock.forward is yours to write")


def sinusoidal_positions(T, dim):
    """A vector for each position 0 to T - 1, without learning.

    Returns:
        float32 (T, dim): [t, 2i] is sin(t / 10000^(2i / dim)), [t, 2i + 1] the cosine of the same.

    Raises:
        ValueError: dim is odd.
    """
    raise NotImplementedError("sinusoidal_positions is yours to write")


def rope(x, positions):
    """Rotary positions: columns are turned in pairs, by an angle that grows with the position.

    The pair (x[..., t, 2i], x[..., t, 2i + 1]) is turned counter-clockwise by
    positions[t] 10000^(-2i / D).

    Args:
        x: (..., T, D), a Tensor or an array.
        positions: integers (T,).

    Returns:
        (..., T, D): a Tensor that gradients flow through for a Tensor, else an array.

    Raises:
        ValueError: D is odd.
    """
    raise NotImplementedError("rope is yours to write")


class GPT(Module):
    """Ids in, logits of the next id out, at every position; causal.

    Called as gpt(ids int64 (B, T), cache=None) -> logits (B, T, vocab). The vectors of ids and of
    positions are added, then come the blocks, `norm`, `head`. With a `KVCache`, ids are the T
    positions after those that the cache holds: they see all of them, and join them in the cache.

    Args:
        vocab: how many ids. dim, layers, heads: of the blocks, whose hidden size is 4 dim.
        context: how many positions there can be.
        rng: where the weights come from.

    Attributes:
        token: Embedding(vocab, dim). position: Embedding(context, dim).
        blocks: list of TransformerBlock. norm: LayerNorm. head: Linear(dim, vocab, bias=False).

    Raises:
        ValueError (when called): more than context positions, those in the cache included.
    """

    def __init__(self, vocab, dim, layers, heads, context, rng=None):
        raise NotImplementedError("GPT is yours to write")

    def forward(self, ids, cache=None):
        raise NotImplementedError("GPT.forward is yours to write")


class KVCache:
    """Keys and values of the positions so far, for each layer; no gradient flows through it.

    It has no `__len__`, since an empty cache would then count as False.

    Attributes:
        length: how many positions every layer holds; 0 at the beginning.
    """

    def __init__(self):
        raise NotImplementedError("KVCache is yours to write")

    @property
    def length(self):
        raise NotImplementedError("KVCache.length is yours to write")

    def append(self, layer, k, v):
        """Add k and v, Tensors (B, H, t, D) of the next t positions, to layer number `layer`.

        Returns:
            (k, v), Tensors (B, H, all positions of this layer so far, D).
        """
        raise NotImplementedError("KVCache.append is yours to write")


def generate(model, ids, n, temperature, rng, cache=None):
    """Continue each row of ids by n ids.

    One id after the other, for all rows: from z, the logits of the last position in float64,
    p = softmax(z / temperature), and the new id is the first index whose cumulative sum of p is
    above u = rng.random(), the last index if there is none. Each row draws its own u, rows in order.
    At temperature 0 the likeliest id is taken, the lowest index of equals, and nothing is drawn.

    Args:
        model: a `GPT`.
        ids: int64 (B, T), T >= 1.
        n: how many ids to add to each row.
        temperature: 0 or more.
        rng: where the draws come from.
        cache: a `KVCache` that is empty or holds a beginning of ids shorter than T; the positions
            that it lacks are computed, once each. Without one, everything is computed at each step.

    Returns:
        int64 (B, T + n), ids first.

    Raises:
        ValueError: T + n is more than the model's context; nothing has been drawn then.
    """
    raise NotImplementedError("generate is yours to write")
