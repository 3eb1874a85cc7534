"""Reports: valid by the schema, honest about what they are worth, and views that tell no secret."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from assignments import catalog
from grader.outcome import Isolation, Outcome, Status, SuiteRun
from grader.report import REDUCED, SELF_GRADED, build_report, official, ungradable, validate
from grader.submission import Submission
from grader.views import gradescope, html, junit, learner_view, table

STAGE = catalog.stage("softmax")
SEED = 987654321987654321
SECRETS = {
    name: f"canary of {name}"
    for name in ("message", "expected", "actual", "traceback", "output", "reason")
}
PERFORMANCE = {
    "metric": "wall_ratio", "unit": "times", "better": "lower", "estimator": "median_of_ratios",
    "value": 1.23456, "ci": [1.2, 1.3], "ci_level": 0.95,
    "thresholds": [{"at": 1.25, "fraction": 1.0}], "pairs": 15, "reruns": 0, "decision": "pass",
    "noise": 0.01, "aa_ratio": 1.0, "needs_review": False, "reason": "canary of a reason",
    "samples": {"student_ns": [SEED], "reference_ns": [SEED], "aa_ns": [], "student_cpu_ns": [],
                "reference_cpu_ns": []},
}  # fmt: skip


def submission(learner: str = "ann") -> Submission:
    return Submission(
        learner, "softmax", {"softmax.py": b"x"}, "/somewhere/secret", "2026-01-01T00:00:00Z",
        {"name": "canary of a claim"}, (("bad.bin", "too large"),),
    )  # fmt: skip


def run(status: Status = Status.FAILED, isolation: str = "full", **fields: Any) -> SuiteRun:
    canaries: dict[str, Any] = {**SECRETS, "diff": {"first": ["canary of a diff"]}, **fields}
    return SuiteRun(
        "softmax", "hidden", SEED,
        tuple(
            Outcome(
                c.id, status, help="Think of the axis.", diagnosis="The wrong axis.", seed=SEED,
                performance=PERFORMANCE if c.rubric == "performance" else None, **canaries,
            )
            for c in STAGE.hidden
        ),
        Isolation(isolation, () if isolation == "full" else ("the network",)),
        "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z", 9.0, {"python": "canary of a machine"},
    )  # fmt: skip


def report(
    status: Status = Status.FAILED, authority: str = "course", **fields: Any
) -> dict[str, Any]:
    return build_report(
        STAGE, submission(), run(status, **fields), authority=authority, reason="batch", run_id="r1"
    )


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("authority", ["self", "course"])
def test_reports_and_views_are_valid(status: Status, authority: str) -> None:
    whole = report(status, authority)
    validate(whole)
    validate(learner_view(whole))
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"status": "fine"}, "fine"),
        ({"schema": "labgrade/2"}, "labgrade/2"),
        ({"authority": "teacher"}, "teacher"),
        ({"score": "100"}, "100"),
    ],
)
def test_the_schema_refuses(change: dict[str, Any], named: str) -> None:
    with pytest.raises(jsonschema.ValidationError, match=named):
        validate({**report(), **change})


def test_an_ungradable_one_is_valid_too() -> None:
    found = ungradable(STAGE, "ann", "there is no softmax.py in it", authority="course", run_id="r")
    validate(found)
    validate(learner_view(found))
    assert official(found) == (True, "")


# ---- what a report is worth ----------------------------------------------------------------------
def test_self_graded_reports_say_so() -> None:
    assert SELF_GRADED in report(Status.PASSED, "self")["output"]
    assert official(report(Status.PASSED, "self")) == (False, "it is self-graded")


def test_lower_walls_are_said_and_do_not_count() -> None:
    for level in ("reduced", "none"):
        found = report(Status.PASSED, isolation=level)
        assert REDUCED.format(missing="the network") in found["output"]
        assert official(found) == (False, f"it was made at {level} isolation")


def test_what_the_grader_owes_does_not_count_yet() -> None:
    for status in (Status.ERROR, Status.NOT_RUN, Status.INCONCLUSIVE):
        found = report(status)
        assert found["status"] == "infrastructure_error"
        assert not official(found)[0]
    assert official(report(Status.FAILED)) == (True, "")


def test_an_implausible_speed_waits_for_a_person() -> None:
    base = run(Status.PASSED)
    odd = tuple(
        replace(o, performance={**o.performance, "needs_review": True}) if o.performance else o
        for o in base.outcomes
    )
    found = build_report(
        STAGE, submission(), replace(base, outcomes=odd), authority="course", reason="batch",
        run_id="r1",
    )  # fmt: skip
    assert found["status"] == "needs_review"
    assert official(found) == (False, "its status is needs_review")


# ---- views ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", list(Status))
def test_no_view_of_a_hidden_check_tells_a_value(status: Status) -> None:
    whole = report(status)
    assert json.dumps(whole).count("canary") > len(STAGE.hidden)
    for told in (
        json.dumps(learner_view(whole)),
        json.dumps(gradescope.results(whole)),
        html.page(whole),
        junit.junit(whole),
        table.gradebook([whole]),
    ):
        assert "canary" not in told
        assert str(SEED) not in told
        assert "/somewhere" not in told


def test_a_learner_is_told_what_to_think_about() -> None:
    view = learner_view(report(Status.FAILED))
    assert {t["hint"] for t in view["tests"]} == {"Think of the axis."}
    assert {t["diagnosis"] for t in view["tests"]} == {"The wrong axis."}
    assert all(t["message"] for t in view["tests"])
    assert all("hint" not in t for t in learner_view(report(Status.PASSED))["tests"])


def test_a_public_check_is_shown_whole() -> None:
    whole = report(Status.FAILED)
    whole["tests"][0]["visibility"] = "visible"
    shown = learner_view(whole)["tests"][0]
    for name in ("message", "expected", "actual", "traceback", "output"):
        assert shown[name] == SECRETS[name]


def test_points_are_the_same_in_every_view() -> None:
    whole = report(Status.PASSED)
    assert learner_view(whole)["score"] == gradescope.results(whole)["score"] == whole["score"]
    (row,) = csv.DictReader(io.StringIO(table.gradebook([whole])))
    assert float(row["score"]) == whole["score"]
    assert "score" not in gradescope.results(report(Status.ERROR))


def test_junit_counts_what_failed() -> None:
    suite = ElementTree.fromstring(junit.junit(report(Status.FAILED)))
    assert int(suite.get("failures", "0")) == len(STAGE.hidden) == len(suite.findall(".//failure"))
    clean = ElementTree.fromstring(junit.junit(report(Status.PASSED)))
    assert clean.get("failures") == "0"


def test_names_of_learners_are_text_everywhere() -> None:
    whole = build_report(
        STAGE, submission("=cmd|' /C calc'!A0 <b>&"), run(), authority="course", reason="batch",
        run_id="r1",
    )  # fmt: skip
    assert "<b>" not in html.page(whole)
    (row,) = csv.DictReader(io.StringIO(table.gradebook([whole])))
    assert row["learner"].startswith("'=")


def test_the_gradebook_is_in_the_order_of_learners() -> None:
    rows = []
    for name in ("zoe", "ann", "max"):
        rows.append(
            build_report(
                STAGE, submission(name), run(), authority="course", reason="batch", run_id=name
            )
        )
    found = csv.DictReader(io.StringIO(table.gradebook(rows)))
    assert [row["learner"] for row in found] == ["ann", "max", "zoe"]
