"""Comparisons: what is right passes, what is wrong fails with a sentence that names it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader import check, diff
from grader.check import CheckFailure
from grader.student import StudentError, _mapped

F32 = np.float32
ONES = np.ones((2, 3), F32)


def failure(call: Any, *args: Any, **kwargs: Any) -> CheckFailure:
    with pytest.raises(CheckFailure) as caught:
        call(*args, **kwargs)
    return caught.value


class Lookalike(np.ndarray):
    """Equal to everything."""

    def __eq__(self, other: object) -> Any:
        return True


# ---- arrays --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("got", "said"),
    [
        (None, "f(x) is None, not a NumPy array."),
        (1.5, "f(x) is a float, not a NumPy array."),
        ([1.0], "f(x) is a list, not a NumPy array."),
        (ONES.view(Lookalike), "f(x) is a Lookalike, not a NumPy array."),
        (np.ma.array(ONES), "f(x) is a MaskedArray, not a NumPy array."),
        (np.ones((3, 2), F32), "f(x) has shape (3, 2), it should have shape (2, 3)."),
        (np.ones((1, 3), F32), "f(x) has shape (1, 3), it should have shape (2, 3)."),
        (np.ones((2, 3)), "f(x) has dtype float64, it should have dtype float32."),
        (ONES.astype(object), "f(x) has dtype object, it should have dtype float32."),
    ],
)
def test_type_shape_and_dtype_come_before_values(got: Any, said: str) -> None:
    assert failure(check.check_close, got, ONES, what="f(x)").message == said


def test_the_first_wrong_entry_is_named_and_the_others_counted() -> None:
    got = ONES.copy()
    got[0, 2], got[1, 1] = 2.0, 3.0
    found = failure(check.check_close, got, ONES, what="f(x)", help="Think.")
    assert found.message == "f(x)[0, 2] is 2, it should be 1 (2 of 6 entries are off)."
    assert found.help == "Think."
    assert found.diff is not None
    assert (found.diff["bad"], found.diff["first"]) == (2, [0, 2])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_never_close_to_a_number(value: float) -> None:
    got = ONES.copy()
    got[1, 0] = value
    failure(check.check_close, got, ONES, what="f(x)", rtol=1e30, atol=1e30)
    failure(check.check_close, ONES, got, what="f(x)", rtol=1e-3, atol=1e-3)
    check.check_close(got, got.copy(), what="f(x)")


def test_opposite_infinities_differ() -> None:
    failure(check.check_close, np.array([np.inf]), np.array([-np.inf]), what="f(x)")


def test_integers_are_compared_exactly() -> None:
    want = np.array([2**60, 1])
    check.check_close(want.copy(), want, what="f(x)")
    failure(check.check_close, want + np.array([1, 0]), want, what="f(x)", rtol=1.0)


def test_empty_arrays_are_compared_by_their_shapes() -> None:
    check.check_close(np.empty((0, 3)), np.empty((0, 3)), what="f(x)")
    failure(check.check_close, np.empty((3, 0)), np.empty((0, 3)), what="f(x)")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("terms", [1, 1000, 100_000])
def test_the_tolerance_admits_other_orders_of_a_sum_and_no_real_mistake(
    dtype: Any, terms: int
) -> None:
    rng = np.random.default_rng(terms)
    terms_of = rng.uniform(0.5, 1.5, (20, terms)).astype(dtype)
    want = terms_of.astype(np.float64).sum(axis=1).astype(dtype)
    backwards = np.array([np.cumsum(row[::-1], dtype=dtype)[-1] for row in terms_of], dtype)
    check.check_close(backwards, want, what="sum", terms=terms)
    if terms > 1:
        failure(
            check.check_close, want * dtype(1 + 1 / terms + 4e-3), want, what="sum", terms=terms
        )


@given(
    hnp.arrays(np.float64, hnp.array_shapes(max_side=6), elements=st.floats(-1e6, 1e6)),
    st.data(),
)
def test_a_single_wrong_entry_anywhere_is_found(want: np.ndarray, data: st.DataObject) -> None:
    check.check_close(want.copy(), want, what="x")
    place = tuple(data.draw(st.integers(0, n - 1)) for n in want.shape)
    got = want.copy()
    got[place] += 1.0 + abs(want).max()
    found = failure(check.check_close, got, want, what="x")
    assert found.diff is not None
    assert tuple(found.diff["first"]) == place
    assert found.diff["bad"] == 1
    assert sum(found.diff["heat"]) >= 1
    rows = found.diff["actual_window"]
    assert found.diff["actual_value"] in [entry for row in rows for entry in row]


def test_a_known_mistake_is_named_and_an_unknown_one_is_not() -> None:
    known = {"You forgot to divide by B.": lambda: 2 * ONES, "Never.": np.zeros((5, 5))}
    assert failure(
        check.check_close, 2 * ONES, ONES, what="f", diagnoses=known
    ).diagnosis.startswith("You forgot")
    assert failure(check.check_close, 3 * ONES, ONES, what="f", diagnoses=known).diagnosis == ""


def test_a_diff_is_plain_data_and_small() -> None:
    want = np.zeros((7, 500, 400), F32)
    got = want.copy()
    got[3, 250:, 390:] = np.nan
    found = diff.array_diff(want, got, np.isnan(got))
    assert found["first"] == [3, 250, 390]
    assert found["window_start"] == [249, 387]
    assert len(found["heat"]) == diff.HEAT_CELLS
    assert found["max_abs"] == "not finite"
    assert len(repr(found)) < 2000


# ---- numbers and plain values --------------------------------------------------------------------
@pytest.mark.parametrize(
    ("got", "said"),
    [
        (np.float64(0.5), "loss is a float64, it should be a Python float."),
        (np.array(0.5), "loss is a float64 array of shape (), it should be a Python float."),
        (True, "loss is a bool, it should be a Python float."),
        (1, "loss is an int, it should be a Python float."),
        (0.75, "loss is 0.75, it should be 0.5."),
        (float("nan"), "loss is nan, it should be 0.5."),
        (float("inf"), "loss is inf, it should be 0.5."),
    ],
)
def test_numbers(got: Any, said: str) -> None:
    check.check_number(0.5, 0.5, what="loss")
    assert failure(check.check_number, got, 0.5, what="loss").message == said


def test_the_diagnosis_of_a_number() -> None:
    found = failure(
        check.check_number, 1.5, 0.5, what="loss", diagnoses={"The sum, not the mean.": 1.5}
    )
    assert found.diagnosis == "The sum, not the mean."


@pytest.mark.parametrize("got", [1.0, True, "1", None, [1]])
def test_equal_is_of_the_same_type(got: Any) -> None:
    check.check_equal(1, 1, what="n")
    assert "it should be 1" in failure(check.check_equal, got, 1, what="n").message


def test_what_must_be_raised() -> None:
    def raises(kind: str) -> Any:
        def call() -> None:
            raise _student_error(kind)

        return call

    check.check_raises(ValueError, raises("ValueError"), what="f(-1)")
    assert (
        failure(check.check_raises, ValueError, raises("TypeError"), what="f(-1)").message
        == "f(-1) raises TypeError, it should raise ValueError."
    )
    assert (
        failure(check.check_raises, ValueError, lambda: 3, what="f(-1)").message
        == "f(-1) returns an int, it should raise ValueError."
    )


def _student_error(kind: str) -> StudentError:
    mapped = _mapped(kind)
    assert mapped is not None
    error = mapped()
    error.type_name = kind
    return error


def test_an_argument_must_come_back_bit_for_bit() -> None:
    zero = np.zeros(3)
    check.check_unchanged(zero.copy(), zero, what="x")
    assert "x was changed" in failure(check.check_unchanged, -zero, zero, what="x").message


def test_every_entry_must_be_finite() -> None:
    check.check_finite(ONES, what="x")
    assert (
        failure(check.check_finite, np.array([[1.0, np.inf]]), what="x").message
        == "x[0, 1] is inf."
    )
