"""Images laid out so that every tap of a convolution is one constant offset.

A padded image with rows of `pitch` elements, read as one long line, turns the convolution into

    y[f, p] = sum over (c, i, j) of w[f, c, i, j] x[p + offset(c, i, j)]

a matrix product whose right factor is never written out (as im2col would, kh kw times the image);
what comes out at the end of each row, where the window hangs over, is dropped. A stride s splits
the image into s x s planes (every s-th row and column), and the same holds in each of them.
Source: the "shifted" or "kn2row" view of convolution, Vasudevan, Anderson & Gregg (2017), "Parallel
multi channel convolution using general matrix multiplication".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .jit import jit
from .loops import AHEAD
from .simd import lanes, prefetch, vload, vselect_gt, vstore, vzero


class Layout(NamedTuple):
    """Sizes of one correlation: what is read, and where the result goes. Integers all."""

    groups: int
    channels: int  # read, in each group
    height: int  # of the image that is read
    width: int
    stride: int  # of the windows in it
    top: int  # padding; negative: the image is cropped
    left: int
    filters: int  # written, in each group
    rows: int  # of the result
    columns: int
    taps: int  # positions of the window
    strip: int  # rows of the result that are computed at a time
    plane_rows: int  # rows of a plane of one strip
    pitch: int  # elements of a plane's row
    plane: int  # elements from a plane to the next
    out_height: int  # of the array that the result is written into
    out_width: int
    out_top: int  # where its first element goes
    out_left: int
    out_step: int  # distance of its rows and columns there


class Taps(NamedTuple):
    """The window: for each tap its plane (phases of row and column) and its shift in there."""

    planes: Any  # (P, 2) phases of the planes that are needed
    plane: Any  # (T,) which of them
    shift: Any  # (T, 2) rows and columns


def taps(positions: list[tuple[int, int]], stride: int) -> Taps:
    """The taps at these distances, in rows and columns, from a window's first element."""
    phases = sorted({(i % stride, j % stride) for i, j in positions})
    plane = [phases.index((i % stride, j % stride)) for i, j in positions]
    shift = [(i // stride, j // stride) for i, j in positions]
    return Taps(*[np.array(one, np.int64) for one in (phases, plane, shift)])


def odd_lines(count: int, size: int) -> int:
    """At least `count` elements of `size` bytes: an odd number of cache lines.

    Rows that far apart fall into different sets of the cache; at a multiple of 4096 bytes all
    would meet in one set, which holds eight lines.
    """
    line = 64 // size
    return (-(-count // line) | 1) * line


def offsets(found: Taps, layout: Layout) -> Any:
    """(channels * T,) offset of each channel and tap from an output's place, channel first."""
    inner = found.plane * layout.plane + found.shift[:, 0] * layout.pitch + found.shift[:, 1]
    channel = len(found.planes) * layout.plane
    return (np.arange(layout.channels)[:, None] * channel + inner).reshape(-1)


@jit
def copy_row(x: Any, i: int, count: int, to: Any, j: int) -> None:
    """to[j : j + count] = x[i : i + count]."""
    step = lanes(x)
    if count >= step:
        last = count - step
        k = 0
        while True:  # the last vector overlaps the one before: no ragged end
            prefetch(x, i + k + AHEAD)
            vstore(to, j + k, vload(x, i + k))
            if k == last:
                break
            k = min(k + step, last)
        return
    for k in range(count):
        to[np.uint64(j + k)] = x[np.uint64(i + k)]


@jit
def copy_gated(x: Any, gate: Any, i: int, count: int, to: Any, j: int) -> None:
    """The same, or zero where gate <= 0."""
    step = lanes(x)
    zero = vzero(x)
    if count >= step:
        last = count - step
        k = 0
        while True:
            vstore(to, j + k, vselect_gt(vload(gate, i + k), zero, vload(x, i + k), zero))
            if k == last:
                break
            k = min(k + step, last)
        return
    for k in range(count):
        passed = gate[np.uint64(i + k)] > 0
        to[np.uint64(j + k)] = x[np.uint64(i + k)] if passed else x.dtype.type(0)


@jit
def fill_planes(
    x: Any, start: int, gate: Any, gated: bool, layout: Layout, planes: Any, row0: int, to: Any, at: int
) -> None:  # fmt: skip
    """The planes of one channel, for a strip that begins at row `row0` of the result.

    The channel begins at x[start]; its planes are written from to[at] on. What lies left and right
    of the image is the same in every row and strip: `to` has zeros there and keeps them.
    """
    stride, pitch = layout.stride, layout.pitch
    for number in range(planes.shape[0]):
        a, b = planes[number, 0], planes[number, 1]
        # Columns q with 0 <= q stride + b - left < width
        first = min(pitch, max(0, -((b - layout.left) // stride)))
        beyond = max(first, min(pitch, -((b - layout.left - layout.width) // stride)))
        o = at + number * layout.plane
        for r in range(layout.plane_rows):
            h = (row0 + r) * stride + a - layout.top
            if h < 0 or h >= layout.height:
                to[o : o + pitch] = 0
            else:
                i = start + h * layout.width + first * stride + b - layout.left
                if stride > 1:
                    for q in range(first, beyond):
                        passed = not gated or gate[np.uint64(i)] > 0
                        to[np.uint64(o + q)] = x[np.uint64(i)] if passed else x.dtype.type(0)
                        i += stride
                elif gated:
                    copy_gated(x, gate, i, beyond - first, to, o + first)
                else:
                    copy_row(x, i, beyond - first, to, o + first)
            o += pitch
