"""How fast your file is, against the course's own solution; or what this machine can do at best.

`lab bench STAGE` takes the timed checks of a stage alone: what a submission will be timed by, with
inputs drawn anew. `lab bench --machine` measures the roofs of this machine (multiply-adds and bytes a
second) and where kernels of ours stand under them. `lab bench tiling --tiles` shows how fast your
products are by the size of the tile, under that roof and beside OpenBLAS. `lab bench gpu --structure`
shows what the compiler makes of your kernels; that needs no GPU.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from assignments.catalog import Stage
from grader.errors import UsageError

from .. import render
from .arguments import add_file, add_json, add_stage, file_of, print_json, stage_of, style

if TYPE_CHECKING:
    from grader.outcome import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_stage(parser, optional=True)
    add_file(parser)
    parser.add_argument("--machine", action="store_true", help="the roofline of this machine")
    parser.add_argument("--tiles", action="store_true", help="your products by tile (stage tiling)")
    parser.add_argument("--structure", action="store_true", help="kernels as compiled for a GPU")
    parser.add_argument(
        "--arch", default="sm_90", metavar="A", help="for --structure: sm_80, sm_90"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    if args.machine:
        return _machine(as_json=args.json)
    stage = stage_of(args.stage, args.file)
    if args.tiles:
        return _tiles(stage, args)
    if args.structure:
        return _structure(stage, args)
    if not stage.timings:
        raise UsageError(f"nothing in stage {stage.id} is timed.")
    return _stage(stage, args)


def _stage(stage: Stage, args: argparse.Namespace) -> int:
    from grader.grading import judge
    from grader.outcome import Status
    from grader.suites import installed

    if not installed(stage):
        raise UsageError(
            f"there is no solution of {stage.id} here to time against: your course's `lab grade` "
            "does it, or a checkout of the lab."
        )
    file, _ = file_of(stage, args.file)
    # Every timed output is checked while it is timed, so nothing need have passed before.
    earlier = {check.id: Status.PASSED for check in stage.hidden}
    timed = {timing.check for timing in stage.timings}
    judged = judge(stage, file.read_bytes(), phases=("performance",), earlier=earlier)
    outcomes = [outcome for outcome in judged.outcomes if outcome.id in timed]
    if args.json:
        print_json({"stage": stage.id, "timings": [_plain(outcome) for outcome in outcomes]})
    else:
        look = style()
        titles = {check.id: check.title for check in stage.hidden}
        for outcome in outcomes:
            for line in render.timed(titles[outcome.id], outcome.to_json(), look):
                print(line)
    return 0 if all(outcome.status is Status.PASSED for outcome in outcomes) else 1


def _plain(outcome: Outcome) -> dict[str, Any]:
    """What a script wants to know of one timing."""
    performance = dict(outcome.performance or {})
    performance.pop("samples", None)
    said = {"check": outcome.id, "status": str(outcome.status), "performance": performance}
    return said if performance else {**said, "message": outcome.message or outcome.reason}


def _tiles(stage: Stage, args: argparse.Namespace) -> int:
    # Before NumPy is loaded: what is compared runs on one thread.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from kernels import machine

    from .. import tiles

    if tiles.SWEPT not in {export.name for export in stage.exports}:
        raise UsageError(f"--tiles is for stage tiling; {stage.id} has no {tiles.SWEPT}.")
    file, _ = file_of(stage, args.file)
    found = tiles.measure(stage, file.read_bytes())
    roof = machine.peak_gflops("f4")
    if args.json:
        print_json(tiles.document(found, roof))
    else:
        print("\n".join(tiles.drawn(found, roof, style())))
    return 0


def _machine(*, as_json: bool) -> int:
    from kernels import machine

    from .. import roofline

    limits = machine.measure()
    points = roofline.measure_kernels()
    if as_json:
        print_json(roofline.document(limits, points))
        return 0
    for line in roofline.drawn(limits, points, style()):
        print(line)
    return 0


def _structure(stage: Stage, args: argparse.Namespace) -> int:
    from grader.structure import structures

    from .. import gpu_structure

    file, _ = file_of(stage, args.file)
    source = file.read_bytes()
    found = structures(stage, source, args.arch)
    if args.json:
        print_json(gpu_structure.document(stage.id, found))
        return 0
    for line in gpu_structure.drawn(found, source.decode(errors="replace"), style()):
        print(line, flush=True)  # a kernel takes seconds
    return 0
