"""A hint for a public check: each call gives the next level, up to three.

Without a check, the one that failed last time, in the order to build.
"""

from __future__ import annotations

import argparse

from assignments import catalog
from assignments.catalog import Stage
from grader.errors import UsageError

from .. import hints
from ..progress import Progress
from ..workspace import require
from .arguments import add_json, add_stage, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_stage(parser)
    parser.add_argument("check", metavar="CHECK", nargs="?", help="a public check's id")
    parser.add_argument("--level", type=int, choices=(1, 2, 3), help="this level, not the next one")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    stage = catalog.stage(args.stage)
    progress = Progress(require())
    check_id = args.check or _first_open(stage, progress)
    level = args.level or min(progress.hint_level(stage, check_id) + 1, hints.LEVELS)
    text = hints.hint(stage, check_id, level)
    progress.take_hint(stage, check_id, level)
    if args.json:
        print_json({"stage": stage.id, "check": check_id, "level": level, "hint": text})
        return 0
    print(f"{stage.check(check_id).title}\nHint {level} of {hints.LEVELS}: {text}")
    return 0


def _first_open(stage: Stage, progress: Progress) -> str:
    statuses = progress.statuses(stage)
    for check in stage.public:
        if statuses.get(check.id) != "passed":
            return check.id
    raise UsageError(
        f"every public check of {stage.id} passed; name one to see its hint: `lab hint {stage.id} "
        f"{stage.public[0].id}`."
    )
