"""Elementary functions of whole arrays on CUDA: a thread an element, 256 a block."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import maps
from ..cuda import cuda, float32
from .array import THREADS, CudaArray, blocks, empty, flat, run

SLOPE = 1.1283791670955126  # 2 / sqrt(pi)


@cuda.jit
def exp(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = math.exp(x[i])


@cuda.jit
def log(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = math.log(x[i])


@cuda.jit
def log_backward(g: Any, x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = g[i] / x[i]


@cuda.jit
def product(a: Any, b: Any, out: Any) -> None:
    """What exp's gradient is: g times the output."""
    i = cuda.grid(1)
    if i < out.size:
        out[i] = a[i] * b[i]


@cuda.jit
def erf(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = math.erf(x[i])


@cuda.jit
def erf_backward(g: Any, x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        v = x[i]
        out[i] = g[i] * float32(SLOPE) * math.exp(-v * v)


def of_one(kernel: Any) -> Callable[[CudaArray], CudaArray]:
    """The launcher of a function of one array."""

    def launcher(x: CudaArray) -> CudaArray:
        out = empty(x.shape)
        if x.size:
            run(kernel, blocks(x.size), THREADS, flat(x), flat(out))
        return out

    return launcher


def of_two(kernel: Any) -> Callable[[CudaArray, CudaArray], CudaArray]:
    """The launcher of a function of two arrays of one shape."""

    def launcher(a: CudaArray, b: CudaArray) -> CudaArray:
        if a.shape != b.shape:
            raise ValueError(f"{kernel.__name__}: {a.shape} and {b.shape} must be the same shape.")
        out = empty(a.shape)
        if a.size:
            run(kernel, blocks(a.size), THREADS, flat(a), flat(b), flat(out))
        return out

    return launcher


maps.exp.on("cuda")(of_one(exp))
maps.exp_backward.on("cuda")(of_two(product))
maps.log.on("cuda")(of_one(log))
maps.log_backward.on("cuda")(of_two(log_backward))
maps.erf.on("cuda")(of_one(erf))
maps.erf_backward.on("cuda")(of_two(erf_backward))
