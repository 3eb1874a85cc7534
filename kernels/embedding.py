"""Rows of a table by number, and the scatter-add that is its gradient.

Rows that occur several times are added up in the order of the numbers, by one thread a row: the
sum is the same to the last bit in every run and with every number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernel import Call, Kernel, call
from .loops import loop
from .memory import empty, zeros


def embedding_oracle(weight: Any, ids: Any) -> Any:
    """The rows of weight (V, D) that ids (any shape, integers in [0, V)) name: (*ids.shape, D).

    Raises:
        IndexError: a number is not in [0, V).
    """
    _check("embedding", ids, weight.shape[0])
    return weight[ids]


def embedding_backward_oracle(g: Any, ids: Any, num: int) -> Any:
    """The gradient (num, D) of the table, given g (*ids.shape, D): each row of g added to its own.

    Raises:
        IndexError: a number is not in [0, num).
    """
    _check("embedding_backward", ids, num)
    total = np.zeros((num, g.shape[-1]), g.dtype)
    np.add.at(total, ids, g)
    return total


def _check(name: str, ids: Any, num: int) -> None:
    if ids.dtype.kind not in "iu":
        raise TypeError(f"{name}: ids are {ids.dtype}. They must be integers.")
    if ids.size and not (ids.min() >= 0 and ids.max() < num):
        raise IndexError(
            f"{name}: ids go from {ids.min()} to {ids.max()}, the table has {num} rows. "
            "An id must be a row."
        )


embedding = Kernel("embedding", embedding_oracle, ulps=0)
embedding_backward = Kernel("embedding_backward", embedding_backward_oracle, ulps=4)


@embedding.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    table = rng.normal(size=(11, 18)).astype(dtype)
    return [
        call(table, rng.integers(0, 11, (4, 7))),
        call(table[:, 1:2], rng.integers(0, 11, 5).astype(np.int32)),
        call(table[::2, ::-3], rng.integers(0, 6, (3, 4)).T),
        call(table, np.zeros((0, 3), np.int64)),
        call(table, np.asarray(3)),
        call(table[:, :0], np.asarray([1, 2])),
        call(table[:0], np.zeros(0, np.int64)),
    ]


@embedding_backward.samples
def backward_samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    def some(*shape: int) -> Any:
        return rng.normal(size=shape).astype(dtype)

    return [
        call(some(4, 7, 18), rng.integers(0, 11, (4, 7)), 11),
        call(some(60, 3), rng.integers(0, 2, 60).astype(np.int32), 5),
        call(some(5, 4, 3).T, rng.integers(0, 6, (3, 4)), 6),
        call(some(0, 3), np.zeros(0, np.int64), 2),
        call(some(2, 0), np.asarray([1, 2]), 3),
        call(some(3), np.asarray(1), 3),
    ]


@loop
def gather_loop(start: int, stop: int, out: Any, weight: Any, ids: Any) -> int:
    """0, or -1 where an id is not a row."""
    rows = weight.shape[0]
    for i in range(start, stop):
        if ids[i] < 0 or ids[i] >= rows:
            return -1
        row, y = weight[ids[i]], out[i]
        for j in range(row.size):
            y[j] = row[j]
    return 0


@loop
def scatter_add_loop(start: int, stop: int, g: Any, ids: Any, total: Any) -> int:
    """Adds to the rows [start, stop) only, and looks at every id: 0, or -1 where one is not a row."""
    rows = total.shape[0]
    for i in range(ids.size):
        if ids[i] < 0 or ids[i] >= rows:
            return -1
        if start <= ids[i] and ids[i] < stop:
            row, into = g[i], total[ids[i]]
            for j in range(row.size):
                into[j] += row[j]
    return 0


@embedding.on("cpu")
def embedding_cpu(weight: Any, ids: Any) -> Any:
    indices = _indices("embedding", ids, weight.shape[0])
    out = empty((indices.size, weight.shape[1]), weight.dtype)
    if gather_loop(0, indices.size, out, np.ascontiguousarray(weight), indices) < 0:
        _check("embedding", ids, weight.shape[0])
    return out.reshape(*ids.shape, weight.shape[1])


@embedding_backward.on("cpu")
def embedding_backward_cpu(g: Any, ids: Any, num: int) -> Any:
    indices = _indices("embedding_backward", ids, num)
    if g.shape[:-1] != ids.shape:
        raise ValueError(
            f"embedding_backward: g is {g.shape} and ids {ids.shape}. "
            "g must have one row for each id."
        )
    rows = np.ascontiguousarray(g).reshape(indices.size, g.shape[-1])
    total = zeros((num, g.shape[-1]), g.dtype)
    if scatter_add_loop(0, num, rows, indices, total) < 0:
        _check("embedding_backward", ids, num)
    return total


def _indices(name: str, ids: Any, num: int) -> Any:
    if ids.dtype.kind not in "iu":
        _check(name, ids, num)
    return np.ascontiguousarray(ids, np.int64).ravel()
