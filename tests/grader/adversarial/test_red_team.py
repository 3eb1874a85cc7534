"""The red team: no attack gains a point that its code does not earn, and none harms the grader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from assignments import catalog
from assignments.catalog import Stage
from grader import sandbox
from grader.grading import judge
from grader.outcome import Outcome, Status
from grader.scoring import Scored, score
from grader.solutions import solution_source
from grader.spares import Spares

from .cases import Case, cases

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(
        sandbox.isolation().level != "full", reason="attacks run behind full walls only"
    ),
]
SEED = 20240229
# An attack that only waits need not wait long: what is tested is the verdict, not the patience.
CALL_S, SUITE_S = 1.0, 6.0
CASES = cases()
LEAST_CASES = 60


@pytest.fixture(scope="module")
def stage() -> Stage:
    found = catalog.stage("softmax")
    return replace(
        found, limits=replace(found.limits, call_s=CALL_S, suite_s=SUITE_S, memory_mib=384)
    )


@pytest.fixture(scope="module")
def solution(stage: Stage) -> bytes:
    source = solution_source(stage)
    assert source is not None
    return source


@pytest.fixture(scope="module")
def spares() -> Iterator[Spares]:
    with Spares() as warm:
        yield warm


def scored(stage: Stage, source: bytes, phases: tuple[str, ...], spares: Spares) -> Scored:
    run = judge(stage, source, seed=SEED, phases=phases, spares=spares)
    assert [outcome.id for outcome in run.outcomes], "a run without verdicts"
    return score(stage, run.outcomes)


def correctness_of(stage: Stage, export: str) -> list[str]:
    return [c.id for c in stage.hidden if c.rubric == "correctness" and c.exports[0] == export]


def by_id(found: Scored) -> dict[str, Outcome]:
    return {line.check.id: line.outcome for line in found.lines}


def test_the_catalogue_is_large_enough_and_every_row_is_one_attack() -> None:
    names = [case.name for case in CASES]

    assert len(names) >= LEAST_CASES
    assert len({case.attack for case in CASES}) == len(CASES)


def test_the_honest_control_earns_every_point_of_correctness(
    stage: Stage, solution: bytes, spares: Spares
) -> None:
    found = scored(stage, solution, ("correctness",), spares)

    assert found.score == 85


@pytest.mark.parametrize("case", [c for c in CASES if not c.timed], ids=lambda case: case.name)
def test_an_attack_earns_what_its_code_earns(
    case: Case, stage: Stage, solution: bytes, spares: Spares
) -> None:
    found = scored(stage, case.source(solution), ("correctness",), spares)
    outcomes = by_id(found)

    if case.loses == "none":
        assert found.score == 85, [o for o in outcomes.values() if o.status is not Status.PASSED]
        return
    if case.loses == "all":
        assert found.score == 0
        lost = list(outcomes.values())[:1]
    elif case.loses.startswith("check "):
        lost = [outcomes[case.loses.removeprefix("check ")]]
        assert lost[0].status is not Status.PASSED, lost
    else:
        lost = [outcomes[name] for name in correctness_of(stage, case.loses)]
        assert all(outcome.status is not Status.PASSED for outcome in lost), lost
    if case.statuses != ("any",):
        assert {str(outcome.status) for outcome in lost} <= set(case.statuses), lost


@pytest.mark.parametrize("case", [c for c in CASES if c.timed], ids=lambda case: case.name)
def test_an_attack_on_the_clock_gains_nothing(
    case: Case, stage: Stage, solution: bytes, spares: Spares
) -> None:
    found = scored(stage, case.source(solution), ("correctness", "performance"), spares)
    speed = next(line for line in found.lines if line.check.rubric == "performance")

    if case.loses == "speed_at_most_partial":
        assert speed.score < speed.check.points
    else:
        assert speed.score == 0, speed


STUBBORN = ("fork_bomb", "forked_helpers", "ignores_signals", "sleeps")


def test_nothing_of_the_stubborn_ones_is_left_alive(stage: Stage, solution: bytes) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    impatient = replace(stage, limits=replace(stage.limits, suite_s=2.0))
    with Spares() as warm:
        for case in CASES:
            if case.name in STUBBORN:
                judge(impatient, case.source(solution), phases=("correctness",), spares=warm)

    left = [c for c in psutil.Process().children(recursive=True) if c.pid not in before]
    _, alive = psutil.wait_procs(left, timeout=10)
    assert [(child.pid, child.name()) for child in alive] == []
