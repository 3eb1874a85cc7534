"""Weight gradient of a 3x3 window by F(3x3, 2x2): Winograd's algorithm read backwards.

The output Y = A^T ((G w G^T) * (B^T d B)) A is linear in w, so its adjoint is

    dw = G^T (sum over tiles of (A g A^T) * (B^T d B)) G

with g the 2x2 tile of the output's gradient: again 16 multiplications a tile, and each of the 16
entries is a product filters x tiles times tiles x channels. Source: Lavin & Gray (2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import crew, scratch, threads, tiles
from .jit import jit
from .planes import odd_lines
from .simd import lanes, vadd, vhsum, vload, vneg, vstore, vsub, vzero
from .tiles import tall_add, tall_outer, tall_rows, tall_zero, veven, vodd, vtranspose
from .winograd import WORK, Grid, input_block, pad_rows, plan


@jit
def store_row(to: Any, o: int, step: int, u: Any, v: Any) -> None:
    """One row of (u v) A^T: u, u + v, u - v, -v."""
    vstore(to, o, u)
    vstore(to, o + step, vadd(u, v))
    vstore(to, o + 2 * step, vsub(u, v))
    vstore(to, o + 3 * step, vneg(v))


@jit
def gradient_tiles(b: Any, i: int, line: int, count: int, to: Any, o: int, step: int) -> None:
    """A g A^T of one row of tiles; its 16 entries lie `step` apart. May write a vector too far."""
    size = lanes(b)
    for t in range(0, count, size):
        at = i + 2 * t
        x, y = vload(b, at), vload(b, at + size)
        p, q = veven(x, y), vodd(x, y)
        x, y = vload(b, at + line), vload(b, at + line + size)
        r, s = veven(x, y), vodd(x, y)
        store_row(to, o + t, step, p, q)
        store_row(to, o + t + 4 * step, step, vadd(p, r), vadd(q, s))
        store_row(to, o + t + 8 * step, step, vsub(p, r), vsub(q, s))
        store_row(to, o + t + 12 * step, step, vneg(r), vneg(s))


@jit
def gradient_block(
    g: Any, gate: Any, gated: bool, grid: Grid, row: int, beyond: int, column: int, span: int,
    padded: Any, to: Any, room: int, step: int,
) -> None:  # fmt: skip
    """The transformed gradient of tile rows row..beyond."""
    image, line = grid.height * grid.width, grid.line
    half = (2 * grid.block_rows + 2) * line
    at_row = row
    while at_row < beyond:
        n = at_row // grid.tile_rows
        top = at_row - n * grid.tile_rows
        count = min(grid.tile_rows - top, beyond - at_row)
        for c in range(grid.channels + 1):
            if c < grid.channels:
                pad_rows(
                    g, (n * grid.channels + c) * image, gate, gated, grid, 2 * top, 2 * count,
                    2 * column, padded, (c & 1) * half,
                )  # fmt: skip
            if c > 0:
                at = ((c - 1) & 1) * half
                o = (c - 1) * room + (at_row - row) * span
                for k in range(count):
                    gradient_tiles(padded, at + 2 * k * line, line, span, to, o, step)
                    o += span
        at_row += count


@jit
def sum_block(count: int, d: Any, i: int, room: int, v: Any, at: int, width: int, s: Any, o: int) -> None:  # fmt: skip
    """A tile of filters by channels, summed over `count` image tiles, for one entry."""
    tile = tall_zero(v)
    for t in range(count):
        tile = tall_outer(tile, d, i + t, room, v, at)
        at += width
    tall_add(tile, s, o, width)


@jit
def sum_run(d: Any, i: int, count: int) -> Any:
    """d[i] + ... + d[i + count - 1]."""
    size = lanes(d)
    sums = vzero(d)
    whole = count // size * size
    for k in range(0, whole, size):
        sums = vadd(sums, vload(d, i + k))
    total = vhsum(sums)
    for k in range(whole, count):
        total += d[i + k]
    return total


@jit
def winograd_weight_part(
    x: Any, g: Any, gate: Any, gated: bool, grid: Grid, grad_grid: Grid, first: int, beyond: int,
    width: int, padded: Any, padded_grads: Any, v: Any, v_step: int, turned: Any, d: Any, d_step: int, s: Any,
    bias: Any,
) -> None:  # fmt: skip
    """Tile rows first..beyond; s (16, filters of whole tiles, width) and bias get the sums.

    Entry 5 of A g A^T, second row and column, is the plain sum of a tile of g.
    """
    rows, size = tall_rows(x), lanes(x)
    columns, room = 2 * size, grid.room
    filters = (grid.filters + rows - 1) // rows * rows
    s[:] = 0
    bias[:] = 0
    for row in range(first, beyond, grid.block_rows):
        end = min(row + grid.block_rows, beyond)
        for column in range(0, grid.tile_columns, grid.span):
            span = min(grid.span, grid.tile_columns - column)
            if row == first or grid.span < grid.tile_columns:
                padded[:], padded_grads[:] = 0, 0
            input_block(x, gate, False, grid, row, end, column, span, padded, v, v_step)
            gradient_block(
                g, gate, gated, grad_grid, row, end, column, span, padded_grads, d, room, d_step
            )
            count = (end - row) * span
            for f in range(grid.filters):
                bias[f] += sum_run(d, 5 * d_step + f * room, count)
            for entry in range(16):
                for t in range(0, count, size):
                    for c in range(0, width, size):
                        at = entry * v_step + c * room + t
                        vtranspose(v, at, room, turned, t * width + c, width)
                for c in range(0, width, columns):
                    for f in range(0, filters, rows):
                        sum_block(
                            count, d, entry * d_step + f * room, room, turned, c, width, s,
                            (entry * filters + f) * width + c,
                        )  # fmt: skip


@jit
def window_sums(s: Any, filters: int, stored: int, channels: int, width: int, dw: Any) -> None:
    """dw (filters, channels, 3, 3) = G^T s G."""
    half = s.dtype.type(0.5)
    left = np.empty((3, 4), s.dtype)
    step = stored * width
    for f in range(filters):
        for c in range(channels):
            at = f * width + c
            for j in range(4):
                a, b = s[at + (4 + j) * step], s[at + (8 + j) * step]
                both, turn = half * (a + b), half * (a - b)
                left[0, j] = s[at + j * step] + both
                left[1, j] = turn
                left[2, j] = both + s[at + (12 + j) * step]
            o = (f * channels + c) * 9
            for i in range(3):
                both, turn = half * (left[i, 1] + left[i, 2]), half * (left[i, 1] - left[i, 2])
                dw[o + 3 * i] = left[i, 0] + both
                dw[o + 3 * i + 1] = turn
                dw[o + 3 * i + 2] = both + left[i, 3]


def weight_sums3x3(x: Any, g: Any, padding: int, dw: Any, gate: Any = None) -> Any:
    """Fill dw (O, C, 3, 3), the weight gradient for x (N, C, H, W); return the bias gradient (O,).

    All C-contiguous; g, the gradient of the output, counts only where gate > 0.
    """
    dtype = x.dtype
    size, shape = dtype.itemsize, tiles.shape(dtype)
    count, channels, height, width = x.shape
    filters, rows, columns = g.shape[1], shape.tall_rows, shape.tall_columns
    stored, wide = -(-filters // rows) * rows, -(-channels // columns) * columns
    grid = plan(channels, height, width, padding, filters, size, shape.lanes, shape.lanes)
    grads = grid._replace(channels=filters, height=g.shape[2], width=g.shape[3], padding=0)
    v_step, d_step = odd_lines(wide * grid.room, size), odd_lines(stored * grid.room, size)
    gated = gate is not None
    flat, grad, gates = x.reshape(-1), g.reshape(-1), (gate if gated else g).reshape(-1)
    total = count * grid.tile_rows
    work = total * grid.tile_columns * 16 * channels * filters
    parts = max(1, min(threads.split(work, WORK), total))
    sums = scratch.take("winograd sums", parts * 16 * stored * wide, dtype)
    biases = np.zeros((parts, filters), dtype)
    sums = sums[: parts * 16 * stored * wide].reshape(parts, -1)

    def part(number: int, first: int, beyond: int) -> None:
        high = 2 * (2 * grid.block_rows + 2) * grid.line
        padded = scratch.take("winograd rows", high, dtype)[:high]
        padded_grads = scratch.take("winograd grads", high, dtype)[:high]
        v = scratch.take("winograd input", 16 * v_step + shape.lanes, dtype)
        d = scratch.take("winograd output", 16 * d_step + shape.lanes, dtype)
        turned = scratch.take("winograd turned", (grid.room + shape.lanes) * wide, dtype)
        winograd_weight_part(
            flat, grad, gates, gated, grid, grads, first, beyond, wide, padded, padded_grads, v, v_step, turned,
            d, d_step, sums[number], biases[number],
        )  # fmt: skip

    crew.spread(part, total, parts)
    for other in sums[1:]:
        sums[0] += other
    window_sums(sums[0], filters, stored, channels, wide, dw.reshape(-1))
    return biases.sum(axis=0)
