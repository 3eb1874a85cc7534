"""The mean cross-entropy of labels and its gradient on CUDA: a block a row of logits.

Labels are checked on the host, where they usually come from; on the device an element outside
would be somebody else's memory.

Source: Bridle (1990), "Probabilistic interpretation of feedforward classification network outputs".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import cross_entropy as classes
from ..cuda import cuda, float32
from .array import CudaArray, empty, run, to_device
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


@cuda.jit
def cross_entropy(logits: Any, labels: Any, probs: Any, losses: Any) -> None:
    """probs (B, K): the softmax of logits; losses (B,): -log of the label's."""
    part = cuda.shared.array(WARPS, float32)
    row = cuda.blockIdx.x
    t = cuda.threadIdx.x
    columns = logits.shape[1]
    top = float32(-math.inf)
    for j in range(t, columns, THREADS):
        top = max(top, logits[row, j])
    offset = LANES // 2
    while offset > 0:
        top = max(top, cuda.shfl_xor_sync(0xFFFFFFFF, top, offset))
        offset //= 2
    if t % LANES == 0:
        part[t // LANES] = top
    cuda.syncthreads()
    top = max(max(part[0], part[1]), max(part[2], part[3]))
    cuda.syncthreads()
    total = float32(0)
    for j in range(t, columns, THREADS):
        total += math.exp(logits[row, j] - top)
    total = block_sum(part, total)
    scale = float32(1) / total
    for j in range(t, columns, THREADS):
        probs[row, j] = math.exp(logits[row, j] - top) * scale
    if t == 0:
        losses[row] = math.log(total) - (logits[row, labels[row]] - top)


@cuda.jit
def mean(x: Any, out: Any) -> None:
    """out (1,): the mean of x (N,), by one block."""
    part = cuda.shared.array(WARPS, float32)
    total = float32(0)
    for i in range(cuda.threadIdx.x, x.size, THREADS):
        total += x[i]
    total = block_sum(part, total)
    if cuda.threadIdx.x == 0:
        out[0] = total / float32(x.size)


@cuda.jit
def cross_entropy_backward(g: Any, probs: Any, labels: Any, out: Any) -> None:
    """out (B, K) = g / B (probs - onehot(labels)) for g (1,)."""
    row = cuda.blockIdx.x
    scale = g[0] / float32(probs.shape[0])
    label = labels[row]
    for j in range(cuda.threadIdx.x, probs.shape[1], THREADS):
        hit = float32(1) if j == label else float32(0)
        out[row, j] = (probs[row, j] - hit) * scale


@classes.cross_entropy.on("cuda")
def cross_entropy_cuda(logits: CudaArray, labels: Any) -> tuple[CudaArray, CudaArray]:
    there = _labels(labels, logits.shape)
    batch = logits.shape[0]
    if not logits.size:
        return filled((), math.nan), empty(logits.shape)
    probs, losses, loss = empty(logits.shape), empty(batch), empty(())
    run(cross_entropy, batch, THREADS, logits, there, probs, losses)
    run(mean, 1, THREADS, losses, loss)
    return loss, probs


@classes.cross_entropy_backward.on("cuda")
def cross_entropy_backward_cuda(g: Any, probs: CudaArray, labels: Any) -> CudaArray:
    there = _labels(labels, probs.shape)
    out = empty(probs.shape)
    if out.size:
        scale = g if isinstance(g, CudaArray) else filled((), float(g))
        run(cross_entropy_backward, probs.shape[0], THREADS, scale, probs, there, out)
    return out


def _labels(labels: Any, shape: tuple[int, ...]) -> CudaArray:
    """Labels on the device, as int64; those that lie there already are copied to be looked at."""
    known = labels.numpy() if isinstance(labels, CudaArray) else np.asarray(labels)
    classes._check(known, (shape[0], shape[1]))
    return to_device(known.astype(np.int64))
