"""Hidden checks of views, of compact, and of the cost model against counted loads."""

import numpy as np

from grader.check import check_close, check_equal, check_raises, fail
from grader.suites.tiling.oracles import (
    check_manners,
    counted_naive,
    counted_registers,
    counted_strips,
    counted_tiled,
    drawn_view,
    parts,
    places,
    view_of,
)
from grader.suites.tiling.programs import ALONE, SLICE


def check_view(got, want, base, what, help):
    """`got` names the elements of the NumPy view `want` of `base`, in its order."""
    shape, found_strides, offset = parts(got, what)
    check_equal(shape, want.shape, what=f"the shape of {what}", help=help)
    if want.size:
        check_equal(
            places(shape, found_strides, offset),
            places(*view_of(want, base)),
            what=f"the places of the elements of {what}",
            help=help,
        )


def test_transpose_values(student, rng):
    """transpose_view: any axes of any view, element by element"""
    base = np.arange(2000)
    for rank in (0, 1, 2, 2, 3, 3, 4, 5):
        x = drawn_view(rng, base, rank)
        axes = tuple(int(axis) for axis in rng.permutation(rank))
        view = view_of(x, base)
        check_view(
            student.transpose_view(*view, axes), x.transpose(axes), base,
            f"transpose_view{(*view, axes)}",
            "Axis i of the result is axis axes[i] of the view, size and stride together.",
        )  # fmt: skip
    x = base[:24].reshape(2, 3, 4)  # a cycle is not its own inverse
    check_view(
        student.transpose_view(*view_of(x, base), (1, 2, 0)), x.transpose(1, 2, 0), base,
        "transpose_view of (2, 3, 4) by (1, 2, 0)", "Not axes[i] is axis i, but axis i is axes[i].",
    )  # fmt: skip


def test_slice_values(student, rng):
    """slice_view: any slices, steps backwards, nothing left"""
    base = np.arange(2000)

    def bound():
        return None if rng.random() < 0.3 else int(rng.integers(-7, 8))

    for rank in (0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4):
        for _ in range(4):
            x = drawn_view(rng, base, rank)
            slices = [
                (bound(), bound(), int(rng.choice([-3, -2, -1, 1, 2, 3]))) for _ in range(rank)
            ]
            cut = tuple(slice(*part) for part in slices)
            check_view(
                student.probe(SLICE, view=view_of(x, base), slices=slices), x[(..., *cut)], base,
                f"slice_view{view_of(x, base)} by {slices}",
                "slice.indices(n) gives start, stop and step; the offset moves by start * stride.",
            )  # fmt: skip
    x = base[:40].reshape(5, 8)
    for slices in ([(None, None, -1), (None, None, -3)], [(3, 0, -1), (-2, None, None)]):
        cut = tuple(slice(*part) for part in slices)
        check_view(
            student.probe(SLICE, view=view_of(x, base), slices=slices), x[(..., *cut)], base,
            f"slice_view of (5, 8) by {slices}", "A step backwards starts at the last element.",
        )  # fmt: skip


def test_broadcast_values(student, rng):
    """broadcast_view: new axes in front, axes of size 1 repeated"""
    base = np.arange(2000)
    help = "Shapes are aligned at their last axis; what is repeated has stride 0."
    for rank in (0, 1, 2, 3):
        for _ in range(4):
            x = drawn_view(rng, base, rank)
            for axis in range(rank):
                if rng.random() < 0.5:
                    x = x[(slice(None),) * axis + (slice(0, 1),)]
            new = tuple(int(rng.integers(1, 4)) for _ in range(int(rng.integers(0, 3))))
            new += tuple(n if n > 1 else int(rng.integers(0, 4)) for n in x.shape)
            check_view(
                student.broadcast_view(*view_of(x, base), new), np.broadcast_to(x, new), base,
                f"broadcast_view{(*view_of(x, base), new)}", help,
            )  # fmt: skip
    x = base[7:10].reshape(3, 1)
    check_view(
        student.broadcast_view(*view_of(x, base), (2, 3, 4)), np.broadcast_to(x, (2, 3, 4)), base,
        "broadcast_view of (3, 1) to (2, 3, 4)", help,
    )  # fmt: skip


def test_broadcast_rejects(student, rng):
    """broadcast_view: shapes that do not fit raise ValueError"""
    for shape, strides, new in (
        ((3,), (1,), (4,)),
        ((3, 2), (2, 1), (3, 1)),
        ((2, 3), (3, 1), (3,)),
        ((2, 1), (1, 1), (3, 2)),
        ((4,), (1,), (4, 2)),
        ((1, 1, 1), (1, 1, 1), (1, 1)),
    ):
        check_raises(
            ValueError, student.broadcast_view, shape, strides, 0, new,
            what=f"broadcast_view of {shape} to {new}",
            help="Aligned at the last axis, sizes are equal or the old one is 1.",
        )  # fmt: skip


def test_compact_values(student, rng):
    """compact: any rank, strides of any sign and 0, every dtype"""
    for dtype in (np.float32, np.int64):
        base = rng.integers(-1000, 1000, 2000).astype(dtype)
        for rank in (0, 1, 2, 2, 3, 4):
            x = drawn_view(rng, base, rank, least=1)
            if rank > 1:
                x = np.broadcast_to(x, (2, *x.shape[:1], 3, *x.shape[2:]) if x.shape[1] == 1
                                    else (2, *x.shape))  # fmt: skip
            check_close(
                student.compact(base, *view_of(x, base)), np.array(x),
                what=f"compact of the view {view_of(x, base)}", rtol=0.0, atol=0.0,
                help="Walk the indices in row-major order; each step moves by a stride.",
            )  # fmt: skip
    base = np.arange(12, dtype=np.float32)
    for shape in ((0,), (3, 0), (0, 2, 4)):
        check_close(
            student.compact(base, shape, (100,) * len(shape), 50), np.zeros(shape, np.float32),
            what=f"compact of a view of shape {shape} that lies nowhere",
            help="A view without elements reads nothing, so nothing can be wrong with it.",
        )  # fmt: skip
    check_close(
        student.compact(base, (3, 4), (-4, -1), 11), base[::-1].reshape(3, 4),
        what="compact of a buffer backwards",
    )  # fmt: skip


def test_compact_rejects(student, rng):
    """compact: a view that leaves the buffer raises ValueError"""
    buffer = np.arange(12, dtype=np.float32)
    for shape, strides, offset in (
        ((13,), (1,), 0),
        ((3, 4), (4, 1), 1),
        ((4,), (-1,), 2),
        ((2, 2), (-6, 1), 5),
        ((), (), 12),
        ((), (), -1),
        ((2, 3), (-1, 6), 0),
        ((1, 1), (100, 100), 12),
    ):
        check_raises(
            ValueError, student.compact, buffer, shape, strides, offset,
            what=f"compact of 12 elements as {shape}, {strides}, {offset}",
            help="Negative strides reach below the offset, positive ones above it: work out both ends.",
        )  # fmt: skip
    # Strides that look far and stay at home.
    check_close(
        student.compact(buffer, (1, 3), (1000, -2), 4), np.array([[4, 2, 0]], np.float32),
        what="compact of a view whose long stride is never walked",
    )  # fmt: skip


def test_compact_alone(student, rng):
    """compact neither copies views nor picks by arrays of places"""
    buffer = rng.standard_normal(60).astype(np.float32)
    views = []
    for x in (buffer.reshape(6, 10).T, buffer[::-3], np.broadcast_to(buffer[4:8], (3, 4))):
        views.append(view_of(x, buffer))
    found = student.probe(ALONE, buffer=buffer, views=views)
    for got, view in zip(found, views, strict=True):
        want = buffer[places(*view)].reshape(view[0])
        check_close(got, want, what=f"compact of the view {view}", rtol=0.0, atol=0.0)


def test_compact_manners(student, rng):
    """compact: the buffer stays, the result is a new array of its dtype"""
    buffer = rng.standard_normal(60).astype(np.float32)
    # Two views that could be handed out without a copy.
    for view in (((6, 10), (10, 1), 0), ((60,), (1,), 0), ((), (), 3)):
        check_manners(student, "compact", [buffer, *view])


def check_loads(got, want, what, help):
    """`got` is the number, or the pair of numbers, that was counted."""
    values = got if type(got) is tuple else (got,)
    wanted = want if type(want) is tuple else (want,)
    if len(values) != len(wanted) or not all(type(v) in (int, float) for v in values):
        fail(f"{what} is {got!r:.80}, it should be {want}.", help=help)
    for value, right in zip(values, wanted, strict=True):
        if value != right:
            fail(f"{what} is {got}, the loops load {want}.", help=help)


def test_loads_registers(student, rng):
    """dram_loads_naive and dram_loads_register_tiled agree with counted loads"""
    for n in (1, 6, 12):
        check_loads(
            student.dram_loads_naive(n), counted_naive(n), f"dram_loads_naive({n})",
            "Every product loads an element of a and one of b.",
        )  # fmt: skip
    for n, v1, v2 in ((12, 1, 1), (12, 2, 3), (12, 4, 2), (8, 8, 1), (12, 6, 12)):
        check_loads(
            student.dram_loads_register_tiled(n, v1, v2), counted_registers(n, v1, v2),
            f"dram_loads_register_tiled({n}, {v1}, {v2})",
            "What is loaded of a serves all v2 columns of the tile; the pair is (a, b).",
        )  # fmt: skip


def test_loads_strips(student, rng):
    """dram_loads_cache_tiled and loads_tiled agree with counted loads"""
    for n, b1 in ((12, 1), (12, 3), (12, 12), (10, 5)):
        check_loads(
            student.dram_loads_cache_tiled(n, b1), counted_strips(n, b1),
            f"dram_loads_cache_tiled({n}, {b1})", "b passes by once a strip of b1 rows of a.",
        )  # fmt: skip
    for n, b1, v1, v2 in ((12, 6, 2, 3), (12, 4, 4, 2), (12, 12, 3, 4), (8, 4, 1, 8)):
        check_loads(
            student.loads_tiled(n, b1, v1, v2), counted_tiled(n, b1, v1, v2),
            f"loads_tiled({n}, {b1}, {v1}, {v2})",
            "From memory what strips load, from the cache what tiles in registers load.",
        )  # fmt: skip
