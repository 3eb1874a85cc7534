"""Golden reports: what seven kinds of submission come to, as the learner reads it.

`LAB_UPDATE_GOLDEN=1 make test` writes them anew; look at the difference before you commit it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assignments import catalog
from assignments.catalog import Stage
from grader import sandbox
from grader.grading import judge
from grader.ingest import ingest
from grader.report import build_report, validate
from grader.signing import graded_payload
from grader.spares import Spares
from grader.views import learner_view

FOLDER = Path(__file__).parent / "submissions"
CASES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
# How the timed check may end; a busy machine may cost a right one a tier.
TIMED = {
    "correct": {"passed", "partial", "inconclusive"},
    "slow": {"failed", "inconclusive"},  # on a noisy machine pending, and never points
    "wrong": {"skipped"},
    "hanging": {"skipped"},
    "crashing": {"skipped"},
    "memory_hungry": {"skipped"},
    "cheating": {"skipped"},
}
SEED = 20240601
UPDATE = "LAB_UPDATE_GOLDEN"

pytestmark = pytest.mark.skipif(
    sandbox.isolation().level != "full", reason="golden reports are made behind full walls"
)


@pytest.fixture(scope="module")
def stage() -> Stage:
    found = catalog.stage("softmax")
    # What only waits need not wait long; what is tested is the verdict.
    return replace(found, limits=replace(found.limits, call_s=3.0, suite_s=12.0, memory_mib=384))


@pytest.fixture(scope="module")
def spares() -> Iterator[Spares]:
    with Spares() as warm:
        yield warm


def report_of(stage: Stage, case: str, spares: Spares) -> dict[str, Any]:
    submission = ingest(FOLDER / case, stage)
    run = judge(stage, submission.source(stage.file_name), seed=SEED, spares=spares)
    report = build_report(
        stage, submission, run, authority="course", reason="batch", run_id="golden"
    )
    validate(report)
    return report


def golden(report: dict[str, Any]) -> dict[str, Any]:
    """The part of the learner's view that is the same on every machine."""
    view = learner_view(report)
    validate(view)
    tests = [test for test in view["tests"] if "performance" not in test["rubric"]]
    fields = ("name", "rubric", "status", "score", "max_score", "message", "diagnosis", "hint")
    return {
        "learner": view["submission"]["students"],
        "authority": view["authority"],
        "isolation": view["isolation"],
        "rubric": [line for line in view["rubric"] if line["id"] != "performance"],
        "tests": [{name: test[name] for name in fields if name in test} for test in tests],
    }


@pytest.mark.parametrize("case", CASES)
def test_a_report_is_what_it_was(case: str, stage: Stage, spares: Spares) -> None:
    report = report_of(stage, case, spares)
    found = golden(report)
    file = FOLDER / case / "report.json"
    if os.environ.get(UPDATE):
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    assert found == json.loads(file.read_text(encoding="utf-8"))
    (timed,) = [test["status"] for test in report["tests"] if test["rubric"] == "performance"]
    assert timed in TIMED[case]


def test_every_kind_of_submission_is_there() -> None:
    assert set(CASES) == set(TIMED)


def test_two_runs_with_one_seed_agree_byte_for_byte(stage: Stage, spares: Spares) -> None:
    untimed = replace(
        stage, checks=tuple(c for c in stage.checks if c.rubric != "performance"), timings=()
    )
    one, two = (report_of(untimed, "wrong", spares) for _ in range(2))

    assert graded_payload(one) == graded_payload(two)
