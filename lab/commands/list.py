"""The stages, and how far you are in each."""

from __future__ import annotations

import argparse

from assignments import catalog

from ..progress import Progress, StageProgress
from ..workspace import find, remembered
from .arguments import add_json, print_json, style


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    workspace = find() or remembered()
    stages = (
        Progress(workspace).stages()
        if workspace
        else [StageProgress(stage) for stage in catalog.load()]
    )
    if args.json:
        print_json([_document(one) for one in stages])
        return 0
    marks = style(workspace)
    for one in stages:
        status = {"complete": "passed", "submitted": "partial"}.get(one.state, "skipped")
        stage = one.stage
        print(
            f"{marks.mark(status)} {stage.number:02d} {stage.id:<10} {stage.title:<30}{_where(one)}"
        )
    if workspace is None:
        print("\n`lab init` makes a workspace to solve them in.")
    return 0


def _where(one: StageProgress) -> str:
    if one.score is not None:
        return f"best {one.score:g} of {one.max_score:g}, attempts: {one.attempts}"
    total, hidden = len(one.stage.public), len(one.stage.hidden)
    if one.passed is None:
        return f"{total} public checks, {hidden} hidden"
    return f"{one.passed}/{total} public checks; {hidden} hidden checks decide the rest"


def _document(one: StageProgress) -> dict[str, object]:
    stage = one.stage
    return {
        "id": stage.id,
        "number": stage.number,
        "title": stage.title,
        "summary": stage.summary,
        "state": one.state,
        "public_checks": len(stage.public),
        "public_passed": one.passed,
        "hidden_checks": len(stage.hidden),
        "attempts": one.attempts,
        "score": one.score,
        "max_score": one.max_score,
    }
