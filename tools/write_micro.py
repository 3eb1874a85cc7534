"""Write kernels/micro_6x4.py and micro_6x2.py: the inner loops of matrix multiplication, all accumulators named.

    python tools/write_micro.py

A register holds what a local variable holds, so the two dozen accumulators of a tile are two dozen
names; a loop over an array of them would go through memory. Numba caches only what lies in a file,
so the result is committed; a test writes it again and compares.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "kernels"

# rows x vectors of the tile. 32 registers: 24 accumulators, 4 of b, 1 of a. 16: 12, 2 and 1.
SHAPES = ((6, 4), (6, 2))

HEAD = '''"""The inner loop of matrix multiplication, ROWS rows and VECTORS vectors. See `kernels.micro`.

Written by tools/write_micro.py; change it there.
"""

from __future__ import annotations

from typing import Any

from .jit import jit
from .simd import (
    lanes, prefetch, prefetch_second, vadd, vbload, vfma, vload, vload_head, vstore, vstore_head, vzero,
)

Array = Any
'''


def micro(rows: int, vectors: int, packed: bool) -> str:
    """The source of one inner loop."""
    name = f"{'packed' if packed else 'tile'}_{rows}x{vectors}"
    given = "ao: int, " if packed else "ao: int, rs: int, cs: int, "
    step = "" if packed else "ldb: int, "
    tells = "a and b packed: steps that the compiler knows" if packed else "a and b as they lie"
    lines = [
        "@jit",
        f"def {name}(",
        f"    k: int, a: Array, {given}b: Array, bo: int, {step}".rstrip(),
        "    c: Array, co: int, ldc: int, h: int, w: int, add: bool"
        f"{', ahead: int, pace: int' if packed else ''},",
        ") -> None:  # fmt: skip",
        f'    """A tile, {tells}."""',
        "    s = lanes(b)",
    ]
    if not packed:
        lines += ["    a0 = ao", "    q = 0"]
        lines += [f"    a{i} = ao + {i} * rs if h > {i} else ao" for i in range(1, rows)]
    # A row of the tile that does not begin a cache line ends in the next one.
    lines += [
        f"    prefetch(c, co + {i} * ldc{end})"
        for end in ("", f" + {vectors} * s - 1")
        for i in range(rows)
    ]
    lines += [f"    c{i}{j} = vzero(b)" for i in range(rows) for j in range(vectors)]
    lines += ["    for _ in range(k):"]
    lines += [f"        b{j} = vload(b, bo + {j} * s)" for j in range(vectors)]
    for i in range(rows):
        where = f"ao + {i}" if packed else f"a{i} + q"
        lines += [f"        x = vbload(a, {where})"]
        lines += [f"        c{i}{j} = vfma(x, b{j}, c{i}{j})" for j in range(vectors)]
    if packed:
        lines += ["        prefetch_second(b, ahead)", "        ahead += pace"]
        lines += [f"        ao += {rows}", f"        bo += {vectors} * s"]
    else:
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


def source(rows: int, vectors: int) -> str:
    """One file, as the formatter has it."""
    head = HEAD.rstrip().replace("ROWS", str(rows)).replace("VECTORS", str(vectors))
    text = "\n\n\n".join([head, *(micro(rows, vectors, packed) for packed in (True, False))])
    ruff = Path(sys.executable).with_name("ruff")
    return subprocess.run(
        [ruff, "format", "-"], cwd=FOLDER, input=text, capture_output=True, text=True, check=True
    ).stdout


if __name__ == "__main__":
    for shape in SHAPES:
        name = f"micro_{shape[0]}x{shape[1]}.py"
        (FOLDER / name).write_text(source(*shape), encoding="utf-8")
