"""Rows of a table taken by number on CUDA, and the gradient of the table.

Ids are checked and sorted on the host, where they come from. Sorted, all uses of a row lie side by
side: a block adds up one row in the order of its uses, without atomics, so that the sum is the same
in every run.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import embedding as table
from ..cuda import cuda, float32
from .array import THREADS, CudaArray, blocks, empty, flat, run, to_device
from .copies import filled

LANES = 128  # threads of a block that adds up a row


@cuda.jit
def take(weight: Any, ids: Any, out: Any) -> None:
    """out (N D,) = the rows of weight (V, D) that ids (N,) name."""
    i = cuda.grid(1)
    if i < out.size:
        d = weight.shape[1]
        row = i // d
        out[i] = weight[ids[row], i - row * d]


@cuda.jit
def add_rows(g: Any, order: Any, starts: Any, rows: Any, out: Any) -> None:
    """out[rows[b]] = the sum of g[order[starts[b] : starts[b + 1]]], a block b for each row."""
    b = cuda.blockIdx.x
    for j in range(cuda.threadIdx.x, g.shape[1], LANES):
        total = float32(0)
        for use in range(starts[b], starts[b + 1]):
            total += g[order[use], j]
        out[rows[b], j] = total


@table.embedding.on("cuda")
def embedding_cuda(weight: CudaArray, ids: Any) -> CudaArray:
    known = _ids("embedding", ids, weight.shape[0])
    out = empty((*np.shape(ids), weight.shape[1]))
    if out.size:
        run(take, blocks(out.size), THREADS, weight, to_device(known), flat(out))
    return out


@table.embedding_backward.on("cuda")
def embedding_backward_cuda(g: CudaArray, ids: Any, num: int) -> CudaArray:
    known = _ids("embedding_backward", ids, num)
    out = filled((num, g.shape[-1]), 0.0)
    if g.size:
        order = np.argsort(known, kind="stable")
        rows, first = np.unique(known[order], return_index=True)
        starts = np.append(first, known.size)
        lists = [to_device(one.astype(np.int64)) for one in (order, starts, rows)]
        run(add_rows, rows.size, LANES, g.reshape(known.size, g.shape[-1]), *lists, out)
    return out


def _ids(name: str, ids: Any, num: int) -> Any:
    """Ids in one line on the host, checked."""
    known = ids.numpy() if isinstance(ids, CudaArray) else np.asarray(ids)
    table._check(name, known, num)
    return known.reshape(-1).astype(np.int64)
