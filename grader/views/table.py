"""The gradebook: one row a learner, CSV that a spreadsheet opens without surprises."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from assignments.catalog import RUBRICS

COLUMNS = (
    "learner", "stage", *RUBRICS, "score", "max_score", "percent", "status", "authority", "isolation",
    "attempt", "sha256", "note",
)  # fmt: skip
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def row(report: Mapping[str, Any]) -> dict[str, Any]:
    """The row of one instructor's report."""
    rubric = {line["id"]: line["score"] for line in report.get("rubric", ())}
    note = report.get("output", "") if report["status"] == "ungradable" else ""
    return {
        "learner": report["submission"]["students"][0],
        "stage": report["assignment"]["id"],
        **{name: rubric.get(name, "") for name in RUBRICS},
        "score": report["score"],
        "max_score": report["max_score"],
        "percent": report.get("score_percent", ""),
        "status": report["status"],
        "authority": report["authority"],
        "isolation": report["isolation"],
        "attempt": report["submission"].get("attempt", 1),
        "sha256": report["submission"]["sha256"][:16],
        "note": note,
    }


def gradebook(reports: Iterable[Mapping[str, Any]]) -> str:
    """The CSV text for many reports, by learner."""
    rows = sorted(
        (row(report) for report in reports), key=lambda entry: (entry["learner"], entry["stage"])
    )
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for entry in rows:
        writer.writerow({name: cell(value) for name, value in entry.items()})
    return file.getvalue()


def cell(value: Any) -> Any:
    """`value`, but a text that a spreadsheet would take for a formula becomes a text."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value
