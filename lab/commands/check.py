"""Run the public checks of a stage over your file, in the order to build.

Exit status: 0 all passed, 1 some did not, 2 bad input, 3 the checks could not be run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from assignments.catalog import Stage
from grader.errors import UsageError

from .. import render
from ..progress import Progress
from ..workspace import Workspace
from .arguments import add_file, add_json, add_stage, file_of, print_json, stage_of, style


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_stage(parser, optional=True)
    add_file(parser)
    parser.add_argument("--only", metavar="CHECK", action="append", help="this check (repeatable)")
    parser.add_argument("--watch", action="store_true", help="again at every save, until ctrl+c")
    parser.add_argument("--repro", metavar="CHECK", help="write a script that repeats its calls")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    stage = stage_of(args.stage, args.file)
    file, workspace = file_of(stage, args.file)
    only = _known(stage, args.only or ([args.repro] if args.repro else None))
    if args.watch and (args.json or args.repro):
        raise UsageError("--watch prints for people: leave --json and --repro away.")
    if args.repro:
        return _repro(stage, file, args.repro)
    if args.watch:
        return _watch(stage, file, workspace, only)
    return Round(stage, file, workspace, only, as_json=args.json).do()


class Round:
    """One run of the public checks, told on the terminal or as a document."""

    def __init__(
        self,
        stage: Stage,
        file: Path,
        workspace: Workspace | None,
        only: list[str] | None,
        *,
        as_json: bool = False,
        spares: Any = None,
    ) -> None:
        self._stage, self._file, self._workspace, self._only = stage, file, workspace, only
        self._json, self._spares = as_json, spares
        self._style = style(workspace)
        self._titles = {check.id: check.title for check in stage.public}
        self._found: list[dict[str, Any]] = []

    def do(self) -> int:
        from grader.runner import run_suite

        ran = run_suite(
            self._stage,
            self._file.read_bytes(),
            "public",
            only=self._only,
            emit=self._hear,
            spares=self._spares,
        )
        statuses = {outcome.id: str(outcome.status) for outcome in ran.outcomes}
        if self._workspace is not None:
            Progress(self._workspace).keep_checks(self._stage, statuses)
        passed = sum(status == "passed" for status in statuses.values())
        if self._json:
            print_json(
                {
                    "stage": self._stage.id,
                    "file": str(self._file),
                    "isolation": ran.isolation.level,
                    "missing": list(ran.isolation.missing),
                    "seed": ran.seed,
                    "passed": passed,
                    "total": len(statuses),
                    "hidden_checks": len(self._stage.hidden),
                    "duration_s": round(ran.duration_s, 3),
                    "checks": [outcome.to_json() for outcome in ran.outcomes],
                }
            )
        else:
            self._summary(passed, len(statuses))
        if any(status in ("error", "not_run") for status in statuses.values()):
            return 3
        return 0 if passed == len(statuses) else 1

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == "check_finished":
            self._found.append(event)
            if not self._json:
                print(render.check_line(self._titles[event["id"]], event, self._style), flush=True)

    def _summary(self, passed: int, total: int) -> None:
        stage = self._stage
        order = {check_id: place for place, check_id in enumerate(self._titles)}
        failures = sorted(
            (event for event in self._found if event["status"] != "passed"),
            key=lambda event: order[event["id"]],
        )
        if failures:
            first = failures[0]
            print()
            print("\n".join(render.failure(self._titles[first["id"]], first, self._style)))
        rest = f"{len(stage.hidden)} hidden checks decide the rest"
        print(f"\n{passed}/{total} public checks; {rest}.")
        if failures:
            print(f"A hint: lab hint {stage.id} {failures[0]['id']}")
        elif self._only is None:
            print(f"Next: lab submit {stage.id}")


def _watch(stage: Stage, file: Path, workspace: Workspace | None, only: list[str] | None) -> int:
    from watchfiles import watch

    from grader.desk import environment_of
    from grader.spares import Spares

    with Spares() as spares:
        try:
            _round(stage, file, workspace, only, spares)
            for changes in watch(file.parent, step=20, debounce=200, raise_interrupt=False):
                if any(Path(path).name == file.name for _, path in changes) and file.is_file():
                    print(f"\n{'-' * 40}")
                    _round(stage, file, workspace, only, spares)
                    spares.warm(environment_of(stage, suite="public"))
        except KeyboardInterrupt:
            pass
    return 0


def _round(
    stage: Stage, file: Path, workspace: Workspace | None, only: list[str] | None, spares: Any
) -> None:
    Round(stage, file, workspace, only, spares=spares).do()
    print("Watching; ctrl+c ends it.", file=sys.stderr)


def _repro(stage: Stage, file: Path, check_id: str) -> int:
    from ..repro import write_repro

    script, calls = write_repro(stage, file, check_id)
    if script is None:
        print(f"{check_id} ended before it called anything of yours: look at what it says.")
        return Round(stage, file, None, [check_id]).do()
    print(f"{script} repeats the {calls} call{'s' * (calls != 1)} of {check_id}.")
    print(f"Run it in the box with `lab run {script}`, or with any Python and debugger.")
    return 0


def _known(stage: Stage, only: list[str] | None) -> list[str] | None:
    known = [check.id for check in stage.public]
    for check_id in only or ():
        if check_id not in known:
            raise UsageError(
                f"{stage.id} has no public check {check_id!r}; it has {', '.join(known)}."
            )
    return only
