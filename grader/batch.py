"""Grade a folder of submissions: correctness first and wide, then timing, one at a time.

The ledger in the output folder holds everything; reports, learners' views and the gradebook are
written from it. Whatever is interrupted, `resume` goes on where the ledger says, and no submission
is graded twice.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assignments.catalog import Stage

from . import events, ingest, keys, signing
from .errors import SubmissionError, UsageError
from .grading import joined, record, signed_view, write_json
from .ledger import Ledger, Run
from .outcome import Status, SuiteRun
from .report import now, ungradable, validate
from .runner import SEED_BITS
from .scoring import PENDING
from .slots import Job, run_jobs
from .submission import Submission
from .views.table import gradebook

LEDGER = "ledger.sqlite"
GRADEBOOK = "gradebook.csv"
LOCK = ".lock"
# A verdict that a busy machine left open is timed again after everybody else's.
TIMING_ROUNDS = 3

RunJobs = Callable[..., None]


@dataclass
class Batch:
    """What came of a batch: finished reports' learners, and what the grader still owes."""

    graded: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    already: int = 0


def grade(
    stage: Stage,
    submissions: Path,
    out: Path,
    *,
    jobs: int = 1,
    seed: int | None = None,
    resume: bool = False,
    emit: events.Emit = events.ignore,
    run_jobs: RunJobs = run_jobs,
) -> Batch:
    """Grade everything in `submissions` by the hidden suite of `stage` and write reports to `out`.

    Args:
        jobs: submissions judged at the same time (timing is always one at a time).
        seed: one seed for all; None draws one for each.
        resume: go on with what the ledger in `out` holds.
        run_jobs: what does the jobs; `slots.run_jobs` on this machine.

    Raises:
        UsageError: the folders do not fit, or there is no course key.
    """
    if jobs < 1:
        raise UsageError(f"--jobs is {jobs}; it must be at least 1.")
    key = keys.load("course")
    entries = ingest.entries(submissions)
    with _sole_user(out), Ledger(out / LEDGER) as ledger:
        _refuse_unless_resumed(ledger, stage, out, resume)
        for entry in entries:
            _enter(ledger, stage, entry, seed, key)
        work = _Work(ledger, stage, out, key, emit, run_jobs)
        return work.do(jobs)


def regrade(
    stage: Stage,
    out: Path,
    *,
    learners: tuple[str, ...] = (),
    jobs: int = 1,
    seed: int | None = None,
    emit: events.Emit = events.ignore,
    run_jobs: RunJobs = run_jobs,
) -> Batch:
    """Grade again what the ledger in `out` holds: each learner's latest submission, as a new run.

    Raises:
        UsageError: nothing was graded there, a learner is unknown, or there is no course key.
    """
    key = keys.load("course")
    if not (out / LEDGER).is_file():
        raise UsageError(f"{out} holds no ledger: `lab grade` writes one.")
    with _sole_user(out), Ledger(out / LEDGER) as ledger:
        known = {run.learner: run for run in ledger.grades(stage.id)}
        for learner in learners:
            if learner not in known:
                raise UsageError(f"{out} holds no grade of {learner!r} for {stage.id}.")
        for learner in learners or tuple(known):
            old = known[learner]
            if ledger.submission(old.submission).files:
                ledger.new_run(
                    events.new_run_id(),
                    old.submission,
                    reason="regrade",
                    seed=_draw(seed),
                    parent=old.id,
                )
        return _Work(ledger, stage, out, key, emit, run_jobs).do(jobs)


def write_gradebook(ledger: Ledger, out: Path) -> Path:
    """Write the gradebook of every stage in the ledger."""
    reports = [report for stage in ledger.stages() for report in ledger.grade_reports(stage)]
    file = out / GRADEBOOK
    fresh = file.with_name(GRADEBOOK + ".new")
    fresh.write_text(gradebook(reports), encoding="utf-8")
    fresh.replace(file)
    return file


class _Work:
    """The runs of one stage that are not done yet, and the way they go."""

    def __init__(
        self,
        ledger: Ledger,
        stage: Stage,
        out: Path,
        key: keys.Key,
        emit: events.Emit,
        run_jobs: RunJobs,
    ) -> None:
        self._ledger, self._stage, self._out, self._key = ledger, stage, out, key
        self._emit, self._run_jobs = emit, run_jobs
        self._batch = Batch()
        self._total = 0

    def do(self, jobs: int) -> Batch:
        before = self._ledger.grades(self._stage.id)
        self._batch.already = len(before)
        for run in before:
            self._write(run.learner, self._ledger.report(run.id))
        unfinished = self._ledger.unfinished(self._stage.id)
        self._total = len(before) + len(
            {run.learner for run in unfinished} - {r.learner for r in before}
        )
        self._correctness([run for run in unfinished if run.state == "queued"], jobs)
        for round_number in range(TIMING_ROUNDS):
            waiting = [r for r in self._ledger.unfinished(self._stage.id) if r.state == "correct"]
            self._performance(waiting, last=round_number == TIMING_ROUNDS - 1)
        write_gradebook(self._ledger, self._out)
        return self._batch

    def _correctness(self, runs: list[Run], jobs: int) -> None:
        def found(job: Job, suite_run: SuiteRun) -> None:
            self._ledger.keep_correctness(job.run, suite_run.to_json())
            self._tell("judged", self._ledger.run(job.run).learner)

        self._run_jobs(
            [self._job(run, ("correctness",)) for run in runs], jobs, found, self._failed
        )

    def _performance(self, runs: list[Run], *, last: bool) -> None:
        """Time the submissions one after another: nothing else may run meanwhile."""

        def found(job: Job, suite_run: SuiteRun) -> None:
            undecided = any(o.status is Status.INCONCLUSIVE for o in suite_run.outcomes)
            if last or not undecided:
                self._finish(self._ledger.run(job.run), suite_run)

        self._run_jobs([self._job(run, ("performance",)) for run in runs], 1, found, self._failed)

    def _job(self, run: Run, phases: tuple[str, ...]) -> Job:
        submission = self._ledger.submission(run.submission)
        name = self._stage.file_name
        kept = self._ledger.correctness(run.id)
        earlier = {o.id: o.status for o in SuiteRun.from_json(kept).outcomes} if kept else {}
        return Job(
            run.id,
            self._stage.id,
            submission.source(name),
            run.seed,
            phases,
            earlier,
            submission.beside(name),
        )

    def _finish(self, run: Run, performance: SuiteRun) -> None:
        kept = self._ledger.correctness(run.id)
        assert kept is not None
        judged = joined(self._stage, SuiteRun.from_json(kept), performance)
        submission = self._ledger.submission(run.submission)
        report = record(self._ledger, self._stage, submission, run, judged, self._key)
        owed = [o.id for o in judged.outcomes if o.status in PENDING]
        if owed:
            self._batch.problems.append(f"{run.learner}: no verdict yet on {', '.join(owed)}.")
        self._write(run.learner, report)
        self._batch.graded.append(run.learner)
        self._tell("graded", run.learner, report)

    def _write(self, learner: str, report: dict[str, Any]) -> None:
        folder = self._out / learner
        write_json(folder / f"{self._stage.id}.json", report)
        write_json(folder / f"{self._stage.id}.learner.json", signed_view(report, self._key))

    def _failed(self, job: Job, why: str) -> None:
        learner = self._ledger.run(job.run).learner
        self._batch.problems.append(f"{learner}: {why}")
        self._emit(events.problem(job.run, f"{learner}: {why}"))

    def _tell(self, what: str, learner: str, report: dict[str, Any] | None = None) -> None:
        done = self._batch.already + len(self._batch.graded)
        event = {
            "event": "submission",
            "what": what,
            "learner": learner,
            "done": done,
            "of": self._total,
        }
        if report is not None:
            event |= {name: report[name] for name in ("status", "score", "max_score")}
        self._emit(event)


def _enter(ledger: Ledger, stage: Stage, entry: Path, seed: int | None, key: keys.Key) -> None:
    """Put one entry into the ledger, with a run to be done; what cannot be read is done at once."""
    learner = ingest.learner_of(entry)
    try:
        submission = ingest.ingest(entry, stage)
        why = ""
    except SubmissionError as error:
        submission = Submission(learner, stage.id, {}, str(entry), now())
        why = str(error)
    number = ledger.add_submission(submission)
    run_id = events.new_run_id()
    run = ledger.new_run(run_id, number, reason="batch", seed=_draw(seed))
    if run is not None and why:
        _finish_ungradable(ledger, stage, run, why, key)


def _finish_ungradable(ledger: Ledger, stage: Stage, run: Run, why: str, key: keys.Key) -> None:
    report = ungradable(stage, run.learner, why, authority=key.kind, run_id=run.id)
    signed = signing.sign(report, key)
    validate(signed)
    ledger.finish(run.id, signed)


def _refuse_unless_resumed(ledger: Ledger, stage: Stage, out: Path, resume: bool) -> None:
    done, left = len(ledger.history(stage.id)), len(ledger.unfinished(stage.id))
    if (done or left) and not resume:
        raise UsageError(
            f"{out} already holds a grading of {stage.id} ({done} of {done + left} done): add "
            "--resume to go on with it, or `lab regrade` to grade it again, or name another folder."
        )


def _draw(seed: int | None) -> int:
    return secrets.randbits(SEED_BITS) if seed is None else seed


@contextmanager
def _sole_user(out: Path) -> Iterator[None]:
    """Hold `out` for this process alone; the system lets go of it however the process ends."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        fd = os.open(out / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}.") from None
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"another `lab grade` is working in {out}: let it end first."
            ) from None
        yield
    finally:
        os.close(fd)
