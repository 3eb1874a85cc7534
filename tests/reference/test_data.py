"""Data sets: shapes, dtypes, seeds, and that each task is the task it says."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from reference import ShapeError, data


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_digits_are_split_by_the_published_permutation() -> None:
    X_train, y_train, X_test, y_test = data.digits()

    assert X_train.shape == (1437, 64) and X_test.shape == (360, 64)
    assert X_train.dtype == np.float32 and y_train.dtype == np.int64
    assert X_train.min() == 0 and X_train.max() == 1
    assert sorted(set(y_train)) == sorted(set(y_test)) == list(range(10))


def test_digits_are_fresh_copies() -> None:
    data.digits()[0][:] = 7

    assert data.digits()[0].max() == 1


POINTS = {
    "spirals": lambda n, r: data.spirals(n, 3, 0.05, r),
    "blobs": lambda n, r: data.blobs(n, 3, 0.3, r),
    "xor": lambda n, r: data.xor(n, 0.1, r),
}


@pytest.mark.parametrize("name", POINTS)
def test_points_are_seeded_and_balanced(name: str) -> None:
    X, y = POINTS[name](301, rng(1))
    again = POINTS[name](301, rng(1))
    other = POINTS[name](301, rng(2))

    assert X.shape == (301, 2) and X.dtype == np.float32
    assert y.shape == (301,) and y.dtype == np.int64
    counts = np.bincount(y)
    assert counts.max() - counts.min() <= 1 + (name == "xor")
    assert np.array_equal(X, again[0]) and np.array_equal(y, again[1])
    assert not np.array_equal(X, other[0])


def nearest_centre_error(X: np.ndarray, y: np.ndarray) -> float:
    centres = np.stack([X[y == k].mean(0) for k in range(y.max() + 1)])
    nearest = ((X[:, None] - centres) ** 2).sum(-1).argmin(1)
    return float((nearest != y).mean())


def test_blobs_divide_by_lines_and_spirals_and_xor_do_not() -> None:
    assert nearest_centre_error(*data.blobs(600, 3, 0.3, rng())) < 0.01
    assert nearest_centre_error(*data.spirals(600, 3, 0.05, rng())) > 0.3
    assert nearest_centre_error(*data.xor(600, 0.1, rng())) > 0.2


def test_spirals_without_noise_lie_on_their_arms() -> None:
    X, y = data.spirals(500, 2, 0.0, rng())

    radius = np.hypot(*X.T)
    angle = np.arctan2(X[:, 1], X[:, 0]) - 2 * np.pi * (radius + y / 2)
    np.testing.assert_allclose(np.cos(angle), 1, atol=1e-5)


def test_copy_task_asks_for_the_symbols_after_the_mark() -> None:
    x, y = data.copy_task(50, 7, rng())

    assert x.shape == y.shape == (50, 15) and x.dtype == y.dtype == np.int64
    assert np.array_equal(x[:, :7], y[:, 8:])
    assert (x[:, 7] == 9).all() and not x[:, 8:].any() and not y[:, :8].any()
    assert set(np.unique(x[:, :7])) == set(range(1, 9))


def test_addition_task_sums_one_number_of_each_half() -> None:
    x, y = data.addition_task(200, 11, rng())

    assert x.shape == (200, 11, 2) and x.dtype == y.dtype == np.float32
    assert (x[:, :5, 1].sum(1) == 1).all() and (x[:, 5:, 1].sum(1) == 1).all()
    np.testing.assert_allclose((x[:, :, 0] * x[:, :, 1]).sum(1), y, rtol=1e-6)
    assert abs(((y - 1) ** 2).mean() - 1 / 6) < 0.05


def balanced(ids: np.ndarray) -> bool:
    stack = []
    for i in ids:
        if i % 2 == 0:
            stack.append(i)
        elif not stack or stack.pop() != i - 1:
            return False
    return not stack


def test_brackets_task_knows_the_balanced_ones() -> None:
    x, y = data.brackets_task(400, 10, rng())

    assert x.shape == (400, 10) and set(np.unique(x)) == {0, 1, 2, 3}
    assert [balanced(ids) for ids in x] == [bool(label) for label in y]
    assert y.sum() == 200


def test_balanced_brackets_are_uniform() -> None:
    """Of length 6 there are 5 structures, and each has one fifth."""
    x, y = data.brackets_task(20_000, 6, rng())

    structures = ["".join("()"[i % 2] for i in ids) for ids in x[y == 1]]
    shares = np.unique(structures, return_counts=True)[1] / len(structures)
    assert len(shares) == 5
    np.testing.assert_allclose(shares, 0.2, atol=0.02)


@pytest.mark.parametrize(("task", "length"), [("copy", 0), ("addition", 1), ("brackets", 5)])
def test_tasks_refuse_lengths_that_make_no_task(task: str, length: int) -> None:
    with pytest.raises(ShapeError, match=f"{task}_task: length is {length}"):
        getattr(data, f"{task}_task")(3, length, rng())


def test_unicode_names_are_names() -> None:
    names = data.unicode_names()

    assert len(names) > 500_000
    assert "GREEK SMALL LETTER OMEGA" in names.splitlines()
    assert not any(line.startswith("CJK UNIFIED IDEOGRAPH-") for line in names.splitlines())


def test_stdlib_text_is_source() -> None:
    assert "class ArgumentParser" in data.stdlib_text(["argparse"])
    assert len(data.stdlib_text()) > 200_000


def test_encoding_a_text_and_back_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("höhle ψ\nzweite Zeile\n", encoding="utf-8")
    letters = data.text(path)

    ids, alphabet = data.encode(letters)

    assert ids.dtype == np.int64 and ids.max() == len(alphabet) - 1
    assert list(alphabet) == sorted(set(letters))
    assert data.decode(ids, alphabet) == letters


def write_idx(path: Path, values: np.ndarray, zipped: bool) -> None:
    head = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    raw = head + values.astype(np.uint8).tobytes()
    if zipped:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(raw))
    else:
        path.write_bytes(raw)


@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_reads_a_users_files(tmp_path: Path, zipped: bool) -> None:
    images = rng().integers(0, 256, (5, 28, 28))
    for part, n in (("train", 5), ("t10k", 3)):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", images[:n], zipped)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", np.arange(n), zipped)

    X_train, y_train, X_test, y_test = data.mnist(tmp_path)

    np.testing.assert_allclose(X_train, images.reshape(5, 784) / 255, rtol=1e-6)
    assert X_train.dtype == np.float32 and X_test.shape == (3, 784)
    assert y_train.tolist() == [0, 1, 2, 3, 4] and y_test.tolist() == [0, 1, 2]


def test_mnist_refuses_what_is_no_image_file(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"<html>not found</html>")

    with pytest.raises(ValueError, match="no IDX file"):
        data.mnist(tmp_path)


def test_cifar10_reads_a_users_files(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    records = rng().integers(0, 256, (4, 3073)).astype(np.uint8)
    records[:, 0] = [3, 1, 4, 1]
    for name in ("test_batch", *(f"data_batch_{n}" for n in range(1, 6))):
        (folder / f"{name}.bin").write_bytes(records.tobytes())

    X_train, y_train, X_test, y_test = data.cifar10(tmp_path)

    assert X_train.shape == (20, 3, 32, 32) and X_test.shape == (4, 3, 32, 32)
    assert y_train.tolist() == [3, 1, 4, 1] * 5 and y_test.dtype == np.int64
    assert X_test[2, 1, 0, 5] == np.float32(records[2, 1 + 1024 + 5] / 255)


def test_cifar10_refuses_the_wrong_form(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1.bin").write_bytes(b"x" * 100)

    with pytest.raises(ValueError, match="records of 3073 bytes"):
        data.cifar10(tmp_path)


def test_loader_yields_copies_in_order_and_a_smaller_last_batch() -> None:
    X = np.arange(14, dtype=np.float32).reshape(7, 2)
    y = np.arange(7)
    loader = data.DataLoader((X, y), 3)

    batches = list(loader)

    assert len(loader) == len(batches) == 3
    assert [len(labels) for _, labels in batches] == [3, 3, 1]
    assert np.array_equal(np.concatenate([rows for rows, _ in batches]), X)
    assert batches[0][0].dtype == np.float32 and batches[0][1].dtype == y.dtype
    batches[0][0][:] = -1
    assert X[0, 0] == 0


def test_loader_draws_one_permutation_per_epoch_for_all_arrays() -> None:
    X = np.arange(50)
    loader = data.DataLoader([X, -X], 8, shuffle=True, rng=rng(3))

    first = np.concatenate([a for a, _ in loader])
    second, negated = (np.concatenate(part) for part in zip(*loader, strict=True))
    expected = rng(3)

    assert np.array_equal(first, expected.permutation(50))
    assert np.array_equal(second, expected.permutation(50))
    assert np.array_equal(negated, -second)


def test_loader_can_drop_the_last_batch() -> None:
    assert [len(a) for (a,) in data.DataLoader((np.arange(7),), 3, drop_last=True)] == [3, 3]
    assert len(data.DataLoader((np.arange(7),), 3, drop_last=True)) == 2


def test_loader_refuses_arrays_of_different_lengths() -> None:
    with pytest.raises(ValueError, match=r"lengths \[3, 4\]"):
        data.DataLoader((np.zeros(3), np.zeros(4)), 2)
    with pytest.raises(ValueError, match="batch_size is 0"):
        data.DataLoader((np.zeros(3),), 0)
