"""Matrix multiplication on CUDA: the ladder of `gemm_ladder` ends with the kernel that serves.

Each block makes a tile of 64 x 64 results, each of its 256 threads 4 x 4 of them. Tiles of a and b
lie in shared memory, 16 of the summed axis at a time and in two buffers: while one is multiplied,
the next is on its way from memory, and one barrier a step is enough. All moves are of 16 bytes.

Both operands are stored in shared memory by the summed axis, whichever way they lie in memory.
Where memory runs along the summed axis a thread's four elements belong into four rows; 16 bytes
must stay on their boundary, so rows cannot be padded by one. Instead each row's groups of eight
are permuted by an exclusive or with the number of the row, and 32 lanes meet 32 banks.

Where there are tiles of 128 x 128 for many multiprocessors, `gemm_register_tiled` makes those: the
same in larger, a thread makes 8 x 8 results. For every element of the summed axis it fetches 16
numbers in four moves and multiplies 64 times. Its 8 rows are two times 4, half a tile apart, and so
are its columns: the lanes of a warp, 4 down and 8 across, read whole rows of banks.

Source: Volkov & Demmel (2008), "Benchmarking GPUs to tune dense linear algebra"; Nath, Tomov &
Dongarra (2010), "An improved MAGMA GEMM for Fermi graphics processing units".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..cuda import cuda, float32, load4, store4
from ..gemm import gemm
from .array import CudaArray, blocks, run, target
from .copies import expanded

SIDE = 64  # of the tile of a block
DEPTH = 16  # of the summed axis at a time
STEP = 1024  # elements of a tile, 64 x 16: four for each thread
BUFFERS = 2048  # two of them
GROUP = 8  # elements that are permuted together
THREADS = 256
# The same of the large tile; a tile has STEP elements there too, four for each thread.
LARGE = 128
HALF = 64
SHALLOW = 8
TURN = 16  # permutes the upper half of the depth
MANY = 64  # large tiles from which on they are used: fewer leave multiprocessors idle


@cuda.jit(device=True)
def fetch(x: Any, base: int, o: int, p: int, outer: int, depth: int, deep: bool) -> Any:
    """Four elements of the operand from (o, p) on, zeros outside; along the depth where `deep`."""
    at = base + p * outer + o
    room = outer - o if p < depth else 0
    length = outer
    if deep:
        at = base + o * depth + p
        room = depth - p if o < outer else 0
        length = depth
    v0 = float32(0)
    v1 = float32(0)
    v2 = float32(0)
    v3 = float32(0)
    if length % 4 == 0:
        if room > 0:
            v0, v1, v2, v3 = load4(x, at)
    else:
        if room > 0:
            v0 = x[at]
        if room > 1:
            v1 = x[at + 1]
        if room > 2:
            v2 = x[at + 2]
        if room > 3:
            v3 = x[at + 3]
    return v0, v1, v2, v3


@cuda.jit(device=True)
def put(
    tile: Any, start: int, o: int, p: int, deep: bool, v0: Any, v1: Any, v2: Any, v3: Any
) -> None:
    """Store what `fetch` gave at (o, p) of the tile that begins at `start`."""
    place = start + p * SIDE + (o ^ (p // 4 * GROUP))
    if deep:
        tile[place] = v0
        tile[place + SIDE] = v1
        tile[place + 2 * SIDE] = v2
        tile[place + 3 * SIDE] = v3
    else:
        store4(tile, place, v0, v1, v2, v3)


@cuda.jit
def gemm_double_buffered(
    a: Any,
    b: Any,
    c: Any,
    m: int,
    n: int,
    depth: int,
    a_step: int,
    b_step: int,
    a_deep: bool,
    b_deep: bool,
) -> None:
    """c (batch, m, n) = a (batch, m, depth) b (batch, depth, n), all flat.

    `a_step` and `b_step` lead from one matrix of the batch to the next, 0 where all share it.
    `a_deep` and `b_deep` say that memory runs along the summed axis.
    """
    left = cuda.shared.array(BUFFERS, float32, 16)
    right = cuda.shared.array(BUFFERS, float32, 16)
    across = (n + SIDE - 1) // SIDE
    batch = cuda.blockIdx.x // across
    row = cuda.blockIdx.y * SIDE
    column = (cuda.blockIdx.x - batch * across) * SIDE
    t = cuda.threadIdx.x
    ty = t // 16 * 4
    tx = t % 16 * 4
    ao = t // 4 if a_deep else tx
    ap = t % 4 * 4 if a_deep else t // 16
    bo = t // 4 if b_deep else tx
    bp = t % 4 * 4 if b_deep else t // 16
    total = cuda.local.array((4, 4), float32)
    x = cuda.local.array(4, float32)
    y = cuda.local.array(4, float32)
    for i in range(4):
        for j in range(4):
            total[i, j] = float32(0)
    v0, v1, v2, v3 = fetch(a, batch * a_step, row + ao, ap, m, depth, a_deep)
    w0, w1, w2, w3 = fetch(b, batch * b_step, column + bo, bp, n, depth, b_deep)
    put(left, 0, ao, ap, a_deep, v0, v1, v2, v3)
    put(right, 0, bo, bp, b_deep, w0, w1, w2, w3)
    cuda.syncthreads()
    now = 0
    for start in range(0, depth, DEPTH):
        ahead = start + DEPTH
        if ahead < depth:
            v0, v1, v2, v3 = fetch(a, batch * a_step, row + ao, ahead + ap, m, depth, a_deep)
            w0, w1, w2, w3 = fetch(b, batch * b_step, column + bo, ahead + bp, n, depth, b_deep)
        for p in range(DEPTH):
            place = now + p * SIDE
            turn = p // 4 * GROUP
            x[0], x[1], x[2], x[3] = load4(left, place + (ty ^ turn))
            y[0], y[1], y[2], y[3] = load4(right, place + (tx ^ turn))
            for i in range(4):
                for j in range(4):
                    total[i, j] += x[i] * y[j]
        now = STEP - now
        if ahead < depth:
            put(left, now, ao, ap, a_deep, v0, v1, v2, v3)
            put(right, now, bo, bp, b_deep, w0, w1, w2, w3)
        cuda.syncthreads()
    s = column + tx
    for i in range(4):
        r = row + ty + i
        if r < m:
            at = (batch * m + r) * n + s
            if n % 4 == 0:
                if s < n:
                    store4(c, at, total[i, 0], total[i, 1], total[i, 2], total[i, 3])
            else:
                for j in range(4):
                    if s + j < n:
                        c[at + j] = total[i, j]


@cuda.jit(device=True)
def put_large(
    tile: Any, start: int, o: int, p: int, deep: bool, v0: Any, v1: Any, v2: Any, v3: Any
) -> None:
    """Store what `fetch` gave at (o, p) of the tile that begins at `start`."""
    place = start + p * LARGE + (o ^ (p // 4 * TURN))
    if deep:
        tile[place] = v0
        tile[place + LARGE] = v1
        tile[place + 2 * LARGE] = v2
        tile[place + 3 * LARGE] = v3
    else:
        store4(tile, place, v0, v1, v2, v3)


@cuda.jit(max_registers=128)  # one more, and a multiprocessor holds one block, not two
def gemm_register_tiled(
    a: Any,
    b: Any,
    c: Any,
    m: int,
    n: int,
    depth: int,
    a_step: int,
    b_step: int,
    a_deep: bool,
    b_deep: bool,
) -> None:
    """c (batch, m, n) = a (batch, m, depth) b (batch, depth, n); as `gemm_double_buffered`."""
    left = cuda.shared.array(BUFFERS, float32, 16)
    right = cuda.shared.array(BUFFERS, float32, 16)
    across = (n + LARGE - 1) // LARGE
    batch = cuda.blockIdx.x // across
    row = cuda.blockIdx.y * LARGE
    column = (cuda.blockIdx.x - batch * across) * LARGE
    t = cuda.threadIdx.x
    ty = (t // 64 * 4 + t % 32 // 8) * 4
    tx = (t // 32 % 2 * 8 + t % 8) * 4
    ao = t // 2 if a_deep else t % 32 * 4
    ap = t % 2 * 4 if a_deep else t // 32
    bo = t // 2 if b_deep else t % 32 * 4
    bp = t % 2 * 4 if b_deep else t // 32
    total = cuda.local.array((8, 8), float32)
    x = cuda.local.array(8, float32)
    y = cuda.local.array(8, float32)
    for i in range(8):
        for j in range(8):
            total[i, j] = float32(0)
    v0, v1, v2, v3 = fetch(a, batch * a_step, row + ao, ap, m, depth, a_deep)
    w0, w1, w2, w3 = fetch(b, batch * b_step, column + bo, bp, n, depth, b_deep)
    put_large(left, 0, ao, ap, a_deep, v0, v1, v2, v3)
    put_large(right, 0, bo, bp, b_deep, w0, w1, w2, w3)
    cuda.syncthreads()
    now = 0
    for start in range(0, depth, SHALLOW):
        ahead = start + SHALLOW
        if ahead < depth:
            v0, v1, v2, v3 = fetch(a, batch * a_step, row + ao, ahead + ap, m, depth, a_deep)
            w0, w1, w2, w3 = fetch(b, batch * b_step, column + bo, ahead + bp, n, depth, b_deep)
        for turn in range(0, 2 * TURN, TURN):
            u = now + turn // TURN * (4 * LARGE) + (ty ^ turn)
            s = now + turn // TURN * (4 * LARGE) + (tx ^ turn)
            for p in range(4):
                x[0], x[1], x[2], x[3] = load4(left, u + p * LARGE)
                x[4], x[5], x[6], x[7] = load4(left, u + p * LARGE + HALF)
                y[0], y[1], y[2], y[3] = load4(right, s + p * LARGE)
                y[4], y[5], y[6], y[7] = load4(right, s + p * LARGE + HALF)
                for i in range(8):
                    for j in range(8):
                        total[i, j] += x[i] * y[j]
        now = STEP - now
        if ahead < depth:
            put_large(left, now, ao, ap, a_deep, v0, v1, v2, v3)
            put_large(right, now, bo, bp, b_deep, w0, w1, w2, w3)
        cuda.syncthreads()
    for i in range(8):
        r = row + ty + i % 4 + i // 4 * HALF
        if r < m:
            for h in range(2):
                s = column + tx + h * HALF
                at = (batch * m + r) * n + s
                if n % 4 == 0:
                    if s < n:
                        store4(
                            c,
                            at,
                            total[i, 4 * h],
                            total[i, 4 * h + 1],
                            total[i, 4 * h + 2],
                            total[i, 4 * h + 3],
                        )
                else:
                    for j in range(4):
                        if s + j < n:
                            c[at + j] = total[i, 4 * h + j]


@gemm.on("cuda")
def gemm_cuda(a: CudaArray, b: CudaArray, out: CudaArray | None = None) -> CudaArray:
    if a.ndim == 1 or b.ndim == 1:
        return _with_vectors(a, b)
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(
            f"gemm: a is {a.shape} and b is {b.shape}. The last axis of a must be as long as the "
            "last but one of b."
        )
    if out is not None and out.turned:  # c^T = b^T a^T
        gemm_cuda(b.swapaxes(-1, -2), a.swapaxes(-1, -2), out.swapaxes(-1, -2))
        return out
    m, depth = a.shape[-2:]
    n = b.shape[-1]
    batch = _broadcast(a.shape[:-2], b.shape[:-2])
    c = target((*batch, m, n), out)
    if not c.size:
        return c
    count = math.prod(batch)
    left, a_step = _batched(a, batch)
    right, b_step = _batched(b, batch)
    large = count * blocks(n, LARGE) * blocks(m, LARGE) >= MANY
    side = LARGE if large else SIDE
    run(
        gemm_register_tiled if large else gemm_double_buffered,
        (count * blocks(n, side), blocks(m, side)),
        THREADS,
        _line(left),
        _line(right),
        _line(c),
        m,
        n,
        depth,
        a_step,
        b_step,
        not left.turned,
        right.turned,
    )
    return c


def _line(x: CudaArray) -> Any:
    """The memory of x, whichever way its matrices lie; one element at least."""
    return x.memory.reshape((max(1, x.size),))


def _with_vectors(a: CudaArray, b: CudaArray) -> CudaArray:
    row = a.reshape(1, -1) if a.ndim == 1 else a
    column = b.reshape(-1, 1) if b.ndim == 1 else b
    found = gemm_cuda(row, column)
    shape = found.shape[:-2]
    shape += found.shape[-2:-1] if a.ndim > 1 else ()
    shape += found.shape[-1:] if b.ndim > 1 else ()
    return found.reshape(shape)


def _broadcast(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    return np.broadcast_shapes(first, second)


def _batched(x: CudaArray, batch: tuple[int, ...]) -> tuple[CudaArray, int]:
    """The operand, and the elements from one of its matrices to the next of the batch."""
    matrix = math.prod(x.shape[-2:])
    if math.prod(x.shape[:-2]) == 1:
        return x, 0
    if x.shape[:-2] == batch:
        return x, matrix
    return expanded(x, (*batch, *x.shape[-2:])), matrix
