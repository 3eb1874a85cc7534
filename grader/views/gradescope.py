"""A report as Gradescope's results.json: what it knows one to one, the rest in `extra_data`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .learner import learner_view


def results(report: Mapping[str, Any]) -> dict[str, Any]:
    """results.json for an instructor's report.

    Texts come from the learner's view. A run that the grader owes a verdict carries no score, so
    that Gradescope keeps what it had.
    """
    view = learner_view(report)
    found: dict[str, Any] = {
        "output": view.get("output", ""),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_test(test) for test in view["tests"]],
        "extra_data": {
            "schema": view["schema"],
            "report_id": view["report_id"],
            "status": view["status"],
            "authority": view["authority"],
            "isolation": view["isolation"],
        },
    }
    if view["status"] != "infrastructure_error":
        found["score"] = view["score"]
    return found


def _test(test: Mapping[str, Any]) -> dict[str, Any]:
    said = [test.get(name, "") for name in ("message", "diagnosis", "hint")]
    return {
        "name": test["name"],
        "number": test["id"],
        "score": test["score"],
        "max_score": test["max_score"],
        "status": "passed" if test["status"] == "passed" else "failed",
        "output": "\n".join(part for part in said if part),
        "output_format": "text",
        "tags": list(test.get("tags", ())),
        "visibility": "visible",
        "extra_data": {"status": test["status"], "rubric": test.get("rubric", "")},
    }
