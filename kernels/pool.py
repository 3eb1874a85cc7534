"""Pooling over k x k windows of images NCHW: the largest element or the mean of each window.

No padding; windows that would hang over are dropped. Of equal maxima the first in row-major order
of the window counts, and a NaN counts as the largest of all. The index of a maximum is its place
u k + v in the window, one byte an output. `gate`, where a backward takes it, is the pooled output of
a relu: the gradient counts only where it is positive, so that the relu in front of the pooling
needs no backward of its own (the largest of a window passes through a relu as the others would).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from . import crew, memory, threads
from .jit import jit
from .kernel import Call, Kernel, call
from .simd import lanes, vadd, vload, vmul, vselect_eq, vselect_gt, vset1, vstore, vzero
from .tiles import veven, vload_bytes, vmerge_high, vmerge_low, vodd, vstore_bytes

Array = np.ndarray[Any, Any]
LARGEST = 16  # side of a window whose places fit into a byte


def _windows(x: Array, k: int, stride: int) -> Array:
    """(N, C, Ho, Wo, k * k)."""
    if min(x.shape[2:]) < k:
        raise ValueError(
            f"pool: a window of {k} does not fit into {x.shape[2]} x {x.shape[3]} elements.\n"
            "Use a smaller window."
        )
    view = sliding_window_view(x, (k, k), axis=(2, 3))[:, :, ::stride, ::stride]
    return view.reshape(*view.shape[:4], k * k)


def _spread(
    shape: tuple[int, ...], g: Array, k: int, stride: int, share: Callable[[int], Array]
) -> Array:
    """Zeros of `shape`, plus share(u k + v) at place (u, v) of each window."""
    dx = np.zeros(shape, g.dtype)
    rows, columns = g.shape[2:]
    for u in range(k):
        for v in range(k):
            view = dx[:, :, u : u + rows * stride : stride, v : v + columns * stride : stride]
            view[:, :, :rows, :columns] += share(u * k + v)
    return dx


def max_pool2d_oracle(x: Array, k: int, stride: int | None = None) -> tuple[Array, Array]:
    """Output and index (N, C, Ho, Wo) of x (N, C, H, W); stride None means k."""
    found = _windows(x, k, stride or k)
    index = found.argmax(axis=-1).astype(np.uint8 if k <= LARGEST else np.int64)
    return np.take_along_axis(found, index[..., None].astype(np.int64), axis=-1)[..., 0], index


def max_pool2d_backward_oracle(
    g: Array, index: Array, x_shape: tuple[int, ...], k: int, stride: int | None = None,
    gate: Array | None = None,
) -> Array:  # fmt: skip
    """Gradient (N, C, H, W) of x for the gradient g (N, C, Ho, Wo) of the output."""
    passed = g if gate is None else np.where(gate > 0, g, g.dtype.type(0))
    zero = g.dtype.type(0)
    return _spread(x_shape, g, k, stride or k, lambda place: np.where(index == place, passed, zero))


def avg_pool2d_oracle(x: Array, k: int, stride: int | None = None) -> Array:
    """Means (N, C, Ho, Wo) of x (N, C, H, W); stride None means k."""
    return _windows(x, k, stride or k).mean(axis=-1, dtype=x.dtype)  # type: ignore[no-any-return]


def avg_pool2d_backward_oracle(
    g: Array, x_shape: tuple[int, ...], k: int, stride: int | None = None
) -> Array:
    """Gradient (N, C, H, W) of x for the gradient g (N, C, Ho, Wo) of the output."""
    part = g / g.dtype.type(k * k)
    return _spread(x_shape, g, k, stride or k, lambda place: part)


max_pool2d = Kernel("max_pool2d", oracle=max_pool2d_oracle)
max_pool2d_backward = Kernel("max_pool2d_backward", oracle=max_pool2d_backward_oracle)
avg_pool2d = Kernel("avg_pool2d", oracle=avg_pool2d_oracle)
avg_pool2d_backward = Kernel("avg_pool2d_backward", oracle=avg_pool2d_backward_oracle)


@jit
def take_larger(v: Any, best: Any, place: Any, index: Any) -> tuple[Any, Any]:
    """The larger of v and best with its place; best where they are equal, a NaN before all."""
    moved = vselect_gt(v, best, place, index)
    moved = vselect_eq(v, v, moved, vselect_eq(best, best, place, index))
    return vselect_eq(v, v, vselect_gt(v, best, v, best), v), moved


@jit
def pair_row(
    x: Any, i: int, width: int, count: int, y: Any, index: Any, o: int, mean: bool
) -> None:
    """One row of outputs of 2 x 2 windows with stride 2; `count` is at least the lanes."""
    size = lanes(x)
    zero, one, two, three = vzero(x), vset1(x, 1.0), vset1(x, 2.0), vset1(x, 3.0)
    quarter = vset1(x, 0.25)
    for start in range(0, count, size):
        t = min(start, count - size)  # the last vector overlaps the one before
        at = i + 2 * t
        p, q = vload(x, at), vload(x, at + size)
        r, s = vload(x, at + width), vload(x, at + width + size)
        a, b, c, d = veven(p, q), vodd(p, q), veven(r, s), vodd(r, s)
        if mean:
            vstore(y, o + t, vmul(vadd(vadd(a, b), vadd(c, d)), quarter))
        else:
            best, place = take_larger(b, a, one, zero)
            best, place = take_larger(c, best, two, place)
            best, place = take_larger(d, best, three, place)
            vstore(y, o + t, best)
            vstore_bytes(index, o + t, place)


@jit
def pool_part(
    x: Any, height: int, width: int, k: int, stride: int, rows: int, columns: int, y: Any,
    index: Any, mean: bool, first: int, beyond: int,
) -> None:  # fmt: skip
    """Images of one channel, first..beyond; `index` is not written for a mean."""
    for n in range(first, beyond):
        for h in range(rows):
            i, o = (n * height + h * stride) * width, (n * rows + h) * columns
            if k == 2 and stride == 2 and columns >= lanes(x):
                pair_row(x, i, width, columns, y, index, o, mean)
                continue
            for w in range(columns):
                at = i + w * stride
                best, place, total = x[at], 0, x.dtype.type(0)
                for u in range(k):
                    for v in range(k):
                        value = x[at + u * width + v]
                        total += value
                        if value > best or (value != value and best == best):
                            best, place = value, u * k + v
                if mean:
                    y[o + w] = total / x.dtype.type(k * k)
                else:
                    y[o + w] = best
                    index[o + w] = place


@jit
def spread_pairs(
    g: Any, index: Any, gate: Any, gated: bool, o: int, count: int, dx: Any, i: int, width: int,
    mean: bool,
) -> None:  # fmt: skip
    """The gradient of one row of 2 x 2 windows; `count` is at least the lanes."""
    size = lanes(g)
    zero, one, two, three = vzero(g), vset1(g, 1.0), vset1(g, 2.0), vset1(g, 3.0)
    quarter = vset1(g, 0.25)
    for start in range(0, count, size):
        t = min(start, count - size)
        v = vload(g, o + t)
        if mean:
            v = vmul(v, quarter)
            a, b, c, d = v, v, v, v
        else:
            if gated:
                v = vselect_gt(vload(gate, o + t), zero, v, zero)
            place = vload_bytes(index, o + t, g)
            a, b = vselect_eq(place, zero, v, zero), vselect_eq(place, one, v, zero)
            c, d = vselect_eq(place, two, v, zero), vselect_eq(place, three, v, zero)
        at = i + 2 * t
        vstore(dx, at, vmerge_low(a, b))
        vstore(dx, at + size, vmerge_high(a, b))
        vstore(dx, at + width, vmerge_low(c, d))
        vstore(dx, at + width + size, vmerge_high(c, d))


@jit
def spread_part(
    g: Any, index: Any, gate: Any, gated: bool, height: int, width: int, k: int, stride: int,
    rows: int, columns: int, dx: Any, mean: bool, first: int, beyond: int,
) -> None:  # fmt: skip
    """Images of one channel, first..beyond, of the gradient of the input."""
    pairs = k == 2 and stride == 2 and columns >= lanes(g)
    for n in range(first, beyond):
        if not pairs:
            dx[n * height * width : (n + 1) * height * width] = 0
        elif columns * 2 < width:
            for h in range(2 * rows):
                dx[(n * height + h) * width + 2 * columns : (n * height + h + 1) * width] = 0
        dx[(n * height + 2 * rows) * width : (n + 1) * height * width] = 0
        for h in range(rows):
            i, o = (n * height + h * stride) * width, (n * rows + h) * columns
            if pairs:
                spread_pairs(g, index, gate, gated, o, columns, dx, i, width, mean)
                continue
            for w in range(columns):
                value = g[o + w]
                at = i + w * stride
                if mean:
                    value /= g.dtype.type(k * k)
                    for u in range(k):
                        for v in range(k):
                            dx[at + u * width + v] += value
                elif not gated or gate[o + w] > 0:
                    place = np.int64(index[o + w])
                    dx[at + place // k * width + place % k] += value


def _plain(array: Array) -> Array:
    made = np.ascontiguousarray(array)
    return made if made.flags.writeable else made.copy()


def _pool(x: Array, k: int, stride: int, mean: bool) -> tuple[Array, Array]:
    n, c, height, width = x.shape
    rows, columns = (height - k) // stride + 1, (width - k) // stride + 1
    y: Array = memory.empty((n, c, rows, columns), x.dtype)
    index: Array = memory.empty((n, c, rows, columns) if not mean else (1,), np.uint8)
    if y.size:
        flat, to, places = _plain(x).reshape(-1), y.reshape(-1), index.reshape(-1)

        def part(number: int, first: int, beyond: int) -> None:
            pool_part(
                flat, height, width, k, stride, rows, columns, to, places, mean, first, beyond
            )

        crew.spread(part, n * c, threads.split(x.size))
    return y, index


def _unpool(
    g: Array, index: Array | None, x_shape: tuple[int, ...], k: int, stride: int,
    gate: Array | None,
) -> Array:  # fmt: skip
    n, c, height, width = x_shape
    rows, columns = g.shape[2:]
    dx: Array = memory.empty(tuple(x_shape), g.dtype)
    if dx.size:
        flat, to = _plain(g).reshape(-1), dx.reshape(-1)
        mean, gated = index is None, gate is not None
        places = np.empty(1, np.uint8) if index is None else _plain(index).reshape(-1)
        gates = flat if gate is None else _plain(gate).reshape(-1)

        def part(number: int, first: int, beyond: int) -> None:
            spread_part(
                flat, places, gates, gated, height, width, k, stride, rows, columns, to, mean,
                first, beyond,
            )  # fmt: skip

        crew.spread(part, n * c, threads.split(dx.size))
    return dx


@max_pool2d.on("cpu")
def max_pool2d_cpu(x: Array, k: int, stride: int | None = None) -> tuple[Array, Array]:
    """As the oracle, which also takes windows of more than 16 x 16."""
    if k > LARGEST or min(x.shape[2:]) < k:
        return max_pool2d_oracle(x, k, stride)
    return _pool(x, k, stride or k, mean=False)


@max_pool2d_backward.on("cpu")
def max_pool2d_backward_cpu(
    g: Array, index: Array, x_shape: tuple[int, ...], k: int, stride: int | None = None,
    gate: Array | None = None,
) -> Array:  # fmt: skip
    """As the oracle."""
    if index.dtype != np.uint8:
        return max_pool2d_backward_oracle(g, index, x_shape, k, stride, gate)
    return _unpool(g, index, x_shape, k, stride or k, gate)


@avg_pool2d.on("cpu")
def avg_pool2d_cpu(x: Array, k: int, stride: int | None = None) -> Array:
    """As the oracle."""
    if min(x.shape[2:]) < k:
        return avg_pool2d_oracle(x, k, stride)
    return _pool(x, k, stride or k, mean=True)[0]


@avg_pool2d_backward.on("cpu")
def avg_pool2d_backward_cpu(
    g: Array, x_shape: tuple[int, ...], k: int, stride: int | None = None
) -> Array:
    """As the oracle."""
    return _unpool(g, None, x_shape, k, stride or k, None)


# x and k, stride: rows of whole and broken vectors, borders left over, windows that overlap.
_CASES = [
    ((2, 3, 8, 38), 2, None),
    ((1, 2, 7, 37), 2, 2),
    ((2, 1, 5, 6), 2, None),
    ((1, 2, 9, 8), 3, 2),
    ((1, 1, 4, 4), 2, 3),
    ((0, 2, 4, 4), 2, None),
]


@max_pool2d.samples
def _max_samples(dtype: Any, rng: Any) -> list[Call]:
    # Rounded numbers have equal maxima.
    return [call(rng.standard_normal(s).round(1).astype(dtype), k, step) for s, k, step in _CASES]


@max_pool2d_backward.samples
def _max_backward_samples(dtype: Any, rng: Any) -> list[Call]:
    made = []
    for shape, k, step in _CASES:
        y, index = max_pool2d_oracle(rng.standard_normal(shape).astype(dtype), k, step)
        g = rng.standard_normal(y.shape).astype(dtype)
        made += [call(g, index, shape, k, step), call(g, index, shape, k, step, gate=y)]
    return made


@avg_pool2d.samples
def _avg_samples(dtype: Any, rng: Any) -> list[Call]:
    return [call(rng.standard_normal(s).astype(dtype), k, step) for s, k, step in _CASES]


@avg_pool2d_backward.samples
def _avg_backward_samples(dtype: Any, rng: Any) -> list[Call]:
    made = []
    for shape, k, step in _CASES:
        rows, columns = ((n - k) // (step or k) + 1 for n in shape[2:])
        g = rng.standard_normal((*shape[:2], rows, columns)).astype(dtype)
        made.append(call(g, shape, k, step))
    return made
