"""conv2d and its gradients on CUDA as matrix products whose second operand is never made.

Each of the three is a product of a (rows, depth) by b (depth, columns): rows are filters or
channels of a group, and what `im2col` would write out for b is read from the image when a tile of
it is wanted. A block makes 64 x 64 results from tiles 16 deep, a thread 4 x 4 of them.

    forward          rows filters   depth (c, u, v)   columns pixels (n, i, j) of the output
    input_gradient   rows channels  depth (f, u, v)   columns pixels (n, y, x) of the image
    weight_gradient  rows filters   depth (n, i, j)   columns (c, u, v); cut into bands of pixels

The bands of the last are added in a second launch, in fixed order.

Source: Chetlur et al. (2014), "cuDNN: efficient primitives for deep learning".
"""

from __future__ import annotations

from typing import Any

from ..cuda import cuda, float32

SIDE = 64  # of the tile of a block
DEPTH = 16
STEP = 1024  # elements of a tile of 64 x 16
LANES = 16  # threads along a side of the block
THREADS = 256
V = 4  # side of the results of a thread
PADDED = 66  # 2 k + r differs modulo 32 for all lanes that store down the depth
BAND = 2048  # pixels that one block of the weights' gradient adds up, a multiple of DEPTH


@cuda.jit(device=True)
def clear(total: Any) -> None:
    for i in range(V):
        for j in range(V):
            total[i, j] = float32(0)


@cuda.jit(device=True)
def multiply(left: Any, right: Any, total: Any) -> None:
    """total (4, 4) += the thread's part of the product of two tiles; results are 16 apart."""
    tx = cuda.threadIdx.x % LANES
    ty = cuda.threadIdx.x // LANES
    x = cuda.local.array(V, float32)
    y = cuda.local.array(V, float32)
    for p in range(DEPTH):
        for i in range(V):
            x[i] = left[p, ty + LANES * i]
            y[i] = right[p, tx + LANES * i]
        for i in range(V):
            for j in range(V):
                total[i, j] += x[i] * y[j]


@cuda.jit(device=True)
def bring_weights(w: Any, tile: Any, first: int, last: int, start: int) -> None:
    """Rows first ... of w (rows, depth) below `last`, from depth `start` on, zeros outside."""
    for e in range(cuda.threadIdx.x, STEP, THREADS):
        p = start + e % DEPTH
        r = first + e // DEPTH
        tile[e % DEPTH, e // DEPTH] = w[r, p] if r < last and p < w.shape[1] else float32(0)


@cuda.jit(device=True)
def within(i: int, j: int, image: Any) -> Any:
    """Whether an image (N, C, H, W) has this pixel."""
    return i >= 0 and i < image.shape[2] and j >= 0 and j < image.shape[3]


@cuda.jit
def forward(
    x: Any,
    w: Any,
    b: Any,
    y: Any,
    kh: int,
    kw: int,
    stride: int,
    padding: int,
    dilation: int,
    biased: bool,
    relu: bool,
) -> None:
    """y (N, O, Ho, Wo) for x (N, C, H, W), w (O, C / groups kh kw), b (O,); groups on grid z."""
    left = cuda.shared.array((DEPTH, PADDED), float32)
    right = cuda.shared.array((DEPTH, SIDE), float32)
    total = cuda.local.array((V, V), float32)
    clear(total)
    t = cuda.threadIdx.x
    group = cuda.blockIdx.z
    filters = y.shape[1] // cuda.gridDim.z
    channels = x.shape[1] // cuda.gridDim.z
    rows, columns = y.shape[2], y.shape[3]
    pixels = y.shape[0] * rows * columns
    depth = w.shape[1]
    first = group * filters + cuda.blockIdx.y * SIDE
    last = (group + 1) * filters
    pixel = cuda.blockIdx.x * SIDE + t % SIDE
    n = pixel // (rows * columns)
    top = pixel // columns % rows * stride - padding
    side = pixel % columns * stride - padding
    for start in range(0, depth, DEPTH):
        bring_weights(w, left, first, last, start)
        for q in range(t // SIDE, DEPTH, THREADS // SIDE):
            p = start + q
            c = p // (kh * kw)
            i = top + p // kw % kh * dilation
            j = side + p % kw * dilation
            v = float32(0)
            if p < depth and pixel < pixels and within(i, j, x):
                v = x[n, group * channels + c, i, j]
            right[q, t % SIDE] = v
        cuda.syncthreads()
        multiply(left, right, total)
        cuda.syncthreads()
    for j in range(V):
        pixel = cuda.blockIdx.x * SIDE + t % LANES + LANES * j
        n = pixel // (rows * columns)
        for i in range(V):
            f = first + t // LANES + LANES * i
            if f < last and pixel < pixels:
                v = total[i, j]
                if biased:
                    v += b[f]
                if relu and v < float32(0):
                    v = float32(0)
                y[n, f, pixel // columns % rows, pixel % columns] = v


@cuda.jit
def input_gradient(
    g: Any, w: Any, out: Any, kh: int, kw: int, stride: int, padding: int, dilation: int
) -> None:
    """out (N, C, H, W) for g (N, O, Ho, Wo) and w turned, (C, O / groups kh kw)."""
    left = cuda.shared.array((DEPTH, PADDED), float32)
    right = cuda.shared.array((DEPTH, SIDE), float32)
    total = cuda.local.array((V, V), float32)
    clear(total)
    t = cuda.threadIdx.x
    group = cuda.blockIdx.z
    filters = g.shape[1] // cuda.gridDim.z
    channels = out.shape[1] // cuda.gridDim.z
    rows, columns = out.shape[2], out.shape[3]
    pixels = out.shape[0] * rows * columns
    depth = w.shape[1]
    first = group * channels + cuda.blockIdx.y * SIDE
    last = (group + 1) * channels
    pixel = cuda.blockIdx.x * SIDE + t % SIDE
    n = pixel // (rows * columns)
    top = pixel // columns % rows + padding
    side = pixel % columns + padding
    for start in range(0, depth, DEPTH):
        bring_weights(w, left, first, last, start)
        for q in range(t // SIDE, DEPTH, THREADS // SIDE):
            p = start + q
            f = p // (kh * kw)
            i = top - p // kw % kh * dilation
            j = side - p % kw * dilation
            v = float32(0)
            met = i % stride == 0 and j % stride == 0  # the window stood there
            i = i // stride
            j = j // stride
            if met and p < depth and pixel < pixels and within(i, j, g):
                v = g[n, group * filters + f, i, j]
            right[q, t % SIDE] = v
        cuda.syncthreads()
        multiply(left, right, total)
        cuda.syncthreads()
    for j in range(V):
        pixel = cuda.blockIdx.x * SIDE + t % LANES + LANES * j
        n = pixel // (rows * columns)
        for i in range(V):
            c = first + t // LANES + LANES * i
            if c < last and pixel < pixels:
                out[n, c, pixel // columns % rows, pixel % columns] = total[i, j]


@cuda.jit
def weight_gradient(
    g: Any,
    x: Any,
    parts: Any,
    kh: int,
    kw: int,
    stride: int,
    padding: int,
    dilation: int,
    groups: int,
) -> None:
    """parts (bands, O, C / groups kh kw): the gradient of w from each band of pixels of g.

    Bands and groups share grid z, bands first.
    """
    left = cuda.shared.array((DEPTH, PADDED), float32)
    right = cuda.shared.array((DEPTH, PADDED), float32)
    total = cuda.local.array((V, V), float32)
    clear(total)
    t = cuda.threadIdx.x
    band = cuda.blockIdx.z // groups
    group = cuda.blockIdx.z % groups
    filters = g.shape[1] // groups
    channels = x.shape[1] // groups
    rows, columns = g.shape[2], g.shape[3]
    pixels = g.shape[0] * rows * columns
    width = parts.shape[2]
    first = group * filters + cuda.blockIdx.y * SIDE
    last = (group + 1) * filters
    for start in range(band * BAND, min(pixels, (band + 1) * BAND), DEPTH):
        pixel = start + t % DEPTH
        n = pixel // (rows * columns)
        row = pixel // columns % rows
        column = pixel % columns
        for e in range(t // DEPTH, SIDE, THREADS // DEPTH):
            v = float32(0)
            if first + e < last and pixel < pixels:
                v = g[n, first + e, row, column]
            left[t % DEPTH, e] = v
            s = cuda.blockIdx.x * SIDE + e
            i = row * stride - padding + s // kw % kh * dilation
            j = column * stride - padding + s % kw * dilation
            v = float32(0)
            if s < width and pixel < pixels and within(i, j, x):
                v = x[n, group * channels + s // (kh * kw), i, j]
            right[t % DEPTH, e] = v
        cuda.syncthreads()
        multiply(left, right, total)
        cuda.syncthreads()
    for i in range(V):
        f = first + t // LANES + LANES * i
        for j in range(V):
            s = cuda.blockIdx.x * SIDE + t % LANES + LANES * j
            if f < last and s < width:
                parts[band, f, s] = total[i, j]
