"""Layer normalisation of rows and its gradients on CUDA: a block a row.

The gradients of gamma and beta are sums over rows of what every row contributes: blocks of 32
columns walk down bands of rows, as the sums of columns do, and the bands are added in a second
launch, in fixed order.

Source: Ba, Kiros & Hinton (2016), "Layer normalization".
"""

from __future__ import annotations

import math
from typing import Any

from .. import layernorm
from ..cuda import cuda, float32
from .array import CudaArray, blocks, empty, run, target
from .copies import filled
from .reduce import sum_columns_cuda

THREADS = 128
WARPS = 4
LANES = 32
ROWS = 8  # that a block of the second kernel reads at a time
PADDED = 33
BAND = 512  # rows that one block adds up


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
def layer_norm(x: Any, gamma: Any, beta: Any, eps: Any, out: Any, means: Any, scales: Any) -> None:
    """out (R, C) = (x - mean) rstd gamma + beta; means and scales (R,) get mean and rstd."""
    part = cuda.shared.array(WARPS, float32)
    row = cuda.blockIdx.x
    t = cuda.threadIdx.x
    columns = x.shape[1]
    share = float32(1) / float32(columns)
    total = float32(0)
    for j in range(t, columns, THREADS):
        total += x[row, j]
    mean = block_sum(part, total) * share
    square = float32(0)  # of what is left without the mean: nothing cancels
    for j in range(t, columns, THREADS):
        v = x[row, j] - mean
        square += v * v
    scale = float32(1) / math.sqrt(block_sum(part, square) * share + eps)
    for j in range(t, columns, THREADS):
        out[row, j] = (x[row, j] - mean) * scale * gamma[j] + beta[j]
    if t == 0:
        means[row] = mean
        scales[row] = scale


@cuda.jit
def input_gradient(g: Any, x: Any, gamma: Any, means: Any, scales: Any, out: Any) -> None:
    """out (R, C) = rstd (t - mean(t) - h mean(t h)), h the normalised x and t = g gamma."""
    part = cuda.shared.array(WARPS, float32)
    row = cuda.blockIdx.x
    columns = x.shape[1]
    share = float32(1) / float32(columns)
    mean = means[row]
    scale = scales[row]
    first = float32(0)
    second = float32(0)
    for j in range(cuda.threadIdx.x, columns, THREADS):
        v = g[row, j] * gamma[j]
        first += v
        second += v * ((x[row, j] - mean) * scale)
    first = block_sum(part, first) * share
    second = block_sum(part, second) * share
    for j in range(cuda.threadIdx.x, columns, THREADS):
        h = (x[row, j] - mean) * scale
        out[row, j] = scale * (g[row, j] * gamma[j] - first - h * second)


@cuda.jit
def parameter_gradients(g: Any, x: Any, means: Any, scales: Any, dgamma: Any, dbeta: Any) -> None:
    """dgamma and dbeta (bands, C): the sums of g h and of g over bands of rows; block (32, 8)."""
    gammas = cuda.shared.array((ROWS, PADDED), float32)
    betas = cuda.shared.array((ROWS, PADDED), float32)
    tx = cuda.threadIdx.x
    ty = cuda.threadIdx.y
    rows, columns = x.shape
    j = cuda.blockIdx.x * LANES + tx
    first = cuda.blockIdx.y * BAND
    total = float32(0)
    weighted = float32(0)
    if j < columns:
        for i in range(first + ty, min(rows, first + BAND), ROWS):
            v = g[i, j]
            total += v
            weighted += v * ((x[i, j] - means[i]) * scales[i])
    betas[ty, tx] = total
    gammas[ty, tx] = weighted
    cuda.syncthreads()
    if ty == 0 and j < columns:
        for i in range(1, ROWS):
            total += betas[i, tx]
            weighted += gammas[i, tx]
        dbeta[cuda.blockIdx.y, j] = total
        dgamma[cuda.blockIdx.y, j] = weighted


@layernorm.layer_norm.on("cuda")
def layer_norm_cuda(
    x: CudaArray,
    gamma: CudaArray,
    beta: CudaArray,
    eps: float = 1e-5,
    out: CudaArray | None = None,
) -> tuple[CudaArray, CudaArray, CudaArray]:
    rows, columns = x.shape
    if gamma.shape != (columns,) or beta.shape != (columns,):
        raise ValueError(
            f"layer_norm: gamma is {gamma.shape} and beta {beta.shape}. "
            f"Beside x {x.shape} they must be ({columns},)."
        )
    y = target(x.shape, out)
    if not x.size:
        return y, filled((rows,), 0.0), filled((rows,), 1 / math.sqrt(eps) if eps else math.inf)
    mean, rstd = empty(rows), empty(rows)
    run(layer_norm, rows, THREADS, x, gamma, beta, float(eps), y, mean, rstd)
    return y, mean, rstd


@layernorm.layer_norm_backward.on("cuda")
def layer_norm_backward_cuda(
    g: CudaArray, x: CudaArray, gamma: CudaArray, mean: CudaArray, rstd: CudaArray
) -> tuple[CudaArray, CudaArray, CudaArray]:
    rows, columns = x.shape
    dx = empty(x.shape)
    if not x.size:
        return dx, filled((columns,), 0.0), filled((columns,), 0.0)
    run(input_gradient, rows, THREADS, g, x, gamma, mean, rstd, dx)
    bands = blocks(rows, BAND)
    dgamma, dbeta = empty((bands, columns)), empty((bands, columns))
    grid = blocks(columns, LANES), bands
    run(parameter_gradients, grid, (LANES, ROWS), g, x, mean, rstd, dgamma, dbeta)
    return dx, sum_columns_cuda(dgamma), sum_columns_cuda(dbeta)
