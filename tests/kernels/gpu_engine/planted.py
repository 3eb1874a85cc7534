"""Bugs, each planted into a correct kernel: what must be found, and on which line.

An edit replaces text inside the kernel; a first part `*` edits the whole file. The line to be
blamed is the one that contains `at` in the edited kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

from .stage import SOURCE

BARRIER = "cuda.syncthreads()\n"
RAW, WAR, WAW = (
    f"race:{one}" for one in ("read-after-write", "write-after-read", "write-after-write")
)
OUT, F64, SLOW, BANK = "out-of-bounds", "float64", "uncoalesced", "bank-conflict"
STUCK, UNSET, UNWRITTEN = "barrier-divergence", "uninitialised-shared", "unwritten-output"
SHARED_WRITE, TRAFFIC, GEOMETRY = "global-write-race", "excess-traffic", "launch-geometry"


@dataclass(frozen=True)
class Bug:
    """One planted bug."""

    kernel: str
    name: str
    kind: str
    at: str
    edits: tuple[tuple[str, ...], ...]
    size: tuple[int, ...] = ()
    nth: int = 1  # which line that contains `at`
    missing: str = ""

    @property
    def id(self) -> str:
        return f"{self.kernel}-{self.name}".replace(" ", "_")

    def source(self) -> str:
        """The file with the bug in it."""
        text = SOURCE
        for edit in self.edits:
            if edit[0] == "*":
                assert edit[1] in text, edit
                text = text.replace(edit[1], edit[2])
                continue
            start, end = span(text, edit[2] if len(edit) > 2 else self.kernel)
            part = text[start:end]
            assert edit[0] in part, edit
            text = text[:start] + part.replace(edit[0], edit[1], 1) + text[end:]
        return text

    def line(self, text: str) -> int:
        """The line to be blamed."""
        start, end = span(text, self.kernel)
        first = text[:start].count("\n") + 1
        part = text[start:end] if self.at in text[start:end] else text
        first = first if part is not text else 1
        lines = [n for n, line in enumerate(part.splitlines(), first) if self.at in line]
        return lines[self.nth - 1]


def span(text: str, kernel: str) -> tuple[int, int]:
    """Where a function begins and ends in the file."""
    start = text.index(f"def {kernel}(")
    ends = [text.find(mark, start) for mark in ("\n\n\n@cuda", "\n\n\ndef ")]
    return start, min((end for end in ends if end >= 0), default=len(text))


def nth_barrier(kernel: str, number: int) -> tuple[str, str]:
    """An edit that takes out the number-th barrier of a kernel."""
    start, end = span(SOURCE, kernel)
    part = SOURCE[start:end]
    at = -1
    for _ in range(number):
        at = part.index(BARRIER, at + 1)
    line = part.rindex("\n", 0, at) + 1
    before = part.rindex("\n", 0, line - 1) + 1
    return part[before : at + len(BARRIER)], part[before:line]


INT16 = ("*", "import cuda, float32", "import cuda, float32, float64, int16")

BUGS = [
    # vecadd
    Bug("vecadd", "guard one too far", OUT, "out[i] =", (("i < out.size", "i <= out.size"),), (1000,)),
    Bug("vecadd", "no guard", OUT, "out[i] =", (("if i < out.size:", "if i >= 0:"),), (1000,)),
    Bug("vecadd", "neighbour", OUT, "out[i] =", (("a[i]", "a[i + 1]"),), (1024,)),
    Bug("vecadd", "half index", SHARED_WRITE, "out[i // 2]", (("out[i]", "out[i // 2]"),)),
    Bug("vecadd", "last left out", UNWRITTEN, "out[i] =", (("i < out.size", "i < out.size - 1"),)),
    Bug("vecadd", "grid too small", UNWRITTEN, "out[i] =", (("*", "ceil_div(args[0].size, 256), 256", "args[0].size // 256, 256"),), (1000,)),
    Bug("vecadd", "strided", SLOW, "out[i] =", (("cuda.grid(1)", "cuda.threadIdx.x * cuda.gridDim.x + cuda.blockIdx.x"),)),
    Bug("vecadd", "literal", F64, "1.0", (("a[i] +", "a[i] * 1.0 +"),)),
    Bug("vecadd", "narrow index", OUT, "out[i] =", (INT16, ("cuda.grid(1)", "int16(cuda.grid(1))")), (40000,)),
    Bug("vecadd", "ragged block", GEOMETRY, "return ceil_div(args[0].size, 256), 250", (("*", "args[0].size, 256), 256", "args[0].size, 256), 250"),)),
    Bug("vecadd", "fractional grid", GEOMETRY, "return args[0].size / 256, 256", (("*", "ceil_div(args[0].size, 256), 256", "args[0].size / 256, 256"),)),
    # window_sum
    Bug("window_sum", "left edge", OUT, "total += x[j]", (("j >= 0 and j < n", "j < n"),)),
    Bug("window_sum", "right edge", OUT, "total += x[j]", (("j < n", "j <= n"),)),
    Bug("window_sum", "float accumulator", F64, "total += x[j]", (("total = float32(0)", "total = 0.0"),)),
    Bug("window_sum", "int accumulator", F64, "total += x[j]", (("total = float32(0)", "total = 0"),)),
    Bug("window_sum", "updates the output", SHARED_WRITE, "out[j] =", (("total += x[j]", "total += x[j]\n                out[j] = total"),)),
    # window_sum_shared
    Bug("window_sum_shared", "no barrier", RAW, "total += tile", (nth_barrier("window_sum_shared", 1),), missing="syncthreads"),
    Bug("window_sum_shared", "right halo missing", UNSET, "total += tile", (("tile[t + RADIUS + THREADS] = x[right] if right < n else float32(0)", "pass"),)),
    Bug("window_sum_shared", "tile without halo", OUT, "tile[t + RADIUS] =", (("cuda.shared.array(WINDOW", "cuda.shared.array(THREADS"),)),
    Bug("window_sum_shared", "barrier in the guard", STUCK, "cuda.syncthreads()", (("    cuda.syncthreads()\n    if i < n:", "    if i < n:\n        cuda.syncthreads()"),), (1000,)),
    Bug("window_sum_shared", "left edge", OUT, "x[left]", (("x[left] if left >= 0 else float32(0)", "x[left]"),)),
    Bug("window_sum_shared", "halo misplaced", WAW, "tile[t + THREADS] =", (("tile[t + RADIUS + THREADS] =", "tile[t + THREADS] ="),)),
    Bug("window_sum_shared", "double zero", F64, "tile[t + RADIUS] =", (("x[i] if i < n else float32(0)", "x[i] if i < n else 0.0"),)),
    # block_sum
    Bug("block_sum", "first barrier missing", RAW, "part[t] += part[t + half]", (nth_barrier("block_sum", 1),), missing="syncthreads"),
    Bug("block_sum", "barrier in the loop missing", RAW, "part[t] += part[t + half]", (("        cuda.syncthreads()\n        half", "        half"),)),
    Bug("block_sum", "no guard in the tree", OUT, "part[t] += part[t + half]", (("if t < half:", "if t >= 0:"),)),
    Bug("block_sum", "all threads store", SHARED_WRITE, "out[cuda.blockIdx.x] =", (("if t == 0:", "if t >= 0:"),)),
    Bug("block_sum", "barrier in the branch", STUCK, "cuda.syncthreads()", (("        cuda.syncthreads()\n        half", "            cuda.syncthreads()\n        half"),), nth=2),
    Bug("block_sum", "tail unguarded", OUT, "part[t] = x[i]", (("x[i] if i < x.size else float32(0)", "x[i]"),), (1000,)),
    Bug("block_sum", "one bank", BANK, "part[t * 32] = x[i]", (("(THREADS, float32)", "(4096, float32)"), ("part[t] = x", "part[t * 32] = x"), ("part[t] += part[t + half]", "part[t * 32] += part[(t + half) * 32]"))),
    Bug("block_sum", "reads another block", WAR, "part[0] + out", (("= part[0]", "= part[0] + out[(cuda.blockIdx.x + 1) % cuda.gridDim.x]"),)),
    Bug("block_sum", "returns before the barrier", UNSET, "part[t] += part[t + half]", (("    part[t] = x[i] if", "    if i >= x.size:\n        return\n    part[t] = x[i] if"),), (1000,)),
    Bug("block_sum_last_warp", "first syncwarp missing", WAR, "part[t] += other", (("            cuda.syncwarp()\n            part[t] += other", "            part[t] += other"),), missing="syncwarp"),
    Bug("block_sum_last_warp", "second syncwarp missing", RAW, "other = part", (("            part[t] += other\n            cuda.syncwarp()", "            part[t] += other"),), missing="syncwarp"),
    Bug("block_sum_last_warp", "warp before the barrier", RAW, "other = part", (nth_barrier("block_sum_last_warp", 2),), missing="syncthreads"),
    Bug("block_sum_warps", "shuffle in a branch", STUCK, "shfl_down_sync", (("        value += cuda", "        if i < x.size:\n            value += cuda"),), (1000,)),
    Bug("block_sum_warps", "no barrier", RAW, "part[0] + part[1]", (nth_barrier("block_sum_warps", 1),), missing="syncthreads"),
    # prefix_sum
    Bug("prefix_sum", "first barrier missing", RAW, "other = now", (nth_barrier("prefix_sum", 1),)),
    Bug("prefix_sum", "second barrier missing", WAR, "now[t] += other", (nth_barrier("prefix_sum", 2),)),
    Bug("prefix_sum", "third barrier missing", RAW, "other = now", (nth_barrier("prefix_sum", 3),)),
    Bug("prefix_sum", "last barrier missing", WAR, "now[t] = x[i]", (("        carry += now[SCAN - 1]\n        cuda.syncthreads()", "        carry += now[SCAN - 1]"),)),
    Bug("prefix_sum", "reaches below", OUT, "other = now", (("if t >= reach:", "if t >= 0:"),)),
    Bug("prefix_sum", "tail unguarded", OUT, "out[i] =", (("        if i < n:", "        if i >= 0:"),), (1000,)),
    Bug("prefix_sum", "float carry", F64, "out[i] = carry", (("carry = float32(0)", "carry = 0.0"),)),
    Bug("prefix_sum", "two blocks", SHARED_WRITE, "out[i] = carry", (("*", "return 1, SCAN", "return 2, SCAN"),)),
    # transpose_tiled
    Bug("transpose_tiled", "unpadded", BANK, "out[row, column] =", (("(TILE, PADDED)", "(TILE, TILE)"),)),
    Bug("transpose_tiled", "no barrier", RAW, "out[row, column] =", (nth_barrier("transpose_tiled", 1),)),
    Bug("transpose_tiled", "store by columns", SLOW, "out[column, row] =", (("    column = cuda.blockIdx.y * TILE + tx\n", ""), ("row = cuda.blockIdx.x * TILE + r", "row = cuda.blockIdx.y * TILE + r"), ("if row < out.shape[0] and column < out.shape[1]:\n            out[row, column] = tile[tx, r]", "if row < x.shape[0] and column < x.shape[1]:\n            out[column, row] = tile[r, tx]"))),
    Bug("transpose_tiled", "guards swapped", OUT, "tile[r, tx] = x", (("row < x.shape[0] and column < x.shape[1]", "row < x.shape[1] and column < x.shape[0]"),), (33, 70)),
    Bug("transpose_tiled", "store unguarded", OUT, "out[row, column] =", (("if row < out.shape[0] and column < out.shape[1]:", "if row >= 0:"),), (33, 70)),
    Bug("transpose_tiled", "rows left out", UNSET, "out[row, column] =", (("range(ty, TILE, ROWS)", "range(ty, TILE - ROWS, ROWS)"),)),
    # matmul_thread_tiled
    Bug("matmul_thread_tiled", "adjacent columns", SLOW, "right[j] = b", (("cuda.blockIdx.x * SIDE * V + cuda.threadIdx.x", "(cuda.blockIdx.x * SIDE + cuda.threadIdx.x) * V"), ("s = column + j * SIDE", "s = column + j"), ("s = column + j * SIDE", "s = column + j"))),
    Bug("matmul_thread_tiled", "rows by x", SLOW, "left[i] = a", (("V + cuda.threadIdx.y", "V + cuda.threadIdx.q"), ("V + cuda.threadIdx.x", "V + cuda.threadIdx.y"), ("threadIdx.q", "threadIdx.x"))),
    Bug("matmul_thread_tiled", "double tile", F64, "total[i, j] += left", (INT16, ("array((V, V), float32)", "array((V, V), float64)"))),
    Bug("matmul_thread_tiled", "rows unguarded", OUT, "left[i] = a", (("a[r, k] if r < m else float32(0)", "a[r, k]"),), (33, 17, 70)),
    Bug("matmul_thread_tiled", "small tile", TRAFFIC, "left[i] = a", (("*", "V = 4 ", "V = 2 "), ("*", "BM = 64", "BM = 32"))),
    Bug("matmul_thread_tiled", "store misplaced", SHARED_WRITE, "c[r, s // 2] =", (("c[r, s] =", "c[r, s // 2] ="),)),
    # matmul_shared
    Bug("matmul_shared", "first barrier missing", RAW, "right[j] = bt", (nth_barrier("matmul_shared", 1),), missing="syncthreads"),
    Bug("matmul_shared", "second barrier missing", WAR, "at[k, i] = value", (nth_barrier("matmul_shared", 2),), missing="syncwarp"),
    Bug("matmul_shared", "second barrier missing for b", WAR, "bt[k, j] = value", (nth_barrier("matmul_shared", 2),), missing="syncthreads"),
    Bug("matmul_shared", "barrier in a branch", STUCK, "cuda.syncthreads()", (("        cuda.syncthreads()\n        for k", "        if column + tx + 60 < n:\n            cuda.syncthreads()\n        for k"),), (33, 17, 70)),
    Bug("matmul_shared", "depth unguarded", OUT, "value = a[", (("row + i < m and start + k < depth", "row + i < m"),), (33, 17, 70)),
    Bug("matmul_shared", "unpadded", BANK, "at[k, i] = value", (("(BK, BMP)", "(BK, BM)"),)),
    Bug("matmul_shared", "tile loaded twice", TRAFFIC, "value += a[", (("value = a[row + i, start + k]\n", "value = a[row + i, start + k]\n                value += a[row + i, start + k]\n                value *= float32(0.5)\n"),), nth=1),
    Bug("matmul_shared", "half a tile", UNSET, "left[i] = at", (("range(t, BM * BK, SIDE * SIDE)", "range(t, BM * BK // 2, SIDE * SIDE)"),)),
    Bug("matmul_shared", "float zero", F64, "value = a[", (("value = float32(0)", "value = 0.0"),)),
    Bug("matmul_shared", "rows unguarded at the end", OUT, "c[r, s] =", (("if r < m and s < n:", "if s < n:"),), (33, 17, 70)),
    Bug("matmul_shared", "tile stored by row", BANK, "left[i] = at", (("cuda.shared.array((BK, BMP), float32)", "cuda.shared.array((BM, BK), float32)"), ("at[k, i] = value", "at[i, k] = value"), ("left[i] = at[k, ty + SIDE * i]", "left[i] = at[tx + SIDE * i, k]"))),
    # softmax_rows
    Bug("softmax_rows", "barrier after the maximum missing", WAR, "part[t] = total", (("largest = block_max(part, t)\n    cuda.syncthreads()", "largest = block_max(part, t)"),)),
    Bug("softmax_rows", "barrier in the tree missing", RAW, "part[t] = max(", (("        cuda.syncthreads()\n        half", "        half", "block_max"),)),
    Bug("softmax_rows", "double infinity", F64, "largest = max(largest, x", (("largest = float32(-math.inf)", "largest = -math.inf"),)),
    Bug("softmax_rows", "divides by an int", F64, "/ k", (("/ total", "/ k"),)),
    Bug("softmax_rows", "chunks", SLOW, "out[row, j] =", (("    for j in range(t, k, THREADS):\n        out", "    for j in range(t * 4, t * 4 + 4):\n        out"),)),
    Bug("softmax_rows", "last column left out", UNWRITTEN, "out[row, j] =", (("    for j in range(t, k, THREADS):\n        out", "    for j in range(t, k - 1, THREADS):\n        out"),)),
    Bug("softmax_rows", "a fourth pass", TRAFFIC, "out[row, j] =", (("/ total", "/ total * (x[row, j] - x[row, j] + float32(1)) * (x[row, j] - x[row, j] + float32(1))"),)),
    Bug("softmax_rows", "early return of idle threads", STUCK, "cuda.syncthreads()", (("    part[t] = largest\n    cuda.syncthreads()", "    part[t] = largest\n    if t < k:\n        cuda.syncthreads()"),), (3, 100)),
    # flash_attention
    Bug("flash_attention", "barrier after the tiles missing", RAW, "dot += query", (("        cuda.syncthreads()\n        peak", "        peak"),)),
    Bug("flash_attention", "barrier before the next tiles missing", WAR, "keys[r, t] =", (("            largest = peak\n        cuda.syncthreads()", "            largest = peak"),)),
    Bug("flash_attention", "keys unguarded", OUT, "keys[r, t] =", (("k[start + r, t] if inside else float32(0)", "k[start + r, t]"),), (40, 50, 1)),
    Bug("flash_attention", "rows from memory", SLOW, "query[d] = q", (("query[d] = rows[t, d]", "query[d] = q[first + t, d] * scale"),)),
    Bug("flash_attention", "unpadded rows", BANK, "query[d] = rows", (("(D, PADDED)", "(D, D)"),)),
    Bug("flash_attention", "double scale", F64, "rows[r, t] = q", (("float32(1 / math.sqrt(32.0))", "1 / math.sqrt(32.0)"),)),
    Bug("flash_attention", "square root of an int", F64, "math.sqrt(m)", (("q[first + r, t] * scale", "q[first + r, t] / math.sqrt(m)"),)),
    Bug("flash_attention", "values loaded twice", TRAFFIC, "values[r, t] = (v", (("values[r, t] = v[start + r, t] if", "values[r, t] = (v[start + r, t] + v[start + r, t]) * float32(0.5) if"),)),
    Bug("flash_attention", "last query left out", UNWRITTEN, "out[first + r, t] =", (("        if first + r < n:\n            out", "        if first + r < n - 1:\n            out"),)),
    Bug("flash_attention", "stores its own row", SLOW, "out[first + t, r] =", (("out[first + r, t] = rows[r, t]", "out[first + t, r] = rows[t, r]"),)),
]  # fmt: skip
