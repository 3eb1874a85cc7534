"""Words for register tiles: a block of a matrix whose accumulators never leave the registers.

They work inside `@jit` functions only, beside those of `kernels.simd`. A tile is a value (a tuple
of vectors): it is made by `..._zero`, passed through the loop and stored at its end. Three shapes,
in rows x vectors: `wide` 4 x 3, for many columns; `tall` 6 x 2, where columns are few; `row` 1 x 6,
for one row only. With 32 registers (AVX-512, NEON) wide is 8 x 3 and tall 12 x 2: enough
independent sums to hide the latency of a multiply-add, and few loads for each.

    @jit
    def block(depth, a, i, b, j, width, c, k, pitch):
        tile = wide_zero(b)
        for p in range(depth):
            tile = wide_outer(tile, a, i + p, depth, b, j + p * width)
        wide_store(tile, c, k, pitch)

As in `simd`, positions are offsets in elements and nothing is checked.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from .jit import word
from .simd import lanes


class Shape(NamedTuple):
    """The sizes of the tiles in elements, for one dtype."""

    size: int  # bytes of an element
    lanes: int
    wide_rows: int
    wide_columns: int
    tall_rows: int
    tall_columns: int
    row_columns: int


def shapes(bits: int, many: bool) -> tuple[tuple[int, int], ...]:
    """Rows and vectors of wide, tall and row; the sums take three quarters of the registers.

    AVX-512 and NEON (`many`) have 32 registers, AVX2 and SSE 16.
    """
    return ((8, 3), (12, 2), (1, 6)) if many or bits == 512 else ((4, 3), (6, 2), (1, 6))


_found: dict[np.dtype[Any], Shape] = {}


def shape(dtype: np.dtype[Any]) -> Shape:
    """How large the tiles of `dtype` are on this machine; loads Numba.

    In `kernels.checked` the words are Python functions and tell how wide the registers are there.
    """
    if isinstance(lanes, FunctionType):
        bits = 8 * dtype.itemsize * lanes(np.empty(0, dtype))
        return _sizes(dtype, bits, shapes(bits, False))
    if dtype not in _found:
        from . import tile_vectors, vectors

        three = (tile_vectors.WIDE, tile_vectors.TALL, tile_vectors.ROW)
        _found[dtype] = _sizes(dtype, vectors.BITS, three)
    return _found[dtype]


def _sizes(dtype: np.dtype[Any], bits: int, three: tuple[tuple[int, int], ...]) -> Shape:
    step = bits // (8 * dtype.itemsize)
    (wide, wide_vectors), (tall, tall_vectors), (_, row_vectors) = three
    return Shape(
        dtype.itemsize, step, wide, wide_vectors * step, tall, tall_vectors * step, row_vectors * step
    )  # fmt: skip


# x_zero(like): a tile of zeros.
# x_outer(tile, a, i, step, b, j): tile[r, c] += a[i + r step] * b[j + c], for a whole depth step.
# x_store(tile, c, i, step), x_add: write tile[r, c] to c[i + r step + column], or add it there.
wide_zero = word("tile_vectors", "wide_zero")
wide_outer = word("tile_vectors", "wide_outer")
wide_store = word("tile_vectors", "wide_store")
tall_zero = word("tile_vectors", "tall_zero")
tall_outer = word("tile_vectors", "tall_outer")
tall_add = word("tile_vectors", "tall_add")
row_zero = word("tile_vectors", "row_zero")
row_outer = word("tile_vectors", "row_outer")
row_store = word("tile_vectors", "row_store")

# The same for vectors that lie anywhere: vector c of the tile at j + places[k + c].
# x_spread(a, i): a tile whose row r is a[i + r] throughout.
# x_store_apart(tile, count, relu, c, i, step, places, k): `count` rows; negative ones as 0 if `relu`.
wide_spread = word("tile_vectors", "wide_spread")
wide_outer_apart = word("tile_vectors", "wide_outer_apart")
wide_store_apart = word("tile_vectors", "wide_store_apart")
row_spread = word("tile_vectors", "row_spread")
row_outer_apart = word("tile_vectors", "row_outer_apart")
row_store_apart = word("tile_vectors", "row_store_apart")

# Sums of products along memory: each of the tile's rows x 3 vectors is one unfinished scalar.
# wide_dot(tile, a, i, step, b, j0, j1, j2): tile[r, c] += a[i + r step:] * b[j_c:], lane by lane.
# wide_add_sums(tile, c, i, step): c[i + r step + c] += the sum of the lanes of tile[r, c].
wide_dot = word("tile_vectors", "wide_dot")
wide_add_sums = word("tile_vectors", "wide_add_sums")

wide_rows = word("tile_vectors", "wide_rows")  # wide_rows(like): a constant to the compiler
tall_rows = word("tile_vectors", "tall_rows")

# Lanes in another order
veven = word("tile_vectors", "veven")  # veven(a, b): lanes 0, 2, 4, ... of a then b
vodd = word("tile_vectors", "vodd")  # vodd(a, b): lanes 1, 3, 5, ...
vmerge_low = word("tile_vectors", "vmerge_low")  # a0 b0 a1 b1 ..., of the lower halves
vmerge_high = word("tile_vectors", "vmerge_high")  # the same of the upper halves
# vtranspose(a, i, step, b, j, stride): b[j + c stride + r] = a[i + r step + c], lanes x lanes
vtranspose = word("tile_vectors", "vtranspose")

# Whole numbers below 256 kept in one byte each
vstore_bytes = word("tile_vectors", "vstore_bytes")  # vstore_bytes(bytes, i, v)
vload_bytes = word("tile_vectors", "vload_bytes")  # vload_bytes(bytes, i, like)
