"""Grade your file by the hidden checks, here, and keep the attempt.

The report is signed with your own key and says that it is self-graded: it helps you, and is evidence
for nobody else. Where the hidden checks are not installed, a bundle to hand in is written instead.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from assignments.catalog import Stage

from .. import render
from ..workspace import Workspace, require
from .arguments import add_file, add_json, add_stage, file_of, print_json, stage_of, style


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_stage(parser)
    add_file(parser)
    parser.add_argument("--bundle", action="store_true", help="write a bundle to hand in instead")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from grader.suites import installed

    stage = stage_of(args.stage)
    file, _ = file_of(stage, args.file)
    workspace = require()
    if args.bundle or not installed(stage):
        return _bundle(stage, file, workspace, as_json=args.json)
    return _graded(stage, file, workspace, as_json=args.json)


def _graded(stage: Stage, file: Path, workspace: Workspace, *, as_json: bool) -> int:
    from grader.grading import self_grade

    told = Progress(stage)
    graded = self_grade(
        stage,
        file,
        ledger_path=workspace.ledger,
        reports=workspace.reports,
        learner=workspace.learner.get("id") or workspace.learner.get("name") or "me",
        claims=workspace.learner,
        emit=told.hear,
        beside=workspace.beside(stage),
    )
    told.end()
    if as_json:
        print_json(graded.view)
    else:
        print(f"{stage.title}, attempt {graded.attempt}")
        print("\n".join(render.graded(graded.view, style(workspace))))
        print(f"\nReport: {workspace.relative(graded.path)}")
    if graded.view["status"] == "infrastructure_error":
        return 3
    return 0 if graded.view["score"] >= graded.view["max_score"] else 1


def _bundle(stage: Stage, file: Path, workspace: Workspace, *, as_json: bool) -> int:
    from dataclasses import replace

    from grader import bundle, ingest

    submission = replace(
        ingest.ingest(file, stage, learner="me", beside=workspace.beside(stage)),
        claims=workspace.learner,
    )
    place = workspace.store / "bundles" / f"{stage.id}-{submission.sha256[:8]}{bundle.SUFFIX}"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(bundle.write(submission))
    if as_json:
        print_json({"bundle": str(place), "sha256": submission.sha256})
    else:
        print(f"Hand in this file: {place}")
        files = "your files of all stages" if len(submission.files) > 1 else "your file"
        print(f"It holds {files} and the name in lab.toml, nothing else.")
    return 0


class Progress:
    """A line that counts the hidden checks, on a terminal only."""

    def __init__(self, stage: Stage) -> None:
        self._style = style(errors=True)
        self._total, self._done = len(stage.hidden), 0
        self._shown = False

    def hear(self, event: dict[str, Any]) -> None:
        if not self._style.colour:
            return
        if event["event"] == "check_finished":
            self._done += 1
        if event["event"] == "sample":
            self._say(f"timing: pair {event.get('pair', 0)} of {event.get('of', 0)}")
        elif event["event"] == "check_finished":
            self._say(f"{self._done} of {self._total} hidden checks")

    def _say(self, text: str) -> None:
        import sys

        self._shown = True
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            self._say("")
