"""The gradients of attention in tiles: the weights are made again from lse, never kept.

With P = exp(S - lse), S = scale q k^T, and dP = do v^T, the softmax's gradient needs one number a
query: delta = sum(do o) is the sum of P dP over the keys. Then dS = scale P (dP - delta),
dv = P^T do, dq = dS k and dk = dS^T q, five products a tile.

As in attention.py, tiles are transposed, keys down and queries across; q and do are turned once a
block of queries. dk and dv grow in their places, block by block of the queries.

Source: Dao, Fu, Ermon, Rudra & Ré (2022), "FlashAttention", algorithm 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import crew, memory, threads
from .attention import (
    KEYS,
    MACS_PER_ELEMENT,
    NO_MASK,
    QUERIES,
    SPARE,
    Array,
    Steps,
    Strided,
    attention_oracle,
    hide,
    hide_masked,
    look,
    turn,
    visible,
)  # fmt: skip
from .attention import samples as forward_samples
from .block_product import block_product, panel_product
from .jit import jit
from .kernel import Call, Kernel, call
from .simd import lanes, vexp_flushed, vfma, vload, vmul, vneg, vset1, vstore, vsub
from .strided import empty_like, flat, flat_mask, flat_rows


def attention_backward_oracle(
    do: Array,
    q: Array,
    k: Array,
    v: Array,
    o: Array,
    lse: Array,
    *,
    mask: Array | None = None,
    causal: bool = False,
) -> tuple[Array, Array, Array]:
    """The gradients of q, k and v where that of o is `do`.

    Args:
        do: (B, H, Tq, D).
        q, k, v, mask, causal: what `attention` was called with.
        o, lse: what it gave.

    Returns:
        dq (B, H, Tq, D), dk and dv (B, H, Tk, D). A row that saw nothing has gradient 0.
    """
    scale = q.dtype.type(q.shape[-1] ** -0.5)
    scores = q @ k.swapaxes(-1, -2) * scale
    sees = np.isfinite(lse)[..., None]
    weights = np.exp(np.where(sees, scores - np.where(sees, lse[..., None], 0), -np.inf))
    seen = visible(mask, causal, scores.shape)
    if seen is not None:
        weights = np.where(seen, weights, 0)
    weights = weights.astype(q.dtype)
    delta = (do * o).sum(-1, keepdims=True)
    ds = weights * (do @ v.swapaxes(-1, -2) - delta) * scale
    return ds @ k, ds.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ do


attention_backward = Kernel("attention_backward", attention_backward_oracle, ulps=256.0)


@jit
def weigh(work: Array, s: int, ds: int, stats: int, n: int, scale: float) -> None:
    """Scores become weights, their gradients become dS, for n keys and two registers of queries.

    `stats` holds lse and, QUERIES elements on, delta.
    """
    w = lanes(work)
    by = vset1(work, scale)
    base0, base1 = vneg(vload(work, stats)), vneg(vload(work, stats + w))
    delta0, delta1 = vload(work, stats + QUERIES), vload(work, stats + QUERIES + w)
    for j in range(0, n * QUERIES, QUERIES):
        p0 = vexp_flushed(vfma(by, vload(work, s + j), base0))
        p1 = vexp_flushed(vfma(by, vload(work, s + j + w), base1))
        vstore(work, s + j, p0)
        vstore(work, s + j + w, p1)
        vstore(work, ds + j, vmul(vmul(by, p0), vsub(vload(work, ds + j), delta0)))
        vstore(work, ds + j + w, vmul(vmul(by, p1), vsub(vload(work, ds + j + w), delta1)))


@jit
def clear(work: Array, s: int, first: int, end: int) -> None:
    """Rows `first` to `end` of one panel become 0."""
    zero = vset1(work, 0)
    for j in range(first, end):
        vstore(work, s + j * QUERIES, zero)
        vstore(work, s + j * QUERIES + lanes(work), zero)


@jit
def fill_zero(x: Array, at: int, row: int, m: int, d: int) -> None:
    """x (m, d), rows contiguous, becomes 0."""
    for i in range(m):
        for p in range(d):
            x[np.uint64(at + i * row + p)] = 0


@jit
def gather_stats(
    do: Array,
    at: int,
    row: int,
    o: Array,
    o_at: int,
    o_row: int,
    lse: Array,
    line: int,
    m: int,
    across: int,
    d: int,
    work: Array,
    stats: int,
) -> None:
    """lse and delta of m queries; where a query saw nothing, or is none, every weight will be 0."""
    kind = work.dtype.type
    for i in range(across):
        work[np.uint64(stats + i)] = kind(np.inf)
        work[np.uint64(stats + QUERIES + i)] = 0
    for i in range(m):
        held = lse[np.uint64(line + i)]
        if held != kind(-np.inf):
            work[np.uint64(stats + i)] = held
        total = kind(0)
        for p in range(d):
            total += do[np.uint64(at + i * row + p)] * o[np.uint64(o_at + i * o_row + p)]
        work[np.uint64(stats + QUERIES + i)] = total


@jit
def flash_backward(
    member: int,
    after: int,
    team: int,
    do: Strided,
    q: Strided,
    k: Strided,
    v: Strided,
    o: Strided,
    lse: Array,
    mask: Strided,
    dq: Strided,
    dk: Strided,
    dv: Strided,
    dims: Steps,
    scale: float,
    causal: bool,
    masked: bool,
    work: Array,
    room: int,
) -> None:
    """Every `team`-th of the B H heads from `member` on; `work` from member * room on is ours."""
    heads, queries, keys, d, items = dims
    (g_all, gs), (q_all, qs), (k_all, ks), (v_all, vs), (o_all, os) = do, q, k, v, o
    (allowed, ms), (dq_all, dqs), (dk_all, dks), (dv_all, dvs) = mask, dq, dk, dv
    panel = 2 * lanes(work)
    q_turned = member * room
    g_turned = q_turned + d * QUERIES
    s = g_turned + d * QUERIES
    ds = s + (KEYS + SPARE) * QUERIES
    stats = ds + (KEYS + SPARE) * QUERIES
    ahead = keys - queries
    for bh in range(member, items, team):
        b, h = bh // heads, bh % heads
        fill_zero(dk_all, b * dks[0] + h * dks[1], dks[2], keys, d)
        fill_zero(dv_all, b * dvs[0] + h * dvs[1], dvs[2], keys, d)
        for q0 in range(0, queries, QUERIES):
            m = min(QUERIES, queries - q0)
            across = (m + panel - 1) // panel * panel
            q_at = b * qs[0] + h * qs[1] + q0 * qs[2]
            g_at = b * gs[0] + h * gs[1] + q0 * gs[2]
            o_at = b * os[0] + h * os[1] + q0 * os[2]
            dq_at = b * dqs[0] + h * dqs[1] + q0 * dqs[2]
            turn(q_all, q_at, qs[2], 1, m, across, d, work, q_turned)
            turn(g_all, g_at, gs[2], 1, m, across, d, work, g_turned)
            line = bh * queries + q0
            gather_stats(
                g_all, g_at, gs[2], o_all, o_at, os[2], lse, line, m, across, d, work, stats
            )
            fill_zero(dq_all, dq_at, dqs[2], m, d)
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
                    x, y = s + i, ds + i
                    seen = max(0, min(n, i + panel + near)) if diagonal else n
                    panel_product(
                        seen,
                        d,
                        k_all,
                        k_at,
                        ks[2],
                        1,
                        work,
                        q_turned + i,
                        QUERIES,
                        work,
                        x,
                        QUERIES,
                        False,
                        0,
                        0,
                    )
                    panel_product(
                        seen,
                        d,
                        v_all,
                        v_at,
                        vs[2],
                        1,
                        work,
                        g_turned + i,
                        QUERIES,
                        work,
                        y,
                        QUERIES,
                        False,
                        0,
                        0,
                    )
                    if diagonal:
                        hide(work, x, seen, i + near)
                        clear(work, x, seen, n)
                        clear(work, y, seen, n)
                    if some == 1:
                        r = min(panel, m - i)
                        hide_masked(work, x, allowed, m_at + i * ms[2], ms[2], ms[3], r, seen)
                    weigh(work, x, y, stats + i, seen, scale)
                # On the diagonal, six rows at a time: early queries see fewer keys, late keys are
                # seen by fewer queries.
                rows = 6 if diagonal else m
                for i in range(0, m, rows):
                    r = min(rows, m - i)
                    seen = max(0, min(n, i + r + near)) if diagonal else n
                    block_product(
                        r,
                        d,
                        seen,
                        work,
                        ds + i,
                        1,
                        QUERIES,
                        k_all,
                        k_at,
                        ks[2],
                        dq_all,
                        dq_at + i * dqs[2],
                        dqs[2],
                        True,
                    )
                rows = 6 if diagonal else n
                for j in range(0, n, rows):
                    r, i = min(rows, n - j), min(m, max(0, j - near)) if diagonal else 0
                    dv_at = b * dvs[0] + h * dvs[1] + (k0 + j) * dvs[2]
                    block_product(
                        r,
                        d,
                        m - i,
                        work,
                        s + j * QUERIES + i,
                        QUERIES,
                        1,
                        g_all,
                        g_at + i * gs[2],
                        gs[2],
                        dv_all,
                        dv_at,
                        dvs[2],
                        True,
                    )
                    dk_at = b * dks[0] + h * dks[1] + (k0 + j) * dks[2]
                    block_product(
                        r,
                        d,
                        m - i,
                        work,
                        ds + j * QUERIES + i,
                        QUERIES,
                        1,
                        q_all,
                        q_at + i * qs[2],
                        qs[2],
                        dk_all,
                        dk_at,
                        dks[2],
                        True,
                    )


@attention_backward.on("cpu")
def attention_backward_cpu(
    do: Array,
    q: Array,
    k: Array,
    v: Array,
    o: Array,
    lse: Array,
    *,
    mask: Array | None = None,
    causal: bool = False,
) -> tuple[Array, Array, Array]:
    """Temporary memory: two turned blocks of queries and two tiles a thread."""
    batch, heads, queries, d = q.shape
    keys = k.shape[2]
    dq, dk, dv = empty_like(q), empty_like(k), empty_like(v)
    if 0 in (batch * heads * d, queries, keys):
        for made in (dq, dk, dv):
            made.fill(0)
        return dq, dk, dv
    items = batch * heads
    team = min(items, threads.split(items * queries * keys * d // MACS_PER_ELEMENT))
    room = 2 * (d + KEYS + SPARE + 1) * QUERIES
    work = memory.empty(team * room, q.dtype)
    hidden = (NO_MASK, (0, 0, 0, 0)) if mask is None else flat_mask(mask)
    how = (heads, queries, keys, d, items), q.dtype.type(d**-0.5), bool(causal), mask is not None
    given: Any = (
        *[flat_rows(one) for one in (do, q, k, v, o)],
        flat(np.ascontiguousarray(lse))[0],
        hidden,
        *[flat(one) for one in (dq, dk, dv)],
        *how,
        work,
        room,
    )
    if team == 1:
        flash_backward(0, 1, 1, *given)
    else:
        crew.run(flash_backward, 0, team, team, team, *given)
    return dq, dk, dv


@attention_backward.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    """Those of the forward pass, with a gradient for each."""
    made = []
    for arrays, params in forward_samples(dtype, rng):
        o, lse = attention_oracle(*arrays, **params)
        made.append(
            call(np.asarray(rng.standard_normal(o.shape), dtype), *arrays, o, lse, **params)
        )
    return made
