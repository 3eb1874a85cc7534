"""Softmax and its logarithm along one axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import backend
from ..errors import ShapeError
from ..op import Array, op
from .elementwise import exp


@op
def softmax(x: Array, axis: int = -1) -> Array:
    """exp(x) along `axis`, scaled to sum 1; exact for numbers of any size.

    Source: Blanchard, Higham & Higham (2021), "Accurately computing the log-sum-exp and softmax
    functions".
    """
    return _rows(lambda rows: backend.softmax(rows), "softmax", axis, x)


@softmax.vjp
def softmax_vjp(g: Any, out: Any, x: Any, axis: int = -1) -> Any:
    weighted = g * out
    return (weighted - out * weighted.sum(axis=axis, keepdims=True),)


@softmax.backward
def softmax_backward(g: Array, out: Array, x: Array, axis: int) -> Any:
    return (_rows(lambda *rows: backend.softmax_backward(*rows), "softmax", axis, g, out),)


@op
def log_softmax(x: Array, axis: int = -1) -> Array:
    """log(softmax(x)), computed as x - logsumexp(x)."""
    return _rows(lambda rows: backend.log_softmax(rows), "log_softmax", axis, x)


@log_softmax.vjp
def log_softmax_vjp(g: Any, out: Any, x: Any, axis: int = -1) -> Any:
    return (g - exp.of(out) * g.sum(axis=axis, keepdims=True),)


@log_softmax.backward
def log_softmax_backward(g: Array, out: Array, x: Array, axis: int) -> Any:
    return (_rows(lambda *rows: backend.log_softmax_backward(*rows), "log_softmax", axis, g, out),)


def _rows(kernel: Callable[..., Array], name: str, axis: int, *arrays: Array) -> Array:
    """Run a kernel of rows (R, C) -> (R, C) along any axis."""
    ndim = arrays[0].ndim
    if not -ndim <= axis < ndim:
        raise ShapeError(f"{name}: axis {axis} is asked of shape {arrays[0].shape}.")
    if axis in (-1, ndim - 1):
        if ndim == 2:
            return kernel(*arrays)
        shape = arrays[0].shape
        return kernel(
            *[a.reshape(-1, shape[-1]) if a.size else a.reshape(0, shape[-1] or 1) for a in arrays]
        ).reshape(shape)
    moved = [np.moveaxis(a, axis, -1) for a in arrays]
    return np.moveaxis(_rows(kernel, name, -1, *moved), -1, axis)
