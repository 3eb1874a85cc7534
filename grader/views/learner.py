"""What a learner sees of a graded run.

Of a hidden check: what it asks, how it ended, its points, and what to think about next. No inputs, no
values, no seed, no samples, nothing that the learner's code said while hidden inputs were about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REPORT_FIELDS = (
    "schema", "report_id", "created_at", "status", "authority", "isolation", "isolation_missing",
    "assignment", "score", "max_score", "score_percent", "not_assessed_points", "rubric",
    "output", "output_format",
)  # fmt: skip
SUBMISSION_FIELDS = ("id", "students", "submitted_at", "sha256", "attempt")
TEST_FIELDS = ("id", "name", "rubric", "status", "score", "max_score", "visibility", "tags")
OPEN_FIELDS = ("message", "expected", "actual", "diff", "traceback", "output", "output_format")
# Written by the course, without values of a run.
ADVICE_FIELDS = ("hint", "diagnosis")
PERFORMANCE_FIELDS = (
    "metric", "unit", "better", "estimator", "value", "thresholds", "pairs", "decision",
)  # fmt: skip
CATEGORIES = {
    "passed": "",
    "partial": "It is right, and slower than full points ask for.",
    "failed": "A result is not what this check asks for.",
    "timeout": "Your code did not answer in time.",
    "memory": "Your code used more memory than this stage allows.",
    "crashed": "The process that ran your code ended in the middle of a call.",
    "skipped": "A check on which this one builds did not pass.",
    "error": "The grader could not judge this; it costs you nothing and will be graded again.",
    "not_run": "The grader did not come to this; it costs you nothing and will be graded again.",
    "inconclusive": "The machine was too busy to time this fairly; it will be timed again.",
    "not_assessed": "This machine cannot judge this; the points are left out.",
}


def learner_view(report: Mapping[str, Any]) -> dict[str, Any]:
    """The learner's view of an instructor's `report`, not yet signed."""
    view = {name: report[name] for name in REPORT_FIELDS if name in report}
    view["view"] = "learner"
    view["submission"] = {
        name: report["submission"][name]
        for name in SUBMISSION_FIELDS
        if name in report["submission"]
    }
    view["grader"] = dict(report["grader"])
    # The schema asks for a seed; the real one would let hidden inputs be drawn again.
    view["run"] = {"id": report["run"]["id"], "reason": report["run"]["reason"], "seed": 0}
    view["tests"] = [_test(test) for test in report["tests"]]
    return view


def _test(test: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: test[name] for name in TEST_FIELDS if name in test}
    status = test["status"]
    if test["visibility"] == "visible":
        shown |= {name: test[name] for name in OPEN_FIELDS if name in test}
    elif CATEGORIES[status]:
        shown["message"] = CATEGORIES[status]
    if status not in ("passed", "error", "not_run"):
        shown |= {name: test[name] for name in ADVICE_FIELDS if name in test}
    performance = test.get("performance")
    if performance is not None:
        shown["performance"] = {name: performance[name] for name in PERFORMANCE_FIELDS}
        if "value" in shown["performance"]:
            shown["performance"]["value"] = round(shown["performance"]["value"], 2)
    return shown
