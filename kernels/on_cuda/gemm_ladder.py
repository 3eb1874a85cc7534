"""The way to `gemm.gemm_register_tiled`, one idea a step: c (m, n) = a (m, k) b (k, n).

    naive            a thread for each result: two loads for one multiply-add
    shared           a block shares tiles of a and b: each element is loaded once a tile
    thread_tiled     a thread makes 4 x 4 results from 4 + 4 elements of the tiles
    vectorised       all moves are of 16 bytes; extents in whole tiles only
    gemm_double_buffered (in gemm.py)   the next tiles are on their way while these are multiplied
    gemm_register_tiled (in gemm.py)    a thread makes 8 x 8 results from 8 + 8 elements

All matrices are C-contiguous float32. `geometry` says with what grid and block each is launched.

Source: Kirk & Hwu (2010), "Programming massively parallel processors"; Volkov & Demmel (2008),
"Benchmarking GPUs to tune dense linear algebra".
"""

from __future__ import annotations

from typing import Any

from ..cuda import cuda, float32, load4, store4

TILE = 32
V = 4  # side of the results of one thread
SIDE = 64  # of the tile of a block
DEPTH = 16
LANES = 16  # threads along a side of the block
PADDED = 66  # 2 k + r differs modulo 32 for all lanes that store a tile of a
STEP = 1024  # elements of a tile of 64 x 16
GROUP = 8


@cuda.jit
def naive(a: Any, b: Any, c: Any) -> None:
    """Neighbouring threads make neighbouring columns, so that b and c are read and written whole."""
    j, i = cuda.grid(2)
    m, n = c.shape
    if i < m and j < n:
        total = float32(0)
        for p in range(a.shape[1]):
            total += a[i, p] * b[p, j]
        c[i, j] = total


@cuda.jit
def shared(a: Any, b: Any, c: Any) -> None:
    """A tile of 32 x 32 results a block: every element in shared memory serves 32 of them."""
    left = cuda.shared.array((TILE, TILE), float32)
    right = cuda.shared.array((TILE, TILE), float32)
    m, n = c.shape
    depth = a.shape[1]
    j, i = cuda.grid(2)
    tx = cuda.threadIdx.x
    ty = cuda.threadIdx.y
    total = float32(0)
    for start in range(0, depth, TILE):
        left[ty, tx] = a[i, start + tx] if i < m and start + tx < depth else float32(0)
        right[ty, tx] = b[start + ty, j] if start + ty < depth and j < n else float32(0)
        cuda.syncthreads()
        for p in range(TILE):
            total += left[ty, p] * right[p, tx]
        cuda.syncthreads()
    if i < m and j < n:
        c[i, j] = total


@cuda.jit
def thread_tiled(a: Any, b: Any, c: Any) -> None:
    """4 x 4 results a thread, 16 apart, so that lanes lie side by side in every access."""
    left = cuda.shared.array((DEPTH, PADDED), float32)
    right = cuda.shared.array((DEPTH, SIDE), float32)
    m, n = c.shape
    depth = a.shape[1]
    tx = cuda.threadIdx.x
    ty = cuda.threadIdx.y
    t = ty * LANES + tx
    row = cuda.blockIdx.y * SIDE
    column = cuda.blockIdx.x * SIDE
    total = cuda.local.array((V, V), float32)
    x = cuda.local.array(V, float32)
    y = cuda.local.array(V, float32)
    for i in range(V):
        for j in range(V):
            total[i, j] = float32(0)
    for start in range(0, depth, DEPTH):
        for e in range(t, STEP, LANES * LANES):
            p = start + e % DEPTH
            r = row + e // DEPTH
            left[e % DEPTH, e // DEPTH] = a[r, p] if r < m and p < depth else float32(0)
            q = start + e // SIDE
            s = column + e % SIDE
            right[e // SIDE, e % SIDE] = b[q, s] if q < depth and s < n else float32(0)
        cuda.syncthreads()
        for p in range(DEPTH):
            for i in range(V):
                x[i] = left[p, ty + LANES * i]
                y[i] = right[p, tx + LANES * i]
            for i in range(V):
                for j in range(V):
                    total[i, j] += x[i] * y[j]
        cuda.syncthreads()
    for i in range(V):
        for j in range(V):
            r = row + ty + LANES * i
            s = column + tx + LANES * j
            if r < m and s < n:
                c[r, s] = total[i, j]


@cuda.jit
def vectorised(a: Any, b: Any, c: Any, m: int, n: int, depth: int) -> None:
    """Flat matrices, m and n multiples of 64, depth a multiple of 16: 16 bytes in every move.

    How the tile of a is permuted is told in gemm.py.
    """
    left = cuda.shared.array(STEP, float32, 16)
    right = cuda.shared.array(STEP, float32, 16)
    t = cuda.threadIdx.x
    ty = t // LANES * V
    tx = t % LANES * V
    row = cuda.blockIdx.y * SIDE
    column = cuda.blockIdx.x * SIDE
    total = cuda.local.array((V, V), float32)
    x = cuda.local.array(V, float32)
    y = cuda.local.array(V, float32)
    for i in range(V):
        for j in range(V):
            total[i, j] = float32(0)
    ap = t % 4 * V
    place = ap * SIDE + ((t // 4) ^ (t % 4 * GROUP))
    for start in range(0, depth, DEPTH):
        v0, v1, v2, v3 = load4(a, (row + t // 4) * depth + start + ap)
        left[place] = v0
        left[place + SIDE] = v1
        left[place + 2 * SIDE] = v2
        left[place + 3 * SIDE] = v3
        v0, v1, v2, v3 = load4(b, (start + t // LANES) * n + column + tx)
        store4(right, t // LANES * SIDE + tx, v0, v1, v2, v3)
        cuda.syncthreads()
        for p in range(DEPTH):
            x[0], x[1], x[2], x[3] = load4(left, p * SIDE + (ty ^ (p // 4 * GROUP)))
            y[0], y[1], y[2], y[3] = load4(right, p * SIDE + tx)
            for i in range(V):
                for j in range(V):
                    total[i, j] += x[i] * y[j]
        cuda.syncthreads()
    for i in range(V):
        at = (row + ty + i) * n + column + tx
        store4(c, at, total[i, 0], total[i, 1], total[i, 2], total[i, 3])


Geometry = tuple[tuple[int, int], tuple[int, int]]


def geometry(step: str, m: int, n: int) -> Geometry:
    """Grid and block of one step of the ladder for a result (m, n)."""
    side = TILE if step in ("naive", "shared") else SIDE
    block = {"naive": (TILE, TILE), "shared": (TILE, TILE), "thread_tiled": (LANES, LANES)}
    return (-(-n // side), -(-m // side)), block.get(step, (LANES * LANES, 1))
