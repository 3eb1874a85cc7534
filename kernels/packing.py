"""Packing for matrix multiplication: blocks of a and b copied into the order in which they are read.

A block is used many times, so that one copy of it, in lines that follow each other and in few
pages, is soon paid for. Packing reads any strides, so a transposed operand needs no copy before.
Offsets and strides are in elements; all arguments may be addresses.
"""

from __future__ import annotations

from typing import Any

from .jit import jit
from .micro import ROWS
from .simd import lanes, vload, vload_head, vstore, vtranspose, vzero

Array = Any

SLACK = 64  # elements behind a packed block that a last whole vector may spill into


@jit
def pack_rows(a: Array, ao: int, rs: int, m: int, k: int, to: Array, step: int) -> None:
    """The (m, k) block of a, whose rows are contiguous, row by row, each `step` from the last.

    The last vector of a row may spill into the space before the next.
    """
    s = lanes(a)
    for i in range(m):
        source, target = ao + i * rs, i * step
        for p in range(0, k - s + 1, s):
            vstore(to, target + p, vload(a, source + p))
        rest = k % s
        if rest:
            vstore(to, target + k - rest, vload_head(a, source + k - rest, rest))


@jit
def pack_panels(a: Array, ao: int, rs: int, cs: int, m: int, k: int, to: Array) -> None:
    """The (m, k) block of a in panels of 6 rows: 6 elements of column 0, 6 of column 1, ...

    For columns whose elements lie side by side (rs == 1), or neither.
    """
    s = lanes(a)
    for i in range(0, m, ROWS):
        h = min(ROWS, m - i)
        target = i * k
        if rs == 1 and s >= ROWS:
            for p in range(k):
                # The lanes beyond 6 are written over by the next column, at the end into the slack.
                vstore(to, target + p * ROWS, vload_head(a, ao + i + p * cs, h))
        else:
            for p in range(k):
                for r in range(h):
                    to[target + p * ROWS + r] = a[ao + (i + r) * rs + p * cs]


@jit
def pack_b(b: Array, bo: int, rs: int, cs: int, k: int, n: int, to: Array, width: int) -> None:
    """The (k, n) block of b in panels of `width` columns, row by row; the last filled with zeros."""
    s = lanes(b)
    for j in range(0, n, width):
        w = min(width, n - j)
        target = j * k
        if w < width:
            for p in range(0, k * width, s):  # k * width is a multiple of a vector
                vstore(to, target + p, vzero(b))
        if cs == 1:
            for p in range(k):
                source = bo + p * rs + j
                for v in range(0, w - s + 1, s):
                    vstore(to, target + p * width + v, vload(b, source + v))
                rest = w % s
                if rest:
                    v = w - rest
                    vstore(to, target + p * width + v, vload_head(b, source + v, rest))
        else:
            square = 0
            if rs == 1:
                square = w - w % s
                for p in range(0, k - s + 1, s):
                    for v in range(0, square, s):
                        vtranspose(to, target + p * width + v, width, b, bo + p + (j + v) * cs, cs)
                for p in range(k - k % s, k):
                    for v in range(square):
                        to[target + p * width + v] = b[bo + p * rs + (j + v) * cs]
            for v in range(square, w):
                for p in range(k):
                    to[target + p * width + v] = b[bo + p * rs + (j + v) * cs]
