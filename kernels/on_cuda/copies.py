"""Copies on the device: a transposed one through a tile, and one of any strides.

Source: Ruetsch & Micikevicius (2009), "Optimizing matrix transpose in CUDA".
"""

from __future__ import annotations

import math
from typing import Any

from ..cuda import cuda, float32
from .array import CudaArray, Shape, blocks, empty, flat, run

TILE = 32
PADDED = 33  # one more, so that a column of the tile lies in 32 banks
ROWS = 8  # rows of threads that move a tile
AXES = 4  # of a strided copy


@cuda.jit
def transpose(x: Any, out: Any) -> None:
    """out (B, N, M) = x (B, M, N) with its matrices transposed; block (32, 8)."""
    tile = cuda.shared.array((TILE, PADDED), float32)
    batch = cuda.blockIdx.z
    tx = cuda.threadIdx.x
    ty = cuda.threadIdx.y
    column = cuda.blockIdx.x * TILE + tx
    for r in range(ty, TILE, ROWS):
        row = cuda.blockIdx.y * TILE + r
        if row < x.shape[1] and column < x.shape[2]:
            tile[r, tx] = x[batch, row, column]
    cuda.syncthreads()
    column = cuda.blockIdx.y * TILE + tx
    for r in range(ty, TILE, ROWS):
        row = cuda.blockIdx.x * TILE + r
        if row < x.shape[2] and column < x.shape[1]:
            out[batch, row, column] = tile[tx, r]


@cuda.jit(device=True)
def place_of(
    i: int, n1: int, n2: int, n3: int, s0: int, s1: int, s2: int, s3: int, first: int
) -> Any:
    """Where element i of (n0, n1, n2, n3) lies at these strides from `first` on."""
    rest = i // n3
    d = i - rest * n3
    above = rest // n2
    c = rest - above * n2
    a = above // n1
    b = above - a * n1
    return first + a * s0 + b * s1 + c * s2 + d * s3


@cuda.jit
def gather(
    x: Any, out: Any, n1: int, n2: int, n3: int, s0: int, s1: int, s2: int, s3: int, first: int
) -> None:
    """out (N,), read as (n0, n1, n2, n3), from x (M,) at these strides from `first` on."""
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[place_of(i, n1, n2, n3, s0, s1, s2, s3, first)]


@cuda.jit
def scatter(
    x: Any, out: Any, n1: int, n2: int, n3: int, s0: int, s1: int, s2: int, s3: int, first: int
) -> None:
    """x (N,), read as (n0, n1, n2, n3), into out (M,) at these strides from `first` on."""
    i = cuda.grid(1)
    if i < x.size:
        out[place_of(i, n1, n2, n3, s0, s1, s2, s3, first)] = x[i]


@cuda.jit
def fill(out: Any, value: Any) -> None:
    """Every element of out (N,) becomes `value`."""
    i = cuda.grid(1)
    if i < out.size:
        out[i] = value


def transposed(x: CudaArray) -> CudaArray:
    """A plain copy of an array whose last two axes are turned."""
    out = empty(x.shape, x.dtype)
    if x.size:
        m, n = x.shape[-2:]
        batch = x.size // (m * n)
        grid = blocks(m, TILE), blocks(n, TILE), batch
        run(
            transpose,
            grid,
            (TILE, ROWS),
            x.memory.reshape((batch, n, m)),
            out.memory.reshape((batch, m, n)),
        )
    return out


def strided(x: CudaArray, shape: Shape, strides: Shape, first: int = 0) -> CudaArray:
    """The elements of `x` at these strides (in elements, 0 repeats), as an array of `shape`.

    Raises:
        ValueError: more than four axes, none of which make one with their neighbour.
    """
    out = empty(shape, x.dtype)
    if out.size:
        places = _walk(shape, strides)
        run(gather, blocks(out.size), 256, flat(x), flat(out), *places, first)
    return out


def spread(x: CudaArray, out: CudaArray, strides: Shape, first: int = 0) -> None:
    """Write the elements of `x` into `out` at these strides, each place once.

    Raises:
        ValueError: more than four axes, none of which make one with their neighbour.
    """
    if x.size:
        places = _walk(x.shape, strides)
        run(scatter, blocks(x.size), 256, flat(x), flat(out), *places, first)


def _walk(shape: Shape, strides: Shape) -> tuple[int, ...]:
    """The last three of four lengths, and four strides; neighbours that are one axis become one."""
    axes: list[tuple[int, int]] = []
    for length, stride in zip(shape, strides, strict=True):
        if length == 1:
            continue
        if axes and axes[-1][1] == length * stride:
            axes[-1] = axes[-1][0] * length, stride
        else:
            axes.append((length, stride))
    if len(axes) > AXES:
        raise ValueError(f"copy: {len(axes)} axes; on the device {AXES} can be copied at once.")
    full = [(1, 0)] * (AXES - len(axes)) + axes
    return (*(length for length, _ in full[1:]), *(stride for _, stride in full))


def expanded(x: CudaArray, shape: Shape) -> CudaArray:
    """`x` broadcast to `shape`; itself where nothing changes."""
    if x.shape == shape:
        return x
    steps = [0] * len(shape)
    for axis in range(1, x.ndim + 1):
        if x.shape[-axis] != 1:
            steps[-axis] = math.prod(x.shape[x.ndim - axis + 1 :])
    return strided(x, shape, tuple(steps))


def filled(shape: Shape, value: Any, dtype: Any = "float32") -> CudaArray:
    """An array of one value."""
    out = empty(shape, dtype)
    if out.size:
        run(fill, blocks(out.size), 256, flat(out), out.dtype.type(value))
    return out
