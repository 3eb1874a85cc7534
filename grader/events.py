"""What a run tells while it goes on: plain JSON objects, one a line.

The same stream feeds the app, `--json`, the batch log and the tests. The events are:

    run_started     run stage suite seed isolation missing checks
    check_started   run id
    sample          run id pair of student_ns reference_ns
    call            run id export args kwargs          (public checks, when calls are recorded)
    check_finished  run + the fields of an Outcome
    run_finished    run passed total duration_s
    graded          run attempt view path              the learner's view of a graded run, its file
    judged          run result                         the whole of a run, for a batch
    train_started   run model steps isolation          a model on the learner's own stack
    step            run step loss                      a point of its curve
    trained         run + the fields of a Trained
    slots           names                              of every part of the framework
    problem         run message                        the grader itself could not judge
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from assignments.catalog import Check

from .models import Trained, document
from .outcome import Isolation, Outcome, Status
from .views.learner import CATEGORIES

Event = dict[str, Any]
Emit = Callable[[Event], None]
# Of a hidden check: how it ended, what it cost, and what the course wrote about it beforehand.
HIDDEN_FIELDS = ("event", "run", "id", "status", "fraction", "help", "diagnosis", "duration_s")


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


def for_learner(emit: Emit) -> Emit:
    """An `emit` that tells of a hidden check what a learner may know, and passes on the rest."""

    def projected(event: Event) -> None:
        if event["event"] == "check_finished":
            event = hidden_check(event)
        if event["event"] != "call":
            emit(event)

    return projected


def hidden_check(event: Event) -> Event:
    """The end of a hidden check without inputs, values and what the learner's code said of them."""
    kept = {name: event[name] for name in HIDDEN_FIELDS if name in event}
    return {**kept, "message": CATEGORIES[event["status"]]}


def graded(run: str, attempt: int, view: Mapping[str, Any], path: str) -> Event:
    return {"event": "graded", "run": run, "attempt": attempt, "view": dict(view), "path": path}


def judged(run: str, result: Mapping[str, Any]) -> Event:
    return {"event": "judged", "run": run, "result": dict(result)}


def train_started(run: str, model: str, steps: int, isolation: Isolation) -> Event:
    return {
        "event": "train_started",
        "run": run,
        "model": model,
        "steps": steps,
        "isolation": isolation.level,
    }


def step(run: str, number: int, loss: float) -> Event:
    return {"event": "step", "run": run, "step": number, "loss": loss}


def trained(run: str, found: Trained) -> Event:
    return {"event": "trained", "run": run, **document(found)}


def slots(names: list[str]) -> Event:
    return {"event": "slots", "names": names}


def problem(run: str, message: str) -> Event:
    return {"event": "problem", "run": run, "message": message}
