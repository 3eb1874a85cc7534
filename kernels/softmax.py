"""Softmax, its logarithm, the logarithm of a sum of exponentials, and the gradients, along rows.

The maximum of a row is taken off first, so that no exponential overflows. Three passes over a row
that lies in the nearest cache: maximum; exponentials and their sum; scaling.

Source: Blanchard, Higham & Higham (2021), "Accurately computing the log-sum-exp and softmax
functions".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .elementary import exp_nonpositive, larger, log
from .kernel import Call, Kernel, call
from .loops import AHEAD, empty, empty_like, like, loop, vector_loop
from .memory import past_cache
from .row_samples import row_samples
from .simd import (
    fence,
    lanes,
    prefetch,
    vadd,
    vdiv,
    vexp_nonpositive,
    vfma,
    vhmax,
    vhsum,
    viota,
    vload,
    vload_head,
    vmax,
    vmul,
    vselect_gt,
    vset1,
    vstore,
    vstore_head,
    vstream,
    vsub,
    vzero,
)


def softmax_oracle(x: Any, out: Any = None) -> Any:
    """exp(x) / sum(exp(x)) along the rows of x (R, C), in `out` (R, C) where it is given.

    -inf gives 0. A row that is all -inf, or holds inf or NaN, is NaN throughout.
    """
    with np.errstate(invalid="ignore"):
        e = np.exp(x - x.max(axis=1, keepdims=True, initial=-np.inf))
        return np.divide(e, e.sum(axis=1, keepdims=True), out=out)


def softmax_backward_oracle(g: Any, out: Any) -> Any:
    """The gradient of x, given that of the output and the output: out * (g - sum(g * out))."""
    return out * (g - (g * out).sum(axis=1, keepdims=True))


def log_softmax_oracle(x: Any) -> Any:
    """x - log(sum(exp(x))) along the rows of x (R, C); where softmax is NaN, so is this."""
    with np.errstate(invalid="ignore", divide="ignore"):
        shifted = x - x.max(axis=1, keepdims=True, initial=-np.inf)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def log_softmax_backward_oracle(g: Any, out: Any) -> Any:
    """The gradient of x, given that of the output and the output: g - exp(out) * sum(g)."""
    return g - np.exp(out) * g.sum(axis=1, keepdims=True)


def logsumexp_oracle(x: Any) -> Any:
    """log(sum(exp(x))) (R,) along the rows of x (R, C); -inf for a row of -inf, inf with an inf."""
    top = x.max(axis=1, keepdims=True, initial=-np.inf)
    top = np.where(np.isinf(top), np.zeros_like(top), top)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(x - top).sum(axis=1)) + top[:, 0]


softmax = Kernel("softmax", softmax_oracle, ulps=8)
softmax_backward = Kernel("softmax_backward", softmax_backward_oracle, ulps=32)
log_softmax = Kernel("log_softmax", log_softmax_oracle, ulps=8)
log_softmax_backward = Kernel("log_softmax_backward", log_softmax_backward_oracle, ulps=32)
logsumexp = Kernel("logsumexp", logsumexp_oracle, ulps=8)


def _matrices(dtype: Any, rng: np.random.Generator) -> list[Any]:
    masked = rng.normal(size=(6, 21)).astype(dtype)
    masked[0, 4:] = -np.inf
    masked[1, :] = -np.inf
    masked[2, 7], masked[3, 9] = np.inf, np.nan
    masked[4] *= 1e5
    masked[5, 0] = 1e5
    return [*row_samples(dtype, rng), masked]


@log_softmax.samples
@logsumexp.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    return [call(x) for x in _matrices(dtype, rng)]


@softmax.samples
def samples_with_out(dtype: Any, rng: np.random.Generator) -> list[Call]:
    matrices = _matrices(dtype, rng)
    room = np.zeros((70, 74), dtype)
    return [
        *(call(x) for x in matrices),
        call(matrices[2], out=np.zeros((70, 37), dtype)),
        call(matrices[2], out=room[:, ::2]),
    ]


@softmax_backward.samples
@log_softmax_backward.samples
def backward_samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    return [
        call(rng.normal(size=x.shape).astype(dtype), -np.abs(x) / 10)
        for x in row_samples(dtype, rng)
    ]


@vector_loop
def softmax_loop(start: int, stop: int, x: Any, out: Any, stream: bool) -> None:
    """Three rows at a time: the maximum of one, the exponentials of the one before it, the scaling
    of the one before that. So the ends of the rows, where a sum waits for its last lane, are hidden.
    """
    columns, s = x.shape[1], lanes(x)
    whole = columns // s * s
    rest = columns - whole
    wide = whole + s
    room = np.empty(2 * wide, x.dtype)  # the exponentials of two rows
    lowest, zero = vset1(x, -np.inf), vzero(x)
    order, count = viota(x), vset1(x, rest)
    t0 = lowest
    at = start * columns
    for j in range(0, whole, s):
        t0 = vmax(t0, vload(x, at + j))
    if rest:
        t0 = vmax(t0, vselect_gt(count, order, vload_head(x, at + whole, rest), lowest))
    top = vhmax(t0)
    scale = zero
    for i in range(start, stop):
        at = i * columns
        ahead = min(i + 1, stop - 1) * columns
        behind = max(i - 1, start) * columns  # in the first turn it writes what the second corrects
        here = (i & 1) * wide
        there = wide - here
        shift = vset1(x, top)
        t0, s0 = lowest, zero
        for j in range(0, whole, s):
            prefetch(x, ahead + j + AHEAD)
            t0 = vmax(t0, vload(x, ahead + j))
            e0 = vexp_nonpositive(vsub(vload(x, at + j), shift))
            y0 = vmul(vload(room, there + j), scale)
            vstore(room, here + j, e0)
            s0 = vadd(s0, e0)
            if stream:
                vstream(out, behind + j, y0)
            else:
                prefetch(out, behind + j + AHEAD)
                vstore(out, behind + j, y0)
        if rest:
            t0 = vmax(t0, vselect_gt(count, order, vload_head(x, ahead + whole, rest), lowest))
            e0 = vexp_nonpositive(vsub(vload_head(x, at + whole, rest), shift))
            y0 = vmul(vload(room, there + whole), scale)
            vstore(room, here + whole, e0)
            s0 = vadd(s0, vselect_gt(count, order, e0, zero))
            vstore_head(out, behind + whole, y0, rest)
        top = vhmax(t0)
        scale = vdiv(vset1(x, 1.0), vset1(x, vhsum(s0)))
    behind = (stop - 1) * columns
    there = ((stop - 1) & 1) * wide
    for j in range(0, whole, s):
        y0 = vmul(vload(room, there + j), scale)
        if stream:
            vstream(out, behind + j, y0)
        else:
            vstore(out, behind + j, y0)
    if rest:
        vstore_head(out, behind + whole, vmul(vload(room, there + whole), scale), rest)
    if stream:
        fence()


@vector_loop
def softmax_backward_loop(start: int, stop: int, g: Any, out: Any, dx: Any, stream: bool) -> None:
    """Two rows at a time: the product of one, the result of the one before it."""
    columns, s = out.shape[1], lanes(out)
    whole = columns // s * s
    rest = columns - whole
    before = vzero(out)
    for i in range(start, stop + 1):
        at = min(i, stop - 1) * columns
        behind = max(i - 1, start) * columns
        written = i > start
        dot = vzero(out)
        for j in range(0, whole, s):
            prefetch(g, at + j + AHEAD)
            prefetch(out, at + j + AHEAD)
            dot = vfma(vload(g, at + j), vload(out, at + j), dot)
            made = vmul(vload(out, behind + j), vsub(vload(g, behind + j), before))
            if written and stream:
                vstream(dx, behind + j, made)
            elif written:
                prefetch(dx, behind + j + AHEAD)
                vstore(dx, behind + j, made)
        if rest:
            n = rest
            dot = vfma(vload_head(g, at + whole, n), vload_head(out, at + whole, n), dot)
            made = vsub(vload_head(g, behind + whole, n), before)
            made = vmul(vload_head(out, behind + whole, n), made)
            if written:
                vstore_head(dx, behind + whole, made, n)
        before = vset1(out, vhsum(dot))
    if stream:
        fence()


@vector_loop
def log_softmax_loop(start: int, stop: int, x: Any, out: Any, stream: bool) -> None:
    """Three rows at a time, as in softmax: maximum, sum of exponentials, result."""
    columns, s = x.shape[1], lanes(x)
    whole = columns // s * s
    rest = columns - whole
    lowest, zero = vset1(x, -np.inf), vzero(x)
    order, count = viota(x), vset1(x, rest)
    top, shift, before = zero, zero, zero
    for i in range(start, stop + 2):
        first = min(i, stop - 1) * columns
        second = min(max(i - 1, start), stop - 1) * columns
        third = max(i - 2, start) * columns
        written = i - 2 >= start
        most, total = lowest, zero
        for j in range(0, whole, s):
            prefetch(x, first + j + AHEAD)
            most = vmax(most, vload(x, first + j))
            total = vadd(total, vexp_nonpositive(vsub(vload(x, second + j), top)))
            # In this order: near 1e5 the sum of both would lose the digits of the second.
            made = vsub(vsub(vload(x, third + j), before), shift)
            if written and stream:
                vstream(out, third + j, made)
            elif written:
                prefetch(out, third + j + AHEAD)
                vstore(out, third + j, made)
        if rest:
            ahead = vload_head(x, first + whole, rest)
            most = vmax(most, vselect_gt(count, order, ahead, lowest))
            e = vexp_nonpositive(vsub(vload_head(x, second + whole, rest), top))
            total = vadd(total, vselect_gt(count, order, e, zero))
            made = vsub(vsub(vload_head(x, third + whole, rest), before), shift)
            if written:
                vstore_head(out, third + whole, made, rest)
        before = top
        shift = vset1(x, log(vhsum(total)))
        top = vset1(x, vhmax(most))
    if stream:
        fence()


@loop
def log_softmax_backward_loop(start: int, stop: int, g: Any, out: Any, dx: Any) -> None:
    zero = g.dtype.type(0)
    for i in range(start, stop):
        gradient, y, d = g[i], out[i], dx[i]
        total = zero
        for j in range(y.size):
            total += gradient[j]
        for j in range(y.size):
            d[j] = gradient[j] - exp_nonpositive(y[j]) * total


@loop
def logsumexp_loop(start: int, stop: int, x: Any, out: Any) -> None:
    zero, inf = x.dtype.type(0), x.dtype.type(np.inf)
    for i in range(start, stop):
        row = x[i]
        top = row[0]
        for j in range(row.size):
            top = larger(top, row[j])
        if top == inf:
            out[i] = top
            for j in range(row.size):
                if row[j] != row[j]:
                    out[i] = row[j]
        else:
            shift = zero if top == -inf else top
            total = zero
            for j in range(row.size):
                total += exp_nonpositive(row[j] - shift)
            out[i] = log(total) + shift


@softmax.on("cpu")
def softmax_cpu(x: Any, out: Any = None) -> Any:
    if out is not None and (
        out.shape != x.shape or out.dtype != x.dtype or not out.flags.c_contiguous
    ):
        out[...] = softmax_cpu(x)
        return out
    if x.size == 0:
        return softmax_oracle(x, out)
    if out is None:
        out = empty_like(x)
    softmax_loop(0, x.shape[0], np.ascontiguousarray(x), out, past_cache(out))
    return out


@log_softmax.on("cpu")
def log_softmax_cpu(x: Any) -> Any:
    out = empty_like(x)
    if x.size:
        log_softmax_loop(0, x.shape[0], np.ascontiguousarray(x), out, past_cache(out))
    return out


@logsumexp.on("cpu")
def logsumexp_cpu(x: Any) -> Any:
    if x.size == 0:
        return logsumexp_oracle(x)
    out = empty(x.shape[0], x.shape[0], x.dtype)
    logsumexp_loop(0, x.shape[0], np.ascontiguousarray(x), out)
    return out


@softmax_backward.on("cpu")
def softmax_backward_cpu(g: Any, out: Any) -> Any:
    dx = empty_like(out)
    if out.size:
        softmax_backward_loop(
            0,
            out.shape[0],
            np.ascontiguousarray(like(g, out)),
            np.ascontiguousarray(out),
            dx,
            past_cache(dx),
        )
    return dx


@log_softmax_backward.on("cpu")
def log_softmax_backward_cpu(g: Any, out: Any) -> Any:
    dx = empty_like(out)
    log_softmax_backward_loop(
        0, out.shape[0], np.ascontiguousarray(like(g, out)), np.ascontiguousarray(out), dx
    )
    return dx
