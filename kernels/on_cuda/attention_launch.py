"""The launchers of the kernels in attention.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import attention as forward_pass
from .. import attention_backward as backward_pass
from .array import CudaArray, blocks, empty, flat, run, to_device
from .attention import (
    ROWS,
    SOME,
    THREADS,
    WARPS,
    WIDEST,
    dots,
    forward,
    keys_gradient,
    queries_gradient,
)
from .copies import filled

Strides = tuple[int, int, int, int]


@forward_pass.attention.on("cuda")
def attention_cuda(
    q: CudaArray, k: CudaArray, v: CudaArray, mask: Any = None, causal: bool = False
) -> tuple[CudaArray, CudaArray]:
    batch, heads, queries, d = q.shape
    keys = k.shape[2]
    _check(d)
    if not q.size or not keys:
        return filled(q.shape, 0.0), filled(q.shape[:3], -math.inf)
    o, lse = empty(q.shape), empty(q.shape[:3])
    known, strides = _mask(mask, (batch, heads, queries, keys))
    run(
        forward,
        batch * heads * blocks(queries, ROWS),
        THREADS,
        *map(flat, (q, k, v)),
        known,
        flat(o),
        flat(lse),
        *_numbers(q, k, causal, mask is not None),
        *strides,
    )
    return o, lse


@backward_pass.attention_backward.on("cuda")
def attention_backward_cuda(
    do: CudaArray,
    q: CudaArray,
    k: CudaArray,
    v: CudaArray,
    o: CudaArray,
    lse: CudaArray,
    mask: Any = None,
    causal: bool = False,
) -> tuple[CudaArray, CudaArray, CudaArray]:
    batch, heads, queries, d = q.shape
    keys = k.shape[2]
    _check(d)
    if not q.size or not k.size:
        return filled(q.shape, 0.0), filled(k.shape, 0.0), filled(v.shape, 0.0)
    known, strides = _mask(mask, (batch, heads, queries, keys))
    rows = batch * heads * queries
    delta = empty(rows)
    run(dots, blocks(rows, WARPS), THREADS, flat(do), flat(o), delta, d)
    inputs = (*map(flat, (do, q, k, v)), known, flat(lse), delta)
    numbers = (*_numbers(q, k, causal, mask is not None), *strides)
    dq, dk, dv = empty(q.shape), empty(k.shape), empty(v.shape)
    grid = batch * heads * blocks(queries, SOME)
    run(queries_gradient, grid, THREADS, *inputs, flat(dq), *numbers)
    grid = batch * heads * blocks(keys, SOME)
    run(keys_gradient, grid, THREADS, *inputs, flat(dk), flat(dv), *numbers)
    return dq, dk, dv


def _check(d: int) -> None:
    if d > WIDEST:
        raise ValueError(
            f"attention: heads are {d} wide; on the device they may be {WIDEST}. Use more heads."
        )


def _numbers(q: CudaArray, k: CudaArray, causal: bool, masked: bool) -> tuple[Any, ...]:
    _, heads, queries, d = q.shape
    return queries, k.shape[2], d, d**-0.5, bool(causal), masked, heads


def _mask(mask: Any, shape: tuple[int, ...]) -> tuple[CudaArray, Strides]:
    """The mask in one line and its strides, 0 along axes that it is broadcast over."""
    if mask is None:
        return to_device(np.ones(1, bool)), (0, 0, 0, 0)
    there = mask if isinstance(mask, CudaArray) else to_device(np.asarray(mask, bool))
    lengths = (1,) * (4 - there.ndim) + there.shape
    if any(n not in (1, m) for n, m in zip(lengths, shape, strict=True)):
        raise ValueError(
            f"attention: the mask is {there.shape}. It must broadcast to {shape}, (B, H, Tq, Tk)."
        )
    steps = [0 if lengths[a] == 1 else math.prod(lengths[a + 1 :]) for a in range(4)]
    return flat(there), (steps[0], steps[1], steps[2], steps[3])
