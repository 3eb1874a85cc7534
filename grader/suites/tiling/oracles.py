"""Right answers in float64, views element by element, and the loads of the lesson's loops, counted."""

from __future__ import annotations

import itertools

import numpy as np

from grader.check import check_close, check_equal, check_unchanged, fail
from grader.suites.tiling.programs import OWN

FEW = {"rtol": 1e-4, "atol": 2e-4}
PRODUCTS = (
    "matmul_naive",
    "matmul_reordered",
    "matmul_register_tiled",
    "matmul_cache_tiled",
    "matmul_tiled",
    "matmul_parallel",
)


def drawn(rng, *shapes):
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


# ---- formulas --------------------------------------------------------------------------------------
def product(a, b):
    return (a.astype(np.float64) @ b.astype(np.float64)).astype(np.float32)


def softmax(x):
    x = x.astype(np.float64)
    e = np.exp(x - x.max(1, keepdims=True))
    return (e / e.sum(1, keepdims=True)).astype(np.float32)


def layernorm(x, gamma, beta, eps, *, spare=0, root=True):
    """`spare` and `root=False` make known mistakes: K - 1 in the variance, eps outside the root."""
    x = x.astype(np.float64)
    d = x - x.mean(1, keepdims=True)
    var = (d * d).sum(1, keepdims=True) / max(1, x.shape[1] - spare)
    scale = np.sqrt(var + eps) if root else np.sqrt(var) + eps
    return (d / scale * gamma + beta).astype(np.float32)


def conv(x, w, padding):
    x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    ho, wo = x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1
    y = np.zeros((len(x), len(w), ho, wo))
    for i, j in itertools.product(range(w.shape[2]), range(w.shape[3])):
        y += np.einsum("nchw,oc->nohw", x[:, :, i : i + ho, j : j + wo], w[:, :, i, j])
    return y.astype(np.float32)


def check_manners(student, name, args):
    """The call leaves its arguments as they were and gives a new contiguous float32 array."""
    found = student.probe(OWN, name=name, args=args)
    wanted = {"type": "ndarray", "dtype": "float32", "contiguous": True, "writable": True}
    for key, want in {**wanted, "shared": False}.items():
        check_equal(
            found.get(key, want),
            want,
            what=f"{key!r} of the result of {name}",
            help="Make the result with np.empty or np.zeros, of float32.",
        )
    for place, (before, after) in enumerate(zip(args, found["after"], strict=True)):
        if isinstance(before, np.ndarray):
            check_unchanged(after, before, what=f"argument {place + 1} of {name}")


def check_product(student, name, a, b, *more, what="", **fields):
    """The call by name against float64; `more` is the tile."""
    check_close(
        student.call(name, a, b, *more),
        product(a, b),
        what=what or f"{name} of {a.shape} and {b.shape}" + (f", tile {more[0]}" if more else ""),
        **FEW,
        **fields,
    )


# ---- views -------------------------------------------------------------------------------------------
def parts(view, what):
    """(shape, strides, offset) of what came back, whatever sequences and integers they are."""
    if type(view) is not tuple or len(view) != 3:
        fail(f"{what} is not the tuple (shape, strides, offset).")
    shape, strides, offset = view
    try:
        shape, strides = [int(n) for n in shape], [int(s) for s in strides]
        offset = int(offset)
    except (TypeError, ValueError):
        fail(f"{what} holds something else than whole numbers.")
    if len(shape) != len(strides):
        fail(f"{what} has {len(shape)} sizes and {len(strides)} strides.")
    return tuple(shape), tuple(strides), offset


def places(shape, strides, offset):
    """Where the elements of a view lie, in row-major order."""
    return [
        offset + sum(i * s for i, s in zip(index, strides, strict=True))
        for index in itertools.product(*map(range, shape))
    ]


def view_of(array, base):
    """(shape, strides, offset) in elements of a NumPy view of the one-dimensional `base`."""
    size = base.itemsize
    start = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return array.shape, tuple(s // size for s in array.strides), start // size


def drawn_view(rng, base, rank, *, least=1):
    """A random view of `base`: reshaped, transposed, cut with steps of both signs."""
    start = int(rng.integers(0, 6))
    room = base.size - start
    whole, sizes, steps = [], [], []
    for _ in range(rank):
        size, step = int(rng.integers(least, 5)), int(rng.choice([-2, -1, 1, 2]))
        if size * abs(step) > room:  # five axes of 8 are more than a small base holds
            size, step = 1, 1
        whole.append(max(1, size * abs(step)))
        sizes.append(size)
        steps.append(step)
        room //= whole[-1]
    x = base[start : start + int(np.prod(whole))].reshape(whole)
    # The dots make a view of an array without axes too, where () alone would give a number.
    x = x[(..., *(slice(None, None, step) for step in steps))]
    x = x[(..., *(slice(0, n) for n in sizes))]
    return x.transpose(rng.permutation(rank))


# ---- loads, counted --------------------------------------------------------------------------------
class Counted:
    """A matrix that counts what is read of it; what lies in `held` is not read again."""

    def __init__(self, n):
        self.n, self.loads, self.held = n, 0, set()

    def load(self, i, j):
        if (i, j) not in self.held:
            self.loads += 1

    def hold(self, rows, columns):
        """Read these elements once, and keep them in place of what was kept before."""
        self.held = set()
        for i, j in itertools.product(rows, columns):
            self.load(i, j)
        self.held = set(itertools.product(rows, columns))


def counted_naive(n):
    a, b = Counted(n), Counted(n)
    for i, j, k in itertools.product(range(n), repeat=3):
        a.load(i, k)
        b.load(k, j)
    return a.loads + b.loads


def counted_registers(n, v1, v2, rows=None):
    """Tiles of v1 x v2 of c in registers, over all rows or those given: (loads of a, of b)."""
    a, b = Counted(n), Counted(n)
    rows = range(n) if rows is None else rows
    for i, j, k in itertools.product(rows[::v1], range(0, n, v2), range(n)):
        a.hold(range(i, i + v1), [k])  # each for all the columns of the tile
        b.hold([k], range(j, j + v2))
        a.held, b.held = set(), set()
    return a.loads, b.loads


def counted_strips(n, b1):
    """A strip of b1 rows of a in the cache, b streamed by: (loads of a, of b) from memory."""
    a, b = Counted(n), Counted(n)
    for top in range(0, n, b1):
        a.hold(range(top, top + b1), range(n))
        for j, k in itertools.product(range(n), range(n)):
            b.load(k, j)  # once, for the whole strip
            for i in range(top, top + b1):
                a.load(i, k)
    return a.loads, b.loads


def counted_tiled(n, b1, v1, v2):
    """Both: (loads from memory, loads from the cache)."""
    cache = sum(sum(counted_registers(n, v1, v2, range(top, top + b1))) for top in range(0, n, b1))
    return sum(counted_strips(n, b1)), cache
