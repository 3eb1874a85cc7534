"""For those who write stages: prove them, start one, build the learners' wheel."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from assignments import catalog

from .arguments import add_json, print_json

if TYPE_CHECKING:
    from grader.author.prove import Proof


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="solution 100, starter 0, every mutant caught")
    check.add_argument("stage", metavar="STAGE", nargs="?")
    check.add_argument(
        "--jobs", metavar="N", type=int, default=os.cpu_count() or 1,
        help="mutants judged at the same time (timed ones are always alone)",
    )  # fmt: skip
    check.add_argument(
        "--draws", metavar="N", type=int, default=0,
        help="instead: judge the solution from N new seeds, and name each that costs it a check",
    )  # fmt: skip
    add_json(check)
    new = actions.add_parser("new", help="start a stage")
    new.add_argument("slug", metavar="SLUG")
    pack = actions.add_parser("pack", help="build the learners' wheel")
    pack.add_argument(
        "--learner", action="store_true", required=True, help="without anything hidden"
    )
    pack.add_argument("--out", metavar="DIR", type=Path, default=Path("dist"))


def run(args: argparse.Namespace) -> int:
    root = Path(catalog.FOLDER).parent
    if args.action == "new":
        from grader.author.new import new_stage

        for file in new_stage(args.slug, root):
            print(file.relative_to(root))
        print(f"Next: fill them in; `lab author check {args.slug}` says what is still missing.")
        return 0
    if args.action == "pack":
        from grader.author.pack import pack_learner

        print(f"{pack_learner(root, args.out)} holds nothing hidden.")
        return 0
    return _check(args)


def _check(args: argparse.Namespace) -> int:
    from grader.author.prove import prove

    stages = [catalog.stage(args.stage)] if args.stage else list(catalog.load())
    if args.draws:
        return _draw(stages, args)
    proofs = [
        prove(stage, lambda line: print(line, file=sys.stderr), jobs=args.jobs) for stage in stages
    ]
    if args.json:
        print_json([_document(proof) for proof in proofs])
    else:
        print(_table(proofs))
        for proof in proofs:
            for problem in proof.problems:
                print(f"lab: {problem}", file=sys.stderr)
    return 1 if any(proof.problems for proof in proofs) else 0


def _draw(stages: list[catalog.Stage], args: argparse.Namespace) -> int:
    from grader.author.draws import unlucky

    found = {
        stage.id: unlucky(
            stage, args.draws, jobs=args.jobs, say=lambda line: print(line, file=sys.stderr)
        )
        for stage in stages
    }
    if args.json:
        print_json({name: [asdict(one) for one in bad] for name, bad in found.items()})
    else:
        width = max(len(name) for name in found)
        for name, bad in found.items():
            lost = len({one.seed for one in bad})
            print(f"{name:{width}}  {args.draws - lost} of {args.draws} seeds pass whole")
    return 1 if any(found.values()) else 0


def _table(proofs: list[Proof]) -> str:
    head = (
        "stage",
        "public",
        "hidden",
        "mutants",
        "killed by",
        "solution",
        "starter",
        "public s",
        "hidden s",
        "",
    )
    rows = [
        (
            p.stage, str(p.public), str(p.hidden), str(p.mutants), f"{p.killed}/{p.hidden}",
            f"{p.solution_score:g}", f"{p.starter_score:g}", f"{p.public_s:.2f}", f"{p.hidden_s:.2f}",
            _standing(p),
        )
        for p in proofs
    ]  # fmt: skip
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    )


def _standing(proof: Proof) -> str:
    if proof.problems:
        return f"{len(proof.problems)} problem{'s' * (len(proof.problems) > 1)}"
    left = len(proof.not_assessed)
    return f"stands; {left} timed check{'s' * (left > 1)} left open" if left else "stands"


def _document(proof: Proof) -> dict[str, object]:
    return asdict(proof)
