"""The ledger: every submission, every run over it, and the grades that follow. SQLite, WAL.

It is the one truth: reports, gradebooks and the history are written from it and can be written again.
A regrade is a new run with a parent; nothing is changed after it is done.

A run of a batch goes `queued -> correct -> done`: the verdicts of the correctness phase are kept as
soon as they are known, so that after any interruption only unfinished work is done again.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UsageError
from .submission import Submission

SCHEMA = """
CREATE TABLE IF NOT EXISTS submissions (
    id INTEGER PRIMARY KEY,
    learner TEXT NOT NULL,
    stage TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    files TEXT NOT NULL,
    origin TEXT NOT NULL,
    submitted_at TEXT NOT NULL,
    claims TEXT NOT NULL,
    rejected TEXT NOT NULL,
    UNIQUE (learner, stage, sha256)
);
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY,
    submission INTEGER NOT NULL REFERENCES submissions (id),
    learner TEXT NOT NULL,
    stage TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    reason TEXT NOT NULL,
    parent TEXT REFERENCES runs (id),
    seed INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'correct', 'done')),
    tries INTEGER NOT NULL DEFAULT 0,
    correctness TEXT,
    status TEXT,
    score REAL,
    max_score REAL,
    created_at TEXT,
    report TEXT,
    UNIQUE (learner, stage, attempt)
);
CREATE UNIQUE INDEX IF NOT EXISTS graded_once ON runs (submission, reason, coalesce(parent, ''))
    WHERE reason IN ('batch', 'regrade');
CREATE INDEX IF NOT EXISTS by_state ON runs (stage, state);
CREATE VIEW IF NOT EXISTS grades AS
    SELECT * FROM runs WHERE state = 'done' AND attempt = (
        SELECT max(attempt) FROM runs AS other
        WHERE other.learner = runs.learner AND other.stage = runs.stage AND other.state = 'done'
    );
"""
COLUMNS = "id, submission, learner, stage, attempt, reason, parent, seed, state, tries, status, score, max_score, created_at"


@dataclass(frozen=True, slots=True)
class Run:
    """One run over one submission; score and status are None until it is done."""

    id: str
    submission: int
    learner: str
    stage: str
    attempt: int
    reason: str
    parent: str | None
    seed: int
    state: str
    tries: int
    status: str | None
    score: float | None
    max_score: float | None
    created_at: str | None


class Ledger:
    """The ledger in the file `path`, made when there is none. Use as a context manager.

    Raises:
        UsageError: the file is no ledger or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30.0, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")  # a grade that was told must survive
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise UsageError(f"{path} cannot be used as a ledger: {error}") from None

    # ---- submissions --------------------------------------------------------------------------
    def add_submission(self, submission: Submission) -> int:
        """Keep a submission; the same files of the same learner are kept once."""
        with self._transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO submissions "
                "(learner, stage, sha256, files, origin, submitted_at, claims, rejected) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    submission.learner,
                    submission.stage,
                    submission.sha256,
                    _pack(submission.files),
                    submission.origin,
                    submission.submitted_at,
                    json.dumps(dict(submission.claims)),
                    json.dumps(submission.rejected),
                ),
            )
            row = self._db.execute(
                "SELECT id FROM submissions WHERE learner = ? AND stage = ? AND sha256 = ?",
                (submission.learner, submission.stage, submission.sha256),
            ).fetchone()
        return int(row[0])

    def submission(self, number: int) -> Submission:
        """The submission `number`."""
        row = self._db.execute(
            "SELECT learner, stage, files, origin, submitted_at, claims, rejected "
            "FROM submissions WHERE id = ?",
            (number,),
        ).fetchone()
        learner, stage, files, origin, submitted_at, claims, rejected = row
        pairs = tuple((name, why) for name, why in json.loads(rejected))
        return Submission(
            learner, stage, _unpack(files), origin, submitted_at, json.loads(claims), pairs
        )

    # ---- runs ---------------------------------------------------------------------------------
    def new_run(
        self, run_id: str, submission: int, *, reason: str, seed: int, parent: str | None = None
    ) -> Run | None:
        """Queue a run; None if this submission has its run of that kind already."""
        with self._transaction():
            learner, stage = self._db.execute(
                "SELECT learner, stage FROM submissions WHERE id = ?", (submission,)
            ).fetchone()
            (attempt,) = self._db.execute(
                "SELECT coalesce(max(attempt), 0) + 1 FROM runs WHERE learner = ? AND stage = ?",
                (learner, stage),
            ).fetchone()
            try:
                self._db.execute(
                    "INSERT INTO runs (id, submission, learner, stage, attempt, reason, parent, "
                    "seed, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued')",
                    (run_id, submission, learner, stage, attempt, reason, parent, seed),
                )
            except sqlite3.IntegrityError:
                return None
        return self.run(run_id)

    def run(self, run_id: str) -> Run:
        """The run `run_id`.

        Raises:
            UsageError: there is none.
        """
        rows = self._runs("id = ?", (run_id,))
        if not rows:
            raise UsageError(f"the ledger {self.path} knows no run {run_id!r}.")
        return rows[0]

    def tried(self, run_id: str) -> int:
        """Count one more try of a run, and say how many there were."""
        with self._transaction():
            self._db.execute("UPDATE runs SET tries = tries + 1 WHERE id = ?", (run_id,))
        return self.run(run_id).tries

    def keep_correctness(self, run_id: str, suite_run: Mapping[str, Any]) -> None:
        """Keep the verdicts of the correctness phase; what is done already stays as it is."""
        with self._transaction():
            self._db.execute(
                "UPDATE runs SET correctness = ?, state = 'correct', tries = 0 "
                "WHERE id = ? AND state = 'queued'",
                (json.dumps(suite_run, allow_nan=False), run_id),
            )

    def correctness(self, run_id: str) -> dict[str, Any] | None:
        """The verdicts of the correctness phase of a run, if it has come so far."""
        (text,) = self._db.execute(
            "SELECT correctness FROM runs WHERE id = ?", (run_id,)
        ).fetchone()
        return None if text is None else dict(json.loads(text))

    def finish(self, run_id: str, report: Mapping[str, Any]) -> bool:
        """Keep the signed report of a run. A run is finished once: False if it was already."""
        with self._transaction():
            done = self._db.execute(
                "UPDATE runs SET state = 'done', status = ?, score = ?, max_score = ?, "
                "created_at = ?, report = ? WHERE id = ? AND state <> 'done'",
                (
                    report["status"],
                    report["score"],
                    report["max_score"],
                    report["created_at"],
                    json.dumps(report, allow_nan=False),
                    run_id,
                ),
            )
        return done.rowcount == 1

    def drop_run(self, run_id: str) -> None:
        """Forget a run that was never finished (the learner's own, cancelled)."""
        with self._transaction():
            self._db.execute("DELETE FROM runs WHERE id = ? AND state <> 'done'", (run_id,))

    # ---- reading ------------------------------------------------------------------------------
    def unfinished(self, stage: str) -> list[Run]:
        """Runs of `stage` that are not done, oldest first."""
        return self._runs("stage = ? AND state <> 'done' ORDER BY rowid", (stage,))

    def history(self, stage: str | None = None, learner: str | None = None) -> list[Run]:
        """Finished runs, oldest first."""
        where = "state = 'done'"
        values: list[str] = []
        for column, value in (("stage", stage), ("learner", learner)):
            if value is not None:
                where += f" AND {column} = ?"
                values.append(value)
        return self._runs(f"{where} ORDER BY rowid", tuple(values))

    def grades(self, stage: str) -> list[Run]:
        """The latest finished run of each learner."""
        rows = self._db.execute(
            f"SELECT {COLUMNS} FROM grades WHERE stage = ? ORDER BY learner",
            (stage,),
        )
        return [Run(*row) for row in rows]

    def grade_reports(self, stage: str) -> Iterator[dict[str, Any]]:
        """The instructor's reports of `grades`, by learner."""
        for (text,) in self._db.execute(
            "SELECT report FROM grades WHERE stage = ? ORDER BY learner", (stage,)
        ):
            yield dict(json.loads(text))

    def report(self, run_id: str) -> dict[str, Any]:
        """The instructor's report of a finished run.

        Raises:
            UsageError: the run is unknown or not finished.
        """
        row = self._db.execute("SELECT report FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None or row[0] is None:
            raise UsageError(f"the ledger {self.path} has no finished run {run_id!r}.")
        return dict(json.loads(row[0]))

    def stages(self) -> list[str]:
        """The stages of which there are runs."""
        return [
            row[0] for row in self._db.execute("SELECT DISTINCT stage FROM runs ORDER BY stage")
        ]

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _runs(self, where: str, values: tuple[Any, ...]) -> list[Run]:
        return [
            Run(*row)
            for row in self._db.execute(f"SELECT {COLUMNS} FROM runs WHERE {where}", values)
        ]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _pack(files: Mapping[str, bytes]) -> str:
    return json.dumps({name: base64.b64encode(data).decode() for name, data in files.items()})


def _unpack(text: str) -> dict[str, bytes]:
    return {name: base64.b64decode(data) for name, data in json.loads(text).items()}
