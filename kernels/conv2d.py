"""conv2d and its two gradients: images NCHW, weights OIHW, no flip.

    y[n, f, i, j] = b[f] + sum over (c, u, v) of w[f, c, u, v] x[n, c, i s + u d - p, j s + v d - p]

with stride s, padding p by zeros and dilation d; with groups, filter f sees only the channels of
its group. Windows of 3x3 with stride 1 go to `kernels.winograd`, everything else to
`kernels.conv2d_direct` and `kernels.conv2d_weight`. `activation="relu"` is applied before the
result is written; the gradients take `gate`, that result, and count the output's gradient only
where it is positive, so that the backward of the relu costs no pass of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from . import conv2d_direct, conv2d_weight, memory, tiles
from .kernel import Call, Kernel, call
from .planes import Layout, taps
from .winograd import correlate3x3
from .winograd_weight import weight_sums3x3

Array = np.ndarray[Any, Any]
LEAST = 8  # channels and filters from which Winograd's transforms are paid back


def output_size(size: int, window: int, stride: int, padding: int, dilation: int) -> int:
    """How many windows fit along an axis of `size`.

    Raises:
        ValueError: none does.
    """
    found = (size + 2 * padding - dilation * (window - 1) - 1) // stride + 1
    if found < 1:
        raise ValueError(
            f"conv2d: a window of {window} with dilation {dilation} does not fit into "
            f"{size} elements with padding {padding}.\nUse more padding or a smaller window."
        )
    return found


def _tap_views(x: Array, w_shape: Any, stride: int, padding: int, dilation: int) -> Iterator[Any]:
    """For each tap (u, v): its place and the elements of the padded x that it meets, (N, C, Ho, Wo)."""
    _, _, kh, kw = w_shape
    rows = output_size(x.shape[2], kh, stride, padding, dilation)
    columns = output_size(x.shape[3], kw, stride, padding, dilation)
    edge = (padding, padding)
    padded = np.pad(x, ((0, 0), (0, 0), edge, edge)) if padding else x
    for u in range(kh):
        for v in range(kw):
            top, left = u * dilation, v * dilation
            view = padded[:, :, top : top + rows * stride : stride]
            yield u, v, view[:, :, :rows, left : left + columns * stride : stride][..., :columns]


def _grouped(a: Array, groups: int) -> Array:
    """(N, C, H, W) -> (N, groups, C / groups, H W)."""
    n, c, h, w = a.shape
    return a.reshape(n, groups, c // groups, h * w)


def _gated(g: Array, gate: Array | None) -> Array:
    return g if gate is None else np.where(gate > 0, g, g.dtype.type(0))


def conv2d_oracle(
    x: Array, w: Array, b: Array | None = None, stride: int = 1, padding: int = 0,
    dilation: int = 1, groups: int = 1, activation: str | None = None, out: Array | None = None,
) -> Array:  # fmt: skip
    """Output (N, O, Ho, Wo) for x (N, C, H, W), w (O, C / groups, kh, kw), b (O,) or None."""
    filters = w.shape[0]
    weights = w.reshape(groups, filters // groups, *w.shape[1:])
    y: Any = None
    for u, v, view in _tap_views(x, w.shape, stride, padding, dilation):
        part = weights[..., u, v] @ _grouped(view, groups)
        y = part if y is None else y + part
        size = view.shape[2:]
    y = y.reshape(x.shape[0], filters, *size)
    if b is not None:
        y = y + b[:, None, None]
    if activation == "relu":
        y = np.maximum(y, 0)
    if out is None:
        return y  # type: ignore[no-any-return]
    out[...] = y
    return out


def conv2d_input_grad_oracle(
    g: Array, w: Array, x_shape: tuple[int, ...], stride: int = 1, padding: int = 0,
    dilation: int = 1, groups: int = 1, gate: Array | None = None,
) -> Array:  # fmt: skip
    """Gradient (N, C, H, W) of x for the gradient g (N, O, Ho, Wo) of the output."""
    n, c, height, width = x_shape
    grads = _grouped(_gated(g, gate), groups)
    weights = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    padded = np.zeros((n, c, height + 2 * padding, width + 2 * padding), np.result_type(g, w))
    for u, v, view in _tap_views(padded, w.shape, stride, 0, dilation):
        view += (weights[..., u, v].swapaxes(-1, -2) @ grads).reshape(view.shape)
    return padded[:, :, padding : padding + height, padding : padding + width]


def conv2d_weight_grad_oracle(
    g: Array, x: Array, w_shape: tuple[int, ...], stride: int = 1, padding: int = 0,
    dilation: int = 1, groups: int = 1, gate: Array | None = None, bias: bool = False,
) -> Any:  # fmt: skip
    """Gradient (O, C / groups, kh, kw) of w; with `bias` also that of b, (O,)."""
    gated = _gated(g, gate)
    grads = _grouped(gated, groups)
    dw = np.zeros(w_shape, np.result_type(g, x))
    inner = dw.reshape(groups, w_shape[0] // groups, *w_shape[1:])
    for u, v, view in _tap_views(x, w_shape, stride, padding, dilation):
        inner[..., u, v] = (grads @ _grouped(view, groups).swapaxes(-1, -2)).sum(axis=0)
    return (dw, gated.sum(axis=(0, 2, 3))) if bias else dw


conv2d = Kernel("conv2d", oracle=conv2d_oracle, ulps=256.0)
conv2d_input_grad = Kernel("conv2d_input_grad", oracle=conv2d_input_grad_oracle, ulps=256.0)
conv2d_weight_grad = Kernel("conv2d_weight_grad", oracle=conv2d_weight_grad_oracle, ulps=256.0)


def _plain(array: Array) -> Array:
    """C-contiguous, and writeable, since Numba compiles again for memory that is not."""
    made = np.ascontiguousarray(array)
    return made if made.flags.writeable else made.copy()


def _small_windows(
    w_shape: tuple[int, ...], stride: int, padding: int, dilation: int, groups: int
) -> bool:
    """Whether Winograd's algorithm applies and pays."""
    filters, channels, kh, kw = w_shape
    return (
        (kh, kw, stride, dilation, groups) == (3, 3, 1, 1, 1)
        and padding <= 2
        and min(filters, channels) >= LEAST
    )


Shape = tuple[int, ...]


@lru_cache(256)
def _plan(
    x_shape: Shape, w_shape: Shape, s: int, p: int, d: int, groups: int, tile: tiles.Shape
) -> Any:
    """Of the forward correlation."""
    filters, inner, kh, kw = w_shape
    rows, columns = output_size(x_shape[2], kh, s, p, d), output_size(x_shape[3], kw, s, p, d)
    layout = Layout(
        groups=groups, channels=inner, height=x_shape[2], width=x_shape[3], stride=s, top=p,
        left=p, filters=filters // groups, rows=rows, columns=columns, taps=kh * kw, strip=0,
        plane_rows=0, pitch=0, plane=0, out_height=rows, out_width=columns, out_top=0, out_left=0,
        out_step=1,
    )  # fmt: skip
    found = taps([(u * d, v * d) for u in range(kh) for v in range(kw)], s)
    strides = (filters // groups * inner * kh * kw, inner * kh * kw, kh * kw)
    return conv2d_direct.plan(layout, found, strides, np.arange(kh * kw), tile)


@conv2d.on("cpu")
def conv2d_cpu(
    x: Array, w: Array, b: Array | None = None, stride: int = 1, padding: int = 0,
    dilation: int = 1, groups: int = 1, activation: str | None = None, out: Array | None = None,
) -> Array:  # fmt: skip
    """As the oracle; the result is written once, with bias and activation."""
    rows = output_size(x.shape[2], w.shape[2], stride, padding, dilation)
    columns = output_size(x.shape[3], w.shape[3], stride, padding, dilation)
    shape = (x.shape[0], w.shape[0], rows, columns)
    fits = out is not None and out.flags.c_contiguous and out.dtype == x.dtype
    y: Any = out if fits else memory.empty(shape, x.dtype)
    bias = None if b is None else _plain(b)
    relu = activation == "relu"
    if y.size == 0 or w.size == 0:
        value = np.zeros(shape[1], x.dtype) if bias is None else bias
        y[...] = (np.maximum(value, 0) if relu else value)[:, None, None]
    elif _small_windows(w.shape, stride, padding, dilation, groups):
        correlate3x3(_plain(x), _plain(w), padding, bias, relu, y)
    else:
        plan = _plan(x.shape, w.shape, stride, padding, dilation, groups, tiles.shape(x.dtype))
        conv2d_direct.correlate(_plain(x), _plain(w), bias, relu, y, plan)
    if out is None or fits:
        return y  # type: ignore[no-any-return]
    out[...] = y
    return out


@lru_cache(256)
def _input_plans(
    x_shape: Shape,
    w_shape: Shape,
    g_shape: Shape,
    s: int,
    p: int,
    d: int,
    groups: int,
    tile: tiles.Shape,
) -> tuple[list[Any], bool]:
    """One correlation of g for each phase of x's rows and columns; whether they write all of x.

    dx[s q + phase - p] = sum of w[u] g[q - (u d) // s] over the u with (u d) % s == phase.
    """
    filters, inner, kh, kw = w_shape
    height, width = x_shape[2:]
    strides = (filters // groups * inner * kh * kw, kh * kw, inner * kh * kw)
    plans, written = [], 0
    for a in range(s):
        us = [u for u in range(kh) if u * d % s == a]
        first, last = -((a - p) // s), -((a - p - height) // s)
        for b in range(s):
            vs = [v for v in range(kw) if v * d % s == b]
            start, end = -((b - p) // s), -((b - p - width) // s)
            if not us or not vs or first >= last or start >= end:
                continue
            down, right = max(us) * d // s, max(vs) * d // s
            layout = Layout(
                groups=groups, channels=filters // groups, height=g_shape[2], width=g_shape[3],
                stride=1, top=down - first, left=right - start, filters=inner, rows=last - first,
                columns=end - start, taps=len(us) * len(vs), strip=0, plane_rows=0, pitch=0,
                plane=0, out_height=height, out_width=width, out_top=first * s + a - p,
                out_left=start * s + b - p, out_step=s,
            )  # fmt: skip
            found = taps([(down - u * d // s, right - v * d // s) for u in us for v in vs], 1)
            places = np.array([u * kw + v for u in us for v in vs], np.int64)
            plans.append(conv2d_direct.plan(layout, found, strides, places, tile))
            written += layout.rows * layout.columns
    return plans, written == height * width


@conv2d_input_grad.on("cpu")
def conv2d_input_grad_cpu(
    g: Array, w: Array, x_shape: Shape, stride: int = 1, padding: int = 0, dilation: int = 1,
    groups: int = 1, gate: Array | None = None,
) -> Array:  # fmt: skip
    """A correlation of g with the windows turned; with a stride, one for each phase of x."""
    dx: Array = memory.empty(tuple(x_shape), g.dtype)
    if dx.size == 0 or g.size == 0:
        dx[...] = 0
        return dx
    g, w, gate = _plain(g), _plain(w), None if gate is None else _plain(gate)
    if _small_windows(w.shape, stride, padding, dilation, groups):
        correlate3x3(g, w, 2 - padding, None, False, dx, turned=True, gate=gate)
        return dx
    plans, all_written = _input_plans(
        dx.shape, w.shape, g.shape, stride, padding, dilation, groups, tiles.shape(g.dtype)
    )
    if not all_written:
        dx[...] = 0
    for plan in plans:
        conv2d_direct.correlate(g, w, None, False, dx, plan, gate=gate)
    return dx


@lru_cache(256)
def _weight_plan(
    x_shape: Shape,
    w_shape: Shape,
    g_shape: Shape,
    s: int,
    p: int,
    d: int,
    groups: int,
    tile: tiles.Shape,
) -> Any:
    filters, inner, kh, kw = w_shape
    layout = Layout(
        groups=groups, channels=inner, height=x_shape[2], width=x_shape[3], stride=s, top=p, left=p,
        filters=filters // groups, rows=g_shape[2], columns=g_shape[3], taps=kh * kw, strip=0,
        plane_rows=0, pitch=0, plane=0, out_height=0, out_width=0, out_top=0, out_left=0, out_step=1,
    )  # fmt: skip
    found = taps([(u * d, v * d) for u in range(kh) for v in range(kw)], s)
    return conv2d_weight.plan(layout, found, tile)


@conv2d_weight_grad.on("cpu")
def conv2d_weight_grad_cpu(
    g: Array, x: Array, w_shape: Shape, stride: int = 1, padding: int = 0, dilation: int = 1,
    groups: int = 1, gate: Array | None = None, bias: bool = False,
) -> Any:  # fmt: skip
    """As the oracle; both gradients come from one pass over g."""
    w_shape = tuple(w_shape)
    dw: Array = memory.empty(w_shape, g.dtype)
    if g.size == 0 or x.size == 0:
        dw[...] = 0
        return (dw, np.zeros(w_shape[0], g.dtype)) if bias else dw
    g, x, gate = _plain(g), _plain(x), None if gate is None else _plain(gate)
    if _small_windows(w_shape, stride, padding, dilation, groups):
        db = weight_sums3x3(x, g, padding, dw, gate)
    else:
        plan = _weight_plan(
            x.shape, w_shape, g.shape, stride, padding, dilation, groups, tiles.shape(g.dtype)
        )
        found, db = conv2d_weight.weight_sums(x, g, plan, gate)
        dw[...] = found.reshape(w_shape)
    return (dw, db) if bias else dw


def _shapes() -> list[tuple[tuple[int, ...], tuple[int, ...], dict[str, int]]]:
    """x, w and parameters: both algorithms, wide and single filters, every shape class."""
    return [
        ((2, 8, 9, 7), (9, 8, 3, 3), {"padding": 1}),
        ((1, 9, 20, 21), (8, 9, 3, 3), {"padding": 0}),
        ((2, 1, 12, 20), (5, 1, 3, 3), {"padding": 1}),
        ((2, 4, 6, 5), (4, 1, 3, 3), {"padding": 1, "groups": 4}),
        ((1, 6, 9, 8), (6, 3, 3, 2), {"padding": 2, "groups": 2, "stride": 2, "dilation": 2}),
        ((3, 3, 5, 4), (7, 3, 1, 1), {"stride": 3}),
        ((2, 2, 1, 1), (3, 2, 1, 1), {}),
        ((0, 2, 5, 5), (3, 2, 3, 3), {"padding": 1}),
    ]


def _made(dtype: Any, rng: Any) -> Iterator[tuple[Array, Array, Array, Array, dict[str, int]]]:
    for x_shape, w_shape, params in _shapes():
        x, w = (rng.standard_normal(shape).astype(dtype) for shape in (x_shape, w_shape))
        b = rng.standard_normal(w_shape[0]).astype(dtype)
        size = [
            output_size(n, k, params.get("stride", 1), params.get("padding", 0), params.get("dilation", 1))
            for n, k in zip(x_shape[2:], w_shape[2:], strict=True)
        ]  # fmt: skip
        yield x, w, b, rng.standard_normal((x_shape[0], w_shape[0], *size)).astype(dtype), params


@conv2d.samples
def _conv2d_samples(dtype: Any, rng: Any) -> list[Call]:
    return [
        made
        for x, w, b, _, params in _made(dtype, rng)
        for made in (call(x, w, None, **params), call(x, w, b, activation="relu", **params))
    ]


@conv2d_input_grad.samples
def _input_samples(dtype: Any, rng: Any) -> list[Call]:
    return [
        call(g, w, x.shape, gate=gate, **params)
        for x, w, _, g, params in _made(dtype, rng)
        for gate in (None, np.roll(g, 1, axis=-1))
    ]


@conv2d_weight_grad.samples
def _weight_samples(dtype: Any, rng: Any) -> list[Call]:
    return [
        call(g, x, w.shape, gate=gate, bias=gate is not None, **params)
        for x, w, _, g, params in _made(dtype, rng)
        for gate in (None, np.roll(g, 1, axis=-1))
    ]
