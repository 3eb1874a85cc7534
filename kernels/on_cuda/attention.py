"""Attention on CUDA without the matrix of scores, and its gradients.

A block of four warps keeps 32 queries in shared memory and walks over the keys, 32 at a time: a
lane has the scores of one key with the eight queries of its warp. A running maximum and sum a query
make the softmax exact. In `queries_gradient` a block has 16 queries and walks over keys, in
`keys_gradient` 16 keys and walks over queries: nobody adds into memory that another block adds
into, so that results are the same in every run.

Rows of the resident operand are read 16 bytes at a time by all lanes at once; the passing one lies
at an odd distance, so that lanes that read a column meet 32 banks. Heads are at most 128 wide.

Sources: Milakov & Gimelshein (2018), "Online normalizer calculation for softmax"; Dao, Fu, Ermon,
Rudra & Ré (2022), "FlashAttention"; Dao (2023), "FlashAttention-2".
"""

from __future__ import annotations

import math
from typing import Any

from ..cuda import cuda, float32, load4

THREADS = 128
WARPS = 4
LANES = 32
WIDEST = 128  # of a head, and the distance of the resident rows
CHUNKS = 4  # of 32 columns: what a lane sums up of a result's row
PER = 8  # rows of a warp in the forward pass
ROWS = 32  # of a block: PER in each warp
FEW = 4  # rows of a warp in the backward passes
SOME = 16  # of a block
RESIDENT = 4096  # elements of ROWS rows
RESIDENT_SOME = 2048
PITCH = 129  # distance of the passing rows
PASSING = 4128  # elements of 32 of them
GAP = 36  # distance of rows of weights: 32 and room, a multiple of 4
WEIGHTS = 1152  # elements of ROWS rows
WEIGHTS_SOME = 576


@cuda.jit(device=True)
def bring(
    x: Any, base: int, first: int, count: int, d: int, tile: Any, rows: int, gap: int
) -> None:
    """Rows first, first + 1, ... of x (count, d), zeros outside, into a tile with this distance."""
    lane = cuda.threadIdx.x % LANES
    for r in range(cuda.threadIdx.x // LANES, rows, WARPS):
        for c in range(lane, (d + LANES - 1) // LANES * LANES, LANES):
            inside = first + r < count and c < d
            tile[r * gap + c] = x[base + (first + r) * d + c] if inside else float32(0)


@cuda.jit(device=True)
def products(resident: Any, row: int, passing: Any, d: int, per: int, out: Any) -> None:
    """out (per,): the products of the warp's resident rows with the lane's passing row."""
    place = cuda.threadIdx.x % LANES * PITCH
    for r in range(per):
        out[r] = float32(0)
    for c in range(0, d, 4):
        k0 = passing[place + c]
        k1 = passing[place + c + 1]
        k2 = passing[place + c + 2]
        k3 = passing[place + c + 3]
        for r in range(per):
            q0, q1, q2, q3 = load4(resident, (row + r) * WIDEST + c)
            out[r] += (q0 * k0 + q1 * k1) + (q2 * k2 + q3 * k3)


@cuda.jit(device=True)
def gather(weights: Any, row: int, passing: Any, d: int, per: int, total: Any) -> None:
    """total (per, CHUNKS) += weights times the 32 passing rows; a lane has every 32nd column."""
    lane = cuda.threadIdx.x % LANES
    for j in range(0, LANES, 4):
        for c in range(CHUNKS):
            if c * LANES < d:
                place = j * PITCH + c * LANES + lane
                v0 = passing[place]
                v1 = passing[place + PITCH]
                v2 = passing[place + 2 * PITCH]
                v3 = passing[place + 3 * PITCH]
                for r in range(per):
                    p0, p1, p2, p3 = load4(weights, (row + r) * GAP + j)
                    total[r, c] += (p0 * v0 + p1 * v1) + (p2 * v2 + p3 * v3)


@cuda.jit(device=True)
def sees(
    i: int,
    j: int,
    queries: int,
    keys: int,
    causal: bool,
    masked: bool,
    mask: Any,
    at: int,
    mq: int,
    mk: int,
) -> Any:
    """Whether query i may attend to key j."""
    if i >= queries or j >= keys:
        return False
    if causal and j > i + keys - queries:
        return False
    if masked:
        return bool(mask[at + i * mq + j * mk])
    return True


@cuda.jit
def forward(
    q: Any,
    k: Any,
    v: Any,
    mask: Any,
    o: Any,
    lse: Any,
    queries: int,
    keys: int,
    d: int,
    scale: Any,
    causal: bool,
    masked: bool,
    heads: int,
    mb: int,
    mh: int,
    mq: int,
    mk: int,
) -> None:
    """o (B H, queries, d) and lse (B H, queries), all flat; mb ... mk are the mask's strides."""
    resident = cuda.shared.array(RESIDENT, float32, 16)
    passing = cuda.shared.array(PASSING, float32)
    weights = cuda.shared.array(WEIGHTS, float32, 16)
    across = (queries + ROWS - 1) // ROWS
    head = cuda.blockIdx.x // across
    first = cuda.blockIdx.x % across * ROWS
    lane = cuda.threadIdx.x % LANES
    row = cuda.threadIdx.x // LANES * PER
    at = head // heads * mb + head % heads * mh
    score = cuda.local.array(PER, float32)
    peak = cuda.local.array(PER, float32)
    weight = cuda.local.array(PER, float32)
    total = cuda.local.array((PER, CHUNKS), float32)
    for r in range(PER):
        peak[r] = float32(-math.inf)
        weight[r] = float32(0)
        for c in range(CHUNKS):
            total[r, c] = float32(0)
    bring(q, head * queries * d, first, queries, d, resident, ROWS, WIDEST)
    end = min(keys, first + ROWS + keys - queries) if causal else keys
    for start in range(0, end, LANES):
        bring(k, head * keys * d, start, keys, d, passing, LANES, PITCH)
        cuda.syncthreads()
        products(resident, row, passing, d, PER, score)
        for r in range(PER):
            s = float32(-math.inf)
            if sees(first + row + r, start + lane, queries, keys, causal, masked, mask, at, mq, mk):
                s = score[r] * scale
            top = s
            offset = LANES // 2
            while offset > 0:
                top = max(top, cuda.shfl_xor_sync(0xFFFFFFFF, top, offset))
                offset //= 2
            top = max(top, peak[r])
            base = top if top > float32(-math.inf) else float32(0)
            shrink = math.exp(peak[r] - base)
            p = math.exp(s - base)
            weight[r] = weight[r] * shrink + p
            for c in range(CHUNKS):
                total[r, c] *= shrink
            peak[r] = top
            weights[(row + r) * GAP + lane] = p
        cuda.syncthreads()
        bring(v, head * keys * d, start, keys, d, passing, LANES, PITCH)
        cuda.syncthreads()
        gather(weights, row, passing, d, PER, total)
        cuda.syncthreads()
    for r in range(PER):
        i = first + row + r
        whole = weight[r]
        offset = LANES // 2
        while offset > 0:
            whole += cuda.shfl_xor_sync(0xFFFFFFFF, whole, offset)
            offset //= 2
        nothing = whole == float32(0)
        share = float32(0) if nothing else float32(1) / whole
        if i < queries:
            for c in range(CHUNKS):
                if c * LANES + lane < d:
                    o[(head * queries + i) * d + c * LANES + lane] = total[r, c] * share
            if lane == 0:
                lse[head * queries + i] = (
                    float32(-math.inf) if nothing else peak[r] + math.log(whole)
                )


@cuda.jit
def dots(a: Any, b: Any, out: Any, d: int) -> None:
    """out (N,): the products of the rows of a and b (N, d), both flat; a warp a row."""
    lane = cuda.threadIdx.x % LANES
    row = cuda.blockIdx.x * WARPS + cuda.threadIdx.x // LANES
    total = float32(0)
    if row < out.size:
        for c in range(lane, d, LANES):
            total += a[row * d + c] * b[row * d + c]
    offset = LANES // 2
    while offset > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, offset)
        offset //= 2
    if lane == 0 and row < out.size:
        out[row] = total


@cuda.jit
def queries_gradient(
    do: Any,
    q: Any,
    k: Any,
    v: Any,
    mask: Any,
    lse: Any,
    delta: Any,
    dq: Any,
    queries: int,
    keys: int,
    d: int,
    scale: Any,
    causal: bool,
    masked: bool,
    heads: int,
    mb: int,
    mh: int,
    mq: int,
    mk: int,
) -> None:
    """dq = dS k with dS = scale P (do v^T - delta) and P = exp(scale q k^T - lse)."""
    rows = cuda.shared.array(RESIDENT_SOME, float32, 16)
    pulls = cuda.shared.array(RESIDENT_SOME, float32, 16)
    passing = cuda.shared.array(PASSING, float32)
    weights = cuda.shared.array(WEIGHTS_SOME, float32, 16)
    across = (queries + SOME - 1) // SOME
    head = cuda.blockIdx.x // across
    first = cuda.blockIdx.x % across * SOME
    lane = cuda.threadIdx.x % LANES
    row = cuda.threadIdx.x // LANES * FEW
    at = head // heads * mb + head % heads * mh
    score = cuda.local.array(FEW, float32)
    pull = cuda.local.array(FEW, float32)
    total = cuda.local.array((FEW, CHUNKS), float32)
    shift = cuda.local.array(FEW, float32)
    share = cuda.local.array(FEW, float32)
    for r in range(FEW):
        place = head * queries + min(queries - 1, first + row + r)
        shift[r] = lse[place]
        share[r] = delta[place]
        for c in range(CHUNKS):
            total[r, c] = float32(0)
    bring(q, head * queries * d, first, queries, d, rows, SOME, WIDEST)
    bring(do, head * queries * d, first, queries, d, pulls, SOME, WIDEST)
    end = min(keys, first + SOME + keys - queries) if causal else keys
    for start in range(0, end, LANES):
        bring(v, head * keys * d, start, keys, d, passing, LANES, PITCH)
        cuda.syncthreads()
        products(pulls, row, passing, d, FEW, pull)
        cuda.syncthreads()
        bring(k, head * keys * d, start, keys, d, passing, LANES, PITCH)
        cuda.syncthreads()
        products(rows, row, passing, d, FEW, score)
        for r in range(FEW):
            i = first + row + r
            s = float32(0)
            if sees(i, start + lane, queries, keys, causal, masked, mask, at, mq, mk):
                p = math.exp(score[r] * scale - shift[r])
                s = p * (pull[r] - share[r]) * scale
            weights[(row + r) * GAP + lane] = s
        cuda.syncwarp()
        gather(weights, row, passing, d, FEW, total)
        cuda.syncthreads()
    for r in range(FEW):
        i = first + row + r
        for c in range(CHUNKS):
            if i < queries and c * LANES + lane < d:
                dq[(head * queries + i) * d + c * LANES + lane] = total[r, c]


@cuda.jit
def keys_gradient(
    do: Any,
    q: Any,
    k: Any,
    v: Any,
    mask: Any,
    lse: Any,
    delta: Any,
    dk: Any,
    dv: Any,
    queries: int,
    keys: int,
    d: int,
    scale: Any,
    causal: bool,
    masked: bool,
    heads: int,
    mb: int,
    mh: int,
    mq: int,
    mk: int,
) -> None:
    """dv = P^T do and dk = dS^T q; the queries pass twice, since both products need them."""
    rows = cuda.shared.array(RESIDENT_SOME, float32, 16)
    values = cuda.shared.array(RESIDENT_SOME, float32, 16)
    passing = cuda.shared.array(PASSING, float32)
    weights = cuda.shared.array(WEIGHTS_SOME, float32, 16)
    pulls = cuda.shared.array(WEIGHTS_SOME, float32, 16)
    across = (keys + SOME - 1) // SOME
    head = cuda.blockIdx.x // across
    first = cuda.blockIdx.x % across * SOME
    lane = cuda.threadIdx.x % LANES
    row = cuda.threadIdx.x // LANES * FEW
    at = head // heads * mb + head % heads * mh
    score = cuda.local.array(FEW, float32)
    pull = cuda.local.array(FEW, float32)
    into_k = cuda.local.array((FEW, CHUNKS), float32)
    into_v = cuda.local.array((FEW, CHUNKS), float32)
    for r in range(FEW):
        for c in range(CHUNKS):
            into_k[r, c] = float32(0)
            into_v[r, c] = float32(0)
    bring(k, head * keys * d, first, keys, d, rows, SOME, WIDEST)
    bring(v, head * keys * d, first, keys, d, values, SOME, WIDEST)
    begin = max(0, first - keys + queries) // LANES * LANES if causal else 0
    for start in range(begin, queries, LANES):
        i = start + lane
        place = head * queries + min(queries - 1, i)
        shift = lse[place]
        share = delta[place]
        bring(q, head * queries * d, start, queries, d, passing, LANES, PITCH)
        cuda.syncthreads()
        products(rows, row, passing, d, FEW, score)
        cuda.syncthreads()
        bring(do, head * queries * d, start, queries, d, passing, LANES, PITCH)
        cuda.syncthreads()
        products(values, row, passing, d, FEW, pull)
        for r in range(FEW):
            p = float32(0)
            s = float32(0)
            if sees(i, first + row + r, queries, keys, causal, masked, mask, at, mq, mk):
                p = math.exp(score[r] * scale - shift)
                s = p * (pull[r] - share) * scale
            weights[(row + r) * GAP + lane] = p
            pulls[(row + r) * GAP + lane] = s
        cuda.syncwarp()
        gather(weights, row, passing, d, FEW, into_v)
        cuda.syncthreads()
        bring(q, head * queries * d, start, queries, d, passing, LANES, PITCH)
        cuda.syncthreads()
        gather(pulls, row, passing, d, FEW, into_k)
        cuda.syncthreads()
    for r in range(FEW):
        j = first + row + r
        for c in range(CHUNKS):
            if j < keys and c * LANES + lane < d:
                place = (head * keys + j) * d + c * LANES + lane
                dk[place] = into_k[r, c]
                dv[place] = into_v[r, c]
