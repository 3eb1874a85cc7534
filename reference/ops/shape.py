"""Ops that move elements and compute nothing: views, joins, cuts, indexing and its adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..devices import on_device, put_there, zeros_beside
from ..errors import DTypeError, ShapeError
from ..op import Array, Parts, op
from ..tensor import Tensor

Axes = tuple[int, ...]


@op(floats=False)
def reshape(x: Array, shape: Any) -> Array:
    """x with its elements, in row-major order, in another shape; one length may be -1."""
    return x.reshape(shape)


@reshape.vjp
def reshape_vjp(g: Any, out: Any, x: Any, shape: Any) -> Any:
    return (g.reshape(x.shape),)


@op(floats=False)
def transpose(x: Array, axes: Any = None) -> Array:
    """x with its axes in the order `axes`, by default reversed."""
    return x.transpose(axes)


@transpose.vjp
def transpose_vjp(g: Any, out: Any, x: Any, axes: Any = None) -> Any:
    if axes is None:
        return (g.transpose(),)
    return (g.transpose(*np.argsort([a % x.ndim for a in axes]).tolist()),)


def swapaxes(x: Any, a: int, b: int) -> Tensor:
    """x with two axes exchanged."""
    ndim = len(x.shape)
    if not (-ndim <= a < ndim and -ndim <= b < ndim):
        raise ShapeError(f"swapaxes: axes {a} and {b} are asked of shape {x.shape}.")
    axes = list(range(ndim))
    axes[a], axes[b] = axes[b], axes[a]
    return transpose(x, tuple(axes))


@op(floats=False)
def broadcast_to(x: Array, shape: Any) -> Array:
    """x repeated along new axes and along those of length 1; a read-only view."""
    return np.broadcast_to(x, shape)


@broadcast_to.vjp
def broadcast_to_vjp(g: Any, out: Any, x: Any, shape: Any) -> Any:
    return (g,)  # every rule's result is summed to the shape of its input


def flatten(x: Any, start: int = 0) -> Tensor:
    """x with all axes from `start` on merged into one."""
    ndim = len(x.shape)
    if not -ndim <= start < (ndim or 1):
        raise ShapeError(f"flatten: start is {start}, the input has {ndim} axes.")
    shape = x.shape[: start % ndim if ndim else 0]
    size = int(np.prod(x.shape[len(shape) :], dtype=int))
    return reshape(x, (*shape, size))


def squeeze(x: Any, axis: Any = None) -> Tensor:
    """x without the axes of length 1 that `axis` names (None: all of them)."""
    if axis is None:
        kept = tuple([n for n in x.shape if n != 1])
    else:
        from .reduce import axes_of

        axes = axes_of(axis, len(x.shape), "squeeze")
        if any(x.shape[a] != 1 for a in axes):
            raise ShapeError(f"squeeze: axis {axis} of {x.shape} does not have length 1.")
        kept = tuple([n for i, n in enumerate(x.shape) if i not in axes])
    return reshape(x, kept)


def unsqueeze(x: Any, axis: int) -> Tensor:
    """x with a new axis of length 1 at place `axis` of the result."""
    ndim = len(x.shape) + 1
    if not -ndim <= axis < ndim:
        raise ShapeError(f"unsqueeze: axis {axis} is asked of shape {x.shape}.")
    place = axis % ndim
    return reshape(x, (*x.shape[:place], 1, *x.shape[place:]))


@op(name="concat")
def _concat(*xs: Array, axis: int) -> Array:
    """Arrays one after the other along an axis that they have."""
    return np.concatenate(xs, axis)


@_concat.vjp
def concat_vjp(g: Any, out: Any, *xs: Any, axis: int) -> Any:
    index: list[Any] = [slice(None)] * g.ndim
    grads = []
    start = 0
    for x in xs:
        index[axis] = slice(start, start + x.shape[axis])
        start += x.shape[axis]
        grads.append(g[tuple(index)])
    return tuple(grads)


def concat(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """Join along an existing axis; all other lengths must agree."""
    xs = tuple(xs)
    if not xs:
        raise ShapeError("concat: there is nothing to join; give at least one Tensor.")
    return _concat(*xs, axis=axis)


@op(name="stack")
def _stack(*xs: Array, axis: int) -> Array:
    """Arrays of one shape along a new axis."""
    return np.stack(xs, axis)


@_stack.vjp
def stack_vjp(g: Any, out: Any, *xs: Any, axis: int) -> Any:
    index: list[Any] = [slice(None)] * g.ndim
    grads = []
    for i in range(len(xs)):
        index[axis] = i
        grads.append(g[tuple(index)])
    return tuple(grads)


def stack(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """Join along a new axis at place `axis`; all shapes must be equal."""
    xs = tuple(xs)
    if not xs:
        raise ShapeError("stack: there is nothing to join; give at least one Tensor.")
    return _stack(*xs, axis=axis)


@op(name="split", floats=False, outputs=True)
def _split(x: Array, cuts: Any, axis: int) -> tuple[Array, ...]:
    """The pieces of x between `cuts` along an axis; views."""
    return tuple(np.split(x, cuts, axis))


@_split.vjp
def split_vjp(g: Parts, out: Any, x: Any, cuts: Any, axis: int) -> Any:
    pieces = []
    edges = [0, *cuts, x.shape[axis]]
    for entry, start, stop in zip(g.entries, edges, edges[1:], strict=False):
        shape = list(x.shape)
        shape[axis] = stop - start
        pieces.append(zeros_beside(x, shape) if entry is None else entry)
    return (_concat.of(*pieces, axis=axis),)


def split(x: Any, sections: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """x cut along `axis`: an int is the number of equal parts, a sequence the sizes."""
    shape = x.shape
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(f"split: axis {axis} is asked of shape {shape}.")
    length = shape[axis]
    if isinstance(sections, int | np.integer):
        if sections < 1 or length % sections:
            raise ShapeError(
                f"split: axis {axis} of {shape} has length {length}, which {sections} equal parts "
                "do not make; give the sizes."
            )
        sizes = [length // int(sections)] * int(sections)
    else:
        sizes = [int(n) for n in sections]
        if np.sum(sizes, dtype=int) != length or any(n < 0 for n in sizes):
            raise ShapeError(
                f"split: the sizes {sizes} do not add up to {length}, the length of axis {axis} "
                f"of {shape}."
            )
    cuts = tuple(np.cumsum(sizes)[:-1].tolist())
    return _split.many((x,), (cuts, axis))


@op(name="pad")
def _pad(x: Array, widths: Any, value: float) -> Array:
    """x with a border."""
    if on_device(x):
        return np.pad(x, widths, constant_values=value)
    out = np.full([n + a + b for n, (a, b) in zip(x.shape, widths, strict=True)], value, x.dtype)
    out[_inside(x.shape, widths)] = x
    return out


@_pad.vjp
def pad_vjp(g: Any, out: Any, x: Any, widths: Any, value: float) -> Any:
    return (g[_inside(x.shape, widths)],)


def pad(x: Any, widths: Sequence[tuple[int, int]], value: float = 0) -> Tensor:
    """x with a border of `value`: one (before, after) pair of widths per axis."""
    pairs = tuple([(int(a), int(b)) for a, b in widths])
    if len(pairs) != len(x.shape) or any(a < 0 or b < 0 for a, b in pairs):
        raise ShapeError(
            f"pad: the widths {pairs} are given for shape {x.shape}; give one (before, after) "
            "pair of numbers >= 0 for each axis."
        )
    return _pad(x, pairs, value)


def _inside(shape: Axes, widths: Any) -> tuple[slice, ...]:
    return tuple([slice(a, a + n) for n, (a, _) in zip(shape, widths, strict=True)])


@op(name="flip", floats=False)
def _flip(x: Array, axes: Any) -> Array:
    """x in reverse order along `axes`; a view."""
    return np.flip(x, axes)


@_flip.vjp
def flip_vjp(g: Any, out: Any, x: Any, axes: Any) -> Any:
    return (_flip.of(g, axes),)


def flip(x: Any, axes: Any = None) -> Tensor:
    """x in reverse order along `axes` (None: all, an int or a tuple)."""
    from .reduce import axes_of

    return _flip(x, axes_of(axes, len(x.shape), "flip"))


@op(name="getitem", floats=False)
def _getitem(x: Array, index: Any) -> Array:
    """x[index]: a view for slices and integers, a copy for arrays."""
    found: Array = x[index]
    return found


@_getitem.vjp
def getitem_vjp(g: Any, out: Any, x: Any, index: Any) -> Any:
    return (_scatter_add.of(g, index, x.shape),)


def getitem(x: Any, index: Any) -> Tensor:
    """x[index] with ints, slices, None, ellipsis, integer and boolean arrays.

    An element that is taken several times gets the sum of the gradients.

    Raises:
        IndexError: outside the shape, or too many indices.
    """
    return _getitem(x, _plain(index))


@op(name="scatter_add")
def _scatter_add(g: Array, index: Any, shape: Any) -> Array:
    """Zeros of `shape`, with g added at `index`; repeated places accumulate."""
    out: Array
    if on_device(g):
        out = put_there(g, index, shape)
        return out
    out = np.zeros(shape, g.dtype)
    if _repeats(index):
        np.add.at(out, index, g)
    else:
        out[index] = g
    return out


@_scatter_add.vjp
def scatter_add_vjp(u: Any, out: Any, g: Any, index: Any, shape: Any) -> Any:
    return (u[index],)


def scatter_add(g: Any, index: Any, shape: Sequence[int]) -> Tensor:
    """The adjoint of `getitem`: zeros of `shape`, with g added at `index`.

    Raises:
        ShapeError: g does not have the shape that `index` selects.
        IndexError: `index` is outside `shape`.
    """
    index = _plain(index)
    shape = tuple(shape)
    selected = np.broadcast_to(np.empty((), bool), shape)[index].shape
    if np.shape(g) != selected:
        raise ShapeError(
            f"scatter_add: g is {np.shape(g)}, the index selects {selected} of {shape}; "
            "both must be equal."
        )
    return _scatter_add(g, index, shape)


def _plain(index: Any) -> Any:
    """An index without Tensors and lists, and of the host."""
    if isinstance(index, tuple):
        return tuple([_plain(part) for part in index])
    if isinstance(index, Tensor | list):
        index = index.numpy() if isinstance(index, Tensor) else np.array(index)
        if index.size == 0 and index.dtype.kind == "f":
            index = index.astype(np.intp)
    elif on_device(index):  # what a comparison gave
        index = index.numpy() != 0
    if isinstance(index, np.ndarray) and index.dtype.kind not in "iub":
        raise DTypeError(
            f"getitem: the index has dtype {index.dtype}; use integers, booleans or slices."
        )
    return index


def _repeats(index: Any) -> bool:
    """Whether `index` may name a place twice: only integer arrays can."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, np.ndarray) and part.dtype.kind != "b" for part in parts)
