"""A bias added to every row on CUDA, alone or together with the activation that follows it.

The kernels see x (R, C) as one line; out may be x itself.
"""

from __future__ import annotations

import math
from typing import Any

from .. import bias
from ..cuda import cuda, float32
from .array import THREADS, CudaArray, blocks, empty, flat, run, target

HALF_ROOT = 0.7071067811865476  # 1 / sqrt(2)


@cuda.jit
def bias_add(x: Any, b: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[i] + b[i % b.size]


@cuda.jit
def bias_relu(x: Any, b: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        v = x[i] + b[i % b.size]
        out[i] = float32(0) if v < float32(0) else v


@cuda.jit
def bias_gelu(x: Any, b: Any, pre: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        v = x[i] + b[i % b.size]
        pre[i] = v
        out[i] = v * (float32(0.5) * math.erfc(-v * float32(HALF_ROOT)))


def _check(name: str, x: CudaArray, b: CudaArray) -> None:
    if x.shape[-1:] != b.shape:
        raise ValueError(f"{name}: x is {x.shape} and b is {b.shape}; b must be as long as a row.")


@bias.bias_add.on("cuda")
def bias_add_cuda(x: CudaArray, b: CudaArray, out: CudaArray | None = None) -> CudaArray:
    return _biased(bias_add, x, b, out)


@bias.bias_relu.on("cuda")
def bias_relu_cuda(x: CudaArray, b: CudaArray, out: CudaArray | None = None) -> CudaArray:
    return _biased(bias_relu, x, b, out)


def _biased(kernel: Any, x: CudaArray, b: CudaArray, out: CudaArray | None) -> CudaArray:
    _check(kernel.__name__, x, b)
    y = target(x.shape, out)
    if x.size:
        run(kernel, blocks(x.size), THREADS, flat(x), b, flat(y))
    return y


@bias.bias_gelu.on("cuda")
def bias_gelu_cuda(x: CudaArray, b: CudaArray) -> tuple[CudaArray, CudaArray]:
    _check("bias_gelu", x, b)
    pre, y = empty(x.shape), empty(x.shape)
    if x.size:
        run(bias_gelu, blocks(x.size), THREADS, flat(x), b, flat(pre), flat(y))
    return pre, y
