"""Correct kernels beyond the stage's: what a practised hand writes. Parsed, not imported."""

import math

import numpy as np
from numba import cuda, float32, int32, uint32

from kernels.cuda import load4, store4

SIDE = 64
DEPTH = 8
STEP = 512  # elements of a tile of 64 x 8
BUFFER = 1024
BINS = 32
WARP = 32
HALO = 18
BLUR = np.array([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]], np.float32)


@cuda.jit
def gemm_double_buffered(a, b, c, n):
    """Flat tiles of two buffers, vector loads, unsigned indices; n is a multiple of 64."""
    at = cuda.shared.array(BUFFER, float32, 16)
    bt = cuda.shared.array(BUFFER, float32, 16)
    t = uint32(cuda.threadIdx.x)
    tx = t % uint32(16)
    ty = t // uint32(16)
    row = uint32(cuda.blockIdx.y) * uint32(SIDE)
    column = uint32(cuda.blockIdx.x) * uint32(SIDE)
    total = cuda.local.array((4, 4), float32)
    for i in range(4):
        for j in range(4):
            total[i, j] = float32(0)
    now = 0
    a_row = t // uint32(2) % uint32(SIDE)
    a_k = t % uint32(2) * uint32(4)
    b_k = t // uint32(16) % uint32(DEPTH)
    b_column = t % uint32(16) * uint32(4)
    if t < uint32(128):
        w, x, y, z = load4(a, (row + a_row) * uint32(n) + a_k)
        at[a_k * uint32(SIDE) + a_row] = w
        at[(a_k + uint32(1)) * uint32(SIDE) + a_row] = x
        at[(a_k + uint32(2)) * uint32(SIDE) + a_row] = y
        at[(a_k + uint32(3)) * uint32(SIDE) + a_row] = z
        w, x, y, z = load4(b, b_k * uint32(n) + column + b_column)
        store4(bt, b_k * uint32(SIDE) + b_column, w, x, y, z)
    cuda.syncthreads()
    for start in range(0, n, DEPTH):
        following = start + DEPTH
        other = 1 - now
        if t < uint32(128) and following < n:
            w, x, y, z = load4(a, (row + a_row) * uint32(n) + uint32(following) + a_k)
            place = uint32(other * STEP) + a_k * uint32(SIDE) + a_row
            at[place] = w
            at[place + uint32(SIDE)] = x
            at[place + uint32(2 * SIDE)] = y
            at[place + uint32(3 * SIDE)] = z
            w, x, y, z = load4(b, (uint32(following) + b_k) * uint32(n) + column + b_column)
            store4(bt, uint32(other * STEP) + b_k * uint32(SIDE) + b_column, w, x, y, z)
        for k in range(DEPTH):
            base = uint32(now * STEP + k * SIDE)
            a0, a1, a2, a3 = load4(at, base + ty * uint32(4))
            b0, b1, b2, b3 = load4(bt, base + tx * uint32(4))
            total[0, 0] += a0 * b0
            total[0, 1] += a0 * b1
            total[0, 2] += a0 * b2
            total[0, 3] += a0 * b3
            total[1, 0] += a1 * b0
            total[1, 1] += a1 * b1
            total[1, 2] += a1 * b2
            total[1, 3] += a1 * b3
            total[2, 0] += a2 * b0
            total[2, 1] += a2 * b1
            total[2, 2] += a2 * b2
            total[2, 3] += a2 * b3
            total[3, 0] += a3 * b0
            total[3, 1] += a3 * b1
            total[3, 2] += a3 * b2
            total[3, 3] += a3 * b3
        cuda.syncthreads()
        now = other
    for i in range(4):
        at_row = row + ty * uint32(4) + uint32(i)
        store4(
            c,
            at_row * uint32(n) + column + tx * uint32(4),
            total[i, 0],
            total[i, 1],
            total[i, 2],
            total[i, 3],
        )


@cuda.jit(device=True)
def warp_sum(v):
    offset = 16
    while offset > 0:
        v += cuda.shfl_xor_sync(0xFFFFFFFF, v, offset)
        offset >>= 1
    return v


@cuda.jit
def layer_norm(x, gamma, beta, out, eps):
    """One block of four warps a row; sums by shuffles, then across warps."""
    part = cuda.shared.array((2, 4), float32)
    row = cuda.blockIdx.x
    t = cuda.threadIdx.x
    warp = t // WARP
    width = x.shape[1]
    total = float32(0)
    square = float32(0)
    for j in range(t, width, cuda.blockDim.x):
        v = x[row, j]
        total += v
        square += v * v
    total = warp_sum(total)
    square = warp_sum(square)
    if cuda.laneid == 0:
        part[0, warp] = total
        part[1, warp] = square
    cuda.syncthreads()
    total = part[0, 0] + part[0, 1] + part[0, 2] + part[0, 3]
    square = part[1, 0] + part[1, 1] + part[1, 2] + part[1, 3]
    mean = total / float32(width)
    scale = float32(1) / math.sqrt(square / float32(width) - mean * mean + eps)
    for j in range(t, width, cuda.blockDim.x):
        out[row, j] = (x[row, j] - mean) * scale * gamma[j] + beta[j]


@cuda.jit
def histogram(x, counts):
    """Counts per block in shared memory, then added to those of all."""
    mine = cuda.shared.array(BINS, int32)
    t = cuda.threadIdx.x
    for k in range(t, BINS, cuda.blockDim.x):
        mine[k] = 0
    cuda.syncthreads()
    i = cuda.grid(1)
    while i < x.size:
        cuda.atomic.add(mine, x[i] % BINS, 1)
        i += cuda.gridsize(1)
    cuda.syncthreads()
    for k in range(t, BINS, cuda.blockDim.x):
        cuda.atomic.add(counts, k, mine[k])


@cuda.jit
def blur(x, out):
    """A 3 x 3 window over a tile with its halo, weights in constant memory."""
    tile = cuda.shared.array((HALO, HALO), float32)
    weights = cuda.const.array_like(BLUR)
    tx = cuda.threadIdx.x
    ty = cuda.threadIdx.y
    m, n = x.shape
    top = cuda.blockIdx.y * 16 - 1
    left = cuda.blockIdx.x * 16 - 1
    for e in range(ty * 16 + tx, HALO * HALO, 256):
        r = e // HALO
        s = e % HALO
        inside = top + r >= 0 and top + r < m and left + s >= 0 and left + s < n
        tile[r, s] = x[top + r, left + s] if inside else float32(0)
    cuda.syncthreads()
    column, row = cuda.grid(2)
    if row >= m or column >= n:
        return
    total = float32(0)
    for i in range(3):
        for j in range(3):
            total += weights[i, j] * tile[ty + i, tx + j]
    out[row, column] = total * float32(1 / 16)


@cuda.jit
def scan_warps(x, out):
    """Inclusive sums of a block by shuffles, a scan of the warps' totals by the first warp."""
    totals = cuda.shared.array(WARP, float32)
    t = cuda.threadIdx.x
    lane = t % WARP
    warp = t // WARP
    i = cuda.grid(1)
    v = x[i]
    reach = 1
    while reach < WARP:
        other = cuda.shfl_up_sync(0xFFFFFFFF, v, reach)
        if lane >= reach:
            v += other
        reach *= 2
    if lane == WARP - 1:
        totals[warp] = v
    cuda.syncthreads()
    if warp == 0:
        w = totals[lane] if lane < cuda.blockDim.x // WARP else float32(0)
        reach = 1
        while reach < WARP:
            other = cuda.shfl_up_sync(0xFFFFFFFF, w, reach)
            if lane >= reach:
                w += other
            reach *= 2
        totals[lane] = w
    cuda.syncthreads()
    out[i] = v + (totals[warp - 1] if warp > 0 else float32(0))


@cuda.jit
def adam(p, g, m, v, lr, b1, b2, eps):
    i = cuda.grid(1)
    if i >= p.size:
        return
    m[i] = b1 * m[i] + (float32(1) - b1) * g[i]
    v[i] = b2 * v[i] + (float32(1) - b2) * g[i] * g[i]
    p[i] -= lr * m[i] / (math.sqrt(v[i]) + eps)
