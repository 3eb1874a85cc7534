"""Packing for matrix multiplication: blocks of a and b copied into the order in which they are read.

A block is used many times, so that one copy of it, in lines that follow each other and in few
pages, is soon paid for. Packing reads any strides, so a transposed operand needs no copy before.
Offsets and strides are in elements; all arguments may be addresses.
"""

from __future__ import annotations

from typing import Any

from .jit import jit
from .micro import ROWS, panel_width
from .simd import lanes, prefetch, vload, vload_head, vstore, vstore_head, vturn, vzero

Array = Any

GROUP = 8  # panels of b that are written side by side: 512 bytes of a row and more
SLACK = 64  # elements behind a packed block that a last whole vector may spill into


@jit
def pack_a(a: Array, ao: int, rs: int, cs: int, m: int, k: int, to: Array) -> None:
    """The (m, k) block of a in panels of 6 rows: 6 elements of column 0, 6 of column 1, ...

    A vector that is longer than a column of the panel spills into the next column, which is written
    later, and at the end into the slack. Rows that are missing at the end stay undefined.
    """
    s = lanes(a)
    last = (ROWS - 1) // s * s
    done = pack_columns(a, ao, rs, cs, m, k, to) if rs == 1 else 0
    for i in range(done, m, ROWS):
        h = min(ROWS, m - i)
        target = i * k
        for r in range(last, -1, -s):  # the last rows of the panel first: they spill over
            if r >= h:
                continue
            source = ao + (i + r) * rs
            there = min(s, h - r)
            whole = k - k % s if cs == 1 else 0
            for p in range(0, whole, s):
                vturn(to, target + p * ROWS + r, ROWS, a, source + p, rs, there)
            for p in range(whole, k):
                for q in range(there):
                    to[target + p * ROWS + r + q] = a[source + q * rs + p * cs]


@jit
def pack_columns(a: Array, ao: int, rs: int, cs: int, m: int, k: int, to: Array) -> int:
    """The same for contiguous columns; how many rows are done, the others too near to the end.

    Four columns at a time through all panels: a cache line holds rows of several panels.
    """
    s = lanes(a)
    last = (ROWS - 1) // s * s
    done = max(0, (m - last - s) // ROWS + 1) * ROWS if m >= last + s else 0
    for first in range(0, k, 4):
        for i in range(0, done, ROWS):
            for p in range(first, min(first + 4, k)):
                for r in range(last, -1, -s):
                    v = vload(a, ao + i + r + p * cs)
                    room = (k - p) * ROWS - r  # behind it lies the next panel, partly there already
                    if room >= s:
                        vstore(to, i * k + p * ROWS + r, v)
                    else:
                        vstore_head(to, i * k + p * ROWS + r, v, room)
    return done


@jit
def pack_b(
    b: Array, bo: int, rs: int, cs: int, k: int, n: int, to: Array, start: int, width: int
) -> None:
    """The (k, n) block of b in panels of `width` columns, row by row; the last filled with zeros."""
    s = lanes(b)
    done = pack_rows(b, bo, rs, k, n, to, start) if cs == 1 else 0
    for j in range(done, n, width):
        w = min(width, n - j)
        target = start + j * k
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
                        vturn(to, target + p * width + v, width, b, bo + p + (j + v) * cs, cs, s)
                for p in range(k - k % s, k):
                    for v in range(square):
                        to[target + p * width + v] = b[bo + p * rs + (j + v) * cs]
            for v in range(square, w):
                for p in range(k):
                    to[target + p * width + v] = b[bo + p * rs + (j + v) * cs]


@jit
def pack_rows(b: Array, bo: int, rs: int, k: int, n: int, to: Array, start: int) -> int:
    """The whole panels of contiguous rows; how many columns are done.

    Some panels at a time: a panel alone takes one line or two of each row, too little for the
    processor to see what comes next, and from memory took twice the time. Rows are fetched four
    ahead as well.
    """
    s = lanes(b)
    width = panel_width(b)
    done: int = n - n % width
    for j in range(0, done, GROUP * width):
        end = min(j + GROUP * width, done)
        for p in range(k):
            source = bo + p * rs
            for q in range(j, end, width):
                prefetch(b, source + q + 4 * rs)
                for v in range(0, width, s):
                    vstore(to, start + q * k + p * width + v, vload(b, source + q + v))
    return done
