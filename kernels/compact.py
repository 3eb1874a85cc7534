"""A contiguous copy of an array of any strides: what a transposed view costs when it must be laid out.

NumPy walks the result in order and jumps through the source. Where the source's contiguous axis is
another one, squares of lanes x lanes are turned in registers, so that both sides are walked in
whole vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import memory
from .jit import jit, strided
from .kernel import Call, Kernel, call
from .simd import lanes, pointer, vturn

Array = Any

SMALL = 4096  # elements below which NumPy's call is the shorter one
BLOCK = 64  # rows and columns of a block: its lines stay in the first-level cache on both sides


def oracle(x: Array) -> Array:
    """A C-contiguous array with x's shape, dtype and values; x itself is never returned.

    Source: the definition, out[i, j, ...] = x[i, j, ...].
    """
    return np.array(x, order="C", copy=True, ndmin=x.ndim)


compact = Kernel("compact", oracle, ulps=0)


@compact.on("cpu")
def compact_cpu(x: Array) -> Array:
    """Transposes by turned squares; every other order, and small arrays, by NumPy."""
    size = x.itemsize
    if x.size < SMALL or x.ndim < 2 or x.strides[-1] == size or any(s % size for s in x.strides):
        return oracle(x)
    axis = next((i for i in range(x.ndim - 1) if x.strides[i] == size and x.shape[i] > 1), None)
    if axis is None or x.ndim > 4:
        return oracle(x)
    out = memory.empty(x.shape, x.dtype)
    others = [i for i in range(x.ndim - 1) if i != axis]
    padding = (None,) * (2 - len(others))
    order = (*others, axis, x.ndim - 1)
    turn(x.transpose(order)[padding], out.transpose(order)[padding])
    return out


@strided()
def turn(x: Array, out: Array) -> None:
    """out[p, q, i, j] = x[p, q, i, j]; i is contiguous in x, j in out."""
    size = x.itemsize
    rows, columns = x.shape[2], x.shape[3]
    row, column = out.strides[2] // size, x.strides[3] // size
    for p in range(x.shape[0]):
        for q in range(x.shape[1]):
            source = p * (x.strides[0] // size) + q * (x.strides[1] // size)
            target = p * (out.strides[0] // size) + q * (out.strides[1] // size)
            turn_plane(pointer(x), source, column, pointer(out), target, row, rows, columns)


@jit
def turn_plane(
    x: Array, source: int, column: int, out: Array, target: int, row: int, rows: int, columns: int
) -> None:
    """One plane, block by block; what is left at the edges an element at a time."""
    s = lanes(x)
    for i0 in range(0, rows, BLOCK):
        i1 = min(i0 + BLOCK, rows)
        for j0 in range(0, columns, BLOCK):
            j1 = min(j0 + BLOCK, columns)
            whole_i, whole_j = i1 - (i1 - i0) % s, j1 - (j1 - j0) % s
            for i in range(i0, whole_i, s):
                for j in range(j0, whole_j, s):
                    vturn(out, target + i * row + j, row, x, source + j * column + i, column, s)
            for i in range(i0, i1):
                for j in range(whole_j if i < whole_i else j0, j1):
                    out[target + i * row + j] = x[source + j * column + i]


@compact.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    """Small, transposed exact and ragged, heads of attention, reversed, strided, empty."""

    def of(*shape: int) -> Array:
        return rng.normal(size=shape).astype(dtype)

    return [
        call(of(3, 4).T),
        call(of(64, 64).T),
        call(of(67, 75).T),
        call(of(5, 1000).T),
        call(of(2, 40, 60).transpose(0, 2, 1)),
        call(of(2, 30, 3, 25).transpose(0, 2, 3, 1)),
        call(of(9, 25, 20).transpose(2, 0, 1)),
        call(of(150, 90)[::2, ::-1]),
        call(of(0, 5).T),
        call(of(5000)),
    ]
