"""Sums and maxima of a matrix along its rows and its columns on CUDA.

A row is one block's: lanes add up what lies 128 apart, warps exchange by shuffles, the four warps
meet in shared memory. Columns lie side by side in memory, so 32 neighbouring ones are one block's;
tall matrices are cut into bands of rows whose sums are added in a second launch, in fixed order, so
that a result does not depend on who came first.

Source: Harris (2007), "Optimizing parallel reduction in CUDA".
"""

from __future__ import annotations

import math
from typing import Any

from .. import reduce
from ..cuda import cuda, float32
from .array import CudaArray, blocks, empty, run
from .copies import filled

THREADS = 128  # of a row
WARPS = 4
LANES = 32
BAND = 512  # rows that one block adds up
ROWS = 8  # that it reads at a time
PADDED = 33


@cuda.jit(device=True)
def block_sum(part: Any, v: Any) -> Any:
    """The sum of v over the block, for all of its threads; part is (WARPS,) of shared memory."""
    offset = LANES // 2
    while offset > 0:
        v += cuda.shfl_xor_sync(0xFFFFFFFF, v, offset)
        offset //= 2
    if cuda.threadIdx.x % LANES == 0:
        part[cuda.threadIdx.x // LANES] = v
    cuda.syncthreads()
    v = (part[0] + part[1]) + (part[2] + part[3])
    cuda.syncthreads()
    return v


@cuda.jit
def sum_rows(x: Any, out: Any) -> None:
    """out (R,): the sums of the rows of x (R, C); a block a row."""
    part = cuda.shared.array(WARPS, float32)
    row = cuda.blockIdx.x
    total = float32(0)
    for j in range(cuda.threadIdx.x, x.shape[1], THREADS):
        total += x[row, j]
    total = block_sum(part, total)
    if cuda.threadIdx.x == 0:
        out[row] = total


@cuda.jit
def max_rows(x: Any, out: Any) -> None:
    """out (R,): the maxima of the rows of x (R, C), NaN where a row holds one; a block a row."""
    part = cuda.shared.array(WARPS, float32)
    row = cuda.blockIdx.x
    t = cuda.threadIdx.x
    top = float32(-math.inf)
    strange = float32(0)  # max passes over a NaN, and a sum does not
    for j in range(t, x.shape[1], THREADS):
        v = x[row, j]
        top = max(top, v)
        strange += float32(1) if v != v else float32(0)
    offset = LANES // 2
    while offset > 0:
        top = max(top, cuda.shfl_xor_sync(0xFFFFFFFF, top, offset))
        offset //= 2
    strange = block_sum(part, strange)
    if t % LANES == 0:
        part[t // LANES] = top
    cuda.syncthreads()
    if t == 0:
        top = max(max(part[0], part[1]), max(part[2], part[3]))
        out[row] = float32(math.nan) if strange > float32(0) else top


@cuda.jit
def sum_columns(x: Any, out: Any) -> None:
    """out (bands, C): the sums of the columns of each band of x (R, C); block (32, 8)."""
    part = cuda.shared.array((ROWS, PADDED), float32)
    tx = cuda.threadIdx.x
    ty = cuda.threadIdx.y
    rows, columns = x.shape
    j = cuda.blockIdx.x * LANES + tx
    first = cuda.blockIdx.y * BAND
    total = float32(0)
    if j < columns:
        for i in range(first + ty, min(rows, first + BAND), ROWS):
            total += x[i, j]
    part[ty, tx] = total
    cuda.syncthreads()
    if ty == 0 and j < columns:
        total = part[0, tx]
        for i in range(1, ROWS):
            total += part[i, tx]
        out[cuda.blockIdx.y, j] = total


@reduce.sum_rows.on("cuda")
def sum_rows_cuda(x: CudaArray) -> CudaArray:
    return _of_rows(sum_rows, x, 0.0)


@reduce.max_rows.on("cuda")
def max_rows_cuda(x: CudaArray) -> CudaArray:
    return _of_rows(max_rows, x, -math.inf)


def _of_rows(kernel: Any, x: CudaArray, nothing: float) -> CudaArray:
    if not x.size:
        return filled(x.shape[:1], nothing)
    out = empty(x.shape[0])
    run(kernel, x.shape[0], THREADS, x, out)
    return out


@reduce.sum_columns.on("cuda")
def sum_columns_cuda(x: CudaArray) -> CudaArray:
    if not x.size:
        return filled(x.shape[1:], 0.0)
    while True:
        rows, columns = x.shape
        bands = blocks(rows, BAND)
        out = empty((bands, columns))
        run(sum_columns, (blocks(columns, LANES), bands), (LANES, ROWS), x, out)
        if bands == 1:
            return out.reshape(columns)
        x = out
