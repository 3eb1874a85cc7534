"""Correct kernels that the engine must run without a finding. Parsed by the tests, not imported."""

import math

from numba import cuda, float32

RADIUS = 2
THREADS = 128  # of one-dimensional blocks
WINDOW = THREADS + 2 * RADIUS
SCAN = 256
TILE = 32
PADDED = TILE + 1
ROWS = 8  # rows of threads that move a tile
V = 4  # side of the tile of one thread
SIDE = 16  # threads along each side of a block
BM = 64
BK = 16
BMP = BM + 2  # (2 k + r) mod 32 differs for all lanes that store a tile of a
D = 32  # width of a head


@cuda.jit
def vecadd(a, b, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = a[i] + b[i]


@cuda.jit
def window_sum(x, out):
    i = cuda.grid(1)
    n = x.size
    if i < n:
        total = float32(0)
        for d in range(-RADIUS, RADIUS + 1):
            j = i + d
            if j >= 0 and j < n:
                total += x[j]
        out[i] = total


@cuda.jit
def window_sum_shared(x, out):
    tile = cuda.shared.array(WINDOW, float32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    n = x.size
    tile[t + RADIUS] = x[i] if i < n else float32(0)
    if t < RADIUS:
        left = i - RADIUS
        tile[t] = x[left] if left >= 0 else float32(0)
        right = i + THREADS
        tile[t + RADIUS + THREADS] = x[right] if right < n else float32(0)
    cuda.syncthreads()
    if i < n:
        total = float32(0)
        for d in range(2 * RADIUS + 1):
            total += tile[t + d]
        out[i] = total


@cuda.jit
def block_sum(x, out):
    part = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    part[t] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if t < half:
            part[t] += part[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        out[cuda.blockIdx.x] = part[0]


@cuda.jit
def block_sum_warps(x, out):
    part = cuda.shared.array(4, float32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    value = float32(0)
    if i < x.size:
        value = x[i]
    offset = 16
    while offset > 0:
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, offset)
        offset //= 2
    if t % 32 == 0:
        part[t // 32] = value
    cuda.syncthreads()
    if t == 0:
        out[cuda.blockIdx.x] = part[0] + part[1] + part[2] + part[3]


@cuda.jit
def block_sum_last_warp(x, out):
    part = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    part[t] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    if t < 64:
        part[t] += part[t + 64]
    cuda.syncthreads()
    if t < 32:
        half = 32
        while half > 0:
            other = part[t + half]
            cuda.syncwarp()
            part[t] += other
            cuda.syncwarp()
            half //= 2
    if t == 0:
        out[cuda.blockIdx.x] = part[0]


@cuda.jit
def prefix_sum(x, out):
    now = cuda.shared.array(SCAN, float32)
    t = cuda.threadIdx.x
    n = x.size
    carry = float32(0)
    for start in range(0, n, SCAN):
        i = start + t
        now[t] = x[i] if i < n else float32(0)
        cuda.syncthreads()
        reach = 1
        while reach < SCAN:
            other = float32(0)
            if t >= reach:
                other = now[t - reach]
            cuda.syncthreads()
            now[t] += other
            cuda.syncthreads()
            reach *= 2
        if i < n:
            out[i] = carry + now[t]
        carry += now[SCAN - 1]
        cuda.syncthreads()


@cuda.jit
def transpose_tiled(x, out):
    tile = cuda.shared.array((TILE, PADDED), float32)
    tx = cuda.threadIdx.x
    ty = cuda.threadIdx.y
    column = cuda.blockIdx.x * TILE + tx
    for r in range(ty, TILE, ROWS):
        row = cuda.blockIdx.y * TILE + r
        if row < x.shape[0] and column < x.shape[1]:
            tile[r, tx] = x[row, column]
    cuda.syncthreads()
    column = cuda.blockIdx.y * TILE + tx
    for r in range(ty, TILE, ROWS):
        row = cuda.blockIdx.x * TILE + r
        if row < out.shape[0] and column < out.shape[1]:
            out[row, column] = tile[tx, r]


@cuda.jit
def matmul_thread_tiled(a, b, c):
    m, n = c.shape
    row = cuda.blockIdx.y * SIDE * V + cuda.threadIdx.y
    column = cuda.blockIdx.x * SIDE * V + cuda.threadIdx.x
    total = cuda.local.array((V, V), float32)
    left = cuda.local.array(V, float32)
    right = cuda.local.array(V, float32)
    for i in range(V):
        for j in range(V):
            total[i, j] = float32(0)
    for k in range(a.shape[1]):
        for i in range(V):
            r = row + i * SIDE
            left[i] = a[r, k] if r < m else float32(0)
        for j in range(V):
            s = column + j * SIDE
            right[j] = b[k, s] if s < n else float32(0)
        for i in range(V):
            for j in range(V):
                total[i, j] += left[i] * right[j]
    for i in range(V):
        for j in range(V):
            r = row + i * SIDE
            s = column + j * SIDE
            if r < m and s < n:
                c[r, s] = total[i, j]


@cuda.jit
def matmul_shared(a, b, c):
    at = cuda.shared.array((BK, BMP), float32)
    bt = cuda.shared.array((BK, BM), float32)
    m, n = c.shape
    depth = a.shape[1]
    tx = cuda.threadIdx.x
    ty = cuda.threadIdx.y
    t = ty * SIDE + tx
    row = cuda.blockIdx.y * BM
    column = cuda.blockIdx.x * BM
    total = cuda.local.array((V, V), float32)
    left = cuda.local.array(V, float32)
    right = cuda.local.array(V, float32)
    for i in range(V):
        for j in range(V):
            total[i, j] = float32(0)
    for start in range(0, depth, BK):
        for e in range(t, BM * BK, SIDE * SIDE):
            k = e % BK
            i = e // BK
            value = float32(0)
            if row + i < m and start + k < depth:
                value = a[row + i, start + k]
            at[k, i] = value
        for e in range(t, BK * BM, SIDE * SIDE):
            k = e // BM
            j = e % BM
            value = float32(0)
            if start + k < depth and column + j < n:
                value = b[start + k, column + j]
            bt[k, j] = value
        cuda.syncthreads()
        for k in range(BK):
            for i in range(V):
                left[i] = at[k, ty + SIDE * i]
            for j in range(V):
                right[j] = bt[k, tx + SIDE * j]
            for i in range(V):
                for j in range(V):
                    total[i, j] += left[i] * right[j]
        cuda.syncthreads()
    for i in range(V):
        for j in range(V):
            r = row + ty + SIDE * i
            s = column + tx + SIDE * j
            if r < m and s < n:
                c[r, s] = total[i, j]


@cuda.jit(device=True)
def block_max(part, t):
    half = THREADS // 2
    while half > 0:
        if t < half:
            part[t] = max(part[t], part[t + half])
        cuda.syncthreads()
        half //= 2
    return part[0]


@cuda.jit(device=True)
def block_total(part, t):
    half = THREADS // 2
    while half > 0:
        if t < half:
            part[t] += part[t + half]
        cuda.syncthreads()
        half //= 2
    return part[0]


@cuda.jit
def softmax_rows(x, out):
    part = cuda.shared.array(THREADS, float32)
    row = cuda.blockIdx.x
    t = cuda.threadIdx.x
    k = x.shape[1]
    largest = float32(-math.inf)
    for j in range(t, k, THREADS):
        largest = max(largest, x[row, j])
    part[t] = largest
    cuda.syncthreads()
    largest = block_max(part, t)
    cuda.syncthreads()
    total = float32(0)
    for j in range(t, k, THREADS):
        total += math.exp(x[row, j] - largest)
    part[t] = total
    cuda.syncthreads()
    total = block_total(part, t)
    for j in range(t, k, THREADS):
        out[row, j] = math.exp(x[row, j] - largest) / total


@cuda.jit
def flash_attention(q, k, v, out, causal):
    rows = cuda.shared.array((D, PADDED), float32)
    keys = cuda.shared.array((D, D), float32)
    values = cuda.shared.array((D, D), float32)
    n = q.shape[0]
    m = k.shape[0]
    t = cuda.threadIdx.x
    first = cuda.blockIdx.x * D
    query = cuda.local.array(D, float32)
    total = cuda.local.array(D, float32)
    score = cuda.local.array(D, float32)
    scale = float32(1 / math.sqrt(32.0))
    for r in range(D):
        rows[r, t] = q[first + r, t] * scale if first + r < n else float32(0)
    cuda.syncthreads()
    for d in range(D):
        query[d] = rows[t, d]
        total[d] = float32(0)
    largest = float32(-math.inf)
    weight = float32(0)
    seen = m
    if causal == 1:
        seen = min(m, first + t + m - n + 1)
    for start in range(0, m, D):
        for r in range(D):
            inside = start + r < m
            keys[r, t] = k[start + r, t] if inside else float32(0)
            values[r, t] = v[start + r, t] if inside else float32(0)
        cuda.syncthreads()
        peak = largest
        for c in range(D):
            dot = float32(0)
            for d in range(D):
                dot += query[d] * keys[c, d]
            score[c] = dot if start + c < seen else float32(-math.inf)
            peak = max(peak, score[c])
        if peak > float32(-math.inf):
            shrink = math.exp(largest - peak)
            weight *= shrink
            for d in range(D):
                total[d] *= shrink
            for c in range(D):
                p = math.exp(score[c] - peak)
                weight += p
                for d in range(D):
                    total[d] += p * values[c, d]
            largest = peak
        cuda.syncthreads()
    for d in range(D):
        rows[t, d] = total[d] / weight if weight > float32(0) else float32(0)
    cuda.syncthreads()
    for r in range(D):
        if first + r < n:
            out[first + r, t] = rows[r, t]


def ceil_div(a, b):
    return (a + b - 1) // b


def launch(name, *args):
    if name in ("vecadd", "window_sum"):
        return ceil_div(args[0].size, 256), 256
    if name in ("window_sum_shared", "block_sum", "block_sum_warps", "block_sum_last_warp"):
        return ceil_div(args[0].size, THREADS), THREADS
    if name == "prefix_sum":
        return 1, SCAN
    if name == "transpose_tiled":
        m, n = args[0].shape
        return (ceil_div(n, TILE), ceil_div(m, TILE)), (TILE, ROWS)
    if name in ("matmul_thread_tiled", "matmul_shared"):
        m, n = args[2].shape
        return (ceil_div(n, BM), ceil_div(m, BM)), (SIDE, SIDE)
    if name == "softmax_rows":
        return args[0].shape[0], THREADS
    return ceil_div(args[0].shape[0], D), D
