"""Grading at scale: fifty mixed submissions through `lab grade`, and what each came to.

    python -m tests.benchmarks.grading [--keep DIR]

Ten right ones, every mutant of the stage, and attacks that hang, crash, eat memory or forge.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assignments import catalog
from grader.mutants import mutants
from grader.solutions import solution_source
from grader.student import Student

from ..grader.adversarial.cases import cases
from .rows import Row, quartiles, row, table

STAGE = catalog.stage("softmax")
TOTAL = 50
RIGHT = 10
ATTACKS = (
    "exit_at_import", "sleeps", "fork_bomb", "memory_bomb", "output_flood", "forged_reply",
    "equal_to_everything", "patch_numpy_testing", "recursion", "segmentation_fault", "fake_summary",
    "cache_by_content",
)  # fmt: skip
PER_MINUTE = 120
OVERHEAD_S = 0.15


def make(folder: Path) -> dict[str, str]:
    """Fill `folder` with submissions; learner -> what is handed in."""
    solution = solution_source(STAGE)
    assert solution is not None
    kinds = {f"right{n:02d}": ("right", solution + f"\n# {n}\n".encode()) for n in range(RIGHT)}
    bank = mutants(STAGE, solution)
    kinds |= {f"mutant_{m.name}": (f"mutant {' '.join(m.caught_by)}", m.source) for m in bank}
    known = {case.name: case for case in cases()}
    kinds |= {
        f"attack_{n}": (f"attack {known[n].loses}", known[n].source(solution)) for n in ATTACKS
    }
    for learner, (_, source) in list(kinds.items())[:TOTAL]:
        (folder / learner).mkdir(parents=True)
        (folder / learner / STAGE.file_name).write_bytes(source)
    return {learner: kind for learner, (kind, _) in list(kinds.items())[:TOTAL]}


def misjudged(kinds: dict[str, str], out: Path) -> list[str]:
    """One sentence for each submission that did not come to what it is worth."""
    with (out / "gradebook.csv").open(newline="") as file:
        found = {line["learner"]: line for line in csv.DictReader(file)}
    wrong = []
    speed = {timing.check for timing in STAGE.timings}
    for learner, kind in kinds.items():
        line = found.get(learner)
        if line is None:
            wrong.append(f"{learner}: no row")
            continue
        score = float(line["score"])
        report = json.loads((out / learner / f"{STAGE.id}.json").read_text())
        lost = {t["number"] for t in report["tests"] if t["status"] != "passed"}
        if kind == "right" and score < 95:
            wrong.append(f"{learner}: a right one has {score:g} points, lost {lost}")
        if kind.startswith("mutant") and not set(kind.split()[1:]) <= lost:
            wrong.append(f"{learner}: not caught by {kind.split()[1:]}, lost {lost}")
        if kind.startswith("attack") and not (lost - speed or ("speed" in kind and lost & speed)):
            wrong.append(f"{learner}: an attack lost nothing")
    return wrong


def run(keep: Path | None = None) -> list[Row]:
    """Grade them, and measure."""
    with tempfile.TemporaryDirectory() as scratch:
        place = keep or Path(scratch)
        kinds = make(place / "submissions")
        environment = {**os.environ, "DLSYSLAB_HOME": str(place / "home")}
        lab = [sys.executable, "-m", "lab"]
        subprocess.run([*lab, "key", "new"], check=True, env=environment, capture_output=True)
        began = time.monotonic()
        done = subprocess.run(
            [*lab, "grade", STAGE.id, place / "submissions", "--out", place / "out", "--jobs", "2"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        took = time.monotonic() - began
        wrong = misjudged(kinds, place / "out")
    for sentence in wrong:
        print(f"  misjudged: {sentence}")
    if done.returncode:
        print(done.stderr)
    return [
        row("50 mixed submissions: misjudged", len(wrong), "", 0),
        row("50 mixed submissions: exit status", done.returncode, "", 0),
        row("50 mixed submissions, timing included", took, "s", None),
        *throughput(),
    ]


def throughput(count: int = 60) -> list[Row]:
    """Right submissions a minute on two slots, correctness only; and what judging adds to each."""
    from grader.grading import judge
    from grader.slots import Job, run_jobs
    from grader.spares import Spares

    source = solution_source(STAGE)
    assert source is not None
    jobs = [Job(str(n), STAGE.id, source, n, ("correctness",)) for n in range(count)]
    began = time.monotonic()
    run_jobs(jobs, 2, lambda job, found: None, _failed)
    per_minute = 60 * count / (time.monotonic() - began)
    beyond = []
    with Spares() as spares, _told_wire() as wire:
        for _ in range(15):
            wire.clear()
            began = time.monotonic()
            found = judge(STAGE, source, phases=("correctness",), spares=spares)
            took = time.monotonic() - began
            # A check lasts as long as its own work, the oracles', and what it waits for the worker.
            suite = sum(outcome.duration_s for outcome in found.outcomes) - sum(wire)
            learner = sum(outcome.cpu_s for outcome in found.outcomes)
            beyond.append(took - suite - learner)
    return [
        row(
            "softmax submissions a minute, two slots, correctness",
            per_minute,
            "/min",
            PER_MINUTE,
            most=False,
        ),
        row(
            "walls, wire and runner of a submission, beyond learner and suite",
            quartiles(beyond)[1],
            "s",
            OVERHEAD_S,
            quartiles=quartiles(beyond),
        ),
    ]


@contextmanager
def _told_wire() -> Iterator[list[float]]:
    """Collects how long each exchange with a worker took, in seconds."""
    taken: list[float] = []
    plain = Student.exchange

    def timed(self: Student, *args: Any, **kwargs: Any) -> Any:
        began = time.monotonic()
        try:
            return plain(self, *args, **kwargs)
        finally:
            taken.append(time.monotonic() - began)

    Student.exchange = timed  # type: ignore[method-assign]
    try:
        yield taken
    finally:
        Student.exchange = plain  # type: ignore[method-assign]


def _failed(job: object, why: str) -> None:
    raise AssertionError(why)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="leave submissions and reports there")
    print(table(run(parser.parse_args(arguments).keep)))


if __name__ == "__main__":
    main()
