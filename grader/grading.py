"""From a submission to a grade: the hidden suite, the report, its signature, the ledger.

`judge` runs the suite; `record` makes the signed report of a run and keeps it. `self_grade` is what a
learner's own `lab submit` does, on the learner's machine and with the learner's own key, and worth
what that is worth. A batch does the same two steps with the course's key (`batch.py`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assignments.catalog import Stage

from . import events, keys, signing, views
from .ingest import ingest
from .ledger import Ledger, Run
from .outcome import Status, SuiteRun
from .passing import passing_parts
from .report import build_report, validate
from .runner import PHASES, SEED_BITS, run_suite
from .spares import Spares
from .submission import Submission


@dataclass(frozen=True, slots=True)
class Graded:
    """A graded attempt: the instructor's report, the learner's view, and the file of the view."""

    attempt: int
    report: Mapping[str, Any]
    view: Mapping[str, Any]
    path: Path


def judge(
    stage: Stage,
    source: bytes,
    *,
    seed: int | None = None,
    only: Collection[str] | None = None,
    phases: Collection[str] = PHASES,
    earlier: Mapping[str, Status] | None = None,
    emit: events.Emit = events.ignore,
    run: str | None = None,
    spares: Spares | None = None,
    beside: Mapping[str, bytes] | None = None,
) -> SuiteRun:
    """Judge the bytes of a learner's file by the hidden suite of `stage`.

    `beside` are the learner's other files by name; what of them passes is the stack that a stage
    with `own_stack` runs on.
    """
    parts = passing_parts(beside, spares) if beside and stage.own_stack else None
    return run_suite(
        stage,
        source,
        "hidden",
        seed=seed,
        only=only,
        phases=phases,
        earlier=earlier,
        emit=emit,
        run=run,
        spares=spares,
        parts=parts,
    )


def joined(stage: Stage, correctness: SuiteRun, performance: SuiteRun) -> SuiteRun:
    """One run out of its two phases; what each phase did not look at comes from the other."""
    found = {outcome.id: outcome for outcome in (*correctness.outcomes, *performance.outcomes)}
    return replace(
        correctness,
        outcomes=tuple(found[check.id] for check in stage.hidden if check.id in found),
        finished_at=performance.finished_at,
        duration_s=correctness.duration_s + performance.duration_s,
        # A grade is worth what the weaker of its phases is worth.
        isolation=max(
            (correctness.isolation, performance.isolation),
            key=lambda found: ("full", "reduced", "none").index(found.level),
        ),
    )


def record(
    ledger: Ledger, stage: Stage, submission: Submission, run: Run, judged: SuiteRun, key: keys.Key
) -> dict[str, Any]:
    """The signed instructor's report of `run`, kept in the ledger."""
    report = signing.sign(
        build_report(
            stage,
            submission,
            judged,
            authority=key.kind,
            reason=run.reason,
            attempt=run.attempt,
            run_id=run.id,
            parent=run.parent,
        ),
        key,
    )
    validate(report)
    ledger.finish(run.id, report)
    return report


def signed_view(report: Mapping[str, Any], key: keys.Key) -> dict[str, Any]:
    """The learner's view of a report, with a signature of its own."""
    view = signing.sign(views.learner_view(report), key)
    validate(view)
    return view


def self_grade(
    stage: Stage,
    path: Path,
    *,
    ledger_path: Path,
    reports: Path,
    learner: str = "me",
    claims: Mapping[str, str] | None = None,
    emit: events.Emit = events.ignore,
    run: str | None = None,
    spares: Spares | None = None,
    beside: Sequence[Path] = (),
) -> Graded:
    """Grade the learner's own file, keep the attempt, and write the signed learner's view.

    Args:
        learner, claims: who the learner's `lab.toml` says hands in.
        beside: the learner's files of other stages, for a stage with `own_stack`.
        emit: hears the run, each hidden check only by what a learner may know of it.

    Raises:
        SubmissionError: the file cannot be read.
        InfrastructureError: the suite cannot be run here.
    """
    run_id = run or events.new_run_id()
    submission = replace(
        ingest(path, stage, learner=learner, beside=beside), claims=dict(claims or {})
    )
    key = keys.own()
    with Ledger(ledger_path) as ledger:
        number = ledger.add_submission(submission)
        # Kept before it is judged: what a learner handed in is never lost, whatever comes after.
        queued = ledger.new_run(run_id, number, reason="submit", seed=secrets.randbits(SEED_BITS))
        assert queued is not None  # only batches are limited to one run
        try:
            judged = judge(
                stage,
                submission.source(stage.file_name),
                seed=queued.seed,
                emit=events.for_learner(emit),
                run=run_id,
                spares=spares,
                beside=submission.beside(stage.file_name),
            )
        except BaseException:
            ledger.drop_run(run_id)
            raise
        report = record(ledger, stage, submission, queued, judged, key)
    view = signed_view(report, key)
    file = reports / f"{stage.id}-{queued.attempt}.json"
    write_json(file, view)
    emit(events.graded(run_id, queued.attempt, view, str(file)))
    return Graded(queued.attempt, report, view, file)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write `content` so that a reader meets the old file or the new one, never half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(file.name + ".new")
    fresh.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(file)
