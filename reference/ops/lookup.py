"""Embedding: rows of a table, taken by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import backend
from ..errors import DTypeError, ShapeError
from ..op import Array, op
from ..tensor import Tensor
from .shape import _scatter_add


@op(name="embedding")
def _embedding(weight: Array, ids: Any) -> Any:
    """weight[ids]."""
    return backend.embedding(weight, ids)


@_embedding.vjp
def embedding_vjp(g: Any, out: Any, weight: Any, ids: Any) -> Any:
    return (_scatter_add.of(g, ids, weight.shape),)


@_embedding.backward
def embedding_backward(g: Array, out: Array, weight: Array, ids: Any) -> Any:
    rows = g if g.device != "cpu" else np.ascontiguousarray(g)
    rows = rows.reshape(ids.size, weight.shape[1])
    return (backend.embedding_backward(rows, ids.reshape(-1), weight.shape[0]),)


def embedding(weight: Any, ids: Any) -> Tensor:
    """The rows of `weight` that `ids` name; rows taken several times sum their gradients.

    Args:
        weight: (num, dim).
        ids: integers in [0, num), of any shape; an array, a list or a Tensor.

    Returns:
        Tensor (*ids.shape, dim).

    Raises:
        IndexError: an id outside [0, num), negatives too.
        DTypeError: ids that are not integers.
        ShapeError: weight is not a matrix.
    """
    ids = np.asarray(ids.numpy() if isinstance(ids, Tensor) else ids)
    if ids.dtype.kind not in "iu" and ids.size:
        raise DTypeError(f"embedding: the ids have dtype {ids.dtype}; use integers.")
    shape = np.shape(weight)
    if len(shape) != 2:
        raise ShapeError(f"embedding: weight is {shape}; it must be (num, dim).")
    if ids.size and (ids.min() < 0 or ids.max() >= shape[0]):
        raise IndexError(
            f"embedding: ids run from {ids.min()} to {ids.max()}; the table has {shape[0]} rows, "
            f"so they must lie in [0, {shape[0]})."
        )
    return _embedding.apply((weight,), (ids.astype(np.int64, copy=False),))
