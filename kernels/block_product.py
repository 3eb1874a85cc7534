"""Products of blocks that are near the processor already: no packing, no blocking, no allocation.

Attention and recurrent networks multiply blocks of some 64 rows that lie in the first or second
cache. There the packing of a general GEMM costs more than it brings: the left factor is read one
element at a time, so that any strides will do, and the right factor needs only rows that are
contiguous. Arrays are flat, offsets and strides count elements:

    left    a, i, row, step   a[i + r row + p step]
    right   b, j, ldb         b[j + p ldb + column]
    result  c, o, ldc         c[o + r ldc + column]

Six rows by two registers keep twelve sums in flight: two multiply-adds a cycle with four cycles of
latency need eight, and sixteen registers (AVX2) have room for twelve, two of the right factor and
one of the left. Sources: Goto & van de Geijn (2008), "Anatomy of high-performance matrix
multiplication"; Van Zee & van de Geijn (2015), "BLIS".
"""

# fmt: off -- signatures by factor: left, right, result
from __future__ import annotations

from typing import Any

import numpy as np

from .jit import jit, word
from .simd import lanes, prefetch_second

register_tile = word("register_tile", "register_tile")

Flat = Any  # a one-dimensional C-contiguous array

FETCHED = 24  # lines at once: a first cache waits for no more
KEEP = 256  # rows of a panel: 16 KiB with AVX2, half of the first cache, and it stays there


@jit
def panel_product(
    m: int,
    k: int,
    a: Flat,
    i: int,
    row: int,
    step: int,
    b: Flat,
    j: int,
    ldb: int,
    c: Flat,
    o: int,
    ldc: int,
    add: bool,
    ahead: int,
    fetched: int,
) -> None:
    """result (m, two registers) (+)= left (m, k) right (k, two registers).

    Each tile brings `fetched` cache lines of right, from `ahead` on, into the second cache.
    """
    line = 64 // b.itemsize
    r = 0
    while r < m:
        for _ in range(fetched):
            prefetch_second(b, ahead)
            ahead += line
        last = m - r - 1
        if last > 3 and last != 7:  # eight rows are two tiles of four rather than six and two
            register_tile(6, 2, 0, k, a, i, row, step, last, b, j, ldb, c, o, ldc, add, 0)
            i += 6 * row
            o += 6 * ldc
            r += 6
        else:
            register_tile(4, 2, 0, k, a, i, row, step, last, b, j, ldb, c, o, ldc, add, 0)
            i += 4 * row
            o += 4 * ldc
            r += 4


@jit
def edge_product(
    m: int,
    n: int,
    k: int,
    a: Flat,
    i: int,
    row: int,
    step: int,
    b: Flat,
    j: int,
    ldb: int,
    c: Flat,
    o: int,
    ldc: int,
    add: bool,
) -> None:
    """The same for n columns, fewer than two registers hold; no other is read or written."""
    for r in range(0, m, 4):
        register_tile(4, 2, 1, k, a, i, row, step, m - r - 1, b, j, ldb, c, o, ldc, add, n)
        i += 4 * row
        o += 4 * ldc


@jit
def block_product(
    m: int,
    n: int,
    k: int,
    a: Flat,
    i: int,
    row: int,
    step: int,
    b: Flat,
    j: int,
    ldb: int,
    c: Flat,
    o: int,
    ldc: int,
    add: bool,
) -> None:
    """result (m, n) (+)= left (m, k) right (k, n)."""
    panel = 2 * lanes(b)
    for q in range(0, n, panel):
        if n - q >= panel:
            panel_product(m, k, a, i, row, step, b, j + q, ldb, c, o + q, ldc, add, 0, 0)
        else:
            edge_product(m, n - q, k, a, i, row, step, b, j + q, ldb, c, o + q, ldc, add)


@jit
def pack_panels(w: Flat, row: int, step: int, k: int, n: int, groups: int, panels: Flat) -> None:
    """Lay w (k, groups n) out as panels two registers wide: [block of columns][group][k][panel].

    A panel is read from one end to the other, once for every few rows of the left factor. The
    groups are the gates of a recurrent cell: the same units of all gates lie side by side.
    """
    panel = 2 * lanes(w)
    o = 0
    for u in range(0, n, panel):
        held = min(panel, n - u)
        for g in range(groups):
            for p in range(k):
                at = p * row + (g * n + u) * step
                for q in range(held):
                    panels[np.uint64(o + q)] = w[np.uint64(at + q * step)]
                for q in range(held, panel):
                    panels[np.uint64(o + q)] = 0
                o += panel


@jit
def packed_product(
    m: int,
    n: int,
    k: int,
    a: Flat,
    i: int,
    row: int,
    step: int,
    panels: Flat,
    j: int,
    c: Flat,
    o: int,
    ldc: int,
    add: bool,
) -> None:
    """result (m, n) (+)= left (m, k) times one packed panel (k, n), KEEP rows of it at a time."""
    panel = 2 * lanes(panels)
    for p in range(0, max(k, 1), KEEP):  # once at least: an empty product is zero
        some, more = min(KEEP, k - p), add or p > 0
        near, here = i + p * step, j + p * panel
        if n >= panel:
            # What follows in the panels is needed next, and a tile that waits for it waits long.
            lines = some * panel * panels.itemsize // 64
            tiles = (m + 5) // 6
            each, beyond = min(FETCHED, (lines + tiles - 1) // tiles), here + some * panel
            panel_product(
                m, some, a, near, row, step, panels, here, panel, c, o, ldc, more, beyond, each
            )  # fmt: skip
        else:
            edge_product(m, n, some, a, near, row, step, panels, here, panel, c, o, ldc, more)
