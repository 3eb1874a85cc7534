"""Pictures and their labels: the digits that lie in this folder, and readers of MNIST and CIFAR-10.

Nothing is downloaded: the adapters read files that a user has.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DIGITS = Path(__file__).parents[1] / "digits"
BRIGHTEST_DIGIT = 16.0  # the largest pixel of the digits
BRIGHTEST = 255.0  # of a byte
HEADER = 4  # two zeros, the type code, the rank
GZIP = b"\x1f\x8b"
CIFAR_SHAPE = (3, 32, 32)
CIFAR_RECORD = 1 + 3 * 32 * 32  # one label, then the planes red, green, blue
CIFAR_FOLDER = "cifar-10-batches-bin"

Images = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]


@cache
def _digits() -> Images:
    return _idx_set(DIGITS, ("train", "test"), BRIGHTEST_DIGIT)


def digits() -> Images:
    """Handwritten digits: `(X_train, y_train, X_test, y_test)`.

    Returns:
        X float32 (1437, 64) and (360, 64) with pixels in [0, 1], y int64; fresh copies.

    Source: UCI "Optical Recognition of Handwritten Digits", see digits/README.md.
    """
    X_train, y_train, X_test, y_test = _digits()
    return X_train.copy(), y_train.copy(), X_test.copy(), y_test.copy()


def mnist(folder: str | Path) -> Images:
    """MNIST (or a set in its form, as Fashion-MNIST) from a user's four IDX files.

    Args:
        folder: holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the two `t10k-`
            files, plain or with `.gz`.

    Returns:
        `(X_train, y_train, X_test, y_test)`: X float32 (N, 784) in [0, 1], y int64 (N,).

    Raises:
        FileNotFoundError: one of the four is missing.
        ValueError: a file is no IDX file of bytes, or images and labels differ in number.
    """
    return _idx_set(Path(folder), ("train", "t10k"), BRIGHTEST)


def cifar10(folder: str | Path) -> Images:
    """CIFAR-10 from a user's files in the binary form.

    Args:
        folder: holds `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, itself or in a
            folder `cifar-10-batches-bin`. The form for Python is not read: it is a pickle, and a
            pickle runs what its author likes.

    Returns:
        `(X_train, y_train, X_test, y_test)`: X float32 (N, 3, 32, 32) in [0, 1], y int64 (N,).

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is not made of records of 3,073 bytes.
    """
    place = Path(folder)
    if (place / CIFAR_FOLDER).is_dir():
        place = place / CIFAR_FOLDER
    train = [_cifar_batch(place / f"data_batch_{number}.bin") for number in range(1, 6)]
    X_test, y_test = _cifar_batch(place / "test_batch.bin")
    return (
        np.concatenate([X for X, _ in train]),
        np.concatenate([y for _, y in train]),
        X_test,
        y_test,
    )


def _cifar_batch(path: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    raw = np.frombuffer(path.read_bytes(), np.uint8)
    if raw.size == 0 or raw.size % CIFAR_RECORD:
        raise ValueError(
            f"cifar10: {path.name} has {raw.size} bytes.\n"
            f"It must be made of records of {CIFAR_RECORD} bytes: take the binary version."
        )
    records = raw.reshape(-1, CIFAR_RECORD)
    pixels = records[:, 1:].reshape(-1, *CIFAR_SHAPE).astype(np.float32)
    pixels /= np.float32(BRIGHTEST)
    return pixels, records[:, 0].astype(np.int64)


def _idx_set(folder: Path, parts: tuple[str, str], brightest: float) -> Images:
    arrays: list[NDArray[np.float32] | NDArray[np.int64]] = []
    for part in parts:
        pixels = _idx(folder / f"{part}-images-idx3-ubyte")
        labels = _idx(folder / f"{part}-labels-idx1-ubyte")
        if len(pixels) != len(labels):
            raise ValueError(f"{folder}: {len(pixels)} {part} images have {len(labels)} labels")
        arrays.append((pixels.reshape(len(pixels), -1) / brightest).astype(np.float32))
        arrays.append(labels.astype(np.int64))
    X_train, y_train, X_test, y_test = arrays
    return X_train, y_train, X_test, y_test  # type: ignore[return-value]


def _idx(path: Path) -> NDArray[np.uint8]:
    """The unsigned bytes of an IDX file (learners write the full reader in stage 00)."""
    zipped = path.with_name(path.name + ".gz")
    raw = (zipped if zipped.exists() else path).read_bytes()
    if raw[:2] == GZIP:
        raw = gzip.decompress(raw)
    if len(raw) < HEADER or raw[:3] != b"\0\0\x08":
        raise ValueError(f"{path.name}: this is no IDX file of unsigned bytes")
    rank = raw[HEADER - 1]
    start = HEADER + 4 * rank
    shape = tuple(int(n) for n in np.frombuffer(raw[HEADER:start], ">u4"))
    values = np.frombuffer(raw, np.uint8, offset=start)
    if values.size != int(np.prod(shape)):
        raise ValueError(f"{path.name}: {shape} bytes are promised, {values.size} are there")
    return values.reshape(shape)
