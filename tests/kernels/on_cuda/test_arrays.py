"""NumPy's functions and indices give on arrays of the device what they give on the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kernels.gpu_engine import Launch
from kernels.on_cuda.array import CudaArray, to_device
from kernels.on_cuda.indexing import put

X = np.random.default_rng(0).standard_normal((3, 4, 2, 5)).astype(np.float32)
# Numbers where comparisons, powers and choices have their own rules.
EDGES = np.array([-2.0, -0.0, 0.0, 0.5, 3.0, np.inf, -np.inf, np.nan], np.float32)
GRID = np.broadcast_to(EDGES, (8, 8)).copy()
MASK = X[:, :, 0, 0] > 0

INDICES: dict[str, Any] = {
    "rows, some twice": np.array([2, 0, 2, -1]),
    "no rows": np.array([], np.int64),
    "a table of rows": np.array([[0, 2], [1, 1]]),
    "after a slice": (slice(None), np.array([3, -4])),
    "between slices": (slice(None, None, -1), np.array([[1], [2]]), slice(0, 2), slice(1, None, 2)),
    "two together": (Ellipsis, np.array([[0], [1]]), np.array([4, 0, -2])),
    "two apart": (np.array([0, 2]), slice(1, 3), np.array([1, 0])),
    "one beside a number": (0, slice(None), np.array([1, 1])),
    "new axes": (np.array([1, 0]), None, slice(2), None),
    "an ellipsis of nothing": (slice(None), np.array([1]), np.array([0]), Ellipsis, 0),
    "a mask": MASK,
    "a mask of an axis": (slice(None), np.array([True, False, True, True]), 1),
    "a mask and numbers": (MASK, 0, np.array([1])),
    "a mask of nothing": np.zeros_like(MASK),
}

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "power": lambda a, b: np.power(a, b),
    "power of a number": lambda a, b: 2.0**a + a**3,
    "greater": lambda a, b: np.stack([a > b, a >= b]),
    "less": lambda a, b: np.stack([a < b, a <= b]),
    "not equal": lambda a, b: a != b,
    "logical not": lambda a, b: np.logical_not(a),
    "finite": lambda a, b: np.isfinite(a),
    "where": lambda a, b: np.where(a > b, a, b),
    "where of the host": lambda a, b: np.where(GRID > 0, a, 7.0),
    "clip": lambda a, b: np.clip(a, -1.0, 2.0),
    "clip below": lambda a, b: np.clip(a, -1.0, None),
    "clip by an array": lambda a, b: np.clip(a, None, b),
    "flip": lambda a, b: np.flip(a, (0,)),
    "flip all": lambda a, b: np.flip(a),
    "split": lambda a, b: np.split(a, (1, 5), 1)[1],
    "pad": lambda a, b: np.pad(a, ((1, 0), (0, 2)), constant_values=3.0),
    "move an axis": lambda a, b: np.moveaxis(a.reshape(2, 4, 8), 0, -1),
    "maximum with a start": lambda a, b: np.max(a, 1, keepdims=True, initial=1.0),
}


def nothing_found(launches: list[Launch]) -> bool:
    return bool(launches) and not [one for launch in launches for one in launch.findings]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gives_what_it_gives_on_the_host(name: str, launches: list[Launch]) -> None:
    a, b = GRID.T.copy(), GRID
    found = FUNCTIONS[name](to_device(a), to_device(b))
    with np.errstate(all="ignore"):
        wanted = FUNCTIONS[name](a, b)

    assert isinstance(found, CudaArray) and found.shape == wanted.shape
    np.testing.assert_allclose(found.numpy(), wanted.astype(np.float32), rtol=1e-6)
    assert nothing_found(launches)


@pytest.mark.parametrize("name", INDICES)
def test_an_index_of_arrays_takes_and_adds_what_it_does_on_the_host(
    name: str, launches: list[Launch]
) -> None:
    index = INDICES[name]
    wanted = X[index]
    back = np.zeros_like(X)
    np.add.at(back, index, wanted)
    found = to_device(X)[index]

    np.testing.assert_array_equal(found.numpy(), wanted)
    np.testing.assert_allclose(put(found, index, X.shape).numpy(), back, rtol=1e-6)
    assert nothing_found(launches)


@pytest.mark.parametrize(
    ("index", "error", "words"),
    [
        (np.array([3]), IndexError, r"3 to 3 are asked of axis 0 of \(3, 4, 2, 5\)"),
        ((0, np.array([-5, 1])), IndexError, "-5 to 1 are asked of axis 1"),
        (np.zeros((3, 5), bool), IndexError, r"a mask \(3, 5\)"),
        ((np.arange(2), np.arange(3)), IndexError, "do not broadcast"),
        ((np.arange(2), 0, 0, 0, 0), IndexError, "5 indices"),
        (np.array([1.0]), TypeError, "ndarray is in the index"),
        (True, TypeError, "bool is in the index"),
        ((True, np.array([0])), TypeError, "bool is in the index"),
    ],
)
def test_an_index_that_does_not_fit_is_refused(index: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        to_device(X)[index]


def test_flags_answer_for_all_of_them() -> None:
    x = to_device(np.arange(3, dtype=np.float32))

    assert (x >= 0).all() and not (x > 0).all()
    assert (x > 1).any() and not (x > 2).any()
    assert x[2] > 1 and not x[0] > 0
