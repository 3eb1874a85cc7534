"""The only reader of pytest-json-report: its report in, our outcomes out, in the manifest's order.

The grader holds the list of the checks it expects. Whatever pytest says besides (exit status,
counts, tests nobody expected) decides nothing; a check that is missing from the report is `not_run`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .outcome import Outcome, Status

METADATA_KEY = "outcome"  # under which `plugin.py` files the outcome of a check


def outcomes(report: Mapping[str, Any], expected: Sequence[str]) -> tuple[Outcome, ...]:
    """One outcome for each expected check id; the ones that pytest did not run are `not_run`."""
    found = {
        entry[METADATA_KEY]["id"]: Outcome.from_json(entry[METADATA_KEY])
        for test in report.get("tests", ())
        if METADATA_KEY in (entry := test.get("metadata", {}))
    }
    return tuple(found.get(check_id) or not_run(check_id, report) for check_id in expected)


def not_run(check_id: str, report: Mapping[str, Any]) -> Outcome:
    """The outcome of an expected check that pytest does not report."""
    reason = f"this check was not run (pytest ended with status {report.get('exitcode', 'none')})"
    return Outcome(check_id, Status.NOT_RUN, reason=reason)
