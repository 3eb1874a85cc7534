"""Weight gradient of conv2d for every kind of window: sums of products along the planes' lines.

    dw[f, c, i, j] = sum over images and p of g[f, p] x[p + offset(c, i, j)]

Both factors are read along memory, so vectors of partial sums stay in registers for a whole strip:
four filters by three taps. Where a row's window hangs over, g is zero.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import crew, scratch, threads, tiles
from .conv2d_direct import NEAR, WORK
from .jit import jit
from .planes import Layout, Taps, copy_gated, copy_row, fill_planes, odd_lines, offsets
from .simd import lanes, vadd, vhsum, vload, vzero
from .tiles import wide_add_sums, wide_dot, wide_rows, wide_zero


@jit
def dot_block(
    count: int, g: Any, i: int, step: int, x: Any, at: int, off: Any, t: int, sums: Any, o: int, pitch: int
) -> None:  # fmt: skip
    """A tile of filters by three taps, over `count` outputs."""
    tile = wide_zero(x)
    a, b, c = at + off[np.uint64(t)], at + off[np.uint64(t + 1)], at + off[np.uint64(t + 2)]
    for p in range(0, count, lanes(x)):
        tile = wide_dot(tile, g, i + p, step, x, a + p, b + p, c + p)
    wide_add_sums(tile, sums, o, pitch)


@jit
def sum_line(g: Any, i: int, count: int) -> Any:
    """The sum of `count` elements, a multiple of the lanes."""
    total = vzero(g)
    for p in range(0, count, lanes(g)):
        total = vadd(total, vload(g, i + p))
    return vhsum(total)


@jit
def weight_part(
    x: Any, g: Any, gate: Any, gated: bool, layout: Layout, planes: Any, off: Any, first: int,
    beyond: int, lines: Any, grads: Any, step: int, sums: Any, depth: int, bias: Any,
) -> None:  # fmt: skip
    """Images first..beyond; sums (groups, filters of whole tiles, depth) and bias get theirs."""
    lay = layout
    rows = wide_rows(x)
    filters = (lay.filters + rows - 1) // rows * rows
    image, channel_step = lay.height * lay.width, planes.shape[0] * lay.plane
    sums[:] = 0
    bias[:] = 0
    # Nothing stale may be multiplied by zero: it could be a NaN.
    grads[: filters * step] = 0
    lines[:] = 0
    for n in range(first, beyond):
        for k in range(lay.groups):
            for row0 in range(0, lay.rows, lay.strip):
                height = min(lay.strip, lay.rows - row0)
                for c in range(lay.channels):
                    start = ((n * lay.groups + k) * lay.channels + c) * image
                    fill_planes(x, start, gate, False, lay, planes, row0, lines, c * channel_step)
                count = (height - 1) * lay.pitch + lay.columns
                count = (count + lanes(x) - 1) // lanes(x) * lanes(x)
                for f in range(lay.filters):
                    start = ((n * lay.groups + k) * lay.filters + f) * lay.rows + row0
                    for r in range(height):
                        at = f * step + r * lay.pitch
                        i = (start + r) * lay.columns
                        if gated:
                            copy_gated(g, gate, i, lay.columns, grads, at)
                        else:
                            copy_row(g, i, lay.columns, grads, at)
                    # A lower strip leaves the rows of the one before behind it.
                    end = (height - 1) * lay.pitch + lay.columns
                    grads[f * step + end : f * step + count] = 0
                    bias[k * lay.filters + f] += sum_line(grads, f * step, count)
                for f in range(0, filters, rows):
                    for t in range(0, depth, 3):
                        o = (k * filters + f) * depth + t
                        dot_block(count, grads, f * step, step, lines, 0, off, t, sums, o, depth)


class Plan(NamedTuple):
    """Everything about a weight gradient that depends on shapes only."""

    layout: Layout
    planes: Any
    off: Any  # (depth,) offset of each channel and tap
    depth: int  # channels * taps, up to a multiple of three
    filters: int  # up to whole tiles
    line: int  # elements of scratch for x
    step: int  # and for each filter of g


def plan(layout: Layout, found: Taps, shape: tiles.Shape) -> Plan:
    """Choose strips; `layout`'s strip, plane_rows, pitch and plane are set here."""
    down, right = (int(one) for one in found.shift.max(axis=0, initial=0))
    pitch = layout.columns + right
    room = NEAR // (shape.size * pitch)
    planes = layout.channels * len(found.planes)
    strip = min(room // max(1, planes) - down, room // max(1, layout.filters))
    strip = max(1, min(layout.rows, max(strip, 2)))
    lay = layout._replace(
        strip=strip, plane_rows=strip + down, pitch=pitch,
        plane=odd_lines((strip + down) * pitch, shape.size),
    )  # fmt: skip
    real = lay.channels * lay.taps
    depth = -(-real // 3) * 3
    off = np.zeros(depth, np.int64)
    off[:real] = offsets(found, lay)
    return Plan(
        lay, found.planes, off, depth, -(-lay.filters // shape.wide_rows) * shape.wide_rows,
        planes * lay.plane + pitch + 2 * shape.lanes, odd_lines(strip * pitch, shape.size),
    )  # fmt: skip


def weight_sums(x: Any, g: Any, plan: Plan, gate: Any = None) -> tuple[Any, Any]:
    """Weight gradient (groups, filters, channels, T) and bias gradient (groups * filters,).

    Args:
        x: C-contiguous (N, groups * channels, height, width).
        g: C-contiguous (N, groups * filters, rows, columns); counts only where gate > 0.
    """
    dtype, lay = x.dtype, plan.layout
    gated = gate is not None
    flat, grad, gates = x.reshape(-1), g.reshape(-1), (gate if gated else g).reshape(-1)
    work = len(x) * lay.groups * plan.filters * plan.depth * lay.rows * lay.columns
    parts = max(1, min(threads.split(work, WORK), len(x)))
    sums = np.empty((parts, lay.groups, plan.filters, plan.depth), dtype)
    bias = np.empty((parts, lay.groups * lay.filters), dtype)

    def part(number: int, first: int, beyond: int) -> None:
        lines = scratch.take("conv lines", plan.line, dtype)[: plan.line]
        grads = scratch.take("conv grads", plan.filters * plan.step, dtype)
        weight_part(
            flat, grad, gates, gated, lay, plan.planes, plan.off, first, beyond, lines, grads,
            plan.step, sums[number].reshape(-1), plan.depth, bias[number],
        )  # fmt: skip

    crew.spread(part, len(x), parts)
    total = sums[0] if parts == 1 else sums.sum(axis=0)
    dw = total[:, : lay.filters, : lay.channels * lay.taps]
    return dw.reshape(lay.groups, lay.filters, lay.channels, lay.taps), bias.sum(axis=0)
