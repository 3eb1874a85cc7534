"""GPU kernels for Numba CUDA: vectors, windows, sums, transposes, products, softmax, attention."""

import math

from numba import cuda, float32

RADIUS = 2
THREADS = 128  # of a block that works on a vector or a row
WINDOW = THREADS + 2 * RADIUS
SCAN = 256  # elements that prefix_sum takes at a time
TILE = 32
PADDED = TILE + 1  # a row longer by one: columns lie in 32 different banks
ROWS = 8  # rows of threads that move a tile
SIDE = 16  # threads along each side of a block that multiplies
V = 4  # side of the tile that one thread keeps in registers
BM = 64  # side of a block's tile of the result: SIDE * V
BK = 16  # depth of a step
BMP = BM + 2  # a is stored by column: 2 k + row differs, modulo 32, for the lanes of a warp
D = 32  # width of a head


@cuda.jit
def vecadd(a, b, out):
    """The sum of a and b, an element a thread."""
    i = cuda.grid(1)
    if i < out.size:
        out[i] = a[i] + b[i]


@cuda.jit
def window_sum(x, out):
    """out[i] = sum of x[j], |j - i| <= RADIUS."""
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
    """The same from a tile with a halo of RADIUS on both sides."""
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
    """out[b] = sum of x[128 b : 128 (b + 1)]: a tree in shared memory, its end within one warp."""
    part = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    part[t] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    half = THREADS // 2
    while half >= 32:
        if t < half:
            part[t] += part[t + half]
        cuda.syncthreads()
        half //= 2
    if t < 32:
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
    """Inclusive sums by one block: SCAN elements at a time, the total so far carried along."""
    sums = cuda.shared.array(SCAN, float32)
    t = cuda.threadIdx.x
    n = x.size
    carry = float32(0)
    for start in range(0, n, SCAN):
        i = start + t
        sums[t] = x[i] if i < n else float32(0)
        cuda.syncthreads()
        reach = 1
        while reach < SCAN:
            before = float32(0)
            if t >= reach:
                before = sums[t - reach]
            cuda.syncthreads()
            sums[t] += before
            cuda.syncthreads()
            reach *= 2
        if i < n:
            out[i] = carry + sums[t]
        carry += sums[SCAN - 1]
        cuda.syncthreads()


@cuda.jit
def transpose_tiled(x, out):
    """out = x transposed: rows in, through a padded tile, rows out."""
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
    """c = a b, each thread V x V results, SIDE apart so that a warp touches neighbours."""
    m, n = c.shape
    row = cuda.blockIdx.y * BM + cuda.threadIdx.y
    column = cuda.blockIdx.x * BM + cuda.threadIdx.x
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
    """c = a b: a block fetches a tile of a and one of b together, each thread multiplies V x V."""
    at = cuda.shared.array((BK, BMP), float32)
    bt = cuda.shared.array((BK, BM), float32)
    m, n = c.shape
    depth = a.shape[1]
    tx = cuda.threadIdx.x
    ty = cuda.threadIdx.y
    t = ty * SIDE + tx
    top = cuda.blockIdx.y * BM
    side = cuda.blockIdx.x * BM
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
            if top + i < m and start + k < depth:
                value = a[top + i, start + k]
            at[k, i] = value
        for e in range(t, BK * BM, SIDE * SIDE):
            k = e // BM
            j = e % BM
            value = float32(0)
            if start + k < depth and side + j < n:
                value = b[start + k, side + j]
            bt[k, j] = value
        cuda.syncthreads()  # the tiles are complete
        for k in range(BK):
            for i in range(V):
                left[i] = at[k, ty + SIDE * i]
            for j in range(V):
                right[j] = bt[k, tx + SIDE * j]
            for i in range(V):
                for j in range(V):
                    total[i, j] += left[i] * right[j]
        cuda.syncthreads()  # nobody reads them any more
    for i in range(V):
        for j in range(V):
            r = top + ty + SIDE * i
            s = side + tx + SIDE * j
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
    """Softmax of each row, a block a row: maximum, sum of exponentials, quotients."""
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
    cuda.syncthreads()  # part[0] has been read by all
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
    """Attention of D queries a block, a thread each, over tiles of D keys, with a running softmax."""
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
    """Grid and block of each kernel."""
    if name in ("vecadd", "window_sum"):
        return ceil_div(args[0].size, 256), 256
    if name in ("window_sum_shared", "block_sum"):
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
