"""The launchers of the kernels in conv2d.py."""

from __future__ import annotations

import math
from typing import Any

from .. import conv2d as convolution
from .activations import rectifier_backward
from .array import CudaArray, blocks, empty, run, target
from .conv2d import BAND, SIDE, THREADS, forward, input_gradient, weight_gradient
from .copies import filled, strided
from .reduce import sum_columns_cuda, sum_rows_cuda

Shape = tuple[int, ...]


@convolution.conv2d.on("cuda")
def conv2d_cuda(
    x: CudaArray,
    w: CudaArray,
    b: CudaArray | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    activation: str | None = None,
    out: CudaArray | None = None,
) -> CudaArray:
    filters, _, kh, kw = w.shape
    size = [
        convolution.output_size(n, k, stride, padding, dilation)
        for n, k in zip(x.shape[2:], w.shape[2:], strict=True)
    ]
    y = target((x.shape[0], filters, *size), out)
    if not y.size:
        return y
    _some("conv2d", x, w)
    run(
        forward,
        (blocks(y.size // filters, SIDE), blocks(filters // groups, SIDE), groups),
        THREADS,
        x,
        w.reshape(filters, -1),
        empty(1) if b is None else b,
        y,
        kh,
        kw,
        stride,
        padding,
        dilation,
        b is not None,
        activation == "relu",
    )
    return y


@convolution.conv2d_input_grad.on("cuda")
def conv2d_input_grad_cuda(
    g: CudaArray,
    w: CudaArray,
    x_shape: Shape,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    gate: CudaArray | None = None,
) -> CudaArray:
    if not g.size or not math.prod(x_shape):
        return filled(tuple(x_shape), 0.0)
    filters, inner, kh, kw = w.shape
    per = filters // groups
    _some("conv2d_input_grad", g, w)
    # (groups, O / groups, C / groups, kh kw) with the two in the middle changed over.
    taps = kh * kw
    turned = strided(
        w, (groups, inner, per, taps), (per * inner * taps, taps, inner * taps, 1)
    ).reshape(groups * inner, per * taps)
    dx = empty(tuple(x_shape))
    run(
        input_gradient,
        (blocks(dx.size // dx.shape[1], SIDE), blocks(inner, SIDE), groups),
        THREADS,
        g if gate is None else rectifier_backward(g, gate),
        turned,
        dx,
        kh,
        kw,
        stride,
        padding,
        dilation,
    )
    return dx


@convolution.conv2d_weight_grad.on("cuda")
def conv2d_weight_grad_cuda(
    g: CudaArray,
    x: CudaArray,
    w_shape: Shape,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    gate: CudaArray | None = None,
    bias: bool = False,
) -> Any:
    filters, inner, kh, kw = w_shape
    if not g.size or not x.size:
        dw = filled(tuple(w_shape), 0.0)
        return (dw, filled((filters,), 0.0)) if bias else dw
    gated = g if gate is None else rectifier_backward(g, gate)
    width = inner * kh * kw
    bands = blocks(g.size // filters, BAND)
    parts = empty((bands, filters, width))
    run(
        weight_gradient,
        (blocks(width, SIDE), blocks(filters // groups, SIDE), bands * groups),
        THREADS,
        gated,
        x,
        parts,
        kh,
        kw,
        stride,
        padding,
        dilation,
        groups,
    )
    if bands > 1:
        parts = sum_columns_cuda(parts.reshape(bands, filters * width))
    dw = parts.reshape(tuple(w_shape))
    if not bias:
        return dw
    rows = sum_rows_cuda(gated.reshape(g.shape[0] * filters, -1))
    return dw, sum_columns_cuda(rows.reshape(g.shape[0], filters))


def _some(name: str, *arrays: CudaArray) -> None:
    if not all(one.size for one in arrays):
        raise ValueError(f"{name}: an input has no channels. Give each at least one.")
