"""Pooling on CUDA. Forward a thread has a window; backward a thread has an element of the image and
asks every window that holds it, so that nobody adds into another's memory.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import pool
from ..cuda import cuda, float32
from .activations import rectifier_backward
from .array import THREADS, CudaArray, blocks, empty, run

Shape = tuple[int, ...]


@cuda.jit
def largest(x: Any, out: Any, index: Any, k: int, stride: int) -> None:
    """out and index (N, C, Ho, Wo): the largest of each window, and the first place that has it."""
    i = cuda.grid(1)
    rows, columns = out.shape[2], out.shape[3]
    if i < out.size:
        w = i % columns
        h = i // columns % rows
        c = i // (columns * rows) % out.shape[1]
        n = i // (columns * rows * out.shape[1])
        best = x[n, c, h * stride, w * stride]
        place = 0
        for u in range(k):
            for v in range(k):
                value = x[n, c, h * stride + u, w * stride + v]
                if value > best or (value != value and best == best):  # a NaN before all
                    best = value
                    place = u * k + v
        out[n, c, h, w] = best
        index[n, c, h, w] = place


@cuda.jit
def largest_backward(g: Any, index: Any, out: Any, k: int, stride: int) -> None:
    """out (N, C, H, W): the gradients of the windows whose largest element lies here."""
    i = cuda.grid(1)
    height, width = out.shape[2], out.shape[3]
    if i < out.size:
        x = i % width
        y = i // width % height
        c = i // (width * height) % out.shape[1]
        n = i // (width * height * out.shape[1])
        total = float32(0)
        for h in range(max(0, (y - k + stride) // stride), min(g.shape[2], y // stride + 1)):
            for w in range(max(0, (x - k + stride) // stride), min(g.shape[3], x // stride + 1)):
                if index[n, c, h, w] == (y - h * stride) * k + x - w * stride:
                    total += g[n, c, h, w]
        out[n, c, y, x] = total


@cuda.jit
def mean(x: Any, out: Any, k: int, stride: int) -> None:
    """out (N, C, Ho, Wo): the mean of each window."""
    i = cuda.grid(1)
    rows, columns = out.shape[2], out.shape[3]
    if i < out.size:
        w = i % columns
        h = i // columns % rows
        c = i // (columns * rows) % out.shape[1]
        n = i // (columns * rows * out.shape[1])
        total = float32(0)
        for u in range(k):
            for v in range(k):
                total += x[n, c, h * stride + u, w * stride + v]
        out[n, c, h, w] = total / float32(k * k)


@cuda.jit
def mean_backward(g: Any, out: Any, k: int, stride: int) -> None:
    """out (N, C, H, W): a share of the gradient of every window that holds the element."""
    i = cuda.grid(1)
    height, width = out.shape[2], out.shape[3]
    if i < out.size:
        x = i % width
        y = i // width % height
        c = i // (width * height) % out.shape[1]
        n = i // (width * height * out.shape[1])
        total = float32(0)
        for h in range(max(0, (y - k + stride) // stride), min(g.shape[2], y // stride + 1)):
            for w in range(max(0, (x - k + stride) // stride), min(g.shape[3], x // stride + 1)):
                total += g[n, c, h, w]
        out[n, c, y, x] = total / float32(k * k)


def _outputs(x: CudaArray, k: int, stride: int) -> Shape:
    if min(x.shape[2:]) < k:
        raise ValueError(
            f"pool: a window of {k} does not fit into {x.shape[2]} x {x.shape[3]} elements.\n"
            "Use a smaller window."
        )
    return (*x.shape[:2], *((n - k) // stride + 1 for n in x.shape[2:]))


@pool.max_pool2d.on("cuda")
def max_pool2d_cuda(x: CudaArray, k: int, stride: int | None = None) -> tuple[CudaArray, CudaArray]:
    step = stride or k
    shape = _outputs(x, k, step)
    out = empty(shape)
    index = empty(shape, np.uint8 if k <= pool.LARGEST else np.int64)
    if out.size:
        run(largest, blocks(out.size), THREADS, x, out, index, k, step)
    return out, index


@pool.max_pool2d_backward.on("cuda")
def max_pool2d_backward_cuda(
    g: CudaArray,
    index: CudaArray,
    x_shape: Shape,
    k: int,
    stride: int | None = None,
    gate: CudaArray | None = None,
) -> CudaArray:
    out = empty(tuple(x_shape))
    if math.prod(x_shape):
        passed = g if gate is None else rectifier_backward(g, gate)
        run(largest_backward, blocks(out.size), THREADS, passed, index, out, k, stride or k)
    return out


@pool.avg_pool2d.on("cuda")
def avg_pool2d_cuda(x: CudaArray, k: int, stride: int | None = None) -> CudaArray:
    out = empty(_outputs(x, k, stride or k))
    if out.size:
        run(mean, blocks(out.size), THREADS, x, out, k, stride or k)
    return out


@pool.avg_pool2d_backward.on("cuda")
def avg_pool2d_backward_cuda(
    g: CudaArray, x_shape: Shape, k: int, stride: int | None = None
) -> CudaArray:
    out = empty(tuple(x_shape))
    if math.prod(x_shape):
        run(mean_backward, blocks(out.size), THREADS, g, out, k, stride or k)
    return out
