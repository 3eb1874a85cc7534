"""Bring back a stage's starter; asks first, and what is there now is kept as a backup."""

from __future__ import annotations

import argparse
import sys

from assignments import catalog
from grader.errors import UsageError

from .. import attempts
from ..workspace import require
from .arguments import add_stage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_stage(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    stage, workspace = catalog.stage(args.stage), require()
    file = workspace.relative(workspace.file(stage))
    if not args.yes:
        if not sys.stdin.isatty():
            raise UsageError(f"reset replaces {file} by the starter: say --yes if you mean it.")
        print(f"Replace {file} by the starter? A backup is kept. [y/N] ", end="", flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print("Nothing was changed.")
            return 1
    backup = attempts.reset(workspace, stage)
    print(f"{file} is the starter again.")
    if backup is not None:
        print(f"What was there is kept: {workspace.relative(backup)}")
    return 0
