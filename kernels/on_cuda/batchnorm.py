"""Batch normalisation on CUDA: a block a channel, which walks over the images.

Source: Ioffe & Szegedy (2015), "Batch normalization: accelerating deep network training by reducing
internal covariate shift".
"""

from __future__ import annotations

import math
from typing import Any

from .. import batchnorm
from ..cuda import cuda, float32
from .array import CudaArray, empty, run
from .copies import filled

THREADS = 256
WARPS = 8
LANES = 32


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
    v = part[0]
    for i in range(1, WARPS):
        v += part[i]
    cuda.syncthreads()
    return v


@cuda.jit
def forward(x: Any, gamma: Any, beta: Any, eps: Any, out: Any, means: Any, scales: Any) -> None:
    """out (N, C, S) = (x - mean) rstd gamma + beta; means and scales (C,) get mean and rstd."""
    part = cuda.shared.array(WARPS, float32)
    c = cuda.blockIdx.x
    t = cuda.threadIdx.x
    size = x.shape[2]
    count = x.shape[0] * size
    share = float32(1) / float32(count)
    total = float32(0)
    for e in range(t, count, THREADS):
        n = e // size
        total += x[n, c, e - n * size]
    mean = block_sum(part, total) * share
    square = float32(0)
    for e in range(t, count, THREADS):
        n = e // size
        v = x[n, c, e - n * size] - mean
        square += v * v
    scale = float32(1) / math.sqrt(block_sum(part, square) * share + eps)
    by = scale * gamma[c]
    for e in range(t, count, THREADS):
        n = e // size
        out[n, c, e - n * size] = (x[n, c, e - n * size] - mean) * by + beta[c]
    if t == 0:
        means[c] = mean
        scales[c] = scale


@cuda.jit
def backward(
    g: Any, x: Any, gamma: Any, means: Any, scales: Any, out: Any, dgamma: Any, dbeta: Any
) -> None:
    """out (N, C, S) = gamma rstd (g - mean(g) - h mean(g h)), h the normalised x."""
    part = cuda.shared.array(WARPS, float32)
    c = cuda.blockIdx.x
    t = cuda.threadIdx.x
    size = x.shape[2]
    count = x.shape[0] * size
    share = float32(1) / float32(count)
    mean = means[c]
    scale = scales[c]
    first = float32(0)
    second = float32(0)
    for e in range(t, count, THREADS):
        n = e // size
        v = g[n, c, e - n * size]
        first += v
        second += v * ((x[n, c, e - n * size] - mean) * scale)
    first = block_sum(part, first)
    second = block_sum(part, second)
    if t == 0:
        dbeta[c] = first
        dgamma[c] = second
    by = gamma[c] * scale
    for e in range(t, count, THREADS):
        n = e // size
        h = (x[n, c, e - n * size] - mean) * scale
        out[n, c, e - n * size] = by * (g[n, c, e - n * size] - first * share - h * second * share)


@batchnorm.batch_norm.on("cuda")
def batch_norm_cuda(
    x: CudaArray, gamma: CudaArray, beta: CudaArray, eps: float = 1e-5
) -> tuple[CudaArray, CudaArray, CudaArray]:
    channels = x.shape[1]
    y = empty(x.shape)
    if not x.size:
        rstd = 1 / math.sqrt(eps) if eps else math.inf
        return y, filled((channels,), 0.0), filled((channels,), rstd)
    mean, rstd_of = empty(channels), empty(channels)
    run(forward, channels, THREADS, x, gamma, beta, float(eps), y, mean, rstd_of)
    return y, mean, rstd_of


@batchnorm.batch_norm_backward.on("cuda")
def batch_norm_backward_cuda(
    g: CudaArray, x: CudaArray, gamma: CudaArray, mean: CudaArray, rstd: CudaArray
) -> tuple[CudaArray, CudaArray, CudaArray]:
    channels = x.shape[1]
    dx, dgamma, dbeta = empty(x.shape), empty(channels), empty(channels)
    if not x.size:
        return dx, filled((channels,), 0.0), filled((channels,), 0.0)
    run(backward, channels, THREADS, g, x, gamma, mean, rstd, dx, dgamma, dbeta)
    return dx, dgamma, dbeta
