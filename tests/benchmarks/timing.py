"""The verdict about speed on a noisy machine: how often it is wrong, and how far figures scatter.

    python -m tests.benchmarks.timing [REPETITIONS]

Two workers do the same work, the learner's a known share of the solution's, while three processes
keep the other processors busy. Ratio 0.80 must never miss a tier at 0.90, ratio 1.00 never reach it.
A product of stage 08 is judged against itself in processes that are fresh each time: what they were
given of the memory must cost nobody points.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import numpy as np

from assignments import catalog
from assignments.catalog import Tier, Timing
from grader.check import check_array
from grader.desk import environment_of
from grader.grading import judge
from grader.outcome import Status
from grader.solutions import solution_source
from grader.spares import Spares, start_worker
from grader.student import Student
from grader.timing.bench import Bench
from grader.timing.decision import AA_BAND, Decision

from .rows import Row, quartiles, row, table

REPETITIONS = 200
NOISE = 3
ROUNDS = 100  # of the solution; the learner's worker does a share of them
SIDE = 48
TIER = 0.90
CV_BAR = 0.025
PLACED = 20  # submissions whose placement in memory is seen
PLACED_CHECK = "tiled_large_speed"
STAGE = catalog.stage("softmax")
TIMING = Timing(check="epoch_speed", export="work", tiers=(Tier(TIER, 1.0),), pairs=15, floor=0.2)
# Each round depends on the one before, and the first on what is released: nothing can be skipped.
SOURCE = """
import numpy as np

def work(bulk, theta):
    for _ in range({rounds}):
        theta = np.tanh(bulk @ theta)
    return theta
"""


@contextmanager
def noise() -> Iterator[None]:
    """Three busy processes on every processor but the one that timed workers are pinned to."""
    processors = sorted(os.sched_getaffinity(0))[:-1] or [0]
    busy = [multiprocessing.Process(target=_burn, args=(processors,)) for _ in range(NOISE)]
    for process in busy:
        process.start()
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.join()


def _burn(processors: list[int]) -> None:
    os.sched_setaffinity(0, processors)
    a = np.random.default_rng(0).normal(size=(256, 256))
    while True:
        np.sort(a, axis=0)


def decisions(share: float, count: int) -> list[Decision]:
    """Verdicts on a worker that needs `share` of the solution's time, each in two fresh boxes."""
    environment = replace(environment_of(STAGE, cpus=(max(os.sched_getaffinity(0)),)), wall_s=600.0)
    found = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        with ExitStack() as opened:
            student, baseline = (
                opened.enter_context(_closing(Student(
                    start_worker(environment), SOURCE.format(rounds=rounds).encode(), "work.py",
                    limits=STAGE.limits,
                )))
                for rounds in (round(share * ROUNDS), ROUNDS)
            )  # fmt: skip
            bench = Bench(student, baseline, TIMING, rng, lambda event: None)
            bulk = rng.normal(size=(SIDE, SIDE)) / np.sqrt(SIDE)
            found.append(
                bench.compare(
                    "work",
                    staged=(bulk,),
                    release=lambda draw: (draw.normal(size=(SIDE, SIDE)),),
                    arguments=lambda kept, released: (kept[0], released[0]),
                    check=lambda released, result, read: check_array(
                        result, (SIDE, SIDE), np.float64, what="work(bulk, theta)"
                    ),
                )
            )
    return found


@contextmanager
def _closing(student: Student) -> Iterator[Student]:
    try:
        yield student
    finally:
        student.close()


def placements(count: int) -> Row:
    """How often the solution of stage 08 misses full points against itself in other processes."""
    stage = catalog.stage("tiling")
    source = solution_source(stage)
    assert source is not None
    values, judged, missed = [], 0, 0
    for _ in range(count):
        with Spares() as spares:
            outcomes = judge(stage, source, only=(PLACED_CHECK,), spares=spares).outcomes
        found = next(one for one in outcomes if one.id == PLACED_CHECK)
        if found.performance is None or found.status is Status.INCONCLUSIVE:
            continue
        judged += 1
        missed += found.fraction < 1
        values += found.performance.get("by_process", [found.performance["value"]])
    span = f", ratios {min(values):.2f} to {max(values):.2f}" if values else ""
    return row(f"solution in other processes, {judged} judged{span}: denied", missed, "", 0)


def run(repetitions: int = REPETITIONS) -> list[Row]:
    """The figures that the protocol must reach."""
    with noise():
        fast, even = decisions(0.80, repetitions), decisions(1.00, repetitions)
    settled = [one for one in (*fast, *even) if one.decision != "inconclusive"]
    rows = [
        _count("ratio 0.80, tier 0.90: denied", [one for one in fast if one.decision == "fail"], 0),
        _count(
            "ratio 1.00, tier 0.90: granted", [one for one in even if one.decision == "pass"], 0
        ),
        _count(
            "verdicts left open by the A/A gate",
            [one for one in (*fast, *even) if one.decision == "inconclusive"],
            None,
        ),
    ]
    for name, found in (("0.80", fast), ("1.00", even)):
        values = [one.value for one in found if one.decision != "inconclusive"]
        rows.append(
            row(
                f"ratio {name}: coefficient of variation of the measured ratio",
                statistics.stdev(values) / statistics.mean(values),
                "",
                CV_BAR,
                quartiles=quartiles(values),
            )
        )
    apart = [abs(one.aa_ratio - 1) for one in settled]
    rows.append(row("A/A, largest of the verdicts given", max(apart), "", AA_BAND))
    return [*rows, placements(min(repetitions, PLACED))]


def _count(name: str, found: list[Decision], bar: float | None) -> Row:
    return row(name, len(found), "", bar)


if __name__ == "__main__":
    print(table(run(int(sys.argv[1]) if sys.argv[1:] else REPETITIONS)))
