"""Tasks over time whose answers need memory: copying, adding two marked numbers, brackets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError
from ..seeding import seeded

BLANK = 0
SYMBOLS = 8  # of the copy task: ids 1 to 8
MARK = SYMBOLS + 1  # says that the copy is due
BRACKETS = "()[]"  # ids 0 to 3: an even id opens, the next one closes

Ids = NDArray[np.int64]


@seeded
def copy_task(n: int, length: int, rng: np.random.Generator | None = None) -> tuple[Ids, Ids]:
    """Sequences to repeat once a mark has been seen.

    Args:
        n: sequences.
        length: symbols in each.
        rng: where the draws come from; None is a fresh generator.

    Returns:
        x int64 (n, 2 length + 1): `length` symbols from 1 to 8, the mark 9, blanks 0;
        y int64, the same shape: blanks up to the mark and at it, then the symbols. So there are
        10 ids, and a model that only looks back `length` steps less cannot answer.

    Source: Hochreiter & Schmidhuber (1997), "Long short-term memory", in the form of Arjovsky,
    Shah & Bengio (2016), "Unitary evolution recurrent neural networks".
    """
    _check("copy_task", length, 1)
    rng = rng or np.random.default_rng()
    symbols = rng.integers(1, SYMBOLS + 1, (n, length))
    x = np.full((n, 2 * length + 1), BLANK, np.int64)
    y = x.copy()
    x[:, :length] = symbols
    x[:, length] = MARK
    y[:, length + 1 :] = symbols
    return x, y


@seeded
def addition_task(
    n: int, length: int, rng: np.random.Generator | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Sequences of numbers of which two are marked; the answer is the sum of those two.

    Args:
        n: sequences.
        length: steps, at least 2; one mark is in each half.
        rng: where the draws come from; None is a fresh generator.

    Returns:
        x float32 (n, length, 2): a number in [0, 1) and a mark 0 or 1; y float32 (n,). Answering
        1 always has a mean squared error of 1/6.

    Source: Hochreiter & Schmidhuber (1997), "Long short-term memory".
    """
    _check("addition_task", length, 2)
    rng = rng or np.random.default_rng()
    x = np.zeros((n, length, 2), np.float32)
    x[:, :, 0] = rng.random((n, length), np.float32)
    rows = np.arange(n)
    x[rows, rng.integers(0, length // 2, n), 1] = 1
    x[rows, rng.integers(length // 2, length, n), 1] = 1
    return x, (x[:, :, 0] * x[:, :, 1]).sum(1)


@seeded
def brackets_task(n: int, length: int, rng: np.random.Generator | None = None) -> tuple[Ids, Ids]:
    """Strings of brackets of two kinds, half of them balanced; the answer says which.

    Args:
        n: strings.
        length: brackets in each, an even number from 2 on.
        rng: where the draws come from; None is a fresh generator.

    Returns:
        x int64 (n, length) with ids 0 to 3 for `( ) [ ]`, y int64 (n,): 1 is balanced. The
        balanced ones are uniform; the others have one wrong bracket, of the wrong direction or of
        the wrong kind, so that counting is not enough.

    Source: Arnold & Sleep (1980), "Uniform random generation of balanced parenthesis strings".
    """
    _check("brackets_task", length, 2)
    if length % 2:
        raise ShapeError(
            f"brackets_task: length is {length}.\nA balanced string is of even length."
        )
    rng = rng or np.random.default_rng()
    x = np.empty((n, length), np.int64)
    unclosed = np.zeros(n, np.int64)
    kinds = np.zeros((n, length + 1), np.int64)  # a stack for each string
    rows = np.arange(n)
    for step in range(length):
        left = length - step
        # The share of completions in which the next bracket closes: 0 with nothing open, 1 when
        # all that is left must close.
        closing = unclosed * (left + unclosed + 2) / (2 * left * (unclosed + 1))
        closes = rng.random(n) < closing
        unclosed -= closes
        kinds[rows, unclosed] = np.where(
            closes, kinds[rows, unclosed], rng.integers(0, len(BRACKETS) // 2, n)
        )
        x[:, step] = 2 * kinds[rows, unclosed] + closes
        unclosed += ~closes
    y = rng.permutation(np.arange(n, dtype=np.int64) % 2)
    wrong = np.flatnonzero(y == 0)
    place = rng.integers(0, length, len(wrong))
    x[wrong, place] = (x[wrong, place] + rng.integers(1, len(BRACKETS), len(wrong))) % len(BRACKETS)
    return x, y


def _check(name: str, length: int, least: int) -> None:
    if length < least:
        raise ShapeError(f"{name}: length is {length}.\nIt must be at least {least}.")
