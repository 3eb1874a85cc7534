"""Write kernels/micro.py: the inner loops of matrix multiplication, all accumulators named.

    python tools/write_micro.py

A register holds what a local variable holds, so the two dozen accumulators of a tile are two dozen
names; a loop over an array of them would go through memory. Numba caches only what lies in a file,
so the result is committed; a test writes it again and compares.
"""

from __future__ import annotations

from pathlib import Path

OUT = Path(__file__).parents[1] / "kernels" / "micro.py"

# rows x vectors of the tile. 32 registers: 24 accumulators, 4 of b, 1 of a. 16: 12, 2 and 1.
SHAPES = ((6, 4), (6, 2))

ARGUMENTS = """
    k: int, a: Array, ao: int, rs: int, cs: int, b: Array, bo: int, ldb: int,
    c: Array, co: int, ldc: int, h: int, w: int, add: bool,
"""

HEAD = '''"""The inner loops of matrix multiplication. Written by tools/write_micro.py; change it there.

Each adds up the products of `k` columns of a few rows of a with `k` rows of a panel of b, in
registers, and then stores the tile, or adds it, into the `h` x `w` corner of c that exists. Offsets
and strides are in elements: of a, `rs` from row to row and `cs` from column to column; of b and c,
`ldb` and `ldc` from row to row, their elements side by side. Rows of a that `h` leaves out are read
as row 0; the columns of b that `w` leaves out must be there.

Source: Goto & van de Geijn (2008), "Anatomy of high-performance matrix multiplication"; Van Zee &
van de Geijn (2015), "BLIS: a framework for rapidly instantiating BLAS functionality".
"""

from __future__ import annotations

from typing import Any

from .jit import jit
from .simd import (
    lanes,
    prefetch,
    registers,
    vadd,
    vbload,
    vfma,
    vload,
    vload_head,
    vstore,
    vstore_head,
    vzero,
)

Array = Any
ROWS = 6  # of a tile


@jit
def panel_width(b: Array) -> int:
    """Columns of a tile: as many as the registers of the host hold beside the other operands."""
    return (4 if registers(b) == 32 else 2) * lanes(b)
'''


def micro(rows: int, vectors: int) -> str:
    """The source of one inner loop."""
    lines = [
        "@jit",
        f"def tile_{rows}x{vectors}({ARGUMENTS}) -> None:",
        f'    """Tiles of {rows} rows and {vectors} vectors."""',
        "    s = lanes(b)",
        "    a0 = ao",
    ]
    lines += [f"    a{i} = ao + {i} * rs if h > {i} else ao" for i in range(1, rows)]
    lines += [f"    prefetch(c, co + {i} * ldc)" for i in range(rows)]
    lines += [f"    c{i}{j} = vzero(b)" for i in range(rows) for j in range(vectors)]
    lines += ["    q = 0", "    for _ in range(k):"]
    lines += [f"        b{j} = vload(b, bo + {j} * s)" for j in range(vectors)]
    for i in range(rows):
        lines += [f"        x = vbload(a, a{i} + q)"]
        lines += [f"        c{i}{j} = vfma(x, b{j}, c{i}{j})" for j in range(vectors)]
    lines += ["        q += cs", "        bo += ldb"]
    lines += [f"    if h == {rows} and w == {vectors} * s:"]
    for i in range(rows):
        lines += ["        if add:"]
        lines += [
            f"            c{i}{j} = vadd(c{i}{j}, vload(c, co + {j} * s))" for j in range(vectors)
        ]
        lines += [f"        vstore(c, co + {j} * s, c{i}{j})" for j in range(vectors)]
        lines += ["        co += ldc" if i + 1 < rows else "        return"]
    for i in range(rows):
        if i:
            lines += [f"    if h <= {i}:", "        return"]
        lines += ["    if add:"]
        lines += [
            f"        c{i}{j} = vadd(c{i}{j}, vload_head(c, co + {j} * s, w - {j} * s))"
            for j in range(vectors)
        ]
        lines += [f"    vstore_head(c, co + {j} * s, c{i}{j}, w - {j} * s)" for j in range(vectors)]
        lines += ["    co += ldc"] if i + 1 < rows else []
    return "\n".join(lines)


def choice() -> str:
    """The function that takes the tile that fits the host."""
    rest = "k, a, ao, rs, cs, b, bo, ldb, c, co, ldc, h, w, add"
    wide, narrow = (f"tile_{rows}x{vectors}" for rows, vectors in SHAPES)
    return "\n".join(
        [
            "@jit",
            f"def tile({ARGUMENTS}) -> None:",
            '    """The one that fits the host\'s registers; the compiler drops the other."""',
            "    if registers(b) == 32:",
            f"        {wide}({rest})",
            "    else:",
            f"        {narrow}({rest})",
        ]
    )


def source() -> str:
    """The whole file."""
    parts = [HEAD.rstrip(), *(micro(*shape) for shape in SHAPES), choice()]
    return "\n\n\n".join(parts) + "\n"


if __name__ == "__main__":
    OUT.write_text(source(), encoding="utf-8")
