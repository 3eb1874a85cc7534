"""The inner loop of matrix multiplication: a tile of c in registers.

It adds up the products of `k` columns of a few rows of a with `k` rows of a panel of b, and then
stores the tile, or adds it, into the `h` x `w` corner of c that exists. Offsets and strides are in
elements. The source of the loops is written by tools/write_micro.py into a file for each shape:
6 x 4 vectors where there are 32 registers (24 hold sums, 4 a row of b, 1 an element of a), 6 x 2
where there are 16.

Source: Goto & van de Geijn (2008), "Anatomy of high-performance matrix multiplication"; Van Zee &
van de Geijn (2015), "BLIS: a framework for rapidly instantiating BLAS functionality".
"""

from __future__ import annotations

from typing import Any

from .jit import fitted, jit
from .micro_6x2 import packed_6x2, tile_6x2
from .micro_6x4 import packed_6x4, tile_6x4
from .simd import lanes, registers

Array = Any
ROWS = 6  # of a tile


@jit
def panel_width(b: Array) -> Any:
    """Columns of a tile."""
    return (4 if registers(b) == 32 else 2) * lanes(b)


@fitted(packed_6x4, packed_6x2)
def packed_tile(
    k: int, a: Array, ao: int, b: Array, bo: int,
    c: Array, co: int, ldc: int, h: int, w: int, add: bool, ahead: int, pace: int,
) -> None:  # fmt: skip
    """From packed panels: of a, 6 elements of each column; of b, `panel_width` of each row.

    The steps are constants to the compiler, which is worth six per cent. Rows of a that `h` leaves
    out and columns of b that `w` leaves out must be there, whatever they hold. Meanwhile what lies
    at `ahead` in b, `pace` elements for each column of a, is brought into the second cache.
    """
    take = packed_6x4 if registers(b) == 32 else packed_6x2
    take(k, a, ao, b, bo, c, co, ldc, h, w, add, ahead, pace)


@fitted(tile_6x4, tile_6x2)
def tile(
    k: int, a: Array, ao: int, rs: int, cs: int, b: Array, bo: int, ldb: int,
    c: Array, co: int, ldc: int, h: int, w: int, add: bool,
) -> None:  # fmt: skip
    """From a and b as they lie: `rs` from row to row of a and `cs` from column to column; `ldb`
    from row to row of b, its elements side by side. Rows of a that `h` leaves out are read as row
    0; the columns of b that `w` leaves out must be there."""
    take = tile_6x4 if registers(b) == 32 else tile_6x2
    take(k, a, ao, rs, cs, b, bo, ldb, c, co, ldc, h, w, add)
