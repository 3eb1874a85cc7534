"""Steps of optimisers on CUDA, in place: every number is read once and written once.

Sources: Sutskever et al. (2013), "On the importance of initialization and momentum in deep
learning"; Kingma & Ba (2015), "Adam"; Loshchilov & Hutter (2019), "Decoupled weight decay
regularization".
"""

from __future__ import annotations

import math
from typing import Any

from .. import optimizers
from ..cuda import cuda
from .array import THREADS, CudaArray, blocks, flat, run


@cuda.jit
def descend(p: Any, g: Any, lr: Any, decay: Any) -> None:
    """p -= lr (g + decay p)."""
    i = cuda.grid(1)
    if i < p.size:
        w = p[i]
        p[i] = w - lr * (g[i] + decay * w)


@cuda.jit
def descend_with_momentum(
    p: Any, g: Any, u: Any, lr: Any, momentum: Any, nesterov: bool, decay: Any
) -> None:
    """u = momentum u + d and p -= lr u, or lr (d + momentum u), with d = g + decay p."""
    i = cuda.grid(1)
    if i < p.size:
        w = p[i]
        d = g[i] + decay * w
        v = momentum * u[i] + d
        u[i] = v
        p[i] = w - lr * (d + momentum * v if nesterov else v)


@cuda.jit
def adam(
    p: Any,
    g: Any,
    m: Any,
    v: Any,
    rate: Any,
    b1: Any,
    rest1: Any,
    b2: Any,
    rest2: Any,
    root: Any,
    eps: Any,
    decay: Any,
    shrink: Any,
) -> None:
    """p = shrink p - rate m / (sqrt(v) / root + eps) with the moments of d = g + decay p."""
    i = cuda.grid(1)
    if i < p.size:
        w = p[i]
        d = g[i] + decay * w
        first = b1 * m[i] + rest1 * d
        second = b2 * v[i] + rest2 * d * d
        m[i] = first
        v[i] = second
        p[i] = shrink * w - rate * first / (math.sqrt(second) / root + eps)


@optimizers.sgd_step.on("cuda")
def sgd_step_cuda(
    p: CudaArray,
    g: CudaArray,
    u: CudaArray | None = None,
    lr: float = 1e-3,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> None:
    _check("sgd_step", p, g, *((u,) if momentum and u is not None else ()))
    grid = blocks(p.size)
    if not p.size:
        return
    if not momentum:
        run(descend, grid, THREADS, flat(p), flat(g), float(lr), float(weight_decay))
        return
    assert u is not None
    run(
        descend_with_momentum,
        grid,
        THREADS,
        flat(p),
        flat(g),
        flat(u),
        float(lr),
        float(momentum),
        bool(nesterov),
        float(weight_decay),
    )


@optimizers.adam_step.on("cuda")
def adam_step_cuda(
    p: CudaArray,
    g: CudaArray,
    m: CudaArray,
    v: CudaArray,
    lr: float = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    step: int = 1,
    decoupled: bool = False,
) -> None:
    _check("adam_step", p, g, m, v)
    if not p.size:
        return
    run(
        adam,
        blocks(p.size),
        THREADS,
        *map(flat, (p, g, m, v)),
        lr / (1 - b1**step),
        float(b1),
        1.0 - b1,
        float(b2),
        1.0 - b2,
        math.sqrt(1 - b2**step),
        float(eps),
        0.0 if decoupled else float(weight_decay),
        1.0 - lr * weight_decay if decoupled else 1.0,
    )


def _check(name: str, p: CudaArray, *others: CudaArray) -> None:
    for one in (p, *others):
        if one.turned:
            raise ValueError(
                f"{name}: an array is a transposed view, and steps are taken in place. Pass "
                "arrays as they lie in memory."
            )
        if one.shape != p.shape:
            raise ValueError(f"{name}: arrays are {p.shape} and {one.shape}; one shape is needed.")
