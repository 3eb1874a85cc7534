"""A layer's product, bias and activation in one op: x w + b, then relu or gelu."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..errors import ShapeError
from ..op import Array, op
from ..tensor import Tensor
from .elementwise import gelu, relu
from .linalg import matmul

ACTIVATIONS = (None, "relu", "gelu")


@op(name="linear", residual=True, needs=True)
def _linear(x: Array, w: Array, b: Array | None, activation: str | None) -> Any:
    """activation(x w + b); the residual is what gelu's gradient needs: its input."""
    y = backend.gemm(x if x.ndim == 2 else x.reshape(-1, x.shape[-1]), w)
    before = None
    if activation == "gelu":
        if b is None:
            before, y = y, backend.gelu(y)
        else:
            before, y = backend.bias_gelu(y, b)
    elif b is not None:
        y = (backend.bias_relu if activation else backend.bias_add)(y, b, out=y)
    elif activation:
        y = backend.relu(y)
    return y if x.ndim == 2 else y.reshape(*x.shape[:-1], w.shape[1]), before


@_linear.composed
def composition(x: Tensor, w: Tensor, b: Tensor | None, activation: str | None) -> Tensor:
    y = matmul(x, w)
    if b is not None:
        y = y + b
    if activation is None:
        return y
    return relu(y) if activation == "relu" else gelu(y)


@_linear.backward
def linear_backward(
    g: Array,
    out: Array,
    before: Array | None,
    x: Array,
    w: Array,
    b: Array | None,
    activation: str | None,
    needs: tuple[bool, bool, bool],
) -> Any:
    if x.ndim != 2:
        g = g.reshape(-1, w.shape[1])
    if activation == "relu":
        g = backend.relu_backward(g, out if x.ndim == 2 else out.reshape(g.shape))
    elif activation == "gelu":
        g = backend.gelu_backward(g, before)
    into_x = into_w = into_b = None
    if needs[1]:
        into_w = backend.gemm((x if x.ndim == 2 else x.reshape(-1, x.shape[-1])).T, g)
    if needs[2]:
        into_b = backend.sum_columns(g)
    if needs[0]:
        into_x = backend.gemm(g, w.T)
        if x.ndim != 2:
            into_x = into_x.reshape(x.shape)
    return into_x, into_w, into_b


def linear(x: Any, w: Any, b: Any = None, activation: str | None = None) -> Tensor:
    """activation(x w + b).

    Args:
        x: (..., in), with two axes or more.
        w: (in, out).
        b: (out,) or None.
        activation: None, "relu" or "gelu".

    Raises:
        ShapeError: sizes that do not fit.
        ValueError: another activation.
    """
    left, right = x.shape, w.shape
    if (
        len(left) < 2
        or len(right) != 2
        or left[-1] != right[0]
        or (b is not None and b.shape != right[1:])
    ):
        bias = "" if b is None else f", b is {b.shape}"
        raise ShapeError(
            f"linear: x is {left}, w is {right}{bias}; they must be (..., in) with two axes or "
            "more, (in, out) and (out,)."
        )
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"linear: the activation is {activation!r}; it must be None, 'relu' or 'gelu'."
        )
    return _linear.apply((x, w, b), (activation,))
