"""Softmax, its logarithm, logsumexp and the gradients along rows on CUDA: a block a row.

Three walks over a row, of which the first comes from memory: the maximum; the sum of exponentials;
the result.

Source: Milakov & Gimelshein (2018), "Online normalizer calculation for softmax", who count them.
"""

from __future__ import annotations

import math
from typing import Any

from .. import softmax as rows
from ..cuda import cuda, float32
from .array import CudaArray, empty, run, target
from .copies import filled

THREADS = 128
WARPS = 4
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
    v = (part[0] + part[1]) + (part[2] + part[3])
    cuda.syncthreads()
    return v


@cuda.jit(device=True)
def block_max(part: Any, v: Any) -> Any:
    """The largest v of the block, for all of its threads; NaN is passed over."""
    offset = LANES // 2
    while offset > 0:
        v = max(v, cuda.shfl_xor_sync(0xFFFFFFFF, v, offset))
        offset //= 2
    if cuda.threadIdx.x % LANES == 0:
        part[cuda.threadIdx.x // LANES] = v
    cuda.syncthreads()
    v = max(max(part[0], part[1]), max(part[2], part[3]))
    cuda.syncthreads()
    return v


@cuda.jit(device=True)
def largest(x: Any, part: Any) -> Any:
    """The largest element of the block's row."""
    top = float32(-math.inf)
    for j in range(cuda.threadIdx.x, x.shape[1], THREADS):
        top = max(top, x[cuda.blockIdx.x, j])
    return block_max(part, top)


@cuda.jit(device=True)
def weight(x: Any, part: Any, top: Any) -> Any:
    """The sum of exp(x - top) over the block's row."""
    total = float32(0)
    for j in range(cuda.threadIdx.x, x.shape[1], THREADS):
        total += math.exp(x[cuda.blockIdx.x, j] - top)
    return block_sum(part, total)


@cuda.jit
def softmax(x: Any, out: Any) -> None:
    """out (R, C) = exp(x) / sum(exp(x)) along the rows of x."""
    part = cuda.shared.array(WARPS, float32)
    row = cuda.blockIdx.x
    top = largest(x, part)
    scale = float32(1) / weight(x, part, top)
    for j in range(cuda.threadIdx.x, x.shape[1], THREADS):
        out[row, j] = math.exp(x[row, j] - top) * scale


@cuda.jit
def log_softmax(x: Any, out: Any) -> None:
    """out (R, C) = x - log(sum(exp(x))) along the rows of x."""
    part = cuda.shared.array(WARPS, float32)
    row = cuda.blockIdx.x
    top = largest(x, part)
    shift = math.log(weight(x, part, top))
    for j in range(cuda.threadIdx.x, x.shape[1], THREADS):
        out[row, j] = x[row, j] - top - shift


@cuda.jit
def logsumexp(x: Any, out: Any) -> None:
    """out (R,) = log(sum(exp(x))) along the rows of x."""
    part = cuda.shared.array(WARPS, float32)
    top = largest(x, part)
    if math.isinf(top):
        top = float32(0)  # inf - inf is no number; exp(inf) is inf again
    total = weight(x, part, top)
    if cuda.threadIdx.x == 0:
        out[cuda.blockIdx.x] = math.log(total) + top


@cuda.jit
def softmax_backward(g: Any, y: Any, out: Any) -> None:
    """out (R, C) = y (g - sum(g y))."""
    part = cuda.shared.array(WARPS, float32)
    row = cuda.blockIdx.x
    dot = float32(0)
    for j in range(cuda.threadIdx.x, y.shape[1], THREADS):
        dot += g[row, j] * y[row, j]
    dot = block_sum(part, dot)
    for j in range(cuda.threadIdx.x, y.shape[1], THREADS):
        out[row, j] = y[row, j] * (g[row, j] - dot)


@cuda.jit
def log_softmax_backward(g: Any, y: Any, out: Any) -> None:
    """out (R, C) = g - exp(y) sum(g)."""
    part = cuda.shared.array(WARPS, float32)
    row = cuda.blockIdx.x
    total = float32(0)
    for j in range(cuda.threadIdx.x, y.shape[1], THREADS):
        total += g[row, j]
    total = block_sum(part, total)
    for j in range(cuda.threadIdx.x, y.shape[1], THREADS):
        out[row, j] = g[row, j] - math.exp(y[row, j]) * total


@rows.softmax.on("cuda")
def softmax_cuda(x: CudaArray, out: CudaArray | None = None) -> CudaArray:
    return _rows(softmax, x, out=out)


@rows.log_softmax.on("cuda")
def log_softmax_cuda(x: CudaArray) -> CudaArray:
    return _rows(log_softmax, x)


@rows.softmax_backward.on("cuda")
def softmax_backward_cuda(g: CudaArray, out: CudaArray) -> CudaArray:
    return _rows(softmax_backward, g, out)


@rows.log_softmax_backward.on("cuda")
def log_softmax_backward_cuda(g: CudaArray, out: CudaArray) -> CudaArray:
    return _rows(log_softmax_backward, g, out)


@rows.logsumexp.on("cuda")
def logsumexp_cuda(x: CudaArray) -> CudaArray:
    if not x.size:
        return filled(x.shape[:1], -math.inf)
    out = empty(x.shape[0])
    run(logsumexp, x.shape[0], THREADS, x, out)
    return out


def _rows(kernel: Any, *inputs: CudaArray, out: CudaArray | None = None) -> CudaArray:
    made = target(inputs[-1].shape, out)
    if made.size:
        run(kernel, made.shape[0], THREADS, *inputs, made)
    return made
