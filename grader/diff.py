"""Where two arrays differ, small enough to be read: plain data for a report, a terminal or a test."""

from __future__ import annotations

from typing import Any

import numpy as np

WINDOW = 6  # rows and columns shown around the first wrong entry
HEAT_CELLS = 48
HEAT_LEVELS = 8


def array_diff(expected: np.ndarray, actual: np.ndarray, bad: np.ndarray) -> dict[str, Any]:
    """What a person wants to know first.

    Args:
        expected, actual: arrays of one shape.
        bad: bool, of that shape: which entries are wrong; at least one is.
    """
    with np.errstate(all="ignore"):
        wide = np.result_type(expected.dtype, actual.dtype, np.float64)
        error = np.abs(expected.astype(wide) - actual.astype(wide))
        relative = error / np.maximum(np.abs(expected.astype(wide)), np.finfo(np.float64).tiny)
    first = tuple(int(place) for place in np.argwhere(bad)[0])
    start, shown_expected, shown_actual = _windows(expected, actual, first)
    return {
        "shape": [list(expected.shape), list(actual.shape)],
        "dtype": [str(expected.dtype), str(actual.dtype)],
        "bad": int(bad.sum()),
        "size": int(bad.size),
        "first": list(first),
        "expected_value": number(expected[first]),
        "actual_value": number(actual[first]),
        "max_abs": _largest(error, bad),
        "max_rel": _largest(relative, bad),
        "window_start": list(start),
        "expected_window": shown_expected,
        "actual_window": shown_actual,
        "heat": _heat(bad),
    }


def mismatch(expected: np.ndarray, actual: np.ndarray) -> dict[str, Any]:
    """The diff of two arrays that cannot be laid over each other: shape and dtype only."""
    return {
        "shape": [list(expected.shape), list(actual.shape)],
        "dtype": [str(expected.dtype), str(actual.dtype)],
    }


def number(value: Any) -> str:
    """A number in few characters: `1.5`, `nan`, `-2.71e-08`."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int):
        return str(value)
    if isinstance(value, complex):
        return f"{value:.6g}"
    return f"{float(value):.7g}"


def short(array: np.ndarray) -> str:
    """A small array on one line; a large one by its shape and dtype."""
    if array.size <= WINDOW * 2:
        return np.array2string(array, precision=6, separator=", ").replace("\n", "")
    return f"{array.dtype} array of shape {array.shape}"


def _windows(
    expected: np.ndarray, actual: np.ndarray, first: tuple[int, ...]
) -> tuple[list[int], list[list[str]], list[list[str]]]:
    """The rows and columns around `first`, of the last two axes."""
    lead = first[:-2]
    planes = [
        np.atleast_2d(array[lead]) if array.ndim else array.reshape(1, 1)
        for array in (expected, actual)
    ]
    row, column = (first[-2] if len(first) > 1 else 0), (first[-1] if first else 0)
    start = [max(0, row - 1), max(0, column - WINDOW // 2)]
    shown = [
        [
            [number(entry) for entry in line[start[1] : start[1] + WINDOW]]
            for line in plane[start[0] : start[0] + WINDOW // 2]
        ]
        for plane in planes
    ]
    return start, shown[0], shown[1]


def _largest(error: np.ndarray, bad: np.ndarray) -> str:
    values = error[bad & np.isfinite(error)]
    return number(values.max()) if values.size else "not finite"


def _heat(bad: np.ndarray) -> list[int]:
    """How much of each stretch of the array is wrong, from 0 (nothing) to 8 (all of it)."""
    parts = np.array_split(bad.ravel(), min(HEAT_CELLS, bad.size))
    # Rounded up: a single wrong entry must be visible.
    return [int(np.ceil(HEAT_LEVELS * part.mean())) for part in parts]
