"""The op of scaled dot-product attention: shapes, masks, and which kernels run.

How attention is computed is in `dot_product_attention` and in the kernels. Where those are the
learner's to write, this file stays, and a learner's pair in the slot `flash` runs in their place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import backend
from ..errors import DTypeError, ShapeError
from ..op import Array, op
from ..tensor import Tensor

Mask = Any


@op(name="attention", residual=True)
def _attention(q: Array, k: Array, v: Array, mask: Mask, causal: bool) -> Any:
    """softmax(q k^T / sqrt(D)) v; the residual is the logarithm of each row's sum."""
    return backend.attention(q, k, v, mask=mask, causal=causal)


@_attention.composed
def composition(q: Tensor, k: Tensor, v: Tensor, mask: Mask, causal: bool) -> Tensor:
    from .dot_product_attention import composition as by_other_ops

    return by_other_ops(q, k, v, mask, causal)


@_attention.backward
def attention_backward(
    g: Array, out: Array, lse: Array, q: Array, k: Array, v: Array, mask: Mask, causal: bool
) -> Any:
    return backend.attention_backward(g, q, k, v, out, lse, mask=mask, causal=causal)


def attention(q: Any, k: Any, v: Any, mask: Mask = None, causal: bool = False) -> Tensor:
    """softmax over keys of q k^T / sqrt(D), times v.

    Args:
        q: (B, H, Tq, D).
        k, v: (B, H, Tk, D).
        mask: booleans, True = may attend, of any shape that broadcasts to (B, H, Tq, Tk).
        causal: query i sees key j only if j <= i + Tk - Tq.

    Returns:
        Tensor (B, H, Tq, D); 0, with gradient 0, in rows that may attend to nothing.

    Raises:
        ShapeError: shapes that do not fit.
        DTypeError: a mask that is not boolean.

    Sources: Vaswani et al. (2017), "Attention is all you need"; Dao et al. (2022),
    "FlashAttention: fast and memory-efficient exact attention with IO-awareness".
    """
    a, b, c = q.shape, k.shape, v.shape
    if len(a) != 4 or b != c or len(b) != 4 or a[:2] != b[:2] or a[3] != b[3]:
        raise ShapeError(
            f"attention: q is {a}, k is {b}, v is {c}; they must be (B, H, Tq, D), (B, H, Tk, D) "
            "and (B, H, Tk, D)."
        )
    if mask is not None:
        mask = np.asarray(mask.numpy() if isinstance(mask, Tensor) else mask)
        if mask.dtype != bool:
            raise DTypeError(
                f"attention: the mask has dtype {mask.dtype}; use booleans, True = may attend."
            )
        full = (*a[:3], b[2])
        try:
            fits = np.broadcast_shapes(mask.shape, full) == full
        except ValueError:
            fits = False
        if not fits:
            raise ShapeError(
                f"attention: the mask is {mask.shape}; it must broadcast to (B, H, Tq, Tk) = {full}."
            )
    return _attention.apply((q, k, v), (mask, causal))
