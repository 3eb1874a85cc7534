"""Stage 10, capstone: attention in tiles, and a model of letters trained on your own stack.

    B, H    batch, heads
    Tq, Tk  queries, keys          D       features of a head
    q       (B, H, Tq, D)          k, v    (B, H, Tk, D)

The standard library and numpy may be imported, numba too, and of `reference` all but attention:
`reference.nn.GPT` is there, and attends by the pair that you write here. `lab stack` shows whose code
runs in the rest of it.

numpy's matmul on tiles is fine. What must not exist is an array of Tq times Tk entries, of whatever
type, for any head.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
Model = Callable[[Array], Any]


def flash_attention_forward(
    q: Array, k: Array, v: Array, block_q: int, block_k: int, causal: bool
) -> tuple[Array, Array]:
    """o = softmax(s) v with s = q k^T / sqrt(D), and lse = log(sum over keys of exp(s)).

    Args:
        q: (B, H, Tq, D), of any strides; Tq and Tk may differ.
        k, v: (B, H, Tk, D), of q's dtype.
        block_q, block_k: queries and keys of a tile; they need divide nothing, and may be larger than
            Tq and Tk.
        causal: query i sees key j only if j <= i + Tk - Tq, so the last query sees all keys.

    Returns:
        o (B, H, Tq, D) and lse (B, H, Tq), new arrays of q's dtype; the logarithm is the natural one.
        A query that sees nothing has o = 0 and lse = -inf, without a warning.

    Besides o it holds tiles, sums of block_q rows, and no more: O(block_q block_k + (block_q +
    block_k) D), whatever B, H, Tq and Tk.
    """
    raise NotImplementedError("flash_attention_forward is yours to write")


def flash_attention_backward(
    do: Array,
    q: Array,
    k: Array,
    v: Array,
    o: Array,
    lse: Array,
    block_q: int,
    block_k: int,
    causal: bool,
) -> tuple[Array, Array, Array]:
    """The gradients of the sum of do * o.

    Args:
        do: (B, H, Tq, D), the gradient that arrives at o.
        o, lse: what `flash_attention_forward` returned for q, k, v.
        q, k, v, block_q, block_k, causal: as there.

    Returns:
        dq (B, H, Tq, D), dk and dv (B, H, Tk, D), new arrays of q's dtype. A query that sees nothing
        has a gradient of 0, and adds nothing to dk and dv.

    The probabilities are made anew, tile by tile, from lse; one number a query may be kept besides.
    """
    raise NotImplementedError("flash_attention_backward is yours to write")


def train_char_lm(ids: Array, vocab: int, seconds: float, rng: np.random.Generator) -> Model:
    """A model of text, trained on `ids`.

    Args:
        ids: (N,) int64, a text of some 100,000 letters as numbers below vocab (in a permutation of the
            alphabet that is new each time). It is not changed.
        vocab: how many letters there are.
        seconds: how long this may take in all; return before they are over.
        rng: where all randomness comes from.

    Returns:
        The model, `reference.nn.GPT` say: model(ids (B, T)) is a Tensor (or an array) (B, T, vocab) of
        logits; those at t are about the letter at t + 1. They depend on the letters up to t of their
        own row and on nothing else, not by a bit. It is asked with T up to 32, or up to
        `model.context` where there is such an attribute.

    With seconds = 120, its loss on the tenth of the text that it has not seen must be below
    0.6 log(vocab).
    """
    raise NotImplementedError("train_char_lm is yours to write")
