"""What changed in your file since an attempt (the latest, unless one is named)."""

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
    stage = catalog.stage(args.stage)
    changed = attempts.diff(require(), stage, args.attempt)
    print("\n".join(changed) if changed else f"{stage.file_name} is as it was then.")
    return 0
