"""From verdicts to points: pure arithmetic over the manifest's list of expected checks.

Hygiene and performance count only for functions whose correctness passes, so that a function that
does nothing, cleanly and fast, is worth nothing. What this machine cannot assess leaves the maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assignments.catalog import RUBRICS, Check, Stage

from .outcome import Outcome, Status

GATED = ("hygiene", "performance")
NOT_EARNED = "counts only where the correctness of its functions passes"
# With one of these in a run nobody knows yet what the submission is worth.
PENDING = (Status.ERROR, Status.NOT_RUN, Status.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Line:
    """The points of one check. `reason` says why an outcome that passed earned nothing."""

    check: Check
    outcome: Outcome
    score: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Sum:
    """The points of one rubric line."""

    rubric: str
    score: float
    max_score: float


@dataclass(frozen=True, slots=True)
class Scored:
    """The points of a run. `percent` is over what could be assessed, None if nothing could."""

    lines: tuple[Line, ...]
    rubric: tuple[Sum, ...]
    score: float
    max_score: float
    not_assessed: float
    percent: float | None

    @property
    def pending(self) -> tuple[Line, ...]:
        """Checks that the grader still owes a verdict."""
        return tuple(line for line in self.lines if line.outcome.status in PENDING)


def score(stage: Stage, outcomes: Sequence[Outcome]) -> Scored:
    """The points of `outcomes` by the hidden checks of `stage`; a missing one is `not_run`."""
    found = {outcome.id: outcome for outcome in outcomes}
    pairs = [
        (check, found.get(check.id) or Outcome(check.id, Status.NOT_RUN, reason="it was not run"))
        for check in stage.hidden
    ]
    broken = {
        export
        for check, outcome in pairs
        if check.rubric == "correctness" and outcome.status is not Status.PASSED
        for export in check.exports
    }
    lines = tuple(_line(check, outcome, broken) for check, outcome in pairs)
    not_assessed = sum(
        line.check.points for line in lines if line.outcome.status is Status.NOT_ASSESSED
    )
    total = sum(line.score for line in lines)
    maximum = sum(stage.points.values()) - not_assessed
    return Scored(
        lines=lines,
        rubric=tuple(_sum(rubric, lines) for rubric in RUBRICS if stage.points[rubric]),
        score=rounded(total),
        max_score=rounded(maximum),
        not_assessed=rounded(not_assessed),
        percent=rounded(100 * total / maximum) if maximum else None,
    )


def rounded(points: float) -> float:
    """Points as people read them: two decimals, and no 99.99999."""
    return round(points + 0.0, 2)


def _line(check: Check, outcome: Outcome, broken: set[str]) -> Line:
    earned = check.points * _fraction(outcome)
    if earned and check.rubric in GATED and broken.intersection(check.exports):
        return Line(check, outcome, 0.0, NOT_EARNED)
    return Line(check, outcome, rounded(earned))


def _fraction(outcome: Outcome) -> float:
    if outcome.status is Status.PASSED:
        return 1.0
    if outcome.status is Status.PARTIAL:
        return outcome.fraction or 0.0
    return 0.0


def _sum(rubric: str, lines: Sequence[Line]) -> Sum:
    own = [line for line in lines if line.check.rubric == rubric]
    assessed = [line for line in own if line.outcome.status is not Status.NOT_ASSESSED]
    return Sum(
        rubric,
        rounded(sum(line.score for line in own)),
        rounded(sum(line.check.points for line in assessed)),
    )
