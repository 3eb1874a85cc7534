"""Scaled dot-product attention in tiles: the (Tq, Tk) matrix of scores never exists.

For each block of queries the keys come a block at a time. A running maximum and sum per query make
the softmax exact although no row of scores is ever whole; when the maximum grows, what has been
summed so far shrinks by exp(old - new).

Scores are kept transposed, keys down and queries across. A register then holds one key's scores
for several queries: maxima and sums need no horizontal step, the diagonal hides a prefix of a row,
and only the queries are ever transposed, once a block.

Sources: Milakov & Gimelshein (2018), "Online normalizer calculation for softmax"; Dao, Fu, Ermon,
Rudra & Ré (2022), "FlashAttention". The backward pass is in attention_backward.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import crew, memory, threads
from .block_product import block_product, panel_product
from .elementary import log
from .jit import jit
from .kernel import Call, Kernel, call
from .simd import (
    lanes,
    vadd,
    vexp_flushed,
    vfma,
    viota,
    vload,
    vmax,
    vmul,
    vneg,
    vselect_gt,
    vset1,
    vstore,
    vstore_head,
    vsub,
    vturn,
    vzero,
)
from .strided import empty_like, flat, flat_mask, flat_rows

Array = np.ndarray[Any, Any]
Steps = tuple[int, ...]
Strided = tuple[Array, Steps]  # a flat array and the stride of each axis, in elements

# 64 queries by 64 keys: the turned queries and the scores take 32 KiB at D = 64; with the keys, the
# values and the sums beside them the second cache holds all, the first the panels at work.
QUERIES = 64
KEYS = 64
SPARE = 8  # rows of scores beyond KEYS, for the last register tile
WIDEST = 32  # elements of two registers, on any machine
MACS_PER_ELEMENT = 8  # multiply-adds that cost what an element costs that threads.LEAST counts


def visible(mask: Array | None, causal: bool, shape: tuple[int, ...]) -> Array | None:
    """Which of (B, H, Tq, Tk) may attend; None: all. Causal is aligned with the last key."""
    seen = None if mask is None else np.broadcast_to(np.asarray(mask, bool), shape)
    if causal:
        queries, keys = shape[2:]
        below = np.tri(queries, keys, keys - queries, dtype=bool)
        seen = np.broadcast_to(below, shape) if seen is None else seen & below
    return seen


def attention_oracle(
    q: Array, k: Array, v: Array, *, mask: Array | None = None, causal: bool = False
) -> tuple[Array, Array]:
    """softmax(q k^T / sqrt(D)) v, and the logarithm of each row's sum.

    Args:
        q: (B, H, Tq, D).
        k, v: (B, H, Tk, D).
        mask: boolean, True = may attend, of a shape that broadcasts to (B, H, Tq, Tk).
        causal: query i sees the keys j <= i + Tk - Tq.

    Returns:
        o (B, H, Tq, D), and lse (B, H, Tq): log sum_j exp(s_ij). A row that sees nothing has o = 0
        and lse = -inf.

    Source: Vaswani et al. (2017), "Attention is all you need".
    """
    scores = q @ k.swapaxes(-1, -2) * q.dtype.type(q.shape[-1] ** -0.5)
    seen = visible(mask, causal, scores.shape)
    if seen is not None:
        scores = np.where(seen, scores, q.dtype.type(-np.inf))
    most = scores.max(-1, keepdims=True, initial=-np.inf)
    most = np.where(np.isneginf(most), q.dtype.type(0), most)
    weights = np.exp(scores - most)
    total = weights.sum(-1, keepdims=True)
    with np.errstate(divide="ignore"):
        lse = (most + np.log(total))[..., 0]
    return weights @ v / np.where(total == 0, q.dtype.type(1), total), lse


attention = Kernel("attention", attention_oracle)


@jit
def hide(work: Array, s: int, rows: int, ahead: int) -> None:
    """Where key j lies more than `ahead` beyond query i of this panel, the score is -inf."""
    w = lanes(work)
    never, here = vset1(work, -np.inf), viota(work)
    for j in range(max(0, ahead + 1), rows):
        for i in range(0, 2 * w, w):
            at = s + j * QUERIES + i
            first = vset1(work, j - ahead - i)  # the first query of these that sees the key
            vstore(work, at, vselect_gt(first, here, never, vload(work, at)))


@jit
def look(mask: Array, at: int, row: int, step: int, m: int, n: int) -> int:
    """0: nothing in this block (m, n) of the mask may attend; 2: all of it may; 1: some."""
    some = np.uint8(0)
    every = np.uint8(1)
    for i in range(m):
        line = at + i * row
        if step == 1:
            for allowed in mask[line : line + n]:  # a slice: this loop becomes vector code
                some |= allowed
                every &= allowed
        else:
            for j in range(n):
                some |= mask[line + j * step]
                every &= mask[line + j * step]
    return 2 if every else int(some)


@jit
def hide_masked(
    work: Array, s: int, mask: Array, at: int, row: int, step: int, m: int, n: int
) -> None:
    """Where the mask (m queries, n keys) says no, the score is -inf."""
    never = work.dtype.type(-np.inf)
    for i in range(m):
        for j in range(n):
            o = np.uint64(s + j * QUERIES + i)
            work[o] = work[o] if mask[np.uint64(at + i * row + j * step)] else never


@jit
def turn(
    x: Array, at: int, row: int, step: int, m: int, across: int, d: int, work: Array, o: int
) -> None:
    """work[o + p QUERIES + i] = x[at + i row + p step] for i < m, and 0 from there to `across`."""
    w = lanes(work)
    deep = 0
    if step == 1:
        deep = d // w * w
        for i in range(0, m, w):
            for p in range(0, deep, w):
                vturn(work, o + p * QUERIES + i, QUERIES, x, at + i * row + p, row, m - i)
    for i in range(m):
        for p in range(deep, d):
            work[np.uint64(o + p * QUERIES + i)] = x[np.uint64(at + i * row + p * step)]
    for p in range(d):
        for i in range(m, across):
            work[np.uint64(o + p * QUERIES + i)] = 0


@jit
def online_softmax(work: Array, s: int, stats: int, n: int, scale: float) -> None:
    """Weights exp(scale (score - maximum)) of n keys for two registers of queries, in place.

    `stats` holds the maximum, the sum and the shrinkage, QUERIES elements apart.
    """
    w = lanes(work)
    by = vset1(work, scale)
    old0, old1 = vload(work, stats), vload(work, stats + w)
    max0, max1 = old0, old1
    for j in range(n):
        max0 = vmax(max0, vload(work, s + j * QUERIES))
        max1 = vmax(max1, vload(work, s + j * QUERIES + w))
    shrink0, shrink1 = (
        vexp_flushed(vmul(by, vsub(old0, max0))),
        vexp_flushed(vmul(by, vsub(old1, max1))),
    )
    sum0 = vmul(shrink0, vload(work, stats + QUERIES))
    sum1 = vmul(shrink1, vload(work, stats + QUERIES + w))
    base0, base1 = vneg(vmul(by, max0)), vneg(vmul(by, max1))
    for j in range(n):
        one0 = vexp_flushed(vfma(by, vload(work, s + j * QUERIES), base0))
        one1 = vexp_flushed(vfma(by, vload(work, s + j * QUERIES + w), base1))
        vstore(work, s + j * QUERIES, one0)
        vstore(work, s + j * QUERIES + w, one1)
        sum0 = vadd(sum0, one0)
        sum1 = vadd(sum1, one1)
    vstore(work, stats, max0)
    vstore(work, stats + w, max1)
    vstore(work, stats + QUERIES, sum0)
    vstore(work, stats + QUERIES + w, sum1)
    vstore(work, stats + 2 * QUERIES, shrink0)
    vstore(work, stats + 2 * QUERIES + w, shrink1)


@jit
def shrink(work: Array, sums: int, wide: int, by: int, m: int) -> None:
    """Scale the sums of each query whose maximum has grown."""
    for i in range(m):
        factor = work[np.uint64(by + i)]
        if factor != work.dtype.type(1):
            spread = vset1(work, factor)
            for p in range(sums + i * wide, sums + (i + 1) * wide, lanes(work)):
                vstore(work, p, vmul(spread, vload(work, p)))


@jit
def finish(
    work: Array,
    sums: int,
    wide: int,
    stats: int,
    m: int,
    d: int,
    scale: float,
    out: Array,
    at: int,
    row: int,
    lse: Array,
    line: int,
) -> None:
    """Write o = sums / sum of weights, and lse = scale maximum + log(sum)."""
    w = lanes(work)
    for i in range(m):
        total = work[np.uint64(stats + QUERIES + i)]
        # A query that has seen nothing: log(0) is -inf; its sums may never have been set.
        lse[np.uint64(line + i)] = work[np.uint64(stats + i)] * scale + log(total)
        by = vset1(work, 0 if total == 0 else 1 / total)
        to, held = at + i * row, sums + i * wide
        for p in range(0, d - w + 1, w):
            values = vzero(work) if total == 0 else vload(work, held + p)
            vstore(out, to + p, vmul(by, values))
        rest = d % w
        if rest > 0:
            values = vzero(work) if total == 0 else vload(work, held + d - rest)
            vstore_head(out, to + d - rest, vmul(by, values), rest)


@jit
def flash(
    member: int,
    after: int,
    team: int,
    q: Strided,
    k: Strided,
    v: Strided,
    mask: Strided,
    o: Strided,
    lse: Array,
    dims: Steps,
    scale: float,
    causal: bool,
    masked: bool,
    work: Array,
    room: int,
) -> None:
    """Every `team`-th block of QUERIES queries from block `member` on, so that causal work is even.

    `work` from member * room on is ours; `after` is what follows `member` and has no use.
    """
    heads, queries, keys, d, items = dims
    (q_all, qs), (k_all, ks), (v_all, vs), (allowed, ms), (o_all, os) = q, k, v, mask, o
    panel = 2 * lanes(work)
    wide = (d + panel - 1) // panel * panel
    turned = member * room
    s = turned + d * QUERIES
    stats = s + (KEYS + SPARE) * QUERIES
    sums = stats + 3 * QUERIES
    lowest = work.dtype.type(-3e38 if work.itemsize == 4 else -1e308)
    ahead = keys - queries
    blocks = (queries + QUERIES - 1) // QUERIES
    for item in range(member, items, team):
        bh = item // blocks
        b, h, q0 = bh // heads, bh % heads, item % blocks * QUERIES
        m = min(QUERIES, queries - q0)
        across = (m + panel - 1) // panel * panel
        turn(q_all, b * qs[0] + h * qs[1] + q0 * qs[2], qs[2], qs[3], m, across, d, work, turned)
        for i in range(across):
            work[np.uint64(stats + i)] = lowest
            work[np.uint64(stats + QUERIES + i)] = 0
        started = False
        for k0 in range(0, min(keys, q0 + m + ahead) if causal else keys, KEYS):
            near = q0 + ahead - k0  # the first query of the block sees its keys up to here
            n = min(KEYS, keys - k0, m + near) if causal else min(KEYS, keys - k0)
            diagonal = causal and n - 1 > near
            m_at = b * ms[0] + h * ms[1] + q0 * ms[2] + k0 * ms[3]
            some = look(allowed, m_at, ms[2], ms[3], m, n) if masked else 2
            if some == 0:
                continue
            k_at, v_at = b * ks[0] + h * ks[1] + k0 * ks[2], b * vs[0] + h * vs[1] + k0 * vs[2]
            for i in range(0, across, panel):
                x, r = s + i, min(panel, m - i)
                seen = max(0, min(n, i + panel + near)) if diagonal else n
                panel_product(
                    seen,
                    d,
                    k_all,
                    k_at,
                    ks[2],
                    ks[3],
                    work,
                    turned + i,
                    QUERIES,
                    work,
                    x,
                    QUERIES,
                    False,
                    0,
                    0,
                )
                if diagonal:
                    hide(work, x, seen, i + near)
                if some == 1:
                    hide_masked(work, x, allowed, m_at + i * ms[2], ms[2], ms[3], r, seen)
                online_softmax(work, x, stats + i, seen, scale)
                if started:
                    shrink(work, sums + i * wide, wide, stats + 2 * QUERIES + i, r)
                if diagonal:  # six by six, since the first queries see fewer keys
                    for e in range(i, i + r, 6):
                        to, y = sums + e * wide, min(6, i + r - e)
                        seen = max(0, min(n, e + y + near))
                        block_product(
                            y,
                            d,
                            seen,
                            work,
                            s + e,
                            1,
                            QUERIES,
                            v_all,
                            v_at,
                            vs[2],
                            work,
                            to,
                            wide,
                            started,
                        )
            if not diagonal:
                block_product(
                    m, d, n, work, s, 1, QUERIES, v_all, v_at, vs[2], work, sums, wide, started
                )
            started = True
        at = b * os[0] + h * os[1] + q0 * os[2]
        finish(work, sums, wide, stats, m, d, scale, o_all, at, os[2], lse, bh * queries + q0)


NO_MASK = np.ones(1, np.uint8)


@attention.on("cpu")
def attention_cpu(
    q: Array, k: Array, v: Array, *, mask: Array | None = None, causal: bool = False
) -> tuple[Array, Array]:
    """Temporary memory: one block of queries and one of scores a thread."""
    batch, heads, queries, d = q.shape
    keys = k.shape[2]
    o, lse = empty_like(q), memory.empty((batch, heads, queries), q.dtype)
    if o.size == 0:
        if lse.size:
            return attention_oracle(q, k, v, mask=mask, causal=causal)
        return o, lse
    items = batch * heads * (-(-queries // QUERIES))
    team = min(items, threads.split(batch * heads * queries * keys * d // MACS_PER_ELEMENT))
    room = (d + KEYS + SPARE + 3) * QUERIES + QUERIES * (d + WIDEST)
    work = memory.empty(team * room, q.dtype)
    hidden = (NO_MASK, (0, 0, 0, 0)) if mask is None else flat_mask(mask)
    given = flat(q), flat(k), flat_rows(v), hidden, flat(o), lse.reshape(-1)
    how = (heads, queries, keys, d, items), q.dtype.type(d**-0.5), bool(causal), mask is not None

    if team == 1:
        flash(0, 1, 1, *given, *how, work, room)
    else:
        crew.run(flash, 0, team, team, team, *given, *how, work, room)
    return o, lse


@attention.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    """Ragged, long, short, unequal, masked and empty; heads that are views; sizes beyond a panel."""

    def arrays(batch: int, heads: int, queries: int, keys: int, d: int) -> list[Array]:
        shapes = (batch, heads, queries, d), (batch, heads, keys, d), (batch, heads, keys, d)
        return [rng.standard_normal(shape).astype(dtype) for shape in shapes]

    def views(batch: int, heads: int, time: int, d: int) -> list[Array]:
        return [
            rng.standard_normal((batch, time, heads, d)).astype(dtype).transpose(0, 2, 1, 3)
            for _ in range(3)
        ]

    some = rng.random((2, 1, 9, 70)) < 0.5
    some[0, 0, 3] = False
    blocks = np.zeros((70, 70), bool)
    blocks[:64, 64:] = blocks[64:, :64] = True
    return [
        call(*arrays(1, 2, 70, 70, 17), causal=True),
        call(*arrays(2, 2, 9, 70, 5), mask=some),
        call(*arrays(1, 1, 70, 70, 8), mask=blocks),
        call(*arrays(1, 1, 70, 70, 8), mask=blocks.T[:1], causal=True),
        call(*arrays(1, 1, 70, 9, 33), causal=True),
        call(*arrays(1, 1, 9, 70, 66), causal=True),
        call(*views(2, 2, 13, 32)),
        call(*[one[..., ::-1] for one in arrays(1, 1, 3, 4, 6)]),
        call(*[one[:, :, ::2, ::2] for one in arrays(1, 1, 6, 6, 8)]),
        call(*arrays(1, 1, 1, 1, 1), causal=True),
        call(*arrays(0, 2, 4, 4, 8)),
        call(*arrays(1, 2, 4, 0, 8)),
        call(*arrays(1, 2, 0, 4, 8), causal=True),
    ]
