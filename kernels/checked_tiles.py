"""The words of `kernels.tiles` in Python, for `kernels.checked`: a tile is rows x vectors x lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import checked, tiles
from .checked import WORDS, _span, lanes

Word = Callable[..., Any]


def _lines(tile: Any, c: Any, i: int, step: int) -> Any:
    """Each vector of a tile with its place in c."""
    size = lanes(c)
    for row, vectors in enumerate(tile):
        for column, vector in enumerate(vectors):
            yield vector, _span(c, i + row * step + column * size, size)


def _words(number: int) -> dict[str, Word]:
    """The words of one shape of tile, whose sizes follow from the registers' width."""

    def sizes() -> tuple[int, int]:
        return tiles.shapes(checked._bits, False)[number]

    def zero(like: Any) -> Any:
        return np.zeros((*sizes(), lanes(like)), like.dtype)

    def spread(a: Any, i: int) -> Any:
        rows = [_span(a, i + row, 1)[0] for row in range(sizes()[0])]
        return np.array(rows, a.dtype)[:, None, None] + np.zeros((*sizes(), lanes(a)), a.dtype)

    def outer(tile: Any, a: Any, i: int, step: int, b: Any, j: int) -> Any:
        places = lanes(b) * np.arange(sizes()[1])
        return outer_apart(tile, a, i, step, b, j, places, 0)

    def outer_apart(
        tile: Any, a: Any, i: int, step: int, b: Any, j: int, places: Any, k: int
    ) -> Any:
        rows, columns = sizes()
        left = np.array([_span(a, i + row * step, 1)[0] for row in range(rows)], a.dtype)
        right = [_span(b, j + int(places[k + column]), lanes(b)) for column in range(columns)]
        return tile + left[:, None, None] * np.array(right)

    def store(tile: Any, c: Any, i: int, step: int) -> None:
        for vector, place in _lines(tile, c, i, step):
            place[...] = vector

    def add(tile: Any, c: Any, i: int, step: int) -> None:
        for vector, place in _lines(tile, c, i, step):
            place += vector

    def store_apart(
        tile: Any, count: int, relu: bool, c: Any, i: int, step: int, places: Any, k: int
    ) -> None:
        for row in range(min(count, len(tile))):
            for column, vector in enumerate(tile[row]):
                place = _span(c, i + row * step + int(places[k + column]), lanes(c))
                place[...] = np.maximum(vector, 0) if relu else vector

    def dot(tile: Any, a: Any, i: int, step: int, b: Any, *starts: int) -> Any:
        left = np.array([_span(a, i + row * step, lanes(a)) for row in range(len(tile))])
        right = np.array([_span(b, start, lanes(b)) for start in starts])
        return tile + left[:, None] * right

    def add_sums(tile: Any, c: Any, i: int, step: int) -> None:
        for row, vectors in enumerate(tile):
            _span(c, i + row * step, len(vectors))[...] += vectors.sum(axis=-1)

    def rows(like: Any) -> int:
        return sizes()[0]

    made: list[Word] = [
        zero,
        spread,
        outer,
        outer_apart,
        store,
        add,
        store_apart,
        dot,
        add_sums,
        rows,
    ]
    return {word.__name__: word for word in made}


for _number, _name in enumerate(("wide", "tall", "row")):
    WORDS.update({f"{_name}_{word}": run for word, run in _words(_number).items()})


def vtranspose(a: Any, i: int, step: int, b: Any, j: int, stride: int) -> None:
    size = lanes(a)
    rows = np.array([_span(a, i + k * step, size) for k in range(size)])
    for k in range(size):
        _span(b, j + k * stride, size)[...] = rows[:, k]


def vstore_bytes(array: Any, i: int, v: Any) -> None:
    _span(array, i, len(v))[...] = v.astype(np.uint8)


def vload_bytes(array: Any, i: int, like: Any) -> Any:
    return _span(array, i, lanes(like)).astype(like.dtype)


def _merged(a: Any, b: Any) -> Any:
    return np.stack([a, b], axis=1).reshape(-1)


WORDS.update(
    {
        "veven": lambda a, b: np.concatenate([a, b])[::2],
        "vodd": lambda a, b: np.concatenate([a, b])[1::2],
        "vmerge_low": lambda a, b: _merged(a, b)[: len(a)],
        "vmerge_high": lambda a, b: _merged(a, b)[len(a) :],
        "vtranspose": vtranspose,
        "vstore_bytes": vstore_bytes,
        "vload_bytes": vload_bytes,
    }
)
