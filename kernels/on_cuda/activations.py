"""Activations and their gradients on CUDA: a thread an element, 256 a block.

Below zero nothing is taken from one: sigmoid is e / (1 + e) of e = exp(x) there, and the normal
distribution function comes from erfc, which keeps its digits where 1 + erf has lost them.
"""

from __future__ import annotations

import math
from typing import Any

from .. import activations as saturating
from .. import gelu as gaussian
from .. import relu as rectifier
from ..cuda import cuda, float32
from .maps import of_one, of_two

HALF_ROOT = 0.7071067811865476  # 1 / sqrt(2)
DENSITY = 0.3989422804014327  # 1 / sqrt(2 pi)
SLOPE = 0.7978845608028654  # sqrt(2 / pi)
CUBIC = 0.044715


@cuda.jit(device=True)
def sigmoid_of(x: Any) -> Any:
    e = math.exp(-abs(x))
    return (e if x < float32(0) else float32(1)) / (float32(1) + e)


@cuda.jit(device=True)
def normal_of(x: Any) -> Any:
    """The distribution function of the normal."""
    return float32(0.5) * math.erfc(-x * float32(HALF_ROOT))


@cuda.jit
def relu(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        v = x[i]
        out[i] = float32(0) if v < float32(0) else v  # in this order NaN passes


@cuda.jit
def relu_backward(g: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        d = g[i]  # by all lanes: a request of half of them moves as many sectors
        out[i] = d if y[i] > float32(0) else float32(0)


@cuda.jit
def sigmoid(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = sigmoid_of(x[i])


@cuda.jit
def sigmoid_backward(g: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        v = y[i]
        out[i] = g[i] * v * (float32(1) - v)


@cuda.jit
def tanh(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = math.tanh(x[i])


@cuda.jit
def tanh_backward(g: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        v = y[i]
        out[i] = g[i] * (float32(1) - v * v)


@cuda.jit
def silu(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        v = x[i]
        out[i] = v * sigmoid_of(v)


@cuda.jit
def silu_backward(g: Any, x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        v = x[i]
        s = sigmoid_of(v)
        out[i] = g[i] * (s * (float32(1) + v * (float32(1) - s)))


@cuda.jit
def gelu(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        v = x[i]
        out[i] = v * normal_of(v)


@cuda.jit
def gelu_backward(g: Any, x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        v = x[i]
        density = float32(DENSITY) * math.exp(float32(-0.5) * v * v)
        out[i] = g[i] * (normal_of(v) + v * density)


@cuda.jit
def gelu_tanh(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        v = x[i]
        u = float32(SLOPE) * (v + float32(CUBIC) * v * v * v)
        out[i] = v * sigmoid_of(float32(2) * u)  # (1 + tanh(u)) / 2 = sigmoid(2 u)


@cuda.jit
def gelu_tanh_backward(g: Any, x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        v = x[i]
        s = sigmoid_of(float32(2) * float32(SLOPE) * (v + float32(CUBIC) * v * v * v))
        inner = float32(SLOPE) * (float32(1) + float32(3 * CUBIC) * v * v)
        out[i] = g[i] * s * (float32(1) + float32(2) * v * inner * (float32(1) - s))


rectifier.relu.on("cuda")(of_one(relu))
rectifier_backward = rectifier.relu_backward.on("cuda")(of_two(relu_backward))
saturating.sigmoid.on("cuda")(of_one(sigmoid))
saturating.sigmoid_backward.on("cuda")(of_two(sigmoid_backward))
saturating.tanh.on("cuda")(of_one(tanh))
saturating.tanh_backward.on("cuda")(of_two(tanh_backward))
saturating.silu.on("cuda")(of_one(silu))
saturating.silu_backward.on("cuda")(of_two(silu_backward))
gaussian.gelu.on("cuda")(of_one(gelu))
gaussian.gelu_backward.on("cuda")(of_two(gelu_backward))
gaussian.gelu_tanh.on("cuda")(of_one(gelu_tanh))
gaussian.gelu_tanh_backward.on("cuda")(of_two(gelu_tanh_backward))
