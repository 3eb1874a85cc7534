"""Winograd's F(2x2, 3x3): four outputs of a 3x3 window for 16 multiplications instead of 36.

A 2x2 tile of outputs depends on a 4x4 patch d of the input. With

    B^T = [1  0 -1  0]      G = [ 1    0    0 ]      A^T = [1  1  1  0]
          [0  1  1  0]          [1/2  1/2  1/2]            [0  1 -1 -1]
          [0 -1  1  0]          [1/2 -1/2  1/2]
          [0  1  0 -1]          [ 0    0    1 ]

the outputs are Y = A^T ((G w G^T) * (B^T d B)) A, `*` entry by entry. Summed over channels, each of
the 16 entries is a matrix product of its own: filters x channels times channels x tiles. B and A
hold only 0 and 1, so the transforms are additions; a result is about as exact as that of the
direct sum, except that one infinity in the input becomes NaN in its whole tile.

The input gradient is the same with the window turned by half a turn; the weight gradient has its
own file. Tiles are handled in blocks, so that the 16 products stay in the second cache, and
neighbouring tiles of a row lie in neighbouring lanes.

Sources: Winograd (1980), "Arithmetic complexity of computations"; Lavin & Gray (2016), "Fast
algorithms for convolutional neural networks".
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from . import crew, scratch, threads, tiles
from .jit import jit
from .planes import copy_gated, copy_row, odd_lines
from .simd import lanes, vadd, vload, vmax, vset1, vstore, vsub, vzero
from .tiles import (
    veven,
    vmerge_high,
    vmerge_low,
    vodd,
    wide_outer,
    wide_rows,
    wide_store,
    wide_zero,
)

NEAR = 400 * 1024  # bytes of transformed input in a block: most of the second cache
MOST = 96  # tiles in a block
WORK = 4_000_000  # multiply-adds below which a second thread brings nothing
FILTERS = 32  # whose products lie in the second cache at a time, beside their factors

BT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
AT = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])


def tile_outputs(d: Any, w: Any) -> Any:
    """The 2x2 outputs of one 4x4 patch and one 3x3 window, in the words of the paper."""
    return AT @ ((G @ w @ G.T) * (BT @ d @ BT.T)) @ AT.T


class Grid(NamedTuple):
    """An image and its tiles, for the compiled loops. Integers all."""

    channels: int
    height: int
    width: int
    padding: int
    filters: int
    out_height: int
    out_width: int
    tile_rows: int
    tile_columns: int
    span: int  # tile columns of a block
    block_rows: int  # tile rows of a block
    room: int  # tiles that a block has room for
    line: int  # elements of a padded row of a block


@lru_cache(256)
def plan(
    channels: int, height: int, width: int, padding: int, filters: int, size: int, step: int,
    vector: int,
) -> Grid:  # fmt: skip
    """The tiles of images (channels, height, width), in blocks that are nearly a multiple of `step`."""
    out_height, out_width = height + 2 * padding - 2, width + 2 * padding - 2
    rows, columns = -(-out_height // 2), -(-out_width // 2)
    most = max(step, min(MOST, NEAR // (16 * channels * size)))
    parts = -(-columns // most)
    span = -(-columns // parts)
    best, block_rows = 0.0, 1
    for number in range(1, max(1, most // span) + 1):
        share = number * span / (-(-number * span // step) * step)
        if share > best + 0.01:
            best, block_rows = share, number
    room = -(-block_rows * span // step) * step + vector
    line = 2 * (-(-span // vector) * vector) + 2 + vector
    return Grid(
        channels, height, width, padding, filters, out_height, out_width, rows, columns,
        span, block_rows, room, line,
    )  # fmt: skip


@jit
def pad_rows(
    x: Any, start: int, gate: Any, gated: bool, grid: Grid, row0: int, rows: int, column0: int, to: Any, at: int
) -> None:  # fmt: skip
    """Rows of one channel from (row0, column0) on.

    What lies beside the image is the same in every row: `to` has zeros there and keeps them.
    """
    line = grid.line
    first = min(line, max(0, -column0))
    beyond = max(first, min(line, grid.width - column0))
    for h in range(row0, row0 + rows):
        if h < 0 or h >= grid.height:
            to[at : at + line] = 0
        else:
            i = start + h * grid.width + column0 + first
            if gated:
                copy_gated(x, gate, i, beyond - first, to, at + first)
            else:
                copy_row(x, i, beyond - first, to, at + first)
        at += line


@jit
def column_differences(b: Any, i: int) -> Any:
    """One row of B for as many tiles as lanes: the four combinations of columns 2t to 2t + 3."""
    step = lanes(b)
    x, y = vload(b, i), vload(b, i + step)
    d0, d1 = veven(x, y), vodd(x, y)
    x, y = vload(b, i + 2), vload(b, i + 2 + step)
    d2, d3 = veven(x, y), vodd(x, y)
    return vsub(d0, d2), vadd(d1, d2), vsub(d2, d1), vsub(d1, d3)


@jit
def input_tiles(b: Any, i: int, line: int, count: int, to: Any, o: int, step: int) -> None:
    """B^T d B of one row of tiles; its 16 entries lie `step` apart. May write a vector too far."""
    for t in range(0, count, lanes(b)):
        at = i + 2 * t
        p = column_differences(b, at)
        q = column_differences(b, at + line)
        r = column_differences(b, at + 2 * line)
        s = column_differences(b, at + 3 * line)
        k = o + t
        for j in range(4):
            vstore(to, k, vsub(p[j], r[j]))
            vstore(to, k + 4 * step, vadd(q[j], r[j]))
            vstore(to, k + 8 * step, vsub(r[j], q[j]))
            vstore(to, k + 12 * step, vsub(q[j], s[j]))
            k += step


@jit
def input_block(
    x: Any, gate: Any, gated: bool, grid: Grid, row: int, beyond: int, column: int, span: int,
    padded: Any, to: Any, step: int,
) -> None:  # fmt: skip
    """The transformed input of tile rows row..beyond (counted through all images)."""
    image = grid.height * grid.width
    half = (2 * grid.block_rows + 2) * grid.line
    g = row
    while g < beyond:
        n = g // grid.tile_rows
        top = g - n * grid.tile_rows
        count = min(grid.tile_rows - top, beyond - g)
        # A channel is padded while the one before is transformed: a row that has just been written
        # cannot be read at another alignment until it has left the store buffer.
        for c in range(grid.channels + 1):
            if c < grid.channels:
                pad_rows(
                    x, (n * grid.channels + c) * image, gate, gated, grid, 2 * top - grid.padding,
                    2 * count + 2, 2 * column - grid.padding, padded, (c & 1) * half,
                )  # fmt: skip
            if c > 0:
                at = ((c - 1) & 1) * half
                o = (c - 1) * grid.room + (g - row) * span
                for k in range(count):
                    input_tiles(padded, at + 2 * k * grid.line, grid.line, span, to, o, step)
                    o += span
        g += count


@jit
def output_sums(m: Any, i: int, step: int) -> Any:
    """A column of A^T m: two sums of four entries."""
    a, b = vload(m, i + 4 * step), vload(m, i + 8 * step)
    return (
        vadd(vadd(vload(m, i), a), b),
        vsub(vsub(a, b), vload(m, i + 12 * step)),
    )


@jit
def output_tiles(
    m: Any, i: int, step: int, count: int, bias: float, relu: bool, y: Any, o: int, width: int,
    room: int, both: bool, spare: Any,
) -> None:  # fmt: skip
    """A^T m A of one row of tiles, into one or two rows of y with room for `room` elements."""
    size = lanes(y)
    add, zero = vset1(y, bias), vzero(y)
    for start in range(0, count, size):
        t = start
        if t + size > count and count >= size:
            t = count - size  # the last vector overlaps the one before
        s0, t0 = output_sums(m, i + t, step)
        s1, t1 = output_sums(m, i + t + step, step)
        s2, t2 = output_sums(m, i + t + 2 * step, step)
        s3, t3 = output_sums(m, i + t + 3 * step, step)
        a, b = vadd(vadd(vadd(s0, s1), s2), add), vadd(vsub(vsub(s1, s2), s3), add)
        c, d = vadd(vadd(vadd(t0, t1), t2), add), vadd(vsub(vsub(t1, t2), t3), add)
        if relu:
            a, b, c, d = vmax(a, zero), vmax(b, zero), vmax(c, zero), vmax(d, zero)
        at = o + 2 * t
        if 2 * t + 2 * size <= room:
            vstore(y, at, vmerge_low(a, b))
            vstore(y, at + size, vmerge_high(a, b))
            if both:
                vstore(y, at + width, vmerge_low(c, d))
                vstore(y, at + width + size, vmerge_high(c, d))
        else:
            vstore(spare, 0, vmerge_low(a, b))
            vstore(spare, size, vmerge_high(a, b))
            vstore(spare, 2 * size, vmerge_low(c, d))
            vstore(spare, 3 * size, vmerge_high(c, d))
            for k in range(room - 2 * t):
                y[np.uint64(at + k)] = spare[np.uint64(k)]
                if both:
                    y[np.uint64(at + width + k)] = spare[np.uint64(2 * size + k)]


@jit
def transform_filters(
    w: Any, filters: int, channels: int, filter_: int, channel: int, turned: bool, rows: int, to: Any
) -> None:  # fmt: skip
    """G w G^T of each window: entry, block of `rows` filters, channel, filter in the block."""
    half = w.dtype.type(0.5)
    blocks = (filters + rows - 1) // rows
    step = blocks * channels * rows
    window, left = np.empty((3, 3), w.dtype), np.empty((4, 3), w.dtype)
    for f in range(blocks * rows):
        for c in range(channels):
            base = f * filter_ + c * channel
            for k in range(9):
                tap = 8 - k if turned else k
                window[k // 3, k % 3] = w[base + tap] if f < filters else 0
            for j in range(3):
                outer, inner = half * (window[0, j] + window[2, j]), half * window[1, j]
                left[0, j], left[3, j] = window[0, j], window[2, j]
                left[1, j], left[2, j] = outer + inner, outer - inner
            at = (f // rows * channels + c) * rows + f % rows
            for i in range(4):
                outer, inner = half * (left[i, 0] + left[i, 2]), half * left[i, 1]
                to[at] = left[i, 0]
                to[at + step] = outer + inner
                to[at + 2 * step] = outer - inner
                to[at + 3 * step] = left[i, 2]
                at += 4 * step


@jit
def product_tile(depth: int, u: Any, i: int, v: Any, at: int, width: int, m: Any, o: int, pitch: int) -> None:  # fmt: skip
    """A tile of filters by image tiles, for one entry."""
    rows = wide_rows(v)
    tile = wide_zero(v)
    for _ in range(depth):
        tile = wide_outer(tile, u, i, 1, v, at)
        i += rows
        at += width
    wide_store(tile, m, o, pitch)


@jit
def winograd_part(
    x: Any, gate: Any, gated: bool, u: Any, bias: Any, relu: bool, y: Any, grid: Grid, first: int,
    beyond: int, near: int, padded: Any, v: Any, v_step: int, m: Any, m_step: int, spare: Any,
) -> None:  # fmt: skip
    """Tile rows first..beyond; `near` filters at a time."""
    rows, columns = wide_rows(x), 3 * lanes(x)
    channels, filters, room = grid.channels, grid.filters, grid.room
    blocks = (filters + rows - 1) // rows
    at_once = near // rows
    for row in range(first, beyond, grid.block_rows):
        end = min(row + grid.block_rows, beyond)
        for column in range(0, grid.tile_columns, grid.span):
            span = min(grid.span, grid.tile_columns - column)
            if row == first or grid.span < grid.tile_columns:
                padded[:] = 0
            input_block(x, gate, gated, grid, row, end, column, span, padded, v, v_step)
            count = (end - row) * span
            for b0 in range(0, blocks, at_once):
                b1 = min(b0 + at_once, blocks)
                for entry in range(16):
                    for q in range(0, count, columns):
                        for b in range(b0, b1):
                            product_tile(
                                channels, u, (entry * blocks + b) * channels * rows, v,
                                entry * v_step + q, room, m,
                                entry * m_step + (b - b0) * rows * room + q, room,
                            )  # fmt: skip
                for f in range(b0 * rows, min(b1 * rows, filters)):
                    for g in range(row, end):
                        n = g // grid.tile_rows
                        h = 2 * (g - n * grid.tile_rows)
                        o = ((n * filters + f) * grid.out_height + h) * grid.out_width + 2 * column
                        output_tiles(
                            m, (f - b0 * rows) * room + (g - row) * span, m_step, span, bias[f],
                            relu, y, o, grid.out_width, min(2 * span, grid.out_width - 2 * column),
                            h + 1 < grid.out_height, spare,
                        )  # fmt: skip


def correlate3x3(
    x: Any, w: Any, padding: int, bias: Any, relu: bool, y: Any, turned: bool = False, gate: Any = None
) -> None:  # fmt: skip
    """y = correlation of x with the 3x3 windows w, plus bias.

    Args:
        x: C-contiguous (N, C, H, W).
        w: C-contiguous (O, C, 3, 3); with `turned` (C, O, 3, 3), and each window by half a turn.
        bias: (O,) or None.
        y: C-contiguous (N, O, H + 2 padding - 2, W + 2 padding - 2).
        gate: of x's shape; x counts only where gate > 0.
    """
    dtype = x.dtype
    size, shape = dtype.itemsize, tiles.shape(dtype)
    count, channels, height, width = x.shape
    filters, rows = y.shape[1], shape.wide_rows
    grid = plan(channels, height, width, padding, filters, size, shape.wide_columns, shape.lanes)
    blocks = -(-filters // rows)
    u = scratch.take("winograd filters", 16 * blocks * rows * channels, dtype)
    filter_, channel = (9, 9 * filters) if turned else (9 * channels, 9)
    transform_filters(w.reshape(-1), filters, channels, filter_, channel, turned, rows, u)
    near = min(FILTERS, blocks * rows)
    v_step, m_step = odd_lines(channels * grid.room, size), odd_lines(near * grid.room, size)
    if bias is None:
        bias = np.zeros(filters, dtype)
    gated = gate is not None
    flat, gates, result = x.reshape(-1), (gate if gated else x).reshape(-1), y.reshape(-1)

    def part(number: int, first: int, beyond: int) -> None:
        high = 2 * (2 * grid.block_rows + 2) * grid.line
        padded = scratch.take("winograd rows", high, dtype)[:high]
        v = scratch.take("winograd input", 16 * v_step + shape.lanes, dtype)
        m = scratch.take("winograd output", 16 * m_step + shape.lanes, dtype)
        spare = scratch.take("winograd spare", 4 * shape.lanes, dtype)
        winograd_part(
            flat, gates, gated, u, bias, relu, result, grid, first, beyond, near, padded, v, v_step,
            m, m_step, spare,
        )  # fmt: skip

    total = count * grid.tile_rows
    work = total * grid.tile_columns * 16 * channels * filters
    crew.spread(part, total, threads.split(work, WORK))
