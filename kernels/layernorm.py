"""Layer normalisation of rows and its gradients, each in one walk over rows that lie in the cache.

Source: Ba, Kiros & Hinton (2016), "Layer normalization".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import jit
from .kernel import Call, Kernel, call
from .loops import AHEAD, empty, empty_like, like, loop, vector_loop
from .memory import past_cache
from .simd import (
    fence,
    lanes,
    prefetch,
    vadd,
    vdiv,
    vfma,
    vhsum,
    viota,
    vlane,
    vload,
    vload_head,
    vmul,
    vselect_gt,
    vset1,
    vsqrt,
    vstore,
    vstore_head,
    vstream,
    vsub,
    vzero,
)

BLOCK = 64  # rows whose gradients of gamma and beta are summed before they join the others


def layer_norm_oracle(
    x: Any, gamma: Any, beta: Any, eps: float = 1e-5, out: Any = None
) -> tuple[Any, Any, Any]:
    """(x - mean) / sqrt(var + eps) * gamma + beta along the rows of x (R, C), var biased.

    Args:
        gamma, beta: (C,).
        out: (R, C), becomes y where it is given.

    Returns:
        (y, mean, rstd): (R, C), (R,) and (R,) with rstd = 1 / sqrt(var + eps).
    """
    count = max(1, x.shape[1])
    mean = x.sum(axis=1) / x.dtype.type(count)
    centred = x - mean[:, None]
    var = (centred * centred).sum(axis=1) / x.dtype.type(count)
    rstd = 1 / np.sqrt(var + x.dtype.type(eps))
    return np.add(centred * rstd[:, None] * gamma, beta, out=out), mean, rstd


def layer_norm_backward_oracle(
    g: Any, x: Any, gamma: Any, mean: Any, rstd: Any
) -> tuple[Any, Any, Any]:
    """The gradients (dx, dgamma, dbeta), given that of y, the input and what the forward saved.

    With h = (x - mean) * rstd and t = g * gamma: dx = rstd * (t - mean(t) - h * mean(t * h)).
    """
    h = (x - mean[:, None]) * rstd[:, None]
    t = g * gamma
    count = x.dtype.type(max(1, x.shape[1]))
    first = t.sum(axis=1, keepdims=True) / count
    second = (t * h).sum(axis=1, keepdims=True) / count
    return rstd[:, None] * (t - first - h * second), (g * h).sum(axis=0), g.sum(axis=0)


layer_norm = Kernel("layer_norm", layer_norm_oracle, ulps=32)
layer_norm_backward = Kernel("layer_norm_backward", layer_norm_backward_oracle, ulps=128)


def _draw(dtype: Any, rng: np.random.Generator) -> list[tuple[Any, Any, Any]]:
    def some(*shape: int) -> Any:
        return rng.normal(size=shape).astype(dtype)

    return [
        (some(3, 5), some(5), some(5)),
        (some(2, 64) * 5 + 3, some(64), some(64)),
        (some(150, 37), some(37), some(37)),
        (some(2, 1), some(1), some(1)),
        (some(0, 4), some(4), some(4)),
        (some(3, 0), some(0), some(0)),
        (some(9, 6).T, some(18)[::2], some(18)[::-2]),
    ]


@layer_norm.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    drawn = _draw(dtype, rng)
    return [
        *(call(*one, eps=1e-3 if len(one[0]) == 2 else 1e-5) for one in drawn),
        call(*drawn[0], out=np.zeros((3, 5), dtype)),
        call(*drawn[0], out=np.zeros((3, 10), dtype)[:, ::2]),
    ]


@layer_norm_backward.samples
def backward_samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    made = []
    for x, gamma, beta in _draw(dtype, rng):
        _, mean, rstd = layer_norm_oracle(x, gamma, beta, 1e-2)
        made.append(call(rng.normal(size=x.shape).astype(dtype), x, gamma, mean, rstd))
    return made


@vector_loop
def layer_norm_loop(
    start: int,
    stop: int,
    x: Any,
    gamma: Any,
    beta: Any,
    eps: float,
    y: Any,
    mean: Any,
    rstd: Any,
    stream: bool,
) -> None:
    """Three rows at a time: the sum of one, the squares of the one before it, the result of the one
    before that. So the ends of the rows, where a sum waits for its last lane, are hidden.
    """
    columns, s = x.shape[1], lanes(x)
    whole = columns // s * s
    rest = columns - whole
    share = vset1(x, 1.0 / max(1, columns))
    least, one, zero = vset1(x, eps), vset1(x, 1.0), vzero(x)
    order, count = viota(x), vset1(x, rest)
    total, middle, scale, before = zero, zero, zero, zero
    turns = stop - start + 2 if stop > start else 0
    for i in range(start, start + turns):  # row i is summed, i - 1 squared, i - 2 written
        first = min(i, stop - 1) * columns
        second = min(max(i - 1, start), stop - 1) * columns
        third = max(i - 2, start) * columns
        written = i - 2 >= start
        total, squares = zero, zero
        for j in range(0, whole, s):
            prefetch(x, first + j + AHEAD)
            total = vadd(total, vload(x, first + j))
            centred = vsub(vload(x, second + j), middle)
            squares = vfma(centred, centred, squares)
            made = vmul(vsub(vload(x, third + j), before), scale)
            made = vfma(made, vload(gamma, j), vload(beta, j))
            if written and stream:
                vstream(y, third + j, made)
            elif written:
                prefetch(y, third + j + AHEAD)
                vstore(y, third + j, made)
        if rest:
            total = vadd(total, vload_head(x, first + whole, rest))
            centred = vsub(vload_head(x, second + whole, rest), middle)
            squares = vselect_gt(count, order, vfma(centred, centred, squares), squares)
            made = vmul(vsub(vload_head(x, third + whole, rest), before), scale)
            made = vfma(made, vload_head(gamma, whole, rest), vload_head(beta, whole, rest))
            if written:
                vstore_head(y, third + whole, made, rest)
        before = middle
        middle = vmul(vset1(x, vhsum(total)), share)
        scale = vdiv(one, vsqrt(vfma(vset1(x, vhsum(squares)), share, least)))
        if i < stop:
            mean[i] = vlane(middle, 0)
        if start < i <= stop:
            rstd[i - 1] = vlane(scale, 0)
    if stream:
        fence()


@loop
def layer_norm_backward_loop(
    start: int,
    stop: int,
    x: Any,
    g: Any,
    gamma: Any,
    mean: Any,
    rstd: Any,
    dx: Any,
    parts: Any,
) -> None:
    """`parts` (blocks, 2, C) receives the sums for gamma and beta of each block of rows."""
    rows, columns = x.shape
    zero = x.dtype.type(0)
    share = x.dtype.type(1.0 / max(1, columns))
    for b in range(start, stop):
        dgamma, dbeta = parts[b, 0], parts[b, 1]
        dgamma[:] = zero
        dbeta[:] = zero
        for i in range(b * BLOCK, min(rows, (b + 1) * BLOCK)):
            row, gradient, d = x[i], g[i], dx[i]
            middle, scale = mean[i], rstd[i]
            first, second = zero, zero
            for j in range(columns):
                h = (row[j] - middle) * scale
                t = gradient[j] * gamma[j]
                first += t
                second += t * h
                dgamma[j] += gradient[j] * h
                dbeta[j] += gradient[j]
            first *= share
            second *= share
            for j in range(columns):
                h = (row[j] - middle) * scale
                d[j] = scale * (gradient[j] * gamma[j] - first - h * second)


@jit
def add_parts(parts: Any) -> None:
    """The sums of all blocks, in their order, in the place of the first."""
    total = parts[0]
    for b in range(1, parts.shape[0]):
        part = parts[b]
        for k in range(2):
            for j in range(parts.shape[2]):
                total[k, j] += part[k, j]


@layer_norm.on("cpu")
def layer_norm_cpu(
    x: Any, gamma: Any, beta: Any, eps: float = 1e-5, out: Any = None
) -> tuple[Any, Any, Any]:
    rows, columns = x.shape
    _check("layer_norm", columns, gamma, beta)
    if out is not None and (
        out.shape != x.shape or out.dtype != x.dtype or not out.flags.c_contiguous
    ):
        y, mean, rstd = layer_norm_cpu(x, gamma, beta, eps)
        out[...] = y
        return out, mean, rstd
    y = empty_like(x) if out is None else out
    mean, rstd = empty(rows, rows, x.dtype), empty(rows, rows, x.dtype)
    layer_norm_loop(
        0,
        rows,
        np.ascontiguousarray(x),
        np.ascontiguousarray(gamma),
        np.ascontiguousarray(beta),
        float(eps),
        y,
        mean,
        rstd,
        past_cache(y),
    )
    return y, mean, rstd


@layer_norm_backward.on("cpu")
def layer_norm_backward_cpu(
    g: Any, x: Any, gamma: Any, mean: Any, rstd: Any
) -> tuple[Any, Any, Any]:
    rows, columns = x.shape
    _check("layer_norm_backward", columns, gamma)
    _check("layer_norm_backward", rows, mean, rstd)
    dx = empty_like(x)
    blocks = max(1, (rows + BLOCK - 1) // BLOCK)
    parts = empty((blocks, 2, columns), 2 * blocks * columns, x.dtype)
    layer_norm_backward_loop(
        0,
        blocks,
        np.ascontiguousarray(x),
        np.ascontiguousarray(like(g, x)),
        np.ascontiguousarray(gamma),
        np.ascontiguousarray(mean),
        np.ascontiguousarray(rstd),
        dx,
        parts,
    )
    if blocks > 1:
        add_parts(parts)
        return dx, parts[0, 0].copy(), parts[0, 1].copy()
    return dx, parts[0, 0], parts[0, 1]


def _check(name: str, size: int, *vectors: Any) -> None:
    for one in vectors:
        if one.shape != (size,):
            raise ValueError(
                f"{name}: a vector is {one.shape}. Beside this x it must be ({size},)."
            )
