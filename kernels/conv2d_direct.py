"""Correlation of planes: the engine of conv2d and of its input gradient, for every kind of window.

Four filters by three vectors of neighbouring outputs stay in registers while the loop runs over
channels and taps; see `kernels.planes` for why no column matrix is needed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import crew, scratch, threads, tiles
from .jit import jit
from .planes import Layout, Taps, fill_planes, odd_lines, offsets
from .simd import lanes, prefetch
from .tiles import (
    row_outer_apart,
    row_spread,
    row_store_apart,
    wide_outer_apart,
    wide_rows,
    wide_spread,
    wide_store_apart,
)

NEAR = 192 * 1024  # bytes of planes, and of results, of a strip: both stay in the second cache
NEAREST = 16 * 1024  # bytes of planes that a group of tiles reads: half of the first cache
WORK = 4_000_000  # multiply-adds below which a second thread brings nothing
LONG = 64  # products of a sum from which on it pays to fetch the place of the result
FEW = 2  # filters up to which each is computed alone


@jit
def pack_filters(
    w: Any, layout: Layout, group: int, filter_: int, channel: int, places: Any, rows: int, to: Any
) -> None:  # fmt: skip
    """Blocks of `rows` filters: for each channel and tap the weights of the block, side by side.

    The strides of group, filter and channel in the flat `w` are given, and the place of each tap.
    """
    at = 0
    for g in range(layout.groups):
        for f0 in range(0, layout.filters, rows):
            for c in range(layout.channels):
                for t in range(layout.taps):
                    base = g * group + c * channel + places[t]
                    for f in range(f0, f0 + rows):
                        inside = f < layout.filters
                        to[at] = w[base + f * filter_] if inside else 0
                        at += 1


@jit
def wide_block(
    depth: int, w: Any, i: int, x: Any, off: Any, places: Any, k: int, bias: Any, f: int,
    count: int, relu: bool, y: Any, o: int, pitch: int, to: Any,
) -> None:  # fmt: skip
    """A tile of filters by three vectors of outputs; `count` filters are written."""
    rows = wide_rows(x)
    tile = wide_spread(bias, f)
    for p in range(depth):
        tile = wide_outer_apart(tile, w, i, 1, x, off[np.uint64(p)], places, k)
        i += rows
    wide_store_apart(tile, count, relu, y, o, pitch, to, k)


@jit
def fetch_block(x: Any, y: Any, o: int, pitch: int, to: Any, k: int, count: int) -> None:
    """Brings the places of the same tile of y near: they are far away when its sums are done."""
    for r in range(min(wide_rows(x), count)):
        prefetch(y, o + r * pitch + to[k])
        prefetch(y, o + r * pitch + to[k + 2] + lanes(x) - 1)


@jit
def row_block(
    depth: int, w: Any, i: int, x: Any, off: Any, places: Any, k: int, bias: Any, f: int,
    relu: bool, y: Any, o: int, to: Any,
) -> None:  # fmt: skip
    """One filter by six vectors of outputs."""
    tile = row_spread(bias, f)
    for p in range(depth):
        tile = row_outer_apart(tile, w, i + p, 1, x, off[np.uint64(p)], places, k)
    row_store_apart(tile, 1, relu, y, o, 0, to, k)


@jit
def copy_apart(c: Any, i: int, pitch: int, y: Any, o: int, width: int, layout: Layout, height: int) -> None:  # fmt: skip
    """Rows of `pitch` elements to their places in y, whose neighbours may be `out_step` apart."""
    for _ in range(height):
        for k in range(layout.columns):
            y[np.uint64(o + k * layout.out_step)] = c[np.uint64(i + k)]
        i += pitch
        o += width * layout.out_step


@jit
def correlate_part(
    x: Any, gate: Any, gated: bool, w: Any, bias: Any, relu: bool, y: Any, layout: Layout,
    planes: Any, off: Any, places: Any, to: Any, counts: Any, first: int, beyond: int, alone: bool,
    lines: Any, sums: Any, pitch: int,
) -> None:  # fmt: skip
    """Images first..beyond; `lines` is scratch for their planes.

    Vectors of outputs lie at `places` in the planes and go to `to` in y: counts[0] of them for a
    full strip, then counts[1] for the last one. Or, where `pitch` is not 0, they go to `sums`, a row
    of `pitch` elements for each filter, and from there to y.
    """
    lay = layout
    rows, columns = (1, 6) if alone else (wide_rows(x), 3)
    depth = lay.channels * lay.taps
    image, channel_step = lay.height * lay.width, planes.shape[0] * lay.plane
    result = lay.out_height * lay.out_width
    group = max(1, NEAREST // (depth * columns * lanes(x) * x.itemsize)) * columns
    blocks = (lay.filters + rows - 1) // rows
    lines[:] = 0
    for n in range(first, beyond):
        for g in range(lay.groups):
            for row0 in range(0, lay.rows, lay.strip):
                height = min(lay.strip, lay.rows - row0)
                for c in range(lay.channels):
                    start = ((n * lay.groups + g) * lay.channels + c) * image
                    fill_planes(x, start, gate, gated, lay, planes, row0, lines, c * channel_step)
                start, end = 0, counts[0]
                if height < lay.strip:
                    start, end = counts[0], counts[0] + counts[1]
                line = (lay.out_top + row0 * lay.out_step) * lay.out_width + lay.out_left
                step = pitch if pitch else result
                # Several tiles side by side for each block: they fill whole cache lines of y.
                for near in range(start, end, group):
                    for b in range(blocks):
                        f = b * rows
                        channel = g * lay.filters + f
                        i = (g * blocks + b) * rows * depth
                        o = (n * lay.groups * lay.filters + channel) * result + line
                        if pitch:
                            o = f * pitch
                        for k in range(near, min(near + group, end), columns):
                            if alone:
                                row_block(
                                    depth, w, i, lines, off, places, k, bias, channel, relu,
                                    sums if pitch else y, o, to,
                                )  # fmt: skip
                            else:
                                if depth >= LONG and not pitch:
                                    fetch_block(x, y, o, step, to, k, lay.filters - f)
                                wide_block(
                                    depth, w, i, lines, off, places, k, bias, channel,
                                    lay.filters - f, relu, sums if pitch else y, o, step, to,
                                )  # fmt: skip
                if pitch:
                    for f in range(lay.filters):
                        o = ((n * lay.groups + g) * lay.filters + f) * result + line
                        copy_apart(sums, f * pitch, lay.pitch, y, o, lay.out_width, lay, height)


def vector_places(layout: Layout, height: int, lanes: int, columns: int, whole: bool) -> Any:
    """Where the vectors of `height` rows lie: in the planes, and in y or in a row of sums.

    The last vector of a row overlaps the one before, so that nothing is written beside the row;
    where `whole`, vectors run on through the ends of rows. Padded to a multiple of `columns`.
    """
    lay = layout
    if whole:
        end = (height - 1) * lay.pitch + lay.columns
        starts = np.arange(0, end, lanes)
        found = np.stack([starts, starts])
    else:
        wide, rows = lay.columns, height
        if lay.pitch == lay.columns == lay.out_width:  # rows without a gap are one long row
            wide, rows = wide * height, 1
        within = np.minimum(np.arange(0, wide, lanes), wide - lanes)
        line = np.arange(rows)[:, None]
        found = np.stack(
            [(line * step + within).reshape(-1) for step in (lay.pitch, lay.out_width)]
        )
    spare = -found.shape[1] % columns
    if whole:
        more = found[:, -1:] + lanes * np.arange(1, spare + 1)
    else:
        more = np.repeat(found[:, -1:], spare, axis=1)
    return np.concatenate([found, more], axis=1)


class Plan(NamedTuple):
    """Everything about a correlation that depends on shapes only."""

    layout: Layout
    planes: Any
    off: Any  # (channels * taps,)
    places: Any  # of vectors, in the planes
    to: Any  # and in y
    counts: Any  # (2,) vectors of a full strip, of the last one
    pitch: int  # of the sums, or 0
    alone: bool  # one filter at a time
    rows: int  # of a tile
    blocks: int  # of filters, in a group
    line: int  # elements of scratch
    strides: tuple[int, int, int]  # of group, filter and channel in w
    positions: Any  # (taps,) of the taps in w


def plan(
    layout: Layout, found: Taps, strides: tuple[int, int, int], positions: Any, shape: tiles.Shape
) -> Plan:
    """Choose strips and places; `layout`'s strip, plane_rows, pitch and plane are set here."""
    vector = shape.lanes
    down, right = (int(one) for one in found.shift.max(axis=0, initial=0))
    pitch = layout.columns + right
    # How many elements are computed for a row, if each row has its own vectors?
    own = -(-layout.columns // vector) * vector
    flat = not right and layout.out_width == layout.columns
    whole = layout.out_step > 1 or layout.columns < vector or own > pitch * 1.1 + 4
    if layout.out_step == 1 and flat and layout.rows * layout.columns >= vector:
        whole = False
    planes = layout.channels * len(found.planes)
    strip = NEAR // (shape.size * pitch * max(1, planes)) - down
    if whole:
        strip = min(strip, NEAR // (shape.size * pitch * layout.filters))
    strip = max(1, min(layout.rows, max(strip, 2)))
    if not whole and strip * pitch < vector:
        strip = -(-vector // pitch)
    if not whole and 0 < layout.rows % strip * pitch < vector:
        strip = layout.rows  # a last strip that is shorter than a vector
    lay = layout._replace(
        strip=strip, plane_rows=strip + down, pitch=pitch,
        plane=odd_lines((strip + down) * pitch, shape.size),
    )  # fmt: skip
    alone = lay.filters <= FEW
    rows, columns = (1, shape.row_columns) if alone else (shape.wide_rows, shape.wide_columns)
    some = [
        vector_places(lay, height, vector, columns // vector, whole)
        for height in (strip, lay.rows % strip or strip)
    ]
    places, to = np.concatenate(some, axis=1)
    return Plan(
        lay, found.planes, offsets(found, lay), places, to,
        np.array([one.shape[1] for one in some]),
        odd_lines(int(to.max()) + vector, shape.size) if whole else 0,
        alone, rows, -(-lay.filters // rows), planes * lay.plane + columns + right,
        strides, positions,
    )  # fmt: skip


def correlate(
    x: Any, w: Any, bias: Any, relu: bool, y: Any, plan: Plan, gate: Any = None
) -> None:  # fmt: skip
    """y = correlation of x with w, plus bias.

    Args:
        x, y: C-contiguous, (N, groups * channels, height, width) and (N, groups * filters, ...).
        w: C-contiguous weights, whose strides and taps the plan knows.
        bias: (groups * filters,) or None.
        gate: of x's shape; x counts only where gate > 0.
    """
    dtype, lay = x.dtype, plan.layout
    depth = lay.channels * lay.taps
    packed = scratch.take("conv filters", lay.groups * plan.blocks * plan.rows * depth, dtype)
    pack_filters(w.reshape(-1), lay, *plan.strides, plan.positions, plan.rows, packed)
    biases = np.zeros(lay.groups * lay.filters + plan.rows, dtype)
    if bias is not None:
        biases[: bias.size] = bias
    gated = gate is not None
    source, gates, result = x.reshape(-1), (gate if gated else x).reshape(-1), y.reshape(-1)

    def part(number: int, first: int, beyond: int) -> None:
        lines = scratch.take("conv lines", plan.line, dtype)[: plan.line]
        sums = scratch.take("conv sums", plan.blocks * plan.rows * plan.pitch, dtype)
        correlate_part(
            source, gates, gated, packed, biases, relu, result, lay, plan.planes, plan.off,
            plan.places, plan.to, plan.counts, first, beyond, plan.alone, lines, sums, plan.pitch,
        )  # fmt: skip

    count = x.shape[0]
    work = count * lay.groups * lay.filters * depth * lay.rows * lay.columns
    crew.spread(part, count, threads.split(work, WORK))
