"""What a failure looks like in a terminal."""

from __future__ import annotations

import io

import numpy as np
import pytest

from grader.diff import array_diff, mismatch
from lab import render
from lab.render import Style

PLAIN = Style()


def test_an_array_diff_shows_where_how_much_and_both_windows() -> None:
    expected = np.arange(12.0).reshape(3, 4)
    actual = expected.copy()
    actual[1, 2] = 60.0

    lines = render.array_diff(array_diff(expected, actual, expected != actual))

    assert lines == [
        "1 of 12 entries differ, the first at [1, 2]",
        "largest error: 54 absolute, 9 relative",
        "expected from [0, 0]   got",
        " 0   1   2   3          0   1   2   3",
        " 4   5   6   7          4   5  60   7",
        " 8   9  10  11          8   9  10  11",
        "where: [      █     ]",
    ]


def test_windows_go_under_each_other_where_there_is_no_room() -> None:
    expected = np.full((2, 6), 1 / 3)
    actual = expected * 2

    lines = render.array_diff(array_diff(expected, actual, expected != actual), width=60)

    assert lines.index("got") > lines.index("expected from [0, 0]") + 1
    assert max(len(line) for line in lines[2:]) <= 60


def test_other_shapes_are_said_without_values() -> None:
    assert render.array_diff(mismatch(np.zeros((2, 3)), np.zeros(3, np.float32))) == [
        "shape (2, 3) expected, (3,) got",
        "dtype float64 expected, float32 got",
    ]


def test_one_wrong_entry_among_many_is_visible() -> None:
    expected = np.zeros(100_000)
    actual = expected.copy()
    actual[77_777] = 1.0

    strip = render.heat_strip(array_diff(expected, actual, expected != actual)["heat"])

    assert len(strip.replace(" ", "")) == 3


@pytest.mark.parametrize(("symbols", "mark"), [("unicode", "✗"), ("ascii", "x")])
def test_state_is_never_told_by_colour_alone(symbols: str, mark: str) -> None:
    assert Style(symbols).mark("failed") == mark
    assert mark in Style(symbols, colour=True).mark("failed")


def test_no_colour_where_nobody_sees_it() -> None:
    assert not Style.of(io.StringIO()).colour


def test_a_stream_without_unicode_gets_ascii() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")

    assert Style.of(stream).symbols == "ascii"


def test_a_run_that_is_owed_shows_no_zero() -> None:
    view = {
        "status": "infrastructure_error",
        "score": 0.0,
        "max_score": 100.0,
        "tests": [{"name": "a", "status": "error", "score": 0, "max_score": 1}],
    }

    said = "\n".join(render.graded(view, PLAIN))

    assert "No score yet" in said and "0 of 100" not in said


def test_points_that_do_not_count_yet_are_explained() -> None:
    test = {"name": "a", "status": "passed", "score": 0.0, "max_score": 3.0}
    view = {"status": "graded", "score": 0.0, "max_score": 3.0, "tests": [test]}

    assert render.UNEARNED in "\n".join(render.graded(view, PLAIN))
    earned = {**view, "score": 3.0, "tests": [{**test, "score": 3.0}]}
    assert render.UNEARNED not in "\n".join(render.graded(earned, PLAIN))
