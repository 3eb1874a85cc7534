"""NumPy in place of kernels whose files are not there.

A stage hides the kernels that answer it, and not every op that runs on them. For those ops these
few lines serve.
"""

from __future__ import annotations

import math

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


def sum_columns(x: Array) -> Array:
    result: Array = x.sum(0)
    return result


def silu_backward(g: Array, x: Array) -> Array:
    s = sigmoid(x)
    result: Array = g * (s + x * s * (1 - s))
    return result


def bias_add(x: Array, b: Array, out: Array | None = None) -> Array:
    return np.add(x, b, out=out)


def bias_relu(x: Array, b: Array, out: Array | None = None) -> Array:
    result: Array = np.maximum(np.add(x, b, out=out), 0, out=out)
    return result


def bias_gelu(x: Array, b: Array) -> tuple[Array, Array]:
    before = x + b
    return before, gelu(before)
