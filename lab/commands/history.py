"""Your attempts and their scores, oldest first."""

from __future__ import annotations

import argparse

from assignments import catalog

from .. import attempts
from ..render import points
from ..workspace import require
from .arguments import add_json, add_stage, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_stage(parser, optional=True)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    stage = catalog.stage(args.stage) if args.stage else None
    runs = attempts.history(require(), stage)
    if args.json:
        names = ("stage", "attempt", "created_at", "score", "max_score", "status")
        print_json([{name: getattr(run, name) for name in names} for run in runs])
        return 0
    if not runs:
        of = f" at {stage.id}" if stage else ""
        print(f"No attempts{of} yet: `lab submit {stage.id if stage else 'STAGE'}` makes one.")
    for run in runs:
        when = (run.created_at or "").replace("T", " ").removesuffix("Z")
        print(
            f"{run.stage:<10} attempt {run.attempt:<3} {when} UTC  "
            f"{points(run.score, run.max_score, run.status)}  {(run.status or '').replace('_', ' ')}"
        )
    return 0
