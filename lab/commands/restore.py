"""Bring back your file as it was at an attempt; what is there now is kept as a backup."""

from __future__ import annotations

import argparse

from assignments import catalog

from .. import attempts
from ..workspace import require
from .arguments import add_stage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_stage(parser)
    parser.add_argument("attempt", metavar="ATTEMPT", nargs="?", type=int)


def run(args: argparse.Namespace) -> int:
    stage, workspace = catalog.stage(args.stage), require()
    restored, backup = attempts.restore(workspace, stage, args.attempt)
    file = workspace.relative(workspace.file(stage))
    print(f"{file} is as it was at attempt {restored.attempt} ({restored.score:g} points).")
    if backup is not None:
        print(f"What was there is kept: {workspace.relative(backup)}")
    return 0
