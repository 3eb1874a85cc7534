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
from .array import THREADS, CudaArray, Shape, blocks, flat, run, target
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


def _pair(kernel: Any) -> Callable[[Any, Any], CudaArray]:
    def of(a: Any, b: Any, out: CudaArray | None = None) -> CudaArray:
        left, right = _operand(a), _operand(b)
        shape = np.broadcast_shapes(left.shape, right.shape)
        made = target(shape, out)
        if made.size:
            spread = [one if one.size == 1 else expanded(one, shape) for one in (left, right)]
            run(kernel, blocks(made.size), THREADS, *map(flat, spread), flat(made))
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


TABLE: dict[Any, Callable[..., CudaArray]] = {
    np.add: _pair(add),
    np.subtract: _pair(subtract),
    np.multiply: _pair(multiply),
    np.divide: _pair(divide),
    np.maximum: _pair(maximum),
    np.minimum: _pair(minimum),
    np.equal: _pair(equal),
    np.greater: _pair(greater),
    np.less: lambda a, b, out=None: TABLE[np.greater](b, a, out),
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
