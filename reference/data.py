"""Data sets that lie in this folder; nothing is downloaded."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DIGITS = Path(__file__).parent / "digits"
BRIGHTEST = 16.0  # the largest pixel of the digits
HEADER = 4  # two zeros, the type code, the rank

Digits = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]


@cache
def _digits() -> Digits:
    def images(part: str) -> NDArray[np.float32]:
        pixels = _idx(DIGITS / f"{part}-images-idx3-ubyte.gz")
        return (pixels.reshape(len(pixels), -1) / BRIGHTEST).astype(np.float32)

    def labels(part: str) -> NDArray[np.int64]:
        return _idx(DIGITS / f"{part}-labels-idx1-ubyte.gz").astype(np.int64)

    return images("train"), labels("train"), images("test"), labels("test")


def digits() -> Digits:
    """Handwritten digits: `(X_train, y_train, X_test, y_test)`.

    Returns:
        X float32 (1437, 64) and (360, 64) with pixels in [0, 1], y int64; fresh copies.

    Source: UCI "Optical Recognition of Handwritten Digits", see digits/README.md.
    """
    X_train, y_train, X_test, y_test = _digits()
    return X_train.copy(), y_train.copy(), X_test.copy(), y_test.copy()


def _idx(path: Path) -> NDArray[np.uint8]:
    """The unsigned bytes of a file of ours (learners write the full reader in stage 00)."""
    raw = gzip.decompress(path.read_bytes())
    rank = raw[HEADER - 1]
    start = HEADER + 4 * rank
    shape = np.frombuffer(raw[HEADER:start], ">u4")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(tuple(int(n) for n in shape))
