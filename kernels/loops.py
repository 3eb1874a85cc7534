"""`@loop`: a loop over a range that one thread runs whole, or several in parts.

@loop
def double(start, stop, x, out):
    x, out = x[start:stop], out[start:stop]
    for i in range(x.size):
        out[i] = x[i] + x[i]

double(0, x.size, x, out)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import crew, memory, threads
from .jit import jit
from .simd import (
    WIDE,
    fence,
    lanes,
    prefetch,
    vload,
    vload_head,
    vload_wide,
    vstore,
    vstore_head,
    vstream,
)

# LLVM may regroup sums and fuse products, so that loops become vectors. It may not assume that
# there are no infinities and no NaN: masks are made of the first, and the second must be seen.
LOOSE = {"reassoc": True, "contract": True, "nsz": True, "arcp": True}

# The processor foresees what follows within a page of memory, not the next page; and it does not
# foresee what is written. So loops over much memory fetch both, so many elements ahead.
AHEAD = 1024

LEAST = 2 * threads.LEAST  # elements; below, nobody needs to be asked how many threads
SMALL = 16384  # elements below which an array's place in the cache lines does not show


@jit(fastmath={"contract": True})
def below(x: Any, top: Any, shift: Any) -> Any:
    """(x - top) - shift, in this order.

    A loop may regroup it to x - (top + shift), which near 1e5 loses the digits of the shift.
    """
    return (x - top) - shift


class Loop:
    """Machine code for `function(start, stop, *arrays)`; the size of the first array is the work.

    A call covers [start, stop), in parts where the work is large. What comes out must not depend
    on where the parts meet: each step writes to places of its own.
    """

    __slots__ = ("alone", "options", "py_func")

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        self.py_func = function  # Numba's functions call it so as well
        self.options = options
        self.alone: Any = self._first

    def __call__(self, start: int, stop: int, *arrays: Any) -> Any:
        # One comparison for most calls of a small model.
        if arrays[0].size < LEAST and threads._least is None:
            return self.alone(start, stop, *arrays)
        workers = min(threads.split(arrays[0].size), max(1, stop - start))
        if workers == 1 or self.alone == self._first:
            return self.alone(start, stop, *arrays)
        return crew.run(self.alone, start, stop, workers, *arrays)

    def _first(self, start: int, stop: int, *arrays: Any) -> Any:
        compiled: Any = jit(**self.options)(self.py_func)
        self.alone = compiled.real()
        return self.alone(start, stop, *arrays)


def loop(function: Callable[..., Any]) -> Loop:
    """Decorate a function (start, stop, *arrays) whose outer loop goes over [start, stop)."""
    return Loop(function, fastmath=LOOSE)


def vector_loop(function: Callable[..., Any]) -> Loop:
    """The same for a function that is written in vectors: nothing is regrouped or fused in it."""
    return Loop(function)


def empty(shape: tuple[int, ...] | int, size: int, dtype: Any) -> Any:
    """A new C-contiguous array; `memory.empty` in half the time where the array is small."""
    if size < SMALL and not memory.band:
        return np.empty(shape, dtype)
    return memory.empty(shape, dtype)


def empty_like(x: Any) -> Any:
    """A new C-contiguous array of x's shape and dtype."""
    return empty(x.shape, x.size, x.dtype)


def like(g: Any, x: Any) -> Any:
    """`g` as an array of x's shape, since the loops check no index."""
    if g.__class__ is np.ndarray and g.shape == x.shape:
        return g
    return np.broadcast_to(np.asarray(g, x.dtype), x.shape)


def apply(function: Loop, x: Any, *more: Any) -> Any:
    """A new array of x's shape and dtype, filled by `function(start, stop, x, out, *more)`, flat."""
    size = x.size
    if size < SMALL and not memory.band:  # `empty_like` without the detour
        out = np.empty(x.shape, x.dtype)
    else:
        out = memory.empty(x.shape, x.dtype)
    function(0, size, x.ravel(), out.ravel(), *more)
    return out


@jit
def to_vector(out: Any, i: int) -> Any:
    """Elements from out[i] to the next one at the address of a whole vector, less than one."""
    size = lanes(out) * out.itemsize
    return -(int(out.ctypes.data) + i * out.itemsize) % size // out.itemsize


@jit(inline="always")
def map_vectors(of: Any, start: int, stop: int, x: Any, out: Any, stream: bool) -> None:
    """out[start:stop] = of(x[start:stop]), `of` a function of a vector; past the cache if `stream`.

    Whole lines are streamed in wide vectors; what lies before the first and behind the last are
    single ones and heads.
    """
    s = lanes(x)
    first = min(stop, start + to_vector(out, start)) if stream else start
    if first > start:
        vstore_head(out, start, of(vload_head(x, start, first - start)), first - start)
    last = first + (stop - first) // (WIDE * s) * (WIDE * s)
    for i in range(first, last, WIDE * s):
        prefetch(x, i + AHEAD)
        prefetch(x, i + AHEAD + WIDE // 2 * s)
        if stream:
            vstream(out, i, of(vload_wide(x, i)))
        else:
            prefetch(out, i + AHEAD)
            prefetch(out, i + AHEAD + WIDE // 2 * s)
            vstore(out, i, of(vload_wide(x, i)))
    for i in range(last, stop - s + 1, s):
        vstore(out, i, of(vload(x, i)))
    last = stop - (stop - last) % s
    if last < stop:
        vstore_head(out, last, of(vload_head(x, last, stop - last)), stop - last)
    if stream:
        fence()


def apply_to_pair(function: Loop, g: Any, x: Any) -> Any:
    """A new array of x's shape and dtype, filled by `function(start, stop, g, x, out)`, all flat."""
    out = empty_like(x)
    function(0, out.size, like(g, x).ravel(), x.ravel(), out.ravel())
    return out
