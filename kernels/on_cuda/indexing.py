"""Parts of arrays on the device by integers and slices, the way back, joins, cuts and borders.

Where arrays are in the index, see `gather`. Any other becomes lengths and strides from a first
element on. What lies in one stretch of memory is
a view, everything else a copy; the way back writes the same places of an array of zeros.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from .array import CudaArray, Shape, contiguous, empty
from .copies import filled, spread, strided
from .gather import by_arrays, is_basic, picked, put_added

ALIGNED = 16  # bytes that kernels load at once, from where an array begins


def located(shape: Shape, index: Any) -> tuple[Shape, Shape, int]:
    """The shape and strides of x[index], and its first element, of an x of `shape`.

    Raises:
        TypeError: more than integers, slices, None and an ellipsis.
        IndexError: outside of the shape, or too many.
    """
    parts = list(index) if isinstance(index, tuple) else [index]
    named = [one for one in parts if one is not None and one is not Ellipsis]
    strange = [type(one).__name__ for one in named if not is_basic(one)]
    if strange:
        raise TypeError(
            f"getitem: a {strange[0]} is in the index. On the device arrays are indexed by "
            "integers, slices and arrays of integers or booleans."
        )
    if len(named) > len(shape):
        raise IndexError(f"getitem: {len(named)} indices are given for the shape {shape}.")
    rest: list[Any] = [slice(None)] * (len(shape) - len(named))
    at = next((i for i, one in enumerate(parts) if one is Ellipsis), len(parts))
    lengths, steps, first, axis = [], [], 0, 0
    for part in [*parts[:at], *rest, *parts[at + 1 :]]:
        if part is None:
            lengths.append(1)
            steps.append(0)
            continue
        count, step = shape[axis], math.prod(shape[axis + 1 :])
        axis += 1
        if isinstance(part, slice):
            begin, end, by = part.indices(count)
            lengths.append(len(range(begin, end, by)))
            steps.append(by * step)
            first += begin * step
        elif -count <= part < count:
            first += int(part) % count * step
        else:
            raise IndexError(f"getitem: {part} is outside of axis {axis - 1} of {shape}.")
    return tuple(lengths), tuple(steps), first


def taken(x: CudaArray, index: Any) -> CudaArray:
    """x[index]: a view where memory allows it.

    Kernels load four elements at once from where an array begins, so that what begins off their
    boundary is a copy.
    """
    if by_arrays(index):
        return picked(x, index)
    shape, steps, first = located(x.shape, index)
    if not math.prod(shape):
        return empty(shape, x.dtype)
    plain = contiguous(x)
    lying = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    dense = all(n == 1 or s == t for n, s, t in zip(shape, steps, lying, strict=True))
    if dense and first * x.dtype.itemsize % ALIGNED == 0:
        line = plain.memory.reshape((x.size,))[first : first + math.prod(shape)]
        return CudaArray(plain._piece, line.reshape(shape or (1,)), shape)
    return strided(plain, shape, steps, first)


def put(g: CudaArray, index: Any, shape: Shape) -> CudaArray:
    """Zeros of `shape` with x[index] = g; what is named twice adds up."""
    if by_arrays(index):
        return put_added(g, index, shape)
    out = filled(shape, 0.0, g.dtype)
    _, steps, first = located(shape, index)
    spread(g, out, steps, first)
    return out


def joined(arrays: Sequence[CudaArray], axis: int = 0) -> CudaArray:
    """Arrays one after the other along an axis that they have.

    Raises:
        ValueError: their shapes differ elsewhere, or some lie on the host.
    """
    shapes = [one.shape for one in arrays]
    if any(type(one) is not CudaArray for one in arrays):
        raise ValueError("concatenate: some arrays lie on the host. Bring all to one place.")
    axis %= len(shapes[0])
    if (
        len({(*one[:axis], *one[axis + 1 :]) for one in shapes}) > 1
        or len(set(map(len, shapes))) > 1
    ):
        raise ValueError(f"concatenate: the shapes are {shapes}; only axis {axis} may differ.")
    whole = list(shapes[0])
    whole[axis] = sum(one[axis] for one in shapes)
    out = empty(tuple(whole), arrays[0].dtype)
    steps = tuple(math.prod(whole[place + 1 :]) for place in range(len(whole)))
    first = 0
    for one in arrays:
        spread(one, out, steps, first)
        first += one.shape[axis] * steps[axis]
    return out


def stacked(arrays: Sequence[CudaArray], axis: int = 0) -> CudaArray:
    """Arrays of one shape along a new axis."""
    place = axis % (arrays[0].ndim + 1)
    return joined([one.reshape(*one.shape[:place], 1, *one.shape[place:]) for one in arrays], place)


def split(x: CudaArray, cuts: Sequence[int], axis: int = 0) -> list[CudaArray]:
    """The pieces of `x` between places along an axis."""
    edges = [0, *cuts, x.shape[axis]]
    front = (slice(None),) * (axis % x.ndim)
    pairs = itertools.pairwise(edges)
    return [taken(x, (*front, slice(begin, end))) for begin, end in pairs]


def flipped(x: CudaArray, axis: Any = None) -> CudaArray:
    """`x` in reverse order along one axis, several, or all (None)."""
    given = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = {one % x.ndim for one in given}
    return taken(x, tuple(slice(None, None, -1 if i in axes else 1) for i in range(x.ndim)))


def padded(x: CudaArray, widths: Any, constant_values: float = 0.0) -> CudaArray:
    """`x` with a border of one value: a pair of widths for every axis."""
    shape = tuple(n + a + b for n, (a, b) in zip(x.shape, widths, strict=True))
    out = filled(shape, constant_values, x.dtype)
    inside = tuple(slice(a, a + n) for n, (a, _) in zip(x.shape, widths, strict=True))
    _, steps, first = located(shape, inside)
    spread(x, out, steps, first)
    return out


def moved(x: CudaArray, source: int, destination: int) -> CudaArray:
    """`x` with one axis at another place."""
    order = [one for one in range(x.ndim) if one != source % x.ndim]
    order.insert(destination % x.ndim, source % x.ndim)
    return x.transpose(order)
