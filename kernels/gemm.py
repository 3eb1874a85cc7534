"""Matrix multiplication: the oracle, the ladder that a learner climbs, and the packed kernel.

The ladder is the same product five times: `naive`, `reordered`, `register_tiled`, `cache_tiled` and
`tiled` (both). The kernel goes on where plain loops stop, at two fifths of what the processor can
do: it packs blocks of a and b (`kernels.packing`) for an inner loop that keeps a whole tile of c in
vector registers (`kernels.micro`).

Source: Goto & van de Geijn (2008), "Anatomy of high-performance matrix multiplication"; Van Zee &
van de Geijn (2015), "BLIS: a framework for rapidly instantiating BLAS functionality".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import crew, memory, scratch, threads
from .gemv import gemv
from .jit import jit, strided
from .kernel import Call, Kernel, call
from .micro import ROWS, packed_tile, panel_width, tile
from .packing import GROUP, SLACK, pack_a, pack_b
from .simd import pointer, vector_bits

Array = Any

# Up to so many multiplications the way to our loops costs more than they save: NumPy has them.
# OpenBLAS uses one thread up to here.
TINY = 1 << 18
SPLIT = 2_000_000  # multiplications a thread at least: handing over costs 30 us
MAX_K, MAX_N = 512, 2048  # of a packed block: sizes of the working memory
AHEAD = 8  # tiles over which the fetching of the next panel of b is spread


def oracle(a: Array, b: Array, out: Array | None = None) -> Array:
    """a (..., M, K) times b (..., K, N), leading axes broadcast; one-dimensional as `np.matmul`.

    Source: the definition, c[i, j] = sum over k of a[i, k] b[k, j].
    """
    return np.matmul(a, b, out=out)


gemm = Kernel("gemm", oracle, ulps=256)


# --- the ladder: c (M, N) = a (M, K) b (K, N), all C-contiguous


@jit(fastmath=True)
def naive(a: Array, b: Array, c: Array) -> None:
    """The definition: a walk down a column of b touches a new cache line at every step."""
    m, k = a.shape
    n = b.shape[1]
    for i in range(m):
        for j in range(n):
            total = a.dtype.type(0)
            for p in range(k):
                total += a[i, p] * b[p, j]
            c[i, j] = total


@jit(fastmath=True)
def reordered(a: Array, b: Array, c: Array) -> None:
    """The loops over j and k change places: rows of b and c are walked along, as vectors."""
    m, k = a.shape
    n = b.shape[1]
    c[:] = 0
    for i in range(m):
        for p in range(k):
            x = a[i, p]
            for j in range(n):
                c[i, j] += x * b[p, j]


@jit(fastmath=True)
def register_tiled(a: Array, b: Array, c: Array) -> None:
    """Four rows of a against four of b at once: each element loaded is used four times."""
    m, k = a.shape
    c[:] = 0
    whole_m, whole_k = m - m % 4, k - k % 4
    for i in range(0, whole_m, 4):
        _four_rows(a[i : i + 4], b, c[i : i + 4], 0, whole_k)
    if whole_k < k or whole_m < m:
        _rest(a, b, c, whole_m, whole_k)


@jit(fastmath=True)
def cache_tiled(a: Array, b: Array, c: Array) -> None:
    """Blocks of 128 x 512 of b stay in the second-level cache for all rows of a."""
    m, k = a.shape
    n = b.shape[1]
    c[:] = 0
    for first in range(0, k, 128):
        for left in range(0, n, 512):
            for i in range(m):
                row = c[i, left : left + 512]  # a slice: an index that may be negative is slow
                for p in range(first, min(first + 128, k)):
                    x = a[i, p]
                    line = b[p, left : left + 512]
                    for j in range(len(row)):
                        row[j] += x * line[j]


@jit(fastmath=True)
def tiled(a: Array, b: Array, c: Array) -> None:
    """Both: four rows at once inside a block of b that stays in the cache."""
    m, k = a.shape
    n = b.shape[1]
    c[:] = 0
    whole_m, whole_k = m - m % 4, k - k % 4
    for first in range(0, whole_k, 64):
        for left in range(0, n, 512):
            for i in range(0, whole_m, 4):
                _four_rows(
                    a[i : i + 4],
                    b[:, left : left + 512],
                    c[i : i + 4, left : left + 512],
                    first,
                    min(first + 64, whole_k),
                )
    if whole_k < k or whole_m < m:
        _rest(a, b, c, whole_m, whole_k)


@jit(fastmath=True)
def _four_rows(a: Array, b: Array, c: Array, first: int, end: int) -> None:
    """c (4, n) += a[:, first:end] b[first:end], four columns of a at a time."""
    c0, c1, c2, c3 = c[0], c[1], c[2], c[3]
    for p in range(first, end, 4):
        b0, b1, b2, b3 = b[p], b[p + 1], b[p + 2], b[p + 3]
        a00, a01, a02, a03 = a[0, p], a[0, p + 1], a[0, p + 2], a[0, p + 3]
        a10, a11, a12, a13 = a[1, p], a[1, p + 1], a[1, p + 2], a[1, p + 3]
        a20, a21, a22, a23 = a[2, p], a[2, p + 1], a[2, p + 2], a[2, p + 3]
        a30, a31, a32, a33 = a[3, p], a[3, p + 1], a[3, p + 2], a[3, p + 3]
        for j in range(c.shape[1]):
            x0, x1, x2, x3 = b0[j], b1[j], b2[j], b3[j]
            c0[j] += a00 * x0 + a01 * x1 + a02 * x2 + a03 * x3
            c1[j] += a10 * x0 + a11 * x1 + a12 * x2 + a13 * x3
            c2[j] += a20 * x0 + a21 * x1 + a22 * x2 + a23 * x3
            c3[j] += a30 * x0 + a31 * x1 + a32 * x2 + a33 * x3


@jit(fastmath=True)
def _rest(a: Array, b: Array, c: Array, whole_m: int, whole_k: int) -> None:
    """What is left over where M or K is no multiple of four."""
    m, k = a.shape
    for i in range(m):
        for p in range(whole_k if i < whole_m else 0, k):
            x = a[i, p]
            for j in range(b.shape[1]):
                c[i, j] += x * b[p, j]


# --- the packed kernel


@gemm.on("cpu")
def gemm_cpu(a: Array, b: Array, out: Array | None = None) -> Array:
    """The packed kernel for any strides; matrix times vector in `kernels.gemv`.

    Up to TINY multiplications go to NumPy, whose call is the shorter one.
    """
    if a.ndim < 2 or b.ndim < 2:
        return _with_vectors(a, b, out)
    m, k = a.shape[-2:]
    n = b.shape[-1]
    if k != b.shape[-2] or a.size == 0 or b.size == 0:
        return np.matmul(a, b, out=out)
    if a.ndim == 2 and b.ndim == 2:
        if m * n * k <= TINY:
            return np.matmul(a, b, out=out)
        c: Array = memory.empty((m, n), a.dtype) if _unfit(out, (m, n), a, b) else out
        _run(a[None], b[None], c[None], 1)
    else:
        c = _batched(a, b, out)
    if out is None or c is out:
        return c
    out[...] = c
    return out


def _batched(a: Array, b: Array, out: Array | None) -> Array:
    m, k = a.shape[-2:]
    n = b.shape[-1]
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    shape = (*lead, m, n)
    c: Array = memory.empty(shape, a.dtype) if _unfit(out, shape, a, b) else out
    if b.ndim == 2 and a.flags.c_contiguous and c.flags.c_contiguous:
        _run(a.reshape(1, -1, k), b[None], c.reshape(1, -1, n), 1)  # one tall product
        return c
    count = int(np.prod(lead))
    a = np.broadcast_to(a, (*lead, m, k))
    b = np.broadcast_to(b, (*lead, k, n))
    if len(lead) == 1:
        _run(a, b, c, count)
        return c
    for index in np.ndindex(*lead[:-1]):  # views: reshaping strided stacks would copy them
        _run(a[index], b[index], c[index], lead[-1])
    return c


def _with_vectors(a: Array, b: Array, out: Array | None) -> Array:
    """A one-dimensional operand is a row on the left, a column on the right, and is dropped."""
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        return np.matmul(a, b, out=out)
    c = gemm_cpu(a[None] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b)
    if b.ndim == 1:
        c = c[..., 0]
    if a.ndim == 1:
        c = c[..., 0] if b.ndim == 1 else c[..., 0, :]
    if out is None:
        return c[()]
    out[...] = c
    return out


def _unfit(out: Array | None, shape: tuple[int, ...], a: Array, b: Array) -> bool:
    """Whether the result cannot be written into `out` straight away."""
    return (
        out is None
        or out.shape != shape
        or out.dtype != a.dtype
        or out.strides[-1] != out.itemsize
        or not out.flags.aligned
        or np.may_share_memory(out, a)
        or np.may_share_memory(out, b)
    )


def _run(a: Array, b: Array, c: Array, count: int) -> None:
    """c (count, M, N) = a (count, M, K) b (count, K, N), on as many threads as pay."""
    m, k = a.shape[1:]
    n = b.shape[2]
    # An aligned array's strides are whole numbers of elements.
    if not a.flags.aligned:
        a = a.copy()
    if not b.flags.aligned:
        b = b.copy()
    if m == 1 or n == 1:
        gemv(a, b, c)
        return
    parts = threads.split(count * m * n * k, SPLIT)
    if parts == 1:
        _part(a, b, c)
    elif count >= parts:
        crew.spread(lambda _, i, j: _part(a[i:j], b[i:j], c[i:j]), count, parts)
    elif n >= m:
        # Columns: each thread packs its own part of b, and the block of a that its cache needs.
        panels = -(-n // 16)
        crew.spread(
            lambda _, i, j: _part(a, b[:, :, 16 * i : 16 * j], c[:, :, 16 * i : 16 * j]),
            panels,
            parts,
        )
    else:
        panels = -(-m // ROWS)
        crew.spread(
            lambda _, i, j: _part(a[:, ROWS * i : ROWS * j], b, c[:, ROWS * i : ROWS * j]),
            panels,
            parts,
        )


def _part(a: Array, b: Array, c: Array) -> None:
    """One thread's share, in working memory of its own."""
    dtype = a.dtype
    m, k, n = c.shape[1], min(a.shape[2], MAX_K), c.shape[2]
    rows = scratch.take("gemm a", (min(m, 256) + ROWS) * k + SLACK, dtype)
    panels = scratch.take("gemm b", k * (min(n, MAX_N) + SLACK) + SLACK, dtype)
    multiply(a, b, c, rows, panels)


@strided()
def multiply(a: Array, b: Array, c: Array, rows: Array, panels: Array) -> None:
    """c (B, M, N) = a (B, M, K) b (B, K, N); c's last axis is contiguous, the rest any strides."""
    size = a.itemsize
    for t in range(a.shape[0]):
        block_product(
            pointer(a), t * (a.strides[0] // size), a.strides[1] // size, a.strides[2] // size,
            pointer(b), t * (b.strides[0] // size), b.strides[1] // size, b.strides[2] // size,
            pointer(c), t * (c.strides[0] // size), c.strides[1] // size,
            c.shape[1], c.shape[2], a.shape[2], size, pointer(rows), pointer(panels),
        )  # fmt: skip


@jit(inline="always")
def block_product(
    a: Array, ao: int, ars: int, acs: int,
    b: Array, bo: int, brs: int, bcs: int,
    c: Array, co: int, ldc: int,
    m: int, n: int, k: int, size: int, rows: Array, panels: Array,
) -> None:  # fmt: skip
    """One product on addresses. A panel of b stays in the first-level cache, a block of a in the
    second, the packed part of b in the third; blocks are made equal, so that none is a sliver."""
    width = panel_width(b)
    most_k, most_m = MAX_K, ROWS * (16 if vector_bits(b) == 512 else 12)
    most_n = MAX_N
    kc = parted(k, most_k, 16)
    mc = parted(m, most_m, ROWS)
    # Packing costs a pass; it pays where what is packed is used again often enough.
    b_lies_well = bcs == 1 and (m <= 4 * ROWS or k * n * size <= 1 << 15)
    # A column of a that lies together is as good as a row, while it is read no more than twice.
    a_lies_well = n <= 2 * width and (acs == 1 or ars == 1)
    a_lies_well = a_lies_well or (acs == 1 and m * k * size <= 1 << 16)
    for j0 in range(0, n, most_n):
        nc = min(most_n, n - j0)
        whole = nc - nc % width if b_lies_well else 0
        for p0 in range(0, k, kc):
            kn = min(kc, k - p0)
            b_at = bo + p0 * brs + j0 * bcs
            together = not a_lies_well and whole == 0
            if whole < nc and not together:
                pack_b(b, b_at + whole * bcs, brs, bcs, kn, nc - whole, panels, 0, width)
            for i0 in range(0, m, mc):
                mn = min(mc, m - i0)
                a_at = ao + i0 * ars + p0 * acs
                c_at = co + i0 * ldc + j0
                # One call of each sweep: their code is large.
                source, at, rs, cs = a, a_at, ars, acs
                if not a_lies_well:
                    source, at, rs, cs = rows, 0, 1, ROWS
                    pack_a(a, a_at, ars, acs, mn, kn, rows)
                if not together:
                    sweep(source, at, rs, cs, ROWS * (ars if a_lies_well else kn),
                          b, b_at, brs, whole, panels,
                          c, c_at, ldc, mn, nc, kn, width, p0 > 0)  # fmt: skip
                    continue
                # The first block of a meets what of b was packed a moment ago, in the cache still.
                some = GROUP * width if i0 == 0 else nc
                for j in range(0, nc, some):
                    these = min(some, nc - j)
                    if i0 == 0:
                        pack_b(b, b_at + j * bcs, brs, bcs, kn, these, panels, j * kn, width)
                    packed_sweep(rows, panels, j * kn, c, c_at + j, ldc,
                                 mn, these, kn, width, p0 > 0)  # fmt: skip


@jit(inline="always")
def parted(length: int, most: int, unit: int) -> int:
    """The size of the fewest equal parts of at most `most`, rounded up to whole units."""
    parts = (length + most - 1) // most
    size = (length + parts - 1) // parts
    return (size + unit - 1) // unit * unit


@jit(inline="always")
def packed_sweep(
    a: Array, b: Array, bo: int, c: Array, co: int, ldc: int,
    m: int, n: int, k: int, width: int, add: bool,
) -> None:  # fmt: skip
    """All tiles of one block: for each panel of b, every panel of a.

    The first tile of a panel would wait for it to come from the third cache, or from memory where
    other programs have taken that: the tiles of the panel before fetch it, a little each. That a
    panel is whole is worth three per cent to the compiler.
    """
    whole = n - n % width
    for j in range(0, whole, width):
        at = bo + j * k
        ahead = at + width * k if j + width < n else bo
        for i in range(0, m, ROWS):
            pace = width // AHEAD if i < AHEAD * ROWS else 0
            packed_tile(k, a, i * k, b, at, c, co + i * ldc + j, ldc,
                        min(ROWS, m - i), width, add, ahead, pace)  # fmt: skip
            ahead += pace * k
    if whole < n:
        for i in range(0, m, ROWS):
            packed_tile(k, a, i * k, b, bo + whole * k, c, co + i * ldc + whole, ldc,
                        min(ROWS, m - i), n - whole, add, bo, 0)  # fmt: skip


@jit(inline="always")
def sweep(
    a: Array, ao: int, rs: int, cs: int, next_rows: int,
    b: Array, bo: int, ldb: int, whole: int, panels: Array,
    c: Array, co: int, ldc: int, m: int, n: int, k: int, width: int, add: bool,
) -> None:  # fmt: skip
    """The same where a or b was not packed: columns below `whole` are read from b itself."""
    for j in range(0, n, width):
        w = min(width, n - j)
        for i in range(0, m, ROWS):
            h = min(ROWS, m - i)
            at = ao + (i // ROWS) * next_rows
            source, start, step = b, bo + j, ldb
            if j >= whole:
                source, start, step = panels, (j - whole) * k, width
            tile(k, a, at, rs, cs, source, start, step, c, co + i * ldc + j, ldc, h, w, add)


@gemm.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    """Below a tile, exact, ragged, deep, transposed, strided, batched, broadcast, empty, vectors."""

    def of(*shape: int) -> Array:
        return rng.normal(size=shape).astype(dtype)

    shapes = [(30, 20, 30), (6, 64, 64), (48, 33, 64), (31, 300, 70), (25, 40, 200), (7, 700, 9)]
    calls = [call(of(m, k), of(k, n)) for m, k, n in shapes]
    calls += [call(of(m, k), of(n, k).T) for m, k, n in shapes[2:5]]
    calls += [call(of(k, m).T, of(k, n)) for m, k, n in shapes[2:5]]
    calls += [call(of(k, m).T, of(n, k).T) for m, k, n in shapes[2:5]]
    # More than one block of a beside several groups of panels; more than one block of columns of a.
    calls += [call(of(80, 20), of(20, 300)), call(of(34, 520), of(520, 140))]
    calls += [call(of(40, 90)[::2, ::3], of(60, 120)[::2, 10:100:2])]
    calls += [call(of(31, 40)[::-1], of(40, 33)), call(of(31, 40), of(40, 66)[:, 33:])]
    # Small products reach our loops only as a stack.
    calls += [call(a[None], b[None]) for (a, b), _ in calls]
    calls += [
        call(of(31, 140), of(140, 73), out=of(31, 73)),
        call(of(31, 140), of(140, 73), out=of(73, 31).T),
    ]
    calls += [call(of(4, 20, 30), of(4, 30, 25)), call(of(4, 20, 30), of(30, 25))]
    calls += [
        call(of(2, 1, 20, 30), of(3, 30, 25)),
        call(of(2, 20, 3, 30).transpose(0, 2, 1, 3), of(30, 25)),
    ]
    calls += [call(of(0, 5), of(5, 3)), call(of(4, 0), of(0, 3)), call(of(0, 4, 5), of(5, 6))]
    calls += [call(of(1, 100), of(100, 90)), call(of(90, 100), of(100, 1))]
    calls += [call(of(1, 100), of(90, 100).T), call(of(100, 90).T, of(100))]
    calls += [call(of(100), of(100, 90)), call(of(100), of(100)), call(of(5, 90, 100), of(100))]
    calls += [call(of(101, 180)[:, ::2], of(180)[::2]), call(of(2, 2), of(2, 2))]
    return calls
