"""Parts of arrays on the device by arrays of integers or booleans, and the way back.

An element that such an index names lies at the sum of three numbers: where the slices before the
arrays begin, what the arrays name, and where the slices after them are. The three lists are made on
the host, where the arrays lie, and are as long as their own part of the result. On the way back all
uses of one place are one thread's, in the order of the uses: no atomics, the same sum in every run.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..cuda import cuda, float32
from .array import THREADS, CudaArray, Shape, blocks, empty, flat, run, to_device
from .copies import filled

Lists = tuple[Any, Any, Any]


@cuda.jit
def pick(x: Any, before: Any, at: Any, after: Any, out: Any) -> None:
    """out, read as (before, at, after), from x (M,) at the sums of the three."""
    i = cuda.grid(1)
    if i < out.size:
        rest = i // after.size
        first = rest // at.size
        out[i] = x[before[first] + at[rest - first * at.size] + after[i - rest * after.size]]


@cuda.jit
def put_sums(
    g: Any, before: Any, order: Any, starts: Any, places: Any, after: Any, out: Any
) -> None:
    """Into out (M,) at before + places[k] + after the sum of g over order[starts[k] : ...]."""
    i = cuda.grid(1)
    if i < before.size * places.size * after.size:
        rest = i // after.size
        c = i - rest * after.size
        a = rest // places.size
        k = rest - a * places.size
        total = float32(0)
        for use in range(starts[k], starts[k + 1]):
            total += g[(a * order.size + order[use]) * after.size + c]
        out[before[a] + places[k] + after[c]] = total


def by_arrays(index: Any) -> bool:
    """Whether an index has arrays in it."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(one, np.ndarray) for one in parts)


def is_basic(part: Any) -> bool:
    """Whether a part of an index is an integer or a slice."""
    return isinstance(part, int | np.integer | slice) and not isinstance(part, bool)


def picked(x: CudaArray, index: Any) -> CudaArray:
    """x[index]: a copy."""
    shape, lists = _lists(x.shape, index)
    out = empty(shape, x.dtype)
    if out.size:
        run(pick, blocks(out.size), THREADS, flat(x), *map(to_device, lists), flat(out))
    return out


def put_added(g: CudaArray, index: Any, shape: Shape) -> CudaArray:
    """Zeros of `shape` with g added at `index`; places named twice add up."""
    out = filled(shape, 0.0)
    if g.size:
        _, (before, at, after) = _lists(shape, index)
        order = np.argsort(at, kind="stable")
        places, first = np.unique(at[order], return_index=True)
        lists = before, order, np.append(first, at.size), places, after
        count = before.size * places.size * after.size
        there = [to_device(one.astype(np.int64)) for one in lists]
        run(put_sums, blocks(count), THREADS, flat(g), *there, flat(out))
    return out


def _lists(shape: Shape, index: Any) -> tuple[Shape, Lists]:
    """The shape of x[index], and where its elements lie: before, at and after the arrays."""
    parts = _parts(shape, index)
    counted = [place for place, part in enumerate(parts) if isinstance(part, np.ndarray)]
    try:
        arrays = np.broadcast_arrays(*(parts[place] for place in counted))
    except ValueError:
        shapes = ", ".join(str(parts[place].shape) for place in counted)
        raise IndexError(f"getitem: the arrays {shapes} do not broadcast.") from None
    # As in NumPy: arrays with something between them come first, be it an empty ellipsis.
    together = counted[-1] - counted[0] == len(counted) - 1
    lengths: tuple[list[int], list[int]] = ([], [])  # of the slices before the arrays and after
    lists = [np.zeros(1, np.int64), np.zeros(arrays[0].shape, np.int64), np.zeros(1, np.int64)]
    axis = 0
    for place, part in enumerate(parts):
        if part is Ellipsis:
            continue
        if place in counted:
            lists[1] += arrays[counted.index(place)] * math.prod(shape[axis + 1 :])
        else:
            steps = range(1) if part is None else range(*part.indices(shape[axis]))
            side = 0 if together and place < counted[0] else 1
            lengths[side].append(len(steps))
            named = np.array(steps, np.int64) * math.prod(shape[axis + 1 :])
            lists[2 * side] = np.add.outer(lists[2 * side], named)
        axis += part is not None
    before, at, after = (one.reshape(-1) for one in lists)
    return (*lengths[0], *arrays[0].shape, *lengths[1]), (before, at, after)


def _parts(shape: Shape, index: Any) -> list[Any]:
    """For every axis of `shape` a slice or an array of numbers >= 0, and None for new ones.

    An ellipsis stays where it stands for nothing.

    Raises:
        TypeError: parts of other kinds.
        IndexError: outside of the shape, more axes than there are, or a mask of other lengths.
    """
    given = list(index) if isinstance(index, tuple) else [index]
    axes = [
        0 if one is None or one is Ellipsis else one.ndim if _is_mask(one) else 1 for one in given
    ]
    if sum(axes) > len(shape):
        raise IndexError(f"getitem: {sum(axes)} indices are given for the shape {shape}.")
    at = next((i for i, one in enumerate(given) if one is Ellipsis), len(given))
    rest: list[Any] = [slice(None)] * (len(shape) - sum(axes)) or [Ellipsis]
    parts: list[Any] = []
    axis = 0
    for part in [*given[:at], *rest, *given[at + 1 :]]:
        if part is None or part is Ellipsis or isinstance(part, slice):
            parts.append(part)
            axis += isinstance(part, slice)
        elif _is_mask(part):
            if part.shape != shape[axis : axis + part.ndim]:
                raise IndexError(f"getitem: a mask {part.shape} is given for the shape {shape}.")
            parts.extend(part.nonzero())
            axis += part.ndim
        elif is_basic(part) or (isinstance(part, np.ndarray) and part.dtype.kind in "iu"):
            parts.append(_counted(np.asarray(part), axis, shape))
            axis += 1
        else:
            raise TypeError(
                f"getitem: a {type(part).__name__} is in the index. On the device arrays are "
                "indexed by integers, slices and arrays of integers or booleans."
            )
    return parts


def _is_mask(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype == bool


def _counted(named: Any, axis: int, shape: Shape) -> Any:
    """Places along an axis, counted from its front.

    Raises:
        IndexError: outside of it.
    """
    count = shape[axis]
    if named.size and (named.min() < -count or named.max() >= count):
        raise IndexError(
            f"getitem: {named.min()} to {named.max()} are asked of axis {axis} of {shape}."
        )
    return np.where(named < 0, named + count, named).astype(np.int64)
