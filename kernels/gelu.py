"""The Gaussian error linear unit x * Phi(x), exact and in its tanh form, and the gradients.

The machine code takes Phi from the Mills ratio (see `error_function`), so that for x far below zero
the result keeps its digits, which `1 + erf(x / sqrt(2))` has lost.

Source: Hendrycks & Gimpel (2016), "Gaussian error linear units (GELUs)".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import memory
from .elementary import exp_nonpositive, mills
from .jit import jit
from .kernel import Kernel
from .loops import apply, apply_to_pair, loop, map_vectors, vector_loop
from .map_samples import map_samples
from .normal import normal_cdf
from .simd import (
    vabs,
    vadd,
    vdiv,
    vexp_quick,
    vfma,
    vmul,
    vnormal_tail,
    vselect_gt,
    vset1,
    vsub,
    vzero,
)

SLOPE = math.sqrt(2 / math.pi)
CUBIC = 0.044715


def gelu_oracle(x: Any) -> Any:
    """x * Phi(x) at every element of x (any shape); -inf gives NaN."""
    with np.errstate(invalid="ignore"):
        return np.asarray(x * normal_cdf(x), x.dtype)


def gelu_backward_oracle(g: Any, x: Any) -> Any:
    """The gradient of x, given that of the output: g * (Phi(x) + x * phi(x))."""
    wide = np.asarray(x, np.float64)
    with np.errstate(invalid="ignore", under="ignore"):
        density = np.exp(-0.5 * wide * wide) / math.sqrt(2 * math.pi)
        return np.asarray(g * (normal_cdf(x) + wide * density), x.dtype)


def gelu_tanh_oracle(x: Any) -> Any:
    """x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2, at most 5e-4 from the exact form."""
    wide = np.asarray(x, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(0.5 * wide * (1 + np.tanh(SLOPE * (wide + CUBIC * wide**3))), x.dtype)


def gelu_tanh_backward_oracle(g: Any, x: Any) -> Any:
    """The gradient of x, given that of the output."""
    wide = np.asarray(x, np.float64)
    u = SLOPE * (wide + CUBIC * wide**3)
    inner = SLOPE * (1 + 3 * CUBIC * wide * wide)
    with np.errstate(over="ignore"):
        slope = 1 / np.square(np.cosh(u))  # 1 - tanh(u)**2 without its cancellation
    return np.asarray(g * 0.5 * (1 + np.tanh(u) + wide * slope * inner), x.dtype)


gelu = Kernel("gelu", gelu_oracle, ulps=4)
gelu_backward = Kernel("gelu_backward", gelu_backward_oracle, ulps=4)
gelu_tanh = Kernel("gelu_tanh", gelu_tanh_oracle, ulps=4)
gelu_tanh_backward = Kernel("gelu_tanh_backward", gelu_tanh_backward_oracle, ulps=8)
gelu.samples(map_samples(1))
gelu_backward.samples(map_samples(2))
gelu_tanh.samples(map_samples(1))
gelu_tanh_backward.samples(map_samples(2))


@jit(inline="always")
def gelu_of(v: Any) -> Any:
    """A vector: v * Phi(v)."""
    below = vnormal_tail(vabs(v))
    return vmul(v, vselect_gt(vzero(v), v, below, vsub(vset1(v, 1.0), below)))


@vector_loop
def gelu_loop(start: int, stop: int, x: Any, out: Any, stream: bool) -> None:
    map_vectors(gelu_of, start, stop, x, out, stream)


@loop
def gelu_backward_loop(start: int, stop: int, g: Any, x: Any, dx: Any) -> None:
    g, x, dx = g[start:stop], x[start:stop], dx[start:stop]
    zero, half, one = x.dtype.type(0), x.dtype.type(0.5), x.dtype.type(1)
    peak = x.dtype.type(0.3989422804014327)  # 1 / sqrt(2 * pi)
    for i in range(x.size):
        v = x[i]
        e = exp_nonpositive(-half * (v * v))
        below = mills(abs(v)) * e
        dx[i] = g[i] * ((below if v < zero else one - below) + v * (peak * e))


@jit(inline="always")
def gelu_tanh_of(v: Any) -> Any:
    """A vector: (1 + tanh(u)) / 2 is the logistic function of 2 * u."""
    slope = vset1(v, -2 * 0.7978845608028654)
    cubic = vset1(v, -2 * 0.7978845608028654 * 0.044715)
    e = vexp_quick(vmul(v, vfma(vmul(v, v), cubic, slope)))
    return vdiv(v, vadd(vset1(v, 1.0), e))


@vector_loop
def gelu_tanh_loop(start: int, stop: int, x: Any, out: Any, stream: bool) -> None:
    map_vectors(gelu_tanh_of, start, stop, x, out, stream)


@loop
def gelu_tanh_backward_loop(start: int, stop: int, g: Any, x: Any, dx: Any) -> None:
    g, x, dx = g[start:stop], x[start:stop], dx[start:stop]
    zero, one, three = x.dtype.type(0), x.dtype.type(1), x.dtype.type(3)
    cubic, slope = x.dtype.type(0.044715), x.dtype.type(2 * 0.7978845608028654)
    for i in range(x.size):
        v = x[i]
        square = cubic * (v * v)
        e = exp_nonpositive(-abs(slope * v * (one + square)))
        s = one / (one + e)
        # e * s * s is the slope of the logistic function; s * (1 - s) would lose its digits.
        dx[i] = g[i] * (
            (e * s if v < zero else s) + (e * s * s) * (slope * v * (one + three * square))
        )


@gelu.on("cpu")
def gelu_cpu(x: Any) -> Any:
    return apply(gelu_loop, x, x.nbytes >= memory.STREAM)


@gelu_backward.on("cpu")
def gelu_backward_cpu(g: Any, x: Any) -> Any:
    return apply_to_pair(gelu_backward_loop, g, x)


@gelu_tanh.on("cpu")
def gelu_tanh_cpu(x: Any) -> Any:
    return apply(gelu_tanh_loop, x, x.nbytes >= memory.STREAM)


@gelu_tanh_backward.on("cpu")
def gelu_tanh_backward_cpu(g: Any, x: Any) -> Any:
    return apply_to_pair(gelu_tanh_backward_loop, g, x)
