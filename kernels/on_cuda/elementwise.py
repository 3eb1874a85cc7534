"""Arithmetic of arrays on the device: what NumPy's functions do when they meet a `CudaArray`.

`TABLE` holds the functions; `array.CudaArray` looks into it for its operators and for `np.add` and
the like. Operands broadcast; a number or a 0-d array of the host becomes an array of one element.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..cuda import cuda, float32
from . import activations, maps
from .array import THREADS, CudaArray, Shape, blocks, flat, run, target, to_device
from .copies import expanded, filled, strided
from .reduce import max_rows_cuda, sum_columns_cuda, sum_rows_cuda


@cuda.jit
def add(a: Any, b: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = a[i if a.size > 1 else 0] + b[i if b.size > 1 else 0]


@cuda.jit
def subtract(a: Any, b: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = a[i if a.size > 1 else 0] - b[i if b.size > 1 else 0]


@cuda.jit
def multiply(a: Any, b: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = a[i if a.size > 1 else 0] * b[i if b.size > 1 else 0]


@cuda.jit
def divide(a: Any, b: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = a[i if a.size > 1 else 0] / b[i if b.size > 1 else 0]


@cuda.jit
def maximum(a: Any, b: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        v = a[i if a.size > 1 else 0]
        w = b[i if b.size > 1 else 0]
        out[i] = v if v > w or v != v else w  # NaN passes


@cuda.jit
def minimum(a: Any, b: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        v = a[i if a.size > 1 else 0]
        w = b[i if b.size > 1 else 0]
        out[i] = v if v < w or v != v else w  # NaN passes


@cuda.jit
def equal(a: Any, b: Any, out: Any) -> None:
    """1 where they are equal, else 0: the device has no arrays of flags."""
    i = cuda.grid(1)
    if i < out.size:
        same = a[i if a.size > 1 else 0] == b[i if b.size > 1 else 0]
        out[i] = float32(1) if same else float32(0)


@cuda.jit
def greater(a: Any, b: Any, out: Any) -> None:
    """1 where a is the larger one, else 0."""
    i = cuda.grid(1)
    if i < out.size:
        larger = a[i if a.size > 1 else 0] > b[i if b.size > 1 else 0]
        out[i] = float32(1) if larger else float32(0)


@cuda.jit
def greater_equal(a: Any, b: Any, out: Any) -> None:
    """1 where a is not the smaller one, else 0; 0 beside NaN."""
    i = cuda.grid(1)
    if i < out.size:
        enough = a[i if a.size > 1 else 0] >= b[i if b.size > 1 else 0]
        out[i] = float32(1) if enough else float32(0)


@cuda.jit
def power(a: Any, b: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = math.pow(a[i if a.size > 1 else 0], b[i if b.size > 1 else 0])


@cuda.jit
def where(mask: Any, a: Any, b: Any, out: Any) -> None:
    """a where the mask is not 0, else b."""
    i = cuda.grid(1)
    if i < out.size:
        v = a[i if a.size > 1 else 0]
        w = b[i if b.size > 1 else 0]
        out[i] = v if mask[i if mask.size > 1 else 0] != float32(0) else w


@cuda.jit
def absolute(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = abs(x[i])


@cuda.jit
def sin(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = math.sin(x[i])


@cuda.jit
def cos(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = math.cos(x[i])


@cuda.jit
def negative(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = -x[i]


@cuda.jit
def sqrt(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = math.sqrt(x[i])


def _of(kernel: Any) -> Callable[..., CudaArray]:
    """The launcher of a function of some operands, which broadcast."""

    def of(*operands: Any, out: CudaArray | None = None) -> CudaArray:
        arrays = [_operand(one) for one in operands]
        shape = np.broadcast_shapes(*(one.shape for one in arrays))
        made = target(shape, out)
        if made.size:
            full = [one if one.size == 1 else expanded(one, shape) for one in arrays]
            run(kernel, blocks(made.size), THREADS, *map(flat, full), flat(made))
        return made

    return of


def _operand(value: Any) -> CudaArray:
    if isinstance(value, CudaArray):
        if value.dtype != np.float32:
            raise TypeError(f"arithmetic: an array is {value.dtype}; on the device use float32.")
        return value
    if np.ndim(value):
        raise TypeError(
            f"arithmetic: an array of the host {np.shape(value)} meets one of the device. Bring "
            "both to one place: .to('cuda')."
        )
    return filled((), float(value))


_where = _of(where)


def chosen(mask: Any, a: Any, b: Any) -> CudaArray:
    """a where the mask is not 0, else b; booleans of the host are brought to the device."""
    return _where(mask if isinstance(mask, CudaArray) else to_device(np.float32(mask)), a, b)


TABLE: dict[Any, Callable[..., CudaArray]] = {
    np.add: _of(add),
    np.subtract: _of(subtract),
    np.multiply: _of(multiply),
    np.divide: _of(divide),
    np.maximum: _of(maximum),
    np.minimum: _of(minimum),
    np.equal: _of(equal),
    np.greater: _of(greater),
    np.greater_equal: _of(greater_equal),
    np.less: lambda a, b, out=None: TABLE[np.greater](b, a, out=out),
    np.less_equal: lambda a, b, out=None: TABLE[np.greater_equal](b, a, out=out),
    np.not_equal: lambda a, b, out=None: TABLE[np.subtract](1.0, a == b, out=out),
    np.logical_not: lambda x, out=None: TABLE[np.equal](x, 0.0, out=out),
    np.isfinite: lambda x, out=None: TABLE[np.equal](x - x, 0.0, out=out),  # inf - inf is NaN
    np.power: _of(power),
    np.negative: maps.of_one(negative),
    np.absolute: maps.of_one(absolute),
    np.sqrt: maps.of_one(sqrt),
    np.sin: maps.of_one(sin),
    np.cos: maps.of_one(cos),
    np.exp: maps.of_one(maps.exp),
    np.log: maps.of_one(maps.log),
    np.tanh: maps.of_one(activations.tanh),
}


def reduced(ufunc: Any, x: CudaArray, axis: Any, keepdims: bool) -> CudaArray:
    """The sum or the maximum over one axis, several, or all (None).

    Raises:
        TypeError: another function.
    """
    of_rows = {np.add: sum_rows_cuda, np.maximum: max_rows_cuda}.get(ufunc)
    if of_rows is None:
        raise TypeError(f"{ufunc.__name__}.reduce: it is not written for CUDA. Use .to('cpu').")
    given = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = sorted({one % x.ndim for one in given})
    left = [one for one in range(x.ndim) if one not in axes]
    shape: Shape = tuple(x.shape[one] for one in left)
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape)) if keepdims else shape
    count = math.prod(shape)
    if axes == list(range(len(axes))) and ufunc is np.add:  # in front: sums of columns
        return sum_columns_cuda(x.reshape(x.size // max(1, count), count)).reshape(kept)
    order = left + axes
    if order != list(range(x.ndim)):
        steps = [math.prod(x.shape[one + 1 :]) for one in order]
        x = strided(x, tuple(x.shape[one] for one in order), tuple(steps))
    return of_rows(x.reshape(count, x.size // max(1, count))).reshape(kept)
