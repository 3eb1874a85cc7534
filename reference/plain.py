"""NumPy in place of a kernel whose file is not there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .dtypes import Array

gemm = np.matmul


def relu(x: Array) -> Array:
    result: Array = np.maximum(x, 0)
    return result


def relu_backward(g: Array, out: Array) -> Array:
    return g * (out > 0)


def erf(x: Array) -> Array:
    x = np.asarray(x)
    values = np.fromiter(map(math.erf, x.ravel().tolist()), np.float64, x.size)
    return values.reshape(x.shape).astype(x.dtype)


def gelu(x: Array) -> Array:
    result: Array = 0.5 * x * (1 + erf(x * math.sqrt(0.5)))
    return result


def gelu_backward(g: Array, x: Array) -> Array:
    density = np.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))
    result: Array = g * (0.5 + 0.5 * erf(x * math.sqrt(0.5)) + x * density)
    return result


def sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    result: Array = np.where(x >= 0, 1, small) / (1 + small)
    return result.astype(np.asarray(x).dtype, copy=False)


def silu(x: Array) -> Array:
    return x * sigmoid(x)


def logsumexp(x: Array) -> Array:
    top = x.max(-1, keepdims=True)
    top = np.where(np.isfinite(top), top, x.dtype.type(0))
    with np.errstate(divide="ignore"):
        result: Array = (np.log(np.exp(x - top).sum(-1, keepdims=True)) + top)[..., 0]
    return result


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    result: Array = e / e.sum(-1, keepdims=True)
    return result


def softmax_backward(g: Array, out: Array) -> Array:
    result: Array = out * (g - (g * out).sum(-1, keepdims=True))
    return result


def log_softmax(x: Array) -> Array:
    return x - logsumexp(x)[..., None]


def log_softmax_backward(g: Array, out: Array) -> Array:
    result: Array = g - np.exp(out) * g.sum(-1, keepdims=True)
    return result


def cross_entropy(logits: Array, labels: Array) -> Any:
    logs = log_softmax(logits)
    return -logs[np.arange(len(labels)), labels].mean(), np.exp(logs)


def cross_entropy_backward(g: Any, probs: Array, labels: Array) -> Array:
    out = probs.copy()
    out[np.arange(len(labels)), labels] -= 1
    out *= g / len(labels)
    return out


def sum_columns(x: Array) -> Array:
    result: Array = x.sum(0)
    return result


def layer_norm(x: Array, gamma: Array, beta: Array, eps: float) -> Any:
    mean = x.mean(1)
    rstd = 1 / np.sqrt(x.var(1) + eps)
    return (x - mean[:, None]) * rstd[:, None] * gamma + beta, mean, rstd


def layer_norm_backward(g: Array, x: Array, gamma: Array, mean: Array, rstd: Array) -> Any:
    h = (x - mean[:, None]) * rstd[:, None]
    u = g * gamma
    dx = (u - u.mean(1, keepdims=True) - h * (u * h).mean(1, keepdims=True)) * rstd[:, None]
    return dx, (g * h).sum(0), g.sum(0)


def batch_norm(x: Array, gamma: Array, beta: Array, eps: float) -> Any:
    mean = x.mean((0, 2))
    rstd = 1 / np.sqrt(x.var((0, 2)) + eps)
    return (
        (x - mean[:, None]) * (rstd * gamma)[:, None] + beta[:, None],
        mean,
        rstd,
    )


def batch_norm_backward(g: Array, x: Array, gamma: Array, mean: Array, rstd: Array) -> Any:
    h = (x - mean[:, None]) * rstd[:, None]
    db, dg = g.sum((0, 2)), (g * h).sum((0, 2))
    n = x.shape[0] * x.shape[2]
    dx = (g - (db[:, None] + h * dg[:, None]) / n) * (rstd * gamma)[:, None]
    return dx, dg, db


def embedding(weight: Array, ids: Array) -> Array:
    result: Array = weight[ids]
    return result


def embedding_backward(g: Array, ids: Array, num: int) -> Array:
    out = np.zeros((num, g.shape[-1]), g.dtype)
    np.add.at(out, ids, g)
    return out


def sgd_step(
    p: Any, g: Any, u: Any, lr: Any, momentum: Any, nesterov: Any, weight_decay: Any
) -> None:
    if weight_decay:
        g = g + weight_decay * p
    if u is not None:
        u *= momentum
        u += g
        g = g + momentum * u if nesterov else u
    p -= lr * g


def adam_step(
    p: Any,
    g: Any,
    m: Any,
    v: Any,
    lr: Any,
    b1: Any,
    b2: Any,
    eps: Any,
    wd: Any,
    step: Any,
    decoupled: Any,
) -> None:
    if wd and decoupled:
        p *= 1 - lr * wd
    elif wd:
        g = g + wd * p
    m *= b1
    m += (1 - b1) * g
    v *= b2
    v += (1 - b2) * g * g
    p -= lr / (1 - b1**step) * m / (np.sqrt(v / (1 - b2**step)) + eps)
