"""Predictions: what counts as right, and that every stage's questions are well made."""

from __future__ import annotations

import pytest

from assignments import catalog
from assignments.catalog import Stage
from lab.predict import Question, questions


def question(**fields: object) -> Question:
    known = {
        "id": "q",
        "text": "?",
        "unit": "",
        "answer": 650.0,
        "tolerance": 0.0,
        "choices": (),
        "explanation": "e",
    }
    return Question(**{**known, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "right"),
    [("650", True), ("6.5e2", True), ("651", False), ("x", None), ("nan", None), ("", None)],
)
def test_numbers_are_compared_within_the_tolerance(typed: str, right: bool | None) -> None:
    assert question().right(typed) is right
    assert question(tolerance=0.01).right("655") is True


@pytest.mark.parametrize(("typed", "right"), [("2", True), ("1", False), ("3", None)])
def test_choices_are_numbered_from_one(typed: str, right: bool | None) -> None:
    assert question(choices=("a", "b"), answer=1.0).right(typed) is right


@pytest.mark.parametrize("stage", catalog.load(), ids=lambda stage: stage.id)
def test_the_right_answer_to_every_question_is_right(stage: Stage) -> None:
    found = questions(stage)

    assert len(found) >= 3
    assert len({q.id for q in found}) == len(found)
    for q in found:
        assert q.right(str(q.answer + 1 if q.choices else q.answer)) is True
        assert q.text and q.explanation and q.shown_answer
