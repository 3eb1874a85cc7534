"""Sigmoid, tanh and SiLU with their gradients: the saturating functions and what is made of them.

Source of SiLU: Elfwing, Uchibe & Doya (2018), "Sigmoid-weighted linear units for neural network
function approximation in reinforcement learning".
"""

from __future__ import annotations

from typing import Any

import numpy as np

# The words for machine code; the kernels bear the same names.
from .elementary import sigmoid as sigmoid_of
from .elementary import tanh as tanh_of
from .kernel import Kernel
from .loops import apply, apply_to_pair, loop
from .map_samples import map_samples


def sigmoid_oracle(x: Any) -> Any:
    """1 / (1 + exp(-x)) at every element of x (any shape)."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, np.ones_like(e)) / (1 + e)


def sigmoid_backward_oracle(g: Any, out: Any) -> Any:
    """The gradient of x, given that of the output and the output: g * out * (1 - out)."""
    return g * out * (1 - out)


def tanh_oracle(x: Any) -> Any:
    """tanh(x) at every element of x (any shape)."""
    return np.tanh(x)


def tanh_backward_oracle(g: Any, out: Any) -> Any:
    """The gradient of x, given that of the output and the output: g * (1 - out**2)."""
    return g * (1 - out * out)


def silu_oracle(x: Any) -> Any:
    """x * sigmoid(x) at every element of x (any shape); -inf gives NaN."""
    with np.errstate(invalid="ignore"):
        return x * sigmoid_oracle(x)


def silu_backward_oracle(g: Any, x: Any) -> Any:
    """The gradient of x, given that of the output and the input."""
    s = sigmoid_oracle(x)
    return g * (s * (1 + x * (1 - s)))


sigmoid = Kernel("sigmoid", sigmoid_oracle, ulps=4)
sigmoid_backward = Kernel("sigmoid_backward", sigmoid_backward_oracle, ulps=4)
tanh = Kernel("tanh", tanh_oracle, ulps=4)
tanh_backward = Kernel("tanh_backward", tanh_backward_oracle, ulps=4)
silu = Kernel("silu", silu_oracle, ulps=4)
silu_backward = Kernel("silu_backward", silu_backward_oracle, ulps=8)
for _one in (sigmoid, tanh, silu):
    _one.samples(map_samples(1))
for _one in (sigmoid_backward, tanh_backward, silu_backward):
    _one.samples(map_samples(2))


@loop
def sigmoid_loop(start: int, stop: int, x: Any, out: Any) -> None:
    x, out = x[start:stop], out[start:stop]
    for i in range(x.size):
        out[i] = sigmoid_of(x[i])


@loop
def sigmoid_backward_loop(start: int, stop: int, g: Any, out: Any, dx: Any) -> None:
    g, out, dx = g[start:stop], out[start:stop], dx[start:stop]
    one = g.dtype.type(1)
    for i in range(g.size):
        dx[i] = g[i] * (out[i] * (one - out[i]))


@loop
def tanh_loop(start: int, stop: int, x: Any, out: Any) -> None:
    x, out = x[start:stop], out[start:stop]
    for i in range(x.size):
        out[i] = tanh_of(x[i])


@loop
def tanh_backward_loop(start: int, stop: int, g: Any, out: Any, dx: Any) -> None:
    g, out, dx = g[start:stop], out[start:stop], dx[start:stop]
    one = g.dtype.type(1)
    for i in range(g.size):
        dx[i] = g[i] * (one - out[i] * out[i])


@loop
def silu_loop(start: int, stop: int, x: Any, out: Any) -> None:
    x, out = x[start:stop], out[start:stop]
    for i in range(x.size):
        out[i] = x[i] * sigmoid_of(x[i])


@loop
def silu_backward_loop(start: int, stop: int, g: Any, x: Any, dx: Any) -> None:
    g, x, dx = g[start:stop], x[start:stop], dx[start:stop]
    one = g.dtype.type(1)
    for i in range(g.size):
        s = sigmoid_of(x[i])
        dx[i] = g[i] * (s * (one + x[i] * (one - s)))


@sigmoid.on("cpu")
def sigmoid_cpu(x: Any) -> Any:
    return apply(sigmoid_loop, x)


@sigmoid_backward.on("cpu")
def sigmoid_backward_cpu(g: Any, out: Any) -> Any:
    return apply_to_pair(sigmoid_backward_loop, g, out)


@tanh.on("cpu")
def tanh_cpu(x: Any) -> Any:
    return apply(tanh_loop, x)


@tanh_backward.on("cpu")
def tanh_backward_cpu(g: Any, out: Any) -> Any:
    return apply_to_pair(tanh_backward_loop, g, out)


@silu.on("cpu")
def silu_cpu(x: Any) -> Any:
    return apply(silu_loop, x)


@silu_backward.on("cpu")
def silu_backward_cpu(g: Any, x: Any) -> Any:
    return apply_to_pair(silu_backward_loop, g, x)
