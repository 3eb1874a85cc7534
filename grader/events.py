"""What a run tells while it goes on: plain JSON objects, one a line.

The same stream feeds the app, `--json`, the batch log and the tests. The events are:

    run_started     run stage suite seed isolation missing checks
    check_started   run id
    sample          run id pair of student_ns reference_ns
    call            run id export args kwargs          (public checks, when calls are recorded)
    check_finished  run + the fields of an Outcome
    run_finished    run passed total duration_s        (+ score, max_score, report when graded)
    problem         run message                        the grader itself could not judge
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from assignments.catalog import Check

from .outcome import Isolation, Outcome, Status

Event = dict[str, Any]
Emit = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener of a run that nobody watches."""


def new_run_id() -> str:
    """A name for a run: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def run_started(
    run: str, stage: str, suite: str, seed: int, isolation: Isolation, checks: tuple[Check, ...]
) -> Event:
    return {
        "event": "run_started",
        "run": run,
        "stage": stage,
        "suite": suite,
        "seed": seed,
        "isolation": isolation.level,
        "missing": list(isolation.missing),
        "checks": [
            {
                "id": check.id,
                "title": check.title,
                "rubric": check.rubric,
                "points": check.points,
                "visibility": check.visibility,
            }
            for check in checks
        ],
    }


def check_started(run: str, check_id: str) -> Event:
    return {"event": "check_started", "run": run, "id": check_id}


def check_finished(run: str, outcome: Outcome) -> Event:
    return {"event": "check_finished", "run": run, **outcome.to_json()}


def run_finished(run: str, outcomes: tuple[Outcome, ...], duration_s: float) -> Event:
    return {
        "event": "run_finished",
        "run": run,
        "passed": sum(outcome.status is Status.PASSED for outcome in outcomes),
        "total": len(outcomes),
        "duration_s": round(duration_s, 3),
    }


def problem(run: str, message: str) -> Event:
    return {"event": "problem", "run": run, "message": message}
