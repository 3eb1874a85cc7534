"""Grade again what a grading kept: each learner's latest submission, as a new run with a parent."""

from __future__ import annotations

import argparse
from pathlib import Path

from assignments import catalog

from .arguments import add_json, add_stage
from .grade import Teller, add_work, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_stage(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="of the grading")
    parser.add_argument("--learner", metavar="L", action="append", default=[], help="only this one")
    add_work(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from grader import batch

    teller = Teller()
    done = batch.regrade(
        catalog.stage(args.stage),
        args.out,
        learners=tuple(args.learner),
        jobs=args.jobs,
        seed=args.seed,
        emit=teller.hear,
    )
    teller.end()
    return tell(done, args.out, as_json=args.json)
