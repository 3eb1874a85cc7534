"""From what happened in the body of a check to the verdict on it.

A check can end in four ways: it returns (passed), it finds a fault (`CheckFailure`), the learner's
process does something else than answer (`WorkerError`), or the body itself stumbles. The last may
be the learner's values or a bug of the suite; `needs_second_opinion` marks it, and the runner asks
the stage's own solution with the same seed before anybody is blamed.
"""

from __future__ import annotations

from typing import Any

from .check import CheckFailure
from .errors import (
    InfrastructureError,
    NotAssessed,
    ProtocolError,
    WorkerCrashed,
    WorkerError,
    WorkerMemory,
    WorkerTimeout,
)
from .outcome import Outcome, Status
from .student import StudentError


class DependencyNotPassed(Exception):
    """A check on which this one builds did not pass, so this one says nothing new."""


_STATUS_OF_WORKER: dict[type[WorkerError], Status] = {
    WorkerTimeout: Status.TIMEOUT,
    WorkerMemory: Status.MEMORY,
    WorkerCrashed: Status.CRASHED,
    ProtocolError: Status.FAILED,
}


def of_exception(check_id: str, error: BaseException, *, task: str = "") -> tuple[Outcome, bool]:
    """The verdict for a check that ended in `error`, and whether it needs a second opinion.

    Args:
        task: what the first function of the check is to do, for a learner who has not begun it.
    """
    if isinstance(error, CheckFailure):
        return _failed(
            check_id,
            error.message,
            help=error.help,
            diagnosis=error.diagnosis,
            expected=error.expected,
            actual=error.actual,
            diff=error.diff,
        ), False
    if isinstance(error, StudentError):
        if error.type_name == "NotImplementedError" and task:
            return _failed(check_id, f"{error.text or 'it is not written yet'}.", help=task), False
        return _failed(
            check_id,
            f"your code raised {error.type_name}: {error.text}".rstrip(": "),
            traceback=error.traceback,
        ), False
    if isinstance(error, WorkerError):
        status = next(
            (s for kind, s in _STATUS_OF_WORKER.items() if isinstance(error, kind)), Status.FAILED
        )
        return Outcome(check_id, status, message=str(error)), False
    if isinstance(error, DependencyNotPassed):
        return Outcome(check_id, Status.SKIPPED, reason=str(error)), False
    if isinstance(error, NotAssessed):
        return Outcome(
            check_id, Status.NOT_ASSESSED, reason=str(error), diagnosis=error.diagnosis
        ), False
    if isinstance(error, InfrastructureError):
        return Outcome(check_id, Status.ERROR, reason=str(error)), False
    if isinstance(error, AssertionError):
        return _failed(check_id, "the result is not what this check asks for."), False
    return Outcome(check_id, Status.ERROR, reason=f"{type(error).__name__}: {error}"), True


def of_decision(check_id: str, decision: Any) -> Outcome:
    """The verdict of a timed check from a `grader.timing.decision.Decision`."""
    status = {
        "pass": Status.PASSED,
        "partial": Status.PARTIAL,
        "fail": Status.FAILED,
        "inconclusive": Status.INCONCLUSIVE,
    }[decision.decision]
    ratio = f"{decision.value:.2f} times the time of the course's own solution"
    best = min(tier.at for tier in decision.tiers)
    return Outcome(
        check_id,
        status,
        message=f"your code took {ratio}" if status is not Status.INCONCLUSIVE else "",
        help="" if status is Status.PASSED else f"Full points need at most {best:g} times.",
        reason=decision.reason if status is Status.INCONCLUSIVE else "",
        fraction=decision.fraction,
        performance=decision.to_json(),
    )


def blamed_on_learner(outcome: Outcome) -> Outcome:
    """`outcome` of a body that stumbled over the learner's values: the solution passes there."""
    return _failed(
        outcome.id,
        "your result could not even be compared with what this check asks for.",
        help="Look at the type and the shape of what your function returns.",
        reason=outcome.reason,
        duration_s=outcome.duration_s,
        seed=outcome.seed,
    )


def _failed(check_id: str, message: str, **fields: Any) -> Outcome:
    return Outcome(check_id, Status.FAILED, message=message, **fields)
