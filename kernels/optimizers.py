"""Steps of optimisers, in place and in one pass over parameter, gradient and state.

NumPy would walk over memory a dozen times; here every number is read once and written once.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from .kernel import Call, Kernel, call
from .loops import loop


def sgd_step_oracle(
    p: Any,
    g: Any,
    u: Any = None,
    lr: float = 1e-3,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> None:
    """One step of gradient descent on p, in place; arrays of one shape and dtype.

    With d = g + weight_decay * p: u = momentum * u + d and p -= lr * u; with `nesterov`
    p -= lr * (d + momentum * u). Without momentum p -= lr * d, and u is not looked at.

    Source: Sutskever et al. (2013), "On the importance of initialization and momentum in deep
    learning".
    """
    kind = p.dtype.type
    d = g + kind(weight_decay) * p if weight_decay else g
    if momentum:
        u *= kind(momentum)
        u += d
        d = d + kind(momentum) * u if nesterov else u
    p -= kind(lr) * d


def adam_step_oracle(
    p: Any,
    g: Any,
    m: Any,
    v: Any,
    lr: float = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    step: int = 1,
    decoupled: bool = False,
) -> None:
    """Step number `step` (from 1) of Adam on p, in place; arrays of one shape and dtype.

    m = b1 * m + (1 - b1) * d, v = b2 * v + (1 - b2) * d * d, then
    p -= lr / (1 - b1**step) * m / (sqrt(v / (1 - b2**step)) + eps), where d = g + weight_decay * p.
    With `decoupled` (AdamW) d = g, and p is first multiplied by 1 - lr * weight_decay.

    Source: Kingma & Ba (2015), "Adam"; Loshchilov & Hutter (2019), "Decoupled weight decay
    regularization".
    """
    kind = p.dtype.type
    if weight_decay and decoupled:
        p *= kind(1 - lr * weight_decay)
    d = g + kind(weight_decay) * p if weight_decay and not decoupled else g
    m *= kind(b1)
    m += kind(1 - b1) * d
    v *= kind(b2)
    v += kind(1 - b2) * d * d
    p -= kind(lr / (1 - b1**step)) * m / (np.sqrt(v) / kind(sqrt(1 - b2**step)) + kind(eps))


sgd_step = Kernel("sgd_step", sgd_step_oracle, ulps=4)
adam_step = Kernel("adam_step", adam_step_oracle, ulps=16)


@sgd_step.samples
def sgd_samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    def some(*shape: int) -> Any:
        return rng.normal(size=shape).astype(dtype)

    return [
        call(some(37), some(37), some(37), lr=0.1, momentum=0.9),
        call(some(64), some(64), some(64), lr=0.1, momentum=0.9, nesterov=True),
        call(some(5), some(5), some(5), lr=0.1, momentum=0.9, weight_decay=0.1),
        call(some(37), some(37), None, lr=0.1, weight_decay=0.1),
        call(some(3, 7), some(3, 7), None, lr=0.1),
        call(some(0), some(0), some(0), lr=0.1, momentum=0.5),
        call(some(9, 4).T, some(4, 9), some(8, 9)[::2], lr=0.1, momentum=0.5),
        call(some(40)[::2], some(20), None, lr=0.1),
    ]


@adam_step.samples
def adam_samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    def some(*shape: int) -> tuple[Any, Any, Any, Any]:
        p, g, m, v = (rng.normal(size=shape).astype(dtype) for _ in range(4))
        return p, g, m, v * v + np.asarray(0.1, dtype)

    strided = [one[::2] for one in some(30)]
    return [
        call(*some(37), lr=0.1),
        call(*some(64), lr=0.1, step=7, weight_decay=0.1),
        call(*some(5), lr=0.1, step=3, weight_decay=0.1, decoupled=True),
        call(*some(3, 7), lr=0.1, b1=0.5, b2=0.9, eps=1e-3, step=2),
        call(*some(0), lr=0.1),
        call(*strided, lr=0.1),
    ]


@loop
def descent_loop(start: int, stop: int, p: Any, g: Any, lr: float, decay: float) -> None:
    p, g = p[start:stop], g[start:stop]
    rate, less = p.dtype.type(lr), p.dtype.type(decay)
    for i in range(p.size):
        p[i] -= rate * (g[i] + less * p[i])


@loop
def momentum_loop(
    start: int,
    stop: int,
    p: Any,
    g: Any,
    u: Any,
    lr: float,
    keep: float,
    ahead: float,
    decay: float,
) -> None:
    """`ahead` is the momentum with nesterov and 0 without."""
    p, g, u = p[start:stop], g[start:stop], u[start:stop]
    rate, less = p.dtype.type(lr), p.dtype.type(decay)
    kept, far, zero = p.dtype.type(keep), p.dtype.type(ahead), p.dtype.type(0)
    if far == zero:
        for i in range(p.size):
            u[i] = kept * u[i] + (g[i] + less * p[i])
            p[i] -= rate * u[i]
    else:
        for i in range(p.size):
            d = g[i] + less * p[i]
            u[i] = kept * u[i] + d
            p[i] -= rate * (d + far * u[i])


@loop
def adam_loop(
    start: int,
    stop: int,
    p: Any,
    g: Any,
    m: Any,
    v: Any,
    b1: float,
    b2: float,
    rate: float,
    root: float,
    eps: float,
    decay: float,
    shrink: float,
) -> None:
    """`rate` and `root` hold the corrections of the bias; `shrink` is AdamW's factor, or 1."""
    p, g, m, v = p[start:stop], g[start:stop], m[start:stop], v[start:stop]
    keep_m, keep_v = p.dtype.type(b1), p.dtype.type(b2)
    take_m, take_v = p.dtype.type(1 - b1), p.dtype.type(1 - b2)
    step, scale, least = p.dtype.type(rate), p.dtype.type(root), p.dtype.type(eps)
    less, factor = p.dtype.type(decay), p.dtype.type(shrink)
    for i in range(p.size):
        w = p[i]
        d = g[i] + less * w
        first = keep_m * m[i] + take_m * d
        second = keep_v * v[i] + take_v * (d * d)
        m[i] = first
        v[i] = second
        p[i] = factor * w - step * first / (np.sqrt(second) * scale + least)


@sgd_step.on("cpu")
def sgd_step_cpu(
    p: Any,
    g: Any,
    u: Any = None,
    lr: float = 1e-3,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> None:
    flat = _flat(p, g) if not momentum else _flat(p, g, u)
    if flat is None:
        sgd_step_oracle(p, g, u, lr, momentum, nesterov, weight_decay)
    elif momentum:
        ahead = float(momentum) if nesterov else 0.0
        momentum_loop(0, p.size, *flat, float(lr), float(momentum), ahead, float(weight_decay))
    else:
        descent_loop(0, p.size, *flat, float(lr), float(weight_decay))


@adam_step.on("cpu")
def adam_step_cpu(
    p: Any,
    g: Any,
    m: Any,
    v: Any,
    lr: float = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    step: int = 1,
    decoupled: bool = False,
) -> None:
    flat = _flat(p, g, m, v)
    if flat is None:
        adam_step_oracle(p, g, m, v, lr, b1, b2, eps, weight_decay, step, decoupled)
        return
    decay, shrink = (0.0, 1 - lr * weight_decay) if decoupled else (float(weight_decay), 1.0)
    rate, root = lr / (1 - b1**step), 1 / sqrt(1 - b2**step)
    adam_loop(0, p.size, *flat, float(b1), float(b2), rate, root, float(eps), decay, shrink)


def _flat(*arrays: Any) -> list[Any] | None:
    """Flat views of contiguous arrays of one shape; None where NumPy must walk over them."""
    flat = []
    for one in arrays:
        if one.shape != arrays[0].shape or not one.flags.c_contiguous:
            return None
        flat.append(one.reshape(-1))
    return flat
