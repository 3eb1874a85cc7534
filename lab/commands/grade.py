"""Grade a folder of submissions: one folder a learner, or bundles that `lab submit` wrote.

DIR gets LEARNER/STAGE.json (the full report), LEARNER/STAGE.learner.json (what the learner may see),
gradebook.csv and the ledger. Interrupted? The same command with --resume goes on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assignments import catalog

from .arguments import add_json, add_stage, print_json, style

if TYPE_CHECKING:
    from grader.batch import Batch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_stage(parser)
    parser.add_argument("submissions", metavar="SUBMISSIONS", type=Path)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True)
    add_work(parser)
    parser.add_argument("--resume", action="store_true", help="go on where the ledger in DIR says")
    add_json(parser)


def add_work(parser: argparse.ArgumentParser) -> None:
    """The options of every command that grades many submissions."""
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="submissions at a time")
    parser.add_argument("--seed", metavar="S", type=int, help="one seed for all (else drawn)")


def run(args: argparse.Namespace) -> int:
    from grader import batch

    stage = catalog.stage(args.stage)
    teller = Teller()
    done = batch.grade(
        stage,
        args.submissions,
        args.out,
        jobs=args.jobs,
        seed=args.seed,
        resume=args.resume,
        emit=teller.hear,
    )
    teller.end()
    return tell(done, args.out, as_json=args.json)


def tell(done: Batch, out: Path, *, as_json: bool) -> int:
    """Say what came of a batch; the exit status."""
    if as_json:
        print_json(
            {
                "graded": done.graded,
                "already_graded": done.already,
                "problems": done.problems,
                "gradebook": str(out / "gradebook.csv"),
            }
        )
    else:
        before = f" ({done.already} were done before)" if done.already else ""
        print(f"Graded {len(done.graded)}{before}. Gradebook: {out / 'gradebook.csv'}")
    for problem in done.problems:
        print(f"lab: {problem}", file=sys.stderr)
    if done.problems:
        print("lab: --resume tries again what is still owed.", file=sys.stderr)
    return 3 if done.problems else 0


class Teller:
    """One line a graded submission on standard error; on a terminal, the count stays in place."""

    def __init__(self) -> None:
        self._live = style(errors=True).colour
        self._judged = 0

    def hear(self, event: dict[str, Any]) -> None:
        if event["event"] != "submission":
            return
        if event["what"] == "judged":
            self._judged += 1
            if self._live:
                sys.stderr.write(f"\r\x1b[Kcorrectness: {self._judged} judged")
                sys.stderr.flush()
            return
        clear = "\r\x1b[K" if self._live else ""
        print(
            f"{clear}[{event['done']}/{event['of']}] {event['learner']}: "
            f"{event['score']:g} of {event['max_score']:g}"
            + ("" if event["status"] == "graded" else f" ({event['status'].replace('_', ' ')})"),
            file=sys.stderr,
            flush=True,
        )

    def end(self) -> None:
        """Take a count that stands alone away."""
        if self._live:
            sys.stderr.write("\r\x1b[K")
