"""Pooling: one number for each window of an image. No padding; incomplete windows are dropped."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import backend
from ..devices import moved
from ..errors import ShapeError
from ..op import Array, op
from ..tensor import Tensor
from .shape import _scatter_add

Shape = tuple[int, ...]


@op(name="max_pool2d", residual=True)
def _max_pool2d(x: Array, k: int, stride: int) -> Any:
    """The largest number of each window; the first in row-major order gets the gradient."""
    return backend.max_pool2d(x, k, stride)


@_max_pool2d.vjp
def max_pool2d_vjp(g: Any, out: Any, x: Any, k: int, stride: int) -> Any:
    raw = x.data if isinstance(x, Tensor) else x
    return (_scatter_add.of(g, _largest(moved(raw, "cpu"), k, stride), x.shape),)


@_max_pool2d.backward
def max_pool2d_backward(g: Array, out: Array, index: Array, x: Array, k: int, stride: int) -> Any:
    return (backend.max_pool2d_backward(g, index, x.shape, k, stride),)


@op(name="avg_pool2d")
def _avg_pool2d(x: Array, k: int, stride: int) -> Any:
    """The mean of each window."""
    return backend.avg_pool2d(x, k, stride)


@_avg_pool2d.vjp
def avg_pool2d_vjp(g: Any, out: Any, x: Any, k: int, stride: int) -> Any:
    return (avg_pool2d_input_grad.of(g, x.shape, k, stride),)


@op
def avg_pool2d_input_grad(g: Array, x_shape: Shape, k: int, stride: int) -> Any:
    """The adjoint of avg_pool2d: every element of a window gets 1 / k^2 of its gradient."""
    return backend.avg_pool2d_backward(g, x_shape, k, stride)


@avg_pool2d_input_grad.vjp
def avg_pool2d_input_grad_vjp(u: Any, out: Any, g: Any, x_shape: Shape, k: int, stride: int) -> Any:
    return (_avg_pool2d.of(u, k, stride),)


def max_pool2d(x: Any, k: int, stride: int | None = None) -> Tensor:
    """The largest number of each k x k window of x (N, C, H, W); stride is k unless given.

    The whole gradient of a window goes to its first maximum in row-major order.

    Raises:
        ShapeError: x is not (N, C, H, W), or smaller than a window.
    """
    return _max_pool2d.apply((x,), (k, _stride("max_pool2d", x.shape, k, stride)))


def avg_pool2d(x: Any, k: int, stride: int | None = None) -> Tensor:
    """The mean of each k x k window of x (N, C, H, W); stride is k unless given.

    Raises:
        ShapeError: x is not (N, C, H, W), or smaller than a window.
    """
    return _avg_pool2d.apply((x,), (k, _stride("avg_pool2d", x.shape, k, stride)))


def _stride(name: str, shape: Shape, k: int, stride: int | None) -> int:
    stride = k if stride is None else stride
    if len(shape) != 4 or k < 1 or stride < 1 or min(shape[2:]) < k:
        raise ShapeError(
            f"{name}: x is {shape}, k is {k}, stride is {stride}; x must be (N, C, H, W) with H "
            "and W at least k, k and stride at least 1."
        )
    return stride


def _largest(x: Array, k: int, stride: int) -> tuple[Array, ...]:
    """Where the first maximum of each window lies, as an index of x."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), (2, 3))
    windows = windows[:, :, ::stride, ::stride]
    n, c, rows, columns = windows.shape[:4]
    place = windows.reshape(n, c, rows, columns, k * k).argmax(-1)
    i, j = np.arange(rows)[:, None], np.arange(columns)
    return (
        np.arange(n)[:, None, None, None],
        np.arange(c)[:, None, None],
        i * stride + place // k,
        j * stride + place % k,
    )
