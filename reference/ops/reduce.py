"""Reductions: over all axes, or over the one or several that `axis` names (negative from the end).

`keepdims` leaves the reduced axes in place with length 1, so that the result broadcasts back.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import backend
from ..devices import on_device
from ..errors import ShapeError
from ..op import Array, op
from .elementwise import exp
from .shape import broadcast_to

# Elements below which filling an array is quicker than making a view of one number.
SMALL = 4096

Axis = int | tuple[int, ...] | None


def axes_of(axis: Axis, ndim: int, name: str) -> tuple[int, ...]:
    """The axes meant, counted from the front, each once.

    Raises:
        ShapeError: no such axis, or one named twice.
    """
    if axis is None:
        return tuple(range(ndim))
    chosen = (axis,) if isinstance(axis, int | np.integer) else tuple(axis)
    axes = tuple([a + ndim if a < 0 else a for a in chosen])
    if any(not 0 <= a < ndim for a in axes) or len(set(axes)) != len(axes):
        raise ShapeError(
            f"{name}: axis is {axis}, the input has {ndim} axes; name each of {-ndim} to "
            f"{ndim - 1} at most once."
        )
    return axes


def _kept(shape: tuple[int, ...], axis: Axis, name: str) -> tuple[int, ...]:
    """The shape that the reduction leaves with keepdims=True."""
    axes = axes_of(axis, len(shape), name)
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


@op(floats=False)
def sum(x: Array, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum over `axis`."""
    axes = None if axis is None else axes_of(axis, x.ndim, "sum")
    total: Array = np.add.reduce(x, axes, keepdims=keepdims)  # type: ignore[call-overload]
    return total


@sum.vjp
def sum_vjp(g: Any, out: Any, x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    return (broadcast_to.of(g.reshape(_kept(x.shape, axis, "sum")), x.shape),)


@sum.backward
def sum_backward(g: Array, out: Array, x: Array, axis: Axis, keepdims: bool) -> Any:
    if axis is not None and not keepdims:
        g = g.reshape(_kept(x.shape, axis, "sum"))
    if x.size > SMALL or x.device != "cpu":
        return (np.broadcast_to(g, x.shape),)
    spread = np.empty(x.shape, x.dtype)
    spread[...] = g
    return (spread,)


@op
def mean(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The mean over `axis`."""
    axes = axes_of(axis, x.ndim, "mean")
    _not_empty(x, axes, "mean")
    result: Array = np.add.reduce(x, axes, keepdims=keepdims)  # type: ignore[call-overload]
    return result * (result.size / x.size)


@mean.vjp
def mean_vjp(g: Any, out: Any, x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    count = 1
    for a in axes_of(axis, x.ndim, "mean"):
        count *= x.shape[a]
    shared = g.reshape(_kept(x.shape, axis, "mean")) * (1.0 / count)
    return (broadcast_to.of(shared, x.shape),)


@op
def max(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The largest element along `axis`; equal maxima share the gradient equally."""
    axes = axes_of(axis, x.ndim, "max")
    _not_empty(x, axes, "max")
    result: Array = np.max(x, axes, keepdims=keepdims)
    return result


@max.vjp
def max_vjp(g: Any, out: Any, x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    kept = _kept(x.shape, axis, "max")
    largest = (x == out.reshape(kept)).astype(x.dtype)
    axes = axes_of(axis, x.ndim, "max")
    return (g.reshape(kept) * (largest / largest.sum(axis=axes, keepdims=True)),)


@op
def logsumexp(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """log(sum(exp(x))) over `axis`, for numbers of any size; -inf where all are -inf.

    Source: Blanchard, Higham & Higham (2021), "Accurately computing the log-sum-exp and softmax
    functions".
    """
    axes = axes_of(axis, x.ndim, "logsumexp")
    _not_empty(x, axes, "logsumexp")
    if axes == (x.ndim - 1,):
        result: Array = backend.logsumexp(x.reshape(-1, x.shape[-1])).reshape(x.shape[:-1])
        return result[..., None] if keepdims else result
    top = np.max(x, axes, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    total = np.exp(x - top).sum(axis=axes, keepdims=True)
    with np.errstate(divide="ignore"):
        result = np.log(total) + top
    kept = [n for i, n in enumerate(x.shape) if i not in axes]
    return result if keepdims else result.reshape(kept)


@logsumexp.vjp
def logsumexp_vjp(g: Any, out: Any, x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    kept = _kept(x.shape, axis, "logsumexp")
    # Where the sum is 0 (out = -inf), exp(-inf - 0) = 0 is the share of everyone.
    infinite = out == -np.inf
    if on_device(infinite) or infinite.any():  # to ask the device would be to wait for it
        from .elementwise import _where

        out = _where.of(0.0 * g, out, infinite)
    return (g.reshape(kept) * exp.of(x - out.reshape(kept)),)


def _not_empty(x: Array, axes: tuple[int, ...], name: str) -> None:
    if x.size == 0 and any(x.shape[a] == 0 for a in axes):
        raise ShapeError(f"{name}: the input is {x.shape}; {name} needs at least one element.")
