"""Run a script of yours in the box that the checks use: same Python, same packages, same limits.

The .py files beside it can be imported. What it prints is shown; what it writes is gone with the box.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from grader.errors import UsageError

from .arguments import stage_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument(
        "--stage", metavar="STAGE", help="whose packages and limits (else: by folder)"
    )


def run(args: argparse.Namespace) -> int:
    from assignments import catalog
    from grader.scripts import run_script

    if not args.file.is_file():
        raise UsageError(f"there is no file {args.file}.")
    folder = args.file.resolve().parent.name
    known = {stage.folder.name: stage for stage in catalog.load()}
    stage = known.get(folder) if args.stage is None else stage_of(args.stage)
    if stage is None:
        stage = catalog.load()[0]
    ended = run_script(stage, args.file, lambda text: print(text, end="", flush=True))
    if ended.why:
        print(f"lab: {ended.why}", file=sys.stderr)
    return 0 if ended.ok else 1
