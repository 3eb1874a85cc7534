"""Sums and maxima of a matrix along its rows and its columns.

Sums of columns go by blocks of rows that are added up in order: the result does not depend on the
number of threads, and its error grows with the square root of what one long sum would make.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .elementary import larger
from .kernel import Call, Kernel, call
from .loops import empty, loop
from .row_samples import row_samples

BLOCK = 128  # rows that one partial sum takes


def sum_rows_oracle(x: Any) -> Any:
    """The sums (R,) of the rows of x (R, C)."""
    with np.errstate(invalid="ignore"):
        return x.sum(axis=1)


def sum_columns_oracle(x: Any) -> Any:
    """The sums (C,) of the columns of x (R, C); the gradient of a bias."""
    with np.errstate(invalid="ignore"):
        return x.sum(axis=0)


def max_rows_oracle(x: Any) -> Any:
    """The maxima (R,) of the rows of x (R, C); NaN where a row holds one, -inf where C is 0."""
    return x.max(axis=1, initial=-np.inf)


sum_rows = Kernel("sum_rows", sum_rows_oracle, ulps=32)
sum_columns = Kernel("sum_columns", sum_columns_oracle, ulps=32)
max_rows = Kernel("max_rows", max_rows_oracle, ulps=0)


@sum_rows.samples
@sum_columns.samples
@max_rows.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    holes = rng.normal(size=(3, 20)).astype(dtype)
    holes[0, 3], holes[1, :], holes[2, 19] = np.nan, -np.inf, np.inf
    return [
        call(x) for x in [*row_samples(dtype, rng), holes, rng.normal(size=(300, 9)).astype(dtype)]
    ]


@loop
def sum_rows_loop(start: int, stop: int, x: Any, out: Any) -> None:
    zero = x.dtype.type(0)
    for i in range(start, stop):
        row = x[i]
        total = zero
        for j in range(row.size):
            total += row[j]
        out[i] = total


@loop
def max_rows_loop(start: int, stop: int, x: Any, out: Any) -> None:
    nan = x.dtype.type(np.nan)
    for i in range(start, stop):
        row = x[i]
        top = row[0]
        strange = 0
        for j in range(row.size):
            top = larger(top, row[j])
            strange += row[j] != row[j]
        out[i] = nan if strange else top


@loop
def sum_columns_loop(start: int, stop: int, x: Any, out: Any) -> None:
    rows, columns = x.shape[0], stop - start
    zero = x.dtype.type(0)
    total = out[start:stop]
    total[:] = zero
    part = np.empty(columns if rows > BLOCK else 0, x.dtype)
    for first in range(0, rows, BLOCK):
        last = min(rows, first + BLOCK)
        into = part if rows > BLOCK else total
        into[:] = zero
        fours = first + (last - first) // 4 * 4
        for i in range(first, fours, 4):  # the sums go to memory once for four rows
            x0, x1 = x[i, start:stop], x[i + 1, start:stop]
            x2, x3 = x[i + 2, start:stop], x[i + 3, start:stop]
            for j in range(columns):
                into[j] += (x0[j] + x1[j]) + (x2[j] + x3[j])
        for i in range(fours, last):
            row = x[i, start:stop]
            for j in range(columns):
                into[j] += row[j]
        if rows > BLOCK:
            for j in range(columns):
                total[j] += part[j]


@sum_rows.on("cpu")
def sum_rows_cpu(x: Any) -> Any:
    out = empty(x.shape[0], x.shape[0], x.dtype)
    sum_rows_loop(0, x.shape[0], np.ascontiguousarray(x), out)
    return out


@sum_columns.on("cpu")
def sum_columns_cpu(x: Any) -> Any:
    out = empty(x.shape[1], x.shape[1], x.dtype)
    sum_columns_loop(0, x.shape[1], np.ascontiguousarray(x), out)
    return out


@max_rows.on("cpu")
def max_rows_cpu(x: Any) -> Any:
    if x.size == 0:
        return max_rows_oracle(x)
    out = empty(x.shape[0], x.shape[0], x.dtype)
    max_rows_loop(0, x.shape[0], np.ascontiguousarray(x), out)
    return out
