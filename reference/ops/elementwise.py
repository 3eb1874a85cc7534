"""Elementwise ops: inputs broadcast as in NumPy, the output has the broadcast shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .. import backend
from ..devices import flags, moved, on_device
from ..op import Array, op
from ..shortcuts import method, shortcut
from ..tensor import Tensor

# Arithmetic.


@op
def add(a: Array, b: Array) -> Array:
    """a + b."""
    return np.add(a, b)


@add.vjp
def add_vjp(g: Any, out: Any, a: Any, b: Any) -> Any:
    return g, g


@op
def sub(a: Array, b: Array) -> Array:
    """a - b."""
    return np.subtract(a, b)


@sub.vjp
def sub_vjp(g: Any, out: Any, a: Any, b: Any) -> Any:
    return g, -g


@op
def mul(a: Array, b: Array) -> Array:
    """a * b."""
    return np.multiply(a, b)


@mul.vjp
def mul_vjp(g: Any, out: Any, a: Any, b: Any) -> Any:
    return g * b, g * a


@mul.by_number
def mul_by_number(g: Any, out: Any, a: Any, b: Any) -> Any:
    return (g * b,)


@op
def div(a: Array, b: Array) -> Array:
    """a / b."""
    return np.divide(a, b)


@div.vjp
def div_vjp(g: Any, out: Any, a: Any, b: Any) -> Any:
    into_a = g / b
    return into_a, -(into_a * out)


@div.by_number
def div_by_number(g: Any, out: Any, a: Any, b: Any) -> Any:
    return (g / b,)


@op
def neg(x: Array) -> Array:
    """-x."""
    return np.negative(x)


@neg.vjp
def neg_vjp(g: Any, out: Any, x: Any) -> Any:
    return (-g,)


@op
def pow(a: Array, b: Array) -> Array:
    """a ** b.

    A negative base has a gradient only for itself: b's is nan there. At base 0 with an exponent
    >= 0, b's gradient is 0; at exponent 0 so is a's.
    """
    return np.power(a, b)


@pow.vjp
def pow_vjp(g: Any, out: Any, a: Any, b: Any) -> Any:
    # Exponent 0: the factor b is 0, and base 0 must not make it 0 * inf.
    into_a = g * (b * a ** (b - 1 + (b == 0)))
    if isinstance(b, int | float):
        return into_a, None
    if isinstance(a, int | float):
        return None, g * out * (math.log(a) if a > 0 else 0.0 if a == 0 else math.nan)
    # log without warnings: base 0 becomes 1, a negative base becomes nan.
    shift = np.where(a < 0, np.nan, a == 0).astype(a.dtype)
    return into_a, g * out * log.of(a + shift)


# Functions.


@op
def exp(x: Array) -> Array:
    """e ** x."""
    return np.exp(x)


@exp.vjp
def exp_vjp(g: Any, out: Any, x: Any) -> Any:
    return (g * out,)


@op
def log(x: Array) -> Array:
    """Natural logarithm, for x > 0."""
    return np.log(x)


@log.vjp
def log_vjp(g: Any, out: Any, x: Any) -> Any:
    return (g / x,)


@op
def sqrt(x: Array) -> Array:
    """Square root, for x >= 0; the gradient at 0 is infinite."""
    return np.sqrt(x)


@sqrt.vjp
def sqrt_vjp(g: Any, out: Any, x: Any) -> Any:
    return (g * 0.5 / out,)


@op
def sin(x: Array) -> Array:
    """Sine of x radians."""
    return np.sin(x)


@sin.vjp
def sin_vjp(g: Any, out: Any, x: Any) -> Any:
    return (g * cos.of(x),)


@op
def cos(x: Array) -> Array:
    """Cosine of x radians."""
    return np.cos(x)


@cos.vjp
def cos_vjp(g: Any, out: Any, x: Any) -> Any:
    return (-(g * sin.of(x)),)


@op
def tanh(x: Array) -> Array:
    """Hyperbolic tangent."""
    return np.tanh(x)


@tanh.vjp
def tanh_vjp(g: Any, out: Any, x: Any) -> Any:
    return (g * (1 - out * out),)


@op
def sigmoid(x: Array) -> Any:
    """1 / (1 + exp(-x)), without overflow at either end."""
    return backend.sigmoid(x)


@sigmoid.vjp
def sigmoid_vjp(g: Any, out: Any, x: Any) -> Any:
    return (g * (out * (1 - out)),)


@op
def erf(x: Array) -> Any:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return backend.erf(x)


@erf.vjp
def erf_vjp(g: Any, out: Any, x: Any) -> Any:
    return (g * (2 / math.sqrt(math.pi) * exp.of(-(x * x))),)


# Activations.


@op
def relu(x: Array) -> Any:
    """max(x, 0); the gradient at 0 is 0."""
    return backend.relu(x)


@relu.vjp
def relu_vjp(g: Any, out: Any, x: Any) -> Any:
    return (g * (x > 0),)


@relu.backward
def relu_backward(g: Array, out: Array, x: Array) -> Any:
    return (backend.relu_backward(g, out),)


@op
def gelu(x: Array) -> Any:
    """x Phi(x), Phi the cumulative normal distribution; exact, by erf.

    Source: Hendrycks & Gimpel (2016), "Gaussian error linear units (GELUs)".
    """
    return backend.gelu(x)


@gelu.vjp
def gelu_vjp(g: Any, out: Any, x: Any) -> Any:
    phi = exp.of(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))
    return (g * (0.5 + 0.5 * erf.of(x * math.sqrt(0.5)) + x * phi),)


@gelu.backward
def gelu_backward(g: Array, out: Array, x: Array) -> Any:
    return (backend.gelu_backward(g, x),)


@op
def silu(x: Array) -> Any:
    """x sigmoid(x).

    Source: Elfwing, Uchibe & Doya (2018), "Sigmoid-weighted linear units for neural network
    function approximation in reinforcement learning".
    """
    return backend.silu(x)


@silu.vjp
def silu_vjp(g: Any, out: Any, x: Any) -> Any:
    s = sigmoid.of(x)
    return (g * (s + out * (1 - s)),)


@silu.backward
def silu_backward(g: Array, out: Array, x: Array) -> Any:
    return (backend.silu_backward(g, x),)


# Choices: the gradient goes to what was chosen.


@op
def abs(x: Array) -> Array:
    """|x|; the gradient at 0 is 0."""
    return np.abs(x)


@abs.vjp
def abs_vjp(g: Any, out: Any, x: Any) -> Any:
    return (g * _numbers((x > 0), x) - g * _numbers((x < 0), x),)


@op
def maximum(a: Array, b: Array) -> Array:
    """The larger of a and b; where they are equal, each gets half of the gradient."""
    return np.maximum(a, b)


@maximum.vjp
def maximum_vjp(g: Any, out: Any, a: Any, b: Any) -> Any:
    share = _share(a > b, a == b, out)
    return g * share, g * (1 - share)


@op
def minimum(a: Array, b: Array) -> Array:
    """The smaller of a and b; where they are equal, each gets half of the gradient."""
    return np.minimum(a, b)


@minimum.vjp
def minimum_vjp(g: Any, out: Any, a: Any, b: Any) -> Any:
    share = _share(a < b, a == b, out)
    return g * share, g * (1 - share)


@op(name="where")
def _where(a: Array, b: Array, cond: Any) -> Array:
    """a where `cond` is true, else b."""
    return np.where(cond, a, b)


@_where.vjp
def where_vjp(g: Any, out: Any, a: Any, b: Any, cond: Any) -> Any:
    return g * _numbers(cond, out), g * _numbers(np.logical_not(cond), out)


def where(cond: Any, a: Any, b: Any) -> Tensor:
    """a where `cond` (booleans; no gradient) is true, else b; a and b may be numbers."""
    mask = flags(np.not_equal(cond.data if isinstance(cond, Tensor) else cond, 0))
    if on_device(a) or on_device(b):
        mask = moved(mask.astype(np.float32), "cuda")
    return _where(a, b, mask)


@op
def clip(x: Array, lo: Any = None, hi: Any = None) -> Array:
    """x, but at least `lo` and at most `hi`; the gradient passes where lo <= x <= hi."""
    return x if lo is None and hi is None else np.clip(x, lo, hi)


@clip.vjp
def clip_vjp(g: Any, out: Any, x: Any, lo: Any, hi: Any) -> Any:
    if lo is not None:
        g = g * _numbers(x >= lo, x)
    if hi is not None:
        g = g * _numbers(x <= hi, x)
    return (g,)


# Types.


@op(name="astype", floats=False)
def _astype(x: Array, dtype: Any) -> Array:
    """x in another float type; the gradient comes back in x's."""
    return x.astype(dtype, copy=False)


@_astype.vjp
def astype_vjp(g: Any, out: Any, x: Any, dtype: Any) -> Any:
    return (g,)


def astype(x: Tensor, dtype: DTypeLike) -> Tensor:
    """x in another type; to an integer or boolean type no gradient flows."""
    kind = np.dtype(dtype)
    if kind.kind != "f":
        return Tensor(x.data.astype(kind))
    return x if x.dtype == kind else _astype(x, kind)


def _numbers(mask: Any, like: Any) -> Any:
    """A mask as numbers of the type of `like`, where the mask lies."""
    return mask.astype(like.dtype)


def _share(first: Any, equal: Any, like: Any) -> Any:
    """What part of the gradient the first operand gets: 1, 0, or half on a tie."""
    return _numbers(first, like) + 0.5 * _numbers(equal, like)


# The methods that small graphs are made of skip the general call.
Tensor.__add__ = Tensor.__radd__ = shortcut(add, np.add)  # type: ignore[method-assign]
Tensor.__mul__ = Tensor.__rmul__ = shortcut(mul, np.multiply)  # type: ignore[method-assign]
Tensor.__sub__ = shortcut(sub, np.subtract)  # type: ignore[method-assign]
Tensor.__truediv__ = shortcut(div, np.divide)  # type: ignore[method-assign]
for _name, _op in (("exp", exp), ("tanh", tanh), ("sigmoid", sigmoid), ("relu", relu)):
    setattr(Tensor, _name, method(_op, _op.forward))
