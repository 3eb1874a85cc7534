"""The inner loop of matrix multiplication, 6 rows and 4 vectors. See `kernels.micro`.

Written by tools/write_micro.py; change it there.
"""

from __future__ import annotations

from typing import Any

from .jit import jit
from .simd import (
    lanes,
    prefetch,
    prefetch_second,
    vadd,
    vbload,
    vfma,
    vload,
    vload_head,
    vstore,
    vstore_head,
    vzero,
)

Array = Any


@jit
def packed_6x4(
    k: int, a: Array, ao: int, b: Array, bo: int,
    c: Array, co: int, ldc: int, h: int, w: int, add: bool, ahead: int, pace: int,
) -> None:  # fmt: skip
    """A tile, a and b packed: steps that the compiler knows."""
    s = lanes(b)
    prefetch(c, co + 0 * ldc)
    prefetch(c, co + 1 * ldc)
    prefetch(c, co + 2 * ldc)
    prefetch(c, co + 3 * ldc)
    prefetch(c, co + 4 * ldc)
    prefetch(c, co + 5 * ldc)
    prefetch(c, co + 0 * ldc + 4 * s - 1)
    prefetch(c, co + 1 * ldc + 4 * s - 1)
    prefetch(c, co + 2 * ldc + 4 * s - 1)
    prefetch(c, co + 3 * ldc + 4 * s - 1)
    prefetch(c, co + 4 * ldc + 4 * s - 1)
    prefetch(c, co + 5 * ldc + 4 * s - 1)
    c00 = vzero(b)
    c01 = vzero(b)
    c02 = vzero(b)
    c03 = vzero(b)
    c10 = vzero(b)
    c11 = vzero(b)
    c12 = vzero(b)
    c13 = vzero(b)
    c20 = vzero(b)
    c21 = vzero(b)
    c22 = vzero(b)
    c23 = vzero(b)
    c30 = vzero(b)
    c31 = vzero(b)
    c32 = vzero(b)
    c33 = vzero(b)
    c40 = vzero(b)
    c41 = vzero(b)
    c42 = vzero(b)
    c43 = vzero(b)
    c50 = vzero(b)
    c51 = vzero(b)
    c52 = vzero(b)
    c53 = vzero(b)
    for _ in range(k):
        b0 = vload(b, bo + 0 * s)
        b1 = vload(b, bo + 1 * s)
        b2 = vload(b, bo + 2 * s)
        b3 = vload(b, bo + 3 * s)
        x = vbload(a, ao + 0)
        c00 = vfma(x, b0, c00)
        c01 = vfma(x, b1, c01)
        c02 = vfma(x, b2, c02)
        c03 = vfma(x, b3, c03)
        x = vbload(a, ao + 1)
        c10 = vfma(x, b0, c10)
        c11 = vfma(x, b1, c11)
        c12 = vfma(x, b2, c12)
        c13 = vfma(x, b3, c13)
        x = vbload(a, ao + 2)
        c20 = vfma(x, b0, c20)
        c21 = vfma(x, b1, c21)
        c22 = vfma(x, b2, c22)
        c23 = vfma(x, b3, c23)
        x = vbload(a, ao + 3)
        c30 = vfma(x, b0, c30)
        c31 = vfma(x, b1, c31)
        c32 = vfma(x, b2, c32)
        c33 = vfma(x, b3, c33)
        x = vbload(a, ao + 4)
        c40 = vfma(x, b0, c40)
        c41 = vfma(x, b1, c41)
        c42 = vfma(x, b2, c42)
        c43 = vfma(x, b3, c43)
        x = vbload(a, ao + 5)
        c50 = vfma(x, b0, c50)
        c51 = vfma(x, b1, c51)
        c52 = vfma(x, b2, c52)
        c53 = vfma(x, b3, c53)
        prefetch_second(b, ahead)
        ahead += pace
        ao += 6
        bo += 4 * s
    if h == 6 and w == 4 * s:
        if add:
            c00 = vadd(c00, vload(c, co + 0 * s))
            c01 = vadd(c01, vload(c, co + 1 * s))
            c02 = vadd(c02, vload(c, co + 2 * s))
            c03 = vadd(c03, vload(c, co + 3 * s))
        vstore(c, co + 0 * s, c00)
        vstore(c, co + 1 * s, c01)
        vstore(c, co + 2 * s, c02)
        vstore(c, co + 3 * s, c03)
        co += ldc
        if add:
            c10 = vadd(c10, vload(c, co + 0 * s))
            c11 = vadd(c11, vload(c, co + 1 * s))
            c12 = vadd(c12, vload(c, co + 2 * s))
            c13 = vadd(c13, vload(c, co + 3 * s))
        vstore(c, co + 0 * s, c10)
        vstore(c, co + 1 * s, c11)
        vstore(c, co + 2 * s, c12)
        vstore(c, co + 3 * s, c13)
        co += ldc
        if add:
            c20 = vadd(c20, vload(c, co + 0 * s))
            c21 = vadd(c21, vload(c, co + 1 * s))
            c22 = vadd(c22, vload(c, co + 2 * s))
            c23 = vadd(c23, vload(c, co + 3 * s))
        vstore(c, co + 0 * s, c20)
        vstore(c, co + 1 * s, c21)
        vstore(c, co + 2 * s, c22)
        vstore(c, co + 3 * s, c23)
        co += ldc
        if add:
            c30 = vadd(c30, vload(c, co + 0 * s))
            c31 = vadd(c31, vload(c, co + 1 * s))
            c32 = vadd(c32, vload(c, co + 2 * s))
            c33 = vadd(c33, vload(c, co + 3 * s))
        vstore(c, co + 0 * s, c30)
        vstore(c, co + 1 * s, c31)
        vstore(c, co + 2 * s, c32)
        vstore(c, co + 3 * s, c33)
        co += ldc
        if add:
            c40 = vadd(c40, vload(c, co + 0 * s))
            c41 = vadd(c41, vload(c, co + 1 * s))
            c42 = vadd(c42, vload(c, co + 2 * s))
            c43 = vadd(c43, vload(c, co + 3 * s))
        vstore(c, co + 0 * s, c40)
        vstore(c, co + 1 * s, c41)
        vstore(c, co + 2 * s, c42)
        vstore(c, co + 3 * s, c43)
        co += ldc
        if add:
            c50 = vadd(c50, vload(c, co + 0 * s))
            c51 = vadd(c51, vload(c, co + 1 * s))
            c52 = vadd(c52, vload(c, co + 2 * s))
            c53 = vadd(c53, vload(c, co + 3 * s))
        vstore(c, co + 0 * s, c50)
        vstore(c, co + 1 * s, c51)
        vstore(c, co + 2 * s, c52)
        vstore(c, co + 3 * s, c53)
        return
    if add:
        c00 = vadd(c00, vload_head(c, co + 0 * s, w - 0 * s))
        c01 = vadd(c01, vload_head(c, co + 1 * s, w - 1 * s))
        c02 = vadd(c02, vload_head(c, co + 2 * s, w - 2 * s))
        c03 = vadd(c03, vload_head(c, co + 3 * s, w - 3 * s))
    vstore_head(c, co + 0 * s, c00, w - 0 * s)
    vstore_head(c, co + 1 * s, c01, w - 1 * s)
    vstore_head(c, co + 2 * s, c02, w - 2 * s)
    vstore_head(c, co + 3 * s, c03, w - 3 * s)
    co += ldc
    if h <= 1:
        return
    if add:
        c10 = vadd(c10, vload_head(c, co + 0 * s, w - 0 * s))
        c11 = vadd(c11, vload_head(c, co + 1 * s, w - 1 * s))
        c12 = vadd(c12, vload_head(c, co + 2 * s, w - 2 * s))
        c13 = vadd(c13, vload_head(c, co + 3 * s, w - 3 * s))
    vstore_head(c, co + 0 * s, c10, w - 0 * s)
    vstore_head(c, co + 1 * s, c11, w - 1 * s)
    vstore_head(c, co + 2 * s, c12, w - 2 * s)
    vstore_head(c, co + 3 * s, c13, w - 3 * s)
    co += ldc
    if h <= 2:
        return
    if add:
        c20 = vadd(c20, vload_head(c, co + 0 * s, w - 0 * s))
        c21 = vadd(c21, vload_head(c, co + 1 * s, w - 1 * s))
        c22 = vadd(c22, vload_head(c, co + 2 * s, w - 2 * s))
        c23 = vadd(c23, vload_head(c, co + 3 * s, w - 3 * s))
    vstore_head(c, co + 0 * s, c20, w - 0 * s)
    vstore_head(c, co + 1 * s, c21, w - 1 * s)
    vstore_head(c, co + 2 * s, c22, w - 2 * s)
    vstore_head(c, co + 3 * s, c23, w - 3 * s)
    co += ldc
    if h <= 3:
        return
    if add:
        c30 = vadd(c30, vload_head(c, co + 0 * s, w - 0 * s))
        c31 = vadd(c31, vload_head(c, co + 1 * s, w - 1 * s))
        c32 = vadd(c32, vload_head(c, co + 2 * s, w - 2 * s))
        c33 = vadd(c33, vload_head(c, co + 3 * s, w - 3 * s))
    vstore_head(c, co + 0 * s, c30, w - 0 * s)
    vstore_head(c, co + 1 * s, c31, w - 1 * s)
    vstore_head(c, co + 2 * s, c32, w - 2 * s)
    vstore_head(c, co + 3 * s, c33, w - 3 * s)
    co += ldc
    if h <= 4:
        return
    if add:
        c40 = vadd(c40, vload_head(c, co + 0 * s, w - 0 * s))
        c41 = vadd(c41, vload_head(c, co + 1 * s, w - 1 * s))
        c42 = vadd(c42, vload_head(c, co + 2 * s, w - 2 * s))
        c43 = vadd(c43, vload_head(c, co + 3 * s, w - 3 * s))
    vstore_head(c, co + 0 * s, c40, w - 0 * s)
    vstore_head(c, co + 1 * s, c41, w - 1 * s)
    vstore_head(c, co + 2 * s, c42, w - 2 * s)
    vstore_head(c, co + 3 * s, c43, w - 3 * s)
    co += ldc
    if h <= 5:
        return
    if add:
        c50 = vadd(c50, vload_head(c, co + 0 * s, w - 0 * s))
        c51 = vadd(c51, vload_head(c, co + 1 * s, w - 1 * s))
        c52 = vadd(c52, vload_head(c, co + 2 * s, w - 2 * s))
        c53 = vadd(c53, vload_head(c, co + 3 * s, w - 3 * s))
    vstore_head(c, co + 0 * s, c50, w - 0 * s)
    vstore_head(c, co + 1 * s, c51, w - 1 * s)
    vstore_head(c, co + 2 * s, c52, w - 2 * s)
    vstore_head(c, co + 3 * s, c53, w - 3 * s)


@jit
def tile_6x4(
    k: int, a: Array, ao: int, rs: int, cs: int, b: Array, bo: int, ldb: int,
    c: Array, co: int, ldc: int, h: int, w: int, add: bool,
) -> None:  # fmt: skip
    """A tile, a and b as they lie."""
    s = lanes(b)
    a0 = ao
    q = 0
    a1 = ao + 1 * rs if h > 1 else ao
    a2 = ao + 2 * rs if h > 2 else ao
    a3 = ao + 3 * rs if h > 3 else ao
    a4 = ao + 4 * rs if h > 4 else ao
    a5 = ao + 5 * rs if h > 5 else ao
    prefetch(c, co + 0 * ldc)
    prefetch(c, co + 1 * ldc)
    prefetch(c, co + 2 * ldc)
    prefetch(c, co + 3 * ldc)
    prefetch(c, co + 4 * ldc)
    prefetch(c, co + 5 * ldc)
    prefetch(c, co + 0 * ldc + 4 * s - 1)
    prefetch(c, co + 1 * ldc + 4 * s - 1)
    prefetch(c, co + 2 * ldc + 4 * s - 1)
    prefetch(c, co + 3 * ldc + 4 * s - 1)
    prefetch(c, co + 4 * ldc + 4 * s - 1)
    prefetch(c, co + 5 * ldc + 4 * s - 1)
    c00 = vzero(b)
    c01 = vzero(b)
    c02 = vzero(b)
    c03 = vzero(b)
    c10 = vzero(b)
    c11 = vzero(b)
    c12 = vzero(b)
    c13 = vzero(b)
    c20 = vzero(b)
    c21 = vzero(b)
    c22 = vzero(b)
    c23 = vzero(b)
    c30 = vzero(b)
    c31 = vzero(b)
    c32 = vzero(b)
    c33 = vzero(b)
    c40 = vzero(b)
    c41 = vzero(b)
    c42 = vzero(b)
    c43 = vzero(b)
    c50 = vzero(b)
    c51 = vzero(b)
    c52 = vzero(b)
    c53 = vzero(b)
    for _ in range(k):
        b0 = vload(b, bo + 0 * s)
        b1 = vload(b, bo + 1 * s)
        b2 = vload(b, bo + 2 * s)
        b3 = vload(b, bo + 3 * s)
        x = vbload(a, a0 + q)
        c00 = vfma(x, b0, c00)
        c01 = vfma(x, b1, c01)
        c02 = vfma(x, b2, c02)
        c03 = vfma(x, b3, c03)
        x = vbload(a, a1 + q)
        c10 = vfma(x, b0, c10)
        c11 = vfma(x, b1, c11)
        c12 = vfma(x, b2, c12)
        c13 = vfma(x, b3, c13)
        x = vbload(a, a2 + q)
        c20 = vfma(x, b0, c20)
        c21 = vfma(x, b1, c21)
        c22 = vfma(x, b2, c22)
        c23 = vfma(x, b3, c23)
        x = vbload(a, a3 + q)
        c30 = vfma(x, b0, c30)
        c31 = vfma(x, b1, c31)
        c32 = vfma(x, b2, c32)
        c33 = vfma(x, b3, c33)
        x = vbload(a, a4 + q)
        c40 = vfma(x, b0, c40)
        c41 = vfma(x, b1, c41)
        c42 = vfma(x, b2, c42)
        c43 = vfma(x, b3, c43)
        x = vbload(a, a5 + q)
        c50 = vfma(x, b0, c50)
        c51 = vfma(x, b1, c51)
        c52 = vfma(x, b2, c52)
        c53 = vfma(x, b3, c53)
        q += cs
        bo += ldb
    if h == 6 and w == 4 * s:
        if add:
            c00 = vadd(c00, vload(c, co + 0 * s))
            c01 = vadd(c01, vload(c, co + 1 * s))
            c02 = vadd(c02, vload(c, co + 2 * s))
            c03 = vadd(c03, vload(c, co + 3 * s))
        vstore(c, co + 0 * s, c00)
        vstore(c, co + 1 * s, c01)
        vstore(c, co + 2 * s, c02)
        vstore(c, co + 3 * s, c03)
        co += ldc
        if add:
            c10 = vadd(c10, vload(c, co + 0 * s))
            c11 = vadd(c11, vload(c, co + 1 * s))
            c12 = vadd(c12, vload(c, co + 2 * s))
            c13 = vadd(c13, vload(c, co + 3 * s))
        vstore(c, co + 0 * s, c10)
        vstore(c, co + 1 * s, c11)
        vstore(c, co + 2 * s, c12)
        vstore(c, co + 3 * s, c13)
        co += ldc
        if add:
            c20 = vadd(c20, vload(c, co + 0 * s))
            c21 = vadd(c21, vload(c, co + 1 * s))
            c22 = vadd(c22, vload(c, co + 2 * s))
            c23 = vadd(c23, vload(c, co + 3 * s))
        vstore(c, co + 0 * s, c20)
        vstore(c, co + 1 * s, c21)
        vstore(c, co + 2 * s, c22)
        vstore(c, co + 3 * s, c23)
        co += ldc
        if add:
            c30 = vadd(c30, vload(c, co + 0 * s))
            c31 = vadd(c31, vload(c, co + 1 * s))
            c32 = vadd(c32, vload(c, co + 2 * s))
            c33 = vadd(c33, vload(c, co + 3 * s))
        vstore(c, co + 0 * s, c30)
        vstore(c, co + 1 * s, c31)
        vstore(c, co + 2 * s, c32)
        vstore(c, co + 3 * s, c33)
        co += ldc
        if add:
            c40 = vadd(c40, vload(c, co + 0 * s))
            c41 = vadd(c41, vload(c, co + 1 * s))
            c42 = vadd(c42, vload(c, co + 2 * s))
            c43 = vadd(c43, vload(c, co + 3 * s))
        vstore(c, co + 0 * s, c40)
        vstore(c, co + 1 * s, c41)
        vstore(c, co + 2 * s, c42)
        vstore(c, co + 3 * s, c43)
        co += ldc
        if add:
            c50 = vadd(c50, vload(c, co + 0 * s))
            c51 = vadd(c51, vload(c, co + 1 * s))
            c52 = vadd(c52, vload(c, co + 2 * s))
            c53 = vadd(c53, vload(c, co + 3 * s))
        vstore(c, co + 0 * s, c50)
        vstore(c, co + 1 * s, c51)
        vstore(c, co + 2 * s, c52)
        vstore(c, co + 3 * s, c53)
        return
    if add:
        c00 = vadd(c00, vload_head(c, co + 0 * s, w - 0 * s))
        c01 = vadd(c01, vload_head(c, co + 1 * s, w - 1 * s))
        c02 = vadd(c02, vload_head(c, co + 2 * s, w - 2 * s))
        c03 = vadd(c03, vload_head(c, co + 3 * s, w - 3 * s))
    vstore_head(c, co + 0 * s, c00, w - 0 * s)
    vstore_head(c, co + 1 * s, c01, w - 1 * s)
    vstore_head(c, co + 2 * s, c02, w - 2 * s)
    vstore_head(c, co + 3 * s, c03, w - 3 * s)
    co += ldc
    if h <= 1:
        return
    if add:
        c10 = vadd(c10, vload_head(c, co + 0 * s, w - 0 * s))
        c11 = vadd(c11, vload_head(c, co + 1 * s, w - 1 * s))
        c12 = vadd(c12, vload_head(c, co + 2 * s, w - 2 * s))
        c13 = vadd(c13, vload_head(c, co + 3 * s, w - 3 * s))
    vstore_head(c, co + 0 * s, c10, w - 0 * s)
    vstore_head(c, co + 1 * s, c11, w - 1 * s)
    vstore_head(c, co + 2 * s, c12, w - 2 * s)
    vstore_head(c, co + 3 * s, c13, w - 3 * s)
    co += ldc
    if h <= 2:
        return
    if add:
        c20 = vadd(c20, vload_head(c, co + 0 * s, w - 0 * s))
        c21 = vadd(c21, vload_head(c, co + 1 * s, w - 1 * s))
        c22 = vadd(c22, vload_head(c, co + 2 * s, w - 2 * s))
        c23 = vadd(c23, vload_head(c, co + 3 * s, w - 3 * s))
    vstore_head(c, co + 0 * s, c20, w - 0 * s)
    vstore_head(c, co + 1 * s, c21, w - 1 * s)
    vstore_head(c, co + 2 * s, c22, w - 2 * s)
    vstore_head(c, co + 3 * s, c23, w - 3 * s)
    co += ldc
    if h <= 3:
        return
    if add:
        c30 = vadd(c30, vload_head(c, co + 0 * s, w - 0 * s))
        c31 = vadd(c31, vload_head(c, co + 1 * s, w - 1 * s))
        c32 = vadd(c32, vload_head(c, co + 2 * s, w - 2 * s))
        c33 = vadd(c33, vload_head(c, co + 3 * s, w - 3 * s))
    vstore_head(c, co + 0 * s, c30, w - 0 * s)
    vstore_head(c, co + 1 * s, c31, w - 1 * s)
    vstore_head(c, co + 2 * s, c32, w - 2 * s)
    vstore_head(c, co + 3 * s, c33, w - 3 * s)
    co += ldc
    if h <= 4:
        return
    if add:
        c40 = vadd(c40, vload_head(c, co + 0 * s, w - 0 * s))
        c41 = vadd(c41, vload_head(c, co + 1 * s, w - 1 * s))
        c42 = vadd(c42, vload_head(c, co + 2 * s, w - 2 * s))
        c43 = vadd(c43, vload_head(c, co + 3 * s, w - 3 * s))
    vstore_head(c, co + 0 * s, c40, w - 0 * s)
    vstore_head(c, co + 1 * s, c41, w - 1 * s)
    vstore_head(c, co + 2 * s, c42, w - 2 * s)
    vstore_head(c, co + 3 * s, c43, w - 3 * s)
    co += ldc
    if h <= 5:
        return
    if add:
        c50 = vadd(c50, vload_head(c, co + 0 * s, w - 0 * s))
        c51 = vadd(c51, vload_head(c, co + 1 * s, w - 1 * s))
        c52 = vadd(c52, vload_head(c, co + 2 * s, w - 2 * s))
        c53 = vadd(c53, vload_head(c, co + 3 * s, w - 3 * s))
    vstore_head(c, co + 0 * s, c50, w - 0 * s)
    vstore_head(c, co + 1 * s, c51, w - 1 * s)
    vstore_head(c, co + 2 * s, c52, w - 2 * s)
    vstore_head(c, co + 3 * s, c53, w - 3 * s)
