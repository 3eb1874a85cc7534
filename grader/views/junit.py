"""A report as JUnit XML, for tools that read nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from .learner import learner_view

FAULTS = {"error": "error", "not_run": "error", "skipped": "skipped", "not_assessed": "skipped"}


def junit(report: Mapping[str, Any]) -> str:
    """The XML text of the learner's view of a report."""
    view = learner_view(report)
    suite = ElementTree.Element(
        "testsuite",
        name=view["assignment"]["id"],
        tests=str(len(view["tests"])),
        failures=str(sum(FAULTS.get(t["status"], "failure") == "failure" and t["status"] != "passed"
                         for t in view["tests"])),
    )  # fmt: skip
    for test in view["tests"]:
        case = ElementTree.SubElement(
            suite, "testcase", name=test["name"], classname=test["rubric"]
        )
        if test["status"] != "passed":
            kind = FAULTS.get(test["status"], "failure")
            said = " ".join(
                filter(None, (test.get("message"), test.get("diagnosis"), test.get("hint")))
            )
            ElementTree.SubElement(case, kind, message=said)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode") + "\n"
