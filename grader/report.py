"""The grade report, `labgrade/1`: everything about one graded run, as the schema says.

This module knows neither pytest nor Numba, so that reports can be read and verified in no time.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from assignments.catalog import Stage

from . import __version__
from .outcome import Status, SuiteRun
from .scoring import Line, Scored, score
from .submission import Submission

SCHEMA = "labgrade/1"
COURSE = "deep-learning systems lab"
FOLDER = Path(__file__).parent
SELF_GRADED = (
    "Self-graded: made on the learner's own machine and signed with the learner's own key. "
    "It helps the learner; it is no evidence to anybody else."
)
REDUCED = "Made without full isolation ({missing}): it does not count as a course's grade."
RUBRIC_TITLES = {
    "correctness": "correctness",
    "properties": "properties and edge cases",
    "performance": "performance",
    "hygiene": "hygiene",
}

Report = dict[str, Any]


def build_report(
    stage: Stage,
    submission: Submission,
    run: SuiteRun,
    *,
    authority: str,
    reason: str,
    attempt: int = 1,
    run_id: str,
    parent: str | None = None,
) -> Report:
    """The instructor's report, not yet signed.

    Args:
        authority: "self" or "course".
        reason: why it was run: submit, batch, regrade, rerun or check.
        parent: the run that this one regrades.
    """
    scored = score(stage, run.outcomes)
    report: Report = {
        "schema": SCHEMA,
        "report_id": secrets.token_hex(8),
        "created_at": now(),
        "view": "instructor",
        "status": _status(scored),
        "authority": authority,
        "isolation": run.isolation.level,
        "isolation_missing": list(run.isolation.missing),
        "assignment": {
            "id": stage.id,
            "version": stage.version,
            "title": stage.title,
            "course": COURSE,
        },
        "submission": {
            "id": submission.sha256[:16],
            "students": [submission.learner],
            "submitted_at": submission.submitted_at,
            "sha256": submission.sha256,
            "attempt": attempt,
            "client": f"dlsyslab {__version__}",
        },
        "grader": {"version": __version__, "bundle_sha256": bundle_sha256(stage)},
        "run": {
            "id": run_id,
            "reason": reason,
            "suite": run.suite,
            "seed": run.seed,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "duration_s": round(run.duration_s, 3),
            "environment": dict(run.environment),
        },
        "score": scored.score,
        "max_score": scored.max_score,
        "score_percent": scored.percent,
        "not_assessed_points": scored.not_assessed,
        "rubric": [
            {
                "id": line.rubric,
                "title": RUBRIC_TITLES[line.rubric],
                "score": line.score,
                "max_score": line.max_score,
            }
            for line in scored.rubric
        ],
        "output": _preface(authority, run),
        "output_format": "text",
        "tests": [_test(stage, line) for line in scored.lines],
        "extra_data": {
            "claims": dict(submission.claims),
            "rejected_files": [list(entry) for entry in submission.rejected],
        },
    }
    if parent is not None:
        report["run"]["parent"] = parent
    return report


def ungradable(stage: Stage, learner: str, why: str, *, authority: str, run_id: str) -> Report:
    """The report of something that cannot be graded: 0 points and the reason."""
    report: Report = {
        "schema": SCHEMA,
        "report_id": secrets.token_hex(8),
        "created_at": now(),
        "view": "instructor",
        "status": "ungradable",
        "authority": authority,
        "isolation": "none",
        "assignment": {"id": stage.id, "version": stage.version, "title": stage.title},
        "submission": {
            "id": "none",
            "students": [learner],
            "submitted_at": now(),
            "sha256": hashlib.sha256(b"").hexdigest(),
        },
        "grader": {"version": __version__, "bundle_sha256": bundle_sha256(stage)},
        "run": {"id": run_id, "reason": "batch", "seed": 0},
        "score": 0.0,
        "max_score": sum(stage.points.values()),
        "score_percent": 0.0,
        "output": why,
        "output_format": "text",
        "tests": [],
    }
    return report


def official(report: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether a report can count as a course's grade, and if not, why."""
    if report.get("authority") != "course":
        return False, "it is self-graded"
    # Of what cannot be graded nothing ran, so there was nothing to isolate.
    if report.get("isolation") != "full" and report.get("status") != "ungradable":
        return False, f"it was made at {report.get('isolation')} isolation"
    if report.get("status") not in ("graded", "ungradable"):
        return False, f"its status is {report.get('status')}"
    return True, ""


def validate(report: Mapping[str, Any]) -> None:
    """Hold a report against the schema.

    Raises:
        jsonschema.ValidationError: it is no labgrade/1 report.
    """
    _validator().validate(report)


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator  # only needed here, and slow to load

    schema = json.loads((FOLDER / "schema" / "grade-report.schema.json").read_text())
    return Draft202012Validator(schema)


def bundle_sha256(stage: Stage) -> str:
    """The digest of what decided: the manifest, the suites and the solution of `stage`."""
    return _digest_of_files(stage.folder, FOLDER / "suites" / stage.id, stage.file_name)


@cache  # a batch asks thousands of times
def _digest_of_files(stage_folder: Path, suite_folder: Path, file_name: str) -> str:
    found = hashlib.sha256()
    paths = [path for folder in (stage_folder, suite_folder) for path in folder.rglob("*.py")]
    paths += [stage_folder / "assignment.toml", FOLDER / "solutions" / file_name]
    for path in sorted(paths):
        if path.is_file():
            found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def now() -> str:
    """The time in UTC, to the second, as RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _status(scored: Scored) -> str:
    if scored.pending:
        return "infrastructure_error"
    if any((line.outcome.performance or {}).get("needs_review") for line in scored.lines):
        return "needs_review"
    return "graded"


def _preface(authority: str, run: SuiteRun) -> str:
    said = [SELF_GRADED] if authority == "self" else []
    if run.isolation.level != "full":
        said.append(REDUCED.format(missing="; ".join(run.isolation.missing) or run.isolation.level))
    return " ".join(said)


def _test(stage: Stage, line: Line) -> dict[str, Any]:
    check, outcome = line.check, line.outcome
    test: dict[str, Any] = {
        "id": test_id(stage, check.id),
        "name": check.title,
        "number": check.id,
        "rubric": check.rubric,
        "status": str(outcome.status),
        "score": line.score,
        "max_score": 0.0 if outcome.status is Status.NOT_ASSESSED else check.points,
        "visibility": "visible" if check.visibility == "public" else "hidden",
        "message": outcome.message,
        "diagnosis": outcome.diagnosis,
        "expected": outcome.expected,
        "actual": outcome.actual,
        "hint": outcome.help,
        "traceback": outcome.traceback,
        "output": outcome.output,
        "output_format": "text",
        "depends_on": list(check.depends_on),
        "tags": list(check.tags),
        "duration_s": outcome.duration_s,
        "cpu_s": outcome.cpu_s,
        "peak_rss_bytes": outcome.peak_rss_bytes,
        "attempts": outcome.attempts,
        "seed": outcome.seed,
        "reason": line.reason or outcome.reason,
    }
    test = {key: value for key, value in test.items() if value not in ("", [])}
    if outcome.diff is not None:
        test["diff"] = dict(outcome.diff)
    if outcome.performance is not None:
        test["performance"] = dict(outcome.performance)
    return test


def test_id(stage: Stage, check_id: str) -> str:
    """A name for a check that stays the same over regrades and says nothing of a path."""
    return hashlib.sha256(f"{stage.id}/{check_id}".encode()).hexdigest()[:12]
