"""From a submission to a grade: the hidden suite, the report, its signature, the ledger.

`judge` is what a batch does to one submission; `self_grade` is what a learner's own submission does
on the learner's own machine, signed with the learner's own key and worth what that is worth.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assignments.catalog import Stage

from . import events, keys, signing, views
from .ingest import ingest
from .ledger import Ledger
from .outcome import Status, SuiteRun
from .report import build_report, validate
from .runner import PHASES, run_suite
from .spares import Spares
from .submission import Submission


@dataclass(frozen=True, slots=True)
class Graded:
    """A graded attempt: the signed report, the learner's view of it, and where both lie."""

    attempt: int
    report: Mapping[str, Any]
    view: Mapping[str, Any]
    report_path: Path
    view_path: Path


def judge(
    stage: Stage,
    source: bytes,
    *,
    seed: int | None = None,
    phases: Collection[str] = PHASES,
    earlier: Mapping[str, Status] | None = None,
    emit: events.Emit = events.ignore,
    run: str | None = None,
    spares: Spares | None = None,
) -> SuiteRun:
    """Judge the bytes of a learner's file by the hidden suite of `stage`."""
    return run_suite(
        stage,
        source,
        "hidden",
        seed=seed,
        phases=phases,
        earlier=earlier,
        emit=emit,
        run=run,
        spares=spares,
    )
