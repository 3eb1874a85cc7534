"""Matrix times vector, and vector times matrix: each element of the matrix is used once.

The work is one stream over the matrix, so what counts is to walk it in the order in which it lies.
`kernels.gemm` calls it where a product has one row or one column.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import crew, threads
from .jit import jit, strided
from .simd import (
    lanes,
    pointer,
    vadd,
    vbload,
    vfma,
    vhsum,
    vload,
    vload_head,
    vstore,
    vstore_head,
    vzero,
)

Array = Any

SPLIT = 1_000_000  # elements of the matrix a thread at least


def gemv(a: Array, b: Array, c: Array) -> None:
    """c (B, M, N) = a (B, M, K) b (B, K, N) where M or N is 1.

    A row times a matrix is the transposed matrix times a column.
    """
    if c.shape[2] == 1:
        matrix, vector, result = a, b[:, :, 0], c[:, :, 0]
    else:
        matrix, vector, result = b.transpose(0, 2, 1), a[:, 0], c[:, 0]
    count, m, k = matrix.shape
    if k > 1 and vector.strides[1] != vector.itemsize:
        vector = np.ascontiguousarray(vector)
    target = result
    if m > 1 and result.strides[1] != result.itemsize:
        target = np.empty(result.shape, result.dtype)
    if not (matrix.strides[2] == matrix.itemsize or matrix.strides[1] == matrix.itemsize):
        matrix = np.ascontiguousarray(matrix)
    parts = threads.split(count * m * k, SPLIT)
    if parts == 1:
        times_vector(matrix, vector, target)
    else:
        crew.spread(
            lambda _, i, j: times_vector(
                matrix[:, 16 * i : 16 * j], vector, target[:, 16 * i : 16 * j]
            ),
            -(-m // 16),
            parts,
        )
    if target is not result:
        result[...] = target


@strided()
def times_vector(matrix: Array, vector: Array, result: Array) -> None:
    """result (B, M) = matrix (B, M, K) vector (B, K); rows or columns of the matrix contiguous."""
    size = matrix.itemsize
    count, m, k = matrix.shape
    for t in range(count):
        start, vo, ro = (
            t * (matrix.strides[0] // size),
            t * (vector.strides[0] // size),
            t * (result.strides[0] // size),
        )
        if matrix.strides[2] == size:
            rows_times(
                pointer(matrix), start, matrix.strides[1] // size, pointer(vector), vo,
                pointer(result), ro, m, k,
            )  # fmt: skip
        else:
            columns_times(
                pointer(matrix), start, matrix.strides[2] // size, pointer(vector), vo,
                pointer(result), ro, m, k,
            )  # fmt: skip


@jit
def rows_times(
    a: Array, ao: int, step: int, x: Array, xo: int, y: Array, yo: int, m: int, k: int
) -> None:
    """Dot products, four rows at a time: the vector is loaded once for all four."""
    s = lanes(a)
    rest = k % s
    whole = k - rest
    for i in range(0, m - 3, 4):
        r0 = ao + i * step
        r1, r2, r3 = r0 + step, r0 + 2 * step, r0 + 3 * step
        d0, d1, d2, d3 = vzero(a), vzero(a), vzero(a), vzero(a)
        e0, e1, e2, e3 = vzero(a), vzero(a), vzero(a), vzero(a)
        for p in range(0, whole - s, 2 * s):
            v, w = vload(x, xo + p), vload(x, xo + p + s)
            d0, e0 = vfma(vload(a, r0 + p), v, d0), vfma(vload(a, r0 + p + s), w, e0)
            d1, e1 = vfma(vload(a, r1 + p), v, d1), vfma(vload(a, r1 + p + s), w, e1)
            d2, e2 = vfma(vload(a, r2 + p), v, d2), vfma(vload(a, r2 + p + s), w, e2)
            d3, e3 = vfma(vload(a, r3 + p), v, d3), vfma(vload(a, r3 + p + s), w, e3)
        if whole % (2 * s):
            p = whole - s
            v = vload(x, xo + p)
            d0, d1 = vfma(vload(a, r0 + p), v, d0), vfma(vload(a, r1 + p), v, d1)
            d2, d3 = vfma(vload(a, r2 + p), v, d2), vfma(vload(a, r3 + p), v, d3)
        if rest:
            v = vload_head(x, xo + whole, rest)
            e0 = vfma(vload_head(a, r0 + whole, rest), v, e0)
            e1 = vfma(vload_head(a, r1 + whole, rest), v, e1)
            e2 = vfma(vload_head(a, r2 + whole, rest), v, e2)
            e3 = vfma(vload_head(a, r3 + whole, rest), v, e3)
        y[yo + i] = vhsum(vadd(d0, e0))
        y[yo + i + 1] = vhsum(vadd(d1, e1))
        y[yo + i + 2] = vhsum(vadd(d2, e2))
        y[yo + i + 3] = vhsum(vadd(d3, e3))
    for i in range(m - m % 4, m):
        row = ao + i * step
        d, e = vzero(a), vzero(a)
        for p in range(0, whole - s, 2 * s):
            d = vfma(vload(a, row + p), vload(x, xo + p), d)
            e = vfma(vload(a, row + p + s), vload(x, xo + p + s), e)
        if whole % (2 * s):
            d = vfma(vload(a, row + whole - s), vload(x, xo + whole - s), d)
        if rest:
            e = vfma(vload_head(a, row + whole, rest), vload_head(x, xo + whole, rest), e)
        y[yo + i] = vhsum(vadd(d, e))


@jit
def columns_times(
    a: Array, ao: int, step: int, x: Array, xo: int, y: Array, yo: int, m: int, k: int
) -> None:
    """Sums of columns, four at a time: the result is read and written once for all four."""
    s = lanes(a)
    rest = m % s
    whole = m - rest
    for p in range(0, k, 4):
        n = min(4, k - p)
        # A column that is missing is read as the first one, times zero.
        c0 = ao + p * step
        c1 = c0 + step if n > 1 else c0
        c2 = c0 + 2 * step if n > 2 else c0
        c3 = c0 + 3 * step if n > 3 else c0
        x0 = vbload(x, xo + p)
        x1 = vbload(x, xo + p + 1) if n > 1 else vzero(a)
        x2 = vbload(x, xo + p + 2) if n > 2 else vzero(a)
        x3 = vbload(x, xo + p + 3) if n > 3 else vzero(a)
        for i in range(0, whole, s):
            t = vload(y, yo + i) if p else vzero(a)
            t = vfma(x0, vload(a, c0 + i), vfma(x1, vload(a, c1 + i), t))
            u = vfma(x2, vload(a, c2 + i), vfma(x3, vload(a, c3 + i), vzero(a)))
            vstore(y, yo + i, vadd(t, u))
        if rest:
            i = whole
            t = vload_head(y, yo + i, rest) if p else vzero(a)
            t = vfma(x0, vload_head(a, c0 + i, rest), vfma(x1, vload_head(a, c1 + i, rest), t))
            u = vfma(
                x2, vload_head(a, c2 + i, rest), vfma(x3, vload_head(a, c3 + i, rest), vzero(a))
            )
            vstore_head(y, yo + i, vadd(t, u), rest)
