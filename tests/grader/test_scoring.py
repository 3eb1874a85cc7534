"""From verdicts to points."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assignments import catalog
from assignments.catalog import Check
from grader.outcome import Outcome, Status
from grader.scoring import NOT_EARNED, PENDING, score


def check(name: str, rubric: str, points: float, *exports: str) -> Check:
    return Check(name, name, "hidden", rubric, points, exports)


STAGE = replace(
    catalog.stage("softmax"),
    points={"correctness": 60.0, "properties": 20.0, "performance": 15.0, "hygiene": 5.0},
    checks=(
        check("f_values", "correctness", 40, "f"),
        check("g_values", "correctness", 20, "g"),
        check("f_rows", "properties", 20, "f"),
        check("g_speed", "performance", 15, "g"),
        check("f_quiet", "hygiene", 5, "f"),
    ),
)
NAMES = [c.id for c in STAGE.hidden]
CORRECT = [c.id for c in STAGE.hidden if c.rubric == "correctness"]


def scored(**statuses: Status | float):
    outcomes = []
    for name in NAMES:
        status = statuses.get(name, Status.PASSED)
        if isinstance(status, float):
            outcomes.append(Outcome(name, Status.PARTIAL, fraction=status))
        else:
            outcomes.append(Outcome(name, status))
    return score(STAGE, outcomes)


def test_all_passed_is_a_hundred() -> None:
    found = scored()
    assert (found.score, found.max_score, found.percent) == (100.0, 100.0, 100.0)
    assert [(s.rubric, s.score, s.max_score) for s in found.rubric] == [
        ("correctness", 60.0, 60.0), ("properties", 20.0, 20.0),
        ("performance", 15.0, 15.0), ("hygiene", 5.0, 5.0),
    ]  # fmt: skip


def test_nothing_done_cleanly_and_fast_is_worth_nothing() -> None:
    found = scored(f_values=Status.FAILED, g_values=Status.FAILED, f_rows=Status.FAILED)
    assert found.score == 0.0
    assert {line.reason for line in found.lines if line.outcome.status is Status.PASSED} == {
        NOT_EARNED
    }


def test_only_the_broken_function_loses_its_gated_points() -> None:
    assert scored(f_values=Status.FAILED).score == 20 + 20 + 15  # without f_values and f_quiet
    assert scored(g_values=Status.TIMEOUT).score == 40 + 20 + 5  # without g_values and g_speed


def test_a_tier_is_a_share_of_the_points() -> None:
    assert scored(g_speed=2 / 3).score == 95.0
    assert scored(g_speed=1 / 3).score == 90.0
    assert scored(g_speed=0.0).score == 85.0


def test_what_cannot_be_assessed_leaves_the_maximum() -> None:
    found = scored(g_speed=Status.NOT_ASSESSED, f_rows=Status.FAILED)
    assert (found.score, found.max_score, found.not_assessed) == (65.0, 85.0, 15.0)
    assert found.percent == 76.47
    assert [s.max_score for s in found.rubric if s.rubric == "performance"] == [0.0]


@pytest.mark.parametrize("status", PENDING)
def test_what_the_grader_owes_is_pending(status: Status) -> None:
    found = scored(g_speed=status)
    assert [line.check.id for line in found.pending] == ["g_speed"]
    assert not scored(g_speed=Status.FAILED).pending


def test_a_missing_outcome_is_pending_not_failed_and_not_passed() -> None:
    found = score(STAGE, [Outcome(name, Status.PASSED) for name in NAMES[1:]])
    assert [line.check.id for line in found.pending] == ["f_values"]
    assert found.score < 100


@given(st.lists(st.sampled_from(list(Status)), min_size=5, max_size=5), st.integers(0, 4))
def test_passing_one_more_check_never_costs_points(statuses: list[Status], place: int) -> None:
    def total(which: list[Status]) -> float:
        return score(
            STAGE, [Outcome(n, s, fraction=0.5) for n, s in zip(NAMES, which, strict=True)]
        ).score

    better = [Status.PASSED if at == place else status for at, status in enumerate(statuses)]
    assert 0 <= total(statuses) <= total(better) <= 100


@given(st.lists(st.sampled_from(list(Status)), min_size=5, max_size=5))
def test_the_lines_add_up(statuses: list[Status]) -> None:
    found = score(
        STAGE, [Outcome(n, s, fraction=0.5) for n, s in zip(NAMES, statuses, strict=True)]
    )
    assert sum(line.score for line in found.lines) == pytest.approx(found.score)
    assert sum(line.score for line in found.rubric) == pytest.approx(found.score)
    assert sum(line.max_score for line in found.rubric) == pytest.approx(found.max_score)
    assert found.max_score + found.not_assessed == pytest.approx(100)
